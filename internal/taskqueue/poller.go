package taskqueue

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// poller is one PollTask stream.
type poller struct {
	outboxBytes int
	room        Room
	wake        chan struct{} // there is something for the writer to look at
	slots       chan struct{} // one for each credit that is not answered

	mu       sync.Mutex
	credits  map[*credit]struct{} // not answered
	parked   []*credit            // set aside while the outbox is full
	claiming int                  // claims whose outcome is not known
	outbox   []*lhpb.ScheduledTask
	pending  int                 // bytes in the outbox and in the writer's hands
	usual    int                 // bytes a claim is expected to bring
	kept     int64               // bytes of requests that are counted in room
	queues   map[*queue]struct{} // in which it has asked
	ending   bool                // takes no further tasks
	gone     bool                // can deliver nothing
}

func newPoller(cfg Config, room Room) *poller {
	return &poller{
		outboxBytes: cfg.OutboxBytes,
		room:        room,
		wake:        make(chan struct{}, 1),
		slots:       make(chan struct{}, cfg.MaxCredits),
		credits:     map[*credit]struct{}{},
		usual:       cfg.OutboxBytes / 64,
	}
}

func (p *poller) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// keep counts a request of the stream; false if its worker has too many waiting, or it is over.
func (p *poller) keep(bytes int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone || p.room != nil && !p.room.Keep(bytes) {
		return false
	}
	p.kept += bytes
	return true
}

// letGo takes back bytes of requests; p.mu is held.
func (p *poller) letGo(bytes int64) {
	p.kept -= bytes
	if p.room != nil {
		p.room.Keep(-bytes)
	}
}

// hold counts the credit as not answered; false if the stream is ending.
func (p *poller) hold(c *credit) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ending {
		p.credits[c] = struct{}{}
	}
	return !p.ending
}

func (p *poller) isEnding() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ending
}

// beginClaim says whether the stream can take a task for this credit now. If it cannot because it does not
// read, the credit is set aside.
func (p *poller) beginClaim(c *credit) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending {
		return false
	}
	if p.full() {
		p.parked = append(p.parked, c)
		p.signal()
		return false
	}
	p.claiming++
	return true
}

// full reports whether more is under way to the worker than it should be; p.mu is held.
func (p *poller) full() bool {
	return p.pending+p.claiming*p.usual > p.outboxBytes || p.room != nil && p.room.Full()
}

// stuck reports whether credits wait for room that others have taken: nothing of this stream will make any.
func (p *poller) stuck() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.parked) > 0 && p.pending == 0 && p.claiming == 0
}

// retry gives the credits that wait, if there is room now.
func (p *poller) retry() []*credit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unpark()
}

// count counts bytes of tasks in memory; p.mu is held.
func (p *poller) count(bytes int) {
	p.pending += bytes
	if p.room != nil {
		p.room.Charge(int64(bytes))
	}
}

// unpark gives the credits that wait for room, if there is some; p.mu is held.
func (p *poller) unpark() []*credit {
	if p.full() {
		return nil
	}
	out := p.parked
	p.parked = nil
	return out
}

// endClaim ends what beginClaim began; task is nil if there is nothing to deliver.
func (p *poller) endClaim(c *credit, task *lhpb.ScheduledTask) (delivered bool, unparked []*credit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.signal()
	p.claiming--
	if task == nil || p.gone {
		return false, p.unpark()
	}
	delete(p.credits, c)
	p.letGo(c.bytes)
	p.outbox = append(p.outbox, task)
	p.usual = task.SizeVT()
	p.count(p.usual)
	return true, p.unpark()
}

// end stops new tasks and gives the credits that wait, for their queues to forget.
func (p *poller) end() []*credit {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ending = true
	p.parked = nil
	out := make([]*credit, 0, len(p.credits))
	for c := range p.credits {
		out = append(out, c)
	}
	p.signal()
	return out
}

func (p *poller) abandon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
	p.outbox = nil
	p.count(-p.pending)
	p.letGo(p.kept)
}

// take empties the outbox; finished says that nothing will ever come again.
func (p *poller) take() (tasks []*lhpb.ScheduledTask, finished bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	tasks, p.outbox = p.outbox, nil
	return tasks, p.ending && p.claiming == 0 && len(tasks) == 0
}

// sent counts a task as written and gives back the credits that waited for room.
func (p *poller) sent(task *lhpb.ScheduledTask) []*credit {
	<-p.slots
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count(-task.SizeVT())
	return p.unpark()
}

// Stream is a PollTask stream as a queue sees it.
type Stream interface {
	Recv() (*lhpb.PollTaskRequest, error)
	Send(*lhpb.PollTaskResponse) error
}

// Room bounds what waits in memory for the worker, on all its streams.
type Room interface {
	// Full says that no further tasks may wait.
	Full() bool
	// Charge counts bytes of tasks that wait, or that no longer do.
	Charge(bytes int64)
	// Keep counts bytes of requests that wait, or that no longer do; false if there are too many for more.
	Keep(bytes int64) bool
}

// Terms of a stream. The zero value sets none.
type Terms struct {
	// Over tells why the stream must end: it takes no further tasks, and what was claimed is delivered.
	Over <-chan error
	// Room for its tasks.
	Room Room
}

// Poll serves one stream until it ends: nil after the worker closed its side and got what was claimed for
// it. The error of a broken stream is returned as it came; Unavailable when the queues shut down.
func (qs *Queues) Poll(ctx context.Context, tenant string, s Stream, terms Terms) error {
	if !qs.enter() {
		return qs.shutdownError()
	}
	defer qs.pollers.Done()
	qs.streams.Add(1)
	defer qs.streams.Add(-1)
	p := newPoller(qs.cfg, terms.Room)
	received := make(chan error, 1)
	qs.readers.Go(func() { received <- qs.receive(ctx, tenant, p, s) })
	err := qs.deliver(ctx, p, s, received, terms.Over)
	p.abandon()
	qs.forget(p)
	qs.leave(p)
	return err
}

// receive turns requests into credits until the stream ends.
func (qs *Queues) receive(ctx context.Context, tenant string, p *poller, s Stream) error {
	for {
		r, err := s.Recv()
		if err != nil {
			return err
		}
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		bytes := creditBytes + int64(r.SizeVT())
		if !p.keep(bytes) {
			return lh.Errorf(lh.ResourceExhausted, "Too many requests for tasks wait on this connection")
		}
		qs.offer(name{tenant, r.GetTaskDefId().GetName()}, p, bytes, newWireCredit(r, qs.cfg.Incarnation, qs.credits.Add(1)))
	}
}

// offer makes a credit wait.
func (qs *Queues) offer(n name, p *poller, bytes int64, wire *pb.Credit) {
	q := qs.locked(n)
	p.join(q)
	c := &credit{wire: wire, poller: p, queue: q, bytes: bytes, since: time.Now()}
	if p.hold(c) {
		q.credits.add(c)
	}
	w := q.match()
	qs.release(q)
	q.mu.Unlock()
	qs.do(w)
}

// roomEvery is how often a stream asks whether others have left room.
const roomEvery = time.Second

// deliver is the stream's only writer.
func (qs *Queues) deliver(ctx context.Context, p *poller, s Stream, received, over <-chan error) error {
	var last error
	closing := qs.closing
	for {
		tasks, finished := p.take()
		for _, t := range tasks {
			if err := s.Send(&lhpb.PollTaskResponse{Result: t}); err != nil {
				return err
			}
			qs.resume(p.sent(t))
		}
		if finished {
			return last
		}
		if len(tasks) > 0 {
			continue
		}
		var again <-chan time.Time
		if p.stuck() {
			again = time.After(roomEvery)
		}
		select {
		case <-p.wake:
		case <-again:
			qs.resume(p.retry())
		case <-ctx.Done():
			return ctx.Err()
		case last = <-over:
			over = nil
			qs.forget(p)
		case <-closing:
			closing, last = nil, qs.shutdownError()
			qs.forget(p)
		case err := <-received:
			if !errors.Is(err, io.EOF) {
				return err
			}
			qs.forget(p)
		}
	}
}

// join counts the stream as one of the queue, if anybody asks for that; q.mu is held. One that has gone never joins.
func (p *poller) join(q *queue) {
	if !q.of.cfg.Attendance {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, twice := p.queues[q]; twice || p.gone {
		return
	}
	if p.queues == nil {
		p.queues = map[*queue]struct{}{}
	}
	p.queues[q] = struct{}{}
	q.streams++
}

// leave takes a stream that has gone out of the queues that it was in.
func (qs *Queues) leave(p *poller) {
	p.mu.Lock()
	queues := p.queues
	p.queues = nil
	p.mu.Unlock()
	for q := range queues {
		q.mu.Lock()
		q.streams--
		qs.release(q)
		q.mu.Unlock()
	}
}

// forget takes the stream's waiting credits out of their queues.
func (qs *Queues) forget(p *poller) {
	for _, c := range p.end() {
		c.queue.mu.Lock()
		c.queue.credits.remove(c)
		qs.release(c.queue)
		c.queue.mu.Unlock()
	}
}

// resume lets credits wait again that were set aside.
func (qs *Queues) resume(parked []*credit) {
	for _, c := range parked {
		q := c.queue
		q.mu.Lock()
		q.addCredit(c)
		w := q.match()
		q.mu.Unlock()
		qs.do(w)
	}
}

func (qs *Queues) shutdownError() error {
	return lh.Errorf(lh.Unavailable, "Server is shutting down, no new requests are being accepted")
}
