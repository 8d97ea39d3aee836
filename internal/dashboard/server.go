package dashboard

import (
	"net/http"

	"google.golang.org/grpc/status"
)

// Server is how the server is that serves the pages.
type Server struct {
	Cluster string `json:"cluster"`
	Version string `json:"version"`
	Commit  string `json:"commit"`
	State   string `json:"state"`
	// Problem is what is broken; "" if nothing is.
	Problem    string `json:"problem,omitempty"`
	Started    string `json:"started"` // as RFC 3339 has it
	Partitions int    `json:"partitions"`
	// Log is where the log lies.
	Log string `json:"log"`

	DiskUsageBytes   int64  `json:"diskUsageBytes"`
	DiskFreeBytes    uint64 `json:"diskFreeBytes"`
	DiskReserveBytes uint64 `json:"diskReserveBytes"`
	DiskRoom         string `json:"diskRoom"`

	Listeners []ServerListener `json:"listeners"`
	// Serves are the partitions that are served there.
	Serves []ServerPartition `json:"serves"`
	// Follows are the hot copies that it keeps of partitions that others serve.
	Follows []ServerCopy `json:"follows,omitempty"`
	// Checkpoints of the partitions that it serves; nil where the log is its own.
	Checkpoints *ServerCheckpoints `json:"checkpoints,omitempty"`
	// BackedUp is the moment that the last backup stands for, as RFC 3339 has it; "" if there was none since it started.
	BackedUp string `json:"backedUp,omitempty"`

	// Members of the cluster, this server among them, and Unowned the partitions that are on their way from one to another.
	// There are none where a server has no others beside it.
	Members []ServerMember `json:"members,omitempty"`
	Unowned []int          `json:"unowned,omitempty"`
}

// ServerPartition is a partition at the server that serves it.
type ServerPartition struct {
	Number int `json:"number"`
	// Position of the last record that is applied, and Waiting how many are behind it.
	Position uint64 `json:"position"`
	Waiting  int64  `json:"waiting"`
}

// ServerCopy is a partition at a server that follows it.
type ServerCopy struct {
	Number int `json:"number"`
	// Behind is how many entries of the log it has not applied, and End where that log ends.
	Behind int64 `json:"behind"`
	End    int64 `json:"end"`
}

// ServerCheckpoints are those that a server has written since it started.
type ServerCheckpoints struct {
	Written uint64 `json:"written"`
	Bytes   uint64 `json:"bytes"`
	Failed  uint64 `json:"failed"`
	// BehindMs is how old the oldest change is that none covers.
	BehindMs int64 `json:"behindMs"`
}

// ServerMember is one of the servers of a cluster.
type ServerMember struct {
	Address  string `json:"address"` // for other servers
	Instance string `json:"instance,omitempty"`
	Rack     string `json:"rack,omitempty"`
	Version  string `json:"version"`
	Self     bool   `json:"self,omitempty"`
	// Owns are its partitions, and Metadata whether it owns the definitions.
	Owns     []int `json:"owns"`
	Metadata bool  `json:"metadata,omitempty"`
	// Told is what it says of itself; if nothing, Problem is why.
	Told    *Server `json:"told,omitempty"`
	Problem string  `json:"problem,omitempty"`
}

// ServerListener is a port of the API.
type ServerListener struct {
	Name           string `json:"name"`
	Address        string `json:"address"`
	Protocol       string `json:"protocol"`
	Authentication string `json:"authentication"`
}

// server answers POST /ui/v1/server, for whoever the listener knows.
func (h *handler) server(w http.ResponseWriter, r *http.Request) {
	v := h.posted(w, r)
	if v == nil {
		return
	}
	defer v.leave()
	if _, err := h.do(r, h.named("Whoami"), v, asJSON, func() ([]byte, error) { return []byte("{}"), nil }); err != nil {
		fail(w, status.Convert(err))
		return
	}
	writeJSON(w, http.StatusOK, h.Health(r.Context()))
}
