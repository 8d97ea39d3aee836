package engine

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// This file is the side of the WfRuns: the partition of a correlation key is told who waits for it. That side is
// in correlated_event.go.

// Awaited is the CorrelatedEvent that a NodeRun waits for; nil if it waits for none.
func Awaited(n *lhpb.NodeRun) *lhpb.CorrelatedEventId {
	e := n.GetExternalEvent()
	if e == nil || e.CorrelationKey == nil || e.ExternalEventId != nil || e.TimedOut ||
		n.Status == lhpb.LHStatus_COMPLETED || len(n.Failures) > 0 {
		return nil
	}
	return &lhpb.CorrelatedEventId{Key: *e.CorrelationKey, ExternalEventDefId: e.ExternalEventDefId}
}

// tellKey tells the partition of the correlation key that the NodeRun waits from now on, or waits no longer.
func (t *txn) tellKey(before, after *lhpb.NodeRun) {
	was, is := t.registered(before, false), t.registered(after, true)
	switch {
	case was == nil && is != nil:
		t.emit(t.coreOf(is.Key), &pb.Record{Command: &pb.Record_Correlate{
			Correlate: &pb.Correlate{CorrelatedEventId: is, NodeRunId: after.Id},
		}})
	case was != nil && is == nil:
		// Even if an event from there has ended the wait: it may have been sent to an earlier WfRun of this id.
		t.emit(t.coreOf(was.Key), &pb.Record{Command: &pb.Record_Uncorrelate{
			Uncorrelate: &pb.Correlate{CorrelatedEventId: was, NodeRunId: before.Id},
		}})
	}
}

// registered is what the NodeRun is known to wait for at the key's partition; nil if it is not.
func (t *txn) registered(n *lhpb.NodeRun, now bool) *lhpb.CorrelatedEventId {
	id := Awaited(n)
	if id == nil || n.Status != lhpb.LHStatus_HALTED {
		return id
	}
	w := t.withdrawal(n.Id).before
	if now {
		w = t.withdrawal(n.Id).now
	}
	if w != nil {
		return nil
	}
	return id
}

// withdrawal is the row of a NodeRun that waits for a correlation key and was struck off its list while it is HALTED:
// nothing but a rescue above it lets it go on.
func (t *txn) withdrawal(id *lhpb.NodeRunId) *row[pb.Withdrawal, *pb.Withdrawal] {
	k := t.keys.Run(id.WfRunId).Withdrawn(id.ThreadRunNumber, id.Position)
	if w := t.withdrawals[k]; w != nil {
		return w
	}
	w := load[pb.Withdrawal](t, k)
	if t.withdrawals == nil {
		t.withdrawals = map[keys.Key]*row[pb.Withdrawal, *pb.Withdrawal]{}
	}
	t.withdrawals[k] = &w
	return &w
}

// abandon withdraws the ThreadRun and all below it from the keys that they wait for.
func (t *threadRun) abandon() {
	t.node().withdraw()
	t.eachBelow(true, func(c *threadRun) { t.bringInLine(c, true) })
}

func (n *nodeRun) withdraw() {
	if Awaited(n.get()) == nil {
		return
	}
	n.row.touch(n.tx())
	n.tx().withdrawal(n.id()).put(n.tx(), &pb.Withdrawal{})
}

// register ends a withdrawal: the NodeRun goes on after all.
func (n *nodeRun) register() {
	if Awaited(n.get()) == nil {
		return
	}
	if w := n.tx().withdrawal(n.id()); w.now != nil {
		w.drop(n.tx())
	}
}
