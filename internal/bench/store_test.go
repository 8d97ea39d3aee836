package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// storeArgs are where a test's benchmark lives.
func storeArgs(t *testing.T) []string {
	t.Helper()
	ports, err := freePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		"--dir", filepath.Join(t.TempDir(), "kafkaState"),
		"--api", fmt.Sprintf("127.0.0.1:%d", ports[0]), "--metrics", fmt.Sprintf("127.0.0.1:%d", ports[1]),
	}
}

// printed runs a command and gives what it prints.
func printed(ctx context.Context, args ...string) (string, error) {
	cmd := Command("")
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	return out.String(), err
}

// Each command of the published benchmark does what its document says.
//
// holds: StoreBenchmark
func TestTheStoreBenchmarkByTheNamesOfItsCommands(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	where := storeArgs(t)
	done := map[string]bool{"server": true, "workflowMetrics": true}
	do := func(args ...string) string {
		t.Helper()
		done[args[0]] = true
		said, err := printed(t.Context(), append(args, where...)...)
		if err != nil {
			t.Fatalf("%s: %v\n%s", args[0], err, said)
		}
		return said
	}
	if said, err := printed(t.Context(), append([]string{"server"}, where...)...); err == nil || !strings.Contains(err.Error(), "run setup first") {
		t.Errorf("%v %s", err, said)
	}
	do("setup")
	do("setup") // changes nothing
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		if said, err := printed(ctx, append([]string{"server"}, where...)...); err != nil {
			t.Errorf("server: %v\n%s", err, said)
		}
	})
	asked := func() []storeWindow {
		said, err := printed(t.Context(), append([]string{"workflowMetrics", "10"}, where...)...)
		var all []storeWindow
		if err != nil || json.Unmarshal([]byte(said), &all) != nil {
			return nil
		}
		return all
	}
	until(t, func() bool { return asked() != nil })
	if said := do("launchTests", "3", "500"); !strings.Contains(said, `"workflows":3,"taskRuns":300,"outputBytes":500`) {
		t.Errorf("%s", said)
	}
	var sum storeWindow
	until(t, func() bool {
		sum = storeWindow{}
		for _, w := range asked() {
			sum.TaskStarts += w.TaskStarts
			sum.TaskCompletes += w.TaskCompletes
			sum.MessagesProcessed += w.MessagesProcessed
			sum.MaxTaskStartLatency = max(sum.MaxTaskStartLatency, w.MaxTaskStartLatency)
			sum.TaskCompleteLatency += w.TaskCompleteLatency
		}
		return sum.TaskCompletes == 300 && sum.MessagesProcessed >= 303
	})
	if sum.TaskStarts != 300 || sum.MaxTaskStartLatency <= 0 || sum.TaskCompleteLatency <= 0 {
		t.Errorf("%+v", sum)
	}
	if said := do("streamsMetrics"); !strings.Contains(said, "lh_commands_processed_total") || !strings.Contains(said, "lh_store_bytes") {
		t.Errorf("%s", said)
	}
	if _, err := printed(t.Context(), append([]string{"cleanup"}, where...)...); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("%v", err)
	}
	cancel()
	running.Wait()
	do("cleanup")
	if _, err := os.Stat(where[1]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	do("cleanup")

	page, err := os.ReadFile("../../docs/bench.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```sh test=internal/bench/store_test.go:"+t.Name()+"\n")
	block, _, _ = strings.Cut(block, "```")
	for line := range strings.Lines(block) {
		name := strings.Fields(strings.TrimPrefix(line, "lh bench "))[0]
		if !done[name] {
			t.Errorf("docs/bench.md has %s", name)
		}
		delete(done, name)
	}
	if len(done) > 0 {
		t.Errorf("docs/bench.md does not have %v", done)
	}
}

// until looks again and again, as long as the test may run.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	for !holds() {
		if err := wait(t.Context(), 20*time.Millisecond, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCleanupRemovesNothingOfOthers(t *testing.T) {
	where := storeArgs(t)
	if err := os.MkdirAll(where[1], 0o755); err != nil {
		t.Fatal(err)
	}
	theirs := filepath.Join(where[1], "letters")
	if err := os.WriteFile(theirs, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := printed(t.Context(), append([]string{"cleanup"}, where...)...); err == nil || !strings.Contains(err.Error(), "letters") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(theirs); err != nil {
		t.Error(err)
	}
}

// The three published cases are one command.
//
// holds: StoreBenchmark
func TestTheThreePublishedCases(t *testing.T) {
	got := lines[caseResult](t, "cases", "--dir", t.TempDir(), "--workflows", "2", "--large-workflows", "1", "--state-workflows", "3",
		"--small", "20", "--large", "5000", "--state-bytes", "10")
	if len(got) != 3 {
		t.Fatalf("%d lines", len(got))
	}
	for i, want := range []struct {
		name                   string
		state, taskRuns, bytes int
	}{{"fresh start, small tasks", 0, 200, 20}, {"fresh start, large tasks", 0, 100, 5000}, {"large state, small tasks", 300, 200, 20}} {
		r := got[i]
		if r.Case != want.name || r.State != want.state || r.TaskRuns != want.taskRuns || r.Bytes != want.bytes || r.Failed != 0 {
			t.Errorf("%+v", r)
		}
		if n := int64(want.taskRuns); r.Start.Count != n || r.Complete.Count != n || r.PerSecond <= 0 || r.StateBytes <= 0 || len(r.Windows) == 0 {
			t.Errorf("%+v", r)
		}
	}
}

func TestWindowsFollowOneAnother(t *testing.T) {
	var w windows
	at := time.UnixMilli(1_000_000_000_000 / 30_000 * 30_000)
	w.started(at, 2*time.Millisecond)
	w.started(at.Add(29*time.Second), 5*time.Millisecond)
	w.completed(at.Add(95*time.Second), time.Millisecond)
	w.completed(at.Add(10*time.Second), time.Second) // late news
	var starts []int64
	for _, one := range w.all {
		starts = append(starts, one.Timestamp-at.UnixMilli())
	}
	if want := []int64{0, 30_000, 60_000, 90_000}; fmt.Sprint(starts) != fmt.Sprint(want) {
		t.Errorf("%v", starts)
	}
	first := w.all[0]
	if first.TaskStarts != 2 || first.TaskStartLatency != 7 || first.MaxTaskStartLatency != 5 || first.TaskCompletes != 1 || first.MaxTaskCompleteLatency != 1000 {
		t.Errorf("%+v", first)
	}
	if last := w.all[3]; last.TaskCompletes != 1 || last.TaskCompleteLatency != 1 {
		t.Errorf("%+v", last)
	}
}
