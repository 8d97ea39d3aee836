package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// guarded runs the guard with few WfRuns against limits.
func guarded(t *testing.T, limits string, more ...string) (said, after string, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "limits.txt")
	if err := os.WriteFile(file, []byte(limits), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := Command("1234567")
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(append([]string{"guard", file, "--dir", t.TempDir(), "--alone", "3", "--busy", "4", "--rounds", "2", "--more", "1"}, more...))
	err = cmd.ExecuteContext(t.Context())
	now, readErr := os.ReadFile(file)
	if readErr != nil {
		t.Fatal(readErr)
	}
	return out.String(), string(now), err
}

func TestTheGuardComparesWithLimits(t *testing.T) {
	record := filepath.Join(t.TempDir(), "history", "guard.txt")
	said, _, err := guarded(t, "alone.rows 1 1%\nalone.allocations 1 5% # of an object\nalone.bytes 1000000 1%\nalone.commands 1.3 50%\n", "--record", record)
	if err == nil || !strings.Contains(err.Error(), "alone.rows, alone.allocations") || strings.Contains(err.Error(), "alone.commands") {
		t.Errorf("%v", err)
	}
	if strings.Count(said, "round ") < 2 || strings.Count(said, "WORSE") != 2 || strings.Count(said, "better: lower the limit") != 1 {
		t.Errorf("%s", said)
	}
	text, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	var kept guardRecord
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	if kept.Client != "1234567" || kept.Machine.Cores < 1 || kept.Binary == "" || len(kept.Figures) < 4 {
		t.Errorf("%s", text)
	}
	for name, value := range kept.Figures {
		if value <= 0 {
			t.Errorf("%s: %g", name, value)
		}
	}
}

func TestTheGuardWritesNewLimits(t *testing.T) {
	_, after, err := guarded(t, "alone.rows 1 2.5%\nalone.allocations 1 7%\n", "--update")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "limits.txt")
	if err := os.WriteFile(file, []byte(after), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := readLimits(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].name != "alone.rows" || got[0].value <= 5 || got[0].tolerance != 2.5 || got[1].tolerance != 7 {
		t.Errorf("%+v\n%s", got, after)
	}
}

func TestAFigureThatCouldNotBeMeasured(t *testing.T) {
	var said strings.Builder
	g := &guard{progress: func(format string, args ...any) { fmt.Fprintf(&said, format, args...) }}
	err := g.judge(limits{{"busy.cpu", 1, 10}}, figures{})
	if excused := strings.Contains(said.String(), "NOT MEASURED"); excused == (err != nil) {
		t.Errorf("%v: %s", err, said.String())
	}
	if !overloaded(machine{Cores: 2, LoadAverage: 5}) || overloaded(machine{Cores: 2, LoadAverage: 3}) {
		t.Error("overloaded")
	}
}

// The committed limits are of all figures that are measured.
func TestTheCommittedLimits(t *testing.T) {
	limits, err := readLimits("testdata/guard.txt")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range limits {
		names = append(names, l.name)
	}
	want := []string{"alone.commands", "alone.rows", "alone.bytes", "alone.allocations", "busy.allocations", "busy.cpu"}
	if !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
}

// What a TaskRun may cost at most leaves a core the time for more than a thousand a second.
//
// holds: AThousandTaskRunsASecond
func TestTheLimitsLeaveAThousandASecond(t *testing.T) {
	limits, err := readLimits("testdata/guard.txt")
	if err != nil {
		t.Fatal(err)
	}
	unit, err := calibrate()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range limits {
		if l.name == "busy.cpu" && !l.worse(float64(time.Millisecond)/float64(unit)) {
			t.Errorf("a TaskRun may cost a millisecond of CPU: %g times %s", l.value, unit)
		}
	}
}

func TestLimitsAreChecked(t *testing.T) {
	for _, bad := range []string{"", "rows 1", "rows one 2%", "rows 1 -2%", "rows 0 1%"} {
		file := filepath.Join(t.TempDir(), "limits.txt")
		if err := os.WriteFile(file, []byte(bad), 0o644); err != nil {
			t.Fatal(err)
		}
		if l, err := readLimits(file); err == nil {
			t.Errorf("%q: %v", bad, l)
		}
	}
	l := limit{"rows", 100, 10}
	if l.worse(109) || !l.worse(111) || l.better(91) || !l.better(89) {
		t.Error("tolerance")
	}
}

func TestCalibrationTakesTime(t *testing.T) {
	unit, err := calibrate()
	if err != nil || unit <= 0 {
		t.Errorf("%v %v", unit, err)
	}
}
