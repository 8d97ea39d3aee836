package engine

import (
	"errors"
	"fmt"
	"strconv"

	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// userTaskAction is an action of a USER_TASK node whose clock starts now.
type userTaskAction struct {
	number  int32 // within the node
	seconds int64
}

// arrivalActions are those that the making of a UserTaskRun starts.
func (n *nodeRun) arrivalActions(node *lhpb.UserTaskNode) ([]userTaskAction, error) {
	var out []userTaskAction
	for i, a := range node.Actions {
		if a.Hook != lhpb.UTActionTrigger_ON_ARRIVAL {
			continue
		}
		seconds, err := n.scope().strictInteger(a.DelaySeconds)
		if err != nil {
			return nil, fmt.Errorf("Delay for User Task Action %d: %w", i, err)
		}
		out = append(out, userTaskAction{int32(i), seconds})
	}
	return out, nil
}

// assignmentActions are those that a new user starts. One whose delay cannot be computed is left out.
func (n *nodeRun) assignmentActions() []userTaskAction {
	var out []userTaskAction
	for i, a := range n.spec().GetUserTask().Actions {
		if a.Hook != lhpb.UTActionTrigger_ON_TASK_ASSIGNED {
			continue
		}
		if seconds, err := n.scope().strictInteger(a.DelaySeconds); err == nil {
			out = append(out, userTaskAction{int32(i), seconds})
		}
	}
	return out
}

// arm sets the timer of an action. What an action arms waits a second at least, or a chain of them would
// never leave the partition alone.
func (u *userTaskRun) arm(n *nodeRun, a userTaskAction) {
	tx := u.run.tx
	if tx.timer != "" {
		a.seconds = max(a.seconds, 1)
	}
	due, ok := addSeconds(tx.nowNs, max(a.seconds, 0))
	if !ok {
		return // later than any clock will show
	}
	id := n.timerID() + "/" + strconv.Itoa(int(a.number)) + "/" + strconv.Itoa(int(u.get().Epoch))
	tx.setTimer(
		keys.Timer{DueNs: due, Kind: keys.TimerUserTask, ID: id},
		&pb.Timer{What: &pb.Timer_UserTaskAction_{UserTaskAction: &pb.Timer_UserTaskAction{
			NodeRunId: n.id(), Action: a.number, Epoch: u.get().Epoch,
		}}},
	)
}

// userTaskActionDue is the timer of an action. It does nothing to a UserTaskRun that has ended.
func (t *txn) userTaskActionDue(timer *pb.Timer_UserTaskAction, setNs int64) {
	n := t.nodeRunOf(timer.NodeRunId, setNs)
	if n == nil {
		return
	}
	u := n.userTaskRun()
	actions := n.spec().GetUserTask().GetActions()
	if u == nil || u.ended() || int(timer.Action) >= len(actions) {
		return
	}
	switch a := actions[timer.Action].GetAction().(type) {
	case *lhpb.UTActionTrigger_Task:
		u.remind(n, a.Task.GetTask())
	case *lhpb.UTActionTrigger_Reassign:
		if u.owner().user != nil && u.get().Epoch == timer.Epoch {
			u.reassign(n, a.Reassign)
		}
	case *lhpb.UTActionTrigger_Cancel:
		u.cancel()
		u.run.advance()
	}
}

// remind runs a task for whoever has the UserTaskRun now. What cannot be run is left out: a reminder never
// decides over the WfRun.
func (u *userTaskRun) remind(n *nodeRun, node *lhpb.TaskNode) {
	def, f := n.taskDef(node)
	if f != nil || u.mustGrowBy(reminderBytes) != nil {
		return
	}
	inputs, err := n.taskInputs(node, def)
	if err != nil {
		return
	}
	number := len(u.get().Events)
	k := u.run.schedule(taskStart{
		guid:   "ut-" + u.get().Id.UserTaskGuid + "-" + strconv.Itoa(number),
		def:    def,
		node:   node,
		inputs: inputs,
		source: &lhpb.TaskRunSource{
			TaskRunSource: &lhpb.TaskRunSource_UserTaskTrigger{UserTaskTrigger: &lhpb.UserTaskTriggerReference{
				NodeRunId:           n.id(),
				UserTaskEventNumber: int32(number),
				UserId:              u.get().UserId,
				UserGroup:           u.get().UserGroup,
			}},
			WfSpecId: n.get().WfSpecId,
		},
	})
	u.log(&lhpb.UserTaskEvent{Event: &lhpb.UserTaskEvent_TaskExecuted{
		TaskExecuted: &lhpb.UserTaskEvent_UTETaskExecuted{TaskRun: k.get().Id},
	}})
}

// reminderBytes is more than the event of a reminder needs beside the id of the WfRun.
const reminderBytes = 4 << 10

// reassign gives the UserTaskRun to whom the action names now; to nobody changes nothing.
func (u *userTaskRun) reassign(n *nodeRun, a *lhpb.UTActionTrigger_UTAReassign) {
	to, err := n.owner(a.GetUserId(), a.GetUserGroup())
	switch {
	case err != nil:
	case blank(to.user):
		err = errors.New("UserId can't be empty")
	case blank(to.group):
		err = errors.New("UserGroup can't be empty")
	case to.nobody() || u.mustGrowBy(assignmentBytes(u.owner(), to)) != nil:
		return
	}
	if err != nil {
		u.cancel()
		n.failWaiting(fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed calculating new assignment for UserTaskRun: %s", err))
		return
	}
	u.assign(n, to)
}

// assignmentBytes is more than an assignment adds to a UserTaskRun.
func assignmentBytes(from, to owner) int {
	return 128 + textBytes(from.user, from.group) + 2*textBytes(to.user, to.group)
}
