package engine

import (
	"math"
	"strconv"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// timerFired does what a timer says, once its time has come. A row that is gone was cancelled.
func (t *txn) timerFired(c *pb.TimerFired) machine.Reply {
	k := keys.Key(c.GetKey())
	timer, err := keys.ParseTimer(k)
	if err != nil || timer.DueNs > t.nowNs || timer.Tenant != t.header.GetTenant() {
		return done
	}
	row := machine.Get[pb.Timer](t.view, k)
	if row == nil {
		return done
	}
	t.timer = k
	t.remove(k)
	t.setClock(timer.DueNs)
	switch w := row.What.(type) {
	case *pb.Timer_TaskTimeout_:
		t.taskTimedOut(w.TaskTimeout)
	case *pb.Timer_TaskRetry_:
		t.taskRetryReady(w.TaskRetry, row.SetNs)
	case *pb.Timer_ExternalEventTimeout:
		t.externalEventTimedOut(w.ExternalEventTimeout, row.SetNs)
	case *pb.Timer_SleepMatured:
		t.sleepMatured(w.SleepMatured, timer.DueNs)
	case *pb.Timer_DeleteWfRun:
		t.retentionElapsed(w.DeleteWfRun, row.SetNs)
	case *pb.Timer_ExternalEventExpired:
		t.externalEventExpired(w.ExternalEventExpired, row.SetNs)
	case *pb.Timer_CorrelatedEventExpired:
		t.correlatedEventExpired(w.CorrelatedEventExpired, timer.DueNs)
	case *pb.Timer_ScheduleDue:
		t.scheduleDue(w.ScheduleDue, timer.DueNs)
	case *pb.Timer_UserTaskAction_:
		t.userTaskActionDue(w.UserTaskAction, row.SetNs)
	case *pb.Timer_Lost:
		t.goOnWithLost(w.Lost, row.SetNs)
	case *pb.Timer_TrimOutput:
		t.trimOutput()
	case *pb.Timer_FlushMetrics_:
		t.flushMetrics(w.FlushMetrics.WindowNs)
	}
	return done
}

// timerID names a NodeRun in the key of its timer.
func (n *nodeRun) timerID() string {
	return n.thread.run.name + "/" + strconv.Itoa(int(n.thread.number)) + "/" + strconv.Itoa(int(n.position))
}

// nodeRunOf is the NodeRun of a timer if it is still the current one of its ThreadRun and was there when the
// timer was set; else nil.
func (t *txn) nodeRunOf(id *lhpb.NodeRunId, setNs int64) *nodeRun {
	w := t.wfRun(id.GetWfRunId())
	if w == nil {
		return nil
	}
	thread := w.thread(id.ThreadRunNumber)
	if thread == nil || thread.spec == nil || thread.get().CurrentNodePosition != id.Position {
		return nil
	}
	n := thread.node()
	if setNs < n.get().ArrivalTime.AsTime().UnixNano() {
		return nil
	}
	return n
}

// addSeconds is the time that many seconds later; false if it is beyond all clocks.
func addSeconds(ns, seconds int64) (int64, bool) {
	const perSecond = 1_000_000_000
	if seconds > math.MaxInt64/perSecond || seconds < math.MinInt64/perSecond {
		return 0, false
	}
	sum := ns + seconds*perSecond
	if seconds > 0 && sum < ns {
		return 0, false
	}
	return sum, true
}

func timestampOf(ns int64) *timestamppb.Timestamp {
	const perSecond = 1_000_000_000
	s, n := ns/perSecond, ns%perSecond
	if n < 0 {
		s, n = s-1, n+perSecond
	}
	return &timestamppb.Timestamp{Seconds: s, Nanos: int32(n)}
}

// nanos is the time in nanoseconds since 1970-01-01 UTC.
func nanos(t *timestamppb.Timestamp) int64 {
	return t.GetSeconds()*1_000_000_000 + int64(t.GetNanos())
}
