package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/server"
	"littlehorse/lhpb"
	"littlehorse/test/pki"
)

// until waits for something that will be so; the context of the client bounds it.
func (c *client) until(what string, so func() bool) {
	c.t.Helper()
	for !so() {
		select {
		case <-time.After(10 * time.Millisecond): // who waits leaves the machine to others
		case <-c.ctx.Done():
			c.t.Fatalf("it never came to this: %s", what)
		}
	}
}

func (c *client) connections(listener string, n int) bool {
	return strings.Contains(c.scrape(), fmt.Sprintf("lh_connections{lh_cluster_id=\"cluster1\",listener=%q} %d\n", listener, n))
}

// TestSilentConnectionsAreCutOff opens as many connections as a listener takes and says nothing on them, or not enough.
// Others are refused meanwhile, those that were there work, and each silent one is closed by the server.
func TestSilentConnectionsAreCutOff(t *testing.T) {
	t.Parallel()
	const most = 30
	pair := pki.NewAuthority(t, "ca").Server()
	c := inProcess(t, func(cfg *server.Config) {
		cfg.MaxConnections = most
		cfg.Listeners = append(cfg.Listeners, server.Listener{Name: "TLS", Protocol: server.TLS, CertFile: pair.Cert, KeyFile: pair.Key})
	})
	must(c.GetServerVersion(c.ctx, nil))(c)
	silent := map[string][]net.Conn{}
	for _, listener := range []string{"PLAIN", "TLS"} {
		for n := range most {
			conn, err := net.Dial("tcp", c.listener(listener))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if n%2 == 0 { // the beginning of a greeting
				_, _ = io.WriteString(conn, map[string]string{"PLAIN": "PRI * HT", "TLS": "\x16\x03\x01\x02"}[listener])
			}
			silent[listener] = append(silent[listener], conn)
		}
	}
	c.until("both listeners are full", func() bool { return c.connections("PLAIN", most) && c.connections("TLS", most) })
	must(c.GetServerVersion(c.ctx, nil))(c)
	_, err := dial(t, c.listener("PLAIN")).GetServerVersion(c.ctx, nil)
	c.refused(err, codes.Unavailable)
	for listener, conns := range silent {
		for _, conn := range conns {
			_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: a silent connection is still open", listener)
			}
		}
	}
	c.until("one connection is left", func() bool { return c.connections("PLAIN", 1) && c.connections("TLS", 0) })
	late := dial(t, c.listener("PLAIN"))
	must(late.GetServerVersion(late.ctx, nil, grpc.WaitForReady(true)))(late)
}

// deaf is a connection that stops reading when it is told.
type deaf struct {
	net.Conn
	stopped chan struct{}
	closed  chan struct{}
	once    sync.Once
}

func (d *deaf) Read(b []byte) (int, error) {
	select {
	case <-d.stopped:
		<-d.closed
		return 0, net.ErrClosed
	default:
	}
	return d.Conn.Read(b)
}

func (d *deaf) Close() error {
	d.once.Do(func() { close(d.closed) })
	return d.Conn.Close()
}

// TestWhoTakesNothingIsCutOff asks for large replies over a connection from which nothing is read, and which allows
// all of them at once. It is closed by the server; others are not disturbed.
func TestWhoTakesNothingIsCutOff(t *testing.T) {
	t.Parallel()
	c := inProcess(t)
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	c.run("hello", "w", strings.Repeat("x", 900_000))
	d := &deaf{stopped: make(chan struct{}), closed: make(chan struct{})}
	conn, err := grpc.NewClient(c.listener("PLAIN"), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithInitialWindowSize(1<<30), grpc.WithInitialConnWindowSize(1<<30),
		grpc.WithContextDialer(func(ctx context.Context, address string) (_ net.Conn, err error) {
			d.Conn, err = new(net.Dialer).DialContext(ctx, "tcp", address)
			return d, err
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	quiet := lhpb.NewLittleHorseClient(conn)
	variable := &lhpb.VariableId{WfRunId: &lhpb.WfRunId{Id: "w"}, Name: "name"}
	must(quiet.GetVariable(c.ctx, variable))(c)
	close(d.stopped)
	ctx, cancel := context.WithCancel(c.ctx)
	var asking sync.WaitGroup
	for range 60 {
		asking.Go(func() { _, _ = quiet.GetVariable(ctx, variable) })
	}
	c.until("the connection is closed", func() bool {
		must(c.GetVariable(c.ctx, variable))(c)
		return c.connections("PLAIN", 1)
	})
	cancel()
	asking.Wait()
}

// raw speaks HTTP/2 by hand, and gives windows as it likes.
type raw struct {
	t      *testing.T
	mu     sync.Mutex // of writes
	conn   net.Conn
	framer *http2.Framer
	next   uint32
	taken  atomic.Int64  // bytes of replies
	ended  atomic.Int64  // calls that were answered in full
	over   chan struct{} // closed when the server has closed the connection

	windows sync.Map     // *atomic.Int64 by stream: what may be sent beside the first bytes
	window  atomic.Int64 // what may be sent on a stream at first, beside 65535 bytes: the server may come to allow more
}

// may waits until so many bytes may have been sent on a stream, or on the connection if it is 0; false if a call was answered
// or the connection was closed before.
func (r *raw) may(stream uint32, sent int64) bool {
	more, _ := r.windows.LoadOrStore(stream, new(atomic.Int64))
	for {
		first := int64(65535)
		if stream != 0 {
			first += r.window.Load()
		}
		if sent <= first+more.(*atomic.Int64).Load() {
			return true
		}
		select {
		case <-r.over:
			return false
		case <-time.After(time.Millisecond):
		}
		if r.ended.Load() > 0 {
			return false
		}
	}
}

// rawClient connects; windows is called for everything that is read of replies.
func rawClient(t *testing.T, address string, windows func(*raw, *http2.DataFrame)) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	r := &raw{t: t, conn: conn, framer: http2.NewFramer(conn, conn), next: 1, over: make(chan struct{})}
	r.write(func() error { return r.framer.WriteSettings() })
	go r.read(windows)
	return r
}

func (r *raw) write(f func() error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = f() // whether it is closed is seen by the reader
}

// read takes everything at once and answers what must be answered, as one who is there.
func (r *raw) read(windows func(*raw, *http2.DataFrame)) {
	defer close(r.over)
	for {
		f, err := r.framer.ReadFrame()
		if err != nil {
			return
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				if n, ok := f.Value(http2.SettingInitialWindowSize); ok {
					r.window.Store(int64(n) - 65535)
				}
				r.write(r.framer.WriteSettingsAck)
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				r.write(func() error { return r.framer.WritePing(true, f.Data) })
			}
		case *http2.WindowUpdateFrame:
			more, _ := r.windows.LoadOrStore(f.StreamID, new(atomic.Int64))
			more.(*atomic.Int64).Add(int64(f.Increment))
		case *http2.DataFrame:
			r.taken.Add(int64(len(f.Data())))
			windows(r, f)
		case *http2.HeadersFrame:
			if f.StreamEnded() {
				r.ended.Add(1)
			}
		}
	}
}

// header of a call that would like its reply compressed. It uses no table, so that it may be sent again.
func (r *raw) header(method string) []byte {
	var headers bytes.Buffer
	encoder := hpack.NewEncoder(&headers)
	encoder.SetMaxDynamicTableSize(0)
	for _, h := range [][2]string{
		{":method", "POST"},
		{":scheme", "http"},
		{":path", "/littlehorse.LittleHorse/" + method},
		{":authority", "lh"},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
		{"grpc-encoding", "gzip"},
	} {
		_ = encoder.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
	}
	return headers.Bytes()
}

// call begins a call and does not wait for it.
func (r *raw) call(method string, request proto.Message) {
	message, err := proto.Marshal(request)
	if err != nil {
		r.t.Fatal(err)
	}
	headers := r.header(method)
	id := r.next
	r.next += 2
	r.write(func() error {
		return errors.Join(
			r.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: headers, EndHeaders: true}),
			r.framer.WriteData(id, true, append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)))
	})
}

func withholding(*raw, *http2.DataFrame) {}

// waiting is how much the server keeps for those who do not take it.
func (c *client) waiting() (bytes float64) {
	c.t.Helper()
	return c.gauge("lh_replies_waiting_bytes")
}

func (c *client) gauge(name string) (value float64) {
	c.t.Helper()
	for line := range strings.Lines(c.scrape()) {
		if _, err := fmt.Sscanf(line, name+`{lh_cluster_id="cluster1"} %g`, &value); err == nil {
			return value
		}
	}
	c.t.Fatalf("there is no %s", name)
	return 0
}

// TestWhoGivesNoWindowIsCutOff asks for more than fits into memory over connections that are read, and on which pings
// are answered, but that give the server no window to send replies in. No more waits than may; others are served
// meanwhile, one who reads slowly too; those are closed by the server, he is not.
func TestWhoGivesNoWindowIsCutOff(t *testing.T) {
	t.Parallel()
	const limit, connections, calls, most = 64 << 20, 10, 300, 1 << 20
	c := inProcess(t, func(cfg *server.Config) { cfg.ReplyBytes = limit })
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	c.run("hello", "w", strings.Repeat("x", 900_000))
	variable := &lhpb.VariableId{WfRunId: &lhpb.WfRunId{Id: "w"}, Name: "name"}
	must(c.GetVariable(c.ctx, variable))(c)

	var hostile []*raw
	for range connections {
		r := rawClient(t, c.listener("PLAIN"), withholding)
		for range calls {
			r.call("GetVariable", variable)
		}
		hostile = append(hostile, r)
	}
	slow := rawClient(t, c.listener("PLAIN"), func(r *raw, f *http2.DataFrame) {
		time.Sleep(500 * time.Millisecond) // what it takes of a slow line
		n := uint32(len(f.Data()))
		r.write(func() error {
			return errors.Join(r.framer.WriteWindowUpdate(0, n), r.framer.WriteWindowUpdate(f.StreamID, n))
		})
	})
	for range 4 {
		slow.call("GetVariable", variable)
	}
	c.until("they have filled what they may", func() bool { return c.waiting() > limit/2 })
	for _, r := range hostile {
		c.until("the connection is closed", func() bool {
			if n := c.waiting(); n > limit {
				t.Fatalf("%g bytes wait", n)
			}
			must(c.GetVariable(c.ctx, variable))(c)
			select {
			case <-r.over:
				return true
			default:
				return false
			}
		})
	}
	c.until("little waits", func() bool { return c.waiting() <= 5*most })
	select {
	case <-slow.over:
		t.Error("one who reads slowly was cut off")
	default:
	}
}

// TestOtherAnswersAreNoReplies asks for replies and gives no window for them, but has the server answer other things
// meanwhile, with many bytes. It is cut off all the same.
func TestOtherAnswersAreNoReplies(t *testing.T) {
	for _, transport := range []server.Transport{server.GRPCGo, server.H2} {
		t.Run(transport.String(), func(t *testing.T) {
			t.Parallel()
			const limit, connections, calls = 16 << 20, 6, 60
			c := inProcess(t, func(cfg *server.Config) { cfg.ReplyBytes, cfg.Transport = limit, transport })
			c.taskDef("greet")
			c.taskFlow("hello", "greet")
			c.run("hello", "w", strings.Repeat("x", 100_000))
			variable := &lhpb.VariableId{WfRunId: &lhpb.WfRunId{Id: "w"}, Name: "name"}
			var hostile []*raw
			for range connections {
				r := rawClient(t, c.listener("PLAIN"), withholding)
				for range calls {
					r.call("GetVariable", variable)
				}
				hostile = append(hostile, r)
			}
			c.until("they have filled what they may", func() bool { return c.waiting() > limit/2 })
			for n, r := range hostile {
				go func() {
					for i := 0; ; i++ {
						select {
						case <-r.over:
							return
						case <-time.After(50 * time.Millisecond): // the pace of a trickle
							r.call(fmt.Sprint(n, "-", i, strings.Repeat("x", 1000)), variable)
						}
					}
				}()
			}
			for _, r := range hostile {
				select {
				case <-r.over:
				case <-c.ctx.Done():
					t.Fatalf("a connection is still open, %d calls were answered on it", r.ended.Load())
				}
			}
			for _, r := range hostile {
				if r.ended.Load() == 0 {
					t.Error("nothing was answered")
				}
			}
		})
	}
}
