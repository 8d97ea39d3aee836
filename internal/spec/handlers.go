package spec

import (
	"strings"

	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

func (n node) failureHandlers(handlers []*lhpb.FailureHandlerDef) *problem {
	var invalid []string
	for _, h := range handlers {
		if s, ok := h.GetFailureToCatch().(*lhpb.FailureHandlerDef_SpecificFailure); ok &&
			!isErrorType(s.SpecificFailure) && !lh.ValidName(s.SpecificFailure) {
			invalid = append(invalid, s.SpecificFailure)
		}
	}
	if len(invalid) > 0 {
		return baref("Invalid names for exception handlers: %s", strings.Join(invalid, ", "))
	}
	return n.handlersExist(handlers)
}

func (n node) handlersExist(handlers []*lhpb.FailureHandlerDef) *problem {
	for _, h := range handlers {
		if n.threads[h.GetHandlerSpecName()] == nil {
			return problemf("Failure handler refers to missing ThreadSpec: %s", h.GetHandlerSpecName())
		}
	}
	return nil
}

func (t *thread) interrupts() *problem {
	for _, i := range t.spec.GetInterruptDefs() {
		if p := t.interrupt(i); p != nil {
			return p
		}
	}
	return nil
}

func (t *thread) interrupt(i *lhpb.InterruptDef) *problem {
	event := i.GetExternalEventDefId().GetName()
	if t.defs.ExternalEventDef(event) == nil {
		return problemf("Refers to missing ExternalEventDef %s", event)
	}
	handler := t.threads[i.GetHandlerSpecName()]
	if handler == nil {
		return problemf("Refers to missing ThreadSpec: %s", i.GetHandlerSpecName())
	}
	if p := handler.takesInputOnly(); p != nil {
		return p
	}
	if t.awaited[event] {
		return problemf("ExternalEventDef %s used for Node and Interrupt!", event)
	}
	if other, used := t.interrupting[event]; used && other != t.name {
		return problemf("ExternalEventDef %s used by multiple threads as interrupt!", event)
	}
	t.interrupting[event] = t.name
	return nil
}

func (t *thread) takesInputOnly() *problem {
	vars := t.spec.GetVariableDefs()
	switch {
	case len(vars) > 1:
		return problemf("Interrupt Handler thread %s should only have 'INPUT' var.", t.name)
	case len(vars) == 1 && vars[0].GetVarDef().GetName() != InputVariable:
		return problemf("Interrupt Handler thread %s should only have 'INPUT' var, not %s", t.name, vars[0].GetVarDef().GetName())
	}
	return nil
}
