package value

import (
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

const (
	opAssign   = lhpb.VariableMutationType_ASSIGN
	opAdd      = lhpb.VariableMutationType_ADD
	opExtend   = lhpb.VariableMutationType_EXTEND
	opSubtract = lhpb.VariableMutationType_SUBTRACT
	opMultiply = lhpb.VariableMutationType_MULTIPLY
	opDivide   = lhpb.VariableMutationType_DIVIDE
	opRemove   = lhpb.VariableMutationType_REMOVE_IF_PRESENT
	opRemoveAt = lhpb.VariableMutationType_REMOVE_INDEX
	opRemoveK  = lhpb.VariableMutationType_REMOVE_KEY
	opAnd      = lhpb.VariableMutationType_AND
	opOr       = lhpb.VariableMutationType_OR
	opPow      = lhpb.VariableMutationType_POW
)

type operation struct {
	l    *lhpb.VariableValue
	op   lhpb.VariableMutationType
	r    *lhpb.VariableValue
	want string
}

func (o operation) name() string { return show(o.l) + " " + o.op.String() + " " + show(o.r) }

// TestExpressions: the type of the result follows from the values.
//
// covers: engine-3 §5.2
func TestExpressions(t *testing.T) {
	for _, c := range []operation{
		{Int(5), opAdd, Int(2), "INT 7"},
		{Int(5), opAdd, Str("2"), "INT 7"},
		{Int(5), opAdd, Str("x"), "error: Couldn't convert STR 'x' to INT"},
		{Int(math.MaxInt64), opAdd, Int(1), "INT -9223372036854775808"},
		{Int(math.MinInt64), opSubtract, Int(1), "INT 9223372036854775807"},
		{Int(math.MaxInt64), opMultiply, Int(2), "INT -2"},
		{Int(5), opSubtract, Str("2"), "INT 3"},
		{Int(5), opDivide, Int(2), "INT 2"},
		{Int(-7), opDivide, Int(2), "INT -3"},
		{Int(math.MinInt64), opDivide, Int(-1), "INT -9223372036854775808"},
		{Int(5), opDivide, Int(0), "error: Cannot divide by zero"},
		{Double(5), opDivide, Double(0), "error: Cannot divide by zero"},
		{Int(5), opDivide, Double(0), "error: Cannot divide by zero"},
		{Int(5), opDivide, Double(2), "DOUBLE 2.5"},
		{Double(5), opDivide, Int(2), "DOUBLE 2.5"},
		{Int(10), opMultiply, Double(100.3), "DOUBLE 1003.0"},
		{Double(1), opSubtract, Double(0.1), "DOUBLE 0.9"},
		{Double(1), opAdd, Str("0x1p1"), "DOUBLE 3.0"},
		{Int(1), opAdd, Bool(true), "error: Couldn't convert BOOL 'true' to INT"},
		{Int(1), opAdd, NullValue(), "error: Cannot add by null"},
		{Int(1), opSubtract, NullValue(), "error: Cannot subtract null"},
		{Int(1), opMultiply, NullValue(), "error: Cannot multiply by null"},
		{Int(1), opDivide, NullValue(), "error: Cannot divide by null"},
		{JSONArr("[]"), opAdd, NullValue(), "error: Cannot add by null"},
		{JSONArr("[]"), opAdd, list(), "error: Cannot add by Array"},
		{NullValue(), opAdd, Int(1), "error: type VALUE_NOT_SET"},
		{NullValue(), opAnd, Bool(true), "error: type VALUE_NOT_SET"},
		{NullValue(), opAssign, Int(1), "error: Coercing from INT to NULL is not supported"},
		{NullValue(), opAssign, NullValue(), "NULL"},
		{Int(1), opAssign, NullValue(), "NULL"},
		{Int(1), opAssign, Double(2.9), "DOUBLE 2.9"},
		{Bool(true), opAdd, Int(1), "error: Cannot add to var of type BOOL"},
		{at(1, 0), opSubtract, Int(1), "error: Cannot subtract to var of type TIMESTAMP"},

		{Str("a"), opAdd, Int(1), "STR a1"},
		{Str("a"), opAdd, Double(1), "STR a1.0"},
		{Str("a"), opAdd, wfRun("p", "c"), "STR ap_c"},
		{Str("a"), opExtend, Bool(true), "STR atrue"},
		{Str("a"), opExtend, NullValue(), "STR anull"},
		{Str("a"), opSubtract, Str("a"), "error: Cannot subtract to var of type STR"},
		{Str("a"), opRemove, Str("a"), "error: Cannot remove if present to var of type STR"},
		{Str("a"), opRemoveAt, Int(0), "error: Cannot remove index to var of type STR"},

		{Int(2), opPow, Int(10), "INT 1024"},
		{Int(2), opPow, Int(-1), "INT 0"},
		{Int(3), opPow, Int(39), "INT 4052555153018976256"},
		{Int(2), opPow, Int(63), "INT 9223372036854775807"},
		{Int(-2), opPow, Int(63), "INT -9223372036854775808"},
		{Int(10), opPow, Int(19), "error: does not fit an INT"},
		{Int(10), opPow, Int(400), "error: is not a finite number"},
		{Int(0), opPow, Int(-1), "error: is not a finite number"},
		{Double(2), opPow, Int(3), "DOUBLE 8.0"},
		{Int(2), opPow, Double(0.5), "DOUBLE 1.4142135623730951"},
		{Double(-8), opPow, Double(1.0 / 3), "error: is not a finite number"},
		{Int(2), opPow, Str("3"), "error: Cannot raise to the power of a STR"},
		{Str("2"), opPow, Int(3), "error: Cannot raise to a power to var of type STR"},

		{JSONArr("[1]"), opAdd, Str("x"), `JSON_ARR [1,"x"]`},
		{JSONArr("[1]"), opAdd, JSONArr("[2]"), `JSON_ARR [1,[2]]`},
		{JSONArr("[1]"), opAdd, JSONObj(`{"a":1.0}`), `JSON_ARR [1,{"a":1.0}]`},
		{JSONArr("broken"), opAdd, Int(1), `JSON_ARR [1]`},
		{JSONArr("[1]"), opAdd, Double(nan), "error: JSON cannot hold the number NaN"},
		{JSONArr("[1]"), opExtend, JSONArr("[2,3]"), `JSON_ARR [1,2,3]`},
		{JSONArr("[1]"), opExtend, Int(2), "error: Cannot extend a JSON_ARR with a value of type INT"},
		{JSONArr(`[1,"1",1.0,1]`), opRemove, Int(1), `JSON_ARR ["1",1.0]`},
		{JSONArr(`[{"a":1},{"a":1,"b":2}]`), opRemove, JSONObj(`{"a":1}`), `JSON_ARR [{"a":1,"b":2}]`},
		{JSONArr("[1,2,3]"), opRemoveAt, Int(1), "JSON_ARR [1,3]"},
		{JSONArr("[1,2,3]"), opRemoveAt, Str("0"), "JSON_ARR [2,3]"},
		{JSONArr("[1,2,3]"), opRemoveAt, Int(3), "error: Index 3 out of bounds"},
		{JSONArr("[1,2,3]"), opRemoveAt, Int(-1), "error: Index -1 out of bounds"},

		{JSONObj(`{"a":1,"foo":2}`), opRemoveK, Str("foo"), `JSON_OBJ {"a":1}`},
		{JSONObj(`{"a":1}`), opRemoveK, Str("foo"), `JSON_OBJ {"a":1}`},
		{JSONObj(`{"5":1}`), opRemoveK, Int(5), `JSON_OBJ {}`},
		{JSONObj(`{}`), opAdd, Int(5), `error: Cannot add to var of type JSON_OBJ`},
		{JSONObj(`{}`), opRemove, Int(5), `error: Cannot remove if present to var of type JSON_OBJ`},

		{Bytes([]byte("ab")), opExtend, Bytes([]byte("c")), "BYTES abc"},
		{Bytes([]byte("ab")), opExtend, Str("ü"), "BYTES abü"},
		{Bytes([]byte("ab")), opAdd, Str("ü"), "error: Cannot add to var of type BYTES"},

		{typed(tInt, Int(1)), opExtend, typed(tInt, Int(2)), "Array<INT> [1,2]"},
		{typed(tInt, Int(1)), opExtend, Int(2), "Array<INT> [1,2]"},
		{typed(tInt, Int(1)), opExtend, Str("2"), "Array<INT> [1,2]"},
		{typed(tInt, Int(1)), opExtend, Str("x"), "error: Couldn't convert STR 'x' to INT"},
		{typed(tInt, Int(1)), opExtend, list(), "Array<INT> [1]"},
		{typed(ArrayDef(tInt)), opExtend, typed(tInt, Int(2)), "Array<Array<INT>> [[2]]"},
		{typed(ArrayDef(tInt)), opExtend, typed(ArrayDef(tInt), typed(tInt, Int(2))), "Array<Array<INT>> [[2]]"},
		{typed(tInt, Int(1)), opExtend, NullValue(), "error: Coercing from NULL"},
		{typed(tInt, Int(1)), opExtend, typed(tStr), "error: Coercing from Array<STR> to INT is not supported"},
		{list(), opExtend, Int(2), "Array<INT> [2]"},
		{list(), opExtend, NullValue(), "Array<UNKNOWN> [null]"},
		{list(), opRemove, NullValue(), "Array<UNKNOWN> []"},
		{typed(tInt, Int(1), Int(2), Int(1)), opRemove, Str("1"), "Array<INT> [2]"},
		{typed(tInt, Int(1), Int(2)), opRemoveAt, Double(1.9), "Array<INT> [1]"},
		{typed(tInt, Int(1), Int(2)), opRemoveAt, Int(2), "error: Index 2 out of bounds"},
		{typed(tInt), opAdd, Int(2), "error: Cannot add to var of type Array<INT>"},

		{
			mapping("hello", Int(42), "world", Int(99)), opExtend, mapping("hello", Int(100), "brand-new", Int(7)),
			`Map<STR, INT> {"hello":100,"world":99,"brand-new":7}`,
		},
		{mapping("a", Int(1)), opExtend, Int(1), "error: Cannot extend a Map"},
		{mapping("a", Int(1), "b", Int(2)), opRemoveK, Str("a"), `Map<STR, INT> {"b":2}`},
		{mapping("a", Int(1)), opRemoveK, Str("z"), `Map<STR, INT> {"a":1}`},

		{Bool(true), opAnd, Str(" TRUE "), "BOOL true"},
		{Bool(true), opAnd, Bool(false), "BOOL false"},
		{Bool(false), opOr, Str("false"), "BOOL false"},
		{Str("true"), opOr, Bool(false), "BOOL true"},
		{Bool(true), opOr, NullValue(), "error: OR needs BOOL operands"},
		{Bool(true), opAnd, Int(1), "error: AND needs BOOL operands"},
		{Str("x"), opAnd, Bool(true), "error: Cannot parse 'x' as BOOL."},

		{record("car", 0, nil), opAdd, Int(1), "error: only ASSIGN is supported"},
		{Int(1), lhpb.VariableMutationType(99), Int(1), "error: unknown VariableMutationType 99"},
	} {
		t.Run(c.name(), func(t *testing.T) {
			got, err := Operate(c.op, nil, c.l, c.r)
			expect(t, c.want, got, err)
		})
	}
}

// TestOperationsOnDeclaredTypes: the declared type of the variable decides.
//
// covers: engine-3 §5.2
func TestOperationsOnDeclaredTypes(t *testing.T) {
	for _, c := range []struct {
		declared *lhpb.TypeDefinition
		operation
	}{
		{tInt, operation{Int(5), opAdd, Double(2.9), "INT 7"}},
		{tInt, operation{Int(-5), opAdd, Double(-2.9), "INT -7"}},
		{tInt, operation{Int(5), opSubtract, Double(2.9), "INT 2"}},
		{tInt, operation{Int(5), opMultiply, Double(2.9), "INT 14"}},
		{tInt, operation{Int(5), opDivide, Double(2.9), "INT 1"}},
		{tInt, operation{Int(5), opMultiply, Double(1e300), "INT 9223372036854775807"}},
		{tInt, operation{Int(5), opMultiply, Double(nan), "INT 0"}},
		{tInt, operation{Int(2), opPow, Double(1.5), "INT 2"}},
		{tDouble, operation{Int(2), opPow, Int(3), "DOUBLE 8.0"}},
		{tDouble, operation{Int(5), opDivide, Int(2), "DOUBLE 2.5"}},
		{tDouble, operation{Int(5), opAdd, Int(2), "DOUBLE 7.0"}},
		{tDouble, operation{NullValue(), opAssign, Int(2), "DOUBLE 2.0"}},
		{tInt, operation{NullValue(), opAssign, Double(2.9), "INT 2"}},
		{tInt, operation{NullValue(), opAssign, Str("5"), "INT 5"}},
		{tInt, operation{NullValue(), opAssign, Str("x"), "error: Couldn't convert STR 'x' to INT"}},
		{ArrayDef(tInt), operation{list(), opExtend, typed(tInt, Int(1)), "Array<INT> [1]"}},
		{ArrayDef(tInt), operation{NullValue(), opAssign, list(), "Array<UNKNOWN> []"}},
		{ArrayDef(tInt), operation{NullValue(), opAssign, typed(tStr), "error: Coercing from Array<STR> to Array<INT> is not supported"}},
		{tCar, operation{NullValue(), opAssign, record("car", 0, nil), "Struct<car,v0> {}"}},
		{tCar, operation{NullValue(), opAssign, record("car", 1, nil), "error: Coercing from Struct<car,v1> to Struct<car,v0>"}},
		{tCar, operation{record("car", 0, nil), opRemoveK, Str("a"), "error: only ASSIGN is supported"}},
	} {
		t.Run(TypeString(c.declared)+" "+c.name(), func(t *testing.T) {
			got, err := Operate(c.op, c.declared, c.l, c.r)
			expect(t, c.want, got, err)
		})
	}
}

// TestDiscount is a chain of double arithmetic: 10 × 100.3 × (1.0 − 10 / 100.0).
//
// covers: engine-3 §12
func TestDiscount(t *testing.T) {
	part := func(l *lhpb.VariableAssignment, op lhpb.VariableMutationType, r *lhpb.VariableAssignment) *lhpb.VariableAssignment {
		return expression(l, op, r)
	}
	price := part(
		part(literalOf(Int(10)), opMultiply, literalOf(Double(100.3))), opMultiply,
		part(literalOf(Double(1)), opSubtract, part(literalOf(Int(10)), opDivide, literalOf(Double(100)))))
	got, err := Resolve(price, world{})
	expect(t, "DOUBLE 902.7", got, err)
	whole, err := Operate(opAssign, tInt, NullValue(), got)
	expect(t, "INT 902", whole, err)
}

func TestOperandsAreNotChanged(t *testing.T) {
	for _, c := range []operation{
		{typed(tInt, Int(1), Int(2)), opExtend, Int(3), ""},
		{typed(tInt, Int(1), Int(2)), opRemove, Int(1), ""},
		{typed(tInt, Int(1), Int(2)), opRemoveAt, Int(0), ""},
		{mapping("a", Int(1)), opExtend, mapping("a", Int(2), "b", Int(3)), ""},
		{mapping("a", Int(1), "b", Int(2)), opRemoveK, Str("a"), ""},
		{Bytes(make([]byte, 1, 9)), opExtend, Bytes([]byte{7}), ""},
	} {
		l, r := c.l.CloneVT(), c.r.CloneVT()
		if _, err := Operate(c.op, nil, c.l, c.r); err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(c.l, l) || !proto.Equal(c.r, r) {
			t.Errorf("%s changed an operand", c.name())
		}
	}
}
