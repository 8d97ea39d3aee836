package spec

import "littlehorse/lhpb"

func (n node) edge(e *lhpb.Edge) *problem {
	if p := n.sink(e.GetSinkNodeName()); p != nil {
		return p
	}
	if p := n.condition(e.GetCondition(), e.GetLegacyCondition()); p != nil {
		return p
	}
	for _, m := range e.GetVariableMutations() {
		if p := n.mutation(m); p != nil {
			return p
		}
	}
	return nil
}

func (n node) sink(name string) *problem {
	if name == n.name {
		return problemf("Self loop not allowed!")
	}
	sink := n.thread.spec.GetNodes()[name]
	switch {
	case sink == nil:
		return problemf("Outgoing edge referring to missing node %s!", name)
	case sink.GetEntrypoint() != nil:
		return problemf("Entrypoint node has incoming edge from node %s.", n.name)
	}
	return nil
}
