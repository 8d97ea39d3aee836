package telemetry

import (
	"context"
	"strconv"
	"testing"

	otelcodes "go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// Switched off, traces cost nothing on the way of a command.
func TestNoTracesCostNothing(t *testing.T) {
	var none *Traces
	ctx, name := context.Background(), func() string { t.Error("asked for a name"); return "" }
	if n := testing.AllocsPerRun(100, func() {
		c := none.Command(ctx, name, name)
		c.Taken()
		c.Applied()
		c.Queued("")
		c.Answered(0)
		_, h := none.HandOut("", "", "")
		h.End(0)
		none.HandedOut(ctx, "", "")
		About(ctx, AboutTenant, "default")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if none.Calls() != nil || none.Shutdown(ctx) != nil {
		t.Error("no traces do something")
	}
}

// The span of a refused call says the code of the refusal, never its text.
func TestTextsOfRefusalsAreNoPartOfSpans(t *testing.T) {
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		ended := tracetest.NewSpanRecorder()
		traces := &Traces{provider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(ended))}
		calls := traces.Calls()
		ctx := calls.TagRPC(context.Background(), &stats.RPCTagInfo{FullMethodName: "/littlehorse.LittleHorse/RunWf"})
		end := &stats.End{Error: status.Error(code, "a secret")}
		calls.HandleRPC(ctx, end)
		if len(ended.Ended()) != 1 {
			t.Fatalf("%s: %d spans", code, len(ended.Ended()))
		}
		is := ended.Ended()[0].Status()
		if want := codeName(uint32(code)); is.Code == otelcodes.Error && is.Description != want || is.Code != otelcodes.Error && is.Description != "" {
			t.Errorf("%s: %v", code, is)
		}
		if code == codes.Internal && is.Code != otelcodes.Error {
			t.Errorf("%s: %v", code, is)
		}
		if status.Convert(end.Error).Message() != "a secret" {
			t.Errorf("%s: others see %v", code, end.Error)
		}
	}
}

func TestEnvironmentOfTraces(t *testing.T) {
	const (
		endpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
		tracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
		attributes     = "OTEL_RESOURCE_ATTRIBUTES"
	)
	notAddress := func(name string) string {
		return name + ": is no address with a scheme and a host, such as http://collector:4318"
	}
	for _, c := range []struct {
		env   map[string]string
		on    bool
		wrong string
	}{
		{nil, false, ""},
		{map[string]string{endpoint: "http://localhost:4318"}, true, ""},
		{map[string]string{tracesEndpoint: "http://localhost:4318/v1/traces"}, true, ""},
		{map[string]string{endpoint: "http://localhost:4318", "OTEL_SDK_DISABLED": "true"}, false, ""},
		{map[string]string{endpoint: "http://localhost:4318", "OTEL_TRACES_EXPORTER": "none"}, false, ""},
		{map[string]string{endpoint: "http://localhost:4318", "OTEL_TRACES_EXPORTER": "zipkin"}, false, `OTEL_TRACES_EXPORTER: "zipkin" is not one of otlp, none`},
		{
			map[string]string{endpoint: "http://localhost:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
			false,
			`OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" is not http/protobuf, the one protocol that is spoken`,
		},
		{map[string]string{endpoint: "https://collector/otlp", attributes: "team=a,stage=b%20c"}, true, ""},
		{map[string]string{endpoint: "collector:4318"}, false, notAddress(endpoint)},
		{map[string]string{endpoint: "collector"}, false, notAddress(endpoint)},
		{map[string]string{endpoint: "//collector:4318"}, false, notAddress(endpoint)},
		{map[string]string{endpoint: "http://"}, false, notAddress(endpoint)},
		{map[string]string{endpoint: "http://collector:port"}, false, notAddress(endpoint)},
		{map[string]string{endpoint: "http://collector", tracesEndpoint: "collector/v1/traces"}, false, notAddress(tracesEndpoint)},
		{map[string]string{endpoint: "collector:4317", tracesEndpoint: "http://collector/v1/traces"}, true, ""},
		{map[string]string{endpoint: "http://collector", attributes: "foo"}, false, `OTEL_RESOURCE_ATTRIBUTES: "foo" is not name=value`},
		{
			map[string]string{endpoint: "collector:4318", attributes: "team=a,"},
			false,
			notAddress(endpoint) + "\n" + `OTEL_RESOURCE_ATTRIBUTES: "" is not name=value`,
		},
		{map[string]string{attributes: "foo"}, false, ""},
	} {
		for _, name := range []string{
			endpoint, tracesEndpoint, attributes, "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER",
			"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
		} {
			t.Setenv(name, c.env[name])
		}
		on, err := CheckTraces()
		if on != c.on || err == nil && c.wrong != "" || err != nil && err.Error() != c.wrong {
			t.Errorf("%v: %v, %v", c.env, on, err)
		}
		if c.wrong == "" {
			continue
		}
		if _, err := NewTraces(context.Background(), "", "", nil); err == nil || err.Error() != c.wrong {
			t.Errorf("%v: a server starts: %v", c.env, err)
		}
	}
}

// Tasks that nobody asks for do not fill the memory.
func TestOriginsAreBounded(t *testing.T) {
	o := newOrigins()
	for n := range mostOrigins + 10 {
		o.put(strconv.Itoa(n), trace.SpanContext{})
	}
	if len(o.from) > mostOrigins {
		t.Errorf("%d are kept", len(o.from))
	}
}
