package telemetry

import (
	"net/http"

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

// GaugeFunc registers a gauge that is read when it is scraped.
func (m *Metrics) GaugeFunc(name, help string, labels prometheus.Labels, f func() float64) {
	m.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, f))
}

// CounterFunc registers a counter that is read when it is scraped; f must never go down.
func (m *Metrics) CounterFunc(name, help string, labels prometheus.Labels, f func() float64) {
	m.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, f))
}

// Point is one value of a family whose label values are only known when it is scraped.
type Point struct {
	Labels []string
	Value  float64
}

// GaugesFunc registers a family of gauges that is read when it is scraped.
func (m *Metrics) GaugesFunc(name, help string, labels []string, f func() []Point) {
	m.Register(&family{desc: prometheus.NewDesc(name, help, labels, nil), read: f})
}

type family struct {
	desc *prometheus.Desc
	read func() []Point
}

func (f *family) Describe(ch chan<- *prometheus.Desc) { ch <- f.desc }

func (f *family) Collect(ch chan<- prometheus.Metric) {
	for _, p := range f.read() {
		ch <- prometheus.MustNewConstMetric(f.desc, prometheus.GaugeValue, p.Value, p.Labels...)
	}
}
