package bench

import (
	"bytes"
	"compress/zlib"
	"context"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
)

// startReal runs a server in a process of its own.
func startReal(t *testing.T) *process {
	t.Helper()
	binary, err := thisProgram("")
	if err != nil {
		t.Fatal(err)
	}
	p, err := prepare(binary, filepath.Join(t.TempDir(), "state"), "LHS_CLUSTER_PARTITIONS=2")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	if err := p.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// small is an ordinary load of a moment.
func small(p *process) []string {
	return []string{
		"--api", p.api, "--server-pid", strconv.Itoa(p.cmd.Process.Pid), "--data-dir", p.dir,
		"--tasks", "2", "--warmup", "0s", "--duration", "300ms", "--concurrency", "8", "--rate", "50",
	}
}

func one[T any](t *testing.T, args ...string) T {
	t.Helper()
	got := lines[T](t, args...)
	if len(got) != 1 {
		t.Fatalf("%d lines", len(got))
	}
	return got[0]
}

// clean says what is wrong with an ordinary load.
func clean(t *testing.T, r *result) {
	t.Helper()
	if r == nil || r.Latency.WfRun.Count == 0 || len(r.Errors) > 0 || r.Unfinished > 0 || r.Server == nil || r.Server.PeakMiB == 0 {
		t.Errorf("%+v", r)
	}
}

func TestTimersFireBesideALoad(t *testing.T) {
	p := startReal(t)
	r := one[timersResult](t, append([]string{"timers", "--count", "40", "--callers", "4", "--due-in", "4s"}, small(p)...)...)
	clean(t, r.Alone)
	clean(t, r.Beside)
	if l := r.Timers.Late; r.Timers.Count != 40 || l.Count != 40 || l.P50 <= 0.001 || r.Timers.FiredSeconds <= 0.9 || r.P99Ratio.WfRun <= 0 {
		t.Errorf("%+v", r.Timers)
	}
	if f := r.figures(); f["firedSeconds"] != r.Timers.FiredSeconds || f["p99RatioWfRun"] != r.P99Ratio.WfRun {
		t.Errorf("%v", f)
	}
}

func TestALoadBesideManyThatWait(t *testing.T) {
	p := startReal(t)
	r := one[largeStateResult](t, append([]string{"large-state", "--count", "300", "--settle", "0s"}, small(p)...)...)
	clean(t, r.Empty)
	clean(t, r.Beside)
	if s := r.State; s.WfRuns != 300 || s.PerSecond <= 0 || s.BeforeMiB <= 0 || s.AfterMiB <= 0 || s.DiskPerWfRun <= 0 {
		t.Errorf("%+v", s)
	}
}

// What is written and what is kept is told window by window while as much goes as comes.
//
// holds: StateForFourteenDays
func TestALoadWhoseWfRunsAreDeleted(t *testing.T) {
	p := startReal(t)
	r := one[retentionResult](t, append([]string{"retention", "--keep", "1s", "--windows", "3", "--random"}, append(small(p), "--runs", "10")...)...)
	clean(t, r.Last)
	if len(r.Windows) != 3 || r.Keep != 1 {
		t.Errorf("%+v", r)
	}
	for _, w := range r.Windows {
		if w.TaskRuns <= 0 || w.Written <= 0 || w.ResidentMiB <= 0 || w.ReportP99Ms <= 0 {
			t.Errorf("%+v", w)
		}
	}
	client, err := lh.Dial(t.Context(), address(t, p.api))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	specs, err := client.RPC().SearchWfSpec(t.Context(), &lhpb.SearchWfSpecRequest{})
	if err != nil || len(specs.Results) != 3 {
		t.Fatalf("%v: %v", specs, err)
	}
	for _, spec := range specs.Results {
		for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			left, err := client.RPC().SearchWfRun(t.Context(), &lhpb.SearchWfRunRequest{WfSpecName: spec.Name})
			if err != nil {
				t.Fatal(err)
			}
			if len(left.Results) == 0 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%d WfRuns of %s are still there", len(left.Results), spec.Name)
			}
		}
	}
}

// address of a server for a client.
func address(t *testing.T, api string) lh.Config {
	t.Helper()
	cfg := lh.DefaultConfig()
	var err error
	if cfg.Host, cfg.Port, err = splitAddress(api); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestALoadBesideLargePayloads(t *testing.T) {
	p := startReal(t)
	r := one[largePayloadResult](t, append([]string{"large-payload", "--count", "5", "--bytes", "200000"}, small(p)...)...)
	clean(t, r.Alone)
	clean(t, r.Beside)
	if l := r.Payloads; l.Count != 5 || l.Latency.Count != 5 || len(l.Errors) != 0 || l.Seconds <= 0.8 {
		t.Errorf("%+v", l)
	}
	// What the server does not take is told, and tried only once.
	r = one[largePayloadResult](t, append([]string{"large-payload", "--count", "2", "--bytes", "2000000"}, small(p)...)...)
	if l := r.Payloads; l.Latency.Count != 0 || l.Errors["ResourceExhausted"]+l.Errors["InvalidArgument"] != 2 {
		t.Errorf("%+v", l)
	}
}

func TestOverloadIsComparedWithACalmLoad(t *testing.T) {
	p := startReal(t)
	args := append([]string{"overload", "--callers", "64"}, small(p)...)
	r := one[overloadResult](t, args[:len(args)-2]...) // without a rate
	clean(t, r.Closed)
	clean(t, r.Calm)
	if r.Closed.Loop != "closed" || r.Over.Loop != "open" || r.Sustainable <= 0 || r.Offered <= r.Sustainable || r.OtherErrors != 0 {
		t.Errorf("%+v", r)
	}
	r = one[overloadResult](t, append(args[:len(args)-2], "--sustainable", "20", "--factor", "3")...)
	if r.Closed != nil || r.Offered != 60 || r.Over.Settings.Rate != 60 || r.Calm.Settings.Rate != 14 {
		t.Errorf("%+v", r)
	}
}

func TestRefusalsAreToldApart(t *testing.T) {
	r := &overloadResult{
		Over: &result{RunWf: 30, Seconds: 2, Refused: &refusals{RunWf: 40}, Errors: map[string]int64{"ResourceExhausted": 50, "Internal": 2}},
		Calm: &result{},
	}
	if r.compare(); r.Refused != 0.4 || r.OtherErrors != 2 {
		t.Errorf("%+v", r)
	}
}

// Few and many partitions are put under the same load.
//
// holds: OneStoreManyPartitions
func TestPartitionsAreMeasuredEach(t *testing.T) {
	got := lines[partitionsResult](t, "partitions", "--dir", t.TempDir(), "--partitions", "1,5", "--idle", "100ms",
		"--tasks", "2", "--warmup", "0s", "--duration", "300ms", "--concurrency", "8")
	if len(got) != 2 || got[0].Partitions != 1 || got[1].Partitions != 5 {
		t.Fatalf("%+v", got)
	}
	for _, r := range got {
		clean(t, &r.result)
		if r.StartSeconds <= 0 || r.IdleMiB <= 0 || r.figures()[strconv.Itoa(r.Partitions)+" partitions taskRunsPerSecond"] <= 0 {
			t.Errorf("%+v", r)
		}
	}
}

func TestAKilledServerServesAgain(t *testing.T) {
	r := one[restartResult](t, "restart", "--dir", t.TempDir(), "--count", "200", "--rounds", "2", "--partitions", "3",
		"--tasks", "2", "--warmup", "0s", "--duration", "300ms", "--concurrency", "8")
	if r.WfRuns != 200 || r.Rounds != 2 || r.DiskBytes <= 0 || r.ResidentMiB <= 0 || r.Load.TaskRuns <= 0 {
		t.Errorf("%+v", r)
	}
	if s, f := r.ServingSeconds, r.TaskRunSeconds; s.Min <= 0 || s.Max < s.Min || f.Min < s.Min {
		t.Errorf("%+v %+v", s, f)
	}
}

func TestAServerThatEndsIsTold(t *testing.T) {
	binary, err := thisProgram("")
	if err != nil {
		t.Fatal(err)
	}
	p, err := prepare(binary, filepath.Join(t.TempDir(), "state"), "LHS_CLUSTER_PARTITIONS=none")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.start(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("%v", err)
	}
}

func TestPayloads(t *testing.T) {
	same, other := newPayload(300, false), newPayload(300, true)
	if a, b := same.next().GetStr(), same.next().GetStr(); len(a) != 300 || a != b {
		t.Errorf("%q, %q", a, b)
	}
	a, b := other.next().GetStr(), other.next().GetStr()
	if len(a) != 300 || len(b) != 300 || a == b {
		t.Errorf("%q, %q", a, b)
	}
	var small bytes.Buffer
	w := zlib.NewWriter(&small)
	_, _ = w.Write([]byte(a))
	_ = w.Close()
	if small.Len() < 200 {
		t.Errorf("%q takes %d bytes", a, small.Len())
	}
}
