package api

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/peer"

	"littlehorse/internal/h2"
	"littlehorse/internal/lh"
)

const (
	// readBytes is what a call that reads counts until its reply is known.
	readBytes = 1 << 20
	// shareOfFree is the part of what is free that a connection may fill: the more others have filled, the less.
	shareOfFree = 4
	// partForFirst is the part of the limit that is kept for first calls: a connection on which something waits gets none of it.
	partForFirst = 8
)

// patience says who is cut off: who has more than bytes waiting and took fewer than least, and a part of them, for so
// long.
type patience struct {
	bytes, least, part int64
	time               time.Duration
}

// With little room left a peer must show sooner that he takes anything, and who has much must take more.
var (
	usual   = patience{bytes: 1 << 20, least: 60 << 10, time: 30 * time.Second}
	crowded = patience{bytes: 64 << 10, least: 10 << 10, part: 100, time: 5 * time.Second}
)

// Backlogs bound the replies that wait in memory for clients to take them, over all connections together. A client that
// gives no HTTP/2 window, or that reads slowly, lets them pile up.
type Backlogs struct {
	limit int64
	bytes atomic.Int64 // waiting, or expected of calls that are under way

	inputs int64        // what may come of requests and not be decoded
	input  atomic.Int64 // what did, also as the transport counts it

	holding atomic.Int64 // connections with calls that are held
	mu      sync.Mutex
	held    map[*Backlog]struct{}
	open    map[*Backlog]struct{}
}

// NewBacklogs makes backlogs that take so many bytes of replies together, and so many of requests that are not decoded.
func NewBacklogs(replies, inputs int64) *Backlogs {
	return &Backlogs{limit: replies, inputs: inputs, held: map[*Backlog]struct{}{}, open: map[*Backlog]struct{}{}}
}

// Connection is what a backlog needs of its connection.
type Connection interface {
	// Taken is how many bytes of messages were ever written to it. Whatever else a peer can make a server say is no
	// sign that he takes what waits for him.
	Taken() int64
	Close() error
}

// Backlog is what waits for one connection.
type Backlog struct {
	of   *Backlogs
	conn Connection

	mu       sync.Mutex
	bytes    int64
	expected int64 // of them: of calls whose replies are not known
	calls    map[*held]struct{}
	closed   bool
	ended    int   // calls whose ends wait to be written
	owed     int64 // bytes of those
	went     int64 // bytes of those that were

	requests awaiting
	input    int64 // of requests that are not decoded
	stacks   int64 // of it: of calls that run

	// Of Cut, which one goroutine calls.
	taken int64
	since time.Time
}

// held is a call that waits for room.
type held struct {
	bytes int64
	ready chan struct{}
}

// Open begins the backlog of a connection. It ends with Close.
func (b *Backlogs) Open(c Connection) *Backlog {
	l := &Backlog{of: b, conn: c, calls: map[*held]struct{}{}}
	b.mu.Lock()
	b.open[l] = struct{}{}
	b.mu.Unlock()
	return l
}

// Close ends it: nothing waits for a connection that is closed, and its calls need not wait either.
func (l *Backlog) Close() {
	l.mu.Lock()
	l.closed = true
	l.of.bytes.Add(-l.bytes)
	l.of.input.Add(-l.input)
	l.mu.Unlock()
	l.of.mu.Lock()
	delete(l.of.open, l)
	l.of.mu.Unlock()
	l.of.wake(l)
}

// Bytes is how much waits on all connections.
func (b *Backlogs) Bytes() int64 { return b.bytes.Load() }

// Limit is how much may.
func (b *Backlogs) Limit() int64 { return b.limit }

// fits says whether the connection may have another call; l.mu is held.
func (l *Backlog) fits() bool {
	room := l.of.limit - l.of.bytes.Load()
	if l.bytes > 0 {
		room = (room - l.of.limit/partForFirst) / shareOfFree
	}
	return l.closed || l.bytes <= room
}

// add counts bytes; l.mu is held.
func (l *Backlog) add(n int64) {
	l.bytes += n
	if !l.closed {
		l.of.bytes.Add(n)
	}
}

// Charge implements taskqueue.Room: it counts what is there, and lets calls go on for which there is room now.
func (l *Backlog) Charge(n int64) { l.count(n, 0) }

// Waits implements h2.Account. Nobody can be held up who ends calls: who has many of them, of what room there is, is cut
// off at once.
func (l *Backlog) Waits(bytes int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended++
	l.owed += bytes
	l.add(bytes)
	return l.closed || l.owed <= crowded.bytes || l.owed <= (l.of.limit-l.of.bytes.Load())/shareOfFree
}

// Went implements h2.Account.
func (l *Backlog) Went(bytes int64, written bool) {
	l.mu.Lock()
	l.ended--
	l.owed -= bytes
	if written {
		l.went += bytes
	}
	l.mu.Unlock()
	l.Charge(-bytes)
}

// expect counts bytes of a call whose reply is not known; l.mu is held.
func (l *Backlog) expect(n int64) {
	l.expected += n
	l.add(n)
}

// release takes back what enter has counted.
func (l *Backlog) release(n int64) { l.count(-n, -n) }

func (l *Backlog) count(n, expected int64) {
	if n == 0 {
		return
	}
	l.mu.Lock()
	l.expected += expected
	l.add(n)
	l.mu.Unlock()
	if n < 0 && l.of.holding.Load() > 0 {
		l.of.wake(l)
	}
}

// Full implements taskqueue.Room.
func (l *Backlog) Full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.fits()
}

// enter waits until the connection may have another call, and counts bytes for it, which it releases.
func (l *Backlog) enter(ctx context.Context, bytes int64, closing <-chan struct{}) *lh.Error {
	l.mu.Lock()
	if l.fits() {
		l.expect(bytes)
		l.mu.Unlock()
		return nil
	}
	crowded := l.crowded()
	l.mu.Unlock()
	if crowded {
		return tooMuchInput() // those that wait have their requests and their stacks with them
	}
	call := &held{bytes, make(chan struct{})}
	l.hold(call)
	l.of.wake(l) // there may be room since it was looked
	refused := shuttingDown()
	select {
	case <-call.ready:
		return nil
	case <-closing:
	case <-ctx.Done():
		refused = lh.Errorf(lh.ResourceExhausted, "Too many replies wait on this connection to be taken")
	}
	if l.leave(call) {
		return refused
	}
	return nil
}

func (l *Backlog) hold(call *held) {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	l.of.held[l] = struct{}{}
	l.of.holding.Store(int64(len(l.of.held)))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls[call] = struct{}{}
}

// leave takes a call out that waits no longer; false if it need not wait any more.
func (l *Backlog) leave(call *held) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, waits := l.calls[call]
	delete(l.calls, call)
	return waits
}

// fewTries is how many connections are looked at in vain when there is room: of very many that hold calls and have their
// share, each reply would have to look at all.
const fewTries = 16

// wake lets calls go on for which there is room now, those of the connection first. Whom it does not come to is found by
// the next one, or by Expire.
func (b *Backlogs) wake(first *Backlog) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, holds := b.held[first]; holds {
		b.let(first)
	}
	tries := 0
	for l := range b.held {
		if tries == fewTries || b.bytes.Load() > b.limit {
			break
		}
		if !b.let(l) {
			tries++
		}
	}
	b.holding.Store(int64(len(b.held)))
}

// wakeAll lets all calls go on for which there is room.
func (b *Backlogs) wakeAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := range b.held {
		b.let(l)
	}
	b.holding.Store(int64(len(b.held)))
}

// let lets calls of the connection go on, and says whether it holds none any more; b.mu is held.
func (b *Backlogs) let(l *Backlog) (none bool) {
	if none = l.wake(); none {
		delete(b.held, l)
	}
	return none
}

func (l *Backlog) wake() (none bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for call := range l.calls {
		if !l.fits() {
			return false
		}
		delete(l.calls, call)
		l.expect(call.bytes)
		close(call.ready)
	}
	return true
}

// Cut closes the connections whose peers do not take what waits for them, and says how many. It is called from time to
// time, by one goroutine.
func (b *Backlogs) Cut(now time.Time) (closed int) {
	limits := usual
	if b.Bytes() > b.limit/2 {
		limits = crowded
	}
	for _, l := range b.all() {
		if l.idle(now, limits) {
			_ = l.conn.Close() // whoever reads it is told
			closed++
		}
	}
	return closed
}

func (b *Backlogs) all() []*Backlog {
	b.mu.Lock()
	defer b.mu.Unlock()
	open := make([]*Backlog, 0, len(b.open))
	for l := range b.open {
		open = append(open, l)
	}
	return open
}

// idle says whether the peer has not taken what waits for him for a long time. What calls will reply that are still under
// way does not wait for him. Calls that have ended may be few, but they do not wait for ever while nothing goes on.
func (l *Backlog) idle(now time.Time, limits patience) bool {
	l.mu.Lock()
	waiting, ended, taken := l.bytes-l.expected, l.ended, l.went
	l.mu.Unlock()
	taken += l.conn.Taken()
	few := waiting <= limits.bytes
	if few {
		limits = patience{least: 1, time: usual.time}
	}
	least := limits.least
	if limits.part > 0 {
		least = max(least, waiting/limits.part)
	}
	if few && ended == 0 || l.since.IsZero() || taken-l.taken >= least {
		l.taken, l.since = taken, now
		return false
	}
	return now.Sub(l.since) >= limits.time
}

// Address is the other end of a connection together with what waits for it: how a call finds its backlog.
type Address interface {
	Backlog() *Backlog
}

// backlogOf is nil for calls that come another way.
func backlogOf(ctx context.Context) *Backlog {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	if a, ok := p.Addr.(Address); ok {
		return a.Backlog()
	}
	return nil
}

// asIs sends replies uncompressed, even to those who compress their requests: what a compressor makes of them would
// wait without being counted.
func asIs(ctx context.Context) {
	s, ok := grpc.ServerTransportStreamFromContext(ctx).(interface{ SendCompress() string })
	if ok && s.SendCompress() != "" && s.SendCompress() != encoding.Identity {
		_ = grpc.SetSendCompressor(ctx, encoding.Identity) // cannot fail before anything was sent
	}
}

// outgoing is a reply whose bytes count until they are written.
type outgoing struct {
	message  fastMessage
	size     int
	backlog  *Backlog
	expected int64 // what the call counts until then
}

// of is what is sent in place of a reply, so that it counts.
func (o *outgoing) of(ctx context.Context, reply any) any {
	m, ok := reply.(fastMessage)
	if !ok || o.backlog == nil {
		return reply
	}
	o.message, o.size = m, m.SizeVT()
	if !o.small() {
		asIs(ctx)
	}
	return o
}

// small says whether the reply takes no more memory than its call.
func (o *outgoing) small() bool { return mem.IsBelowBufferPoolingThreshold(o.size) }

func (o *outgoing) encode() (mem.BufferSlice, error) {
	defer o.backlog.release(o.expected)
	if o.small() {
		return encode(o.size, o.message.MarshalToSizedBufferVT)
	}
	pool := h2.Buffers
	b := pool.Get(o.size)
	if _, err := o.message.MarshalToSizedBufferVT((*b)[:o.size]); err != nil {
		pool.Put(b)
		return nil, err
	}
	c := &charge{debt: debt{o.backlog, int64(cap(*b))}}
	c.backlog.Charge(c.bytes)
	c.dropped = runtime.AddCleanup(c, debt.settle, c.debt)
	return mem.BufferSlice{mem.NewBuffer(b, c)}, nil
}

// debt is what is released when a reply is gone.
type debt struct {
	backlog *Backlog
	bytes   int64
}

func (d debt) settle() { d.backlog.Charge(-d.bytes) }

// charge is the pool to which the buffer of a reply goes back: what is put there was written, or given up. Not all that is
// given up comes back: what is sent to a stream that has just ended is left to the garbage collector.
type charge struct {
	debt
	dropped runtime.Cleanup
}

// Get implements mem.BufferPool.
func (c *charge) Get(length int) *[]byte { return h2.Buffers.Get(length) }

// Put implements mem.BufferPool.
func (c *charge) Put(b *[]byte) {
	c.dropped.Stop()
	c.settle()
	h2.Buffers.Put(b)
}

// expects is what a call of the RPC counts until its reply is known: -1 if it need not wait for room at all. Those that
// are quick count something; those that wait for their outcome may be many at once.
func expects(rpc string) int64 {
	switch {
	case rpc == "ReportTask" || rpc == "PutCheckpoint" || rpc == "RegisterTaskWorker":
		return -1 // their replies are small, and tasks wait for them
	case rpc == "AwaitWorkflowEvent" || rpc == "PollTask" || isLimited(rpc):
		return 0
	default:
		return readBytes
	}
}

// served calls f when the caller's connection has room for what it replies.
func (s *Service) served(ctx context.Context, out *outgoing, line *Backlog, bytes int64, f func() (any, error)) (any, error) {
	if bytes >= 0 {
		out.backlog = line
	}
	if out.backlog == nil {
		return f()
	}
	if refused := out.backlog.enter(ctx, bytes, s.closing); refused != nil {
		return nil, refused
	}
	defer func() {
		if out.expected == 0 {
			out.backlog.release(bytes)
		}
	}()
	reply, err := f()
	if _, ok := reply.(fastMessage); ok && err == nil {
		out.expected = bytes // until it is encoded
	}
	return out.of(ctx, reply), err
}
