package value

import (
	"testing"

	"littlehorse/lhpb"
)

// TestMutationVectors: one variable, and what one edge does to it, step by step.
//
// covers: engine-3 §12; engine-3 §6
func TestMutationVectors(t *testing.T) {
	numbers := world{
		variables: map[string]*lhpb.VariableValue{
			"doc":    JSONObj(`{"five":5.0,"two":2.0}`),
			"other":  mapping("hello", Int(100), "brand-new", Int(7)),
			"nested": typed(tInt, Int(2)),
		},
		outputs: map[string]*lhpb.VariableValue{"task": Int(10), "double": Double(24.2)},
	}
	fiveByTwo := func(five, two *lhpb.VariableAssignment) *lhpb.VariableAssignment {
		return expression(five, opDivide, two)
	}
	five, two := literalOf(Int(5)), literalOf(Int(2))
	fiveInJSON, twoInJSON := withJSONPath(variable("doc"), "$.five"), withJSONPath(variable("doc"), "$.two")
	strToInt := MapDef(tStr, tInt)

	for name, c := range map[string]struct {
		declared *lhpb.TypeDefinition
		start    *lhpb.VariableValue
		steps    []*lhpb.VariableMutation
		want     string
	}{
		"a task's output added, then less 2": {
			tInt, Int(5), []*lhpb.VariableMutation{mutation(opAdd, outputOf("task")), mutation(opSubtract, two)}, "INT 13",
		},
		"a cast output, divided": {
			tInt, NullValue(), []*lhpb.VariableMutation{
				mutation(opAssign, castTo(outputOf("double"), tInt)), mutation(opDivide, literalOf(Int(13))),
			}, "INT 1",
		},
		"a cast output, divided by 0": {
			tInt, NullValue(), []*lhpb.VariableMutation{
				mutation(opAssign, castTo(outputOf("double"), tInt)), mutation(opDivide, literalOf(Int(0))),
			}, "error: divide by zero",
		},
		"5 / 2 for DOUBLE":             {tDouble, NullValue(), []*lhpb.VariableMutation{mutation(opAssign, fiveByTwo(five, two))}, "DOUBLE 2.0"},
		"5 / 2.0 for DOUBLE":           {tDouble, NullValue(), []*lhpb.VariableMutation{mutation(opAssign, fiveByTwo(five, twoInJSON))}, "DOUBLE 2.5"},
		"5.0 / 2 for DOUBLE":           {tDouble, NullValue(), []*lhpb.VariableMutation{mutation(opAssign, fiveByTwo(fiveInJSON, two))}, "DOUBLE 2.5"},
		"5.0 / 2 for INT":              {tInt, NullValue(), []*lhpb.VariableMutation{mutation(opAssign, fiveByTwo(fiveInJSON, two))}, "INT 2"},
		"multiplied with NULL":         {tInt, Int(5), []*lhpb.VariableMutation{mutation(opMultiply, literalOf(NullValue()))}, "error: null"},
		"NULL multiplied":              {tInt, NullValue(), []*lhpb.VariableMutation{mutation(opMultiply, two)}, "error: VALUE_NOT_SET"},
		"a key that is not there":      {tObj, JSONObj(`{"a":1}`), []*lhpb.VariableMutation{mutation(opRemoveK, literalOf(Str("foo")))}, `JSON_OBJ {"a":1}`},
		"an Array by an item":          {ArrayDef(ArrayDef(tInt)), typed(ArrayDef(tInt), typed(tInt, Int(1))), []*lhpb.VariableMutation{mutation(opExtend, variable("nested"))}, "Array<Array<INT>> [[1],[2]]"},
		"an Array by one of its type":  {ArrayDef(tInt), typed(tInt, Int(1)), []*lhpb.VariableMutation{mutation(opExtend, variable("nested"))}, "Array<INT> [1,2]"},
		"Maps keep the order of their": {strToInt, mapping("hello", Int(42), "world", Int(99)), []*lhpb.VariableMutation{mutation(opExtend, variable("other"))}, `Map<STR, INT> {"hello":100,"world":99,"brand-new":7}`},
	} {
		t.Run(name, func(t *testing.T) {
			env := world{variables: map[string]*lhpb.VariableValue{"v": c.start}, outputs: numbers.outputs}
			for n, v := range numbers.variables {
				env.variables[n] = v
			}
			var err error
			for _, step := range c.steps {
				if env.variables["v"], err = Mutate(step, c.declared, "", env); err != nil {
					break
				}
			}
			expect(t, c.want, env.variables["v"], err)
		})
	}
}

// covers: engine-3 §12; engine-3 §4; tasks §2
func TestInputAndComparisonVectors(t *testing.T) {
	doc := JSONObj(`{"d":12.3,"i":5432}`)
	for _, c := range []struct {
		path     string
		declared *lhpb.TypeDefinition
		want     string
	}{
		{"$.d", tInt, "error: DOUBLE"},
		{"$.i", tStr, "STR 5432"},
		{"$.nope", tInt, "NULL"},
	} {
		v, err := ReadJSONPath(doc, c.path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := TaskInput(c.declared, v, world{})
		expect(t, c.want, got, err)
	}
	for _, pair := range [][2]*lhpb.VariableValue{
		{Int(1), Double(1)},
		{Bool(false), Str("false")},
		{JSONObj(`{"a":1}`), JSONObj(`{"a":1}`)},
		{JSONArr(`[0]`), JSONArr(`[0]`)},
	} {
		got, err := EvalComparator(lhpb.Comparator_EQUALS, pair[0], pair[1])
		expectBool(t, "error: Failed comparing the provided values.", got, err)
	}
	for _, c := range []struct {
		l  *lhpb.VariableValue
		op lhpb.Comparator
		r  *lhpb.VariableValue
	}{
		{Str("a"), lhpb.Comparator_LESS_THAN, Str("b")},
		{Double(5.4), lhpb.Comparator_GREATER_THAN, Double(4.0)},
	} {
		got, err := EvalComparator(c.op, c.l, c.r)
		expectBool(t, "STR true", got, err)
	}
	for v, want := range map[*lhpb.VariableValue]string{Str("hello!"): "INT 6", JSONArr("[10,20,30,40]"): "INT 4", Str("a😀"): "INT 3"} {
		got, err := Resolve(sizeAssignment(literalOf(v)), world{})
		expect(t, want, got, err)
	}
	_, err := Validate(ArrayDef(tInt), list(Str("a"), Int(1)), world{})
	expect(t, "error: is not compatible with expected type INT", nil, err)
	_, err = Validate(tInt, Str("5"), world{})
	expect(t, "error: is not compatible with expected type INT", nil, err)
}
