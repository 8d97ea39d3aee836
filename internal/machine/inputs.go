package machine

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// ReadRow gives what a key holds, decoded into what empty makes; nil if it is absent.
type ReadRow func(k keys.Key, empty func() Value) (Value, error)

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
func Inputs(read ReadRow, run keys.Run, t *lhpb.TaskRun) ([]*lhpb.VarNameAndVal, error) {
	apart, err := readRow[*pb.TaskInputs](read, run.TaskInputs(t.GetId().GetTaskGuid()), emptyTaskInputs)
	if err != nil || apart == nil {
		return t.InputVariables, err
	}
	all := make([]*lhpb.VarNameAndVal, len(t.InputVariables))
	left := apart.Inputs
	for i, in := range t.InputVariables {
		all[i] = in
		if in.Value != nil || len(left) == 0 {
			continue
		}
		v := left[0].GetValue()
		if l := left[0].GetLent(); l != nil {
			if v, err = lent(read, run, l); err != nil {
				return nil, err
			}
		}
		all[i], left = &lhpb.VarNameAndVal{VarName: in.VarName, Value: v, Masked: in.Masked}, left[1:]
	}
	return all, nil
}

// lent finds a value that a Variable has or had.
func lent(read ReadRow, run keys.Run, l *pb.LentValue) (*lhpb.VariableValue, error) {
	now, err := readRow[*pb.Lent](read, run.Lent(l.ThreadRunNumber, l.Name), emptyLent)
	if err != nil {
		return nil, err
	}
	if now.GetNumber() == l.Number {
		v, err := readRow[*lhpb.Variable](read, run.Variable(l.ThreadRunNumber, l.Name), emptyVariable)
		return v.GetValue(), err
	}
	before, err := readRow[*pb.Lent](read, run.LentBefore(l.ThreadRunNumber, l.Name, l.Number), emptyLent)
	return before.GetValue(), err
}

func readRow[P Value](read ReadRow, k keys.Key, empty func() Value) (none P, err error) {
	v, err := read(k, empty)
	if err != nil || v == nil {
		return none, err
	}
	return v.(P), nil
}

func emptyTaskInputs() Value { return &pb.TaskInputs{} }
func emptyLent() Value       { return &pb.Lent{} }
func emptyVariable() Value   { return &lhpb.Variable{} }
