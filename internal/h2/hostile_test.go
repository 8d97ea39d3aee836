package h2

import (
	"runtime"
	"testing"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/encoding"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
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
	s, _ := start(t, Config{}, newWaiting())
	p := deaf(t, s)
	p.begin(1, p.call("UnaryCall"), false)
	p.must(p.WriteData(1, true, reply(t, 100_000)))
	c := only(t, s)
	c.until(func() bool { return c.out.window == 0 })
	for i := range uint32(rejected) {
		p.begin(2*i+3, p.call("Nothing"), true)
	}
	if bytes, streams := c.heldBack(); bytes > lots || streams < rejected/10 {
		t.Errorf("%d bytes and %d streams wait", bytes, streams)
	}
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
			return
		}
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
