package wf

import (
	"time"

	"littlehorse/lhpb"
)

// Assignee is who gets a user task: a user, a group, or a user within a group.
type Assignee struct{ user, group any }

// User is one person, by an id that is a text or an Expr.
func User(id any) Assignee { return Assignee{user: id} }

// Group is whoever of a group takes the task first.
func Group(name any) Assignee { return Assignee{group: name} }

// UserIn is one person, with the group that the task falls back to.
func UserIn(user, group any) Assignee { return Assignee{user: user, group: group} }

// UserTaskNode waits for a person. It is also what the person filled in, as JSON.
type UserTaskNode struct {
	Value[any]
	FailureHandlers[*UserTaskNode]
	task *lhpb.UserTaskNode
}

// AssignUserTask asks somebody to fill in a form, by the name of its UserTaskDef; somebody else registers that.
func (t *Thread) AssignUserTask(def string, to Assignee) *UserTaskNode {
	if !validName(def) {
		t.b.fail("user task name %q: use letters, digits and inner hyphens", def)
	}
	if to == (Assignee{}) {
		t.b.fail("user task %q: nobody would get it", def)
	}
	spec := &lhpb.UserTaskNode{UserTaskDefName: def, UserId: t.person(to.user), UserGroup: t.person(to.group)}
	n := t.add(def, "USER_TASK", &lhpb.Node{Node: &lhpb.Node_UserTask{UserTask: spec}})
	out := &UserTaskNode{Value: outputOf[any](n), task: spec}
	out.attach(out, n)
	return out
}

// person is the assignment of a user or group; nil for none.
func (t *Thread) person(x any) *lhpb.VariableAssignment {
	if x == nil {
		return nil
	}
	return t.assignAs(x, primitive(lhpb.VariableType_STR), "AssignUserTask").pb
}

// Notes tell whoever does it more than the form.
func (n *UserTaskNode) Notes(text any) *UserTaskNode {
	n.task.Notes = n.node.thread.assignAs(text, primitive(lhpb.VariableType_STR), "Notes").pb
	return n
}

// OnCancel is the name of the exception that the node fails with when the task is cancelled; without it that is the
// error UserTaskCancelled.
func (n *UserTaskNode) OnCancel(exception any) *UserTaskNode {
	n.task.OnCancellationExceptionName = n.node.thread.assignAs(exception, primitive(lhpb.VariableType_STR), "OnCancel").pb
	return n
}

// RemindAfter runs a task, by the name of its TaskDef, once the user task has been there for so long. The arguments are
// computed then, and what becomes of the task does not matter to the WfRun.
func (n *UserTaskNode) RemindAfter(d time.Duration, task string, args ...any) *UserTaskNode {
	return n.after(d, lhpb.UTActionTrigger_ON_ARRIVAL, n.reminder(task, args))
}

// RemindAfterSeconds is RemindAfter with a number of seconds that is known at run time.
func (n *UserTaskNode) RemindAfterSeconds(s Arg[int64], task string, args ...any) *UserTaskNode {
	return n.afterSeconds(s, lhpb.UTActionTrigger_ON_ARRIVAL, n.reminder(task, args))
}

// RemindAfterAssignment is RemindAfter counted from each assignment to a user.
func (n *UserTaskNode) RemindAfterAssignment(d time.Duration, task string, args ...any) *UserTaskNode {
	return n.after(d, lhpb.UTActionTrigger_ON_TASK_ASSIGNED, n.reminder(task, args))
}

// RemindAfterAssignmentSeconds is RemindAfterAssignment with a number of seconds that is known at run time.
func (n *UserTaskNode) RemindAfterAssignmentSeconds(s Arg[int64], task string, args ...any) *UserTaskNode {
	return n.afterSeconds(s, lhpb.UTActionTrigger_ON_TASK_ASSIGNED, n.reminder(task, args))
}

// ReassignAfter gives the user task to somebody else when a user has had it for so long.
func (n *UserTaskNode) ReassignAfter(d time.Duration, to Assignee) *UserTaskNode {
	return n.after(d, lhpb.UTActionTrigger_ON_TASK_ASSIGNED, n.reassignment(to))
}

// ReassignAfterSeconds is ReassignAfter with a number of seconds that is known at run time.
func (n *UserTaskNode) ReassignAfterSeconds(s Arg[int64], to Assignee) *UserTaskNode {
	return n.afterSeconds(s, lhpb.UTActionTrigger_ON_TASK_ASSIGNED, n.reassignment(to))
}

func (n *UserTaskNode) reassignment(to Assignee) *lhpb.UTActionTrigger {
	t := n.node.thread
	if to == (Assignee{}) {
		t.b.fail("ReassignAfter: nobody would get it")
	}
	return &lhpb.UTActionTrigger{Action: &lhpb.UTActionTrigger_Reassign{
		Reassign: &lhpb.UTActionTrigger_UTAReassign{UserId: t.person(to.user), UserGroup: t.person(to.group)},
	}}
}

// ReleaseAfter gives the user task back to its group when a user has had it for so long.
func (n *UserTaskNode) ReleaseAfter(d time.Duration) *UserTaskNode {
	return n.after(d, lhpb.UTActionTrigger_ON_TASK_ASSIGNED, n.release())
}

// ReleaseAfterSeconds is ReleaseAfter with a number of seconds that is known at run time.
func (n *UserTaskNode) ReleaseAfterSeconds(s Arg[int64]) *UserTaskNode {
	return n.afterSeconds(s, lhpb.UTActionTrigger_ON_TASK_ASSIGNED, n.release())
}

func (n *UserTaskNode) release() *lhpb.UTActionTrigger {
	if n.task.UserGroup == nil {
		n.node.thread.b.fail("ReleaseAfter: the user task has no group")
	}
	return &lhpb.UTActionTrigger{Action: &lhpb.UTActionTrigger_Reassign{
		Reassign: &lhpb.UTActionTrigger_UTAReassign{UserGroup: n.task.UserGroup},
	}}
}

// CancelAfter cancels the user task once it has been there for so long: a positive time in whole seconds, rounded up, as that of all
// actions.
func (n *UserTaskNode) CancelAfter(d time.Duration) *UserTaskNode {
	return n.after(d, lhpb.UTActionTrigger_ON_ARRIVAL, cancelAction())
}

// CancelAfterSeconds is CancelAfter with a number of seconds that is known at run time.
func (n *UserTaskNode) CancelAfterSeconds(s Arg[int64]) *UserTaskNode {
	return n.afterSeconds(s, lhpb.UTActionTrigger_ON_ARRIVAL, cancelAction())
}

// CancelAfterAssignment is CancelAfter counted from each assignment to a user.
func (n *UserTaskNode) CancelAfterAssignment(d time.Duration) *UserTaskNode {
	return n.after(d, lhpb.UTActionTrigger_ON_TASK_ASSIGNED, cancelAction())
}

// CancelAfterAssignmentSeconds is CancelAfterAssignment with a number of seconds that is known at run time.
func (n *UserTaskNode) CancelAfterAssignmentSeconds(s Arg[int64]) *UserTaskNode {
	return n.afterSeconds(s, lhpb.UTActionTrigger_ON_TASK_ASSIGNED, cancelAction())
}

func cancelAction() *lhpb.UTActionTrigger {
	return &lhpb.UTActionTrigger{Action: &lhpb.UTActionTrigger_Cancel{Cancel: &lhpb.UTActionTrigger_UTACancel{}}}
}

func (n *UserTaskNode) reminder(task string, args []any) *lhpb.UTActionTrigger {
	t := n.node.thread
	spec := &lhpb.TaskNode{}
	t.taskToExecute(task, spec)
	for _, arg := range args {
		spec.Variables = append(spec.Variables, t.assign(arg).pb)
	}
	return &lhpb.UTActionTrigger{Action: &lhpb.UTActionTrigger_Task{Task: &lhpb.UTActionTrigger_UTATask{Task: spec}}}
}

func (n *UserTaskNode) after(d time.Duration, hook lhpb.UTActionTrigger_UTHook, a *lhpb.UTActionTrigger) *UserTaskNode {
	if d <= 0 {
		n.node.thread.b.fail("an action of a user task needs a positive delay: %v", d)
		return n
	}
	return n.afterSeconds(Lit(seconds(d)), hook, a)
}

func (n *UserTaskNode) afterSeconds(s Arg[int64], hook lhpb.UTActionTrigger_UTHook, a *lhpb.UTActionTrigger) *UserTaskNode {
	a.Hook = hook
	a.DelaySeconds = n.node.thread.assignAs(s, primitive(lhpb.VariableType_INT), "the delay of a user task").pb
	n.task.Actions = append(n.task.Actions, a)
	return n
}
