package engine

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// object is a message that is stored under a key.
type object[T any] interface {
	*T
	machine.Value
	CloneVT() *T
}

// row is one stored object: as the state holds it, and as the record makes it.
type row[T any, P object[T]] struct {
	key    keys.Key
	before P // shared with the state, never written; nil if absent
	now    P // nil if absent
	own    bool
	known  bool
}

// load reads an object; a row with nothing in it if the key is absent.
func load[T any, P object[T]](t *txn, k keys.Key) row[T, P] {
	found := machine.Get[T, P](t.view, k)
	return row[T, P]{key: k, before: found, now: found}
}

// edit is the object to be written to.
func (r *row[T, P]) edit(t *txn) P {
	if !r.own {
		r.now, r.own = r.now.CloneVT(), true
	}
	r.touch(t)
	return r.now
}

// put replaces the object. The row owns it from then on.
func (r *row[T, P]) put(t *txn, object P) {
	r.now, r.own = object, true
	r.touch(t)
}

// drop deletes the object.
func (r *row[T, P]) drop(t *txn) {
	r.now, r.own = nil, false
	r.touch(t)
}

func (r *row[T, P]) touch(t *txn) {
	if !r.known {
		r.known = true
		t.touched = append(t.touched, r)
	}
}

func (r *row[T, P]) states() (k keys.Key, before, after machine.Value) {
	if r.before != nil {
		before = r.before
	}
	if r.now != nil {
		after = r.now
	}
	return r.key, before, after
}
