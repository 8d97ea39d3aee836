package kafka

import (
	"fmt"
	"sync"

	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
	"littlehorse/internal/store"
)

// outbox is what one stream has emitted for another. Its numbers grow without gaps:
//
//	forgotten <= acked <= sent <= given
//
// Numbers and rows are state, made by applying. Only the owner sends, and what he sent is forgotten by a note in
// the stream that emitted it, so that all replicas forget alike.
type outbox struct {
	from, to *stream

	mu        sync.Mutex
	given     uint64 // last number whose row is committed, or is being committed
	stored    uint64 // last number whose row is committed
	sent      uint64 // last number given to the client
	acked     uint64 // last number that is durable in the target
	forgotten uint64 // last number whose row is gone
	noting    bool   // a note is on its way
	gone      bool   // another has taken its place
}

// outboxTo is the outbox of st for the target.
func (st *stream) outboxTo(to *stream) *outbox {
	st.outboxMu.Lock()
	defer st.outboxMu.Unlock()
	o := st.outboxes[to]
	if o == nil {
		o = &outbox{from: st, to: to}
		st.outboxes[to] = o
	}
	return o
}

// restoreOutboxes takes the outboxes back to what the store holds: the last numbers given, and which rows are left.
func (st *stream) restoreOutboxes() error {
	outboxes, err := st.storedOutboxes()
	if err != nil {
		return err
	}
	st.outboxMu.Lock()
	defer st.outboxMu.Unlock()
	for _, o := range st.outboxes {
		o.end()
	}
	st.outboxes = outboxes
	return nil
}

// end lets another take the place of the outbox. What is on its way still arrives.
func (o *outbox) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gone = true
}

func (st *stream) storedOutboxes() (map[*stream]*outbox, error) {
	outboxes := map[*stream]*outbox{}
	err := st.log.eachRow(st.id, keys.AllEmitted(), func(k keys.Key, value []byte) error {
		name, err := keys.ParseEmitted(k)
		if err != nil {
			return err
		}
		c := &pb.Counter{}
		if err := c.UnmarshalVT(value); err != nil {
			return err
		}
		to, err := st.log.named(name)
		if err != nil {
			return fmt.Errorf("records were emitted for a stream that this log does not have: %w", err)
		}
		outboxes[to] = &outbox{from: st, to: to, given: c.Value, stored: c.Value, sent: c.Value, acked: c.Value, forgotten: c.Value}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return outboxes, st.log.eachRow(st.id, keys.Outboxes(), func(k keys.Key, _ []byte) error {
		name, number, err := keys.ParseOutbox(k)
		if err != nil {
			return err
		}
		to, err := st.log.named(name)
		if err != nil {
			return err
		}
		o := outboxes[to]
		if first := number - 1; o != nil && first < o.forgotten {
			o.sent, o.acked, o.forgotten = first, first, first
		}
		return nil
	})
}

// next gives the number of the next record.
func (o *outbox) next() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.given++
	return o.given
}

// committed says that the record's row is in the store, and sends it at once unless earlier ones wait or the window
// is full.
func (o *outbox) committed(r *pb.Record) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stored = r.Header.Number
	if o.sent != r.Header.Number-1 || !o.open() {
		return nil
	}
	return o.send(r)
}

// sendOutboxes sends what lies in the outboxes of a stream that has got an owner.
func (st *stream) sendOutboxes() error {
	st.outboxMu.Lock()
	var all []*outbox
	for _, o := range st.outboxes {
		all = append(all, o)
	}
	st.outboxMu.Unlock()
	for _, o := range all {
		o.mu.Lock()
		o.noting = false
		err := o.resume()
		o.note()
		o.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// open tells whether a record may be sent: the stream has its owner, and the window is not full.
func (o *outbox) open() bool {
	return !o.gone && o.sent-o.acked < uint64(o.from.log.cfg.OutboxWindow) && o.from.holds()
}

// resume sends from the rows what the window allows.
func (o *outbox) resume() error {
	for o.sent < o.stored && o.open() {
		number := o.sent + 1
		r := &pb.Record{}
		err := o.from.log.cfg.Store.View(o.from.id, keys.Outbox(o.to.id.String(), number), r.UnmarshalVT)
		if err == nil && r.Header == nil {
			err = fmt.Errorf("record %d from %s to %s is missing", number, o.from.id, o.to.id)
		}
		if err == nil {
			err = o.send(r)
		}
		if err != nil || o.sent < number {
			return err // a target that is closed takes nothing any more
		}
	}
	return nil
}

func (o *outbox) send(r *pb.Record) error {
	number := r.Header.Number
	o.to.mu.Lock()
	defer o.to.mu.Unlock()
	if o.to.closed {
		return nil
	}
	o.sent = number
	return o.to.sendRecord(r, func() { o.delivered(number) })
}

// delivered says that the record is durable in the target.
func (o *outbox) delivered(number uint64) {
	o.mu.Lock()
	o.acked = max(o.acked, number)
	o.note()
	waits := o.sent < o.stored
	o.mu.Unlock()
	if waits {
		o.from.log.keeper.addOutbox(o)
	}
}

// goOn sends what the window allows now.
func (o *outbox) goOn() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.resume()
}

// note writes into the stream how far its records are delivered; one note at a time, so that many deliveries
// share it.
func (o *outbox) note() {
	if o.noting || o.gone || o.acked <= o.forgotten || !o.from.holds() {
		return
	}
	o.noting = true
	o.from.mu.Lock()
	defer o.from.mu.Unlock()
	if o.from.closed {
		return
	}
	d := &pb.LogDelivered{Target: o.to.id.String(), Number: o.acked}
	o.from.send(o.from.note(&pb.LogNote{Note: &pb.LogNote_Delivered{Delivered: d}}), nil)
}

// addDelivered deletes the rows of what a note says is delivered.
func (st *stream) addDelivered(b *store.Batch, d *pb.LogDelivered) (delivered, error) {
	to, err := st.log.named(d.Target)
	if err != nil {
		return delivered{}, err
	}
	o := st.outboxTo(to)
	o.mu.Lock()
	defer o.mu.Unlock()
	for number := o.forgotten + 1; number <= min(d.Number, o.given); number++ {
		if err := b.Delete(st.id, keys.Outbox(d.Target, number)); err != nil {
			return delivered{}, err
		}
	}
	return delivered{o, min(d.Number, o.given)}, nil
}

// named is the stream with the name.
func (l *Log) named(name string) (*stream, error) {
	if st := l.byName[name]; st != nil {
		return st, nil
	}
	return nil, fmt.Errorf("%w: it speaks of stream %s", ErrNotOurs, name)
}

// forget says that the rows up to the number are gone.
func (o *outbox) forget(number uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.noting = false
	o.forgotten = max(o.forgotten, number)
	o.sent, o.acked = max(o.sent, number), max(o.acked, number)
	o.note()
}
