package spec

import (
	"slices"

	"littlehorse/lhpb"
)

// Graph is a WfSpec ready to run. It is immutable and shared by goroutines.
type Graph struct {
	Spec    *lhpb.WfSpec
	Threads map[string]*Thread
}

// Thread is a ThreadSpec ready to run.
type Thread struct {
	Name string
	Spec *lhpb.ThreadSpec
	// Entrypoint is the name of the ENTRYPOINT node.
	Entrypoint string
	// Vars are the thread's own variables by name.
	Vars map[string]*lhpb.ThreadVarDef
	// OutputUsed holds the names of the nodes whose output something in the thread refers to.
	OutputUsed map[string]bool
	// Interrupts are the thread's interrupt definitions by the name of their ExternalEventDef; of several the
	// first.
	Interrupts map[string]*lhpb.InterruptDef
}

// Entrypoint is the thread that a run of the WfSpec starts with; nil if the WfSpec names none of its own.
func (g *Graph) Entrypoint() *Thread { return g.Threads[g.Spec.GetEntrypointThreadName()] }

// Node of that name; nil if the thread has none.
func (t *Thread) Node(name string) *lhpb.Node { return t.Spec.GetNodes()[name] }

// Compile makes the graph of a stored WfSpec. It keeps w, which must not be changed any more.
func Compile(w *lhpb.WfSpec) *Graph {
	g := &Graph{Spec: w, Threads: make(map[string]*Thread, len(w.GetThreadSpecs()))}
	for name, t := range w.GetThreadSpecs() {
		g.Threads[name] = compileThread(name, t)
	}
	return g
}

func compileThread(name string, s *lhpb.ThreadSpec) *Thread {
	t := &Thread{
		Name:       name,
		Spec:       s,
		Entrypoint: entrypointOf(s),
		Vars:       make(map[string]*lhpb.ThreadVarDef, len(s.GetVariableDefs())),
		OutputUsed: map[string]bool{},
		Interrupts: make(map[string]*lhpb.InterruptDef, len(s.GetInterruptDefs())),
	}
	for _, v := range s.GetVariableDefs() {
		t.Vars[v.GetVarDef().GetName()] = v
	}
	for _, i := range slices.Backward(s.GetInterruptDefs()) {
		t.Interrupts[i.GetExternalEventDefId().GetName()] = i
	}
	for nodeName, n := range s.GetNodes() {
		t.noteOutputsUsed(nodeName, n)
	}
	return t
}

// entrypointOf prefers the lowest name, so that even an invalid thread compiles to one graph.
func entrypointOf(s *lhpb.ThreadSpec) string {
	found, name := false, ""
	for n, node := range s.GetNodes() {
		if node.GetEntrypoint() != nil && (!found || n < name) {
			found, name = true, n
		}
	}
	return name
}

func (t *Thread) noteOutputsUsed(name string, n *lhpb.Node) {
	walkNode(n, visitor{
		assignment: func(a *lhpb.VariableAssignment) {
			if ref := a.GetNodeOutput(); ref != nil {
				t.OutputUsed[ref.NodeName] = true
			}
		},
		mutation: func(m *lhpb.VariableMutation) {
			if m.GetNodeOutput() != nil {
				t.OutputUsed[name] = true
			}
		},
	})
}
