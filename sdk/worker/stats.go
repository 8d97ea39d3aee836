package worker

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"littlehorse/lhpb"
)

// Stats are what a worker has done for one task since it began.
type Stats struct {
	// Running is how many attempts run, or wait for their slot.
	Running int
	// Ended is how many attempts have ended, by how that was reported.
	Ended map[lhpb.TaskStatus]int64
	// Lost is how many of them no server has heard of.
	Lost int64
	// Busy is how long they took together.
	Busy time.Duration
}

// Stats are the counts of each task by its name.
func (w *Worker) Stats() map[string]Stats {
	out := map[string]Stats{}
	for name, c := range w.counters {
		c.mu.Lock()
		out[name] = Stats{Running: c.running, Ended: maps.Clone(c.reports), Lost: c.lost, Busy: c.busy}
		c.mu.Unlock()
	}
	return out
}

// HealthHandler answers with status 200 while the worker is served and with 503 while it is not, and says as JSON what Health
// says.
func (w *Worker) HealthHandler() http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		h := w.Health()
		out.Header().Set("Content-Type", "application/json")
		if !h.Healthy {
			out.WriteHeader(http.StatusServiceUnavailable)
		}
		text := ""
		if h.Err != nil {
			text = h.Err.Error()
		}
		_ = json.NewEncoder(out).Encode(struct { // who asked has gone
			Healthy bool   `json:"healthy"`
			Reason  string `json:"reason,omitempty"`
			Error   string `json:"error,omitempty"`
			Running int    `json:"running"`
		}{h.Healthy, h.Reason, text, h.Running})
	})
}

// MetricsHandler gives what the worker counts to Prometheus, in its text format: lh_worker_healthy, lh_worker_slots,
// lh_worker_tasks_running, lh_worker_tasks_total by status, lh_worker_results_lost_total, and lh_worker_task_seconds, a
// histogram of how long attempts take.
func (w *Worker) MetricsHandler() http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = out.Write([]byte(w.metrics())) // who asked has gone
	})
}

func (w *Worker) metrics() string {
	e := &exposition{}
	e.family("lh_worker_healthy", "gauge", "Whether the server is heard of, and well.")
	e.sample("lh_worker_healthy", "", map[bool]string{true: "1", false: "0"}[w.Health().Healthy])
	e.family("lh_worker_slots", "gauge", "How many attempts may run at a time.")
	e.sample("lh_worker_slots", "", strconv.Itoa(w.slots))
	stats := w.Stats()
	names := slices.Sorted(maps.Keys(stats))
	e.family("lh_worker_tasks_running", "gauge", "Attempts that run, or wait for their slot.")
	for _, name := range names {
		e.sample("lh_worker_tasks_running", label("task_def", name), strconv.Itoa(stats[name].Running))
	}
	e.family("lh_worker_tasks_total", "counter", "Attempts that have ended, by what was reported.")
	for _, name := range names {
		for _, status := range slices.Sorted(maps.Keys(stats[name].Ended)) {
			e.sample("lh_worker_tasks_total", label("task_def", name)+","+label("status", status.String()), count(stats[name].Ended[status]))
		}
	}
	e.family("lh_worker_results_lost_total", "counter", "Results that no server has taken.")
	for _, name := range names {
		e.sample("lh_worker_results_lost_total", label("task_def", name), count(stats[name].Lost))
	}
	e.family("lh_worker_task_seconds", "histogram", "How long attempts take.")
	for _, name := range names {
		w.counters[name].expose(e, label("task_def", name))
	}
	return e.String()
}

// exposition is a page in the text format of Prometheus.
type exposition struct{ strings.Builder }

func (e *exposition) family(name, kind, help string) {
	fmt.Fprintf(e, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func (e *exposition) sample(name, labels, value string) {
	if labels != "" {
		labels = "{" + labels + "}"
	}
	fmt.Fprintf(e, "%s%s %s\n", name, labels, value)
}

func label(name, value string) string { return name + "=" + strconv.Quote(value) }

func count(n int64) string { return strconv.FormatInt(n, 10) }

// bounds are those of the buckets of lh_worker_task_seconds.
var bounds = []time.Duration{
	5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
	30 * time.Second, time.Minute, 5 * time.Minute,
}

// counter counts the attempts of one task.
type counter struct {
	mu      sync.Mutex
	running int
	reports map[lhpb.TaskStatus]int64
	lost    int64
	busy    time.Duration
	buckets []int64 // by bounds, and those beyond
}

func newCounter() *counter {
	return &counter{reports: map[lhpb.TaskStatus]int64{}, buckets: make([]int64, len(bounds)+1)}
}

func (c *counter) arrived() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running++
}

func (c *counter) ended(status lhpb.TaskStatus, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
	c.reports[status]++
	c.busy += took
	bucket, _ := slices.BinarySearch(bounds, took)
	c.buckets[bucket]++
}

func (c *counter) lose() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost++
}

func (c *counter) expose(e *exposition, labels string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var sum int64
	for i, n := range c.buckets {
		sum += n
		le := "+Inf"
		if i < len(bounds) {
			le = seconds(bounds[i])
		}
		e.sample("lh_worker_task_seconds_bucket", labels+","+label("le", le), count(sum))
	}
	e.sample("lh_worker_task_seconds_sum", labels, seconds(c.busy))
	e.sample("lh_worker_task_seconds_count", labels, count(sum))
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'g', -1, 64) }
