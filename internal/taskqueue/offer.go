package taskqueue

import (
	"sync"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// Report is the report of an attempt on its way. A waiting credit may travel with it, so that the task that
// follows is claimed in the same step instead of by a claim of its own.
type Report struct {
	queues *Queues
	run    runName
	at     step
	known  bool // the attempt was handed out here
	credit *credit
	queued string // TaskDef of the attempt that the report put into the queue; guarded by follow.mu
}

// BeginReport is called before a report is submitted; End must follow. The credit to offer is that of the
// TaskDef that came next the last time.
func (qs *Queues) BeginReport(tenant string, id *lhpb.TaskRunId) *Report {
	r := &Report{queues: qs, run: runName{tenant, lh.WfRunIDString(id.GetWfRunId())}}
	taskDef := qs.follow.begin(r, id.GetTaskGuid())
	if taskDef == "" {
		return r
	}
	if q := qs.lockedIfPresent(name{tenant, taskDef}); q != nil {
		r.credit = q.offer()
		q.mu.Unlock()
	}
	return r
}

// Credit that is offered; nil if there is none.
func (r *Report) Credit() *pb.Credit {
	if r.credit == nil {
		return nil
	}
	return r.credit.wire
}

// End takes the outcome: the task that the offered credit got, or nil. It does not block.
func (r *Report) End(task *lhpb.ScheduledTask) {
	r.queues.follow.end(r, task)
	if r.credit != nil {
		r.queues.claimed(r.credit.queue, claim{credit: r.credit}, task, nil)
	}
}

// offer takes a credit that nobody else could use now; q.mu is held.
func (q *queue) offer() *credit {
	if q.stopped || q.window.len() > 0 || !q.window.complete() {
		return nil
	}
	return q.takeCredit()
}

// runName is a WfRun of a tenant.
type runName struct{ tenant, wfRun string }

// attempt is a TaskRun of a WfRun.
type attempt struct {
	run  runName
	guid string
}

// step is a place in a version of a WfSpec: TaskRuns at the same place have the same guid.
type step struct {
	tenant, wfSpec  string
	major, revision int32
	guid            string
}

// follow remembers what came after which step. It is a guess: a wrong one costs its credit the time of one
// commit.
type follow struct {
	limit int

	mu        sync.Mutex
	running   map[attempt]step
	reporting map[runName]*Report
	next      map[step]string // TaskDef of the following task; "" if none followed
}

func newFollow(limit int) follow {
	return follow{limit: limit, running: map[attempt]step{}, reporting: map[runName]*Report{}, next: map[step]string{}}
}

// handedOut remembers where a task stands in its WfSpec.
func (f *follow) handedOut(tenant string, t *lhpb.ScheduledTask) {
	id, spec := t.GetTaskRunId(), t.GetSource().GetWfSpecId()
	k := attempt{runName{tenant, lh.WfRunIDString(id.GetWfRunId())}, id.GetTaskGuid()}
	f.mu.Lock()
	defer f.mu.Unlock()
	bound(f.running, f.limit)
	f.running[k] = step{tenant, spec.GetName(), spec.GetMajorVersion(), spec.GetRevision(), k.guid}
}

// begin gives the TaskDef that is expected to follow; "" if there is none.
func (f *follow) begin(r *Report, guid string) string {
	k := attempt{r.run, guid}
	f.mu.Lock()
	defer f.mu.Unlock()
	r.at, r.known = f.running[k]
	if !r.known {
		return ""
	}
	delete(f.running, k)
	f.reporting[r.run] = r
	return f.next[r.at]
}

// queued notes an attempt that was put into the queue.
func (f *follow) queued(t keys.ScheduledTask) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.reporting[runName{t.Tenant, t.WfRun}]; r != nil {
		r.queued = t.TaskDef
	}
}

func (f *follow) end(r *Report, task *lhpb.ScheduledTask) {
	if !r.known {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reporting[r.run] == r {
		delete(f.reporting, r.run)
	}
	if task == nil {
		bound(f.next, f.limit)
		f.next[r.at] = r.queued
	}
}

// bound makes room for one more by forgetting any.
func bound[K comparable, V any](m map[K]V, limit int) {
	if len(m) < limit {
		return
	}
	for k := range m {
		delete(m, k)
		return
	}
}
