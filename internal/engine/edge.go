package engine

import (
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// chooseEdge finds the node to go to: the sink of the first edge whose condition holds. If the NodeRun did
// not fail, the edge's mutations are made: all of them, or none.
func (n *nodeRun) chooseEdge() (string, *lhpb.Failure) {
	for _, e := range n.spec().OutgoingEdges {
		holds, err := n.takes(e)
		if err != nil {
			return "", fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed evaluating edge with sink node %s: %s", e.SinkNodeName, err)
		}
		if holds {
			return e.SinkNodeName, nil
		}
	}
	return "", fail(lhpb.LHErrorType_VAR_SUB_ERROR,
		"Invalid WfSpec: No outgoing edges found on Node %s with all conditions satisfied", n.get().NodeName)
}

func (n *nodeRun) takes(e *lhpb.Edge) (bool, error) {
	if holds, err := value.EvalEdge(e, n.scope()); err != nil || !holds {
		return false, err
	}
	if len(e.VariableMutations) == 0 || n.failed() {
		return true, nil
	}
	return true, n.mutate(e.VariableMutations)
}

// mutate makes the mutations in order; later ones see what earlier ones did. Nothing is stored if one fails.
func (n *nodeRun) mutate(list []*lhpb.VariableMutation) error {
	s := n.scope()
	for _, m := range list {
		if err := s.mutate(m, n.get().NodeName); err != nil {
			return err
		}
	}
	s.store()
	return nil
}
