package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/server"
	"littlehorse/lhpb"
)

// received is how many calls of an RPC have begun.
func (c *client) received(rpc string) (n float64) {
	c.t.Helper()
	for line := range strings.Lines(c.scrape()) {
		name, value, _ := strings.Cut(line, "} ")
		if strings.HasPrefix(name, "grpc_server_requests_received_messages_total") && strings.Contains(name, fmt.Sprintf("method=%q", rpc)) {
			_, _ = fmt.Sscanf(value, "%g", &n)
		}
	}
	return n
}

// begin sends no more of a call than its header.
func (r *raw) begin(method string) {
	id := r.next
	r.next += 2
	block := r.header(method)
	r.write(func() error {
		return r.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true})
	})
}

// TestHalfOpenCallsHoldNoRoom begins calls on many connections and sends no request with any. What replies may take
// stays for others: they read, and workers get tasks.
func TestHalfOpenCallsHoldNoRoom(t *testing.T) {
	for _, transport := range []server.Transport{server.GRPCGo, server.H2} {
		t.Run(transport.String(), func(t *testing.T) {
			t.Parallel()
			const limit, connections, calls = 8 << 20, 20, 50
			c := inProcess(t, func(cfg *server.Config) { cfg.ReplyBytes, cfg.Transport = limit, transport })
			c.taskDef("greet")
			c.taskFlow("hello", "greet")
			for range connections {
				r := rawClient(t, c.listener("PLAIN"), withholding)
				for range calls {
					r.begin("GetVariable")
				}
				r.call("GetServerVersion", &emptypb.Empty{})
				c.until("all calls have begun", func() bool { return r.ended.Load() == 1 })
			}
			if transport == server.GRPCGo { // the other one begins with the request
				c.until("all calls have begun", func() bool { return c.received("GetVariable") == connections*calls })
			}
			c.until("no bytes wait for calls without a request", func() bool { return c.waiting() == 0 })
			c.worker("greet", greet)
			for n := range 20 {
				id := fmt.Sprint("w", n)
				c.run("hello", id, "Ana")
				if w := c.ends(id); w.Status != lhpb.LHStatus_COMPLETED {
					t.Errorf("%s is %s", id, w.Status)
				}
				must(c.GetVariable(c.ctx, &lhpb.VariableId{WfRunId: &lhpb.WfRunId{Id: id}, Name: "name"}))(c)
			}
		})
	}
}

// TestHalfSentRequestsAreBounded sends all but the end of large requests, on several connections: more than a server takes.
// It turns them away, others are served, and what was sent is gone with the connections.
func TestHalfSentRequestsAreBounded(t *testing.T) {
	t.Parallel()
	const memory, size = 1 << 30, 4 << 20
	const most = memory * 3 / 16
	c := inProcess(t, func(cfg *server.Config) { // the other one has tests of its own
		cfg.Transport, cfg.MemoryLimitBytes = server.GRPCGo, memory
	})
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	c.worker("greet", greet)
	var hostile []*raw
	var all sync.WaitGroup
	for range 4 {
		r := rawClient(t, c.listener("PLAIN"), withholding)
		hostile = append(hostile, r)
		all.Go(func() {
			part := make([]byte, 16<<10)
			sent := int64(0)
			for calls := range uint32(40) {
				r.begin("PutExternalEvent")
				id := 2*calls + 1
				for n := 0; n < size; n += len(part) {
					clear(part)
					if n == 0 {
						copy(part, []byte{0, 0, size >> 16, 0, 0})
					}
					sent += int64(len(part))
					if !r.may(0, sent) || !r.may(id, int64(n+len(part))) {
						return
					}
					r.write(func() error { return r.framer.WriteData(id, false, part) })
				}
			}
			t.Error("all of it was taken")
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	for n := 0; ; n++ {
		if in := c.gauge("lh_requests_incoming_bytes"); in > most+1<<20 {
			t.Fatalf("%g bytes of requests are there", in)
		}
		id := fmt.Sprint("w", n)
		c.run("hello", id, "Ana")
		if w := c.ends(id); w.Status != lhpb.LHStatus_COMPLETED {
			t.Errorf("%s is %s", id, w.Status)
		}
		select {
		case <-done:
		default:
			continue
		}
		break
	}
	for _, r := range hostile {
		_ = r.conn.Close()
	}
	c.until("nothing is left of them", func() bool { return c.gauge("lh_requests_incoming_bytes") < 64<<10 })
}
