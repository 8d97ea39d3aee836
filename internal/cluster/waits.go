package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"littlehorse/internal/machine"
)

// lookEvery is how often somebody looks whether those who wait for a reply still want it: so late they may be told that
// their time is up.
const lookEvery = 20 * time.Millisecond

// waits are the callers that wait for replies. One timer looks after all of them, and only while there are any: a call
// has no timer of its own, and nothing is made for the end of its context.
type waits struct {
	free sync.Pool

	mu      sync.Mutex
	last    *wait // of a list
	looking bool
}

// wait is one caller.
type wait struct {
	ctx   context.Context
	then  func(machine.Reply)
	reply machine.Reply
	state atomic.Int32
	over  chan struct{}
	done  func(machine.Reply) // answer of this wait

	before, after *wait
}

// States of a wait; the first to leave open decides.
const (
	open int32 = iota
	answered
	givenUp
)

// begin is a new wait for somebody.
func (ws *waits) begin(ctx context.Context, then func(machine.Reply)) *wait {
	w, _ := ws.free.Get().(*wait)
	if w == nil {
		w = &wait{over: make(chan struct{}, 1)}
		w.done = w.answer
	}
	w.ctx, w.then = ctx, then
	ws.mu.Lock()
	ws.add(w)
	if !ws.looking {
		ws.looking = true
		time.AfterFunc(lookEvery, ws.look)
	}
	ws.mu.Unlock()
	return w
}

func (ws *waits) add(w *wait) {
	w.before = ws.last
	if w.before != nil {
		w.before.after = w
	}
	ws.last = w
}

func (ws *waits) remove(w *wait) {
	switch {
	case w.after != nil:
		w.after.before = w.before
	default:
		ws.last = w.before
	}
	if w.before != nil {
		w.before.after = w.after
	}
	w.before, w.after = nil, nil
}

// answer takes the reply.
func (w *wait) answer(r machine.Reply) {
	if w.then != nil {
		w.then(r)
	}
	w.reply = r
	w.end(answered)
}

func (w *wait) end(how int32) {
	if w.state.CompareAndSwap(open, how) {
		w.over <- struct{}{}
	}
}

// end waits for the reply; false if the caller's time is up before.
func (ws *waits) end(w *wait) (machine.Reply, bool) {
	<-w.over
	ws.mu.Lock()
	ws.remove(w)
	ws.mu.Unlock()
	if w.state.Load() == givenUp {
		return machine.Reply{}, false // the answer may come at any time, and be written
	}
	r := w.reply
	w.ctx, w.then, w.reply = nil, nil, machine.Reply{}
	w.state.Store(open)
	ws.free.Put(w)
	return r, true
}

// look ends the waits of those who have given up.
func (ws *waits) look() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := ws.last; w != nil; w = w.before {
		if w.ctx.Err() != nil {
			w.end(givenUp)
		}
	}
	ws.looking = ws.last != nil
	if ws.looking {
		time.AfterFunc(lookEvery, ws.look)
	}
}
