package spec

import (
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

func (n node) task(t *lhpb.TaskNode) *problem {
	if p := n.settle(func(v visitor) { v.task(t) }); p != nil {
		return p
	}
	if p := first(retries(t), backoff(t.GetExponentialBackoff())); p != nil {
		return p
	}
	switch k := t.GetTaskToExecute().(type) {
	case *lhpb.TaskNode_TaskDefId:
		return n.taskInputs(k.TaskDefId.GetName(), t.GetVariables())
	case *lhpb.TaskNode_DynamicTask:
		return nil
	}
	return problemf("a TASK node must name a TaskDef")
}

func retries(t *lhpb.TaskNode) *problem {
	if t.GetRetries() < 0 {
		return problemf("Cannot have negative retries!")
	}
	return nil
}

func backoff(b *lhpb.ExponentialBackoffRetryPolicy) *problem {
	switch {
	case b == nil:
		return nil
	case b.BaseIntervalMs <= 0:
		return problemf("Exponential Backoff Base interval must be > 0!")
	case !(b.Multiplier >= 1):
		return problemf("Exponential Backoff Multiplier must be at least 1.0!")
	case b.MaxDelayMs < int64(b.BaseIntervalMs):
		return problemf("Exponential Backoff max delay cannot be less than base delay")
	}
	return nil
}

func (n node) taskInputs(taskDef string, given []*lhpb.VariableAssignment) *problem {
	def := n.defs.TaskDef(taskDef)
	if def == nil {
		return problemf("Refers to nonexistent TaskDef %s", taskDef)
	}
	if len(given) != len(def.GetInputVars()) {
		return problemf("For TaskDef %s we need %d input vars, but we have %d", taskDef, len(def.GetInputVars()), len(given))
	}
	for i, input := range def.GetInputVars() {
		if p := n.taskInput(given[i], value.Declared(input.GetTypeDef())); p != nil {
			return problemf("Task input variable with name %s at position %d: %s", input.GetName(), i, p.text)
		}
	}
	return nil
}

func (n node) taskInput(a *lhpb.VariableAssignment, want value.Type) *problem {
	source, p := n.sourceType(a)
	if p != nil {
		return p
	}
	if p := builds(a, want); p != nil {
		return p
	}
	if a.GetTargetType() != nil {
		return n.castInput(source, value.Declared(a.TargetType), want)
	}
	if _, ok := source.Primitive(); ok && !value.Compatible(want, source) {
		return notAssignable(source, want)
	}
	return nil
}

func (n node) castInput(source, target, want value.Type) *problem {
	if p := castable(source, target); p != nil {
		return p
	}
	if !value.Compatible(want, target) {
		return problemf("Cannot assign %v to %v.", target, want)
	}
	return nil
}
