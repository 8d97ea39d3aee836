package engine

import (
	"slices"

	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// inputVariable is the variable by which handlers and the ThreadRuns of a list get their item.
const inputVariable = "INPUT"

// handlerInput is the content for a handler that declares a variable to take it.
func handlerInput(s *spec.Thread, content *lhpb.VariableValue) map[string]*lhpb.VariableValue {
	if len(s.Vars) == 0 {
		return nil
	}
	return map[string]*lhpb.VariableValue{inputVariable: content}
}

// mayStartHandler reports why a handler cannot be started; nil if it can.
func (w *wfRun) mayStartHandler(s *spec.Thread, name string) *lhpb.Failure {
	if s == nil {
		return fail(lhpb.LHErrorType_INTERNAL_ERROR, "The WfSpec has no handler ThreadSpec %s.", name)
	}
	if !w.roomFor(1) {
		return w.tooManyThreads(1)
	}
	return nil
}

// watchInterrupts lets the ThreadRun know of the events that interrupt it, wherever it stands.
func (t *threadRun) watchInterrupts() {
	if t.spec == nil {
		return
	}
	for _, def := range sortedKeys(t.spec.Interrupts) {
		t.watch(keys.TriggerSubject(def), &pb.Watch{})
	}
}

func (t *threadRun) unwatchInterrupts() {
	if t.spec == nil {
		return
	}
	for _, def := range sortedKeys(t.spec.Interrupts) {
		t.unwatch(keys.TriggerSubject(def))
	}
}

// interrupt offers a new ExternalEvent to every ThreadRun that it may interrupt.
func (w *wfRun) interrupt(e *externalEvent) {
	if w.terminated() {
		return
	}
	if only := e.get().ThreadRunNumber; only != nil {
		w.thread(*only).interruptIfTold(e)
		return
	}
	next, left := w.interruptSome(e, 0, w.beyondAll())
	if !left {
		return
	}
	e.take(w.tx)
	id := e.get().Id
	s := keys.InterruptSubject(e.def(), nanos(e.get().CreatedAt), id.Guid)
	w.leaveRound(s, &pb.Round{From: next, Beyond: w.beyondAll(), Event: id})
}

// interruptSome offers the event to those ThreadRuns, as far as the record may.
func (w *wfRun) interruptSome(e *externalEvent, from, beyond int32) (next int32, left bool) {
	if e.get() == nil {
		return 0, false
	}
	for by := range w.watches(keys.TriggerSubject(e.def()), from) {
		switch {
		case by >= beyond:
			return 0, false
		case !w.mayTell() || !w.mayMove():
			return by, true
		}
		w.meet(by).interruptIfTold(e)
	}
	return 0, false
}

// interruptIfTold interrupts the ThreadRun, nil for none, if the event is one of those that do.
func (t *threadRun) interruptIfTold(e *externalEvent) {
	if t != nil && t.spec != nil && t.spec.Interrupts[e.def()] != nil && !t.terminated() {
		t.interrupt(e)
	}
}

// interrupt halts the ThreadRun until the handler of the event is done.
func (t *threadRun) interrupt(e *externalEvent) {
	e.take(t.run.tx)
	t.queue(&lhpb.PendingInterrupt{
		ExternalEventId:     e.get().Id,
		HandlerSpecName:     t.spec.Interrupts[e.def()].HandlerSpecName,
		InterruptedThreadId: t.number,
	})
}

// startInterrupts starts at most one pending interrupt of each ThreadRun that stands still, newest first.
func (w *wfRun) startInterrupts() (changed bool) {
	var started []int32
	for _, t := range w.queuedFirst() {
		if t.startNextQueued() {
			started = append(started, t.number)
		}
	}
	changed = len(started) > 0
	for i := len(w.wf().PendingInterrupts) - 1; i >= 0; i-- {
		if i >= len(w.wf().PendingInterrupts) {
			continue
		}
		p := w.wf().PendingInterrupts[i]
		t := w.thread(p.InterruptedThreadId)
		if slices.Contains(started, p.InterruptedThreadId) || t != nil && !t.readyForHandler() {
			continue
		}
		wf := w.edit()
		wf.PendingInterrupts = slices.Delete(wf.PendingInterrupts, i, i+1)
		changed = true
		if t != nil && !t.terminated() {
			started = append(started, p.InterruptedThreadId)
			t.startInterrupt(p)
		}
	}
	return changed
}

func (t *threadRun) startInterrupt(p *lhpb.PendingInterrupt) {
	spec := t.graph.Threads[p.HandlerSpecName]
	if f := t.run.mayStartHandler(spec, p.HandlerSpecName); f != nil {
		t.node().fail(f)
		t.die(f)
		return
	}
	h := t.run.start(threadStart{
		graph:   t.graph,
		spec:    spec,
		kind:    lhpb.ThreadType_INTERRUPT,
		parent:  t,
		inputs:  handlerInput(spec, t.run.externalEvent(p.ExternalEventId).content()),
		trigger: p.ExternalEventId,
	})
	t.replaceReason(
		func(r *lhpb.ThreadHaltReason) bool {
			return sameEvent(r.GetPendingInterrupt().GetExternalEventId(), p.ExternalEventId)
		},
		&lhpb.ThreadHaltReason{Reason: &lhpb.ThreadHaltReason_Interrupted{
			Interrupted: &lhpb.Interrupted{InterruptThreadId: h.number},
		}},
	)
}

func sameEvent(a, b *lhpb.ExternalEventId) bool {
	return a != nil && a.GetGuid() == b.GetGuid() &&
		a.GetExternalEventDefId().GetName() == b.GetExternalEventDefId().GetName()
}
