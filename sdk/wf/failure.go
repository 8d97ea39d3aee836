package wf

import (
	"fmt"

	"littlehorse/lhpb"
)

// ErrorType is a technical failure that the engine itself raises.
type ErrorType = lhpb.LHErrorType

// The technical failures.
const (
	ChildFailure      = lhpb.LHErrorType_CHILD_FAILURE
	VarSubError       = lhpb.LHErrorType_VAR_SUB_ERROR
	VarMutationError  = lhpb.LHErrorType_VAR_MUTATION_ERROR
	UserTaskCancelled = lhpb.LHErrorType_USER_TASK_CANCELLED
	Timeout           = lhpb.LHErrorType_TIMEOUT
	TaskFailure       = lhpb.LHErrorType_TASK_FAILURE
	VarError          = lhpb.LHErrorType_VAR_ERROR
	TaskError         = lhpb.LHErrorType_TASK_ERROR
	InternalError     = lhpb.LHErrorType_INTERNAL_ERROR
)

// FailureHandlers lets a node catch its failures. A handler is a thread of its own, a child of the node's; when it
// completes, the workflow goes on behind the node. The first handler that fits is taken. Handlers read what they were
// called with by Input.
type FailureHandlers[Self any] struct {
	self Self
	node *node
}

func (f *FailureHandlers[Self]) attach(self Self, n *node) { f.self, f.node = self, n }

// OnException catches the business exception of that name.
func (f *FailureHandlers[Self]) OnException(name string, handler func(*Thread)) Self {
	if !validFailureName(name) {
		f.node.thread.b.fail("exception name %q: use letters, digits and inner hyphens, and none of the technical error names", name)
	}
	return f.handle("-"+name, specific(name), handler)
}

// OnAnyException catches every business exception.
func (f *FailureHandlers[Self]) OnAnyException(handler func(*Thread)) Self {
	return f.handle("", anyOf(lhpb.FailureHandlerDef_FAILURE_TYPE_EXCEPTION), handler)
}

// OnError catches one kind of technical error.
func (f *FailureHandlers[Self]) OnError(kind ErrorType, handler func(*Thread)) Self {
	return f.handle("-"+kind.String(), specific(kind.String()), handler)
}

// OnAnyError catches every technical error.
func (f *FailureHandlers[Self]) OnAnyError(handler func(*Thread)) Self {
	return f.handle("-FAILURE_TYPE_ERROR", anyOf(lhpb.FailureHandlerDef_FAILURE_TYPE_ERROR), handler)
}

// OnFailure catches every exception and every error.
func (f *FailureHandlers[Self]) OnFailure(handler func(*Thread)) Self {
	return f.handle("-any-failure", &lhpb.FailureHandlerDef{}, handler)
}

func (f *FailureHandlers[Self]) handle(suffix string, def *lhpb.FailureHandlerDef, handler func(*Thread)) Self {
	t := f.node.thread
	if t.done {
		t.b.fail("thread %q has already been described: its nodes take no more handlers", t.name)
		return f.self
	}
	def.HandlerSpecName = t.b.thread(fmt.Sprintf("exn-handler-%s%s", f.node.name, suffix), t, handler).name
	f.node.spec.FailureHandlers = append(f.node.spec.FailureHandlers, def)
	return f.self
}

func specific(name string) *lhpb.FailureHandlerDef {
	return &lhpb.FailureHandlerDef{FailureToCatch: &lhpb.FailureHandlerDef_SpecificFailure{SpecificFailure: name}}
}

func anyOf(kind lhpb.FailureHandlerDef_LHFailureType) *lhpb.FailureHandlerDef {
	return &lhpb.FailureHandlerDef{FailureToCatch: &lhpb.FailureHandlerDef_AnyFailureOfType{AnyFailureOfType: kind}}
}
