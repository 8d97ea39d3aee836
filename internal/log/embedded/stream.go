package embedded

import (
	"sync"
	"sync/atomic"

	"littlehorse/internal/keys"
	"littlehorse/internal/log"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// item is a record in its place.
type item struct {
	record *pb.Record
	source string
	number uint64
	from   *outbox // nil unless the source is an outbox
}

// stream is the order of one stream: what is appended and not committed.
type stream struct {
	id     machine.Stream
	source string        // name of its outbox
	held   *atomic.Int64 // of the log

	mu        sync.Mutex
	closed    bool
	committed uint64            // offset of the last committed record
	waiting   []item            // the first has offset committed+1
	taken     int               // how many of them the owner has
	accepted  map[string]uint64 // last number of each source
	owner     *Session
	listed    bool // the owner knows that there is something to take

	outboxMu sync.Mutex
	outboxes map[*stream]*outbox // its own, by target
}

// load reads how far the stream and its sources are.
func (l *Log) load(id machine.Stream) (*stream, error) {
	st := &stream{
		id: id, source: log.OutboxSource(id), held: &l.held, accepted: map[string]uint64{}, outboxes: map[*stream]*outbox{},
	}
	position := &pb.Counter{}
	if err := l.cfg.Store.View(id, keys.Position(), position.UnmarshalVT); err != nil {
		return nil, err
	}
	st.committed = position.Value
	return st, l.eachRow(id, keys.Sources(), func(k keys.Key, value []byte) error {
		name, err := keys.ParseSource(k)
		if err != nil {
			return err
		}
		last := &pb.Counter{}
		if err := last.UnmarshalVT(value); err != nil {
			return err
		}
		st.accepted[name] = last.Value
		return nil
	})
}

// eachRow visits the rows under a prefix, until the first error.
func (l *Log) eachRow(of machine.Stream, prefix keys.Key, visit func(k keys.Key, value []byte) error) error {
	rows, err := l.cfg.Store.Rows(of, prefix, prefix.End())
	if err != nil {
		return err
	}
	for ; rows.Valid(); rows.Next() {
		value, err := rows.Value()
		if err == nil {
			err = visit(rows.Key(), value)
		}
		if err != nil {
			_ = rows.Close()
			return err
		}
	}
	return rows.Close()
}

// push appends unless the record is a double or, from an outbox, not the next. A limit of 0 is none: what was
// emitted passes, so that two full streams cannot wait for one another.
func (st *stream) push(it item, limit int) error {
	st.mu.Lock()
	if st.closed {
		st.mu.Unlock()
		return log.ErrClosed
	}
	if it.from != nil {
		limit = 0
	}
	if limit > 0 && len(st.waiting) >= limit {
		st.mu.Unlock()
		return log.ErrFull
	}
	if last := st.accepted[it.source]; it.number <= last || it.from != nil && it.number != last+1 {
		st.mu.Unlock()
		return nil
	}
	st.accepted[it.source] = it.number
	st.waiting = append(st.waiting, it)
	if it.from == nil {
		st.held.Add(1) // emitted ones are held since they were given their number
	}
	owner := st.owner
	if st.listed {
		owner = nil
	}
	st.listed = st.owner != nil
	st.mu.Unlock()
	if owner != nil {
		owner.turns.List(st)
	}
	return nil
}

// take gives the owner up to limit of the records that he has not had; more tells whether some are left.
func (st *stream) take(s *Session, entries []log.Entry, limit int, nowNs int64) (_ []log.Entry, more bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.owner != s {
		return entries, false
	}
	for range min(limit, len(st.waiting)-st.taken) {
		r := st.waiting[st.taken].record
		st.taken++
		entries = append(entries, log.Entry{
			Stream: st.id, Offset: st.committed + uint64(st.taken),
			AtNs: max(nowNs, r.GetHeader().GetAtNs()), Record: r,
		})
	}
	st.listed = st.taken < len(st.waiting)
	return entries, st.listed
}

// upTo returns the records that a commit at the offset covers; ok is false if the owner never had them.
func (st *stream) upTo(offset uint64) (covered []item, ok bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if offset < st.committed || offset > st.committed+uint64(st.taken) {
		return nil, false
	}
	return st.waiting[:offset-st.committed], true
}

// advance forgets the records up to the offset.
func (st *stream) advance(offset uint64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.closed {
		return
	}
	n := int(offset - st.committed)
	clear(st.waiting[:n])
	st.waiting = st.waiting[n:]
	st.taken -= n
	st.committed = offset
	st.held.Add(-int64(n))
}

func (st *stream) position() uint64 {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.committed
}

func (st *stream) ownedBy() *Session {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.owner
}

// give makes s the owner; it gets all that is not committed, whoever had it before.
func (st *stream) give(s *Session) {
	st.mu.Lock()
	st.owner, st.taken = s, 0
	st.listed = len(st.waiting) > 0
	listed := st.listed
	st.mu.Unlock()
	if listed {
		s.turns.List(st)
	}
}

// leave ends the ownership of s, if it still is the owner.
func (st *stream) leave(s *Session) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.owner == s {
		st.owner, st.taken, st.listed = nil, 0, false
	}
}

func (st *stream) shut() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.closed, st.waiting = true, nil
}
