package engine

import (
	"slices"

	"littlehorse/lhpb"
)

// halt makes the ThreadRun and its children stop where they can, for the given reason.
func (t *threadRun) halt(reason *lhpb.ThreadHaltReason) {
	if t.terminated() {
		return
	}
	thread := t.edit()
	thread.HaltReasons = append(thread.HaltReasons, reason)
	if thread.Status != lhpb.LHStatus_HALTED {
		thread.Status = lhpb.LHStatus_HALTING
	}
	for _, c := range t.below() {
		if c.interrupts(t) && sparesInterrupts(reason) {
			continue
		}
		c.halt(parentHalted(t.number))
	}
	t.node().halt()
	t.tryFinishHalting()
	t.tellWfRun()
}

// haltBelow halts everything below a ThreadRun that ends.
func (t *threadRun) haltBelow() {
	for _, c := range t.below() {
		c.halt(parentHalted(t.number))
		c.abandon()
	}
}

// below are the ThreadRuns that have not ended and stand directly below this one: its children, and the
// handlers of children that have failed.
func (t *threadRun) below() []*threadRun {
	var out []*threadRun
	for _, c := range t.children() {
		if c.terminated() {
			out = append(out, c.below()...)
		} else {
			out = append(out, c)
		}
	}
	return out
}

// interrupts reports whether this is a handler of an interrupt of the other.
func (t *threadRun) interrupts(other *threadRun) bool {
	return t.get().Type == lhpb.ThreadType_INTERRUPT && t.get().GetParentThreadId() == other.number
}

func sparesInterrupts(r *lhpb.ThreadHaltReason) bool {
	return r.GetPendingInterrupt() != nil || r.GetInterrupted() != nil
}

// tryFinishHalting makes a HALTING ThreadRun HALTED once all below it stand still, and reports whether this
// one does.
func (t *threadRun) tryFinishHalting() bool {
	switch t.status() {
	case lhpb.LHStatus_HALTING:
	case lhpb.LHStatus_RUNNING:
		return false
	default:
		return true
	}
	still := true
	for _, c := range t.below() {
		still = c.tryFinishHalting() && still
	}
	n := t.node()
	n.halt()
	if !still || n.inProgress() {
		return false
	}
	t.edit().Status = lhpb.LHStatus_HALTED
	t.tellWfRun()
	return true
}

// tryUnhalt drops the reasons that hold no longer and lets the ThreadRun go on when none is left.
func (t *threadRun) tryUnhalt() bool {
	held := t.get().HaltReasons
	var left []*lhpb.ThreadHaltReason
	for _, r := range held {
		if !t.resolved(r) {
			left = append(left, r)
		}
	}
	changed := len(left) < len(held)
	if changed {
		t.edit().HaltReasons = left
	}
	if len(left) == 0 {
		t.unhalt()
		changed = true
	}
	t.tellWfRun()
	return changed
}

// unhalt lets a HALTED ThreadRun go on.
func (t *threadRun) unhalt() {
	n := t.node()
	if f := n.lastFailure(); f != nil && !f.WasProperlyHandled {
		t.die(f)
		return
	}
	t.edit().Status = lhpb.LHStatus_RUNNING
	n.resume()
}

// tellWfRun lets the WfRun follow its ThreadRun 0 in and out of a halt.
func (t *threadRun) tellWfRun() {
	if t.number == 0 {
		t.run.followEntrypoint()
	}
}

// resolved reports whether a reason to be halted holds no longer.
func (t *threadRun) resolved(reason *lhpb.ThreadHaltReason) bool {
	switch r := reason.GetReason().(type) {
	case *lhpb.ThreadHaltReason_ParentHalted:
		return t.parentGoesOn(r.ParentHalted.ParentThreadId)
	case *lhpb.ThreadHaltReason_Interrupted:
		return t.run.statusOf(r.Interrupted.InterruptThreadId) == lhpb.LHStatus_COMPLETED
	case *lhpb.ThreadHaltReason_HandlingFailure:
		return t.failureDealtWith(r.HandlingFailure.HandlerThreadId)
	default:
		return false
	}
}

// statusOf is the status of any ThreadRun there ever was: those not active any more have completed.
func (w *wfRun) statusOf(n int32) lhpb.LHStatus {
	if t := w.thread(n); t != nil {
		return t.status()
	}
	return lhpb.LHStatus_COMPLETED
}

// parentGoesOn reports whether a parent does not hold this ThreadRun back: it runs or has completed, or it
// waits for nothing but handlers such as this one.
func (t *threadRun) parentGoesOn(parent int32) bool {
	p := t.run.thread(parent)
	if p == nil {
		return true
	}
	switch p.status() {
	case lhpb.LHStatus_RUNNING, lhpb.LHStatus_COMPLETED:
		return true
	case lhpb.LHStatus_ERROR, lhpb.LHStatus_EXCEPTION:
		return false
	}
	for _, r := range p.get().HaltReasons {
		if !t.mayRunDespite(p, r) {
			return false
		}
	}
	return true
}

// mayRunDespite reports whether this ThreadRun runs although its parent is halted for the reason: if it is
// the handler that the parent waits for. Interrupts go before failure handlers.
func (t *threadRun) mayRunDespite(p *threadRun, reason *lhpb.ThreadHaltReason) bool {
	switch r := reason.GetReason().(type) {
	case *lhpb.ThreadHaltReason_HandlingFailure:
		return r.HandlingFailure.HandlerThreadId == t.number || t.interrupts(p)
	case *lhpb.ThreadHaltReason_Interrupted, *lhpb.ThreadHaltReason_PendingInterrupt, *lhpb.ThreadHaltReason_PendingFailure:
		return t.interrupts(p)
	default:
		return false
	}
}

// failureDealtWith reports whether the handler has ended; if it ended well, the failure counts as handled.
func (t *threadRun) failureDealtWith(handler int32) bool {
	status := t.run.statusOf(handler)
	if status != lhpb.LHStatus_COMPLETED {
		return failed(status)
	}
	n := t.node()
	if !n.failed() {
		return true
	}
	n.editLastFailure().WasProperlyHandled = true
	for _, waited := range n.get().GetWaitForThreads().GetThreads() {
		if failed(t.run.statusOf(waited.ThreadRunNumber)) {
			t.markHandled(waited.ThreadRunNumber)
		}
	}
	return true
}

// haltedForGood reports whether the ThreadRun is halted for more than a handler's sake.
func (t *threadRun) haltedForGood() bool {
	return slices.ContainsFunc(t.get().HaltReasons, isLasting)
}

// isLasting tells reasons that are not a handler's sake.
func isLasting(r *lhpb.ThreadHaltReason) bool {
	return r.GetManualHalt() != nil || r.GetParentHalted() != nil || r.GetHaltedByParent() != nil
}

// replaceReason puts the new reason where the old one stood.
func (t *threadRun) replaceReason(old func(*lhpb.ThreadHaltReason) bool, reason *lhpb.ThreadHaltReason) {
	thread := t.edit()
	if i := slices.IndexFunc(thread.HaltReasons, old); i >= 0 {
		thread.HaltReasons[i] = reason
		return
	}
	thread.HaltReasons = append(thread.HaltReasons, reason)
}

func parentHalted(parent int32) *lhpb.ThreadHaltReason {
	return &lhpb.ThreadHaltReason{Reason: &lhpb.ThreadHaltReason_ParentHalted{
		ParentHalted: &lhpb.ParentHalted{ParentThreadId: parent},
	}}
}
