package taskqueue

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/lhpb"
)

// behind is a server that has more to do than it can.
func behind(cfg *Config) { cfg.Strained = func() bool { return true } }

// expectB lets the queues know that task b follows the report of task a of the WfRun, which was handed out.
func expectB(qs *Queues, wfRun string) *lhpb.ScheduledTask {
	at := handOut(wfRun, "0-1", "a")
	qs.follow.handedOut("t", at)
	qs.follow.next[step{"t", "flow", 0, 0, "0-1"}] = "b"
	q := qs.locked(name{"t", "b"})
	q.follows = true
	q.mu.Unlock()
	return at
}

func now(def, wfRun, guid string) keys.ScheduledTask {
	return keys.ScheduledTask{Tenant: "t", TaskDef: def, ScheduledNs: time.Now().UnixNano(), WfRun: wfRun, Guid: guid}
}

// TestReportGoesFirstOnAServerThatIsBehind: the credit rests for a moment although older tasks wait, and the WfRun that is
// reported meanwhile gets its next task in the same step. A credit for which nothing is reported goes to the oldest.
func TestReportGoesFirstOnAServerThatIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(behind)
		w := open(t, qs, nil)
		at := expectB(qs, "begun")
		p.commit(now("b", "old", "0-2"))
		w.poll("b", 2)
		synctest.Wait()
		if got := w.received(); len(got) > 0 {
			t.Fatalf("no credit rested: %v", got)
		}
		r := qs.BeginReport("t", at.TaskRunId)
		if r.Credit() == nil {
			t.Fatal("no offer")
		}
		r.End(handOut("begun", "0-2", "b"))
		synctest.Wait()
		if got := w.received(); !slices.Equal(got, []string{"begun"}) {
			t.Fatal(got)
		}
		time.Sleep(restTime)
		synctest.Wait()
		if got := w.received(); !slices.Equal(got, []string{"begun", "old"}) {
			t.Fatalf("after its rest: %v", got)
		}
		finish(qs, w)
	})
}

// TestStartWaitsItsTurnOnAServerThatIsBehind: what begins goes before nobody.
func TestStartWaitsItsTurnOnAServerThatIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(behind)
		w := open(t, qs, nil)
		p.commit(now("a", "old", "0-1"))
		w.poll("a", 1)
		synctest.Wait()
		qs.follow.next[step{"t", "flow", 0, 0, ""}] = "a"
		o := qs.BeginRun("t", &lhpb.WfRunId{Id: "new"}, &lhpb.WfSpecId{Name: "flow"})
		if o.Credit() != nil {
			t.Fatal("a start is offered a credit past a task that waits")
		}
		o.End(nil)
		finish(qs, w)
	})
}

// TestWhatFollowsNoReportIsNotWaitedFor: where tasks are only the first of their WfRuns no report can take a credit along.
func TestWhatFollowsNoReportIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(behind)
		w := open(t, qs, nil)
		p.commit(now("a", "old", "0-1"))
		w.poll("a", 1)
		synctest.Wait()
		if got := w.received(); !slices.Equal(got, []string{"old"}) {
			t.Fatalf("the credit rested for nothing: %v", got)
		}
		finish(qs, w)
	})
}

// TestBegunGoFirstOnAServerThatIsBehind: a report that came when no credit was there puts its task before older ones.
func TestBegunGoFirstOnAServerThatIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(behind)
		w := open(t, qs, nil)
		p.commit(now("b", "old", "0-2"))
		time.Sleep(time.Millisecond)
		at := expectB(qs, "begun")
		r := qs.BeginReport("t", at.TaskRunId)
		p.commit(now("b", "begun", "0-2"))
		r.End(nil)
		w.poll("b", 2)
		time.Sleep(restTime)
		synctest.Wait()
		if got := w.received(); !slices.Equal(got, []string{"begun", "old"}) {
			t.Fatal(got)
		}
		finish(qs, w)
	})
}

// TestNoTaskWaitsForEverOnAServerThatIsBehind: WfRuns that go on for ever leave to those that have waited for a second one
// credit in so many.
func TestNoTaskWaitsForEverOnAServerThatIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(behind)
		w := open(t, qs, nil)
		p.commit(now("b", "old", "0-2"))
		time.Sleep(longWait + time.Millisecond)
		for range 4 * mostPassed {
			w.poll("b", 1)
			synctest.Wait()
			r := qs.BeginReport("t", expectB(qs, "loop").TaskRunId)
			if r.Credit() == nil {
				r.End(nil)
			} else {
				r.End(handOut("loop", "0-2", "b"))
			}
			time.Sleep(restTime)
			synctest.Wait()
			if slices.Contains(w.received(), "old") {
				finish(qs, w)
				return
			}
		}
		t.Fatalf("passed by for ever: %s", strings.Join(w.received(), " "))
	})
}

// TestNoTaskWaitsForEverForManyReports: reports that come so quickly that no credit has rested for its time leave it what is its.
func TestNoTaskWaitsForEverForManyReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(behind)
		w := open(t, qs, nil)
		p.commit(now("b", "old", "0-2"))
		time.Sleep(longWait + time.Millisecond)
		at := expectB(qs, "loop")
		w.poll("b", 4)
		synctest.Wait()
		for range 4 * mostPassed {
			r := qs.BeginReport("t", at.TaskRunId)
			time.Sleep(restTime / 10)
			if r.Credit() == nil {
				r.End(nil)
			} else {
				r.End(handOut("loop", "0-2", "b"))
				w.poll("b", 1)
			}
			synctest.Wait()
			if slices.Contains(w.received(), "old") {
				finish(qs, w)
				return
			}
			at = expectB(qs, "loop")
		}
		t.Fatalf("passed by for ever: %s", strings.Join(w.received(), " "))
	})
}

// TestOrderHoldsOnAServerThatKeepsUp: what was begun waits behind what is older.
func TestOrderHoldsOnAServerThatKeepsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waited []time.Duration
		p := newPartition(t)
		qs := p.start(func(cfg *Config) {
			cfg.Waited = func(_ machine.Stream, d time.Duration) { waited = append(waited, d) }
		})
		w := open(t, qs, nil)
		p.commit(now("b", "old", "0-2"))
		time.Sleep(time.Second)
		r := qs.BeginReport("t", expectB(qs, "begun").TaskRunId)
		p.commit(now("b", "begun", "0-2"))
		r.End(nil)
		w.poll("b", 2)
		synctest.Wait()
		if got := w.received(); !slices.Equal(got, []string{"old", "begun"}) {
			t.Fatal(got)
		}
		if !slices.Equal(waited, []time.Duration{time.Second, 0}) {
			t.Fatalf("waited %v", waited)
		}
		finish(qs, w)
	})
}

// TestBegunAreBounded: as many as the window, and what has gone is not among them.
func TestBegunAreBounded(t *testing.T) {
	b := begun{limit: 10}
	for n := range 100 {
		b.put(task("b", n).Key(), machine.Stream{})
	}
	if b.len() != 10 || len(b.order) != 10 {
		t.Fatalf("%d are remembered", b.len())
	}
	b.drop(task("b", 0).Key())
	b.drop(task("b", 3).Key())
	for _, n := range []int{1, 2, 4, 5, 6, 7, 8, 9} {
		if k, _ := b.pop(); k != task("b", n).Key() {
			t.Fatalf("%s, want that of %d", k, n)
		}
	}
	if b.len() != 0 || len(b.order) != 0 {
		t.Fatalf("%d, %d are left", b.len(), len(b.order))
	}
	b.put(task("b", 0).Key(), machine.Stream{})
	for n := range 100 {
		b.put(task("b", n+1).Key(), machine.Stream{})
		b.drop(task("b", n+1).Key())
	}
	if b.len() != 1 || len(b.order) > 20 {
		t.Fatalf("%d of %d are left", b.len(), len(b.order))
	}
}

// BenchmarkBegun has as many WfRuns in progress wait as are remembered, and more come: those that go are the oldest, and some
// that are not remembered.
func BenchmarkBegun(b *testing.B) {
	const limit = 1024
	ks := make([]keys.Key, 8*limit)
	for n := range ks {
		ks[n] = task("b", n).Key()
	}
	for name, goes := range map[string]bool{"none goes": false, "the oldest goes": true} {
		b.Run(name, func(b *testing.B) {
			all := begun{limit: limit}
			for n := range b.N {
				if goes && n >= limit {
					all.drop(ks[(n-limit)%len(ks)])
				}
				all.put(ks[n%len(ks)], machine.Stream{})
			}
		})
	}
}
