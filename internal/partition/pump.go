package partition

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// pump fires the timers of one lane. It is not in the lane: timers that come due queue behind what waits
// already. It learns of timers from commits and from nothing else.
type pump struct {
	lane *Lane
	wake chan struct{}

	mu      sync.Mutex
	windows []*window
	turn    int // the window that fires first
	flying  int // fired and not through
	queued  int // of them, not applied
	stopped bool
	tempo   tempo
	pause   time.Time // until when the tempo holds back what is due; the zero time if it does not

	works atomic.Bool // has begun to fire: the lane works for its streams, and follows them no longer
}

// minWindow is how many timers a partition keeps in memory at least.
const minWindow = 16

// crowdShare is the part of the queue that timers of one origin may fill.
const crowdShare = 4

func newPump(l *Lane) *pump { return &pump{lane: l, wake: make(chan struct{}, 1)} }

func (t *pump) add(p *part) *window {
	cfg := &t.lane.host.cfg
	w := newWindow(p, max(minWindow, cfg.TimerWindow/len(cfg.Streams)), max(1, cfg.TimerQueue/crowdShare))
	t.windows = append(t.windows, w)
	return w
}

// committed follows a commit. Timers are the last space of the keys.
func (t *pump) committed(p *part, changes []machine.Change) {
	n := len(changes)
	for n > 0 && changes[n-1].Key.Space() == keys.SpaceTimer {
		n--
	}
	if n == len(changes) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	before, was := p.timers.nextNs()
	for _, c := range changes[n:] {
		p.timers.change(c)
	}
	after, is := p.timers.nextNs()
	if is && (!was || after < before) || p.timers.wantsPage() {
		t.signal()
	}
}

func (t *pump) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

func (t *pump) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	t.signal()
}

// run fires from when the streams are owned until the Host stops. What is set in a state that is behind may be long gone.
func (t *pump) run(owned milestone) {
	select {
	case <-owned.reached:
	case <-t.lane.host.stop:
		return
	}
	for {
		if _, err := t.lane.Fire(); err != nil {
			return
		}
		if until := t.held(); !until.IsZero() {
			if !t.rest(until) {
				return
			}
			continue
		}
		if at, ok := t.sleep(); !t.wait(at, ok) {
			return
		}
	}
}

// held says until when the tempo holds back what is due; the zero time if it does not.
func (t *pump) held() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pause
}

// sleep says until when nothing is due; false for until somebody wakes the pump.
func (t *pump) sleep() (time.Time, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped || t.crowded() {
		return time.Time{}, false
	}
	return t.earliest()
}

// crowded tells whether more is on its way than half of what may be. No more is sent after it before that: one by one
// timers would cost more.
func (t *pump) crowded() bool {
	cfg := &t.lane.host.cfg
	return t.flying > cfg.TimerPage/2 || t.queued > cfg.TimerQueue/2
}

// full tells whether all is on its way that may be.
func (t *pump) full() bool {
	cfg := &t.lane.host.cfg
	return t.flying >= cfg.TimerPage || t.queued >= cfg.TimerQueue
}

func (t *pump) earliest() (at time.Time, ok bool) {
	var first int64
	for _, w := range t.windows {
		if ns, has := w.nextNs(); has && (!ok || ns < first) {
			first, ok = ns, true
		}
	}
	return time.Unix(0, first), ok
}

func (t *pump) wait(at time.Time, ok bool) bool {
	var alarm <-chan time.Time
	if ok {
		c, cancel := t.lane.host.cfg.Clock.Alarm(at)
		defer cancel()
		alarm = c
	}
	select {
	case <-alarm:
	case <-t.wake:
	case <-t.lane.host.stop:
		return false
	}
	return true
}

// rest waits until the tempo lets the next one go; false when the Host stops.
func (t *pump) rest(until time.Time) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.lane.host.stop:
		return false
	}
}

// next is when the next timer will be due.
func (t *pump) next() (time.Time, bool, error) {
	if err := t.load(); err != nil {
		return time.Time{}, false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	at, ok := t.earliest()
	return at, ok, nil
}

// fire appends what is due and returns how much that was.
func (t *pump) fire() (fired int, err error) {
	if err := t.load(); err != nil {
		return 0, err
	}
	t.find()
	for more := true; more; {
		var due []*dueTimer
		due, more = t.due()
		t.foresee(due)
		for _, d := range due {
			d.window.part.submit(d.record, internal, waiter{done: func(machine.Reply) { t.through(d) }, timer: d})
		}
		fired += len(due)
	}
	t.lane.host.fired.Add(uint64(fired))
	return fired, nil
}

// find goes on with what was to go on when the session before ended: the record may have waited in line then, and the timer
// that makes up for it lies ahead. It looks once, at the timers in memory. Should the record come all the same, one of the two finds nothing to do.
func (t *pump) find() {
	if !t.works.CompareAndSwap(false, true) {
		return
	}
	for _, w := range t.windows {
		for _, r := range t.lost(w) {
			w.part.submit(r, internal, waiter{})
		}
	}
}

func (t *pump) lost(w *window) (lost []*pb.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w.near.Scan(func(k keys.Key) bool {
		if timer, err := keys.ParseTimer(k); err == nil && timer.Kind == keys.TimerLost {
			lost = append(lost, &pb.Record{
				Header:  &pb.Header{Tenant: timer.Tenant},
				Command: &pb.Record_Continue{Continue: &pb.Continue{Key: []byte(timer.ID), DueNs: timer.DueNs}},
			})
		}
		return true
	})
	return lost
}

// dueTimer is a timer whose record is on its way.
type dueTimer struct {
	window *window
	crowd  *crowd
	key    keys.Key
	record *pb.Record
	early  *foresight // nil if nothing was foreseen
	queued bool       // not applied; guarded by the pump's mutex
}

// foresee reads what the lane will need for the timers. Those of one partition stand together.
func (t *pump) foresee(due []*dueTimer) {
	for len(due) > 0 {
		p := due[0].window.part
		g := t.lane.gazeAt(p)
		n := 0
		for ; n < len(due) && due[n].window.part == p; n++ {
			due[n].early = g.foresee(due[n].record)
		}
		g.close()
		due = due[n:]
	}
}

// asideAtOnce is how many timers are set aside at a time: whoever commits waits for it.
const asideAtOnce = 256

// due takes from all windows what is due, in turn, as long as more may be on its way. There may be more when it has set
// many aside.
func (t *pump) due() (due []*dueTimer, more bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pause = time.Time{}
	if t.stopped || t.crowded() {
		return nil, false
	}
	t.turn++
	aside := 0
	present := t.lane.paceTime()
	for i := range t.windows {
		w := t.windows[(t.turn+i)%len(t.windows)]
		now := t.nowNs(w)
		held := t.holds(w, now, present)
		for !t.full() && aside < asideAtOnce {
			if held && !t.tempo.take(present) {
				t.pause = t.tempo.free
				return due, false
			}
			k, c, ok := w.pop(now)
			if !ok {
				break
			}
			if c == nil {
				aside++
				continue
			}
			t.flying++
			t.queued++
			due = append(due, &dueTimer{window: w, crowd: c, key: k, record: timerFired(k, now), queued: true})
		}
	}
	return due, aside == asideAtOnce
}

// holds tells whether the timers of the window fire at the tempo, at this present time of the machine.
func (t *pump) holds(w *window, nowNs int64, present time.Time) bool {
	first, has := w.nextNs()
	return has && nowNs-first < int64(latestTimer) && t.lane.shared(present)
}

// nowNs is the clock that the window goes by: the server's, but never behind the partition's own.
func (t *pump) nowNs(w *window) int64 {
	return max(t.lane.host.cfg.Clock.Now().UnixNano(), w.part.durableClock.Load())
}

func timerFired(k keys.Key, nowNs int64) *pb.Record {
	hd := &pb.Header{AtNs: nowNs}
	if timer, err := keys.ParseTimer(k); err == nil {
		hd.Tenant = timer.Tenant
	}
	return &pb.Record{Header: hd, Command: &pb.Record_TimerFired{TimerFired: &pb.TimerFired{Key: []byte(k)}}}
}

// taken says that the lane applies a fired timer.
func (t *pump) taken(d *dueTimer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leave(d)
}

// leave takes a timer out of the queue, if it is there.
func (t *pump) leave(d *dueTimer) {
	if d.queued {
		d.queued = false
		t.queued--
		d.window.leave(d.crowd)
	}
	if !t.crowded() {
		t.signal()
	}
}

// through ends the flight of a fired timer, applied or refused. Its row is gone, or it fires again.
func (t *pump) through(d *dueTimer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flying--
	d.window.standing(d.key, t.nowNs(d.window)+int64(t.lane.host.cfg.TimerRetry))
	t.leave(d)
}

// load reads a page for each window that runs low.
func (t *pump) load() error {
	for _, w := range t.windows {
		if err := t.loadWindow(w); err != nil {
			return err
		}
	}
	return nil
}

// loadWindow reads without the mutex, so that no commit waits for the disk: what is committed meanwhile is
// either in the snapshot or remembered by the window.
func (t *pump) loadWindow(w *window) error {
	t.mu.Lock()
	if t.stopped || !w.wantsPage() {
		t.mu.Unlock()
		return nil
	}
	from, n := w.beginLoad()
	t.mu.Unlock()
	page, more, err := t.readPage(w, from, n)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		return err
	}
	w.endLoad(from, page, more)
	return nil
}

// readPage reads n timers of the last durable commit; more says that there are others behind.
func (t *pump) readPage(w *window, from keys.Key, n int) (page []keys.Key, more bool, err error) {
	snap := t.lane.read.acquire()
	if snap == nil {
		return nil, false, nil
	}
	defer t.lane.read.release(snap)
	err = snap.Scan(w.part.stream, from, keys.Timers().End(), func(k keys.Key, _ []byte) bool {
		if more = len(page) == n; !more {
			page = append(page, k)
		}
		return !more
	})
	if err != nil {
		return nil, false, fmt.Errorf("partition: read timers of %s: %w", w.part.stream, err)
	}
	return page, more, nil
}

func (t *pump) stats(w *window) TimerStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return w.stats(t.nowNs(w))
}
