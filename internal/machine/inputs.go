package machine

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// HasInputsApart reports whether the row of a TaskRun leaves out inputs, which Inputs finds.
func HasInputsApart(t *lhpb.TaskRun) bool {
	for _, in := range t.GetInputVariables() {
		if in.Value == nil {
			return true
		}
	}
	return false
}

// Inputs are all inputs of a stored TaskRun of the WfRun, wherever they lie. What is read stays as it is.
func Inputs(rows Getter, run keys.Run, t *lhpb.TaskRun) []*lhpb.VarNameAndVal {
	if !HasInputsApart(t) {
		return t.InputVariables
	}
	left := Get[pb.TaskInputs](rows, run.TaskInputs(t.GetId().GetTaskGuid())).GetInputs()
	all := make([]*lhpb.VarNameAndVal, len(t.InputVariables))
	for i, in := range t.InputVariables {
		all[i] = in
		if in.Value != nil || len(left) == 0 {
			continue
		}
		v := left[0].GetValue()
		if l := left[0].GetLent(); l != nil {
			v = lent(rows, run, l)
		}
		all[i], left = &lhpb.VarNameAndVal{VarName: in.VarName, Value: v, Masked: in.Masked}, left[1:]
	}
	return all
}

// lent finds a value that a Variable has or had.
func lent(rows Getter, run keys.Run, l *pb.LentValue) *lhpb.VariableValue {
	now := Get[pb.Lent](rows, run.Lent(l.ThreadRunNumber, l.Name))
	if now.GetNumber() == l.Number {
		return Get[lhpb.Variable](rows, run.Variable(l.ThreadRunNumber, l.Name)).GetValue()
	}
	return Get[pb.Lent](rows, run.LentBefore(l.ThreadRunNumber, l.Name, l.Number)).GetValue()
}
