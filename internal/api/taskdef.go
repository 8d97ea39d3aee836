package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// PutTaskDef registers a TaskDef; the same content again gives the existing one.
func (s *Service) PutTaskDef(ctx context.Context, req *lhpb.PutTaskDefRequest) (*lhpb.TaskDef, error) {
	return define[*lhpb.TaskDef](ctx, s, func(r *pb.Record) { r.Command = &pb.Record_PutTaskDef{PutTaskDef: req} })
}

// DeleteTaskDef removes a TaskDef, in use or not, and the group of its workers; also a group whose TaskDef is gone
// already: the caller may repeat a call that got only half way.
func (s *Service) DeleteTaskDef(ctx context.Context, req *lhpb.DeleteTaskDefRequest) (*emptypb.Empty, error) {
	command := func(r *pb.Record) { r.Command = &pb.Record_DeleteTaskDef{DeleteTaskDef: req} }
	deleted, outcome := s.undefine(ctx, command)
	if e := lh.AsError(outcome); outcome != nil && (e == nil || e.Code != lh.NotFound) {
		return nil, outcome
	}
	c := callOf(ctx)
	rec := s.record(c)
	command(rec)
	if _, err := s.submitOnly(ctx, s.cfg.Routing.Core(c.tenant, req.GetId().GetName()), rec); err != nil {
		return nil, err
	}
	return deleted, outcome
}

// GetTaskDef reads a TaskDef.
func (s *Service) GetTaskDef(ctx context.Context, id *lhpb.TaskDefId) (*lhpb.TaskDef, error) {
	d := s.definitions.Latest(callOf(ctx).tenant).TaskDef(id.Name)
	if d == nil {
		return nil, lh.Errorf(lh.NotFound, "Couldn't find TaskDef %s", id.Name)
	}
	return d, nil
}

// SearchTaskDef lists TaskDefs by name.
func (s *Service) SearchTaskDef(ctx context.Context, req *lhpb.SearchTaskDefRequest) (*lhpb.TaskDefIdList, error) {
	found, bookmark, err := s.findDefinitions(ctx, definitionSearch{
		rpc: "SearchTaskDef", kind: keys.KindTaskDef, tenant: callOf(ctx).tenant, prefix: req.GetPrefix(),
	}, req, req.Limit)
	if err != nil {
		return nil, err
	}
	out := &lhpb.TaskDefIdList{Bookmark: bookmark}
	for _, d := range found {
		out.Results = append(out.Results, &lhpb.TaskDefId{Name: d.Name})
	}
	return out, nil
}
