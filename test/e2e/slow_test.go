package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	"littlehorse/internal/server"
	"littlehorse/lhpb"
	"littlehorse/test/pki"
)

// until waits for something that will be so; the context of the client bounds it.
func (c *client) until(what string, so func() bool) {
	c.t.Helper()
	for !so() {
		if c.ctx.Err() != nil {
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
