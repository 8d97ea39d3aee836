package wf

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// Thread is one ThreadSpec while its function describes it. It is valid only inside that function.
type Thread struct {
	b      *builder
	name   string
	parent *Thread
	body   func(*Thread)
	spec   *lhpb.ThreadSpec
	done   bool

	count int   // nodes named so far
	last  *node // where the next edge starts; nil behind Fail and Complete
	next  *lhpb.Edge
	dead  bool // the code behind the end has been reported

	exits []exit
}

// node is a node of the graph and where it belongs.
type node struct {
	thread   *Thread
	name     string
	spec     *lhpb.Node
	incoming int
}

// exit remembers what a thread returns where.
type exit struct {
	at       position
	hasValue bool
}

// Name is the name of the ThreadSpec.
func (t *Thread) Name() string { return t.name }

func (t *Thread) compile() {
	t.last = t.newNode("entrypoint", "ENTRYPOINT", &lhpb.Node{Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}})
	if t.body != nil {
		t.body(t)
	}
	if t.last != nil {
		t.end("exit", &lhpb.ExitNode{})
		t.exits = append(t.exits, exit{})
	}
	t.done = true
	t.checkExits()
}

// checkExits finds threads that return a value on one way and none on another; the server refuses them.
func (t *Thread) checkExits() {
	for _, e := range t.exits {
		if e.hasValue == t.exits[0].hasValue {
			continue
		}
		at := e.at
		if at.file == "" {
			at = t.exits[0].at
		}
		t.b.failAt(at, "thread %q completes with a value on one path and without on another", t.name)
		return
	}
}

// newNode names a node without linking it.
func (t *Thread) newNode(name, kind string, spec *lhpb.Node) *node {
	n := &node{thread: t, name: fmt.Sprintf("%d-%s-%s", t.count, name, kind), spec: spec}
	t.count++
	t.spec.Nodes[n.name] = spec
	return n
}

// add puts a node behind the last one. A node that cannot be reached is reported and stays outside the graph, so that
// the calls chained to it have something to work on.
func (t *Thread) add(name, kind string, spec *lhpb.Node) *node {
	if !t.open() {
		return &node{thread: t, name: name, spec: spec}
	}
	n := t.newNode(name, kind, spec)
	t.join(n)
	t.last = n
	return n
}

// open reports whether the thread can take more, and says so if not.
func (t *Thread) open() bool {
	if t.done {
		t.b.fail("thread %q has already been described: use the *wf.Thread that this function was given", t.name)
		return false
	}
	if t.b.active != t {
		t.b.fail("thread %q is used while %q is being described", t.name, t.b.active.name)
		return false
	}
	if t.last != nil {
		return true
	}
	if !t.dead {
		t.b.fail("this is never reached: all ways to it end in Fail or Complete")
		t.dead = true
	}
	return false
}

// join draws the edge that is being built from the last node to another, if there is a last node.
func (t *Thread) join(to *node) {
	if t.last == nil {
		return
	}
	t.link(t.last, to, t.takeEdge())
}

func (t *Thread) takeEdge() *lhpb.Edge {
	edge := t.next
	t.next = &lhpb.Edge{}
	return edge
}

// resume goes on behind a node.
func (t *Thread) resume(n *node) {
	t.last = n
	t.dead = false
}

func (t *Thread) link(from, to *node, edge *lhpb.Edge) {
	edge.SinkNodeName = to.name
	from.spec.OutgoingEdges = append(from.spec.OutgoingEdges, edge)
	to.incoming++
}

func (t *Thread) unlinkLast(from, to *node) {
	from.spec.OutgoingEdges = from.spec.OutgoingEdges[:len(from.spec.OutgoingEdges)-1]
	to.incoming--
}

func conditionalEdge(condition *lhpb.VariableAssignment) *lhpb.Edge {
	if condition == nil {
		return &lhpb.Edge{}
	}
	return &lhpb.Edge{EdgeCondition: &lhpb.Edge_Condition{Condition: proto.CloneOf(condition)}}
}

func (t *Thread) mutate(m *lhpb.VariableMutation) {
	t.next.VariableMutations = append(t.next.VariableMutations, m)
}

// end puts an EXIT node behind the last one.
func (t *Thread) end(name string, spec *lhpb.ExitNode) {
	t.add(name, "EXIT", &lhpb.Node{Node: &lhpb.Node_Exit{Exit: spec}})
	t.last = nil
}

// assign turns an operand of any kind into an assignment this thread may use; mistakes are reported.
func (t *Thread) assign(x any) *operand {
	o := operandOf(x)
	if o.err != nil {
		t.b.fail("%v", o.err)
		return &operand{pb: &lhpb.VariableAssignment{}}
	}
	o = combine(proto.CloneOf(o.pb), o.typ, o)
	for _, v := range o.vars {
		t.checkScope(v)
	}
	for _, n := range o.nodes {
		if n.thread != t {
			t.b.fail("the output of node %s belongs to thread %q: store it in a variable to use it here", n.name, n.thread.name)
		}
	}
	return o
}

func (t *Thread) checkScope(v *variable) {
	for scope := t; scope != nil; scope = scope.parent {
		if scope == v.thread {
			return
		}
	}
	t.b.fail("variable %q belongs to thread %q, which thread %q cannot see", v.def.VarDef.Name, v.thread.name, t.name)
}

// assignAs is assign for a place that wants a certain type.
func (t *Thread) assignAs(x any, want *lhpb.TypeDefinition, place string) *operand {
	o := t.assign(x)
	if !assignable(o.typ, want) {
		t.b.fail("%s wants %s, not %s", place, typeText(want), typeText(o.typ))
	}
	return o
}

// Fail ends the thread with a business failure that handlers of the parent, or of the spawning thread, may catch by
// name. Names consist of letters, digits and inner hyphens; those of technical errors are reserved.
func (t *Thread) Fail(name, message string, content ...any) {
	if !validFailureName(name) {
		t.b.fail("failure name %q: use letters, digits and inner hyphens, and none of the technical error names", name)
	}
	def := &lhpb.FailureDef{FailureName: name, Message: message}
	if len(content) > 1 {
		t.b.fail("Fail takes one content, not %d", len(content))
	}
	if len(content) > 0 {
		def.Content = t.assign(content[0]).pb
	}
	t.end(name, &lhpb.ExitNode{Result: &lhpb.ExitNode_FailureDef{FailureDef: def}})
}

// Complete ends the thread, with a result if one is given.
func (t *Thread) Complete(result ...any) {
	spec := &lhpb.ExitNode{}
	if len(result) > 1 {
		t.b.fail("Complete takes one result, not %d", len(result))
	}
	if len(result) > 0 {
		spec.Result = &lhpb.ExitNode_ReturnContent{ReturnContent: t.assign(result[0]).pb}
	}
	t.end("complete", spec)
	t.exits = append(t.exits, exit{at: here(), hasValue: len(result) > 0})
}

// Sleep waits for a positive time, in whole seconds, rounded up.
func (t *Thread) Sleep(d time.Duration) {
	if d <= 0 {
		t.b.fail("Sleep wants a positive duration, not %v", d)
	}
	t.SleepFor(Lit(seconds(d)))
}

// SleepFor waits for a number of seconds that is known at run time.
func (t *Thread) SleepFor(seconds Arg[int64]) {
	o := t.assignAs(seconds, primitive(lhpb.VariableType_INT), "SleepFor")
	t.sleep(&lhpb.SleepNode{SleepLength: &lhpb.SleepNode_RawSeconds{RawSeconds: o.pb}})
}

// SleepUntil waits for a moment that is known at run time.
func (t *Thread) SleepUntil(moment Arg[time.Time]) {
	o := t.assignAs(moment, primitive(lhpb.VariableType_TIMESTAMP), "SleepUntil")
	t.sleep(&lhpb.SleepNode{SleepLength: &lhpb.SleepNode_Timestamp{Timestamp: o.pb}})
}

func (t *Thread) sleep(spec *lhpb.SleepNode) {
	t.add("sleep", "SLEEP", &lhpb.Node{Node: &lhpb.Node_Sleep{Sleep: spec}})
}

// Retention deletes the ThreadRun's record that long after it ended. Whole seconds, rounded up.
func (t *Thread) Retention(d time.Duration) {
	if d < 0 {
		t.b.fail("Retention must not be negative: %v", d)
	}
	t.spec.RetentionPolicy = threadRetention(d)
}

func threadRetention(d time.Duration) *lhpb.ThreadRetentionPolicy {
	return &lhpb.ThreadRetentionPolicy{
		ThreadGcPolicy: &lhpb.ThreadRetentionPolicy_SecondsAfterThreadTermination{SecondsAfterThreadTermination: seconds(d)},
	}
}

func validFailureName(name string) bool {
	_, reserved := lhpb.LHErrorType_value[strings.ToUpper(name)]
	if reserved && name == strings.ToUpper(name) {
		return false
	}
	return validName(name)
}
