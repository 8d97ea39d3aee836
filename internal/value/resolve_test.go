package value

import (
	"strings"
	"testing"

	"littlehorse/lhpb"
)

func sizeAssignment(a *lhpb.VariableAssignment) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_SizeOf_{SizeOf: &lhpb.VariableAssignment_SizeOf{Operand: a}}}
}

func outputOf(node string) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_NodeOutput{
		NodeOutput: &lhpb.VariableAssignment_NodeOutputReference{NodeName: node},
	}}
}

// structOf builds a struct of assignments and nested builders.
func structOf(name string, fields map[string]any) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_StructBuilder{StructBuilder: &lhpb.StructBuilder{
		StructDefId: &lhpb.StructDefId{Name: name}, Value: inlineStruct(fields),
	}}}
}

func inlineStruct(fields map[string]any) *lhpb.InlineStructBuilder {
	b := &lhpb.InlineStructBuilder{Fields: map[string]*lhpb.InlineStructFieldValue{}}
	for name, f := range fields {
		v := &lhpb.InlineStructFieldValue{}
		switch k := f.(type) {
		case *lhpb.VariableAssignment:
			v.StructValue = &lhpb.InlineStructFieldValue_SimpleValue{SimpleValue: k}
		case map[string]any:
			v.StructValue = &lhpb.InlineStructFieldValue_SubStructure{SubStructure: inlineStruct(k)}
		}
		b.Fields[name] = v
	}
	return b
}

func mapOf(t *lhpb.InlineMapDef, pairs ...*lhpb.VariableAssignment) *lhpb.VariableAssignment {
	b := &lhpb.MapBuilder{MapType: t}
	for i := 0; i < len(pairs); i += 2 {
		b.Entries = append(b.Entries, &lhpb.MapBuilder_Entry{Key: pairs[i], Value: pairs[i+1]})
	}
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_MapBuilder{MapBuilder: b}}
}

// covers: engine-3 §2; engine-3 §3.2
func TestResolve(t *testing.T) {
	intMap := Map(&lhpb.Map{Entries: []*lhpb.Map_Entry{{Key: Int(7), Value: Str("seven")}}})
	env := world{
		variables: map[string]*lhpb.VariableValue{
			"x": Int(5), "s": Str("a😀"), "doc": JSONObj(`{"l":[{"k":1.5},"y"],"n":null,"a.b":3}`), "arr": JSONArr("[10,20,30,40]"),
			"null": NullValue(), "list": list(Int(4), list(Str("deep"))), "map": mapping("k", list(Int(9)), "j", JSONObj(`{"a":[1]}`)),
			"intmap": intMap, "car": record("car", 0, map[string]*lhpb.VariableValue{"model": Str("T")}), "key": Str("k"), "one": Int(1),
		},
		outputs: map[string]*lhpb.VariableValue{"n1": JSONObj(`{"id":7}`)},
		structs: garage,
	}
	for _, c := range []struct {
		name string
		a    *lhpb.VariableAssignment
		want string
	}{
		{"literal", literalOf(Int(1)), "INT 1"},
		{"empty literal", literalOf(nil), "NULL"},
		{"variable", variable("x"), "INT 5"},
		{"unknown variable", variable("nope"), "error: Variable nope is out of scope"},
		{"node output", outputOf("n1"), `JSON_OBJ {"id":7}`},
		{"node output with path", withJSONPath(outputOf("n1"), "$.id"), "INT 7"},
		{"no node output", outputOf("n2"), "error: Specified node n2 has no output."},
		{"no source", &lhpb.VariableAssignment{}, "error: VariableAssignment passed with missing source"},
		{"nil", nil, "error: VariableAssignment passed with missing source"},
		{"json path and cast", castTo(withJSONPath(variable("doc"), "$.l[0].k"), tInt), "INT 1"},
		{"missing json path and cast", castTo(withJSONPath(variable("doc"), "$.nope"), tInt), "NULL"},
		{"bad cast", castTo(variable("s"), tInt), "error: Failed to cast value to INT: Cannot parse 'a😀' as INT."},
		{"json path on INT", withJSONPath(variable("x"), "$.a"), "error: Cannot jsonpath on"},

		{"size of STR", sizeAssignment(variable("s")), "INT 3"},
		{"size of hello!", sizeAssignment(literalOf(Str("hello!"))), "INT 6"},
		{"size of JSON_ARR", sizeAssignment(variable("arr")), "INT 4"},
		{"size of Array", sizeAssignment(variable("list")), "INT 2"},
		{"size of JSON_OBJ", sizeAssignment(variable("doc")), "error: Cannot resolve size() for var of type JSON_OBJ"},
		{"size of NULL", sizeAssignment(variable("null")), "error: Cannot resolve size() for var of type"},

		{"comparison", expression(variable("x"), lhpb.Comparator_GREATER_THAN, literalOf(Int(3))), "BOOL true"},
		{"comparison of kinds", expression(variable("x"), lhpb.Comparator_EQUALS, variable("s")), "error: Failed comparing"},
		{"both sides are resolved", expression(literalOf(Bool(true)), opOr, variable("nope")), "error: Variable nope"},
		{"left side first", expression(variable("nope1"), opOr, variable("nope2")), "error: Variable nope1"},
		{"no operation", expression(variable("x"), nil, variable("x")), "error: missing operation"},
		{"5 / 2", expression(literalOf(Int(5)), opDivide, literalOf(Int(2))), "INT 2"},

		{"lh path in Array", withLHPath(variable("list"), 1, 0), "STR deep"},
		{"empty lh path", withLHPath(variable("x")), "INT 5"},
		{"negative index", withLHPath(variable("list"), -1), "error: Index -1 out of bounds"},
		{"index out of range", withLHPath(variable("list"), 2), "error: Index 2 out of bounds"},
		{"key on Array", withLHPath(variable("list"), "a"), "error: Cannot 'get' key 'a' on Array<INT>"},
		{"lh path in Map", withLHPath(variable("map"), "k", 0), "INT 9"},
		{"missing key", withLHPath(variable("map"), "zz"), "NULL"},
		{"below a missing key", withLHPath(variable("map"), "zz", "a", 1), "NULL"},
		{"Map to JSON", withLHPath(variable("map"), "j", "a", 0), "INT 1"},
		{"lh path in JSON", withLHPath(variable("doc"), "l", 0, "k"), "DOUBLE 1.5"},
		{"key with a dot", withLHPath(variable("doc"), "a.b"), "INT 3"},
		{"JSON index from the end", withLHPath(variable("doc"), "l", -1), "STR y"},
		{"missing in JSON", withLHPath(variable("doc"), "l", "k", "z"), "NULL"},
		{"lh path in Struct", withLHPath(variable("car"), "model"), "STR T"},
		{"default of a Struct's field", withLHPath(variable("car"), "seats"), "INT 4"},
		{"unknown field", withLHPath(variable("car"), "wings"), "error: Cannot 'get' field 'wings'"},
		{"lh path on INT", withLHPath(variable("x"), "a"), "error: Cannot 'get' on"},
		{"lh path on NULL", withLHPath(variable("null"), "a"), "error: Cannot 'get' on"},
		{"dynamic key", withLHPath(variable("map"), variable("key"), 0), "INT 9"},
		{"dynamic index", withLHPath(variable("list"), variable("one"), 0), "STR deep"},
		{"dynamic key of another kind", withLHPath(variable("intmap"), literalOf(Int(7))), "STR seven"},
		{"index as the key of a Map", withLHPath(variable("intmap"), 7), "STR seven"},
		{"NULL selector", withLHPath(variable("list"), variable("null")), "error: a selector may not be NULL"},
		{"empty selector", withLHPath(variable("list"), nil), "error: neither key nor index"},

		{"struct builder", structOf("car", map[string]any{
			"model": variable("s"), "plate": literalOf(Str("X1")), "owner": map[string]any{"name": literalOf(Str("Ann"))},
		}), `Struct<car,v0> {"model":"a😀","owner":{"name":"Ann"},"plate":"X1"}`},
		{"struct builder of nothing", structOf("boat", nil), "error: refers to non-existent StructDef boat with version 0"},
		{"nested where there is none", structOf("car", map[string]any{"model": map[string]any{}}), "error: field 'model'"},
		{"failing field", structOf("car", map[string]any{"model": variable("nope")}), "error: field 'model': Variable nope"},

		{
			"map builder", mapOf(nil, literalOf(Str("a")), variable("x"), literalOf(Str("b")), variable("s"), literalOf(Str("a")), literalOf(Int(1))),
			`Map<STR, INT> {"a":1,"b":"a😀"}`,
		},
		{
			"typed map builder", mapOf(&lhpb.InlineMapDef{KeyType: tStr, ValueType: tDouble}, literalOf(Str("a")), variable("x")),
			`Map<STR, DOUBLE> {"a":5}`,
		},
		{
			"ill-typed map builder", mapOf(&lhpb.InlineMapDef{KeyType: tStr, ValueType: tInt}, literalOf(Str("a")), variable("s")),
			"error: value of entry 0: Value of type STR is not compatible with expected type INT",
		},
		{"map builder with NULL key", mapOf(nil, variable("null"), variable("x")), "error: the key is NULL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Resolve(c.a, env)
			expect(t, c.want, got, err)
		})
	}
}

// covers: engine-3 §11; engine-3 §10
func TestStructBuilderSetsMasksAndIds(t *testing.T) {
	got, err := Resolve(structOf("car", map[string]any{
		"plate": literalOf(Str("X1")), "owner": map[string]any{"name": literalOf(Str("Ann"))},
	}), world{structs: garage})
	if err != nil {
		t.Fatal(err)
	}
	fields := got.GetStruct().GetStruct().GetFields()
	if !fields["plate"].Masked || fields["owner"].Masked {
		t.Error("masks do not follow the StructDef")
	}
	if id := fields["owner"].Value.GetStruct().GetStructDefId(); id.Name != "person" || id.Version != 2 {
		t.Errorf("nested struct is a %v", id)
	}
}

// covers: engine-3 §4
func TestConditions(t *testing.T) {
	env := world{variables: map[string]*lhpb.VariableValue{
		"yes": Bool(true), "no": Bool(false), "null": NullValue(), "s": Str("true"), "doc": JSONObj(`{"a":true,"b":"x"}`), "i": Int(1),
	}}
	for name, c := range map[string]struct {
		a    *lhpb.VariableAssignment
		want string
	}{
		"comparison":          {expression(variable("i"), lhpb.Comparator_EQUALS, literalOf(Int(1))), "true"},
		"failing comparison":  {expression(variable("i"), lhpb.Comparator_EQUALS, literalOf(Str("1"))), "error: Failed comparing"},
		"and":                 {expression(variable("yes"), opAnd, variable("no")), "false"},
		"or":                  {expression(variable("yes"), opOr, variable("no")), "true"},
		"and with NULL":       {expression(variable("yes"), opAnd, variable("null")), "error: Both sides of AND must be BOOL"},
		"and with STR":        {expression(variable("yes"), opAnd, variable("s")), "error: Both sides of AND must be BOOL"},
		"add":                 {expression(variable("i"), opAdd, variable("i")), "error: Operation ADD does not resolve to a BOOL value"},
		"variable":            {variable("yes"), "true"},
		"STR variable":        {variable("s"), "error: Does not resolve to a BOOL value"},
		"NULL literal":        {literalOf(NullValue()), "error: Does not resolve to a BOOL value"},
		"json path":           {withJSONPath(variable("doc"), "$.a"), "true"},
		"cast STR":            {castTo(variable("s"), tBool), "true"},
		"nested expressions":  {expression(expression(variable("i"), lhpb.Comparator_LESS_THAN, literalOf(Int(2))), opAnd, variable("yes")), "true"},
		"unknown in operands": {expression(variable("yes"), opAnd, variable("nope")), "error: Variable nope"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := EvalCondition(c.a, env)
			expectBool(t, prefixed(c.want), got, err)
		})
	}
}

func TestEdges(t *testing.T) {
	env := world{variables: map[string]*lhpb.VariableValue{"i": Int(1)}}
	legacy := func(c lhpb.Comparator, r *lhpb.VariableValue) *lhpb.Edge {
		return &lhpb.Edge{EdgeCondition: &lhpb.Edge_LegacyCondition{
			LegacyCondition: &lhpb.LegacyEdgeCondition{Comparator: c, Left: variable("i"), Right: literalOf(r)},
		}}
	}
	for want, e := range map[string]*lhpb.Edge{
		"true":                       {},
		"false":                      legacy(lhpb.Comparator_LESS_THAN, Int(1)),
		"error: Failed comparing":    legacy(lhpb.Comparator_LESS_THAN, Str("x")),
		"error: Does not resolve to": {EdgeCondition: &lhpb.Edge_Condition{Condition: variable("i")}},
	} {
		got, err := EvalEdge(e, env)
		expectBool(t, prefixed(want), got, err)
	}
}

// TestHostileAssignments: everything ends with an error that names the bound.
func TestHostileAssignments(t *testing.T) {
	big := Str(strings.Repeat("x", MaxBytes-10))
	env := world{variables: map[string]*lhpb.VariableValue{"big": big, "list": list(big)}}
	deep := variable("big")
	for range MaxDepth + 5 {
		deep = sizeAssignment(deep)
	}
	many := literalOf(Str(""))
	for range 90 {
		many = expression(variable("big"), lhpb.Comparator_EQUALS, expression(many, lhpb.Comparator_EQUALS, literalOf(Bool(true))))
	}
	nested := any(map[string]any{})
	for range 10_000 {
		nested = map[string]any{"owner": nested}
	}
	for name, c := range map[string]struct {
		a    *lhpb.VariableAssignment
		want string
	}{
		"depth":         {deep, "nested deeper than the limit of 100 levels"},
		"concatenation": {expression(variable("big"), opAdd, variable("big")), "exceeds the limit of 4194304 bytes"},
		"array":         {expression(variable("list"), opExtend, variable("big")), "exceeds the limit of 4194304 bytes"},
		"map builder":   {mapOf(nil, literalOf(Str("a")), variable("big"), literalOf(Str("b")), variable("big")), "exceeds the limit"},
		"struct":        {structOf("car", map[string]any{"model": variable("big"), "plate": variable("big")}), "exceeds the limit"},
		"deep struct":   {structOf("chain", map[string]any{"owner": nested}), "nested deeper than the limit"},
		"wide":          {withLHPath(variable("list"), make([]any, maxPathSteps+1)...), "steps"},
	} {
		env.structs = map[string]*lhpb.StructDef{"car": garage["car"], "chain": {StructDef: &lhpb.InlineStructDef{
			Fields: map[string]*lhpb.StructFieldDef{"owner": {FieldType: StructType(&lhpb.StructDefId{Name: "chain"})}},
		}, Id: &lhpb.StructDefId{Name: "chain"}}}
		t.Run(name, func(t *testing.T) {
			got, err := Resolve(c.a, env)
			expect(t, "error: "+c.want, got, err)
		})
	}
	if _, err := Resolve(many, env); err == nil {
		t.Error("comparing kinds must fail")
	}
}
