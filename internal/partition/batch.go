package partition

import (
	"sync/atomic"
	"time"

	"github.com/tidwall/btree"

	"littlehorse/internal/keys"
	"littlehorse/internal/log"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/store"
)

// batch is all that one commit of a lane covers.
type batch struct {
	layers  []*layer // of the partitions that have records in it
	records int
	bytes   int64 // encoded size of the values
	emits   []log.Emit
	answers []answer

	applied []time.Duration // how long each record took
	kinds   map[kind]uint64 // how many records there are of each
	took    time.Duration   // from encoding to the end of the sync

	settled atomic.Bool // its waiters belong to whoever set it
}

// layer is what a batch makes of one partition. It lies over the store until the batch is synced.
type layer struct {
	part     *part
	rows     btree.Map[keys.Key, row]
	position uint64
	clockNs  int64
	changes  []machine.Change // of the rows, in order; set when the batch is encoded
}

// row is the newest value of a key; nil if it is deleted.
type row struct {
	value machine.Value
	bytes int
}

// answer is a reply that waits for the commit.
type answer struct {
	waiter
	part  *part
	reply machine.Reply
}

func newBatch() *batch { return &batch{kinds: map[kind]uint64{}} }

func (b *batch) empty() bool { return b.records == 0 }

// settle makes the caller the one who answers the waiters; false if another is.
func (b *batch) settle() bool { return b.settled.CompareAndSwap(false, true) }

// reset makes the batch ready for use again. Its memory stays.
func (b *batch) reset() {
	clear(b.layers)
	clear(b.emits)
	clear(b.answers)
	b.layers, b.emits, b.answers = b.layers[:0], b.emits[:0], b.answers[:0]
	b.records, b.bytes, b.applied = 0, 0, b.applied[:0]
	clear(b.kinds)
	b.settled.Store(false)
}

// layerOf is the part's layer in the batch that is being filled.
func (l *Lane) layerOf(p *part) *layer {
	if p.filling == nil {
		p.filling = &layer{part: p}
		l.filling.layers = append(l.filling.layers, p.filling)
	}
	return p.filling
}

// change makes one change part of the batch. Of a key that the store does not know, put and deleted within one
// batch, nothing is left.
func (l *Lane) change(ly *layer, c machine.Change) {
	before, overwrites := ly.rows.Get(c.Key)
	if overwrites {
		l.filling.bytes -= int64(before.bytes)
	}
	if c.Value == nil {
		l.cache.drop(ly.part, c.Key)
		if overwrites && before.value != nil && !l.known(ly.part, c.Key) {
			ly.rows.Delete(c.Key)
			return
		}
		ly.rows.Set(c.Key, row{})
		return
	}
	r := row{value: c.Value, bytes: c.Value.SizeVT()}
	l.filling.bytes += int64(r.bytes)
	ly.rows.Set(c.Key, r)
	l.cache.put(ly.part, c.Key, r.value, r.bytes)
}

// known tells whether the key is there below the batch that is being filled; in doubt it is.
func (l *Lane) known(p *part, k keys.Key) bool {
	if p.flying != nil {
		if r, ok := p.flying.rows.Get(k); ok {
			return r.value != nil
		}
	}
	found := false
	err := l.host.cfg.Store.View(p.stream, k, func([]byte) error { found = true; return nil })
	return found || err != nil
}

// encode writes the batch in the form of the store. Values are encoded here, once a commit.
func (l *Lane) encode(b *batch) (log.Commit, error) {
	rows := 0
	for _, ly := range b.layers {
		rows += ly.rows.Len() + 1
	}
	c := log.Commit{
		Batch:     l.host.cfg.Store.NewBatch(int(b.bytes) + rows*rowBytes),
		Emits:     b.emits,
		Positions: make([]log.Position, len(b.layers)),
	}
	for i, ly := range b.layers {
		c.Positions[i] = log.Position{Stream: ly.part.stream, Offset: ly.position}
		if err := ly.encode(c.Batch); err != nil {
			c.Batch.Discard()
			return c, err
		}
	}
	return c, nil
}

// rowBytes is a guess of what a row costs besides its value.
const rowBytes = 80

func (ly *layer) encode(b *store.Batch) (err error) {
	of := ly.part.stream
	ly.changes = make([]machine.Change, 0, ly.rows.Len())
	ly.rows.Scan(func(k keys.Key, r row) bool {
		ly.changes = append(ly.changes, machine.Change{Key: k, Value: r.value})
		if r.value == nil {
			err = b.Delete(of, k)
		} else {
			err = b.Put(of, k, r.value)
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	return b.Put(of, keys.Clock(), &pb.Counter{Value: uint64(ly.clockNs)})
}
