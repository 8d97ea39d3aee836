package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	lh "littlehorse/sdk/client"
)

// wire is a connection for calls of gRPC that costs the machine as little as it can, so that the server is measured and
// not the load beside it. It speaks the protocol as every client does, in clear: unary calls, one message of a stream
// after the other, flow control. What a load does not need it does not have: deadlines, compression, interceptors.
type wire struct {
	address string
	tenant  string

	mu     sync.Mutex
	link   *link // the last one; nil before the first call
	closed bool
}

var _ grpc.ClientConnInterface = (*wire)(nil)

// wires are the connections of a load, by number and address.
type wires struct {
	home   string // the server that was named
	tenant string

	mu  sync.Mutex
	all map[wireName]*wire
}

type wireName struct {
	number  int
	address string
}

// newWires is nil if the configuration asks for more than a wire can.
func newWires(cfg lh.Config) *wires {
	if cfg.TLS || cfg.OAuthTokenURL != "" {
		return nil
	}
	return &wires{home: cfg.Address(), tenant: cfg.TenantID, all: map[wireName]*wire{}}
}

// at is one of the connections to an address.
func (ws *wires) at(number int, address string) *wire {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	name := wireName{number, address}
	if ws.all[name] == nil {
		ws.all[name] = &wire{address: address, tenant: ws.tenant}
	}
	return ws.all[name]
}

func (ws *wires) close() {
	if ws == nil {
		return
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, w := range ws.all {
		w.close()
	}
}

func (w *wire) close() {
	w.mu.Lock()
	w.closed = true
	l := w.link
	w.mu.Unlock()
	if l != nil {
		l.fail(errors.New("closed"))
		<-l.ended
	}
}

// ready is a link that stands. One that broke is made anew by the next call.
func (w *wire) ready(ctx context.Context) (*link, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, status.Error(codes.Canceled, "the connection is closed")
	}
	if w.link == nil || w.link.broken() {
		nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", w.address)
		if err != nil {
			return nil, status.Errorf(codes.Unavailable, "connect: %v", err)
		}
		if w.link != nil {
			<-w.link.ended
		}
		w.link = newLink(nc, w.address, w.tenant)
	}
	return w.link, nil
}

// Invoke implements grpc.ClientConnInterface.
func (w *wire) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	l, err := w.ready(ctx)
	if err != nil {
		return err
	}
	c := newExchange(true)
	if err := l.open(c, method, args.(proto.Message), true); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	answer, err := c.next(ctx)
	if err != nil {
		l.cancel(c)
		return err
	}
	if answer == nil {
		return status.Error(codes.Internal, "a unary call was answered with nothing")
	}
	if err := decode(answer, reply.(proto.Message)); err != nil {
		return status.Errorf(codes.Internal, "decode the answer: %v", err)
	}
	if _, err := c.next(ctx); !errors.Is(err, io.EOF) {
		l.cancel(c)
		return err
	}
	exchanges.Put(c)
	return nil
}

// NewStream implements grpc.ClientConnInterface. The stream ends with ctx.
func (w *wire) NewStream(ctx context.Context, _ *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	l, err := w.ready(ctx)
	if err != nil {
		return nil, err
	}
	s := &wireStream{ctx: ctx, link: l, exchange: newExchange(false)}
	if err := l.open(s.exchange, method, nil, false); err != nil {
		return nil, err
	}
	return s, nil
}

// generated messages know their own encoding.
type generated interface {
	SizeVT() int
	MarshalToSizedBufferVT([]byte) (int, error)
	UnmarshalVT([]byte) error
}

func sizeOf(m proto.Message) int {
	if g, ok := m.(generated); ok {
		return g.SizeVT()
	}
	return proto.Size(m)
}

// encode fills b, which is as large as the message.
func encode(b []byte, m proto.Message) (err error) {
	if g, ok := m.(generated); ok {
		_, err = g.MarshalToSizedBufferVT(b)
	} else {
		_, err = proto.MarshalOptions{}.MarshalAppend(b[:0], m)
	}
	if err != nil {
		return fmt.Errorf("encode %T: %w", m, err)
	}
	return nil
}

func decode(b []byte, m proto.Message) error {
	if g, ok := m.(generated); ok {
		return g.UnmarshalVT(b)
	}
	return proto.Unmarshal(b, m)
}

// wireStream is a call of many messages.
type wireStream struct {
	ctx      context.Context
	link     *link
	exchange *exchange
}

// SendMsg implements grpc.ClientStream. While more has come that is likely to be answered the message waits for the others.
func (s *wireStream) SendMsg(m any) error {
	return s.link.send(s.exchange, m.(proto.Message), false, s.exchange.more())
}

// RecvMsg implements grpc.ClientStream.
func (s *wireStream) RecvMsg(m any) error {
	b, err := s.exchange.next(s.ctx)
	if err != nil {
		s.link.cancel(s.exchange)
		return err
	}
	if err := decode(b, m.(proto.Message)); err != nil {
		return fmt.Errorf("decode a message: %w", err)
	}
	return nil
}

// CloseSend implements grpc.ClientStream.
func (s *wireStream) CloseSend() error { return s.link.send(s.exchange, nil, true, false) }

// Context implements grpc.ClientStream.
func (s *wireStream) Context() context.Context { return s.ctx }

// Header implements grpc.ClientStream. Nobody asks for it.
func (s *wireStream) Header() (metadata.MD, error) { return nil, nil }

// Trailer implements grpc.ClientStream. Nobody asks for it.
func (s *wireStream) Trailer() metadata.MD { return nil }

// exchange is one call on a link.
type exchange struct {
	unary  bool
	id     uint32 // 0 before it is open
	window int64  // what may still be sent; guarded by the link
	closed bool   // our side; guarded by the link

	partial  []byte // of a message that has not come as a whole; of the reading goroutine
	consumed int    // bytes that the peer has no window for again; of the reading goroutine

	mu      sync.Mutex
	come    [][]byte
	first   [1][]byte     // what come begins with
	end     error         // set when nothing more comes; io.EOF for a good end
	arrived chan struct{} // holds a token when there is something
}

var exchanges = sync.Pool{New: func() any { return &exchange{arrived: make(chan struct{}, 1)} }}

// newExchange is one that has come to a good end, or is new.
func newExchange(unary bool) *exchange {
	c := exchanges.Get().(*exchange)
	c.unary, c.closed, c.consumed, c.end = unary, false, 0, nil
	return c
}

// deliver passes on what has come: a message, or the end.
func (c *exchange) deliver(m []byte, end error) {
	c.mu.Lock()
	switch {
	case c.end != nil:
	case end != nil:
		c.end = end
	default:
		c.come = append(c.come, m)
	}
	c.mu.Unlock()
	if c.unary && end == nil {
		return // the end follows
	}
	select {
	case c.arrived <- struct{}{}:
	default:
	}
}

// more tells whether messages have come that nobody has taken.
func (c *exchange) more() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.come) > 0
}

// next waits for a message, or the end.
func (c *exchange) next(ctx context.Context) ([]byte, error) {
	for {
		c.mu.Lock()
		if len(c.come) > 0 {
			m := c.come[0]
			if c.come = c.come[1:]; len(c.come) == 0 {
				c.come = c.first[:0]
			}
			c.mu.Unlock()
			return m, nil
		}
		end := c.end
		c.mu.Unlock()
		if end != nil {
			return nil, end
		}
		select {
		case <-c.arrived:
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
}

// maxMessage is how large an answer may be.
const maxMessage = math.MaxInt32
