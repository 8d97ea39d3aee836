package e2e

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
)

// attacker is a connection that breaks rules, or keeps them to do harm.
type attacker struct {
	*http2.Framer
	out   *bufio.Writer
	block bytes.Buffer
	enc   *hpack.Encoder
	next  uint32
}

// attackFrom connects. Whatever the server says is read and thrown away, unless nothing is to be read.
func attackFrom(t *testing.T, address string, reads bool, settings ...http2.Setting) *attacker {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	a := &attacker{out: bufio.NewWriterSize(conn, 1<<16), next: 1}
	a.Framer, a.enc = http2.NewFramer(a.out, conn), hpack.NewEncoder(&a.block)
	a.AllowIllegalWrites = true
	_, _ = io.WriteString(a.out, http2.ClientPreface)
	_ = a.WriteSettings(settings...)
	_ = a.out.Flush()
	if reads {
		go func() { _, _ = io.Copy(io.Discard, conn) }()
	}
	return a
}

// header of a call, with more fields. None of it is kept in a table, so that it may be sent again.
func (a *attacker) header(rpc string, more ...string) []byte {
	a.block.Reset()
	for fields := append([]string{
		":method", "POST", ":scheme", "http", ":path", "/littlehorse.LittleHorse/" + rpc, ":authority", "lh",
		"content-type", "application/grpc", "te", "trailers",
	}, more...); len(fields) > 0; fields = fields[2:] {
		_ = a.enc.WriteField(hpack.HeaderField{Name: fields[0], Value: fields[1], Sensitive: true})
	}
	return bytes.Clone(a.block.Bytes())
}

func (a *attacker) begin(block []byte, ends bool) (stream uint32) {
	stream = a.next
	a.next += 2
	_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block, EndHeaders: true, EndStream: ends})
	return stream
}

// call begins a call with its request, which is compressed if that is said.
func (a *attacker) call(block []byte, zipped byte, request []byte) {
	message := append(binary.BigEndian.AppendUint32([]byte{zipped}, uint32(len(request))), request...)
	stream := a.begin(block, false)
	for len(message) > mostData {
		_ = a.WriteData(stream, false, message[:mostData])
		message = message[mostData:]
	}
	_ = a.WriteData(stream, true, message)
}

// mostData is what goes into a frame.
const mostData = 16 << 10

// each does something again and again, until it is done or the server has closed the connection.
func (a *attacker) each(times int, what func(i int)) {
	for i := range times {
		what(i)
		if i%100 == 0 && a.out.Flush() != nil {
			return
		}
	}
	_ = a.out.Flush()
}

// attacks by name: what is done on each of so many connections.
var attacks = []struct {
	name        string
	connections int
	deaf        bool
	do          func(a *attacker)
}{
	{"a header that never ends", 4, false, func(a *attacker) {
		_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: a.header("GetWfRun")})
		part := a.header("GetWfRun", "a-name", strings.Repeat("x", 16_000))
		a.each(10_000, func(int) { _ = a.WriteContinuation(1, false, part) })
	}},
	{"a header of many fields that never ends", 4, false, func(a *attacker) {
		_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: a.header("GetWfRun")})
		a.block.Reset()
		for range 4000 {
			_ = a.enc.WriteField(hpack.HeaderField{Name: "n", Value: "v", Sensitive: true})
		}
		part := bytes.Clone(a.block.Bytes())
		a.each(2000, func(int) { _ = a.WriteContinuation(1, false, part) })
	}},
	{"a header in pieces of nothing", 4, false, func(a *attacker) {
		_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: a.header("GetWfRun")[:1]})
		a.each(200_000, func(int) { _ = a.WriteContinuation(1, false, nil) })
	}},
	{"headers that are short and become long", 4, false, func(a *attacker) {
		block := a.header("GetWfRun")
		a.block.Reset()
		_ = a.enc.WriteField(hpack.HeaderField{Name: "bomb", Value: strings.Repeat("x", 3500)})
		a.begin(append(bytes.Clone(block), a.block.Bytes()...), true)
		block = append(block, bytes.Repeat([]byte{0x80 | 62}, 15_000)...) // the field that came last, again and again
		a.each(200, func(int) { a.begin(block, true) })
	}},
	{"calls that are given up at once", 8, false, func(a *attacker) {
		block := a.header("SearchWfRun")
		a.each(5000, func(int) {
			stream := a.next
			a.call(block, 0, nil)
			_ = a.WriteRSTStream(stream, http2.ErrCodeCancel)
		})
	}},
	{"pings", 4, false, func(a *attacker) {
		a.each(50_000, func(int) { _ = a.WritePing(false, [8]byte{1}) })
	}},
	{"pings whose answers nobody reads", 4, true, func(a *attacker) {
		a.each(50_000, func(int) { _ = a.WritePing(false, [8]byte{1}) })
	}},
	{"settings", 4, false, func(a *attacker) {
		a.each(50_000, func(i int) {
			_ = a.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1000 + uint32(i)})
		})
	}},
	{"settings whose answers nobody reads", 4, true, func(a *attacker) {
		a.each(50_000, func(int) { _ = a.WriteSettings() })
	}},
	{"data without data", 4, false, func(a *attacker) {
		stream := a.begin(a.header("PollTask"), false)
		a.each(200_000, func(int) { _ = a.WriteData(stream, false, nil) })
	}},
	{"data that is padding", 4, false, func(a *attacker) {
		stream, padding := a.begin(a.header("PollTask"), false), make([]byte, 255)
		a.each(20_000, func(int) { _ = a.WriteDataPadded(stream, false, nil, padding) })
	}},
	{"windows", 4, false, func(a *attacker) {
		stream := a.begin(a.header("PollTask"), false)
		a.each(100_000, func(i int) { _ = a.WriteWindowUpdate(stream*uint32(i%2), 1) })
	}},
	{"priorities", 4, false, func(a *attacker) {
		a.each(100_000, func(i int) { _ = a.WritePriority(uint32(2*i+1), http2.PriorityParam{StreamDep: 0}) })
	}},
	{"resets of nothing", 4, false, func(a *attacker) {
		stream := a.begin(a.header("PollTask"), false)
		a.each(100_000, func(int) { _ = a.WriteRSTStream(stream, http2.ErrCodeCancel) })
	}},
	{"half headers", 200, false, func(a *attacker) {
		_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: a.header("GetWfRun")[:3]})
		_ = a.out.Flush()
	}},
	{"half requests", 16, false, func(a *attacker) {
		block, half := a.header("RunWf"), append([]byte{0, 0, 0x40, 0, 0}, make([]byte, 16_000)...)
		a.each(1000, func(int) { _ = a.WriteData(a.begin(block, false), false, half) })
	}},
	{"compressed requests that become long", 8, false, func(a *attacker) {
		bomb, block := long(), a.header("RunWf", "grpc-encoding", "gzip")
		a.each(bombs, func(int) { a.call(block, 1, bomb) })
	}},
	{"compressed requests that become too long", 8, false, func(a *attacker) {
		bomb, block := tooLong(), a.header("RunWf", "grpc-encoding", "gzip")
		a.each(bombs, func(int) { a.call(block, 1, bomb) })
	}},
	{"compressed requests of workers", 8, false, func(a *attacker) {
		bomb, block := long(), a.header("PollTask", "grpc-encoding", "gzip")
		a.each(bombs, func(int) { a.call(block, 1, bomb) })
	}},
	{"replies that nobody reads", 32, true, func(a *attacker) {
		_ = a.WriteWindowUpdate(0, 1<<30)
		request, _ := proto.Marshal(&lhpb.VariableId{WfRunId: &lhpb.WfRunId{Id: "large"}, Name: "name"})
		block := a.header("GetVariable")
		a.each(20, func(int) { a.call(block, 0, request) })
	}},
}

// What is sent as some KB becomes as long as a message may be, and longer.
var (
	long    = sync.OnceValue(func() []byte { return zeros(4 << 20) })
	tooLong = sync.OnceValue(func() []byte { return zeros(32 << 20) })
)

// bombs are thrown on each connection: what they become together is three times what the server may have.
const bombs = 24

// zeros are so many bytes, compressed.
func zeros(size int) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(make([]byte, size))
	_ = w.Close()
	return b.Bytes()
}

// peakMemory is the most that the process has had in memory, in bytes.
func peakMemory(t *testing.T, s *lhserver.Server) (bytes int64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &bytes); err == nil {
			return bytes << 10
		}
	}
	t.Fatal("nobody says how much memory the server has had")
	return 0
}

// TestAttacks: whatever a client does that may reach the port, on either transport, the others are answered meanwhile, workers
// do their tasks, and the server takes no more memory than it may have for all of it.
func TestAttacks(t *testing.T) {
	const limit = 256 << 20
	for _, transport := range []string{"h2", "grpc-go"} {
		t.Run(transport, func(t *testing.T) {
			s := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=2", "LHS_X_TRANSPORT="+transport, fmt.Sprint("LHS_MEMORY_LIMIT_BYTES=", limit))
			s.Start(t)
			c := dial(t, s.API)
			c.ctx, c.timeout = t.Context(), 2
			c.taskDef("greet")
			c.taskFlow("hello", "greet")
			c.run("hello", "large", strings.Repeat("x", 500_000))
			c.worker("greet", greet)
			for n, attack := range attacks {
				t.Run(attack.name, func(t *testing.T) {
					var attackers sync.WaitGroup
					for range attack.connections {
						var windows []http2.Setting
						if attack.deaf {
							windows = append(windows, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1})
						}
						a := attackFrom(t, s.API, !attack.deaf, windows...)
						attackers.Go(func() { attack.do(a) })
					}
					over := make(chan struct{})
					go func() {
						attackers.Wait()
						close(over)
					}()
					c := dial(t, s.API)
					c.ctx = t.Context() // however slow the machine is
					for ends := false; !ends; {
						must(c.GetServerVersion(c.ctx, nil, grpc.WaitForReady(true)))(c)
						select {
						case <-over:
							ends = true
						default:
						}
					}
					run := fmt.Sprint("after-", n)
					c.run("hello", run, "Ana")
					if w := c.ends(run); w.Status != lhpb.LHStatus_COMPLETED {
						t.Errorf("%s is %s", run, w.Status)
					}
					if peak := peakMemory(t, s); peak > 2*limit {
						t.Errorf("the server has taken %d MiB", peak>>20)
					} else {
						t.Logf("at most %d MiB so far", peak>>20)
					}
				})
			}
			if strings.Contains(s.Output(), "panic") {
				t.Error(s.Output())
			}
			s.Stop(t)
		})
	}
}
