package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// lines runs the command and reads the lines it prints.
func lines[T any](t *testing.T, args ...string) []T {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	cmd := Command("")
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	var read []T
	for line := range strings.Lines(out.String()) {
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		read = append(read, v)
	}
	return read
}

// comparedLine is a line of compare of either kind.
type comparedLine struct {
	Side     string         `json:"side"`
	Round    int            `json:"round"`
	Measured map[string]any `json:"measured"`
	compareResult
}

func TestEndpointsAreMeasuredInTurn(t *testing.T) {
	a, b := startFake(t, 2), startFake(t, 2)
	got := lines[comparedLine](t, "compare",
		fmt.Sprintf("ours=127.0.0.1:%d", a.port), fmt.Sprintf("theirs=127.0.0.1:%d,polls=1,workers=3", b.port),
		"--rounds", "2", "--warm", "10", "--pause", "0s", "--label", "it",
		"--", "tasks", "--tasks", "2", "--runs", "20", "--warmup", "0s", "--concurrency", "4")
	if len(got) != 5 {
		t.Fatalf("%d lines", len(got))
	}
	var order []string
	for _, l := range got[:4] {
		order = append(order, fmt.Sprint(l.Side, l.Round, l.Measured["scenario"], l.Measured["label"]))
	}
	if want := []string{"ours1tasksours", "theirs1taskstheirs", "ours2tasksours", "theirs2taskstheirs"}; !slices.Equal(order, want) {
		t.Errorf("%q", order)
	}
	set := got[1].Measured["settings"].(map[string]any)
	if set["polls"] != 1.0 || set["workers"] != 3.0 || got[0].Measured["settings"].(map[string]any)["workers"] != 2.0 {
		t.Errorf("flags of one endpoint: %v", set)
	}
	r := got[4]
	if r.Scenario != "compare" || r.Of != "tasks" || r.Label != "it" || r.Rounds != 2 || r.Warm != 10 || len(r.Sides) != 2 || len(r.Ratios) != 1 {
		t.Fatalf("%+v", r)
	}
	ratio := r.Ratios[0].Ratios["taskRunsPerSecond"]
	if r.Ratios[0].Of != "ours" || r.Ratios[0].Over != "theirs" || ratio.Min <= 0 || ratio.Min > ratio.Median || ratio.Median > ratio.Max {
		t.Errorf("%+v", r.Ratios)
	}
	if s := r.Sides[0].Figures["wfRunP99Ms"]; s.Min <= 0 || s.Max < s.Min {
		t.Errorf("%+v", r.Sides)
	}
	// Five WfRuns warm each of them, beside 20 in each of two rounds.
	for _, f := range []*fake{a, b} {
		if len(f.done) < 45 {
			t.Errorf("%d WfRuns", len(f.done))
		}
	}
}

func TestRatiosAreTakenRoundByRound(t *testing.T) {
	a := &compared{figures: []figures{{"x": 10, "y": 1}, {"x": 30, "y": 1}, {"x": 20, "y": 1}}}
	b := &compared{figures: []figures{{"x": 1, "y": 0}, {"x": 2, "y": 2}, {"x": 3, "y": 2}}}
	got := a.over(b)
	if want := (spread{Min: 6.667, Median: 10, Max: 15}); got["x"] != want {
		t.Errorf("%+v", got["x"])
	}
	if _, there := got["y"]; there {
		t.Error("a ratio over nothing")
	}
	if s := spreadOf([]float64{4, 1, 3, 2}); s != (spread{1, 2.5, 4}) {
		t.Errorf("%+v", s)
	}
}

func TestLatencyIsMeasuredAtEachRate(t *testing.T) {
	f := startFake(t, 2)
	got := lines[latencyResult](t, "latency", "--api", fmt.Sprintf("127.0.0.1:%d", f.port), "--tasks", "2",
		"--warmup", "0s", "--duration", "200ms", "--task-runs", "100,400")
	if len(got) != 2 {
		t.Fatalf("%d lines", len(got))
	}
	for i, rate := range []float64{100, 400} {
		r := got[i]
		if r.Scenario != "latency" || r.Offered != rate || r.Settings.Rate != rate/2 || r.Loop != "open" || r.Latency.WfRun.Count == 0 || len(r.Errors) > 0 {
			t.Errorf("%+v", r)
		}
		if _, there := r.figures()[fmt.Sprint(rate, "/s reportToNextTaskP99Ms")]; !there {
			t.Errorf("%v", r.figures())
		}
	}
}

func TestComparisonsAreChecked(t *testing.T) {
	for _, bad := range [][]string{
		{"a:1"},
		{"a:1", "a:1"},
		{"a:1", "b:1,no-such=1"},
		{"a:1", "b:1,polls=0"},
		{"a:1", "b:1", "--rounds", "0"},
		{"a:1", "b:1", "--", "giant"},
		{"a:1", "b:1", "--", "tasks", "more"},
		{"--", "tasks"},
	} {
		cmd := Command("")
		cmd.SetOut(new(bytes.Buffer))
		cmd.SetErr(new(bytes.Buffer))
		cmd.SetArgs(append([]string{"compare"}, bad...))
		if err := cmd.ExecuteContext(t.Context()); err == nil {
			t.Errorf("accepted: %q", bad)
		}
	}
}
