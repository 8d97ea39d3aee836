package engine_test

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/tidwall/btree"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// sharedState is a View that hands out its own objects, as a lane does, and finds out who writes to them.
type sharedState struct {
	rows   map[keys.Key]storedObject
	sorted btree.Set[keys.Key]
	given  map[keys.Key]bool
	// indexed is how often an index was read.
	indexed int
}

type storedObject struct {
	value machine.Value
	bytes []byte
}

func newSharedState() *sharedState {
	return &sharedState{rows: map[keys.Key]storedObject{}, given: map[keys.Key]bool{}}
}

// Get implements machine.View.
func (s *sharedState) Get(k keys.Key, empty func() machine.Value) machine.Value {
	s.countIndex(k)
	o, ok := s.rows[k]
	if !ok {
		return nil
	}
	if want := empty(); fmt.Sprintf("%T", want) != fmt.Sprintf("%T", o.value) {
		return decodeAs(want, o.bytes)
	}
	s.given[k] = true
	return o.value
}

func (s *sharedState) countIndex(k keys.Key) {
	if k.Space() == keys.SpaceTag {
		s.indexed++
	}
}

func decodeAs(v machine.Value, b []byte) machine.Value {
	if err := v.UnmarshalVT(b); err != nil {
		panic(err)
	}
	return v
}

// Scan implements machine.View.
func (s *sharedState) Scan(from, to keys.Key, limit int, empty func() machine.Value) iter.Seq2[keys.Key, machine.Value] {
	return func(yield func(keys.Key, machine.Value) bool) {
		s.countIndex(from)
		s.sorted.Ascend(from, func(k keys.Key) bool {
			limit--
			return k < to && limit >= 0 && yield(k, s.Get(k, empty))
		})
	}
}

// Err implements machine.View.
func (s *sharedState) Err() error { return nil }

// Keys in order.
func (s *sharedState) Keys() []keys.Key { return s.sorted.Keys() }

// Bytes of the value under k; nil if absent.
func (s *sharedState) Bytes(k keys.Key) []byte { return s.rows[k].bytes }

// Commit makes the changes part of the state. It panics if they are not sorted and single, and if anything
// that was handed out since the last commit has been written to.
func (s *sharedState) Commit(changes []machine.Change) {
	for k := range s.given {
		s.mustBeUntouched(k)
	}
	clear(s.given)
	for i, c := range changes {
		if i > 0 && changes[i-1].Key >= c.Key {
			panic(fmt.Sprintf("changes out of order at %q", c.Key))
		}
		if c.Value == nil {
			delete(s.rows, c.Key)
			s.sorted.Delete(c.Key)
			continue
		}
		s.rows[c.Key] = storedObject{c.Value, mustMarshal(c.Value)}
		s.sorted.Insert(c.Key)
	}
}

func (s *sharedState) mustBeUntouched(k keys.Key) {
	if o := s.rows[k]; o.value != nil && !bytes.Equal(mustMarshal(o.value), o.bytes) {
		panic(fmt.Sprintf("the object of %q was written to", k))
	}
}

// mustAllBeUntouched looks at everything there is.
func (s *sharedState) mustAllBeUntouched() {
	for k := range s.rows {
		s.mustBeUntouched(k)
	}
}

func mustMarshal(v machine.Value) []byte {
	b, err := v.MarshalVT()
	if err != nil {
		panic(err)
	}
	return b
}
