package telemetry

import (
	"bytes"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	if ct := w.Result().Header.Get("Content-Type"); !strings.HasPrefix(ct, "text/plain") {
		t.Fatalf("content type %q", ct)
	}
	return string(body)
}

// covers: operations §4
func TestDocumentedNamesAndLabels(t *testing.T) {
	m := NewMetrics("cluster1")
	rpc := NewRPCs(m, "littlehorse.LittleHorse").Method("RunWf", "UNARY")
	rpc.Received.Inc()
	rpc.Sent.Inc()
	rpc.Done("OK", 250*time.Millisecond)
	rpc.Done("OK", 50*time.Millisecond)
	m.Read([]Family{
		{Name: "lh_in_memory_task_queue_size", Help: "Waiting.", Labels: []string{"tenant_id", "task_name"}},
		{Name: "lh_commands_processed_total", Help: "Commands.", Labels: []string{"type"}, Counter: true},
		{Name: "active_tasks_count_core", Help: "Partitions."},
	}, func(emit Emit) {
		emit("lh_in_memory_task_queue_size", 7, "default", "greet")
		emit("lh_commands_processed_total", 3, "core")
		emit("active_tasks_count_core", 12)
	})
	m.Histogram("lh_batch_commands", "Commands.", 1, 3).Observe(2)
	foreign := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "of_others", Buckets: []float64{0, 1, 2, 3, 2e9}})
	foreign.Observe(5e8)
	m.Nanoseconds("lh_fsync_seconds", "Syncs.", func() prometheus.Histogram { return foreign })
	text := scrape(t, m)
	const labels = `lh_cluster_id="cluster1",method="RunWf",methodType="UNARY",service="littlehorse.LittleHorse"`
	for _, line := range []string{
		`grpc_server_processing_duration_seconds_count{` + labels + `,statusCode="OK"} 2`,
		`grpc_server_processing_duration_seconds_sum{` + labels + `,statusCode="OK"} 0.3`,
		`grpc_server_processing_duration_seconds_max{` + labels + `,statusCode="OK"} 0.25`,
		`grpc_server_requests_received_messages_total{` + labels + `} 1`,
		`grpc_server_responses_sent_messages_total{` + labels + `} 1`,
		`lh_in_memory_task_queue_size{lh_cluster_id="cluster1",task_name="greet",tenant_id="default"} 7`,
		`lh_commands_processed_total{lh_cluster_id="cluster1",type="core"} 3`,
		`active_tasks_count_core{lh_cluster_id="cluster1"} 12`,
		`# TYPE lh_commands_processed_total counter`,
		`# TYPE active_tasks_count_core gauge`,
		`lh_batch_commands_bucket{lh_cluster_id="cluster1",le="1"} 0`,
		`lh_batch_commands_bucket{lh_cluster_id="cluster1",le="2"} 1`,
		`lh_fsync_seconds_bucket{lh_cluster_id="cluster1",le="2"} 1`,
		`lh_fsync_seconds_sum{lh_cluster_id="cluster1"} 0.5`,
		`# TYPE grpc_server_processing_duration_seconds summary`,
		`go_goroutines{lh_cluster_id="cluster1"}`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no line %s", line)
		}
	}
}

func TestLongestForgets(t *testing.T) {
	start := time.Now()
	w := &window{since: start}
	w.observe(time.Second)
	if got := w.read(start.Add(time.Second)); got != time.Second {
		t.Fatal(got)
	}
	if got := w.read(start.Add(longestSpan)); got != time.Second {
		t.Fatal("forgot within its span:", got)
	}
	if got := w.read(start.Add(2 * longestSpan)); got != 0 {
		t.Fatal("remembers for ever:", got)
	}
}

func TestLoggerFormats(t *testing.T) {
	for format, want := range map[string]string{"json": `"msg":"hello"`, "text": `msg=hello`} {
		var b bytes.Buffer
		l, err := NewLogger(&b, format, "info")
		if err != nil {
			t.Fatal(err)
		}
		l.Debug("quiet")
		l.Info("hello")
		if s := b.String(); !strings.Contains(s, want) || strings.Contains(s, "quiet") {
			t.Fatalf("%s: %s", format, s)
		}
	}
	if _, err := NewLogger(io.Discard, "xml", "info"); err == nil {
		t.Fatal("xml accepted")
	}
	if _, err := NewLogger(io.Discard, "json", "loud"); err == nil {
		t.Fatal("loud accepted")
	}
}
