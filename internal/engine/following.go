package engine

import (
	"strconv"

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

// appendDeadline keeps a timer for each attempt that runs.
func (t *txn) appendDeadline(c []machine.Change, before, after *lhpb.TaskRun) []machine.Change {
	from, to := t.deadlineKey(before), t.deadlineKey(after)
	if from == to {
		return c
	}
	var timer *pb.Timer
	if to != "" {
		timer = &pb.Timer{
			What: &pb.Timer_TaskTimeout_{TaskTimeout: &pb.Timer_TaskTimeout{
				TaskRunId:        after.Id,
				Attempt:          int32(len(after.Attempts) - 1),
				TotalCheckpoints: after.TotalCheckpoints,
			}},
			SetNs: t.nowNs,
		}
	}
	return move(c, from, to, timer)
}

func (t *txn) deadlineKey(k *lhpb.TaskRun) keys.Key {
	if k == nil || k.Status != lhpb.TaskStatus_TASK_RUNNING {
		return ""
	}
	name := lh.WfRunIDString(k.Id.WfRunId)
	return keys.Timer{
		DueNs:  t.deadline(k),
		Tenant: t.keys.Name(),
		Kind:   keys.TimerTaskTimeout,
		ID:     name + "/" + k.Id.TaskGuid + "/" + strconv.Itoa(len(k.Attempts)-1),
	}.Key()
}

// deadline is when the running attempt times out: so long after the claim, or after its latest checkpoint.
func (t *txn) deadline(k *lhpb.TaskRun) int64 {
	from := nanos(lastAttempt(k).StartTime)
	if k.TotalCheckpoints > 0 {
		from = max(from, nanos(t.lastCheckpoint(k).GetCreatedAt()))
	}
	due, ok := addSeconds(from, int64(k.TimeoutSeconds))
	if !ok {
		return from
	}
	return due
}

func (t *txn) lastCheckpoint(k *lhpb.TaskRun) *lhpb.Checkpoint {
	number := k.TotalCheckpoints - 1
	if t.checkpoint != nil && t.checkpoint.Id.CheckpointNumber == number {
		return t.checkpoint
	}
	return machine.Get[lhpb.Checkpoint](t.view, t.keys.Run(k.Id.WfRunId).Checkpoint(k.Id.TaskGuid, number))
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
