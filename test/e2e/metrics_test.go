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

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"littlehorse/lhpb"
)

// A queue that is longer than what is kept of it in memory is counted all the same, and what refused calls are refused
// for is told.
// covers: operations §4
func TestMetricsCountWhatIsNotInMemory(t *testing.T) {
	const runs = 1100
	c := inProcess(t)
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	var g errgroup.Group
	g.SetLimit(20)
	for range runs {
		g.Go(func() error {
			for {
				_, err := c.RunWf(c.ctx, &lhpb.RunWfRequest{WfSpecName: "hello", Variables: map[string]*lhpb.VariableValue{"name": str("Ana")}})
				if status.Code(err) != codes.ResourceExhausted { // as on a machine that is slow for other reasons
					return err
				}
			}
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	stranger := c.as("nobody")
	_, err := stranger.GetTaskDef(stranger.ctx, &lhpb.TaskDefId{Name: "greet"})
	c.refused(err, codes.PermissionDenied)
	text := c.scrape()
	for _, line := range []string{
		`lh_tasks_scheduled{lh_cluster_id="cluster1",task_name="greet",tenant_id="default"} 1100`,
		`lh_in_memory_task_queue_size{lh_cluster_id="cluster1",task_name="greet",tenant_id="default"} 1024`,
		`lh_subcommands_processed_total{lh_cluster_id="cluster1",type="RUN_WF"} 1100`,
		`lh_subcommands_processed_total{lh_cluster_id="cluster1",type="PUT_WF_SPEC"} 1`,
		`lh_refused_total{lh_cluster_id="cluster1",reason="permission"} 1`,
		`lh_apply_seconds_count{lh_cluster_id="cluster1"} 1102`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
}

// scrape gives what the health port serves as metrics.
func (c *client) scrape() string {
	c.t.Helper()
	r, err := http.Get("http://" + c.health + "/metrics")
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(body)
}

// docs/ops/metrics.md is made from what a running server serves. Regenerate it with
// go test ./test/e2e -run TestDocumentedMetrics -write.
//
// holds: MetricsAndHealthOn1822
func TestDocumentedMetrics(t *testing.T) {
	c := inProcess(t)
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	c.run("hello", "w", "Ana")
	var b strings.Builder
	b.WriteString("# Metrics\n\nServed as Prometheus text on the health port, by default <http://localhost:1822/metrics>. Every series carries `lh_cluster_id`.\n")
	b.WriteString("Beside these stand the families `go_*` and `process_*` of the runtime. Which ports and paths: [settings](settings.md); what to\n")
	b.WriteString("do when one looks wrong: [run-book](runbook.md).\n\n| name | type | labels | meaning |\n| --- | --- | --- | --- |\n")
	families := parseMetrics(c.scrape())
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
