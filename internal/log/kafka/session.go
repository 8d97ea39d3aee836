package kafka

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"littlehorse/internal/keys"
	"littlehorse/internal/log"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/store"
)

// Session implements log.Session.
type Session struct {
	log     *Log
	name    string // for ever
	follows bool   // it was opened to follow, and owns what it has claimed or was handed over
	claims  atomic.Bool
	streams []*stream
	turns   *log.Turns[*stream]

	mu      sync.Mutex
	foreign int           // streams that it does not own yet, or has not followed to where they were
	owned   chan struct{} // closed when there are none
	unled   int           // streams that it does not own yet
	leads   chan struct{} // closed when there are none

	commit  chan struct{} // holds a token while a commit runs
	changed []changed     // of the commit that runs
}

// Ready implements log.Session.
func (s *Session) Ready() <-chan struct{} { return s.turns.Ready() }

// Owned implements log.Session.
func (s *Session) Owned() <-chan struct{} { return s.owned }

// Name implements log.Follower.
func (s *Session) Name() string { return s.name }

// Leads implements log.Follower.
func (s *Session) Leads() <-chan struct{} { return s.leads }

// Claim implements log.Follower.
func (s *Session) Claim() {
	s.claims.Store(true)
	for _, st := range s.streams {
		st.claimFor(s)
	}
}

// HandOver implements log.Follower.
func (s *Session) HandOver(to string) error {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for _, st := range s.streams {
		st.handOver(s, to)
	}
	s.end(fmt.Errorf("handed over: %w", log.ErrFenced))
	return nil
}

// Next implements log.Session. The entries are valid until the next call.
func (s *Session) Next(limit int) ([]log.Entry, error) {
	return s.turns.Next(limit, func(st *stream, entries []log.Entry, most int) ([]log.Entry, bool) {
		return st.take(s, entries, most)
	})
}

// Position implements log.Session.
func (s *Session) Position(of machine.Stream) uint64 {
	if st := s.log.streams[of]; st != nil {
		return st.position()
	}
	return 0
}

// Commit implements log.Session. The records are durable in their topics; the batch is not synced.
func (s *Session) Commit(c log.Commit) error {
	s.commit <- struct{}{}
	defer func() { <-s.commit }()
	p, err := s.fill(c)
	if err != nil {
		c.Batch.Discard()
		return err
	}
	if err := c.Batch.CommitUnsynced(); err != nil {
		return err
	}
	return s.follow(p, c.Emits)
}

// progress is what a commit means to the log.
type progress struct {
	covered   map[*stream][]item
	emitted   []*outbox // one for each emitted record
	delivered []delivered
	uncovered map[*stream]int64 // bytes that were changed
}

// delivered is how far an outbox is known to have reached its target.
type delivered struct {
	outbox *outbox
	number uint64
}

// fill adds to the batch what the log itself has to remember.
func (s *Session) fill(c log.Commit) (p progress, err error) {
	if err := s.turns.Err(); err != nil {
		return p, err
	}
	p.covered = map[*stream][]item{}
	for _, at := range c.Positions {
		st := s.log.streams[at.Stream]
		if st == nil || st.ownedBy() != s {
			return p, fmt.Errorf("commit of %s, which this session does not own", at.Stream)
		}
		covered, ok := st.upTo(at.Offset)
		if !ok {
			return p, fmt.Errorf("commit of %s at offset %d, which was never handed out", at.Stream, at.Offset)
		}
		p.covered[st] = covered
	}
	if p.emitted, err = s.addEmits(c.Batch, c.Emits); err != nil {
		return p, err
	}
	for _, at := range c.Positions {
		st := s.log.streams[at.Stream]
		if p.delivered, err = st.addProgress(c.Batch, p.covered[st], p.delivered); err != nil {
			return p, err
		}
	}
	return p, s.addChanged(c.Batch, &p)
}

// addEmits numbers the emitted records and writes their rows. The numbers are state: whoever applies the same records
// gives the same.
func (s *Session) addEmits(b *store.Batch, emits []log.Emit) ([]*outbox, error) {
	for _, e := range emits {
		if from := s.log.streams[e.From]; from == nil || from.ownedBy() != s {
			return nil, fmt.Errorf("record emitted by %s, which this session does not own", e.From)
		}
		if s.log.streams[e.To] == nil {
			return nil, fmt.Errorf("record emitted by %s for %s: %w", e.From, e.To, log.ErrUnknownStream)
		}
	}
	all := make([]*outbox, len(emits))
	numbers := map[*outbox]uint64{}
	for i, e := range emits {
		o := s.log.streams[e.From].outboxTo(s.log.streams[e.To])
		if e.Record.Header == nil {
			e.Record.Header = &pb.Header{}
		}
		e.Record.Header.Source, e.Record.Header.Number = o.from.source, o.next()
		if err := b.Put(e.From, keys.Outbox(e.To.String(), e.Record.Header.Number), e.Record); err != nil {
			return nil, err
		}
		all[i], numbers[o] = o, e.Record.Header.Number
	}
	for o, number := range numbers {
		if err := b.Put(o.from.id, keys.Emitted(o.to.id.String()), &pb.Counter{Value: number}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// addProgress writes where the stream is behind the items.
func (st *stream) addProgress(b *store.Batch, covered []item, all []delivered) ([]delivered, error) {
	if len(covered) == 0 {
		return all, nil
	}
	sources := map[string]*pb.LogSource{}
	for i := range covered {
		it := &covered[i]
		for _, name := range it.forgotten {
			sources[name] = nil
		}
		if it.source != "" {
			sources[it.source] = &pb.LogSource{Value: it.number, AtNs: it.atNs}
		}
		if it.covered != nil {
			if err := st.addCovered(b, it.covered); err != nil {
				return nil, err
			}
		}
		if it.delivered == nil {
			continue
		}
		d, err := st.addDelivered(b, it.delivered)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		if err := putSource(b, st.id, name, sources[name]); err != nil {
			return nil, err
		}
	}
	newest := &covered[len(covered)-1]
	return all, b.Put(st.id, keys.Position(), &pb.LogPosition{
		Value: newest.offset, Next: newest.next, LeaderEpoch: newest.leader, Topic: st.commands.id[:], Epoch: newest.epoch, Engine: newest.engine,
	})
}

func putSource(b *store.Batch, of machine.Stream, name string, s *pb.LogSource) error {
	if s == nil {
		return b.Delete(of, keys.Source(name))
	}
	return b.Put(of, keys.Source(name), s)
}

// follow lets happen what a commit allows.
func (s *Session) follow(p progress, emits []log.Emit) error {
	for _, d := range p.delivered {
		d.outbox.forget(d.number)
	}
	var holding []*stream
	known := 0
	for st, covered := range p.covered {
		gained := st.advance(s, len(covered), p.uncovered[st])
		if gained.known {
			known++
		}
		if gained.held {
			holding = append(holding, st)
		}
	}
	for i, e := range emits {
		if err := p.emitted[i].committed(e.Record); err != nil {
			return err
		}
	}
	for _, st := range holding {
		if err := st.sendOutboxes(); err != nil {
			return err
		}
		st.raise(s.log.agreed.Load())
	}
	s.reached(known, len(holding))
	return nil
}

// reached counts the streams that the session has come to know as they were, and those that it has come to own.
func (s *Session) reached(known, held int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.follows {
		known = held
	}
	countDown(&s.foreign, known, s.owned)
	countDown(&s.unled, held, s.leads)
}

func countDown(left *int, n int, none chan struct{}) {
	if n == 0 || *left == 0 {
		return
	}
	if *left -= n; *left == 0 {
		close(none)
	}
}

// Close implements log.Session.
func (s *Session) Close() error {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.end(log.ErrClosed)
	return nil
}

// fence ends the session: another has become the owner of one of its streams.
func (s *Session) fence(st *stream) {
	s.log.cfg.Logger.Warn("another process has taken the stream over", "stream", st.id.String())
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.end(fmt.Errorf("%s: %w", st.id, log.ErrFenced))
}

// outrun ends the session: the topic does not hold any more what it was to read next.
func (s *Session) outrun(st *stream) {
	s.log.cfg.Logger.Warn("a copy is so far behind that it has to be rebuilt", "stream", st.id.String())
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.end(fmt.Errorf("%s: %w", st.id, log.ErrBehind))
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
		st.leave(s, !errors.Is(why, log.ErrClosed))
		s.log.polls.later(func() {
			if st.ownedBy() == nil {
				s.log.dropFetched(st)
			}
		})
	}
	s.turns.Signal()
}
