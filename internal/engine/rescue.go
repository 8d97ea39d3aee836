package engine

import (
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/lhpb"
)

// rescueThreadRun lets a ThreadRun that is in ERROR try its node again, or skip it.
func (t *txn) rescueThreadRun(r *lhpb.RescueThreadRunRequest) machine.Reply {
	w := t.wfRun(r.GetWfRunId())
	if w == nil {
		return refusef(lh.NotFound, "Couldn't find specified WfRun")
	}
	if !w.knownThread(int64(r.ThreadRunNumber)) {
		return refusef(lh.InvalidArgument, "Tried to rescue a non-existent thread id.")
	}
	if w.graph == nil {
		return refuse(w.specGone())
	}
	if err := w.rescue(r.ThreadRunNumber, r.SkipCurrentNode); err != nil {
		return refuse(err)
	}
	w.advance()
	if p := w.parent(); p != nil {
		p.advance()
	}
	return w.answer()
}

// rescue revives the ThreadRun, and those that failed because it did.
func (w *wfRun) rescue(number int32, skip bool) *lh.Error {
	t := w.thread(number)
	if err := w.mayRescue(t, number); err != nil {
		return err
	}
	failedAt := t.node()
	next := failedAt.get().NodeName
	if skip {
		var f *lhpb.Failure
		if next, f = failedAt.chooseEdge(); f != nil {
			return couldNotRescue(f)
		}
	}
	t.rescue()
	if f := t.goTo(next); f != nil {
		return couldNotRescue(f)
	}
	if number == 0 {
		return w.rescueWaiter()
	}
	return t.rescueParent()
}

// rescueParent revives the parent if it failed because this ThreadRun did. What is rescued below a halted
// ThreadRun halts with it.
func (t *threadRun) rescueParent() *lh.Error {
	switch p := t.parent(); {
	case p.failedByChild():
		return t.run.rescue(p.number, false)
	case p.terminated():
		return lh.Errorf(lh.FailedPrecondition, "Could not rescue threadRun: its parent ThreadRun %d is %s for another reason, rescue that first",
			p.number, p.status())
	case p.status() != lhpb.LHStatus_RUNNING:
		t.halt(parentHalted(p.number))
	}
	return nil
}

func couldNotRescue(f *lhpb.Failure) *lh.Error {
	return lh.Errorf(lh.FailedPrecondition, "Could not rescue threadRun: %s: %s", f.FailureName, f.Message)
}

func (w *wfRun) mayRescue(t *threadRun, number int32) *lh.Error {
	if t == nil {
		return lh.Errorf(lh.FailedPrecondition, "Specified ThreadRun %d has status COMPLETED and is archived, not ERROR", number)
	}
	if t.status() != lhpb.LHStatus_ERROR {
		return lh.Errorf(lh.FailedPrecondition, "Specified ThreadRun has status %s, not ERROR", t.status())
	}
	if t.spec == nil {
		return w.specGone()
	}
	for a := t; ; {
		p := a.parent()
		if p == nil {
			return nil
		}
		if p.handled(a.number) {
			return lh.Errorf(lh.FailedPrecondition, "The failure of ThreadRun %d was already handled by ThreadRun %d", a.number, p.number)
		}
		a = p
	}
}

// failedByChild reports whether the ThreadRun is in ERROR because a child failed.
func (t *threadRun) failedByChild() bool {
	if t.status() != lhpb.LHStatus_ERROR || t.spec == nil {
		return false
	}
	n := t.node()
	if n.get().GetWaitForThreads() == nil && n.get().GetExit() == nil {
		return false
	}
	return n.lastFailure().GetFailureName() == lhpb.LHErrorType_CHILD_FAILURE.String()
}

// rescueWaiter revives the ThreadRun of the parent WfRun that waited for this one.
func (w *wfRun) rescueWaiter() *lh.Error {
	at := w.wf().GetParentTrigger().GetWaitingNodeRun()
	p := w.parent()
	if at == nil || p == nil || p.graph == nil {
		return nil
	}
	t := p.thread(at.ThreadRunNumber)
	if t != nil {
		if n := t.nodeAt(at.Position); n != nil && n.lastFailure().GetWasProperlyHandled() {
			return lh.Errorf(lh.FailedPrecondition, "The failure of WfRun %s was already handled by its parent", w.name)
		}
	}
	return p.rescue(at.ThreadRunNumber, false)
}
