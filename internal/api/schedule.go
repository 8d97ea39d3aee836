package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// ScheduleWf begins a schedule of WfRuns. The WfSpec has to exist; variables and parent are looked at when a
// WfRun starts.
func (s *Service) ScheduleWf(ctx context.Context, req *lhpb.ScheduleWfRequest) (*lhpb.ScheduledWfRun, error) {
	c := callOf(ctx)
	if err := checkScheduleWf(req); err != nil {
		return nil, err
	}
	w, err := s.resolveWfSpec(c.tenant, req.WfSpecName, req.MajorVersion, req.Revision)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return nil, noSuchVersion(req)
	}
	if req.GetId() == "" {
		id := randomID()
		req.Id = &id
	}
	rec := s.record(c)
	rec.Command = &pb.Record_ScheduleWf{ScheduleWf: &pb.ScheduleWf{Request: req, WfSpecId: w.Id}}
	return submit[*lhpb.ScheduledWfRun](ctx, s, s.scheduleHome(c.tenant, *req.Id), rec)
}

// maxIDBytes bounds ids that clients choose freely.
const maxIDBytes = 1024

func checkScheduleWf(req *lhpb.ScheduleWfRequest) *lh.Error {
	switch {
	case req.WfSpecName == "":
		return lh.Errorf(lh.InvalidArgument, "Missing required argument 'wf_spec_name'")
	case req.GetId() != "" && (!cleanID(*req.Id) || len(*req.Id) > maxIDBytes):
		return lh.Errorf(lh.InvalidArgument, "'id' cannot contain '/', '~' or control characters, nor have more than %d bytes", maxIDBytes)
	case req.ParentWfRunId != nil && !validRunID(req.ParentWfRunId):
		return lh.Errorf(lh.InvalidArgument, "'parent_wf_run_id' must be the id that a WfRun can have")
	default:
		return nil
	}
}

func noSuchVersion(req *lhpb.ScheduleWfRequest) *lh.Error {
	switch {
	case req.MajorVersion == nil:
		return lh.Errorf(lh.InvalidArgument, "WfSpec %s does not exist", req.WfSpecName)
	case req.Revision == nil:
		return lh.Errorf(lh.InvalidArgument, "WfSpec %s %d does not exist", req.WfSpecName, *req.MajorVersion)
	default:
		return lh.Errorf(lh.InvalidArgument, "WfSpec %s %d.%d does not exist", req.WfSpecName, *req.MajorVersion, *req.Revision)
	}
}

// GetScheduledWfRun reads one schedule.
func (s *Service) GetScheduledWfRun(ctx context.Context, id *lhpb.ScheduledWfRunId) (*lhpb.ScheduledWfRun, error) {
	tenant := callOf(ctx).tenant
	row, err := get[pb.ScheduleRow](ctx, s, s.scheduleHome(tenant, id.Id), keys.In(tenant).Schedule(id.Id))
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, lh.Errorf(lh.NotFound, "Couldn't find specified object")
	}
	w := row.ScheduledWfRun
	for name, v := range w.Variables {
		w.Variables[name] = seen(v)
	}
	return w, nil
}

// SearchScheduledWfRun finds all schedules of a WfSpec, or of some of its versions, oldest first. It knows no
// pages.
func (s *Service) SearchScheduledWfRun(ctx context.Context, req *lhpb.SearchScheduledWfRunRequest) (*lhpb.ScheduledWfRunIdList, error) {
	c := callOf(ctx)
	switch {
	case req.WfSpecName == "":
		return nil, lh.Errorf(lh.InvalidArgument, "Missing required argument 'wf_spec_name'")
	case req.Revision != nil && req.MajorVersion == nil:
		return nil, lh.Errorf(lh.InvalidArgument, "Cannot provide wfSpecRevision without wfSpecMajorVersion")
	}
	tag := keys.In(c.tenant).Tag(keys.TagSchedule).Text(req.WfSpecName)
	every := ofIndex(spanOf(nil, nil), tag, oneOrAny(req.MajorVersion), oneOrAny(req.Revision))
	hits, _, err := s.search(ctx, every, page{limit: maxSchedules})
	if err != nil {
		return nil, err
	}
	out := &lhpb.ScheduledWfRunIdList{}
	for _, h := range hits {
		out.Results = append(out.Results, &lhpb.ScheduledWfRunId{Id: h.id.Guid})
	}
	return out, nil
}

// maxSchedules is how many schedules one search finds.
const maxSchedules = 10_000

// DeleteScheduledWfRun ends a schedule; one that does not exist is no error.
func (s *Service) DeleteScheduledWfRun(ctx context.Context, req *lhpb.DeleteScheduledWfRunRequest) (*emptypb.Empty, error) {
	c := callOf(ctx)
	rec := s.record(c)
	rec.Command = &pb.Record_DeleteScheduledWfRun{DeleteScheduledWfRun: req}
	return s.submitOnly(ctx, s.scheduleHome(c.tenant, req.GetId().GetId()), rec)
}

// scheduleHome is the stream that holds a schedule.
func (s *Service) scheduleHome(tenant, id string) machine.Stream {
	return s.cfg.Routing.Core(tenant, id)
}
