package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"littlehorse/lhpb"
)

// The definitions that every run of the simulator registers before its random workload begins.
const (
	taskDef  = "work"
	countDef = "count"
	leftDef  = "left" // a TaskDef that comes and goes
	eventDef = "signal"
	stopDef  = "interrupt"
	noteDef  = "note"
	subSpec  = "sub"
)

// generator writes random WfSpecs out of all node kinds that the engine runs.
type generator struct {
	rng     *rand.Rand
	threads map[string]*lhpb.ThreadSpec
	n       int
	// interrupts is set once a thread has an interrupt.
	interrupts bool
	// shares is set if the threads see the Variable that a family of WfRuns shares.
	shares bool
	// kids are the WfSpecs that a node may run by a name that it works out.
	kids []string
}

// wfSpec makes one request; every loop it contains ends, and every wait can be satisfied by a worker, an
// event, a person or the clock.
func wfSpec(rng *rand.Rand, name string) *lhpb.PutWfSpecRequest {
	g := &generator{rng: rng, threads: map[string]*lhpb.ThreadSpec{}, shares: true, kids: []string{subSpec, heirSpec, lateHeirSpec, "nowhere"}}
	g.thread("main", 2)
	g.threads["main"].VariableDefs = append(g.threads["main"].VariableDefs, shared(lhpb.WfRunVariableAccessLevel_PUBLIC_VAR), spoilt())
	return &lhpb.PutWfSpecRequest{Name: name, EntrypointThreadName: "main", ThreadSpecs: g.threads, RetentionPolicy: retention(rng)}
}

// subWfSpec is what child WfRuns run: a task that may fail.
func subWfSpec(rng *rand.Rand) *lhpb.PutWfSpecRequest {
	g := &generator{rng: rng, threads: map[string]*lhpb.ThreadSpec{}}
	g.leaf("main")
	g.threads["main"].VariableDefs = []*lhpb.ThreadVarDef{integerVar(givenVar, lhpb.WfRunVariableAccessLevel_PRIVATE_VAR)}
	return &lhpb.PutWfSpecRequest{Name: subSpec, EntrypointThreadName: "main", ThreadSpecs: g.threads, RetentionPolicy: retention(rng)}
}

// body is a ThreadSpec in the making: nodes in a row, the last one waiting for its edge.
type body struct {
	name  string
	nodes map[string]*lhpb.Node
	vars  []*lhpb.ThreadVarDef
	last  []string // nodes whose next edge leads to the node to come
	count int
	// changes are what that edge changes.
	changes []*lhpb.VariableMutation
}

func (g *generator) thread(name string, depth int) {
	b := &body{name: name, nodes: map[string]*lhpb.Node{}}
	b.add("entrypoint", &lhpb.Node{Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}})
	g.steps(b, depth, 1+g.rng.IntN(4))
	b.add("exit", g.exit())
	spec := &lhpb.ThreadSpec{Nodes: b.nodes, VariableDefs: b.vars}
	if name != "main" {
		spec.RetentionPolicy = g.threadRetention()
	}
	if !g.interrupts && g.rng.IntN(3) == 0 {
		g.interrupts = true // of one thread alone
		g.leaf("on-interrupt")
		spec.InterruptDefs = []*lhpb.InterruptDef{{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: stopDef}, HandlerSpecName: "on-interrupt"}}
	}
	g.threads[name] = spec
}

// exit ends a thread well, with an output or without, or now and then by a failure.
func (g *generator) exit() *lhpb.Node {
	e := &lhpb.ExitNode{}
	switch g.rng.IntN(8) {
	case 0:
		e.Result = &lhpb.ExitNode_FailureDef{FailureDef: &lhpb.FailureDef{FailureName: "declined", Message: "no", Content: literalInt(1)}}
	case 1, 2:
		e.Result = &lhpb.ExitNode_ReturnContent{ReturnContent: literalInt(1)}
	case 3:
		if g.shares {
			e.Result = &lhpb.ExitNode_ReturnContent{ReturnContent: oneByShared()}
		}
	}
	return &lhpb.Node{Node: &lhpb.Node_Exit{Exit: e}}
}

// leaf makes a thread of one task, for handlers.
func (g *generator) leaf(name string) {
	if g.threads[name] != nil {
		return
	}
	b := &body{name: name, nodes: map[string]*lhpb.Node{}}
	b.add("entrypoint", &lhpb.Node{Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}})
	b.add("handle", g.task())
	b.add("exit", &lhpb.Node{Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}})
	g.threads[name] = &lhpb.ThreadSpec{Nodes: b.nodes}
	if name != "main" {
		g.threads[name].RetentionPolicy = g.threadRetention()
	}
}

// add appends a node and leads the open ends to it.
func (b *body) add(kind string, n *lhpb.Node) string {
	name := fmt.Sprintf("%d-%s", b.count, kind)
	b.count++
	for _, l := range b.last {
		b.nodes[l].OutgoingEdges = append(b.nodes[l].OutgoingEdges, &lhpb.Edge{SinkNodeName: name, VariableMutations: b.changes})
	}
	b.changes = nil
	b.nodes[name] = n
	b.last = []string{name}
	return name
}

func (g *generator) steps(b *body, depth, n int) {
	for range n {
		g.step(b, depth)
		g.change(b)
	}
}

func (g *generator) step(b *body, depth int) {
	kinds := 10
	if depth > 0 {
		kinds = 14
	}
	switch g.rng.IntN(kinds) {
	case 0, 1:
		b.add("task", g.anyTask())
	case 2:
		b.add("task", g.handled(g.task()))
	case 3:
		b.add("sleep", g.sleep())
	case 4:
		b.add("event", g.handled(g.event()))
	case 5:
		b.add("nop", nop())
	case 6:
		b.add("throw", &lhpb.Node{Node: &lhpb.Node_ThrowEvent{ThrowEvent: &lhpb.ThrowEventNode{
			EventDefId: &lhpb.WorkflowEventDefId{Name: noteDef}, Content: literalInt(1),
		}}})
	case 7:
		if g.shares && g.rng.IntN(2) == 0 {
			g.awaitShared(b)
		} else {
			g.condition(b)
		}
	case 8:
		g.childWf(b)
	case 9:
		b.add("form", g.handled(g.form()))
	case 10:
		g.loop(b, depth-1)
	case 11:
		g.branch(b, depth-1)
	case 12:
		g.child(b, depth-1)
	case 13:
		g.children(b)
	}
}

// event waits for an event, sometimes by a key.
func (g *generator) event() *lhpb.Node {
	e := &lhpb.ExternalEventNode{
		ExternalEventDefId: &lhpb.ExternalEventDefId{Name: eventDef}, TimeoutSeconds: literalInt(int64(1 + g.rng.IntN(30))),
	}
	if g.rng.IntN(2) == 0 {
		e.CorrelationKey = literalStr(correlationKey(g.rng))
	}
	return &lhpb.Node{Node: &lhpb.Node_ExternalEvent{ExternalEvent: e}}
}

// correlationKey is one of a few, which live in several partitions.
func correlationKey(rng *rand.Rand) string { return fmt.Sprintf("key-%d", rng.IntN(4)) }

// form waits for a person, and does something if that takes long.
func (g *generator) form() *lhpb.Node {
	u := &lhpb.UserTaskNode{UserTaskDefName: formDef}
	u.UserId, u.UserGroup = g.owner()
	if g.rng.IntN(2) == 0 {
		u.OnCancellationExceptionName = literalStr("declined")
	}
	for range g.rng.IntN(3) {
		u.Actions = append(u.Actions, g.formAction())
	}
	return &lhpb.Node{Node: &lhpb.Node_UserTask{UserTask: u}}
}

// owner is a user or a group.
func (g *generator) owner() (user, group *lhpb.VariableAssignment) {
	name := literalStr(people[g.rng.IntN(len(people))])
	if g.rng.IntN(2) == 0 {
		return name, nil
	}
	return nil, name
}

// formAction reminds, gives the form to somebody else or cancels it.
func (g *generator) formAction() *lhpb.UTActionTrigger {
	a := &lhpb.UTActionTrigger{
		DelaySeconds: literalInt(int64(1 + g.rng.IntN(30))), Hook: lhpb.UTActionTrigger_UTHook(g.rng.IntN(2)),
	}
	switch g.rng.IntN(4) {
	case 0:
		a.Action = &lhpb.UTActionTrigger_Cancel{Cancel: &lhpb.UTActionTrigger_UTACancel{}}
	case 1:
		to := &lhpb.UTActionTrigger_UTAReassign{}
		to.UserId, to.UserGroup = g.owner()
		a.Action = &lhpb.UTActionTrigger_Reassign{Reassign: to}
	default:
		a.Action = &lhpb.UTActionTrigger_Task{Task: &lhpb.UTActionTrigger_UTATask{Task: g.task().GetTask()}}
	}
	return a
}

// sleep is for so many seconds, or until a moment that may have passed.
func (g *generator) sleep() *lhpb.Node {
	s := &lhpb.SleepNode{}
	moment := begin.Add(time.Duration(g.rng.IntN(120)) * time.Second)
	switch g.rng.IntN(6) {
	case 0:
		s.SleepLength = &lhpb.SleepNode_Timestamp{Timestamp: literalInt(moment.UnixMilli())}
	case 1:
		s.SleepLength = &lhpb.SleepNode_IsoDate{IsoDate: literalStr(moment.Format(time.RFC3339))}
	default:
		s.SleepLength = &lhpb.SleepNode_RawSeconds{RawSeconds: literalInt(int64(g.rng.IntN(20)))}
	}
	return &lhpb.Node{Node: &lhpb.Node_Sleep{Sleep: s}}
}

func (g *generator) task() *lhpb.Node {
	t := &lhpb.TaskNode{
		TaskToExecute:  &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: taskDef}},
		TimeoutSeconds: int32(1 + g.rng.IntN(20)),
		Retries:        int32(g.rng.IntN(3)),
	}
	if g.rng.IntN(3) == 0 {
		t.ExponentialBackoff = &lhpb.ExponentialBackoffRetryPolicy{BaseIntervalMs: 500, Multiplier: 2, MaxDelayMs: 4000}
	}
	return &lhpb.Node{Node: &lhpb.Node_Task{Task: t}}
}

// anyTask is a task whose definition is known beforehand, or only when it comes to it, or may be gone by then, or one that is given
// a number which may be impossible to work out.
func (g *generator) anyTask() *lhpb.Node {
	n := g.task()
	switch k := g.rng.IntN(8); {
	case k == 2:
		n.GetTask().TaskToExecute = &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: leftDef}}
		return g.handled(n)
	case k == 0:
		n.GetTask().TaskToExecute = &lhpb.TaskNode_DynamicTask{DynamicTask: literalStr(taskDef)}
	case k == 1 && g.shares:
		n.GetTask().TaskToExecute = &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: countDef}}
		n.GetTask().Variables = []*lhpb.VariableAssignment{oneByShared()}
		return g.handled(n)
	}
	return n
}

// handled gives the node a handler for whatever may go wrong, mostly.
func (g *generator) handled(n *lhpb.Node) *lhpb.Node {
	switch g.rng.IntN(5) {
	case 0:
	case 1:
		g.leaf("on-exception")
		n.FailureHandlers = []*lhpb.FailureHandlerDef{{
			HandlerSpecName: "on-exception",
			FailureToCatch:  &lhpb.FailureHandlerDef_SpecificFailure{SpecificFailure: "declined"},
		}}
	case 2:
		g.leaf("on-failure")
		n.FailureHandlers = []*lhpb.FailureHandlerDef{{
			HandlerSpecName: "on-failure",
			FailureToCatch: &lhpb.FailureHandlerDef_AnyFailureOfType{
				AnyFailureOfType: lhpb.FailureHandlerDef_LHFailureType(g.rng.IntN(2)),
			},
		}}
	default:
		g.leaf("on-failure")
		n.FailureHandlers = []*lhpb.FailureHandlerDef{{HandlerSpecName: "on-failure"}}
	}
	return n
}

// loop repeats a few steps up to three times, by a counter.
func (g *generator) loop(b *body, depth int) {
	g.n++
	counter := fmt.Sprintf("i%d", g.n)
	b.vars = append(b.vars, g.counter(counter))
	head := b.add("loop", nop())
	g.steps(b, depth, 1+g.rng.IntN(2))
	tail := b.add("again", nop())
	b.nodes[tail].OutgoingEdges = []*lhpb.Edge{{
		SinkNodeName:      head,
		EdgeCondition:     &lhpb.Edge_Condition{Condition: compare(variable(counter), literalInt(int64(1+g.rng.IntN(3))), lhpb.Comparator_LESS_THAN)},
		VariableMutations: []*lhpb.VariableMutation{increment(counter)},
	}}
}

// counter is the definition of an INT variable that begins at 0, and that others may see or not.
func (g *generator) counter(name string) *lhpb.ThreadVarDef {
	access := lhpb.WfRunVariableAccessLevel_PRIVATE_VAR
	if g.rng.IntN(2) == 0 {
		access = lhpb.WfRunVariableAccessLevel_PUBLIC_VAR
	}
	v := integerVar(name, access)
	v.Searchable = g.rng.IntN(2) == 0
	return v
}

func integerVar(name string, access lhpb.WfRunVariableAccessLevel) *lhpb.ThreadVarDef {
	return &lhpb.ThreadVarDef{
		VarDef: &lhpb.VariableDef{
			Name:         name,
			TypeDef:      &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: lhpb.VariableType_INT}},
			DefaultValue: intValue(0),
		},
		AccessLevel: access,
	}
}

func increment(variable string) *lhpb.VariableMutation { return add(variable, 1) }

func add(variable string, n int64) *lhpb.VariableMutation {
	return &lhpb.VariableMutation{
		LhsName: variable, Operation: lhpb.VariableMutationType_ADD,
		RhsValue: &lhpb.VariableMutation_RhsAssignment{RhsAssignment: literalInt(n)},
	}
}

// condition waits for what a sibling, which cannot fail, does after a while.
func (g *generator) condition(b *body) {
	flag := fmt.Sprintf("set%d", g.n+1)
	b.vars = append(b.vars, g.counter(flag))
	g.startSetter(b, increment(flag))
	b.add("until", g.until(flag, 0))
}

// startSetter starts a thread that changes something after a while.
func (g *generator) startSetter(b *body, change *lhpb.VariableMutation) {
	g.n++
	name := fmt.Sprintf("setter%d", g.n)
	setter := &body{name: name, nodes: map[string]*lhpb.Node{}}
	setter.add("entrypoint", &lhpb.Node{Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}})
	setter.add("sleep", g.sleep())
	setter.changes = []*lhpb.VariableMutation{change}
	setter.add("exit", &lhpb.Node{Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}})
	g.threads[name] = &lhpb.ThreadSpec{Nodes: setter.nodes}
	b.add("start", &lhpb.Node{Node: &lhpb.Node_StartThread{StartThread: &lhpb.StartThreadNode{ThreadSpecName: name}}})
}

// until waits for a Variable to be above a number, in one of the two forms of a condition.
func (g *generator) until(name string, above int64) *lhpb.Node {
	w := &lhpb.WaitForConditionNode{NodeCondition: &lhpb.WaitForConditionNode_Condition{
		Condition: compare(variable(name), literalInt(above), lhpb.Comparator_GREATER_THAN),
	}}
	if g.rng.IntN(3) == 0 {
		w.NodeCondition = &lhpb.WaitForConditionNode_LegacyCondition{LegacyCondition: &lhpb.LegacyEdgeCondition{
			Left: variable(name), Comparator: lhpb.Comparator_GREATER_THAN, Right: literalInt(above),
		}}
	}
	return &lhpb.Node{Node: &lhpb.Node_WaitForCondition{WaitForCondition: w}}
}

// childWf runs a child WfRun and waits for it, or does not.
func (g *generator) childWf(b *body) {
	run := b.add("run-child", g.runChildWf())
	if g.rng.IntN(4) == 0 {
		return
	}
	b.add("wait-child", g.handled(&lhpb.Node{Node: &lhpb.Node_WaitForChildWf{WaitForChildWf: &lhpb.WaitForChildWfNode{
		ChildWfRunId: nodeOutput(run), ChildWfRunSourceNode: run,
	}}}))
}

// children starts a thread for each element of a list and waits for them, some with a handler for each.
func (g *generator) children(b *body) {
	g.leaf("item")
	list := [...]string{"[]", "[1]", "[1,2,3]", "[1,2,3,4,5,6,7]"}[g.rng.IntN(4)]
	start := b.add("start-all", &lhpb.Node{Node: &lhpb.Node_StartMultipleThreads{StartMultipleThreads: &lhpb.StartMultipleThreadsNode{
		ThreadSpecName: "item", Iterable: &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_LiteralValue{
			LiteralValue: &lhpb.VariableValue{Value: &lhpb.VariableValue_JsonArr{JsonArr: list}},
		}},
	}}})
	wait := &lhpb.WaitForThreadsNode{ThreadsToWaitFor: &lhpb.WaitForThreadsNode_ThreadList{ThreadList: nodeOutput(start)}}
	if list != "[]" { // the first of none is waited for without end
		wait.Strategy = lhpb.WaitForThreadsStrategy(g.rng.IntN(3))
	}
	if g.rng.IntN(2) == 0 {
		g.leaf("on-child")
		wait.PerThreadFailureHandlers = []*lhpb.FailureHandlerDef{{HandlerSpecName: "on-child"}}
	}
	b.add("wait-all", g.handled(&lhpb.Node{Node: &lhpb.Node_WaitForThreads{WaitForThreads: wait}}))
}

// branch goes one of two ways, by a coin in the spec.
func (g *generator) branch(b *body, depth int) {
	head := b.add("if", nop())
	then := len(b.nodes[head].OutgoingEdges)
	g.steps(b, depth, 1)
	coin, zero := literalInt(int64(g.rng.IntN(2))), literalInt(0)
	b.nodes[head].OutgoingEdges[then].EdgeCondition = &lhpb.Edge_Condition{Condition: compare(coin, zero, lhpb.Comparator_EQUALS)}
	if g.rng.IntN(3) == 0 {
		b.nodes[head].OutgoingEdges[then].EdgeCondition = &lhpb.Edge_LegacyCondition{LegacyCondition: &lhpb.LegacyEdgeCondition{
			Left: coin, Comparator: lhpb.Comparator_EQUALS, Right: zero,
		}}
	}
	b.last = append(b.last, head)
	b.add("fi", nop())
}

// child starts a thread and waits for it, or leaves it to the EXIT.
func (g *generator) child(b *body, depth int) {
	g.n++
	name := fmt.Sprintf("child%d", g.n)
	g.thread(name, depth)
	start := b.add("start", &lhpb.Node{Node: &lhpb.Node_StartThread{StartThread: &lhpb.StartThreadNode{ThreadSpecName: name}}})
	if g.rng.IntN(4) == 0 {
		return
	}
	b.add("wait", g.handled(&lhpb.Node{Node: &lhpb.Node_WaitForThreads{WaitForThreads: &lhpb.WaitForThreadsNode{
		ThreadsToWaitFor: &lhpb.WaitForThreadsNode_Threads{Threads: &lhpb.WaitForThreadsNode_ThreadsToWaitFor{
			Threads: []*lhpb.WaitForThreadsNode_ThreadToWaitFor{{ThreadRunNumber: nodeOutput(start)}},
		}},
		Strategy: lhpb.WaitForThreadsStrategy(g.rng.IntN(3)),
	}}}))
}

func nop() *lhpb.Node { return &lhpb.Node{Node: &lhpb.Node_Nop{Nop: &lhpb.NopNode{}}} }

func intValue(n int64) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Int{Int: n}}
}

func literalInt(n int64) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_LiteralValue{LiteralValue: intValue(n)}}
}

func literalStr(s string) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_LiteralValue{
		LiteralValue: &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: s}},
	}}
}

func variable(name string) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_VariableName{VariableName: name}}
}

func nodeOutput(node string) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_NodeOutput{
		NodeOutput: &lhpb.VariableAssignment_NodeOutputReference{NodeName: node},
	}}
}

func compare(l, r *lhpb.VariableAssignment, by lhpb.Comparator) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_Expression_{Expression: &lhpb.VariableAssignment_Expression{
		Lhs: l, Rhs: r, Operation: &lhpb.VariableAssignment_Expression_Comparator{Comparator: by},
	}}}
}
