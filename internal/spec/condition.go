package spec

import (
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// condition checks either form of a condition; neither is no condition.
func (t *thread) condition(c *lhpb.VariableAssignment, legacy *lhpb.LegacyEdgeCondition) *problem {
	switch {
	case c != nil:
		return t.conditionAssignment(c)
	case legacy != nil:
		if p := t.settle(func(v visitor) { v.legacy(legacy) }); p != nil {
			return p
		}
		return t.comparison(legacy.GetComparator(), legacy.GetLeft(), legacy.GetRight())
	}
	return nil
}

func (t *thread) conditionAssignment(c *lhpb.VariableAssignment) *problem {
	if p := t.settle(func(v visitor) { v.assign(c) }); p != nil {
		return p
	}
	switch s := c.GetSource().(type) {
	case *lhpb.VariableAssignment_StructBuilder:
		return nil
	case *lhpb.VariableAssignment_Expression_:
		if op, ok := s.Expression.GetOperation().(*lhpb.VariableAssignment_Expression_Comparator); ok {
			return t.comparison(op.Comparator, s.Expression.GetLhs(), s.Expression.GetRhs())
		}
		return nil
	}
	return t.bool(c)
}

// bool refuses what is not known to be BOOL before any cast. Only STR may become it by one.
func (t *thread) bool(c *lhpb.VariableAssignment) *problem {
	typ, p := t.sourceType(c)
	if p != nil {
		return p
	}
	if typ.IsNull() || typ.Is(lhpb.VariableType_BOOL) {
		return nil
	}
	if typ.Is(lhpb.VariableType_STR) && isBool(c.GetTargetType()) {
		return nil
	}
	return problemf("the condition Does not resolve to a BOOL value but to %v", typ)
}

func isBool(t *lhpb.TypeDefinition) bool {
	p, ok := t.GetDefinedType().(*lhpb.TypeDefinition_PrimitiveType)
	return ok && p.PrimitiveType == lhpb.VariableType_BOOL
}

// comparison is the check of a comparator in a condition. What is not known before it runs passes.
func (t *thread) comparison(cmp lhpb.Comparator, left, right *lhpb.VariableAssignment) *problem {
	lhs, p := t.typeOf(left)
	if p != nil {
		return p.after("Unable to resolve type of VariableAssignment")
	}
	rhs, p := t.typeOf(right)
	if p != nil {
		return p.after("Unable to resolve type of VariableAssignment")
	}
	if err := value.CheckComparison(cmp, lhs, rhs); err != nil {
		return problemf("%v", err)
	}
	return nil
}
