package main

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"littlehorse/lhpb"
)

// generator writes random WfSpecs.
type generator struct {
	rng     *rand.Rand
	names   names
	threads map[string]*lhpb.ThreadSpec
	count   int
	child   bool         // the spec in the making is the child WfSpec
	instant bool         // interrupt handlers end in the command that starts them
	before  []definition // what the WfSpec refers to
	after   []definition // what happens between PutWfSpec and RunWf
}

// body is a ThreadSpec in the making: nodes in a row, the open ends waiting for the next.
type body struct {
	name    string
	nodes   map[string]*lhpb.Node
	vars    []*lhpb.ThreadVarDef
	open    []string
	count   int
	failing []string                            // nodes whose edges fail
	pending map[string][]*lhpb.VariableMutation // what the next edge of a node does
	outputs map[lhpb.VariableType][]string
}

// specs makes the child WfSpec and the WfSpec of a seed, in the order in which they must be put.
func specs(n names) []*lhpb.PutWfSpecRequest {
	rng := rand.New(rand.NewPCG(n.seed, 1))
	var out []*lhpb.PutWfSpecRequest
	for _, child := range []bool{true, false} {
		g := &generator{rng: rng, names: n, threads: map[string]*lhpb.ThreadSpec{}, child: child}
		name, depth, steps := n.spec(), 2, 3+rng.IntN(4)
		if child {
			name, depth, steps = n.childSpec(), 0, 1+rng.IntN(2)
		}
		g.thread("main", depth, steps)
		out = append(out, &lhpb.PutWfSpecRequest{Name: name, EntrypointThreadName: "main", ThreadSpecs: g.threads})
	}
	return out
}

func (g *generator) begin(name string) *body {
	b := &body{name: name, nodes: map[string]*lhpb.Node{}, outputs: map[lhpb.VariableType][]string{}}
	b.open = []string{b.put("ENTRYPOINT", &lhpb.Node{Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}})}
	return b
}

func (b *body) put(kind string, n *lhpb.Node) string {
	name := fmt.Sprintf("%d-%s", b.count, kind)
	b.count++
	b.nodes[name] = n
	return name
}

// add appends a node and leads the open ends to it. Most edges leave their mark in the list l.
func (g *generator) add(b *body, kind string, n *lhpb.Node) string {
	name := b.put(kind, n)
	for _, from := range b.open {
		b.nodes[from].OutgoingEdges = append(b.nodes[from].OutgoingEdges, &lhpb.Edge{
			SinkNodeName: name, VariableMutations: g.mutations(b, from),
		})
		if slices.Contains(b.failing, from) {
			b.fail(from)
		}
	}
	b.open = []string{name}
	return name
}

func (g *generator) mutations(b *body, from string) []*lhpb.VariableMutation {
	var out []*lhpb.VariableMutation
	if g.rng.IntN(3) > 0 {
		out = append(out, assign("l", lhpb.VariableMutationType_ADD, literal(str(b.name+"/"+from))))
	}
	if g.rng.IntN(4) == 0 {
		out = append(out, g.mutation(b))
	}
	return out
}

func (g *generator) thread(name string, depth, steps int) {
	b := g.begin(name)
	if name == "main" {
		b.vars = g.variables()
	}
	for range steps {
		g.step(b, depth)
	}
	g.finish(b)
	spec := &lhpb.ThreadSpec{Nodes: b.nodes, VariableDefs: b.vars}
	g.threads[name] = spec
	if g.child {
		return
	}
	if name == "main" && g.rng.IntN(2) == 0 {
		spec.InterruptDefs = append(spec.InterruptDefs, g.interrupt(g.names.interruptA(), "on-interrupt-a"))
	}
	if name != "main" && depth == 1 && g.rng.IntN(3) == 0 && g.threads["on-interrupt-b"] == nil {
		spec.InterruptDefs = append(spec.InterruptDefs, g.interrupt(g.names.interruptB(), "on-interrupt-b"))
	}
}

// variables are those of the entrypoint thread, which all threads see.
func (g *generator) variables() []*lhpb.ThreadVarDef {
	return []*lhpb.ThreadVarDef{
		variableDef("i", lhpb.VariableType_INT, integer(1)),
		variableDef("k", lhpb.VariableType_INT, integer(int64(g.rng.IntN(4)))),
		variableDef("s", lhpb.VariableType_STR, str("t1")),
		variableDef("empty", lhpb.VariableType_STR, str("")),
		variableDef("b", lhpb.VariableType_BOOL, boolean(g.rng.IntN(2) == 0)),
		variableDef("d", lhpb.VariableType_DOUBLE, double(2.5)),
		variableDef("j", lhpb.VariableType_JSON_OBJ, object(`{"n":3,"t":"t0","a":[1,"x",{"y":null}]}`)),
		variableDef("l", lhpb.VariableType_JSON_ARR, list(`[]`)),
	}
}

func (g *generator) interrupt(event, handler string) *lhpb.InterruptDef {
	b := g.begin(handler)
	if g.rng.IntN(2) == 0 {
		b.vars = append(b.vars, variableDef("INPUT", lhpb.VariableType_STR, nil))
	}
	if g.instant || g.rng.IntN(2) == 0 {
		g.add(b, "NOP", nop())
		g.add(b, "EXIT", exitNode(nil))
	} else {
		g.simple(b)
		g.finish(b)
	}
	g.threads[handler] = &lhpb.ThreadSpec{Nodes: b.nodes, VariableDefs: b.vars}
	return &lhpb.InterruptDef{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: event}, HandlerSpecName: handler}
}

// finish ends the thread: plainly, with an output or, now and then, with a failure.
func (g *generator) finish(b *body) {
	exit := &lhpb.ExitNode{}
	switch g.rng.IntN(8) {
	case 0:
		exit.Result = &lhpb.ExitNode_FailureDef{FailureDef: g.failure(b)}
	case 1, 2:
		exit.Result = &lhpb.ExitNode_ReturnContent{ReturnContent: pick(g,
			func() *lhpb.VariableAssignment { return variable("i") },
			func() *lhpb.VariableAssignment { return variable("j") },
			func() *lhpb.VariableAssignment { return format("{0}-{1}", variable("s"), variable("i")) },
			func() *lhpb.VariableAssignment {
				return calculate(variable("i"), lhpb.VariableMutationType_DIVIDE, variable("k"))
			},
		)}
	}
	g.add(b, "EXIT", &lhpb.Node{Node: &lhpb.Node_Exit{Exit: exit}})
}

func (g *generator) failure(b *body) *lhpb.FailureDef {
	f := &lhpb.FailureDef{FailureName: exceptions[g.rng.IntN(2)], Message: "no " + b.name}
	if g.rng.IntN(2) == 0 {
		f.Content = g.text(b, 1)
	}
	return f
}

// step appends a node, or a group of nodes when depth allows.
func (g *generator) step(b *body, depth int) {
	if depth == 0 || g.rng.IntN(5) < 2 {
		g.simple(b)
		return
	}
	switch g.rng.IntN(9) {
	case 0:
		g.loop(b, depth-1)
	case 1:
		g.branch(b, depth-1)
	case 2:
		g.failing(b)
	case 3, 4:
		g.children(b, depth-1)
	case 5:
		g.oneChild(b, depth-1)
	case 6:
		g.many(b, depth-1)
	case 7:
		g.childWf(b)
	case 8:
		g.until(b, depth-1)
	}
}

func (g *generator) simple(b *body) {
	switch g.rng.IntN(15) {
	case 12:
		g.userTaskNode(b)
	case 13:
		g.sleep(b)
	case 0, 1, 2, 3, 4:
		g.task(b)
	case 5, 6:
		g.event(b)
	case 7, 8:
		g.add(b, "THROW_EVENT", g.handled(b, &lhpb.Node{Node: &lhpb.Node_ThrowEvent{ThrowEvent: &lhpb.ThrowEventNode{
			EventDefId: &lhpb.WorkflowEventDefId{Name: g.names.thrown()}, Content: g.text(b, 1),
		}}}))
	default:
		g.add(b, "NOP", g.handled(b, nop()))
	}
}

// sleep sleeps only in the entrypoint thread: timers of several threads may fire in any order.
func (g *generator) sleep(b *body) {
	n := g.focusSleep(cell{circumstance: halted}, true)
	if b.name == "main" && g.rng.IntN(4) > 0 {
		n = &lhpb.Node{Node: &lhpb.Node_Sleep{Sleep: &lhpb.SleepNode{SleepLength: &lhpb.SleepNode_RawSeconds{RawSeconds: literal(integer(1))}}}}
	}
	g.add(b, "SLEEP", g.handled(b, n))
}

func (g *generator) task(b *body) {
	k := taskKinds[g.rng.IntN(len(taskKinds))]
	kind, t := "TASK", &lhpb.TaskNode{
		TaskToExecute:  &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: g.names.task(k.name)}},
		TimeoutSeconds: 3600,
		Retries:        int32(g.rng.IntN(3) / 2 * 2),
	}
	if g.rng.IntN(30) == 0 {
		kind, t.TimeoutSeconds = "TASK-short", 1
	}
	if g.rng.IntN(8) == 0 {
		t.TaskToExecute = &lhpb.TaskNode_DynamicTask{DynamicTask: format("{0}-"+k.name, literal(str(g.names.prefix)))}
	}
	for _, in := range k.inputs {
		switch in {
		case lhpb.VariableType_STR:
			t.Variables = append(t.Variables, g.text(b, 2))
		case lhpb.VariableType_INT:
			t.Variables = append(t.Variables, g.number(b, 2))
		case lhpb.VariableType_DOUBLE:
			t.Variables = append(t.Variables, g.number(b, 1))
		default:
			t.Variables = append(t.Variables, variable("j"))
		}
	}
	name := g.add(b, kind, g.handled(b, &lhpb.Node{Node: &lhpb.Node_Task{Task: t}}))
	if k.output != nil {
		p := k.output.GetPrimitiveType()
		b.outputs[p] = append(b.outputs[p], name)
	}
}

func (g *generator) event(b *body) {
	def := g.names.eventAny()
	if g.rng.IntN(2) == 0 {
		def = g.names.eventText()
	}
	kind, e := "EVENT", &lhpb.ExternalEventNode{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: def}}
	switch g.rng.IntN(8) {
	case 0:
		kind, e.TimeoutSeconds = "EVENT-short", literal(integer(1))
	case 1:
		e.TimeoutSeconds = literal(integer(3600))
	}
	name := g.add(b, kind, g.handled(b, &lhpb.Node{Node: &lhpb.Node_ExternalEvent{ExternalEvent: e}}))
	if def == g.names.eventText() {
		b.outputs[lhpb.VariableType_STR] = append(b.outputs[lhpb.VariableType_STR], name)
	}
}

// handled gives the node handlers, mostly for what may go wrong there.
func (g *generator) handled(b *body, n *lhpb.Node) *lhpb.Node {
	if g.rng.IntN(2) == 0 {
		n.FailureHandlers = g.handlers(b)
	}
	return n
}

func (g *generator) handlers(b *body) []*lhpb.FailureHandlerDef {
	var out []*lhpb.FailureHandlerDef
	for range 1 + g.rng.IntN(2) {
		h := &lhpb.FailureHandlerDef{}
		content := false
		switch g.rng.IntN(7) {
		case 0:
		case 1:
			h.FailureToCatch = &lhpb.FailureHandlerDef_AnyFailureOfType{AnyFailureOfType: lhpb.FailureHandlerDef_FAILURE_TYPE_ERROR}
		case 2:
			h.FailureToCatch = &lhpb.FailureHandlerDef_AnyFailureOfType{AnyFailureOfType: lhpb.FailureHandlerDef_FAILURE_TYPE_EXCEPTION}
			content = true
		case 3, 4:
			h.FailureToCatch = &lhpb.FailureHandlerDef_SpecificFailure{SpecificFailure: exceptions[g.rng.IntN(2)]}
			content = true
		default:
			technical := []string{"TASK_ERROR", "TASK_FAILURE", "TIMEOUT", "VAR_ERROR", "VAR_SUB_ERROR", "CHILD_FAILURE", "VAR_MUTATION_ERROR"}
			h.FailureToCatch = &lhpb.FailureHandlerDef_SpecificFailure{SpecificFailure: technical[g.rng.IntN(len(technical))]}
		}
		h.HandlerSpecName = g.handler(content && g.rng.IntN(2) == 0)
		out = append(out, h)
	}
	return out
}

// handler makes a thread that handles failures; with content it declares INPUT.
func (g *generator) handler(content bool) string {
	g.count++
	b := g.begin(fmt.Sprintf("handler-%d", g.count))
	if content {
		b.vars = append(b.vars, variableDef("INPUT", lhpb.VariableType_STR, nil))
	}
	if g.count < 25 && g.rng.IntN(2) == 0 {
		g.simple(b)
	} else {
		g.add(b, "NOP", nop())
	}
	g.finish(b)
	g.threads[b.name] = &lhpb.ThreadSpec{Nodes: b.nodes, VariableDefs: b.vars}
	return b.name
}

// loop repeats a few steps, by a counter of the thread.
func (g *generator) loop(b *body, depth int) {
	counter := g.fresh("c")
	b.vars = append(b.vars, variableDef(counter, lhpb.VariableType_INT, integer(0)))
	head := g.add(b, "NOP-loop", nop())
	for range 1 + g.rng.IntN(2) {
		g.step(b, depth)
	}
	tail := g.add(b, "NOP-again", nop())
	b.nodes[tail].OutgoingEdges = []*lhpb.Edge{{
		SinkNodeName:      head,
		EdgeCondition:     &lhpb.Edge_Condition{Condition: compare(variable(counter), lhpb.Comparator_LESS_THAN, literal(integer(int64(1+g.rng.IntN(2)))))},
		VariableMutations: []*lhpb.VariableMutation{assign(counter, lhpb.VariableMutationType_ADD, literal(integer(1)))},
	}}
}

func (g *generator) fresh(prefix string) string {
	g.count++
	return fmt.Sprintf("%s%d", prefix, g.count)
}

// branch goes one of two ways; now and then neither is open.
func (g *generator) branch(b *body, depth int) {
	head := g.add(b, "NOP-if", g.handled(b, nop()))
	outputs := b.outputs
	g.step(b, depth)
	b.nodes[head].OutgoingEdges[0].EdgeCondition = &lhpb.Edge_Condition{Condition: g.condition(b, 2)}
	then := b.open
	b.open, b.outputs = []string{head}, outputs
	if g.rng.IntN(2) == 0 {
		g.step(b, depth)
	} else {
		g.add(b, "NOP-else", nop())
	}
	if g.rng.IntN(6) == 0 {
		b.nodes[head].OutgoingEdges[1].EdgeCondition = &lhpb.Edge_Condition{Condition: g.condition(b, 0)}
	}
	b.open = append(then, b.open...)
	g.add(b, "NOP-fi", nop())
}

// failing leads into an EXIT with a failure when a condition holds.
func (g *generator) failing(b *body) {
	head := g.add(b, "NOP-check", nop())
	g.add(b, "EXIT-failed", &lhpb.Node{Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{Result: &lhpb.ExitNode_FailureDef{FailureDef: g.failure(b)}}}})
	b.nodes[head].OutgoingEdges[0].EdgeCondition = &lhpb.Edge_Condition{Condition: g.condition(b, 1)}
	b.open = []string{head}
	g.add(b, "NOP-passed", nop())
}

// start starts one child thread, with an input now and then.
func (g *generator) start(b *body, depth int) string {
	child := g.fresh("child-")
	g.thread(child, depth, 1+g.rng.IntN(2))
	n := &lhpb.StartThreadNode{ThreadSpecName: child}
	if g.rng.IntN(2) == 0 {
		in := g.fresh("in")
		g.threads[child].VariableDefs = append(g.threads[child].VariableDefs, variableDef(in, lhpb.VariableType_STR, nil))
		n.Variables = map[string]*lhpb.VariableAssignment{in: g.text(b, 1)}
	}
	return g.add(b, "START_THREAD", g.handled(b, &lhpb.Node{Node: &lhpb.Node_StartThread{StartThread: n}}))
}

// oneChild starts a child that only the EXIT waits for, or waits for it later.
func (g *generator) oneChild(b *body, depth int) {
	start := g.start(b, depth)
	if g.rng.IntN(3) == 0 {
		return
	}
	g.simple(b)
	g.wait(b, output(start))
}

func (g *generator) children(b *body, depth int) {
	var numbers []*lhpb.VariableAssignment
	for range 2 + g.rng.IntN(2) {
		numbers = append(numbers, output(g.start(b, depth)))
	}
	g.wait(b, numbers...)
}

func (g *generator) wait(b *body, numbers ...*lhpb.VariableAssignment) {
	threads := &lhpb.WaitForThreadsNode_ThreadsToWaitFor{}
	for _, n := range numbers {
		threads.Threads = append(threads.Threads, &lhpb.WaitForThreadsNode_ThreadToWaitFor{ThreadRunNumber: n})
	}
	g.waitNode(b, &lhpb.WaitForThreadsNode{ThreadsToWaitFor: &lhpb.WaitForThreadsNode_Threads{Threads: threads}})
}

func (g *generator) waitNode(b *body, w *lhpb.WaitForThreadsNode) {
	w.Strategy = lhpb.WaitForThreadsStrategy(g.rng.IntN(3))
	if g.rng.IntN(3) == 0 {
		w.PerThreadFailureHandlers = g.handlers(b)
	}
	g.add(b, "WAIT_FOR_THREADS", g.handled(b, &lhpb.Node{Node: &lhpb.Node_WaitForThreads{WaitForThreads: w}}))
}

// many starts a thread for each item of a list.
func (g *generator) many(b *body, depth int) {
	child := g.fresh("each-")
	g.thread(child, depth, 1)
	if g.rng.IntN(2) == 0 {
		g.threads[child].VariableDefs = append(g.threads[child].VariableDefs, variableDef("INPUT", lhpb.VariableType_STR, nil))
	}
	start := g.add(b, "START_MULTIPLE_THREADS", g.handled(b, &lhpb.Node{Node: &lhpb.Node_StartMultipleThreads{
		StartMultipleThreads: &lhpb.StartMultipleThreadsNode{
			ThreadSpecName: child, Iterable: literal(list([]string{`["x"]`, `["x","y"]`, `["x","y","z"]`}[g.rng.IntN(3)])),
		},
	}}))
	if g.rng.IntN(4) > 0 {
		g.waitNode(b, &lhpb.WaitForThreadsNode{ThreadsToWaitFor: &lhpb.WaitForThreadsNode_ThreadList{ThreadList: output(start)}})
	}
}

func (g *generator) childWf(b *body) {
	run := g.add(b, "RUN_CHILD_WF", g.handled(b, &lhpb.Node{Node: &lhpb.Node_RunChildWf{RunChildWf: &lhpb.RunChildWfNode{
		WfSpec: &lhpb.RunChildWfNode_WfSpecName{WfSpecName: g.names.childSpec()}, MajorVersion: -1,
		Inputs: map[string]*lhpb.VariableAssignment{"s": g.text(b, 1), "k": g.number(b, 0)},
	}}}))
	if g.rng.IntN(4) == 0 {
		return
	}
	if g.rng.IntN(3) == 0 {
		g.simple(b)
	}
	g.add(b, "WAIT_FOR_CHILD_WF", g.handled(b, &lhpb.Node{Node: &lhpb.Node_WaitForChildWf{WaitForChildWf: &lhpb.WaitForChildWfNode{
		ChildWfRunId: output(run), ChildWfRunSourceNode: run,
	}}}))
}

// until waits for a condition that a child thread makes true.
func (g *generator) until(b *body, depth int) {
	flag := g.fresh("f")
	b.vars = append(b.vars, variableDef(flag, lhpb.VariableType_INT, integer(0)))
	start := g.start(b, depth)
	child := g.threads[b.nodes[start].GetStartThread().ThreadSpecName]
	for _, e := range child.Nodes["0-ENTRYPOINT"].OutgoingEdges {
		e.VariableMutations = append(e.VariableMutations, assign(flag, lhpb.VariableMutationType_ADD, literal(integer(1))))
	}
	for _, n := range sortedKeys(child.Nodes) {
		for _, e := range child.Nodes[n].OutgoingEdges {
			if g.rng.IntN(2) == 0 {
				e.VariableMutations = append(e.VariableMutations, assign(flag, lhpb.VariableMutationType_ADD, literal(integer(1))))
			}
		}
	}
	g.add(b, "WAIT_FOR_CONDITION", g.handled(b, &lhpb.Node{Node: &lhpb.Node_WaitForCondition{WaitForCondition: &lhpb.WaitForConditionNode{
		NodeCondition: &lhpb.WaitForConditionNode_Condition{Condition: compare(variable(flag), lhpb.Comparator_GREATER_THAN, literal(integer(int64(g.rng.IntN(3)))))},
	}}}))
}

func nop() *lhpb.Node { return &lhpb.Node{Node: &lhpb.Node_Nop{Nop: &lhpb.NopNode{}}} }
