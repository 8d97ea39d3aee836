package engine

import (
	"slices"

	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// A ThreadRun may wait for a condition on Variables that its WfRun has inherited. Whoever changes one does not look for those who
// wait in other WfRuns: they find out with the next record of their own. So the WfRun that has the Variable numbers its
// changes, once anybody waits for it, and the others know the number of the last change that they were told of.

// changeOf is what the list says of the Variable; nil if it does not name it.
func changeOf(list []*pb.VariableChange, name string) *pb.VariableChange {
	i := slices.IndexFunc(list, func(c *pb.VariableChange) bool { return c.Variable == name })
	if i < 0 {
		return nil
	}
	return list[i]
}

// share has the changes of the Variable numbered from now on, and gives the number of the last one.
func (v *variable) share() int64 {
	w := v.thread.run
	c := changeOf(w.row.now.Shared, v.name)
	if c == nil {
		c = &pb.VariableChange{Variable: v.name, Number: max(1, w.tx.nowNs)}
		w.edit()
		w.row.now.Shared = append(w.row.now.Shared, c)
	}
	return c.Number
}

// tellBelow numbers a change of the Variable, and lets those WfRuns know that this record moves anyway. The numbers of a WfRun
// that has the id of an earlier one are others.
func (v *variable) tellBelow() {
	w := v.thread.run
	if v.thread.number != 0 || changeOf(w.row.now.Shared, v.name) == nil {
		return
	}
	w.edit()
	c := changeOf(w.row.now.Shared, v.name)
	c.Number = max(c.Number+1, w.tx.nowNs)
	for _, other := range w.tx.runs.all {
		if other != w && other.passes > 0 {
			other.seeInherited()
		}
	}
}

// heed has the records of the WfRun look whether the Variable of another has changed.
func (w *wfRun) heed(v *variable) {
	number := v.share()
	if changeOf(w.row.now.Inherited, v.name) == nil {
		w.edit()
		w.row.now.Inherited = append(w.row.now.Inherited, &pb.VariableChange{Variable: v.name, Number: number})
	}
}

// seeInherited makes the record look at the ThreadRuns that wait for a Variable of a WfRun above, if that has changed.
func (w *wfRun) seeInherited() {
	if w.row.now == nil || w.row.now.Deleting || w.terminated() {
		return
	}
	for i, c := range w.row.now.Inherited {
		number := w.inheritedChange(c.Variable)
		if number == c.Number {
			continue
		}
		w.edit()
		w.row.now.Inherited[i].Number = number
		w.alert(keys.InheritedSubject(c.Variable), w.depth(0))
	}
}

// inheritedChange is the number of the last change of the Variable; 0 if there is none, or nobody waits for it any more.
func (w *wfRun) inheritedChange(name string) int64 {
	t, def := w.source(name)
	if def == nil {
		return 0
	}
	return changeOf(t.run.row.now.Shared, name).GetNumber()
}

// source is the entrypoint of the nearest ancestor that does not inherit the Variable itself, and what it declares; nil if it
// declares no such Variable for others.
func (w *wfRun) source(name string) (*threadRun, *lhpb.ThreadVarDef) {
	for p := w.parent(); p != nil; p = p.parent() {
		t := p.entrypoint()
		def := t.declaration(name)
		switch {
		case def == nil || def.AccessLevel == lhpb.WfRunVariableAccessLevel_PRIVATE_VAR:
			return nil, nil
		case def.AccessLevel == lhpb.WfRunVariableAccessLevel_PUBLIC_VAR:
			return t, def
		}
	}
	return nil, nil
}
