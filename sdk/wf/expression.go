package wf

import (
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// Operation is what Mutate does to a variable.
type Operation = lhpb.VariableMutationType

// The operations of Mutate and of expressions.
const (
	OpAssign          = lhpb.VariableMutationType_ASSIGN
	OpAdd             = lhpb.VariableMutationType_ADD
	OpExtend          = lhpb.VariableMutationType_EXTEND
	OpSubtract        = lhpb.VariableMutationType_SUBTRACT
	OpMultiply        = lhpb.VariableMutationType_MULTIPLY
	OpDivide          = lhpb.VariableMutationType_DIVIDE
	OpRemoveIfPresent = lhpb.VariableMutationType_REMOVE_IF_PRESENT
	OpRemoveIndex     = lhpb.VariableMutationType_REMOVE_INDEX
	OpRemoveKey       = lhpb.VariableMutationType_REMOVE_KEY
	OpPow             = lhpb.VariableMutationType_POW
)

func operate(left *operand, op Operation, x any) *operand {
	right := operandOf(x)
	return combine(&lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_Expression_{
		Expression: &lhpb.VariableAssignment_Expression{
			Lhs: left.pb, Rhs: right.pb,
			Operation: &lhpb.VariableAssignment_Expression_MutationType{MutationType: op},
		},
	}}, resultType(left.typ, op, right.typ), left, right)
}

// resultType is what the server's static table says; nil where it depends on the run.
func resultType(left *lhpb.TypeDefinition, op Operation, right *lhpb.TypeDefinition) *lhpb.TypeDefinition {
	if left == nil {
		return nil
	}
	if op == OpPow && isPrimitive(left, lhpb.VariableType_INT) {
		if right == nil || isPrimitive(right, lhpb.VariableType_DOUBLE) {
			return right
		}
	}
	return left
}

func compare(left *operand, c lhpb.Comparator, right *operand) Value[bool] {
	return Value[bool]{combine(&lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_Expression_{
		Expression: &lhpb.VariableAssignment_Expression{
			Lhs: left.pb, Rhs: right.pb,
			Operation: &lhpb.VariableAssignment_Expression_Comparator{Comparator: c},
		},
	}}, primitive(lhpb.VariableType_BOOL), left, right)}
}

// Add is the sum of numbers, a STR with another behind it, or a JSON array with one more item. INT and DOUBLE count as
// INT where the type must be known before the run.
func (v Value[T]) Add(x any) Value[T] { return Value[T]{operate(v.operand(), OpAdd, x)} }

// Sub is the difference of two numbers.
func (v Value[T]) Sub(x any) Value[T] { return Value[T]{operate(v.operand(), OpSubtract, x)} }

// Mul is the product of two numbers.
func (v Value[T]) Mul(x any) Value[T] { return Value[T]{operate(v.operand(), OpMultiply, x)} }

// Div is the quotient of two numbers; that of two INT is cut to an INT.
func (v Value[T]) Div(x any) Value[T] { return Value[T]{operate(v.operand(), OpDivide, x)} }

// Pow is a power.
func (v Value[T]) Pow(x any) Value[T] { return Value[T]{operate(v.operand(), OpPow, x)} }

// Append puts x behind a STR, BYTES, Array or JSON array, and merges it into a Map. What is known not to be a JSON array
// becomes one item of a JSON array; a JSON array is appended item by item.
func (v Value[T]) Append(x any) Value[T] {
	left, right := v.operand(), operandOf(x)
	item := right.typ != nil && !isPrimitive(right.typ, lhpb.VariableType_JSON_ARR)
	if isPrimitive(left.typ, lhpb.VariableType_JSON_ARR) && item {
		return Value[T]{operate(left, OpAdd, x)}
	}
	return Value[T]{operate(left, OpExtend, x)}
}

// Remove takes all items equal to x out of an Array or JSON array.
func (v Value[T]) Remove(x any) Value[T] {
	return Value[T]{operate(v.operand(), OpRemoveIfPresent, x)}
}

// RemoveAt takes the item at an index out of an Array or JSON array.
func (v Value[T]) RemoveAt(index any) Value[T] {
	return Value[T]{operate(v.operand(), OpRemoveIndex, index)}
}

// RemoveKey takes a key out of a Map or JSON object.
func (v Value[T]) RemoveKey(key any) Value[T] {
	return Value[T]{operate(v.operand(), OpRemoveKey, key)}
}

// Eq holds when both sides are of the same kind and equal, or both NULL. INT and DOUBLE are different kinds.
func (v Value[T]) Eq(x any) Value[bool] { return v.compare(lhpb.Comparator_EQUALS, x) }

// Ne is the opposite of Eq.
func (v Value[T]) Ne(x any) Value[bool] { return v.compare(lhpb.Comparator_NOT_EQUALS, x) }

// Lt holds when v is less than x. NULL is less than everything else.
func (v Value[T]) Lt(x any) Value[bool] { return v.compare(lhpb.Comparator_LESS_THAN, x) }

// Le is the opposite of Gt.
func (v Value[T]) Le(x any) Value[bool] { return v.compare(lhpb.Comparator_LESS_THAN_EQ, x) }

// Gt holds when v is greater than x.
func (v Value[T]) Gt(x any) Value[bool] { return v.compare(lhpb.Comparator_GREATER_THAN, x) }

// Ge is the opposite of Lt.
func (v Value[T]) Ge(x any) Value[bool] { return v.compare(lhpb.Comparator_GREATER_THAN_EQ, x) }

// In holds when x contains v: as an item, as a key or as a part of a STR.
func (v Value[T]) In(x any) Value[bool] { return v.compare(lhpb.Comparator_IN, x) }

// NotIn is the opposite of In.
func (v Value[T]) NotIn(x any) Value[bool] { return v.compare(lhpb.Comparator_NOT_IN, x) }

// Contains holds when v contains x: as an item, as a key or as a part of a STR.
func (v Value[T]) Contains(x any) Value[bool] {
	return compare(operandOf(x), lhpb.Comparator_IN, v.operand())
}

// NotContains is the opposite of Contains.
func (v Value[T]) NotContains(x any) Value[bool] {
	return compare(operandOf(x), lhpb.Comparator_NOT_IN, v.operand())
}

func (v Value[T]) compare(c lhpb.Comparator, x any) Value[bool] {
	return compare(v.operand(), c, operandOf(x))
}

// And holds when all conditions hold. All of them are always evaluated.
func And(first, second Arg[bool], more ...Arg[bool]) Value[bool] {
	return logical(lhpb.VariableMutationType_AND, first, second, more)
}

// Or holds when at least one condition holds. All of them are always evaluated.
func Or(first, second Arg[bool], more ...Arg[bool]) Value[bool] {
	return logical(lhpb.VariableMutationType_OR, first, second, more)
}

func logical(op Operation, first, second Arg[bool], more []Arg[bool]) Value[bool] {
	o := operate(first.operand(), op, second)
	for _, c := range more {
		o = operate(o, op, c)
	}
	o.typ = primitive(lhpb.VariableType_BOOL)
	return Value[bool]{o}
}

// Not holds when the condition does not.
func Not(condition Arg[bool]) Value[bool] {
	o := condition.operand()
	if o.err != nil {
		return Value[bool]{o}
	}
	return Value[bool]{combine(negate(o.pb), primitive(lhpb.VariableType_BOOL), o)}
}

func negate(pb *lhpb.VariableAssignment) *lhpb.VariableAssignment {
	if opposite := oppositeComparison(pb); opposite != nil {
		return opposite
	}
	if opposite := deMorgan(pb); opposite != nil {
		return opposite
	}
	return compare(&operand{pb: pb}, lhpb.Comparator_EQUALS, literal(false)).op.pb
}

func deMorgan(pb *lhpb.VariableAssignment) *lhpb.VariableAssignment {
	e := pb.GetExpression()
	m, ok := e.GetOperation().(*lhpb.VariableAssignment_Expression_MutationType)
	if !ok || pb.TargetType != nil {
		return nil
	}
	op := lhpb.VariableMutationType_AND
	switch m.MutationType {
	case lhpb.VariableMutationType_AND:
		op = lhpb.VariableMutationType_OR
	case lhpb.VariableMutationType_OR:
	default:
		return nil
	}
	opposite := proto.CloneOf(pb)
	opposite.GetExpression().Operation = &lhpb.VariableAssignment_Expression_MutationType{MutationType: op}
	opposite.GetExpression().Lhs = negate(e.Lhs)
	opposite.GetExpression().Rhs = negate(e.Rhs)
	return opposite
}
