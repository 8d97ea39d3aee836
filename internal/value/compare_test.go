package value

import (
	"math"
	"testing"

	"littlehorse/lhpb"
)

// covers: engine-3 §4
func TestComparators(t *testing.T) {
	const notComparable = "error: Failed comparing the provided values."
	negZero := math.Copysign(0, -1)
	for _, c := range []struct {
		l    *lhpb.VariableValue
		cmp  lhpb.Comparator
		r    *lhpb.VariableValue
		want string
	}{
		{NullValue(), lhpb.Comparator_EQUALS, nil, "true"},
		{NullValue(), lhpb.Comparator_NOT_EQUALS, NullValue(), "false"},
		{NullValue(), lhpb.Comparator_LESS_THAN, Int(3), "true"},
		{Int(3), lhpb.Comparator_GREATER_THAN, NullValue(), "true"},
		{JSONObj("{}"), lhpb.Comparator_EQUALS, NullValue(), "false"},
		{JSONObj("{}"), lhpb.Comparator_NOT_EQUALS, NullValue(), "true"},
		{list(), lhpb.Comparator_NOT_EQUALS, NullValue(), "true"},
		{Int(1), lhpb.Comparator_EQUALS, Int(1), "true"},
		{Int(math.MinInt64), lhpb.Comparator_LESS_THAN, Int(math.MaxInt64), "true"},
		{Int(1), lhpb.Comparator_EQUALS, Double(1), notComparable},
		{Bool(false), lhpb.Comparator_EQUALS, Str("false"), notComparable},
		{Int(2), lhpb.Comparator_EQUALS, Str("2"), notComparable},
		{JSONObj(`{"a":1}`), lhpb.Comparator_EQUALS, JSONObj(`{"a":1}`), notComparable},
		{JSONArr(`[0]`), lhpb.Comparator_EQUALS, JSONArr(`[0]`), notComparable},
		{Str("a"), lhpb.Comparator_LESS_THAN, Str("b"), "true"},
		{Double(5.4), lhpb.Comparator_GREATER_THAN, Double(4), "true"},
		{Double(nan), lhpb.Comparator_EQUALS, Double(nan), "true"},
		{Double(nan), lhpb.Comparator_GREATER_THAN, Double(inf), "true"},
		{Double(negZero), lhpb.Comparator_LESS_THAN, Double(0), "true"},
		{Double(negZero), lhpb.Comparator_EQUALS, Double(0), "false"},
		{Bool(false), lhpb.Comparator_LESS_THAN_EQ, Bool(true), "true"},
		{Bool(true), lhpb.Comparator_GREATER_THAN_EQ, Bool(true), "true"},
		// By UTF-16 code unit: the surrogates of an emoji come before U+FF5E.
		{Str("😀"), lhpb.Comparator_LESS_THAN, Str("\uff5e"), "true"},
		{Str("a😀"), lhpb.Comparator_GREATER_THAN, Str("aé"), "true"},
		{Str("a"), lhpb.Comparator_LESS_THAN, Str("aa"), "true"},
		{wfRun("a", "b"), lhpb.Comparator_EQUALS, wfRun("a", "b"), "true"},
		{wfRun("a"), lhpb.Comparator_LESS_THAN, wfRun("a", "b"), "true"},
		{
			record("car", 0, map[string]*lhpb.VariableValue{"a": Int(1), "b": Int(2)}), lhpb.Comparator_EQUALS,
			record("car", 0, map[string]*lhpb.VariableValue{"b": Int(2), "a": Int(1)}), "true",
		},
		{record("car", 0, nil), lhpb.Comparator_EQUALS, record("car", 1, nil), "false"},
		{at(1, 5), lhpb.Comparator_LESS_THAN, at(1, 6), "true"},
		{Bytes([]byte{1}), lhpb.Comparator_EQUALS, Bytes([]byte{1}), "true"},
		{list(Int(1)), lhpb.Comparator_EQUALS, list(Int(1)), "true"},
		{list(Int(1)), lhpb.Comparator_NOT_EQUALS, list(Double(1)), "true"},
		{list(Int(1)), lhpb.Comparator_LESS_THAN, list(Int(2)), notComparable},
		{list(), lhpb.Comparator_EQUALS, mapping(), notComparable},
		{mapping("a", Int(1)), lhpb.Comparator_EQUALS, mapping("a", Int(1)), "true"},
		{mapping("a", Int(1), "b", Int(2)), lhpb.Comparator_EQUALS, mapping("b", Int(2), "a", Int(1)), "false"},
		{Int(1), lhpb.Comparator(9), Int(1), "error: unknown Comparator 9"},
	} {
		got, err := EvalComparator(c.cmp, c.l, c.r)
		t.Run(show(c.l)+" "+c.cmp.String()+" "+show(c.r), func(t *testing.T) { expectBool(t, prefixed(c.want), got, err) })
	}
}

// prefixed makes a table's true and false what expect wants.
func prefixed(want string) string {
	if want == "true" || want == "false" {
		return "STR " + want
	}
	return want
}

// covers: engine-3 §4
func TestContains(t *testing.T) {
	const fails = "error: Failed evaluating CONTAINS"
	for _, c := range []struct {
		element, container *lhpb.VariableValue
		want               string
	}{
		{Str("b"), Str("abc"), "true"},
		{Int(5), Str("a5"), "true"},
		{NullValue(), Str("null"), fails},
		{Int(2), JSONArr("[2.0]"), "true"},
		{Double(2), JSONArr("[2]"), "true"},
		{Str("2"), JSONArr("[2]"), "false"},
		{Bool(true), JSONArr("[1,true]"), "true"},
		{JSONObj(`{"k":1}`), JSONArr(`[{"k":1,"q":2}]`), "true"},
		{JSONObj(`{"k":1,"q":2}`), JSONArr(`[{"k":1}]`), "false"},
		{JSONArr(`[1,2]`), JSONArr(`[[1,2.0]]`), "true"},
		{JSONArr(`[1]`), JSONArr(`[[1,2]]`), "false"},
		{NullValue(), JSONArr("[null]"), "true"},
		{NullValue(), JSONArr("[1,[null]]"), "false"},
		{Str("a"), JSONObj(`{"a":null}`), "true"},
		{Int(1), JSONObj(`{"1":0}`), "true"},
		{Str("b"), JSONObj(`{"a":1}`), "false"},
		{NullValue(), JSONObj(`{"null":1}`), "false"},
		{Int(1), list(Double(1)), "false"},
		{Int(1), list(Str("x"), Int(1)), "true"},
		{NullValue(), list(NullValue()), "true"},
		{list(Int(1)), list(list(Int(1))), "true"},
		{Str("a"), mapping("a", Int(1)), "true"},
		{Int(1), mapping("1", Int(1)), "false"},
		{Str("x"), NullValue(), fails},
		{Str("x"), Int(5), fails},
	} {
		for op, want := range map[lhpb.Comparator]string{lhpb.Comparator_IN: c.want, lhpb.Comparator_NOT_IN: negated(c.want)} {
			got, err := EvalComparator(op, c.element, c.container)
			t.Run(show(c.element)+" "+op.String()+" "+show(c.container), func(t *testing.T) { expectBool(t, prefixed(want), got, err) })
		}
	}
}

func negated(want string) string {
	switch want {
	case "true":
		return "false"
	case "false":
		return "true"
	}
	return want
}
