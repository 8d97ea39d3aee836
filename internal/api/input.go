package api

import (
	"time"

	"littlehorse/internal/lh"
)

// What came of requests that are not decoded is bounded on all connections together: whole ones, parts, the calls that wait
// for them, and what workers ask for.
const (
	// leastInput is what a connection may have in any case; else it is a part of what is free.
	leastInput = 256 << 10
	// openBytes is about what a call takes: its stack, its stream and its header.
	openBytes = 8 << 10
)

// A connection that has sent too much is not read until what is whole is decoded. If that is not enough, calls that wait
// for the rest of their requests are turned away, and if nor is that, it is closed.
const (
	inputPause = 10 * time.Millisecond
	turnsAway  = 10  // pauses
	givesUp    = 100 // pauses
)

func tooMuchInput() *lh.Error {
	return lh.Errorf(lh.ResourceExhausted, "Too many requests are on their way, and not whole: try again")
}

// Incoming is what came of requests on all connections and is not decoded, and what calls that run take as the transport
// counts them.
func (b *Backlogs) Incoming() int64 { return b.input.Load() }

// keep counts what came; l.mu is held.
func (l *Backlog) keep(n int64) {
	l.input += n
	if !l.closed {
		l.of.input.Add(n)
	}
}

// crowded says whether too much of the connection is on its way; l.mu is held.
func (l *Backlog) crowded() bool { return l.tooMuch(l.input) }

func (l *Backlog) tooMuch(n int64) bool {
	return !l.closed && n > leastInput && n > (l.of.inputs-l.of.input.Load())/shareOfFree
}

// congested is crowded but for the calls that run: those are no reason to read nothing more; l.mu is held.
func (l *Backlog) congested() bool { return l.tooMuch(l.input - l.stacks) }

// begin counts a call, unless there are too many.
func (l *Backlog) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.runs(1)
	if l.crowded() {
		l.runs(-1)
		return false
	}
	return true
}

// over counts it no longer.
func (l *Backlog) over() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.runs(-1)
}

func (l *Backlog) runs(n int64) {
	l.stacks += n * openBytes
	l.keep(n * openBytes)
}

// Came counts bytes of a request that is not whole; fewer if it became so. While too much is on its way it holds up
// whoever reads the connection.
func (l *Backlog) Came(n int64) {
	l.mu.Lock()
	l.keep(n)
	crowded := l.congested()
	l.mu.Unlock()
	if n <= 0 {
		return
	}
	for pauses := 0; crowded; pauses++ {
		switch pauses {
		case turnsAway:
			turnAway(l.unwanted())
		case givesUp:
			_ = l.conn.Close() // whoever reads it is told
			return
		}
		time.Sleep(inputPause)
		l.mu.Lock()
		crowded = l.congested()
		l.mu.Unlock()
	}
}

// Gone takes back what is not on its way any more.
func (l *Backlog) Gone(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep(-n)
}

// Keep implements taskqueue.Room: requests of workers wait in memory, too.
func (l *Backlog) Keep(n int64) bool { return l.keepAs(false, n) }

// keepAs counts what is there unless that is too much. What work in progress needs may take all that is free.
func (l *Backlog) keepAs(urgent bool, n int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep(n)
	if n > 0 && l.refuses(urgent) {
		l.keep(-n)
		return false
	}
	return true
}

// full says whether there is no room for more.
func (l *Backlog) full(urgent bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refuses(urgent)
}

func (l *Backlog) refuses(urgent bool) bool {
	return l.crowded() && !(urgent && l.of.input.Load() <= l.of.inputs)
}

// unwanted takes out all calls that wait for their requests.
func (l *Backlog) unwanted() (out []*call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := l.requests.first; c != nil; c = l.requests.first {
		l.takeOut(c, tooMuchInput())
		out = append(out, c)
	}
	return out
}
