package h2

import (
	"runtime"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/mem"
)

const (
	// fullOutbox is how much waits to be written before replies wait in their streams.
	fullOutbox = 64 << 10
	// maxControl bounds what a peer can make the server say (acknowledgements, resets) while he reads nothing.
	maxControl = 256 << 10
	// idleBuffer is how large the buffers of a connection may be that has nothing to write.
	idleBuffer = 64 << 10
	// fullStream is how much of a stream waits before its handler does.
	fullStream = 64 << 10
)

// outbox is what goes out on a connection. All of it is guarded by conn.mu.
type outbox struct {
	buf     []byte // complete frames
	spare   []byte // the buffer that was written last
	control int    // bytes in buf that the peer made the server say
	asleep  bool   // the writing goroutine
	wake    chan struct{}
	ended   bool // nothing is appended any more, and what is there is the last

	window  int64 // of the connection, for data
	initial int64 // of new streams
	table0  bool  // the next header block tells that no table is used

	full queue // streams that wait for room in buf
	dry  queue // those that wait for the window of the connection
}

func newOutbox() outbox {
	return outbox{wake: make(chan struct{}, 1), window: firstWindow, initial: firstWindow}
}

// said accounts for frames that were appended as an answer to frames of the peer. It tells whether he makes too much of
// it.
func (o *outbox) said(before int) (flood bool) {
	o.control += len(o.buf) - before
	return o.control > maxControl
}

// rouse lets the writing goroutine look.
func (o *outbox) rouse() {
	if !o.asleep {
		return
	}
	o.asleep = false
	o.wake <- struct{}{}
}

// shrink gives back what much output has left, when there is none.
func (o *outbox) shrink() {
	if cap(o.buf) > idleBuffer {
		o.buf = nil
	}
	if cap(o.spare) > idleBuffer {
		o.spare = nil
	}
}

// write hands over what is there, for as long as the connection takes it.
func (c *conn) write() {
	defer close(c.written)
	defer func() {
		if p := recover(); p != nil {
			c.server.panicked(noCall, p)
			c.close()
		}
	}()
	for {
		b, last := c.next()
		if len(b) > 0 {
			if _, err := c.nc.Write(b); err != nil {
				c.close()
				return
			}
		}
		if last {
			return
		}
		c.mu.Lock()
		c.out.spare = b[:0]
		if cap(b) > 2*fullOutbox {
			c.out.spare = nil
		}
		c.mu.Unlock()
	}
}

// next waits for something to write.
func (c *conn) next() (b []byte, last bool) {
	yielded := false
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if c.closed {
			return nil, true
		}
		c.sendWaiting()
		o := &c.out
		switch {
		case len(o.buf) == 0 && o.ended:
			return nil, true
		case len(o.buf) == 0:
			o.asleep = true
			o.shrink()
			c.mu.Unlock()
			<-o.wake
			c.mu.Lock()
			yielded = false
			continue
		case len(o.buf) < smallWrite && !yielded:
			// Handlers that are about to answer do, and one system call carries all of it.
			yielded = true
			c.mu.Unlock()
			runtime.Gosched()
			c.mu.Lock()
			continue
		}
		b, o.buf, o.spare = o.buf, o.spare, nil
		o.control = 0
		if !o.ended {
			c.sendWaiting() // before those who have not waited
		}
		return b, o.ended
	}
}

const smallWrite = 4 << 10

// sending is what a stream has to send. It is guarded by conn.mu.
type sending struct {
	window  int64
	begun   bool   // its header is known
	head    []byte // the header, until it is sent
	pieces  []piece
	bytes   int    // in pieces
	trailer []byte // to follow the pieces; nil if it is not known
	done    bool   // the end is sent, or nothing is to be sent any more
	room    chan struct{}
	owed    int64 // counted by the account, once the call has ended

	queue        *queue // in which the stream waits; nil if it does not, or only for a window of its own
	before, next *stream
}

// pending tells whether there is something to send.
func (o *sending) pending() bool {
	return !o.done && (o.head != nil || o.bytes > 0 || o.trailer != nil)
}

// queue is of streams that have something to send, in turn.
type queue struct{ first, last *stream }

func (q *queue) add(s *stream) {
	s.out.queue, s.out.before = q, q.last
	if q.last == nil {
		q.first = s
	} else {
		q.last.out.next = s
	}
	q.last = s
}

// unqueue takes the stream out of the queue in which it is.
func (o *sending) unqueue() {
	q := o.queue
	if q == nil {
		return
	}
	if o.before == nil {
		q.first = o.next
	} else {
		o.before.out.next = o.next
	}
	if o.next == nil {
		q.last = o.before
	} else {
		o.next.out.before = o.before
	}
	o.queue, o.before, o.next = nil, nil, nil
}

// piece is a message on its way out.
type piece struct {
	rest []byte
	hold mem.Buffer // given back when all of rest is sent; nil for bytes that are nobody's
}

// sendHeader begins the answer; c.mu is held.
func (c *conn) sendHeader(s *stream) {
	if s.out.begun || s.out.done {
		return
	}
	s.out.begun = true
	s.out.head = headerBlock(s.header)
	c.flush(s)
}

func (c *conn) appendBlock(block []byte, stream uint32, ends bool) {
	c.strikes = 0
	if c.out.table0 {
		c.out.table0 = false
		block = append([]byte{0x20}, block...) // RFC 7541, 6.3: the size of the table is 0
	}
	c.out.buf = appendHeaders(c.out.buf, block, stream, ends)
}

// sendMessage appends a message; c.mu is held. The slice is freed when it is sent, or when it never will be.
func (c *conn) sendMessage(s *stream, m mem.BufferSlice) {
	if s.out.done {
		m.Free()
		return
	}
	c.sendHeader(s)
	n := m.Len()
	if s.out.bytes == 0 && s.out.head == nil && int64(prefixBytes+n) <= min(maxFrame, s.out.window, c.out.window) && len(c.out.buf) < fullOutbox {
		c.sendWhole(s, m, n)
		return
	}
	prefix := []byte{0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	s.out.pieces = append(s.out.pieces, piece{rest: prefix})
	for _, b := range m {
		s.out.pieces = append(s.out.pieces, piece{rest: b.ReadOnlyData(), hold: b})
	}
	s.out.bytes += prefixBytes + n
}

// sendWhole appends a message that fits into a frame.
func (c *conn) sendWhole(s *stream, m mem.BufferSlice, n int) {
	c.strikes = 0
	b := appendFrame(c.out.buf, prefixBytes+n, http2.FrameData, 0, s.id)
	b = append(b, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	for _, part := range m {
		b = append(b, part.ReadOnlyData()...)
	}
	c.out.buf = b
	s.out.window -= int64(prefixBytes + n)
	c.out.window -= int64(prefixBytes + n)
	m.Free()
}

// prefixBytes is the length of what stands before each message.
const prefixBytes = 5

// flush sends what the windows and the outbox allow; c.mu is held.
func (c *conn) flush(s *stream) {
	if s.out.queue == nil {
		if q := c.send(s); q != nil {
			q.add(s)
		}
	}
	if s.out.room != nil && s.out.bytes <= fullStream {
		close(s.out.room)
		s.out.room = nil
	}
	c.out.rouse()
}

// send is flush for a stream that waits in no queue. It tells in which one it has to.
func (c *conn) send(s *stream) *queue {
	for s.out.pending() {
		switch {
		case len(c.out.buf) >= fullOutbox:
			return &c.out.full
		case s.out.head != nil:
			c.appendBlock(s.out.head, s.id, false)
			s.out.head = nil
		case s.out.bytes == 0:
			c.sendTrailer(s)
		case s.out.window <= 0:
			return nil
		case c.out.window <= 0:
			return &c.out.dry
		default:
			c.sendPieces(s)
		}
	}
	return nil
}

// sendPieces sends a frame of them.
func (c *conn) sendPieces(s *stream) {
	c.strikes = 0 // who is served may ask
	n := int(min(int64(s.out.bytes), maxFrame, s.out.window, c.out.window))
	c.out.buf = appendFrame(c.out.buf, n, http2.FrameData, 0, s.id)
	s.out.window -= int64(n)
	c.out.window -= int64(n)
	s.out.bytes -= n
	for n > 0 {
		p := &s.out.pieces[0]
		part := p.rest[:min(n, len(p.rest))]
		c.out.buf = append(c.out.buf, part...)
		p.rest = p.rest[len(part):]
		n -= len(part)
		if len(p.rest) == 0 {
			s.out.drop()
		}
	}
}

const (
	// endedCost is about the memory of a call that has ended, beside its header and what it has to send.
	endedCost = 1 << 10
	// pieceCost is what a piece takes beside its bytes.
	pieceCost = 48
)

// owe counts what a call that has ended holds until it is written; c.mu is held. Messages that are not small are counted by
// whoever encodes them.
func (c *conn) owe(s *stream) {
	if c.account == nil || s.gone || s.out.owed != 0 {
		return
	}
	n := endedCost + s.in.header - s.lasting() + len(s.out.head) + len(s.out.trailer) + pieceCost*len(s.out.pieces)
	for _, p := range s.out.pieces {
		if mem.IsBelowBufferPoolingThreshold(len(p.rest)) {
			n += len(p.rest)
		}
	}
	s.out.owed = int64(n)
	if !c.account.Waits(s.out.owed) && !c.cut {
		c.cut = true
		go c.close()
	}
}

// settle ends that; c.mu is held.
func (c *conn) settle(s *stream, written bool) {
	if s.out.owed != 0 {
		c.account.Went(s.out.owed, written)
		s.out.owed = 0
	}
}

// drop gives the first piece back.
func (o *sending) drop() {
	if hold := o.pieces[0].hold; hold != nil {
		hold.Free()
	}
	o.pieces[0] = piece{}
	if o.pieces = o.pieces[1:]; len(o.pieces) == 0 {
		o.pieces = nil
	}
}

// sendWaiting goes on with the streams that wait, each in turn; c.mu is held.
func (c *conn) sendWaiting() {
	o := &c.out
	for o.dry.first != nil && o.window > 0 && len(o.buf) < fullOutbox {
		c.resume(o.dry.first)
	}
	for o.full.first != nil && len(o.buf) < fullOutbox {
		c.resume(o.full.first)
	}
}

func (c *conn) resume(s *stream) {
	s.out.unqueue()
	c.flush(s)
}

func (c *conn) sendTrailer(s *stream) {
	s.out.done = true
	c.settle(s, true)
	c.appendBlock(s.out.trailer, s.id, true)
	if !s.in.ended {
		// The client need not send the rest.
		c.out.buf = appendReset(c.out.buf, s.id, http2.ErrCodeNo)
	}
	c.forget(s)
}

// abandon gives up what the stream has not sent; c.mu is held.
func (o *sending) abandon() {
	o.done = true
	o.head = nil
	o.unqueue()
	for len(o.pieces) > 0 {
		o.drop()
	}
	o.bytes = 0
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
}
