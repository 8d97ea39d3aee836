package api

import (
	"cmp"
	"context"
	"slices"

	"littlehorse/internal/cluster"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// Bounds of what is added up: what it costs goes by them, and not by what there is.
const (
	heatRuns     = 200
	heatNodeRuns = 20_000 // of a partition
	heatBytes    = 16 << 20
)

// GetWfSpecHeat adds up what became of each node of a WfSpec in its latest WfRuns.
func (s *Service) GetWfSpecHeat(ctx context.Context, req *extra.GetWfSpecHeatRequest) (*extra.GetWfSpecHeatResponse, error) {
	c, id := callOf(ctx), req.WfSpecId
	if id == nil {
		return nil, lh.Errorf(lh.InvalidArgument, "'wf_spec_id' is required")
	}
	if _, err := s.GetWfSpec(ctx, id); err != nil {
		return nil, err
	}
	of := &wfRunQuery{tenant: keys.In(c.tenant), req: &lhpb.SearchWfRunRequest{WfSpecName: id.Name, WfSpecMajorVersion: &id.MajorVersion, WfSpecRevision: &id.Revision}}
	l := &latest{service: s, page: page{limit: heatRuns}, within: spanOf(req.EarliestStart, req.LatestStart), queries: []*wfRunQuery{of}}
	hits, more, err := l.find(ctx)
	if err != nil {
		return nil, err
	}
	out := &extra.GetWfSpecHeatResponse{More: more}
	streams, at := byHome(hits)
	sums := heatSums{}
	for _, stream := range streams {
		var part *heat
		err := s.cfg.Routing.View(ctx, stream, func(v cluster.View) error {
			part = &heat{view: v, sums: heatSums{}}
			for _, i := range at[stream] {
				if err := part.run(keys.In(c.tenant).RunNamed(hits[i].id.WfRun)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		out.WfRuns += part.runs
		out.More = out.More || part.more
		for _, n := range part.sums {
			sums.add(n)
		}
	}
	for _, n := range sums {
		out.Nodes = append(out.Nodes, n)
	}
	slices.SortFunc(out.Nodes, func(a, b *extra.NodeHeat) int {
		return cmp.Or(cmp.Compare(a.ThreadSpecName, b.ThreadSpecName), cmp.Compare(a.Node, b.Node))
	})
	return out, nil
}

// heatSums are nodes by thread and name.
type heatSums map[[2]string]*extra.NodeHeat

func (s heatSums) add(n *extra.NodeHeat) {
	key := [2]string{n.ThreadSpecName, n.Node}
	sum := s[key]
	if sum == nil {
		sum = &extra.NodeHeat{ThreadSpecName: n.ThreadSpecName, Node: n.Node}
		s[key] = sum
	}
	sum.Visits += n.Visits
	sum.Failures += n.Failures
	sum.Ended += n.Ended
	sum.TotalMs += n.TotalMs
	sum.MaxMs = max(sum.MaxMs, n.MaxMs)
}

// heat is what WfRuns of one partition add up to.
type heat struct {
	view        cluster.View
	sums        heatSums
	runs        int32
	nodes, read int
	more        bool
}

// run adds the NodeRuns of a WfRun, as many as there is room for.
func (h *heat) run(of keys.Run) error {
	w, err := bareRow(h.view, of)
	switch {
	case err != nil || w == nil:
		return err
	case h.full():
		h.more = true
		return nil
	}
	h.runs++
	for rows, err := range pages(h.view.Scan, of.Kind(keys.KindNodeRun), viewedAtOnce) {
		if err != nil {
			return err
		}
		for _, r := range rows {
			n, err := decode[lhpb.NodeRun](r.Value)
			if err != nil {
				return err
			}
			h.sums.add(heatOf(n))
			h.nodes++
			h.read += len(r.Value)
		}
		if len(rows) == viewedAtOnce && h.full() {
			h.more = true
			return nil
		}
	}
	return nil
}

func (h *heat) full() bool { return h.nodes >= heatNodeRuns || h.read >= heatBytes }

// heatOf is what one NodeRun adds.
func heatOf(n *lhpb.NodeRun) *extra.NodeHeat {
	out := &extra.NodeHeat{ThreadSpecName: n.ThreadSpecName, Node: n.NodeName, Visits: 1}
	if len(n.Failures) > 0 || n.Status == lhpb.LHStatus_ERROR || n.Status == lhpb.LHStatus_EXCEPTION {
		out.Failures = 1
	}
	if n.EndTime != nil {
		out.Ended = 1
		out.TotalMs = max(0, millis(n.EndTime)-millis(n.ArrivalTime))
		out.MaxMs = out.TotalMs
	}
	return out
}
