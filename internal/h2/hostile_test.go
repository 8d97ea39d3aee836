package h2

import (
	"bytes"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/mem"
)

// only is the one connection of the server.
func only(t *testing.T, s *Server) *conn {
	t.Helper()
	for {
		s.mu.Lock()
		for c := range s.conns {
			s.mu.Unlock()
			return c
		}
		s.mu.Unlock()
		runtime.Gosched()
	}
}

// until waits for what is true of the connection sooner or later.
func (c *conn) until(what func() bool) {
	for {
		c.mu.Lock()
		ok := what()
		c.mu.Unlock()
		if ok {
			return
		}
		runtime.Gosched()
	}
}

// heldBack is how much waits to be written and how many streams there are.
func (c *conn) heldBack() (bytes, streams int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.out.buf), len(c.streams)
}

// ledger is the account of a connection, or of several.
type ledger struct {
	mu             sync.Mutex
	calls          int
	bytes, written int64
	most           int64 // bytes; 0 is no limit
}

func (l *ledger) of(net.Addr) Account { return l }

func (l *ledger) Waits(bytes int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	l.bytes += bytes
	return l.most == 0 || l.bytes <= l.most
}

func (l *ledger) Went(bytes int64, written bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls--
	l.bytes -= bytes
	if written {
		l.written += bytes
	}
}

func (l *ledger) sums() (calls int, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls, l.bytes
}

// counts is true when so many calls do.
func (l *ledger) counts(calls int) func() bool {
	return func() bool {
		n, _ := l.sums()
		return n == calls
	}
}

// TestEndedCallsCount: calls that have ended count as long as they wait for a window, however small their replies are.
func TestEndedCallsCount(t *testing.T) {
	const calls, size = 20, 100
	var owed ledger
	s, addr := start(t, Config{Account: owed.of}, newWaiting())
	p := connect(t, addr)
	p.must(p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
	for i := range uint32(calls) {
		p.begin(2*i+1, p.call("UnaryCall"), false)
		p.must(p.WriteData(2*i+1, true, reply(t, size)))
	}
	c := only(t, s)
	c.until(owed.counts(calls))
	_, bytes := owed.sums()
	if bytes < calls*(endedCost+size) || bytes > calls*(2*endedCost+size) {
		t.Errorf("%d bytes count", bytes)
	}
	p.must(p.WriteWindowUpdate(1, 1<<10))
	if got := p.answer(1); got.fields["grpc-status"] != "0" || len(got.data) < size {
		t.Error(got)
	}
	c.until(owed.counts(calls - 1))
	_, left := owed.sums()
	written := owed.written
	if written != bytes-left {
		t.Errorf("%d bytes count after one call was written, of %d", left, bytes)
	}
	p.must(p.WriteRSTStream(3, http2.ErrCodeCancel))
	c.until(owed.counts(calls - 2))
	_ = p.conn.Close()
	c.until(owed.counts(0))
	if _, left := owed.sums(); left != 0 || owed.written != written {
		t.Errorf("%d bytes count after the end, %d were written", left, owed.written)
	}
}

// lots is more than a connection keeps for a peer who does not read.
const lots = fullOutbox + maxControl + 64<<10

// reply is a request for an answer of that size.
func reply(t *testing.T, size int32) []byte {
	t.Helper()
	b, err := encoding.GetCodecV2("proto").Marshal(&testgrpc.SimpleRequest{ResponseSize: size})
	if err != nil {
		t.Fatal(err)
	}
	return message5(b.Materialize())
}

// TestRejectionsNobodyReads: answers without a handler are as bounded as those of handlers.
func TestRejectionsNobodyReads(t *testing.T) {
	s, _ := start(t, Config{MaxCalls: 100}, newWaiting())
	p := deaf(t, s)
	for stream := uint32(1); stream < 1<<20; stream += 2 {
		if p.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: p.call("Nothing"), EndHeaders: true, EndStream: true}) != nil {
			return
		}
		if stream%1000 != 1 {
			continue
		}
		if bytes, streams := only(t, s).heldBack(); bytes > lots || streams > 100 {
			t.Fatalf("%d bytes and %d streams wait for a peer who does not read", bytes, streams)
		}
	}
	t.Error("served for ever")
}

// TestRejectionsWait: they are sent as soon as there is room for them, and need no window.
func TestRejectionsWait(t *testing.T) {
	const rejected = 3000
	var owed ledger
	s, _ := start(t, Config{Account: owed.of}, newWaiting())
	p := deaf(t, s)
	p.begin(1, p.call("UnaryCall"), false)
	p.must(p.WriteData(1, true, reply(t, 100_000)))
	c := only(t, s)
	c.until(func() bool { return c.out.window == 0 })
	for i := range uint32(rejected) {
		p.begin(2*i+3, p.call("Nothing"), true)
	}
	if bytes, streams := c.heldBack(); bytes > lots || streams < 100 {
		t.Errorf("%d bytes and %d streams wait", bytes, streams)
	}
	c.mu.Lock()
	if calls, bytes := owed.sums(); calls != len(c.streams) || bytes < int64(calls)*endedCost {
		t.Errorf("%d calls with %d bytes count, %d wait", calls, bytes, len(c.streams))
	}
	c.mu.Unlock()
	for answered := 0; answered < rejected; {
		f, err := p.ReadFrame()
		p.must(err)
		if f, ok := f.(*http2.HeadersFrame); ok && f.StreamEnded() {
			answered++
		}
	}
	p.must(p.WriteWindowUpdate(0, 1<<20))
	p.must(p.WriteWindowUpdate(1, 1<<20))
	for data := 0; ; {
		f, err := p.ReadFrame()
		p.must(err)
		if f, ok := f.(*http2.DataFrame); ok {
			data += len(f.Data())
		}
		if f, ok := f.(*http2.HeadersFrame); ok && f.StreamEnded() {
			if data < 30_000 {
				t.Errorf("only %d bytes came at last", data)
			}
			c.until(owed.counts(0))
			if _, bytes := owed.sums(); bytes != 0 {
				t.Errorf("%d bytes count when all calls are answered", bytes)
			}
			return
		}
	}
}

// TestTooManyEndsAreCutOff: a peer who makes calls end and takes none of it loses his connection when that is too much, and
// with it all that waits.
func TestTooManyEndsAreCutOff(t *testing.T) {
	owed := ledger{most: 100 * endedCost}
	s, _ := start(t, Config{Account: owed.of}, newWaiting())
	p := deaf(t, s)
	for stream := uint32(1); stream < 1<<14; stream += 2 {
		if p.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: p.call("Nothing"), EndHeaders: true, EndStream: true}) != nil {
			break
		}
	}
	for {
		if calls, bytes := owed.sums(); calls == 0 && bytes == 0 {
			break
		}
		runtime.Gosched()
	}
	if _, err := p.conn.Write([]byte{0}); err == nil {
		t.Error("the connection is open")
	}
}

// TestHeadersNobodyReads: nor do answers pile up that have begun and whose calls are then given up.
func TestHeadersNobodyReads(t *testing.T) {
	s, _ := start(t, Config{MaxCalls: 100}, newWaiting())
	p := deaf(t, s)
	p.must(p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
	c := only(t, s)
	request := reply(t, 10)
	for stream := uint32(1); stream < 100_000; stream += 2 {
		if p.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: p.call("UnaryCall"), EndHeaders: true}) != nil {
			return
		}
		if p.WriteData(stream, true, request) != nil {
			return
		}
		c.until(func() bool { return c.closed || c.streams[stream] == nil || c.streams[stream].over })
		if p.WriteRSTStream(stream, http2.ErrCodeCancel) != nil {
			return
		}
		if bytes, streams := c.heldBack(); bytes > lots || streams > 100 {
			t.Fatalf("%d bytes and %d streams wait for a peer who does not read", bytes, streams)
		}
	}
}

// TestResetsNobodyReads: a peer who makes the server reset his streams and reads none of it is cut off.
func TestResetsNobodyReads(t *testing.T) {
	s, _ := start(t, Config{}, newWaiting())
	p := deaf(t, s)
	for stream := uint32(1); stream < 1<<20; stream += 2 {
		if p.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: p.call("UnaryCall", "Capital", ""), EndHeaders: true}) != nil {
			return
		}
	}
	t.Error("served for ever")
}

// TestGivenUpWhileWaiting: nothing is kept of calls that are given up while they wait for the window of the connection.
func TestGivenUpWhileWaiting(t *testing.T) {
	s, addr := start(t, Config{}, newWaiting())
	p := connect(t, addr)
	p.begin(1, p.call("UnaryCall"), false)
	p.must(p.WriteData(1, true, reply(t, 100_000)))
	c := only(t, s)
	c.until(func() bool { return c.out.window == 0 })
	request := reply(t, 10)
	for i := range uint32(50) {
		stream := 2*i + 3
		p.begin(stream, p.call("UnaryCall"), false)
		p.must(p.WriteData(stream, true, request))
		c.until(func() bool { return c.streams[stream] != nil && c.streams[stream].over })
		p.must(p.WriteRSTStream(stream, http2.ErrCodeCancel))
		c.until(func() bool { return c.streams[stream] == nil })
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out.dry.first != nil || c.out.dry.last != nil {
		t.Error("a stream waits that was given up")
	}
}

// inputHeld is the memory of what came on a connection and was not taken.
func (c *conn) inputHeld() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.input
}

// sync returns when the server has seen everything that was sent.
func (p *rawClient) sync() {
	p.t.Helper()
	p.must(p.WritePing(false, [8]byte{7}))
	for {
		f, err := p.ReadFrame()
		p.must(err)
		if f, ok := f.(*http2.PingFrame); ok && f.IsAck() {
			return
		}
	}
}

// TestEmptyMessagesAreBounded: what nothing is in takes memory, too.
func TestEmptyMessagesAreBounded(t *testing.T) {
	const most = 1 << 20
	s, addr := start(t, Config{MaxInputBytes: most}, newWaiting())
	p := connect(t, addr)
	for i := range uint32(8) {
		stream := 2*i + 1
		p.begin(stream, p.call("StreamingInputCall"), false)
		for range streamWindow / maxFrame {
			p.must(p.WriteData(stream, false, make([]byte, maxFrame/prefixBytes*prefixBytes)))
		}
	}
	p.sync()
	if held := only(t, s).inputHeld(); held < most/2 || held > most+maxFrame {
		t.Errorf("%d bytes are counted", held)
	}
}

// TestAnnouncedIsNotTaken: a message takes memory as it comes, whatever length it is said to have.
func TestAnnouncedIsNotTaken(t *testing.T) {
	s, addr := start(t, Config{}, newWaiting())
	p := connect(t, addr)
	for i := range uint32(50) {
		p.begin(2*i+1, p.call("UnaryCall"), false)
		p.must(p.WriteData(2*i+1, false, message5(make([]byte, 4<<20))[:100]))
	}
	p.sync()
	if held := only(t, s).inputHeld(); held < 50*100 || held > 50*2000 {
		t.Errorf("%d bytes are held, 5000 came", held)
	}
}

// TestHeadersAreBounded: of headers that are not alike a connection may keep as much as of messages.
func TestHeadersAreBounded(t *testing.T) {
	const most = 100_000
	s, addr := start(t, Config{MaxInputBytes: most}, newWaiting())
	p := connect(t, addr)
	for i := range uint32(100) {
		p.begin(2*i+1, p.call("UnaryCall", "much", strings.Repeat(string(rune('a'+i%2)), 4000)), false)
	}
	if got := p.answer(199); got.fields["grpc-status"] != strconv.Itoa(int(codes.ResourceExhausted)) {
		t.Error(got)
	}
	c := only(t, s)
	if held := c.inputHeld(); held < most/2 || held > 2*most {
		t.Errorf("%d bytes are held", held)
	}
	for i := range uint32(100) {
		p.must(p.WriteRSTStream(2*i+1, http2.ErrCodeCancel))
	}
	c.until(func() bool { return c.input == 0 && c.calls == 0 })
}

// TestHandlersCount: calls take memory while their handlers run, however little came with them.
func TestHandlersCount(t *testing.T) {
	const calls, most = 50, 50*runCost - runCost/2
	w := newWaiting()
	s, addr := start(t, Config{MaxInputBytes: most}, w)
	p := connect(t, addr)
	begin := func(i uint32) {
		p.begin(2*i+1, p.call("EmptyCall"), false)
		p.must(p.WriteData(2*i+1, true, message5(nil)))
	}
	for i := range uint32(calls) {
		begin(i)
		<-w.entered
	}
	c := only(t, s)
	if held := c.inputHeld(); held != calls*runCost {
		t.Errorf("%d bytes are held", held)
	}
	begin(calls)
	if got := p.answer(2*calls + 1); got.fields["grpc-status"] != strconv.Itoa(int(codes.ResourceExhausted)) {
		t.Error(got)
	}
	close(w.release)
	c.until(func() bool { return c.input == 0 })
}

// hearing is a service whose streams hear what is said.
type hearing struct{ *waiting }

func (h hearing) FullDuplexCall(stream testgrpc.TestService_FullDuplexCallServer) error {
	for {
		if _, err := stream.Recv(); err != nil {
			return err
		}
	}
}

// TestStreamsCountUntilTheyAreHeard: nobody knows who has them until then.
func TestStreamsCountUntilTheyAreHeard(t *testing.T) {
	const most = 50*runCost - runCost/2
	s, addr := start(t, Config{MaxInputBytes: most}, hearing{newWaiting()})
	p := connect(t, addr)
	stream := uint32(1)
	begin := func(method string) {
		p.begin(stream, p.call(method), false)
		stream += 2
	}
	for range 30 {
		begin("FullDuplexCall")
	}
	p.sync()
	c := only(t, s)
	c.until(func() bool { return c.input == 0 })
	for range 50 {
		begin("StreamingInputCall")
	}
	p.sync()
	if held := c.inputHeld(); held != 50*runCost {
		t.Errorf("%d bytes are held", held)
	}
	begin("FullDuplexCall")
	if got := p.answer(stream - 2); got.fields["grpc-status"] != strconv.Itoa(int(codes.ResourceExhausted)) {
		t.Error(got)
	}
	for id := uint32(1); id < stream; id += 2 {
		p.must(p.WriteRSTStream(id, http2.ErrCodeCancel))
	}
	c.until(func() bool { return c.input == 0 && c.calls == 0 })
}

// asStreams registers the calls with one message each way as streams that are none on either side.
type asStreams struct{ grpc.ServiceRegistrar }

func (a asStreams) RegisterService(service *grpc.ServiceDesc, impl any) {
	desc := *service
	desc.Methods = nil
	desc.Streams = slices.Clone(desc.Streams)
	for _, m := range service.Methods {
		desc.Streams = append(desc.Streams, grpc.StreamDesc{StreamName: m.MethodName, Handler: func(impl any, ss grpc.ServerStream) error {
			reply, err := m.Handler(impl, ss.Context(), ss.RecvMsg, nil)
			if err != nil {
				return err
			}
			return ss.SendMsg(reply)
		}})
	}
	a.ServiceRegistrar.RegisterService(&desc, impl)
}

// startStreams is start, but as the API registers its services.
func startStreams(t *testing.T, c Config, impl testgrpc.TestServiceServer) (*Server, string) {
	t.Helper()
	s, l := prepare(t, c)
	testgrpc.RegisterTestServiceServer(asStreams{s}, impl)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return s, l.Addr().String()
}

// TestOneMessage: a call that takes one message takes no second one, and none is no call.
func TestOneMessage(t *testing.T) {
	for name, start := range map[string]func(*testing.T, Config, testgrpc.TestServiceServer) (*Server, string){"calls": start, "streams": startStreams} {
		_, addr := start(t, Config{}, newWaiting())
		p := connect(t, addr)
		stream := uint32(1)
		for _, method := range []string{"UnaryCall", "StreamingOutputCall"} {
			for kind, data := range map[string][]byte{
				"two messages": append(message5(nil), message5(nil)...), "one and a half": append(message5(nil), 0, 0), "none": {},
			} {
				p.begin(stream, p.call(method), false)
				p.must(p.WriteData(stream, true, data))
				if got := p.answer(stream); got.fields["grpc-status"] != strconv.Itoa(int(codes.Internal)) {
					t.Errorf("%s, %s, %s: %v", name, method, kind, got)
				}
				stream += 2
			}
		}
	}
}

// TestHandlerStartsWithItsRequest: nobody waits for what is still to come of a call with one message.
func TestHandlerStartsWithItsRequest(t *testing.T) {
	w := newWaiting()
	_, addr := startStreams(t, Config{}, w)
	p := connect(t, addr)
	for _, part := range [][]byte{nil, message5(nil)[:2], message5(nil)[2:]} {
		if part == nil {
			p.begin(1, p.call("EmptyCall"), false)
		} else {
			p.must(p.WriteData(1, false, part))
		}
		p.sync()
		if n := len(w.entered); n > 0 {
			t.Fatal("a handler runs before its request is there")
		}
	}
	p.must(p.WriteData(1, true, nil))
	<-w.entered
	close(w.release)
	if got := p.answer(1); got.fields["grpc-status"] != "0" {
		t.Error(got)
	}
}

// TestRequestsThatNeverCome are answered after a while, and take no place any more.
func TestRequestsThatNeverCome(t *testing.T) {
	s, addr := startStreams(t, Config{RequestTimeout: 500 * time.Millisecond}, newWaiting())
	p := connect(t, addr)
	p.begin(1, p.call("UnaryCall"), false)
	p.begin(3, p.call("UnaryCall"), false)
	p.must(p.WriteData(3, false, message5(make([]byte, 1000))[:500]))
	p.begin(5, p.call("FullDuplexCall"), false)
	for _, stream := range []uint32{1, 3} {
		if got := p.answer(stream); got.fields["grpc-status"] != strconv.Itoa(int(codes.DeadlineExceeded)) {
			t.Errorf("%d: %v", stream, got)
		}
	}
	c := only(t, s)
	c.until(func() bool { return c.calls <= 1 && c.input < 300 })
	p.begin(7, p.call("UnaryCall"), false)
	p.must(p.WriteData(7, true, message5(nil)))
	if got := p.answer(7); got.fields["grpc-status"] != "0" {
		t.Error(got)
	}
}

// TestHeaderInCrumbs: a header that comes in many small frames costs more than it is worth.
func TestHeaderInCrumbs(t *testing.T) {
	_, addr := start(t, Config{}, newWaiting())
	p := connect(t, addr)
	block := p.call("UnaryCall", "much", strings.Repeat("x", 20_000))
	p.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:1]}))
	go func() {
		for i := 1; i < len(block); i++ {
			if p.WriteContinuation(1, i == len(block)-1, block[i:i+1]) != nil {
				return
			}
		}
	}()
	if code, text := p.end(); code != http2.ErrCodeEnhanceYourCalm {
		t.Errorf("%s %s", code, text)
	}
}

// TestManySettings: each change of windows goes through all streams, so that a peer may not make many.
func TestManySettings(t *testing.T) {
	_, addr := start(t, Config{}, newWaiting())
	p := connect(t, addr)
	go func() {
		for i := range uint32(10_000) {
			if p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1000 + i}) != nil {
				return
			}
		}
	}()
	if code, text := p.end(); code != http2.ErrCodeEnhanceYourCalm {
		t.Errorf("%s %s", code, text)
	}
}

// TestManyValues: a field of 64 KiB is not many thousands of values.
func TestManyValues(t *testing.T) {
	_, addr := start(t, Config{}, newWaiting())
	p := connect(t, addr)
	p.begin(1, p.call("UnaryCall", "some-bin", strings.Repeat(",", 10_000)), true)
	if got := p.answer(1); got.fields["grpc-status"] != strconv.Itoa(int(codes.Internal)) || !strings.Contains(got.fields["grpc-message"], "values") {
		t.Error(got)
	}
	p.begin(3, p.call("UnaryCall", "line", "one\nanother"), true)
	if got := p.answer(3); !got.cut || got.reset != http2.ErrCodeProtocol {
		t.Error(got)
	}
}

// TestQuotesAreShort: an answer does not repeat all that it says no to.
func TestQuotesAreShort(t *testing.T) {
	_, addr := start(t, Config{}, newWaiting())
	p := connect(t, addr)
	long := strings.Repeat("long", 5_000)
	for i, more := range [][]string{{":path", service + long}, {":path", "/" + long + "/Call"}, {":path", long}, {":method", long}, {"content-type", long}, {"grpc-encoding", long}} {
		stream := uint32(2*i + 1)
		p.begin(stream, p.call("UnaryCall", more...), true)
		if got := p.answer(stream); len(got.fields["grpc-message"]) > 1000 || got.fields["grpc-status"] == "" {
			t.Errorf("%s: %d bytes of message", more[0], len(got.fields["grpc-message"]))
		}
	}
}

// sticky is a connection that takes its time to be closed, and looks what is held up by it.
type sticky struct {
	net.Conn
	server  *Server
	stalled chan bool
}

func (s sticky) Close() error {
	s.server.mu.Lock()
	for c := range s.server.conns {
		free := c.mu.TryLock()
		if free {
			c.mu.Unlock()
		}
		s.stalled <- !free
	}
	s.server.mu.Unlock()
	return s.Conn.Close()
}

// TestClosingHoldsNothingUp: the last words of TLS may wait for the peer; nobody else does.
func TestClosingHoldsNothingUp(t *testing.T) {
	s, _ := start(t, Config{}, newWaiting())
	here, there := net.Pipe()
	stalled := make(chan bool, 10)
	s.take(sticky{there, s, stalled})
	p := attach(t, here)
	p.begin(1, p.call("EmptyCall"), false)
	p.sync()
	p.must(p.WriteData(0xff, true, nil)) // was not begun
	if <-stalled {
		t.Error("the connection is locked while it is closed")
	}
}

// TestStopEndsHandshakes: who has not begun to speak is not waited for.
func TestStopEndsHandshakes(t *testing.T) {
	s, addr := start(t, Config{HandshakeTimeout: time.Hour}, newWaiting())
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	p := connect(t, addr)
	p.sync() // and so the other one is taken, too
	_ = p.conn.Close()
	s.GracefulStop()
}

// counting is a codec that knows how many messages it decodes at once.
type counting struct {
	encoding.CodecV2
	running, most atomic.Int64
	entered       chan struct{}
	release       chan struct{}
}

func (c *counting) Unmarshal(data mem.BufferSlice, v any) error {
	c.most.Store(max(c.most.Load(), c.running.Add(1)))
	defer c.running.Add(-1)
	c.entered <- struct{}{}
	<-c.release
	return c.CodecV2.Unmarshal(data, v)
}

// zipped is a request for an empty answer, compressed.
func zipped(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := encoding.GetCompressor("gzip").Compress(&b)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	request := message5(b.Bytes())
	request[0] = 1
	return request
}

// TestWhatWaitsToBeInflatedCounts: it is there, and it goes with its calls.
func TestWhatWaitsToBeInflatedCounts(t *testing.T) {
	const calls = 3 * maxInflating
	codec := &counting{CodecV2: encoding.GetCodecV2("proto"), entered: make(chan struct{}, calls), release: make(chan struct{})}
	s, addr := start(t, Config{Codec: codec}, newWaiting())
	p := connect(t, addr)
	request := zipped(t)
	for i := range uint32(calls) {
		p.begin(2*i+1, p.call("UnaryCall", "grpc-encoding", "gzip"), false)
		p.must(p.WriteData(2*i+1, true, request))
	}
	for range maxInflating {
		<-codec.entered
	}
	p.sync()
	c := only(t, s)
	if held := c.inputHeld(); held < int64(calls*(runCost+messageCost+len(request)-prefixBytes)) {
		t.Errorf("%d bytes are held", held)
	}
	for i := range uint32(calls) {
		p.must(p.WriteRSTStream(2*i+1, http2.ErrCodeCancel))
	}
	c.until(func() bool { return c.calls == maxInflating && c.input < 2*maxInflating*runCost })
	close(codec.release)
	c.until(func() bool { return c.calls == 0 && c.input == 0 })
}

// TestInflatedIsBounded: of messages that become a thousand times as long as they came, few are there at once.
func TestInflatedIsBounded(t *testing.T) {
	const calls = 5 * maxInflating
	codec := &counting{CodecV2: encoding.GetCodecV2("proto"), entered: make(chan struct{}, calls), release: make(chan struct{})}
	_, addr := start(t, Config{Codec: codec}, newWaiting())
	p := connect(t, addr)
	request := zipped(t)
	for i := range uint32(calls) {
		p.begin(2*i+1, p.call("UnaryCall", "grpc-encoding", "gzip"), false)
		p.must(p.WriteData(2*i+1, true, request))
	}
	for range maxInflating {
		<-codec.entered
	}
	p.sync()
	close(codec.release)
	for range calls - maxInflating {
		<-codec.entered
	}
	if most := codec.most.Load(); most > maxInflating {
		t.Errorf("%d at once", most)
	}
}
