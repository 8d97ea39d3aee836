package engine

import (
	"slices"

	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/lhpb"
)

// stopWfRun halts a ThreadRun until it is resumed.
func (t *txn) stopWfRun(r *lhpb.StopWfRunRequest) machine.Reply {
	w := t.wfRun(r.GetWfRunId())
	if w == nil {
		return refusef(lh.NotFound, "Couldn't find specified WfRun")
	}
	if !w.knownThread(int64(r.ThreadRunNumber)) {
		return refusef(lh.InvalidArgument, "Tried to stop a non-existent thread id.")
	}
	if w.graph == nil {
		return refuse(w.specGone())
	}
	w.stop(r.ThreadRunNumber)
	return done
}

// stop halts a ThreadRun that is not stopped, and reports whether it is one. The WfSpec must be there.
func (w *wfRun) stop(number int32) bool {
	thread := w.thread(number)
	if thread == nil || thread.stopped() || w.terminated() {
		return false
	}
	thread.halt(&lhpb.ThreadHaltReason{Reason: &lhpb.ThreadHaltReason_ManualHalt{ManualHalt: &lhpb.ManualHalt{}}})
	w.advance()
	return true
}

// resumeWfRun lets a stopped ThreadRun go on.
func (t *txn) resumeWfRun(r *lhpb.ResumeWfRunRequest) machine.Reply {
	w := t.wfRun(r.GetWfRunId())
	if w == nil {
		return refusef(lh.NotFound, "Couldn't find provided WfRun")
	}
	if !w.knownThread(int64(r.ThreadRunNumber)) {
		return refusef(lh.InvalidArgument, "Tried to resume a non-existent thread id.")
	}
	if w.graph == nil {
		return refuse(w.specGone())
	}
	w.unstop(r.ThreadRunNumber)
	return done
}

// unstop lets a ThreadRun go on that is stopped, and reports whether it is one. The WfSpec must be there.
func (w *wfRun) unstop(number int32) bool {
	thread := w.thread(number)
	if thread == nil || !thread.stopped() || w.terminated() {
		return false
	}
	thread.unstop()
	w.advance()
	return true
}

func isManual(r *lhpb.ThreadHaltReason) bool { return r.GetManualHalt() != nil }

func (t *threadRun) stopped() bool { return slices.ContainsFunc(t.get().HaltReasons, isManual) }

func (t *threadRun) unstop() {
	thread := t.edit()
	thread.HaltReasons = slices.DeleteFunc(thread.HaltReasons, isManual)
	t.stir()
	t.seeHandlers()
	t.tellWfRun()
}
