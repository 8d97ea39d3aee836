package machine

import (
	"iter"
	"maps"
	"slices"

	"littlehorse/internal/keys"
)

// Mem is a View in memory, for tests, replay and the models that simulation compares with. It holds encoded
// values, so that it sees exactly what a store would.
type Mem struct {
	rows map[keys.Key][]byte
	err  error
}

// NewMem returns an empty state.
func NewMem() *Mem { return &Mem{rows: map[keys.Key][]byte{}} }

// Get implements View.
func (m *Mem) Get(k keys.Key, empty func() Value) Value {
	b, ok := m.rows[k]
	if !ok {
		return nil
	}
	return m.decode(b, empty)
}

// Scan implements View.
func (m *Mem) Scan(from, to keys.Key, limit int, empty func() Value) iter.Seq2[keys.Key, Value] {
	return func(yield func(keys.Key, Value) bool) {
		for _, k := range m.Keys() {
			if k < from || k >= to {
				continue
			}
			if limit--; limit < 0 || !yield(k, m.decode(m.rows[k], empty)) {
				return
			}
		}
	}
}

// Err implements View.
func (m *Mem) Err() error { return m.err }

// Commit makes the changes part of the state.
func (m *Mem) Commit(changes []Change) {
	for _, c := range changes {
		if c.Value == nil {
			delete(m.rows, c.Key)
			continue
		}
		b, err := c.Value.MarshalVT()
		if err != nil {
			m.err = err
			return
		}
		m.rows[c.Key] = b
	}
}

// Set puts a value as it is encoded.
func (m *Mem) Set(k keys.Key, encoded []byte) { m.rows[k] = encoded }

// Keys in order.
func (m *Mem) Keys() []keys.Key { return slices.Sorted(maps.Keys(m.rows)) }

// Bytes of the value under k as stored; nil if absent.
func (m *Mem) Bytes(k keys.Key) []byte { return m.rows[k] }

func (m *Mem) decode(b []byte, empty func() Value) Value {
	v := empty()
	if err := v.UnmarshalVT(b); err != nil && m.err == nil {
		m.err = err
	}
	return v
}
