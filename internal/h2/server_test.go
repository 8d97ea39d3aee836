package h2

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
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
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// waiting is a service whose calls last until they are let go.
type waiting struct {
	testgrpc.UnimplementedTestServiceServer
	running, most atomic.Int64
	entered       chan struct{}
	release       chan struct{}
}

func newWaiting() *waiting {
	return &waiting{entered: make(chan struct{}, 1<<16), release: make(chan struct{})}
}

func (w *waiting) EmptyCall(ctx context.Context, _ *testgrpc.Empty) (*testgrpc.Empty, error) {
	w.most.Store(max(w.most.Load(), w.running.Add(1)))
	defer w.running.Add(-1)
	w.entered <- struct{}{}
	select {
	case <-w.release:
		return &testgrpc.Empty{}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// UnaryCall answers with as many bytes as it is asked for.
func (w *waiting) UnaryCall(_ context.Context, r *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	return &testgrpc.SimpleResponse{Payload: &testgrpc.Payload{Body: make([]byte, r.ResponseSize)}}, nil
}

// StreamingInputCall takes nothing of what it is sent.
func (w *waiting) StreamingInputCall(stream testgrpc.TestService_StreamingInputCallServer) error {
	select {
	case <-w.release:
	case <-stream.Context().Done():
	}
	return stream.Context().Err()
}

// stubborn goes on when its caller is gone.
type stubborn struct{ *waiting }

func (s stubborn) EmptyCall(_ context.Context, in *testgrpc.Empty) (*testgrpc.Empty, error) {
	return s.waiting.EmptyCall(context.Background(), in)
}

func start(t *testing.T, c Config, impl testgrpc.TestServiceServer) (*Server, string) {
	t.Helper()
	s, l := prepare(t, c)
	testgrpc.RegisterTestServiceServer(s, impl)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return s, l.Addr().String()
}

func prepare(t *testing.T, c Config) (*Server, net.Listener) {
	t.Helper()
	c.Codec = or(c.Codec, encoding.GetCodecV2("proto"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return NewServer(c), l
}

// TestGracefulStop: what runs ends as it would, what comes later is refused, and the stop waits for both.
func TestGracefulStop(t *testing.T) {
	w := newWaiting()
	s, addr := start(t, Config{}, w)
	client := testgrpc.NewTestServiceClient(dial(t, addr))
	result := make(chan error, 1)
	go func() {
		_, err := client.EmptyCall(t.Context(), &testgrpc.Empty{})
		result <- err
	}()
	<-w.entered
	stopped := make(chan struct{})
	go func() {
		s.GracefulStop()
		close(stopped)
	}()
	for {
		_, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{})
		if status.Code(err) == codes.Unavailable {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
	select {
	case <-stopped:
		t.Fatal("stopped while a call runs")
	default:
	}
	close(w.release)
	if err := <-result; err != nil {
		t.Error(err)
	}
	<-stopped
	if err := s.Serve(closable{}); !errors.Is(err, ErrStopped) {
		t.Error(err)
	}
}

// closable is a listener that is only closed.
type closable struct{ net.Listener }

func (closable) Close() error { return nil }

// TestStopTellsCalls: a stop ends the contexts of what runs, and the callers know.
func TestStopTellsCalls(t *testing.T) {
	w := newWaiting()
	s, addr := start(t, Config{}, w)
	client := testgrpc.NewTestServiceClient(dial(t, addr))
	result := make(chan error, 1)
	go func() {
		_, err := client.EmptyCall(t.Context(), &testgrpc.Empty{})
		result <- err
	}()
	<-w.entered
	s.Stop()
	if err := <-result; status.Code(err) != codes.Unavailable {
		t.Error(err)
	}
	for w.running.Load() > 0 {
		runtime.Gosched()
	}
}

// TestHandlersAreBounded: a client that begins calls and gives them up at once has no more handlers running than calls
// are allowed, though each of his streams is closed.
func TestHandlersAreBounded(t *testing.T) {
	w := newWaiting()
	_, addr := start(t, Config{MaxCalls: 10}, stubborn{w})
	p := connect(t, addr)
	done := make(chan struct{})
	refused := 0
	go func() {
		defer close(done)
		for refused < 100 {
			f, err := p.ReadFrame()
			if err != nil {
				return
			}
			if r, ok := f.(*http2.RSTStreamFrame); ok && r.ErrCode == http2.ErrCodeRefusedStream {
				refused++
			}
		}
	}()
	block := p.call("EmptyCall")
	for i := range uint32(110) {
		p.begin(2*i+1, block, false)
		p.must(p.WriteData(2*i+1, true, message5(nil)))
		if i < 10 {
			<-w.entered
		}
		p.must(p.WriteRSTStream(2*i+1, http2.ErrCodeCancel))
		block = p.call("EmptyCall")
	}
	<-done
	if refused != 100 {
		t.Errorf("%d calls refused", refused)
	}
	if most := w.most.Load(); most > 10 {
		t.Errorf("%d handlers at once", most)
	}
	close(w.release)
}

// TestAnswersWithoutHandler: what is no call of a method that is there gets an answer that says so, and the connection
// goes on.
func TestAnswersWithoutHandler(t *testing.T) {
	_, addr := start(t, Config{MaxHeaderBytes: 8 << 10, MaxMessageBytes: 1000}, newWaiting())
	p := connect(t, addr)
	cases := []struct {
		name    string
		more    []string
		status  string
		code    codes.Code
		message string
	}{
		{"a GET", []string{":method", "GET"}, "405", codes.Internal, "POST"},
		{"no gRPC", []string{"content-type", "text/html"}, "415", codes.InvalidArgument, "content-type"},
		{"nearly gRPC", []string{"content-type", "application/grpcish"}, "415", codes.InvalidArgument, "content-type"},
		{"unknown method", []string{":path", service + "Nothing"}, "200", codes.Unimplemented, "unknown method Nothing for service grpc.testing.TestService"},
		{"unknown service", []string{":path", "/some.Service/Call"}, "200", codes.Unimplemented, "unknown service some.Service"},
		{"no path of a method", []string{":path", "method"}, "200", codes.Unimplemented, "malformed method name"},
		{"unknown compression", []string{"grpc-encoding", "rot13"}, "200", codes.Unimplemented, "rot13"},
		{"no time", []string{"grpc-timeout", "soon"}, "200", codes.Internal, "grpc-timeout"},
		{"no base64", []string{"some-bin", "%%%"}, "200", codes.Internal, "some-bin"},
		{"much header", []string{"much", strings.Repeat("x", 8<<10)}, "200", codes.ResourceExhausted, "8192"},
	}
	stream := uint32(1)
	for _, c := range cases {
		p.begin(stream, p.call("UnaryCall", c.more...), true)
		got := p.answer(stream)
		if got.fields[":status"] != c.status || got.fields["grpc-status"] != strconv.Itoa(int(c.code)) || !strings.Contains(got.fields["grpc-message"], c.message) {
			t.Errorf("%s: %v", c.name, got)
		}
		stream += 2
	}
	for name, c := range map[string]struct {
		data []byte
		code codes.Code
	}{
		"no message":             {nil, codes.Internal},
		"half a message":         {message5(make([]byte, 10))[:9], codes.Internal},
		"half a prefix":          {message5(nil)[:3], codes.Internal},
		"two messages":           {append(message5(nil), message5(nil)...), codes.Internal},
		"a large message":        {message5(make([]byte, 1001)), codes.ResourceExhausted},
		"a message that is none": {message5([]byte{0xff}), codes.Internal},
		"a strange flag":         {append([]byte{7}, message5(nil)[1:]...), codes.Internal},
		"compressed by nothing":  {append([]byte{1}, message5([]byte{1})[1:]...), codes.Internal},
		"an empty message":       {message5(nil), codes.OK},
		"empty data and its end": {nil, codes.Internal},
	} {
		p.begin(stream, p.call("UnaryCall"), false)
		p.must(p.WriteData(stream, true, c.data))
		if got := p.answer(stream); got.fields["grpc-status"] != strconv.Itoa(int(c.code)) {
			t.Errorf("%s: %v", name, got)
		}
		stream += 2
	}
}

// TestEndlessHeader: a header that never ends, ends the connection.
func TestEndlessHeader(t *testing.T) {
	_, addr := start(t, Config{}, newWaiting())
	p := connect(t, addr)
	p.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.call("UnaryCall")}))
	go func() {
		for p.WriteContinuation(1, false, p.fields("a-name", strings.Repeat("x", 10_000))) == nil {
		}
	}()
	if code, text := p.end(); code != http2.ErrCodeEnhanceYourCalm {
		t.Errorf("%s %s", code, text)
	}
}

// TestAnswersNobodyReads: a peer who makes the server answer frame by frame and reads none of it is cut off.
func TestAnswersNobodyReads(t *testing.T) {
	_, addr := start(t, Config{MinPing: time.Nanosecond}, newWaiting())
	p := connect(t, addr)
	for {
		if err := p.WriteSettings(); err != nil {
			break
		}
	}
}

// TestManyPings: who asks all the time whether the server is there is told to calm down.
func TestManyPings(t *testing.T) {
	_, addr := start(t, Config{}, newWaiting())
	p := connect(t, addr)
	for range 10 {
		if p.WritePing(false, [8]byte{}) != nil {
			break
		}
	}
	if code, text := p.end(); code != http2.ErrCodeEnhanceYourCalm || text != "too_many_pings" {
		t.Errorf("%s %s", code, text)
	}
}

// TestSilentPeer: a peer who does not answer when he is asked is gone.
func TestSilentPeer(t *testing.T) {
	_, addr := start(t, Config{PingAfter: 50 * time.Millisecond, PingTimeout: 200 * time.Millisecond}, newWaiting())
	p := connect(t, addr)
	asked := false
	for {
		f, err := p.ReadFrame()
		if err != nil {
			break
		}
		if ping, ok := f.(*http2.PingFrame); ok && !ping.IsAck() {
			asked = true
		}
	}
	if !asked {
		t.Error("cut off without being asked")
	}
}

// TestSilenceIsNoFault: a connection on which nothing happens is kept while its client answers.
func TestSilenceIsNoFault(t *testing.T) {
	_, addr := start(t, Config{PingAfter: time.Millisecond, PingTimeout: 3 * time.Second}, newWaiting())
	p := connect(t, addr)
	for asked := 0; asked < 2; {
		f, err := p.ReadFrame()
		p.must(err)
		if ping, ok := f.(*http2.PingFrame); ok && !ping.IsAck() {
			p.must(p.WritePing(true, ping.Data))
			asked++
		}
	}
	p.begin(1, p.call("UnaryCall"), false)
	p.must(p.WriteData(1, true, message5(nil)))
	if got := p.answer(1); got.fields["grpc-status"] != "0" {
		t.Error(got)
	}
}

// TestInputIsBounded: messages of which all but the last byte came take memory; one connection may not take much.
func TestInputIsBounded(t *testing.T) {
	_, addr := start(t, Config{MaxMessageBytes: 1 << 20, MaxInputBytes: 160 << 10}, newWaiting())
	p := connect(t, addr)
	block := p.call("UnaryCall")
	for i := range uint32(20) {
		p.begin(2*i+1, block, false)
		p.must(p.WriteData(2*i+1, false, message5(make([]byte, 100_000))[:16000]))
		block = p.call("UnaryCall")
	}
	if got := p.answer(39); got.fields["grpc-status"] != strconv.Itoa(int(codes.ResourceExhausted)) {
		t.Error(got)
	}
	whole := connect(t, addr)
	whole.begin(1, whole.call("UnaryCall"), false)
	whole.must(whole.WriteData(1, true, message5(nil)))
	if got := whole.answer(1); got.fields["grpc-status"] != "0" {
		t.Errorf("another connection: %v", got)
	}
}

// TestInputOfAllIsBounded: many connections that each send much and never the end of it may not take all memory; who sends
// little at a time is served all the same, and what they held is given back with them.
func TestInputOfAllIsBounded(t *testing.T) {
	const most, connections = 4 << 20, 20
	s, addr := start(t, Config{MaxMessageBytes: 1 << 20, MaxInputTotal: most}, newWaiting())
	half := message5(make([]byte, 100_000))[:16_000]
	refused := 0
	var peers []*rawClient
	for range connections {
		p := connect(t, addr)
		peers = append(peers, p)
		for i := range uint32(40) {
			p.begin(2*i+1, p.call("UnaryCall"), false)
			p.must(p.WriteData(2*i+1, false, half))
		}
		p.must(p.WritePing(false, [8]byte{1}))
		for answered := false; !answered; {
			f, err := p.ReadFrame()
			p.must(err)
			switch f := f.(type) {
			case *http2.HeadersFrame:
				refused++
			case *http2.PingFrame:
				answered = f.IsAck()
			}
		}
	}
	if held := s.cfg.Input.Load(); held < most/2 || held > most+connections*leastInput || refused == 0 {
		t.Errorf("%d bytes are held, %d calls were refused", held, refused)
	}
	client := testgrpc.NewTestServiceClient(dial(t, addr))
	if _, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{Payload: &testgrpc.Payload{Body: make([]byte, 1000)}}); err != nil {
		t.Error(err)
	}
	for _, p := range peers {
		_ = p.conn.Close()
	}
	for s.cfg.Input.Load() > 0 {
		runtime.Gosched()
	}
}

// TestWindowsAreKept: of a reply only as much is sent as the client has room for, and the rest when he has more.
func TestWindowsAreKept(t *testing.T) {
	const size = 300_000
	_, addr := start(t, Config{}, newWaiting())
	p := connect(t, addr)
	p.must(p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1000}))
	request, err := encoding.GetCodecV2("proto").Marshal(&testgrpc.SimpleRequest{ResponseSize: size})
	p.must(err)
	for _, stream := range []uint32{1, 3} {
		p.begin(stream, p.call("UnaryCall"), false)
		p.must(p.WriteData(stream, true, message5(request.Materialize())))
	}
	got, room, whole := map[uint32]int{}, map[uint32]int{1: 1000, 3: 1000}, firstWindow
	for ended := 0; ended < 2; {
		f, err := p.ReadFrame()
		p.must(err)
		id := f.Header().StreamID
		switch f := f.(type) {
		case *http2.DataFrame:
			n := len(f.Data())
			got[id] += n
			room[id] -= n
			whole -= n
			if room[id] < 0 || whole < 0 {
				t.Fatalf("stream %d: %d, connection: %d beyond the window", id, room[id], whole)
			}
			if room[id] == 0 {
				p.must(p.WriteWindowUpdate(id, 7000))
				room[id] += 7000
			}
			if whole < 20_000 {
				p.must(p.WriteWindowUpdate(0, 30_000))
				whole += 30_000
			}
		case *http2.HeadersFrame:
			if f.StreamEnded() {
				ended++
			}
		}
	}
	if got[1] < size || got[1] != got[3] {
		t.Errorf("%v bytes came", got)
	}
}

// TestSlowReader: a connection whose client takes nothing holds up no other one.
func TestSlowReader(t *testing.T) {
	_, addr := start(t, Config{}, newWaiting())
	p := connect(t, addr)
	request, err := encoding.GetCodecV2("proto").Marshal(&testgrpc.SimpleRequest{ResponseSize: 1 << 20})
	p.must(err)
	block := p.call("UnaryCall")
	for i := range uint32(20) {
		p.begin(2*i+1, block, false)
		p.must(p.WriteData(2*i+1, true, message5(request.Materialize())))
		block = p.call("UnaryCall")
	}
	client := testgrpc.NewTestServiceClient(dial(t, addr))
	for range 20 {
		r, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{ResponseSize: 1 << 20})
		if err != nil || len(r.GetPayload().GetBody()) != 1<<20 {
			t.Fatal(err)
		}
	}
}

// TestManyCallers: calls of all sizes at once over few connections, with some that are given up.
func TestManyCallers(t *testing.T) {
	w := newWaiting()
	_, addr := start(t, Config{}, w)
	var callers sync.WaitGroup
	for i := range 8 {
		client := testgrpc.NewTestServiceClient(dial(t, addr))
		for j := range 8 {
			callers.Go(func() {
				for n := range 40 {
					size := (i*8+j)*n*37%300_000 + n
					r, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{
						ResponseSize: int32(size), Payload: &testgrpc.Payload{Body: make([]byte, size)},
					})
					if err != nil || len(r.GetPayload().GetBody()) != size {
						t.Errorf("%d bytes: %v", size, err)
						return
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
					if _, err := client.EmptyCall(ctx, &testgrpc.Empty{}); status.Code(err) != codes.DeadlineExceeded {
						t.Error(err)
					}
					cancel()
				}
			})
		}
	}
	callers.Wait()
	for w.running.Load() > 0 {
		runtime.Gosched()
	}
}

// TestOtherProtocols: what does not speak HTTP/2 is hung up on.
func TestOtherProtocols(t *testing.T) {
	_, addr := start(t, Config{}, newWaiting())
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(c); len(b) > 0 {
		t.Errorf("%q", b)
	}
}

// TestCallContext: a context of ours ends its children without a goroutine of theirs, by its deadline as by its end.
func TestCallContext(t *testing.T) {
	c := &callContext{values: context.Background()}
	const children = 100 // so that what other tests have left to end is no matter
	var child context.Context
	before := runtime.NumGoroutine()
	for range children {
		one, cancel := context.WithCancel(c)
		defer cancel()
		child = one
	}
	if got := runtime.NumGoroutine(); got >= before+children {
		t.Errorf("%d goroutines more", got-before)
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(c, func() { close(stopped) })
	c.end(context.Canceled)
	<-child.Done()
	<-stopped
	<-c.Done()
	if stop() || !errors.Is(c.Err(), context.Canceled) || !errors.Is(child.Err(), context.Canceled) {
		t.Error(c.Err(), child.Err())
	}
	late := &callContext{values: context.Background(), deadline: time.Now().Add(time.Millisecond)}
	<-late.Done()
	if !errors.Is(late.Err(), context.DeadlineExceeded) {
		t.Error(late.Err())
	}
	past := &callContext{values: context.Background(), deadline: time.Now().Add(-time.Hour)}
	if !errors.Is(past.Err(), context.DeadlineExceeded) {
		t.Error(past.Err())
	}
	<-past.Done()
}

var _ grpc.ServiceRegistrar = (*Server)(nil)
