package engine

import (
	"slices"

	"littlehorse/lhpb"
)

// copyOf is the object to be written to in place of one that is shared. What no record ever writes to, once it is part
// of an object, is shared with the original: ids, times, values, what a TaskRun was given.
func copyOf[T any, P object[T]](v P) P {
	switch o := any(v).(type) {
	case *lhpb.TaskRun:
		return any(copyOfTaskRun(o)).(P)
	case *lhpb.NodeRun:
		return any(copyOfNodeRun(o)).(P)
	case *lhpb.ThreadRun:
		return any(copyOfThreadRun(o)).(P)
	default:
		return v.CloneVT()
	}
}

// copyOfTaskRun has a last attempt of its own. Those before it are over.
func copyOfTaskRun(k *lhpb.TaskRun) *lhpb.TaskRun {
	c := &struct {
		task lhpb.TaskRun
		last lhpb.TaskAttempt
		one  [1]*lhpb.TaskAttempt
	}{}
	c.task.Id = k.Id
	c.task.TaskDefId = k.TaskDefId
	c.task.TotalAttempts = k.TotalAttempts
	c.task.InputVariables = k.InputVariables
	c.task.Source = k.Source
	c.task.ScheduledAt = k.ScheduledAt
	c.task.Status = k.Status
	c.task.TimeoutSeconds = k.TimeoutSeconds
	c.task.ExponentialBackoff = k.ExponentialBackoff
	c.task.TotalCheckpoints = k.TotalCheckpoints
	c.task.Attempts = append(c.one[:0], k.Attempts...)
	if n := len(k.Attempts); n > 0 {
		copyAttempt(&c.last, k.Attempts[n-1])
		c.task.Attempts[n-1] = &c.last
	}
	return &c.task
}

func copyAttempt(c, a *lhpb.TaskAttempt) {
	c.Result = a.Result
	c.LogOutput = a.LogOutput
	c.ScheduleTime = a.ScheduleTime
	c.StartTime = a.StartTime
	c.EndTime = a.EndTime
	c.TaskWorkerId = a.TaskWorkerId
	c.TaskWorkerVersion = a.TaskWorkerVersion
	c.Status = a.Status
	c.MaskedValue = a.MaskedValue
}

// copyOfNodeRun shares what the node does if nothing of that ever changes.
func copyOfNodeRun(n *lhpb.NodeRun) *lhpb.NodeRun {
	switch n.NodeType.(type) {
	case *lhpb.NodeRun_Task, *lhpb.NodeRun_Entrypoint, *lhpb.NodeRun_Exit:
	default:
		return n.CloneVT()
	}
	if len(n.Failures) > 0 {
		return n.CloneVT()
	}
	return &lhpb.NodeRun{
		Id:                n.Id,
		WfSpecId:          n.WfSpecId,
		FailureHandlerIds: slices.Clone(n.FailureHandlerIds),
		Status:            n.Status,
		ArrivalTime:       n.ArrivalTime,
		EndTime:           n.EndTime,
		ThreadSpecName:    n.ThreadSpecName,
		NodeName:          n.NodeName,
		ErrorMessage:      n.ErrorMessage,
		NodeType:          n.NodeType,
	}
}

func copyOfThreadRun(t *lhpb.ThreadRun) *lhpb.ThreadRun {
	return &lhpb.ThreadRun{
		WfSpecId:              t.WfSpecId,
		Number:                t.Number,
		Status:                t.Status,
		ThreadSpecName:        t.ThreadSpecName,
		StartTime:             t.StartTime,
		EndTime:               t.EndTime,
		ErrorMessage:          t.ErrorMessage,
		ChildThreadIds:        slices.Clone(t.ChildThreadIds),
		ParentThreadId:        t.ParentThreadId,
		HaltReasons:           slices.Clone(t.HaltReasons),
		InterruptTriggerId:    t.InterruptTriggerId,
		FailureBeingHandled:   t.FailureBeingHandled,
		CurrentNodePosition:   t.CurrentNodePosition,
		HandledFailedChildren: slices.Clone(t.HandledFailedChildren),
		Type:                  t.Type,
		Output:                t.Output,
	}
}
