package spec

import (
	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

// MaxThreadMigrations is how many ThreadSpecs a WorkflowMigrationPlan may name.
const MaxThreadMigrations = 1000

// PlanMigration makes the plan that a request asks for, or refuses it. The request is not changed.
func PlanMigration(defs Defs, req *lhpb.PutWorkflowMigrationPlanRequest) (*lhpb.WorkflowMigrationPlan, *lh.Error) {
	to := &lhpb.WfSpecId{Name: req.OldWfSpec.GetName(), MajorVersion: req.MajorVersion, Revision: req.Revision}
	m := &migration{to: defs.WfSpec(to), from: defs.WfSpec(req.OldWfSpec)}
	switch {
	case m.to == nil:
		return nil, noSuchWfSpec(to)
	case m.from == nil:
		return nil, noSuchWfSpec(req.OldWfSpec)
	case len(req.ThreadMigrations) == 0:
		return nil, lh.Errorf(lh.InvalidArgument, "A WorkflowMigrationPlan must have at least one thread migration")
	case len(req.ThreadMigrations) > MaxThreadMigrations:
		return nil, lh.Errorf(lh.InvalidArgument, "A WorkflowMigrationPlan may have at most %d thread migrations, this one has %d",
			MaxThreadMigrations, len(req.ThreadMigrations))
	}
	m.source, m.toLines = ScopesOf(m.from), linesOf(m.to)
	m.plan = MigrationAsked(req)
	for _, old := range sortedKeys(req.ThreadMigrations) {
		if refusal := m.thread(old, m.plan.ThreadMigrations[old]); refusal != nil {
			return nil, refusal
		}
	}
	return m.plan, nil
}

// MigrationAsked is the plan as the request says it, without what the server finds out.
func MigrationAsked(req *lhpb.PutWorkflowMigrationPlanRequest) *lhpb.WorkflowMigrationPlan {
	plan := &lhpb.WorkflowMigrationPlan{
		WorkflowMigrationPlanId: &lhpb.WorkflowMigrationPlanId{Name: req.Name},
		OldWfSpec:               req.OldWfSpec.CloneVT(),
		MajorVersion:            req.MajorVersion,
		Revision:                req.Revision,
		ThreadMigrations:        make(map[string]*lhpb.ThreadMigrationPlan, len(req.ThreadMigrations)),
	}
	for old, t := range req.ThreadMigrations {
		asked := &lhpb.ThreadMigrationPlan{
			NewThreadName:  t.GetNewThreadName(),
			NodeMigrations: make(map[string]*lhpb.NodeMigrationPlan, len(t.GetNodeMigrations())),
		}
		for node, n := range t.GetNodeMigrations() {
			asked.NodeMigrations[node] = &lhpb.NodeMigrationPlan{NewNodeName: n.GetNewNodeName()}
		}
		plan.ThreadMigrations[old] = asked
	}
	return plan
}

// MigrationTarget is the WfSpec that a plan leads to.
func MigrationTarget(p *lhpb.WorkflowMigrationPlan) *lhpb.WfSpecId {
	return &lhpb.WfSpecId{Name: p.GetOldWfSpec().GetName(), MajorVersion: p.GetMajorVersion(), Revision: p.GetRevision()}
}

func noSuchWfSpec(id *lhpb.WfSpecId) *lh.Error {
	return lh.Errorf(lh.NotFound, "Couldn't find WfSpec %s version %d.%d", id.GetName(), id.GetMajorVersion(), id.GetRevision())
}

// migration is one plan under examination.
type migration struct {
	plan     *lhpb.WorkflowMigrationPlan
	from, to *lhpb.WfSpec
	source   Scopes
	toLines  lines
}

// thread checks what becomes of one ThreadSpec and finds those that must be migrated before it.
func (m *migration) thread(old string, t *lhpb.ThreadMigrationPlan) *lh.Error {
	from, to := m.from.ThreadSpecs[old], m.to.ThreadSpecs[t.NewThreadName]
	switch {
	case from == nil:
		return lh.Errorf(lh.InvalidArgument, "Thread %s does not exist in the source WfSpec", old)
	case to == nil:
		return lh.Errorf(lh.InvalidArgument, "Thread %s does not exist in the destination WfSpec", t.NewThreadName)
	case (old == m.from.EntrypointThreadName) != (t.NewThreadName == m.to.EntrypointThreadName):
		return lh.Errorf(lh.InvalidArgument, "Thread %s cannot be migrated to %s: an entrypoint thread goes to the entrypoint thread, and no other does",
			old, t.NewThreadName)
	}
	for _, node := range sortedKeys(t.NodeMigrations) {
		if refusal := mayMigrate(from, old, node, "source"); refusal != nil {
			return refusal
		}
		if refusal := mayMigrate(to, t.NewThreadName, t.NodeMigrations[node].NewNodeName, "destination"); refusal != nil {
			return refusal
		}
	}
	var refusal *lh.Error
	t.ThreadSpecDependencies, refusal = m.dependencies(old, t.NewThreadName)
	return refusal
}

// mayMigrate refuses nodes at which no migration can start or end.
func mayMigrate(t *lhpb.ThreadSpec, thread, name, side string) *lh.Error {
	switch n := t.Nodes[name]; {
	case n == nil:
		return lh.Errorf(lh.InvalidArgument, "Node %s does not exist in thread %s of the %s WfSpec", name, thread, side)
	case n.GetEntrypoint() != nil, n.GetExit() != nil, n.GetNop() != nil:
		return lh.Errorf(lh.InvalidArgument, "Node %s in thread %s of the %s WfSpec is an ENTRYPOINT, EXIT or NOP: it cannot be migrated from or to",
			name, thread, side)
	}
	return nil
}

// dependencies are the threads of the destination, sorted, whose variables the new thread uses and the old
// one could not see.
func (m *migration) dependencies(old, name string) ([]string, *lh.Error) {
	known := m.source.Variables(old)
	own := declaredBy(m.to.ThreadSpecs[name])
	found := map[string]bool{}
	for _, v := range variablesUsed(m.to.ThreadSpecs[name]) {
		if known[v] != nil || own[v] {
			continue
		}
		owner := m.owner(name, v)
		switch {
		case owner == "":
			return nil, lh.Errorf(lh.NotFound, "Variable %s, which thread %s uses, is declared by no thread of the destination WfSpec", v, name)
		case !m.leadsTo(owner):
			return nil, lh.Errorf(lh.FailedPrecondition, "Thread %s uses variable %s of thread %s: no thread is migrated to that one", name, v, owner)
		}
		found[owner] = true
	}
	return sortedKeys(found), nil
}

// owner is the thread of the destination that declares a variable, one above the thread that uses it if there
// is such; empty if none does.
func (m *migration) owner(user, variable string) string {
	above, other := m.toLines.above(user), ""
	for _, name := range sortedKeys(m.to.ThreadSpecs) {
		if !declaredBy(m.to.ThreadSpecs[name])[variable] {
			continue
		}
		if above[name] {
			return name
		}
		if other == "" {
			other = name
		}
	}
	return other
}

// leadsTo reports whether the plan migrates a thread to the one of that name.
func (m *migration) leadsTo(name string) bool {
	for _, t := range m.plan.ThreadMigrations {
		if t.NewThreadName == name {
			return true
		}
	}
	return false
}

// lines say for each thread which ones start it: as a child, or as a handler.
type lines map[string][]string

func linesOf(w *lhpb.WfSpec) lines {
	out := lines{}
	for _, name := range sortedKeys(w.ThreadSpecs) {
		for _, started := range startedBy(w.ThreadSpecs[name]) {
			out[started] = append(out[started], name)
		}
	}
	return out
}

func startedBy(t *lhpb.ThreadSpec) []string {
	found := map[string]bool{}
	handlers := func(list []*lhpb.FailureHandlerDef) {
		for _, h := range list {
			found[h.GetHandlerSpecName()] = true
		}
	}
	for _, n := range t.Nodes {
		found[n.GetStartThread().GetThreadSpecName()] = true
		found[n.GetStartMultipleThreads().GetThreadSpecName()] = true
		handlers(n.GetFailureHandlers())
		handlers(n.GetWaitForThreads().GetPerThreadFailureHandlers())
	}
	for _, i := range t.InterruptDefs {
		found[i.GetHandlerSpecName()] = true
	}
	delete(found, "")
	return sortedKeys(found)
}

// above are the thread itself and all that may run above it.
func (l lines) above(name string) map[string]bool {
	seen := map[string]bool{name: true}
	for open := []string{name}; len(open) > 0; {
		last := open[len(open)-1]
		open = open[:len(open)-1]
		for _, starter := range l[last] {
			if !seen[starter] {
				seen[starter] = true
				open = append(open, starter)
			}
		}
	}
	return seen
}

// Scopes say which variables the threads of a WfSpec may see.
type Scopes struct {
	spec  *lhpb.WfSpec
	lines lines
}

// ScopesOf are those of the WfSpec.
func ScopesOf(w *lhpb.WfSpec) Scopes { return Scopes{w, linesOf(w)} }

// Variables that a thread may see: its own, and those of threads that may run above it. Of several of one name
// it is its own, else that of the first thread by name.
func (s Scopes) Variables(thread string) map[string]*lhpb.ThreadVarDef {
	out := map[string]*lhpb.ThreadVarDef{}
	for _, name := range append([]string{thread}, sortedKeys(s.lines.above(thread))...) {
		for _, v := range s.spec.ThreadSpecs[name].GetVariableDefs() {
			if out[v.GetVarDef().GetName()] == nil {
				out[v.GetVarDef().GetName()] = v
			}
		}
	}
	return out
}

func declaredBy(t *lhpb.ThreadSpec) map[string]bool {
	out := make(map[string]bool, len(t.GetVariableDefs()))
	for _, v := range t.GetVariableDefs() {
		out[v.GetVarDef().GetName()] = true
	}
	return out
}

// variablesUsed are the variables that the nodes and edges of a thread read or change, sorted.
func variablesUsed(t *lhpb.ThreadSpec) []string {
	found := map[string]bool{}
	v := visitor{
		assignment: func(a *lhpb.VariableAssignment) {
			if s, ok := a.GetSource().(*lhpb.VariableAssignment_VariableName); ok {
				found[s.VariableName] = true
			}
		},
		mutation: func(m *lhpb.VariableMutation) { found[m.GetLhsName()] = true },
	}
	for _, n := range t.Nodes {
		walkNode(n, v)
	}
	return sortedKeys(found)
}

// LiteralsIn calls yield with every literal in an assignment, outermost first.
func LiteralsIn(a *lhpb.VariableAssignment, yield func(*lhpb.VariableValue)) {
	visitor{assignment: func(a *lhpb.VariableAssignment) {
		if s, ok := a.GetSource().(*lhpb.VariableAssignment_LiteralValue); ok {
			yield(s.LiteralValue)
		}
	}}.assign(a)
}

// NormalMigrationVars are the values given for a migration in the form in which a WfSpec would have them.
func NormalMigrationVars(given map[string]*lhpb.MigrationVars) map[string]*lhpb.MigrationVars {
	out := make(map[string]*lhpb.MigrationVars, len(given))
	for thread, vars := range given {
		out[thread] = vars.CloneVT()
		for _, a := range out[thread].GetVarAssignmentByVarName() {
			visitor{assignment: normalizeAssignment}.assign(a)
		}
	}
	return out
}
