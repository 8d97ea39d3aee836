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

// PutCorrelatedEvent sends an event to all NodeRuns that wait for its key, now or later.
func (s *Service) PutCorrelatedEvent(ctx context.Context, req *lhpb.PutCorrelatedEventRequest) (*lhpb.CorrelatedEvent, error) {
	c := callOf(ctx)
	if err := lh.CheckCorrelationKey(req.Key); err != nil {
		return nil, err
	}
	rec := s.record(c)
	rec.Command = &pb.Record_PutCorrelatedEvent{PutCorrelatedEvent: req}
	return submit[*lhpb.CorrelatedEvent](ctx, s, s.correlationHome(c.tenant, req.Key), rec)
}

// correlationHome is the stream that holds all about a correlation key.
func (s *Service) correlationHome(tenant, key string) machine.Stream {
	return s.cfg.Routing.Core(tenant, key)
}

// maxExternalEventsShown is how many ids of ExternalEvents a CorrelatedEvent is read with.
const maxExternalEventsShown = 10_000

// GetCorrelatedEvent reads one CorrelatedEvent with the ids of what came of it, in their order by WfRun and NodeRun.
func (s *Service) GetCorrelatedEvent(ctx context.Context, id *lhpb.CorrelatedEventId) (*lhpb.CorrelatedEvent, error) {
	tenant := callOf(ctx).tenant
	if lh.CheckCorrelationKey(id.Key) != nil {
		return nil, notFound()
	}
	event := keys.In(tenant).Correlation(id.GetExternalEventDefId().GetName(), id.Key).Event()
	rows, err := s.cfg.Routing.Scan(ctx, s.correlationHome(tenant, id.Key), event, event.End(), 1+maxExternalEventsShown)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 || rows[0].Key != event {
		return nil, notFound()
	}
	row, err := decode[pb.CorrelatedEventRow](rows[0].Value)
	if err != nil {
		return nil, err
	}
	if row.Spent {
		return nil, notFound()
	}
	e := row.CorrelatedEvent
	e.Content = seen(e.Content)
	for _, r := range rows[1:] {
		external, err := decode[lhpb.ExternalEventId](r.Value)
		if err != nil {
			return nil, err
		}
		e.ExternalEvents = append(e.ExternalEvents, external)
	}
	return e, nil
}

// DeleteCorrelatedEvent deletes a CorrelatedEvent, but not what came of it; one that does not exist is no error.
func (s *Service) DeleteCorrelatedEvent(ctx context.Context, req *lhpb.DeleteCorrelatedEventRequest) (*emptypb.Empty, error) {
	c := callOf(ctx)
	if lh.CheckCorrelationKey(req.GetId().GetKey()) != nil {
		return &emptypb.Empty{}, nil
	}
	rec := s.record(c)
	rec.Command = &pb.Record_DeleteCorrelatedEvent{DeleteCorrelatedEvent: req}
	return s.submitOnly(ctx, s.correlationHome(c.tenant, req.GetId().GetKey()), rec)
}

// SearchCorrelatedEvent finds CorrelatedEvents of a definition, all or only those of which ExternalEvents came or
// did not.
func (s *Service) SearchCorrelatedEvent(ctx context.Context, req *lhpb.SearchCorrelatedEventRequest) (*lhpb.CorrelatedEventIdList, error) {
	c := callOf(ctx)
	def := req.GetExternalEventDefId().GetName()
	if def == "" {
		return nil, lh.Errorf(lh.InvalidArgument, "Missing required argument: ExternalEventDefId.")
	}
	p, refused := pageOf(c, "SearchCorrelatedEvent", req, req.Limit)
	if refused != nil {
		return nil, refused
	}
	tag := keys.In(c.tenant).Tag(keys.TagCorrelatedEvent).Text(def)
	hits, bookmark, err := s.search(ctx, ofIndex(spanOf(req.EarliestStart, req.LatestStart), tag, flag(req.HasExternalEvents)), p)
	if err != nil {
		return nil, err
	}
	out := &lhpb.CorrelatedEventIdList{Bookmark: bookmark}
	for _, h := range hits {
		out.Results = append(out.Results, &lhpb.CorrelatedEventId{
			Key: h.id.Guid, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: def},
		})
	}
	return out, nil
}
