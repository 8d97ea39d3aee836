package telemetry

import (
	"context"
	"strconv"
	"testing"

	"go.opentelemetry.io/otel/trace"
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
	if none.ServerOptions() != nil || none.Shutdown(ctx) != nil {
		t.Error("no traces do something")
	}
}

func TestEnvironmentOfTraces(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	for _, c := range []struct {
		env   map[string]string
		on    bool
		wrong string
	}{
		{nil, false, ""},
		{map[string]string{endpoint: "http://localhost:4318"}, true, ""},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, true, ""},
		{map[string]string{endpoint: "http://localhost:4318", "OTEL_SDK_DISABLED": "true"}, false, ""},
		{map[string]string{endpoint: "http://localhost:4318", "OTEL_TRACES_EXPORTER": "none"}, false, ""},
		{map[string]string{endpoint: "http://localhost:4318", "OTEL_TRACES_EXPORTER": "zipkin"}, false, `OTEL_TRACES_EXPORTER: "zipkin" is not one of otlp, none`},
		{
			map[string]string{endpoint: "http://localhost:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
			false,
			`OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" is not http/protobuf, the one protocol that is spoken`,
		},
	} {
		for _, name := range []string{
			endpoint, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER",
			"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
		} {
			t.Setenv(name, c.env[name])
		}
		on, err := CheckTraces()
		if on != c.on || err == nil && c.wrong != "" || err != nil && err.Error() != c.wrong {
			t.Errorf("%v: %v, %v", c.env, on, err)
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
