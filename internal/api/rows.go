package api

import (
	"context"
	"fmt"
	"iter"

	"littlehorse/internal/cluster"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/lhpb"
)

// decode reads a stored value.
func decode[T any, P interface {
	*T
	machine.Value
}](b []byte) (P, error) {
	v := P(new(T))
	if err := decodeInto(v, b); err != nil {
		return nil, err
	}
	return v, nil
}

func decodeInto(v machine.Value, b []byte) error {
	if err := v.UnmarshalVT(b); err != nil {
		return fmt.Errorf("stored %T cannot be read: %w", v, err)
	}
	return nil
}

// get reads the value under a key; nil if it is absent.
func get[T any, P interface {
	*T
	machine.Value
}](ctx context.Context, s *Service, from machine.Stream, k keys.Key) (P, error) {
	b, err := s.cfg.Routing.Get(ctx, from, k)
	if err != nil || b == nil {
		return nil, err
	}
	return decode[T, P](b)
}

// getRun reads one row under a WfRun, or refuses with NotFound.
func getRun[T any, P interface {
	*T
	machine.Value
}](ctx context.Context, s *Service, id *lhpb.WfRunId, key func(keys.Run) keys.Key) (P, error) {
	tenant := callOf(ctx).tenant
	if !validRunID(id) {
		return nil, notFound()
	}
	v, err := get[T, P](ctx, s, s.homeOf(tenant, id), key(keys.In(tenant).Run(id)))
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, notFound()
	}
	return v, nil
}

func notFound() *lh.Error { return lh.Errorf(lh.NotFound, "Requested object was not found.") }

// homeOf is the stream that holds a WfRun and everything of its tree.
func (s *Service) homeOf(tenant string, id *lhpb.WfRunId) machine.Stream {
	return s.cfg.Routing.Core(tenant, lh.RootWfRunID(id))
}

// validRunID reports whether a WfRun can have this id at all.
func validRunID(id *lhpb.WfRunId) bool {
	if id == nil || lh.WfRunIDDepth(id) > lh.MaxWfRunDepth {
		return false
	}
	for ; id != nil; id = id.ParentWfRunId {
		if !lh.ValidName(id.Id) {
			return false
		}
	}
	return true
}

// list reads one page of the rows in [start, end), whole objects decoded, in the order of their keys.
func list[T any, P interface {
	*T
	machine.Value
}](ctx context.Context, s *Service, from machine.Stream, start, end keys.Key, p page) (out []P, bookmark []byte, err error) {
	return listWhole(s.scanOf(ctx, from), start, end, p, func(P) (int, error) { return 0, nil })
}

// scan reads rows in [start, end), in the order of their keys, at most limit of them.
type scan func(start, end keys.Key, limit int) ([]cluster.Row, error)

// scanOf reads what a stream has by then; a View is of one moment.
func (s *Service) scanOf(ctx context.Context, from machine.Stream) scan {
	return func(start, end keys.Key, limit int) ([]cluster.Row, error) {
		return s.cfg.Routing.Scan(ctx, from, start, end, limit)
	}
}

// pages are all rows below a prefix, so many at once; only the last page may have fewer. They end with the first error.
func pages(read scan, prefix keys.Key, size int) iter.Seq2[[]cluster.Row, error] {
	return func(yield func([]cluster.Row, error) bool) {
		for start, end := prefix, prefix.End(); ; {
			rows, err := read(start, end, size)
			if !yield(rows, err) || err != nil || len(rows) < size {
				return
			}
			start = rows[len(rows)-1].Key.After()
		}
	}
}

// listWhole is list of objects that are more than their rows: whole adds what a row leaves out, and says how many bytes that is.
func listWhole[T any, P interface {
	*T
	machine.Value
}](read scan, start, end keys.Key, p page, whole func(P) (int, error)) (out []P, bookmark []byte, err error) {
	base := start
	if p.after != "" {
		start = max(start, (base + keys.Key(p.after)).After())
	}
	last, size := keys.Key(""), 0
	for start < end {
		want := min(p.limit-len(out)+1, 64)
		rows, err := read(start, end, want)
		if err != nil {
			return nil, nil, err
		}
		for _, r := range rows {
			if len(out) == p.limit || size > maxPageBytes {
				return out, p.next(string(last[len(base):])), nil
			}
			v, err := decode[T, P](r.Value)
			if err != nil {
				return nil, nil, err
			}
			more, err := whole(v)
			if err != nil {
				return nil, nil, err
			}
			out, last, size = append(out, v), r.Key, size+len(r.Value)+more
		}
		if len(rows) < want {
			break
		}
		start = last.After()
	}
	return out, nil, nil
}
