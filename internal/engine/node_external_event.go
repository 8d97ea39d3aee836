package engine

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// externalEventNode waits for an ExternalEvent.
type externalEventNode struct{ haltable }

func (externalEventNode) arrive(n *nodeRun) *lhpb.Failure {
	node := n.spec().GetExternalEvent()
	run := &lhpb.ExternalEventNodeRun{
		ExternalEventDefId: node.ExternalEventDefId,
		MaskCorrelationKey: node.MaskCorrelationKey,
	}
	n.edit().NodeType = &lhpb.NodeRun_ExternalEvent{ExternalEvent: run}
	if node.TimeoutSeconds != nil {
		if err := n.armEventTimeout(node.TimeoutSeconds); err != nil {
			return fail(lhpb.LHErrorType_VAR_ERROR, "Failed determining timeout for ext evt node: %s", err)
		}
	}
	if node.CorrelationKey != nil {
		key, err := n.scope().strictText(node.CorrelationKey)
		if err != nil {
			return fail(lhpb.LHErrorType_VAR_ERROR, "Failed determining correlationId for ext evt node: %s", err)
		}
		if len(key) > lh.MaxCorrelationKeyBytes {
			return fail(lhpb.LHErrorType_VAR_ERROR, "Failed determining correlationId for ext evt node: the key has %d bytes, at most %d are allowed",
				len(key), lh.MaxCorrelationKeyBytes)
		}
		run.CorrelationKey = &key
	}
	n.watchEvent()
	return nil
}

// watchEvent lets a NodeRun that waits for an ExternalEvent know when one comes.
func (n *nodeRun) watchEvent() {
	if run := n.get().GetExternalEvent(); run != nil {
		n.thread.watch(keys.EventSubject(run.ExternalEventDefId.GetName()), &pb.Watch{})
	}
}

func (n *nodeRun) unwatchEvent() {
	n.thread.unwatch(keys.EventSubject(n.get().GetExternalEvent().ExternalEventDefId.GetName()))
}

func (n *nodeRun) armEventTimeout(a *lhpb.VariableAssignment) error {
	seconds, err := n.scope().strictInteger(a)
	if err != nil {
		return err
	}
	due, ok := addSeconds(n.tx().nowNs, seconds)
	if !ok {
		return nil // later than any clock will show
	}
	n.tx().setTimer(
		keys.Timer{DueNs: due, Kind: keys.TimerEventTimeout, ID: n.timerID()},
		&pb.Timer{What: &pb.Timer_ExternalEventTimeout{ExternalEventTimeout: n.id()}},
	)
	return nil
}

// sleeps: events are watched.
func (externalEventNode) sleeps(n *nodeRun) bool { return !n.get().GetExternalEvent().TimedOut }

func (externalEventNode) check(n *nodeRun) (outcome, *lhpb.Failure) {
	run := n.get().GetExternalEvent()
	if run.TimedOut {
		n.unwatchEvent()
		return waiting, fail(lhpb.LHErrorType_TIMEOUT, "ExternalEvent did not arrive in time")
	}
	e := n.thread.run.claimable(n)
	if e == nil {
		return waiting, nil
	}
	e.claim(n)
	n.unwatchEvent()
	run = n.edit().GetExternalEvent()
	run.ExternalEventId = e.get().Id
	run.EventTime = e.get().CreatedAt
	return outcome{done: true, output: e.content()}, nil
}

// externalEventTimedOut is the timer of an EXTERNAL_EVENT node with a timeout.
func (t *txn) externalEventTimedOut(id *lhpb.NodeRunId, setNs int64) {
	n := t.nodeRunOf(id, setNs)
	if n == nil || n.get().GetExternalEvent() == nil {
		return
	}
	if s := n.status(); s == lhpb.LHStatus_COMPLETED || failed(s) {
		return
	}
	n.edit().GetExternalEvent().TimedOut = true
	n.thread.run.advance()
}
