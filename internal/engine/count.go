package engine

import (
	"slices"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// The counters of an object: how many there are now, then those that a row holds, the usual ones first, so that
// rows are short.
const (
	countNow = -1

	wfStarted            = 0
	wfRunningToCompleted = 1
	wfRunningToError     = 2
	wfRunningToException = 3
	wfRunningToHalted    = 4
	wfHaltedToRunning    = 5
	wfRunningToHalting   = 6
	wfHaltingToHalted    = 7

	attemptPendingToQueued  = 0
	attemptQueuedToRunning  = 1
	attemptRunningToSuccess = 2
	taskCreatedToCompleted  = 3
	attemptRunningToError   = 4
	taskCreatedToError      = 5
	attemptRunningToFailure = 6
	taskCreatedToException  = 7

	perCounter = 4 // numbers: count, shortest, longest, sum
)

// wfFields and taskFields are the counters in the order of the fields of lhpb.WfMetrics and lhpb.TaskMetrics.
var (
	wfFields = []int{
		wfStarted, wfRunningToCompleted, wfRunningToError, wfRunningToException,
		wfRunningToHalting, wfRunningToHalted, wfHaltingToHalted, wfHaltedToRunning,
	}
	taskFields = []int{
		taskCreatedToCompleted, taskCreatedToError, taskCreatedToException, attemptPendingToQueued,
		attemptQueuedToRunning, attemptRunningToError, attemptRunningToSuccess, attemptRunningToFailure,
	}
)

const nsPerMinute = 60 * 1_000_000_000

// tallies is what a record counts, object by object. Usual records need no more room than there is.
type tallies struct {
	objects  []keys.Counted
	counts   []counted
	objects0 [3]keys.Counted
	counts0  [6]counted
}

func (y *tallies) init() { y.objects, y.counts = y.objects0[:0], y.counts0[:0] }

// counted is by how much a record moves one counter of an object.
type counted struct {
	object  int16
	counter int16
	n       int32
	moment  moment
}

// moment is how long counted transitions took, in milliseconds.
type moment struct{ shortest, longest, sum int64 }

// count compares an object as it was with what the record made of it, and counts what happened in between.
func (t *txn) count(before, after machine.Value) {
	of := before
	if of == nil {
		of = after
	}
	switch of.(type) {
	case *pb.WfRunRow:
		t.countWfRun(typed[pb.WfRunRow](before).GetWfRun(), typed[pb.WfRunRow](after).GetWfRun())
	case *lhpb.NodeRun:
		t.countNodeRun(typed[lhpb.NodeRun](before), typed[lhpb.NodeRun](after))
	case *lhpb.TaskRun:
		t.countTaskRun(typed[lhpb.TaskRun](before), typed[lhpb.TaskRun](after))
	}
}

// countWfRun counts the changes of a WfRun's status. A new one has been RUNNING before it is anything else, and so
// has one that ended as soon as it went on.
func (t *txn) countWfRun(before, after *lhpb.WfRun) {
	if after == nil {
		return
	}
	of := keys.CountedWfSpec(after.WfSpecId)
	from := lhpb.LHStatus_RUNNING
	if before != nil {
		from = before.Status
	} else {
		t.tally(of, wfStarted, 0)
	}
	if terminal(after.Status) && (from == lhpb.LHStatus_HALTED || t.revived(before)) {
		t.countTransition(of, from, lhpb.LHStatus_RUNNING, t.nowNs-nanos(after.StartTime))
		from = lhpb.LHStatus_RUNNING
	}
	end := t.nowNs
	if after.EndTime != nil {
		end = nanos(after.EndTime)
	}
	t.countTransition(of, from, after.Status, end-nanos(after.StartTime))
}

// revived reports whether the WfRun had failed and was rescued by this record.
func (t *txn) revived(before *lhpb.WfRun) bool {
	return before != nil && failed(before.Status) && t.anyWfRun(before.Id).rescued
}

func (t *txn) countTransition(of keys.Counted, from, to lhpb.LHStatus, tookNs int64) {
	if counter, ok := wfTransition(from, to); ok {
		t.tally(of, counter, tookNs)
	}
}

func wfTransition(from, to lhpb.LHStatus) (counter int, ok bool) {
	switch [2]lhpb.LHStatus{from, to} {
	case [2]lhpb.LHStatus{lhpb.LHStatus_RUNNING, lhpb.LHStatus_COMPLETED}:
		return wfRunningToCompleted, true
	case [2]lhpb.LHStatus{lhpb.LHStatus_RUNNING, lhpb.LHStatus_ERROR}:
		return wfRunningToError, true
	case [2]lhpb.LHStatus{lhpb.LHStatus_RUNNING, lhpb.LHStatus_EXCEPTION}:
		return wfRunningToException, true
	case [2]lhpb.LHStatus{lhpb.LHStatus_RUNNING, lhpb.LHStatus_HALTING}:
		return wfRunningToHalting, true
	case [2]lhpb.LHStatus{lhpb.LHStatus_RUNNING, lhpb.LHStatus_HALTED}:
		return wfRunningToHalted, true
	case [2]lhpb.LHStatus{lhpb.LHStatus_HALTING, lhpb.LHStatus_HALTED}:
		return wfHaltingToHalted, true
	case [2]lhpb.LHStatus{lhpb.LHStatus_HALTED, lhpb.LHStatus_RUNNING}:
		return wfHaltedToRunning, true
	default:
		return 0, false
	}
}

// countNodeRun counts how many NodeRuns there are. The WfSpec of one never changes.
func (t *txn) countNodeRun(before, after *lhpb.NodeRun) {
	switch {
	case before == nil && after != nil:
		t.tallyNow(keys.CountedWfSpec(after.WfSpecId), 1)
	case before != nil && after == nil:
		t.tallyNow(keys.CountedWfSpec(before.WfSpecId), -1)
	}
}

// countTaskRun counts the waiting attempts, and what became of attempts and of the TaskRun.
func (t *txn) countTaskRun(before, after *lhpb.TaskRun) {
	if after == nil {
		if before.Status == lhpb.TaskStatus_TASK_SCHEDULED {
			t.tallyNow(keys.CountedTaskDef(before.TaskDefId.GetName()), -1)
		}
		return
	}
	of := keys.CountedTaskDef(after.TaskDefId.GetName())
	waited := before != nil && before.Status == lhpb.TaskStatus_TASK_SCHEDULED
	switch waits := after.Status == lhpb.TaskStatus_TASK_SCHEDULED; {
	case waits && !waited:
		t.tallyNow(of, 1)
	case waited && !waits:
		t.tallyNow(of, -1)
	}
	t.countAttempts(of, before, after)
	if openTask(after.Status) || before != nil && !openTask(before.Status) {
		return
	}
	t.tally(of, endOfTask(after.Status), nanos(lastAttempt(after).EndTime)-nanos(after.ScheduledAt))
}

func endOfTask(s lhpb.TaskStatus) (counter int) {
	switch s {
	case lhpb.TaskStatus_TASK_SUCCESS:
		return taskCreatedToCompleted
	case lhpb.TaskStatus_TASK_EXCEPTION:
		return taskCreatedToException
	default:
		return taskCreatedToError
	}
}

// countAttempts counts the steps that attempts have taken; those before the last one that was there are over.
func (t *txn) countAttempts(of keys.Counted, before, after *lhpb.TaskRun) {
	known := len(before.GetAttempts())
	for i := max(0, known-1); i < len(after.Attempts); i++ {
		from, a := lhpb.TaskStatus_TASK_PENDING, after.Attempts[i]
		if i < known {
			from = before.Attempts[i].Status
		}
		if from == a.Status {
			continue
		}
		if from == lhpb.TaskStatus_TASK_PENDING {
			t.tally(of, attemptPendingToQueued, 0)
			from = lhpb.TaskStatus_TASK_SCHEDULED
		}
		if from == lhpb.TaskStatus_TASK_SCHEDULED && a.StartTime != nil {
			t.tally(of, attemptQueuedToRunning, nanos(a.StartTime)-nanos(a.ScheduleTime))
		}
		if !openTask(a.Status) {
			t.tally(of, endOfAttempt(a.Status), nanos(a.EndTime)-nanos(a.StartTime))
		}
	}
}

func endOfAttempt(s lhpb.TaskStatus) (counter int) {
	switch s {
	case lhpb.TaskStatus_TASK_SUCCESS:
		return attemptRunningToSuccess
	case lhpb.TaskStatus_TASK_EXCEPTION:
		return attemptRunningToFailure
	default:
		return attemptRunningToError
	}
}

// tally counts a transition that took so long. A worker's clock may be wrong: nothing takes less than no time.
func (t *txn) tally(of keys.Counted, counter int, tookNs int64) {
	ms := max(0, tookNs/nsPerMs)
	c := t.tallies.counter(of, counter)
	c.n++
	c.moment.add(moment{ms, ms, ms})
}

// tallyNow counts objects that have come or gone.
func (t *txn) tallyNow(of keys.Counted, n int32) { t.tallies.counter(of, countNow).n += n }

// counter is one counter of an object within the record. There are few.
func (y *tallies) counter(of keys.Counted, counter int) *counted {
	object := slices.Index(y.objects, of)
	if object < 0 {
		object = len(y.objects)
		y.objects = append(y.objects, of)
	}
	for i := range y.counts {
		if c := &y.counts[i]; int(c.counter) == counter && int(c.object) == object {
			return c
		}
	}
	y.counts = append(y.counts, counted{object: int16(object), counter: int16(counter)})
	return &y.counts[len(y.counts)-1]
}

// add joins what was measured in one partition: there a shortest time of 0 stands for none yet.
func (m *moment) add(n moment) {
	if m.shortest == 0 || n.shortest < m.shortest {
		m.shortest = n.shortest
	}
	m.longest = max(m.longest, n.longest)
	m.sum += n.sum
}

// appendCounts moves the counters of all objects that the record has counted, each row once.
func (t *txn) appendCounts(c []machine.Change) []machine.Change {
	for i, of := range t.tallies.objects {
		k := t.keys.Counts(of)
		row := &pb.Counts{}
		if is := get[pb.Counts](t.view, k); is != nil {
			row = is.CloneVT()
		}
		for j := range t.tallies.counts {
			switch moved := &t.tallies.counts[j]; {
			case int(moved.object) != i:
			case moved.counter == countNow:
				row.Now += int64(moved.n)
			default:
				c = t.turnMinute(c, of, row)
				moved.addTo(row)
			}
		}
		c = append(c, machine.Change{Key: k, Value: countsOrNone(row)})
	}
	return c
}

func (c *counted) addTo(row *pb.Counts) {
	at := perCounter * int(c.counter)
	for len(row.Minute) < at+perCounter {
		row.Minute = append(row.Minute, 0, 0, 0, 0)
	}
	four := row.Minute[at : at+perCounter]
	m := moment{four[1], four[2], four[3]}
	m.add(c.moment)
	four[0] += int64(c.n)
	four[1], four[2], four[3] = m.shortest, m.longest, m.sum
}

// countsOrNone is the row, nil if it says nothing.
func countsOrNone(row *pb.Counts) machine.Value {
	if row.Now == 0 && row.Minute == nil {
		return nil
	}
	return row
}

// turnMinute makes the row count the present minute. What it has counted in an earlier one is kept until the
// timer of that minute sends it on. Minutes go by the partition's clock, which never goes back, so nothing is
// counted in a minute after its timer.
func (t *txn) turnMinute(c []machine.Change, of keys.Counted, row *pb.Counts) []machine.Change {
	window := t.header.GetAtNs() - t.header.GetAtNs()%nsPerMinute
	if row.Minute != nil && row.WindowNs == window {
		return c
	}
	if row.Minute != nil {
		closed := &pb.Counts{WindowNs: row.WindowNs, Minute: row.Minute}
		c = append(c, machine.Change{Key: t.keys.Minute(row.WindowNs, of), Value: closed})
	}
	row.WindowNs, row.Minute = window, []int64{0, 0, 0, 0}
	c = append(c, machine.Change{Key: t.keys.Minute(window, of), Value: &pb.Counts{WindowNs: window}})
	return append(c, t.flushTimer(window, window+nsPerMinute))
}

// flushTimer sends on what was counted in the minute.
func (t *txn) flushTimer(window, dueNs int64) machine.Change {
	k := keys.Timer{DueNs: dueNs, Tenant: t.keys.Name(), Kind: keys.TimerFlushMetrics}
	return machine.Change{Key: k.Key(), Value: &pb.Timer{
		What:  &pb.Timer_FlushMetrics_{FlushMetrics: &pb.Timer_FlushMetrics{WindowNs: window}},
		SetNs: window,
	}}
}
