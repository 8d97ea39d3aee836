package engine

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

const (
	// nsPerTrim is how far apart the times are at which old output records are deleted.
	nsPerTrim = 60 * nsPerMinute
	// trimChunk is how many output records one record deletes for their age.
	trimChunk = 500
)

// publishes reports whether the tenant wants to hear of its run data.
func (t *txn) publishes() bool {
	if len(t.touched) == 0 {
		return false
	}
	c := t.specs.Tenant().GetOutputTopicConfig()
	return c != nil && c.DefaultRecordingLevel == lhpb.OutputTopicConfig_ALL_ENTITY_EVENTS
}

// appendOutput appends a record for each object that the command has stored and that is published: what has become
// of it, a WfRun that runs before all else, one that does not behind.
func (t *txn) appendOutput(c []machine.Change) []machine.Change {
	if !t.publishes() {
		return c
	}
	var first, between, last []*lhpb.OutputTopicRecord
	at := timestampOf(t.header.GetAtNs())
	for _, e := range t.touched {
		_, before, after := e.states()
		if after == nil {
			continue
		}
		switch r := t.outputOf(before, after, at); {
		case r == nil:
		case r.GetWfRun() == nil:
			between = append(between, r)
		case r.GetWfRun().Status == lhpb.LHStatus_RUNNING:
			first = append(first, r)
		default:
			last = append(last, r)
		}
	}
	all := append(append(first, between...), last...)
	if len(all) == 0 {
		return c
	}
	return t.appendRecords(c, all)
}

// outputOf is the record of a stored object; nil if it is not published.
func (t *txn) outputOf(before, after machine.Value, at *timestamppb.Timestamp) *lhpb.OutputTopicRecord {
	r := &lhpb.OutputTopicRecord{Timestamp: at}
	switch o := after.(type) {
	case *pb.WfRunRow:
		if was := typed[pb.WfRunRow](before); was != nil && was.GetWfRun().GetStatus() == o.WfRun.Status {
			return nil
		}
		r.Payload = &lhpb.OutputTopicRecord_WfRun{WfRun: t.published(o)}
	case *lhpb.TaskRun:
		r.Payload = &lhpb.OutputTopicRecord_TaskRun{TaskRun: t.whole(o)}
	case *lhpb.UserTaskRun:
		r.Payload = &lhpb.OutputTopicRecord_UserTaskRun{UserTaskRun: o}
	case *lhpb.Variable:
		if !t.isPublic(o) {
			return nil
		}
		r.Payload = &lhpb.OutputTopicRecord_Variable{Variable: o}
	case *lhpb.ExternalEvent:
		r.Payload = &lhpb.OutputTopicRecord_ExternalEvent{ExternalEvent: o}
	case *pb.CorrelatedEventRow:
		if o.Spent || before != nil && len(t.sent) == 0 {
			return nil
		}
		r.Payload = &lhpb.OutputTopicRecord_CorrelatedEvent{CorrelatedEvent: t.withEvents(o.CorrelatedEvent)}
	case *lhpb.WorkflowEvent:
		r.Payload = &lhpb.OutputTopicRecord_WorkflowEvent{WorkflowEvent: o}
	case *lhpb.Checkpoint:
		r.Payload = &lhpb.OutputTopicRecord_TaskCheckpoint{TaskCheckpoint: o}
	default:
		return nil
	}
	return r
}

// withEvents is the CorrelatedEvent with the ExternalEvents that came of it: the first ones of earlier records, and all
// of this one.
func (t *txn) withEvents(e *lhpb.CorrelatedEvent) *lhpb.CorrelatedEvent {
	out := e.CloneVT()
	event := t.keys.Correlation(e.Id.ExternalEventDefId.GetName(), e.Id.Key).Event()
	again := map[string]bool{}
	for _, id := range t.sent {
		again[id.Guid] = true
	}
	for _, id := range machine.Scan[lhpb.ExternalEventId](t.view, event.After(), event.End(), t.engine.config.CorrelateChunk) {
		if !again[id.Guid] {
			out.ExternalEvents = append(out.ExternalEvents, id)
		}
	}
	out.ExternalEvents = append(out.ExternalEvents, t.sent...)
	return out
}

// published is the WfRun with its ThreadRuns; without them if they are too many for a record.
func (t *txn) published(row *pb.WfRunRow) *lhpb.WfRun {
	w := t.anyWfRun(row.WfRun.Id)
	if row.Active > maxPublishedThreads {
		return row.WfRun
	}
	joined := w.joined()
	if joined.SizeVT() > t.engine.config.MaxRecordBytes {
		return row.WfRun
	}
	return joined
}

// maxPublishedThreads is how many ThreadRuns a record reads to publish them with their WfRun.
const maxPublishedThreads = 1_000

// isPublic reports whether the world outside of the WfRun may see the Variable.
func (t *txn) isPublic(v *lhpb.Variable) bool {
	g := t.specs.WfSpec(v.WfSpecId)
	if g == nil {
		return false
	}
	w := t.wfRun(v.Id.WfRunId)
	if w == nil {
		return false
	}
	thread := w.threadOrArchived(v.Id.ThreadRunNumber)
	if thread == nil {
		return false
	}
	for _, d := range g.Spec.ThreadSpecs[thread.get().ThreadSpecName].GetVariableDefs() {
		if d.VarDef.GetName() == v.Id.Name {
			return d.AccessLevel != lhpb.WfRunVariableAccessLevel_PRIVATE_VAR
		}
	}
	return false
}

// appendRecords numbers the records and keeps no more than there may be.
func (t *txn) appendRecords(c []machine.Change, records []*lhpb.OutputTopicRecord) []machine.Change {
	log := &pb.OutputLog{}
	if is := machine.Get[pb.OutputLog](t.view, t.keys.OutputLog()); is != nil {
		log = is.CloneVT()
	}
	for _, r := range records {
		c = append(c, machine.Change{Key: t.keys.Output(log.Next), Value: r})
		log.Next++
	}
	for range 2 * len(records) {
		if log.Next-log.First > uint64(t.engine.config.OutputRecords) {
			c = append(c, machine.Change{Key: t.keys.Output(log.First)})
			log.First++
		}
	}
	if log.TrimNs == 0 {
		now := t.header.GetAtNs()
		log.TrimNs = now - now%nsPerTrim + nsPerTrim + t.engine.config.OutputRetention.Nanoseconds()
		c = append(c, t.trimTimer(log.TrimNs))
	}
	return append(c, machine.Change{Key: t.keys.OutputLog(), Value: log})
}

func (t *txn) trimTimer(dueNs int64) machine.Change {
	k := keys.Timer{DueNs: dueNs, Tenant: t.keys.Name(), Kind: keys.TimerTrimOutput}
	return machine.Change{Key: k.Key(), Value: &pb.Timer{What: &pb.Timer_TrimOutput{TrimOutput: empty}, SetNs: t.nowNs}}
}

// trimOutput deletes output records that are old enough, as many as one record may, and comes again as long as
// there are any.
func (t *txn) trimOutput() {
	is := machine.Get[pb.OutputLog](t.view, t.keys.OutputLog())
	if is == nil {
		return
	}
	log, all, left := is.CloneVT(), t.keys.Outputs(), 0
	keepFrom := t.nowNs - t.engine.config.OutputRetention.Nanoseconds()
	for k, r := range machine.Scan[lhpb.OutputTopicRecord](t.view, t.keys.Output(log.First), all.End(), trimChunk+1) {
		if nanos(r.Timestamp) >= keepFrom || left == trimChunk {
			break
		}
		t.remove(k)
		log.First++
		left++
	}
	switch {
	case log.First == log.Next:
		log.TrimNs = 0
	case left == trimChunk:
		log.TrimNs = t.nowNs + 1
	default:
		log.TrimNs = t.nowNs + nsPerTrim
	}
	if log.TrimNs > 0 {
		t.loose = append(t.loose, t.trimTimer(log.TrimNs))
	}
	t.put(t.keys.OutputLog(), log)
}
