package api

import (
	"context"

	"littlehorse/internal/keys"
	"littlehorse/lhpb"
)

// GetVariable reads one Variable of exactly that ThreadRun.
func (s *Service) GetVariable(ctx context.Context, id *lhpb.VariableId) (*lhpb.Variable, error) {
	v, err := getRun[lhpb.Variable](ctx, s, id.WfRunId, func(r keys.Run) keys.Key { return r.Variable(id.ThreadRunNumber, id.Name) })
	if err != nil {
		return nil, err
	}
	maskVariable(v)
	return v, nil
}

// ListVariables gives the Variables of a WfRun by thread and name; inherited ones live with the parent.
func (s *Service) ListVariables(ctx context.Context, req *lhpb.ListVariablesRequest) (*lhpb.VariableList, error) {
	c := callOf(ctx)
	p, run, err := s.listing(c, "ListVariables", req, req.Limit, req.WfRunId)
	if err != nil || run == nil {
		return &lhpb.VariableList{}, err
	}
	prefix := run.Kind(keys.KindVariable)
	out, bookmark, err := list[lhpb.Variable](ctx, s, s.homeOf(c.tenant, req.WfRunId), prefix, prefix.End(), p)
	if err != nil {
		return nil, err
	}
	for _, v := range out {
		maskVariable(v)
	}
	return &lhpb.VariableList{Results: out, Bookmark: bookmark}, nil
}
