package sim

import (
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// planName is of the plan that leads from the first version of a WfSpec to the next.
const planName = "plan"

// Variables that only the next version has.
const (
	movedVar  = "moved"
	reasonVar = "reason"
)

// nextVersion is the WfSpec with a thread more, and two variables more.
func nextVersion(r *lhpb.PutWfSpecRequest) *lhpb.PutWfSpecRequest {
	next := clone(r)
	added := &body{name: "added", nodes: map[string]*lhpb.Node{}}
	added.add("entrypoint", &lhpb.Node{Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}})
	added.add("exit", &lhpb.Node{Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}})
	next.ThreadSpecs[added.name] = &lhpb.ThreadSpec{Nodes: added.nodes}
	main := next.ThreadSpecs[next.EntrypointThreadName]
	for _, v := range []struct {
		name string
		kind lhpb.VariableType
	}{{movedVar, lhpb.VariableType_INT}, {reasonVar, lhpb.VariableType_STR}} {
		main.VariableDefs = append(main.VariableDefs, &lhpb.ThreadVarDef{
			VarDef: &lhpb.VariableDef{Name: v.name, TypeDef: &lhpb.TypeDefinition{
				DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: v.kind},
			}},
			AccessLevel: lhpb.WfRunVariableAccessLevel_PRIVATE_VAR,
		})
	}
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
			Id: &lhpb.WorkflowMigrationPlanId{Name: planName}, WfRunId: &lhpb.WfRunId{Id: id}, MigrationVarsByThread: w.migrationVars(),
		},
	}}, func(machine.Reply) {})
}

// migrationVars are values for none, some or all of the variables that only the next version has. Now and then one cannot
// be worked out when it comes to it, and the thread fails.
func (w *world) migrationVars() map[string]*lhpb.MigrationVars {
	given := map[string]*lhpb.VariableAssignment{}
	if w.rng.IntN(2) == 0 {
		given[movedVar] = literalInt(int64(w.rng.IntN(100)))
	}
	switch w.rng.IntN(8) {
	case 0:
		given[reasonVar] = nodeOutput("0-entrypoint")
	case 1, 2, 3:
		given[reasonVar] = literalStr("because")
	}
	if len(given) == 0 {
		return nil
	}
	return map[string]*lhpb.MigrationVars{"main": {VarAssignmentByVarName: given}}
}
