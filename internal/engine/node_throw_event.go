package engine

import "littlehorse/lhpb"

// throwEventNode throws a WorkflowEvent.
type throwEventNode struct {
	instant
	haltable
}

func (throwEventNode) arrive(n *nodeRun) *lhpb.Failure {
	node := n.spec().GetThrowEvent()
	run := &lhpb.ThrowEventNodeRun{}
	n.edit().NodeType = &lhpb.NodeRun_ThrowEvent{ThrowEvent: run}
	content := null
	if node.Content != nil {
		v, err := n.scope().resolve(node.Content)
		if err == nil {
			v, err = n.tx().thrownContent(v, node.EventDefId.GetName())
		}
		if err != nil {
			return fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed calculating content of workflow Event: %s", err)
		}
		content = v
	}
	run.WorkflowEventId = n.thread.run.throw(n, node.EventDefId, content)
	return nil
}
