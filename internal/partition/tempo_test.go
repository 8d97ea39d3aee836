package partition

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// So many fire one behind the other, then one each time there is time for it, however long nothing was due.
//
// covers: operations §6 timers
func TestTempo(t *testing.T) {
	var tempo tempo
	now := time.Unix(1_000_000, 0)
	taken := func() (n int) {
		for tempo.take(now) {
			n++
		}
		return n
	}
	for _, step := range []struct {
		passed time.Duration
		want   int
	}{
		{0, timersAtOnce},
		{timerTime - 1, 0},
		{1, 1},
		{3 * timerTime, 3},
		{time.Hour, timersAtOnce},
		{timersAtOnce / 2 * timerTime, timersAtOnce / 2},
	} {
		if now = now.Add(step.passed); taken() != step.want {
			t.Errorf("%s later it is not %d that fire", step.passed, step.want)
		}
	}
}

// The tempo is for those who call a lane: alone its timers fire as fast as they can, and so they do when they are late.
//
// covers: operations §6 timers
func TestWhoKeepsTheTempo(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Manual, c.Lanes = true, 1 })
	r.open()
	defer r.stop()
	due := r.clock.in(time.Second)
	r.host.Submit(core(0), fresh(fmt.Sprintf("timer %d t", due)), nil)
	r.step(0)
	l := r.host.Lanes()[0]
	w, now := l.pump.windows[0], time.Unix(2_000_000_000, 0)
	if l.pump.holds(w, due, now) {
		t.Error("nobody has called of late, and the tempo is kept")
	}
	l.asked.Store(now.UnixNano())
	for _, c := range []struct {
		what       string
		late, left time.Duration
		want       bool
	}{
		{"somebody has called", 0, 0, true},
		{"somebody has called shortly before", 0, sharedFor - 1, true},
		{"somebody has called a while ago", 0, sharedFor, false},
		{"the timer is nearly too late", latestTimer - 1, 0, true},
		{"the timer is too late", latestTimer, 0, false},
	} {
		if got := l.pump.holds(w, due+int64(c.late), now.Add(c.left)); got != c.want {
			t.Errorf("%s: the tempo is kept: %t", c.what, got)
		}
	}
	if l.pump.holds(w, due, time.Time{}) {
		t.Error("the tempo is kept by whoever has no time of the machine")
	}
}

// However many are called for beside them, all timers fire.
//
// covers: operations §6 timers
func TestTimersKeepTheTempoAndFire(t *testing.T) {
	const timers = 300
	r := newRig(t, func(c *Config) { c.Lanes, c.Stopwatch = 1, time.Now })
	fired := watchTimers(r)
	r.start()
	defer r.stop()
	due := r.clock.in(time.Second)
	for n := range timers {
		r.must(core(0), fmt.Sprintf("timer %d t%d", due, n))
	}
	var over atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; !over.Load(); n++ {
			r.do(core(0), fresh(fmt.Sprintf("add x %d", n)))
		}
	}()
	r.clock.advance(time.Second)
	for range timers {
		fired.next(t)
	}
	over.Store(true)
	<-ended
	pump := r.host.Lanes()[0].pump
	pump.mu.Lock()
	defer pump.mu.Unlock()
	if pump.tempo.free.IsZero() {
		t.Error("no timer has kept the tempo")
	}
}
