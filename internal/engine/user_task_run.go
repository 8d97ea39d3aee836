package engine

import (
	"maps"
	"strconv"

	"littlehorse/internal/lh"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// userTaskRun is a UserTaskRun within a record. While it is open its NodeRun is the current one of its
// ThreadRun, and both are RUNNING: whatever stops them cancels it.
type userTaskRun struct {
	run *wfRun
	row row[lhpb.UserTaskRun, *lhpb.UserTaskRun]
}

func (u *userTaskRun) get() *lhpb.UserTaskRun  { return u.row.now }
func (u *userTaskRun) edit() *lhpb.UserTaskRun { return u.row.edit(u.run.tx) }

// ended reports whether nobody can work on it any more.
func (u *userTaskRun) ended() bool {
	s := u.get().Status
	return s == lhpb.UserTaskRunStatus_DONE || s == lhpb.UserTaskRunStatus_CANCELLED
}

// owner is who has a UserTaskRun: a user, a group or both.
type owner struct{ user, group *string }

func (o owner) nobody() bool { return o.user == nil && o.group == nil }

func (u *userTaskRun) owner() owner { return owner{user: u.get().UserId, group: u.get().UserGroup} }

// has reports whether the user has the UserTaskRun.
func (o owner) has(user string) bool { return o.user != nil && *o.user == user }

// userTask is the UserTaskRun of that guid; nil if there is none.
func (w *wfRun) userTask(guid string) *userTaskRun {
	if u := w.forms.get(guid); u != nil {
		return u
	}
	u := &userTaskRun{run: w}
	u.row = load[lhpb.UserTaskRun](w.tx, w.keys.UserTaskRun(guid))
	if u.row.now == nil {
		return nil
	}
	w.forms.add(guid, u)
	return u
}

// newUserTaskRun makes the UserTaskRun of a NodeRun. Nobody has it yet.
func (w *wfRun) newUserTaskRun(n *nodeRun, def *lhpb.UserTaskDef, notes *string) *userTaskRun {
	guid := strconv.Itoa(int(n.thread.number)) + "-" + strconv.Itoa(int(n.position))
	u := &userTaskRun{run: w}
	u.row.key = w.keys.UserTaskRun(guid)
	u.row.put(w.tx, &lhpb.UserTaskRun{
		Id:            &lhpb.UserTaskRunId{WfRunId: w.id(), UserTaskGuid: guid},
		UserTaskDefId: &lhpb.UserTaskDefId{Name: def.Name, Version: def.Version},
		Notes:         notes,
		ScheduledTime: w.tx.now,
		NodeRunId:     n.id(),
	})
	w.forms.add(guid, u)
	return u
}

// node is the NodeRun that waits for an open UserTaskRun; nil if its WfSpec is gone.
func (u *userTaskRun) node() *nodeRun {
	at := u.get().NodeRunId
	t := u.run.thread(at.GetThreadRunNumber())
	if t == nil || t.spec == nil || t.get().CurrentNodePosition != at.Position {
		return nil
	}
	return t.node()
}

// assign gives the UserTaskRun to somebody; a new user starts the clocks of the actions that wait for one.
func (u *userTaskRun) assign(n *nodeRun, to owner) {
	was := u.give(to)
	if to.user == nil || was.has(*to.user) {
		return
	}
	for _, a := range n.assignmentActions() {
		u.arm(n, a)
	}
}

// give makes somebody the owner. Both user and group are replaced.
func (u *userTaskRun) give(to owner) (was owner) {
	was = u.owner()
	run := u.edit()
	run.UserId, run.UserGroup = to.user, to.group
	run.Status = lhpb.UserTaskRunStatus_UNASSIGNED
	if to.user != nil {
		run.Status = lhpb.UserTaskRunStatus_ASSIGNED
	}
	run.Epoch++
	u.log(&lhpb.UserTaskEvent{Event: &lhpb.UserTaskEvent_Assigned{Assigned: &lhpb.UserTaskEvent_UTEAssigned{
		OldUserId: was.user, OldUserGroup: was.group, NewUserId: to.user, NewUserGroup: to.group,
	}}})
	return was
}

// resultsWith are the results saved before, and these in place of or beside them.
func (u *userTaskRun) resultsWith(given map[string]*lhpb.VariableValue) map[string]*lhpb.VariableValue {
	out := make(map[string]*lhpb.VariableValue, len(u.get().Results)+len(given))
	maps.Copy(out, u.get().Results)
	maps.Copy(out, given)
	return out
}

// complete ends the UserTaskRun well.
func (u *userTaskRun) complete(results map[string]*lhpb.VariableValue) {
	run := u.edit()
	run.Results = results
	run.Status = lhpb.UserTaskRunStatus_DONE
	u.log(&lhpb.UserTaskEvent{Event: &lhpb.UserTaskEvent_Completed{Completed: &lhpb.UserTaskEvent_UTECompleted{}}})
}

// cancel ends the UserTaskRun without results. One that has ended stays as it is.
func (u *userTaskRun) cancel() {
	if u.ended() {
		return
	}
	u.edit().Status = lhpb.UserTaskRunStatus_CANCELLED
	u.log(&lhpb.UserTaskEvent{Event: &lhpb.UserTaskEvent_Cancelled{
		Cancelled: &lhpb.UserTaskEvent_UTECancelled{Message: "UserTaskRun was cancelled"},
	}})
}

// log appends to what has happened.
func (u *userTaskRun) log(e *lhpb.UserTaskEvent) {
	e.Time = u.run.tx.now
	run := u.edit()
	run.Events = append(run.Events, e)
}

// output is what later nodes see of the UserTaskRun.
func (u *userTaskRun) output() (*lhpb.VariableValue, error) {
	return value.JSONObject(u.get().Results)
}

// mustGrowBy refuses what would leave no room to complete the UserTaskRun: one that nobody can end would hold
// its ThreadRun for ever.
func (u *userTaskRun) mustGrowBy(bytes int) *lh.Error {
	limit := u.run.tx.valueLimit()
	if u.get().SizeVT()+bytes > limit-limit/8 {
		return lh.Errorf(lh.ResourceExhausted, "UserTaskRun %s/%s has become too large: %s",
			u.run.name, u.get().Id.UserTaskGuid, u.run.tx.limitError())
	}
	return nil
}

// userTaskRun is the UserTaskRun of that id; nil if there is none.
func (t *txn) userTaskRun(id *lhpb.UserTaskRunId) *userTaskRun {
	w := t.wfRun(id.GetWfRunId())
	if w == nil {
		return nil
	}
	u := w.userTask(id.GetUserTaskGuid())
	if u != nil {
		w.thread(u.get().NodeRunId.GetThreadRunNumber()) // a halt that has yet to come to it cancels the UserTaskRun
	}
	return u
}
