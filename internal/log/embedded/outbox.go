package embedded

import (
	"fmt"
	"sync"

	"littlehorse/internal/keys"
	"littlehorse/internal/log"
	"littlehorse/internal/pb"
)

// outbox is what one stream has emitted for another. Its numbers grow without gaps:
//
//	applied <= sent <= durable <= given
//
// Rows exist from the commit that makes a number durable to the one in which the target applies it.
type outbox struct {
	from, to *stream

	mu      sync.Mutex
	given   uint64 // last number given
	durable uint64 // last number whose row is synced
	sent    uint64 // last number in the target's order
	applied uint64 // last number that the target has committed
}

// outboxTo is the outbox of st for the target.
func (st *stream) outboxTo(to *stream) *outbox {
	st.outboxMu.Lock()
	defer st.outboxMu.Unlock()
	o := st.outboxes[to]
	if o == nil {
		to.mu.Lock()
		last := to.accepted[st.source]
		to.mu.Unlock()
		o = &outbox{from: st, to: to, given: last, durable: last, sent: last, applied: last}
		st.outboxes[to] = o
	}
	return o
}

// loadOutboxes finds what was emitted and not applied before the stop, and delivers the first of it.
func (l *Log) loadOutboxes(st *stream) error {
	targets := map[string]*stream{}
	for _, to := range l.streams {
		targets[to.id.String()] = to
	}
	var pending []*outbox
	err := l.eachRow(st.id, keys.Outboxes(), func(k keys.Key, _ []byte) error {
		name, number, err := keys.ParseOutbox(k)
		if err != nil {
			return err
		}
		to := targets[name]
		if to == nil {
			return fmt.Errorf("a record waits for stream %s: %w", name, log.ErrUnknownStream)
		}
		o := st.outboxTo(to)
		if len(pending) == 0 || pending[len(pending)-1] != o {
			pending = append(pending, o)
		}
		o.given, o.durable = number, number
		l.held.Add(1)
		return nil
	})
	if err != nil {
		return err
	}
	for _, o := range pending {
		if err := o.resume(l, o.applied); err != nil {
			return err
		}
	}
	return nil
}

// next gives the number of the next record.
func (o *outbox) next() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.given++
	o.from.held.Add(1)
	return o.given
}

// synced says that the record is durable, and sends it at once unless earlier ones wait or the window is full.
func (o *outbox) synced(l *Log, r *pb.Record, number uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.durable = number
	if o.sent != number-1 || !o.open(l) {
		return nil
	}
	return o.send(r, number)
}

// resume says how far the target has applied, and sends from the rows what the window now allows.
func (o *outbox) resume(l *Log, applied uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.applied = applied
	for o.sent < o.durable && o.open(l) {
		number := o.sent + 1
		r := &pb.Record{}
		err := l.cfg.Store.View(o.from.id, keys.Outbox(o.to.id.String(), number), r.UnmarshalVT)
		if err == nil && r.Header == nil {
			err = fmt.Errorf("record %d from %s to %s is missing", number, o.from.id, o.to.id)
		}
		if err == nil {
			err = o.send(r, number)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *outbox) open(l *Log) bool { return o.sent-o.applied < uint64(l.cfg.OutboxWindow) }

func (o *outbox) send(r *pb.Record, number uint64) error {
	o.sent = number
	return o.to.push(item{record: r, source: o.from.source, number: number, from: o}, 0)
}
