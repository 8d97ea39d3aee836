package h2

import (
	"bytes"
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/stats"
)

// secret is in what panics, and in no log.
const secret = "hunter2"

// broken is a service with bugs.
type broken struct{ *waiting }

func (broken) EmptyCall(context.Context, *testgrpc.Empty) (*testgrpc.Empty, error) {
	panic("the handler knows " + secret)
}

func (broken) StreamingInputCall(testgrpc.TestService_StreamingInputCallServer) error {
	panic("the stream knows " + secret)
}

func (broken) StreamingOutputCall(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
	return stream.Send(&testgrpc.StreamingOutputCallResponse{})
}

func (broken) FullDuplexCall(stream testgrpc.TestService_FullDuplexCallServer) error {
	_, err := stream.Recv()
	return err
}

func (broken) UnaryCall(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	return &testgrpc.SimpleResponse{}, nil
}

// brokenCodec cannot encode some replies, and cannot decode some requests.
type brokenCodec struct{ encoding.CodecV2 }

func (c brokenCodec) Marshal(v any) (mem.BufferSlice, error) {
	switch v.(type) {
	case *testgrpc.SimpleResponse, *testgrpc.StreamingOutputCallResponse:
		panic("the reply says " + secret)
	}
	return c.CodecV2.Marshal(v)
}

func (c brokenCodec) Unmarshal(data mem.BufferSlice, v any) error {
	if _, ok := v.(*testgrpc.StreamingOutputCallRequest); ok && data.Len() > 0 {
		panic("the request says " + secret)
	}
	return c.CodecV2.Unmarshal(data, v)
}

// sharedLog is a log that is written and read at once.
type sharedLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *sharedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *sharedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestPanicsEndNoServer: whatever panics while a call is served, its caller is told, the log names the RPC and nothing of what
// it was about, and the connection goes on.
func TestPanicsEndNoServer(t *testing.T) {
	var log sharedLog
	s, addr := start(t, Config{Codec: brokenCodec{encoding.GetCodecV2("proto")}, Log: slog.New(slog.NewTextHandler(&log, nil))}, broken{newWaiting()})
	p := connect(t, addr)
	stream := uint32(1)
	for _, call := range []struct {
		what, method string
		request      []byte
	}{
		{"a handler", "EmptyCall", nil},
		{"the encoding of a reply", "UnaryCall", nil},
		{"a stream", "StreamingInputCall", nil},
		{"the encoding of what a stream sends", "StreamingOutputCall", nil},
		{"the decoding of what a stream receives", "FullDuplexCall", []byte{0}},
	} {
		for range 2 { // a goroutine that serves another call afterwards is as good as a new one
			p.begin(stream, p.call(call.method), false)
			p.must(p.WriteData(stream, true, message5(call.request)))
			if got := p.answer(stream); got.fields["grpc-status"] != strconv.Itoa(int(codes.Internal)) || strings.Contains(got.fields["grpc-message"], secret) {
				t.Errorf("%s: %v", call.what, got)
			}
			stream += 2
		}
		if !strings.Contains(log.String(), service+call.method) {
			t.Errorf("%s: the log does not name the RPC: %s", call.what, log.String())
		}
	}
	if strings.Contains(log.String(), secret) {
		t.Errorf("the log says what it should not: %s", log.String())
	}
	c := only(t, s)
	c.until(func() bool { return c.calls == 0 && c.input == 0 })
}

// curious is told of calls, and has a bug.
type curious struct{ stats.Handler }

func (curious) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (curious) HandleConn(context.Context, stats.ConnStats)                       {}
func (curious) HandleRPC(context.Context, stats.RPCStats)                         {}

func (curious) TagRPC(ctx context.Context, about *stats.RPCTagInfo) context.Context {
	if strings.HasSuffix(about.FullMethodName, "UnaryCall") {
		panic(secret)
	}
	return ctx
}

// TestPanicsOfAConnectionEndNoServer: what breaks outside of a call costs the connection, and the others go on.
func TestPanicsOfAConnectionEndNoServer(t *testing.T) {
	var log sharedLog
	w := newWaiting()
	_, addr := start(t, Config{Stats: curious{}, Log: slog.New(slog.NewTextHandler(&log, nil))}, w)
	other, p := connect(t, addr), connect(t, addr)
	other.sync()
	p.begin(1, p.call("EmptyCall"), false)
	p.must(p.WriteData(1, true, message5(nil)))
	<-w.entered
	p.begin(3, p.call("UnaryCall"), false)
	if code, _ := p.end(); code != http2.ErrCodeInternal {
		t.Errorf("the connection ends with %s", code)
	}
	if text := log.String(); !strings.Contains(text, "panicked") || strings.Contains(text, secret) {
		t.Errorf("the log says: %s", text)
	}
	for w.running.Load() > 0 { // the call is told
		continue
	}
	other.begin(1, other.call("FullDuplexCall"), false)
	if got := other.answer(1); got.fields["grpc-status"] != strconv.Itoa(int(codes.Unimplemented)) {
		t.Error(got)
	}
}
