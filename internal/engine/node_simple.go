package engine

import "littlehorse/lhpb"

// entrypointNode is where a ThreadRun begins.
type entrypointNode struct {
	instant
	haltable
}

func (entrypointNode) arrive(n *nodeRun) *lhpb.Failure {
	n.edit().NodeType = &lhpb.NodeRun_Entrypoint{Entrypoint: &lhpb.EntrypointRun{}}
	return nil
}

// nopNode does nothing; on the wire it looks like an ENTRYPOINT.
type nopNode struct {
	entrypointNode
}

// unknownNode is a node of a kind that this engine does not know.
type unknownNode struct {
	instant
	haltable
}

func (unknownNode) arrive(n *nodeRun) *lhpb.Failure {
	n.edit().NodeType = &lhpb.NodeRun_Entrypoint{Entrypoint: &lhpb.EntrypointRun{}}
	return fail(lhpb.LHErrorType_INTERNAL_ERROR, "Node %s is of no kind that this server knows.", n.get().NodeName)
}
