package partition

import (
	"hash/maphash"
	"sync/atomic"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// cache keeps decoded objects: all that batches which are not retired have changed, and of the others those that a
// lane used last. What it holds is the newest state, committed or not, because the lane is the only writer of its
// partitions; and of a key that it does not hold the store has the newest.
//
// There are two generations. What is used comes into the young one, or from the old one back into it. Once the young
// one is full it becomes the old one, and what was not used since the last time is gone: no use costs more than a look-up,
// nothing is removed alone, and what running work needs lies close together, however much has ended.
type cache struct {
	limit      int64 // of a generation
	seed       maphash.Seed
	young, old table

	generation atomic.Uint64 // how often something was forgotten
}

// object is the newest value of one key; a nil value says that the key is absent.
type object struct {
	hash  uint64
	part  *part
	key   keys.Key
	value machine.Value
	batch uint64 // the last one that changed it
	row   int32  // in the layer of that batch
	bytes int32  // encoded
}

// objectBytes is what an entry costs besides its key and value.
const objectBytes = 160

// generations share the limit of a cache.
const generations = 2

func newCache(limit int64) *cache {
	return &cache{limit: max(1, limit/generations), seed: maphash.MakeSeed()}
}

// find returns the object, or nil; valid until another is added.
func (c *cache) find(p *part, k keys.Key) *object { return c.findHashed(c.hash(p, k), p, k) }

func (c *cache) hash(p *part, k keys.Key) uint64 {
	return maphash.String(c.seed, string(k)) + uint64(p.stream.Partition)<<8 + uint64(p.stream.Kind)
}

func (c *cache) findHashed(h uint64, p *part, k keys.Key) *object {
	if o := c.young.find(h, p, k); o != nil {
		return o
	}
	if o := c.old.find(h, p, k); o != nil {
		return c.young.add(*o)
	}
	return nil
}

// learn takes in what the store holds, unless that is more than there is room for.
func (c *cache) learn(p *part, k keys.Key, v machine.Value, size int) {
	o := object{hash: c.hash(p, k), part: p, key: k, value: v, bytes: int32(size)}
	if c.young.bytes+o.cost() <= c.limit {
		c.young.add(o)
	}
}

// change is for whoever is about to change the key: its object, and what it knew before.
func (c *cache) change(p *part, k keys.Key) (*object, presence) {
	h := c.hash(p, k)
	switch o := c.findHashed(h, p, k); {
	case o == nil:
		return c.young.add(object{hash: h, part: p, key: k}), perhaps
	case o.value == nil:
		return o, absent
	default:
		return o, present
	}
}

// set gives the object a value; it is one that change has returned.
func (c *cache) set(o *object, v machine.Value, size int) {
	before := o.cost()
	o.value, o.bytes = v, int32(size)
	c.young.bytes += o.cost() - before
}

// age begins a new generation if the young one is full. At most one batch may be changed and not in the store, and
// all its changes must have been made since the last time.
func (c *cache) age() {
	if c.young.bytes <= c.limit {
		return
	}
	c.young, c.old = c.old, c.young
	c.young.clear()
	c.generation.Add(1)
}

const (
	// largeBytes is the size beyond which most of an object is text or bytes, which decoded take what they take encoded; all
	// else takes several times that, and the limit is meant so.
	largeBytes = 4096
	// largeShare is the part for which what is beyond counts. With less, work with large values would read them again for
	// every step.
	largeShare = 8
)

func (o *object) cost() int64 {
	bytes := int64(o.bytes)
	if bytes > largeBytes {
		bytes = largeBytes + (bytes-largeBytes)/largeShare
	}
	return bytes + int64(len(o.key)) + objectBytes
}

// table is a hash table that is filled and cleared.
type table struct {
	objects []object
	// slots are twice as many as objects at least, and a power of two: the upper half of the hash, and the number
	// of the object from 1; 0 if there is none.
	slots []uint64
	bytes int64
}

const (
	minSlots = 1 << 10
	// spareObjects is how large a table may be whose memory is kept.
	spareObjects = 1 << 17
	upperHalf    = uint64(0xffffffff) << 32
)

func (t *table) find(h uint64, p *part, k keys.Key) *object {
	if len(t.slots) == 0 {
		return nil
	}
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; t.slots[i] != 0; i = (i + 1) & mask {
		if (t.slots[i]^h)&upperHalf != 0 {
			continue
		}
		if o := &t.objects[uint32(t.slots[i])-1]; o.hash == h && o.part == p && o.key == k {
			return o
		}
	}
	return nil
}

// add takes in an object that is not there.
func (t *table) add(o object) *object {
	t.objects = append(t.objects, o)
	t.bytes += o.cost()
	if 2*len(t.objects) > len(t.slots) {
		t.grow()
	} else {
		t.place(len(t.objects))
	}
	return &t.objects[len(t.objects)-1]
}

func (t *table) grow() {
	t.slots = make([]uint64, max(minSlots, 2*len(t.slots)))
	for n := 1; n <= len(t.objects); n++ {
		t.place(n)
	}
}

// place enters the object of that number, from 1.
func (t *table) place(n int) {
	mask := uint64(len(t.slots) - 1)
	h := t.objects[n-1].hash
	i := h & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = h&upperHalf | uint64(n)
}

func (t *table) clear() {
	if len(t.objects) > spareObjects {
		*t = table{}
		return
	}
	clear(t.objects)
	clear(t.slots)
	t.objects, t.bytes = t.objects[:0], 0
}
