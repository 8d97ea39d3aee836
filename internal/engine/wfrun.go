package engine

import (
	"slices"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// wfRun is a WfRun within a record.
type wfRun struct {
	tx    *txn
	name  string // canonical text of the id
	keys  keys.Run
	row   row[pb.WfRunRow, *pb.WfRunRow]
	graph *spec.Graph // nil if the WfSpec is gone

	loaded []*threadRun // ascending
	gone   []int32      // ThreadRuns archived by this record
	tasks  met[string, *taskRun]
	forms  met[string, *userTaskRun]
	events met[keys.Key, *externalEvent]
	posted *externalEvent   // stored by this record
	thrown map[string]int32 // next number of WorkflowEvents, by definition
	// alerted holds the subjects whose watches were looked at.
	alerted map[keys.Subject]bool
	// renewed holds the watches that this record has set.
	renewed map[watch]bool
	passes  int
	// allowance is how many passes more than usual the command may make.
	allowance int
	// level is how deep the ThreadRuns started each other in this pass.
	level int
	// from is where the pass goes on that an earlier record could not finish; 0 if none was cut short.
	from int32
	// resumed is set in a record that is there to go on with the work of one that was cut short.
	resumed bool
	// followed is set in a record that has another follow it in any case, which goes on with what this one leaves.
	followed bool
	// suspended is set once the rest of the work is left to another record.
	suspended bool
	// fannedOut counts the children that START_MULTIPLE_THREADS nodes have started in this record, and the entries
	// of long waits that were looked at.
	fannedOut int
	// moved is what the record has done to ThreadRuns because of others above them.
	moved  int
	sweeps met[swept, *sweepRow]
	// told is what the record has spent on telling ThreadRuns of what they watch; share is how far a round may go, if one goes on.
	told, share int
	rounds      met[keys.Subject, *roundRow]
	// glanced counts the ThreadRuns of which the record has seen whether they are left to be migrated.
	// glancesOn is set when it has not seen that of all.
	glanced   int
	glancesOn bool
	// tooDeep is set when a ThreadRun was started below more others than may stand above one.
	tooDeep bool
	// looked counts the children of ThreadRuns with many that were looked at; looksNoMore is set when that was too much.
	looked      int
	looksNoMore bool
	// goesOnLater is set when some have more to start, or to look at, than one record may.
	goesOnLater bool
	// fansOut is set in a record that is there to do so; another reads the row that says whether one is under way.
	fansOut   bool
	fanOutRow *row[pb.Empty, *pb.Empty]
	// busy is set while a ThreadRun is between two nodes; an advance asked for meanwhile is left to the one
	// that is under way.
	busy bool
	// rescued is set when this record has rescued ThreadRun 0.
	rescued bool
}

func (w *wfRun) wf() *lhpb.WfRun { return w.row.now.WfRun }

func (w *wfRun) edit() *lhpb.WfRun { return w.row.edit(w.tx).WfRun }

func (w *wfRun) id() *lhpb.WfRunId { return w.wf().Id }

func (w *wfRun) terminated() bool { return terminal(w.wf().Status) }

func terminal(s lhpb.LHStatus) bool {
	return s == lhpb.LHStatus_COMPLETED || failed(s)
}

func failed(s lhpb.LHStatus) bool {
	return s == lhpb.LHStatus_ERROR || s == lhpb.LHStatus_EXCEPTION
}

// active is how many ThreadRuns are not archived.
func (w *wfRun) active() int { return int(w.row.now.Active) }

// nextAbove is the lowest of the ascending numbers above n; -1 if there is none.
func nextAbove(numbers []int32, n int32) int32 {
	i, found := slices.BinarySearch(numbers, n)
	if found {
		i++
	}
	if i == len(numbers) {
		return -1
	}
	return numbers[i]
}

// nextToSee is the lowest number above n of the ThreadRuns that this record has to look at: those awake, and
// those it has to do with. -1 if there is none.
func (w *wfRun) nextToSee(n int32) int32 {
	next := nextAbove(w.row.now.Awake, n)
	i, found := slices.BinarySearchFunc(w.loaded, n, byNumber)
	if found {
		i++
	}
	if i < len(w.loaded) && (next < 0 || w.loaded[i].number < next) {
		next = w.loaded[i].number
	}
	return next
}

// settle notes which of the ThreadRuns that this record has changed the next ones need not look at.
func (w *wfRun) settle() {
	if w.row.now == nil || w.row.now.Deleting {
		return
	}
	w.fanOutLater()
	w.endSharing()
	for _, t := range w.loaded {
		if w.suspended {
			t.overlook()
		}
		if !t.row.known && !t.unsettled && w.passes == 0 {
			continue
		}
		if t.row.known {
			t.listFanOut()
		}
		i, is := slices.BinarySearch(w.row.now.Awake, t.number)
		switch awake := w.suspended || t.awake(); {
		case awake && !is:
			w.edit()
			w.row.now.Awake = slices.Insert(w.row.now.Awake, i, t.number)
		case !awake && is:
			w.edit()
			w.row.now.Awake = slices.Delete(w.row.now.Awake, i, i+1)
		}
	}
}

// wasAwake reports whether earlier records left it to this one to look at the ThreadRun.
func (w *wfRun) wasAwake(n int32) bool {
	_, is := slices.BinarySearch(w.row.before.GetAwake(), n)
	return is
}

// thread is the active ThreadRun of that number; nil if there is none.
func (w *wfRun) thread(n int32) *threadRun {
	i, found := slices.BinarySearchFunc(w.loaded, n, byNumber)
	if found {
		return w.loaded[i]
	}
	if slices.Contains(w.gone, n) {
		return nil
	}
	t := w.tx.supplies.threads.take()
	t.run, t.number = w, n
	t.row = load[lhpb.ThreadRun](w.tx, w.keys.ThreadRun(n))
	if t.row.now == nil {
		return nil
	}
	t.resolveSpec()
	w.loaded = slices.Insert(w.loaded, i, t)
	t.fallInLine()
	return t
}

func byNumber(t *threadRun, n int32) int { return int(t.number) - int(n) }

// threadOrArchived is the ThreadRun of that number, active or not; nil if there never was one.
func (w *wfRun) threadOrArchived(n int32) *threadRun {
	if t := w.thread(n); t != nil {
		return t
	}
	archived := load[lhpb.InactiveThreadRun](w.tx, w.keys.Inactive(n))
	if archived.now == nil {
		return nil
	}
	t := &threadRun{run: w, number: n}
	t.row.now = archived.now.ThreadRun
	t.resolveSpec()
	return t
}

func (w *wfRun) entrypoint() *threadRun { return w.thread(0) }

// parent is the WfRun that this one is a child of; nil if there is none, or not any more.
func (w *wfRun) parent() *wfRun { return w.tx.wfRun(w.id().GetParentWfRunId()) }

// roomFor reports whether n more ThreadRuns may be active.
func (w *wfRun) roomFor(n int) bool {
	return w.active()+n <= w.tx.engine.config.maxThreadRuns()
}

func (w *wfRun) tooManyThreads(n int) *lhpb.Failure {
	return fail(lhpb.LHErrorType_INTERNAL_ERROR,
		"WfRun would have %d ThreadRuns, exceeding the maximum number of ThreadRuns per WfRun: %d. Let ThreadRuns end before others are started.",
		w.active()+n, w.tx.engine.config.maxThreadRuns())
}

// end gives the WfRun the terminal status of its ThreadRun 0.
func (w *wfRun) end(status lhpb.LHStatus) {
	wf := w.edit()
	wf.Status = status
	wf.EndTime = w.tx.now
	w.scheduleRetention()
}

// revive makes a WfRun run again whose ThreadRun 0 was rescued.
func (w *wfRun) revive() {
	wf := w.edit()
	wf.Status = lhpb.LHStatus_RUNNING
	wf.EndTime = nil
	w.rescued = true
}

// followEntrypoint makes the WfRun HALTED exactly while ThreadRun 0 is HALTED for a reason of its own, and
// not only for a handler's sake.
func (w *wfRun) followEntrypoint() {
	if w.terminated() {
		return
	}
	status := lhpb.LHStatus_RUNNING
	if t := w.entrypoint(); t.status() == lhpb.LHStatus_HALTED && t.haltedForGood() {
		status = lhpb.LHStatus_HALTED
	}
	if w.wf().Status != status {
		w.edit().Status = status
	}
}

// scheduleRetention sets the timer that deletes a terminated WfRun.
func (w *wfRun) scheduleRetention() {
	if w.graph == nil || w.graph.Spec.GetRetentionPolicy().GetWfGcPolicy() == nil {
		return
	}
	due, ok := addSeconds(w.tx.nowNs, w.graph.Spec.RetentionPolicy.GetSecondsAfterWfTermination())
	if !ok {
		return
	}
	w.tx.setTimer(
		keys.Timer{DueNs: due, Kind: keys.TimerRetention, ID: w.name},
		&pb.Timer{What: &pb.Timer_DeleteWfRun{DeleteWfRun: w.id()}},
	)
}

// answer is the WfRun as the reply of a command. One that has, or had, many ThreadRuns is left to the caller to read.
func (w *wfRun) answer() machine.Reply {
	most := int32(w.tx.engine.config.InlineThreads)
	if w.wf().GreatestThreadrunNumber > most || w.row.now.Queued > most {
		return done
	}
	return answer(w.joined())
}

// joined is the public form of the WfRun, with its ThreadRuns.
func (w *wfRun) joined() *lhpb.WfRun {
	out := w.wf().CloneVT()
	out.ThreadRuns = make([]*lhpb.ThreadRun, 0, w.active())
	for _, t := range w.allThreads() {
		out.ThreadRuns = append(out.ThreadRuns, t.joined())
	}
	w.joinQueued(out)
	return out
}

// stepsPerWfRun is how many steps the start of a WfRun counts for.
const stepsPerWfRun = 10

// newWfRun makes the WfRun, RUNNING, without ThreadRuns.
func (t *txn) newWfRun(w *wfRun, id *lhpb.WfRunId, g *spec.Graph, trigger *lhpb.WfRun_ParentTriggerReference) {
	t.steps += stepsPerWfRun
	w.graph = g
	w.row.put(t, &pb.WfRunRow{WfRun: &lhpb.WfRun{
		Id:                      id,
		WfSpecId:                g.Spec.Id,
		Status:                  lhpb.LHStatus_RUNNING,
		GreatestThreadrunNumber: -1,
		StartTime:               t.now,
		ParentTrigger:           trigger,
	}})
}
