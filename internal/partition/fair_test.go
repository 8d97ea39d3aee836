package partition

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// of is a command of the toy on behalf of one WfRun.
func of(run, line string) *pb.Record {
	return &pb.Record{Command: &pb.Record_RescueThreadRun{RescueThreadRun: &lhpb.RescueThreadRunRequest{
		WfRunId: &lhpb.WfRunId{Id: run}, // who waits with whom
	}}, Header: &pb.Header{Principal: line}}
}

// turns is a machine that notes on whose behalf each record was applied, and takes as long as it is told.
type turns struct {
	clock   *fakeClock
	takes   func(run string) time.Duration
	applied []string
}

func (m *turns) Apply(_ machine.View, r *pb.Record) machine.Effects {
	run := r.GetRescueThreadRun().GetWfRunId().GetId()
	m.applied = append(m.applied, run+" "+r.Header.Principal)
	m.clock.advance(m.takes(run))
	k := rowKey(run + r.Header.Principal)
	return machine.Effects{Changes: []machine.Change{{Key: k, Value: counter(1)}}}
}

// aside is a rig of one lane, driven by hand, over the machine.
func aside(t testing.TB, m *turns) *rig {
	r := newRig(t, func(c *Config) {
		c.Manual, c.Lanes, c.FatalPanics = true, 1, true
		c.Machines = map[machine.Kind]machine.Machine{machine.Core: m, machine.Metadata: m}
	})
	m.clock = r.clock
	r.open()
	return r
}

// commit applies what one commit covers, publishes it, and returns it.
func (m *turns) commit(t testing.TB, l *Lane) []string {
	before := len(m.applied)
	if _, err := l.Step(); err != nil {
		t.Fatal(err)
	}
	return m.applied[before:]
}

// TestOneGivesWayToTheOthers has a thousand records of one WfRun wait when one of each of ten others comes: all ten are in the
// next commit, behind one record of the giant, which has no more than its share of that commit; and nothing of the giant
// is lost or out of order.
func TestOneGivesWayToTheOthers(t *testing.T) {
	const giant, others = 1000, 10
	m := &turns{takes: func(string) time.Duration { return 50 * time.Microsecond }}
	r := aside(t, m)
	defer r.stop()
	for n := range giant {
		r.host.Submit(core(0), of("giant", fmt.Sprint(n)), nil)
	}
	for n := range others {
		r.host.Submit(core(0), of(fmt.Sprint("small", n), "x"), nil)
	}
	l := r.host.Lanes()[0]
	first := m.commit(t, l)
	for n := range others {
		if at := slices.Index(first, fmt.Sprintf("small%d x", n)); at != n+1 {
			t.Errorf("small%d is number %d of the first commit %q", n, at, first)
		}
	}
	most := int(shareTime/(50*time.Microsecond+recordCost)) + 1
	if of := len(first) - others; of > most {
		t.Errorf("%d records of the giant are in the first commit, not %d at most", of, most)
	}
	for commits := 1; len(m.applied) < giant+others; commits++ {
		if len(m.commit(t, l)) == 0 || commits > giant {
			t.Fatalf("only %d records were applied, in %d commits", len(m.applied), commits)
		}
	}
	n := 0
	for _, a := range m.applied {
		if strings.HasPrefix(a, "giant") {
			if a != fmt.Sprint("giant ", n) {
				t.Fatalf("%q instead of record %d", a, n)
			}
			n++
		}
	}
}

// TestWhatOneRecordCosts has a WfRun whose every record takes long: a commit covers one of them, however many wait.
func TestWhatOneRecordCosts(t *testing.T) {
	m := &turns{takes: func(string) time.Duration { return time.Millisecond }}
	r := aside(t, m)
	defer r.stop()
	for n := range 5 {
		r.host.Submit(core(0), of("giant", fmt.Sprint(n)), nil)
	}
	for n := range 5 {
		if got := m.commit(t, r.host.Lanes()[0]); len(got) != 1 {
			t.Errorf("commit %d covers %q", n, got)
		}
	}
}

// TestTurns puts records of some origins in line in any order, takes them in batches of any size, and looks at what comes out:
// each once, those of one origin in their order, and none has more than its share and two turns while another waits.
func TestTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &fair{}
		waiting := map[string][]int{} // by WfRun
		waitedFor := map[string]map[string]int{}
		batch, next := uint64(1), 0
		put := func() {
			run := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "run")
			f.add(queued{record: of(run, ""), waiter: waiter{bytes: int64(next)}})
			if len(waiting[run]) == 0 {
				waitedFor[run] = map[string]int{}
			}
			waiting[run] = append(waiting[run], next)
			next++
		}
		take := func() {
			q, ok := f.next(batch, 3*recordCost)
			if !ok {
				f.turnOver()
				batch++
				return
			}
			run := q.record.GetRescueThreadRun().GetWfRunId().GetId()
			if first := waiting[run][0]; q.waiter.bytes != int64(first) {
				t.Fatalf("record %d of %s instead of %d", q.waiter.bytes, run, first)
			}
			waiting[run] = waiting[run][1:]
			waitedFor[run] = map[string]int{}
			q.waiter.leave()
			q.waiter.line.spend(batch, recordCost)
			for other, w := range waitedFor {
				if w[run]++; len(waiting[other]) > 0 && other != run && w[run] > 2+3 {
					t.Fatalf("%s had %d turns while %s waited", run, w[run], other)
				}
			}
		}
		turnOver := func() { f.turnOver(); batch++ }
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			rapid.SampledFrom([]func(){put, put, take, take, turnOver}).Draw(t, "step")()
		}
		for i := 0; next > 0 && i < 20*next; i++ {
			take()
		}
		for run, left := range waiting {
			if len(left) > 0 {
				t.Errorf("%v of %s never had a turn", left, run)
			}
		}
		f.turnOver()
		if len(f.lines) > 0 {
			t.Errorf("%d lines are remembered", len(f.lines))
		}
	})
}

// TestWhatIsPlacedKeepsItsLine has a batch end while a record has its place in the log and is not applied: its line is not
// given to another, who would pay for it, and is the one that its origin's next record waits in.
func TestWhatIsPlacedKeepsItsLine(t *testing.T) {
	f := &fair{}
	put := func(run string) { f.add(queued{record: of(run, "")}) }
	take := func() waiter {
		q, ok := f.next(1, time.Second)
		if !ok {
			t.Fatal("no record is in turn")
		}
		return q.waiter
	}
	put("giant")
	first := take()
	f.turnOver()
	put("small")
	small := take()
	if small.line == first.line {
		t.Error("the other has the line of a record that is not applied")
	}
	put("giant")
	second := take()
	if second.line != first.line {
		t.Error("the next of the same origin waits in another line")
	}
	first.leave()
	f.turnOver()
	if n := len(f.lines); n != 2 {
		t.Errorf("%d lines are remembered while two records are not applied", n)
	}
	second.leave()
	small.leave()
	f.turnOver()
	if n := len(f.lines); n != 0 {
		t.Errorf("%d lines are remembered when all is applied", n)
	}
}

// TestOrigins tells who waits in line with whom.
func TestOrigins(t *testing.T) {
	id := &lhpb.WfRunId{Id: "child", ParentWfRunId: &lhpb.WfRunId{Id: "root"}}
	task := &lhpb.TaskRunId{WfRunId: id, TaskGuid: "g"}
	timer := func(kind keys.TimerKind, id string) *pb.Record {
		return timerFired(keys.Timer{DueNs: 1, Tenant: "t", Kind: kind, ID: id}.Key(), 1)
	}
	root := origin{family, "t", "root"}
	for _, c := range []struct {
		r    *pb.Record
		want origin
	}{
		{&pb.Record{Command: &pb.Record_ReportTask{ReportTask: &pb.ReportTask{Report: &lhpb.ReportTaskRun{TaskRunId: task}}}}, root},
		{&pb.Record{Command: &pb.Record_ClaimTask{ClaimTask: &pb.ClaimTask{TaskRunId: task}}}, root},
		{&pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: &lhpb.PutExternalEventRequest{WfRunId: id}}}, root},
		{timer(keys.TimerSleep, "root_child/0/1"), root},
		{timer(keys.TimerRetention, "root"), root},
		{timer(keys.TimerTaskRetry, "root/guid"), root},
		{timer(keys.TimerFlushMetrics, ""), origin{anything, "t", ""}},
		{&pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{
			Request: &lhpb.RunWfRequest{ParentWfRunId: id}, WfSpecId: &lhpb.WfSpecId{Name: "spec"},
		}}}, root},
		{&pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{WfSpecId: &lhpb.WfSpecId{Name: "spec"}}}}, origin{starts, "t", "spec"}},
		{&pb.Record{Command: &pb.Record_PutTaskDef{}}, origin{anything, "t", ""}},
	} {
		if c.r.Header == nil {
			c.r.Header = &pb.Header{Tenant: "t"}
		}
		if got := originOf(c.r); got != c.want {
			t.Errorf("%T: %v instead of %v", c.r.Command, got, c.want)
		}
	}
}
