package value

import (
	"math"
	"strings"
	"testing"

	"littlehorse/lhpb"
)

type conversion struct {
	v    *lhpb.VariableValue
	to   *lhpb.TypeDefinition
	want string
}

// covers: engine-3 §7.1
func TestCast(t *testing.T) {
	for _, c := range []conversion{
		{Int(5), tStr, "STR 5"},
		{Double(3), tStr, "STR 3.0"},
		{Bool(true), tStr, "STR true"},
		{wfRun("p", "c"), tStr, "STR p_c"},
		{Bytes([]byte("hé")), tStr, "STR hé"},
		{Int(5), tDouble, "DOUBLE 5.0"},
		{Int(math.MaxInt64), tDouble, "DOUBLE 9.223372036854776E18"},
		{Double(24.2), tInt, "INT 24"},
		{Double(-24.9), tInt, "INT -24"},
		{Double(1e30), tInt, "INT 9223372036854775807"},
		{Double(-1e30), tInt, "INT -9223372036854775808"},
		{Double(nan), tInt, "INT 0"},
		{Str("12"), tInt, "INT 12"},
		{Str("+12"), tInt, "INT 12"},
		{Str("-12"), tInt, "INT -12"},
		{Str(" 12"), tInt, "error: Cannot parse ' 12' as INT."},
		{Str("12.0"), tInt, "error: Cannot parse '12.0' as INT."},
		{Str("9223372036854775808"), tInt, "error: Failed to cast value to INT: Cannot parse '9223372036854775808' as INT."},
		{Str("1_000"), tInt, "error: Cannot parse"},
		{Str(""), tInt, "error: Cannot parse '' as INT."},
		{Str(" 1.5e3 "), tDouble, "DOUBLE 1500.0"},
		{Str("NaN"), tDouble, "DOUBLE NaN"},
		{Str("-Infinity"), tDouble, "DOUBLE -Infinity"},
		{Str("0x1p3"), tDouble, "DOUBLE 8.0"},
		{Str("1d"), tDouble, "DOUBLE 1.0"},
		{Str("x"), tDouble, "error: Cannot parse 'x' as DOUBLE."},
		{Str(" TrUe "), tBool, "BOOL true"},
		{Str("false"), tBool, "BOOL false"},
		{Str("1"), tBool, "error: Cannot parse '1' as BOOL."},
		{Str("falſe"), tBool, "error: as BOOL."},
		{Str("aGk="), tBytes, "BYTES aGk="},
		{Str("a_b_c"), tRun, "WF_RUN_ID a_b_c"},
		{Str(""), tRun, "WF_RUN_ID "},
		{Str(strings.Repeat("a_", 100)), tRun, "error: more than 64 ancestors"},
		{NullValue(), tInt, "NULL"},
		{nil, tInt, "NULL"},
		{Int(5), tInt, "INT 5"},
		{Int(5), withMask(tInt), "INT 5"},
		{list(Int(1)), tInt, "Array<INT> [1]"},
		{record("car", 0, nil), tStr, "Struct<car,v0> {}"},
		{Bool(true), tInt, "error: Failed to cast value to INT: Cannot cast from BOOL to INT. This conversion is not supported."},
		{at(1, 0), tStr, "error: Cannot cast from TIMESTAMP to STR"},
		{JSONObj("{}"), tStr, "error: Cannot cast from JSON_OBJ to STR"},
		{Str("{}"), tObj, "error: Cannot cast from STR to JSON_OBJ"},
		{Str("{}"), nil, "error: Cannot cast from STR to JSON_OBJ"},
		{Int(1), tCar, "error: Failed to cast value to Struct<car,v0>"},
		{Int(1), tBytes, "error: Cannot cast from INT to BYTES"},
	} {
		t.Run(show(c.v)+" to "+TypeString(c.to), func(t *testing.T) {
			got, err := Cast(c.v, c.to)
			expect(t, c.want, got, err)
		})
	}
}

// covers: engine-3 §7.2
func TestCoerce(t *testing.T) {
	for _, c := range []conversion{
		{Int(1), tInt, "INT 1"},
		{Double(-2.9), tInt, "INT -2"},
		{Str("7"), tInt, "INT 7"},
		{Str("7.5"), tInt, "error: Couldn't convert STR '7.5' to INT"},
		{at(3, 5e8), tInt, "INT 3500"},
		{Bool(true), tInt, "error: Couldn't convert BOOL 'true' to INT"},
		{Int(1), tDouble, "DOUBLE 1.0"},
		{Str("1e2"), tDouble, "DOUBLE 100.0"},
		{Str("x"), tDouble, "error: Couldn't convert STR 'x' to DOUBLE"},
		{Str("True"), tBool, "BOOL true"},
		{Str("yes"), tBool, "error: Couldn't convert STR 'yes' to BOOL"},
		{Int(1), tBool, "error: Coercing from INT to BOOL is not supported"},
		{Int(1), tStr, "STR 1"},
		{Bool(false), tStr, "STR false"},
		{JSONObj(`{"a":1}`), tStr, `STR {"a":1}`},
		{JSONArr(`[1,"x"]`), tStr, `STR [1,"x"]`},
		{at(1690000000, 0), tStr, "STR 2023-07-22T04:26:40Z"},
		{Bytes([]byte("x")), tStr, "STR x"},
		{Str("hé"), tBytes, "BYTES hé"},
		{Int(1), tBytes, "BYTES 1"},
		{JSONArr("[1]"), tBytes, "BYTES [1]"},
		{Str("[1]"), tArr, "error: Coercing from STR to JSON_ARR is not supported"},
		{JSONObj("{}"), tArr, "error: Coercing from JSON_OBJ to JSON_ARR is not supported"},
		{Int(1), tTime, "error: Coercing from INT to TIMESTAMP is not supported"},
		{Str("a_b"), tRun, "WF_RUN_ID a_b"},
		{Int(7), tRun, "WF_RUN_ID 7"},
		{Double(7), tRun, "WF_RUN_ID 7.0"},
		{Bool(true), tRun, "error: Coercing from BOOL to WF_RUN_ID is not supported"},
		{NullValue(), tInt, "error: Coercing from NULL to INT is not supported"},
		{list(), tInt, "error: Coercing from Array<UNKNOWN> to INT is not supported"},
		{Int(1), ArrayDef(tInt), "error: Coercing from INT to Array<INT> is not supported"},
		{list(), ArrayDef(tInt), "Array<UNKNOWN> []"},
		{typed(tInt), ArrayDef(tInt), "Array<INT> []"},
		{typed(tInt), ArrayDef(tDouble), "error: Coercing from Array<INT> to Array<DOUBLE> is not supported"},
		{mapping(), MapDef(tStr, tInt), "Map<UNKNOWN, UNKNOWN> {}"},
		{mapping("a", Int(1)), MapDef(tStr, tInt), `Map<STR, INT> {"a":1}`},
		{mapping("a", Int(1)), MapDef(tStr, tStr), "error: Coercing from Map<STR, INT> to Map<STR, STR> is not supported"},
		{record("car", 0, nil), tCar, "Struct<car,v0> {}"},
		{record("car", 1, nil), tCar, "error: Coercing from Struct<car,v1> to Struct<car,v0> is not supported"},
		{list(), MapDef(tStr, tInt), "error: is not supported"},
	} {
		t.Run(show(c.v)+" to "+TypeString(c.to), func(t *testing.T) {
			got, err := Coerce(c.v, c.to)
			expect(t, c.want, got, err)
		})
	}
}

func TestAsIntAndAsStr(t *testing.T) {
	if n, err := AsInt(Str("12")); n != 12 || err != nil {
		t.Error(n, err)
	}
	if _, err := AsInt(NullValue()); err == nil {
		t.Error("NULL is no INT")
	}
	if s, err := AsStr(Double(1)); s != "1.0" || err != nil {
		t.Error(s, err)
	}
	if _, err := AsStr(list()); err == nil {
		t.Error("an Array is no STR")
	}
}
