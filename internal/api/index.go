package api

import (
	"container/heap"
	"context"
	"math"
	"strings"

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
	value     []byte
	from      machine.Stream
	position  string // creation time and id as they stand in the key: the order of all results
}

// source reads the rows of one index value in one partition, a few at a time.
type source struct {
	stream     machine.Stream
	prefix     keys.Key
	start, end keys.Key
	rows       []cluster.Row
	page       int // rows of the next read; 0 when the last one is read
	tag        keys.Tag
}

const (
	firstRead = 16
	mostRead  = 512
)

func newSource(stream machine.Stream, tag keys.Tag, within span, after string) *source {
	src := &source{stream: stream, tag: tag, prefix: tag.Prefix(), page: firstRead}
	src.start, src.end = tag.From(within.earliest), src.prefix.End()
	if within.latest != math.MaxInt64 {
		src.end = tag.From(within.latest + 1)
	}
	if after != "" {
		src.start = max(src.start, (src.prefix + keys.Key(after)).After())
	}
	return src
}

// fill makes sure that a row is at hand if there is one.
func (s *source) fill(ctx context.Context, r cluster.Routing) error {
	if len(s.rows) > 0 || s.page == 0 || s.start >= s.end {
		return nil
	}
	rows, err := r.Scan(ctx, s.stream, s.start, s.end, s.page)
	if err != nil {
		return err
	}
	s.rows = rows
	if len(rows) < s.page {
		s.page = 0
		return nil
	}
	s.start = rows[len(rows)-1].Key.After()
	s.page = min(2*s.page, mostRead)
	return nil
}

func (s *source) position() string { return string(s.rows[0].Key[len(s.prefix):]) }

func (s *source) take() (hit, error) {
	r := s.rows[0]
	s.rows = s.rows[1:]
	created, id, err := keys.ParseTagRow(s.prefix, r.Key)
	return hit{created, id, r.Value, s.stream, string(r.Key[len(s.prefix):])}, err
}

// merge walks many index ranges as one, in order of creation time and then id.
type merge struct {
	ctx     context.Context
	routing cluster.Routing
	sources sourceHeap
}

func newMerge(ctx context.Context, r cluster.Routing) *merge { return &merge{ctx: ctx, routing: r} }

// add lets a range take part from now on.
func (m *merge) add(s *source) error {
	if err := s.fill(m.ctx, m.routing); err != nil {
		return err
	}
	if len(s.rows) > 0 {
		heap.Push(&m.sources, s)
	}
	return nil
}

// next gives the first row that was not given yet; ok is false at the end.
func (m *merge) next() (h hit, ok bool, err error) {
	if len(m.sources) == 0 {
		return hit{}, false, nil
	}
	s := m.sources[0]
	h, err = s.take()
	if err == nil {
		err = s.fill(m.ctx, m.routing)
	}
	if err != nil {
		return hit{}, false, err
	}
	if len(s.rows) == 0 {
		heap.Pop(&m.sources)
	} else {
		heap.Fix(&m.sources, 0)
	}
	return h, true, nil
}

type sourceHeap []*source

func (h sourceHeap) Len() int           { return len(h) }
func (h sourceHeap) Less(i, j int) bool { return h[i].position() < h[j].position() }
func (h sourceHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *sourceHeap) Push(x any)        { *h = append(*h, x.(*source)) }
func (h *sourceHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// collect gathers one page of the rows that keep holds on to, and the bookmark behind it.
func (m *merge) collect(p page, keep func(hit) (bool, error)) (hits []hit, bookmark []byte, err error) {
	for {
		h, ok, err := m.next()
		if err != nil || !ok {
			return hits, nil, err
		}
		if n := len(hits); n > 0 && hits[n-1].position == h.position && hits[n-1].id == h.id {
			continue // it has moved from one value to another while they were read
		}
		if len(hits) == p.limit {
			return hits, p.next(hits[len(hits)-1].position), nil
		}
		kept, err := keep(h)
		if err != nil {
			return nil, nil, err
		}
		if kept {
			hits = append(hits, h)
		}
	}
}

func all(hit) (bool, error) { return true, nil }

// search gathers one page over the same index values in all partitions.
func (s *Service) search(ctx context.Context, tags []keys.Tag, within span, p page, keep func(hit) (bool, error)) ([]hit, []byte, error) {
	m := newMerge(ctx, s.cfg.Routing)
	for _, stream := range s.cfg.Routing.Streams() {
		for _, tag := range tags {
			if err := m.add(newSource(stream, tag, within, p.after)); err != nil {
				return nil, nil, err
			}
		}
	}
	return m.collect(p, keep)
}

// values walks the texts that follow a tag in an index of one partition.
func (s *Service) values(ctx context.Context, stream machine.Stream, tag keys.Tag) ([]string, error) {
	prefix := tag.Prefix()
	var out []string
	for start, end := prefix, prefix.End(); ; {
		rows, err := s.cfg.Routing.Scan(ctx, stream, start, end, 1)
		if err != nil || len(rows) == 0 {
			return out, err
		}
		text, err := keys.NextText(prefix, rows[0].Key)
		if err != nil {
			return nil, err
		}
		out = append(out, strings.Clone(text))
		start = tag.Text(text).Prefix().End()
	}
}
