// Package lhotel traces and measures clients and task workers with OpenTelemetry. It stands beside the packages that it traces,
// so that who does not trace brings nothing of OpenTelemetry along.
//
//	client, err := lh.Dial(ctx, cfg, lhotel.DialOption())
//	w := worker.New(client, worker.Interceptor(lhotel.Interceptor()))
//
// The calls of a client carry the trace of their caller, and a server that traces puts its own spans below them.
package lhotel

import (
	"context"
	"crypto/sha256"
	"errors"
	"reflect"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/worker"
)

// Option is a choice about traces and metrics.
type Option func(*options)

type options struct {
	provider   trace.TracerProvider
	propagator propagation.TextMapPropagator
	meters     metric.MeterProvider
	byRun      bool
}

// Provider makes the spans; that of the process unless set.
func Provider(p trace.TracerProvider) Option { return func(o *options) { o.provider = p } }

// Propagator writes the trace into calls; that of the process unless set.
func Propagator(p propagation.TextMapPropagator) Option {
	return func(o *options) { o.propagator = p }
}

// Meters makes the metrics; that of the process unless set.
func Meters(p metric.MeterProvider) Option { return func(o *options) { o.meters = p } }

// ByRun puts all task attempts of a WfRun into one trace, whose id follows from that of the WfRun: whichever worker runs
// them, and whenever.
func ByRun() Option { return func(o *options) { o.byRun = true } }

func optionsOf(choices []Option) *options {
	o := &options{provider: otel.GetTracerProvider(), propagator: otel.GetTextMapPropagator(), meters: otel.GetMeterProvider()}
	for _, choose := range choices {
		choose(o)
	}
	return o
}

// DialOption traces and measures the calls of a client.
func DialOption(choices ...Option) grpc.DialOption {
	o := optionsOf(choices)
	return grpc.WithStatsHandler(otelgrpc.NewClientHandler(
		otelgrpc.WithTracerProvider(o.provider), otelgrpc.WithPropagators(o.propagator), otelgrpc.WithMeterProvider(o.meters)))
}

// scope names what makes the spans and metrics.
var scope = reflect.TypeFor[options]().PkgPath()

// Interceptor makes a span "task <name>" of each attempt that a worker runs. The task function finds it in its context. A
// business exception is an outcome and no error. It also measures how long attempts take, lh.task.duration by lh.task_def and
// lh.outcome, and how many run, lh.task.running.
func Interceptor(choices ...Option) func(worker.Handler) worker.Handler {
	o := optionsOf(choices)
	tracer := o.provider.Tracer(scope)
	metrics := newMetrics(o.meters.Meter(scope))
	return func(next worker.Handler) worker.Handler {
		return func(ctx context.Context, t *lhpb.ScheduledTask) (*lhpb.VariableValue, error) {
			about := worker.From(ctx)
			name := attribute.String("lh.task_def", t.GetTaskDefId().GetName())
			if o.byRun {
				ctx = trace.ContextWithRemoteSpanContext(ctx, runContext(about.WfRunID))
			}
			ctx, span := tracer.Start(ctx, "task "+t.GetTaskDefId().GetName(), trace.WithSpanKind(trace.SpanKindConsumer),
				trace.WithAttributes(
					name, attribute.String("lh.wf_run", string(about.WfRunID)),
					attribute.Int("lh.thread", int(about.Thread)), attribute.Int("lh.position", int(about.Position)),
					attribute.Int("lh.attempt", int(about.Attempt)),
				))
			defer span.End()
			metrics.running.Add(ctx, 1, metric.WithAttributes(name))
			begun := time.Now()
			output, err := next(ctx, t)
			outcome := outcomeOf(err)
			metrics.duration.Record(ctx, time.Since(begun).Seconds(), metric.WithAttributes(name, outcome))
			metrics.running.Add(ctx, -1, metric.WithAttributes(name))
			span.SetAttributes(outcome)
			if outcome == failed {
				span.SetStatus(codes.Error, "the attempt failed")
			}
			return output, err
		}
	}
}

var failed = attribute.String("lh.outcome", "ERROR")

// outcomeOf says how the attempt ended. Texts of errors stay out of it: they may hold what must not be seen.
func outcomeOf(err error) attribute.KeyValue {
	var exception *lh.TaskException
	switch {
	case err == nil:
		return attribute.String("lh.outcome", "OK")
	case errors.As(err, &exception):
		return attribute.String("lh.outcome", exception.Name)
	default:
		return failed
	}
}

type metrics struct {
	duration metric.Float64Histogram
	running  metric.Int64UpDownCounter
}

func newMetrics(m metric.Meter) metrics {
	duration, err := m.Float64Histogram("lh.task.duration", metric.WithUnit("s"), metric.WithDescription("How long attempts of tasks take."))
	if err != nil {
		otel.Handle(err)
	}
	running, err := m.Int64UpDownCounter("lh.task.running", metric.WithDescription("Attempts of tasks that run."))
	if err != nil {
		otel.Handle(err)
	}
	return metrics{duration, running}
}

// runContext is where the trace of a WfRun begins.
func runContext(run lh.RunID) trace.SpanContext {
	sum := sha256.Sum256([]byte(run))
	c := trace.SpanContextConfig{TraceFlags: trace.FlagsSampled, Remote: true}
	copy(c.TraceID[:], sum[:16])
	copy(c.SpanID[:], sum[16:24])
	return trace.NewSpanContext(c)
}
