package engine

import (
	"errors"
	"fmt"
	"math"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// sleepNode waits until a point in time.
type sleepNode struct{ haltable }

func (sleepNode) arrive(n *nodeRun) *lhpb.Failure {
	run := &lhpb.SleepNodeRun{}
	n.edit().NodeType = &lhpb.NodeRun_Sleep{Sleep: run}
	due, f := n.maturation()
	if f != nil {
		return f
	}
	n.sleepUntil(due)
	return nil
}

func (sleepNode) check(n *nodeRun) (outcome, *lhpb.Failure) {
	if n.get().GetSleep().Matured {
		return finished, nil
	}
	if n.spec().GetSleep().GetRawSeconds() != nil {
		return waiting, nil
	}
	due, f := n.maturation()
	if f != nil {
		return waiting, f
	}
	if due != nanos(n.get().GetSleep().MaturationTime) {
		n.sleepUntil(due)
	}
	return outcome{done: n.get().GetSleep().Matured}, nil
}

// sleeps: a number of seconds is not looked at again; other lengths may change.
func (sleepNode) sleeps(n *nodeRun) bool {
	return n.spec().GetSleep().GetRawSeconds() != nil && !n.get().GetSleep().Matured
}

// sleepUntil sets or moves the end of the sleep. What lies in the past has matured already.
func (n *nodeRun) sleepUntil(dueNs int64) {
	sleep := n.edit().GetSleep()
	if sleep.MaturationTime != nil {
		n.tx().remove(n.sleepTimer(nanos(sleep.MaturationTime)).Key())
	}
	sleep.MaturationTime = timestampOf(dueNs)
	if dueNs < n.tx().nowNs {
		sleep.Matured = true
		return
	}
	n.tx().setTimer(n.sleepTimer(dueNs), &pb.Timer{What: &pb.Timer_SleepMatured{SleepMatured: n.id()}})
}

func (n *nodeRun) sleepTimer(dueNs int64) keys.Timer {
	return keys.Timer{DueNs: dueNs, Tenant: n.tx().keys.Name(), Kind: keys.TimerSleep, ID: n.timerID()}
}

// maturation is the end of the sleep, nanoseconds since 1970-01-01 UTC.
func (n *nodeRun) maturation() (int64, *lhpb.Failure) {
	due, err := n.wakeTime()
	if err != nil {
		return 0, fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed calculating maturation for timer: %s", err)
	}
	return due, nil
}

var errSleepTooFar = errors.New("the time lies beyond the years 1678 to 2261")

func (n *nodeRun) wakeTime() (int64, error) {
	switch s := n.spec().GetSleep().GetSleepLength().(type) {
	case *lhpb.SleepNode_RawSeconds:
		seconds, err := n.scope().integer(s.RawSeconds)
		if err != nil {
			return 0, err
		}
		due, ok := addSeconds(n.tx().nowNs, seconds)
		if !ok {
			return 0, fmt.Errorf("cannot sleep for %d seconds: %w", seconds, errSleepTooFar)
		}
		return due, nil
	case *lhpb.SleepNode_IsoDate:
		text, err := n.scope().text(s.IsoDate)
		if err != nil {
			return 0, err
		}
		return parseISO(text)
	case *lhpb.SleepNode_Timestamp:
		return n.sleepTimestamp(s.Timestamp)
	default:
		return 0, errors.New("the SLEEP node has no length")
	}
}

// sleepTimestamp reads a TIMESTAMP, or an INT of milliseconds since 1970-01-01 UTC.
func (n *nodeRun) sleepTimestamp(a *lhpb.VariableAssignment) (int64, error) {
	v, err := n.scope().resolve(a)
	if err != nil {
		return 0, err
	}
	if stamp, ok := v.GetValue().(*lhpb.VariableValue_UtcTimestamp); ok {
		s := stamp.UtcTimestamp.GetSeconds()
		if s > math.MaxInt64/int64(time.Second)-1 || s < math.MinInt64/int64(time.Second)+1 {
			return 0, errSleepTooFar
		}
		return nanos(stamp.UtcTimestamp), nil
	}
	ms, err := asInteger(v)
	if err != nil {
		return 0, err
	}
	if ms > math.MaxInt64/nsPerMs || ms < math.MinInt64/nsPerMs {
		return 0, errSleepTooFar
	}
	return ms * nsPerMs, nil
}

func parseISO(text string) (int64, error) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		at, err = time.Parse("2006-01-02T15:04Z07:00", text)
	}
	if err != nil {
		return 0, fmt.Errorf("'%s' is not an ISO-8601 instant such as 2024-01-01T00:00:00Z", text)
	}
	if s := at.Unix(); s > math.MaxInt64/int64(time.Second)-1 || s < math.MinInt64/int64(time.Second)+1 {
		return 0, errSleepTooFar
	}
	return at.UnixNano(), nil
}

// sleepMatured is the timer of a sleep. One that was moved away meanwhile is ignored.
func (t *txn) sleepMatured(id *lhpb.NodeRunId, dueNs int64) {
	n := t.nodeRunOf(id, dueNs)
	if n == nil || n.get().GetSleep() == nil || nanos(n.get().GetSleep().MaturationTime) != dueNs {
		return
	}
	n.edit().GetSleep().Matured = true
	n.thread.run.advance()
}
