package spec

import "littlehorse/lhpb"

func (n node) externalEvent(e *lhpb.ExternalEventNode) *problem {
	name := e.GetExternalEventDefId().GetName()
	if n.defs.ExternalEventDef(name) == nil {
		return problemf("Refers to nonexistent ExternalEventDef %s", name)
	}
	return n.settle(func(v visitor) {
		v.assign(e.GetTimeoutSeconds())
		v.assign(e.GetCorrelationKey())
	})
}

func (n node) throwEvent(e *lhpb.ThrowEventNode) *problem {
	name := e.GetEventDefId().GetName()
	if n.defs.WorkflowEventDef(name) == nil {
		return problemf("Refers to missing workflowEventDef %s", name)
	}
	return n.settle(func(v visitor) { v.assign(e.GetContent()) })
}
