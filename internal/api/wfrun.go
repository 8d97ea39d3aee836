package api

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/cluster"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// RunWf starts a WfRun. "Latest" becomes an exact version here, so that the record means the same for ever.
func (s *Service) RunWf(ctx context.Context, req *lhpb.RunWfRequest) (*lhpb.WfRun, error) {
	c := callOf(ctx)
	if err := checkRunWf(req); err != nil {
		return nil, err
	}
	w, err := s.resolveWfSpec(c.tenant, req.WfSpecName, req.MajorVersion, req.Revision)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return nil, lh.Errorf(lh.NotFound, "Couldn't find specified WfSpec %s", req.WfSpecName)
	}
	if req.Id == nil {
		id := randomID()
		req.Id = &id
	}
	id := &lhpb.WfRunId{Id: *req.Id, ParentWfRunId: req.ParentWfRunId}
	aboutRun(ctx, id)
	offer := s.cfg.Queues.BeginRun(c.tenant, id, w.Id)
	rec := s.record(c)
	rec.Command = &pb.Record_RunWf{RunWf: &pb.RunWf{Request: req, WfSpecId: w.Id, Offer: offer.Credit()}}
	reply, failure := s.cfg.Routing.SubmitThen(ctx, s.homeOf(c.tenant, id), rec, func(r machine.Reply) {
		started, _ := r.Value.(*pb.Started)
		s.endOffer(ctx, offer, started.GetTask())
	})
	if failure != nil {
		return nil, failure
	}
	switch v := reply.(type) {
	case *pb.Started:
		return v.WfRun, nil
	case *lhpb.WfRun:
		return v, nil
	default:
		return nil, fmt.Errorf("the start of a WfRun is answered with %T", v)
	}
}

func checkRunWf(req *lhpb.RunWfRequest) *lh.Error {
	switch {
	case req.WfSpecName == "":
		return lh.Errorf(lh.InvalidArgument, "Missing required argument 'wf_spec_name'")
	case req.Id != nil && !lh.ValidName(*req.Id):
		return lh.Errorf(lh.InvalidArgument, "Optional argument 'id' must be a valid hostname")
	case req.Revision != nil && req.MajorVersion == nil:
		return lh.Errorf(lh.InvalidArgument, "Cannot provide 'revision' without 'major_version'")
	case req.ParentWfRunId == nil:
		return nil
	case lh.WfRunIDDepth(req.ParentWfRunId) >= lh.MaxWfRunDepth:
		return lh.Errorf(lh.InvalidArgument, "'parent_wf_run_id' is too deep: a WfRun may have at most %d ancestors", lh.MaxWfRunDepth-1)
	case !validRunID(req.ParentWfRunId):
		return lh.Errorf(lh.InvalidArgument, "Every id in 'parent_wf_run_id' must be a valid hostname")
	default:
		return nil
	}
}

// resolveWfSpec finds the WfSpec that a request means; nil if there is none.
func (s *Service) resolveWfSpec(tenant, name string, major, revision *int32) (*lhpb.WfSpec, *lh.Error) {
	defs := s.definitions.Latest(tenant)
	switch {
	case revision != nil && major == nil:
		return nil, lh.Errorf(lh.InvalidArgument, "Cannot provide the revision of a WfSpec without its major version")
	case revision != nil:
		return defs.WfSpec(&lhpb.WfSpecId{Name: name, MajorVersion: *major, Revision: *revision}), nil
	case major != nil && *major < 0:
		return nil, nil
	case major != nil:
		return defs.LatestWfSpec(name, *major), nil
	default:
		return defs.LatestWfSpec(name, spec.NewestVersion), nil
	}
}

func noSuchWfRun() *lh.Error { return lh.Errorf(lh.NotFound, "Couldn't find provided WfRun") }

// StopWfRun halts a ThreadRun.
func (s *Service) StopWfRun(ctx context.Context, req *lhpb.StopWfRunRequest) (*emptypb.Empty, error) {
	to, rec, err := s.runRecord(ctx, req.WfRunId, noSuchWfRun())
	if err != nil {
		return nil, err
	}
	rec.Command = &pb.Record_StopWfRun{StopWfRun: req}
	return s.submitOnly(ctx, to, rec)
}

// ResumeWfRun lets a stopped ThreadRun go on.
func (s *Service) ResumeWfRun(ctx context.Context, req *lhpb.ResumeWfRunRequest) (*emptypb.Empty, error) {
	to, rec, err := s.runRecord(ctx, req.WfRunId, noSuchWfRun())
	if err != nil {
		return nil, err
	}
	rec.Command = &pb.Record_ResumeWfRun{ResumeWfRun: req}
	return s.submitOnly(ctx, to, rec)
}

// RescueThreadRun lets a ThreadRun in ERROR try again.
func (s *Service) RescueThreadRun(ctx context.Context, req *lhpb.RescueThreadRunRequest) (*lhpb.WfRun, error) {
	to, rec, err := s.runRecord(ctx, req.WfRunId, noSuchWfRun())
	if err != nil {
		return nil, err
	}
	rec.Command = &pb.Record_RescueThreadRun{RescueThreadRun: req}
	return s.submitForWfRun(ctx, to, rec, req.WfRunId)
}

// submitForWfRun writes a record whose reply is the WfRun. One that is too large for a record to read is read from what is
// stored, after the command; of one that is too large for a message the reply tells all but the ThreadRuns.
func (s *Service) submitForWfRun(ctx context.Context, to machine.Stream, rec *pb.Record, id *lhpb.WfRunId) (*lhpb.WfRun, error) {
	v, err := s.cfg.Routing.Submit(ctx, to, rec)
	if err != nil {
		return nil, err
	}
	if w, is := v.(*lhpb.WfRun); is {
		return w, nil
	}
	w, err := s.GetWfRun(ctx, id)
	if err != nil {
		return nil, err
	}
	if w.SizeVT() > MaxMessageBytes {
		w.ThreadRuns = nil
	}
	return w, nil
}

// DeleteWfRun removes a WfRun and everything under it; one that does not exist is no error.
func (s *Service) DeleteWfRun(ctx context.Context, req *lhpb.DeleteWfRunRequest) (*emptypb.Empty, error) {
	if !validRunID(req.Id) {
		return &emptypb.Empty{}, nil
	}
	to, rec, err := s.runRecord(ctx, req.Id, noSuchWfRun())
	if err != nil {
		return nil, err
	}
	rec.Command = &pb.Record_DeleteWfRun{DeleteWfRun: req}
	return s.submitOnly(ctx, to, rec)
}

// GetWfRun reads a WfRun with its active ThreadRuns.
func (s *Service) GetWfRun(ctx context.Context, id *lhpb.WfRunId) (*lhpb.WfRun, error) {
	c := callOf(ctx)
	if !validRunID(id) {
		return nil, notFound()
	}
	w, err := s.wfRun(ctx, s.homeOf(c.tenant, id), keys.In(c.tenant).Run(id))
	switch {
	case err != nil:
		return nil, err
	case w == nil:
		return nil, notFound()
	}
	maskWfRun(w)
	return w, nil
}

// wfRun joins the WfRun with its ThreadRuns, all of one snapshot as long as they fit one scan; nil if it is
// absent.
func (s *Service) wfRun(ctx context.Context, from machine.Stream, run keys.Run) (*lhpb.WfRun, error) {
	rows, err := s.cfg.Routing.Scan(ctx, from, run.WfRun(), run.Kind(keys.KindThreadRun).End(), atOnce)
	if err != nil || len(rows) == 0 || rows[0].Key != run.WfRun() {
		return nil, err
	}
	row, err := decode[pb.WfRunRow](rows[0].Value)
	if err != nil || row.Deleting {
		return nil, err
	}
	w := row.WfRun
	if w.ThreadRuns, err = threadRuns(rows[1:]); err != nil {
		return nil, err
	}
	if row.Queued > 0 {
		if err := s.joinQueued(ctx, from, run, w); err != nil {
			return nil, err
		}
	}
	return w, s.joinKin(ctx, from, run, w.ThreadRuns...)
}

func threadRuns(rows []cluster.Row) ([]*lhpb.ThreadRun, error) {
	out := make([]*lhpb.ThreadRun, 0, len(rows))
	for _, r := range rows {
		t, err := decode[lhpb.ThreadRun](r.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// GetInactiveThreadRun reads an archived ThreadRun.
func (s *Service) GetInactiveThreadRun(ctx context.Context, id *lhpb.InactiveThreadRunId) (*lhpb.InactiveThreadRun, error) {
	t, err := getRun[lhpb.InactiveThreadRun](ctx, s, id.WfRunId, func(r keys.Run) keys.Key { return r.Inactive(id.ThreadRunNumber) })
	if err != nil {
		return nil, err
	}
	tenant := callOf(ctx).tenant
	if err := s.joinKin(ctx, s.homeOf(tenant, id.WfRunId), keys.In(tenant).Run(id.WfRunId), t.ThreadRun); err != nil {
		return nil, err
	}
	maskThreadRun(t.ThreadRun)
	return t, nil
}
