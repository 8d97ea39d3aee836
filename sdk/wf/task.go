package wf

import (
	"fmt"
	"math"
	"time"

	"littlehorse/lhpb"
)

// Backoff spaces the retries of a task: Base, then Base·Multiplier and so on, never more than Max. None of the three has a default:
// what cannot be is a mistake that Compile reports.
type Backoff struct {
	// Base is the first pause: whole milliseconds, at least one and at most 24 days.
	Base time.Duration
	// Max is the longest pause: whole milliseconds, not less than Base.
	Max time.Duration
	// Multiplier is at least 1, which makes all pauses equal.
	Multiplier float32
}

// proto is the policy, or what is wrong with it.
func (b Backoff) proto() (*lhpb.ExponentialBackoffRetryPolicy, string) {
	base, most := b.Base.Milliseconds(), b.Max.Milliseconds()
	switch {
	case base < 1 || base > math.MaxInt32:
		return nil, fmt.Sprintf("Backoff.Base must be at least a millisecond and at most 24 days: %v", b.Base)
	case b.Multiplier < 1:
		return nil, fmt.Sprintf("Backoff.Multiplier must be at least 1: %v", b.Multiplier)
	case most < base:
		return nil, fmt.Sprintf("Backoff.Max must not be less than Backoff.Base: %v < %v", b.Max, b.Base)
	}
	return &lhpb.ExponentialBackoffRetryPolicy{
		BaseIntervalMs: int32(base), MaxDelayMs: most, Multiplier: b.Multiplier,
	}, ""
}

// TaskNode runs a task. It is also the value the task returns; store that in a variable to use it in other threads.
type TaskNode[T any] struct {
	Value[T]
	FailureHandlers[*TaskNode[T]]
	task *lhpb.TaskNode
}

// Execute runs a task by the name of its TaskDef, with arguments in the order of its inputs. An Expr instead of a name is
// evaluated at run time. Typed handles of package task check the arguments when they compile.
func (t *Thread) Execute(task any, args ...any) *TaskNode[any] {
	return ExecuteAs[any](t, task, args...)
}

// ExecuteAs is Execute for a task whose result is known to be a T.
func ExecuteAs[T any](t *Thread, task any, args ...any) *TaskNode[T] {
	w := t.b.workflow
	spec := &lhpb.TaskNode{
		Retries: w.defaultRetries, ExponentialBackoff: w.defaultBackoff, TimeoutSeconds: int32(seconds(w.defaultTimeout)),
	}
	name := t.taskToExecute(task, spec)
	for _, arg := range args {
		spec.Variables = append(spec.Variables, t.assign(arg).pb)
	}
	n := t.add(name, "TASK", &lhpb.Node{Node: &lhpb.Node_Task{Task: spec}})
	out := &TaskNode[T]{Value: outputOf[T](n), task: spec}
	out.attach(out, n)
	return out
}

// taskToExecute says what to run and returns the readable part of the node's name.
func (t *Thread) taskToExecute(task any, spec *lhpb.TaskNode) string {
	if name, ok := task.(string); ok {
		if !validName(name) {
			t.b.fail("task name %q: use letters, digits and inner hyphens", name)
		}
		spec.TaskToExecute = &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: name}}
		return name
	}
	o := t.assignAs(task, primitive(lhpb.VariableType_STR), "Execute")
	spec.TaskToExecute = &lhpb.TaskNode_DynamicTask{DynamicTask: o.pb}
	switch source := o.pb.Source.(type) {
	case *lhpb.VariableAssignment_VariableName:
		return source.VariableName
	case *lhpb.VariableAssignment_FormatString_:
		return source.FormatString.GetFormat().GetLiteralValue().GetStr()
	default:
		return "dynamic"
	}
}

func outputOf[T any](n *node) Value[T] {
	return Value[T]{&operand{
		pb: &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_NodeOutput{
			NodeOutput: &lhpb.VariableAssignment_NodeOutputReference{NodeName: n.name},
		}},
		typ: knownType[T](), nodes: []*node{n},
	}}
}

// Retries is how often the task is tried again after technical failures and timeouts, at once or by a Backoff.
func (n *TaskNode[T]) Retries(times int, backoff ...Backoff) *TaskNode[T] {
	b := n.node.thread.b
	if times < 0 || times > math.MaxInt32 {
		b.fail("Retries must not be negative: %d", times)
		return n
	}
	n.task.Retries = int32(times)
	if len(backoff) == 0 {
		return n
	}
	policy, mistake := backoff[0].proto()
	if mistake != "" {
		b.fail("%s", mistake)
	}
	n.task.ExponentialBackoff = policy
	return n
}

// Timeout is how long one attempt may take once a worker has it; 60 s unless set. Whole seconds, rounded up.
func (n *TaskNode[T]) Timeout(d time.Duration) *TaskNode[T] {
	s := seconds(d)
	if s < 1 || s > math.MaxInt32 {
		n.node.thread.b.fail("Timeout must be positive: %v", d)
		return n
	}
	n.task.TimeoutSeconds = int32(s)
	return n
}
