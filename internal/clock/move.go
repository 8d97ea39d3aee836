package clock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
)

// State is what the clock shows.
type State struct {
	Now time.Time
	// Auto says that the clock moves by itself, and Until how far; the zero time if that is not bounded.
	Auto  bool
	Until time.Time
	// Queued are the tasks that wait for a worker, Running those that one has.
	Queued, Running int
	// Next is when something will happen by itself; the zero time if nothing will.
	Next time.Time
}

// State may be asked for at any time.
func (v *Virtual) State() (State, error) {
	v.mu.Lock()
	s := State{Now: v.now, Auto: v.auto, Until: v.until, Queued: v.tasks.waiting(), Running: v.tasks.atWork()}
	v.mu.Unlock()
	next, _, err := v.nextTimer(eventful)
	s.Next = next
	return s, err
}

// horizon is the last moment that the clock shows: nanoseconds since 1970 end not much later.
var horizon = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

// Advance moves the clock by d, from timer to timer, each at its time. Between the steps it waits for tasks that workers
// have or are about to take, altogether for patience as long as none is reported or taken; what then still runs is
// overtaken by the time. It returns when everything has happened that the new time brings.
func (v *Virtual) Advance(ctx context.Context, d, patience time.Duration) error {
	if d < 0 {
		return lh.Errorf(lh.InvalidArgument, "the clock only moves forward: %s is less than nothing", d)
	}
	if err := v.take(ctx); err != nil {
		return err
	}
	defer v.release()
	target := v.Now().Add(d)
	if target.After(horizon) {
		return lh.Errorf(lh.InvalidArgument, "the clock ends at %s", horizon.Format(time.RFC3339))
	}
	for {
		if err := v.settle(ctx, patience); err != nil {
			return err
		}
		next, ok, err := v.nextTimer(anything)
		if err != nil {
			return err
		}
		if !ok || next.After(target) {
			break
		}
		v.set(next)
	}
	v.set(target)
	return v.settle(ctx, patience)
}

// Settle waits until everything has happened that the present time brings: for tasks that workers have or are about to
// take it waits as Advance does.
func (v *Virtual) Settle(ctx context.Context, patience time.Duration) error {
	if err := v.take(ctx); err != nil {
		return err
	}
	defer v.release()
	return v.settle(ctx, patience)
}

// Skip settles, and if then no task waits or runs, moves the clock to the next timer that a WfRun or a schedule waits for. It
// tells whether it has moved.
func (v *Virtual) Skip(ctx context.Context, patience time.Duration) (bool, error) {
	if err := v.take(ctx); err != nil {
		return false, err
	}
	defer v.release()
	if err := v.settle(ctx, patience); err != nil {
		return false, err
	}
	return v.skip(time.Time{})
}

// skip moves the clock one step towards the next timer that something waits for; housekeeping on the way is one, too.
func (v *Virtual) skip(until time.Time) (bool, error) {
	v.mu.Lock()
	busy := v.tasks.waiting()+v.tasks.atWork() > 0
	v.mu.Unlock()
	if busy {
		return false, nil
	}
	goal, ok, err := v.nextTimer(eventful)
	if err != nil || !ok || goal.After(horizon) || !until.IsZero() && goal.After(until) {
		return false, err
	}
	step, _, err := v.nextTimer(anything)
	if err != nil {
		return false, err
	}
	v.set(step)
	return true, nil
}

// Lost tells that nobody will report the attempt: nobody need wait for it.
func (v *Virtual) Lost(tenant, wfRun, guid string, number int32) {
	a := attempt{tenant, wfRun, guid, number}
	v.mu.Lock()
	for _, running := range v.tasks.running {
		if running == a {
			v.tasks.lost[a] = struct{}{}
		}
	}
	v.mu.Unlock()
	v.tell()
}

// SetAuto lets the clock move by itself, or not any more: whenever no task waits or runs it skips to the next timer that a
// WfRun or a schedule waits for, but not beyond until, unless that is the zero time.
func (v *Virtual) SetAuto(on bool, until time.Time) {
	v.mu.Lock()
	v.auto, v.until = on, until
	v.mu.Unlock()
	v.tell()
}

// Run moves the clock while it is automatic, until ctx ends.
func (v *Virtual) Run(ctx context.Context) {
	for ctx.Err() == nil {
		moved, err := v.skipByItself(ctx)
		if err != nil {
			return
		}
		if moved {
			continue
		}
		select {
		case <-v.news:
		case <-ctx.Done():
		}
	}
}

func (v *Virtual) skipByItself(ctx context.Context) (bool, error) {
	if on, _ := v.automatic(); !on {
		return false, nil
	}
	if err := v.take(ctx); err != nil {
		return false, err
	}
	defer v.release()
	if err := v.quiet(ctx); err != nil {
		return false, err
	}
	on, until := v.automatic()
	if !on {
		return false, nil
	}
	return v.skip(until)
}

func (v *Virtual) automatic() (on bool, until time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.auto, v.until
}

// take waits for its turn to move the clock.
func (v *Virtual) take(ctx context.Context) error {
	select {
	case v.moving <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("clock: somebody else moves it: %w", ctx.Err())
	}
}

func (v *Virtual) release() { <-v.moving }

// ErrEnded says that there is nothing that the clock moves any more.
var ErrEnded = errors.New("clock: the partitions have ended")

// How often the clock looks whether it may go on.
const (
	firstLook = 50 * time.Microsecond
	lastLook  = 5 * time.Millisecond
)

// settle waits until nothing is on its way, and for tasks as long as patience lasts.
func (v *Virtual) settle(ctx context.Context, patience time.Duration) error {
	pause, before := firstLook, -1
	gaveUp := time.Now().Add(patience)
	for {
		if err := v.quiet(ctx); err != nil {
			return err
		}
		busy, changes := v.busy()
		if !busy {
			return nil
		}
		if changes != before {
			before, pause, gaveUp = changes, firstLook, time.Now().Add(patience)
		} else if time.Now().After(gaveUp) {
			return nil
		}
		if err := v.pause(ctx, &pause); err != nil {
			return err
		}
	}
}

// busy tells whether a worker has a task or is about to take one, and how often that has changed.
func (v *Virtual) busy() (busy bool, changes int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.tasks.atWork() > 0 {
		return true, v.tasks.changes
	}
	for q := range v.tasks.queued {
		if v.attended(q.tenant, q.taskDef) {
			return true, v.tasks.changes
		}
	}
	return false, v.tasks.changes
}

// quiet waits until nothing is on its way and no timer is due that has not fired.
func (v *Virtual) quiet(ctx context.Context) error {
	pause := firstLook
	for {
		if v.parts.Idle() {
			next, ok, err := v.nextTimer(anything)
			if err != nil || !ok || next.After(v.Now()) {
				return err
			}
		}
		if err := v.pause(ctx, &pause); err != nil {
			return err
		}
	}
}

// pause waits a moment, longer each time.
func (v *Virtual) pause(ctx context.Context, d *time.Duration) error {
	t := time.NewTimer(*d)
	defer t.Stop()
	*d = min(*d*2, lastLook)
	select {
	case <-t.C:
		return nil
	case <-v.parts.Done():
		return ErrEnded
	case <-ctx.Done():
		return fmt.Errorf("clock: at %s something still goes on: %w", v.Now().Format(time.RFC3339), ctx.Err())
	}
}

// Which timers.
func anything(keys.TimerKind) bool { return true }

// eventful tells the timers that a WfRun or a schedule waits for from those that tidy up.
func eventful(kind keys.TimerKind) bool {
	switch kind {
	case keys.TimerTaskTimeout, keys.TimerTaskRetry, keys.TimerEventTimeout, keys.TimerSleep, keys.TimerSchedule,
		keys.TimerUserTask, keys.TimerLost:
		return true
	case keys.TimerRetention, keys.TimerEventExpiry, keys.TimerCorrelated, keys.TimerFlushMetrics,
		keys.TimerMetricWindow, keys.TimerTrimOutput:
	}
	return false
}

// nextTimer is when the first timer of all partitions is due, of the kinds that count.
func (v *Virtual) nextTimer(counts func(keys.TimerKind) bool) (first time.Time, found bool, err error) {
	for _, s := range v.parts.Streams() {
		err := v.parts.Scan(s, keys.Timers(), keys.Timers().End(), func(k keys.Key, _ []byte) bool {
			t, err := keys.ParseTimer(k)
			if err != nil || !counts(t.Kind) {
				return true
			}
			if at := time.Unix(0, t.DueNs); !found || at.Before(first) {
				first, found = at, true
			}
			return false
		})
		if err != nil {
			return time.Time{}, false, fmt.Errorf("clock: read the timers of %s: %w", s, err)
		}
	}
	return first, found, nil
}
