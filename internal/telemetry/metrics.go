package telemetry

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is the registry of one server.
type Metrics struct {
	registry *prometheus.Registry
	labelled prometheus.Registerer
}

// NewMetrics makes a registry whose series carry lh_cluster_id, with the Go runtime and process in it.
func NewMetrics(clusterID string) *Metrics {
	r := prometheus.NewRegistry()
	m := &Metrics{registry: r, labelled: prometheus.WrapRegistererWith(prometheus.Labels{"lh_cluster_id": clusterID}, r)}
	m.Register(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Register adds collectors. A name that is taken is a bug and panics.
func (m *Metrics) Register(c ...prometheus.Collector) { m.labelled.MustRegister(c...) }

// Handler serves the Prometheus text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// Family is all series of one name. They are gauges, or counters that never go down.
type Family struct {
	Name, Help string
	Labels     []string
	Counter    bool
}

// Emit gives the value of one series, with the values of the labels in the order of its family.
type Emit func(name string, value float64, labels ...string)

// Read registers families whose series are read together, when they are scraped. Naming a family that is not one of
// them is a bug and panics.
func (m *Metrics) Read(families []Family, read func(Emit)) {
	r := &reading{read: read, families: map[string]described{}}
	for _, f := range families {
		kind := prometheus.GaugeValue
		if f.Counter {
			kind = prometheus.CounterValue
		}
		r.families[f.Name] = described{prometheus.NewDesc(f.Name, f.Help, f.Labels, nil), kind}
	}
	m.Register(r)
}

type reading struct {
	families map[string]described
	read     func(Emit)
}

type described struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func (r *reading) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range r.families {
		ch <- f.desc
	}
}

func (r *reading) Collect(ch chan<- prometheus.Metric) {
	r.read(func(name string, value float64, labels ...string) {
		f := r.families[name]
		for i := range labels {
			labels[i] = strings.ToValidUTF8(labels[i], "?") // some come from clients
		}
		ch <- prometheus.MustNewConstMetric(f.desc, f.kind, value, labels...)
	})
}

// Histogram registers a histogram with buckets that begin at first and double, so many of them.
func (m *Metrics) Histogram(name, help string, first float64, buckets int) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(first, 2, buckets)})
	m.Register(h)
	return h
}
