package catalog

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// putWorkflowMigrationPlan stores a plan. What WfRuns may be in the middle of does not change under its name.
func (t *txn) putWorkflowMigrationPlan(req *lhpb.PutWorkflowMigrationPlanRequest) (*lhpb.WorkflowMigrationPlan, *lh.Error) {
	if !lh.ValidName(req.GetName()) {
		return nil, invalid("WorkflowMigrationPlanName must be a valid hostname")
	}
	if refusal := spec.Admit(req); refusal != nil {
		return nil, refusal
	}
	d := t.definition(keys.KindWorkflowMigrationPlan, req.Name)
	if old := current[lhpb.WorkflowMigrationPlan](t.rows, d); old != nil {
		if !same(asked(old), spec.MigrationAsked(req)) {
			return nil, lh.Errorf(lh.AlreadyExists, "WorkflowMigrationPlan [%s] already exists and is immutable.", req.Name)
		}
		return old, nil
	}
	plan, refusal := spec.PlanMigration(t, req)
	if refusal != nil {
		return nil, refusal
	}
	plan.CreatedAt = t.now()
	return plan, t.write(d, plan)
}

// asked is what the request for a stored plan said.
func asked(p *lhpb.WorkflowMigrationPlan) *lhpb.WorkflowMigrationPlan {
	p = p.CloneVT()
	p.CreatedAt = nil
	for _, t := range p.ThreadMigrations {
		t.ThreadSpecDependencies = nil
	}
	return p
}

func (t *txn) deleteWorkflowMigrationPlan(req *lhpb.DeleteWorkflowMigrationPlanRequest) *lh.Error {
	d := t.definition(keys.KindWorkflowMigrationPlan, req.GetId().GetName())
	return remove(t, d, noUses[*lhpb.WorkflowMigrationPlan])
}
