package worker

import "sync"

// budget shares the worker's slots between its poll streams, so that a task is claimed only when it can be run. A stream
// may ask for as many tasks as its share of the slots and as slots are free, and always for one: with several servers,
// those that are idle must not starve those that are busy. What arrives beyond the slots waits at most for one execution.
type budget struct {
	slots chan struct{} // one for each execution

	mu      sync.Mutex
	running int // handed out by a server and not finished
	streams map[*stream]struct{}
}

func newBudget(slots int) *budget {
	return &budget{slots: make(chan struct{}, max(slots, 1)), streams: map[*stream]struct{}{}}
}

func (b *budget) join(s *stream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.streams[s] = struct{}{}
}

func (b *budget) leave(s *stream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.streams, s)
}

// ask reports whether the stream may ask for one more task, and counts the credit.
func (b *budget) ask(s *stream) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	share := (cap(b.slots) + len(b.streams) - 1) / max(len(b.streams), 1)
	free := min(cap(b.slots)-b.running, cap(s.pool.slots)-s.pool.running)
	if s.credits >= max(1, min(share, free)) {
		return false
	}
	s.credits++
	return true
}

// forget drops the credits of a stream that broke.
func (b *budget) forget(s *stream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.credits = 0
}

// answered counts an answer to a credit; a task makes it a running one.
func (b *budget) answered(s *stream, gotTask bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.credits--
	if gotTask {
		b.running++
		s.pool.running++
	}
}

func (b *budget) finished(p *pool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running--
	p.running--
	for s := range b.streams {
		s.wake()
	}
}

func (b *budget) inUse() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.running
}
