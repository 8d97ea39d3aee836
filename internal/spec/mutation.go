package spec

import (
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// mutation checks one change of a variable on an edge out of the node. What is put at a path is looked at
// when it runs.
func (n node) mutation(m *lhpb.VariableMutation) *problem {
	if p := n.settle(func(v visitor) { v.mutate(m) }); p != nil {
		return p.within("Mutation of variable %s", m.GetLhsName())
	}
	if m.LhsJsonPath != nil || m.GetLhsLhPath() != nil {
		return nil
	}
	lhs, p := n.variableType(m.GetLhsName())
	if p != nil {
		return p
	}
	rhs, p := n.mutationType(m)
	if p != nil {
		return p.within("Mutation of variable %s", m.GetLhsName())
	}
	if rhs.IsUnknown() {
		return nil
	}
	if m.GetOperation() == lhpb.VariableMutationType_ASSIGN {
		if p := n.assignable(m.GetRhsAssignment(), lhs, rhs); p != nil {
			return p
		}
	}
	result, err := value.ResultType(m.GetOperation(), lhs, rhs)
	if err != nil {
		return problemf("%v", err).within("Mutation of variable %s", m.GetLhsName())
	}
	if !value.Compatible(lhs, result) {
		return problemf("Cannot mutate a %v by assigning it a value of type %v", lhs, result)
	}
	return nil
}

// mutationType is the type of the right side, in any of its forms.
func (n node) mutationType(m *lhpb.VariableMutation) (value.Type, *problem) {
	switch r := m.GetRhsValue().(type) {
	case *lhpb.VariableMutation_RhsAssignment:
		return n.typeOf(r.RhsAssignment)
	case *lhpb.VariableMutation_LiteralValue:
		return value.TypeOf(r.LiteralValue), nil
	case *lhpb.VariableMutation_NodeOutput:
		if _, ok := r.NodeOutput.GetPath().(*lhpb.VariableMutation_NodeOutputSource_Jsonpath); ok {
			return value.Type{}, nil
		}
		return n.descend(n.outputType(n.spec), r.NodeOutput.GetLhPath())
	}
	return value.Type{}, problemf("the mutation has no right side")
}

// assignable refuses what only a cast could make fit. rhs is the type behind the cast of a.
func (t *thread) assignable(a *lhpb.VariableAssignment, lhs, rhs value.Type) *problem {
	if p := builds(a, lhs); p != nil {
		return p
	}
	if a.GetTargetType() != nil {
		source, p := t.sourceType(a)
		if p != nil {
			return p
		}
		return first(castable(source, rhs), castable(rhs, lhs))
	}
	if _, ok := rhs.Primitive(); ok && !value.Compatible(lhs, rhs) {
		return notAssignable(rhs, lhs)
	}
	return nil
}

// builds refuses a struct builder where another type is wanted, whatever is read or cast from it then.
func builds(a *lhpb.VariableAssignment, want value.Type) *problem {
	b := a.GetStructBuilder()
	if b == nil || a.GetLhPath() != nil {
		return nil
	}
	if built := value.Declared(value.StructType(b.GetStructDefId())); !value.Compatible(want, built) {
		return notAssignable(built, want)
	}
	return nil
}

func notAssignable(from, to value.Type) *problem {
	return problemf("Cannot assign %v to %v without explicit casting.", from, to)
}

// castable refuses a cast between primitives that does not exist. Other types take no part.
func castable(from, to value.Type) *problem {
	f, ok := from.Primitive()
	if !ok {
		return nil
	}
	if t, ok := to.Primitive(); ok && !value.CanCast(f, t) {
		return problemf("Cannot cast from %v to %v. This conversion is not supported.", from, to)
	}
	return nil
}
