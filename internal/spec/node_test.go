package spec

import (
	"testing"

	"littlehorse/internal/lh"
)

// covers: engine-1 §8; engine-1 §12
func TestExitNodes(t *testing.T) {
	exit := func(body string) string {
		return wfSpecJSON(`"main":`+threadJSON(variables, `"nop":{}`, "", `"x":{"exit":{`+body+`}}`), "")
	}
	three := func(one, two, other string) string {
		return wfSpecJSON(`"main":`+threadJSON(variables, `"nop":{}`, "",
			`"x":{"exit":{`+one+`}},"y":{"exit":{`+two+`}},"z":{"exit":{`+other+`}}`), "")
	}
	two := func(one, other string) string { return three(one, one, other) }
	returns := func(v string) string { return `"returnContent":{"variableName":"` + v + `"}` }
	unknown := `"returnContent":{"variableName":"j","jsonPath":"$.a"}`
	fails := `"failureDef":{"failureName":"my-failure"}`
	checkRefusals(t, []refusal{
		{"reserved name", exit(`"failureDef":{"failureName":"TIMEOUT"}`), say("Failure name TIMEOUT is reserved!")},
		{"not a name", exit(`"failureDef":{"failureName":"a_b"}`), say("Invalid name for exception: a_b")},
		{"no name", exit(`"failureDef":{}`), say("Invalid name for exception")},
		{"returns nothing", exit(`"returnContent":{}`), say("Node x invalid: Invalid output type for the Node: VariableAssignment passed with missing source")},
		{"unknown variable", exit(returns("zz")), say("Thread main refers to missing var zz")},
		{"void and not void", two("", returns("i")), say("Detected an EXIT node that returns void and another EXIT node that returns non-void")},
		{"unknown and void", two("", unknown), say("Detected an EXIT node that returns void")},
		{"different types", two(returns("s"), returns("i")), say("different EXIT nodes returned different output types!")},
		{"different behind an unknown", three(unknown, returns("i"), returns("s")), say("different output types!")},
	})
	for name, spec := range map[string]string{
		"same type":           two(returns("i"), returns("i")),
		"unknown alone":       exit(unknown),
		"unknown and known":   two(unknown, returns("i")),
		"void and a failure":  two("", fails),
		"typed and a failure": two(fails, returns("s")),
	} {
		t.Run(name, func(t *testing.T) { mustPut(t, world(), spec) })
	}
}

// covers: engine-1 §12
func TestTaskNodes(t *testing.T) {
	task := func(body string) string { return withNode(`"task":{` + body + `}`) }
	greet := func(input, rest string) string {
		return task(`"taskDefId":{"name":"greet"},"variables":[{` + input + `}]` + rest)
	}
	drive := func(input string) string { return task(`"taskDefId":{"name":"drive"},"variables":[{` + input + `}]`) }
	backoff := func(b string) string { return greet(`"variableName":"i"`, `,"exponentialBackoff":{`+b+`}`) }
	checkRefusals(t, []refusal{
		{"no such TaskDef", task(`"taskDefId":{"name":"nope"}`), say(atNode + "Refers to nonexistent TaskDef nope")},
		{"neither static nor dynamic", task(""), say(atNode)},
		{"too few inputs", task(`"taskDefId":{"name":"greet"}`), say("For TaskDef greet we need 1 input vars, but we have 0")},
		{"STR for INT", greet(`"variableName":"s"`, ""), say("Task input variable with name age at position 0: ", "Cannot assign STR to INT without explicit casting.")},
		{"cast that is none", greet(`"variableName":"b","targetType":{"primitiveType":"INT"}`, ""), say("Cannot cast from BOOL to INT. This conversion is not supported.")},
		{"cast to another type", greet(`"variableName":"s","targetType":{"primitiveType":"DOUBLE"}`, ""), say("Cannot assign DOUBLE to INT")},
		{"no source", greet("", ""), say("Task input variable with name age at position 0: VariableAssignment passed with missing source")},
		{"INT for a Struct", drive(`"variableName":"i"`), say("Cannot assign INT to Struct<car,v1> without explicit casting.")},
		{
			"builder with a wrong field", drive(`"structBuilder":{"structDefId":{"name":"car","version":-1},"value":{"fields":{"make":{"simpleValue":{"variableName":"j"}}}}}`),
			say("Field 'make' expects STR but got JSON_OBJ"),
		},
		{
			"builder of another struct", drive(`"structBuilder":{"structDefId":{"name":"owner"},"value":{"fields":{"car":{"simpleValue":{"variableName":"car"}}}}}`),
			say("Cannot assign Struct<owner,v0> to Struct<car,v1> without explicit casting."),
		},
		{"negative retries", greet(`"variableName":"i"`, `,"retries":-1`), say("Cannot have negative retries!")},
		{"backoff without base", backoff(""), say("Base interval must be > 0")},
		{"backoff shrinking", backoff(`"baseIntervalMs":5,"multiplier":0.5,"maxDelayMs":"9"`), say("Multiplier must be at least 1.0")},
		{"backoff NaN", backoff(`"baseIntervalMs":5,"multiplier":"NaN","maxDelayMs":"9"`), say("Multiplier must be at least 1.0")},
		{"backoff with a low cap", backoff(`"baseIntervalMs":5,"multiplier":1,"maxDelayMs":"2"`), say("max delay cannot be less than base delay")},
	})
	for name, spec := range map[string]string{
		"cast":                   greet(`"variableName":"s","targetType":{"primitiveType":"INT"}`, ""),
		"NULL":                   greet(`"literalValue":{}`, ""),
		"JSON path":              greet(`"variableName":"j","jsonPath":"$.a"`, ""),
		"Array passes unchecked": greet(`"variableName":"arr"`, ""),
		"dynamic unchecked":      task(`"dynamicTask":{"variableName":"s"},"variables":[{"variableName":"j"}]`),
		"Struct":                 drive(`"variableName":"car"`),
		"backoff":                backoff(`"baseIntervalMs":5,"multiplier":1,"maxDelayMs":"5"`),
	} {
		t.Run(name, func(t *testing.T) { mustPut(t, world(), spec) })
	}
}

// covers: engine-1 §12
func TestStartThread(t *testing.T) {
	child := threadJSON(`{"varDef":{"name":"c","typeDef":{"primitiveType":"INT"}},"required":true,"accessLevel":"PRIVATE_VAR"},
		{"varDef":{"name":"o","typeDef":{"primitiveType":"STR"}},"accessLevel":"PRIVATE_VAR"}`, `"nop":{}`, "", "")
	start := func(thread, inputs string) string {
		return wfSpecJSON(`"main":`+threadJSON(variables, `"startThread":{"threadSpecName":"`+thread+`","variables":{`+inputs+`}}`, "", "")+`,"t2":`+child, "")
	}
	checkRefusals(t, []refusal{
		{"itself", start("main", ""), say("Tried to start same thread")},
		{"missing", start("nope", ""), say("Tried to start nonexistent thread")},
		{"required variable", start("t2", ""), say(atNode, "Missing required variable c")},
		{"unknown variable", start("t2", `"q":{"variableName":"i"}`), say("Var q provided but not needed")},
		{"wrong type", start("t2", `"c":{"variableName":"s"}`), say("Var c should be INT")},
		{"NULL", start("t2", `"c":{"literalValue":{}}`), say("Var c should be INT")},
		{"no source", start("t2", `"c":{}`), say("VariableAssignment passed with missing source")},
	})
	for name, spec := range map[string]string{
		"right":         start("t2", `"c":{"variableName":"i"},"o":{"variableName":"i"}`),
		"JSON path":     start("t2", `"c":{"variableName":"j","jsonPath":"$.a"}`),
		"expression":    start("t2", `"c":{"expression":{"mutationType":"ADD","lhs":{"variableName":"s"},"rhs":{"variableName":"s"}}}`),
		"node output":   start("t2", `"c":{"nodeOutput":{"nodeName":"e"}}`),
		"cast":          start("t2", `"c":{"variableName":"s","targetType":{"primitiveType":"INT"}}`),
		"path into one": start("t2", `"c":{"variableName":"car","lhPath":{"path":[{"key":"year"}]}}`),
	} {
		t.Run(name, func(t *testing.T) { mustPut(t, world(), spec) })
	}
}

// covers: engine-1 §12
func TestOtherNodes(t *testing.T) {
	checkRefusals(t, []refusal{
		{"node of no kind", withNode(`"failureHandlers":[]`), say(atNode)},
		{"event: missing", withNode(`"externalEvent":{"externalEventDefId":{"name":"nope"}}`), say(atNode + "Refers to nonexistent ExternalEventDef")},
		{"event: unset", withNode(`"externalEvent":{}`), say("Refers to nonexistent ExternalEventDef")},
		{"start many: missing thread", withNode(`"startMultipleThreads":{"threadSpecName":"nope","iterable":{"variableName":"a"}}`), say("nonexistent thread nope")},
		{"wait: STR as number", withNode(`"waitForThreads":{"threads":{"threads":[{"threadRunNumber":{"variableName":"s"}}]}}`), say("must resolve to INT!")},
		{"wait: number unset", withNode(`"waitForThreads":{"threads":{"threads":[{}]}}`), say("VariableAssignment passed with missing source")},
		{"wait: INT as list", withNode(`"waitForThreads":{"threadList":{"variableName":"i"}}`), say("must resolve to JSON_ARR!")},
		{"wait: NULL as list", withNode(`"waitForThreads":{"threadList":{"literalValue":{}}}`), say("must resolve to JSON_ARR!")},
		{"wait: missing handler thread", withNode(`"waitForThreads":{"perThreadFailureHandlers":[{"handlerSpecName":"nope"}]}`), say("missing ThreadSpec: nope")},
		{"sleep: no length", withNode(`"sleep":{}`), say(atNode)},
		{"sleep: STR seconds", withNode(`"sleep":{"rawSeconds":{"variableName":"s"}}`), say("can't resolve to INT")},
		{"sleep: NULL seconds", withNode(`"sleep":{"rawSeconds":{"literalValue":{}}}`), say("can't resolve to INT")},
		{"sleep: JSON date", withNode(`"sleep":{"isoDate":{"variableName":"j"}}`), say("can't resolve to STR")},
		{"sleep: STR timestamp", withNode(`"sleep":{"timestamp":{"variableName":"s"}}`), say("can't resolve to TIMESTAMP or INT")},
		{"user task: missing", withNode(`"userTask":{"userTaskDefName":"nope","userId":{"literalValue":{"str":"x"}}}`), say("UserTaskDef nope not found")},
		{"user task: missing version", withNode(`"userTask":{"userTaskDefName":"approve","userTaskDefVersion":4,"userId":{"literalValue":{"str":"x"}}}`), say("UserTaskDef approve/4 not found")},
		{"user task: version -1", withNode(`"userTask":{"userTaskDefName":"approve","userTaskDefVersion":-1,"userId":{"literalValue":{"str":"x"}}}`), say("UserTaskDef approve/-1 not found")},
		{"user task: nobody", withNode(`"userTask":{"userTaskDefName":"approve"}`), say("Must specify userGroup or userId")},
		{"user task: blank user", withNode(`"userTask":{"userTaskDefName":"approve","userId":{"literalValue":{"str":" "}}}`), say("UserId can't be empty")},
		{"user task: blank group", withNode(`"userTask":{"userTaskDefName":"approve","userGroup":{"literalValue":{"str":""}}}`), say("UserGroup can't be empty")},
		{"user task: NULL user", withNode(`"userTask":{"userTaskDefName":"approve","userId":{"literalValue":{}}}`), say("UserId can't be empty")},
		{"throw: missing", withNode(`"throwEvent":{"eventDefId":{"name":"nope"}}`), say(atNode + "Refers to missing workflowEventDef")},
		{"throw: a struct that cannot be built", withNode(`"throwEvent":{"eventDefId":{"name":"done"},"content":{"structBuilder":{"structDefId":{"name":"car","version":-1},"value":{}}}}`), say("Missing required field(s) for StructDef car/00001: make")},
		{"event: a timeout of a struct that cannot be built", withNode(`"externalEvent":{"externalEventDefId":{"name":"paid"},"timeoutSeconds":{"structBuilder":{"structDefId":{"name":"nope"}}}}`), say("StructDef not found: nope")},
		{"user task: an expression without an operation", withNode(`"userTask":{"userTaskDefName":"approve","userId":{"expression":{}}}`), say("Expression without an operation")},
		{"child wf: no name", withNode(`"runChildWf":{}`), say("A valid WfSpec name must be specified")},
		{"child wf: missing", withNode(`"runChildWf":{"wfSpecName":"nope"}`), say("Could not find WfSpec nope")},
		{"child wf: name from JSON", withNode(`"runChildWf":{"wfSpecVar":{"variableName":"j"}}`), say("Only STR variables are valid")},
		{"wait child: missing node", withNode(`"waitForChildWf":{"childWfRunSourceNode":"zz","childWfRunId":{"variableName":"w"}}`), say("node zz does not exist")},
		{"wait child: other kind", withNode(`"waitForChildWf":{"childWfRunSourceNode":"e","childWfRunId":{"variableName":"w"}}`), say("node e is not of type RunChildWf")},
	})
	for name, node := range map[string]string{
		"event with any timeout":   `"externalEvent":{"externalEventDefId":{"name":"paid"},"timeoutSeconds":{"variableName":"s"}}`,
		"sleep until INT":          `"sleep":{"timestamp":{"variableName":"i"}}`,
		"sleep until TIMESTAMP":    `"sleep":{"timestamp":{"variableName":"ts"}}`,
		"sleep until an ISO date":  `"sleep":{"isoDate":{"variableName":"s"}}`,
		"throw":                    `"throwEvent":{"eventDefId":{"name":"done"},"content":{"variableName":"i"}}`,
		"throw without content":    `"throwEvent":{"eventDefId":{"name":"done"}}`,
		"start many of itself":     `"startMultipleThreads":{"threadSpecName":"main","iterable":{"variableName":"a"}}`,
		"user task by number":      `"userTask":{"userTaskDefName":"approve","userId":{"literalValue":{"int":"3"}}}`,
		"child wf by variable":     `"runChildWf":{"wfSpecVar":{"variableName":"s"},"inputs":{"any":{"variableName":"j"}}}`,
		"wait for threads by list": `"waitForThreads":{"threadList":{"variableName":"a"}}`,
	} {
		t.Run(name, func(t *testing.T) { mustPut(t, world(), withNode(node)) })
	}
}

// covers: engine-1 §12
func TestChildWfNodes(t *testing.T) {
	d := world()
	child := func(required string) string {
		return `{"name":"child","entrypointThreadName":"go","threadSpecs":{"go":` + threadJSON(
			`{"varDef":{"name":"c","typeDef":{"primitiveType":"INT"}},"required":`+required+`,"accessLevel":"PRIVATE_VAR"}`, `"nop":{}`, "", "") + `}}`
	}
	mustPut(t, d, child("false"))
	if second := mustPut(t, d, child("true")); second.Id.MajorVersion != 1 {
		t.Fatalf("the second child is %v", second.Id)
	}
	run := func(version, inputs string) string {
		return withNode(`"runChildWf":{"wfSpecName":"child","majorVersion":` + version + `,"inputs":{` + inputs + `}}`)
	}
	refused(t, d, run("-1", ""), lh.InvalidArgument, atNode, "Missing required variable c")
	refused(t, d, run("0", `"q":{"variableName":"i"}`), lh.InvalidArgument, "Var q provided but not needed")
	refused(t, d, run("1", `"c":{"variableName":"s"}`), lh.InvalidArgument, "Var c should be INT")
	refused(t, d, run("2", ""), lh.InvalidArgument, "Could not find WfSpec child")
	mustPut(t, d, run("0", ""))
	w := mustPut(t, d, run("-1", `"c":{"variableName":"i"}`))
	if got := w.ThreadSpecs["main"].Nodes["n"].GetRunChildWf().MajorVersion; got != 1 {
		t.Errorf("major version is pinned to %d, want 1", got)
	}
	wait := func(id string) string {
		return wfSpecJSON(`"main":`+threadJSON(variables, `"waitForChildWf":{"childWfRunSourceNode":"r","childWfRunId":{`+id+`}}`, "",
			`"r":{"runChildWf":{"wfSpecName":"child","majorVersion":0}}`), "")
	}
	mustPut(t, d, wait(`"variableName":"w"`))
	mustPut(t, d, wait(`"nodeOutput":{"nodeName":"r"}`))
	refused(t, d, wait(`"variableName":"i"`), lh.InvalidArgument, "Provided value is not a valid WF_RUN_ID")
}

// covers: engine-1 §13
func TestFailureHandlers(t *testing.T) {
	handled := func(h string) string { return withNode(`"nop":{},"failureHandlers":[` + h + `]`) }
	checkRefusals(t, []refusal{
		{
			"not a name", handled(`{"handlerSpecName":"main","specificFailure":"a_b"},{"handlerSpecName":"main","specificFailure":"c_d"}`),
			say("Invalid names for exception handlers: a_b, c_d"),
		},
		{"empty name", handled(`{"handlerSpecName":"main","specificFailure":""}`), say("Invalid names for exception handlers")},
		{"missing thread", handled(`{"handlerSpecName":"nope","specificFailure":"TIMEOUT"}`), say("missing ThreadSpec: nope")},
	})
	for _, h := range []string{
		`{"handlerSpecName":"main","specificFailure":"VAR_SUB_ERROR"}`,
		`{"handlerSpecName":"main","specificFailure":"my-exception"}`,
		`{"handlerSpecName":"main","anyFailureOfType":"FAILURE_TYPE_ERROR"}`,
		`{"handlerSpecName":"main"}`,
	} {
		mustPut(t, world(), handled(h))
	}
}

// covers: engine-1 §13; engine-1 §8
func TestInterrupts(t *testing.T) {
	interrupt := func(event, handler string) string {
		return `"interruptDefs":[{"externalEventDefId":{"name":"` + event + `"},"handlerSpecName":"` + handler + `"}]`
	}
	with := func(thread, interrupts string) string { return thread[:len(thread)-1] + "," + interrupts + "}" }
	nop := func(vars string) string { return threadJSON(vars, `"nop":{}`, "", "") }
	spec := func(event, handler, node, handlerThread string) string {
		return wfSpecJSON(`"main":`+with(threadJSON("", node, "", ""), interrupt(event, handler))+`,"h":`+handlerThread, "")
	}
	input := `{"varDef":{"name":"INPUT","typeDef":{"primitiveType":"INT"}}}`
	other := `{"varDef":{"name":"other"}}`
	waits := `"externalEvent":{"externalEventDefId":{"name":"paid"}}`
	checkRefusals(t, []refusal{
		{"missing event", spec("nope", "h", `"nop":{}`, nop("")), say("ThreadSpec main invalid: Refers to missing ExternalEventDef nope")},
		{"missing thread", spec("paid", "nope", `"nop":{}`, nop("")), say("Refers to missing ThreadSpec: nope")},
		{"one other variable", spec("paid", "h", `"nop":{}`, nop(other)), say("should only have 'INPUT' var")},
		{"two variables", spec("paid", "h", `"nop":{}`, nop(input+","+other)), say("should only have 'INPUT' var")},
		{"awaited by a node", spec("paid", "h", waits, nop("")), say("used for Node and Interrupt!")},
		{"awaited in another thread", spec("paid", "h", `"nop":{}`, threadJSON("", waits, "", "")), say("used for Node and Interrupt!")},
		{
			"of two threads", wfSpecJSON(`"main":`+with(nop(""), interrupt("paid", "h"))+`,"g":`+with(nop(""), interrupt("paid", "h"))+`,"h":`+nop(""), ""),
			say("used by multiple threads as interrupt!"),
		},
	})
	mustPut(t, world(), spec("paid", "h", `"nop":{}`, nop("")))
	mustPut(t, world(), spec("paid", "h", `"nop":{}`, nop(input)))
}

// covers: engine-1 §11
func TestCastsOfThreadInputsCount(t *testing.T) {
	child := threadJSON(`{"varDef":{"name":"c","typeDef":{"primitiveType":"INT"}},"accessLevel":"PRIVATE_VAR"},
		{"varDef":{"name":"l","typeDef":{"inlineArrayDef":{"arrayType":{"primitiveType":"INT"}}}},"accessLevel":"PRIVATE_VAR"}`, `"nop":{}`, "", "")
	start := func(inputs string) string {
		return wfSpecJSON(`"main":`+threadJSON(variables, `"startThread":{"threadSpecName":"t2","variables":{`+inputs+`}}`, "", "")+`,"t2":`+child, "")
	}
	cast := func(name, v, typ string) string {
		return `"` + name + `":{"variableName":"` + v + `","targetType":{"primitiveType":"` + typ + `"}}`
	}
	mustPut(t, world(), start(cast("c", "d", "INT")))
	mustPut(t, world(), start(cast("l", "arr", "INT"))) // a cast leaves what is no primitive as it is
	refused(t, world(), start(cast("c", "i", "STR")), lh.InvalidArgument, "Var c should be INT")
	refused(t, world(), start(cast("c", "w", "INT")), lh.InvalidArgument, "Cannot cast from WF_RUN_ID to INT. This conversion is not supported.")
}

func TestUserTaskActions(t *testing.T) {
	with := func(action string) string {
		return withNode(`"userTask":{"userTaskDefName":"approve","userId":{"literalValue":{"str":"x"}},"actions":[{"delaySeconds":{"literalValue":{"int":1}}` + action + `}]}`)
	}
	task := func(body string) string { return with(`,"task":{"task":{` + body + `}}`) }
	checkRefusals(t, []refusal{
		{"nothing", with(""), say("Action 0: it has no action")},
		{"a task without a name", task(""), say("Action 0: a TASK must name a TaskDef")},
		{"negative retries", task(`"taskDefId":{"name":"greet"},"retries":-1`), say("Action 0: Cannot have negative retries!")},
		{"backoff", task(`"taskDefId":{"name":"greet"},"exponentialBackoff":{}`), say("Action 0: Exponential Backoff Base interval must be > 0!")},
	})
	for name, spec := range map[string]string{
		"a task that is not there yet": task(`"taskDefId":{"name":"nope"}`),
		"reassigned to nobody":         with(`,"reassign":{}`),
		"cancelled":                    with(`,"cancel":{}`),
	} {
		t.Run(name, func(t *testing.T) { mustPut(t, world(), spec) })
	}
}
