package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"littlehorse/lhpb"
	"littlehorse/test/chain"
	"littlehorse/test/lhserver"
)

// nap is how long a run of putNapping sleeps.
const nap = 2 * time.Second

// TestShiftedClocks lets the clock of one server go an hour ahead and that of another an hour behind, while servers are killed and paused:
// runs began when they did by the clocks of the brokers, and timers fire neither early nor an hour late, whoever owns the partition.
//
// survives: 6 broker; 6 forward
func TestShiftedClocks(t *testing.T) {
	const shift = "LH_TEST_CLOCK_SHIFT"
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	const reads = "sec, nsec, mono := runtimeNow()\n"
	shifted := strings.Replace(string(text), "func Now() Time {\n\t"+reads, "func Now() Time {\n\t"+reads+"\tsec += shift\n", 1)
	shifted = strings.Replace(shifted, "import (\n", "import (\n\t\"syscall\"\n", 1) +
		"\nvar shift = func() int64 {\n\tsaid, _ := syscall.Getenv(\"" + shift + "\")\n\tn, _ := atoi(said)\n\treturn int64(n)\n}()\n"
	program := lhserver.BuildWith(t, map[string]string{source: shifted})

	began := time.Now()
	w := newWorld(t, 0, 1)
	w.load = newLoad(w)
	w.load.turn(t, 0)
	putNapping(w)
	for n, by := range []time.Duration{time.Hour, -time.Hour} {
		s := w.sites[n]
		s.Setenv(fmt.Sprintf("%s=%d", shift, int(by.Seconds())))
		w.replace(s, program)
		if off := s.offBy(w); off < by-time.Minute || off > by+time.Minute {
			t.Fatalf("the clock of server %d is off by %s, and was to be by %s", n, off, by)
		}
	}
	for round, f := range []fault{faults[1], faults[3], faults[1]} {
		ids := w.napAll(fmt.Sprintf("nap-%d", round))
		w.round(f)
		for _, id := range ids {
			w.hasNapped(id, began)
		}
	}
	w.load.turn(t, 1)
	for _, s := range w.sites {
		if n := s.differing(w); n != "0" {
			t.Errorf("server %d has %s copies that differ", s.number, n)
		}
	}
	if w.judge() || t.Failed() {
		w.tellAll()
	}
}

// offBy is how far the clock by which the server writes its log is from ours.
func (s *site) offBy(w *world) time.Duration {
	w.Helper()
	line, _, _ := strings.Cut(s.Output(), " ")
	at, err := time.Parse("time=2006-01-02T15:04:05.999Z07:00", line)
	if err != nil {
		w.Fatal(err)
	}
	return time.Until(at)
}

// differing is how many copies the server does not use because they differ from their owner's.
func (s *site) differing(w *world) string {
	w.Helper()
	for line := range strings.Lines(s.Told(w, "/metrics")) {
		if strings.HasPrefix(line, "lh_copies_differing_total") {
			return line[strings.LastIndex(line, " ")+1 : len(line)-1]
		}
	}
	return "no figure of"
}

// putNapping puts a WfSpec whose runs sleep for a while and end.
func putNapping(w *world) {
	w.Helper()
	chain.Insist(w, func() error {
		_, err := w.sites[0].client.PutWfSpec(w.Context(), &lhpb.PutWfSpecRequest{
			Name: "napping", EntrypointThreadName: "main", ThreadSpecs: map[string]*lhpb.ThreadSpec{"main": {Nodes: map[string]*lhpb.Node{
				"0-entrypoint-ENTRYPOINT": {Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}, OutgoingEdges: chain.Edge("1-nap-SLEEP")},
				"1-nap-SLEEP": {
					Node: &lhpb.Node_Sleep{Sleep: &lhpb.SleepNode{SleepLength: &lhpb.SleepNode_RawSeconds{RawSeconds: &lhpb.VariableAssignment{
						Source: &lhpb.VariableAssignment_LiteralValue{LiteralValue: &lhpb.VariableValue{Value: &lhpb.VariableValue_Int{Int: int64(nap.Seconds())}}},
					}}}},
					OutgoingEdges: chain.Edge("2-exit-EXIT"),
				},
				"2-exit-EXIT": {Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}},
			}}},
		})
		return err
	})
}

// napAll starts runs that sleep, at all servers, as many as bring some to each partition.
func (w *world) napAll(prefix string) (ids []string) {
	w.Helper()
	for n := range 4 * partitions {
		id := fmt.Sprintf("%s-%d", prefix, n)
		w.begin(n, "napping", id)
		ids = append(ids, id)
	}
	return ids
}

// hasNapped waits for the end of a run, and wants its times to be those of the brokers: they may be a second ahead.
func (w *world) hasNapped(id string, began time.Time) {
	w.Helper()
	w.until("run "+id+" ends", func(ctx context.Context) error {
		run, err := w.sites[servers-1].client.GetWfRun(ctx, &lhpb.WfRunId{Id: id})
		if err != nil {
			return err
		}
		if run.Status != lhpb.LHStatus_COMPLETED {
			return fmt.Errorf("it is %s", run.Status)
		}
		from, to, latest := run.StartTime.AsTime(), run.EndTime.AsTime(), time.Now().Add(time.Second)
		if from.Before(began) || to.After(latest) || to.Sub(from) < nap-time.Second {
			w.Errorf("run %s was from %s to %s, and it is between %s and %s", id, from, to, began, latest)
		}
		return nil
	})
}
