package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Nanoseconds registers a histogram that somebody else keeps in nanoseconds, as one in seconds.
func (m *Metrics) Nanoseconds(name, help string, read func() prometheus.Histogram) {
	m.Register(&nanoseconds{prometheus.NewDesc(name, help, nil, nil), read})
}

type nanoseconds struct {
	desc *prometheus.Desc
	read func() prometheus.Histogram
}

func (n *nanoseconds) Describe(ch chan<- *prometheus.Desc) { ch <- n.desc }

func (n *nanoseconds) Collect(ch chan<- prometheus.Metric) {
	var out dto.Metric
	if err := n.read().Write(&out); err != nil {
		ch <- prometheus.NewInvalidMetric(n.desc, err)
		return
	}
	h := out.GetHistogram()
	buckets := map[float64]uint64{}
	for i, b := range h.GetBucket() {
		if i%bucketsApart == 0 {
			buckets[seconds(b.GetUpperBound())] = b.GetCumulativeCount()
		}
	}
	ch <- prometheus.MustNewConstHistogram(n.desc, h.GetSampleCount(), seconds(h.GetSampleSum()), buckets)
}

// bucketsApart leaves out buckets that tell nobody anything.
const bucketsApart = 4

func seconds(ns float64) float64 { return ns / float64(time.Second) }
