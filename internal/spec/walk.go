package spec

import (
	"slices"

	"littlehorse/lhpb"
)

// visitor is told of every assignment, outermost first, and of every mutation. Either may be nil.
type visitor struct {
	assignment func(*lhpb.VariableAssignment)
	mutation   func(*lhpb.VariableMutation)
}

// walkNode visits all that the node and its edges compute.
func walkNode(n *lhpb.Node, v visitor) {
	v.nodeKind(n)
	for _, e := range n.GetOutgoingEdges() {
		v.edge(e)
	}
}

func (v visitor) nodeKind(n *lhpb.Node) {
	switch k := n.GetNode().(type) {
	case *lhpb.Node_Exit:
		v.assign(k.Exit.GetReturnContent())
		v.assign(k.Exit.GetFailureDef().GetContent())
	case *lhpb.Node_Task:
		v.task(k.Task)
	case *lhpb.Node_ExternalEvent:
		v.assign(k.ExternalEvent.GetTimeoutSeconds())
		v.assign(k.ExternalEvent.GetCorrelationKey())
	case *lhpb.Node_StartThread:
		v.inputs(k.StartThread.GetVariables())
	case *lhpb.Node_StartMultipleThreads:
		v.inputs(k.StartMultipleThreads.GetVariables())
		v.assign(k.StartMultipleThreads.GetIterable())
	case *lhpb.Node_WaitForThreads:
		v.assign(k.WaitForThreads.GetThreadList())
		for _, t := range k.WaitForThreads.GetThreads().GetThreads() {
			v.assign(t.GetThreadRunNumber())
		}
	case *lhpb.Node_Sleep:
		v.assign(k.Sleep.GetRawSeconds())
		v.assign(k.Sleep.GetTimestamp())
		v.assign(k.Sleep.GetIsoDate())
	case *lhpb.Node_UserTask:
		v.userTask(k.UserTask)
	case *lhpb.Node_ThrowEvent:
		v.assign(k.ThrowEvent.GetContent())
	case *lhpb.Node_WaitForCondition:
		v.assign(k.WaitForCondition.GetCondition())
		v.legacy(k.WaitForCondition.GetLegacyCondition())
	case *lhpb.Node_RunChildWf:
		v.assign(k.RunChildWf.GetWfSpecVar())
		v.assign(k.RunChildWf.GetChildId())
		v.inputs(k.RunChildWf.GetInputs())
	case *lhpb.Node_WaitForChildWf:
		v.assign(k.WaitForChildWf.GetChildWfRunId())
	}
}

func (v visitor) task(t *lhpb.TaskNode) {
	v.assign(t.GetDynamicTask())
	for _, a := range t.GetVariables() {
		v.assign(a)
	}
}

func (v visitor) userTask(u *lhpb.UserTaskNode) {
	v.assign(u.GetUserGroup())
	v.assign(u.GetUserId())
	v.assign(u.GetNotes())
	v.assign(u.GetOnCancellationExceptionName())
	for _, action := range u.GetActions() {
		v.assign(action.GetDelaySeconds())
		v.assign(action.GetReassign().GetUserId())
		v.assign(action.GetReassign().GetUserGroup())
		v.task(action.GetTask().GetTask())
		for _, m := range action.GetTask().GetMutations() {
			v.mutate(m)
		}
	}
}

func (v visitor) edge(e *lhpb.Edge) {
	v.assign(e.GetCondition())
	v.legacy(e.GetLegacyCondition())
	for _, m := range e.GetVariableMutations() {
		v.mutate(m)
	}
}

func (v visitor) legacy(c *lhpb.LegacyEdgeCondition) {
	v.assign(c.GetLeft())
	v.assign(c.GetRight())
}

func (v visitor) mutate(m *lhpb.VariableMutation) {
	if v.mutation != nil {
		v.mutation(m)
	}
	v.assign(m.GetRhsAssignment())
	v.path(m.GetLhsLhPath())
	v.path(m.GetNodeOutput().GetLhPath())
}

func (v visitor) inputs(in map[string]*lhpb.VariableAssignment) {
	for _, name := range sortedKeys(in) {
		v.assign(in[name])
	}
}

func (v visitor) assign(a *lhpb.VariableAssignment) {
	if a == nil {
		return
	}
	if v.assignment != nil {
		v.assignment(a)
	}
	v.path(a.GetLhPath())
	switch s := a.GetSource().(type) {
	case *lhpb.VariableAssignment_FormatString_:
		v.assign(s.FormatString.GetFormat())
		for _, arg := range s.FormatString.GetArgs() {
			v.assign(arg)
		}
	case *lhpb.VariableAssignment_Expression_:
		v.assign(s.Expression.GetLhs())
		v.assign(s.Expression.GetRhs())
	case *lhpb.VariableAssignment_StructBuilder:
		v.fields(s.StructBuilder.GetValue())
	case *lhpb.VariableAssignment_SizeOf_:
		v.assign(s.SizeOf.GetOperand())
	case *lhpb.VariableAssignment_MapBuilder:
		for _, e := range s.MapBuilder.GetEntries() {
			v.assign(e.GetKey())
			v.assign(e.GetValue())
		}
	}
}

func (v visitor) fields(b *lhpb.InlineStructBuilder) {
	for _, name := range sortedKeys(b.GetFields()) {
		f := b.Fields[name]
		v.assign(f.GetSimpleValue())
		v.fields(f.GetSubStructure())
	}
}

func (v visitor) path(p *lhpb.LHPath) {
	for _, s := range p.GetPath() {
		v.assign(s.GetDynamic())
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
