package engine

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// waitForConditionNode waits until a condition holds.
type waitForConditionNode struct{ haltable }

func (waitForConditionNode) arrive(n *nodeRun) *lhpb.Failure {
	n.edit().NodeType = &lhpb.NodeRun_WaitForCondition{WaitForCondition: &lhpb.WaitForConditionRun{}}
	return nil
}

func (waitForConditionNode) check(n *nodeRun) (outcome, *lhpb.Failure) {
	node := n.spec().GetWaitForCondition()
	s := n.scope()
	holds, err := s.holds(node.GetCondition(), node.GetLegacyCondition())
	if err != nil {
		return waiting, fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed evaluating condition on WAIT_FOR_CONDITION_NODE: %s", err)
	}
	n.watchVariables(s.read, !holds)
	return outcome{done: holds}, nil
}

// sleeps: the Variables that the condition has read are watched.
func (waitForConditionNode) sleeps(n *nodeRun) bool { return n.watches }

// watchVariables lets the NodeRun know, while it waits, when a Variable changes that its condition has read.
func (n *nodeRun) watchVariables(read []*variable, waits bool) {
	n.watches = true
	n.thread.unsettled = true
	for _, v := range read {
		subject := keys.VariableSubject(v.thread.number, v.name)
		inherited := v.thread.run != n.thread.run
		if inherited {
			subject = keys.InheritedSubject(v.name)
		}
		if !waits {
			n.thread.unwatch(subject)
			continue
		}
		n.thread.watch(subject, &pb.Watch{})
		if inherited {
			n.thread.run.heed(v)
		}
	}
}
