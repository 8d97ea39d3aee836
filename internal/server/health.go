package server

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"
	"strconv"

	"littlehorse/internal/machine"
)

// health answers the documented paths of the health port. A path must match exactly, without query; only GET
// is served; each response ends its connection.
type health struct {
	paths map[string]http.HandlerFunc
}

// probes is what the health port asks of the server.
type probes struct {
	// dead and unready say what is wrong, or "".
	dead, unready func() string
	status        func() status
	standbys      func() map[string]standbyStore
	disk          func() (disk, error)
	metrics       http.Handler
}

type status struct {
	Host                    string        `json:"host"`
	Port                    int           `json:"port"`
	InstanceID              string        `json:"instanceId,omitempty"`
	CoreActiveTasks         []activeTask  `json:"coreActiveTasks"`
	RepartitionActiveTasks  []activeTask  `json:"repartitionActiveTasks"`
	TimerActiveTasks        []activeTask  `json:"timerActiveTasks"`
	CoreStandbyTasks        []standbyTask `json:"coreStandbyTasks"`
	RepartitionStandbyTasks []standbyTask `json:"repartitionStandbyTasks"`
	TimerStandbyTasks       []standbyTask `json:"timerStandbyTasks"`
	CoreState               string        `json:"coreState"`
	Restorations            []restoration `json:"restorations"`
}

type activeTask struct {
	Partition     int   `json:"partition"`
	ProcessingLag int64 `json:"processingLag"`
}

type standbyTask struct {
	Partition          int   `json:"partition"`
	Lag                int64 `json:"lag"`
	ChangelogEndOffset int64 `json:"changelogEndOffset"`
}

// restoration is a partition that is read from elsewhere. A server with its own log has none.
type restoration struct {
	Topic         string `json:"topic"`
	Partition     int    `json:"partition"`
	Processor     string `json:"processor"`
	TotalRestored int64  `json:"totalRestored"`
	EndOffset     int64  `json:"endOffset"`
	CurrentOffset int64  `json:"currentOffset"`
}

// disk is what the state folder takes, and what the disk has left; the first is the documented field, the others
// are ours and left out as long as the server is made.
type disk struct {
	UsageBytes   int64  `json:"diskUsageBytes"`
	FreeBytes    uint64 `json:"diskFreeBytes,omitempty"`
	ReserveBytes uint64 `json:"diskReserveBytes,omitempty"`
	Room         string `json:"diskRoom,omitempty"` // as store.Room has it
}

func newHealth(c HealthConfig, p probes) http.Handler {
	return &health{paths: map[string]http.HandlerFunc{
		c.Liveness:  check(p.dead),
		c.Readiness: check(p.unready),
		c.Status:    func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, p.status()) },
		c.Standby:   func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, p.standbys()) },
		c.DiskUse: func(w http.ResponseWriter, _ *http.Request) {
			d, err := p.disk()
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			writeJSON(w, d)
		},
		c.Metrics: p.metrics.ServeHTTP,
	}}
}

func (h *health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	serve, found := h.paths[r.URL.Path]
	switch {
	case r.Method != http.MethodGet:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case !found || r.URL.RawQuery != "" || r.URL.ForceQuery:
		w.WriteHeader(http.StatusNotFound)
	default:
		serve(w, r)
	}
}

func check(wrong func() string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		text := wrong()
		if text != "" {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(text))
			return
		}
		_, _ = w.Write([]byte("OK!"))
	}
}

func writeJSON(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b)
}

// disk asks the file system and the store.
func (s *Server) disk() (d disk, err error) {
	d.UsageBytes, err = diskUse(s.cfg.StateDir)
	if err != nil || s.state.Load() != stateRunning {
		return d, err
	}
	u, err := s.store.DiskUsage()
	room, _ := s.store.Room()
	d.FreeBytes, d.ReserveBytes, d.Room = u.FreeBytes, s.store.ReserveBytes(), room.String()
	return d, err
}

// diskUse is the size of all files below dir. Files that vanish meanwhile do not count.
func diskUse(dir string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ignoreMissing(err)
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return ignoreMissing(err)
	})
	return sum, err
}

func ignoreMissing(err error) error {
	if err == nil || isMissing(err) {
		return nil
	}
	return err
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// statusOf is the status of a server that serves these partitions and lags behind in none.
func statusOf(host string, port, instance int, partitions []int, state string) status {
	s := status{
		Host: host, Port: port, CoreState: state,
		CoreActiveTasks:         make([]activeTask, len(partitions)),
		RepartitionActiveTasks:  make([]activeTask, len(partitions)),
		TimerActiveTasks:        []activeTask{},
		CoreStandbyTasks:        []standbyTask{},
		RepartitionStandbyTasks: []standbyTask{},
		TimerStandbyTasks:       []standbyTask{},
		Restorations:            []restoration{},
	}
	if instance >= 0 {
		s.InstanceID = strconv.Itoa(instance)
	}
	for i, n := range partitions {
		s.CoreActiveTasks[i].Partition, s.RepartitionActiveTasks[i].Partition = n, n
	}
	return s
}

// servedPartitions are the partitions of run data that are served here.
func (s *Server) servedPartitions() []int {
	out := []int{}
	if s.members == nil {
		for n := range s.cfg.Partitions {
			out = append(out, n)
		}
		return out
	}
	if s.state.Load() == stateCreated || s.members.holding == nil {
		return out
	}
	for _, stream := range s.members.holding.Streams() {
		if stream.Kind == machine.Core {
			out = append(out, int(stream.Partition))
		}
	}
	return out
}
