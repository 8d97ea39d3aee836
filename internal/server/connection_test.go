package server

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"
)

// full is a connection whose buffer has room for some bytes at each try, which takes as long as it may.
type full struct {
	net.Conn
	room     []int
	got      int
	tries    int
	closed   bool
	deadline time.Time
}

func (f *full) Write(b []byte) (int, error) {
	f.tries++
	n := 0
	if len(f.room) > 0 {
		n, f.room = min(f.room[0], len(b)), f.room[1:]
	}
	f.got += n
	if n == len(b) {
		return n, nil
	}
	return n, os.ErrDeadlineExceeded
}

func (f *full) SetReadDeadline(time.Time) error { return nil }

func (f *full) SetWriteDeadline(t time.Time) error {
	f.deadline = t
	return nil
}

func (f *full) Close() error {
	f.closed = true
	return nil
}

func onto(f *full) *counted {
	c := &counted{Conn: f, of: &limited{}}
	c.of.open.Store(1)
	return c
}

// Who takes little, but something, is not cut off.
func TestSlowReadersAreKept(t *testing.T) {
	t.Parallel()
	f := &full{}
	for range 40 { // as rarely as may be
		f.room = append(append(f.room, make([]int, takeTries-1)...), 1)
	}
	c := onto(f)
	if n, err := c.Write(make([]byte, 40)); n != 40 || err != nil || f.closed || c.of.open.Load() != 1 {
		t.Errorf("%d bytes, %v, closed: %v", n, err, f.closed)
	}
}

func TestWhoTakesNothingIsClosed(t *testing.T) {
	t.Parallel()
	f := &full{room: []int{0, 0, 3}}
	c := onto(f)
	n, err := c.Write(make([]byte, 40))
	if n != 3 || !errors.Is(err, os.ErrDeadlineExceeded) || !f.closed || c.of.open.Load() != 0 {
		t.Errorf("%d bytes, %v, closed: %v", n, err, f.closed)
	}
	if f.tries != 3+takeTries {
		t.Errorf("closed after %d tries", f.tries)
	}
}

// The deadline of whoever uses the connection is his: a write ends with it, and does not close the connection.
func TestDeadlinesAreKept(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*counted, time.Time) error{
		"all":    (*counted).SetDeadline,
		"writes": (*counted).SetWriteDeadline,
	} {
		f := &full{room: []int{3}}
		c := onto(f)
		past := time.Now().Add(-time.Second)
		if err := set(c, past); err != nil {
			t.Fatal(err)
		}
		n, err := c.Write(make([]byte, 40))
		if n != 3 || !errors.Is(err, os.ErrDeadlineExceeded) || f.closed || !f.deadline.Equal(past) {
			t.Errorf("%s: %d bytes, %v, closed: %v", name, n, err, f.closed)
		}
		if err := set(c, time.Time{}); err != nil {
			t.Fatal(err)
		}
		f.room = []int{0, 40}
		if n, err := c.Write(make([]byte, 40)); n != 40 || err != nil {
			t.Errorf("%s: after it was taken back: %d bytes, %v", name, n, err)
		}
		far := time.Now().Add(24 * time.Hour)
		if err := set(c, far); err != nil || !f.deadline.Before(far) {
			t.Errorf("%s: a peer may take nothing until %v, %v", name, f.deadline, err)
		}
	}
}

// A connection gives what comes, then its end, and heeds its deadline, whether it is a socket or not; and while nothing
// comes it holds no buffer.
func TestReadOnReady(t *testing.T) {
	t.Parallel()
	for name, pipe := range map[string]func(*testing.T) (net.Conn, net.Conn){"socket": socketPair, "no socket": func(*testing.T) (net.Conn, net.Conn) { return net.Pipe() }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here, there := pipe(t)
			c, pool := (&limited{}).counted(here), &countingPool{}
			if err := c.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := c.ReadOnReady(8, pool); !errors.Is(err, os.ErrDeadlineExceeded) || pool.taken.Load() != 0 {
				t.Errorf("%v, %d buffers", err, pool.taken.Load())
			}
			if err := c.SetReadDeadline(time.Time{}); err != nil {
				t.Fatal(err)
			}
			sent := make(chan error, 1)
			go func() {
				_, err := there.Write([]byte("hello, world"))
				sent <- errors.Join(err, there.Close())
			}()
			got := ""
			for {
				b, n, err := c.ReadOnReady(8, pool)
				if err != nil {
					if !errors.Is(err, io.EOF) || pool.taken.Load() != 0 {
						t.Errorf("%v, %d buffers", err, pool.taken.Load())
					}
					break
				}
				got += string((*b)[:n])
				pool.Put(b)
			}
			if err := <-sent; err != nil || got != "hello, world" {
				t.Errorf("%q, %v", got, err)
			}
			if _, _, err := c.ReadOnReady(8, pool); err == nil || c.Close() != nil {
				t.Error("there is something behind the end")
			}
			if _, _, err := c.ReadOnReady(8, pool); err == nil || pool.taken.Load() != 0 {
				t.Error("a closed connection is read")
			}
		})
	}
}

func socketPair(t *testing.T) (net.Conn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	here, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if readNow != nil && readableOf(here) == nil {
		t.Error("a socket is read as any other connection")
	}
	return here, there
}

// countingPool knows how many buffers are out.
type countingPool struct{ taken atomic.Int64 }

func (p *countingPool) Get(n int) *[]byte {
	p.taken.Add(1)
	b := make([]byte, n)
	return &b
}

func (p *countingPool) Put(*[]byte) { p.taken.Add(-1) }
