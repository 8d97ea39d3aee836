package api

import (
	"context"
	"slices"

	"littlehorse/internal/cluster"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// viewedChanges are told of a Variable, the latest.
const viewedChanges = 1000

// GetVariableHistory tells which values a Variable has had.
func (s *Service) GetVariableHistory(ctx context.Context, req *extra.GetVariableHistoryRequest) (*extra.GetVariableHistoryResponse, error) {
	c, id := callOf(ctx), req.Id
	if id == nil {
		return nil, lh.Errorf(lh.InvalidArgument, "'id' is required")
	}
	if !validRunID(id.WfRunId) {
		return nil, notFound()
	}
	out := &extra.GetVariableHistoryResponse{}
	err := s.cfg.Routing.View(ctx, s.homeOf(c.tenant, id.WfRunId), func(v cluster.View) error {
		h := &history{view: v, run: keys.In(c.tenant).Run(id.WfRunId), defs: s.definitions.Latest(c.tenant), vars: map[pastID]*pastVariable{}}
		stored, err := viewed[lhpb.Variable](v, h.run.Variable(id.ThreadRunNumber, id.Name))
		switch {
		case err != nil:
			return err
		case stored == nil:
			return notFound()
		}
		if err := h.replay(); err != nil {
			return err
		}
		out.Changes, out.More, err = h.told(h.variable(id.ThreadRunNumber, id.Name), stored)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// told are the changes of a Variable. What it was given last is what is kept, and tells of what that was thought to rest on.
func (h *history) told(v *pastVariable, stored *lhpb.Variable) (out []*extra.VariableChange, more bool, err error) {
	if !h.more {
		if err := h.compare(); err != nil {
			return nil, false, err
		}
		if last := v.last(); last != nil {
			last.known, last.value, last.rests = true, value.OrNull(stored.Value), nil
		}
	}
	size := 0
	for i, p := range slices.Backward(v.given) {
		if len(out) == viewedChanges || size > viewedPartBytes {
			more = true
			break
		}
		change := &extra.VariableChange{AtMs: p.atMs, Thread: p.thread, Position: p.position, Node: p.node}
		if change.Known = p.believed() && (i == len(v.given)-1 || !v.alone.refuted); change.Known {
			shown := shownVariable(&lhpb.Variable{Value: p.value, Masked: stored.Masked})
			change.Value, change.LeftOutBytes = shown.Variable.Value, shown.LeftOutBytes
		}
		size += change.SizeVT()
		out = append(out, change)
	}
	slices.Reverse(out)
	return out, more || h.more, nil
}

// compare sees whether what was computed is what is kept.
func (h *history) compare() error {
	for id, v := range h.vars {
		last := v.last()
		if last == nil || !last.known {
			continue
		}
		stored, err := viewed[lhpb.Variable](h.view, h.run.Variable(id.thread, id.name))
		if err != nil {
			return err
		}
		if stored != nil {
			settle(last, value.OrNull(stored.Value))
			same := value.Same(last.value, stored.Value)
			v.alone.confirmed, v.alone.refuted = same, !same
		}
	}
	return nil
}
