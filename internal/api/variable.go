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
	out, bookmark, err := listRun(ctx, s, "ListVariables", req, req.Limit, req.WfRunId, keys.KindVariable, maskVariable)
	if err != nil {
		return nil, err
	}
	return &lhpb.VariableList{Results: out, Bookmark: bookmark}, nil
}
