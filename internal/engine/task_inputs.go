package engine

import (
	"slices"

	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// The row of a TaskRun is written when it is scheduled, claimed and reported. So a large input does not lie in it, but in a row that is
// written once; and if it is the value of a Variable of the WfRun, not even there: the TaskRun names the value, and whoever
// changes the Variable keeps the old value for the TaskRuns that were given it.

// apartSince is the engine version that first did so.
const apartSince = 2

// givenInputs are the inputs of a TaskRun that is to be made.
type givenInputs struct {
	all   []*lhpb.VarNameAndVal
	apart []apartInput // in order
}

// apartInput is an input that lies apart.
type apartInput struct {
	at     int       // in all
	lender *variable // whose value it is; nil if it is nobody's
}

// liesApart reports whether a value that TaskRuns are given lies apart.
func (t *txn) liesApart(v *lhpb.VariableValue) bool {
	return t.version() >= apartSince && v.SizeVT() >= t.engine.config.ApartBytes
}

// lender is the Variable of this WfRun that the value of an assignment is as it stands; nil if it is none.
func (n *nodeRun) lender(a *lhpb.VariableAssignment, v *lhpb.VariableValue) *variable {
	source, is := a.GetSource().(*lhpb.VariableAssignment_VariableName)
	if !is {
		return nil
	}
	from := n.thread.variable(source.VariableName)
	if from == nil || from.thread.run != n.thread.run || from.value() != v {
		return nil
	}
	return from
}

// part takes the large inputs out of a TaskRun that is being made.
func (k *taskRun) part(task *lhpb.TaskRun, s taskStart) {
	k.given = s.inputs.all
	k.apart = &pb.TaskInputs{Inputs: make([]*pb.TaskInput, len(s.inputs.apart))}
	task.InputVariables = slices.Clone(s.inputs.all)
	for i, p := range s.inputs.apart {
		in := s.inputs.all[p.at]
		left := &lhpb.VarNameAndVal{VarName: in.VarName, Masked: in.Masked}
		task.InputVariables[p.at] = left
		k.apart.Bytes += int64(in.SizeVT() - left.SizeVT())
		if p.lender != nil {
			k.apart.Inputs[i] = &pb.TaskInput{From: &pb.TaskInput_Lent{Lent: p.lender.lend()}}
		} else {
			k.apart.Inputs[i] = &pb.TaskInput{From: &pb.TaskInput_Value{Value: in.Value}}
		}
	}
	made := &row[pb.TaskInputs, *pb.TaskInputs]{key: k.run.keys.TaskInputs(s.guid)}
	made.put(k.run.tx, k.apart)
}

// inputs are all that the TaskRun was given.
func (k *taskRun) inputs() []*lhpb.VarNameAndVal {
	if k.given == nil {
		k.given = machine.Inputs(k.run.tx.view, k.run.keys, k.get())
	}
	return k.given
}

// size is what the TaskRun takes with all its inputs.
func (k *taskRun) size() int {
	size := k.get().SizeVT()
	switch {
	case k.apart != nil:
		return size + int(k.apart.Bytes)
	case machine.HasInputsApart(k.get()):
		return size + int(get[pb.TaskInputs](k.run.tx.view, k.run.keys.TaskInputs(k.get().Id.TaskGuid)).GetBytes())
	default:
		return size
	}
}

// whole is the TaskRun with all its inputs in it.
func (t *txn) whole(task *lhpb.TaskRun) *lhpb.TaskRun {
	if !machine.HasInputsApart(task) {
		return task
	}
	c := copyOfTaskRun(task)
	c.InputVariables = t.anyWfRun(task.Id.WfRunId).task(task.Id.TaskGuid).inputs()
	return c
}

// lentRow says whether the value of the Variable is lent.
func (v *variable) lentRow() *row[pb.Lent, *pb.Lent] {
	if v.lent == nil {
		lent := load[pb.Lent](v.thread.run.tx, v.thread.run.keys.Lent(v.thread.number, v.name))
		v.lent = &lent
	}
	return v.lent
}

// lend names the value that the Variable has, for a TaskRun.
func (v *variable) lend() *pb.LentValue {
	r := v.lentRow()
	switch {
	case r.now == nil:
		r.put(v.thread.run.tx, &pb.Lent{Now: true})
	case !r.now.Now:
		r.edit(v.thread.run.tx).Now = true
	}
	return &pb.LentValue{ThreadRunNumber: v.thread.number, Name: v.name, Number: r.now.Number}
}

// keepLent keeps the value of the Variable, which is about to get another, for the TaskRuns that were given it.
func (v *variable) keepLent() {
	tx := v.thread.run.tx
	if !tx.liesApart(v.value()) {
		return
	}
	r := v.lentRow()
	if r.now == nil || !r.now.Now {
		return
	}
	before := &row[pb.Lent, *pb.Lent]{key: v.thread.run.keys.LentBefore(v.thread.number, v.name, r.now.Number)}
	before.put(tx, &pb.Lent{Number: r.now.Number, Value: v.value()})
	r.edit(tx)
	r.now.Number, r.now.Now = r.now.Number+1, false
}
