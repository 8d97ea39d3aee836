package lhotel_test

import (
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhotel"
	"littlehorse/sdk/worker"
)

// Spans and metrics go where the program says, instead of where the process does.
func ExampleInterceptor() {
	_ = func(client *lh.Client, spans trace.TracerProvider, metrics metric.MeterProvider) *worker.Worker {
		return worker.New(client, worker.Interceptor(lhotel.Interceptor(lhotel.Provider(spans), lhotel.Meters(metrics))))
	}
}

// The trace of the caller goes with each call.
func ExampleDialOption() {
	_ = lhotel.DialOption(lhotel.Propagator(propagation.TraceContext{}))
}
