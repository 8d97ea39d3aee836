package partition

import (
	"testing"
	"time"

	"littlehorse/internal/pb"
)

// plant is a lane that does a fixed number of records a millisecond, with workers who keep at most so many tasks in
// flight. Each run that is begun brings ten tasks, one after the other.
type plant struct {
	pressure  pressure
	now       time.Time
	capacity  int // records a millisecond
	workers   int
	queue     []job
	tasks     []int // steps left of the runs whose task waits for a worker
	inFlight  int
	done      int // runs
	begun     int
	refused   int
	worst     time.Duration // in the lane, of a millisecond's records
	mostTasks int
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
	p.done, p.begun, p.refused, p.worst, p.mostTasks = 0, 0, 0, 0, 0
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
	p.queue = append(p.queue, job{at: p.now, steps: 10, begin: true})
}

func (p *plant) serve() {
	for p.inFlight < p.workers && len(p.tasks) > 0 {
		p.queue = append(p.queue, job{at: p.now, steps: p.tasks[0]})
		p.tasks = p.tasks[1:]
		p.inFlight++
	}
	n := min(p.capacity, len(p.queue))
	spent := time.Duration(0)
	for _, j := range p.queue[:n] {
		took := p.now.Add(time.Millisecond).Sub(j.at)
		spent += took
		p.worst = max(p.worst, took)
		if !j.begin {
			p.inFlight--
			j.steps--
		}
		if j.steps == 0 {
			p.done++
		} else {
			p.tasks = append(p.tasks, j.steps)
		}
	}
	p.queue = p.queue[n:]
	p.pressure.leave(n, spent, 0)
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
		p.pressure.leave(1, 80*time.Millisecond, 40*time.Millisecond)
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
		p.pressure.leave(1, 300*time.Millisecond, time.Millisecond)
		if i%20 == 0 {
			for range 50 {
				p.ask()
			}
			p.queue = nil
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
	if p.begun > 1500 || p.begun < 2*pressureFloor {
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
