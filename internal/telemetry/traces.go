package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// Traces follow calls through the server and send what they have seen to a collector. Of a nil Traces all methods may
// be called, and do nothing: that is how they are switched off.
type Traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	origins  origins
}

// CheckTraces says what is wrong with the variables of the environment that set traces up, and whether they switch
// them on.
func CheckTraces() (on bool, err error) {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	switch exporter := os.Getenv("OTEL_TRACES_EXPORTER"); exporter {
	case "none":
		return false, nil
	case "", "otlp":
	default:
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER: %q is not one of otlp, none", exporter)
	}
	endpoint := "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	if os.Getenv(endpoint) == "" {
		endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	}
	if os.Getenv(endpoint) == "" {
		return false, nil
	}
	err = errors.Join(checkProtocol(), checkEndpoint(endpoint), checkAttributes())
	return err == nil, err
}

func checkProtocol() error {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if protocol := os.Getenv(name); protocol != "" && protocol != "http/protobuf" {
			return fmt.Errorf("%s: %q is not http/protobuf, the one protocol that is spoken", name, protocol)
		}
	}
	return nil
}

// checkEndpoint does not show the address: it may hold a password.
func checkEndpoint(name string) error {
	u, err := url.Parse(strings.TrimSpace(os.Getenv(name)))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%s: is no address with a scheme and a host, such as http://collector:4318", name)
	}
	return nil
}

func checkAttributes() error {
	attributes := strings.TrimSpace(os.Getenv("OTEL_RESOURCE_ATTRIBUTES"))
	if attributes == "" {
		return nil
	}
	for pair := range strings.SplitSeq(attributes, ",") {
		if !strings.Contains(pair, "=") {
			return fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %q is not name=value", pair)
		}
	}
	return nil
}

// NewTraces sets traces up as the OTEL_ variables of the environment say; nil if they do not switch them on. Whoever
// has made them calls Shutdown.
func NewTraces(ctx context.Context, version, clusterID string, log *slog.Logger) (*Traces, error) {
	on, err := CheckTraces()
	if err != nil || !on {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithAttributes(
		attribute.String("service.name", "littlehorse"), attribute.String("service.version", version), attribute.String("lh.cluster", clusterID),
	), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	otel.SetErrorHandler(&complaints{log: log})
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return &Traces{provider: provider, tracer: provider.Tracer("littlehorse"), origins: newOrigins()}, nil
}

// Shutdown sends what is left.
func (t *Traces) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Calls begins a span for each call, as part of the trace that the caller names; nil if there are no traces. Streams of
// workers are none: they last as long as the worker, and each task that goes out has a span of its own.
func (t *Traces) Calls() stats.Handler {
	if t == nil {
		return nil
	}
	return untold{otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(t.provider),
		otelgrpc.WithPropagators(propagation.TraceContext{}),
		otelgrpc.WithFilter(func(i *stats.RPCTagInfo) bool { return !strings.HasSuffix(i.FullMethodName, "/PollTask") }),
	)}
}

// Peers takes the trace of a call along to another server of the cluster; nil if there are no traces.
func (t *Traces) Peers() stats.Handler {
	if t == nil {
		return nil
	}
	return untold{otelgrpc.NewClientHandler(otelgrpc.WithTracerProvider(t.provider), otelgrpc.WithPropagators(propagation.TraceContext{}))}
}

// untold keeps the texts of refusals from a handler that would write them into spans: it sees the name of the code
// instead.
type untold struct{ stats.Handler }

// HandleRPC implements stats.Handler.
func (u untold) HandleRPC(ctx context.Context, s stats.RPCStats) {
	if end, ok := s.(*stats.End); ok && end.Error != nil {
		refused := *end
		refusal := status.Code(end.Error)
		refused.Error = status.Error(refusal, codeName(uint32(refusal)))
		s = &refused
	}
	u.Handler.HandleRPC(ctx, s)
}

// Traced reports whether the caller in ctx is traced.
func Traced(ctx context.Context) bool { return trace.SpanFromContext(ctx).IsRecording() }

// About adds to the span of the caller in ctx, if there is one. Values are names and ids: never what variables hold.
func About(ctx context.Context, name, value string) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(attribute.String(name, value))
	}
}

// Attributes of spans.
const (
	AboutTenant  = "lh.tenant"
	AboutWfRun   = "lh.wf_run"
	AboutTaskDef = "lh.task_def"
	aboutWorker  = "lh.worker"
	aboutStream  = "lh.partition"
	aboutOutcome = "lh.outcome"
)

// complaints logs what the exporter complains about, at most once a minute.
type complaints struct {
	log  *slog.Logger
	told atomic.Int64
}

// Handle implements otel.ErrorHandler.
func (c *complaints) Handle(err error) {
	now := time.Now().Unix()
	if last := c.told.Load(); now-last >= 60 && c.told.CompareAndSwap(last, now) {
		c.log.Warn("traces are lost", "err", err)
	}
}

// origins remember which command has put a task into its queue, until it is handed out. Those that do not fit are
// forgotten, and so in time are those that nobody asks for: such a task is handed out untraced.
type origins struct {
	mu   sync.Mutex
	from map[string]trace.SpanContext
}

const mostOrigins = 1 << 16

func newOrigins() origins { return origins{from: map[string]trace.SpanContext{}} }

func (o *origins) put(key string, from trace.SpanContext) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.from) >= mostOrigins {
		for some := range o.from {
			delete(o.from, some)
			break
		}
	}
	o.from[key] = from
}

func (o *origins) take(key string) trace.SpanContext {
	o.mu.Lock()
	defer o.mu.Unlock()
	from := o.from[key]
	delete(o.from, key)
	return from
}
