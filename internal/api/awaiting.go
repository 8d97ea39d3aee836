package api

import (
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"littlehorse/internal/lh"
)

// awaiting are the calls of a connection whose requests have not come whole: those that began first come first. They
// hold no room for replies, whatever many of them there are.
type awaiting struct{ first, last *call }

func (a *awaiting) add(c *call) {
	c.awaits, c.before = true, a.last
	if a.last == nil {
		a.first = c
	} else {
		a.last.next = c
	}
	a.last = c
}

func (a *awaiting) remove(c *call) {
	if c.before == nil {
		a.first = c.next
	} else {
		c.before.next = c.next
	}
	if c.next == nil {
		a.last = c.before
	} else {
		c.next.before = c.before
	}
	c.awaits, c.before, c.next = false, nil, nil
}

// await notes that the call waits for its request, for as long as a call may take. Some may come out of their order by
// as much as it takes to admit them.
func (c *call) await() error {
	c.until = c.began.Add(c.rpc.service.cfg.WriteTimeout)
	l := c.line
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.crowded() {
		return tooMuchInput()
	}
	l.requests.add(c)
	return nil
}

// arrived ends the wait: err is how the transport has ended it.
func (c *call) arrived(err error) error {
	if late := c.awaited(err == nil); late != nil {
		return late
	}
	if errors.Is(err, io.EOF) {
		return lh.Errorf(lh.Internal, "The call has ended without a request")
	}
	return err
}

// awaited gives why the wait was ended from outside; nil if it was not. A request that came counts until it is decoded.
func (c *call) awaited(came bool) error {
	l := c.line
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !c.awaits {
		return c.late
	}
	l.requests.remove(c)
	if came {
		c.held = int64(c.request.data.Len())
		l.keep(c.held)
	}
	return nil
}

// decoded counts the request no longer.
func (c *call) decoded() {
	if c.held != 0 {
		c.line.Gone(c.held)
		c.held = 0
	}
}

// gone counts nothing of the request any longer.
func (c *call) gone() {
	c.decoded() // if that was not come to
	if c.burden != 0 {
		c.line.Gone(c.burden)
		c.burden = 0
	}
	c.settled()
}

// settled counts the call itself no longer: it has ended, or is one of the streams that workers have for good.
func (c *call) settled() {
	if c.welcomed != nil {
		c.welcomed.settled()
		c.welcomed = nil
	}
}

// statusWriter is a stream of grpc-go, which can be ended while its handler waits: its context ends, too. Package h2 calls
// no handler before the request has come.
type statusWriter interface {
	WriteStatus(*status.Status) error
}

// Expire ends the calls whose requests have not come in time, and says how many. Calls that wait for room and have not been
// seen to have it go on. It is called from time to time, by one goroutine.
func (b *Backlogs) Expire(now time.Time) (ended int) {
	b.wakeAll()
	for _, l := range b.all() {
		late := l.expired(now)
		turnAway(late)
		ended += len(late)
	}
	return ended
}

// turnAway ends calls that wait for their requests.
func turnAway(calls []*call) {
	for _, c := range calls {
		if w, ok := grpc.ServerTransportStreamFromContext(c.Context).(statusWriter); ok {
			st, _ := statusOf(c.late)
			_ = w.WriteStatus(st) // fails with the connection, which ends the call as well
		}
	}
}

// expired takes out the calls that have waited too long.
func (l *Backlog) expired(now time.Time) (out []*call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := l.requests.first; c != nil && !now.Before(c.until); c = l.requests.first {
		l.takeOut(c, lh.Errorf(lh.DeadlineExceeded, "The request has not come whole within %s", c.until.Sub(c.began)))
		out = append(out, c)
	}
	return out
}

// takeOut ends the wait of a call for its request, with the reason; l.mu is held.
func (l *Backlog) takeOut(c *call, why *lh.Error) {
	l.requests.remove(c)
	c.late = why
}
