package engine

import (
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// saveUserTaskRunProgress keeps what somebody has filled in so far, in place of what was saved before.
func (t *txn) saveUserTaskRunProgress(r *lhpb.SaveUserTaskRunProgressRequest) machine.Reply {
	u := t.userTaskRun(r.UserTaskRunId)
	if u == nil {
		return refusef(lh.NotFound, "Couldn't find provided UserTaskRun")
	}
	claimed := u.get().UserId != nil && *u.get().UserId != r.UserId
	if claimed && r.Policy != lhpb.SaveUserTaskRunProgressRequest_IGNORE_CLAIM {
		return refusef(lh.FailedPrecondition, "UserTaskRun is assigned to another user")
	}
	if u.ended() {
		return refusef(lh.FailedPrecondition, "UserTaskRun is in status %s", u.get().Status)
	}
	results, err := formValues(r.Results)
	if err != nil {
		return refuse(err)
	}
	if err := u.mustGrowBy(len(r.UserId) + 2*r.SizeVT()); err != nil {
		return refuse(err)
	}
	u.edit().Results = results
	u.log(&lhpb.UserTaskEvent{Event: &lhpb.UserTaskEvent_Saved{
		Saved: &lhpb.UserTaskEvent_UTESaved{UserId: r.UserId, Results: results},
	}})
	return answer(u.get())
}

// formValues takes in what people have filled in.
func formValues(given map[string]*lhpb.VariableValue) (map[string]*lhpb.VariableValue, *lh.Error) {
	out := make(map[string]*lhpb.VariableValue, len(given))
	for _, name := range sortedKeys(given) {
		v, err := value.ValidateUntyped(given[name])
		if err != nil {
			return nil, lh.Errorf(lh.InvalidArgument, "Invalid value of field %s: %s", name, err)
		}
		out[name] = v
	}
	return out, nil
}
