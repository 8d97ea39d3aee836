package taskqueue

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// Config of the queues.
type Config struct {
	// Incarnation names this process among the servers; claims carry it.
	Incarnation string
	// Window bounds the waiting attempts of one queue that are held in memory.
	Window int
	// MaxCredits bounds the unanswered requests of one stream.
	MaxCredits int
	// OutboxBytes is how much may wait for a slow reader before tasks go to others.
	OutboxBytes int
	// Followed bounds how many handed-out tasks, and how many steps of WfSpecs, are remembered to guess which
	// task follows a report.
	Followed int
	// Retry is the pause before a refused claim or a failed scan is tried again.
	Retry time.Duration

	// Claim hands out the attempt on behalf of the credit. done is called exactly once, from any goroutine
	// and possibly before Claim returns: with the task after the claim is durable, with neither when there is
	// nothing to claim any more, or with a refusal.
	Claim func(from machine.Stream, t keys.ScheduledTask, c *pb.Credit, done func(*lhpb.ScheduledTask, *lh.Error))
	// Scan reads keys of the last durable state in [start, end), in order, at most limit of them.
	Scan func(ctx context.Context, from machine.Stream, start, end keys.Key, limit int) ([]keys.Key, error)

	// Strained tells whether the server is behind with what it is to do. While it is, tasks that wait do so for the server,
	// and WfRuns in progress go first. By default it never is.
	Strained func() bool
	// Attendance says that Attended will be asked.
	Attendance bool
	// Now is the time by which tasks were scheduled; the system's by default.
	Now func() time.Time
	// Waited is told of each attempt that is to be claimed because it is the oldest how long it has waited. It may be nil.
	Waited func(of machine.Stream, d time.Duration)

	Log *slog.Logger
}

// Default is a Config without the functions.
func Default() Config {
	return Config{Window: 1024, MaxCredits: 1024, OutboxBytes: 1 << 20, Followed: 1 << 16, Retry: 100 * time.Millisecond}
}

// Queues are all task queues of one server.
type Queues struct {
	cfg     Config
	ctx     context.Context
	cancel  context.CancelFunc
	closing chan struct{}
	credits atomic.Uint64
	follow  follow

	mu     sync.RWMutex
	queues map[name]*queue

	state   sync.Mutex // guards closed against pollers
	closed  bool
	pollers sync.WaitGroup
	streams atomic.Int64
	readers sync.WaitGroup
	loads   sync.WaitGroup
}

// New makes empty queues.
func New(cfg Config) *Queues {
	if cfg.Strained == nil {
		cfg.Strained = func() bool { return false }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Waited == nil {
		cfg.Waited = func(machine.Stream, time.Duration) {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Queues{
		cfg: cfg, ctx: ctx, cancel: cancel,
		closing: make(chan struct{}),
		follow:  newFollow(cfg.Followed),
		queues:  map[name]*queue{},
	}
}

// Attach finds the queues that have waiting attempts in the partition. It costs one read for each of them,
// whatever their length. Changes committed meanwhile may be told before, during and after.
func (qs *Queues) Attach(ctx context.Context, s machine.Stream) error {
	at, end := keys.Queues(), keys.Queues().End()
	for {
		found, err := qs.cfg.Scan(ctx, s, at, end, 1)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return nil
		}
		t, err := keys.ParseScheduledTask(found[0])
		if err != nil {
			return err
		}
		first := keys.In(t.Tenant).Queue(t.TaskDef)
		q := qs.locked(name{t.Tenant, t.TaskDef})
		q.used = true
		q.window.lower(s, first)
		w := q.match()
		q.mu.Unlock()
		qs.do(w)
		at = first.End()
	}
}

// Committed takes in what the partition has made durable. It does not block.
func (qs *Queues) Committed(s machine.Stream, changes []machine.Change) {
	var q *queue
	var works []work
	release := func() {
		if q != nil {
			works = append(works, q.match())
			qs.release(q)
			q.mu.Unlock()
		}
	}
	for _, c := range changes {
		if c.Key.Space() != keys.SpaceQueue {
			continue
		}
		t, err := keys.ParseScheduledTask(c.Key)
		if err != nil {
			qs.cfg.Log.Error("queue row cannot be read", "stream", s.String(), "err", err)
			continue
		}
		n := name{t.Tenant, t.TaskDef}
		if q == nil || q.name != n {
			release()
			q = nil
			if c.Value == nil {
				q = qs.lockedIfPresent(n)
			} else {
				q = qs.locked(n)
			}
		}
		switch {
		case q == nil:
		case c.Value == nil:
			q.window.drop(c.Key)
			q.begun.drop(c.Key)
		default:
			q.used = true
			q.window.put(c.Key, s)
			if qs.follow.queued(t) {
				q.follows = true
				q.begun.put(c.Key, s)
			}
		}
	}
	release()
	for _, w := range works {
		qs.do(w)
	}
}

// do submits claims and starts loads; no lock is held.
func (qs *Queues) do(w work) {
	for _, c := range w.claims {
		qs.submit(w.queue, c)
	}
	if w.load != nil {
		l := *w.load
		qs.loads.Go(func() { qs.read(w.queue, l) })
	}
}

func (qs *Queues) submit(q *queue, c claim) {
	t, err := keys.ParseScheduledTask(c.hint)
	if err != nil {
		qs.claimed(q, c, nil, lh.Errorf(lh.Internal, "%v", err))
		return
	}
	if c.inTurn {
		qs.cfg.Waited(c.stream, qs.cfg.Now().Sub(time.Unix(0, t.ScheduledNs)))
	}
	qs.cfg.Claim(c.stream, t, c.credit.wire, func(task *lhpb.ScheduledTask, refusal *lh.Error) {
		qs.claimed(q, c, task, refusal)
	})
}

// claimed ends a claim: the task goes out, or the credit goes back to its place.
func (qs *Queues) claimed(q *queue, c claim, task *lhpb.ScheduledTask, refusal *lh.Error) {
	if task != nil {
		qs.follow.handedOut(q.name.tenant, task) // before the worker can report it
	}
	delivered, unparked := c.credit.poller.endClaim(c.credit, task)
	if task != nil && !delivered {
		qs.cfg.Log.Debug("a worker left before its task arrived; the attempt ends by its timeout",
			"tenant", q.name.tenant, "task_def", q.name.taskDef)
	}
	q.mu.Lock()
	delete(q.claiming, c.hint)
	if !delivered && task == nil {
		q.addCredit(c.credit)
	}
	w := work{queue: q}
	if refusal == nil {
		w = q.match()
	}
	q.mu.Unlock()
	qs.do(w)
	qs.resume(unparked)
	if refusal != nil {
		qs.later(q, c, refusal)
	}
}

// later puts a hint back whose claim was refused.
func (qs *Queues) later(q *queue, c claim, refusal *lh.Error) {
	wait := qs.cfg.Retry
	switch refusal.Code {
	case lh.Unavailable, lh.ResourceExhausted, lh.DeadlineExceeded, lh.Aborted:
	default:
		wait *= 100
		qs.cfg.Log.Error("claim failed, will be tried again",
			"tenant", q.name.tenant, "task_def", q.name.taskDef, "stream", c.stream.String(), "err", refusal)
	}
	time.AfterFunc(wait, func() {
		if qs.ctx.Err() != nil {
			return
		}
		q.mu.Lock()
		q.window.put(c.hint, c.stream)
		w := q.match()
		q.mu.Unlock()
		qs.do(w)
	})
}

// read brings a page of hints from the store; it tries until it has one.
func (qs *Queues) read(q *queue, l load) {
	end := keys.In(q.name.tenant).Queue(q.name.taskDef).End()
	for {
		page, err := qs.cfg.Scan(qs.ctx, l.stream, l.from, end, qs.cfg.Window)
		if err == nil {
			q.mu.Lock()
			q.window.endLoad(page, len(page) == qs.cfg.Window)
			w := q.match()
			q.mu.Unlock()
			qs.do(w)
			return
		}
		if qs.ctx.Err() != nil {
			return
		}
		qs.cfg.Log.Warn("waiting tasks cannot be read, will be tried again",
			"tenant", q.name.tenant, "task_def", q.name.taskDef, "stream", l.stream.String(), "err", err)
		select {
		case <-time.After(qs.cfg.Retry):
		case <-qs.ctx.Done():
			return
		}
	}
}

// locked is the queue of that name, made if there is none, with its lock held.
func (qs *Queues) locked(n name) *queue {
	for {
		if q := qs.lockedIfPresent(n); q != nil {
			return q
		}
		qs.mu.Lock()
		if qs.queues[n] == nil {
			qs.queues[n] = newQueue(n, qs)
		}
		qs.mu.Unlock()
	}
}

func (qs *Queues) lockedIfPresent(n name) *queue {
	qs.mu.RLock()
	q := qs.queues[n]
	qs.mu.RUnlock()
	if q == nil {
		return nil
	}
	q.mu.Lock()
	if q.dropped {
		q.mu.Unlock()
		return nil
	}
	return q
}

// release forgets a queue that nobody needs; q.mu is held.
func (qs *Queues) release(q *queue) {
	if q.dropped || !q.idle() {
		return
	}
	qs.mu.Lock()
	delete(qs.queues, q.name)
	qs.mu.Unlock()
	q.dropped = true
}

// Size is how many wait in the queue of one TaskDef.
type Size struct {
	Tenant, TaskDef string
	Tasks           int // waiting attempts in memory
	Claiming        int // attempts that are being handed out
	Requests        int // requests of workers
	// Complete says that no further attempts wait in the store alone.
	Complete bool
}

// Sizes of the queues that have seen a task, or in which a worker waits, by tenant and TaskDef.
func (qs *Queues) Sizes() []Size {
	var out []Size
	for _, q := range qs.all() {
		q.mu.Lock()
		if q.used || q.credits.len() > 0 {
			out = append(out, Size{q.name.tenant, q.name.taskDef, q.window.len(), len(q.claiming), q.credits.len(), q.window.complete()})
		}
		q.mu.Unlock()
	}
	slices.SortFunc(out, func(a, b Size) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.TaskDef, b.TaskDef))
	})
	return out
}

// Streams is how many workers' streams are open.
func (qs *Queues) Streams() int64 { return qs.streams.Load() }

// Attended tells whether a stream is open at this server whose worker has asked for a task of the TaskDef. It
// needs Attendance.
func (qs *Queues) Attended(tenant, taskDef string) bool {
	q := qs.lockedIfPresent(name{tenant, taskDef})
	if q == nil {
		return false
	}
	defer q.mu.Unlock()
	return q.streams > 0
}

// Requests is how many requests for a task of the TaskDef lie open at this server.
func (qs *Queues) Requests(tenant, taskDef string) int {
	q := qs.lockedIfPresent(name{tenant, taskDef})
	if q == nil {
		return 0
	}
	defer q.mu.Unlock()
	return q.credits.len()
}

func (qs *Queues) all() []*queue {
	qs.mu.RLock()
	defer qs.mu.RUnlock()
	out := make([]*queue, 0, len(qs.queues))
	for _, q := range qs.queues {
		out = append(out, q)
	}
	return out
}

func (qs *Queues) enter() bool {
	qs.state.Lock()
	defer qs.state.Unlock()
	if qs.closed {
		return false
	}
	qs.pollers.Add(1)
	return true
}

func (qs *Queues) stopping() bool {
	select {
	case <-qs.closing:
		return true
	default:
		return false
	}
}

// stop ends matching and lets the streams know.
func (qs *Queues) stop() {
	qs.state.Lock()
	if !qs.closed {
		qs.closed = true
		close(qs.closing)
	}
	qs.state.Unlock()
	for _, q := range qs.all() {
		q.mu.Lock()
		q.stopped = true
		q.mu.Unlock()
	}
}

// Shutdown makes no further matches, delivers what is claimed, and ends the streams with Unavailable. It
// returns when all have ended or ctx is done.
func (qs *Queues) Shutdown(ctx context.Context) error {
	qs.stop()
	ended := make(chan struct{})
	go func() {
		qs.pollers.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends everything that is left and waits for it. The streams must have ended.
func (qs *Queues) Close() {
	qs.stop()
	qs.cancel()
	qs.loads.Wait()
	qs.readers.Wait()
}
