package partition

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// cache keeps the decoded objects that a lane used last. What it holds is the newest state, committed or not,
// because the lane is the only writer of its partitions.
type cache struct {
	limit int64
	used  int64
	// The list is a ring through root: next is the entry used last, prev the one used longest ago.
	root object
}

// object is one entry; a nil value says that the key is absent.
type object struct {
	part       *part
	key        keys.Key
	value      machine.Value
	bytes      int64
	prev, next *object
}

// objectBytes is what an entry costs besides its key and value. No entry takes more than its part of the cache by
// cacheEntries: with two lanes and the default size the largest value that can be set still fits.
const (
	objectBytes  = 160
	cacheEntries = 3
)

func newCache(limit int64) *cache {
	c := &cache{limit: limit}
	c.root.prev, c.root.next = &c.root, &c.root
	return c
}

// cacheable leaves out what is written once and read by scans or not at all.
func cacheable(k keys.Key) bool {
	switch k.Space() {
	case keys.SpaceTag, keys.SpaceTimer:
		return false
	default:
		return true
	}
}

func (c *cache) get(p *part, k keys.Key) (value machine.Value, ok bool) {
	o := p.objects[k]
	if o == nil {
		return nil, false
	}
	o.unlink()
	c.link(o)
	return o.value, true
}

func (c *cache) put(p *part, k keys.Key, v machine.Value, size int) {
	bytes := int64(size) + int64(len(k)) + objectBytes
	if !cacheable(k) || bytes > c.limit/cacheEntries {
		c.drop(p, k)
		return
	}
	o := p.objects[k]
	if o == nil {
		o = &object{part: p, key: k}
		p.objects[k] = o
	} else {
		o.unlink()
	}
	c.used += bytes - o.bytes
	o.value, o.bytes = v, bytes
	c.link(o)
	for c.used > c.limit {
		oldest := c.root.prev
		c.drop(oldest.part, oldest.key)
	}
}

func (c *cache) drop(p *part, k keys.Key) {
	o := p.objects[k]
	if o == nil {
		return
	}
	o.unlink()
	delete(p.objects, k)
	c.used -= o.bytes
}

func (c *cache) link(o *object) {
	o.prev, o.next = &c.root, c.root.next
	o.next.prev, c.root.next = o, o
}

func (o *object) unlink() {
	o.prev.next, o.next.prev = o.next, o.prev
}
