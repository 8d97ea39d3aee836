package engine

import "littlehorse/lhpb"

// waitForConditionNode waits until a condition holds.
type waitForConditionNode struct{ haltable }

func (waitForConditionNode) arrive(n *nodeRun) *lhpb.Failure {
	n.edit().NodeType = &lhpb.NodeRun_WaitForCondition{WaitForCondition: &lhpb.WaitForConditionRun{}}
	return nil
}

func (waitForConditionNode) check(n *nodeRun) (outcome, *lhpb.Failure) {
	node := n.spec().GetWaitForCondition()
	holds, err := n.scope().holds(node.GetCondition(), node.GetLegacyCondition())
	if err != nil {
		return waiting, fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed evaluating condition on WAIT_FOR_CONDITION_NODE: %s", err)
	}
	return outcome{done: holds}, nil
}
