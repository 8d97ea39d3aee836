package value

import (
	"errors"
	"fmt"

	"littlehorse/lhpb"
)

// EvalEdge says whether an edge may be taken; one without a condition always may.
func EvalEdge(e *lhpb.Edge, env Env) (bool, error) {
	switch k := e.GetEdgeCondition().(type) {
	case *lhpb.Edge_LegacyCondition:
		return EvalLegacyCondition(k.LegacyCondition, env)
	case *lhpb.Edge_Condition:
		return EvalCondition(k.Condition, env)
	}
	return true, nil
}

// EvalLegacyCondition compares both sides; nothing is converted.
func EvalLegacyCondition(c *lhpb.LegacyEdgeCondition, env Env) (bool, error) {
	r := newResolver(env)
	left, right, err := r.operands(c.GetLeft(), c.GetRight())
	if err != nil {
		return false, err
	}
	return EvalComparator(c.GetComparator(), left, right)
}

// EvalCondition says whether an assignment is true. It must be a BOOL; so must both sides of AND and OR.
func EvalCondition(a *lhpb.VariableAssignment, env Env) (bool, error) {
	if e := a.GetExpression(); e != nil && a.GetPath() == nil && a.GetTargetType() == nil {
		if op, ok := e.GetOperation().(*lhpb.VariableAssignment_Expression_MutationType); ok {
			return evalLogical(op.MutationType, e, env)
		}
	}
	v, err := Resolve(a, env)
	if err != nil {
		return false, err
	}
	b, ok := v.GetValue().(*lhpb.VariableValue_Bool)
	if !ok {
		return false, fmt.Errorf("Does not resolve to a BOOL value but to one of type %v", TypeOf(v))
	}
	return b.Bool, nil
}

func evalLogical(op lhpb.VariableMutationType, e *lhpb.VariableAssignment_Expression, env Env) (bool, error) {
	if op != lhpb.VariableMutationType_AND && op != lhpb.VariableMutationType_OR {
		return false, fmt.Errorf("Operation %v does not resolve to a BOOL value", op)
	}
	left, right, err := newResolver(env).operands(e.GetLhs(), e.GetRhs())
	if err != nil {
		return false, err
	}
	l, lok := left.GetValue().(*lhpb.VariableValue_Bool)
	r, rok := right.GetValue().(*lhpb.VariableValue_Bool)
	if !lok || !rok {
		return false, errors.New("Both sides of " + op.String() + " must be BOOL, not " +
			TypeOf(left).String() + " and " + TypeOf(right).String())
	}
	if op == lhpb.VariableMutationType_AND {
		return l.Bool && r.Bool, nil
	}
	return l.Bool || r.Bool, nil
}
