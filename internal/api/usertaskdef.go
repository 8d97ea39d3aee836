package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// PutUserTaskDef registers a version of a UserTaskDef; the content of the newest again gives that one.
func (s *Service) PutUserTaskDef(ctx context.Context, req *lhpb.PutUserTaskDefRequest) (*lhpb.UserTaskDef, error) {
	return define[*lhpb.UserTaskDef](ctx, s, func(r *pb.Record) { r.Command = &pb.Record_PutUserTaskDef{PutUserTaskDef: req} })
}

// DeleteUserTaskDef removes one version of a UserTaskDef.
func (s *Service) DeleteUserTaskDef(ctx context.Context, req *lhpb.DeleteUserTaskDefRequest) (*emptypb.Empty, error) {
	return s.undefine(ctx, func(r *pb.Record) { r.Command = &pb.Record_DeleteUserTaskDef{DeleteUserTaskDef: req} })
}

// GetUserTaskDef reads one exact version.
func (s *Service) GetUserTaskDef(ctx context.Context, id *lhpb.UserTaskDefId) (*lhpb.UserTaskDef, error) {
	if d := s.definitions.Latest(callOf(ctx).tenant).UserTaskDef(id.Name, id.Version); d != nil && id.Version >= 0 {
		return d, nil
	}
	return nil, lh.Errorf(lh.NotFound, "Couldn't find UserTaskDef %s version %d", id.Name, id.Version)
}

// GetLatestUserTaskDef reads the newest version.
func (s *Service) GetLatestUserTaskDef(ctx context.Context, req *lhpb.GetLatestUserTaskDefRequest) (*lhpb.UserTaskDef, error) {
	if d := s.definitions.Latest(callOf(ctx).tenant).UserTaskDef(req.Name, spec.NewestVersion); d != nil {
		return d, nil
	}
	return nil, lh.Errorf(lh.NotFound, "Couldn't find UserTaskDef %s", req.Name)
}

// SearchUserTaskDef lists versions of UserTaskDefs by name or prefix.
func (s *Service) SearchUserTaskDef(ctx context.Context, req *lhpb.SearchUserTaskDefRequest) (*lhpb.UserTaskDefIdList, error) {
	found, bookmark, err := s.findDefinitions(ctx, definitionSearch{
		rpc: "SearchUserTaskDef", kind: keys.KindUserTaskDef, tenant: callOf(ctx).tenant, name: req.GetName(), prefix: req.GetPrefix(),
	}, req, req.Limit)
	if err != nil {
		return nil, err
	}
	out := &lhpb.UserTaskDefIdList{Bookmark: bookmark}
	for _, d := range found {
		out.Results = append(out.Results, &lhpb.UserTaskDefId{Name: d.Name, Version: d.Major})
	}
	return out, nil
}
