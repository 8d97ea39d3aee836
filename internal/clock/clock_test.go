package clock

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

var core = machine.Stream{Kind: machine.Core}

// parts are partitions of timers alone. One that is due fires when somebody looks whether they are idle.
type parts struct {
	clock *Virtual
	done  chan struct{}
	busy  atomic.Bool

	mu    sync.Mutex
	rows  []keys.Key
	fired []time.Time
}

func newParts(t *testing.T, timers ...keys.Timer) *parts {
	t.Helper()
	p := &parts{clock: New(), done: make(chan struct{})}
	for _, timer := range timers {
		p.rows = append(p.rows, timer.Key())
	}
	slices.Sort(p.rows)
	if err := p.clock.Attach(p, func(_, taskDef string) bool { return taskDef == "attended" }, at(0)); err != nil {
		t.Fatal(err)
	}
	return p
}

// at is so many hours after the clocks begin.
func at(hours int) time.Time { return time.Date(2024, 1, 1, hours, 0, 0, 0, time.UTC) }

func timer(kind keys.TimerKind, hours int, id string) keys.Timer {
	return keys.Timer{DueNs: at(hours).UnixNano(), Tenant: "default", Kind: kind, ID: id}
}

func (p *parts) Streams() []machine.Stream { return []machine.Stream{core} }
func (p *parts) Done() <-chan struct{}     { return p.done }

func (p *parts) Idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.rows) > 0 {
		due, _ := keys.TimerDue(p.rows[0])
		if now := p.clock.Now(); due <= now.UnixNano() {
			p.fired = append(p.fired, now.UTC())
			p.rows = p.rows[1:]
			continue
		}
		break
	}
	return !p.busy.Load()
}

func (p *parts) Scan(_ machine.Stream, start, end keys.Key, visit func(k keys.Key, value []byte) bool) error {
	p.mu.Lock()
	rows := slices.Clone(p.rows)
	p.mu.Unlock()
	for _, k := range rows {
		if k >= start && k < end && !visit(k, nil) {
			break
		}
	}
	return nil
}

// What is due on the way happens at its time, in order, and nothing of what lies beyond.
func TestAdvanceGoesFromTimerToTimer(t *testing.T) {
	p := newParts(t, timer(keys.TimerSleep, 2, "b"), timer(keys.TimerRetention, 1, "a"), timer(keys.TimerSleep, 2, "c"), timer(keys.TimerSleep, 5, "d"))
	if err := p.clock.Advance(t.Context(), 3*time.Hour, 0); err != nil {
		t.Fatal(err)
	}
	if want := []time.Time{at(1), at(2), at(2)}; !slices.Equal(p.fired, want) {
		t.Errorf("fired at %v, not at %v", p.fired, want)
	}
	if now := p.clock.Now(); !now.Equal(at(3)) {
		t.Errorf("it is %s", now)
	}
	s, err := p.clock.State()
	if err != nil || !s.Next.Equal(at(5)) {
		t.Errorf("%+v, %v", s, err)
	}
	for _, d := range []time.Duration{-time.Second, 200 * 365 * 24 * time.Hour} {
		if err := p.clock.Advance(t.Context(), d, 0); err == nil {
			t.Errorf("it went %s", d)
		}
	}
}

// Housekeeping brings no time about, but happens on the way.
func TestSkipGoesToWhatMatters(t *testing.T) {
	p := newParts(t, timer(keys.TimerFlushMetrics, 1, ""), timer(keys.TimerSchedule, 2, "s"), timer(keys.TimerMetricWindow, 9, "w"))
	for skips := 0; ; skips++ {
		moved, err := p.clock.Skip(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if !moved {
			if skips != 2 {
				t.Errorf("%d skips", skips)
			}
			break
		}
	}
	if now := p.clock.Now(); !now.Equal(at(2)) {
		t.Errorf("it is %s", now)
	}
}

func TestAutomaticTimeStopsWhereItIsTold(t *testing.T) {
	p := newParts(t, timer(keys.TimerSleep, 1, "a"), timer(keys.TimerSleep, 2, "b"), timer(keys.TimerSleep, 7, "c"))
	p.clock.SetAuto(true, at(3))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.clock.Run(ctx)
	}()
	end := time.Now().Add(time.Minute)
	for !p.clock.Now().Equal(at(2)) && time.Now().Before(end) {
		time.Sleep(time.Millisecond)
	}
	if err := p.clock.Settle(t.Context(), 0); err != nil {
		t.Error(err)
	}
	p.clock.SetAuto(false, time.Time{})
	stop()
	<-ended
	if now := p.clock.Now(); !now.Equal(at(2)) {
		t.Errorf("it is %s", now)
	}
}

func queued(taskDef string) keys.Key {
	return keys.ScheduledTask{Tenant: "default", TaskDef: taskDef, WfRun: "w", Guid: "0-1"}.Key()
}

func running(status lhpb.TaskStatus) machine.Change {
	task := &lhpb.TaskRun{
		Id: &lhpb.TaskRunId{WfRunId: &lhpb.WfRunId{Id: "w"}, TaskGuid: "0-1"}, Status: status, Attempts: []*lhpb.TaskAttempt{{Status: status}},
	}
	return machine.Change{Key: keys.In("default").RunNamed("w").TaskRun("0-1"), Value: task}
}

// Time waits for tasks that somebody has or is about to take, and for no others.
func TestTimeWaitsForTasks(t *testing.T) {
	for name, one := range map[string]struct {
		changes []machine.Change
		waits   bool
		lost    bool
	}{
		"nothing":     {},
		"a worker":    {changes: []machine.Change{{Key: queued("attended"), Value: &pb.Empty{}}}, waits: true},
		"no worker":   {changes: []machine.Change{{Key: queued("alone"), Value: &pb.Empty{}}}},
		"taken":       {changes: []machine.Change{{Key: queued("attended"), Value: &pb.Empty{}}, {Key: queued("attended")}}},
		"running":     {changes: []machine.Change{running(lhpb.TaskStatus_TASK_RUNNING)}, waits: true},
		"reported":    {changes: []machine.Change{running(lhpb.TaskStatus_TASK_RUNNING), running(lhpb.TaskStatus_TASK_SUCCESS)}},
		"lost":        {changes: []machine.Change{running(lhpb.TaskStatus_TASK_RUNNING)}, lost: true},
		"deleted run": {changes: []machine.Change{running(lhpb.TaskStatus_TASK_RUNNING), {Key: running(0).Key}}},
	} {
		p := newParts(t)
		p.clock.Committed(core, one.changes)
		if one.lost {
			p.clock.Lost("default", "w", "0-1", 0)
		}
		if waits, _ := p.clock.busy(); waits != one.waits {
			t.Errorf("%s: waits is %v", name, waits)
		}
		if err := p.clock.Advance(t.Context(), time.Hour, 0); err != nil {
			t.Errorf("%s: without patience: %v", name, err)
		}
	}
}

// Who moves the clock learns when it cannot get there.
func TestAClockThatCannotGoOn(t *testing.T) {
	p := newParts(t)
	p.busy.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.clock.Advance(ctx, time.Hour, 0); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(p.done)
	if err := p.clock.Advance(t.Context(), time.Hour, 0); !errors.Is(err, ErrEnded) {
		t.Error(err)
	}
}

func TestAlarmsRingWhenTheTimeHasCome(t *testing.T) {
	p := newParts(t)
	past, _ := p.clock.Alarm(at(0))
	soon, _ := p.clock.Alarm(at(1))
	given, giveUp := p.clock.Alarm(at(1))
	giveUp()
	<-past
	if err := p.clock.Advance(t.Context(), time.Hour, 0); err != nil {
		t.Fatal(err)
	}
	<-soon
	select {
	case <-given:
		t.Error("an alarm that was given up rings")
	default:
	}
}
