package spec

import (
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// InputVariable is the reserved name of what a handler thread, or a thread started for an item of a list,
// is given. Every thread may declare its own.
const InputVariable = "INPUT"

// check is one WfSpec under examination. It pins versions in the WfSpec as it goes.
type check struct {
	defs Defs
	spec *lhpb.WfSpec
	// threads by name, and their names in order: whatever is told of several things is told of the first.
	threads map[string]*thread
	names   []string
	// vars are the variables of all threads by name; of several INPUTs the first.
	vars map[string]*variable
	// awaited are the ExternalEventDefs that EXTERNAL_EVENT nodes wait for.
	awaited map[string]bool
	// interrupting says which thread an ExternalEventDef interrupts.
	interrupting map[string]string
	parent       *parent
	structs      map[structKey]*structDef
	children     map[childKey]*childThread
}

// thread is one ThreadSpec of the WfSpec.
type thread struct {
	*check
	name   string
	spec   *lhpb.ThreadSpec
	sorted []node
	signature
}

// node is one node of a thread.
type node struct {
	*thread
	name string
	spec *lhpb.Node
}

// variable is a declared variable and the thread that declares it.
type variable struct {
	thread string
	def    *lhpb.ThreadVarDef
}

func (v *variable) typ() value.Type { return value.Declared(v.def.GetVarDef().GetTypeDef()) }

// signature is what starting a thread asks for.
type signature struct {
	thread string
	vars   map[string]*lhpb.ThreadVarDef
	// required variables in the order of their declaration.
	required []string
}

func newCheck(defs Defs, w *lhpb.WfSpec) *check {
	c := &check{
		defs:         defs,
		spec:         w,
		threads:      make(map[string]*thread, len(w.GetThreadSpecs())),
		names:        sortedKeys(w.GetThreadSpecs()),
		vars:         map[string]*variable{},
		awaited:      map[string]bool{},
		interrupting: map[string]string{},
		structs:      map[structKey]*structDef{},
		children:     map[childKey]*childThread{},
	}
	for _, name := range c.names {
		t := w.ThreadSpecs[name]
		c.threads[name] = &thread{check: c, name: name, spec: t, signature: signatureOf(name, t)}
		for _, v := range t.GetVariableDefs() {
			if c.vars[v.GetVarDef().GetName()] == nil {
				c.vars[v.GetVarDef().GetName()] = &variable{thread: name, def: v}
			}
		}
		for _, n := range t.GetNodes() {
			if e := n.GetExternalEvent(); e != nil {
				c.awaited[e.GetExternalEventDefId().GetName()] = true
			}
		}
	}
	return c
}

func signatureOf(name string, t *lhpb.ThreadSpec) signature {
	s := signature{thread: name, vars: make(map[string]*lhpb.ThreadVarDef, len(t.GetVariableDefs()))}
	for _, v := range t.GetVariableDefs() {
		s.vars[v.GetVarDef().GetName()] = v
		if v.GetRequired() {
			s.required = append(s.required, v.GetVarDef().GetName())
		}
	}
	return s
}

// variable is what the name means in the thread: its own variable, else that of any thread.
func (t *thread) variable(name string) *variable {
	if own := t.signature.vars[name]; own != nil {
		return &variable{thread: t.name, def: own}
	}
	return t.check.vars[name]
}

// nodes in order of their names.
func (t *thread) nodes() []node {
	if t.sorted == nil {
		for _, name := range sortedKeys(t.spec.GetNodes()) {
			t.sorted = append(t.sorted, node{thread: t, name: name, spec: t.spec.Nodes[name]})
		}
	}
	return t.sorted
}
