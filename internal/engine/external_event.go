package engine

import (
	"sort"
	"strings"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// externalEvent is an ExternalEvent within a record.
type externalEvent struct {
	run *wfRun
	row row[lhpb.ExternalEvent, *lhpb.ExternalEvent]
}

// get is nil if the event does not exist, or not any more.
func (e *externalEvent) get() *lhpb.ExternalEvent { return e.row.now }

func (e *externalEvent) def() string { return e.get().Id.ExternalEventDefId.GetName() }

func (e *externalEvent) content() *lhpb.VariableValue {
	if c := e.get().GetContent(); c != nil {
		return c
	}
	return null
}

// take marks the event as claimed.
func (e *externalEvent) take(t *txn) {
	if !e.get().Claimed {
		e.row.edit(t).Claimed = true
	}
}

// claim gives the event to the NodeRun.
func (e *externalEvent) claim(n *nodeRun) {
	event := e.row.edit(n.tx())
	event.Claimed = true
	event.ThreadRunNumber = new(n.thread.number)
	event.NodeRunPosition = new(n.position)
}

// fits reports whether the event may go to the NodeRun.
func (e *externalEvent) fits(n *nodeRun) bool {
	event := e.get()
	return event != nil && !event.Claimed &&
		(event.ThreadRunNumber == nil || *event.ThreadRunNumber == n.thread.number) &&
		(event.NodeRunPosition == nil || *event.NodeRunPosition == n.position)
}

// externalEvent is the event of that id; its row is empty if there is none.
func (w *wfRun) externalEvent(id *lhpb.ExternalEventId) *externalEvent {
	return w.eventNamed(id.GetExternalEventDefId().GetName(), id.GetGuid())
}

func (w *wfRun) eventNamed(def, guid string) *externalEvent {
	k := w.keys.ExternalEvent(def, guid)
	if e := w.events.get(k); e != nil {
		return e
	}
	e := &externalEvent{run: w, row: load[lhpb.ExternalEvent](w.tx, k)}
	w.events.add(k, e)
	return e
}

// claimable is the oldest unclaimed event that fits the NodeRun; nil if there is none.
func (w *wfRun) claimable(n *nodeRun) *externalEvent {
	def := n.get().GetExternalEvent().ExternalEventDefId.GetName()
	var oldest *externalEvent
	if n.hasNotLooked() {
		oldest = w.oldestStored(def, n)
	}
	if e := w.posted; e != nil && e.def() == def && e.fits(n) && (oldest == nil || e.before(oldest)) {
		oldest = e
	}
	return oldest
}

// maxEventsRead bounds how many stored events a NodeRun looks at in one record: those that this record has claimed
// already, and one more.
const maxEventsRead = 1 << 30

// oldestStored is the oldest event of earlier records that fits the NodeRun. Those for other NodeRuns are not looked
// at.
func (w *wfRun) oldestStored(def string, n *nodeRun) *externalEvent {
	oldest := w.firstToFit(n, w.keys.UnclaimedOf(def), func(k keys.Key) (string, error) {
		_, _, guid, err := w.keys.ParseUnclaimed(k)
		return guid, err
	})
	if !w.reserves(def) {
		return oldest
	}
	for _, prefix := range []keys.Key{
		w.keys.ReservedFor(def, n.thread.number, n.position),
		w.keys.ReservedFor(def, n.thread.number, keys.Any),
		w.keys.ReservedFor(def, keys.Any, n.position),
	} {
		e := w.firstToFit(n, prefix, func(k keys.Key) (string, error) {
			_, _, _, _, guid, err := w.keys.ParseReserved(k)
			return guid, err
		})
		if e != nil && (oldest == nil || e.before(oldest)) {
			oldest = e
		}
	}
	return oldest
}

// reserves reports whether there are unclaimed events of the definition that are for certain NodeRuns.
func (w *wfRun) reserves(def string) bool {
	prefix := w.keys.ReservedOf(def)
	for range machine.Scan[pb.Empty](w.tx.view, prefix, prefix.End(), 1) {
		return true
	}
	return false
}

// firstToFit is the first of the listed events that fits the NodeRun.
func (w *wfRun) firstToFit(n *nodeRun, list keys.Key, guidOf func(keys.Key) (string, error)) *externalEvent {
	def := n.get().GetExternalEvent().ExternalEventDefId.GetName()
	for k := range machine.Scan[pb.Empty](w.tx.view, list, list.End(), maxEventsRead) {
		guid, err := guidOf(k)
		if err != nil {
			continue
		}
		if e := w.eventNamed(def, guid); e.fits(n) {
			return e
		}
	}
	return nil
}

func (e *externalEvent) before(other *externalEvent) bool {
	a, b := nanos(e.get().CreatedAt), nanos(other.get().CreatedAt)
	return a < b || a == b && strings.Compare(e.get().Id.Guid, other.get().Id.Guid) < 0
}

// putExternalEvent stores an event, offers it to interrupts and then to waiting nodes.
func (t *txn) putExternalEvent(r *lhpb.PutExternalEventRequest) machine.Reply {
	if r.GetWfRunId().GetId() == "" {
		return refusef(lh.InvalidArgument, "Missing required argument 'wf_run_id'")
	}
	name := r.GetExternalEventDefId().GetName()
	def := t.specs.ExternalEventDef(name)
	if def == nil {
		return refusef(lh.InvalidArgument, "No ExternalEventDef named %s", name)
	}
	guid := r.GetGuid()
	if guid == "" {
		guid = t.newID()
	}
	w := t.anyWfRun(r.WfRunId)
	e := w.eventNamed(name, guid)
	if e.get() != nil {
		return refusef(lh.AlreadyExists, "ExternalEvent already exists")
	}
	content, err := t.eventContent(r.Content, def)
	if err != nil {
		return refusef(lh.InvalidArgument, "Invalid type of content for event. Check the return type of ExternalEventDef %s: %s", name, err)
	}
	if err := t.mustFit(content); err != nil {
		return refusef(lh.ResourceExhausted, "The content of the event is too large: %s", err)
	}
	running := t.wfRun(r.WfRunId)
	if running != nil && running.graph == nil {
		return refuse(running.specGone())
	}
	e.row.put(t, &lhpb.ExternalEvent{
		Id: &lhpb.ExternalEventId{
			WfRunId:            r.WfRunId,
			ExternalEventDefId: def.Id,
			Guid:               guid,
		},
		CreatedAt:       t.now,
		Content:         content,
		ThreadRunNumber: r.ThreadRunNumber,
		NodeRunPosition: r.NodeRunPosition,
	})
	t.armEventExpiry(e, def)
	if running != nil {
		w.posted = e
		w.interrupt(e)
		w.offer(e)
	}
	return answer(e.get())
}

// offer lets the ThreadRuns that wait for the event look at it, lowest first, until one takes it.
func (w *wfRun) offer(e *externalEvent) {
	if only := e.get().ThreadRunNumber; only != nil {
		w.thread(*only)
		w.advance()
		return
	}
	s := keys.EventSubject(e.def())
	if w.round(s) != nil { // who is told next looks for all that have come
		w.announceAgain(s)
		w.advance()
		return
	}
	for by, row := range w.watches(s, 0) {
		if !w.mayTell() {
			w.leaveRound(s, &pb.Round{From: by, Beyond: w.beyondAll()})
			break
		}
		if at := e.get().NodeRunPosition; at != nil && *at != row.Position {
			w.told += costOfMeeting
			continue
		}
		if w.waiterAt(by, row, s) == nil {
			continue
		}
		w.advance()
		if e.get().Claimed {
			return
		}
	}
	w.advance()
}

// waiterAt is the NodeRun that watches for events, nil if it does not run any more: who goes on watches anew.
func (w *wfRun) waiterAt(by int32, row *pb.Watch, s keys.Subject) *nodeRun {
	t := w.meet(by)
	if t == nil || t.status() != lhpb.LHStatus_RUNNING || t.get().CurrentNodePosition != row.Position {
		w.tx.remove(w.keys.Watch(s, by))
		return nil
	}
	return t.node()
}

// tellOfEvents has those who wait for events of the definition look for one, as long as there may be any.
func (w *wfRun) tellOfEvents(def string, from, beyond int32) (next int32, left bool) {
	if !w.hasUnclaimed(def) {
		return 0, false
	}
	s := keys.EventSubject(def)
	for by, row := range w.watches(s, from) {
		switch {
		case by >= beyond:
			return 0, false
		case !w.mayTell():
			return by, true
		}
		if n := w.waiterAt(by, row, s); n != nil {
			n.looksAgain = true
		}
	}
	return 0, false
}

// hasUnclaimed reports whether earlier records have left events of the definition that nobody has claimed.
func (w *wfRun) hasUnclaimed(def string) bool {
	prefix := w.keys.UnclaimedOf(def)
	for range machine.Scan[pb.Empty](w.tx.view, prefix, prefix.End(), 1) {
		return true
	}
	return w.reserves(def)
}

// armEventExpiry sets the timer that deletes the event if nobody claims it.
func (t *txn) armEventExpiry(e *externalEvent, def *lhpb.ExternalEventDef) {
	if def.GetRetentionPolicy().GetExtEvtGcPolicy() == nil {
		return
	}
	due, ok := addSeconds(t.nowNs, def.RetentionPolicy.GetSecondsAfterPut())
	if !ok {
		return
	}
	t.setTimer(
		keys.Timer{DueNs: due, Kind: keys.TimerEventExpiry, ID: e.run.name + "/" + e.def() + "/" + e.get().Id.Guid},
		&pb.Timer{What: &pb.Timer_ExternalEventExpired{ExternalEventExpired: e.get().Id}},
	)
}

// externalEventExpired is the timer of an event that was not claimed in time.
func (t *txn) externalEventExpired(id *lhpb.ExternalEventId, setNs int64) {
	e := t.anyWfRun(id.GetWfRunId()).externalEvent(id)
	if e.get() == nil || e.get().Claimed || nanos(e.get().CreatedAt) != setNs {
		return
	}
	e.row.drop(t)
}

// throw makes the WorkflowEvent with the next number of its definition.
func (w *wfRun) throw(n *nodeRun, def *lhpb.WorkflowEventDefId, content *lhpb.VariableValue) *lhpb.WorkflowEventId {
	if w.thrown == nil {
		w.thrown = map[string]int32{}
	}
	number, known := w.thrown[def.GetName()]
	if !known {
		number = w.storedWorkflowEvents(def.GetName())
	}
	w.thrown[def.GetName()] = number + 1
	id := &lhpb.WorkflowEventId{WfRunId: w.id(), WorkflowEventDefId: def, Number: number}
	e := &row[lhpb.WorkflowEvent, *lhpb.WorkflowEvent]{key: w.keys.WorkflowEvent(def.GetName(), number)}
	e.put(w.tx, &lhpb.WorkflowEvent{Id: id, Content: content, CreatedAt: w.tx.now, NodeRunId: n.id()})
	return id
}

// storedWorkflowEvents counts the WorkflowEvents of a definition, which are numbered without gaps.
func (w *wfRun) storedWorkflowEvents(def string) int32 {
	exists := func(n int32) bool {
		return machine.Get[lhpb.WorkflowEvent](w.tx.view, w.keys.WorkflowEvent(def, n)) != nil
	}
	bound := int32(1)
	for exists(bound - 1) {
		bound *= 2
	}
	low := bound / 2
	return low + int32(sort.Search(int(bound-low), func(i int) bool { return !exists(low + int32(i)) }))
}
