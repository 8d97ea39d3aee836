package partition

import (
	"slices"
	"strings"
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
	number  uint64   // of the lane's batches, from 1
	layers  []*layer // of the partitions that have records in it
	records int
	timers  int   // of them, fired by the pump
	bytes   int64 // encoded size of the values
	cost    time.Duration
	emits   []log.Emit
	goOn    []further
	answers []answer

	applied []time.Duration // how long each record took
	kinds   map[kind]uint64 // how many records there are of each
	took    time.Duration   // from encoding to the end of the sync

	settled atomic.Bool // its waiters belong to whoever set it
}

// layer is what a batch makes of one partition. It lies over the store until the batch is synced.
type layer struct {
	part     *part
	rows     []row  // in the order in which their keys were changed first
	encoded  []byte // of values, one after the other
	position uint64
	clockNs  int64
	version  uint64 // highest catalog version seen; 0 if it is as before

	index *btree.Map[keys.Key, int] // the rows by key; nil until somebody scans
	order []int                     // of the rows that are written, by key; set when the batch is encoded
	// changes are the rows that are written, in order; set when the batch is encoded.
	changes []machine.Change
}

// row is the newest value of a key; nil if it is deleted.
type row struct {
	key   keys.Key
	value machine.Value
	bytes int  // encoded
	at    int  // where in layer.encoded; late if the value is not there
	put   bool // by the batch, whatever became of it
	below presence
}

// late is the place of a value that is encoded with the batch.
const late = -1

// earlyBytes is how large a value may be that is encoded at once.
const earlyBytes = 4096

// presence is what is known of a key.
type presence byte

const (
	perhaps presence = iota
	absent
	present
)

// answer is a reply that waits for the commit.
type answer struct {
	waiter
	part  *part
	reply machine.Reply
}

// further is a record that goes on with the work of one that the batch covers.
type further struct {
	part   *part
	record *pb.Record
}

func newBatch() *batch { return &batch{kinds: map[kind]uint64{}} }

func (b *batch) empty() bool { return b.records == 0 }

// settle makes the caller the one who answers the waiters; false if another is.
func (b *batch) settle() bool { return b.settled.CompareAndSwap(false, true) }

// reset makes the batch ready for use again. Its memory stays.
func (b *batch) reset() {
	clear(b.layers)
	clear(b.emits)
	clear(b.goOn)
	clear(b.answers)
	b.layers, b.emits, b.goOn, b.answers = b.layers[:0], b.emits[:0], b.goOn[:0], b.answers[:0]
	b.records, b.timers, b.bytes, b.cost, b.applied = 0, 0, 0, 0, b.applied[:0]
	clear(b.kinds)
	b.settled.Store(false)
}

// A layer may be that large if it is to be kept for use again.
const (
	spareRows  = 1 << 13
	spareBytes = 1 << 20
)

// reset makes the layer ready for use again. Its memory stays unless that is much.
func (ly *layer) reset() {
	if len(ly.rows) > spareRows || len(ly.encoded) > spareBytes {
		*ly = layer{}
		return
	}
	clear(ly.rows)
	clear(ly.changes)
	*ly = layer{rows: ly.rows[:0], encoded: ly.encoded[:0], order: ly.order[:0], changes: ly.changes[:0]}
}

// layerOf is the part's layer in the batch that is being filled.
func (l *Lane) layerOf(p *part) *layer {
	if p.filling != nil {
		return p.filling
	}
	if n := len(l.layers); n > 0 {
		p.filling, l.layers = l.layers[n-1], l.layers[:n-1]
	} else {
		p.filling = &layer{}
	}
	p.filling.part = p
	l.filling.layers = append(l.filling.layers, p.filling)
	return p.filling
}

// change makes one change part of the batch.
func (l *Lane) change(ly *layer, c machine.Change) {
	o, below := l.cache.change(ly.part, c.Key)
	if o.batch != l.filling.number {
		o.batch, o.row = l.filling.number, int32(len(ly.rows))
		ly.add(row{key: o.key, below: below, at: late})
	}
	r, bytes := &ly.rows[o.row], 0
	if c.Value != nil {
		bytes = c.Value.SizeVT()
	}
	l.filling.bytes += int64(bytes - r.bytes)
	l.cache.set(o, c.Value, bytes)
	ly.set(r, c.Value, bytes)
}

func (ly *layer) add(r row) {
	if ly.index != nil {
		ly.index.Set(r.key, len(ly.rows))
	}
	ly.rows = append(ly.rows, r)
}

// set gives the row a value. The first is encoded at once, while it is in the processor's cache; it is seldom followed by
// another in the same batch, and a row that one follows is likely to see more of them.
func (ly *layer) set(r *row, v machine.Value, bytes int) {
	first := !r.put
	r.value, r.bytes, r.put, r.at = v, bytes, r.put || v != nil, late
	if v == nil || !first || bytes > earlyBytes {
		return
	}
	at := len(ly.encoded)
	ly.encoded = slices.Grow(ly.encoded, bytes)[:at+bytes]
	if n, err := v.MarshalToSizedBufferVT(ly.encoded[at:]); err == nil && n == bytes {
		r.at = at
	}
}

// void tells whether nothing is to be written of a row: it is deleted, and the store does not know it. What the
// batch has not put itself is deleted without asking the store.
func (l *Lane) void(of machine.Stream, r *row) bool {
	if r.value != nil || r.below == present || r.below == perhaps && !r.put {
		return false
	}
	return r.below == absent || !l.known(of, r.key)
}

// known tells whether the store has the key; in doubt it has.
func (l *Lane) known(of machine.Stream, k keys.Key) bool {
	found := false
	err := l.host.cfg.Store.View(of, k, func([]byte) error { found = true; return nil })
	return found || err != nil
}

// encode writes the batch in the form of the store. Values are encoded here, once a commit. All earlier batches are
// in the store.
func (l *Lane) encode(b *batch) (log.Commit, error) {
	rows, bytes := 0, b.bytes
	for _, ly := range b.layers {
		rows += len(ly.rows) + 1
		for i := range ly.rows {
			bytes += int64(len(ly.rows[i].key))
		}
	}
	c := log.Commit{
		Batch:     l.host.cfg.Store.NewBatch(int(bytes) + rows*rowBytes),
		Emits:     b.emits,
		Positions: make([]log.Position, len(b.layers)),
	}
	for i, ly := range b.layers {
		c.Positions[i] = log.Position{Stream: ly.part.stream, Offset: ly.position}
		if err := l.encodeLayer(ly, c.Batch); err != nil {
			c.Batch.Discard()
			return c, err
		}
	}
	return c, nil
}

// rowBytes is what a row costs at most besides its key and value.
const rowBytes = 16

func (l *Lane) encodeLayer(ly *layer, b *store.Batch) error {
	of := ly.part.stream
	for i := range ly.rows {
		if !l.void(of, &ly.rows[i]) {
			ly.order = append(ly.order, i)
		}
	}
	slices.SortFunc(ly.order, func(i, j int) int { return strings.Compare(string(ly.rows[i].key), string(ly.rows[j].key)) })
	for _, i := range ly.order {
		r := &ly.rows[i]
		ly.changes = append(ly.changes, machine.Change{Key: r.key, Value: r.value})
		if err := ly.write(b, r); err != nil {
			return err
		}
	}
	if ly.version > 0 {
		if err := b.Put(of, keys.Version(), &pb.Counter{Value: ly.version}); err != nil {
			return err
		}
	}
	return b.Put(of, keys.Clock(), &pb.Counter{Value: uint64(ly.clockNs)})
}

func (ly *layer) write(b *store.Batch, r *row) error {
	switch of := ly.part.stream; {
	case r.value == nil:
		return b.Delete(of, r.key)
	case r.at == late:
		return b.Put(of, r.key, r.value)
	default:
		return b.PutEncoded(of, r.key, ly.encoded[r.at:r.at+r.bytes])
	}
}
