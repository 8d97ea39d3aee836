package kafka

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"littlehorse/test/lhserver"
)

// bench runs `lh bench` over the brokers and reads the line that it prints.
func bench(t *testing.T, into any, args ...string) {
	t.Helper()
	cmd := exec.Command(lhserver.Binary(t), append(append([]string{"bench"}, args...), "--brokers", brokers(t), "--dir", t.TempDir())...)
	var said bytes.Buffer
	cmd.Env, cmd.Stderr = os.Environ(), &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	t.Logf("%s", out)
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatal(err)
	}
}

// TestClusterIsMeasured lets the servers of a small cluster move, die and restart once.
func TestClusterIsMeasured(t *testing.T) {
	type spread struct{ Min, Max float64 }
	var r struct {
		StartSeconds float64
		BroadcastMs  *spread
		PlannedMove  *struct {
			Leaving spread `json:"slowestCallMsWhileItLeaves"`
			Coming  spread `json:"slowestCallMsWhileItComes"`
			Errors  map[string]int
		}
		Takeover *struct {
			DetectedSeconds, AnsweredSeconds spread
			WfRuns                           int
		}
		RestartServingSeconds spread
	}
	bench(t, &r, "cluster", "--servers", "2", "--partitions", "4", "--rounds", "1", "--session", "6s", "--idle", "100ms", "--rate", "50")
	if r.StartSeconds <= 0 || r.BroadcastMs == nil || r.PlannedMove == nil || r.Takeover == nil || r.RestartServingSeconds.Min <= 0 {
		t.Fatalf("%+v", r)
	}
	if m := r.PlannedMove; m.Leaving.Max <= 0 || m.Coming.Max <= 0 || len(m.Errors) > 0 {
		t.Errorf("%+v", m)
	}
	if to := r.Takeover; to.WfRuns != 32 || to.DetectedSeconds.Min <= 0 || to.AnsweredSeconds.Min < to.DetectedSeconds.Min {
		t.Errorf("%+v", to)
	}
}

// TestRebuildIsMeasured loses a small disk.
func TestRebuildIsMeasured(t *testing.T) {
	var r struct {
		WfRuns      int
		Bytes, Rows int64
		MBPerSecond struct{ Median float64 }
	}
	bench(t, &r, "rebuild", "--bytes", "400000", "--payload", "4000", "--partitions", "3", "--rounds", "1")
	if r.WfRuns != 100 || r.Bytes < 400_000 || r.Rows < 100 || r.MBPerSecond.Median <= 0 {
		t.Errorf("%+v", r)
	}
}
