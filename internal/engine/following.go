package engine

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// Following lists the rows that exist because of a stored object: index rows, the queue row or the deadline
// of a TaskRun, the unclaimed row of an ExternalEvent, the timers of schedules and CorrelatedEvents. It serves those who check a state as a whole.
func Following(v machine.View, s Specs, tenant string, object machine.Value) []keys.Key {
	t := &txn{view: v, specs: s, keys: keys.In(tenant)}
	changes := t.appendFollowing(nil, nil, object)
	out := make([]keys.Key, 0, len(changes))
	for _, c := range changes {
		out = append(out, c.Key)
	}
	return out
}

// appendFollowing appends the rows that follow from an object, by what was and what is: queue rows and
// deadlines of TaskRuns, the list of unclaimed ExternalEvents, timers of schedules and CorrelatedEvents, and the indexes.
func (t *txn) appendFollowing(c []machine.Change, before, after machine.Value) []machine.Change {
	of := before
	if of == nil {
		of = after
	}
	switch of.(type) {
	case *pb.WfRunRow:
		c = t.appendSharedTimer(c, typed[pb.WfRunRow](before), typed[pb.WfRunRow](after))
	case *lhpb.TaskRun:
		b, a := typed[lhpb.TaskRun](before), typed[lhpb.TaskRun](after)
		c = t.appendQueueRow(c, b, a)
		c = t.appendDeadline(c, b, a)
	case *lhpb.ExternalEvent:
		c = t.appendUnclaimed(c, typed[lhpb.ExternalEvent](before), typed[lhpb.ExternalEvent](after))
	case *pb.CorrelatedEventRow:
		c = t.appendCorrelatedExpiry(c, typed[pb.CorrelatedEventRow](before), typed[pb.CorrelatedEventRow](after))
	case *pb.ScheduleRow:
		c = t.appendFiring(c, typed[pb.ScheduleRow](before), typed[pb.ScheduleRow](after))
	}
	return t.appendTags(c, of, before, after)
}

// typed is the value as what it is; nil if it is absent.
func typed[T any, P object[T]](v machine.Value) P {
	if v == nil {
		return nil
	}
	return v.(P)
}

// move appends the deletion of one row and the putting of another; an empty key stands for none.
func move(c []machine.Change, from, to keys.Key, v machine.Value) []machine.Change {
	if from == to {
		return c
	}
	if from != "" {
		c = append(c, machine.Change{Key: from})
	}
	if to != "" {
		c = append(c, machine.Change{Key: to, Value: v})
	}
	return c
}

var empty = &pb.Empty{}

// appendQueueRow keeps a row for each attempt that waits to be claimed.
func (t *txn) appendQueueRow(c []machine.Change, before, after *lhpb.TaskRun) []machine.Change {
	return move(c, t.queueKey(before), t.queueKey(after), empty)
}

func (t *txn) queueKey(k *lhpb.TaskRun) keys.Key {
	if k == nil || k.Status != lhpb.TaskStatus_TASK_SCHEDULED {
		return ""
	}
	return keys.ScheduledTask{
		Tenant:      t.keys.Name(),
		TaskDef:     k.TaskDefId.GetName(),
		ScheduledNs: nanos(lastAttempt(k).ScheduleTime),
		WfRun:       lh.WfRunIDString(k.Id.WfRunId),
		Guid:        k.Id.TaskGuid,
		Attempt:     int32(len(k.Attempts) - 1),
	}.Key()
}

// appendUnclaimed keeps a row for each ExternalEvent that waits to be claimed.
func (t *txn) appendUnclaimed(c []machine.Change, before, after *lhpb.ExternalEvent) []machine.Change {
	return move(c, t.unclaimedKey(before), t.unclaimedKey(after), empty)
}

func (t *txn) unclaimedKey(e *lhpb.ExternalEvent) keys.Key {
	if e == nil || e.Claimed {
		return ""
	}
	run, def, created := t.keys.Run(e.Id.WfRunId), e.Id.ExternalEventDefId.GetName(), nanos(e.CreatedAt)
	if e.ThreadRunNumber == nil && e.NodeRunPosition == nil {
		return run.Unclaimed(def, created, e.Id.Guid)
	}
	if e.GetThreadRunNumber() < 0 || e.GetNodeRunPosition() < 0 {
		return "" // it fits nobody
	}
	return run.Reserved(def, numberOrAny(e.ThreadRunNumber), numberOrAny(e.NodeRunPosition), created, e.Id.Guid)
}

func numberOrAny(n *int32) int32 {
	if n == nil {
		return keys.Any
	}
	return *n
}
