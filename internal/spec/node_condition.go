package spec

import "littlehorse/lhpb"

func (n node) waitForCondition(w *lhpb.WaitForConditionNode) *problem {
	if w.GetCondition() == nil && w.GetLegacyCondition() == nil {
		return problemf("a WAIT_FOR_CONDITION node must have a condition")
	}
	return n.condition(w.GetCondition(), w.GetLegacyCondition())
}
