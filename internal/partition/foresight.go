package partition

import (
	"fmt"
	"iter"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/store"
)

// foresight is what was read for a record before its turn, beside the lane. It may be used as long as the cache has not
// forgotten anything since: what has changed meanwhile is then in the cache, which is asked first.
type foresight struct {
	generation uint64 // of the cache, before anything was read
	objects    []foreseen
}

type foreseen struct {
	key   keys.Key
	value machine.Value
	bytes int // encoded
}

// recall gives the cache what was foreseen and is still true.
func (c *cache) recall(p *part, f *foresight) {
	if f == nil || f.generation != c.generation.Load() {
		return
	}
	for i := range f.objects {
		if o := &f.objects[i]; c.find(p, o.key) == nil {
			c.learn(p, o.key, o.value, o.bytes)
		}
	}
}

// gaze reads ahead of a lane, for records that come soon. It implements machine.View over the last durable commit.
type gaze struct {
	part       *part
	generation uint64
	snap       *held
	rows       map[keys.Space]*store.Rows // each stays where it read last, and the next is not far
	now        *foresight
	err        error
}

// gazeAt begins to read ahead for a partition; nil if nothing can be read, or its machine foresees nothing. The
// generation comes first: what is forgotten after it is not trusted, and what was forgotten before it is in the snapshot.
func (l *Lane) gazeAt(p *part) *gaze {
	if p.foreseer == nil {
		return nil
	}
	g := &gaze{part: p, generation: l.cache.generation.Load(), rows: map[keys.Space]*store.Rows{}}
	if g.snap = l.read.acquire(); g.snap == nil {
		return nil
	}
	return g
}

// foresee reads for one record. Whatever goes wrong, the lane will meet it too.
func (g *gaze) foresee(r *machine.Record) *foresight {
	if g == nil || g.err != nil {
		return nil
	}
	g.now = &foresight{generation: g.generation}
	g.part.foreseer.Foresee(g, r)
	return g.now
}

func (g *gaze) close() {
	if g == nil {
		return
	}
	for _, rows := range g.rows {
		_ = rows.Close() // what went wrong the lane will meet too
	}
	g.part.lane.read.release(g.snap)
}

// Get implements machine.View.
func (g *gaze) Get(k keys.Key, empty func() machine.Value) machine.Value {
	rows := g.cursor(k.Space())
	if rows == nil || !rows.Look(g.part.stream, k) {
		return nil
	}
	b, err := rows.Value()
	value := empty()
	if err == nil {
		err = value.UnmarshalVT(b)
	}
	if err != nil {
		g.err = fmt.Errorf("read %s: %w", g.part.stream, err)
		return nil
	}
	g.now.objects = append(g.now.objects, foreseen{k, value, len(b)})
	return value
}

func (g *gaze) cursor(of keys.Space) *store.Rows {
	if g.err != nil || g.rows[of] != nil {
		return g.rows[of]
	}
	rows, err := g.snap.Cursor(g.part.stream)
	if err != nil {
		g.err = err
		return nil
	}
	g.rows[of] = rows
	return rows
}

// Scan implements machine.View. It shows nothing.
func (g *gaze) Scan(keys.Key, keys.Key, int, func() machine.Value) iter.Seq2[keys.Key, machine.Value] {
	return func(func(keys.Key, machine.Value) bool) {}
}

// Err implements machine.View.
func (g *gaze) Err() error { return g.err }
