package worker

import (
	"slices"
	"sync"
)

// budget shares the worker's slots between the servers it polls, so that a task is claimed only when it can be run: tasks
// that were claimed and credits that may become one are together not more than the slots, with two exceptions. A server
// without credit of ours may be asked for one task while a slot is free, for the credits at idle servers must not hold back
// a busy one. And with no slot free it may be asked for one as long as none of its own waits and there is not more than
// one for each server, for several servers wait for their turn.
type budget struct {
	slots chan struct{} // one for each execution

	mu      sync.Mutex
	running int // handed out by a server and not finished
	credits int // asked for and not answered
	hosts   map[*host]struct{}
	waiters []*waiter // first come, first served
}

// waiter is a poll stream that wants to ask for a task.
type waiter struct {
	host    *host
	granted chan struct{}
}

func newBudget(slots int) *budget {
	return &budget{slots: make(chan struct{}, max(slots, 1)), hosts: map[*host]struct{}{}}
}

func (b *budget) join(h *host) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hosts[h] = struct{}{}
}

func (b *budget) leave(h *host) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.hosts, h)
	b.grant()
}

// acquire waits until the host may be asked for one more task, and counts the credit. It returns false when the host is
// not to be polled any more.
func (b *budget) acquire(h *host) bool {
	w := &waiter{host: h, granted: make(chan struct{})}
	b.mu.Lock()
	b.waiters = append(b.waiters, w)
	b.grant()
	b.mu.Unlock()
	select {
	case <-w.granted:
		return true
	case <-h.stopped:
		b.giveUp(w)
		return false
	}
}

func (b *budget) giveUp(w *waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.waiters, w); i >= 0 {
		b.waiters = slices.Delete(b.waiters, i, i+1)
		return
	}
	b.drop(w.host)
}

// grant gives credits to those who may have one; the lock is held.
func (b *budget) grant() {
	b.waiters = slices.DeleteFunc(b.waiters, func(w *waiter) bool {
		if !b.mayAsk(w.host) {
			return false
		}
		w.host.credits++
		b.credits++
		close(w.granted)
		return true
	})
}

func (b *budget) mayAsk(h *host) bool {
	slots, hosts := cap(b.slots), max(len(b.hosts), 1)
	claimable := b.running + b.credits
	share := (slots + hosts - 1) / hosts
	switch {
	case h.credits > 0:
		return h.credits < share && claimable < slots && h.pool.running+h.credits < cap(h.pool.slots)
	case b.running < slots && h.pool.running < cap(h.pool.slots):
		return true
	default:
		return h.waiting == 0 && claimable < slots+hosts
	}
}

// drop takes back a credit; the lock is held.
func (b *budget) drop(h *host) {
	h.credits--
	b.credits--
	b.grant()
}

// unanswered counts a credit that no task came for.
func (b *budget) unanswered(h *host) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop(h)
}

// arrived counts a task that came for a credit.
func (b *budget) arrived(h *host) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running++
	h.pool.running++
	h.waiting++
	b.drop(h)
}

// started counts a task that got its slots.
func (b *budget) started(h *host) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h.waiting--
	b.grant()
}

func (b *budget) finished(p *pool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running--
	p.running--
	b.grant()
}

func (b *budget) inUse() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.running
}
