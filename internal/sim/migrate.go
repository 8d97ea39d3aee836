package sim

import (
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// planName is of the plan that leads from the first version of a WfSpec to the next.
const planName = "plan"

// nextVersion is the WfSpec with a thread more.
func nextVersion(r *lhpb.PutWfSpecRequest) *lhpb.PutWfSpecRequest {
	next := clone(r)
	added := &body{name: "added", nodes: map[string]*lhpb.Node{}}
	added.add("entrypoint", &lhpb.Node{Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}})
	added.add("exit", &lhpb.Node{Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}})
	next.ThreadSpecs[added.name] = &lhpb.ThreadSpec{Nodes: added.nodes}
	return next
}

// plan leads each node to the one of the same name.
func plan(r *lhpb.PutWfSpecRequest) *lhpb.PutWorkflowMigrationPlanRequest {
	threads := map[string]*lhpb.ThreadMigrationPlanRequest{}
	for name, t := range r.ThreadSpecs {
		nodes := map[string]*lhpb.NodeMigrationPlan{}
		for node, n := range t.Nodes {
			if n.GetEntrypoint() == nil && n.GetExit() == nil && n.GetNop() == nil {
				nodes[node] = &lhpb.NodeMigrationPlan{NewNodeName: node}
			}
		}
		threads[name] = &lhpb.ThreadMigrationPlanRequest{NewThreadName: name, NodeMigrations: nodes}
	}
	return &lhpb.PutWorkflowMigrationPlanRequest{
		Name: planName, OldWfSpec: &lhpb.WfSpecId{Name: r.Name}, MajorVersion: 0, Revision: 1, ThreadMigrations: threads,
	}
}

// migrate tries the plan on any run; many are of another WfSpec or have ended.
func (w *world) migrate() {
	id, ok := w.anyRun()
	if !ok {
		return
	}
	w.submit(w.stream(id), &pb.Record{Command: &pb.Record_ApplyWorkflowMigrationPlan{
		ApplyWorkflowMigrationPlan: &lhpb.ApplyWorkflowMigrationPlanRequest{
			Id: &lhpb.WorkflowMigrationPlanId{Name: planName}, WfRunId: &lhpb.WfRunId{Id: id},
		},
	}}, func(machine.Reply) {})
}
