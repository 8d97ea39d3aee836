package partition

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// firing collects which timers a toy fired.
type firing struct{ ids chan string }

func watchTimers(r *rig) *firing {
	f := &firing{ids: make(chan string, 1<<16)}
	r.toy.applied = func(line string) {
		if id, ok := strings.CutPrefix(line, "fired "); ok {
			f.ids <- id
		}
	}
	return f
}

func (f *firing) next(t testing.TB) string {
	t.Helper()
	select {
	case id := <-f.ids:
		return id
	case <-t.Context().Done():
		t.Fatal("no timer fired")
		return ""
	}
}

func (f *firing) none(t testing.TB) {
	t.Helper()
	select {
	case id := <-f.ids:
		t.Errorf("timer %s fired", id)
	default:
	}
}

// holds: TimersDoNotBlockCommands
// covers: operations §6 timers
func TestTimersFireInTimeAndOrder(t *testing.T) {
	r := newRig(t, nil)
	f := watchTimers(r)
	r.start()
	defer r.stop()
	for _, ms := range []int{30, 10, 20} {
		r.must(core(0), fmt.Sprintf("timer %d t%d", r.clock.in(time.Duration(ms)*time.Millisecond), ms))
	}
	<-r.clock.set
	r.clock.advance(9 * time.Millisecond)
	f.none(t)
	for _, want := range []string{"t10", "t20", "t30"} {
		r.clock.advance(time.Millisecond)
		if got := f.next(t); got != want {
			t.Errorf("%s fired, want %s", got, want)
		}
		r.must(core(0), "add x 1") // what fired before is committed
		f.none(t)
		r.clock.advance(9 * time.Millisecond)
	}
	if got := r.stored(core(0), "fired/t10"); got != 1 {
		t.Errorf("t10 counted %d times", got)
	}
}

func TestCancelledTimersDoNotFire(t *testing.T) {
	r := newRig(t, nil)
	f := watchTimers(r)
	r.start()
	defer r.stop()
	at := r.clock.in(time.Second)
	r.must(core(0), fmt.Sprintf("timer %d gone", at))
	r.must(core(0), fmt.Sprintf("timer %d kept", at))
	r.must(core(0), fmt.Sprintf("cancel %d gone", at))
	r.clock.advance(time.Minute)
	if got := f.next(t); got != "kept" {
		t.Errorf("%s fired", got)
	}
	r.must(core(0), "add x 1")
	f.none(t)
}

// TestTimersSurviveRestarts sets timers, restarts while they sleep, and restarts again when they are due.
func TestTimersSurviveRestarts(t *testing.T) {
	r := newRig(t, nil)
	f := watchTimers(r)
	r.start()
	for n := range 50 {
		r.must(core(uint16(n%3)), fmt.Sprintf("timer %d t%02d", r.clock.in(time.Duration(n+1)*time.Second), n))
	}
	r.stop()
	r.start()
	<-r.clock.set
	r.clock.advance(10 * time.Second)
	var got []string
	for range 10 {
		got = append(got, f.next(t))
	}
	r.stop()
	r.clock.advance(time.Hour)
	r.start()
	for range 40 {
		got = append(got, f.next(t))
	}
	r.stop()
	f.none(t)
	slices.Sort(got)
	if got = slices.Compact(got); len(got) != 50 {
		t.Errorf("%d different timers fired", len(got))
	}
}

// TestEveryTimerBelongsToAnAttempt fires a timer whose machine refuses: it is not forgotten, but comes again.
func TestEveryTimerBelongsToAnAttempt(t *testing.T) {
	r := newRig(t, func(c *Config) { c.TimerRetry = time.Minute })
	f := watchTimers(r)
	r.start()
	defer r.stop()
	at := r.clock.in(time.Second)
	r.must(core(0), fmt.Sprintf("timer %d stubborn", at))
	r.clock.advance(time.Second)
	for range 3 {
		f.next(t)
		r.must(core(0), "add x 1")
		<-r.clock.set
		r.clock.advance(59 * time.Second)
		f.none(t)
		r.clock.advance(time.Second)
	}
	f.next(t)
	r.must(core(0), fmt.Sprintf("cancel %d stubborn", at))
	r.clock.advance(time.Hour)
	r.must(core(0), "add x 1")
	f.none(t)
}

// TestManyTimersNeedLittleMemory lets a small window pass over many timers, set in random order and partly
// cancelled: each that is left fires once, and the window never grows beyond its bound.
func TestManyTimersNeedLittleMemory(t *testing.T) {
	const timers, window = 3000, 64
	fired := map[string]int{}
	r := newRig(t, func(c *Config) { c.Manual, c.Lanes, c.TimerWindow, c.TimerPage = true, 1, window, 20 })
	r.streams = []machine.Stream{core(0)}
	r.toy.applied = func(line string) {
		if id, ok := strings.CutPrefix(line, "fired "); ok {
			fired[id]++
		}
	}
	r.open()
	defer r.stop()
	due := func(n int) int64 {
		return r.clock.in(0) - r.clock.in(0)%int64(time.Hour) + int64(time.Hour) + int64(n)*1e6
	}
	first := due(0)
	for i := range timers {
		n := (i * 1237) % timers
		r.host.Submit(core(0), fresh(fmt.Sprintf("timer %d t%d", first+int64(n)*1e6, n)), nil)
		r.step(0)
		r.bounded(window)
	}
	for n := 0; n < timers; n += 5 {
		r.host.Submit(core(0), fresh(fmt.Sprintf("cancel %d t%d", first+int64(n)*1e6, n)), nil)
		r.step(0)
	}
	for {
		at, ok, err := r.host.Lanes()[0].NextTimer()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		r.clock.advance(max(0, at.Sub(r.clock.Now())) + 7*time.Millisecond)
		r.step(0)
		r.bounded(window)
	}
	for n := range timers {
		want := 1
		if n%5 == 0 {
			want = 0
		}
		if got := fired[fmt.Sprint("t", n)]; got != want {
			t.Fatalf("t%d fired %d times, want %d", n, got, want)
		}
	}
}

func (r *rig) bounded(window int) {
	r.Helper()
	if got := r.host.Stats().Queues[0].Timers; got > 2*window {
		r.Fatalf("%d timers in memory, the window is %d", got, window)
	}
}

// TestMillionTimers puts a million timer rows before the start: opening and firing the first needs a page.
func TestMillionTimers(t *testing.T) {
	const timers = 1_000_000
	r := newRig(t, nil)
	f := watchTimers(r)
	r.open()
	b := r.store.NewBatch(0)
	for n := range timers {
		if err := b.Put(core(0), timerKey(r.clock.in(time.Second)+int64(n)*1e6, fmt.Sprint("t", n)), &pb.Timer{}); err != nil {
			t.Fatal(err)
		}
		if n%10_000 == 9_999 {
			if err := b.Commit(); err != nil {
				t.Fatal(err)
			}
			b = r.store.NewBatch(0)
		}
	}
	b.Discard()
	last := timerKey(r.clock.in(time.Second)+int64(timers-1)*1e6, fmt.Sprint("t", timers-1))
	if _, ok, err := r.store.Get(core(0), last); !ok || err != nil {
		t.Fatalf("the last timer is missing: %v", err)
	}
	r.stop()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r.start()
	defer r.stop()
	<-r.clock.set
	r.clock.advance(time.Second)
	if got := f.next(t); got != "t0" {
		t.Errorf("%s fired first", got)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := r.host.Stats().Queues[0].Timers; got > r.host.cfg.TimerWindow {
		t.Errorf("%d timers in memory", got)
	}
	const bound = 32 << 20
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > bound {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

// TestTimersDoNotBlockCommands lets thousands be due at once: a command passes with at most a few before it.
//
// covers: operations §6 timers
func TestTimersDoNotBlockCommands(t *testing.T) {
	const timers = 5000
	var mu sync.Mutex
	firedBefore, seen := 0, false
	r := newRig(t, func(c *Config) { c.Manual, c.Lanes, c.TimerQueue = true, 1, 20 })
	r.toy.applied = func(line string) {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasPrefix(line, "fired") && !seen {
			firedBefore++
		}
		seen = seen || line == "add x 1"
	}
	r.open()
	defer r.stop()
	for n := range timers {
		r.host.Submit(core(0), fresh(fmt.Sprintf("timer %d t%d", r.clock.in(time.Second), n)), nil)
		if n%1000 == 999 {
			r.step(0)
		}
	}
	r.clock.advance(time.Second)
	if _, err := r.host.Lanes()[0].Fire(); err != nil {
		t.Fatal(err)
	}
	r.host.Submit(core(0), fresh("add x 1"), nil)
	r.step(0)
	if firedBefore > 20 || !seen {
		t.Errorf("%d timers before the command", firedBefore)
	}
	if got := r.host.Stats().TimersFired; got != timers {
		t.Errorf("%d timers fired in the end", got)
	}
}

// TestTimersOfOneDoNotHoldUpOthers lets thousands of one WfRun be due, and after them one each of some others: those fire
// while nearly all of the giant's still wait, and in the end each of them has fired, in order.
//
// covers: operations §6 timers
func TestTimersOfOneDoNotHoldUpOthers(t *testing.T) {
	const giant, others, queue = 5000, 10, 20
	var fired []string
	r := newRig(t, func(c *Config) { c.Manual, c.Lanes, c.TimerQueue = true, 1, queue })
	r.toy.applied = func(line string) {
		if id, ok := strings.CutPrefix(line, "fired "); ok {
			fired = append(fired, id)
		}
	}
	r.open()
	defer r.stop()
	due := r.clock.in(time.Second)
	for n := range giant {
		r.host.Submit(core(0), fresh(fmt.Sprintf("timer %d giant/%d", due+int64(n), n)), nil)
		if n%1000 == 999 {
			r.step(0)
		}
	}
	for n := range others {
		r.host.Submit(core(0), fresh(fmt.Sprintf("timer %d small%d", due+giant, n)), nil)
	}
	r.step(0)
	r.clock.advance(2 * time.Second)
	l := r.host.Lanes()[0]
	last := fmt.Sprintf("cancel %d giant/%d", due+giant-1, giant-1) // which has been set aside by then
	for step, worked := 0, true; worked; step++ {
		var err error
		if worked, err = l.Step(); err != nil {
			t.Fatal(err)
		}
		if step > 0 {
			continue
		}
		if s := r.host.Stats().Queues[0]; s.Due < giant-2*queue || s.Late < time.Second/2 {
			t.Errorf("%d timers are due, the first for %s", s.Due, s.Late)
		}
		r.host.Submit(core(0), fresh(last), nil)
	}
	for n := range others {
		if at := slices.Index(fired, fmt.Sprint("small", n)); at < 0 || at > 2*queue {
			t.Errorf("small%d is number %d of those that fired", n, at)
		}
	}
	fired = slices.DeleteFunc(fired, func(id string) bool { return strings.HasPrefix(id, "small") })
	for n := range fired {
		if fired[n] != fmt.Sprint("giant/", n) {
			t.Fatalf("%s fired in place of giant/%d", fired[n], n)
		}
	}
	if len(fired) != giant-1 {
		t.Errorf("%d timers of the giant fired", len(fired))
	}
	if s := r.host.Stats().Queues[0]; s.Timers > 0 || len(l.pump.windows[0].crowds) > 0 {
		t.Errorf("%+v remain, and %d crowds", s.TimerStats, len(l.pump.windows[0].crowds))
	}
}

// TestWindowMissesNothing commits changes of timers while a page is being read.
func TestWindowMissesNothing(t *testing.T) {
	key := func(n int) keys.Key { return timerKey(int64(n), "t") }
	put := func(w *window, n int) { w.change(machine.Change{Key: key(n), Value: &pb.Timer{}}) }
	w := newWindow(nil, 16, 4)
	from, n := w.beginLoad()
	if from != keys.Timers() || n != 16 {
		t.Fatalf("from %q, %d", from, n)
	}
	// The snapshot of the page has 10 to 25; meanwhile 5 and 30 are set and 12 is cancelled. With 5 there is one too
	// many, and 25 is left to the store again.
	put(w, 5)
	put(w, 30)
	w.change(machine.Change{Key: key(12)})
	var page []keys.Key
	for i := 10; i < 26; i++ {
		page = append(page, key(i))
	}
	w.endLoad(from, page, true)
	var got []int
	for {
		k, ok := w.popDue(1000)
		if !ok {
			break
		}
		ns, err := keys.TimerDue(k)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, int(ns))
		w.change(machine.Change{Key: k})
	}
	if want := []int{5, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24}; !slices.Equal(got, want) {
		t.Errorf("popped %v", got)
	}
	if !w.wantsPage() || w.horizon != key(25) {
		t.Errorf("horizon %q", w.horizon)
	}
	// A page that began where an eviction has moved the horizon away from is worth nothing.
	from, _ = w.beginLoad()
	w.horizon = key(3)
	w.endLoad(from, []keys.Key{key(40)}, false)
	if w.complete || w.near.Len() != 0 {
		t.Error("a stale page was taken")
	}
}
