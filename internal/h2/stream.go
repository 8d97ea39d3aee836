package h2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// stream is one call. It is the context of its handler, and the stream of a handler that wants one.
type stream struct {
	callContext
	conn   *conn
	id     uint32
	method *method
	ctx    context.Context // itself, or what Stats has made of it
	unzip  encoding.Compressor
	began  time.Time

	in      receiving
	out     sending
	header  metadata.MD // to be sent; guarded by conn.mu, as are in and out
	trailer metadata.MD
	started bool // its handler
	over    bool // its handler has ended
	gone    bool // ended on the wire
}

// receiving is what came of a stream and was not taken.
type receiving struct {
	window int   // what the client may send
	owed   int   // taken and not told to him
	length int64 // content-length; -1 if it is not said
	bytes  int64 // of data that came

	head    [prefixBytes]byte
	headLen int
	body    *[]byte // what came of the message that is coming; nil between messages
	size    int     // that it will have
	granted int     // of it, told to the client
	header  int     // memory of the header of the call, if no other one shares it
	charged int     // for the call but for its messages
	tick    int     // of the connection, when the call began

	messages []message
	ended    bool // the client sends no more
	err      error
	ready    chan struct{} // somebody waits for a message or the end
}

// message is complete and not decoded.
type message struct {
	data    *[]byte
	zipped  bool
	granted int // told to the client before it was complete
}

// handle runs the handler and sends how it ended. What breaks behind it costs the connection.
func (s *stream) handle() {
	defer func() {
		if p := recover(); p != nil {
			s.conn.server.panicked(s.method.path, p)
			s.conn.close()
		}
	}()
	s.finish(s.run())
}

// run gives the reply, encoded, if there is one. A panic costs its caller the answer, not the server.
func (s *stream) run() (reply mem.BufferSlice, err error) {
	m := s.method
	defer func() {
		if p := recover(); p != nil {
			s.conn.server.panicked(m.path, p)
			reply, err = nil, errPanicked
		}
	}()
	if m.unary == nil {
		return nil, m.stream.Handler(m.impl, (*serverStream)(s))
	}
	v, err := m.unary(m.impl, s.ctx, s.decode, nil)
	if err != nil {
		return nil, err
	}
	if reply, err = s.encode(v); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return reply, nil
}

var errPanicked = status.Error(codes.Internal, "An unexpected internal error occurred. Please contact support for assistance.")

// noCall is in the place of the RPC where a connection panics.
const noCall = "none"

// panicked logs a bug with the place where it is. What else a panic says may be what the call was about.
func (s *Server) panicked(rpc string, p any) {
	what := fmt.Sprintf("%T", p)
	if err, ok := p.(runtime.Error); ok {
		what = err.Error()
	}
	s.cfg.Log.Error("call panicked", "rpc", rpc, "err", what, "stack", string(debug.Stack()))
}

// decode reads the only message of a call.
func (s *stream) decode(into any) error {
	if err := s.receive(into); err != nil {
		if errors.Is(err, io.EOF) {
			return status.Error(codes.Internal, "a message was expected and the client sent none")
		}
		return err
	}
	return nil
}

// receive waits for a message. io.EOF is the end of what the client sends.
func (s *stream) receive(into any) error {
	m, err := s.take()
	if err != nil {
		return err
	}
	length, cost := len(*m.data), m.cost() // its buffer is soon somebody else's
	if m.zipped {
		defer s.release(cost)
		if err := s.mayInflate(); err != nil {
			freeBody(m.data)
			return err
		}
		defer func() { <-s.conn.server.inflating }()
	}
	data, err := s.inflate(m)
	if err != nil {
		return err
	}
	defer data.Free()
	if err := s.conn.server.cfg.Codec.Unmarshal(data, into); err != nil {
		return status.Errorf(codes.Internal, "the message cannot be decoded: %v", err)
	}
	s.tell(func() stats.RPCStats {
		return &stats.InPayload{Payload: into, Length: data.Len(), CompressedLength: length, WireLength: prefixBytes + length, RecvTime: time.Now()}
	})
	return nil
}

// mayInflate waits for a turn.
func (s *stream) mayInflate() error {
	select {
	case s.conn.server.inflating <- struct{}{}:
		return nil
	case <-s.ctx.Done():
		return status.FromContextError(s.ctx.Err()).Err()
	}
}

// release counts a message no longer that waited to be decompressed.
func (s *stream) release(cost int) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.conn.hold(-cost)
}

// take waits for a message and gives the client room for another. One that is compressed still counts.
func (s *stream) take() (message, error) {
	c := s.conn
	c.mu.Lock()
	if !s.method.single && !s.over {
		c.charge(s, s.lasting()) // whoever is heard may stay
	}
	for len(s.in.messages) == 0 {
		if s.in.err != nil || s.in.ended {
			err := s.in.err
			c.mu.Unlock()
			if err == nil {
				err = io.EOF
			}
			return message{}, err
		}
		ready := make(chan struct{})
		s.in.ready = ready
		c.mu.Unlock()
		select {
		case <-ready:
		case <-s.ctx.Done():
		}
		c.mu.Lock()
		if err := s.ctx.Err(); err != nil && len(s.in.messages) == 0 && s.in.err == nil {
			c.mu.Unlock()
			return message{}, status.FromContextError(err).Err()
		}
	}
	defer c.mu.Unlock()
	m := s.in.messages[0]
	s.in.messages[0] = message{}
	if s.in.messages = s.in.messages[1:]; len(s.in.messages) == 0 {
		s.in.messages = nil
	}
	if !m.zipped {
		c.hold(-m.cost())
	}
	c.grant(s, prefixBytes+len(*m.data)-m.granted)
	return m, nil
}

// inflate gives the bytes of a message.
func (s *stream) inflate(m message) (mem.BufferSlice, error) {
	held := mem.BufferSlice{mem.NewBuffer(m.data, poolOf(cap(*m.data)))}
	if !m.zipped {
		return held, nil
	}
	defer held.Free()
	if s.unzip == nil {
		return nil, status.Error(codes.Internal, "the message is said to be compressed, and the call does not say how")
	}
	most := s.conn.server.cfg.MaxMessageBytes
	r, err := s.unzip.Decompress(held.Reader())
	if err != nil {
		return nil, status.Errorf(codes.Internal, "the message cannot be decompressed: %v", err)
	}
	out, err := mem.ReadAll(io.LimitReader(r, int64(most)+1), Buffers)
	if err != nil {
		out.Free()
		return nil, status.Errorf(codes.Internal, "the message cannot be decompressed: %v", err)
	}
	if out.Len() > most {
		out.Free()
		return nil, tooLong(most)
	}
	return out, nil
}

func tooLong(most int) error {
	return status.Errorf(codes.ResourceExhausted, "received message after decompression larger than max %d", most)
}

// arrive takes data that came; c.mu is held. An error ends the call.
func (s *stream) arrive(data []byte) error {
	c := s.conn
	if s.method == c.server.plain {
		return nil
	}
	if s.in.body != nil {
		if err := c.crowded(); err != nil {
			return err
		}
	}
	for len(data) > 0 {
		if s.in.body == nil {
			n := copy(s.in.head[s.in.headLen:], data)
			s.in.headLen += n
			data = data[n:]
			if s.in.headLen < prefixBytes {
				return nil
			}
			if err := s.beginMessage(); err != nil {
				return err
			}
		}
		part := data[:min(len(data), s.in.size-len(*s.in.body))]
		data = data[len(part):]
		s.add(part)
	}
	return nil
}

// crowded tells whether the connection has sent too much that is not taken; c.mu is held.
func (c *conn) crowded() error {
	cfg := &c.server.cfg
	switch {
	case c.input > cfg.MaxInputBytes:
		return status.Error(codes.ResourceExhausted, "too many messages are on their way on this connection: try again")
	case c.input > leastInput && c.input > (cfg.MaxInputTotal-cfg.Input.Load())/partOfFree:
		return status.Error(codes.ResourceExhausted, "too many messages are on their way to this server: try again")
	}
	return nil
}

const (
	// leastInput is what a connection may have sent however much others have.
	leastInput = 256 << 10
	// partOfFree is the part that it may have sent of what all together still may.
	partOfFree = 4
)

func (s *stream) beginMessage() error {
	h := s.in.head
	if h[0] > 1 {
		return status.Errorf(codes.Internal, "a message begins with %d, neither compressed nor not", h[0])
	}
	n := uint32(h[1])<<24 | uint32(h[2])<<16 | uint32(h[3])<<8 | uint32(h[4])
	if most := s.conn.server.cfg.MaxMessageBytes; uint64(n) > uint64(most) {
		return status.Errorf(codes.ResourceExhausted, "received message larger than max (%d vs. %d)", n, most)
	}
	if s.method.single && len(s.in.messages) > 0 {
		return status.Error(codes.Internal, "one message was expected and the client sent more")
	}
	s.in.body, s.in.size = new([]byte), int(n)
	s.conn.hold(messageCost)
	return s.conn.crowded()
}

// add takes a part of the message that is coming, and ends it if that was the last one.
func (s *stream) add(part []byte) {
	if most := len(*s.in.body) + len(part); most > cap(*s.in.body) {
		s.grow(most)
	}
	*s.in.body = append(*s.in.body, part...)
	if len(*s.in.body) < s.in.size {
		return
	}
	s.in.messages = append(s.in.messages, message{data: s.in.body, zipped: s.in.head[0] == 1, granted: s.in.granted})
	s.in.body, s.in.headLen, s.in.granted = nil, 0, 0
	s.in.rouse()
}

// grow makes room in the message that is coming: memory is taken for what is there, not for what is announced.
func (s *stream) grow(least int) {
	old := s.in.body
	body := newBody(min(max(least, 2*cap(*old)), s.in.size))
	*body = append(*body, *old...)
	s.conn.hold(cap(*body) - cap(*old))
	freeBody(old)
	s.in.body = body
}

// messageCost is the memory of a message in which nothing is.
const messageCost = 64

// cost is the memory of the message.
func (m message) cost() int { return messageCost + cap(*m.data) }

// poolOf is where buffers come from; nil for those that are not kept.
func poolOf(size int) mem.BufferPool {
	if size > mostBuffer || mem.IsBelowBufferPoolingThreshold(size) {
		return nil
	}
	return Buffers
}

func newBody(size int) *[]byte {
	pool := poolOf(size)
	if pool == nil {
		b := make([]byte, 0, size)
		return &b
	}
	b := pool.Get(size)
	*b = (*b)[:0]
	return b
}

func freeBody(b *[]byte) {
	if pool := poolOf(cap(*b)); pool != nil {
		pool.Put(b)
	}
}

func (r *receiving) rouse() {
	if r.ready != nil {
		close(r.ready)
		r.ready = nil
	}
}

// abandon gives up what came and is not taken, and what is not sent; c.mu is held.
func (s *stream) abandon(err error) {
	s.throwAway(err)
	s.out.abandon()
}

// throwAway gives up what came, and what is still to come; c.mu is held.
func (s *stream) throwAway(err error) {
	s.in.err = err
	for _, m := range s.in.messages {
		s.conn.hold(-m.cost())
		freeBody(m.data)
	}
	s.in.messages = nil
	if s.in.body != nil {
		s.conn.hold(-messageCost - cap(*s.in.body))
		freeBody(s.in.body)
		s.in.body = nil
	}
	s.in.rouse()
}

// finish sends the reply, if there is one, and the status.
func (s *stream) finish(reply mem.BufferSlice, err error) {
	defer s.ended(err)
	st := statusOf(err)
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if reply != nil {
		c.sendMessage(s, reply)
	}
	if !s.out.done {
		s.out.trailer = trailerBlock(st, s.trailer, !s.out.begun)
		c.flush(s)
		c.owe(s)
	}
	c.left(s)
}

func statusOf(err error) *status.Status {
	if st, ok := status.FromError(err); ok {
		return st
	}
	return status.FromContextError(err)
}

func (s *stream) encode(v any) (mem.BufferSlice, error) {
	m, err := s.conn.server.cfg.Codec.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("the reply cannot be encoded: %w", err)
	}
	if m == nil {
		m = mem.BufferSlice{}
	}
	s.tell(func() stats.RPCStats {
		n := m.Len()
		return &stats.OutPayload{Payload: v, Length: n, CompressedLength: n, WireLength: prefixBytes + n, SentTime: time.Now()}
	})
	return m, nil
}

// ended ends the context and tells Stats.
func (s *stream) ended(err error) {
	s.end(context.Canceled)
	s.tell(func() stats.RPCStats {
		return &stats.End{BeginTime: s.began, EndTime: time.Now(), Trailer: s.trailer, Error: err}
	})
}

func (s *stream) tell(what func() stats.RPCStats) {
	if h := s.conn.server.cfg.Stats; h != nil {
		h.HandleRPC(s.ctx, what())
	}
}

// serverStream is the stream as its handler has it.
type serverStream stream

func (s *serverStream) stream() *stream { return (*stream)(s) }

// Context implements grpc.ServerStream.
func (s *serverStream) Context() context.Context { return s.ctx }

// RecvMsg implements grpc.ServerStream.
func (s *serverStream) RecvMsg(into any) error { return s.stream().receive(into) }

// SendMsg implements grpc.ServerStream. It waits while the client has much to take.
func (s *serverStream) SendMsg(v any) error {
	m, err := s.stream().encode(v)
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	c := s.conn
	c.mu.Lock()
	if s.out.done {
		c.mu.Unlock()
		m.Free()
		return s.why()
	}
	c.sendMessage(s.stream(), m)
	c.flush(s.stream())
	var room chan struct{}
	if s.out.bytes > fullStream {
		if s.out.room == nil {
			s.out.room = make(chan struct{})
		}
		room = s.out.room
	}
	c.mu.Unlock()
	if room == nil {
		return nil
	}
	select {
	case <-room:
		return s.why()
	case <-s.ctx.Done():
		return s.why()
	}
}

// why nothing can be sent; nil if it can.
func (s *serverStream) why() error {
	if err := s.ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if s.out.done {
		return status.Error(codes.Canceled, "the stream has ended")
	}
	return nil
}

var errHeaderSent = status.Error(codes.Internal, "the header has been sent")

// SetHeader implements grpc.ServerStream.
func (s *serverStream) SetHeader(md metadata.MD) error {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if s.out.begun {
		return errHeaderSent
	}
	s.header = metadata.Join(s.header, md)
	return nil
}

// SendHeader implements grpc.ServerStream.
func (s *serverStream) SendHeader(md metadata.MD) error {
	if err := s.SetHeader(md); err != nil {
		return err
	}
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.conn.sendHeader(s.stream())
	return nil
}

// SetTrailer implements grpc.ServerStream.
func (s *serverStream) SetTrailer(md metadata.MD) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.trailer = metadata.Join(s.trailer, md)
}

// transportStream is the stream for grpc.SetHeader and its like, which only have the context.
type transportStream stream

// Method implements grpc.ServerTransportStream.
func (s *transportStream) Method() string { return s.method.path }

// SetHeader implements grpc.ServerTransportStream.
func (s *transportStream) SetHeader(md metadata.MD) error { return (*serverStream)(s).SetHeader(md) }

// SendHeader implements grpc.ServerTransportStream.
func (s *transportStream) SendHeader(md metadata.MD) error { return (*serverStream)(s).SendHeader(md) }

// SetTrailer implements grpc.ServerTransportStream.
func (s *transportStream) SetTrailer(md metadata.MD) error {
	(*serverStream)(s).SetTrailer(md)
	return nil
}

// reset ends a call without an answer; c.mu is held. It is an error if there have been too many.
func (c *conn) reset(s *stream, code http2.ErrCode, text string) error {
	c.drop(s, status.Error(codes.Internal, text))
	return c.answer(func(b []byte) []byte { return appendReset(b, s.id, code) })
}
