package engine

import (
	"strings"

	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// completeUserTaskRun ends a UserTaskRun with its results and lets its WfRun go on. On one that has ended it
// changes nothing, so that a client may try again.
func (t *txn) completeUserTaskRun(r *lhpb.CompleteUserTaskRunRequest) machine.Reply {
	u := t.userTaskRun(r.UserTaskRunId)
	if u == nil {
		return refusef(lh.NotFound, "Couldn't find provided UserTaskRun")
	}
	if u.ended() {
		return done
	}
	n := u.node()
	if n == nil {
		return refuse(u.run.specGone())
	}
	given, err := t.filledIn(u, r.Results)
	if err != nil {
		return refuse(err)
	}
	results := u.resultsWith(given)
	if err := u.mayEndWith(r, results); err != nil {
		return refuse(err)
	}
	if user := r.UserId; strings.TrimSpace(user) != "" && !u.owner().has(user) {
		u.give(owner{user: &user, group: u.get().UserGroup})
	}
	u.complete(results)
	n.thread.run.advance()
	return done
}

// filledIn takes in results that fit the UserTaskDef.
func (t *txn) filledIn(u *userTaskRun, given map[string]*lhpb.VariableValue) (map[string]*lhpb.VariableValue, *lh.Error) {
	id := u.get().UserTaskDefId
	def := t.specs.UserTaskDef(id.GetName(), id.GetVersion())
	if def == nil {
		return nil, lh.Errorf(lh.FailedPrecondition, "UserTaskDef %s version %d was deleted: the UserTaskRun can only be cancelled",
			id.GetName(), id.GetVersion())
	}
	for _, name := range sortedKeys(given) {
		if err := checkField(def, name, given[name]); err != nil {
			return nil, err
		}
	}
	var missing []string
	for _, f := range def.Fields {
		if f.Required && given[f.Name] == nil {
			missing = append(missing, f.Name)
		}
	}
	if len(missing) > 0 {
		return nil, lh.Errorf(lh.InvalidArgument, "[%s] are mandatory fields", strings.Join(missing, ","))
	}
	return formValues(given)
}

// checkField refuses a result that the UserTaskDef does not ask for, or not in this type.
func checkField(def *lhpb.UserTaskDef, name string, v *lhpb.VariableValue) *lh.Error {
	kind, primitive := value.PrimitiveOf(v)
	if !primitive {
		return lh.Errorf(lh.InvalidArgument, "Field [name = %s, type = %s] has non-primitive TypeDefinition and is unsupported for a UserTask schema",
			name, value.TypeOf(v))
	}
	for _, f := range def.Fields {
		if f.Name == name && f.Type == kind {
			return nil
		}
	}
	return lh.Errorf(lh.InvalidArgument, "Field [name = %s, type = %s] is not defined in UserTask schema or has different type",
		name, value.TypeOf(v))
}

// mayEndWith refuses results that do not fit into the UserTaskRun, or into the output of its node.
func (u *userTaskRun) mayEndWith(r *lhpb.CompleteUserTaskRunRequest, results map[string]*lhpb.VariableValue) *lh.Error {
	tx := u.run.tx
	if u.get().SizeVT()+assignmentBytes(u.owner(), owner{user: &r.UserId})+r.SizeVT() > tx.valueLimit() {
		return lh.Errorf(lh.ResourceExhausted, "The results are too large: %s", tx.limitError())
	}
	output, err := value.JSONObject(results)
	if err != nil {
		return lh.Errorf(lh.InvalidArgument, "The results cannot become the output of a node: %s", err)
	}
	if err := tx.mustFit(output); err != nil {
		return lh.Errorf(lh.ResourceExhausted, "The results are too large: %s", err)
	}
	return nil
}
