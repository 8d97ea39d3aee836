package lhotel_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhotel"
)

// attempt lets a worker's interceptor see one attempt with that outcome.
func attempt(t *testing.T, outcome error, options ...lhotel.Option) (tracetest.SpanStub, trace.SpanContext) {
	t.Helper()
	seen := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(seen))
	var inside trace.SpanContext
	handle := lhotel.Interceptor(append(options, lhotel.Provider(provider))...)(
		func(ctx context.Context, _ *lhpb.ScheduledTask) (*lhpb.VariableValue, error) {
			inside = trace.SpanContextFromContext(ctx)
			return nil, outcome
		})
	if _, err := handle(t.Context(), &lhpb.ScheduledTask{TaskDefId: &lhpb.TaskDefId{Name: "greet"}}); !errors.Is(err, outcome) {
		t.Fatal(err)
	}
	spans := seen.GetSpans()
	if len(spans) != 1 {
		t.Fatalf("%d spans", len(spans))
	}
	return spans[0], inside
}

func TestAnAttemptIsASpan(t *testing.T) {
	for name, one := range map[string]struct {
		err     error
		outcome string
		status  codes.Code
	}{
		"well":        {nil, "OK", codes.Unset},
		"an error":    {errors.New("secret"), "ERROR", codes.Error},
		"a exception": {lh.Exception("sold-out", "secret"), "sold-out", codes.Unset},
	} {
		span, inside := attempt(t, one.err)
		if span.Name != "task greet" || span.Status.Code != one.status || !inside.Equal(span.SpanContext) {
			t.Errorf("%s: %q, %v", name, span.Name, span.Status)
		}
		told := slices.IndexFunc(span.Attributes, func(a attribute.KeyValue) bool {
			return a.Key == "lh.outcome" && a.Value.AsString() == one.outcome
		})
		if told < 0 {
			t.Errorf("%s: %v", name, span.Attributes)
		}
	}
}

func TestAttemptsOfARunShareATrace(t *testing.T) {
	first, _ := attempt(t, nil, lhotel.ByRun())
	second, _ := attempt(t, nil, lhotel.ByRun())
	if first.SpanContext.TraceID() != second.SpanContext.TraceID() || !first.Parent.IsValid() {
		t.Errorf("%v and %v", first.SpanContext.TraceID(), second.SpanContext.TraceID())
	}
	if apart, _ := attempt(t, nil); apart.SpanContext.TraceID() == first.SpanContext.TraceID() {
		t.Error("without ByRun they share it, too")
	}
}
