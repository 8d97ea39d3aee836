package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"littlehorse/lhpb"
)

// reach says how a node of a kind can come to an outcome.
type reach struct {
	kind, outcome string
	arrival       bool // it fails when it is activated: nothing can happen to it before, and a rescue is refused
	instant       bool // it ends in the command that activates it
}

// reaches lists the outcomes of each kind that the original can reach.
var reaches = []reach{
	{kind: "ENTRYPOINT", outcome: "COMPLETED", instant: true},
	{kind: "ENTRYPOINT", outcome: "VAR_SUB_ERROR", instant: true},
	{kind: "NOP", outcome: "COMPLETED", instant: true},
	{kind: "NOP", outcome: "VAR_SUB_ERROR", instant: true},
	{kind: "EXIT", outcome: "COMPLETED", instant: true},
	{kind: "EXIT", outcome: "EXCEPTION", instant: true},
	{kind: "EXIT", outcome: "CHILD_FAILURE", instant: true},
	{kind: "EXIT", outcome: "VAR_ERROR", instant: true},
	{kind: "TASK", outcome: "COMPLETED"},
	{kind: "TASK", outcome: "EXCEPTION"},
	{kind: "TASK", outcome: "TASK_FAILURE"},
	{kind: "TASK", outcome: "TIMEOUT"},
	{kind: "TASK", outcome: "VAR_MUTATION_ERROR"},
	{kind: "TASK", outcome: "VAR_SUB_ERROR"},
	{kind: "TASK", outcome: "TASK_ERROR", arrival: true},
	{kind: "EXTERNAL_EVENT", outcome: "COMPLETED"},
	{kind: "EXTERNAL_EVENT", outcome: "TIMEOUT"},
	{kind: "EXTERNAL_EVENT", outcome: "VAR_SUB_ERROR"},
	{kind: "EXTERNAL_EVENT", outcome: "VAR_ERROR", arrival: true},
	{kind: "START_THREAD", outcome: "COMPLETED", instant: true},
	{kind: "START_THREAD", outcome: "VAR_SUB_ERROR", instant: true},
	{kind: "START_MULTIPLE_THREADS", outcome: "COMPLETED", instant: true},
	{kind: "START_MULTIPLE_THREADS", outcome: "VAR_SUB_ERROR", instant: true},
	{kind: "START_MULTIPLE_THREADS", outcome: "INTERNAL_ERROR", arrival: true},
	{kind: "WAIT_FOR_THREADS", outcome: "COMPLETED"},
	{kind: "WAIT_FOR_THREADS", outcome: "CHILD_FAILURE"},
	{kind: "WAIT_FOR_THREADS", outcome: "EXCEPTION"},
	{kind: "WAIT_FOR_THREADS", outcome: "VAR_SUB_ERROR"},
	{kind: "WAIT_FOR_CONDITION", outcome: "COMPLETED"},
	{kind: "WAIT_FOR_CONDITION", outcome: "VAR_SUB_ERROR"},
	{kind: "SLEEP", outcome: "COMPLETED"},
	{kind: "SLEEP", outcome: "VAR_SUB_ERROR"},
	{kind: "THROW_EVENT", outcome: "COMPLETED", instant: true},
	{kind: "THROW_EVENT", outcome: "VAR_SUB_ERROR", instant: true},
	{kind: "USER_TASK", outcome: "COMPLETED"},
	{kind: "USER_TASK", outcome: "USER_TASK_CANCELLED"},
	{kind: "USER_TASK", outcome: "EXCEPTION"},
	{kind: "USER_TASK", outcome: "VAR_SUB_ERROR"},
	{kind: "USER_TASK", outcome: "VAR_ERROR", arrival: true},
	{kind: "USER_TASK", outcome: "TASK_ERROR", arrival: true},
	{kind: "RUN_CHILD_WF", outcome: "COMPLETED", instant: true},
	{kind: "RUN_CHILD_WF", outcome: "VAR_SUB_ERROR", instant: true},
	{kind: "RUN_CHILD_WF", outcome: "CHILD_FAILURE", arrival: true},
	{kind: "WAIT_FOR_CHILD_WF", outcome: "COMPLETED"},
	{kind: "WAIT_FOR_CHILD_WF", outcome: "CHILD_FAILURE"},
	{kind: "WAIT_FOR_CHILD_WF", outcome: "EXCEPTION"},
	{kind: "WAIT_FOR_CHILD_WF", outcome: "VAR_SUB_ERROR"},
}

// unreachable is why a cell is not aimed at, or "". An interrupt that begins and ends within the command that
// activates a node, or an interrupt of a thread that waits at EXIT for its children, hits some of them all the same.
func unreachable(r reach, circumstance string) string {
	stoppable := circumstance == halted || circumstance == interrupted
	switch {
	case circumstance == handled && r.outcome == "COMPLETED":
		return "nothing to handle"
	case stoppable && (r.instant || r.arrival):
		return "no command comes between its beginning and its end, unless it waits for children or its thread is interrupted as it begins"
	case stoppable && r.kind == "WAIT_FOR_CHILD_WF":
		return "the original hangs in HALTING there, unless the child ends in the same command"
	case circumstance == rescued && r.kind == "START_THREAD" && r.outcome == "VAR_SUB_ERROR":
		return "the new thread is halted at its ENTRYPOINT, where the original hangs in HALTING"
	case circumstance == rescued && r.arrival:
		return "a rescue into a node that fails on arrival is refused"
	case circumstance == rescued && r.kind == "ENTRYPOINT" && r.outcome == "COMPLETED":
		return "what made the edge fail is still there"
	case stoppable && r.kind == "USER_TASK" && r.outcome != "USER_TASK_CANCELLED" && r.outcome != "EXCEPTION":
		return "a halt cancels the user task, unless its NodeRun has failed or ended in the same command"
	case circumstance == halted && r.kind == "USER_TASK":
		return "the original forgets the failure of a user task that a halt cancelled"
	}
	return ""
}

// cells are the cells that can be hit, in a fixed order.
func cells() []cell {
	var out []cell
	for _, r := range reaches {
		for _, c := range circumstances {
			if unreachable(r, c) != "" {
				continue
			}
			for range weight(r, c) {
				out = append(out, cell{r.kind, r.outcome, c})
			}
		}
	}
	return out
}

// weight is how often a cell is aimed at in a round: more often where an aim is often missed.
func weight(r reach, circumstance string) int {
	switch {
	case r.instant && circumstance == plain, r.outcome == "COMPLETED" && circumstance == plain:
		return 1
	case r.kind == "USER_TASK" || r.kind == "WAIT_FOR_CONDITION" || r.kind == "WAIT_FOR_CHILD_WF" && circumstance == rescued,
		circumstance == handled && (r.kind == "SLEEP" || r.arrival), r.outcome == "EXCEPTION" && circumstance != plain:
		return 4
	case circumstance == plain:
		return 2
	default:
		return 3
	}
}

func reachOf(c cell) reach {
	for _, r := range reaches {
		if r.kind == c.kind && r.outcome == c.outcome {
			return r
		}
	}
	return reach{}
}

// targets are the cells that a seed aims at, so that consecutive seeds go round all of them.
func targets(seed uint64, n int) []cell {
	all := cells()
	round := rand.New(rand.NewPCG(seed*uint64(n)/uint64(len(all)), 3)).Perm(len(all))
	var out []cell
	for i := range n {
		out = append(out, all[round[(seed*uint64(n)+uint64(i))%uint64(len(all))]])
	}
	return out
}

// rare are cells that other histories seldom come to: a part of the seeds aims at nothing else.
var rare = []cell{
	{"SLEEP", "COMPLETED", interrupted},
	{"WAIT_FOR_CHILD_WF", "EXCEPTION", rescued},
	{"USER_TASK", "EXCEPTION", interrupted},
	{"START_MULTIPLE_THREADS", "VAR_SUB_ERROR", rescued},
	{"USER_TASK", "EXCEPTION", rescued},
	{"EXIT", "EXCEPTION", handled},
	{"EXIT", "COMPLETED", interrupted},
	{"SLEEP", "VAR_SUB_ERROR", handled},
	{"WAIT_FOR_THREADS", "EXCEPTION", rescued},
	{"USER_TASK", "USER_TASK_CANCELLED", halted},
	{"START_THREAD", "VAR_SUB_ERROR", handled},
	{"EXIT", "EXCEPTION", interrupted},
}

// rareTargets are two of the rare cells, so that little comes before them that may end the history.
func rareTargets(seed uint64) []cell {
	i := seed / 10
	return []cell{rare[i%uint64(len(rare))], rare[(5*i+3)%uint64(len(rare))]}
}

// focused makes a WfSpec whose entrypoint thread goes through nodes that aim at cells, one after the other.
func focused(n names, aims []cell) historyPlan {
	g := &generator{rng: rand.New(rand.NewPCG(n.seed, 1)), names: n, threads: map[string]*lhpb.ThreadSpec{}}
	p := historyPlan{kind: "focus", calm: true, run: runOnce}
	b := g.begin("main")
	b.vars = g.variables()
	g.threads["main"] = &lhpb.ThreadSpec{}
	var ends, starts []cell
	for _, c := range aims {
		g.instant = g.instant || c.circumstance == interrupted && (c.kind == "USER_TASK" || c.kind == "SLEEP" || c.kind == "EXIT")
	}
	for _, c := range aims {
		switch {
		case c.kind == "EXIT" || c.outcome == "EXCEPTION" && c.circumstance != handled:
			ends = append(ends, c)
		case c.kind == "ENTRYPOINT":
			starts = append(starts, c)
		default:
			if g.rng.IntN(3) == 0 {
				g.simple(b)
			}
			g.focus(b, c)
		}
	}
	for _, c := range append(starts, ends...) {
		g.focusThread(b, c)
	}
	if g.rng.IntN(3) == 0 {
		g.simple(b)
	}
	g.add(b, "EXIT", exitNode(nil))
	main := g.threads["main"]
	main.Nodes, main.VariableDefs = b.nodes, b.vars
	main.InterruptDefs = append(main.InterruptDefs, g.interrupt(n.interruptA(), "on-interrupt-a"))
	p.definitions = append(p.definitions, g.before...)
	p.definitions = append(p.definitions, definition{method: "PutWfSpec", request: &lhpb.PutWfSpecRequest{
		Name: n.spec(), EntrypointThreadName: "main", ThreadSpecs: g.threads,
	}})
	p.definitions = append(p.definitions, g.after...)
	return p
}

func exitNode(result *lhpb.ExitNode) *lhpb.Node {
	if result == nil {
		result = &lhpb.ExitNode{}
	}
	return &lhpb.Node{Node: &lhpb.Node_Exit{Exit: result}}
}

// focusThread makes a child thread that meets the cell, and a wait that survives it.
func (g *generator) focusThread(b *body, c cell) {
	name := g.fresh("aim-")
	t := g.begin(name)
	spec := &lhpb.ThreadSpec{}
	g.threads[name] = spec
	switch c.kind {
	case "ENTRYPOINT":
		g.focusEntrypoint(t, c)
	case "EXIT":
		if g.rng.IntN(2) == 0 {
			g.simple(t)
		}
		g.focusExit(t, c)
	default:
		g.focus(t, c)
		g.add(t, "EXIT", exitNode(nil))
	}
	spec.Nodes, spec.VariableDefs = t.nodes, t.vars
	if c.circumstance == interrupted && g.threads["on-interrupt-b"] == nil {
		spec.InterruptDefs = append(spec.InterruptDefs, g.interrupt(g.names.interruptB(), "on-interrupt-b"))
	}
	start := g.add(b, "START_THREAD", &lhpb.Node{Node: &lhpb.Node_StartThread{StartThread: &lhpb.StartThreadNode{ThreadSpecName: name}}})
	w := waitFor(lhpb.WaitForThreadsStrategy_WAIT_FOR_ALL, output(start))
	if c.outcome != "COMPLETED" && (g.rng.IntN(2) == 0 || c.outcome == "EXCEPTION") {
		w.FailureHandlers = []*lhpb.FailureHandlerDef{{HandlerSpecName: g.handler(false)}}
		if g.rng.IntN(2) == 0 {
			w.GetWaitForThreads().PerThreadFailureHandlers, w.FailureHandlers = w.FailureHandlers, nil
		}
	}
	g.add(b, "WAIT_FOR_THREADS", w)
}

func waitFor(s lhpb.WaitForThreadsStrategy, numbers ...*lhpb.VariableAssignment) *lhpb.Node {
	threads := &lhpb.WaitForThreadsNode_ThreadsToWaitFor{}
	for _, n := range numbers {
		threads.Threads = append(threads.Threads, &lhpb.WaitForThreadsNode_ThreadToWaitFor{ThreadRunNumber: n})
	}
	return &lhpb.Node{Node: &lhpb.Node_WaitForThreads{WaitForThreads: &lhpb.WaitForThreadsNode{
		ThreadsToWaitFor: &lhpb.WaitForThreadsNode_Threads{Threads: threads}, Strategy: s,
	}}}
}

// rename gives the node its wish as a name; every edge to it follows.
func (b *body) rename(from, to string) {
	b.nodes[to] = b.nodes[from]
	delete(b.nodes, from)
	for _, n := range b.nodes {
		for _, e := range n.OutgoingEdges {
			if e.SinkNodeName == from {
				e.SinkNodeName = to
			}
		}
	}
	for i, o := range b.open {
		if o == from {
			b.open[i] = to
		}
	}
}

func (g *generator) focusEntrypoint(b *body, c cell) {
	entry := b.open[0]
	name := "0-ENTRYPOINT~" + c.outcome + "~" + c.circumstance
	if c.circumstance == rescued {
		name += "~rescue-same"
	}
	b.rename(entry, name)
	if c.circumstance == handled {
		b.nodes[name].FailureHandlers = g.matching(c.outcome)
	}
	g.add(b, "NOP", nop())
	if c.outcome == "VAR_SUB_ERROR" {
		b.fail(name)
	}
	g.add(b, "EXIT", exitNode(nil))
}

// fail makes the edges that leave a node impossible.
func (b *body) fail(name string) {
	for _, e := range b.nodes[name].OutgoingEdges {
		e.VariableMutations = append(e.VariableMutations, impossible())
	}
}

// rescueNext adds a node that fails, so that a rescue goes on with the next one.
func (g *generator) rescueNext(b *body) {
	name := g.add(b, "NOP~VAR_SUB_ERROR~plain~rescue-next", nop())
	b.failing = append(b.failing, name)
}

func (g *generator) focusExit(b *body, c cell) {
	exit := &lhpb.ExitNode{}
	switch c.outcome {
	case "EXCEPTION":
		exit.Result = &lhpb.ExitNode_FailureDef{FailureDef: g.failure(b)}
	case "VAR_ERROR":
		exit.Result = &lhpb.ExitNode_ReturnContent{ReturnContent: calculate(variable("i"), lhpb.VariableMutationType_DIVIDE, literal(integer(0)))}
	case "CHILD_FAILURE":
		child := g.fresh("bad-")
		t := g.begin(child)
		if g.rng.IntN(2) == 0 {
			g.event(t)
		}
		g.add(t, "NOP", nop())
		g.add(t, "EXIT", exitNode(&lhpb.ExitNode{Result: &lhpb.ExitNode_FailureDef{FailureDef: g.failure(t)}}))
		g.threads[child] = &lhpb.ThreadSpec{Nodes: t.nodes, VariableDefs: t.vars}
		g.add(b, "START_THREAD", &lhpb.Node{Node: &lhpb.Node_StartThread{StartThread: &lhpb.StartThreadNode{ThreadSpecName: child}}})
	}
	node := exitNode(exit)
	if c.circumstance == interrupted {
		// Only while it waits for a child can something happen to an EXIT.
		g.add(b, "START_THREAD", &lhpb.Node{Node: &lhpb.Node_StartThread{StartThread: &lhpb.StartThreadNode{ThreadSpecName: g.waitingThread("ok")}}})
	}
	if c.circumstance == rescued {
		g.rescueNext(b)
	}
	name := "EXIT~" + c.outcome + "~" + c.circumstance
	if c.circumstance == handled {
		node.FailureHandlers = g.matching(c.outcome)
	}
	g.add(b, name, node)
	if c.circumstance == handled {
		// A handled EXIT leaves by an edge like any other node.
		last := &lhpb.ExitNode{}
		if c.outcome == "VAR_ERROR" {
			last.Result = &lhpb.ExitNode_ReturnContent{ReturnContent: variable("i")}
		}
		g.add(b, "EXIT", exitNode(last))
	}
}

// matching is a list of handlers of which one catches the failure.
func (g *generator) matching(outcome string) []*lhpb.FailureHandlerDef {
	h := &lhpb.FailureHandlerDef{}
	exception := outcome == "EXCEPTION"
	switch g.rng.IntN(4) {
	case 0:
	case 1:
		kind := lhpb.FailureHandlerDef_FAILURE_TYPE_ERROR
		if exception {
			kind = lhpb.FailureHandlerDef_FAILURE_TYPE_EXCEPTION
		}
		h.FailureToCatch = &lhpb.FailureHandlerDef_AnyFailureOfType{AnyFailureOfType: kind}
	default:
		name := outcome
		switch {
		case strings.HasPrefix(outcome, "VAR_") && g.rng.IntN(2) == 0:
			name = "VAR_ERROR"
		case (outcome == "TASK_FAILURE" || outcome == "TIMEOUT") && g.rng.IntN(2) == 0:
			name = "TASK_ERROR"
		}
		if exception {
			h.FailureToCatch = &lhpb.FailureHandlerDef_SpecificFailure{SpecificFailure: exceptions[0]}
			h.HandlerSpecName = g.goodHandler()
			return []*lhpb.FailureHandlerDef{h, {
				FailureToCatch:  &lhpb.FailureHandlerDef_SpecificFailure{SpecificFailure: exceptions[1]},
				HandlerSpecName: g.goodHandler(),
			}, {HandlerSpecName: g.goodHandler()}}
		}
		h.FailureToCatch = &lhpb.FailureHandlerDef_SpecificFailure{SpecificFailure: name}
	}
	h.HandlerSpecName = g.goodHandler()
	out := []*lhpb.FailureHandlerDef{h}
	if g.rng.IntN(3) == 0 {
		out = append(g.handlers(nil)[:1], out...)
	}
	return out
}

// goodHandler makes a handler that does not fail.
func (g *generator) goodHandler() string {
	g.count++
	b := g.begin(fmt.Sprintf("handler-%d", g.count))
	if g.rng.IntN(2) == 0 {
		g.add(b, "NOP", nop())
	} else {
		g.add(b, "TASK~COMPLETED~plain", g.taskNode(b, 3600))
	}
	g.add(b, "EXIT", exitNode(nil))
	g.threads[b.name] = &lhpb.ThreadSpec{Nodes: b.nodes, VariableDefs: b.vars}
	return b.name
}

func (g *generator) taskNode(b *body, timeout int32) *lhpb.Node {
	return &lhpb.Node{Node: &lhpb.Node_Task{Task: &lhpb.TaskNode{
		TaskToExecute: &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: g.names.task("number")}}, TimeoutSeconds: timeout,
		Variables: []*lhpb.VariableAssignment{g.number(b, 0)},
	}}}
}

// focus adds a node that aims at a cell, and what it needs around it.
func (g *generator) focus(b *body, c cell) {
	arrives := reachOf(c).arrival || c.outcome == "VAR_SUB_ERROR" && (c.circumstance == plain || c.circumstance == handled) && g.rng.IntN(2) == 0
	node := g.focusNode(b, c, arrives)
	if c.circumstance == handled {
		node.FailureHandlers = g.matching(c.outcome)
	}
	if c.circumstance == rescued {
		g.rescueNext(b)
	}
	name := c.kind + "~" + c.outcome + "~" + c.circumstance
	if c.outcome == "TIMEOUT" {
		name += "~short"
	}
	name = g.add(b, name, node)
	if c.outcome == "VAR_SUB_ERROR" && !arrives {
		b.failing = append(b.failing, name)
	}
}

func (c cell) seconds() int64 {
	if c.circumstance == halted || c.circumstance == interrupted {
		return 3
	}
	return 1
}

// focusNode makes the node itself.
func (g *generator) focusNode(b *body, c cell, arrives bool) *lhpb.Node {
	switch c.kind {
	case "TASK":
		return g.focusTask(b, c, arrives)
	case "EXTERNAL_EVENT":
		return g.focusEvent(c)
	case "START_THREAD":
		child := g.waitingThread("ok")
		n := &lhpb.StartThreadNode{ThreadSpecName: child}
		if arrives {
			in := g.fresh("in")
			g.threads[child].VariableDefs = append(g.threads[child].VariableDefs, variableDef(in, lhpb.VariableType_STR, nil))
			n.Variables = map[string]*lhpb.VariableAssignment{in: failing()}
		}
		return &lhpb.Node{Node: &lhpb.Node_StartThread{StartThread: n}}
	case "START_MULTIPLE_THREADS":
		n := &lhpb.StartMultipleThreadsNode{ThreadSpecName: g.waitingThread("ok"), Iterable: literal(list([]string{`[]`, `["x"]`, `["x",2]`}[g.rng.IntN(3)]))}
		switch {
		case c.outcome == "INTERNAL_ERROR":
			n.Iterable = literal(list("[" + strings.Repeat("1,", 64) + "1]"))
		case arrives:
			n.Iterable = variable("s")
		}
		return &lhpb.Node{Node: &lhpb.Node_StartMultipleThreads{StartMultipleThreads: n}}
	case "WAIT_FOR_THREADS":
		return g.focusWait(b, c, arrives)
	case "WAIT_FOR_CONDITION":
		return g.focusCondition(b, arrives)
	case "SLEEP":
		return g.focusSleep(c, arrives)
	case "THROW_EVENT":
		n := &lhpb.ThrowEventNode{EventDefId: &lhpb.WorkflowEventDefId{Name: g.names.thrown()}, Content: g.text(b, 0)}
		if arrives {
			n.Content = failing()
		}
		return &lhpb.Node{Node: &lhpb.Node_ThrowEvent{ThrowEvent: n}}
	case "USER_TASK":
		return g.focusUserTask(b, c, arrives)
	case "RUN_CHILD_WF":
		n := &lhpb.RunChildWfNode{WfSpec: &lhpb.RunChildWfNode_WfSpecName{WfSpecName: g.names.childOf("ok")}, MajorVersion: -1}
		if arrives {
			n.Inputs = map[string]*lhpb.VariableAssignment{"s": failing()}
		}
		if c.outcome == "CHILD_FAILURE" {
			n.WfSpec, n.Inputs = &lhpb.RunChildWfNode_WfSpecVar{WfSpecVar: literal(str("no-such-spec"))}, nil
		}
		return &lhpb.Node{Node: &lhpb.Node_RunChildWf{RunChildWf: n}}
	case "WAIT_FOR_CHILD_WF":
		end := map[string]string{"CHILD_FAILURE": "error", "EXCEPTION": "exception"}[c.outcome]
		if end == "" {
			end = "ok"
		}
		run := g.add(b, "RUN_CHILD_WF", &lhpb.Node{Node: &lhpb.Node_RunChildWf{RunChildWf: &lhpb.RunChildWfNode{
			WfSpec: &lhpb.RunChildWfNode_WfSpecName{WfSpecName: g.names.childOf(end)}, MajorVersion: -1,
		}}})
		id := output(run)
		if arrives {
			id = path(variable("j"), "$.t")
		}
		return &lhpb.Node{Node: &lhpb.Node_WaitForChildWf{WaitForChildWf: &lhpb.WaitForChildWfNode{ChildWfRunId: id, ChildWfRunSourceNode: run}}}
	}
	return nop()
}

func (g *generator) focusTask(b *body, c cell, arrives bool) *lhpb.Node {
	n := g.taskNode(b, 3600)
	t := n.GetTask()
	switch {
	case c.outcome == "TIMEOUT":
		t.TimeoutSeconds = int32(c.seconds())
	case c.outcome == "TASK_ERROR":
		gone := g.names.numbered(g.fresh("gone"))
		g.before = append(g.before, definition{method: "PutTaskDef", request: &lhpb.PutTaskDefRequest{Name: gone}})
		g.after = append(g.after, definition{method: "DeleteTaskDef", request: &lhpb.DeleteTaskDefRequest{Id: &lhpb.TaskDefId{Name: gone}}, pause: metadataPause})
		t.TaskToExecute, t.Variables = &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: gone}}, nil
		return n
	case c.outcome == "TASK_FAILURE":
		t.Retries = int32(g.rng.IntN(2))
		if t.Retries > 0 && g.rng.IntN(2) == 0 {
			t.ExponentialBackoff = &lhpb.ExponentialBackoffRetryPolicy{BaseIntervalMs: 500, Multiplier: 2, MaxDelayMs: 1000}
		}
	}
	if arrives {
		switch g.rng.IntN(3) {
		case 0:
			t.TaskToExecute = &lhpb.TaskNode_DynamicTask{DynamicTask: literal(str("no-such-task"))}
		case 1:
			t.TaskToExecute = &lhpb.TaskNode_DynamicTask{DynamicTask: path(variable("j"), "$.missing")}
		default:
			t.Variables[0] = failing()
		}
	}
	return n
}

func (g *generator) focusEvent(c cell) *lhpb.Node {
	e := &lhpb.ExternalEventNode{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: g.names.eventText()}}
	switch c.outcome {
	case "TIMEOUT":
		e.TimeoutSeconds = literal(integer(c.seconds()))
	case "VAR_ERROR":
		e.TimeoutSeconds = path(variable("j"), "$.t")
		if g.rng.IntN(2) == 0 {
			e.TimeoutSeconds, e.CorrelationKey = nil, path(variable("j"), "$.n")
		}
	case "COMPLETED":
		if g.rng.IntN(3) == 0 {
			e.ExternalEventDefId.Name = g.names.keyed(g.rng.IntN(2) == 0)
			e.CorrelationKey = literal(str(correlationKey(g.names)))
			e.MaskCorrelationKey = g.rng.IntN(2) == 0
		}
	}
	return &lhpb.Node{Node: &lhpb.Node_ExternalEvent{ExternalEvent: e}}
}

// waitingThread makes a thread that waits for an event and then ends in this way.
func (g *generator) waitingThread(end string) string {
	t := g.begin(g.fresh("waiting-"))
	e := &lhpb.ExternalEventNode{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: g.names.eventAny()}}
	name := g.add(t, "EVENT", &lhpb.Node{Node: &lhpb.Node_ExternalEvent{ExternalEvent: e}})
	exit := &lhpb.ExitNode{}
	switch end {
	case "exception":
		exit.Result = &lhpb.ExitNode_FailureDef{FailureDef: g.failure(t)}
	case "error":
		t.failing = append(t.failing, name)
	}
	g.add(t, "EXIT", exitNode(exit))
	g.threads[t.name] = &lhpb.ThreadSpec{Nodes: t.nodes, VariableDefs: t.vars}
	return t.name
}

func (g *generator) focusWait(b *body, c cell, arrives bool) *lhpb.Node {
	end := "ok"
	switch c.outcome {
	case "CHILD_FAILURE":
		end = "error"
	case "EXCEPTION":
		end = "exception"
	}
	var numbers []*lhpb.VariableAssignment
	strategy := lhpb.WaitForThreadsStrategy(g.rng.IntN(3))
	many := 1 + g.rng.IntN(2)
	if c.outcome != "COMPLETED" && many > 1 {
		strategy = lhpb.WaitForThreadsStrategy_WAIT_FOR_ALL
	}
	for range many {
		numbers = append(numbers, output(g.add(b, "START_THREAD", &lhpb.Node{Node: &lhpb.Node_StartThread{StartThread: &lhpb.StartThreadNode{ThreadSpecName: g.waitingThread(end)}}})))
	}
	if arrives {
		numbers = append(numbers, literal(integer(int64(99*g.rng.IntN(2)))))
	}
	return waitFor(strategy, numbers...)
}

func (g *generator) focusCondition(b *body, arrives bool) *lhpb.Node {
	flag := g.fresh("f")
	b.vars = append(b.vars, variableDef(flag, lhpb.VariableType_INT, integer(0)))
	// The thread that makes the condition true waits on: at its EXIT the original could not halt it.
	child := g.fresh("waiting-")
	t := g.begin(child)
	first := g.add(t, "EVENT", eventNode(g.names.eventAny()))
	g.add(t, "EVENT", eventNode(g.names.eventAny()))
	g.add(t, "EXIT", exitNode(nil))
	e := t.nodes[first].OutgoingEdges[0]
	e.VariableMutations = append(e.VariableMutations, assign(flag, lhpb.VariableMutationType_ASSIGN, literal(integer(1))))
	g.threads[child] = &lhpb.ThreadSpec{Nodes: t.nodes, VariableDefs: t.vars}
	g.add(b, "START_THREAD", &lhpb.Node{Node: &lhpb.Node_StartThread{StartThread: &lhpb.StartThreadNode{ThreadSpecName: child}}})
	condition := compare(variable(flag), lhpb.Comparator_EQUALS, literal(integer(1)))
	if arrives {
		condition = compare(variable("i"), lhpb.Comparator_LESS_THAN, path(variable("j"), "$.a"))
	}
	return &lhpb.Node{Node: &lhpb.Node_WaitForCondition{WaitForCondition: &lhpb.WaitForConditionNode{
		NodeCondition: &lhpb.WaitForConditionNode_Condition{Condition: condition},
	}}}
}

func (g *generator) focusSleep(c cell, arrives bool) *lhpb.Node {
	s := &lhpb.SleepNode{SleepLength: &lhpb.SleepNode_RawSeconds{RawSeconds: literal(integer(c.seconds()))}}
	if arrives {
		s = pick(g,
			func() *lhpb.SleepNode {
				return &lhpb.SleepNode{SleepLength: &lhpb.SleepNode_RawSeconds{RawSeconds: failing()}}
			},
			func() *lhpb.SleepNode {
				return &lhpb.SleepNode{SleepLength: &lhpb.SleepNode_IsoDate{IsoDate: failing()}}
			},
			func() *lhpb.SleepNode {
				return &lhpb.SleepNode{SleepLength: &lhpb.SleepNode_Timestamp{Timestamp: failing()}}
			},
		)
	} else if c.seconds() == 1 && g.rng.IntN(2) == 0 {
		iso := func(s string) *lhpb.SleepNode {
			return &lhpb.SleepNode{SleepLength: &lhpb.SleepNode_IsoDate{IsoDate: literal(str(s))}}
		}
		raw := func(n int64) *lhpb.SleepNode {
			return &lhpb.SleepNode{SleepLength: &lhpb.SleepNode_RawSeconds{RawSeconds: literal(integer(n))}}
		}
		s = pick(g,
			func() *lhpb.SleepNode { return iso("2024-01-01T00:00:00Z") },
			func() *lhpb.SleepNode { return iso("2024-01-01T00:00:00+02:00") },
			func() *lhpb.SleepNode {
				return &lhpb.SleepNode{SleepLength: &lhpb.SleepNode_Timestamp{Timestamp: literal(integer(1700000000000))}}
			},
			func() *lhpb.SleepNode { return raw(0) },
		)
	}
	return &lhpb.Node{Node: &lhpb.Node_Sleep{Sleep: s}}
}
