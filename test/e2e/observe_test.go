package e2e

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"google.golang.org/grpc/codes"

	"littlehorse/lhpb"
)

const (
	alertsFile    = "../../deploy/prometheus/alerts.yaml"
	dashboardFile = "../../deploy/grafana/littlehorse.json"
	runbookFile   = "../../docs/ops/runbook.md"
)

// exposed are the series that a server serves after some traffic.
type exposed struct {
	// labels of each name, with the values that were seen.
	labels map[string]map[string][]string
}

func exposedBy(text string) exposed {
	out := exposed{map[string]map[string][]string{}}
	line, label := regexp.MustCompile(`^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? `), regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)
	for l := range strings.Lines(text) {
		m := line.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		if out.labels[m[1]] == nil {
			out.labels[m[1]] = map[string][]string{}
		}
		for _, kv := range label.FindAllStringSubmatch(m[2], -1) {
			out.labels[m[1]][kv[1]] = append(out.labels[m[1]][kv[1]], kv[2])
		}
	}
	return out
}

// ofTarget are labels that Prometheus itself adds.
var ofTarget = []string{"instance", "job"}

// check holds an expression to what is served.
func (e exposed) check(t *testing.T, where, expr string) {
	t.Helper()
	q, err := readPromQL(expr)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	if len(q.uses) == 0 {
		t.Errorf("%s: no metric in %q", where, expr)
	}
	known := slices.Clone(ofTarget)
	for _, u := range q.uses {
		labels, ok := e.labels[u.metric]
		if !ok {
			t.Errorf("%s: no server serves %s", where, u.metric)
			continue
		}
		for name, value := range u.labels {
			switch values := labels[name]; {
			case slices.Contains(ofTarget, name):
			case values == nil:
				t.Errorf("%s: %s has no label %s", where, u.metric, name)
			case value != "" && !slices.Contains(values, value):
				t.Errorf("%s: %s has no %s=%q", where, u.metric, name, value)
			}
		}
		for name := range labels {
			known = append(known, name)
		}
	}
	for _, name := range q.labels {
		if !slices.Contains(known, name) {
			t.Errorf("%s: no metric of it has the label %s", where, name)
		}
	}
}

// traffic makes a server serve every series that there can be: calls that end well and badly, tasks, a worker.
func (c *client) traffic() exposed {
	c.t.Helper()
	c.taskDef("greet")
	c.taskDef("later")
	c.taskFlow("hello", "greet", "later")
	c.worker("greet", greet)
	c.run("hello", "w", "Ana")
	for {
		task, err := c.GetTaskRun(c.ctx, &lhpb.TaskRunId{WfRunId: &lhpb.WfRunId{Id: "w"}, TaskGuid: "0-2"})
		if err == nil && task.Status == lhpb.TaskStatus_TASK_SCHEDULED {
			break
		}
		if c.ctx.Err() != nil {
			c.t.Fatal(c.ctx.Err())
		}
	}
	_, err := c.GetWfRun(c.ctx, &lhpb.WfRunId{Id: "nobody"})
	c.refused(err, codes.NotFound)
	return exposedBy(c.scrape())
}

type alert struct {
	Alert       string
	Expr        string
	Labels      struct{ Severity string }
	Annotations struct{ Summary, Runbook string }
}

func readAlerts(t *testing.T) []alert {
	t.Helper()
	text, err := os.ReadFile(alertsFile)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Groups []struct{ Rules []alert } }
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var out []alert
	for _, g := range file.Groups {
		out = append(out, g.Rules...)
	}
	return out
}

// Alerts, dashboard and run-book speak of metrics that there are, and of one another.
// covers: operations §4
func TestAlertsAndDashboardKnowTheMetrics(t *testing.T) {
	served := inProcess(t).traffic()
	for name, labels := range served.labels {
		if labels["lh_cluster_id"] == nil {
			t.Errorf("%s does not name its cluster", name)
		}
	}
	for _, a := range readAlerts(t) {
		served.check(t, a.Alert, a.Expr)
	}
	for where, expr := range readDashboard(t) {
		served.check(t, where, expr)
	}
}

// readDashboard gives the expressions by where they stand, and holds the panels to what Grafana needs of them.
func readDashboard(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	type source struct{ UID string }
	var d struct {
		Panels []struct {
			ID          int
			Type, Title string
			Datasource  source
			GridPos     struct{ H, W, X, Y int }
			Targets     []struct {
				Datasource          source
				Expr, RefID, Legend string
			}
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
		Annotations struct{ List []struct{ Name, Expr string } }
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if p.Title == "" || ids[p.ID] || out[p.Title] != "" {
			t.Errorf("panel %d %q has no title, or is there twice", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if taken[at] != "" || at[0] >= 24 {
					t.Errorf("panel %q lies on %q, or beside the page", p.Title, taken[at])
				}
				taken[at] = p.Title
			}
		}
		if len(p.Targets) == 0 && p.Type != "row" {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			if target.Datasource.UID != "${datasource}" || p.Datasource.UID != "${datasource}" {
				t.Errorf("panel %q asks a data source of its own", p.Title)
			}
			out[p.Title+" "+target.RefID] = target.Expr
		}
	}
	for _, v := range d.Templating.List {
		if m := labelValues.FindStringSubmatch(v.Definition); m != nil {
			out["variable "+v.Name] = "sum by (" + m[2] + ") (" + m[1] + ")"
		} else if v.Name != "datasource" {
			t.Errorf("variable %s: %q", v.Name, v.Definition)
		}
	}
	for _, a := range d.Annotations.List {
		out["annotation "+a.Name] = a.Expr
	}
	return out
}

// labelValues is how Grafana asks for the values of a label.
var labelValues = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)

// Every alert says how urgent it is and has a section of the run-book, with what it means and what to do; and every
// section is that of an alert.
func TestEveryAlertHasItsPage(t *testing.T) {
	text, err := os.ReadFile(runbookFile)
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for section := range strings.SplitSeq(string(text), "\n## ") {
		title, body, _ := strings.Cut(section, "\n")
		pages[title] = body
	}
	for _, a := range readAlerts(t) {
		page, ok := pages[a.Alert]
		if !ok {
			t.Errorf("%s has no section", a.Alert)
		}
		for _, part := range []string{"**Means** ", "**Look at** ", "**Do** "} {
			if strings.Count(page, "\n"+part) != 1 {
				t.Errorf("the section of %s has no %q, or two", a.Alert, part)
			}
		}
		if a.Annotations.Runbook != "docs/ops/runbook.md#"+strings.ToLower(a.Alert) || a.Annotations.Summary == "" ||
			!slices.Contains([]string{"page", "ticket"}, a.Labels.Severity) {
			t.Errorf("%s: %+v %+v", a.Alert, a.Labels, a.Annotations)
		}
		delete(pages, a.Alert)
	}
	for title := range pages {
		if strings.HasPrefix(title, "LittleHorse") {
			t.Errorf("there is no alert %s", title)
		}
	}
}
