package spec

import "littlehorse/lhpb"

// StructDefsOf calls yield with every version of a StructDef that a stored WfSpec needs to run, in a fixed
// order; one may come more than once.
func StructDefsOf(w *lhpb.WfSpec, yield func(*lhpb.StructDefId)) {
	builders := visitor{assignment: func(a *lhpb.VariableAssignment) {
		if b := a.GetStructBuilder(); b != nil {
			yield(b.GetStructDefId())
		}
		if m := a.GetMapBuilder().GetMapType(); m != nil {
			StructDefIDs(m.GetKeyType(), yield)
			StructDefIDs(m.GetValueType(), yield)
		}
	}}
	for _, name := range sortedKeys(w.GetThreadSpecs()) {
		t := w.ThreadSpecs[name]
		for _, v := range t.GetVariableDefs() {
			StructDefIDs(v.GetVarDef().GetTypeDef(), yield)
		}
		for _, n := range sortedKeys(t.GetNodes()) {
			walkNode(t.Nodes[n], builders)
		}
	}
}
