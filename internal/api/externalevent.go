package api

import (
	"context"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// PutExternalEvent delivers an event to a WfRun, which need not exist yet.
func (s *Service) PutExternalEvent(ctx context.Context, req *lhpb.PutExternalEventRequest) (*lhpb.ExternalEvent, error) {
	to, rec, err := s.runRecord(ctx, req.WfRunId, lh.Errorf(lh.InvalidArgument, "'wf_run_id' must be the id that a WfRun can have"))
	if err != nil {
		return nil, err
	}
	if req.GetGuid() != "" && !cleanID(*req.Guid) {
		return nil, lh.Errorf(lh.InvalidArgument, "'guid' cannot contain '/', '~' or control characters")
	}
	rec.Command = &pb.Record_PutExternalEvent{PutExternalEvent: req}
	return submit[*lhpb.ExternalEvent](ctx, s, to, rec)
}

// GetExternalEvent reads one ExternalEvent.
func (s *Service) GetExternalEvent(ctx context.Context, id *lhpb.ExternalEventId) (*lhpb.ExternalEvent, error) {
	e, err := getRun[lhpb.ExternalEvent](ctx, s, id.WfRunId, func(r keys.Run) keys.Key {
		return r.ExternalEvent(id.GetExternalEventDefId().GetName(), id.Guid)
	})
	if err != nil {
		return nil, err
	}
	e.Content = seen(e.Content)
	return e, nil
}

// ListExternalEvents gives the ExternalEvents of a WfRun by definition and guid.
func (s *Service) ListExternalEvents(ctx context.Context, req *lhpb.ListExternalEventsRequest) (*lhpb.ExternalEventList, error) {
	out, bookmark, err := listRun(ctx, s, "ListExternalEvents", req, req.Limit, req.WfRunId, keys.KindExternalEvent,
		func(e *lhpb.ExternalEvent) { e.Content = seen(e.Content) })
	if err != nil {
		return nil, err
	}
	return &lhpb.ExternalEventList{Results: out, Bookmark: bookmark}, nil
}

// SearchExternalEvent finds ExternalEvents of a definition, all or only those claimed or not claimed.
func (s *Service) SearchExternalEvent(ctx context.Context, req *lhpb.SearchExternalEventRequest) (*lhpb.ExternalEventIdList, error) {
	c := callOf(ctx)
	def := req.GetExternalEventDefId().GetName()
	if err := s.knownEventDef(c, "ExternalEventDef", def); err != nil {
		return nil, err
	}
	p, refused := pageOf(c, "SearchExternalEvent", req, req.Limit)
	if refused != nil {
		return nil, refused
	}
	tag := keys.In(c.tenant).Tag(keys.TagExternalEvent).Text(def)
	hits, bookmark, err := s.search(ctx, ofIndex(spanOf(req.EarliestStart, req.LatestStart), tag, flag(req.IsClaimed)), p)
	if err != nil {
		return nil, err
	}
	out := &lhpb.ExternalEventIdList{Bookmark: bookmark}
	for _, h := range hits {
		out.Results = append(out.Results, &lhpb.ExternalEventId{
			WfRunId: lh.ParseWfRunID(h.id.WfRun), ExternalEventDefId: &lhpb.ExternalEventDefId{Name: def}, Guid: h.id.Guid,
		})
	}
	return out, nil
}

// flag is the axis of what is 1 if something is so, else 0.
func flag(is *bool) axis {
	switch {
	case is == nil:
		return axis{any: 'i'}
	case *is:
		return axis{n: 1}
	default:
		return axis{n: 0}
	}
}

// knownEventDef refuses searches by a definition that is blank or does not exist.
func (s *Service) knownEventDef(c *call, kind, name string) *lh.Error {
	if name == "" {
		return lh.Errorf(lh.InvalidArgument, "Missing required argument: %sId.", kind)
	}
	defs := s.definitions.Latest(c.tenant)
	if (kind == "ExternalEventDef" && defs.ExternalEventDef(name) == nil) || (kind == "WorkflowEventDef" && defs.WorkflowEventDef(name) == nil) {
		return lh.Errorf(lh.InvalidArgument, "%s %q does not exist.", kind, name)
	}
	return nil
}

// SearchNodeRun finds NodeRuns of EXTERNAL_EVENT nodes that wait for a definition, by exact status.
func (s *Service) SearchNodeRun(ctx context.Context, req *lhpb.SearchNodeRunRequest) (*lhpb.NodeRunIdList, error) {
	c := callOf(ctx)
	p, refused := pageOf(c, "SearchNodeRun", req, req.Limit)
	if refused != nil {
		return nil, refused
	}
	tag := keys.In(c.tenant).Tag(keys.TagNodeRun).Text(req.GetExternalEventDef().GetName()).Int(int32(req.Status))
	hits, bookmark, err := s.search(ctx, ofIndex(spanOf(req.EarliestStart, req.LatestStart), tag), p)
	if err != nil {
		return nil, err
	}
	out := &lhpb.NodeRunIdList{Bookmark: bookmark}
	for _, h := range hits {
		out.Results = append(out.Results, &lhpb.NodeRunId{
			WfRunId: lh.ParseWfRunID(h.id.WfRun), ThreadRunNumber: h.id.Thread, Position: h.id.Number,
		})
	}
	return out, nil
}
