package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// PutExternalEventDef registers an ExternalEventDef.
func (s *Service) PutExternalEventDef(ctx context.Context, req *lhpb.PutExternalEventDefRequest) (*lhpb.ExternalEventDef, error) {
	return define[*lhpb.ExternalEventDef](ctx, s, func(r *pb.Record) {
		r.Command = &pb.Record_PutExternalEventDef{PutExternalEventDef: req}
	})
}

// DeleteExternalEventDef removes an ExternalEventDef, in use or not.
func (s *Service) DeleteExternalEventDef(ctx context.Context, req *lhpb.DeleteExternalEventDefRequest) (*emptypb.Empty, error) {
	return s.undefine(ctx, func(r *pb.Record) {
		r.Command = &pb.Record_DeleteExternalEventDef{DeleteExternalEventDef: req}
	})
}

// GetExternalEventDef reads an ExternalEventDef.
func (s *Service) GetExternalEventDef(ctx context.Context, id *lhpb.ExternalEventDefId) (*lhpb.ExternalEventDef, error) {
	d := s.definitions.Latest(callOf(ctx).tenant).ExternalEventDef(id.Name)
	if d == nil {
		return nil, lh.Errorf(lh.NotFound, "Couldn't find ExternalEventDef %s", id.Name)
	}
	return d, nil
}

// SearchExternalEventDef lists ExternalEventDefs by name.
func (s *Service) SearchExternalEventDef(ctx context.Context, req *lhpb.SearchExternalEventDefRequest) (*lhpb.ExternalEventDefIdList, error) {
	found, bookmark, err := s.findDefinitions(ctx, definitionSearch{
		rpc: "SearchExternalEventDef", kind: keys.KindExternalEventDef, tenant: callOf(ctx).tenant, prefix: req.GetPrefix(),
	}, req, req.Limit)
	if err != nil {
		return nil, err
	}
	out := &lhpb.ExternalEventDefIdList{Bookmark: bookmark}
	for _, d := range found {
		out.Results = append(out.Results, &lhpb.ExternalEventDefId{Name: d.Name})
	}
	return out, nil
}

// PutWorkflowEventDef registers a WorkflowEventDef; the same type again gives the existing one.
func (s *Service) PutWorkflowEventDef(ctx context.Context, req *lhpb.PutWorkflowEventDefRequest) (*lhpb.WorkflowEventDef, error) {
	return define[*lhpb.WorkflowEventDef](ctx, s, func(r *pb.Record) {
		r.Command = &pb.Record_PutWorkflowEventDef{PutWorkflowEventDef: req}
	})
}

// DeleteWorkflowEventDef removes a WorkflowEventDef, in use or not.
func (s *Service) DeleteWorkflowEventDef(ctx context.Context, req *lhpb.DeleteWorkflowEventDefRequest) (*emptypb.Empty, error) {
	return s.undefine(ctx, func(r *pb.Record) {
		r.Command = &pb.Record_DeleteWorkflowEventDef{DeleteWorkflowEventDef: req}
	})
}

// GetWorkflowEventDef reads a WorkflowEventDef.
func (s *Service) GetWorkflowEventDef(ctx context.Context, id *lhpb.WorkflowEventDefId) (*lhpb.WorkflowEventDef, error) {
	d := s.definitions.Latest(callOf(ctx).tenant).WorkflowEventDef(id.Name)
	if d == nil {
		return nil, lh.Errorf(lh.NotFound, "Couldn't find WorkflowEventDef %s", id.Name)
	}
	return d, nil
}

// SearchWorkflowEventDef lists WorkflowEventDefs by name.
func (s *Service) SearchWorkflowEventDef(ctx context.Context, req *lhpb.SearchWorkflowEventDefRequest) (*lhpb.WorkflowEventDefIdList, error) {
	found, bookmark, err := s.findDefinitions(ctx, definitionSearch{
		rpc: "SearchWorkflowEventDef", kind: keys.KindWorkflowEventDef, tenant: callOf(ctx).tenant, prefix: req.GetPrefix(),
	}, req, req.Limit)
	if err != nil {
		return nil, err
	}
	out := &lhpb.WorkflowEventDefIdList{Bookmark: bookmark}
	for _, d := range found {
		out.Results = append(out.Results, &lhpb.WorkflowEventDefId{Name: d.Name})
	}
	return out, nil
}
