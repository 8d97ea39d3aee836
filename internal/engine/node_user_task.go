package engine

import (
	"errors"
	"fmt"
	"strings"

	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// userTaskNode waits for a person.
type userTaskNode struct{}

func (userTaskNode) arrive(n *nodeRun) *lhpb.Failure {
	run := &lhpb.UserTaskNodeRun{}
	n.edit().NodeType = &lhpb.NodeRun_UserTask{UserTask: run}
	node := n.spec().GetUserTask()
	def := n.tx().specs.UserTaskDef(node.UserTaskDefName, node.GetUserTaskDefVersion())
	if def == nil {
		return fail(lhpb.LHErrorType_TASK_ERROR, "Appears that UserTaskDef was deleted!")
	}
	notes, to, f := n.userTaskOrder(node)
	if f != nil {
		return f
	}
	due, err := n.arrivalActions(node)
	if err != nil {
		return fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Invalid variables when creating UserTaskRun: %s", err)
	}
	u := n.thread.run.newUserTaskRun(n, def, notes)
	run.UserTaskRunId = u.get().Id
	u.assign(n, to)
	for _, a := range due {
		u.arm(n, a)
	}
	return nil
}

// userTaskOrder computes what the UserTaskRun says to people, and who gets it.
func (n *nodeRun) userTaskOrder(node *lhpb.UserTaskNode) (notes *string, to owner, f *lhpb.Failure) {
	notes, err := n.scope().optionalText(node.Notes)
	if err == nil {
		to, err = n.owner(node.UserId, node.UserGroup)
	}
	if err == nil && textBytes(notes, to.user, to.group) > n.tx().valueLimit()/2 {
		err = n.tx().limitError()
	}
	switch {
	case err != nil:
		f = fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Invalid variables when creating UserTaskRun: %s", err)
	case to.nobody():
		f = fail(lhpb.LHErrorType_VAR_ERROR, "Invalid user task assignment")
	case blank(to.user):
		f = fail(lhpb.LHErrorType_VAR_ERROR, "Invalid user task assignment. UserId can't be empty")
	case blank(to.group):
		f = fail(lhpb.LHErrorType_VAR_ERROR, "Invalid group task assignment. UserGroup can't be empty")
	}
	return notes, to, f
}

// owner computes a user and a group.
func (n *nodeRun) owner(user, group *lhpb.VariableAssignment) (owner, error) {
	userID, err := n.scope().optionalText(user)
	if err != nil {
		return owner{}, err
	}
	userGroup, err := n.scope().optionalText(group)
	return owner{user: userID, group: userGroup}, err
}

// blank reports whether the text is there and says nothing.
func blank(text *string) bool { return text != nil && strings.TrimSpace(*text) == "" }

func textBytes(texts ...*string) int {
	size := 0
	for _, t := range texts {
		if t != nil {
			size += len(*t)
		}
	}
	return size
}

// sleeps: only a command or a timer that names the UserTaskRun can end it.
func (userTaskNode) sleeps(*nodeRun) bool { return true }

func (userTaskNode) check(n *nodeRun) (outcome, *lhpb.Failure) {
	u := n.userTaskRun()
	switch u.get().Status {
	case lhpb.UserTaskRunStatus_DONE:
		output, err := u.output()
		if err != nil {
			return waiting, fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed calculating the output of the UserTaskRun: %s", err)
		}
		return outcome{done: true, output: output}, nil
	case lhpb.UserTaskRunStatus_CANCELLED:
		return waiting, n.cancellation()
	default:
		return waiting, nil
	}
}

// cancellation is the failure of a USER_TASK whose UserTaskRun was cancelled.
func (n *nodeRun) cancellation() *lhpb.Failure {
	name, err := n.cancellationName()
	if err != nil {
		return fail(lhpb.LHErrorType_VAR_SUB_ERROR, "User task cancelled. %s", err)
	}
	return &lhpb.Failure{FailureName: name, Message: "User task cancelled"}
}

// cancellationName is the name of that failure.
func (n *nodeRun) cancellationName() (string, error) {
	name, err := n.scope().optionalText(n.spec().GetUserTask().GetOnCancellationExceptionName())
	switch {
	case err != nil:
		return "", fmt.Errorf("Must specify a valid on cancel exception name: %w", err)
	case textBytes(name) > maxMessageBytes:
		return "", errors.New("Must specify a valid on cancel exception name: it is too long")
	case name == nil || blank(name):
		return lhpb.LHErrorType_USER_TASK_CANCELLED.String(), nil
	default:
		return *name, nil
	}
}

// mayHalt cancels the UserTaskRun: nobody should work on what may never go on. The failure that follows from
// it comes once the ThreadRun goes on.
func (userTaskNode) mayHalt(n *nodeRun) bool {
	if u := n.userTaskRun(); u != nil {
		u.cancel()
	}
	return true
}

// userTaskRun is the UserTaskRun of a USER_TASK; nil if none was made.
func (n *nodeRun) userTaskRun() *userTaskRun {
	id := n.get().GetUserTask().GetUserTaskRunId()
	if id == nil {
		return nil
	}
	return n.thread.run.userTask(id.UserTaskGuid)
}

// optionalText computes an assignment that means a text; nil if there is none or it is NULL.
func (s *scope) optionalText(a *lhpb.VariableAssignment) (*string, error) {
	v, err := s.resolve(a)
	if err != nil || value.IsNull(v) {
		return nil, err
	}
	text, err := value.AsStr(v)
	if err != nil {
		return nil, err
	}
	return &text, nil
}
