package wf

import (
	"time"

	"littlehorse/lhpb"
)

// EventOption is a choice about an event's definition.
type EventOption func(*eventOptions)

type eventOptions struct {
	external    bool
	correlation *lhpb.CorrelatedEventConfig
}

// External leaves the definition of the event alone: somebody else registers it.
func External() EventOption {
	return func(o *eventOptions) { o.external = true }
}

// Correlated registers the event for correlation by a key: how long an event waits for a WfRun (whole seconds; 0 is for
// ever), and whether the first WfRun that takes it is the only one.
func Correlated(ttl time.Duration, deleteAfterFirst bool) EventOption {
	return func(o *eventOptions) {
		o.correlation = &lhpb.CorrelatedEventConfig{DeleteAfterFirstCorrelation: deleteAfterFirst}
		if ttl > 0 {
			s := seconds(ttl)
			o.correlation.TtlSeconds = &s
		}
	}
}

func eventOptionsOf(options []EventOption) eventOptions {
	var o eventOptions
	for _, option := range options {
		option(&o)
	}
	return o
}

// defineExternalEvent brings the definition of an ExternalEvent of type T with the workflow.
func defineExternalEvent[T any](b *builder, name string, o eventOptions) {
	if !validName(name) {
		b.fail("event name %q: use letters, digits and inner hyphens", name)
	}
	if o.external {
		return
	}
	content, err := returnType[T]()
	if err != nil {
		b.fail("event %q: %v", name, err)
	}
	b.define(name, &lhpb.PutExternalEventDefRequest{
		Name: name, ContentType: content, CorrelatedEventConfig: o.correlation,
	})
}

// EventNode waits for an ExternalEvent. It is also the event's content.
type EventNode[T any] struct {
	Value[T]
	FailureHandlers[*EventNode[T]]
	event *lhpb.ExternalEventNode
}

// Event waits for an ExternalEvent whose content is a T; None means no content and any means anything. The workflow
// registers the event's definition, unless External says otherwise.
func Event[T any](t *Thread, name string, options ...EventOption) *EventNode[T] {
	defineExternalEvent[T](t.b, name, eventOptionsOf(options))
	spec := &lhpb.ExternalEventNode{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: name}}
	n := t.add(name, "EXTERNAL_EVENT", &lhpb.Node{Node: &lhpb.Node_ExternalEvent{ExternalEvent: spec}})
	out := &EventNode[T]{Value: outputOf[T](n), event: spec}
	out.attach(out, n)
	return out
}

// WaitForEvent is Event for content of any type whose definition somebody else registers.
func (t *Thread) WaitForEvent(name string) *EventNode[any] { return Event[any](t, name, External()) }

// Timeout is how long to wait before the node fails with Timeout. Whole seconds, rounded up.
func (n *EventNode[T]) Timeout(d time.Duration) *EventNode[T] {
	if d <= 0 {
		n.node.thread.b.fail("Timeout must be positive: %v", d)
		return n
	}
	return n.TimeoutSeconds(Lit(seconds(d)))
}

// TimeoutSeconds is Timeout with a number of seconds that is known at run time.
func (n *EventNode[T]) TimeoutSeconds(s Arg[int64]) *EventNode[T] {
	n.event.TimeoutSeconds = n.node.thread.assignAs(s, primitive(lhpb.VariableType_INT), "TimeoutSeconds").pb
	return n
}

// CorrelatedBy lets an event find the WfRun by a key instead of its id.
func (n *EventNode[T]) CorrelatedBy(key any) *EventNode[T] {
	n.event.CorrelationKey = n.node.thread.assignAs(key, primitive(lhpb.VariableType_STR), "CorrelatedBy").pb
	return n
}

// MaskCorrelationKey hides the key from everyone who reads it through the API.
func (n *EventNode[T]) MaskCorrelationKey() *EventNode[T] {
	n.event.MaskCorrelationKey = true
	return n
}

// OnInterrupt runs a handler thread whenever an ExternalEvent with content T arrives; the interrupted thread halts until
// the handler ends. The workflow registers the event's definition, unless External says otherwise.
func OnInterrupt[T any](t *Thread, event string, handler func(h *Thread, content *Var[T]), options ...EventOption) {
	defineExternalEvent[T](t.b, event, eventOptionsOf(options))
	t.interrupt(event, func(h *Thread) { handler(h, Input[T](h)) })
}

// OnInterrupt is the function OnInterrupt for a handler that does not read the event's content, whatever it is, and whose
// definition somebody else registers.
func (t *Thread) OnInterrupt(event string, handler func(h *Thread)) {
	defineExternalEvent[any](t.b, event, eventOptions{external: true})
	t.interrupt(event, handler)
}

func (t *Thread) interrupt(event string, handler func(*Thread)) {
	if t.done || t.b.active != t {
		t.b.fail("thread %q is not being described now", t.name)
		return
	}
	t.spec.InterruptDefs = append(t.spec.InterruptDefs, &lhpb.InterruptDef{
		ExternalEventDefId: &lhpb.ExternalEventDefId{Name: event},
		HandlerSpecName:    t.b.thread("interrupt-"+event, t, handler).name,
	})
}

// ThrowNode throws a WorkflowEvent.
type ThrowNode struct {
	FailureHandlers[*ThrowNode]
}

// Throw throws a WorkflowEvent, for which clients can wait. The workflow registers the event's definition.
func Throw[T any](t *Thread, event string, content Arg[T]) *ThrowNode {
	typ, err := returnType[T]()
	if err != nil {
		t.b.fail("event %q: %v", event, err)
	}
	t.b.define(event, &lhpb.PutWorkflowEventDefRequest{Name: event, ContentType: typ})
	return t.ThrowEvent(event, content)
}

// ThrowEvent is Throw for an event whose definition somebody else registers.
func (t *Thread) ThrowEvent(event string, content any) *ThrowNode {
	out := &ThrowNode{}
	out.attach(out, t.add("throw-"+event, "THROW_EVENT", &lhpb.Node{Node: &lhpb.Node_ThrowEvent{
		ThrowEvent: &lhpb.ThrowEventNode{
			EventDefId: &lhpb.WorkflowEventDefId{Name: event}, Content: t.assign(content).pb,
		},
	}}))
	return out
}
