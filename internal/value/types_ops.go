package value

import (
	"fmt"

	"littlehorse/lhpb"
)

// class is what a comparator asks of its operands.
type class uint8

const (
	identity class = 1 << iota
	magnitude
	includes
)

func classOf(c lhpb.Comparator) (class, error) {
	switch c {
	case lhpb.Comparator_EQUALS, lhpb.Comparator_NOT_EQUALS:
		return identity, nil
	case lhpb.Comparator_LESS_THAN, lhpb.Comparator_LESS_THAN_EQ,
		lhpb.Comparator_GREATER_THAN, lhpb.Comparator_GREATER_THAN_EQ:
		return magnitude, nil
	case lhpb.Comparator_IN, lhpb.Comparator_NOT_IN:
		return includes, nil
	}
	return 0, fmt.Errorf("unknown Comparator %d", int32(c))
}

// supports is the classes of comparators that a type takes part in.
func (t Type) supports(c class) bool {
	if t.null {
		return true
	}
	p, ok := t.Primitive()
	if !ok {
		return c&(identity|includes) != 0
	}
	switch p {
	case lhpb.VariableType_INT, lhpb.VariableType_DOUBLE, lhpb.VariableType_STR,
		lhpb.VariableType_BOOL, lhpb.VariableType_TIMESTAMP:
		return c&(identity|magnitude) != 0
	case lhpb.VariableType_WF_RUN_ID, lhpb.VariableType_BYTES:
		return c == identity
	}
	return c&(identity|includes) != 0
}

// CheckComparison is the check of a condition before it runs. A side whose type is unknown passes.
func CheckComparison(cmp lhpb.Comparator, lhs, rhs Type) error {
	c, err := classOf(cmp)
	if err != nil {
		return err
	}
	if lhs.IsUnknown() || rhs.IsUnknown() || rhs.IsNull() {
		return nil
	}
	if !rhs.supports(c) {
		return fmt.Errorf("You cannot compare RHS type %v using Comparator %v", rhs, cmp)
	}
	switch c {
	case identity:
		if !lhs.sameIgnoringMask(rhs) && !(lhs.supports(magnitude) && rhs.supports(magnitude)) {
			return fmt.Errorf("You can only compare LHS type %v with its own type using Comparator %v, not with %v", lhs, cmp, rhs)
		}
	case includes:
		if !rhs.Is(lhpb.VariableType_JSON_ARR) && !lhs.Is(lhpb.VariableType_STR) {
			return fmt.Errorf("You cannot use LHS type %v with Comparator %v on RHS type %v", lhs, cmp, rhs)
		}
	}
	return nil
}

// sameIgnoringMask is equality without the outermost masked flags.
func (t Type) sameIgnoringMask(u Type) bool {
	return t.null == u.null && t.def != nil && u.def != nil && equalDefined(t.def, u.def, 0)
}

func (t Type) isNumber() bool {
	return t.Is(lhpb.VariableType_INT) || t.Is(lhpb.VariableType_DOUBLE)
}

// isLeaf reports the primitives that have one short text.
func (t Type) isLeaf() bool {
	p, ok := t.Primitive()
	if !ok {
		return false
	}
	switch p {
	case lhpb.VariableType_INT, lhpb.VariableType_BOOL, lhpb.VariableType_DOUBLE,
		lhpb.VariableType_WF_RUN_ID, lhpb.VariableType_TIMESTAMP, lhpb.VariableType_STR:
		return true
	}
	return false
}

// ResultType is the type of `lhs op rhs` as far as it can be told before it runs: unknown if a side is. An
// error says why the operation can never work. INT with a DOUBLE counts as INT, as the operation does when
// it changes an INT variable.
func ResultType(op lhpb.VariableMutationType, lhs, rhs Type) (Type, error) {
	if lhs.IsUnknown() || rhs.IsUnknown() {
		return Type{}, nil
	}
	switch op {
	case lhpb.VariableMutationType_AND, lhpb.VariableMutationType_OR:
		return Primitive(lhpb.VariableType_BOOL), nil
	}
	if op == lhpb.VariableMutationType_ASSIGN {
		if !Compatible(lhs, rhs) {
			return Type{}, fmt.Errorf("Cannot assign %v to %v", rhs, lhs)
		}
		return lhs, nil
	}
	return lhs.operated(op, rhs)
}

func (t Type) operated(op lhpb.VariableMutationType, rhs Type) (Type, error) {
	p, primitive := t.Primitive()
	ok := false
	switch {
	case t.IsArray():
		if op == lhpb.VariableMutationType_ADD {
			return Type{}, fmt.Errorf("Cannot add to a %v. Use EXTEND instead", t)
		}
		ok = t.arrayTakes(op, rhs)
	case t.IsMap():
		ok = op == lhpb.VariableMutationType_EXTEND && rhs.IsMap() ||
			op == lhpb.VariableMutationType_REMOVE_KEY && Compatible(t.Key(), rhs)
	case !primitive:
	case p == lhpb.VariableType_INT && op == lhpb.VariableMutationType_POW && rhs.Is(lhpb.VariableType_DOUBLE):
		return Primitive(lhpb.VariableType_DOUBLE), nil
	default:
		ok = primitiveTakes(p, op, rhs)
	}
	if !ok {
		return Type{}, t.refusal(op, rhs)
	}
	return t, nil
}

func (t Type) arrayTakes(op lhpb.VariableMutationType, rhs Type) bool {
	switch op {
	case lhpb.VariableMutationType_EXTEND:
		return Compatible(t.Element(), rhs) || rhs.IsArray() && Compatible(t, rhs)
	case lhpb.VariableMutationType_REMOVE_IF_PRESENT:
		return Compatible(t.Element(), rhs)
	case lhpb.VariableMutationType_REMOVE_INDEX:
		return rhs.isNumber()
	}
	return false
}

func primitiveTakes(p lhpb.VariableType, op lhpb.VariableMutationType, rhs Type) bool {
	switch p {
	case lhpb.VariableType_INT, lhpb.VariableType_DOUBLE:
		return isArithmetic(op) && rhs.isNumber()
	case lhpb.VariableType_STR:
		switch op {
		case lhpb.VariableMutationType_ADD, lhpb.VariableMutationType_EXTEND, lhpb.VariableMutationType_REMOVE_IF_PRESENT:
			return rhs.isLeaf()
		case lhpb.VariableMutationType_REMOVE_INDEX:
			return rhs.isNumber()
		}
	case lhpb.VariableType_JSON_ARR:
		switch op {
		case lhpb.VariableMutationType_ADD:
			return true
		case lhpb.VariableMutationType_EXTEND:
			return rhs.Is(lhpb.VariableType_JSON_ARR)
		case lhpb.VariableMutationType_REMOVE_IF_PRESENT:
			return rhs.isLeaf()
		case lhpb.VariableMutationType_REMOVE_INDEX:
			return rhs.isNumber()
		}
	case lhpb.VariableType_JSON_OBJ:
		return (op == lhpb.VariableMutationType_REMOVE_KEY || op == lhpb.VariableMutationType_REMOVE_IF_PRESENT) && rhs.isLeaf()
	case lhpb.VariableType_BYTES:
		return op == lhpb.VariableMutationType_EXTEND && rhs.Is(lhpb.VariableType_BYTES)
	}
	return false
}

func isArithmetic(op lhpb.VariableMutationType) bool {
	switch op {
	case lhpb.VariableMutationType_ADD, lhpb.VariableMutationType_SUBTRACT, lhpb.VariableMutationType_MULTIPLY,
		lhpb.VariableMutationType_DIVIDE, lhpb.VariableMutationType_POW:
		return true
	}
	return false
}

func (t Type) refusal(op lhpb.VariableMutationType, rhs Type) error {
	if isArithmetic(op) && t.isNumber() {
		return fmt.Errorf("Cannot %s %v with %v", verb(op), t, rhs)
	}
	return fmt.Errorf("Cannot %s to a %v with a %v", verb(op), t, rhs)
}

// verb is the operation as messages say it.
func verb(op lhpb.VariableMutationType) string {
	switch op {
	case lhpb.VariableMutationType_ASSIGN:
		return "assign"
	case lhpb.VariableMutationType_ADD:
		return "add"
	case lhpb.VariableMutationType_EXTEND:
		return "extend"
	case lhpb.VariableMutationType_SUBTRACT:
		return "subtract"
	case lhpb.VariableMutationType_MULTIPLY:
		return "multiply"
	case lhpb.VariableMutationType_DIVIDE:
		return "divide"
	case lhpb.VariableMutationType_REMOVE_IF_PRESENT:
		return "remove if present"
	case lhpb.VariableMutationType_REMOVE_INDEX:
		return "remove index"
	case lhpb.VariableMutationType_REMOVE_KEY:
		return "remove key"
	case lhpb.VariableMutationType_AND:
		return "and"
	case lhpb.VariableMutationType_OR:
		return "or"
	case lhpb.VariableMutationType_POW:
		return "raise to a power"
	}
	return op.String()
}
