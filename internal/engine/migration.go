package engine

import (
	"iter"
	"slices"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/spec"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// applyWorkflowMigrationPlan begins the migration of a WfRun and takes it as far as it goes at once.
func (t *txn) applyWorkflowMigrationPlan(r *lhpb.ApplyWorkflowMigrationPlanRequest) machine.Reply {
	w := t.wfRun(r.GetWfRunId())
	name := r.GetId().GetName()
	switch {
	case w == nil:
		return refusef(lh.NotFound, "Couldn't find specified WfRun")
	case w.graph == nil:
		return refuse(w.specGone())
	case w.terminated():
		return refusef(lh.FailedPrecondition, "WfRun %s is %s: it cannot be migrated any more", w.name, w.wf().Status)
	case w.wf().WorkflowMigrationPlanId != nil:
		return refusef(lh.FailedPrecondition, "A migration of WfRun %s by WorkflowMigrationPlan %s is in progress",
			w.name, w.wf().WorkflowMigrationPlanId.Name)
	}
	plan := t.specs.WorkflowMigrationPlan(name)
	if plan == nil {
		return refusef(lh.NotFound, "Couldn't find WorkflowMigrationPlan %s", name)
	}
	to := t.specs.WfSpec(spec.MigrationTarget(plan))
	if to == nil {
		return refusef(lh.FailedPrecondition, "The WfSpec that WorkflowMigrationPlan %s leads to was deleted", name)
	}
	if err := t.checkMigrationVars(plan, to, r.MigrationVarsByThread); err != nil {
		return refuse(err)
	}
	wf := w.edit()
	wf.WorkflowMigrationPlanId = plan.WorkflowMigrationPlanId
	wf.MigrationVariables = spec.NormalMigrationVars(r.MigrationVarsByThread)
	w.row.now.Unmigrated = 0
	w.seeAll()
	w.advance()
	return w.answer()
}

// checkMigrationVars refuses values for what no migrated ThreadRun will see.
func (t *txn) checkMigrationVars(p *lhpb.WorkflowMigrationPlan, to *spec.Graph, vars map[string]*lhpb.MigrationVars) *lh.Error {
	size, scopes := 0, spec.ScopesOf(to.Spec)
	for _, thread := range sortedKeys(vars) {
		if !leadsTo(p, thread) {
			return lh.Errorf(lh.InvalidArgument, "Migration variables are given for thread %s, which WorkflowMigrationPlan %s does not lead to",
				thread, p.WorkflowMigrationPlanId.Name)
		}
		given, declared := vars[thread].GetVarAssignmentByVarName(), scopes.Variables(thread)
		for _, name := range sortedKeys(given) {
			if declared[name] == nil {
				return lh.Errorf(lh.InvalidArgument, "Migration variable %s is not in scope of thread %s", name, thread)
			}
			if err := t.checkMigrationVar(given[name], declared[name]); err != nil {
				return lh.Errorf(lh.InvalidArgument, "Migration variable %s of thread %s is invalid: %s", name, thread, err)
			}
		}
		size += vars[thread].SizeVT()
	}
	if most := t.valueLimit() / 2; size > most {
		return lh.Errorf(lh.ResourceExhausted, "The migration variables have %d bytes: they may have %d", size, most)
	}
	return nil
}

func leadsTo(p *lhpb.WorkflowMigrationPlan, thread string) bool {
	for _, t := range p.ThreadMigrations {
		if t.NewThreadName == thread {
			return true
		}
	}
	return false
}

func (t *txn) checkMigrationVar(a *lhpb.VariableAssignment, def *lhpb.ThreadVarDef) (err error) {
	spec.LiteralsIn(a, func(v *lhpb.VariableValue) {
		if err == nil {
			_, err = value.ValidateUntyped(v)
		}
	})
	if literal := a.GetLiteralValue(); err == nil && literal != nil {
		_, err = value.Validate(value.VarType(def.VarDef), literal, t.specs)
	}
	return err
}

// migration is what a plan in progress says of one WfRun.
type migration struct {
	plan *lhpb.WorkflowMigrationPlan
	to   *spec.Graph
}

// migration in progress; nil if there is none. One whose plan or destination was deleted is over.
func (w *wfRun) migration() *migration {
	id := w.wf().WorkflowMigrationPlanId
	if id == nil {
		return nil
	}
	plan := w.tx.specs.WorkflowMigrationPlan(id.Name)
	if plan == nil {
		return nil
	}
	to := w.tx.specs.WfSpec(spec.MigrationTarget(plan))
	if to == nil {
		return nil
	}
	return &migration{plan, to}
}

// migrates reports whether ThreadRuns of the WfRun were migrated, or may be.
func (w *wfRun) migrates() bool { return w.row.now.Migrated || w.wf().WorkflowMigrationPlanId != nil }

// followMigration notes which ThreadRuns are left to be migrated, and ends the migration when none is.
func (w *wfRun) followMigration() {
	if w.wf().WorkflowMigrationPlanId == nil {
		return
	}
	if m := w.migration(); m != nil {
		for t := range w.glanceFrom(w.row.now.Unmigrated) {
			found := !terminal(t.Status) && m.leadsFrom(t)
			if found || !w.mayGlance() {
				w.leftToMigrate(t.Number)
				w.glancesOn = !found
				w.goesOnLater = w.goesOnLater || !found
				return
			}
		}
	}
	w.glancesOn = false
	wf := w.edit()
	wf.WorkflowMigrationPlanId = nil
	wf.MigrationVariables = nil
	w.row.now.Unmigrated = 0
}

// leftToMigrate notes the lowest number of the ThreadRuns that are left to be migrated.
func (w *wfRun) leftToMigrate(n int32) {
	if w.row.now.Unmigrated != n {
		w.edit()
		w.row.now.Unmigrated = n
	}
}

// mayGlance reports whether the record may see whether one ThreadRun more is left to be migrated.
func (w *wfRun) mayGlance() bool {
	w.glanced++
	return w.glanced <= looksPerMove*w.tx.engine.config.FanOutChunk
}

// glanceFrom are the active ThreadRuns that are not below that number, ascending, as they are now. To be glanced at is no reason
// for a ThreadRun to be looked at.
func (w *wfRun) glanceFrom(n int32) iter.Seq[*lhpb.ThreadRun] {
	return func(yield func(*lhpb.ThreadRun) bool) {
		end := w.keys.Kind(keys.KindThreadRun).End()
		for _, t := range machine.Scan[lhpb.ThreadRun](w.tx.view, w.keys.ThreadRun(n), end, maxWatches) {
			n = t.Number + 1
			if i, loaded := slices.BinarySearchFunc(w.loaded, t.Number, byNumber); loaded {
				t = w.loaded[i].get()
			}
			if !slices.Contains(w.gone, n-1) && !yield(t) {
				return
			}
		}
		for _, t := range w.loaded {
			if t.number >= n && !yield(t.get()) {
				return
			}
		}
	}
}

// leadsFrom reports whether the ThreadRun runs under the WfSpec that the migration leads away from.
func (m *migration) leadsFrom(t *lhpb.ThreadRun) bool {
	return sameWfSpec(t.WfSpecId, m.plan.OldWfSpec)
}

// step of a migration: where a ThreadRun goes on, and as what.
type migrationStep struct {
	to     *spec.Graph
	thread *spec.Thread
	node   string
	// awaited says that other ThreadSpecs cannot be migrated before this one.
	awaited bool
}

// migrationAt is where the ThreadRun goes on instead of the node; nil if it is not to be migrated there, or not yet.
func (t *threadRun) migrationAt(node string) *migrationStep {
	m := t.run.migration()
	if m == nil || !m.leadsFrom(t.get()) {
		return nil
	}
	plan := m.plan.ThreadMigrations[t.get().ThreadSpecName]
	at := plan.GetNodeMigrations()[node]
	if at == nil || !t.isBelowAll(plan.ThreadSpecDependencies, m) {
		return nil
	}
	return &migrationStep{to: m.to, thread: m.to.Threads[plan.NewThreadName], node: at.NewNodeName, awaited: m.awaits(plan.NewThreadName)}
}

// isBelowAll reports whether the ThreadRun stands below migrated ones of all these ThreadSpecs.
func (t *threadRun) isBelowAll(names []string, m *migration) bool {
	for _, name := range names {
		a := t.parent()
		for a != nil && (a.get().ThreadSpecName != name || !sameWfSpec(a.get().WfSpecId, m.to.Spec.Id)) {
			a = a.parent()
		}
		if a == nil {
			return false
		}
	}
	return true
}

// awaits reports whether ThreadSpecs cannot be migrated before the one of that name.
func (m *migration) awaits(name string) bool {
	for _, t := range m.plan.ThreadMigrations {
		if slices.Contains(t.ThreadSpecDependencies, name) {
			return true
		}
	}
	return false
}

// migrateFrom migrates the ThreadRun if it waits, or has just waited, at a node from which the plan leads on.
func (t *threadRun) migrateFrom(n *nodeRun) bool {
	if t.run.wf().WorkflowMigrationPlanId == nil || !longRunning(n.spec()) {
		return false
	}
	step := t.migrationAt(n.get().NodeName)
	if step == nil {
		return false
	}
	moved, f := t.moved(step)
	n.halt()
	if n.status() == lhpb.LHStatus_HALTED && n.get().GetExternalEvent() != nil {
		n.unwatchEvent()
		n.withdraw()
	}
	if f != nil {
		n.fail(f)
		t.failAt(n, f)
		return true
	}
	if f := t.become(moved, step); f != nil {
		n := t.node()
		n.fail(f)
		t.failAt(n, f)
	}
	return true
}

// longRunning tells the nodes at which a ThreadRun may be migrated while it waits.
func longRunning(n *lhpb.Node) bool {
	switch n.GetNode().(type) {
	case *lhpb.Node_ExternalEvent, *lhpb.Node_UserTask, *lhpb.Node_WaitForCondition, *lhpb.Node_WaitForThreads, *lhpb.Node_Sleep:
		return true
	default:
		return false
	}
}

// movedThread is what a ThreadRun is once it is migrated, before any of it is stored.
type movedThread struct {
	threadRun
	made   []*variable
	values *scope
}

// moved works out what the ThreadRun becomes: the Variables that it lacks, and the values given for the migration.
func (t *threadRun) moved(step *migrationStep) (*movedThread, *lhpb.Failure) {
	m := &movedThread{threadRun: *t}
	m.graph, m.spec = step.to, step.thread
	m.vars = slices.Clone(t.vars)
	for _, def := range m.spec.Spec.VariableDefs {
		if def.AccessLevel == lhpb.WfRunVariableAccessLevel_INHERITED_VAR || m.own(def) != nil {
			continue
		}
		made := m.newVariable(def, initial(def))
		m.made = append(m.made, made)
		m.vars = append(m.vars, made)
	}
	m.values = &scope{thread: &m.threadRun}
	given := t.run.wf().MigrationVariables[step.thread.Name].GetVarAssignmentByVarName()
	for _, name := range sortedKeys(given) {
		mutation := &lhpb.VariableMutation{
			LhsName:   name,
			Operation: lhpb.VariableMutationType_ASSIGN,
			RhsValue:  &lhpb.VariableMutation_RhsAssignment{RhsAssignment: given[name]},
		}
		if err := m.values.mutate(mutation, t.node().get().NodeName); err != nil {
			return nil, fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed applying migration variable %s: %s", name, err)
		}
	}
	return m, nil
}

// become makes the ThreadRun what it was worked out to be, and goes on at the node of the destination.
func (t *threadRun) become(m *movedThread, step *migrationStep) *lhpb.Failure {
	w := t.run
	w.edit()
	w.row.now.Migrated = true
	if t.number == 0 {
		wf := w.edit()
		wf.OldWfSpecVersions = append(wf.OldWfSpecVersions, wf.WfSpecId)
		wf.WfSpecId = step.to.Spec.Id
		w.graph = step.to
	}
	thread := t.edit()
	thread.WfSpecId = step.to.Spec.Id
	thread.ThreadSpecName = step.thread.Name
	t.unwatchInterrupts()
	t.graph, t.spec, t.vars = m.graph, m.spec, m.vars
	for _, v := range t.vars {
		v.thread = t
	}
	for _, v := range m.made {
		v.row.put(w.tx, v.row.now)
	}
	m.values.store()
	t.watchInterrupts()
	if step.awaited {
		w.seeAll()
	}
	return t.activate(step.node)
}

// goTo enters the node, or the one that the plan in progress has in its place.
func (t *threadRun) goTo(next string) *lhpb.Failure {
	if t.run.wf().WorkflowMigrationPlanId == nil {
		return t.activate(next)
	}
	step := t.migrationAt(next)
	if step == nil {
		return t.activate(next)
	}
	moved, f := t.moved(step)
	if f != nil {
		return f
	}
	return t.become(moved, step)
}
