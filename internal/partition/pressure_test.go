package partition

import (
	"testing"
	"time"

	"littlehorse/internal/pb"
)

// plant is a lane that does a fixed number of records a millisecond, with workers who keep at most so many tasks in
// flight. Each run that is begun brings ten tasks, one after the other.
type plant struct {
	pressure   pressure
	now        time.Time
	capacity   int // records a millisecond
	workers    int
	continues  bool // runs that have begun go before those that have not
	queue      []job
	tasks      []job // whose runs wait for a worker
	begunTasks []job // the same, that go before those
	inFlight   int
	done       int // runs
	begun      int
	refused    int
	worst      time.Duration // in the lane, of a millisecond's records
	mostTasks  int
	longest    time.Duration // that a task waited for a worker
}

type job struct {
	at    time.Time
	steps int // left of its run
	begin bool
}

func newPlant(capacity, workers int) *plant {
	return &plant{pressure: pressure{target: 50 * time.Millisecond}, now: time.Unix(1_000_000, 0), capacity: capacity, workers: workers}
}

// run lets d pass while so many runs a second are asked for.
func (p *plant) run(d time.Duration, offered int) {
	owed := 0
	p.done, p.begun, p.refused, p.worst, p.mostTasks, p.longest = 0, 0, 0, 0, 0, 0
	for end := p.now.Add(d); p.now.Before(end); p.now = p.now.Add(time.Millisecond) {
		for owed += offered; owed >= 1000; owed -= 1000 {
			p.ask()
		}
		p.serve()
		p.mostTasks = max(p.mostTasks, len(p.tasks))
	}
}

func (p *plant) ask() {
	if ok, _ := p.pressure.admit(p.now, len(p.queue) > 0); !ok {
		p.refused++
		return
	}
	p.begun++
	p.pressure.inLane.Add(1)
	p.queue = append(p.queue, job{at: p.now, steps: 10, begin: true})
}

func (p *plant) serve() {
	for p.inFlight < p.workers && len(p.begunTasks)+len(p.tasks) > 0 {
		from := &p.tasks
		if len(p.begunTasks) > 0 {
			from = &p.begunTasks
		}
		task := (*from)[0]
		*from = (*from)[1:]
		waited := p.now.Sub(task.at)
		p.longest = max(p.longest, waited)
		if from == &p.tasks {
			p.pressure.waited(waited)
		}
		p.queue = append(p.queue, job{at: p.now, steps: task.steps})
		p.inFlight++
	}
	n := min(p.capacity, len(p.queue))
	var all, opening stay
	for _, j := range p.queue[:n] {
		took := p.now.Add(time.Millisecond).Sub(j.at)
		all.add(stay{records: 1, spent: took})
		if j.begin {
			opening.add(stay{records: 1, spent: took})
			p.pressure.inLane.Add(-1)
		}
		p.worst = max(p.worst, took)
		if !j.begin {
			p.inFlight--
			j.steps--
		}
		if j.steps == 0 {
			p.done++
		} else {
			next := job{at: p.now, steps: j.steps}
			if p.continues && !j.begin {
				p.begunTasks = append(p.begunTasks, next)
			} else {
				p.tasks = append(p.tasks, next)
			}
		}
	}
	p.queue = p.queue[n:]
	p.pressure.leave(p.now.Add(time.Millisecond), all, opening, 0)
}

// TestPressureHoldsBack asks for four times what a lane can do: after it has settled, records spend little more than the
// target in it, nearly all it can do is done and few tasks wait for a worker. When less is asked again, all of it is let in.
func TestPressureHoldsBack(t *testing.T) {
	const capacity = 11 // a millisecond: a thousand runs of eleven records a second
	for _, workers := range []int{512, 2000} {
		p := newPlant(capacity, workers)
		p.run(10*time.Second, 500)
		if p.refused > 0 {
			t.Errorf("%d workers: %d of half the load refused", workers, p.refused)
		}
		p.run(10*time.Second, 4000)
		t.Logf("%d workers, settling: %d done, %d refused, worst %s, %d tasks waited", workers, p.done, p.refused, p.worst, p.mostTasks)
		p.run(time.Minute, 4000)
		t.Logf("%d workers, settled: %d done, %d refused, worst %s, %d tasks waited", workers, p.done, p.refused, p.worst, p.mostTasks)
		if p.done < 48_000 {
			t.Errorf("%d workers: %d runs done of 60000 that can be", workers, p.done)
		}
		if p.worst > 200*time.Millisecond || p.mostTasks > 5000 {
			t.Errorf("%d workers: a record took %s, %d tasks waited", workers, p.worst, p.mostTasks)
		}
		p.run(10*time.Second, 500)
		p.run(10*time.Second, 500)
		if p.refused > 0 {
			t.Errorf("%d workers: %d of half the load refused afterwards", workers, p.refused)
		}
	}
}

// TestPressureBoundsHowLongTasksWait: few requests of workers keep the time that records spend in the lane short, however
// many tasks wait for it. So what was let in would wait for longer and longer, if only records counted.
func TestPressureBoundsHowLongTasksWait(t *testing.T) {
	for _, continues := range []bool{false, true} {
		p := newPlant(11, 256)
		p.continues = continues
		p.run(10*time.Second, 4000)
		t.Logf("settling: %d done, %d refused, worst %s, a task waited %s", p.done, p.refused, p.worst, p.longest)
		p.run(time.Minute, 4000)
		t.Logf("settled: %d done, %d refused, worst %s, a task waited %s", p.done, p.refused, p.worst, p.longest)
		if p.done < 54_000 {
			t.Errorf("%d runs done of 60000 that can be", p.done)
		}
		if p.longest > 500*time.Millisecond {
			t.Errorf("a task waited %s", p.longest)
		}
	}
}

// TestPressureIsNotForSlowWorkers: tasks that pile up because few workers take them are no overload of the lane.
func TestPressureIsNotForSlowWorkers(t *testing.T) {
	p := newPlant(11, 4)
	p.run(10*time.Second, 1000)
	if p.refused > 0 || p.mostTasks < 5000 {
		t.Errorf("%d refused, %d tasks waited", p.refused, p.mostTasks)
	}
}

// TestPressureLetsBurstsIn: a thousand runs at once are a queue of a tenth of a second, and no overload.
func TestPressureLetsBurstsIn(t *testing.T) {
	p := newPlant(11, 256)
	p.run(time.Second, 100)
	for range 1000 {
		p.ask()
	}
	if p.refused > 0 {
		t.Errorf("%d of a burst refused", p.refused)
	}
	p.run(3*time.Second, 100)
	if p.done < 1000 {
		t.Errorf("%d done", p.done)
	}
}

// TestPressureIsNotForSlowDisks: a commit of 40 ms, and a record that waits for the one before its own.
func TestPressureIsNotForSlowDisks(t *testing.T) {
	p := newPlant(0, 1)
	for range 1000 {
		p.ask()
		s := stay{records: 1, spent: 80 * time.Millisecond, commit: 40 * time.Millisecond}
		p.pressure.leave(p.now, s, s, 0)
		p.now = p.now.Add(40 * time.Millisecond)
	}
	if p.refused > 0 {
		t.Errorf("%d refused", p.refused)
	}
}

// TestPressureLeavesFewAlone: on a machine that is slow for other reasons, who begins something now and then is never
// refused.
func TestPressureLeavesFewAlone(t *testing.T) {
	p := newPlant(0, 1)
	for i := range 2000 {
		s := stay{records: 1, spent: 300 * time.Millisecond, commit: time.Millisecond}
		p.pressure.leave(p.now, s, s, 0)
		if i%20 == 0 {
			for range 50 {
				p.ask()
			}
			p.queue = nil
			p.pressure.inLane.Store(0)
		}
		p.now = p.now.Add(20 * time.Millisecond)
	}
	if p.refused > 0 {
		t.Errorf("%d of %d refused", p.refused, p.begun)
	}
}

// TestPressureOnAStandstill: a lane that answers nothing for longer than the target lets in the least, and tells the rest
// when to come back.
func TestPressureOnAStandstill(t *testing.T) {
	p := newPlant(0, 1)
	p.run(2*time.Second, 1000)
	if p.begun > 1500 || p.begun < pressureRoom {
		t.Errorf("%d begun in two seconds", p.begun)
	}
	if ok, hint := p.pressure.admit(p.now, true); ok || hint < pressureInterval || hint > pressureHintMax {
		t.Errorf("%v, again in %s", ok, hint)
	}
}

// TestWhatPressureHolds names the commands.
func TestWhatPressureHolds(t *testing.T) {
	for _, r := range []*pb.Record{
		{Command: &pb.Record_RunWf{}}, {Command: &pb.Record_PutExternalEvent{}}, {Command: &pb.Record_PutCorrelatedEvent{}},
	} {
		if !opens(r) || classOf(r) != newWork {
			t.Errorf("%T is let in", r.Command)
		}
	}
	for _, r := range []*pb.Record{
		{Command: &pb.Record_ReportTask{}},
		{Command: &pb.Record_StopWfRun{}},
		{Command: &pb.Record_DeleteWfRun{}},
		{Command: &pb.Record_TimerFired{}},
		{Command: &pb.Record_ClaimTask{}},
		{Command: &pb.Record_PutWfSpec{}},
	} {
		if opens(r) {
			t.Errorf("%T is held back", r.Command)
		}
	}
}

// TestPressureBearsClocksThatOverlap: who looked at the clock first may come second.
func TestPressureBearsClocksThatOverlap(t *testing.T) {
	p := newPlant(11, 512)
	p.run(5*time.Second, 4000)
	before := p.pressure.rate
	p.pressure.admit(p.now, true)
	p.pressure.admit(p.now.Add(-3*time.Millisecond), true)
	if after := p.pressure.rate; before == 0 || after < before/2 || after > 2*before {
		t.Errorf("a rate of %.0f became %.0f", before, after)
	}
}

// TestStrainEndsInSilence: a lane that was behind and then has nothing to do is not behind for ever.
func TestStrainEndsInSilence(t *testing.T) {
	var s strain
	now := time.Unix(1_000_000, 0)
	if s.at(now) {
		t.Error("behind before anything was answered")
	}
	s.leave(now, stay{records: 10, spent: 10 * time.Second, commit: time.Millisecond})
	if !s.at(now) || !s.at(now.Add(strainLasts-1)) {
		t.Error("records spend a second in it, and it is not behind")
	}
	if s.at(now.Add(strainLasts)) {
		t.Error("still behind when nothing was answered for long")
	}
	if s.at(now.Add(-time.Hour)) {
		t.Error("behind for an hour since the clock was set back")
	}
}

// TestPressureIsNotForWhoIsHeldBack: a lane that answers nothing but records that were held back answers.
func TestPressureIsNotForWhoIsHeldBack(t *testing.T) {
	p := newPlant(0, 1)
	for range 1000 {
		p.ask()
		p.pressure.inLane.Store(0)
		p.pressure.leave(p.now, stay{}, stay{}, 1)
		p.now = p.now.Add(2 * time.Millisecond)
	}
	if p.refused > 0 {
		t.Errorf("%d refused", p.refused)
	}
}
