package spec

import (
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

func (n node) valid() *problem {
	if p := n.kind(); p != nil {
		return p
	}
	for _, e := range n.spec.GetOutgoingEdges() {
		if p := n.edge(e); p != nil {
			return p.within("Edge with sink node %s", e.GetSinkNodeName())
		}
	}
	return n.failureHandlers(n.spec.GetFailureHandlers())
}

// kind checks what the node itself does.
func (n node) kind() *problem {
	switch k := n.spec.GetNode().(type) {
	case *lhpb.Node_Entrypoint, *lhpb.Node_Nop:
		return nil
	case *lhpb.Node_Exit:
		return n.exit(k.Exit)
	case *lhpb.Node_Task:
		return n.task(k.Task)
	case *lhpb.Node_ExternalEvent:
		return n.externalEvent(k.ExternalEvent)
	case *lhpb.Node_StartThread:
		return n.startThread(k.StartThread)
	case *lhpb.Node_StartMultipleThreads:
		return n.startMultipleThreads(k.StartMultipleThreads)
	case *lhpb.Node_WaitForThreads:
		return n.waitForThreads(k.WaitForThreads)
	case *lhpb.Node_Sleep:
		return n.sleep(k.Sleep)
	case *lhpb.Node_UserTask:
		return n.userTask(k.UserTask)
	case *lhpb.Node_ThrowEvent:
		return n.throwEvent(k.ThrowEvent)
	case *lhpb.Node_WaitForCondition:
		return n.waitForCondition(k.WaitForCondition)
	case *lhpb.Node_RunChildWf:
		return n.runChildWf(k.RunChildWf)
	case *lhpb.Node_WaitForChildWf:
		return n.waitForChildWf(k.WaitForChildWf)
	}
	return problemf("the node is of no kind")
}

// outputType is the type that a node_output reference to the node has; unknown for nodes without output.
func (t *thread) outputType(n *lhpb.Node) value.Type {
	switch k := n.GetNode().(type) {
	case *lhpb.Node_Task:
		if k.Task.GetTaskDefId() == nil {
			return value.Type{}
		}
		return returned(t.defs.TaskDef(k.Task.GetTaskDefId().GetName()).GetReturnType())
	case *lhpb.Node_ExternalEvent:
		return returned(t.defs.ExternalEventDef(k.ExternalEvent.GetExternalEventDefId().GetName()).GetTypeInformation())
	case *lhpb.Node_StartThread:
		return value.Primitive(lhpb.VariableType_INT)
	case *lhpb.Node_StartMultipleThreads:
		return value.Primitive(lhpb.VariableType_JSON_ARR)
	case *lhpb.Node_UserTask:
		return value.Primitive(lhpb.VariableType_JSON_OBJ)
	case *lhpb.Node_RunChildWf:
		return value.Primitive(lhpb.VariableType_WF_RUN_ID)
	}
	return value.Type{}
}

// returned is unknown for void too.
func returned(r *lhpb.ReturnType) value.Type {
	if r.GetReturnType() == nil {
		return value.Type{}
	}
	return value.Declared(r.ReturnType)
}
