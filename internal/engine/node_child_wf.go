package engine

import (
	"fmt"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// runChildWfNode starts a WfRun below this one.
type runChildWfNode struct{ haltable }

func (runChildWfNode) arrive(n *nodeRun) *lhpb.Failure {
	node := n.spec().GetRunChildWf()
	run := &lhpb.RunChildWfNodeRun{}
	n.edit().NodeType = &lhpb.NodeRun_RunChildWf{RunChildWf: run}
	inputs, err := n.scope().inputs(node.Inputs)
	if err == nil {
		err = n.tx().mustFitTogether(inputs)
	}
	if err != nil {
		return fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed calculating inputs of child WfRun: %s", err)
	}
	run.Inputs = inputs
	g, f := n.childSpec(node)
	if f != nil {
		return f
	}
	id, f := n.childID(node)
	if f != nil {
		return f
	}
	run.ChildWfRunId = id
	run.WfSpecId = g.Spec.Id
	n.runChild(id, g, inputs)
	return nil
}

// childSpec is the WfSpec to run: its newest revision, or what a dynamic name says.
func (n *nodeRun) childSpec(node *lhpb.RunChildWfNode) (*spec.Graph, *lhpb.Failure) {
	name := node.GetWfSpecName()
	major := node.MajorVersion
	if dynamic := node.GetWfSpecVar(); dynamic != nil {
		var err error
		if name, err = n.scope().name(dynamic); err != nil {
			return nil, fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed calculating name of child WfSpec: %s", err)
		}
	}
	var g *spec.Graph
	if node.GetWfSpecVar() != nil && major != spec.NewestVersion {
		g = n.tx().specs.WfSpec(&lhpb.WfSpecId{Name: name, MajorVersion: major})
	} else {
		g = n.tx().specs.LatestWfSpec(name, major)
	}
	if g == nil || g.Entrypoint() == nil {
		return nil, fail(lhpb.LHErrorType_CHILD_FAILURE, "Couldn't find WfSpec %s", name)
	}
	return g, nil
}

// childIDBytes bounds the ids that nodes choose for children: it is in the key of everything below them.
const childIDBytes = 1024

// childID is the id of the child: the node's own choice, or a new one.
func (n *nodeRun) childID(node *lhpb.RunChildWfNode) (*lhpb.WfRunId, *lhpb.Failure) {
	id := &lhpb.WfRunId{ParentWfRunId: n.thread.run.id()}
	if lh.WfRunIDDepth(id) > lh.MaxWfRunDepth {
		return nil, fail(lhpb.LHErrorType_INTERNAL_ERROR, "WfRuns may not nest deeper than %d", lh.MaxWfRunDepth)
	}
	if node.ChildId == nil {
		id.Id = n.tx().newID()
		return id, nil
	}
	chosen, err := n.scope().text(node.ChildId)
	switch {
	case err != nil:
	case len(chosen) > childIDBytes:
		err = fmt.Errorf("an id of %d bytes is too long for a WfRun, it may have %d", len(chosen), childIDBytes)
	case !lh.ValidName(chosen):
		err = fmt.Errorf("'%s' is not a valid id for a WfRun", chosen)
	}
	if err != nil {
		return nil, fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed calculating id of child WfRun: %s", err)
	}
	id.Id = chosen
	if n.tx().anyWfRun(id).row.now != nil {
		return nil, fail(lhpb.LHErrorType_CHILD_FAILURE, "WfRun with id %s already exists!", chosen)
	}
	return id, nil
}

// runChild starts the child and lets it go as far as it can. What it tells this WfRun meanwhile is left to
// the advance that is under way here.
func (n *nodeRun) runChild(id *lhpb.WfRunId, g *spec.Graph, inputs map[string]*lhpb.VariableValue) {
	w := n.thread.run
	child := n.tx().anyWfRun(id)
	n.tx().newWfRun(child, id, g, &lhpb.WfRun_ParentTriggerReference{TriggeringNodeRun: n.id()})
	child.start(threadStart{graph: g, spec: g.Entrypoint(), kind: lhpb.ThreadType_ENTRYPOINT, inputs: inputs})
	busy := w.busy
	w.busy = true
	child.advance()
	w.busy = busy
}

func (runChildWfNode) check(n *nodeRun) (outcome, *lhpb.Failure) {
	return outcome{done: true, output: wfRunIDValue(n.get().GetRunChildWf().ChildWfRunId)}, nil
}

// waitForChildWfNode waits for a WfRun below this one to end.
type waitForChildWfNode struct{ haltable }

func (waitForChildWfNode) arrive(n *nodeRun) *lhpb.Failure {
	run := &lhpb.WaitForChildWfNodeRun{}
	n.edit().NodeType = &lhpb.NodeRun_WaitForChildWf{WaitForChildWf: run}
	v, err := n.scope().resolve(n.spec().GetWaitForChildWf().ChildWfRunId)
	if err != nil {
		return fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed calculating child WfRun to wait for: %s", err)
	}
	id := v.GetWfRunId()
	if id == nil {
		return fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed calculating child WfRun to wait for: the value is not a WF_RUN_ID")
	}
	child := n.childOf(id)
	if child == nil {
		return fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Couldn't find child WfRun %s", lh.WfRunIDString(id))
	}
	run.ChildWfRunId = id
	if child.wf().ParentTrigger != nil {
		child.edit().ParentTrigger.WaitingNodeRun = n.id()
	}
	n.thread.watch(keys.WfRunSubject(child.name), &pb.Watch{})
	return nil
}

// childOf is the WfRun of that id if it lies below this one; nil otherwise, for nothing else would wake us.
func (n *nodeRun) childOf(id *lhpb.WfRunId) *wfRun {
	if lh.WfRunIDString(id.GetParentWfRunId()) != n.thread.run.name {
		return nil
	}
	return n.tx().wfRun(id)
}

// sleeps: the end of the child is watched.
func (waitForChildWfNode) sleeps(*nodeRun) bool { return true }

func (waitForChildWfNode) check(n *nodeRun) (outcome, *lhpb.Failure) {
	o, f := n.followChildWf()
	if o.done || f != nil {
		n.thread.unwatch(keys.WfRunSubject(lh.WfRunIDString(n.get().GetWaitForChildWf().ChildWfRunId)))
	}
	return o, f
}

// followChildWf is what the child has come to.
func (n *nodeRun) followChildWf() (outcome, *lhpb.Failure) {
	id := n.get().GetWaitForChildWf().ChildWfRunId
	child := n.tx().wfRun(id)
	if child == nil {
		return waiting, fail(lhpb.LHErrorType_CHILD_FAILURE, "Child WfRun %s was deleted", lh.WfRunIDString(id))
	}
	switch child.wf().Status {
	case lhpb.LHStatus_COMPLETED:
		return outcome{done: true, output: child.entrypoint().get().Output}, nil
	case lhpb.LHStatus_ERROR:
		return waiting, fail(lhpb.LHErrorType_CHILD_FAILURE, "Child WfRun %s failed", lh.WfRunIDString(id))
	case lhpb.LHStatus_EXCEPTION:
		f := child.entrypoint().failure()
		return waiting, &lhpb.Failure{
			FailureName: f.FailureName,
			Message:     "Child WfRun failed: " + f.Message,
			Content:     f.Content,
		}
	default:
		return waiting, nil
	}
}
