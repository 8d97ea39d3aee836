package e2e

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// docs/ops/metrics.md is made from what a running server serves. Regenerate it with
// go test ./test/e2e -run TestDocumentedMetrics -write.
func TestDocumentedMetrics(t *testing.T) {
	c := inProcess(t)
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	c.run("hello", "w", "Ana")
	r, err := http.Get("http://" + c.health + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("# Metrics\n\nServed as Prometheus text on the health port, by default <http://localhost:1822/metrics>. Every series carries `lh_cluster_id`.\n")
	b.WriteString("Beside these stand the families `go_*` and `process_*` of the runtime.\n\n| name | type | labels | meaning |\n| --- | --- | --- | --- |\n")
	families := parseMetrics(string(body))
	for _, name := range slices.Sorted(maps.Keys(families)) {
		f := families[name]
		if !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, f.kind, strings.Join(slices.Sorted(maps.Keys(f.labels)), ", "), f.help)
		}
	}
	const file = "../../docs/ops/metrics.md"
	if *write {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != b.String() {
		t.Errorf("%s is not what the server serves (%v): run this test with -write", file, err)
	}
}

type metricFamily struct {
	kind, help string
	labels     map[string]bool
}

// parseMetrics reads the Prometheus text format as far as names, kinds and labels go.
func parseMetrics(text string) map[string]*metricFamily {
	out := map[string]*metricFamily{}
	var last *metricFamily
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, help, _ := strings.Cut(rest, " ")
			last = &metricFamily{help: help, labels: map[string]bool{}}
			out[name] = last
			continue
		}
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			_, last.kind, _ = strings.Cut(rest, " ")
			continue
		}
		_, labels, _ := strings.Cut(line, "{")
		for _, part := range strings.Split(labels, "\",") {
			if name, _, ok := strings.Cut(part, "=\""); ok && name != "lh_cluster_id" {
				last.labels["`"+name+"`"] = true
			}
		}
	}
	return out
}
