package log

import "sync"

// Turns are what the streams of a session have to hand out, each its share, no stream starving another. A log keeps them
// for its session; S is its stream.
type Turns[S any] struct {
	ready chan struct{}

	mu     sync.Mutex
	listed []S // have something to take
	ended  error

	entries []Entry // what Next returned last
}

// NewTurns makes those of a session that has begun.
func NewTurns[S any]() *Turns[S] { return &Turns[S]{ready: make(chan struct{}, 1)} }

// Ready is Session.Ready.
func (t *Turns[S]) Ready() <-chan struct{} { return t.ready }

// List says that the stream has something to take. It is to be said once, until the stream was taken from and had no more.
func (t *Turns[S]) List(st S) {
	t.mu.Lock()
	t.listed = append(t.listed, st)
	t.mu.Unlock()
	t.Signal()
}

// Signal lets whoever waits for Ready look again.
func (t *Turns[S]) Signal() {
	select {
	case t.ready <- struct{}{}:
	default:
	}
}

// End makes Next fail from now on. The first reason stays.
func (t *Turns[S]) End(why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended == nil {
		t.ended = why
	}
}

// Err is why the session has ended, nil if it has not.
func (t *Turns[S]) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended
}

// Next is Session.Next. Take adds up to so many entries of the stream, and says whether it has more. The slice is valid
// until the next call.
func (t *Turns[S]) Next(limit int, take func(st S, entries []Entry, most int) ([]Entry, bool)) ([]Entry, error) {
	t.mu.Lock()
	work, err := t.listed, t.ended
	t.listed = nil
	t.mu.Unlock()
	if err != nil {
		return nil, err
	}
	clear(t.entries)
	t.entries = t.entries[:0]
	if len(work) == 0 {
		return nil, nil
	}
	share := (limit + len(work) - 1) / len(work)
	for len(work) > 0 && len(t.entries) < limit {
		st := work[0]
		work = work[1:]
		var more bool
		t.entries, more = take(st, t.entries, min(share, limit-len(t.entries)))
		if more {
			work = append(work, st)
		}
	}
	if len(work) > 0 {
		t.mu.Lock()
		t.listed = append(work, t.listed...)
		t.mu.Unlock()
	}
	return t.entries, nil
}
