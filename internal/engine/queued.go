package engine

import (
	"slices"

	"littlehorse/internal/machine"
	"littlehorse/lhpb"
)

// A WfRun lists the first interrupts that are pending in its own row. Those beyond are rows of their own, by ThreadRun, or
// each would cost as much as all before it.

type queuedRow = row[lhpb.PendingInterrupt, *lhpb.PendingInterrupt]

// queue lets an interrupt wait. The ThreadRun is halted for it, unless it is for as many already as its own row may list.
func (t *threadRun) queue(p *lhpb.PendingInterrupt) {
	w := t.run
	most := w.tx.engine.config.InlineThreads
	if len(t.get().HaltReasons) < most || !t.waitsForInterrupt() {
		t.halt(pendingInterrupt(p.ExternalEventId))
	}
	wf := w.edit()
	if len(wf.PendingInterrupts) < most && t.nextQueued() == nil {
		wf.PendingInterrupts = append(wf.PendingInterrupts, p)
		return
	}
	w.row.now.Queued++
	q := &queuedRow{key: w.keys.Queued(t.number, t.get().CurrentNodePosition, w.row.now.Queued)}
	q.put(w.tx, p)
	t.newlyQueued = append(t.newlyQueued, q)
}

// waitsForInterrupt reports whether the ThreadRun is halted until an interrupt has begun, or is over.
func (t *threadRun) waitsForInterrupt() bool {
	for _, r := range t.get().HaltReasons {
		if sparesInterrupts(r) {
			return true
		}
	}
	return false
}

// nextQueued is the newest interrupt that waits for the ThreadRun in a row of its own; nil if there is none.
func (t *threadRun) nextQueued() *queuedRow {
	w := t.run
	if w.row.now.Queued == 0 {
		return nil
	}
	for i := len(t.newlyQueued) - 1; i >= 0; i-- {
		if t.newlyQueued[i].now != nil {
			return t.newlyQueued[i]
		}
	}
	prefix := w.keys.QueuedFor(t.number, t.get().CurrentNodePosition)
	for k, p := range machine.Scan[lhpb.PendingInterrupt](w.tx.view, max(prefix, t.queuedFrom), prefix.End(), 1) {
		return &queuedRow{key: k, before: p, now: p}
	}
	return nil
}

// queuedFirst are the ThreadRuns that this record has to do with, if interrupts may be queued for them in rows of their own:
// those are newer than what the WfRun lists.
func (w *wfRun) queuedFirst() []*threadRun {
	if w.row.now.Queued == 0 {
		return nil
	}
	return slices.Clone(w.loaded)
}

// startNextQueued starts the newest interrupt that is queued for the ThreadRun in a row of its own, if it is ready for it.
func (t *threadRun) startNextQueued() bool {
	if t.terminated() {
		return false
	}
	q := t.nextQueued()
	if q == nil || !t.readyForHandler() {
		return false
	}
	p := q.now
	if q.before != nil {
		t.queuedFrom = q.key.After()
	}
	q.drop(t.run.tx)
	t.startInterrupt(p)
	return true
}

// joinQueued adds to the public form of the WfRun the interrupts that are queued in rows of their own.
func (w *wfRun) joinQueued(out *lhpb.WfRun) {
	if w.row.now.Queued == 0 {
		return
	}
	for i, t := range out.ThreadRuns {
		if terminal(t.Status) {
			continue
		}
		queued := w.thread(t.Number).allQueued()
		if len(queued) == 0 {
			continue
		}
		t = t.CloneVT()
		for _, p := range queued {
			joinInterrupt(out, t, p)
		}
		out.ThreadRuns[i] = t
	}
}

// allQueued are the interrupts that wait for the ThreadRun in rows of their own, oldest first.
func (t *threadRun) allQueued() (all []*lhpb.PendingInterrupt) {
	w := t.run
	prefix := w.keys.QueuedFor(t.number, t.get().CurrentNodePosition)
	for _, p := range machine.Scan[lhpb.PendingInterrupt](w.tx.view, max(prefix, t.queuedFrom), prefix.End(), maxWatches) {
		all = append(all, p)
	}
	slices.Reverse(all)
	for _, q := range t.newlyQueued {
		if q.now != nil {
			all = append(all, q.now)
		}
	}
	return all
}

// joinInterrupt adds to a WfRun and its ThreadRun an interrupt that is queued in a row of its own.
func joinInterrupt(w *lhpb.WfRun, t *lhpb.ThreadRun, p *lhpb.PendingInterrupt) {
	w.PendingInterrupts = append(w.PendingInterrupts, p)
	isListed := func(r *lhpb.ThreadHaltReason) bool {
		return sameEvent(r.GetPendingInterrupt().GetExternalEventId(), p.ExternalEventId)
	}
	if !slices.ContainsFunc(t.HaltReasons, isListed) {
		t.HaltReasons = append(t.HaltReasons, pendingInterrupt(p.ExternalEventId))
	}
}

func pendingInterrupt(event *lhpb.ExternalEventId) *lhpb.ThreadHaltReason {
	return &lhpb.ThreadHaltReason{Reason: &lhpb.ThreadHaltReason_PendingInterrupt{
		PendingInterrupt: &lhpb.PendingInterruptHaltReason{ExternalEventId: event},
	}}
}
