package bench

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// histogramShards lets callers record without waiting for one another.
	histogramShards = 8
	// longest is the greatest latency told apart; longer ones count as this.
	longest = 5 * time.Minute
	// digits is the precision of histograms, in decimal digits.
	digits = 3
)

// histogram collects latencies from many goroutines.
type histogram struct {
	shards [histogramShards]struct {
		mu sync.Mutex
		h  *hdrhistogram.Histogram // µs
	}
}

func newHistogram() *histogram {
	h := &histogram{}
	for i := range h.shards {
		h.shards[i].h = hdrhistogram.New(1, longest.Microseconds(), digits)
	}
	return h
}

func (h *histogram) record(who int, d time.Duration) {
	s := &h.shards[who%histogramShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.h.RecordValue(min(max(d, time.Microsecond), longest).Microseconds()) // inside the bounds by min and max
}

// latency is a histogram in the output, in ms.
type latency struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p99.9"`
	Max   float64 `json:"max"`
}

func (h *histogram) latency() latency {
	all := hdrhistogram.New(1, longest.Microseconds(), digits)
	for i := range h.shards {
		s := &h.shards[i]
		s.mu.Lock()
		all.Merge(s.h)
		s.mu.Unlock()
	}
	ms := func(us float64) float64 { return round(us/1000, 3) }
	at := func(quantile float64) float64 { return ms(float64(all.ValueAtQuantile(quantile))) }
	return latency{
		Count: all.TotalCount(), Mean: ms(all.Mean()),
		P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: ms(float64(all.Max())),
	}
}

// recorder keeps what happened inside the measured window. An operation belongs to the window when it was due in it, and
// is waited for however long it takes; throughput counts what was finished in it.
type recorder struct {
	base     time.Time
	from, to atomic.Int64 // ns since base; the window is open while to is 0

	runWf, report, nextTask, wfRun *histogram

	started, reported, completed, empty, unknown, abandoned atomic.Int64
	// Calls of the window that the server was too busy for, and those of them with a hint when to try again.
	refused, refusedReports, hinted atomic.Int64

	mu     sync.Mutex
	errors map[string]int64
}

// notYet is a beginning of the window that never comes.
const notYet = int64(1) << 62

func newRecorder() *recorder {
	r := &recorder{
		base: time.Now(), errors: map[string]int64{},
		runWf: newHistogram(), report: newHistogram(), nextTask: newHistogram(), wfRun: newHistogram(),
	}
	r.from.Store(notYet)
	return r
}

// now is the time since base; all moments of a measurement are such.
func (r *recorder) now() time.Duration { return time.Since(r.base) }

func (r *recorder) open()  { r.from.Store(int64(r.now())) }
func (r *recorder) close() { r.to.Store(int64(r.now())) }

func (r *recorder) inWindow(at time.Duration) bool {
	to := r.to.Load()
	return int64(at) >= r.from.Load() && (to == 0 || int64(at) < to)
}

func (r *recorder) window() time.Duration { return time.Duration(r.to.Load() - r.from.Load()) }

// finish records an operation that was due at a moment, and counts it when it ended in the window.
func (r *recorder) finish(h *histogram, counter *atomic.Int64, who int, due, end time.Duration) {
	if r.inWindow(due) {
		h.record(who, end-due)
	}
	if r.inWindow(end) {
		counter.Add(1)
	}
}

func (r *recorder) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors[status.Code(err).String()]++
}

// refuse counts a call that failed, and on its own counter when the server was too busy for it.
func (r *recorder) refuse(err error, due time.Duration, counter *atomic.Int64) {
	r.fail(err)
	s := status.Convert(err)
	if s.Code() != codes.ResourceExhausted || !r.inWindow(due) {
		return
	}
	counter.Add(1)
	if hintOf(s) > 0 {
		r.hinted.Add(1)
	}
}

// hintOf is when the server wants to be asked again; 0 if it does not say.
func hintOf(s *status.Status) time.Duration {
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// pauseAfter is how long a call that failed waits before it is tried again.
func pauseAfter(err error) time.Duration { return max(hintOf(status.Convert(err)), pauseAfterError) }

func (r *recorder) failures() map[string]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	failures := make(map[string]int64, len(r.errors))
	for code, n := range r.errors {
		failures[code] = n
	}
	return failures
}
