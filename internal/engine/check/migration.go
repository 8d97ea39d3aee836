package check

import (
	"fmt"

	"littlehorse/internal/engine"
	"littlehorse/internal/keys"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// checkMigration wants a migration in progress to have somebody left to migrate, and nobody who could have been.
func (s *state) checkMigration(w *wfRun, specs engine.Specs) {
	id := w.row.WfRun.WorkflowMigrationPlanId
	if id == nil {
		if w.row.Unmigrated != 0 || len(w.row.WfRun.MigrationVariables) > 0 {
			s.violate(w.id, "what is left of a migration that is over: ThreadRun %d, %d variables", w.row.Unmigrated, len(w.row.WfRun.MigrationVariables))
		}
		return
	}
	plan := specs.WorkflowMigrationPlan(id.Name)
	if plan == nil || specs.WfSpec(spec.MigrationTarget(plan)) == nil {
		return // the next command ends it
	}
	if w.rounds[keys.AllSubject] || w.fansOut {
		return // not all have been looked at
	}
	left := 0
	for _, n := range sortedKeys(w.threads) {
		t := w.threads[n]
		if terminal(t.Status) || !sameVersion(t.WfSpecId, plan.OldWfSpec) {
			continue
		}
		left++
		if n < w.row.Unmigrated {
			s.violate(w.id, "ThreadRun %d is left to be migrated, and is not looked at below %d", n, w.row.Unmigrated)
		}
		if a := (alive{s: s, w: w, t: t}); a.mayMigrate(plan) {
			s.violate(fmt.Sprintf("%s ThreadRun %d", w.id, n), "waits where WorkflowMigrationPlan %s leads on from", id.Name)
		}
	}
	if left == 0 {
		s.violate(w.id, "is being migrated, and nobody is left to be")
	}
}

func sameVersion(a, b *lhpb.WfSpecId) bool {
	return a.GetName() == b.GetName() && a.GetMajorVersion() == b.GetMajorVersion() && a.GetRevision() == b.GetRevision()
}

// mayMigrate reports whether the ThreadRun waits at a node from which the plan leads on, below all that go before it.
func (a alive) mayMigrate(plan *lhpb.WorkflowMigrationPlan) bool {
	n := a.w.nodes[nodeID{a.t.Number, a.t.CurrentNodePosition}]
	if a.t.Status != running || n.GetStatus() != running || len(n.Failures) > 0 || !longRunning(n) {
		return false
	}
	thread := plan.ThreadMigrations[a.t.ThreadSpecName]
	if thread.GetNodeMigrations()[n.NodeName] == nil {
		return false
	}
	for _, name := range thread.ThreadSpecDependencies {
		if !a.isBelowMigrated(name, plan) {
			return false
		}
	}
	return true
}

func (a alive) isBelowMigrated(name string, plan *lhpb.WorkflowMigrationPlan) bool {
	for t := a.parentOf(a.t); t != nil; t = a.parentOf(t) {
		if t.ThreadSpecName == name && sameVersion(t.WfSpecId, spec.MigrationTarget(plan)) {
			return true
		}
	}
	return false
}

// parentOf is nil also for one whose parent is archived: that has ended, and is not migrated any more.
func (a alive) parentOf(t *lhpb.ThreadRun) *lhpb.ThreadRun {
	if t.ParentThreadId == nil {
		return nil
	}
	return a.w.threads[*t.ParentThreadId]
}

// longRunning tells the NodeRuns that may be left in the middle.
func longRunning(n *lhpb.NodeRun) bool {
	switch n.NodeType.(type) {
	case *lhpb.NodeRun_ExternalEvent, *lhpb.NodeRun_UserTask, *lhpb.NodeRun_WaitForCondition, *lhpb.NodeRun_WaitForThreads, *lhpb.NodeRun_Sleep:
		return true
	default:
		return false
	}
}
