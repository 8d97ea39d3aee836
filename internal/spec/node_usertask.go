package spec

import (
	"strconv"
	"strings"

	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// userTask pins the version of the UserTaskDef.
func (n node) userTask(u *lhpb.UserTaskNode) *problem {
	def := n.userTaskDef(u)
	if def == nil {
		return problemf("Specified UserTaskDef %s not found", userTaskDefString(u))
	}
	u.UserTaskDefVersion = &def.Version
	if u.GetUserId() == nil && u.GetUserGroup() == nil {
		return problemf("Must specify userGroup or userId")
	}
	return first(
		notBlank(u.GetUserId(), "UserId can't be empty"),
		notBlank(u.GetUserGroup(), "UserGroup can't be empty"),
		actions(u.GetActions()),
		n.settle(func(v visitor) { v.userTask(u) }),
	)
}

// actions refuses those that say nothing. What they compute is only looked at when they happen.
func actions(list []*lhpb.UTActionTrigger) *problem {
	for i, a := range list {
		var p *problem
		switch k := a.GetAction().(type) {
		case *lhpb.UTActionTrigger_Task:
			p = reminder(k.Task.GetTask())
		case *lhpb.UTActionTrigger_Reassign, *lhpb.UTActionTrigger_Cancel:
		default:
			p = problemf("it has no action")
		}
		if p != nil {
			return problemf("Action %d: %s", i, p.text)
		}
	}
	return nil
}

func reminder(t *lhpb.TaskNode) *problem {
	if t.GetTaskToExecute() == nil {
		return problemf("a TASK must name a TaskDef")
	}
	return first(retries(t), backoff(t.GetExponentialBackoff()))
}

func (n node) userTaskDef(u *lhpb.UserTaskNode) *lhpb.UserTaskDef {
	if u.UserTaskDefVersion == nil {
		return n.defs.UserTaskDef(u.GetUserTaskDefName(), NewestVersion)
	}
	if *u.UserTaskDefVersion < 0 {
		return nil
	}
	return n.defs.UserTaskDef(u.GetUserTaskDefName(), *u.UserTaskDefVersion)
}

func userTaskDefString(u *lhpb.UserTaskNode) string {
	if u.UserTaskDefVersion == nil {
		return u.GetUserTaskDefName()
	}
	return u.GetUserTaskDefName() + "/" + strconv.Itoa(int(*u.UserTaskDefVersion))
}

// notBlank refuses a literal that names nobody.
func notBlank(a *lhpb.VariableAssignment, refusal string) *problem {
	l, ok := a.GetSource().(*lhpb.VariableAssignment_LiteralValue)
	if !ok {
		return nil
	}
	str, isStr := l.LiteralValue.GetValue().(*lhpb.VariableValue_Str)
	if value.IsNull(l.LiteralValue) || isStr && strings.TrimSpace(str.Str) == "" {
		return problemf("%s", refusal)
	}
	return nil
}
