package engine

import (
	"fmt"
	"slices"

	"littlehorse/lhpb"
)

// fail makes a technical failure.
func fail(kind lhpb.LHErrorType, format string, args ...any) *lhpb.Failure {
	return &lhpb.Failure{FailureName: kind.String(), Message: fmt.Sprintf(format, args...)}
}

// isError tells technical failures from business exceptions: by the name alone.
func isError(failureName string) bool {
	_, technical := lhpb.LHErrorType_value[failureName]
	return technical
}

func failureStatus(failureName string) lhpb.LHStatus {
	if isError(failureName) {
		return lhpb.LHStatus_ERROR
	}
	return lhpb.LHStatus_EXCEPTION
}

// handlerFor is the first handler of the list that catches the failure; nil if none does.
func handlerFor(handlers []*lhpb.FailureHandlerDef, failureName string) *lhpb.FailureHandlerDef {
	for _, h := range handlers {
		if catches(h, failureName) {
			return h
		}
	}
	return nil
}

func catches(h *lhpb.FailureHandlerDef, failureName string) bool {
	switch c := h.GetFailureToCatch().(type) {
	case *lhpb.FailureHandlerDef_AnyFailureOfType:
		return isError(failureName) == (c.AnyFailureOfType == lhpb.FailureHandlerDef_FAILURE_TYPE_ERROR)
	case *lhpb.FailureHandlerDef_SpecificFailure:
		return c.SpecificFailure == failureName || c.SpecificFailure == groupOf(failureName)
	default:
		return true
	}
}

// groupOf is the name that stands for the failure among others.
func groupOf(failureName string) string {
	switch failureName {
	case lhpb.LHErrorType_VAR_SUB_ERROR.String(), lhpb.LHErrorType_VAR_MUTATION_ERROR.String():
		return lhpb.LHErrorType_VAR_ERROR.String()
	case lhpb.LHErrorType_TASK_FAILURE.String(), lhpb.LHErrorType_TIMEOUT.String():
		return lhpb.LHErrorType_TASK_ERROR.String()
	default:
		return failureName
	}
}

// failAt deals with a failure that the current NodeRun shows: a handler of the node, or the end.
func (t *threadRun) failAt(n *nodeRun, f *lhpb.Failure) {
	h := handlerFor(n.spec().GetFailureHandlers(), f.FailureName)
	if h == nil {
		t.fall(f)
		n.showHalts()
		t.run.threadEnded()
		return
	}
	wf := t.run.edit()
	wf.PendingFailures = append(wf.PendingFailures, &lhpb.PendingFailureHandler{
		FailedThreadRun: t.number,
		HandlerSpecName: h.HandlerSpecName,
	})
	t.halt(&lhpb.ThreadHaltReason{Reason: &lhpb.ThreadHaltReason_PendingFailure{
		PendingFailure: &lhpb.PendingFailureHandlerHaltReason{NodeRunPosition: n.position},
	}})
	n.showHalts()
}

// die ends the ThreadRun with a failure that nothing handles.
func (t *threadRun) die(f *lhpb.Failure) {
	t.fall(f)
	t.run.threadEnded()
}

// fall fails the ThreadRun and, if it was a handler, what it was a handler for.
func (t *threadRun) fall(f *lhpb.Failure) {
	t.haltBelow()
	t.fail(f)
	p := t.parent()
	if p == nil || p.terminated() {
		return
	}
	switch {
	case t.get().Type == lhpb.ThreadType_INTERRUPT:
		failure := &lhpb.Failure{
			FailureName: f.FailureName,
			Message:     fmt.Sprintf("Interrupt thread with id %d failed!", t.number),
			Content:     f.Content,
		}
		p.node().fail(failure)
		p.fall(failure)
	case p.handledBy(t.number):
		p.fall(f)
	}
}

// handledBy reports whether the ThreadRun waits for that handler of its failure.
func (t *threadRun) handledBy(handler int32) bool {
	return slices.ContainsFunc(t.get().HaltReasons, func(r *lhpb.ThreadHaltReason) bool {
		return r.GetHandlingFailure() != nil && r.GetHandlingFailure().HandlerThreadId == handler
	})
}

// startFailureHandlers starts the handlers of those failed ThreadRuns that stand still, newest first. One that
// is halted by something else too waits until that is over.
func (w *wfRun) startFailureHandlers() (changed bool) {
	for i := len(w.wf().PendingFailures) - 1; i >= 0; i-- {
		if i >= len(w.wf().PendingFailures) {
			continue
		}
		p := w.wf().PendingFailures[i]
		t := w.thread(p.FailedThreadRun)
		if t != nil && !t.readyForHandler() {
			continue
		}
		wf := w.edit()
		wf.PendingFailures = slices.Delete(wf.PendingFailures, i, i+1)
		changed = true
		if t != nil && !t.terminated() {
			t.startFailureHandler(p.HandlerSpecName)
		}
	}
	return changed
}

// readyForHandler reports whether the ThreadRun stands still for its handler's sake alone, or has ended.
func (t *threadRun) readyForHandler() bool {
	return t.terminated() || t.spec != nil && t.tryFinishHalting() && !t.haltedForGood()
}

func (t *threadRun) startFailureHandler(handlerSpec string) {
	n := t.node()
	spec := t.graph.Threads[handlerSpec]
	if f := t.run.mayStartHandler(spec, handlerSpec); f != nil {
		n.fail(f)
		t.die(f)
		return
	}
	h := t.run.start(threadStart{
		graph:   t.graph,
		spec:    spec,
		kind:    lhpb.ThreadType_FAILURE_HANDLER,
		parent:  t,
		inputs:  handlerInput(spec, n.lastFailure().GetContent()),
		failure: n.failureBeingHandled(),
	})
	n.handledIn(h)
	t.replaceReason(
		func(r *lhpb.ThreadHaltReason) bool { return r.GetPendingFailure() != nil },
		&lhpb.ThreadHaltReason{Reason: &lhpb.ThreadHaltReason_HandlingFailure{
			HandlingFailure: &lhpb.HandlingFailureHaltReason{HandlerThreadId: h.number},
		}},
	)
}

// failureBeingHandled names the latest failure of the NodeRun.
func (n *nodeRun) failureBeingHandled() *lhpb.FailureBeingHandled {
	return &lhpb.FailureBeingHandled{
		ThreadRunNumber: n.thread.number,
		NodeRunPosition: n.position,
		FailureNumber:   int32(len(n.get().Failures) - 1),
	}
}

// handledIn notes the ThreadRun that handles the latest failure.
func (n *nodeRun) handledIn(h *threadRun) {
	run := n.edit()
	run.FailureHandlerIds = append(run.FailureHandlerIds, h.number)
	n.editLastFailure().FailureHandlerThreadrunId = new(h.number)
}

// failWaiting fails a NodeRun that waits, for something that a timer has met.
func (n *nodeRun) failWaiting(f *lhpb.Failure) {
	n.fail(f)
	n.explain(f)
	n.thread.failAt(n, f)
	n.thread.run.advance()
}
