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

// PutWorkflowMigrationPlan registers a plan; the same content again gives the existing one.
func (s *Service) PutWorkflowMigrationPlan(ctx context.Context, req *lhpb.PutWorkflowMigrationPlanRequest) (*lhpb.WorkflowMigrationPlan, error) {
	return define[*lhpb.WorkflowMigrationPlan](ctx, s, func(r *pb.Record) {
		r.Command = &pb.Record_PutWorkflowMigrationPlan{PutWorkflowMigrationPlan: req}
	})
}

// DeleteWorkflowMigrationPlan removes a plan by which no WfRun is being migrated. A migration that begins at
// the same moment ends where it stands.
func (s *Service) DeleteWorkflowMigrationPlan(ctx context.Context, req *lhpb.DeleteWorkflowMigrationPlanRequest) (*emptypb.Empty, error) {
	used := keys.In(callOf(ctx).tenant).Tag(keys.TagMigration).Text(req.GetId().GetName()).Prefix()
	for _, stream := range s.cfg.Routing.Streams() {
		rows, err := s.cfg.Routing.Scan(ctx, stream, used, used.End(), 1)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			_, id, err := keys.ParseTagRow(used, row.Key)
			if err != nil {
				return nil, err
			}
			return nil, lh.Errorf(lh.FailedPrecondition, "WorkflowMigrationPlan %s is in use by WfRun %s", req.GetId().GetName(), id.WfRun)
		}
	}
	return s.undefine(ctx, func(r *pb.Record) {
		r.Command = &pb.Record_DeleteWorkflowMigrationPlan{DeleteWorkflowMigrationPlan: req}
	})
}

// GetWorkflowMigrationPlan reads a plan.
func (s *Service) GetWorkflowMigrationPlan(ctx context.Context, id *lhpb.WorkflowMigrationPlanId) (*lhpb.WorkflowMigrationPlan, error) {
	if p := s.definitions.MigrationPlan(callOf(ctx).tenant, id.Name); p != nil {
		return p, nil
	}
	return nil, lh.Errorf(lh.NotFound, "Couldn't find WorkflowMigrationPlan %s", id.Name)
}

// SearchWorkflowMigrationPlan lists plans by prefix, or those whose source is a WfSpec of that name.
func (s *Service) SearchWorkflowMigrationPlan(ctx context.Context, req *lhpb.SearchWorkflowMigrationPlanRequest) (*lhpb.WorkflowMigrationPlanIdList, error) {
	tenant := callOf(ctx).tenant
	q := definitionSearch{
		rpc: "SearchWorkflowMigrationPlan", kind: keys.KindWorkflowMigrationPlan, tenant: tenant, prefix: req.GetPrefix(),
	}
	if by, ok := req.WorkflowMigrationPlanCriteria.(*lhpb.SearchWorkflowMigrationPlanRequest_WfSpecName); ok {
		q.keep = func(d keys.Definition) bool {
			return s.definitions.MigrationPlan(tenant, d.Name).GetOldWfSpec().GetName() == by.WfSpecName
		}
	}
	found, bookmark, err := s.findDefinitions(ctx, q, req, req.Limit)
	if err != nil {
		return nil, err
	}
	out := &lhpb.WorkflowMigrationPlanIdList{Bookmark: bookmark}
	for _, d := range found {
		out.Results = append(out.Results, &lhpb.WorkflowMigrationPlanId{Name: d.Name})
	}
	return out, nil
}

// ApplyWorkflowMigrationPlan starts to migrate a WfRun.
func (s *Service) ApplyWorkflowMigrationPlan(ctx context.Context, req *lhpb.ApplyWorkflowMigrationPlanRequest) (*lhpb.WfRun, error) {
	to, rec, err := s.runRecord(ctx, req.WfRunId, noSuchWfRun())
	if err != nil {
		return nil, err
	}
	if refusal := spec.Admit(req); refusal != nil {
		return nil, refusal
	}
	rec.Command = &pb.Record_ApplyWorkflowMigrationPlan{ApplyWorkflowMigrationPlan: req}
	return s.submitForWfRun(ctx, to, rec, req.WfRunId)
}
