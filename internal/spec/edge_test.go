package spec

import (
	"testing"

	"littlehorse/internal/lh"
)

// covers: engine-1 §9
func TestConditions(t *testing.T) {
	compare := func(cmp, left, right string) string {
		return `{"expression":{"comparator":"` + cmp + `","lhs":{` + left + `},"rhs":{` + right + `}}}`
	}
	v := func(name string) string { return `"variableName":"` + name + `"` }
	null, arr := `"literalValue":{}`, `"literalValue":{"array":{"items":[{"int":"1"}]}}`
	strs := `"literalValue":{"array":{"items":[{"str":"1"}]}}`

	checkRefusals(t, []refusal{
		{"JSON_OBJ has no order", withCondition(compare("LESS_THAN", v("j"), v("j"))), say(atEdge, "You cannot compare RHS type JSON_OBJ")},
		{"INT with WF_RUN_ID", withCondition(compare("EQUALS", v("i"), v("w"))), say(atEdge, "You can only compare LHS type INT with its own type")},
		{"INT with JSON_OBJ", withCondition(compare("EQUALS", v("i"), v("j"))), say("You can only compare LHS type")},
		{"INT in Array", withCondition(compare("IN", v("i"), arr)), say("You cannot use LHS type INT with Comparator IN")},
		{"INT in JSON_OBJ", withCondition(compare("IN", v("i"), v("j"))), say("You cannot use LHS type INT with Comparator IN")},
		{"STR in STR", withCondition(compare("IN", v("s"), v("s"))), say("You cannot compare RHS type STR using Comparator IN")},
		{
			"comparator without operands", withCondition(`{"expression":{"comparator":"EQUALS"}}`),
			say(atEdge, "Unable to resolve type of VariableAssignment", "VariableAssignment passed with missing source"),
		},
		{"legacy without operands", withEdge(`"legacyCondition":{}`), say("VariableAssignment passed with missing source")},
		{
			"legacy", withEdge(`"legacyCondition":{"comparator":"IN","left":{` + v("i") + `},"right":{` + v("i") + `}}`),
			say("You cannot compare RHS type INT using Comparator IN"),
		},
		{"expression without operation", withCondition(`{"expression":{"lhs":{` + v("i") + `},"rhs":{` + v("i") + `}}}`), say("without an operation")},
		{"bare INT", withCondition(`{` + v("i") + `}`), say(atEdge, "Does not resolve to a BOOL value")},
		{"bare STR", withCondition(`{` + v("s") + `}`), say("Does not resolve to a BOOL value")},
		{"bare format string", withCondition(`{"formatString":{"format":{"literalValue":{"str":"x"}}}}`), say("Does not resolve to a BOOL value")},
		{"bare JSON path", withCondition(`{` + v("j") + `,"jsonPath":"$.a"}`), say("Does not resolve to a BOOL value")},
		{"output of a node without", withCondition(`{"nodeOutput":{"nodeName":"e"}}`), say("Does not resolve to a BOOL value")},
		{"output of a missing node", withCondition(`{"nodeOutput":{"nodeName":"zz"}}`), say("Node zz not present in threadspec main")},
		{"no source", withCondition(`{}`), say("VariableAssignment passed with missing source")},
		{"struct builder", withCondition(`{"structBuilder":{"structDefId":{"name":"car","version":-1}}}`), say("Missing required field(s)")},
		{"wait for it: neither set", withNode(`"waitForCondition":{}`), say(atNode)},
		{"wait for it: bare INT", withNode(`"waitForCondition":{"condition":{` + v("i") + `}}`), say(atNode, "Does not resolve to a BOOL value")},
		{"wait for it: INT in INT", withNode(`"waitForCondition":{"condition":` + compare("IN", v("i"), v("i")) + `}`), say("You cannot compare RHS type INT using Comparator IN")},
	})
	for name, spec := range map[string]string{
		"BOOL":                  withCondition(`{` + v("b") + `}`),
		"NULL literal":          withCondition(`{` + null + `}`),
		"STR cast to BOOL":      withCondition(`{` + v("s") + `,"targetType":{"primitiveType":"BOOL"}}`),
		"OR of what is unknown": withMutation(`{"lhsName":"j","rhsAssignment":{"expression":{"mutationType":"OR","lhs":{` + v("j") + `,"jsonPath":"$.x"},"rhs":{` + v("b") + `}}}}`),
		"AND of anything":       withCondition(`{"expression":{"mutationType":"AND","lhs":{` + v("i") + `},"rhs":{` + v("b") + `}}}`),
		"INT less than STR":     withCondition(compare("LESS_THAN", v("i"), v("s"))),
		"INT with DOUBLE":       withCondition(compare("EQUALS", v("i"), v("d"))),
		"JSON_OBJ = JSON_OBJ":   withCondition(compare("EQUALS", v("j"), v("j"))),
		"INT in JSON_ARR":       withCondition(compare("IN", v("i"), v("a"))),
		"STR in Array":          withCondition(compare("NOT_IN", v("s"), strs)),
		"STR in JSON_OBJ":       withCondition(compare("IN", v("s"), v("j"))),
		"STR in Map":            withCondition(compare("IN", v("s"), v("map"))),
		"anything with NULL":    withCondition(compare("LESS_THAN", v("j"), null)),
		"unknown on one side":   withCondition(compare("LESS_THAN", v("j")+`,"jsonPath":"$.a"`, v("j"))),
		"wait for it, legacy":   withNode(`"waitForCondition":{"legacyCondition":{"comparator":"EQUALS","left":{` + v("i") + `},"right":{` + v("i") + `}}}`),
		"no condition at all":   withEdge(`"variableMutations":[]`),
		"unchecked in a value":  withMutation(`{"lhsName":"b","rhsAssignment":` + compare("LESS_THAN", v("j"), v("j")) + `}`),
	} {
		t.Run(name, func(t *testing.T) { mustPut(t, world(), spec) })
	}
}

// covers: engine-1 §10; engine-1 §11
func TestMutations(t *testing.T) {
	mutate := func(lhs, op, rhs string) string {
		return withMutation(`{"lhsName":"` + lhs + `","operation":"` + op + `","rhsAssignment":{` + rhs + `}}`)
	}
	v := func(name string) string { return `"variableName":"` + name + `"` }
	cast := func(name, to string) string { return v(name) + `,"targetType":{"primitiveType":"` + to + `"}` }
	builder := func(name, fields string) string {
		return `"structBuilder":{"structDefId":{"name":"` + name + `","version":-1},"value":{"fields":{` + fields + `}}}`
	}
	made := `"make":{"simpleValue":{` + v("s") + `}}`
	path := func(name, selectors string) string { return v(name) + `,"lhPath":{"path":[` + selectors + `]}` }

	checkRefusals(t, []refusal{
		{"STR to INT", mutate("i", "ASSIGN", v("s")), say(atEdge, "Cannot assign STR to INT without explicit casting.")},
		{"DOUBLE to INT", mutate("i", "ASSIGN", v("d")), say("Cannot assign DOUBLE to INT without explicit casting.")},
		{"INT to Array", mutate("arr", "ASSIGN", v("i")), say("Cannot assign INT to Array<INT> without explicit casting.")},
		{"Array to INT", mutate("i", "ASSIGN", v("arr")), say("Mutation of variable i invalid: ", "Array<INT>", "INT")},
		{"Map to Array", mutate("arr", "ASSIGN", v("map")), say("Map<STR, INT>", "Array<INT>")},
		{"Array of others", mutate("arr", "ASSIGN", `"literalValue":{"array":{"items":[{"str":"x"}]}}`), say("Array<STR>", "Array<INT>")},
		{"BOOL cast to INT", mutate("i", "ASSIGN", cast("b", "INT")), say("Cannot cast from BOOL to INT. This conversion is not supported.")},
		{"cast to what does not fit", mutate("i", "ASSIGN", cast("s", "BOOL")), say("Cannot cast from BOOL to INT. This conversion is not supported.")},
		{"MULTIPLY a STR", mutate("s", "MULTIPLY", v("i")), say("Mutation of variable s invalid: Cannot multiply to a STR")},
		{"ADD to an Array", mutate("arr", "ADD", v("i")), say("Use EXTEND instead")},
		{"INT POW DOUBLE", mutate("i", "POW", v("d")), say("Cannot mutate a INT by assigning it a value of type DOUBLE")},
		{"AND on INT", mutate("i", "AND", v("b")), say("Cannot mutate a INT by assigning it a value of type BOOL")},
		{"no source", mutate("i", "ASSIGN", ""), say("Mutation of variable i invalid: VariableAssignment passed with missing source")},
		{"no right side", withMutation(`{"lhsName":"i"}`), say("Mutation of variable i invalid: ")},
		{"legacy literal", withMutation(`{"lhsName":"i","literalValue":{"str":"x"}}`), say("Cannot assign STR to INT without explicit casting.")},
		{"size of INT", mutate("i", "ASSIGN", `"sizeOf":{"operand":{`+v("i")+`}}`), say("size() only supports STR, ARRAY or JSON_ARR operands")},
		{"size of Map", mutate("i", "ASSIGN", `"sizeOf":{"operand":{`+v("map")+`}}`), say("size() only supports")},
		{"size of nothing", mutate("i", "ASSIGN", `"sizeOf":{}`), say("missing source")},
		{"expression", mutate("i", "ASSIGN", `"expression":{"mutationType":"MULTIPLY","lhs":{`+v("a")+`},"rhs":{`+v("i")+`}}`), say("Cannot multiply to a JSON_ARR")},
		{"missing node", mutate("i", "ASSIGN", `"nodeOutput":{"nodeName":"zz"}`), say("Node zz not present in threadspec main")},
		{"unknown field", mutate("s", "ASSIGN", path("car", `{"key":"nope"}`)), say("could not find field 'nope' on type Struct<car,v1>")},
		{"index into a Struct", mutate("s", "ASSIGN", path("car", `{"index":1}`)), say("could not find field")},
		{"key into an Array", mutate("i", "ASSIGN", path("arr", `{"key":"a"}`)), say("index selector")},
		{"index into a Map", mutate("i", "ASSIGN", path("map", `{"index":1}`)), say("key selector")},
		{"path into INT", mutate("i", "ASSIGN", path("i", `{"key":"x"},{"index":2}`)), say("'$.x[2]' on Type 'INT'")},
		{"wrong field type", mutate("i", "ASSIGN", path("owner", `{"key":"car"},{"key":"make"}`)), say("Cannot assign STR to INT without explicit casting.")},
		{"builder: missing field", mutate("car", "ASSIGN", builder("car", "")), say("Mutation of variable car invalid: Missing required field(s) for StructDef car/00001: make")},
		{"builder: unknown field", mutate("car", "ASSIGN", builder("car", made+`,"zz":{"simpleValue":{`+v("s")+`}}`)), say("does not contain field 'zz'")},
		{"builder: wrong type", mutate("car", "ASSIGN", builder("car", `"make":{"simpleValue":{`+v("j")+`}}`)), say("Field 'make' expects STR but got JSON_OBJ")},
		{"builder: struct for STR", mutate("car", "ASSIGN", builder("car", `"make":{"subStructure":{}}`)), say("Field 'make' expects STR")},
		{"builder: empty field", mutate("car", "ASSIGN", builder("car", `"make":{}`)), say("Field 'make' is missing a value")},
		{"builder: no StructDef", mutate("car", "ASSIGN", builder("nope", made)), say("StructDef not found: nope")},
		{"builder: no id", mutate("car", "ASSIGN", `"structBuilder":{}`), say("StructDef not found")},
		{"builder: other struct", mutate("owner", "ASSIGN", builder("car", made)), say("Cannot assign Struct<car,v1> to Struct<owner,v0> without explicit casting.")},
		{"builder: nested missing", mutate("owner", "ASSIGN", builder("owner", `"car":{"subStructure":{}}`)), say("Missing required field(s) for StructDef car/00001: make")},
		{"builder: to INT", mutate("i", "ASSIGN", builder("car", made)), say("Cannot assign Struct<car,v1> to INT without explicit casting.")},
	})
	for name, spec := range map[string]string{
		"INT to DOUBLE":           mutate("d", "ASSIGN", v("i")),
		"INT to STR":              mutate("s", "ASSIGN", v("i")),
		"STR cast to INT":         mutate("i", "ASSIGN", cast("s", "INT")),
		"NULL to anything":        mutate("arr", "ASSIGN", `"literalValue":{}`),
		"JSON path to anything":   mutate("i", "ASSIGN", v("j")+`,"jsonPath":"$.a"`),
		"empty array literal":     mutate("arr", "ASSIGN", `"literalValue":{"array":{}}`),
		"unknown node output":     mutate("b", "ASSIGN", `"nodeOutput":{"nodeName":"e"}`),
		"EXTEND an Array":         mutate("arr", "EXTEND", v("i")),
		"ADD to JSON_ARR":         mutate("a", "ADD", v("j")),
		"REMOVE_KEY":              mutate("j", "REMOVE_KEY", v("s")),
		"builder":                 mutate("car", "ASSIGN", builder("car", made)),
		"nested builder":          mutate("owner", "ASSIGN", builder("owner", `"car":{"subStructure":{"fields":{`+made+`}}}`)),
		"INT for a STR field":     mutate("car", "ASSIGN", builder("car", `"make":{"simpleValue":{`+v("i")+`}}`)),
		"path to a field":         mutate("s", "ASSIGN", path("car", `{"key":"make"}`)),
		"path into an Array":      mutate("i", "ASSIGN", path("arr", `{"index":0}`)),
		"path into a Map":         mutate("i", "ASSIGN", path("map", `{"key":"k"}`)),
		"path into JSON":          mutate("i", "ASSIGN", path("j", `{"key":"k"},{"index":3}`)),
		"empty path":              mutate("i", "ASSIGN", path("i", ``)),
		"legacy literal":          withMutation(`{"lhsName":"i","literalValue":{"int":"1"}}`),
		"legacy node output":      withMutation(`{"lhsName":"i","nodeOutput":{}}`),
		"legacy with a path":      withMutation(`{"lhsName":"j","lhsJsonPath":"$.a","operation":"MULTIPLY","literalValue":{"str":"x"}}`),
		"unchecked behind a path": withMutation(`{"lhsName":"j","lhsJsonPath":"$.a","rhsAssignment":{"variableName":"b"}}`),
		"size of JSON_ARR":        mutate("i", "ASSIGN", `"sizeOf":{"operand":{`+v("a")+`}}`),
	} {
		t.Run(name, func(t *testing.T) { mustPut(t, world(), spec) })
	}
}

// covers: engine-1 §10
func TestLegacyNodeOutputIsTypedByItsNode(t *testing.T) {
	spec := func(lhs string) string {
		return wfSpecJSON(`"main":`+threadJSON(variables, `"task":{"taskDefId":{"name":"greet"},"variables":[{"variableName":"i"}]}`,
			`"variableMutations":[{"lhsName":"`+lhs+`","nodeOutput":{}}]`, ""), "")
	}
	mustPut(t, world(), spec("s"))
	refused(t, world(), spec("i"), lh.InvalidArgument, "Cannot assign STR to INT without explicit casting.")
}
