package check

import (
	"fmt"

	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// Violation is something that must not be. It names the object.
type Violation struct {
	Object string
	What   string
}

func (v Violation) String() string { return v.Object + ": " + v.What }

// Transition checks one change of a stored object: statuses move only along allowed arrows, and what has
// ended is not written again. Absent is nil.
func Transition(before, after machine.Value) []Violation {
	if before == nil || after == nil {
		return nil
	}
	switch b := before.(type) {
	case *pb.WfRunRow:
		return wfRunTransition(b, after.(*pb.WfRunRow))
	case *lhpb.ThreadRun:
		return threadTransition(b, after.(*lhpb.ThreadRun))
	case *lhpb.NodeRun:
		return nodeTransition(b, after.(*lhpb.NodeRun))
	case *lhpb.TaskRun:
		return taskTransition(b, after.(*lhpb.TaskRun))
	case *lhpb.UserTaskRun:
		return userTaskTransition(b, after.(*lhpb.UserTaskRun))
	case *lhpb.ExternalEvent:
		return eventTransition(b, after.(*lhpb.ExternalEvent))
	default:
		return nil
	}
}

const (
	running   = lhpb.LHStatus_RUNNING
	halting   = lhpb.LHStatus_HALTING
	halted    = lhpb.LHStatus_HALTED
	completed = lhpb.LHStatus_COMPLETED
	errored   = lhpb.LHStatus_ERROR
	exception = lhpb.LHStatus_EXCEPTION
)

func terminal(s lhpb.LHStatus) bool { return s == completed || s == errored || s == exception }

func failed(s lhpb.LHStatus) bool { return s == errored || s == exception }

// mayRunBecome is for WfRuns and ThreadRuns. A record may go several arrows at once; only ERROR can be
// rescued from, and then anything may follow.
func mayRunBecome(from, to lhpb.LHStatus) bool {
	switch from {
	case completed, exception:
		return to == from
	default:
		return true
	}
}

func wfRunTransition(b, a *pb.WfRunRow) (out []Violation) {
	from, to := b.GetWfRun(), a.GetWfRun()
	name := nameOf(to.GetId())
	if !mayRunBecome(from.Status, to.Status) || to.Status == halting || to.Status == lhpb.LHStatus_STARTING {
		out = append(out, Violation{name, fmt.Sprintf("WfRun went from %s to %s", from.Status, to.Status)})
	}
	if to.GreatestThreadrunNumber < from.GreatestThreadrunNumber {
		out = append(out, Violation{name, "greatest_threadrun_number went back"})
	}
	if b.Deleting && !a.Deleting {
		out = append(out, Violation{name, "a deletion was taken back"})
	}
	return out
}

func threadTransition(b, a *lhpb.ThreadRun) (out []Violation) {
	name := fmt.Sprintf("ThreadRun %d", a.Number)
	if !mayRunBecome(b.Status, a.Status) || a.Status == lhpb.LHStatus_STARTING {
		out = append(out, Violation{name, fmt.Sprintf("went from %s to %s", b.Status, a.Status)})
	}
	if a.CurrentNodePosition < b.CurrentNodePosition {
		out = append(out, Violation{name, fmt.Sprintf("went back from position %d to %d", b.CurrentNodePosition, a.CurrentNodePosition)})
	}
	if b.Status == errored && a.Status != errored && a.CurrentNodePosition == b.CurrentNodePosition {
		out = append(out, Violation{name, "was rescued without a new NodeRun"})
	}
	return out
}

// mayNodeBecome allows edges that fail behind a node, and the failure of an interrupt's handler; nothing else
// behind the end of one.
func mayNodeBecome(from, to lhpb.LHStatus) bool {
	switch from {
	case completed:
		return to == completed || failed(to)
	case errored, exception:
		return failed(to)
	default:
		return to != lhpb.LHStatus_STARTING
	}
}

func nodeTransition(b, a *lhpb.NodeRun) (out []Violation) {
	name := fmt.Sprintf("NodeRun %s/%d/%d", nameOf(a.Id.WfRunId), a.Id.ThreadRunNumber, a.Id.Position)
	if !mayNodeBecome(b.Status, a.Status) {
		out = append(out, Violation{name, fmt.Sprintf("went from %s to %s", b.Status, a.Status)})
	}
	if len(a.Failures) < len(b.Failures) {
		out = append(out, Violation{name, "lost a failure"})
	}
	return out
}

func mayAttemptBecome(from, to lhpb.TaskStatus) bool {
	switch from {
	case lhpb.TaskStatus_TASK_PENDING:
		return to == from || to == lhpb.TaskStatus_TASK_SCHEDULED || to == lhpb.TaskStatus_TASK_RUNNING
	case lhpb.TaskStatus_TASK_SCHEDULED:
		return to == from || to == lhpb.TaskStatus_TASK_RUNNING
	case lhpb.TaskStatus_TASK_RUNNING:
		return to != lhpb.TaskStatus_TASK_PENDING && to != lhpb.TaskStatus_TASK_SCHEDULED
	default:
		return to == from
	}
}

func taskTransition(b, a *lhpb.TaskRun) (out []Violation) {
	name := "TaskRun " + nameOf(a.Id.WfRunId) + "/" + a.Id.TaskGuid
	if len(a.Attempts) < len(b.Attempts) {
		return []Violation{{name, "lost an attempt"}}
	}
	for i, from := range b.Attempts {
		to := a.Attempts[i]
		if !mayAttemptBecome(from.Status, to.Status) {
			out = append(out, Violation{name, fmt.Sprintf("attempt %d went from %s to %s", i, from.Status, to.Status)})
		}
		if from.StartTime != nil && (to.StartTime.AsTime() != from.StartTime.AsTime() || to.TaskWorkerId != from.TaskWorkerId) {
			out = append(out, Violation{name, fmt.Sprintf("attempt %d was handed out twice", i)})
		}
	}
	return out
}

func eventTransition(b, a *lhpb.ExternalEvent) []Violation {
	if b.Claimed && (!a.Claimed || a.GetThreadRunNumber() != b.GetThreadRunNumber() || a.GetNodeRunPosition() != b.GetNodeRunPosition()) {
		return []Violation{{"ExternalEvent " + a.Id.Guid, "was claimed twice"}}
	}
	return nil
}

// userTaskTransition: what has ended stays as it ended, and what has happened stays said.
func userTaskTransition(b, a *lhpb.UserTaskRun) (out []Violation) {
	name := "UserTaskRun " + nameOf(a.Id.WfRunId) + "/" + a.Id.UserTaskGuid
	if !openForm(b) && a.Status != b.Status {
		out = append(out, Violation{name, fmt.Sprintf("went from %s to %s", b.Status, a.Status)})
	}
	if len(a.Events) < len(b.Events) || a.Epoch < b.Epoch {
		out = append(out, Violation{name, "forgot what has happened"})
	}
	return out
}
