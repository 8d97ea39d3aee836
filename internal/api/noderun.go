package api

import (
	"context"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/lhpb"
)

// GetNodeRun reads one NodeRun.
func (s *Service) GetNodeRun(ctx context.Context, id *lhpb.NodeRunId) (*lhpb.NodeRun, error) {
	n, err := getRun[lhpb.NodeRun](ctx, s, id.WfRunId, func(r keys.Run) keys.Key { return r.NodeRun(id.ThreadRunNumber, id.Position) })
	if err != nil {
		return nil, err
	}
	tenant := callOf(ctx).tenant
	if err := s.joinWait(ctx, s.homeOf(tenant, id.WfRunId), keys.In(tenant).Run(id.WfRunId), n); err != nil {
		return nil, err
	}
	maskNodeRun(n)
	return n, nil
}

// ListNodeRuns gives the NodeRuns of a WfRun, or of one of its ThreadRuns, by thread and position.
func (s *Service) ListNodeRuns(ctx context.Context, req *lhpb.ListNodeRunsRequest) (*lhpb.NodeRunList, error) {
	c := callOf(ctx)
	p, run, err := s.listing(c, "ListNodeRuns", req, req.Limit, req.WfRunId)
	if err != nil || run == nil {
		return &lhpb.NodeRunList{}, err
	}
	prefix := run.Kind(keys.KindNodeRun)
	if req.ThreadRunNumber != nil {
		prefix = run.NodeRunsOf(*req.ThreadRunNumber)
	}
	out, bookmark, err := list[lhpb.NodeRun](ctx, s, s.homeOf(c.tenant, req.WfRunId), prefix, prefix.End(), p)
	if err != nil {
		return nil, err
	}
	for _, n := range out {
		if err := s.joinWait(ctx, s.homeOf(c.tenant, req.WfRunId), *run, n); err != nil {
			return nil, err
		}
		maskNodeRun(n)
	}
	return &lhpb.NodeRunList{Results: out, Bookmark: bookmark}, nil
}

// listing reads what all Lists of a WfRun have in common; run is nil for an id that no WfRun can have, whose
// list is empty.
func (s *Service) listing(c *call, rpc string, req paged, limit *int32, id *lhpb.WfRunId) (page, *keys.Run, error) {
	if id == nil {
		return page{}, nil, lh.Errorf(lh.InvalidArgument, "Missing required argument 'wf_run_id'")
	}
	p, refused := pageOf(c, rpc, req, limit)
	if refused != nil {
		return p, nil, refused
	}
	if !validRunID(id) {
		return p, nil, nil
	}
	run := keys.In(c.tenant).Run(id)
	return p, &run, nil
}

// listRun reads one page of the objects of one kind under a WfRun and makes of each what the caller may see.
func listRun[T any, P interface {
	*T
	machine.Value
}](ctx context.Context, s *Service, rpc string, req paged, limit *int32, id *lhpb.WfRunId, kind keys.RunKind, show func(P)) (out []P, bookmark []byte, err error) {
	c := callOf(ctx)
	p, run, err := s.listing(c, rpc, req, limit, id)
	if err != nil || run == nil {
		return nil, nil, err
	}
	prefix := run.Kind(kind)
	out, bookmark, err = list[T, P](ctx, s, s.homeOf(c.tenant, id), prefix, prefix.End(), p)
	for _, object := range out {
		show(object)
	}
	return out, bookmark, err
}
