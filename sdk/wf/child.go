package wf

import (
	"fmt"

	"littlehorse/lhpb"
)

// Waitable is a started thread, or all those that ForEach started.
type Waitable interface {
	waitable() (number *operand, all bool)
}

// SpawnedThread is a child thread that runs beside its parent. Its value is the number of the ThreadRun.
type SpawnedThread struct {
	*Var[int64]
	FailureHandlers[*SpawnedThread]
}

func (s *SpawnedThread) waitable() (*operand, bool) { return s.operand(), false }

// SpawnedThreads are the children of one ForEach. The value is the JSON array of their numbers.
type SpawnedThreads struct {
	*Var[[]int64]
	FailureHandlers[*SpawnedThreads]
}

func (s *SpawnedThreads) waitable() (*operand, bool) { return s.operand(), true }

// Spawn starts a child thread with the given variables. Whoever spawns must wait: a thread that completes while its
// children run waits for them, and fails with them.
func (t *Thread) Spawn(name string, body func(*Thread), in ...In) *SpawnedThread {
	child := t.b.thread(name, t, body)
	spec := &lhpb.StartThreadNode{ThreadSpecName: child.name, Variables: t.inputs(child.name, in)}
	kind := "START_THREAD"
	if t.b.workflow.namesLikeGo {
		kind = "SPAWN_THREAD"
	}
	n := t.add(name, kind, &lhpb.Node{Node: &lhpb.Node_StartThread{StartThread: spec}})
	out := &SpawnedThread{Var: keepOutput[int64](t, n)}
	out.attach(out, n)
	return out
}

// ForEach starts a child thread for each item of a list; the child finds the item in its second parameter.
func ForEach[T any](t *Thread, list Arg[[]T], name string, body func(child *Thread, item *Var[T]), in ...In) *SpawnedThreads {
	child := t.b.thread(name, t, func(c *Thread) { body(c, Input[T](c)) })
	spec := &lhpb.StartMultipleThreadsNode{ThreadSpecName: child.name, Variables: t.inputs(child.name, in)}
	spec.Iterable = t.assign(list).pb
	n := t.add(name, "START_MULTIPLE_THREADS", &lhpb.Node{Node: &lhpb.Node_StartMultipleThreads{StartMultipleThreads: spec}})
	out := &SpawnedThreads{Var: keepOutput[[]int64](t, n)}
	out.attach(out, n)
	return out
}

// keepOutput stores the output of a node in a variable of the node's own name.
func keepOutput[T any](t *Thread, n *node) *Var[T] {
	v := Declare[T](t, n.name)
	if n.incoming > 0 {
		v.Set(outputOf[T](n))
	}
	return v
}

func (t *Thread) inputs(thread string, in []In) map[string]*lhpb.VariableAssignment {
	given := map[string]*operand{}
	variables := map[string]*lhpb.VariableAssignment{}
	for _, set := range in {
		for _, name := range sortedNames(set) {
			given[name] = t.assign(set[name])
			variables[name] = given[name].pb
		}
	}
	if thread != "" {
		t.b.spawns = append(t.b.spawns, spawn{at: here(), thread: thread, inputs: given})
	}
	return variables
}

// WaitThreadsNode waits for child threads. Its own failure handlers catch what is left of the children's failures.
type WaitThreadsNode struct {
	FailureHandlers[*WaitThreadsNode]
	wait *lhpb.WaitForThreadsNode
}

// WaitAll waits until all the children have completed, and fails as soon as one fails.
func (t *Thread) WaitAll(children ...Waitable) *WaitThreadsNode {
	return t.waitFor(lhpb.WaitForThreadsStrategy_WAIT_FOR_ALL, children)
}

// WaitFirst waits until one of the children has ended, well or not, and halts the others.
func (t *Thread) WaitFirst(children ...Waitable) *WaitThreadsNode {
	return t.waitFor(lhpb.WaitForThreadsStrategy_WAIT_FOR_FIRST, children)
}

// WaitAny waits until one of the children has completed, and halts the others.
func (t *Thread) WaitAny(children ...Waitable) *WaitThreadsNode {
	return t.waitFor(lhpb.WaitForThreadsStrategy_WAIT_FOR_ANY, children)
}

func (t *Thread) waitFor(strategy lhpb.WaitForThreadsStrategy, children []Waitable) *WaitThreadsNode {
	spec := &lhpb.WaitForThreadsNode{Strategy: strategy}
	t.threadsToWaitFor(spec, children)
	out := &WaitThreadsNode{wait: spec}
	out.attach(out, t.add("threads", "WAIT_FOR_THREADS", &lhpb.Node{Node: &lhpb.Node_WaitForThreads{WaitForThreads: spec}}))
	return out
}

func (t *Thread) threadsToWaitFor(spec *lhpb.WaitForThreadsNode, children []Waitable) {
	threads := &lhpb.WaitForThreadsNode_ThreadsToWaitFor{}
	for _, child := range children {
		number, all := child.waitable()
		pb := t.assign(number.expr()).pb
		if !all {
			threads.Threads = append(threads.Threads, &lhpb.WaitForThreadsNode_ThreadToWaitFor{ThreadRunNumber: pb})
			continue
		}
		if len(children) > 1 {
			t.b.fail("the threads of a ForEach are waited for alone, by one call of their own")
		}
		spec.ThreadsToWaitFor = &lhpb.WaitForThreadsNode_ThreadList{ThreadList: pb}
		return
	}
	if len(threads.Threads) == 0 {
		t.b.fail("there is no thread to wait for")
	}
	spec.ThreadsToWaitFor = &lhpb.WaitForThreadsNode_Threads{Threads: threads}
}

func (o *operand) expr() Expr { return Value[any]{o} }

// OnChildException handles the business exception of that name in each child that fails with it.
func (n *WaitThreadsNode) OnChildException(name string, handler func(*Thread)) *WaitThreadsNode {
	if !validFailureName(name) {
		n.node.thread.b.fail("exception name %q: use letters, digits and inner hyphens, and none of the technical error names", name)
	}
	return n.onChild("exn-handler", "-"+name, specific(name), handler)
}

// OnAnyChildException handles every business exception of a child.
func (n *WaitThreadsNode) OnAnyChildException(handler func(*Thread)) *WaitThreadsNode {
	return n.onChild("exn-handler", "", anyOf(lhpb.FailureHandlerDef_FAILURE_TYPE_EXCEPTION), handler)
}

// OnChildError handles one kind of technical error of a child.
func (n *WaitThreadsNode) OnChildError(kind ErrorType, handler func(*Thread)) *WaitThreadsNode {
	return n.onChild("error-handler", "-"+kind.String(), specific(kind.String()), handler)
}

// OnAnyChildError handles every technical error of a child.
func (n *WaitThreadsNode) OnAnyChildError(handler func(*Thread)) *WaitThreadsNode {
	return n.onChild("error-handler", "", anyOf(lhpb.FailureHandlerDef_FAILURE_TYPE_ERROR), handler)
}

// OnChildFailure handles every failure of a child.
func (n *WaitThreadsNode) OnChildFailure(handler func(*Thread)) *WaitThreadsNode {
	return n.onChild("failure-handler", "-ANY_FAILURE", &lhpb.FailureHandlerDef{}, handler)
}

func (n *WaitThreadsNode) onChild(prefix, suffix string, def *lhpb.FailureHandlerDef, handler func(*Thread)) *WaitThreadsNode {
	t := n.node.thread
	def.HandlerSpecName = t.b.thread(fmt.Sprintf("%s-%s%s", prefix, n.node.name, suffix), t, handler).name
	n.wait.PerThreadFailureHandlers = append(n.wait.PerThreadFailureHandlers, def)
	return n
}

// ChildWf is a child WfRun that was started. Its value is the WfRun's id.
type ChildWf struct {
	Value[any]
	FailureHandlers[*ChildWf]
	run *lhpb.RunChildWfNode
}

// RunChild starts a run of another WfSpec as a child of this one: of its newest version, by a name or by an Expr that
// gives one.
func (t *Thread) RunChild(wfSpec any, in ...In) *ChildWf {
	spec := &lhpb.RunChildWfNode{MajorVersion: -1, Inputs: t.inputs("", in)}
	name := "child-wf"
	if s, ok := wfSpec.(string); ok {
		name = s
		spec.WfSpec = &lhpb.RunChildWfNode_WfSpecName{WfSpecName: s}
	} else {
		o := t.assignAs(wfSpec, primitive(lhpb.VariableType_STR), "RunChild")
		spec.WfSpec = &lhpb.RunChildWfNode_WfSpecVar{WfSpecVar: o.pb}
	}
	n := t.add("run-"+name, "RUN_CHILD_WF", &lhpb.Node{Node: &lhpb.Node_RunChildWf{RunChildWf: spec}})
	out := &ChildWf{Value: outputOf[any](n), run: spec}
	out.attach(out, n)
	return out
}

// MajorVersion starts the newest revision of one major version.
func (c *ChildWf) MajorVersion(major int32) *ChildWf {
	c.run.MajorVersion = major
	return c
}

// ID chooses the id of the child WfRun.
func (c *ChildWf) ID(id any) *ChildWf {
	c.run.ChildId = c.node.thread.assignAs(id, primitive(lhpb.VariableType_STR), "ID").pb
	return c
}

// ChildResult waits for a child WfRun. It is also what the child's entrypoint thread completed with.
type ChildResult[T any] struct {
	Value[T]
	FailureHandlers[*ChildResult[T]]
}

// WaitChild waits for a child WfRun to complete, and fails with it.
func WaitChild[T any](t *Thread, child *ChildWf) *ChildResult[T] {
	n := t.add("wait", "WAIT_FOR_CHILD_WF", &lhpb.Node{Node: &lhpb.Node_WaitForChildWf{
		WaitForChildWf: &lhpb.WaitForChildWfNode{
			ChildWfRunId: t.assign(child).pb, ChildWfRunSourceNode: child.node.name,
		},
	}})
	out := &ChildResult[T]{Value: outputOf[T](n)}
	out.attach(out, n)
	return out
}
