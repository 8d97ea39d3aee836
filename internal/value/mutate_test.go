package value

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

func mutation(op lhpb.VariableMutationType, rhs *lhpb.VariableAssignment) *lhpb.VariableMutation {
	return &lhpb.VariableMutation{
		LhsName: "v", Operation: op, RhsValue: &lhpb.VariableMutation_RhsAssignment{RhsAssignment: rhs},
	}
}

// covers: engine-3 §6
func TestMutations(t *testing.T) {
	env := func(v *lhpb.VariableValue) world {
		return world{variables: map[string]*lhpb.VariableValue{"v": v}, outputs: map[string]*lhpb.VariableValue{
			"task": Int(10), "json": JSONObj(`{"x":[7]}`), "map": mapping("k", Int(8)),
		}}
	}
	for name, c := range map[string]struct {
		v        *lhpb.VariableValue
		declared *lhpb.TypeDefinition
		m        *lhpb.VariableMutation
		want     string
	}{
		"add a task's output":     {Int(5), tInt, mutation(opAdd, outputOf("task")), "INT 15"},
		"assign INT to DOUBLE":    {Int(5), tDouble, mutation(opAssign, literalOf(Int(3))), "DOUBLE 3.0"},
		"assign DOUBLE to INT":    {Int(5), tInt, mutation(opAssign, literalOf(Double(2.9))), "INT 2"},
		"assign STR to INT":       {Int(5), tInt, mutation(opAssign, literalOf(Str("x"))), "error: Mutating variable v with operation ASSIGN: Couldn't convert STR 'x' to INT"},
		"assign NULL":             {Int(5), tInt, mutation(opAssign, literalOf(NullValue())), "NULL"},
		"multiply with NULL":      {Int(5), tInt, mutation(opMultiply, literalOf(NullValue())), "error: Cannot multiply by null"},
		"multiply NULL":           {NullValue(), tInt, mutation(opMultiply, literalOf(Int(2))), "error: VALUE_NOT_SET"},
		"divide by zero":          {Int(24), tInt, mutation(opDivide, literalOf(Int(0))), "error: divide by zero"},
		"24 / 13":                 {Int(24), tInt, mutation(opDivide, literalOf(Int(13))), "INT 1"},
		"unset type is JSON":      {NullValue(), nil, mutation(opAssign, literalOf(JSONObj("{}"))), "JSON_OBJ {}"},
		"old literal form":        {Int(1), tInt, &lhpb.VariableMutation{LhsName: "v", Operation: opAdd, RhsValue: &lhpb.VariableMutation_LiteralValue{LiteralValue: Int(2)}}, "INT 3"},
		"old node output form":    {Int(1), tInt, fromNode("", nil), "INT 11"},
		"no right side":           {Int(1), tInt, &lhpb.VariableMutation{LhsName: "v"}, "error: missing right side"},
		"out of scope":            {Int(1), tInt, &lhpb.VariableMutation{LhsName: "w", RhsValue: &lhpb.VariableMutation_LiteralValue{}}, "error: Variable w is out of scope"},
		"failing right side":      {Int(1), tInt, mutation(opAssign, outputOf("nope")), "error: Specified node nope has no output."},
		"cast, then assign":       {Int(0), tInt, mutation(opAssign, castTo(literalOf(Double(24.2)), tInt)), "INT 24"},
		"empty array keeps":       {NullValue(), ArrayDef(tInt), mutation(opAssign, literalOf(list())), "Array<UNKNOWN> []"},
		"remove key of an object": {JSONObj(`{"a":1}`), tObj, mutation(opRemoveK, literalOf(Str("foo"))), `JSON_OBJ {"a":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Mutate(c.m, c.declared, "task", env(c.v))
			expect(t, c.want, got, err)
		})
	}
	t.Run("old node output form with json path", func(t *testing.T) {
		got, err := Mutate(fromNode("$.x[0]", nil), tInt, "json", env(Int(1)))
		expect(t, "INT 8", got, err)
	})
	t.Run("old node output form with lh path", func(t *testing.T) {
		got, err := Mutate(fromNode("", selectorsOf("k")), tInt, "map", env(Int(1)))
		expect(t, "INT 9", got, err)
	})
}

// fromNode adds the output of the node that is left, by the deprecated form.
func fromNode(jsonPath string, lhPath *lhpb.LHPath) *lhpb.VariableMutation {
	s := &lhpb.VariableMutation_NodeOutputSource{}
	if jsonPath != "" {
		s.Path = &lhpb.VariableMutation_NodeOutputSource_Jsonpath{Jsonpath: jsonPath}
	}
	if lhPath != nil {
		s.Path = &lhpb.VariableMutation_NodeOutputSource_LhPath{LhPath: lhPath}
	}
	return &lhpb.VariableMutation{LhsName: "v", Operation: opAdd, RhsValue: &lhpb.VariableMutation_NodeOutput{NodeOutput: s}}
}

// covers: engine-3 §6; engine-3 §12
func TestMutationsAtJSONPath(t *testing.T) {
	for _, c := range []struct {
		doc, path string
		op        lhpb.VariableMutationType
		r         *lhpb.VariableValue
		want      string
	}{
		{`{}`, "$.foo", opAssign, Str("bar"), `JSON_OBJ {"foo":"bar"}`},
		{`{}`, "$.foo.bar", opAssign, Str("baz"), "error: Missing property"},
		{`{"foo":{}}`, "$.foo.bar", opAssign, Str("baz"), `JSON_OBJ {"foo":{"bar":"baz"}}`},
		{`{"foo":5}`, "$.foo.bar", opAssign, Str("baz"), "error: Missing property"},
		{`{"n":1}`, "$.n", opAdd, Int(2), `JSON_OBJ {"n":3}`},
		{`{"n":null}`, "$.n", opMultiply, Int(2), `JSON_OBJ {"n":2}`},
		{`{}`, "$.n", opExtend, JSONArr("[1]"), `JSON_OBJ {"n":[1]}`},
		{`{"n":1}`, "$.n", opAssign, Str("7"), `JSON_OBJ {"n":7}`},
		{`{"n":1}`, "$.n", opAssign, Str("x"), "error: Couldn't convert STR 'x' to INT"},
		{`{"n":1}`, "$.n", opAssign, Double(2.9), `JSON_OBJ {"n":2}`},
		{`{"s":"a"}`, "$.s", opAssign, Int(5), `JSON_OBJ {"s":"5"}`},
		{`{"d":1.5}`, "$.d", opAssign, Int(3), `JSON_OBJ {"d":3.0}`},
		{`{"n":1}`, "$.n", opAssign, JSONObj("{}"), "error: Couldn't convert JSON_OBJ"},
		{`{"n":1}`, "$.n", opAssign, NullValue(), `JSON_OBJ {"n":null}`},
		{`{"l":[1,2]}`, "$.l[1]", opAssign, Int(9), `JSON_OBJ {"l":[1,9]}`},
		{`{"l":[1,2]}`, "$.l[-1]", opAdd, Int(9), `JSON_OBJ {"l":[1,11]}`},
		{`{"l":[1,2]}`, "$.l[5]", opAssign, Int(9), "error: no such index"},
		{`{"l":[1]}`, "$.l", opAdd, Int(2), `JSON_OBJ {"l":[1,2]}`},
		{`{"l":[1]}`, "$.l", opRemoveAt, Int(0), `JSON_OBJ {"l":[]}`},
		{`{"o":{"a":1}}`, "$.o", opRemoveK, Str("a"), `JSON_OBJ {"o":{}}`},
		{`{"a":{"x y":1}}`, "$['a']['x y']", opAdd, Int(1), `JSON_OBJ {"a":{"x y":2}}`},
		{`{"a":1}`, "a", opAdd, Int(1), `JSON_OBJ {"a":2}`},
		{`[1,2]`, "$[0]", opAdd, Int(1), `JSON_ARR [2,2]`},
		{`[{"a":1},{"a":2}]`, "$[*].a", opAssign, JSONArr("[0]"), `JSON_ARR [{"a":[0]},{"a":[0]}]`},
		{`{"a":1}`, "$", opAssign, JSONObj("{}"), "error: the root of a document cannot be replaced"},
		{`{"l":[1]}`, "$.l.length()", opAssign, Int(1), "error: a function cannot be assigned to"},
		{`{"a":1}`, "$.[", opAssign, Int(1), "error: Failed accessing path"},
		{`{}`, "$.d", opAssign, Double(nan), "error: JSON cannot hold the number NaN"},
		{`{}`, "$.t", opAssign, at(1690000000, 0), `JSON_OBJ {"t":"2023-07-22T04:26:40Z"}`},
		{`{}`, "$.r", opAssign, wfRun("p", "c"), `JSON_OBJ {"r":"p_c"}`},
		{`{}`, "$.b", opAssign, Bytes([]byte("abc")), `JSON_OBJ {"b":"YWJj"}`},
		{`{}`, "$.l", opAssign, list(Int(1), Str("x")), `JSON_OBJ {"l":[1,"x"]}`},
	} {
		t.Run(c.doc+" "+c.path+" "+c.op.String()+" "+show(c.r), func(t *testing.T) {
			m := mutation(c.op, literalOf(c.r))
			m.LhsJsonPath = &c.path
			v := document(c.doc)
			got, err := Mutate(m, TypeOf(v).Def(), "", world{variables: map[string]*lhpb.VariableValue{"v": v}})
			expect(t, c.want, got, err)
		})
	}
	path := "$.a"
	m := mutation(opAssign, literalOf(Int(1)))
	m.LhsJsonPath = &path
	for _, v := range []*lhpb.VariableValue{NullValue(), Int(1), mapping()} {
		got, err := Mutate(m, tObj, "", world{variables: map[string]*lhpb.VariableValue{"v": v}})
		expect(t, "error: Cannot jsonpath on", got, err)
	}
}

// covers: engine-3 §6
func TestMutationsAtLHPath(t *testing.T) {
	car := record("car", 0, map[string]*lhpb.VariableValue{
		"model": Str("T"), "owner": record("person", 2, map[string]*lhpb.VariableValue{"name": Str("Ann")}),
	})
	intMap := MapDef(tStr, tInt)
	for name, c := range map[string]struct {
		v        *lhpb.VariableValue
		declared *lhpb.TypeDefinition
		path     *lhpb.LHPath
		op       lhpb.VariableMutationType
		r        *lhpb.VariableValue
		want     string
	}{
		"field":              {car, tCar, selectorsOf("model"), opAdd, Str("2"), `{"model":"T2","owner":{"name":"Ann"}}`},
		"nested field":       {car, tCar, selectorsOf("owner", "name"), opAssign, Str("Bo"), `{"model":"T","owner":{"name":"Bo"}}`},
		"field with default": {car, tCar, selectorsOf("seats"), opAdd, Int(1), `{"model":"T","owner":{"name":"Ann"},"seats":5}`},
		"coerced field":      {car, tCar, selectorsOf("seats"), opAssign, Str("6"), `{"model":"T","owner":{"name":"Ann"},"seats":6}`},
		"nullable field":     {car, tCar, selectorsOf("owner"), opAssign, NullValue(), `{"model":"T","owner":null}`},
		"field not nullable": {car, tCar, selectorsOf("model"), opAssign, NullValue(), "error: Field 'model' is not nullable"},
		"unknown field":      {car, tCar, selectorsOf("wings"), opAssign, Int(1), "error: could not find field 'wings' on type Struct<car,v0>"},
		"index on Struct":    {car, tCar, selectorsOf(0), opAssign, Int(1), "error: Cannot 'set' index 0"},
		"item":               {typed(tInt, Int(1), Int(2)), ArrayDef(tInt), selectorsOf(1), opAdd, Int(5), `[1,7]`},
		"item out of bounds": {typed(tInt, Int(1)), ArrayDef(tInt), selectorsOf(1), opAdd, Int(5), "error: Index 1 out of bounds"},
		"entry":              {mapping("a", Int(1)), intMap, selectorsOf("a"), opAdd, Int(5), `{"a":6}`},
		"new entry":          {mapping("a", Int(1)), intMap, selectorsOf("b"), opAdd, Str("5"), `{"a":1,"b":5}`},
		"new dynamic key":    {mapping("a", Int(1)), intMap, selectorsOf(literalOf(Int(3))), opAssign, Int(5), `{"a":1,"3":5}`},
		"JSON member":        {JSONObj(`{"a":{}}`), tObj, selectorsOf("a", "b.c"), opAssign, Int(1), `{"a":{"b.c":1}}`},
		"JSON item":          {JSONObj(`{"a":[1,2]}`), tObj, selectorsOf("a", -1), opAdd, Int(1), `{"a":[1,3]}`},
		"JSON missing":       {JSONObj(`{}`), tObj, selectorsOf("a", "b"), opAssign, Int(1), "error: Missing property"},
		"JSON item missing":  {JSONArr(`[]`), tArr, selectorsOf(0), opAssign, Int(1), "error: Index 0 out of bounds"},
		"empty path":         {Int(1), tInt, selectorsOf(), opAdd, Int(1), "2"},
		"path into INT":      {Int(1), tInt, selectorsOf("a"), opAdd, Int(1), "error: Cannot 'set' .a on a value of type INT"},
		"path into NULL":     {NullValue(), intMap, selectorsOf("a"), opAdd, Int(1), "error: Cannot 'set' .a"},
		"JSON inside a Map":  {mapping("j", JSONObj(`{"x":1}`)), MapDef(tStr, tObj), selectorsOf("j", "x"), opAdd, Int(1), `{"j":{"x":2}}`},
		"Struct without def": {record("boat", 0, nil), tCar, selectorsOf("x"), opAssign, Int(1), "error: could not find field 'x'"},
	} {
		t.Run(name, func(t *testing.T) {
			m := mutation(c.op, literalOf(c.r))
			m.LhsLhPath = c.path
			before := c.v.CloneVT()
			got, err := Mutate(m, c.declared, "", world{variables: map[string]*lhpb.VariableValue{"v": c.v}, structs: garage})
			if !proto.Equal(before, c.v) {
				t.Error("the variable's value was changed in place")
			}
			expect(t, strings.Replace("STR "+c.want, "STR error", "error", 1), Str(Text(got)), err)
		})
	}
	both := mutation(opAssign, literalOf(Int(1)))
	both.LhsLhPath, both.LhsJsonPath = selectorsOf("a"), new(string)
	_, err := Mutate(both, tObj, "", world{variables: map[string]*lhpb.VariableValue{"v": JSONObj("{}")}})
	expect(t, "error: both given", nil, err)
}

// TestGrowthIsBounded: a value that would not fit a record is refused, not lost.
func TestGrowthIsBounded(t *testing.T) {
	half := Str(strings.Repeat("x", MaxBytes/2+1))
	env := world{variables: map[string]*lhpb.VariableValue{"v": half}}
	_, err := Mutate(mutation(opExtend, literalOf(half)), tStr, "", env)
	expect(t, "error: exceeds the limit of 4194304 bytes", nil, err)

	env.variables["v"] = JSONArr("[]")
	_, err = Mutate(mutation(opAdd, literalOf(Str(strings.Repeat("<", MaxBytes/2+1)))), tArr, "", env)
	expect(t, "error: exceeds the limit", nil, err)

	env.variables["v"] = JSONArr("[" + strings.Repeat("{},", 1000) + "{}]")
	path := "$[*].a"
	m := mutation(opAssign, literalOf(half))
	m.LhsJsonPath = &path
	_, err = Mutate(m, tArr, "", env)
	expect(t, "error: Coercing from STR to JSON_ARR is not supported", nil, err)
	m.RhsValue = &lhpb.VariableMutation_LiteralValue{LiteralValue: JSONArr(`["` + strings.Repeat("x", 10_000) + `"]`)}
	_, err = Mutate(m, tArr, "", env)
	expect(t, "error: exceeds the limit", nil, err)

	deep := strings.Repeat("[", MaxJSONDepth+1) + strings.Repeat("]", MaxJSONDepth+1)
	env.variables["v"] = JSONArr("[]")
	_, err = Mutate(mutation(opAdd, literalOf(JSONArr(deep))), tArr, "", env)
	expect(t, "error: JSON nested deeper than the limit of 255 levels", nil, err)
}
