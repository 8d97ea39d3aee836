package server

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"littlehorse/internal/api"
)

// takeTimeout is how long a peer may take nothing of what he is sent: what waits for him is memory. Within it the
// connection is asked several times whether there is room, for it tells by itself only of a third of its buffer, which
// a slow reader does not free in that time.
const (
	takeTimeout = takeTries * takePause
	takeTries   = 15
	takePause   = 2 * time.Second
)

// counted is a connection that is given back once, and that ends when its peer does not read.
type counted struct {
	net.Conn
	of      *limited
	once    sync.Once
	backlog *api.Backlog // nil where replies do not wait
	traffic traffic
	ready   *readable // nil if it is read as any other

	mu       sync.Mutex
	deadline time.Time // of writes, as whoever uses the connection has set it
}

// Write closes the connection after takeTimeout without room for a single byte. Whoever writes leaves that to the
// reader, who notices nothing.
func (c *counted) Write(b []byte) (int, error) {
	written, tries := 0, 0
	for {
		if err := c.arm(); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(b[written:])
		written += n
		if !c.of.secured {
			c.traffic.wrote(b[written-n : written])
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || c.late() {
			return written, err
		}
		if tries++; n > 0 {
			tries = 0
		}
		if tries == takeTries {
			return written, errors.Join(err, c.Close())
		}
	}
}

// Read implements net.Conn.
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.came(b[:n])
	return n, err
}

func (c *counted) came(b []byte) {
	if !c.of.secured {
		c.traffic.read(b)
	}
}

// SetDeadline implements net.Conn.
func (c *counted) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetWriteDeadline implements net.Conn. A write that is under way heeds it, too.
func (c *counted) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.deadline = t
	c.mu.Unlock()
	return c.arm()
}

// arm bounds a write by takePause, or by the deadline that was set if that is earlier.
func (c *counted) arm() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	until := time.Now().Add(takePause)
	if !c.deadline.IsZero() && c.deadline.Before(until) {
		until = c.deadline
	}
	return c.Conn.SetWriteDeadline(until)
}

func (c *counted) late() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.deadline.IsZero() && !time.Now().Before(c.deadline)
}

func (c *counted) Close() error {
	c.once.Do(func() {
		c.of.open.Add(-1)
		if c.backlog != nil {
			c.backlog.Close()
		}
	})
	return c.Conn.Close()
}

// Taken implements api.Connection.
func (c *counted) Taken() int64 { return c.traffic.taken.Load() }

// RemoteAddr implements net.Conn. It brings the calls of the connection to its backlog.
func (c *counted) RemoteAddr() net.Addr {
	if c.backlog == nil {
		return c.Conn.RemoteAddr()
	}
	return address{c.Conn.RemoteAddr(), c.backlog}
}

// address implements api.Address.
type address struct {
	net.Addr
	backlog *api.Backlog
}

func (a address) Backlog() *api.Backlog { return a.backlog }
