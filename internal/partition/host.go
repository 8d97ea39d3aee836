package partition

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/log"
	"littlehorse/internal/machine"
	"littlehorse/internal/store"
	"littlehorse/internal/telemetry"
)

// Host owns the partitions of one server and all goroutines that work for them.
type Host struct {
	cfg     Config
	parts   map[machine.Stream]*part
	targets map[machine.Stream]bool
	lanes   []*Lane

	stop     chan struct{} // closed when the goroutines are to end
	failed   chan struct{} // closed when the Host has failed
	done     chan struct{} // closed when it has failed or has closed
	drained  chan struct{} // closed when it drains and nobody waits any more
	failure  error
	running  sync.WaitGroup // applying, committing, firing and watching goroutines
	started  bool
	follows  atomic.Bool // it was opened to follow, and not promoted
	heir     string      // session that it hands over to when it closes; "" if none
	draining atomic.Bool
	pending  atomic.Int64 // submitted and not answered

	applied, published atomic.Uint64 // records, whoever brought them

	pendingBytes *atomic.Int64 // of those, and of those of the Hosts that it shares the bound with

	stopOnce, failOnce, doneOnce, drainOnce, closeOnce sync.Once

	counters
}

// Open reads where the partitions stand. Until Start nothing is applied; reads work, and what is submitted
// waits.
func Open(ctx context.Context, cfg Config) (*Host, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	h := &Host{
		cfg: cfg, parts: map[machine.Stream]*part{}, targets: map[machine.Stream]bool{},
		counters: counters{kinds: map[kind]uint64{}}, pendingBytes: cfg.Pending,
		stop: make(chan struct{}), failed: make(chan struct{}), done: make(chan struct{}), drained: make(chan struct{}),
	}
	h.follows.Store(cfg.Follows)
	if h.pendingBytes == nil {
		h.pendingBytes = new(atomic.Int64)
	}
	for _, s := range slices.Concat(cfg.Streams, cfg.Targets) {
		h.targets[s] = true
	}
	for n, streams := range deal(cfg.Streams, cfg.lanes()) {
		l, err := h.newLane(ctx, n, streams)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("partition: open: %w", err), h.Close())
		}
		h.lanes = append(h.lanes, l)
		for s, p := range l.parts {
			h.parts[s] = p
		}
	}
	return h, nil
}

// deal spreads the streams over n lanes in turn.
func deal(streams []machine.Stream, n int) [][]machine.Stream {
	out := make([][]machine.Stream, n)
	for i, s := range streams {
		out[i%n] = append(out[i%n], s)
	}
	return out
}

// Start begins to apply records and to fire timers. In manual mode it does nothing.
func (h *Host) Start() {
	if h.cfg.Manual || h.started {
		return
	}
	h.started = true
	h.running.Go(h.watch)
	for _, l := range h.lanes {
		h.running.Go(l.run)
		go l.commit() // waited for by run, unless the store has failed under it
		h.running.Go(l.watchOwnership)
		if !h.cfg.Follows {
			h.running.Go(func() { l.pump.run(l.owned) })
		}
	}
}

// Promote lets a Host that follows its streams work for them once it owns them: it takes what is submitted, fires their
// timers, and tells the Listener of everything. It owns them when it has claimed them, or somebody has handed them over; Leads says
// when. It must not be called while the Host is closed.
func (h *Host) Promote() {
	if h.cfg.Manual || !h.started || !h.follows.CompareAndSwap(true, false) {
		return
	}
	for _, l := range h.lanes {
		h.running.Go(func() { l.pump.run(l.leads) })
	}
}

// Claim lets a Host that follows its streams become their owner, whoever is it now.
func (h *Host) Claim() {
	for _, l := range h.lanes {
		if l.follower != nil {
			l.follower.Claim()
		}
	}
}

// Session names the session of a Host with one lane, to hand its streams over to; "" if that cannot be done.
func (h *Host) Session() string {
	if len(h.lanes) != 1 || h.lanes[0].follower == nil {
		return ""
	}
	return h.lanes[0].follower.Name()
}

// tells whether the Listener is told of the commits of a stream.
func (h *Host) tells(s machine.Stream) bool {
	return h.cfg.Listener != nil && (s.Kind == machine.Metadata || !h.follows.Load())
}

// Owned returns when all that was in the streams before they were opened is applied and readable, or with the error
// of ctx or of the Host. Until then the state may be behind what the world was told; nobody should read or submit.
func (h *Host) Owned(ctx context.Context) error {
	return h.reach(ctx, func(l *Lane) milestone { return l.owned })
}

// Leads is Owned of a Host that was promoted: it returns when all that was in the streams before it came to own them is applied
// and readable.
func (h *Host) Leads(ctx context.Context) error {
	return h.reach(ctx, func(l *Lane) milestone { return l.leads })
}

func (h *Host) reach(ctx context.Context, which func(*Lane) milestone) error {
	for _, l := range h.lanes {
		select {
		case <-which(l).reached:
		case <-h.done:
			return errors.Join(errors.New("partition: closed"), h.Err())
		case <-ctx.Done():
			return fmt.Errorf("partition: wait for the log: %w", ctx.Err())
		}
	}
	return nil
}

// watch fails the Host when the store has failed behind its back.
func (h *Host) watch() {
	select {
	case <-h.cfg.Store.Failed():
		h.fail(h.cfg.Store.Err())
	case <-h.stop:
	}
}

// Streams that the Host owns, in the order of its Config.
func (h *Host) Streams() []machine.Stream { return append([]machine.Stream(nil), h.cfg.Streams...) }

// Lanes in order, to be driven by their steps in manual mode. A Host that is not manual drives them itself.
func (h *Host) Lanes() []*Lane { return append([]*Lane(nil), h.lanes...) }

// Submit gives the record a place in the order of the stream, or refuses it. It never blocks and takes over
// the record; it sets source, number and time in its header and raises its catalog version.
//
// done is called exactly once, after the commit that covers the record is synced and published; a refusal may
// call it before Submit returns. A full queue or disk is ResourceExhausted, with RetryAfter unless it takes an
// operator. A stream that is not here, a Host that drains, has closed or has failed is Unavailable; then nobody knows
// whether the record counted, unless the refusal says Again.
// done runs on the committing goroutine: it must not block and should only pass the reply on. nil is allowed.
func (h *Host) Submit(to machine.Stream, rec *machine.Record, done func(machine.Reply)) {
	h.submit(to, rec, nil, done)
}

// SubmitFor is Submit on behalf of the caller in ctx, whose trace the record becomes part of. The end of ctx means
// nothing to the record.
func (h *Host) SubmitFor(ctx context.Context, to machine.Stream, rec *machine.Record, done func(machine.Reply)) {
	h.submit(to, rec, h.cfg.Traces.Command(ctx, func() string { return kindOf(rec).name().Name }, to.String), done)
}

func (h *Host) submit(to machine.Stream, rec *machine.Record, trace *telemetry.Command, done func(machine.Reply)) {
	if p := h.parts[to]; p != nil && !h.follows.Load() {
		p.submit(rec, classOf(rec), waiter{trace: trace, done: done})
		return
	}
	trace.Answered(uint32(lh.Unavailable))
	if done != nil {
		done(machine.Reply{Err: h.elsewhere(to)})
	}
}

func (h *Host) elsewhere(s machine.Stream) *lh.Error {
	return untouched(lh.Errorf(lh.Unavailable, "partition %s is not on this server: try again", s))
}

func (h *Host) unavailable() *lh.Error {
	switch err := h.Err(); {
	case errors.Is(err, log.ErrFenced):
		return lh.Errorf(lh.Unavailable, "the partition has moved to another server: try again, the request may have counted")
	case err != nil:
		return lh.Errorf(lh.Unavailable, "the server cannot write any more and is stopping: try again, the request may have counted")
	default:
		return lh.Errorf(lh.Unavailable, "the server is stopping: try again")
	}
}

// untouched marks a refusal of what has no place in the log.
func untouched(refusal *lh.Error) *lh.Error {
	refusal.Again = true
	return refusal
}

// Get reads the value of a key as of the last durable commit; nil if it is absent. The bytes are the caller's.
func (h *Host) Get(from machine.Stream, k keys.Key) ([]byte, error) {
	p, snap, err := h.at(from)
	if err != nil {
		return nil, err
	}
	defer p.lane.read.release(snap)
	value, _, err := snap.Get(from, k)
	return value, err
}

// Scan visits the rows of [start, end) in order as of the last durable commit, until visit returns false; an
// empty end means the end of the partition. The bytes are only valid during the call.
func (h *Host) Scan(from machine.Stream, start, end keys.Key, visit func(k keys.Key, value []byte) bool) error {
	p, snap, err := h.at(from)
	if err != nil {
		return err
	}
	defer p.lane.read.release(snap)
	return snap.Scan(from, start, end, visit)
}

// View is a partition as of one durable commit. It is valid only during the call that it is given to.
type View interface {
	// Get reads the value of a key; nil if it is absent.
	Get(k keys.Key) ([]byte, error)
	// Scan visits rows as that of Host does; visit must not scan itself.
	Scan(start, end keys.Key, visit func(k keys.Key, value []byte) bool) error
	// ScanBack is Scan from the last row to the first.
	ScanBack(start, end keys.Key, visit func(k keys.Key, value []byte) bool) error
}

// moment is a View of one snapshot. All its scans share a cursor.
type moment struct {
	snap *held
	from machine.Stream
	rows *store.Rows
}

func (v *moment) Get(k keys.Key) ([]byte, error) {
	value, _, err := v.snap.Get(v.from, k)
	return value, err
}

func (v *moment) Scan(start, end keys.Key, visit func(k keys.Key, value []byte) bool) error {
	if v.rows != nil {
		v.rows.Move(v.from, start, end)
		return v.rows.Each(visit)
	}
	rows, err := v.snap.Rows(v.from, start, end)
	if err != nil {
		return err
	}
	v.rows = rows
	return rows.Each(visit)
}

func (v *moment) ScanBack(start, end keys.Key, visit func(k keys.Key, value []byte) bool) error {
	if v.rows == nil {
		rows, err := v.snap.Cursor(v.from)
		if err != nil {
			return err
		}
		v.rows = rows
	}
	return v.rows.Back(v.from, start, end, visit)
}

func (v *moment) close() error {
	if v.rows == nil {
		return nil
	}
	return v.rows.Close()
}

// View lets read look at a partition as of the last durable commit, as often as it wants.
func (h *Host) View(from machine.Stream, read func(View) error) error {
	p, snap, err := h.at(from)
	if err != nil {
		return err
	}
	defer p.lane.read.release(snap)
	v := &moment{snap: snap, from: from}
	return errors.Join(read(v), v.close())
}

// at is the durable snapshot for a stream; to be released.
func (h *Host) at(from machine.Stream) (*part, *held, error) {
	p := h.parts[from]
	if p == nil {
		return nil, nil, h.elsewhere(from)
	}
	snap := p.lane.read.acquire()
	if snap == nil {
		return nil, nil, h.unavailable()
	}
	return p, snap, nil
}

// Idle tells whether nothing is submitted, emitted or applied that is not published yet. Only timers and callers bring
// anything new then. It needs a log that can tell what it holds; with another the Host is never idle.
func (h *Host) Idle() bool {
	order, can := h.cfg.Log.(interface{ Idle() bool })
	// What the log holds follows from records that are applied: with none between the first look and the last, nothing
	// has moved on behind the back of the others.
	applied := h.applied.Load()
	return can && h.published.Load() == applied && order.Idle() && h.pending.Load() == 0 && h.applied.Load() == applied
}

// Position is the offset of the last record of the stream that is durable, published and readable.
func (h *Host) Position(of machine.Stream) uint64 {
	if p := h.parts[of]; p != nil {
		return p.durable.Load()
	}
	return 0
}

// Done is closed when the Host has failed or has closed.
func (h *Host) Done() <-chan struct{} { return h.done }

// Err is why the Host failed; nil as long as it has not. A Host that has failed acknowledges nothing any more.
// The process is to end, because nobody can tell what of the last writes the disk holds.
func (h *Host) Err() error {
	select {
	case <-h.failed:
		return h.failure
	default:
		return nil
	}
}

func (h *Host) fail(err error) {
	h.failOnce.Do(func() {
		h.failure = err
		close(h.failed)
		if errors.Is(err, log.ErrFenced) {
			h.cfg.Logger.Warn("partitions are lost to another server", "err", err)
		} else {
			h.cfg.Logger.Error("the server cannot go on", "err", err)
		}
		h.stopOnce.Do(func() { close(h.stop) })
		h.doneOnce.Do(func() { close(h.done) })
	})
}

func (h *Host) answered() {
	if h.pending.Add(-1) == 0 && h.draining.Load() {
		h.drainOnce.Do(func() { close(h.drained) })
	}
}

// Drain refuses new records, applies, commits and answers those that were submitted, and closes the Host.
// Records emitted for other streams stay as rows. If ctx ends first, the rest is answered with Unavailable and
// ctx's error returned. Nothing waits for space on a full disk any more, unless the store is shared.
func (h *Host) Drain(ctx context.Context) error {
	h.draining.Store(true)
	h.stopWaiting()
	for _, l := range h.lanes {
		l.pump.stop()
	}
	if h.pending.Load() == 0 {
		h.drainOnce.Do(func() { close(h.drained) })
	}
	err := h.settle(ctx)
	if failure := h.Close(); failure != nil {
		return failure
	}
	return err
}

// HandOver is Drain, and makes another session the owner of the streams, which follows them.
func (h *Host) HandOver(ctx context.Context, session string) error {
	h.heir = session
	return h.Drain(ctx)
}

func (h *Host) stopWaiting() {
	if !h.cfg.SharedStore {
		h.cfg.Store.StopWaiting()
	}
}

// settle waits until everybody is answered.
func (h *Host) settle(ctx context.Context) error {
	if h.cfg.Manual {
		return h.stepAll(ctx)
	}
	if !h.started {
		return nil
	}
	select {
	case <-h.drained:
		return nil
	case <-h.failed:
		return h.failure
	case <-ctx.Done():
		return fmt.Errorf("partition: drain: %w", ctx.Err())
	}
}

func (h *Host) stepAll(ctx context.Context) error {
	for h.pending.Load() > 0 {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("partition: drain: %w", err)
		}
		for _, l := range h.lanes {
			if _, err := l.Step(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close stops at once: the commits that run are finished and answered, everything else is answered with
// Unavailable. It returns Err. Store and Log stay open, they belong to the caller.
func (h *Host) Close() error {
	h.closeOnce.Do(func() {
		h.draining.Store(true)
		h.stopWaiting()
		h.stopOnce.Do(func() { close(h.stop) })
		h.running.Wait()
		for _, l := range h.lanes {
			l.close()
		}
		h.doneOnce.Do(func() { close(h.done) })
	})
	return h.Err()
}

// close gives up what the lane holds when its goroutines have ended.
func (l *Lane) close() {
	l.pump.stop()
	l.refuseAll()
	l.read.close()
	switch {
	case l.host.cfg.Store.Err() != nil:
	case l.host.heir != "" && l.follower != nil && l.host.Err() == nil:
		_ = l.follower.HandOver(l.host.heir)
	default:
		_ = l.session.Close() // it has nothing to say: all commits have ended
	}
}
