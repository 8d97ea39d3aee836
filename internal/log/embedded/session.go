package embedded

import (
	"fmt"

	"littlehorse/internal/keys"
	"littlehorse/internal/log"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/store"
)

// Session implements log.Session.
type Session struct {
	log     *Log
	streams []*stream
	turns   *log.Turns[*stream]
	owned   chan struct{} // closed

	commit chan struct{} // holds a token while a commit runs
}

// Ready implements log.Session.
func (s *Session) Ready() <-chan struct{} { return s.turns.Ready() }

// Owned implements log.Session. What others could have appended before is gone with their process.
func (s *Session) Owned() <-chan struct{} { return s.owned }

// Next implements log.Session. The entries are valid until the next call.
func (s *Session) Next(limit int) ([]log.Entry, error) {
	now := s.log.cfg.Now().UnixNano()
	return s.turns.Next(limit, func(st *stream, entries []log.Entry, most int) ([]log.Entry, bool) {
		return st.take(s, entries, most, now)
	})
}

// Position implements log.Session.
func (s *Session) Position(of machine.Stream) uint64 {
	if st := s.log.streams[of]; st != nil {
		return st.position()
	}
	return 0
}

// Commit implements log.Session.
func (s *Session) Commit(c log.Commit) error {
	s.commit <- struct{}{}
	defer func() { <-s.commit }()
	f, err := s.fill(c)
	if err != nil {
		c.Batch.Discard()
		return err
	}
	if err := c.Batch.Commit(); err != nil {
		return err
	}
	for _, p := range c.Positions {
		s.log.streams[p.Stream].advance(p.Offset)
	}
	for i, e := range c.Emits {
		if err := f.emitted[i].synced(s.log, e.Record, e.Record.Header.Number); err != nil {
			return err
		}
	}
	for _, a := range f.applied {
		if err := a.outbox.resume(s.log, a.number); err != nil {
			return err
		}
	}
	return nil
}

// followUp is what a commit means to outboxes.
type followUp struct {
	emitted []*outbox // one for each emitted record
	applied []applied
}

// applied is the last number of an outbox that a commit covers.
type applied struct {
	outbox *outbox
	number uint64
}

// fill adds to the batch what the log itself has to remember.
func (s *Session) fill(c log.Commit) (f followUp, err error) {
	if err := s.turns.Err(); err != nil {
		return f, err
	}
	for _, p := range c.Positions {
		if f.applied, err = s.addPosition(c.Batch, p, f.applied); err != nil {
			return f, err
		}
	}
	f.emitted, err = s.addEmits(c.Batch, c.Emits)
	return f, err
}

// addPosition writes how far the stream is and the last number of each outbox it was sent from, and removes
// the rows of what it has applied.
func (s *Session) addPosition(b *store.Batch, p log.Position, all []applied) ([]applied, error) {
	st := s.log.streams[p.Stream]
	if st == nil || st.ownedBy() != s {
		return nil, fmt.Errorf("commit of %s, which this session does not own", p.Stream)
	}
	covered, ok := st.upTo(p.Offset)
	if !ok {
		return nil, fmt.Errorf("commit of %s at offset %d, which was never handed out", p.Stream, p.Offset)
	}
	if err := b.Put(p.Stream, keys.Position(), &pb.Counter{Value: p.Offset}); err != nil {
		return nil, err
	}
	before := len(all)
	var index map[*outbox]int
	for _, it := range covered {
		if it.from == nil {
			continue
		}
		if err := b.Delete(it.from.from.id, keys.Outbox(p.Stream.String(), it.number)); err != nil {
			return nil, err
		}
		if index == nil {
			index = map[*outbox]int{}
		}
		if i, ok := index[it.from]; ok {
			all[i].number = it.number
			continue
		}
		index[it.from] = len(all)
		all = append(all, applied{it.from, it.number})
	}
	for _, a := range all[before:] {
		if err := b.Put(p.Stream, keys.Source(a.outbox.from.source), &pb.Counter{Value: a.number}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// addEmits numbers the emitted records and writes their rows.
func (s *Session) addEmits(b *store.Batch, emits []log.Emit) ([]*outbox, error) {
	outboxes := make([]*outbox, len(emits))
	for i, e := range emits {
		from, to := s.log.streams[e.From], s.log.streams[e.To]
		if from == nil || from.ownedBy() != s {
			return nil, fmt.Errorf("record emitted by %s, which this session does not own", e.From)
		}
		if to == nil {
			return nil, fmt.Errorf("record emitted by %s for %s: %w", e.From, e.To, log.ErrUnknownStream)
		}
		o := from.outboxTo(to)
		if e.Record.Header == nil {
			e.Record.Header = &pb.Header{}
		}
		e.Record.Header.Source, e.Record.Header.Number = from.source, o.next()
		if err := b.Put(e.From, keys.Outbox(to.id.String(), e.Record.Header.Number), e.Record); err != nil {
			return nil, err
		}
		outboxes[i] = o
	}
	return outboxes, nil
}

// Close implements log.Session.
func (s *Session) Close() error {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.end(log.ErrClosed)
	return nil
}

// end waits for the commit that runs, unless the store has failed under it, and gives up all streams. The log's
// mutex must be held.
func (s *Session) end(why error) {
	select {
	case s.commit <- struct{}{}:
		defer func() { <-s.commit }()
	case <-s.log.cfg.Store.Failed():
	}
	s.turns.End(why)
	for _, st := range s.streams {
		st.leave(s)
	}
	s.turns.Signal()
}
