package e2e

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	wire "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/server"
	"littlehorse/internal/telemetry"
	"littlehorse/lhpb"
)

// traceCollector takes traces over OTLP.
type traceCollector struct {
	mu    sync.Mutex
	spans []*wire.Span
	about map[string]string // attributes of the server
}

func (c *traceCollector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	in := &collector.ExportTraceServiceRequest{}
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, in) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range in.ResourceSpans {
		c.about = map[string]string{}
		for _, a := range of.Resource.Attributes {
			c.about[a.Key] = a.Value.GetStringValue()
		}
		for _, s := range of.ScopeSpans {
			c.spans = append(c.spans, s.Spans...)
		}
	}
}

// tracing starts a server that sends its traces to a collector. collected ends both and gives the spans of a trace, each
// as the way to it from the caller.
func tracing(t *testing.T) (c *client, at *traceCollector, collected func(traceID string) []string) {
	t.Helper()
	at = &traceCollector{}
	s := httptest.NewServer(at)
	t.Cleanup(s.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.URL)
	t.Setenv("OTEL_SERVICE_NAME", "orders")
	traces, err := telemetry.NewTraces(t.Context(), "1.2.3", "cluster1", slog.New(slog.DiscardHandler))
	if err != nil || traces == nil {
		t.Fatalf("%v %v", traces, err)
	}
	running, stop := start(t, func(cfg *server.Config) { cfg.Traces = traces })
	c = connected(t, running)
	return c, at, func(traceID string) []string {
		t.Helper()
		_ = c.conn.Close()
		stop()
		if err := traces.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		return at.of(traceID)
	}
}

// of gives the spans of a trace, sorted, each as its names from the caller on.
func (c *traceCollector) of(traceID string) (out []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	byID := map[string]*wire.Span{}
	for _, s := range c.spans {
		byID[string(s.SpanId)] = s
	}
	for _, s := range c.spans {
		if fmt.Sprintf("%x", s.TraceId) != traceID {
			continue
		}
		way := s.Name
		for up := byID[string(s.ParentSpanId)]; up != nil; up = byID[string(up.ParentSpanId)] {
			way = up.Name + " > " + way
		}
		out = append(out, way)
	}
	slices.Sort(out)
	return out
}

const (
	firstTrace  = "0af7651916cd43dd8448eb211c80319c"
	secondTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
)

// tracedAs is the same client as part of a trace.
func (c *client) tracedAs(traceID string) *client {
	other := *c
	other.ctx = metadata.AppendToOutgoingContext(c.ctx, "traceparent", "00-"+traceID+"-b7ad6b7169203331-01")
	return &other
}

// A call is followed through the log, the engine and the commit to the worker who gets the task, under the trace of the
// caller; and no value of a variable goes along.
func TestTraces(t *testing.T) {
	c, at, collected := tracing(t)
	c.taskDef("greet")
	c.taskDef("thank")
	c.taskFlow("hello", "greet", "thank")
	c.tracedAs(firstTrace).run("hello", "w", "a secret")
	greeter, thanker := must(c.PollTask(c.ctx))(c), must(c.PollTask(c.ctx))(c)
	ask := func(s lhpb.LittleHorse_PollTaskClient, taskDef string) {
		if err := s.Send(&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: taskDef}, ClientId: "ann"}); err != nil {
			t.Fatal(err)
		}
	}
	ask(greeter, "greet")
	first := must(greeter.Recv())(c)
	second := c.tracedAs(secondTrace)
	must(second.ReportTask(second.ctx, report(first.Result, str("another secret"))))(c)
	ask(thanker, "thank")
	last := must(thanker.Recv())(c)
	must(c.ReportTask(c.ctx, report(last.Result, str("untraced"))))(c)

	const run, reported = "littlehorse.LittleHorse/RunWf", "littlehorse.LittleHorse/ReportTask"
	stages := func(way string) []string {
		return []string{way, way + " > apply", way + " > commit", way + " > log append"}
	}
	want := slices.Sorted(slices.Values(slices.Concat([]string{run}, stages(run+" > RunWf"),
		[]string{run + " > RunWf > hand-out"}, stages(run+" > RunWf > hand-out > ClaimTask"))))
	if got := collected(firstTrace); !slices.Equal(got, want) {
		t.Errorf("RunWf gives\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	want = slices.Sorted(slices.Values(slices.Concat([]string{reported}, stages(reported+" > ReportTask"),
		[]string{reported + " > ReportTask > hand-out"}, stages(reported+" > ReportTask > hand-out > ClaimTask"))))
	if got := at.of(secondTrace); !slices.Equal(got, want) {
		t.Errorf("ReportTask gives\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if at.about["service.name"] != "orders" || at.about["service.version"] != "1.2.3" || at.about["lh.cluster"] != "cluster1" {
		t.Errorf("the server is %v", at.about)
	}
	for _, s := range at.spans {
		text := protojson.Format(s)
		for _, word := range []string{"secret", "untraced"} {
			if strings.Contains(text, word) {
				t.Errorf("a span tells a value: %s", text)
			}
		}
		if s.StartTimeUnixNano > s.EndTimeUnixNano {
			t.Errorf("%s ends before it begins", s.Name)
		}
	}
}

// A task that goes out with the report of the one before has its hand-out in the trace of the report; a call that is
// refused says so; a caller who does not want to be traced is not.
func TestTracesOfTasksThatFollow(t *testing.T) {
	c, at, collected := tracing(t)
	c.taskDef("greet")
	c.taskDef("thank")
	c.taskFlow("hello", "greet", "thank")
	untraced := *c
	untraced.ctx = metadata.AppendToOutgoingContext(c.ctx, "traceparent", "00-11111111111111111111111111111111-b7ad6b7169203331-00")
	greeter, thanker := must(c.PollTask(c.ctx))(c), must(c.PollTask(c.ctx))(c)
	for n := range 2 { // the first time nobody knows which task follows
		for s, taskDef := range map[lhpb.LittleHorse_PollTaskClient]string{greeter: "greet", thanker: "thank"} {
			if err := s.Send(&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: taskDef}, ClientId: "ann"}); err != nil {
				t.Fatal(err)
			}
		}
		for { // until both wait, so that the report can offer one of them
			if strings.Contains(c.scrape(), `lh_task_requests_waiting{lh_cluster_id="cluster1",task_name="thank",tenant_id="default"} 1`) {
				break
			}
			if c.ctx.Err() != nil {
				t.Fatal(c.ctx.Err())
			}
			time.Sleep(time.Millisecond)
		}
		untraced.run("hello", fmt.Sprint("w", n), "Ana")
		reporter := &untraced
		if n == 1 {
			reporter = c.tracedAs(secondTrace)
		}
		must(reporter.ReportTask(reporter.ctx, report(must(greeter.Recv())(c).Result, str("x"))))(c)
		must(c.ReportTask(c.ctx, report(must(thanker.Recv())(c).Result, str("x"))))(c)
	}
	traced := c.tracedAs(firstTrace)
	_, err := traced.RunWf(traced.ctx, &lhpb.RunWfRequest{WfSpecName: "hello", Id: ptr("w0")})
	traced.refused(err, codes.AlreadyExists)

	const reported = "littlehorse.LittleHorse/ReportTask"
	if got := collected(secondTrace); !slices.Contains(got, reported+" > hand-out") || slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "Claim") }) {
		t.Errorf("the report gives\n%s", strings.Join(got, "\n"))
	}
	if got := at.of("11111111111111111111111111111111"); len(got) > 0 {
		t.Errorf("traced against the caller's will: %q", got)
	}
	for _, s := range at.spans {
		if s.Name == "RunWf" && fmt.Sprintf("%x", s.TraceId) == firstTrace && s.Status.GetMessage() != "ALREADY_EXISTS" {
			t.Errorf("the refused command has the status %v", s.Status)
		}
	}
}
