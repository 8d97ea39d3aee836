package spec

import (
	"testing"

	"littlehorse/internal/lh"
)

type refusal struct {
	name string
	spec string
	text []string
}

func checkRefusals(t *testing.T, cases []refusal) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { refused(t, world(), c.spec, lh.InvalidArgument, c.text...) })
	}
}

const (
	atNode = "PutWfSpecRequest is invalid: ThreadSpec main invalid: Node n invalid: "
	atEdge = atNode + "Edge with sink node x invalid: "
)

func say(texts ...string) []string { return texts }

// covers: engine-1 §2; engine-1 §3
func TestNameAndEntrypoint(t *testing.T) {
	nop := threadJSON("", `"nop":{}`, "", "")
	for _, name := range []string{"", "a_b", "a.b", "-a", "a-", "ä", "a/b"} {
		refused(t, world(), `{"name":"`+name+`","entrypointThreadName":"main","threadSpecs":{"main":`+nop+`}}`,
			lh.InvalidArgument, "WfSpecName must be a valid hostname")
	}
	checkRefusals(t, []refusal{
		{
			"no such entrypoint thread", `{"name":"w","entrypointThreadName":"zz","threadSpecs":{"main":` + nop + `}}`,
			say("unknown entrypoint thread"),
		},
		{"no threads", `{"name":"w"}`, say("unknown entrypoint thread")},
		{
			"no ENTRYPOINT node", wfSpecJSON(`"main":{"nodes":{"x":{"exit":{}}}}`, ""),
			say("PutWfSpecRequest is invalid: ThreadSpec main invalid: missing ENTRYPOINT node!"),
		},
		{
			"two ENTRYPOINT nodes", wfSpecJSON(`"main":{"nodes":{"e":{"entrypoint":{}},"f":{"entrypoint":{}}}}`, ""),
			say("ThreadSpec main invalid: Multiple ENTRYPOINT nodes!"),
		},
		{"a thread without anything", wfSpecJSON(`"main":{}`, ""), say("missing ENTRYPOINT node!")},
	})
	mustPut(t, world(), `{"name":"9`+string(make300())+`","entrypointThreadName":"main","threadSpecs":{"main":`+nop+`}}`)
}

func make300() []byte {
	b := make([]byte, 300)
	for i := range b {
		b[i] = 'n'
	}
	return b
}

// covers: engine-1 §6; engine-1 §8; engine-1 §14
func TestWhatIsNotCheckedIsAccepted(t *testing.T) {
	for name, spec := range map[string]string{
		"no EXIT node, unreachable nodes": wfSpecJSON(`"main":{"nodes":{"e":{"entrypoint":{}},"u":{"nop":{}}}}`, ""),
		"EXIT with edges": wfSpecJSON(`"main":`+threadJSON("", `"nop":{}`, "",
			`"x":{"exit":{},"outgoingEdges":[{"sinkNodeName":"n"}]}`), ""),
		"nameless variable":              withVariables(`{}`, ""),
		"default of another type":        withVariables(`{"varDef":{"name":"v","typeDef":{"primitiveType":"INT"},"defaultValue":{"str":"x"}}}`, ""),
		"required with default":          withVariables(`{"varDef":{"name":"v","typeDef":{"primitiveType":"INT"},"defaultValue":{"int":"3"}},"required":true}`, ""),
		"JSON index on INT":              withVariables(`{"varDef":{"name":"v","typeDef":{"primitiveType":"INT"}},"jsonIndexes":[{"fieldPath":"$.a"}]}`, ""),
		"negative retention":             withVariables("", `"retentionPolicy":{"secondsAfterWfTermination":"-1"}`),
		"any names of nodes and threads": wfSpecJSON(`"main":`+threadJSON("", `"nop":{}`, "", `"ü / ~":{"nop":{}}`)+`,"":`+threadJSON("", `"nop":{}`, "", ""), ""),
		"waiting for no thread":          withNode(`"waitForThreads":{}`),
		"negative task timeout":          withNode(`"task":{"taskDefId":{"name":"void"},"timeoutSeconds":-5}`),
	} {
		t.Run(name, func(t *testing.T) { mustPut(t, world(), spec) })
	}
}

// covers: engine-1 §6; engine-1 §5
func TestVariableRefusals(t *testing.T) {
	v := func(name, typ string) string { return `{"varDef":{"name":"` + name + `","typeDef":` + typ + `}}` }
	intVar := v("a", `{"primitiveType":"INT"}`)
	nop := func(vars string) string { return threadJSON(vars, `"nop":{}`, "", "") }
	checkRefusals(t, []refusal{
		{
			"twice in two threads", wfSpecJSON(`"main":`+nop(intVar)+`,"t2":`+nop(intVar), ""),
			say("Var name a defined in threads main and t2", "duplicates not allowed"),
		},
		{"twice in one thread", withVariables(intVar+","+intVar, ""), say("Var name a defined in threads", "duplicates not allowed")},
		{"INPUT twice in one thread", withVariables(v("INPUT", "{}")+","+v("INPUT", "{}"), ""), say("duplicates not allowed")},
		{
			"no such StructDef", withVariables(v("a", `{"structDefId":{"name":"nope","version":-1}}`), ""),
			say("Var name a defined in thread main refers to non-existent StructDef"),
		},
		{
			"no such version of a StructDef", withVariables(v("a", `{"structDefId":{"name":"car","version":7}}`), ""),
			say("refers to non-existent StructDef", "car with version 7"),
		},
		{
			"no such StructDef in an Array", withVariables(v("a", `{"inlineArrayDef":{"arrayType":{"structDefId":{"name":"nope"}}}}`), ""),
			say("refers to non-existent StructDef"),
		},
		{
			"no such StructDef in a Map", withVariables(v("a", `{"inlineMapDef":{"keyType":{"primitiveType":"STR"},"valueType":{"structDefId":{"name":"nope"}}}}`), ""),
			say("refers to non-existent StructDef"),
		},
		{
			"Map key BYTES", withVariables(v("a", `{"inlineMapDef":{"keyType":{"primitiveType":"BYTES"},"valueType":{"primitiveType":"INT"}}}`), ""),
			say("has invalid Map key type"),
		},
		{
			"Map key without type", withVariables(v("a", `{"inlineMapDef":{"valueType":{"primitiveType":"INT"}}}`), ""),
			say("has invalid Map key type"),
		},
		{
			"Map key in an Array of Maps", withVariables(v("a", `{"inlineArrayDef":{"arrayType":{"inlineMapDef":{"keyType":{"inlineArrayDef":{}},"valueType":{}}}}}`), ""),
			say("has invalid Map key type"),
		},
		{
			"INHERITED without parent", withVariables(`{"varDef":{"name":"a"},"accessLevel":"INHERITED_VAR"}`, ""),
			say("Only child workflows are allowed to access INHERITED variables"),
		},
		{
			"INHERITED with a missing parent", withVariables(`{"varDef":{"name":"a"},"accessLevel":"INHERITED_VAR"}`, `"parentWfSpec":{"wfSpecName":"nope"}`),
			say("Provided spec refers to nonexistent parent wfSpec"),
		},
		{
			"missing parent", withVariables("", `"parentWfSpec":{"wfSpecName":"nope"}`),
			say("Provided spec refers to nonexistent parent wfSpec"),
		},
	})
	mustPut(t, world(), wfSpecJSON(`"main":`+nop(v("INPUT", "{}"))+`,"t2":`+nop(v("INPUT", `{"primitiveType":"INT"}`)), ""))
}

// covers: engine-1 §5
func TestInheritedVariables(t *testing.T) {
	d := world()
	mustPut(t, d, `{"name":"parent","entrypointThreadName":"main","threadSpecs":{"main":`+threadJSON(
		`{"varDef":{"name":"open"}},{"varDef":{"name":"closed"},"accessLevel":"PRIVATE_VAR"}`, `"nop":{}`, "", "")+`}}`)
	child := func(v string, major string) string {
		return withVariables(`{"varDef":{"name":"`+v+`","typeDef":{"primitiveType":"STR"}},"accessLevel":"INHERITED_VAR"}`,
			`"parentWfSpec":{"wfSpecName":"parent","wfSpecMajorVersion":`+major+`}`)
	}
	refused(t, d, child("zz", "0"), lh.InvalidArgument, "INHERITED variable zz does not exist in parent WfSpec")
	refused(t, d, child("closed", "0"), lh.InvalidArgument, "Inherited variable closed is defined as PRIVATE in parent WfSpec")
	refused(t, d, child("open", "1"), lh.InvalidArgument, "Provided spec refers to nonexistent parent wfSpec parent")
	mustPut(t, d, child("open", "0"))
	// An inherited variable can be inherited on.
	mustPut(t, d, `{"name":"grandchild","entrypointThreadName":"main","parentWfSpec":{"wfSpecName":"w"},"threadSpecs":{"main":`+
		threadJSON(`{"varDef":{"name":"open"},"accessLevel":"INHERITED_VAR"}`, `"nop":{}`, "", "")+`}}`)
}

// covers: engine-1 §8
func TestMissingVariables(t *testing.T) {
	zz := `{"variableName":"zz"}`
	for name, spec := range map[string]string{
		"task input":            withNode(`"task":{"taskDefId":{"name":"greet"},"variables":[` + zz + `]}`),
		"dynamic task":          withNode(`"task":{"dynamicTask":` + zz + `}`),
		"thread input":          withNode(`"startThread":{"threadSpecName":"t2","variables":{"c":` + zz + `}}`),
		"wait for threads":      withNode(`"waitForThreads":{"threadList":` + zz + `}`),
		"event timeout":         withNode(`"externalEvent":{"externalEventDefId":{"name":"paid"},"timeoutSeconds":` + zz + `}`),
		"correlation key":       withNode(`"externalEvent":{"externalEventDefId":{"name":"paid"},"correlationKey":` + zz + `}`),
		"wait for condition":    withNode(`"waitForCondition":{"condition":` + zz + `}`),
		"child wf input":        withNode(`"runChildWf":{"wfSpecName":"w","inputs":{"a":` + zz + `}}`),
		"sleep":                 withNode(`"sleep":{"rawSeconds":` + zz + `}`),
		"thrown content":        withNode(`"throwEvent":{"eventDefId":{"name":"done"},"content":` + zz + `}`),
		"user":                  withNode(`"userTask":{"userTaskDefName":"approve","userId":` + zz + `}`),
		"list of items":         withNode(`"startMultipleThreads":{"threadSpecName":"main","iterable":` + zz + `}`),
		"returned content":      wfSpecJSON(`"main":`+threadJSON("", `"nop":{}`, "", `"x":{"exit":{"returnContent":`+zz+`}}`), ""),
		"reminder":              withNode(`"userTask":{"userTaskDefName":"approve","userId":{"literalValue":{"str":"x"}},"actions":[{"task":{"task":{"taskDefId":{"name":"void"},"variables":[` + zz + `]}}}]}`),
		"failure content":       wfSpecJSON(`"main":`+threadJSON("", `"nop":{}`, "", `"x":{"exit":{"failureDef":{"failureName":"f","content":`+zz+`}}}`), ""),
		"condition":             withCondition(zz),
		"legacy condition":      withEdge(`"legacyCondition":{"left":` + zz + `,"right":{"literalValue":{}}}`),
		"mutated variable":      withMutation(`{"lhsName":"zz","rhsAssignment":{"literalValue":{"int":"1"}}}`),
		"right side":            withMutation(`{"lhsName":"i","rhsAssignment":` + zz + `}`),
		"format string":         withMutation(`{"lhsName":"s","rhsAssignment":{"formatString":{"format":{"literalValue":{"str":"{0}"}},"args":[` + zz + `]}}}`),
		"hidden in expression":  withMutation(`{"lhsName":"i","rhsAssignment":{"expression":{"mutationType":"ADD","lhs":` + zz + `,"rhs":` + zz + `}}}`),
		"hidden in size()":      withMutation(`{"lhsName":"i","rhsAssignment":{"sizeOf":{"operand":` + zz + `}}}`),
		"hidden in a builder":   withMutation(`{"lhsName":"car","rhsAssignment":{"structBuilder":{"structDefId":{"name":"car","version":-1},"value":{"fields":{"make":{"simpleValue":` + zz + `}}}}}}`),
		"hidden in a path":      withMutation(`{"lhsName":"i","rhsAssignment":{"variableName":"arr","lhPath":{"path":[{"dynamic":` + zz + `}]}}}`),
		"hidden in a map entry": withMutation(`{"lhsName":"map","rhsAssignment":{"mapBuilder":{"entries":[{"key":` + zz + `,"value":` + zz + `}]}}}`),
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, world(), spec, lh.InvalidArgument, "Thread main refers to missing var zz")
		})
	}
}

// covers: engine-1 §1; engine-1 §9
func TestLevelsPrefixTheMessage(t *testing.T) {
	checkRefusals(t, []refusal{
		{
			"self loop", wfSpecJSON(`"main":`+threadJSON("", `"nop":{}`, "", `"q":{"nop":{},"outgoingEdges":[{"sinkNodeName":"q"}]}`), ""),
			say("PutWfSpecRequest is invalid: ThreadSpec main invalid: Node q invalid: Edge with sink node q invalid: Self loop not allowed!"),
		},
		{
			"missing sink", wfSpecJSON(`"main":`+threadJSON("", `"nop":{}`, "", `"x":{"exit":{},"outgoingEdges":[{"sinkNodeName":"zz"}]}`), ""),
			say("Node x invalid: Edge with sink node zz invalid: ", "referring to missing node"),
		},
		{
			"back to the entrypoint", wfSpecJSON(`"main":`+threadJSON("", `"nop":{}`, "", `"x":{"exit":{},"outgoingEdges":[{"sinkNodeName":"e"}]}`), ""),
			say("Edge with sink node e invalid: Entrypoint node has incoming edge"),
		},
	})
}
