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

// unsupportedNode is a node of a kind that this engine cannot run.
type unsupportedNode struct {
	instant
	haltable
}

func (unsupportedNode) arrive(n *nodeRun) *lhpb.Failure {
	if n.spec().GetUserTask() != nil {
		n.edit().NodeType = &lhpb.NodeRun_UserTask{UserTask: &lhpb.UserTaskNodeRun{}}
		return fail(lhpb.LHErrorType_INTERNAL_ERROR, "Node %s is a USER_TASK, which this server cannot run.", n.get().NodeName)
	}
	n.edit().NodeType = &lhpb.NodeRun_Entrypoint{Entrypoint: &lhpb.EntrypointRun{}}
	return fail(lhpb.LHErrorType_INTERNAL_ERROR, "Node %s is of no kind that this server knows.", n.get().NodeName)
}
