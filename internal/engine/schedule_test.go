package engine_test

import (
	"testing"

	"littlehorse/internal/engine"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

func (w *world) schedule(spec, id, cron string) machine.Effects {
	return w.do(&pb.Record{Command: &pb.Record_ScheduleWf{ScheduleWf: &pb.ScheduleWf{
		WfSpecId: w.meta.latest().newest(spec, -1).Spec.Id,
		Request:  &lhpb.ScheduleWfRequest{WfSpecName: spec, Id: &id, CronExpression: cron},
	}}})
}

// fire applies a timer as a lane's own record is: without a request id, numbered by the lane.
func (w *world) fire(id string, dueNs int64) machine.Effects {
	timer := keys.Timer{DueNs: dueNs, Tenant: tenant, Kind: keys.TimerSchedule, ID: id}
	return w.apply(&pb.Record{
		Header:  &pb.Header{Source: "lane", Number: 7, AtNs: dueNs, Tenant: tenant, CatalogVersion: w.meta.version()},
		Command: &pb.Record_TimerFired{TimerFired: &pb.TimerFired{Key: []byte(timer.Key())}},
	})
}

// Lanes number their own records from 1 in every partition, yet no two firings may ask for the same WfRun.
func TestFiringsOfTwoPartitionsHaveIDsOfTheirOwn(t *testing.T) {
	const hour = 3600 * 1_000_000_000
	ids := map[string]bool{}
	for _, name := range []string{"one", "two"} {
		w := newTestWorld(t, engine.DefaultConfig(), "thread main\n n: NOP")
		w.schedule("spec0", name, "0 * * * *")
		fx := w.fire(name, hour)
		if len(fx.Emit) != 1 {
			t.Fatalf("%d records were emitted", len(fx.Emit))
		}
		ids[fx.Emit[0].Record.GetRunWf().GetRequest().GetId()] = true
	}
	if len(ids) != 2 {
		t.Error("two schedules ask for the same WfRun")
	}
}

// A firing goes to where its WfRun lives: by its own id, or with its parent.
//
// covers: operations §6 keys
func TestFiringsGoToThePartitionOfTheirWfRun(t *testing.T) {
	const partitions, minute = 16, 60 * 1_000_000_000
	c := engine.DefaultConfig()
	c.Partitions = partitions
	w := newTestWorld(t, c, "thread main\n n: NOP")
	w.schedule("spec0", "s", "* * * * *")
	seen := map[machine.Stream]bool{}
	for n := int64(1); n <= 32; n++ {
		fx := w.fire("s", n*minute)
		id := fx.Emit[0].Record.GetRunWf().GetRequest().GetId()
		if want := machine.CoreOf(tenant, id, partitions); fx.Emit[0].To != want {
			t.Fatalf("WfRun %s is asked of %s, its place is %s", id, fx.Emit[0].To, want)
		}
		seen[fx.Emit[0].To] = true
	}
	if len(seen) < partitions/2 {
		t.Errorf("32 WfRuns went to %d partitions", len(seen))
	}
	row := get[pb.ScheduleRow](w, keys.In(tenant).Schedule("s")).CloneVT()
	row.ScheduledWfRun.ParentWfRunId = lh.ParseWfRunID("root_child")
	w.state.Commit([]machine.Change{{Key: keys.In(tenant).Schedule("s"), Value: row}})
	if got, want := w.fire("s", 33*minute).Emit[0].To, machine.CoreOf(tenant, "root", partitions); got != want {
		t.Errorf("a child is asked of %s, its root lives at %s", got, want)
	}
}

// A timer that is not the schedule's next one does nothing: the schedule was made anew since.
func TestAnOldFiringIsVoid(t *testing.T) {
	const minute = 60 * 1_000_000_000
	w := newTestWorld(t, engine.DefaultConfig(), "thread main\n n: NOP")
	w.schedule("spec0", "s", "5 * * * *")
	old := keys.Timer{DueNs: minute, Tenant: tenant, Kind: keys.TimerSchedule, ID: "s"}.Key()
	w.state.Commit([]machine.Change{{Key: old, Value: &pb.Timer{What: &pb.Timer_ScheduleDue{ScheduleDue: "s"}}}})
	if fx := w.fire("s", minute); len(fx.Emit) != 0 {
		t.Error("it fired")
	}
}

// Where the clock ends, schedules do.
func TestAScheduleEndsWithTheClock(t *testing.T) {
	const year2262 = 9214646400 * 1_000_000_000 // 2262-01-01
	w := newTestWorld(t, engine.DefaultConfig(), "thread main\n n: NOP")
	w.nowNs = year2262 - 1
	fx := w.schedule("spec0", "s", "0 0 1 1 *")
	if fx.Reply.Err == nil || fx.Reply.Err.Code != lh.InvalidArgument {
		t.Errorf("the answer is %v", fx.Reply)
	}
}
