package engine

import (
	"slices"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
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
	for _, c := range t.below(0) {
		if c.interrupts(t) && sparesInterrupts(reason) {
			continue
		}
		c.halt(parentHalted(t.number))
	}
	t.node().halt()
	t.tryFinishHalting()
	t.tell()
	t.tellWfRun()
}

// haltBelow halts everything below a ThreadRun that ends.
func (t *threadRun) haltBelow() {
	for _, c := range t.below(0) {
		if !t.holds(c) {
			c.halt(parentHalted(t.number))
		}
		c.abandon()
	}
}

// holds reports whether the ThreadRun stands still, and the one below with it.
func (t *threadRun) holds(below *threadRun) bool {
	if t.status() != lhpb.LHStatus_HALTED && t.status() != lhpb.LHStatus_HALTING {
		return false
	}
	return slices.ContainsFunc(below.get().HaltReasons, func(r *lhpb.ThreadHaltReason) bool {
		return r.GetParentHalted() != nil && r.GetParentHalted().ParentThreadId == t.number
	})
}

// seeBelow makes the record look at what was halted with the ThreadRun.
func (t *threadRun) seeBelow() { t.below(0) }

// below are the ThreadRuns that have not ended and stand directly below this one: its children, and the
// handlers of children that have failed. Children below number from are left out.
func (t *threadRun) below(from int32) []*threadRun {
	var out []*threadRun
	for c := range t.childrenAbove(from) {
		if c.terminated() {
			out = append(out, c.below(0)...)
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
	n := t.node()
	n.halt()
	if t.movesBelow() || n.inProgress() {
		return false
	}
	t.forgetRestless()
	t.edit().Status = lhpb.LHStatus_HALTED
	t.tell()
	t.tellWfRun()
	return true
}

// movesBelow reports whether something below a HALTING ThreadRun does not stand still yet, and watches it then.
func (t *threadRun) movesBelow() bool {
	if t.stillWatches((*threadRun).moving) {
		return true
	}
	from := t.forgetRestless()
	return t.movesFrom(from) || from > 0 && t.movesFrom(0)
}

func (t *threadRun) movesFrom(from int32) bool {
	for c := range t.childrenAbove(from) {
		if m := c.moving(); m != nil {
			t.waitUntilStill(m, c.number)
			return true
		}
	}
	return false
}

// moving is the ThreadRun itself, or one below if it has ended, that does not stand still; nil if all do.
func (t *threadRun) moving() *threadRun {
	if !t.terminated() {
		if t.tryFinishHalting() {
			return nil
		}
		return t
	}
	for c := range t.children() {
		if m := c.moving(); m != nil {
			return m
		}
	}
	return nil
}

// waitUntilStill lets the ThreadRun be looked at again when the one below has changed.
func (t *threadRun) waitUntilStill(below *threadRun, from int32) {
	t.restless, t.from = below, from
	t.watch(keys.ThreadSubject(below.number), &pb.Watch{From: from})
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
	if len(left) == 0 {
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
	for i := range n.entries() {
		if waited := n.entry(i).ThreadRunNumber; failed(t.run.statusOf(waited)) {
			t.markHandled(waited)
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
