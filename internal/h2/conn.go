package h2

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

const (
	// firstWindow is what both sides may send before anything is said.
	firstWindow = 65535
	maxWindow   = 1<<31 - 1
	// connWindow and streamWindow are what a client may send without being told that it was taken.
	connWindow   = 1 << 20
	streamWindow = 256 << 10
	readBuffer   = 8 << 10
	// lastWords is how long the end of a connection may take to be written, and its peer to close it.
	lastWords = 2 * time.Second
	// manyPings is how often a client may ask too early.
	manyPings = 2
	// maxShifts is how often a client may change the windows of his streams: those who measure the line double them a few times.
	maxShifts = 1000
)

// conn is a connection. What is not said to be guarded belongs to the reading goroutine.
type conn struct {
	server  *Server
	nc      net.Conn
	ctx     context.Context // of its calls, with the peer
	account Account         // nil if there is none
	cut     bool            // for what the account says
	framer  *http2.Framer
	header  *block
	window  int // what the client may send
	owed    int // of the window, taken and not told
	greeted bool

	heard   atomic.Bool // since it was looked last
	written chan struct{}

	mu      sync.Mutex
	streams map[uint32]*stream // that have not ended on the wire
	calls   int                // those, and the ones whose handlers still run
	last    uint32             // the highest id
	input   int64              // memory of messages that are not decoded, and of headers
	coming  queue              // streams whose request is not complete
	tick    int                // how often it was looked for those that stay so
	ticking *time.Timer        // nil if no stream is looked for
	out     outbox
	leaving leaving
	closed  bool
	pinged  time.Time // by the client
	strikes int
	shifts  int // of the initial window
}

// leaving is how far a connection is with going away.
type leaving int

const (
	staying leaving = iota
	announced
	left
)

// fault ends a connection.
type fault struct {
	code http2.ErrCode
	text string
}

func (f fault) Error() string { return fmt.Sprintf("%s: %s", f.code, f.text) }

func fail(code http2.ErrCode, text string) error { return fault{code, text} }

// handshake makes a connection of one that was taken.
func (s *Server) handshake(nc net.Conn) (*conn, error) {
	if err := nc.SetDeadline(time.Now().Add(s.cfg.HandshakeTimeout)); err != nil {
		return nil, err
	}
	p := &peer.Peer{Addr: nc.RemoteAddr(), LocalAddr: nc.LocalAddr()}
	if s.cfg.Credentials != nil {
		secured, info, err := s.cfg.Credentials.ServerHandshake(nc)
		if err != nil {
			return nil, fmt.Errorf("handshake: %w", err)
		}
		nc, p.AuthInfo = secured, info
	}
	r := bufio.NewReaderSize(nc, readBuffer)
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(r, preface); err != nil {
		return nil, fmt.Errorf("preface: %w", err)
	}
	if string(preface) != http2.ClientPreface {
		return nil, errors.New("the peer does not speak HTTP/2")
	}
	if err := nc.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	c := &conn{
		server: s, nc: nc, framer: http2.NewFramer(io.Discard, r), header: newBlock(s.cfg.MaxHeaderBytes),
		window: connWindow, written: make(chan struct{}), streams: map[uint32]*stream{}, out: newOutbox(),
	}
	if s.cfg.Account != nil {
		c.account = s.cfg.Account(p.Addr)
	}
	c.framer.SetReuseFrames()
	c.framer.SetMaxReadFrameSize(maxFrame)
	c.ctx = peer.NewContext(context.Background(), p)
	return c, nil
}

func (c *conn) serve() {
	if h := c.server.cfg.Stats; h != nil {
		p, _ := peer.FromContext(c.ctx)
		c.ctx = h.TagConn(c.ctx, &stats.ConnTagInfo{RemoteAddr: p.Addr, LocalAddr: p.LocalAddr})
		h.HandleConn(c.ctx, &stats.ConnBegin{})
		defer h.HandleConn(c.ctx, &stats.ConnEnd{})
	}
	c.out.buf = appendSettings(c.out.buf,
		http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: uint32(c.server.cfg.MaxCalls)},
		http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: uint32(c.server.cfg.MaxHeaderBytes)},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: streamWindow})
	c.out.buf = appendWindow(c.out.buf, 0, connWindow-firstWindow)
	go c.write()
	stop := c.watch()
	err := c.read()
	stop()
	c.finish(err)
}

// finish says why the connection ends, as far as the peer still listens, and closes it.
func (c *conn) finish(err error) {
	var f fault
	var ce http2.ConnectionError
	if errors.As(err, &ce) {
		f = fault{code: http2.ErrCode(ce)}
	}
	if f.code != 0 || errors.As(err, &f) {
		c.mu.Lock()
		c.endLocked(f.code, f.text)
		c.mu.Unlock()
		_ = c.nc.SetWriteDeadline(time.Now().Add(lastWords))
		<-c.written
	}
	c.close()
	<-c.written
}

// endLocked makes what is there the last that is written, with the reason; c.mu is held.
func (c *conn) endLocked(code http2.ErrCode, text string) {
	if c.out.ended {
		return
	}
	c.out.buf = appendGoAway(c.out.buf, c.last, code, text)
	c.out.ended = true
	c.out.rouse()
}

// close ends everything at once. To close the connection may take time, if the last words of TLS have to wait.
func (c *conn) close() {
	if c.cease() {
		_ = c.nc.Close()
	}
}

func (c *conn) cease() (first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.closed = true
	for _, s := range c.streams {
		c.drop(s, status.Error(codes.Unavailable, "the connection has ended"))
	}
	if c.ticking != nil {
		c.ticking.Stop()
	}
	c.out.rouse()
	return true
}

// watch asks a silent peer whether he is there.
func (c *conn) watch() (stop func()) {
	var mu sync.Mutex
	var timer *time.Timer
	asked := false
	look := func() {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case timer == nil: // stopped
		case c.heard.Swap(false):
			asked = false
			timer.Reset(c.server.cfg.PingAfter)
		case asked:
			c.close()
		default:
			asked = true
			c.mu.Lock()
			c.out.buf = appendPing(c.out.buf, [8]byte{'a', 'l', 'i', 'v', 'e'}, false)
			c.out.rouse()
			c.mu.Unlock()
			timer.Reset(c.server.cfg.PingTimeout)
		}
	}
	mu.Lock()
	timer = time.AfterFunc(c.server.cfg.PingAfter, look)
	mu.Unlock()
	return func() {
		mu.Lock()
		defer mu.Unlock()
		timer.Stop()
		timer = nil
	}
}

// read takes frames until the connection ends. A panic ends this one, not the server.
func (c *conn) read() (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.server.panicked(noCall, p)
			err = fail(http2.ErrCodeInternal, "internal error")
		}
	}()
	for {
		f, err := c.framer.ReadFrame()
		if !c.heard.Load() {
			c.heard.Store(true)
		}
		var wrong http2.StreamError
		switch {
		case errors.As(err, &wrong):
			err = c.refuse(wrong.StreamID, wrong.Code)
		case err == nil:
			err = c.frame(f)
		case errors.Is(err, http2.ErrFrameTooLarge):
			err = fail(http2.ErrCodeFrameSize, "frame too large")
		}
		if err != nil {
			return err
		}
	}
}

// refuse ends a stream that may not be there.
func (c *conn) refuse(id uint32, code http2.ErrCode) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.streams[id]; s != nil {
		return c.reset(s, code, "the client broke the rules of the protocol")
	}
	if id > c.last {
		if id%2 == 0 {
			return fail(http2.ErrCodeProtocol, "stream of an even number")
		}
		c.last = id
	}
	return c.answer(func(b []byte) []byte { return appendReset(b, id, code) })
}

// answer appends a frame that the peer makes the server send; c.mu is held.
func (c *conn) answer(with func([]byte) []byte) error {
	before := len(c.out.buf)
	c.out.buf = with(c.out.buf)
	c.out.rouse()
	if c.out.said(before) {
		return errFlood
	}
	return nil
}

var errFlood = fault{http2.ErrCodeEnhanceYourCalm, "too many frames to answer"}

func (c *conn) frame(f http2.Frame) error {
	if !c.greeted {
		if _, ok := f.(*http2.SettingsFrame); !ok {
			return fail(http2.ErrCodeProtocol, "the first frame is not SETTINGS")
		}
		c.greeted = true
	}
	switch f := f.(type) {
	case *http2.DataFrame:
		return c.data(f)
	case *http2.HeadersFrame:
		return c.headers(f)
	case *http2.ContinuationFrame:
		return c.headerPart(f.HeaderBlockFragment(), f.HeadersEnded())
	case *http2.RSTStreamFrame:
		return c.resetBy(f)
	case *http2.SettingsFrame:
		return c.settings(f)
	case *http2.WindowUpdateFrame:
		return c.windowUpdate(f)
	case *http2.PingFrame:
		return c.ping(f)
	case *http2.PriorityFrame:
		if f.StreamDep == f.StreamID {
			return c.refuse(f.StreamID, http2.ErrCodeProtocol)
		}
	case *http2.PushPromiseFrame:
		return fail(http2.ErrCodeProtocol, "clients do not push")
	}
	return nil // GOAWAY of a client changes nothing for us; unknown frames are ignored
}

func (c *conn) data(f *http2.DataFrame) error {
	size := int(f.Header().Length)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.window -= size; c.window < 0 {
		return fail(http2.ErrCodeFlowControl, "more data than the window of the connection")
	}
	if c.owed += size; c.owed >= connWindow/4 {
		n := c.owed
		c.window += n
		c.owed = 0
		if err := c.answer(func(b []byte) []byte { return appendWindow(b, 0, n) }); err != nil {
			return err
		}
	}
	s := c.streams[f.StreamID]
	switch {
	case s == nil && f.StreamID > c.last:
		return fail(http2.ErrCodeProtocol, "data of a stream that was not begun")
	case s == nil:
		return c.answer(func(b []byte) []byte { return appendReset(b, f.StreamID, http2.ErrCodeStreamClosed) })
	case s.in.ended:
		return c.reset(s, http2.ErrCodeStreamClosed, "data after the end of the stream")
	}
	if s.in.window -= size; s.in.window < 0 {
		return c.reset(s, http2.ErrCodeFlowControl, "more data than the window of the stream")
	}
	c.arrived(s, f.Data(), size)
	if f.StreamEnded() && !s.gone {
		return c.inputEnds(s)
	}
	return nil
}

// arrived puts data of the stream together; c.mu is held.
func (c *conn) arrived(s *stream, data []byte, size int) {
	s.in.bytes += int64(len(data))
	if s.in.err != nil {
		return // nobody takes it
	}
	err := s.arrive(data)
	if err == nil {
		c.grant(s, size-len(data)+s.in.overdue())
		return
	}
	s.in.err = err
	if s.started {
		s.in.rouse()
		return
	}
	c.reject(s, err)
}

// overdue is what came of a message that is not complete and the client was not told of: it may be longer than the
// window.
func (r *receiving) overdue() int {
	if r.body == nil {
		return 0
	}
	n := len(*r.body) - r.granted
	r.granted = len(*r.body)
	return n
}

// grant lets the client send more on a stream; c.mu is held.
func (c *conn) grant(s *stream, n int) {
	if s.in.owed += n; s.in.owed < streamWindow/4 || s.in.ended || s.gone {
		return
	}
	c.out.buf = appendWindow(c.out.buf, s.id, s.in.owed)
	s.in.window += s.in.owed
	s.in.owed = 0
	c.out.rouse()
}

// hold counts memory of what came; c.mu is held.
func (c *conn) hold(n int) {
	c.input += int64(n)
	c.server.cfg.Input.Add(int64(n))
}

const (
	// callCost is the memory of a call whose request is not complete.
	callCost = 1 << 10
	// runCost is about that of one whose handler runs: its stack. Handlers start faster than they end. A stream of many
	// messages counts until its handler asks for the first: then it is known who has it.
	runCost = 8 << 10
	// fieldCost is what a field takes beyond what HTTP/2 counts.
	fieldCost = 64
	// usualHeaderBytes of a call whose handler runs are not counted: the number of calls bounds them, and those that last
	// are many.
	usualHeaderBytes = 4 << 10
)

// charge counts memory of the call but for its messages; c.mu is held.
func (c *conn) charge(s *stream, n int) {
	if n != s.in.charged {
		c.hold(n - s.in.charged)
		s.in.charged = n
	}
}

// inputEnds notes that the client has sent everything; c.mu is held.
func (c *conn) inputEnds(s *stream) error {
	if s.in.length >= 0 && s.in.length != s.in.bytes {
		return c.reset(s, http2.ErrCodeProtocol, "content-length is wrong")
	}
	s.in.ended = true
	if s.in.err == nil && (s.in.body != nil || s.in.headLen > 0) {
		s.in.err = status.Error(codes.Internal, "the last message is cut off")
	}
	s.in.rouse()
	switch {
	case s.started || s.out.done || s.out.trailer != nil: // it is answered, or will be
	case s.in.err != nil:
		c.reject(s, s.in.err)
	case s.method.single && len(s.in.messages) == 0:
		c.reject(s, status.Error(codes.Internal, "a message was expected and the client sent none"))
	default:
		c.start(s)
	}
	return nil
}

// await looks for the rest of the request from time to time; c.mu is held.
func (c *conn) await(s *stream) {
	c.charge(s, callCost+s.in.header)
	if err := c.crowded(); err != nil {
		c.reject(s, err)
		return
	}
	s.in.tick = c.tick
	c.coming.add(s)
	if c.ticking == nil && !c.closed {
		c.ticking = time.AfterFunc(c.server.cfg.RequestTimeout, c.look)
	}
}

// look turns away calls whose requests are not complete since it has looked before.
func (c *conn) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := c.coming.first; s != nil && s.in.tick < c.tick; s = c.coming.first {
		c.reject(s, status.Errorf(codes.DeadlineExceeded, "the request was not complete after %s", c.server.cfg.RequestTimeout))
	}
	c.tick++
	c.ticking = nil
	if c.coming.first != nil && !c.closed {
		c.ticking = time.AfterFunc(c.server.cfg.RequestTimeout, c.look)
	}
}

// lasting is what counts of the header while the call is open.
func (s *stream) lasting() int { return max(0, s.in.header-usualHeaderBytes) }

// start lets the handler run; c.mu is held.
func (c *conn) start(s *stream) {
	s.out.unqueue()
	s.started = true
	c.charge(s, s.lasting()+runCost)
	c.server.pool.run(s)
}

func (c *conn) headers(f *http2.HeadersFrame) error {
	if f.HasPriority() && f.Priority.StreamDep == f.StreamID {
		return fail(http2.ErrCodeProtocol, "a stream depends on itself")
	}
	c.header.begin(f.StreamID, f.StreamEnded())
	return c.headerPart(f.HeaderBlockFragment(), f.HeadersEnded())
}

func (c *conn) headerPart(fragment []byte, last bool) error {
	if err := c.header.take(fragment, last); err != nil || !last {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.header.stream
	if s := c.streams[id]; s != nil {
		return c.trailers(s)
	}
	switch {
	case id%2 == 0:
		return fail(http2.ErrCodeProtocol, "stream of an even number")
	case id <= c.last:
		return fail(http2.ErrCodeStreamClosed, "header of a stream that has ended")
	}
	c.last = id
	if c.leaving == left || c.calls >= c.server.cfg.MaxCalls {
		return c.answer(func(b []byte) []byte { return appendReset(b, id, http2.ErrCodeRefusedStream) })
	}
	return c.begin(id)
}

// trailers of a client say nothing in gRPC but that it has ended.
func (c *conn) trailers(s *stream) error {
	switch {
	case s.in.ended:
		return c.reset(s, http2.ErrCodeStreamClosed, "header after the end of the stream")
	case !c.header.ends:
		return c.reset(s, http2.ErrCodeProtocol, "header in the middle of a stream")
	case !c.header.plain():
		return c.reset(s, http2.ErrCodeProtocol, "malformed trailer")
	default:
		return c.inputEnds(s)
	}
}

// plain tells whether the block may be a trailer.
func (b *block) plain() bool {
	for _, f := range b.fields {
		if f.IsPseudo() || !properName(f.Name) {
			return false
		}
	}
	return true
}

// begin makes a stream of the header that was read; c.mu is held.
func (c *conn) begin(id uint32) error {
	if c.closed {
		return net.ErrClosed // what ends with the connection has ended already
	}
	s := &stream{conn: c, id: id}
	s.callContext.values, s.callContext.stream = c.ctx, (*transportStream)(s)
	s.ctx = &s.callContext
	s.in.window, s.out.window, s.in.length = streamWindow, c.out.initial, -1
	c.streams[id] = s
	c.calls++
	if c.header.tooLarge() {
		s.in.ended = c.header.ends
		c.reject(s, status.Errorf(codes.ResourceExhausted, "the header of the call is larger than %d bytes", c.server.cfg.MaxHeaderBytes))
		return nil
	}
	r, err := c.header.request(c.ctx)
	if err != nil {
		var bad badRequest
		if !errors.As(err, &bad) {
			return c.reset(s, http2.ErrCodeProtocol, err.Error())
		}
		s.in.ended = c.header.ends
		c.reject(s, status.Error(codes.Internal, bad.text))
		return nil
	}
	s.values, s.in.length = r.values, r.length
	if r.timed {
		s.deadline = time.Now().Add(r.timeout)
	}
	if refusal := s.check(r); refusal != nil {
		s.in.ended = c.header.ends
		c.turnAway(s, *refusal)
		return nil
	}
	if !r.shared {
		s.in.header = c.header.size + fieldCost*len(c.header.fields)
	}
	c.report(s, r)
	if s.method.stream != nil && !s.method.single {
		if err := c.crowded(); err != nil {
			s.in.ended = c.header.ends
			c.reject(s, err)
			return nil
		}
		c.start(s)
	}
	switch {
	case c.header.ends:
		return c.inputEnds(s)
	case !s.started:
		c.await(s)
	}
	return nil
}

// report tells Stats of a call.
func (c *conn) report(s *stream, r request) {
	h := c.server.cfg.Stats
	if h == nil {
		return
	}
	s.began = time.Now()
	s.ctx = h.TagRPC(s.ctx, &stats.RPCTagInfo{FullMethodName: s.method.path})
	h.HandleRPC(s.ctx, &stats.Begin{
		BeginTime: s.began, IsClientStream: !s.method.single, IsServerStream: s.method.stream != nil && s.method.stream.ServerStreams,
	})
	md, _ := metadata.FromIncomingContext(s.ctx)
	h.HandleRPC(s.ctx, &stats.InHeader{FullMethod: s.method.path, Header: md, Compression: r.encoding, RemoteAddr: c.nc.RemoteAddr(), LocalAddr: c.nc.LocalAddr()})
}

// refusal is an answer by HTTP, with the status that it has in gRPC.
type refusal struct {
	http string
	err  error
	more metadata.MD
}

// check finds the method of a request, or says why there is none.
func (s *stream) check(r request) *refusal {
	server := s.conn.server
	if s.method = server.plain; s.method != nil {
		return nil
	}
	if r.method != "POST" {
		return &refusal{http: "405", err: status.Errorf(codes.Internal, "the method of the request is %q, which should be POST", quote(r.method))}
	}
	rest, ok := strings.CutPrefix(r.contentType, contentType)
	if !ok || rest != "" && rest[0] != '+' && rest[0] != ';' {
		return &refusal{http: "415", err: status.Errorf(codes.InvalidArgument, "invalid gRPC request content-type %q", quote(r.contentType))}
	}
	if r.encoding != "" && r.encoding != "identity" {
		if s.unzip = encoding.GetCompressor(r.encoding); s.unzip == nil {
			return &refusal{
				http: "200", more: metadata.Pairs("grpc-accept-encoding", "identity"),
				err: status.Errorf(codes.Unimplemented, "grpc: Decompressor is not installed for grpc-encoding %q", quote(r.encoding)),
			}
		}
	}
	if s.method = server.methods[r.path]; s.method != nil {
		return nil
	}
	service, name, ok := splitPath(r.path)
	switch {
	case !ok:
		return &refusal{http: "200", err: status.Errorf(codes.Unimplemented, "malformed method name: %q", quote(r.path))}
	case server.known[service]:
		return &refusal{http: "200", err: status.Errorf(codes.Unimplemented, "unknown method %s for service %s", quote(name), service)}
	default:
		return &refusal{http: "200", err: status.Errorf(codes.Unimplemented, "unknown service %s", quote(service))}
	}
}

// quote is as much of a text as an answer repeats.
func quote(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}

func splitPath(path string) (service, method string, ok bool) {
	path, rooted := strings.CutPrefix(path, "/")
	i := strings.LastIndexByte(path, '/')
	if !rooted || i < 0 {
		return "", "", false
	}
	return path[:i], path[i+1:], true
}

// reject answers a call that no handler sees; c.mu is held.
func (c *conn) reject(s *stream, err error) { c.turnAway(s, refusal{http: "200", err: err}) }

func (c *conn) turnAway(s *stream, r refusal) {
	st := statusOf(r.err)
	if r.http == "200" {
		s.out.trailer = trailerBlock(st, r.more, true)
	} else {
		s.out.trailer = httpBlock(r.http, st)
	}
	s.throwAway(errEnded)
	s.out.unqueue()
	c.flush(s)
	c.owe(s)
	s.end(context.Canceled)
}

func (c *conn) resetBy(f *http2.RSTStreamFrame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.StreamID > c.last {
		return fail(http2.ErrCodeProtocol, "reset of a stream that was not begun")
	}
	if s := c.streams[f.StreamID]; s != nil {
		c.drop(s, status.Error(codes.Canceled, "the client has given the call up"))
	}
	return nil
}

// drop ends a stream at once; c.mu is held.
func (c *conn) drop(s *stream, err error) {
	s.abandon(err)
	c.forget(s)
	s.end(context.Canceled)
}

// forget takes the stream off the wire; c.mu is held.
func (c *conn) forget(s *stream) {
	if s.gone {
		return
	}
	s.gone = true
	c.settle(s, false)
	delete(c.streams, s.id)
	s.abandon(errEnded)
	if !s.started && !s.began.IsZero() {
		s.ended(errEnded)
	}
	if !s.started || s.over {
		c.callEnds(s)
	}
}

var errEnded = status.Error(codes.Canceled, "the stream has ended")

// left notes that the handler has ended; c.mu is held.
func (c *conn) left(s *stream) {
	s.over = true
	c.charge(s, s.lasting())
	if s.gone {
		c.callEnds(s)
	}
}

func (c *conn) callEnds(s *stream) {
	c.charge(s, 0)
	c.calls--
	if c.leaving == left && c.calls == 0 {
		c.goodbye()
	}
}

func (c *conn) settings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	if f.NumSettings() > 100 {
		return fail(http2.ErrCodeEnhanceYourCalm, "too many settings")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.out.initial
	if err := f.ForeachSetting(c.setting); err != nil {
		return err
	}
	if err := c.answer(appendSettingsAck); err != nil {
		return err
	}
	if c.out.initial != before {
		return c.shiftWindows(c.out.initial - before)
	}
	return nil
}

// shiftWindows changes the windows of all streams; c.mu is held.
func (c *conn) shiftWindows(by int64) error {
	if c.shifts++; c.shifts > maxShifts {
		return fail(http2.ErrCodeEnhanceYourCalm, "too many changes of the initial window")
	}
	for _, s := range c.streams {
		if s.out.window += by; s.out.window > maxWindow {
			return fail(http2.ErrCodeFlowControl, "window of a stream too large")
		}
		if s.out.bytes > 0 {
			c.flush(s)
		}
	}
	return nil
}

func (c *conn) setting(s http2.Setting) error {
	if err := s.Valid(); err != nil {
		return err
	}
	switch s.ID {
	case http2.SettingInitialWindowSize:
		c.out.initial = int64(s.Val)
	case http2.SettingHeaderTableSize:
		c.out.table0 = s.Val < tableBytes
	}
	return nil
}

func (c *conn) windowUpdate(f *http2.WindowUpdateFrame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.StreamID == 0 {
		if c.out.window += int64(f.Increment); c.out.window > maxWindow {
			return fail(http2.ErrCodeFlowControl, "window of the connection too large")
		}
		c.sendWaiting()
		return nil
	}
	s := c.streams[f.StreamID]
	if s == nil {
		if f.StreamID > c.last {
			return fail(http2.ErrCodeProtocol, "window of a stream that was not begun")
		}
		return nil
	}
	if s.out.window += int64(f.Increment); s.out.window > maxWindow {
		return c.reset(s, http2.ErrCodeFlowControl, "window of the stream too large")
	}
	c.flush(s)
	return nil
}

// farewell is the data of the ping that follows the announcement of going away.
var farewell = [8]byte{'f', 'a', 'r', 'e', 'w', 'e', 'l', 'l'}

func (c *conn) ping(f *http2.PingFrame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.IsAck() {
		if f.Data == farewell {
			c.depart()
		}
		return nil
	}
	now := time.Now()
	if now.Sub(c.pinged) < c.server.cfg.MinPing {
		c.strikes++
	} else {
		c.strikes = 0
	}
	c.pinged = now
	if c.strikes > manyPings {
		return fail(http2.ErrCodeEnhanceYourCalm, "too_many_pings")
	}
	return c.answer(func(b []byte) []byte { return appendPing(b, f.Data, true) })
}

// leave tells the client to begin nothing more here. What it began before it heard is still taken.
func (c *conn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.leaving != staying {
		return
	}
	c.leaving = announced
	c.out.buf = appendGoAway(c.out.buf, maxWindow, http2.ErrCodeNo, "")
	c.out.buf = appendPing(c.out.buf, farewell, false)
	c.out.rouse()
	time.AfterFunc(lastWords, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.depart()
	})
}

// depart takes no new calls; c.mu is held.
func (c *conn) depart() {
	if c.leaving != announced || c.closed {
		return
	}
	c.leaving = left
	c.out.buf = appendGoAway(c.out.buf, c.last, http2.ErrCodeNo, "")
	c.out.rouse()
	if c.calls == 0 {
		c.goodbye()
	}
}

// goodbye ends the connection when all is written, and the peer has had time to close it.
func (c *conn) goodbye() {
	c.out.ended = true
	c.out.rouse()
	_ = c.nc.SetReadDeadline(time.Now().Add(lastWords))
}
