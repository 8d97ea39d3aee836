package partition

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"littlehorse/internal/log"
	"littlehorse/internal/machine"
)

// Lane applies and commits the records of some partitions. A Host drives it with goroutines; in manual mode
// its owner does, one step after the other and from one goroutine at a time. The steps are those that the
// goroutines take, so a commit that runs while the next batch is filled is Seal, Apply, Sync, Publish.
type Lane struct {
	host    *Host
	log     *slog.Logger
	session log.Session
	parts   map[machine.Stream]*part
	order   []*part
	cache   *cache
	read    reader
	pump    *pump

	pressure *pressure

	owned    milestone // all from before the session is readable
	leads    milestone // the same of a session that was to follow first, and has become the owner
	follower log.Follower

	mu      sync.Mutex
	calling list[*part]   // have records to append
	called  chan struct{} // receives when there is one more

	asked atomic.Int64 // when others than the lane itself submitted a record last, by the stopwatch

	usual   time.Duration // what commits take
	todo    []log.Entry   // taken from the session and not applied
	filling *batch
	flying  *batch // sealed and not retired; nil if there is none
	spare   *batch
	batches uint64   // begun
	layers  []*layer // to be used again

	sealed chan *batch   // to the committing goroutine
	synced chan *batch   // and back
	ended  chan struct{} // closed when the committing goroutine has ended
}

func (h *Host) newLane(ctx context.Context, number int, streams []machine.Stream) (*Lane, error) {
	l := &Lane{
		host: h, log: h.cfg.Logger.With("lane", number),
		parts: map[machine.Stream]*part{}, cache: newCache(max(1, h.cfg.CacheBytes/int64(h.cfg.lanes()))),
		read: reader{store: h.cfg.Store}, pressure: &pressure{target: h.cfg.TargetTime},
		filling: newBatch(), spare: newBatch(), batches: 1,
		called: make(chan struct{}, 1), sealed: make(chan *batch, 1), synced: make(chan *batch, 1), ended: make(chan struct{}),
		owned: newMilestone(), leads: newMilestone(),
	}
	l.filling.number = l.batches
	l.pump = newPump(l)
	if err := h.cfg.bears(streams); err != nil {
		return nil, err
	}
	session, err := h.cfg.Log.Open(ctx, streams) // it may bring the state, so it comes first
	if err != nil {
		return nil, err
	}
	l.session = session
	l.follower, _ = session.(log.Follower)
	for _, s := range streams {
		p, err := l.newPart(s)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("partition %s: %w", s, err), session.Close())
		}
		p.timers = l.pump.add(p)
		p.durable.Store(session.Position(s))
		l.parts[s] = p
		l.order = append(l.order, p)
	}
	l.read.advance()
	l.noteOwned()
	return l, nil
}

// Streams of the lane.
func (l *Lane) Streams() []machine.Stream {
	out := make([]machine.Stream, len(l.order))
	for i, p := range l.order {
		out[i] = p.stream
	}
	return out
}

// Step takes all steps once: Fire, Apply, Seal, Sync, Publish. It tells whether anything was done.
func (l *Lane) Step() (worked bool, err error) {
	fired, err := l.Fire()
	if err != nil {
		return false, err
	}
	applied, err := l.Apply()
	if err != nil {
		return false, err
	}
	if !l.Seal() {
		return fired+applied > 0, nil
	}
	if err := l.Sync(); err != nil {
		return false, err
	}
	l.Publish()
	return true, nil
}

// Fire appends a record for each timer that is due, as far as a page allows, and returns how many.
func (l *Lane) Fire() (int, error) {
	n, err := l.pump.fire()
	if err != nil {
		l.host.fail(err)
	}
	return n, err
}

// NextTimer is when the next timer will be due; false if there is none. It may read the store.
func (l *Lane) NextTimer() (time.Time, bool, error) { return l.pump.next() }

// Apply applies records that wait, as many as the batch has room for, and returns how many.
func (l *Lane) Apply() (int, error) { return l.applyUntil(func() bool { return false }) }

// applyUntil is Apply that may end earlier.
func (l *Lane) applyUntil(enough func() bool) (int, error) {
	n := 0
	for l.room() > 0 && !enough() {
		if len(l.todo) == 0 {
			if err := l.take(); err != nil {
				l.host.fail(err)
				return n, err
			}
			if len(l.todo) == 0 {
				break
			}
		}
		if !l.filling.empty() && l.heavy(l.todo[0]) {
			break
		}
		l.apply(l.todo[0])
		l.todo = l.todo[1:]
		n++
	}
	return n, nil
}

// heavyTime is what a record costs that begins a batch of its own: those before it would wait for it, and do not.
const heavyTime = 200 * time.Microsecond

// heavy tells by what the last of its kind has cost.
func (l *Lane) heavy(e log.Entry) bool {
	return e.Record.GetContinue() != nil && l.parts[e.Stream].goesOn >= heavyTime
}

// take gets what the log has to apply. One record is appended at a time, so that whose turn it is next is decided when it
// is known what this one has cost; only what the log brings itself comes besides.
func (l *Lane) take() (err error) {
	l.feed()
	select {
	case <-l.session.Ready(): // what is ready is taken now
	default:
	}
	if l.todo, err = l.session.Next(l.room()); err != nil {
		return fmt.Errorf("partition: take records: %w", err)
	}
	return nil
}

// room is how many records the batch still takes.
func (l *Lane) room() int {
	if paused, _ := l.paused(); paused || l.filling.bytes >= l.host.cfg.BatchBytes {
		return 0
	}
	return l.host.cfg.BatchRecords - l.filling.records
}

// Seal ends the batch that is being filled and begins the next, unless it is empty or the one before is not
// published yet.
func (l *Lane) Seal() bool {
	if l.flying != nil || l.filling.empty() {
		return false
	}
	l.flying, l.filling, l.spare = l.filling, l.spare, nil
	l.batches++
	l.filling.number = l.batches
	now := l.paceTime()
	for _, ly := range l.flying.layers {
		ly.part.flying, ly.part.filling = ly, nil
		ly.part.turnOver(now)
	}
	return true
}

// Sync makes the sealed batch durable. After an error the Host has failed.
func (l *Lane) Sync() error { return l.sync(l.flying) }

// Publish lets the world know of the batch that was synced.
func (l *Lane) Publish() {
	l.publish(l.flying)
	l.retire(l.flying)
}

func (l *Lane) sync(b *batch) error {
	if err := l.host.Err(); err != nil {
		return err
	}
	began := l.host.elapsed()
	c, err := l.encode(b)
	bytes, changes := 0, 0
	if err == nil {
		bytes, changes = c.Batch.Bytes(), c.Batch.Changes()
		err = l.session.Commit(c)
	}
	if err != nil {
		err = fmt.Errorf("partition: commit: %w", err)
		l.host.fail(err)
		return err
	}
	b.took = l.host.elapsed().Sub(began)
	l.host.committed(CommitStats{Records: b.records, Changes: changes, Bytes: bytes, Took: b.took, Applied: b.applied}, b.kinds)
	return nil
}

// publish is what everybody relies on: first the snapshot, then the listeners, then the waiters.
func (l *Lane) publish(b *batch) {
	if !b.settle() {
		return
	}
	l.read.advance()
	for _, ly := range b.layers {
		ly.part.durable.Store(ly.position)
		ly.part.durableClock.Store(ly.clockNs)
	}
	for _, ly := range b.layers {
		l.pump.committed(ly.part, ly.changes)
		if l.host.tells(ly.part.stream) {
			l.host.cfg.Listener.Committed(ly.part.stream, ly.changes)
		}
	}
	l.noteOwned()
	l.leave(b)
	l.goOn(b.goOn)
	for i := range b.answers {
		b.answers[i].give()
	}
	l.host.published.Add(uint64(b.records))
}

// milestone is something that is reached once.
type milestone struct {
	reached chan struct{} // closed then
	once    *sync.Once
}

func newMilestone() milestone { return milestone{make(chan struct{}), new(sync.Once)} }

// goOn lets those records wait in line that go on with the work of others. They are not durable before they are applied. Whoever works for the streams after
// this session, or has only followed until now, finds the timers that were set with them; so a host that drains leaves them to that.
func (l *Lane) goOn(further []further) {
	if !l.pump.works.Load() {
		return
	}
	for _, f := range further {
		if !l.host.draining.Load() {
			f.part.submit(f.record, internal, waiter{})
		}
	}
}

// noteOwned looks whether the session owns its streams, and whether all that it committed until then is readable.
func (l *Lane) noteOwned() {
	l.note(l.owned, l.session.Owned())
	if l.follower != nil {
		l.note(l.leads, l.follower.Leads())
	}
}

func (l *Lane) note(m milestone, said <-chan struct{}) {
	select {
	case <-m.reached:
		return
	default:
	}
	select {
	case <-said:
	default:
		return
	}
	for _, p := range l.order {
		if p.durable.Load() < l.session.Position(p.stream) {
			return
		}
	}
	m.once.Do(func() { close(m.reached) })
}

// watchOwnership notes it where no commit follows.
func (l *Lane) watchOwnership() {
	said := []<-chan struct{}{l.session.Owned()}
	if l.follower != nil {
		said = append(said, l.follower.Leads())
	}
	for _, s := range said {
		select {
		case <-s:
			l.noteOwned()
		case <-l.host.stop:
			return
		}
	}
}

// leave tells how long the records spent in the lane. Those that were held back say nothing of how the lane keeps up.
func (l *Lane) leave(b *batch) {
	now := l.host.elapsed()
	var all, opening stay
	held := 0
	for i := range b.answers {
		if b.answers[i].paused {
			held++
			continue
		}
		one := stay{records: 1, spent: now.Sub(b.answers[i].at), commit: b.took}
		all.add(one)
		if b.answers[i].opens {
			opening.add(one)
		}
	}
	l.pressure.leave(now, all, opening, held)
}

// retire takes the layers of a synced batch away: the store has them now.
func (l *Lane) retire(b *batch) {
	took := b.took
	for _, ly := range b.layers {
		ly.part.flying = nil
		ly.reset()
		l.layers = append(l.layers, ly)
	}
	b.reset()
	l.flying, l.spare = nil, b
	l.cache.age()
	l.usual = usual(l.usual, took)
}

// burst and burstTime are how many records are applied at most while nothing is committed, and how much they may cost:
// more would let the disk and those who wait stand idle, less makes commits that cost more than what they carry.
const (
	burst     = 16
	burstTime = 800 * time.Microsecond
)

// spared tells whether the committing goroutine has nothing to do, and could have this.
func (l *Lane) spared() bool {
	return (l.filling.records >= burst || l.filling.cost >= burstTime) && (l.flying == nil || len(l.synced) > 0)
}

// run applies until the Host stops. While one batch is synced the next is filled; none waits for more to come.
func (l *Lane) run() {
	defer l.abandon()
	for {
		n, err := l.applyUntil(l.spared)
		if err != nil {
			return
		}
		sealed := l.Seal()
		if sealed {
			timers := l.flying.timers
			l.sealed <- l.flying
			if timers > 0 {
				// The scheduler of Go runs first whoever was woken last, so while the lane and the pump wake each other the
				// committing goroutine got no core for up to 7 ms.
				runtime.Gosched()
			}
		}
		if !l.wait(n > 0 || sealed) {
			return
		}
	}
}

// wait returns when there may be something to do, at once if more may wait already; false when the Host stops.
func (l *Lane) wait(more bool) bool {
	ready, called := l.session.Ready(), l.called
	_, changed := l.paused()
	if l.room() <= 0 {
		ready, called, more = nil, nil, false
	}
	if more {
		select {
		case b := <-l.synced:
			l.retire(b)
		case <-l.host.stop:
			return false
		default:
		}
		return true
	}
	var paused <-chan time.Time
	if at := l.resumes(); called != nil && !at.IsZero() {
		pause := time.NewTimer(time.Until(at))
		defer pause.Stop()
		paused = pause.C
	}
	select {
	case <-ready:
	case <-called:
	case <-paused:
	case b := <-l.synced:
		l.retire(b)
	case <-changed:
	case <-l.host.stop:
		return false
	}
	return true
}

// commit syncs and publishes what the applying goroutine has sealed.
func (l *Lane) commit() {
	defer close(l.ended)
	for b := range l.sealed {
		if l.sync(b) != nil || l.host.Err() != nil {
			continue // abandon answers
		}
		l.publish(b)
		l.synced <- b
	}
}

// abandon answers all who still wait. The commit that runs is waited for, unless the store has failed: then it
// may never end.
func (l *Lane) abandon() {
	close(l.sealed)
	select {
	case <-l.ended:
	case <-l.host.cfg.Store.Failed():
	}
	l.refuseAll()
}

func (l *Lane) refuseAll() {
	for _, b := range []*batch{l.flying, l.filling} {
		if b == nil || !b.settle() {
			continue
		}
		for i := range b.answers {
			b.answers[i].reply = machine.Reply{Err: l.host.unavailable()}
			b.answers[i].give()
		}
	}
	for _, p := range l.order {
		p.shut()
	}
}
