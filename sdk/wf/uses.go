package wf

import (
	"maps"
	"slices"

	"littlehorse/lhpb"
)

// Uses are the definitions that a workflow needs, by name, each once and in order. What is named at run time is not among
// them.
type Uses struct {
	// Names of definitions of each kind.
	TaskDefs, UserTaskDefs, ExternalEventDefs, WorkflowEventDefs, ChildWfSpecs []string
}

// Uses compiles the workflow and tells what must be registered before its WfRuns can do everything.
func (w *Workflow) Uses() (Uses, error) {
	req, err := w.Compile()
	if err != nil {
		return Uses{}, err
	}
	var u Uses
	for _, thread := range req.ThreadSpecs {
		for _, i := range thread.InterruptDefs {
			u.ExternalEventDefs = append(u.ExternalEventDefs, i.ExternalEventDefId.GetName())
		}
		for _, n := range thread.Nodes {
			u.add(n)
		}
	}
	for _, names := range []*[]string{&u.TaskDefs, &u.UserTaskDefs, &u.ExternalEventDefs, &u.WorkflowEventDefs, &u.ChildWfSpecs} {
		once := map[string]bool{}
		for _, name := range *names {
			once[name] = name != ""
		}
		maps.DeleteFunc(once, func(_ string, named bool) bool { return !named })
		*names = slices.Sorted(maps.Keys(once))
	}
	return u, nil
}

func (u *Uses) add(n *lhpb.Node) {
	switch k := n.Node.(type) {
	case *lhpb.Node_Task:
		u.TaskDefs = append(u.TaskDefs, k.Task.GetTaskDefId().GetName())
	case *lhpb.Node_UserTask:
		u.UserTaskDefs = append(u.UserTaskDefs, k.UserTask.UserTaskDefName)
		for _, a := range k.UserTask.Actions {
			u.TaskDefs = append(u.TaskDefs, a.GetTask().GetTask().GetTaskDefId().GetName())
		}
	case *lhpb.Node_ExternalEvent:
		u.ExternalEventDefs = append(u.ExternalEventDefs, k.ExternalEvent.ExternalEventDefId.GetName())
	case *lhpb.Node_ThrowEvent:
		u.WorkflowEventDefs = append(u.WorkflowEventDefs, k.ThrowEvent.EventDefId.GetName())
	case *lhpb.Node_RunChildWf:
		u.ChildWfSpecs = append(u.ChildWfSpecs, k.RunChildWf.GetWfSpecName())
	}
}
