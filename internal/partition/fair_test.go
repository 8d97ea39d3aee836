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
	emits   bool // a record to go on with the work
}

func (m *turns) Apply(_ machine.View, r *pb.Record) machine.Effects {
	if c := r.GetContinue(); c != nil {
		run, _, _ := keys.ParseContinue(keys.Key(c.Key))
		m.applied = append(m.applied, run.WfRun+" goes on")
		m.clock.advance(m.takes(run.WfRun + " goes on"))
		return machine.Effects{Changes: []machine.Change{{Key: rowKey(run.WfRun), Value: counter(1)}, {Key: lostTimer(c)}}}
	}
	run := r.GetRescueThreadRun().GetWfRunId().GetId()
	m.applied = append(m.applied, run+" "+r.Header.Principal)
	m.clock.advance(m.takes(run))
	k := rowKey(run + r.Header.Principal)
	fx := machine.Effects{Changes: []machine.Change{{Key: k, Value: counter(1)}}}
	if m.emits {
		m.emits = false
		goesOn := &pb.Continue{
			Key: []byte(keys.In("t").RunNamed(run).Continue("work")), DueNs: m.clock.Now().Add(time.Minute).UnixNano(),
		}
		fx.Changes = append(fx.Changes, machine.Change{Key: lostTimer(goesOn), Value: &pb.Timer{}})
		fx.Emit = []machine.Emit{{Record: &pb.Record{Command: &pb.Record_Continue{Continue: goesOn}}}}
	}
	return fx
}

// lostTimer is the row of the timer that makes up for the record if it is lost.
func lostTimer(c *pb.Continue) keys.Key {
	return keys.Timer{DueNs: c.DueNs, Tenant: "t", Kind: keys.TimerLost, ID: string(c.Key)}.Key()
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

// TestWhatGoesOnCounts has the work of a WfRun go on in a record of its own, which waits in line before others of the same WfRun that
// come later: they have the next commit, since it has had its share of this one.
func TestWhatGoesOnCounts(t *testing.T) {
	m := &turns{emits: true, takes: func(what string) time.Duration {
		if what == "giant goes on" {
			return time.Millisecond
		}
		return 10 * time.Microsecond
	}}
	r := aside(t, m)
	defer r.stop()
	l := r.host.Lanes()[0]
	r.host.Submit(core(0), of("giant", "begins"), nil)
	m.commit(t, l)
	for n := range 5 {
		r.host.Submit(core(0), of("giant", fmt.Sprint(n)), nil)
	}
	r.host.Submit(core(0), of("small", "x"), nil)
	got := m.commit(t, l)
	if want := []string{"giant goes on", "small x"}; !slices.Equal(got, want) {
		t.Errorf("the commit covers %q instead of %q", got, want)
	}
}

// TestWhatWasToGoOnIsFound ends a server while a record that goes on with the work of another waits in line: the next one goes on at once, long
// before the timer that makes up for lost ones is due, and once.
func TestWhatWasToGoOnIsFound(t *testing.T) {
	m := &turns{emits: true, takes: func(string) time.Duration { return 0 }}
	r := aside(t, m)
	r.host.Submit(core(0), of("giant", "begins"), nil)
	for _, want := range [][]string{{"giant begins"}, {"giant goes on"}, nil} {
		if got := m.commit(t, r.host.Lanes()[0]); !slices.Equal(got, want) {
			t.Errorf("the server does %q instead of %q", got, want)
		}
		r.stop()
		r.open()
	}
	r.stop()
}

// TestALargeOneHasItsPartOfTheTime has records of a giant wait all the time. While one of others comes every so often the giant has
// its part of the time and no more, and they wait for none but the one that is applied; when no others come it has all the time.
func TestALargeOneHasItsPartOfTheTime(t *testing.T) {
	const takes, every = 100 * time.Microsecond, 2 * time.Millisecond
	f := &fair{}
	began := time.Unix(1_700_000_000, 0)
	now, batch := began, uint64(1)
	// work applies for so long, and gives what the giant has cost.
	work := func(long time.Duration, others bool) (spent time.Duration) {
		end, next := now.Add(long), now
		for now.Before(end) {
			if others && !now.Before(next) {
				f.add(queued{record: of(fmt.Sprint("small", batch), "")})
				next = next.Add(every)
			}
			if f.lines[origin{family, "", "giant"}] == nil || f.lines[origin{family, "", "giant"}].waiting.len() == 0 {
				f.add(queued{record: of("giant", "")})
			}
			q, ok := f.next(batch, time.Hour, now)
			batch++
			if !ok {
				now = now.Add(takes / 10)
				f.turnOver(now)
				continue
			}
			now = now.Add(takes)
			q.waiter.line.spend(batch, takes, 0, now)
			q.waiter.leave()
			if q.record.GetRescueThreadRun().GetWfRunId().GetId() == "giant" {
				spent += takes
			} else if q.waiter.paused {
				t.Error("another was paused")
			} else if late := now.Sub(next.Add(-every)); late > 3*takes {
				t.Errorf("another waited for %s", late)
			}
			f.turnOver(now)
		}
		return spent
	}
	if spent := work(time.Second, true); spent > time.Second/partOfTime+2*mostOwed || spent < time.Second/partOfTime/2 {
		t.Errorf("beside others the giant had %s of a second", spent)
	}
	if spent := work(time.Second, false); spent < time.Second-2*sharedFor {
		t.Errorf("alone the giant had %s of a second", spent)
	}
}

// TestALargeOneHasLessOfACommit has records of a giant, which owes something, wait together with one of another: beside others it has a
// third of the share that it has alone.
func TestALargeOneHasLessOfACommit(t *testing.T) {
	const takes = 20 * time.Microsecond
	for _, others := range []bool{false, true} {
		f := &fair{}
		now := time.Unix(1_700_000_000, 0)
		f.charge(origin{family, "", "giant"}, 0, largeCost, 0, now)
		f.charge(origin{family, "", "giant"}, 0, takes, 0, now)
		if others {
			f.add(queued{record: of("small", "")})
		}
		for range 100 {
			f.add(queued{record: of("giant", "")})
		}
		n := 0
		for q, ok := f.next(1, shareTime, now); ok; q, ok = f.next(1, shareTime, now) {
			q.waiter.line.spend(1, takes, 0, now)
			q.waiter.leave()
			if q.record.GetRescueThreadRun().GetWfRunId().GetId() == "giant" {
				n++
			}
		}
		want := int((shareTime + takes - 1) / takes)
		if others {
			want = 1 + int((shareTime/heldShare+takes-1)/takes)
		}
		if n > want || n < want-1 {
			t.Errorf("beside others %v: %d records of the giant are in a commit, not %d", others, n, want)
		}
	}
}

// TestLargeRowsAreFew has every record of a giant write a megabyte. Beside others one is written as often as its bytes allow; alone, one after
// the other.
func TestLargeRowsAreFew(t *testing.T) {
	const mega, every = 1_000_000, 2 * time.Millisecond
	pause := time.Duration(mega-heldBytes) * restsForByte
	for _, others := range []bool{false, true} {
		f := &fair{}
		now := time.Unix(1_700_000_000, 0)
		n := 0
		for batch := uint64(1); batch <= uint64(10*pause/every); batch++ {
			if others {
				f.add(queued{record: of(fmt.Sprint("small", batch), "")})
			}
			f.add(queued{record: of("giant", "")})
			for q, ok := f.next(batch, shareTime, now); ok; q, ok = f.next(batch, shareTime, now) {
				bytes := int64(100)
				if q.record.GetRescueThreadRun().GetWfRunId().GetId() == "giant" {
					bytes = mega
					n++
				}
				q.waiter.line.spend(batch, cost(0, bytes), bytes, now)
				q.waiter.leave()
			}
			f.turnOver(now)
			now = now.Add(every)
		}
		if others && (n < 9 || n > 11) || !others && n < 100 {
			t.Errorf("beside others %v: the giant wrote %d times in ten pauses", others, n)
		}
	}
}

// TestOnceIsNoHabit has one record of a WfRun take long, as any does when the machine does something else meanwhile: the next has its
// turn at once. Two in a row are its own.
func TestOnceIsNoHabit(t *testing.T) {
	for dear := 1; dear <= 2; dear++ {
		f := &fair{}
		now := time.Unix(1_700_000_000, 0)
		for n := range dear + 1 {
			f.add(queued{record: of("small", "")})
			f.add(queued{record: of("run", fmt.Sprint(n))})
			for range 2 {
				q, ok := f.next(uint64(n), time.Hour, now)
				if !ok {
					if n != 2 {
						t.Errorf("after %d records that took long the next has to pause", n)
					}
					continue
				}
				if n == 2 && q.waiter.line.origin.id == "run" {
					t.Error("after two records that took long the next has its turn at once")
				}
				if q.waiter.line.origin.id == "run" {
					q.waiter.line.spend(uint64(n), 10*time.Millisecond, 0, now)
				}
				q.waiter.leave()
			}
			f.turnOver(now)
			now = now.Add(time.Millisecond)
		}
	}
}

// TestWhoIsHeldBackIsNoStrain answers records after a second in the lane: it is slow, unless they are of a line that had to pause.
func TestWhoIsHeldBackIsNoStrain(t *testing.T) {
	for _, paused := range []bool{false, true} {
		m := &turns{takes: func(string) time.Duration { return 0 }}
		r := aside(t, m)
		l := r.host.Lanes()[0]
		at := r.clock.Now().Add(-time.Second)
		b := newBatch()
		for range 10 {
			b.answers = append(b.answers, answer{waiter: waiter{at: at, paused: paused}})
		}
		l.leave(b)
		if got := l.pressure.strain.at(r.clock.Now()); got == paused {
			t.Errorf("records that were paused: %v, the lane is behind: %v", paused, got)
		}
		r.stop()
	}
}

// TestPausesEnd has thousands of records of one WfRun wait, and more of others come while they are applied: all are answered.
func TestPausesEnd(t *testing.T) {
	const giant, others = 3000, 300
	r := newRig(t, func(c *Config) {
		c.Lanes = 1
		c.Machines = map[machine.Kind]machine.Machine{machine.Core: freely{}, machine.Metadata: freely{}}
	}).start()
	defer r.stop()
	answers := make(chan struct{}, giant)
	for n := range giant {
		r.host.Submit(core(0), of("giant", fmt.Sprint(n)), func(machine.Reply) { answers <- struct{}{} })
	}
	for n := range others {
		r.do(core(uint16(n%2)), of(fmt.Sprint("small", n), "x"))
	}
	for range giant {
		<-answers
	}
}

// freely does nothing.
type freely struct{}

func (freely) Apply(machine.View, *pb.Record) machine.Effects {
	return machine.Effects{Changes: []machine.Change{{Key: rowKey("x"), Value: counter(1)}}}
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
			q, ok := f.next(batch, 3*recordCost, time.Time{})
			if !ok {
				f.turnOver(time.Time{})
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
			q.waiter.line.spend(batch, recordCost, 0, time.Time{})
			for other, w := range waitedFor {
				if w[run]++; len(waiting[other]) > 0 && other != run && w[run] > 2+3 {
					t.Fatalf("%s had %d turns while %s waited", run, w[run], other)
				}
			}
		}
		turnOver := func() { f.turnOver(time.Time{}); batch++ }
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
		f.turnOver(time.Time{})
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
		q, ok := f.next(1, time.Second, time.Time{})
		if !ok {
			t.Fatal("no record is in turn")
		}
		return q.waiter
	}
	put("giant")
	first := take()
	f.turnOver(time.Time{})
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
	f.turnOver(time.Time{})
	if n := len(f.lines); n != 2 {
		t.Errorf("%d lines are remembered while two records are not applied", n)
	}
	second.leave()
	small.leave()
	f.turnOver(time.Time{})
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
	goesOn := &pb.Continue{Key: []byte(keys.In("t").RunNamed("root_child").Continue("work"))}
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
		{&pb.Record{Command: &pb.Record_Continue{Continue: goesOn}}, root},
		{&pb.Record{Command: &pb.Record_Continue{Continue: &pb.Continue{Key: []byte("row")}}}, origin{family, "t", "row"}},
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
