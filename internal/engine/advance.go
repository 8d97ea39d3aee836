package engine

import (
	"slices"

	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// advance moves the ThreadRuns of the WfRun, node by node and lowest number first, until none can go on.
func (w *wfRun) advance() {
	if w.graph == nil || w.busy {
		return
	}
	w.seeInherited()
	for changed := true; changed; {
		if !w.mayPass() {
			w.fanOutLater()
			return
		}
		changed = w.pass()
		w.followMigration()
	}
	w.archiveRetired()
	w.fanOutLater()
}

// mayPass counts the passes of the command and holds the limits that end it.
func (w *wfRun) mayPass() bool {
	if w.tx.exhausted() {
		w.suspend(w.passes, 0)
		return false
	}
	w.archiveWhenCrowded()
	if w.passes == 0 && !w.resumed && !w.fansOut {
		w.allowance = w.passesForMany()
	}
	w.passes++
	w.level = 0
	switch {
	case w.loopsTightly(), w.nestsTooDeep():
		return false
	case !w.terminated() && !w.roomFor(0):
		w.crash(w.tooManyThreads(0))
		return false
	}
	return true
}

// loopsTightly ends a WfRun in which one thing leads to the next for ever: a ThreadRun that goes on and on, or one
// that starts another that starts another.
func (w *wfRun) loopsTightly() bool {
	if w.passes+w.level <= w.tx.engine.config.MaxPasses+w.allowance {
		return false
	}
	w.crash(fail(lhpb.LHErrorType_INTERNAL_ERROR,
		"Your WfSpec had a tight loop and exceeded the maximum iterations in one command."))
	return true
}

// depth is how far the command has come towards a tight loop, but for what it was allowed because of the many that there were:
// records that go on with its work have no such allowance.
func (w *wfRun) depth(level int) int { return max(0, w.passes+level-w.allowance) }

// nestsTooDeep ends a WfRun in which ThreadRuns stand so deep below each other that what happens to one could cost all above.
func (w *wfRun) nestsTooDeep() bool {
	if !w.tooDeep {
		return false
	}
	w.crash(fail(lhpb.LHErrorType_INTERNAL_ERROR,
		"A ThreadRun would stand more than %d deep below others. Let ThreadRuns start others beside them, not below.", w.tx.engine.config.MaxThreadDepth))
	return true
}

// passesPerEnd is more than the passes that a ThreadRun's end leads to, or an interrupt that is started.
const passesPerEnd = 4

// passesForMany is how many passes more a command may make in a WfRun with many ThreadRuns, or many interrupts that are
// pending: it may end or start them all, one by one. What the command itself starts does not count.
func (w *wfRun) passesForMany() int {
	was := w.row.before
	many := max(0, int(was.GetActive())-w.tx.engine.config.InlineThreads)
	return passesPerEnd * (many + len(was.GetWfRun().GetPendingInterrupts()) + int(was.GetQueued()))
}

// pass steps every ThreadRun once, those included that are started meanwhile. A pass that an earlier record could not
// finish goes on where that ended.
func (w *wfRun) pass() (changed bool) {
	from := w.from
	w.from = 0
	if changed = from > 0; !changed {
		changed = w.startInterrupts()
		changed = w.startFailureHandlers() || changed
	}
	for n := w.nextToSee(from - 1); n >= 0; n = w.nextToSee(n) {
		if w.tx.exhausted() {
			w.suspend(w.passes-1+max(0, w.level-1), n)
			return false
		}
		changed = w.thread(n).step() || changed
		if w.loopsTightly() || w.nestsTooDeep() {
			return false
		}
	}
	return changed
}

// step moves the ThreadRun by at most one node and reports whether anything changed.
func (t *threadRun) step() bool {
	t.fallInLine()
	switch t.status() {
	case lhpb.LHStatus_COMPLETED, lhpb.LHStatus_ERROR, lhpb.LHStatus_EXCEPTION:
		return false
	case lhpb.LHStatus_HALTED:
		return t.tryUnhalt()
	case lhpb.LHStatus_HALTING:
		return t.tryFinishHalting()
	}
	if t.spec == nil {
		return false
	}
	n := t.node()
	if n.failed() {
		return t.goOnAfterFailure(n)
	}
	o, f := n.kind().check(n)
	if f != nil {
		n.fail(f)
		n.explain(f)
		t.failAt(n, f)
		return true
	}
	if o.done {
		n.complete(o)
	}
	if t.migrateFrom(n) {
		return true
	}
	if !o.done {
		return false
	}
	if n.spec().GetExit() != nil {
		t.complete()
		t.run.threadEnded()
		return true
	}
	t.leave(n)
	return true
}

// leave takes the first edge that applies.
func (t *threadRun) leave(n *nodeRun) {
	next, f := n.chooseEdge()
	if f != nil {
		n.fail(f)
		t.failAt(n, f)
		return
	}
	t.moveTo(next)
}

// goOnAfterFailure leaves a node whose failure was handled. A failure on the way finds no handler.
func (t *threadRun) goOnAfterFailure(n *nodeRun) bool {
	next, f := n.chooseEdge()
	if f != nil {
		n.fail(f)
		t.die(f)
		return true
	}
	t.moveTo(next)
	return true
}

// moveTo goes to the node, and deals with a failure to arrive there. One that keeps the ThreadRun at a node
// whose failure was handled finds no handler.
func (t *threadRun) moveTo(next string) {
	left := t.node()
	f := t.goTo(next)
	if f == nil {
		return
	}
	n := t.node()
	again := n == left && n.failed()
	n.fail(f)
	if again {
		t.die(f)
		return
	}
	t.failAt(n, f)
}

// threadEnded lets go on what may have waited for the end of a ThreadRun, a parent WfRun included.
func (w *wfRun) threadEnded() {
	w.tellParent()
	w.advance()
}

func (w *wfRun) tellParent() {
	if !w.terminated() {
		return
	}
	if p := w.parent(); p != nil {
		p.tellOf(w)
		p.advance()
	}
}

// crash ends the WfRun for a reason that no handler is asked about.
func (w *wfRun) crash(f *lhpb.Failure) {
	t := w.entrypoint()
	if t.terminated() {
		return
	}
	n := t.node()
	n.edit().Failures = append(n.edit().Failures, f)
	n.halt()
	t.haltBelow()
	t.fail(f)
	w.followMigration()
	w.tellParent()
}

// suspend leaves the rest of the work to a record of its own, which goes on at that ThreadRun and takes over the count
// of passes. If there is one already, it is left to that.
func (w *wfRun) suspend(passes int, from int32) {
	if w.suspended {
		return
	}
	w.suspended = true
	k := w.keys.Continue(continueAdvance)
	stands := machine.Get[pb.Suspended](w.tx.view, k)
	if w.resumed || stands == nil {
		w.tx.put(k, &pb.Suspended{Passes: uint64(passes), From: from, Allowance: uint64(w.allowance)})
		if !w.followed {
			w.tx.emitContinue(k)
		}
		return
	}
	w.tx.put(k, &pb.Suspended{Passes: max(stands.Passes, uint64(passes)), Allowance: stands.Allowance})
}

// fanOutLater leaves children that are still to be started to a record of its own, unless there is one.
func (w *wfRun) fanOutLater() {
	if !w.goesOnLater {
		return
	}
	w.goesOnLater = false
	if w.terminated() && w.row.now.Sweeps+w.row.now.Rounds == 0 && !w.glancesOn || !w.mayFanOut() {
		return
	}
	w.fansOut, w.fanOutRow = false, &row[pb.Empty, *pb.Empty]{before: empty}
	k := w.keys.Continue(continueFanOut)
	w.tx.put(k, empty)
	w.tx.emitContinue(k)
}

// mayFanOut reports whether this record may go on with what fan-outs and long waits have left: not while a record
// for it is under way. Others would move a chunk each, and leave one more record behind.
func (w *wfRun) mayFanOut() bool {
	if !w.fansOut && w.fanOutRow == nil {
		row := load[pb.Empty](w.tx, w.keys.Continue(continueFanOut))
		w.fanOutRow = &row
	}
	return w.fansOut || w.fanOutRow.before == nil
}

// archiveWhenCrowded archives what has completed when the WfRun has many active ThreadRuns.
func (w *wfRun) archiveWhenCrowded() {
	if w.active() < w.tx.engine.config.archiveFrom() {
		return
	}
	w.archive(func(*threadRun) bool { return true })
}

// archiveRetired archives the ThreadRuns whose retention has elapsed.
func (w *wfRun) archiveRetired() {
	if w.active() > 1 {
		w.archive((*threadRun).retired)
	}
}

// archive moves completed ThreadRuns other than the entrypoint away from the WfRun.
func (w *wfRun) archive(also func(*threadRun) bool) {
	var gone []*threadRun
	for n := w.nextToSee(-1); n >= 0; n = w.nextToSee(n) {
		t := w.thread(n)
		if n != 0 && t.status() == lhpb.LHStatus_COMPLETED && also(t) {
			gone = append(gone, t)
		}
	}
	if len(gone) == 0 {
		return
	}
	w.edit()
	for _, t := range gone {
		t.archive()
		w.gone = append(w.gone, t.number)
	}
	isGone := func(n int32) bool {
		_, found := slices.BinarySearchFunc(gone, n, byNumber)
		return found
	}
	w.row.now.Active -= int32(len(gone))
	w.row.now.Awake = slices.DeleteFunc(w.row.now.Awake, isGone)
	w.loaded = slices.DeleteFunc(w.loaded, func(t *threadRun) bool { return isGone(t.number) })
}

// archive turns the ThreadRun's row into an InactiveThreadRun.
func (t *threadRun) archive() {
	archived := row[lhpb.InactiveThreadRun, *lhpb.InactiveThreadRun]{key: t.run.keys.Inactive(t.number)}
	archived.put(t.run.tx, &lhpb.InactiveThreadRun{
		ThreadRun:      t.get(),
		InactiveReason: &lhpb.InactiveThreadRun_Archived{Archived: &lhpb.ArchivedThreadRunInfo{}},
		Id:             &lhpb.InactiveThreadRunId{WfRunId: t.run.id(), ThreadRunNumber: t.number},
	})
	t.forgetRest()
	t.row.drop(t.run.tx)
}

// retired reports whether the ThreadSpec's retention has elapsed since the end of the ThreadRun.
func (t *threadRun) retired() bool {
	if t.spec == nil || t.spec.Spec.GetRetentionPolicy().GetThreadGcPolicy() == nil || t.get().EndTime == nil {
		return false
	}
	due, ok := addSeconds(t.get().EndTime.AsTime().UnixNano(), t.spec.Spec.RetentionPolicy.GetSecondsAfterThreadTermination())
	return ok && due <= t.run.tx.nowNs
}
