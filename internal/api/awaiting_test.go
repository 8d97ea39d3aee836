package api

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/auth"
	"littlehorse/lhpb"
)

// door is a listener whose connections have backlogs.
type door struct {
	net.Listener
	of *Backlogs
}

func (d door) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	v := &visitor{Conn: c}
	v.backlog = d.of.Open(v)
	return v, nil
}

type visitor struct {
	net.Conn
	backlog *Backlog
}

func (*visitor) Taken() int64           { return 0 }
func (v *visitor) RemoteAddr() net.Addr { return far{v.backlog} }

// open serves the face on a port, and gives the backlogs of its connections.
func (f *face) open(t *testing.T, transport Transport) (*Backlogs, string) {
	t.Helper()
	b := NewBacklogs(1<<20, maxInputs)
	return b, f.openFor(t, b, transport)
}

func (f *face) openFor(t *testing.T, b *Backlogs, transport Transport) string {
	t.Helper()
	f.Register(transport, &Listener{Name: "PLAIN", Authenticator: auth.None{}})
	return serveFor(t, b, transport)
}

func serveFor(t *testing.T, b *Backlogs, transport Transport) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = transport.Serve(door{l, b}) }()
	t.Cleanup(transport.Stop)
	return l.Addr().String()
}

// waits is how many calls wait for their requests.
func (b *Backlogs) waits() (n int) {
	for _, l := range b.all() {
		l.mu.Lock()
		for c := l.requests.first; c != nil; c = c.next {
			n++
		}
		l.mu.Unlock()
	}
	return n
}

// Calls whose small replies find no window count, and their connection is closed when nothing is taken of them for long.
func TestSmallRepliesDoNotWaitForEver(t *testing.T) {
	t.Parallel()
	const calls = 50
	b, address := newFace(t).open(t, NewH2Server(TransportConfig{}))
	framer := framesTo(t, address)
	_ = framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	block := headerOf("Whoami")
	for i := range uint32(calls) {
		_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: block, EndHeaders: true})
		_ = framer.WriteData(2*i+1, true, make([]byte, 5))
	}
	limit := time.Now().Add(time.Minute)
	for b.waitingEnds() != calls {
		if time.Now().After(limit) {
			t.Fatalf("%d calls wait to be written", b.waitingEnds())
		}
	}
	if n := b.Bytes(); n < calls<<10 || n > calls<<12 {
		t.Errorf("%d bytes wait", n)
	}
	now := time.Now()
	for after, want := range []int{0, 0, 1} {
		if n := b.Cut(now.Add(time.Duration(after) * usual.time / 2)); n != want {
			t.Errorf("%d connections closed after %d halves of the time", n, after)
		}
	}
	for b.Bytes() != 0 {
		if time.Now().After(limit) {
			t.Fatalf("%d bytes are left", b.Bytes())
		}
	}
}

// waitingEnds is how many calls have ended and wait to be written.
func (b *Backlogs) waitingEnds() (n int) {
	for _, l := range b.all() {
		l.mu.Lock()
		n += l.ended
		l.mu.Unlock()
	}
	return n
}

// headerOf encodes the header of a call, without a table, so that it may be sent again.
// framesTo is a connection of single frames, which has begun but for the settings.
func framesTo(t *testing.T, address string) *http2.Framer {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(conn, http2.ClientPreface)
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	return framer
}

func headerOf(rpc string, more ...[2]string) []byte {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	encoder.SetMaxDynamicTableSize(0)
	for _, h := range append([][2]string{
		{":method", "POST"},
		{":scheme", "http"},
		{":path", "/littlehorse.LittleHorse/" + rpc},
		{":authority", "lh"},
		{"content-type", "application/grpc"},
	}, more...) {
		_ = encoder.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
	}
	return block.Bytes()
}

// A call that sends a part of its request waits for the rest as long as a call may take, holds no room meanwhile, and is
// told why it ends. Others on its connection go on, and one that ends without a request is told so, too.
func TestRequestsThatDoNotComeAreGivenUp(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	b, address := f.open(t, NewGRPCServer(TransportConfig{}))
	framer := framesTo(t, address)
	block := headerOf("GetWfRun")
	begin := func(id uint32) {
		_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true})
	}
	_ = framer.WriteSettings()
	begin(1)
	begin(3)
	_ = framer.WriteData(3, false, []byte{0, 0, 0, 1, 0, 'a'})
	begin(5)
	_ = framer.WriteData(5, true, nil)
	for limit := time.Now().Add(time.Minute); b.waits() != 2; { // the last one has ended
		if time.Now().After(limit) {
			t.Fatalf("%d calls wait for their requests", b.waits())
		}
	}
	if n := b.Expire(time.Now()); n != 0 || b.Bytes() != 0 {
		t.Errorf("%d calls have ended, %d bytes wait", n, b.Bytes())
	}
	quick, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer quick.Close()
	_, err = lhpb.NewLittleHorseClient(quick).Whoami(context.Background(), &emptypb.Empty{})
	wantStatus(t, err, codes.OK)
	if n := b.Expire(time.Now().Add(f.cfg.WriteTimeout)); n != 2 || b.waits() != 0 {
		t.Errorf("%d calls have ended", n)
	}
	want := map[uint32][2]string{
		1: {"4", "not come whole within 1m0s"}, 3: {"4", "not come whole within 1m0s"}, 5: {"13", "request"},
	}
	for len(want) > 0 {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		h, ok := frame.(*http2.MetaHeadersFrame)
		if !ok {
			continue
		}
		fields := map[string]string{}
		for _, field := range h.Fields {
			fields[field.Name] = field.Value
		}
		if w := want[h.StreamID]; fields["grpc-status"] != w[0] || !strings.Contains(fields["grpc-message"], w[1]) {
			t.Errorf("stream %d ends with %v, want %v", h.StreamID, fields, w)
		}
		delete(want, h.StreamID)
	}
}
