package kafka

import (
	"context"
	"sync"
)

// turnstile lets what is fetched be changed between two polls, when nothing that was fetched is in anybody's hands: what
// comes after the change belongs to it.
type turnstile struct {
	mu        sync.Mutex
	waiting   []func()
	interrupt context.CancelFunc // of the poll that runs
	ended     bool
	over      chan struct{} // closed at the end
}

func newTurnstile() turnstile { return turnstile{over: make(chan struct{})} }

// begin is called before a poll, which is to end with the context.
func (t *turnstile) begin() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	t.mu.Lock()
	defer t.mu.Unlock()
	t.interrupt = cancel
	if len(t.waiting) > 0 {
		cancel()
	}
	return ctx
}

// pass is called after a poll and runs what waits.
func (t *turnstile) pass() {
	t.mu.Lock()
	t.interrupt()
	waiting := t.waiting
	t.waiting = nil
	t.mu.Unlock()
	for _, f := range waiting {
		f()
	}
}

// later lets f run between two polls; false if there are no more.
func (t *turnstile) later(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return false
	}
	t.waiting = append(t.waiting, f)
	if t.interrupt != nil {
		t.interrupt()
	}
	return true
}

// do is later that waits until f has run; false if it never will.
func (t *turnstile) do(f func()) bool {
	ran := make(chan struct{})
	if !t.later(func() { f(); close(ran) }) {
		return false
	}
	select {
	case <-ran:
		return true
	case <-t.over:
		return false
	}
}

// end is called when nothing is polled any more.
func (t *turnstile) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended, t.waiting = true, nil
	close(t.over)
}
