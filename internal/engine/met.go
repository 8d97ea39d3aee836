package engine

import "slices"

// met are the objects of one kind that a record has met, in order of meeting. It must not be copied.
type met[K comparable, V any] struct {
	keys  []K
	all   []V
	byKey map[K]V // once there are many

	firstKeys [usual]K
	first     [usual]V
}

const (
	// usual is how many objects of a kind a record meets as a rule: these need no room of their own.
	usual = 2
	// few is how many objects are found by looking through them all.
	few = 8
)

// get is the object of that key; the zero value if the record has not met it.
func (m *met[K, V]) get(k K) (v V) {
	if m.byKey != nil {
		return m.byKey[k]
	}
	for i, met := range slices.Backward(m.keys) {
		if met == k {
			return m.all[i]
		}
	}
	return v
}

func (m *met[K, V]) add(k K, v V) {
	if m.keys == nil {
		m.keys, m.all = m.firstKeys[:0], m.first[:0]
	}
	m.keys, m.all = append(m.keys, k), append(m.all, v)
	if m.byKey != nil {
		m.byKey[k] = v
		return
	}
	if len(m.keys) <= few {
		return
	}
	m.byKey = make(map[K]V, 2*len(m.keys))
	for i, met := range m.keys {
		m.byKey[met] = m.all[i]
	}
}
