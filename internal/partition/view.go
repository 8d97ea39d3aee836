package partition

import (
	"fmt"
	"iter"

	"github.com/tidwall/btree"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/store"
)

// view is the state of one partition as of the record before: the store, over it the batch that is being
// synced, over that the batch that is being filled. It implements machine.View for one record.
type view struct {
	lane *Lane
	part *part
	err  error
}

// Get implements machine.View.
func (v *view) Get(k keys.Key, empty func() machine.Value) machine.Value {
	if v.err != nil {
		return nil
	}
	if o := v.lane.cache.find(v.part, k); o != nil {
		return o.value
	}
	var value machine.Value
	size := 0
	err := v.lane.host.cfg.Store.View(v.part.stream, k, func(b []byte) error {
		value, size = empty(), len(b)
		return value.UnmarshalVT(b)
	})
	if err != nil {
		v.err = fmt.Errorf("read %s: %w", v.part.stream, err)
		return nil
	}
	v.lane.cache.learn(v.part, k, value, size)
	return value
}

// Err implements machine.View.
func (v *view) Err() error { return v.err }

// Scan implements machine.View.
func (v *view) Scan(from, to keys.Key, limit int, empty func() machine.Value) iter.Seq2[keys.Key, machine.Value] {
	return func(yield func(keys.Key, machine.Value) bool) {
		if v.err != nil || limit <= 0 {
			return
		}
		rows, err := v.lane.host.cfg.Store.Rows(v.part.stream, from, to)
		if err != nil {
			v.err = err
			return
		}
		m := merge{
			filling: cursorAt(v.part.filling, from, to), flying: cursorAt(v.part.flying, from, to), rows: rows,
			decode: func(k keys.Key, b []byte) (machine.Value, error) { return v.decode(k, b, empty) },
		}
		defer func() {
			if err := rows.Close(); err != nil && v.err == nil {
				v.err = err
			}
		}()
		for n := 0; n < limit; n++ {
			k, value, ok := m.next()
			if m.err != nil && v.err == nil {
				v.err = m.err
			}
			if !ok || !yield(k, value) {
				return
			}
		}
	}
}

// decode prefers the object that the cache holds, which is the same and shared.
func (v *view) decode(k keys.Key, b []byte, empty func() machine.Value) (machine.Value, error) {
	if o := v.lane.cache.find(v.part, k); o != nil && o.value != nil {
		return o.value, nil
	}
	value := empty()
	if err := value.UnmarshalVT(b); err != nil {
		return nil, fmt.Errorf("read %s: %w", v.part.stream, err)
	}
	return value, nil
}

// cursor walks the rows of a layer.
type cursor struct {
	of *layer
	it btree.MapIter[keys.Key, int]
	to keys.Key
	ok bool
}

func cursorAt(ly *layer, from, to keys.Key) cursor {
	if ly == nil {
		return cursor{}
	}
	c := cursor{of: ly, it: ly.indexed().Iter(), to: to}
	c.ok = c.it.Seek(from)
	c.stop()
	return c
}

// indexed is the rows by key. Most batches are never scanned and need none.
func (ly *layer) indexed() *btree.Map[keys.Key, int] {
	if ly.index == nil {
		ly.index = &btree.Map[keys.Key, int]{}
		for i := range ly.rows {
			ly.index.Set(ly.rows[i].key, i)
		}
	}
	return ly.index
}

func (c *cursor) next() {
	c.ok = c.it.Next()
	c.stop()
}

func (c *cursor) value() machine.Value { return c.of.rows[c.it.Value()].value }

func (c *cursor) stop() {
	if c.ok && c.to != "" && c.it.Key() >= c.to {
		c.ok = false
	}
}

// merge walks three layers as one, the upper hiding the lower.
type merge struct {
	filling, flying cursor
	rows            *store.Rows
	decode          func(keys.Key, []byte) (machine.Value, error)
	err             error
}

// next returns the next row that is not deleted.
func (m *merge) next() (keys.Key, machine.Value, bool) {
	for {
		k, ok := m.smallest()
		if !ok {
			return "", nil, false
		}
		value := m.step(k)
		if m.err != nil {
			return "", nil, false
		}
		if value != nil {
			return k, value, true
		}
	}
}

func (m *merge) smallest() (k keys.Key, ok bool) {
	if m.filling.ok {
		k, ok = m.filling.it.Key(), true
	}
	if m.flying.ok && (!ok || m.flying.it.Key() < k) {
		k, ok = m.flying.it.Key(), true
	}
	if m.rows.Valid() {
		if stored := m.rows.Key(); !ok || stored < k {
			k, ok = stored, true
		}
	}
	return k, ok
}

// step takes the uppermost value of k and moves all layers past it.
func (m *merge) step(k keys.Key) (value machine.Value) {
	found := false
	for _, c := range [...]*cursor{&m.filling, &m.flying} {
		if !c.ok || c.it.Key() != k {
			continue
		}
		if !found {
			value, found = c.value(), true
		}
		c.next()
	}
	if !m.rows.Valid() || m.rows.Key() != k {
		return value
	}
	if !found {
		var b []byte
		if b, m.err = m.rows.Value(); m.err == nil {
			value, m.err = m.decode(k, b)
		}
	}
	m.rows.Next()
	return value
}
