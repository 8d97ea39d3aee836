package engine

import (
	"slices"

	"littlehorse/internal/machine"
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
	t.run.moved += costOfMoving
	t.forgetRest()
	t.eachBelow(false, func(c *threadRun) {
		if !c.interrupts(t) || !sparesInterrupts(reason) {
			c.halt(parentHalted(t.number))
		}
	})
	t.node().halt()
	t.tryFinishHalting()
	t.tell()
	t.tellWfRun()
}

// haltBelow halts everything below a ThreadRun that ends.
func (t *threadRun) haltBelow() {
	t.eachBelow(true, func(c *threadRun) {
		if !t.holds(c) {
			c.halt(parentHalted(t.number))
		}
		c.abandon()
	})
}

// holds reports whether the ThreadRun stands still, and the one below with it.
func (t *threadRun) holds(below *threadRun) bool {
	if t.status() != lhpb.LHStatus_HALTED && t.status() != lhpb.LHStatus_HALTING {
		return false
	}
	return below.heldBy(t.number)
}

// heldBy reports whether the ThreadRun was halted with the one above.
func (t *threadRun) heldBy(above int32) bool {
	return slices.ContainsFunc(t.get().HaltReasons, func(r *lhpb.ThreadHaltReason) bool {
		return r.GetParentHalted() != nil && r.GetParentHalted().ParentThreadId == above
	})
}

// seeBelow makes records look at what was halted with the ThreadRun.
func (t *threadRun) seeBelow() {
	t.eachBelow(false, func(*threadRun) { t.run.moved += costOfMoving })
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
	n := t.node()
	n.halt()
	if t.isRestless(halting) || n.inProgress() {
		return false
	}
	t.forgetRestless()
	t.edit().Status = lhpb.LHStatus_HALTED
	t.tell()
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
		t.seeHandlers()
	}
	switch {
	case len(left) > 0:
	case t.nextQueued() != nil:
		changed = true // it is started in the next pass
	default:
		t.unhalt()
		changed = true
	}
	t.tellWfRun()
	return changed
}

// seeHandlers makes the record look at the handlers that the ThreadRun waits for: they may have been halted with
// it for a reason that is gone.
func (t *threadRun) seeHandlers() {
	for _, r := range t.get().HaltReasons {
		switch k := r.Reason.(type) {
		case *lhpb.ThreadHaltReason_Interrupted:
			t.run.thread(k.Interrupted.InterruptThreadId)
		case *lhpb.ThreadHaltReason_HandlingFailure:
			t.run.thread(k.HandlingFailure.HandlerThreadId)
		}
	}
}

// unhalt lets a HALTED ThreadRun go on.
func (t *threadRun) unhalt() {
	n := t.node()
	if f := n.lastFailure(); f != nil && !f.WasProperlyHandled {
		t.die(f)
		return
	}
	t.edit().Status = lhpb.LHStatus_RUNNING
	t.stir()
	t.forgetRest()
	n.resume()
	t.tell()
	t.seeBelow()
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

// statusOf is the status of any ThreadRun there ever was: those not active any more have completed. To be asked
// for its status is no reason for a ThreadRun to be looked at.
func (w *wfRun) statusOf(n int32) lhpb.LHStatus {
	if i, found := slices.BinarySearchFunc(w.loaded, n, byNumber); found {
		return w.loaded[i].status()
	}
	stored := machine.Get[lhpb.ThreadRun](w.tx.view, w.keys.ThreadRun(n))
	if stored == nil || slices.Contains(w.gone, n) {
		return lhpb.LHStatus_COMPLETED
	}
	return stored.Status
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
	case lhpb.LHStatus_HALTING:
		if len(p.get().HaltReasons) == 0 && p.hasMany() {
			return false // it goes on once all stand still
		}
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
	if !n.lastFailure().WasProperlyHandled {
		n.editLastFailure().WasProperlyHandled = true
	}
	if n.markAllHandled() {
		return true
	}
	t.lookLater()
	return false
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
