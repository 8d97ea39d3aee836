package h2

import (
	"runtime"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/mem"
)

const (
	// fullOutbox is how much waits to be written before replies wait in their streams.
	fullOutbox = 256 << 10
	// maxControl bounds what a peer can make the server say (acknowledgements, resets) while he reads nothing.
	maxControl = 256 << 10
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

	window  int64     // of the connection, for data
	initial int64     // of new streams
	table0  bool      // the next header block tells that no table is used
	waiting []*stream // those that have data and cannot send all of it, in turn
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

// write hands over what is there, for as long as the connection takes it.
func (c *conn) write() {
	defer close(c.written)
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
		return b, o.ended && len(o.waiting) == 0
	}
}

const smallWrite = 4 << 10

// sending is what a stream has to send. It is guarded by conn.mu.
type sending struct {
	window  int64
	begun   bool // its header is sent
	pieces  []piece
	bytes   int // in pieces
	queued  bool
	trailer []byte // to follow the pieces; nil if it is not known
	done    bool   // the end is sent, or nothing is to be sent any more
	room    chan struct{}
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
	c.appendBlock(headerBlock(s.header), s.id, false)
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
	if s.out.bytes == 0 && int64(prefixBytes+n) <= min(maxFrame, s.out.window, c.out.window) && len(c.out.buf) < fullOutbox {
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
	c.sendPieces(s)
	if s.out.bytes > 0 {
		if !s.out.queued && s.out.window > 0 {
			s.out.queued = true
			c.out.waiting = append(c.out.waiting, s)
		}
	} else if s.out.trailer != nil && !s.out.done {
		c.sendTrailer(s)
	}
	if s.out.room != nil && s.out.bytes <= fullStream {
		close(s.out.room)
		s.out.room = nil
	}
	c.out.rouse()
}

func (c *conn) sendPieces(s *stream) {
	c.strikes = 0 // who is served may ask
	for s.out.bytes > 0 && len(c.out.buf) < fullOutbox {
		n := int(min(int64(s.out.bytes), maxFrame, s.out.window, c.out.window))
		if n <= 0 {
			return
		}
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
	for n := len(c.out.waiting); n > 0 && c.out.window > 0 && len(c.out.buf) < fullOutbox; n-- {
		s := c.out.waiting[0]
		c.out.waiting[0] = nil
		c.out.waiting = c.out.waiting[1:]
		s.out.queued = false
		c.flush(s)
	}
}

func (c *conn) sendTrailer(s *stream) {
	s.out.done = true
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
	for len(o.pieces) > 0 {
		o.drop()
	}
	o.bytes = 0
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
}
