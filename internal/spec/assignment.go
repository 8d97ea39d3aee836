package spec

import (
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// typeOf is the type that an assignment gives: its target type if it casts, else that of its source.
func (t *thread) typeOf(a *lhpb.VariableAssignment) (value.Type, *problem) {
	source, p := t.sourceType(a)
	if p != nil || a.TargetType == nil {
		return source, p
	}
	return value.Declared(a.TargetType), nil
}

// sourceType is the type before any cast, behind the path.
func (t *thread) sourceType(a *lhpb.VariableAssignment) (value.Type, *problem) {
	if a.GetSource() == nil {
		return value.Type{}, problemf("VariableAssignment passed with missing source")
	}
	if _, ok := a.Path.(*lhpb.VariableAssignment_JsonPath); ok {
		return value.Type{}, nil
	}
	typ, p := t.plainType(a)
	if p != nil || a.GetLhPath() == nil {
		return typ, p
	}
	return t.descend(typ, a.GetLhPath())
}

func (t *thread) plainType(a *lhpb.VariableAssignment) (value.Type, *problem) {
	switch s := a.Source.(type) {
	case *lhpb.VariableAssignment_VariableName:
		return t.variableType(s.VariableName)
	case *lhpb.VariableAssignment_LiteralValue:
		return value.TypeOf(s.LiteralValue), nil
	case *lhpb.VariableAssignment_FormatString_:
		return value.Primitive(lhpb.VariableType_STR), nil
	case *lhpb.VariableAssignment_NodeOutput:
		return t.nodeOutputType(s.NodeOutput.GetNodeName())
	case *lhpb.VariableAssignment_Expression_:
		return t.expressionType(s.Expression)
	case *lhpb.VariableAssignment_StructBuilder:
		return value.Declared(value.StructType(s.StructBuilder.GetStructDefId())), nil
	case *lhpb.VariableAssignment_SizeOf_:
		return t.sizeType(s.SizeOf)
	case *lhpb.VariableAssignment_MapBuilder:
		if m := s.MapBuilder.GetMapType(); m != nil {
			return value.Declared(value.MapDef(m.KeyType, m.ValueType)), nil
		}
	}
	return value.Type{}, nil
}

func (t *thread) variableType(name string) (value.Type, *problem) {
	v := t.variable(name)
	if v == nil {
		return value.Type{}, baref("Thread %s refers to missing var %s", t.name, name)
	}
	return v.typ(), nil
}

func (t *thread) nodeOutputType(name string) (value.Type, *problem) {
	n := t.spec.GetNodes()[name]
	if n == nil {
		return value.Type{}, problemf("Node %s not present in threadspec %s", name, t.name)
	}
	return t.outputType(n), nil
}

func (t *thread) expressionType(e *lhpb.VariableAssignment_Expression) (value.Type, *problem) {
	operation, ok := e.GetOperation().(*lhpb.VariableAssignment_Expression_MutationType)
	if !ok {
		return value.Primitive(lhpb.VariableType_BOOL), nil
	}
	lhs, p := t.typeOf(e.GetLhs())
	if p != nil {
		return value.Type{}, p
	}
	rhs, p := t.typeOf(e.GetRhs())
	if p != nil {
		return value.Type{}, p
	}
	result, err := value.ResultType(operation.MutationType, lhs, rhs)
	if err != nil {
		return value.Type{}, problemf("%v", err)
	}
	return result, nil
}

func (t *thread) sizeType(s *lhpb.VariableAssignment_SizeOf) (value.Type, *problem) {
	operand, p := t.castType(s.GetOperand())
	if p != nil {
		return value.Type{}, p
	}
	if !operand.IsUnknown() && !operand.IsArray() &&
		!operand.Is(lhpb.VariableType_STR) && !operand.Is(lhpb.VariableType_JSON_ARR) {
		return value.Type{}, problemf("size() only supports STR, ARRAY or JSON_ARR operands, not %v", operand)
	}
	return value.Primitive(lhpb.VariableType_INT), nil
}

// fits reports whether what the assignment gives is accepted where want is declared, without a cast. What
// comes by a JSON path, from a node or from an expression is looked at when it runs.
func (t *thread) fits(a *lhpb.VariableAssignment, want value.Type) (bool, *problem) {
	if a.GetSource() != nil && showsAtRunTime(a) {
		return true, nil
	}
	have, p := t.castType(a)
	if p != nil {
		return false, p
	}
	return !have.IsNull() && value.Compatible(want, have), nil
}

// castType is the type behind a cast as it will run: it changes primitives only.
func (t *thread) castType(a *lhpb.VariableAssignment) (value.Type, *problem) {
	source, p := t.sourceType(a)
	if p != nil || a.TargetType == nil {
		return source, p
	}
	if _, primitive := source.Primitive(); !primitive && !source.IsUnknown() {
		return source, nil
	}
	target := value.Declared(a.TargetType)
	return target, castable(source, target)
}

func showsAtRunTime(a *lhpb.VariableAssignment) bool {
	_, byJSONPath := a.Path.(*lhpb.VariableAssignment_JsonPath)
	return byJSONPath || a.GetNodeOutput() != nil || a.GetExpression() != nil
}

// settle checks what holds for assignments wherever they stand, and pins the StructDefs they build.
func (t *thread) settle(walk func(visitor)) *problem {
	var found *problem
	walk(visitor{assignment: func(a *lhpb.VariableAssignment) {
		if found == nil {
			found = t.settled(a)
		}
	}})
	return found
}

func (t *thread) settled(a *lhpb.VariableAssignment) *problem {
	switch s := a.Source.(type) {
	case *lhpb.VariableAssignment_Expression_:
		if s.Expression.GetOperation() == nil {
			return problemf("Expression without an operation")
		}
	case *lhpb.VariableAssignment_StructBuilder:
		return t.structBuilder(s.StructBuilder)
	case *lhpb.VariableAssignment_MapBuilder:
		return t.mapBuilder(s.MapBuilder)
	}
	return nil
}
