package api

import (
	"context"
	"strings"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// bulkActs are what jobs do that do not delete, and in which status they find WfRuns.
var bulkActs = map[extra.BulkRunAction]struct {
	deed   pb.BulkDeed
	status lhpb.LHStatus
}{
	extra.BulkRunAction_BULK_RUN_ACTION_STOP:   {pb.BulkDeed_BULK_DEED_STOP, lhpb.LHStatus_RUNNING},
	extra.BulkRunAction_BULK_RUN_ACTION_RESUME: {pb.BulkDeed_BULK_DEED_RESUME, lhpb.LHStatus_HALTED},
}

// CreateBulkRunJob begins a job that stops WfRuns or lets them go on.
func (s *Service) CreateBulkRunJob(ctx context.Context, req *extra.CreateBulkRunJobRequest) (*extra.CreateBulkRunJobResponse, error) {
	act, known := bulkActs[req.Action]
	switch {
	case !known:
		return nil, lh.Errorf(lh.InvalidArgument, "'action' must be BULK_RUN_ACTION_STOP or BULK_RUN_ACTION_RESUME")
	case strings.TrimSpace(req.WfSpecName) == "":
		return nil, lh.Errorf(lh.InvalidArgument, "'wf_spec_name' must be provided")
	}
	id, refused := newJobID(req.Id)
	if refused != nil {
		return nil, refused
	}
	partitions := int32(len(s.cfg.Routing.Streams()))
	job, err := define[*lhpb.BulkJob](ctx, s, func(r *pb.Record) {
		r.Command = &pb.Record_CreateBulkAct{CreateBulkAct: &pb.CreateBulkAct{
			BulkJobId: &lhpb.BulkJobId{Id: id}, Deed: act.deed, Partitions: partitions,
			Which: &lhpb.BulkDeleteWfRun{WfSpecName: req.WfSpecName, EarliestStart: req.EarliestStart, LatestStart: req.LatestStart, WfRunStatus: &act.status},
		}}
	})
	if err != nil {
		return nil, err
	}
	told, err := s.bulkRunJob(ctx, job)
	return &extra.CreateBulkRunJobResponse{Job: told}, err
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

// CancelBulkRunJob ends a job that does not delete.
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
	}
	out.WfSpecName, out.EarliestStart, out.LatestStart = which.GetWfSpecName(), which.GetEarliestStart(), which.GetLatestStart()
	return out, nil
}
