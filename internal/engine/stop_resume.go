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
	thread := w.thread(r.ThreadRunNumber)
	if thread == nil || thread.stopped() || w.terminated() {
		return done
	}
	thread.halt(&lhpb.ThreadHaltReason{Reason: &lhpb.ThreadHaltReason_ManualHalt{ManualHalt: &lhpb.ManualHalt{}}})
	w.advance()
	return done
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
	thread := w.thread(r.ThreadRunNumber)
	if thread == nil || !thread.stopped() || w.terminated() {
		return done
	}
	thread.unstop()
	w.advance()
	return done
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
