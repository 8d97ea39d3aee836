package telemetry

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// RPCs counts and times the calls of one gRPC service under the documented names grpc_server_*.
type RPCs struct {
	service  string
	duration *prometheus.SummaryVec
	longest  *longest
	received *prometheus.CounterVec
	sent     *prometheus.CounterVec
	panics   prometheus.Counter

	// Refusals of all services together.
	Refusals *Refusals
}

// NewRPCs registers the families of the service.
func NewRPCs(m *Metrics, service string) *RPCs {
	method := []string{"service", "method", "methodType"}
	r := &RPCs{
		service: service, Refusals: &Refusals{},
		duration: prometheus.NewSummaryVec(prometheus.SummaryOpts{
			Name: "grpc_server_processing_duration_seconds",
			Help: "Time from the arrival of a call to its status.",
		}, []string{"service", "method", "methodType", "statusCode"}),
		longest: newLongest([]string{"service", "method", "methodType", "statusCode"}),
		received: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "grpc_server_requests_received_messages_total", Help: "Messages received from clients.",
		}, method),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "grpc_server_responses_sent_messages_total", Help: "Messages sent to clients.",
		}, method),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lh_rpc_panics_total", Help: "Calls that ended in a panic and were answered with INTERNAL: each is a bug.",
		}),
	}
	m.Register(r.duration, r.longest, r.received, r.sent, r.panics)
	return r
}

// Of is the same for another service.
func (r *RPCs) Of(service string) *RPCs {
	other := *r
	other.service = service
	return &other
}

// RPC is one method of the service.
type RPC struct {
	rpcs     *RPCs
	labels   []string
	Received prometheus.Counter
	Sent     prometheus.Counter

	ok    atomic.Pointer[outcome] // the usual one of codes
	mu    sync.RWMutex
	codes map[string]*outcome
}

type outcome struct {
	duration prometheus.Observer
	longest  *window
}

// Method prepares the series of a method; kind is UNARY or BIDI_STREAMING.
func (r *RPCs) Method(name, kind string) *RPC {
	labels := []string{r.service, name, kind}
	return &RPC{
		rpcs: r, labels: labels, codes: map[string]*outcome{},
		Received: r.received.WithLabelValues(labels...),
		Sent:     r.sent.WithLabelValues(labels...),
	}
}

const usual = "OK"

// Done records a call that ended with the status code, by its name such as OK or NOT_FOUND.
func (m *RPC) Done(code string, took time.Duration) {
	o := m.ok.Load()
	if o == nil || code != usual {
		o = m.outcome(code)
	}
	o.duration.Observe(took.Seconds())
	o.longest.observe(took)
}

// Panicked counts a call that ended in a panic.
func (m *RPC) Panicked() { m.rpcs.panics.Inc() }

func (m *RPC) outcome(code string) *outcome {
	m.mu.RLock()
	o := m.codes[code]
	m.mu.RUnlock()
	if o != nil {
		return o
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.codes[code] == nil {
		labels := append(append([]string(nil), m.labels...), code)
		m.codes[code] = &outcome{duration: m.rpcs.duration.WithLabelValues(labels...), longest: m.rpcs.longest.with(labels)}
		if code == usual {
			m.ok.Store(m.codes[code])
		}
	}
	return m.codes[code]
}

// longestSpan is how long a maximum is remembered at least.
const longestSpan = time.Minute

// longest is the family grpc_server_processing_duration_seconds_max.
type longest struct {
	desc    *prometheus.Desc
	mu      sync.Mutex
	windows []*window
}

type window struct {
	labels   []string
	mu       sync.Mutex
	since    time.Time
	previous time.Duration
	now      atomic.Int64
}

func newLongest(labels []string) *longest {
	return &longest{desc: prometheus.NewDesc("grpc_server_processing_duration_seconds_max",
		"Longest processing of a call between the last scrapes, at least a minute.", labels, nil)}
}

func (l *longest) with(labels []string) *window {
	w := &window{labels: labels, since: time.Now()}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.windows = append(l.windows, w)
	return w
}

func (w *window) observe(d time.Duration) {
	for {
		old := w.now.Load()
		if int64(d) <= old || w.now.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}

func (w *window) read(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.since) >= longestSpan {
		w.since, w.previous = now, time.Duration(w.now.Swap(0))
	}
	return max(w.previous, time.Duration(w.now.Load()))
}

func (l *longest) Describe(ch chan<- *prometheus.Desc) { ch <- l.desc }

func (l *longest) Collect(ch chan<- prometheus.Metric) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.windows {
		ch <- prometheus.MustNewConstMetric(l.desc, prometheus.GaugeValue, w.read(now).Seconds(), w.labels...)
	}
}
