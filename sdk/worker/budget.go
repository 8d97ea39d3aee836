package worker

import "sync"

// budget shares the worker's slots between its poll streams, so that a task is claimed only when it can be run: tasks that
// were claimed and credits that may become one are together not more than the slots, with two exceptions. A stream without
// credit may ask for one task while a slot is free, for the credits of idle streams must not hold back a busy one. And
// with no slot free it may ask for one as long as none of its own waits and there is not more than one for each stream,
// for several servers wait for their turn.
type budget struct {
	slots chan struct{} // one for each execution

	mu      sync.Mutex
	running int // handed out by a server and not finished
	credits int // asked for and not answered
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
	if !b.mayAsk(s) {
		return false
	}
	s.credits++
	b.credits++
	return true
}

func (b *budget) mayAsk(s *stream) bool {
	slots, streams := cap(b.slots), max(len(b.streams), 1)
	claimable := b.running + b.credits
	share := (slots + streams - 1) / streams
	switch {
	case s.credits > 0:
		return s.credits < share && claimable < slots && s.pool.running+s.credits < cap(s.pool.slots)
	case b.running < slots && s.pool.running < cap(s.pool.slots):
		return true
	default:
		return s.waiting == 0 && claimable < slots+streams
	}
}

// forget drops the credits of a stream that broke.
func (b *budget) forget(s *stream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.credits -= s.credits
	s.credits = 0
}

// answered counts an answer to a credit; a task makes it a running one.
func (b *budget) answered(s *stream, gotTask bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.credits--
	b.credits--
	if gotTask {
		b.running++
		s.pool.running++
		s.waiting++
	}
}

// started counts a task that got its slots.
func (b *budget) started(s *stream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.waiting--
	s.wake()
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
