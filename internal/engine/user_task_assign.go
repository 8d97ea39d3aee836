package engine

import (
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/lhpb"
)

// assignUserTaskRun gives an open UserTaskRun to a user, a group or both.
func (t *txn) assignUserTaskRun(r *lhpb.AssignUserTaskRunRequest) machine.Reply {
	to := owner{user: r.UserId, group: r.UserGroup}
	switch {
	case blank(to.user):
		return refusef(lh.InvalidArgument, "UserId can't be empty")
	case blank(to.group):
		return refusef(lh.InvalidArgument, "UserGroup can't be empty")
	case to.nobody():
		return refusef(lh.InvalidArgument, "must provide either UserGroup or userId")
	}
	u := t.userTaskRun(r.UserTaskRunId)
	if u == nil {
		return refusef(lh.NotFound, "Couldn't find provided UserTaskRun")
	}
	if user := u.get().UserId; user != nil && !r.OverrideClaim {
		return refusef(lh.FailedPrecondition, "User Task Run already assigned to %s", *user)
	}
	if u.ended() {
		return refusef(lh.FailedPrecondition, "Couldn't reassign User Task Run since it is in terminal status %s", u.get().Status)
	}
	n := u.node()
	if n == nil {
		return refuse(u.run.specGone())
	}
	if err := u.mustGrowBy(assignmentBytes(u.owner(), to)); err != nil {
		return refuse(err)
	}
	u.assign(n, to)
	return done
}
