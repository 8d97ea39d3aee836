package partition

import (
	"sync"

	"littlehorse/internal/store"
)

// reader hands out the snapshot of the last durable commit of a lane.
type reader struct {
	store *store.Store

	mu     sync.Mutex
	now    *held
	closed bool
}

// held is a snapshot with its users; the reader itself is one of them as long as it is the last.
type held struct {
	*store.Snapshot
	users int
}

// advance takes a new snapshot. It must run after the sync of one batch and before the next is written.
func (r *reader) advance() {
	next := &held{Snapshot: r.store.Snapshot(), users: 1}
	r.mu.Lock()
	old := r.now
	if r.closed {
		old = next
	} else {
		r.now = next
	}
	r.mu.Unlock()
	r.release(old)
}

// acquire returns the snapshot, to be released, or nil if the reader is closed.
func (r *reader) acquire() *held {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now != nil {
		r.now.users++
	}
	return r.now
}

func (r *reader) release(h *held) {
	if h == nil {
		return
	}
	r.mu.Lock()
	h.users--
	last := h.users == 0
	r.mu.Unlock()
	if last {
		_ = h.Close()
	}
}

func (r *reader) close() {
	r.mu.Lock()
	old := r.now
	r.now, r.closed = nil, true
	r.mu.Unlock()
	r.release(old)
}
