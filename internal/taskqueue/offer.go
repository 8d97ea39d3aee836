package taskqueue

import (
	"sync"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// Offer is what a record that may lead to a task takes along: a credit that waits, so that the task is claimed in the same
// step instead of by a claim of its own.
type Offer struct {
	queues *Queues
	run    runName
	at     step
	known  bool // the attempt that is reported was handed out here, or a WfRun starts
	credit *credit
	queued string // TaskDef of the attempt that the record put into the queue; guarded by follow.mu
}

// BeginReport is called before the report of an attempt is submitted; End must follow. The credit to offer is that of the
// TaskDef that came next the last time.
func (qs *Queues) BeginReport(tenant string, id *lhpb.TaskRunId) *Offer {
	o := &Offer{queues: qs, run: runName{tenant, lh.WfRunIDString(id.GetWfRunId())}}
	o.take(qs.follow.report(o, id.GetTaskGuid()))
	return o
}

// BeginRun is called before a WfRun is submitted; End must follow. The credit to offer is that of the TaskDef that came
// first the last time.
func (qs *Queues) BeginRun(tenant string, id *lhpb.WfRunId, spec *lhpb.WfSpecId) *Offer {
	o := &Offer{queues: qs, run: runName{tenant, lh.WfRunIDString(id)}, at: stepOf(tenant, spec, ""), known: true}
	o.take(qs.follow.start(o))
	return o
}

// reports tells whether the record is a report of which it is known where it stands.
func (o *Offer) reports() bool { return o.at.guid != "" }

// take takes a credit of the TaskDef, if there is one to spare; "" stands for none.
func (o *Offer) take(taskDef string) {
	if taskDef == "" {
		return
	}
	if q := o.queues.lockedIfPresent(name{o.run.tenant, taskDef}); q != nil {
		o.credit = q.offer(o.reports())
		w := work{queue: q}
		if q.overdue {
			w = q.match()
		}
		q.mu.Unlock()
		o.queues.do(w)
	}
}

// Credit that is offered; nil if there is none.
func (o *Offer) Credit() *pb.Credit {
	if o.credit == nil {
		return nil
	}
	return o.credit.wire
}

// End takes the outcome: the task that the offered credit got, or nil. It does not block.
func (o *Offer) End(task *lhpb.ScheduledTask) {
	o.queues.follow.end(o, task)
	if o.credit != nil {
		o.queues.claimed(o.credit.queue, claim{credit: o.credit}, task, nil)
	}
}

// offer takes a credit that nobody else could use now; one for a report may also go before those who could. q.mu is held.
func (q *queue) offer(reports bool) *credit {
	if q.stopped || q.credits.len() == 0 {
		return nil
	}
	if (q.window.len() > 0 || !q.window.complete()) && !(reports && q.mayPass()) {
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

// step is a place in a version of a WfSpec: TaskRuns at the same place have the same guid. Its beginning has none.
type step struct {
	tenant, wfSpec  string
	major, revision int32
	guid            string
}

func stepOf(tenant string, spec *lhpb.WfSpecId, guid string) step {
	return step{tenant, spec.GetName(), spec.GetMajorVersion(), spec.GetRevision(), guid}
}

// follow remembers what came after which step. It is a guess: a wrong one costs its credit the time of one
// commit.
type follow struct {
	limit int

	mu      sync.Mutex
	running map[attempt]step
	offers  map[runName]*Offer // under way
	next    map[step]string    // TaskDef of the following task; "" if none followed
}

func newFollow(limit int) follow {
	return follow{limit: limit, running: map[attempt]step{}, offers: map[runName]*Offer{}, next: map[step]string{}}
}

// handedOut remembers where a task stands in its WfSpec.
func (f *follow) handedOut(tenant string, t *lhpb.ScheduledTask) {
	id, spec := t.GetTaskRunId(), t.GetSource().GetWfSpecId()
	k := attempt{runName{tenant, lh.WfRunIDString(id.GetWfRunId())}, id.GetTaskGuid()}
	f.mu.Lock()
	defer f.mu.Unlock()
	bound(f.running, f.limit)
	f.running[k] = stepOf(tenant, spec, k.guid)
}

// report gives the TaskDef that is expected to follow the attempt; "" if there is none.
func (f *follow) report(o *Offer, guid string) string {
	k := attempt{o.run, guid}
	f.mu.Lock()
	defer f.mu.Unlock()
	o.at, o.known = f.running[k]
	if !o.known {
		return ""
	}
	delete(f.running, k)
	f.offers[o.run] = o
	return f.next[o.at]
}

// start gives the TaskDef that is expected to come first; "" if there is none.
func (f *follow) start(o *Offer) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.offers[o.run] = o
	return f.next[o.at]
}

// queued notes an attempt that was put into the queue, and tells whether it follows a report.
func (f *follow) queued(t keys.ScheduledTask) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.offers[runName{t.Tenant, t.WfRun}]
	if o == nil {
		return false
	}
	o.queued = t.TaskDef
	return o.reports()
}

func (f *follow) end(o *Offer, task *lhpb.ScheduledTask) {
	if !o.known {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.offers[o.run] == o {
		delete(f.offers, o.run)
	}
	if task == nil {
		bound(f.next, f.limit)
		f.next[o.at] = o.queued
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
