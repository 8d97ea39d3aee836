package telemetry

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"littlehorse/test/pki"
)

// export is a request that came to a collector.
type export struct {
	path, encoding, team, caller string
	about                        map[string]string
	spans                        int
}

// exports are what came to a collector, in their order.
type exports struct {
	mu  sync.Mutex
	got []export
	// held is told of a request that is let wait until its sender gives up; nil holds none.
	held chan struct{}
}

func (e *exports) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	held := e.held
	e.held = nil
	e.mu.Unlock()
	if held != nil {
		_, _ = io.Copy(io.Discard, r.Body) // the server hears of who is gone only then
		<-r.Context().Done()
		close(held)
		return
	}
	x := export{path: r.URL.Path, encoding: r.Header.Get("Content-Encoding"), team: r.Header.Get("Team"), about: map[string]string{}}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		x.caller = r.TLS.PeerCertificates[0].Subject.CommonName
	}
	var body io.Reader = r.Body
	if x.encoding == "gzip" {
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		body = unpacked
	}
	text, err := io.ReadAll(body)
	in := &collector.ExportTraceServiceRequest{}
	if err != nil || proto.Unmarshal(text, in) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, of := range in.ResourceSpans {
		for _, a := range of.Resource.Attributes {
			x.about[a.Key] = a.Value.GetStringValue()
		}
		for _, s := range of.ScopeSpans {
			x.spans += len(s.Spans)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.got = append(e.got, x)
}

// taken are the requests so far.
func (e *exports) taken() []export {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.got)
}

// sampledBy is a caller whose call is part of a trace.
func sampledBy(flags trace.TraceFlags) context.Context {
	return trace.ContextWithRemoteSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: flags, Remote: true,
	}))
}

// send makes spans of calls as the environment says and sends them.
func send(ctx context.Context, t *testing.T, env map[string]string, callers ...context.Context) {
	t.Helper()
	for name, value := range env {
		t.Setenv(name, value)
	}
	traces, err := NewTraces(context.Background(), "1.2.3", "cluster1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, caller := range callers {
		_, span := traces.tracer.Start(caller, "call")
		span.End()
	}
	_ = traces.Shutdown(ctx) // an error is that nothing came
}

const (
	oneEndpoint    = "OTEL_EXPORTER_OTLP_ENDPOINT"
	tracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
)

// Each variable that the documents name does what they say it does.
func TestVariablesOfTraces(t *testing.T) {
	authority := pki.NewAuthority(t, "collectors")
	client := authority.Client("lh")
	alone := []context.Context{context.Background()}
	three := []context.Context{context.Background(), sampledBy(0), sampledBy(trace.FlagsSampled)}
	sampled := func(sampler, arg string) map[string]string {
		return map[string]string{oneEndpoint: "$url", "OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": arg}
	}
	for name, c := range map[string]struct {
		env     map[string]string
		callers []context.Context
		secure  bool
		want    func(export) bool
		spans   int
	}{
		"below an endpoint": {
			env:  map[string]string{oneEndpoint: "$url/otlp"},
			want: func(x export) bool { return x.path == "/otlp/v1/traces" && x.encoding == "" }, spans: 1,
		},
		"the whole path": {
			env:  map[string]string{oneEndpoint: "http://nowhere.invalid", tracesEndpoint: "$url/here"},
			want: func(x export) bool { return x.path == "/here" }, spans: 1,
		},
		"headers": {
			env:  map[string]string{oneEndpoint: "$url", "OTEL_EXPORTER_OTLP_HEADERS": "team=a%20b,other=c"},
			want: func(x export) bool { return x.team == "a b" }, spans: 1,
		},
		"headers of traces": {
			env: map[string]string{
				oneEndpoint: "$url", "OTEL_EXPORTER_OTLP_HEADERS": "team=a", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "team=b",
			},
			want: func(x export) bool { return x.team == "b" }, spans: 1,
		},
		"compressed": {
			env:  map[string]string{oneEndpoint: "$url", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"},
			want: func(x export) bool { return x.encoding == "gzip" }, spans: 1,
		},
		"traces are not compressed": {
			env: map[string]string{
				oneEndpoint: "$url", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "none",
			},
			want: func(x export) bool { return x.encoding == "" }, spans: 1,
		},
		"by TLS": {
			env:    map[string]string{oneEndpoint: "$url", "OTEL_EXPORTER_OTLP_CERTIFICATE": authority.File()},
			secure: true, want: func(x export) bool { return x.caller == "" }, spans: 1,
		},
		"by mutual TLS": {
			env: map[string]string{
				oneEndpoint: "$url", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE": authority.File(),
				"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": client.Cert, "OTEL_EXPORTER_OTLP_CLIENT_KEY": client.Key,
			},
			secure: true, want: func(x export) bool { return x.caller == "lh" }, spans: 1,
		},
		"a stranger's certificate": {env: map[string]string{oneEndpoint: "$url"}, secure: true},
		"an authority that is not there": {
			env:    map[string]string{oneEndpoint: "$url", "OTEL_EXPORTER_OTLP_CERTIFICATE": "nowhere.pem"},
			secure: true,
		},
		"what the server is": {
			env: map[string]string{oneEndpoint: "$url"},
			want: func(x export) bool {
				return x.about["service.name"] == "littlehorse" && x.about["service.version"] == "1.2.3" && x.about["lh.cluster"] == "cluster1"
			},
			spans: 1,
		},
		"what it is called": {
			env:  map[string]string{oneEndpoint: "$url", "OTEL_RESOURCE_ATTRIBUTES": "service.name=orders,team=a%20b"},
			want: func(x export) bool { return x.about["service.name"] == "orders" && x.about["team"] == "a b" }, spans: 1,
		},
		"its name goes first": {
			env: map[string]string{
				oneEndpoint: "$url", "OTEL_SERVICE_NAME": "bank", "OTEL_RESOURCE_ATTRIBUTES": "service.name=orders",
			},
			want: func(x export) bool { return x.about["service.name"] == "bank" }, spans: 1,
		},
		"as the caller says":   {env: map[string]string{oneEndpoint: "$url"}, callers: three, spans: 2},
		"always_on":            {env: sampled("always_on", ""), callers: three, spans: 3},
		"always_off":           {env: sampled("always_off", ""), callers: three},
		"none of a ratio":      {env: sampled("traceidratio", "0"), callers: three},
		"all of a ratio":       {env: sampled("traceidratio", "1"), callers: three, spans: 3},
		"of those who ask":     {env: sampled("parentbased_traceidratio", "0"), callers: three, spans: 1},
		"a sampler of no kind": {env: sampled("sometimes", ""), callers: three, spans: 2},
		"batches": {
			env:     map[string]string{oneEndpoint: "$url", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1"},
			callers: three, want: func(x export) bool { return x.spans == 1 }, spans: 2,
		},
		"a batch of no size": {
			env:     map[string]string{oneEndpoint: "$url", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "many"},
			callers: three, want: func(x export) bool { return x.spans == 2 }, spans: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			at := &exports{}
			s := httptest.NewUnstartedServer(at)
			s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			if c.secure {
				s.TLS = &tls.Config{
					Certificates: []tls.Certificate{authority.Server().Load(t)}, ClientCAs: authority.Pool(), ClientAuth: tls.VerifyClientCertIfGiven,
				}
				s.StartTLS()
			} else {
				s.Start()
			}
			defer s.Close()
			env := maps.Clone(c.env)
			for name, value := range env {
				env[name] = strings.ReplaceAll(value, "$url", s.URL)
			}
			if c.callers == nil {
				c.callers = alone
			}
			send(t.Context(), t, env, c.callers...)
			spans := 0
			for _, x := range at.taken() {
				spans += x.spans
				if c.want != nil && !c.want(x) {
					t.Errorf("%+v", x)
				}
			}
			if spans != c.spans {
				t.Errorf("%d spans, want %d", spans, c.spans)
			}
		})
	}
}

// A request that takes longer than it may is given up.
func TestTimeoutOfTraces(t *testing.T) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"} {
		t.Run(name, func(t *testing.T) {
			held := make(chan struct{})
			s := httptest.NewServer(&exports{held: held})
			defer s.Close()
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-held
				cancel() // it would be made again
			}()
			send(ctx, t, map[string]string{oneEndpoint: s.URL, name: "20"}, t.Context())
			<-held
		})
	}
}

// What is not sent yet is sent in time.
func TestDelayOfTraces(t *testing.T) {
	came := make(chan struct{}, 10)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { came <- struct{}{} }))
	defer s.Close()
	t.Setenv(oneEndpoint, s.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	traces, err := NewTraces(context.Background(), "", "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, span := traces.tracer.Start(context.Background(), "call")
	span.End()
	<-came
	if err := traces.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}
