package api

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/lhpb"
)

// GetWorkflowEvent reads one WorkflowEvent.
func (s *Service) GetWorkflowEvent(ctx context.Context, id *lhpb.WorkflowEventId) (*lhpb.WorkflowEvent, error) {
	e, err := getRun[lhpb.WorkflowEvent](ctx, s, id.WfRunId, func(r keys.Run) keys.Key {
		return r.WorkflowEvent(id.GetWorkflowEventDefId().GetName(), id.Number)
	})
	if err != nil {
		return nil, err
	}
	e.Content = seen(e.Content)
	return e, nil
}

// ListWorkflowEvents gives the WorkflowEvents of a WfRun by definition and number.
func (s *Service) ListWorkflowEvents(ctx context.Context, req *lhpb.ListWorkflowEventsRequest) (*lhpb.WorkflowEventList, error) {
	out, bookmark, err := listRun(ctx, s, "ListWorkflowEvents", req, req.Limit, req.WfRunId, keys.KindWorkflowEvent,
		func(e *lhpb.WorkflowEvent) { e.Content = seen(e.Content) })
	if err != nil {
		return nil, err
	}
	return &lhpb.WorkflowEventList{Results: out, Bookmark: bookmark}, nil
}

// SearchWorkflowEvent finds WorkflowEvents of a definition.
func (s *Service) SearchWorkflowEvent(ctx context.Context, req *lhpb.SearchWorkflowEventRequest) (*lhpb.WorkflowEventIdList, error) {
	c := callOf(ctx)
	def := req.GetWorkflowEventDefId().GetName()
	if err := s.knownEventDef(c, "WorkflowEventDef", def); err != nil {
		return nil, err
	}
	p, refused := pageOf(c, "SearchWorkflowEvent", req, req.Limit)
	if refused != nil {
		return nil, refused
	}
	tag := keys.In(c.tenant).Tag(keys.TagWorkflowEvent).Text(def)
	hits, bookmark, err := s.search(ctx, ofIndex(spanOf(req.EarliestStart, req.LatestStart), tag), p)
	if err != nil {
		return nil, err
	}
	out := &lhpb.WorkflowEventIdList{Bookmark: bookmark}
	for _, h := range hits {
		out.Results = append(out.Results, &lhpb.WorkflowEventId{
			WfRunId: lh.ParseWfRunID(h.id.WfRun), WorkflowEventDefId: &lhpb.WorkflowEventDefId{Name: def}, Number: h.id.Number,
		})
	}
	return out, nil
}

// AwaitWorkflowEvent gives the first WorkflowEvent of a WfRun that is asked for and not ignored: at once if
// it was thrown before, otherwise when it is. The WfRun need not exist yet.
func (s *Service) AwaitWorkflowEvent(ctx context.Context, req *lhpb.AwaitWorkflowEventRequest) (*lhpb.WorkflowEvent, error) {
	c := callOf(ctx)
	if !validRunID(req.WfRunId) {
		return nil, lh.Errorf(lh.InvalidArgument, "'wf_run_id' must be the id that a WfRun can have")
	}
	home, wfRun := s.homeOf(c.tenant, req.WfRunId), lh.WfRunIDString(req.WfRunId)
	thrown, stop := s.events.wait(eventKey{c.tenant, wfRun})
	defer stop()
	elsewhere, end := s.cfg.Routing.Watch(ctx, home, c.tenant, wfRun)
	defer end()
	for {
		e, err := s.firstEvent(ctx, c, req)
		if err != nil {
			return nil, err
		}
		if e != nil {
			e.Content = seen(e.Content)
			return e, nil
		}
		select {
		case <-thrown:
		case <-elsewhere:
		case <-s.closing:
			return nil, shuttingDown()
		case <-ctx.Done():
			if ctx.Err() == context.Canceled {
				return nil, ctx.Err()
			}
			return nil, status.Error(codes.DeadlineExceeded, "")
		}
	}
}

// AwaitThrown returns when something may have been thrown in a WfRun that lives here, or when ctx ends.
func (s *Service) AwaitThrown(ctx context.Context, tenant, wfRun string) {
	thrown, stop := s.events.wait(eventKey{tenant, wfRun})
	defer stop()
	select {
	case <-thrown:
	case <-s.closing:
	case <-ctx.Done():
	}
}

// firstEvent is the earliest stored event that the request asks for; nil if there is none.
func (s *Service) firstEvent(ctx context.Context, c *call, req *lhpb.AwaitWorkflowEventRequest) (*lhpb.WorkflowEvent, error) {
	prefix := keys.In(c.tenant).Run(req.WfRunId).Kind(keys.KindWorkflowEvent)
	var first *lhpb.WorkflowEvent
	for p := (page{limit: MaxLimit}); ; {
		events, bookmark, err := list[lhpb.WorkflowEvent](ctx, s, s.homeOf(c.tenant, req.WfRunId), prefix, prefix.End(), p)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			if asksFor(req, e) && (first == nil || e.CreatedAt.AsTime().Before(first.CreatedAt.AsTime())) {
				first = e
			}
		}
		if bookmark == nil {
			return first, nil
		}
		p.after = string(bookmark[1+markLen:])
	}
}

func asksFor(req *lhpb.AwaitWorkflowEventRequest, e *lhpb.WorkflowEvent) bool {
	def := e.GetId().GetWorkflowEventDefId().GetName()
	wanted := len(req.EventDefIds) == 0 || slices.ContainsFunc(req.EventDefIds, func(d *lhpb.WorkflowEventDefId) bool { return d.GetName() == def })
	return wanted && !slices.ContainsFunc(req.WorkflowEventsToIgnore, func(i *lhpb.WorkflowEventId) bool {
		return i.GetWorkflowEventDefId().GetName() == def && i.GetNumber() == e.GetId().GetNumber() &&
			(i.WfRunId == nil || proto.Equal(i.WfRunId, req.WfRunId))
	})
}

type eventKey struct{ tenant, wfRun string }

// eventWaiters wakes calls that wait for WorkflowEvents.
type eventWaiters struct {
	count   atomic.Int64
	mu      sync.Mutex
	waiting map[eventKey]map[chan struct{}]struct{}
}

func (w *eventWaiters) wait(k eventKey) (thrown <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count.Add(1)
	if w.waiting[k] == nil {
		w.waiting[k] = map[chan struct{}]struct{}{}
	}
	w.waiting[k][ch] = struct{}{}
	return ch, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.count.Add(-1)
		delete(w.waiting[k], ch)
		if len(w.waiting[k]) == 0 {
			delete(w.waiting, k)
		}
	}
}

// Committed wakes those who wait for what has become durable. It does not block.
func (s *Service) Committed(stream machine.Stream, changes []machine.Change) {
	s.outputs.committed(stream, changes)
	s.lives.committed(stream, changes, s.now)
	if s.events.count.Load() == 0 {
		return
	}
	for _, c := range changes {
		if c.Value == nil || c.Key.Space() != keys.SpaceRun {
			continue
		}
		if k, err := keys.ParseRun(c.Key); err == nil && k.Kind == keys.KindWorkflowEvent {
			s.events.wake(eventKey{k.Tenant, k.WfRun})
		}
	}
}

func (w *eventWaiters) wake(k eventKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.waiting[k] {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}
