package server

import (
	"errors"
	"net"
	"os"
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
