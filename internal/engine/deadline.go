package engine

import (
	"slices"
	"strconv"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// A claimed attempt has a timer, set for its deadline. Attempts of ThreadRun 0 that follow one another without a pause,
// each claimed in the record that ends the one before, share that of the first: the WfRun remembers it, and takes it
// away when ThreadRun 0 goes on to something that is not a task. It comes due before any of their deadlines. Then the
// attempt that runs gets one of its own, unless its time is up, too.

// appendDeadline keeps a timer for each attempt that runs and shares none.
func (t *txn) appendDeadline(c []machine.Change, before, after *lhpb.TaskRun) []machine.Change {
	from, to := t.ownTimer(before, asItWas), t.ownTimer(after, asItIs)
	if from == to {
		return c
	}
	if from != "" && from == t.sharedTimer(t.anyWfRun(before.Id.WfRunId).row.now) {
		from = ""
	}
	var timer *pb.Timer
	if to != "" {
		timer = t.timerOf(after)
	}
	return move(c, from, to, timer)
}

// appendSharedTimer takes a shared timer away that is not needed any more. There was one before it was shared.
func (t *txn) appendSharedTimer(c []machine.Change, before, after *pb.WfRunRow) []machine.Change {
	from, to := t.sharedTimer(before), t.sharedTimer(after)
	switch {
	case from == to:
		return c
	case before == nil:
		return move(c, "", to, empty)
	default:
		return move(c, from, "", nil)
	}
}

func (t *txn) timerOf(k *lhpb.TaskRun) *pb.Timer {
	return &pb.Timer{
		What: &pb.Timer_TaskTimeout_{TaskTimeout: &pb.Timer_TaskTimeout{
			TaskRunId:        k.Id,
			Attempt:          int32(len(k.Attempts) - 1),
			TotalCheckpoints: k.TotalCheckpoints,
		}},
		SetNs: t.nowNs,
	}
}

// side is a state: the one before the record, or what the record makes of it.
type side bool

const (
	asItWas side = false
	asItIs  side = true
)

// ownTimer is the row of the timer of the running attempt; none if nothing runs, or it shares one.
func (t *txn) ownTimer(k *lhpb.TaskRun, s side) keys.Key {
	if k == nil || k.Status != lhpb.TaskStatus_TASK_RUNNING {
		return ""
	}
	due := t.deadline(k)
	if t.shares(k, due, s) {
		return ""
	}
	return t.attemptTimer(lh.WfRunIDString(k.Id.WfRunId), due, k.Id.TaskGuid, int32(len(k.Attempts)-1))
}

// sharedTimer is the row of the timer that the attempts of the WfRun share; none if there is none.
func (t *txn) sharedTimer(w *pb.WfRunRow) keys.Key {
	d := w.GetSharedTimer()
	if d == nil {
		return ""
	}
	return t.attemptTimer(lh.WfRunIDString(w.WfRun.Id), d.DueNs, d.TaskGuid, d.Attempt)
}

func (t *txn) attemptTimer(wfRun string, dueNs int64, guid string, attempt int32) keys.Key {
	return keys.Timer{
		DueNs:  dueNs,
		Tenant: t.keys.Name(),
		Kind:   keys.TimerTaskTimeout,
		ID:     wfRun + "/" + guid + "/" + strconv.Itoa(int(attempt)),
	}.Key()
}

// shares reports whether the attempt goes by the timer of its WfRun: ThreadRun 0 stands at it, and the timer comes
// before its deadline.
func (t *txn) shares(k *lhpb.TaskRun, due int64, s side) bool {
	at := k.Source.GetTaskNode().GetNodeRunId()
	if at == nil || at.ThreadRunNumber != 0 {
		return false
	}
	w := t.anyWfRun(k.Id.WfRunId)
	row := w.row.before
	if s == asItIs {
		row = w.row.now
	}
	if row.GetSharedTimer() == nil || row.SharedTimer.DueNs > due {
		return false
	}
	thread := w.thread(0)
	if thread == nil {
		return false
	}
	stands := thread.row.before
	if s == asItIs {
		stands = thread.row.now
	}
	return stands != nil && stands.CurrentNodePosition == at.Position
}

// deadline is when the running attempt times out: so long after the claim, or after its latest checkpoint.
func (t *txn) deadline(k *lhpb.TaskRun) int64 {
	from := nanos(lastAttempt(k).StartTime)
	if k.TotalCheckpoints > 0 {
		from = max(from, nanos(t.lastCheckpoint(k).GetCreatedAt()))
	}
	due, ok := addSeconds(from, int64(k.TimeoutSeconds))
	if !ok {
		return from
	}
	return due
}

func (t *txn) lastCheckpoint(k *lhpb.TaskRun) *lhpb.Checkpoint {
	number := k.TotalCheckpoints - 1
	if t.checkpoint != nil && t.checkpoint.Id.CheckpointNumber == number {
		return t.checkpoint
	}
	return machine.Get[lhpb.Checkpoint](t.view, t.keys.Run(k.Id.WfRunId).Checkpoint(k.Id.TaskGuid, number))
}

// takeTimerOf lets the attempt that was just claimed, and those that follow, share the timer of the one that this record
// has ended.
func (k *taskRun) takeTimerOf(ended *taskRun) {
	w, was := k.run, ended.row.before
	if ended.run != w || w.row.now.SharedTimer != nil || k != w.taskAt() {
		return
	}
	due := w.tx.deadline(was)
	if due > w.tx.deadline(k.get()) {
		return
	}
	w.edit()
	w.row.now.SharedTimer = &pb.AttemptTimer{DueNs: due, TaskGuid: was.Id.TaskGuid, Attempt: int32(len(was.Attempts) - 1)}
}

// taskAt is the TaskRun at which ThreadRun 0 stands; nil if it stands elsewhere.
func (w *wfRun) taskAt() *taskRun {
	t := w.thread(0)
	if t == nil {
		return nil
	}
	return t.node().taskRun()
}

func (k *taskRun) runs() bool { return k != nil && k.get().Status == lhpb.TaskStatus_TASK_RUNNING }

// endSharing takes the shared timer away if ThreadRun 0 has gone on to something that is not a task.
func (w *wfRun) endSharing() {
	if w.row.now.SharedTimer == nil {
		return
	}
	i, found := slices.BinarySearchFunc(w.loaded, 0, byNumber)
	if !found || !w.loaded[i].row.known {
		return
	}
	if k := w.taskAt(); k != nil && (!w.loaded[i].terminated() || k.runs()) {
		return
	}
	w.edit()
	w.row.now.SharedTimer = nil
}

// leaveTimer gives the attempt that the ThreadRun leaves behind a timer of its own, if it runs on.
func (t *threadRun) leaveTimer() {
	if t.number != 0 || t.run.row.now.SharedTimer == nil || t.get().CurrentNodePosition < 0 {
		return
	}
	if k := t.node().taskRun(); k.runs() {
		k.setTimer()
	}
}

// setTimer gives the attempt that runs a timer of its own.
func (k *taskRun) setTimer() {
	t, task := k.run.tx, k.get()
	t.put(t.attemptTimer(k.run.name, t.deadline(task), task.Id.TaskGuid, k.last()), t.timerOf(task))
}

// sharedTimerDue does what the timer that has come due is for, if attempts share it.
func (w *wfRun) sharedTimerDue() bool {
	if w.row.now == nil || w.tx.timer != w.tx.sharedTimer(w.row.now) {
		return false
	}
	w.edit()
	w.row.now.SharedTimer = nil
	if w.row.now.Deleting {
		return true
	}
	k := w.taskAt()
	switch {
	case !k.runs():
	case w.tx.deadline(k.get()) > w.tx.nowNs:
		k.setTimer()
	default:
		k.timeOut()
		k.goOn()
	}
	return true
}
