package engine

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// correlatedEvent is what is known of a correlation key within a record: its CorrelatedEvent, if there is one,
// and who waits for it.
type correlatedEvent struct {
	tx   *txn
	keys keys.Correlation
	def  *lhpb.ExternalEventDefId
	row  row[pb.CorrelatedEventRow, *pb.CorrelatedEventRow]
}

func (t *txn) correlatedEvent(id *lhpb.CorrelatedEventId) *correlatedEvent {
	def := id.GetExternalEventDefId()
	k := t.keys.Correlation(def.GetName(), id.GetKey())
	return &correlatedEvent{tx: t, keys: k, def: def, row: load[pb.CorrelatedEventRow](t, k.Event())}
}

// exists reports whether there is such an event, and not only what is left of it.
func (e *correlatedEvent) exists() bool { return e.row.now != nil && !e.row.now.Spent }

// putCorrelatedEvent stores an event and sends it to all who wait for its key.
func (t *txn) putCorrelatedEvent(r *lhpb.PutCorrelatedEventRequest) machine.Reply {
	if err := lh.CheckCorrelationKey(r.GetKey()); err != nil {
		return refuse(err)
	}
	def := t.specs.ExternalEventDef(r.GetExternalEventDefId().GetName())
	if def == nil {
		return refusef(lh.InvalidArgument, "Could not find specified ExternalEventDef")
	}
	if def.CorrelatedEventConfig == nil {
		return refusef(lh.InvalidArgument, "Specified ExternalEventDef does not have CorrelatedEvent enabled")
	}
	content, err := t.correlatedContent(r.GetContent(), def)
	if err != nil {
		return refusef(lh.InvalidArgument, "Invalid type of content for event: %s", err)
	}
	if err := t.mustFit(content); err != nil {
		return refusef(lh.ResourceExhausted, "The content of the event is too large: %s", err)
	}
	id := &lhpb.CorrelatedEventId{Key: r.Key, ExternalEventDefId: def.Id}
	e := t.correlatedEvent(id)
	if e.row.now != nil {
		return refusef(lh.AlreadyExists, "Correlated Event with key %s already exists!", r.Key)
	}
	e.row.put(t, &pb.CorrelatedEventRow{
		CorrelatedEvent: &lhpb.CorrelatedEvent{Id: id, CreatedAt: t.now, Content: content},
		Guid:            t.newID(),
		ExpiresNs:       t.correlatedUntil(def),
	})
	made := e.row.now.CorrelatedEvent.CloneVT()
	made.ExternalEvents = e.serve()
	return answer(made)
}

// correlatedUntil is when the event goes; 0 if it is not bound to.
func (t *txn) correlatedUntil(def *lhpb.ExternalEventDef) int64 {
	if def.CorrelatedEventConfig.TtlSeconds == nil {
		return 0
	}
	due, ok := addSeconds(t.nowNs, *def.CorrelatedEventConfig.TtlSeconds)
	if !ok {
		return 0
	}
	return due
}

// serve sends the event to those that wait for its key, as many as one record may, and leaves the others to the
// next one.
func (e *correlatedEvent) serve() (sent []*lhpb.ExternalEventId) {
	event := e.row.edit(e.tx)
	event.Serving = false
	most, seen := e.mostSent(), 0
	for k, w := range machine.Scan[pb.WaitingRow](e.tx.view, e.nextToServe(), e.keys.AllWaiting().End(), most+1) {
		if seen++; seen > most {
			event.Serving = true
			e.tx.emitContinue(e.keys.Event())
			break
		}
		event.Served = []byte(k)
		if w.Missed == event.Guid {
			continue
		}
		parsed, err := keys.ParseCorrelation(k)
		if err != nil {
			continue
		}
		e.tx.remove(k)
		e.firstIsLast()
		sent = append(sent, e.send(parsed.NodeRun))
	}
	e.forgetIfSpent()
	return sent
}

func (e *correlatedEvent) nextToServe() keys.Key {
	if served := e.row.now.Served; len(served) > 0 {
		return keys.Key(served).After()
	}
	return e.keys.AllWaiting()
}

// maxSentBytes bounds what one record sends of an event's content to all who wait.
const maxSentBytes = 8 << 20

// mostSent is to how many NodeRuns one record may send the event.
func (e *correlatedEvent) mostSent() int {
	size := e.row.now.CorrelatedEvent.GetContent().SizeVT() + 1
	return max(1, min(e.tx.engine.config.CorrelateChunk, maxSentBytes/size))
}

// firstIsLast spends the event if its definition wants it gone after the first correlation.
func (e *correlatedEvent) firstIsLast() {
	if e.tx.specs.ExternalEventDef(e.def.GetName()).GetCorrelatedEventConfig().GetDeleteAfterFirstCorrelation() {
		e.row.edit(e.tx).Spent = true
	}
}

// send makes an ExternalEvent of the event, for that NodeRun and no other. Sent again it would be the same one.
func (e *correlatedEvent) send(n *lhpb.NodeRunId) *lhpb.ExternalEventId {
	event := e.row.edit(e.tx)
	guid := lh.DerivedID(append([]byte(event.Guid), e.keys.Waiting(n)...), 0)
	id := &lhpb.ExternalEventId{WfRunId: n.WfRunId, ExternalEventDefId: e.def, Guid: guid}
	e.tx.sent = append(e.tx.sent, id)
	if !event.Spent {
		event.Correlated = true
		e.tx.put(e.keys.Delivery(n), id)
	}
	e.tx.emit(e.tx.coreOf(lh.RootWfRunID(n.WfRunId)), &pb.Record{Command: &pb.Record_PutExternalEvent{
		PutExternalEvent: &lhpb.PutExternalEventRequest{
			WfRunId:            n.WfRunId,
			ExternalEventDefId: e.def,
			Guid:               &guid,
			Content:            event.CorrelatedEvent.Content,
			ThreadRunNumber:    &n.ThreadRunNumber,
			NodeRunPosition:    &n.Position,
		},
	}})
	return id
}

// correlate lets a NodeRun wait for the key, unless the event is there already.
func (t *txn) correlate(c *pb.Correlate) machine.Reply {
	e := t.correlatedEvent(c.GetCorrelatedEventId())
	if !e.exists() {
		t.put(e.keys.Waiting(c.NodeRunId), &pb.WaitingRow{Missed: e.row.now.GetGuid()})
		return done
	}
	e.firstIsLast()
	e.send(c.NodeRunId)
	e.forgetIfSpent()
	return done
}

// uncorrelate ends the waiting of a NodeRun. If it does not wait, nothing happens.
func (t *txn) uncorrelate(c *pb.Correlate) machine.Reply {
	k := t.correlatedEvent(c.GetCorrelatedEventId()).keys.Waiting(c.GetNodeRunId())
	if machine.Get[pb.WaitingRow](t.view, k) != nil {
		t.remove(k)
	}
	return done
}

// deleteCorrelatedEvent deletes an event; what came of it stays.
func (t *txn) deleteCorrelatedEvent(r *lhpb.DeleteCorrelatedEventRequest) machine.Reply {
	t.correlatedEvent(r.GetId()).spend()
	return done
}

// correlatedEventExpired is the timer of an event that goes after some time.
func (t *txn) correlatedEventExpired(id *lhpb.CorrelatedEventId, dueNs int64) {
	if e := t.correlatedEvent(id); e.row.now.GetExpiresNs() == dueNs {
		e.spend()
	}
}

// spend makes the event count as absent. It is gone once those that waited when it was put have got it.
func (e *correlatedEvent) spend() {
	if !e.exists() {
		return
	}
	e.row.edit(e.tx).Spent = true
	e.forgetIfSpent()
}

// forgetIfSpent deletes what is left of a spent event, as much as one record may.
func (e *correlatedEvent) forgetIfSpent() {
	if !e.row.now.Spent || e.row.now.Serving {
		return
	}
	left := e.tx.engine.config.DeleteChunk
	event := e.keys.Event()
	for k := range machine.Scan[lhpb.ExternalEventId](e.tx.view, event.After(), event.End(), left) {
		e.tx.remove(k)
		left--
	}
	if left == 0 {
		e.tx.emitContinue(event)
		return
	}
	e.row.drop(e.tx)
}

// goOnCorrelating takes up what one record could not finish of a correlation key.
func (t *txn) goOnCorrelating(k keys.CorrelationKey) {
	e := t.correlatedEvent(&lhpb.CorrelatedEventId{
		Key:                k.Key,
		ExternalEventDefId: &lhpb.ExternalEventDefId{Name: k.Def},
	})
	switch {
	case e.row.now == nil:
	case e.row.now.Serving:
		e.serve()
	default:
		e.forgetIfSpent()
	}
}

// appendCorrelatedExpiry keeps the timer that ends a CorrelatedEvent.
func (t *txn) appendCorrelatedExpiry(c []machine.Change, before, after *pb.CorrelatedEventRow) []machine.Change {
	timer := &pb.Timer{
		What:  &pb.Timer_CorrelatedEventExpired{CorrelatedEventExpired: after.GetCorrelatedEvent().GetId()},
		SetNs: t.nowNs,
	}
	return move(c, t.correlatedExpiryKey(before), t.correlatedExpiryKey(after), timer)
}

func (t *txn) correlatedExpiryKey(e *pb.CorrelatedEventRow) keys.Key {
	if e.GetExpiresNs() == 0 || e.Spent {
		return ""
	}
	id := e.CorrelatedEvent.Id
	return keys.Timer{
		DueNs:  e.ExpiresNs,
		Tenant: t.keys.Name(),
		Kind:   keys.TimerCorrelated,
		ID:     id.ExternalEventDefId.GetName() + "/" + id.Key,
	}.Key()
}
