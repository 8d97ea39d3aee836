package engine

import (
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// A record that goes on with the work of another may be lost: the server could not read its state, had a bug, or ended while it waited for its turn. Nothing
// else would ever take that work up. So with each such record goes a timer, which does the same when its time has come, and which the
// record takes away: whichever is first does the work, the other finds no timer and does nothing.

const (
	// lostAfter is how long a record that goes on with others is waited for.
	lostAfter = 30 * time.Second
	// lostAgainAfter is when work is tried again that cannot be done as things are.
	lostAgainAfter = 10 * time.Minute
)

// emitContinue asks for a record that goes on with the work of the row.
func (t *txn) emitContinue(row keys.Key) {
	due := t.awaitLost(row, lostAfter)
	t.emit(machine.Stream{}, &pb.Record{Command: &pb.Record_Continue{Continue: &pb.Continue{Key: []byte(row), DueNs: due.DueNs}}})
	t.setTimer(due, &pb.Timer{What: &pb.Timer_Lost{Lost: &pb.Continue{Key: []byte(row)}}})
}

// awaitLost is the timer that takes up the work of the row.
func (t *txn) awaitLost(row keys.Key, after time.Duration) keys.Timer {
	now := max(t.nowNs, t.header.GetAtNs()) // a timer may fire late
	return keys.Timer{DueNs: now + after.Nanoseconds(), Kind: keys.TimerLost, ID: string(row)}
}

// goOn takes up work that one record could not finish, unless the timer that was set with it did so.
func (t *txn) goOn(c *pb.Continue) machine.Reply {
	k := keys.Timer{DueNs: c.GetDueNs(), Tenant: t.header.GetTenant(), Kind: keys.TimerLost, ID: string(c.GetKey())}.Key()
	if machine.Get[pb.Timer](t.view, k) == nil {
		return done
	}
	t.remove(k)
	return t.goOnAt(keys.Key(c.GetKey()))
}

// goOnWithLost is the timer of work whose record did not come. A WfRun that has begun since is another.
func (t *txn) goOnWithLost(c *pb.Continue, setNs int64) {
	k := keys.Key(c.GetKey())
	if run, _, err := keys.ParseContinue(k); err == nil {
		w := t.anyWfRun(lh.ParseWfRunID(run.WfRun))
		if w.row.now == nil || setNs < nanos(w.wf().StartTime) {
			return
		}
	}
	t.goOnAt(k)
}

// lostAgain sets the timer anew of work that this record, which is there to do it, cannot do.
func (t *txn) lostAgain() []machine.Change {
	row := machine.Get[pb.Timer](t.view, t.timer)
	if row.GetLost() == nil {
		return nil
	}
	again := t.awaitLost(keys.Key(row.GetLost().GetKey()), lostAgainAfter)
	again.Tenant = t.header.GetTenant()
	return []machine.Change{{Key: again.Key(), Value: row}}
}
