package lhotel_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"littlehorse/lhpb"
	"littlehorse/sdk/lhotel"
)

// meter notes what is measured.
type meter struct {
	noop.Meter
	durations []attribute.Set
	running   int64
	most      int64
}

type provider struct {
	noop.MeterProvider
	meter *meter
}

func (p provider) Meter(string, ...metric.MeterOption) metric.Meter { return p.meter }

func (m *meter) Float64Histogram(name string, _ ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	if name != "lh.task.duration" {
		return nil, errors.New(name)
	}
	return &histogram{meter: m}, nil
}

func (m *meter) Int64UpDownCounter(name string, _ ...metric.Int64UpDownCounterOption) (metric.Int64UpDownCounter, error) {
	if name != "lh.task.running" {
		return nil, errors.New(name)
	}
	return &gauge{meter: m}, nil
}

type histogram struct {
	noop.Float64Histogram
	meter *meter
}

func (h *histogram) Record(_ context.Context, seconds float64, options ...metric.RecordOption) {
	if seconds >= 0 {
		h.meter.durations = append(h.meter.durations, metric.NewRecordConfig(options).Attributes())
	}
}

type gauge struct {
	noop.Int64UpDownCounter
	meter *meter
}

func (g *gauge) Add(_ context.Context, n int64, _ ...metric.AddOption) {
	g.meter.running += n
	g.meter.most = max(g.meter.most, g.meter.running)
}

func TestAttemptsAreMeasured(t *testing.T) {
	m := &meter{}
	outcomes := []error{nil, errors.New("secret")}
	handle := lhotel.Interceptor(lhotel.Meters(provider{meter: m}))(func(context.Context, *lhpb.ScheduledTask) (*lhpb.VariableValue, error) {
		err := outcomes[len(m.durations)]
		return nil, err
	})
	for _, want := range outcomes {
		if _, err := handle(t.Context(), &lhpb.ScheduledTask{TaskDefId: &lhpb.TaskDefId{Name: "greet"}}); !errors.Is(err, want) {
			t.Fatal(err)
		}
	}
	var ended []string
	for _, of := range m.durations {
		outcome, _ := of.Value("lh.outcome")
		name, _ := of.Value("lh.task_def")
		ended = append(ended, name.AsString()+" "+outcome.AsString())
	}
	if want := []string{"greet OK", "greet ERROR"}; !slices.Equal(ended, want) || m.running != 0 || m.most != 1 {
		t.Errorf("%q, %d of at most %d are running", ended, m.running, m.most)
	}
}
