package api

import (
	"container/heap"
	"context"
	"math"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/cluster"
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// span is a range of creation times, in ms since 1970-01-01 UTC, both ends in it.
type span struct{ earliest, latest int64 }

func spanOf(earliest, latest *timestamppb.Timestamp) span {
	out := span{math.MinInt64, math.MaxInt64}
	if earliest != nil {
		out.earliest = millis(earliest)
	}
	if latest != nil {
		out.latest = millis(latest)
	}
	return out
}

// holds reports whether a moment is in the range.
func (s span) holds(ms int64) bool { return s.earliest <= ms && ms <= s.latest }

func millis(t *timestamppb.Timestamp) int64 {
	const bound = math.MaxInt64 / 1000
	switch seconds := t.GetSeconds(); {
	case seconds >= bound:
		return math.MaxInt64
	case seconds <= -bound:
		return math.MinInt64
	default:
		return seconds*1000 + int64(t.GetNanos())/1e6
	}
}

// hit is one row of an index.
type hit struct {
	createdMs int64
	id        keys.TagID
	from      machine.Stream
	position  string // creation time and id as they stand in the key (until they are given, turned): the order of all results
}

// query is what a search reads in each partition.
type query struct {
	streams []machine.Stream // nil are all
	within  span
	back    bool // the latest first
	open    func(*reading) (walker, error)
	// keep judges a row by what the index does not tell; nil keeps all.
	keep func(*reading, hit) (bool, error)
	// row is the part of a position that is a row of an index; nil if it is all of it. It is for what reads forwards.
	row func(position string) string
}

// ofIndex reads an index: all values of it that have what the axes say.
func ofIndex(within span, tag keys.Tag, axes ...axis) query {
	return query{within: within, open: func(r *reading) (walker, error) { return r.among(tag, axes...) }}
}

// search gathers one page over all partitions, and the bookmark behind it. It reads from each partition about as many
// rows as its part of the page. Each time it looks at a partition it sees one moment: what moves from one value of an index
// to another meanwhile is found, and once.
func (s *Service) search(ctx context.Context, q query, p page) (hits []hit, bookmark []byte, err error) {
	if q.streams == nil {
		q.streams = s.cfg.Routing.Streams()
	}
	m := &merge{ctx: ctx, routing: s.cfg.Routing, query: q}
	for _, stream := range q.streams {
		m.waiting = append(m.waiting, &source{stream: stream, after: turned(p.after, q.back)})
	}
	for len(hits) < p.limit {
		h, ok, err := m.next(p.limit - len(hits))
		if err != nil || !ok {
			return hits, nil, err
		}
		h.position = turned(h.position, q.back)
		hits = append(hits, h)
	}
	if m.ended() {
		return hits, nil, nil
	}
	return hits, p.next(hits[len(hits)-1].position), nil
}

// source is the rows of one partition that were read and not given.
type source struct {
	stream machine.Stream
	after  string // position of the last row that was looked at
	hits   []hit
	done   bool
}

// merge walks the partitions as one, in order of creation time and then id.
type merge struct {
	ctx     context.Context
	routing cluster.Routing
	query   query
	ready   sourceHeap // those that have hits
	waiting []*source  // those to be read before anything is given
}

// next gives the first row that was not given yet, knowing how many are still wanted; ok is false at the end.
func (m *merge) next(wanted int) (h hit, ok bool, err error) {
	if len(m.waiting) > 0 {
		// What is spread by chance is rarely further than this from an even share.
		share := float64(wanted) / float64(len(m.waiting)+len(m.ready))
		want := min(wanted, int(share+2*math.Sqrt(share))) + 1
		for _, s := range m.waiting {
			if err := m.fill(s, want); err != nil {
				return hit{}, false, err
			}
		}
		m.waiting = m.waiting[:0]
	}
	if len(m.ready) == 0 {
		return hit{}, false, nil
	}
	s := m.ready[0]
	h, s.hits = s.hits[0], s.hits[1:]
	switch {
	case len(s.hits) > 0:
		heap.Fix(&m.ready, 0)
	case s.done:
		heap.Pop(&m.ready)
	default:
		m.waiting = append(m.waiting, heap.Pop(&m.ready).(*source))
	}
	return h, true, nil
}

// ended reports whether it is known that there are no more rows.
func (m *merge) ended() bool { return len(m.ready)+len(m.waiting) == 0 }

// fill reads a partition until it has a hit, if there is one.
func (m *merge) fill(s *source, want int) error {
	for len(s.hits) == 0 && !s.done {
		before := *s
		err := m.routing.View(m.ctx, s.stream, func(v cluster.View) error {
			*s = before
			return s.read(m.query, &reading{
				view: v, stream: s.stream, within: m.query.within, back: m.query.back, after: s.after, want: want,
			})
		})
		if err != nil {
			return err
		}
	}
	if len(s.hits) > 0 {
		heap.Push(&m.ready, s)
	}
	return nil
}

// mostJudged is how many rows one look at a partition takes in. A snapshot held for long keeps what was deleted.
const mostJudged = 1000

// read gathers hits behind those that were gathered before.
func (s *source) read(q query, r *reading) error {
	c, err := q.open(r)
	for n := 0; err == nil; n++ {
		position, ok := c.at()
		if !ok {
			s.done = true
			return nil
		}
		if len(s.hits) == r.want || n == mostJudged {
			return nil
		}
		if err := s.judge(q, r, position); err != nil {
			return err
		}
		s.after = position
		err = c.next()
	}
	return err
}

func (s *source) judge(q query, r *reading, position string) error {
	h := hit{from: s.stream, position: position}
	if position = turned(position, q.back); q.row != nil {
		position = q.row(position)
	}
	var err error
	if h.createdMs, h.id, err = keys.ParseTagRow("", keys.Key(position)); err != nil {
		return err
	}
	kept := true
	if q.keep != nil {
		kept, err = q.keep(r, h)
	}
	if kept && err == nil {
		s.hits = append(s.hits, h)
	}
	return err
}

type sourceHeap []*source

func (h sourceHeap) Len() int           { return len(h) }
func (h sourceHeap) Less(i, j int) bool { return h[i].hits[0].position < h[j].hits[0].position }
func (h sourceHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *sourceHeap) Push(x any)        { *h = append(*h, x.(*source)) }
func (h *sourceHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
