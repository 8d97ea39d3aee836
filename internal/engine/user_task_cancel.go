package engine

import (
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/lhpb"
)

// cancelUserTaskRun cancels a UserTaskRun, which fails its node. On one that has ended it changes nothing.
func (t *txn) cancelUserTaskRun(r *lhpb.CancelUserTaskRunRequest) machine.Reply {
	u := t.userTaskRun(r.UserTaskRunId)
	if u == nil {
		return refusef(lh.NotFound, "Couldn't find specified UserTaskRun")
	}
	if u.ended() {
		return done
	}
	n := u.node()
	if n == nil {
		return refuse(u.run.specGone())
	}
	if _, err := n.cancellationName(); err != nil {
		return refusef(lh.InvalidArgument, "%s", err)
	}
	u.cancel()
	n.thread.run.advance()
	return done
}
