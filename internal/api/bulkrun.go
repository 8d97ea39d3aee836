package api

import (
	"context"
	"slices"
	"strings"

	"littlehorse/internal/auth"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/internal/telemetry"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// Bounds of the conditions of a job: each partition is told all of them.
const (
	maxBulkFilters     = 20
	maxBulkFilterBytes = 64 << 10
)

// bulkActs are what jobs do, and to WfRuns of which status: the one that is meant if none is named stands first; to delete one must be named.
var bulkActs = map[extra.BulkRunAction]struct {
	deed     pb.BulkDeed
	statuses []lhpb.LHStatus
}{
	extra.BulkRunAction_BULK_RUN_ACTION_STOP:   {pb.BulkDeed_BULK_DEED_STOP, []lhpb.LHStatus{lhpb.LHStatus_RUNNING}},
	extra.BulkRunAction_BULK_RUN_ACTION_RESUME: {pb.BulkDeed_BULK_DEED_RESUME, []lhpb.LHStatus{lhpb.LHStatus_HALTED}},
	extra.BulkRunAction_BULK_RUN_ACTION_DELETE: {pb.BulkDeed_BULK_DEED_DELETE, []lhpb.LHStatus{
		lhpb.LHStatus_COMPLETED, lhpb.LHStatus_HALTED, lhpb.LHStatus_ERROR, lhpb.LHStatus_EXCEPTION,
	}},
}

// CreateBulkRunJob begins a job that stops WfRuns, lets them go on, or deletes them.
func (s *Service) CreateBulkRunJob(ctx context.Context, req *extra.CreateBulkRunJobRequest) (*extra.CreateBulkRunJobResponse, error) {
	c := callOf(ctx)
	act, known := bulkActs[req.Action]
	deletes := req.Action == extra.BulkRunAction_BULK_RUN_ACTION_DELETE
	if deletes {
		if err := auth.Decide(c.principal, c.tenant, one(workflow, writeMetadata)); err != nil {
			return nil, s.refused(telemetry.Forbidden, err)
		}
	}
	status := req.GetStatus()
	switch {
	case !known:
		return nil, lh.Errorf(lh.InvalidArgument, "'action' must be BULK_RUN_ACTION_STOP, BULK_RUN_ACTION_RESUME or BULK_RUN_ACTION_DELETE")
	case strings.TrimSpace(req.WfSpecName) == "":
		return nil, lh.Errorf(lh.InvalidArgument, "'wf_spec_name' must be provided")
	case req.Status == nil && deletes:
		return nil, lh.Errorf(lh.InvalidArgument, "'status' must be provided to delete WfRuns")
	case req.Status == nil:
		status = act.statuses[0]
	case !slices.Contains(act.statuses, status):
		return nil, lh.Errorf(lh.InvalidArgument, "'status' must be %s for this 'action', and not %s", namesOf(act.statuses), status)
	case len(req.VariableFilters) > maxBulkFilters:
		return nil, lh.Errorf(lh.InvalidArgument, "'variable_filters' may have at most %d conditions", maxBulkFilters)
	}
	conditions, refused := s.bulkConditions(c, req)
	if refused != nil {
		return nil, refused
	}
	id, err := newJobID(req.Id)
	if err != nil {
		return nil, err
	}
	create := &pb.CreateBulkAct{
		BulkJobId: &lhpb.BulkJobId{Id: id}, Deed: act.deed, Partitions: int32(len(s.cfg.Routing.Streams())),
		Which: &lhpb.BulkDeleteWfRun{WfSpecName: req.WfSpecName, EarliestStart: req.EarliestStart, LatestStart: req.LatestStart, WfRunStatus: &status},
	}
	job, err := define[*lhpb.BulkJob](ctx, s, func(r *pb.Record) {
		if r.Command = (&pb.Record_CreateBulkAct{CreateBulkAct: create}); deletes || len(conditions) > 0 {
			r.Command = &pb.Record_CreateBulkMatch{CreateBulkMatch: &pb.CreateBulkMatch{Job: create, Conditions: conditions}}
		}
	})
	if err != nil {
		return nil, err
	}
	told, err := s.bulkRunJob(ctx, job)
	return &extra.CreateBulkRunJobResponse{Job: told}, err
}

// namesOf are statuses one may choose from.
func namesOf(statuses []lhpb.LHStatus) string {
	var names []string
	for _, s := range statuses {
		names = append(names, s.String())
	}
	return strings.Join(names, " or ")
}

// bulkConditions are the conditions of a job as the engine judges them. Only jobs that have some need to know the WfSpec.
func (s *Service) bulkConditions(c *call, req *extra.CreateBulkRunJobRequest) (out []*pb.BulkCondition, refused *lh.Error) {
	if len(req.VariableFilters) == 0 {
		return nil, nil
	}
	q, refused := s.wfRunQuery(c, &lhpb.SearchWfRunRequest{WfSpecName: req.WfSpecName, VariableFilters: req.VariableFilters})
	if refused != nil {
		return nil, refused
	}
	bytes := 0
	for _, cond := range q.conditions {
		asked := &pb.BulkCondition{Variable: cond.name, Path: cond.path, Value: cond.value}
		out, bytes = append(out, asked), bytes+asked.SizeVT()
	}
	if bytes > maxBulkFilterBytes {
		return nil, lh.Errorf(lh.InvalidArgument, "'variable_filters' may have at most %d bytes", maxBulkFilterBytes)
	}
	return out, nil
}

// GetBulkRunJob says what a job does.
func (s *Service) GetBulkRunJob(ctx context.Context, req *extra.GetBulkRunJobRequest) (*extra.GetBulkRunJobResponse, error) {
	job, err := s.GetBulkJob(ctx, &lhpb.GetBulkJobRequest{Id: req.Id})
	if err != nil {
		return nil, err
	}
	told, err := s.bulkRunJob(ctx, job)
	return &extra.GetBulkRunJobResponse{Job: told}, err
}

// CancelBulkRunJob ends a job.
func (s *Service) CancelBulkRunJob(ctx context.Context, req *extra.CancelBulkRunJobRequest) (*extra.CancelBulkRunJobResponse, error) {
	job, err := define[*lhpb.BulkJob](ctx, s, func(r *pb.Record) {
		r.Command = &pb.Record_CancelBulkAct{CancelBulkAct: &lhpb.BulkJobId{Id: req.GetId().GetId()}}
	})
	if err != nil {
		return nil, err
	}
	told, err := s.bulkRunJob(ctx, job)
	return &extra.CancelBulkRunJobResponse{Job: told}, err
}

// bulkRunJob adds to a job what it does.
func (s *Service) bulkRunJob(ctx context.Context, job *lhpb.BulkJob) (*extra.BulkRunJob, error) {
	out := &extra.BulkRunJob{Job: job, Action: extra.BulkRunAction_BULK_RUN_ACTION_DELETE}
	which := job.GetBulkDeleteWfRun()
	if which == nil {
		act, err := get[pb.BulkActRow](ctx, s, s.cfg.Routing.Metadata(), keys.In(callOf(ctx).tenant).BulkAct(job.GetId().GetId()))
		if err != nil {
			return nil, err
		}
		which = act.GetWhich()
		for action, a := range bulkActs {
			if a.deed == act.GetDeed() {
				out.Action = action
			}
		}
		var done int64
		for _, n := range act.GetDone() {
			done += n
		}
		out.Done = &done
		for _, cond := range act.GetConditions() {
			name := condition{name: cond.Variable, path: cond.Path}.entry()
			out.VariableFilters = append(out.VariableFilters, &lhpb.VariableMatch{VarName: name, Value: cond.Value})
		}
	}
	out.Status = which.GetWfRunStatus()
	out.WfSpecName, out.EarliestStart, out.LatestStart = which.GetWfSpecName(), which.GetEarliestStart(), which.GetLatestStart()
	return out, nil
}
