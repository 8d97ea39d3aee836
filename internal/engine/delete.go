package engine

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// What Continue rows of a WfRun stand for.
const (
	continueAdvance = "advance"
	continueFanOut  = "fan-out"
	continueDelete  = "delete"
)

// deleteWfRun deletes a WfRun that has ended or is halted, and all below it, but not its children.
func (t *txn) deleteWfRun(r *lhpb.DeleteWfRunRequest) machine.Reply {
	w := t.wfRun(r.GetId())
	if w != nil && !w.deletable() {
		return refusef(lh.FailedPrecondition, "WfRun %s is %s: it can be deleted once it has ended or is stopped", w.name, w.wf().Status)
	}
	t.deleteRun(w)
	return done
}

// deletable reports whether nothing runs in the WfRun any more. One whose WfSpec is gone can never be stopped.
func (w *wfRun) deletable() bool {
	return w.terminated() || w.wf().Status == lhpb.LHStatus_HALTED || w.graph == nil
}

// retentionElapsed is the timer of a WfRun that ended long enough ago.
func (t *txn) retentionElapsed(id *lhpb.WfRunId, setNs int64) {
	w := t.wfRun(id)
	if w == nil || setNs < nanos(w.wf().StartTime) {
		return
	}
	t.deleteRun(w)
}

func (t *txn) deleteRun(w *wfRun) {
	if w == nil {
		return
	}
	parent := w.parent()
	w.row.edit(t).Deleting = true
	w.deleteChunk()
	if parent != nil {
		parent.tellOf(w)
		parent.advance()
	}
}

// deleteChunk deletes as much as one record may, the WfRun itself last.
func (w *wfRun) deleteChunk() {
	most := w.tx.engine.config.DeleteChunk
	left := most - w.tx.deleted
	for _, drop := range []func(int) int{
		dropper[lhpb.ThreadRun](w, keys.KindThreadRun),
		dropper[lhpb.NodeRun](w, keys.KindNodeRun),
		dropper[lhpb.Variable](w, keys.KindVariable),
		dropper[lhpb.TaskRun](w, keys.KindTaskRun),
		dropper[pb.TaskInputs](w, keys.KindTaskInputs),
		dropper[pb.Lent](w, keys.KindLent),
		dropper[lhpb.Checkpoint](w, keys.KindCheckpoint),
		dropper[lhpb.ExternalEvent](w, keys.KindExternalEvent),
		dropper[lhpb.WorkflowEvent](w, keys.KindWorkflowEvent),
		dropper[lhpb.UserTaskRun](w, keys.KindUserTaskRun),
		dropper[lhpb.InactiveThreadRun](w, keys.KindInactive),
		dropper[pb.NodeOutput](w, keys.KindNodeOutput),
		dropper[pb.FanOut](w, keys.KindFanOut),
		dropper[pb.Empty](w, keys.KindToFanOut),
		dropper[pb.Sweep](w, keys.KindSweep),
		dropper[pb.Rest](w, keys.KindRest),
		dropper[pb.Round](w, keys.KindRound),
		dropper[lhpb.PendingInterrupt](w, keys.KindQueued),
		dropper[pb.Withdrawal](w, keys.KindWithdrawn),
		dropper[pb.Watch](w, keys.KindWatch),
		dropper[pb.Kin](w, keys.KindKin),
		dropper[pb.WaitTally](w, keys.KindWaitTally),
		dropper[lhpb.WaitForThreadsRun](w, keys.KindWaitBlock),
	} {
		left = drop(left)
		w.tx.deleted = most - left
		if left == 0 {
			w.goOnLater()
			return
		}
	}
	w.row.drop(w.tx)
	w.tx.remove(w.keys.Continue(continueAdvance))
	w.tx.remove(w.keys.Continue(continueFanOut))
	w.tx.remove(w.keys.Continue(continueDelete))
}

func (w *wfRun) goOnLater() {
	row := w.keys.Continue(continueDelete)
	w.tx.put(row, empty)
	w.tx.emitContinue(row)
}

// dropper deletes rows of one kind, at most as many as it is told, and says how many more may go.
func dropper[T any, P object[T]](w *wfRun, kind keys.RunKind) func(int) int {
	return func(left int) int {
		prefix := w.keys.Kind(kind)
		for k, v := range machine.Scan[T, P](w.tx.view, prefix, prefix.End(), left) {
			r := &row[T, P]{key: k, before: v, now: v}
			r.drop(w.tx)
			left--
		}
		return left
	}
}

// goOnAt takes up work that one record could not finish.
func (t *txn) goOnAt(k keys.Key) machine.Reply {
	if k.Space() == keys.SpaceObject {
		t.goOnObject(k)
		return done
	}
	run, what, err := keys.ParseContinue(k)
	if err != nil || run.Tenant != t.header.GetTenant() {
		return done
	}
	w := t.anyWfRun(lh.ParseWfRunID(run.WfRun))
	if w.row.now == nil {
		return done
	}
	switch what {
	case continueDelete:
		if w.row.now.Deleting {
			w.deleteChunk()
		}
	case continueAdvance:
		if !w.row.now.Deleting {
			w.resume()
		}
	case continueFanOut:
		if machine.Get[pb.Empty](t.view, k) == nil || w.row.now.Deleting {
			return done
		}
		w.followed = true
		if w.resume() {
			t.emitContinue(k) // its turn comes
			return done
		}
		w.followed = false
		t.remove(k)
		w.goOnFanningOut()
	}
	return done
}

// resume goes on with the work of a record that was cut short, and reports whether there is any.
func (w *wfRun) resume() bool {
	k := w.keys.Continue(continueAdvance)
	stands := machine.Get[pb.Suspended](w.tx.view, k)
	if stands == nil {
		return false
	}
	w.tx.remove(k)
	w.resumed, w.passes, w.from, w.allowance = true, int(stands.Passes), stands.From, int(stands.Allowance)
	w.advance()
	return true
}

// goOnObject takes up work whose row is not one of a WfRun.
func (t *txn) goOnObject(k keys.Key) {
	c, err := keys.ParseCorrelation(k)
	if err == nil && c.Tenant == t.header.GetTenant() && c.Kind == keys.KindCorrelatedEvent {
		t.goOnCorrelating(c)
	}
	if tenant, job, err := keys.ParseBulkShare(k); err == nil && tenant == t.header.GetTenant() {
		t.goOnInBulk(job)
	}
}
