package rollup

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

var (
	minute = time.Date(2026, 1, 1, 10, 4, 0, 0, time.UTC)
	greet  = &lhpb.WfSpecId{Name: "greet", MajorVersion: 1}
)

func wfWindow() *lhpb.MetricWindowId {
	return &lhpb.MetricWindowId{
		Id: &lhpb.MetricWindowId_WfSpecId{WfSpecId: greet}, TenantId: &lhpb.TenantId{Id: "bank"},
		WindowStart: timestamppb.New(minute), MetricType: lhpb.MetricWindowType_WORKFLOW_METRIC.Enum(),
	}
}

type world struct {
	t     *testing.T
	state *machine.Mem
	at    time.Time
}

func newWorld(t *testing.T) *world {
	return &world{t: t, state: machine.NewMem(), at: minute.Add(time.Minute)}
}

func (w *world) do(r *pb.Record) {
	w.t.Helper()
	r.Header = &pb.Header{Tenant: "bank", AtNs: w.at.UnixNano()}
	fx := New(DefaultConfig()).Apply(w.state, r)
	if fx.Reply.Err != nil {
		w.t.Fatal(fx.Reply.Err)
	}
	for i := 1; i < len(fx.Changes); i++ {
		if fx.Changes[i-1].Key >= fx.Changes[i].Key {
			w.t.Fatal("changes are out of order")
		}
	}
	w.state.Commit(fx.Changes)
}

func (w *world) update(id *lhpb.MetricWindowId, counts ...*pb.Count) {
	w.t.Helper()
	w.do(&pb.Record{Command: &pb.Record_MetricUpdate{MetricUpdate: &pb.MetricUpdate{Window: id, Counts: counts}}})
}

func (w *world) window(of keys.Counted) *lhpb.MetricWindow {
	return machine.Get[lhpb.MetricWindow](w.state, keys.In("bank").MetricWindow(of, minute.UnixNano()))
}

func count(n, shortest, longest, sum int64) *pb.Count {
	return &pb.Count{Count: n, MinMs: shortest, MaxMs: longest, TotalMs: sum}
}

func timing(n int32, shortest, longest, sum int64) *lhpb.CountAndTiming {
	return &lhpb.CountAndTiming{Count: n, MinLatencyMs: shortest, MaxLatencyMs: longest, TotalLatencyMs: sum}
}

// holds: MetricsAddUpOverPartitions
func TestPartitionsAddUpToOneWindow(t *testing.T) {
	w := newWorld(t)
	none := count(0, 0, 0, 0)
	w.update(wfWindow(), count(3, 0, 0, 0), count(2, 41, 90, 131), none, none, none, none, none, none)
	w.update(wfWindow(), none, count(1, 7, 7, 7), count(1, 5, 5, 5))
	w.at = w.at.Add(time.Hour) // late
	w.update(wfWindow(), count(1, 0, 0, 0), count(1, 230, 230, 230), none)
	zero := timing(0, 0, 0, 0)
	want := &lhpb.MetricWindow{Id: wfWindow(), Metric: &lhpb.MetricWindow_Workflow{Workflow: &lhpb.WfMetrics{
		Started: timing(4, 0, 0, 0), RunningToCompleted: timing(4, 7, 230, 368), RunningToError: timing(1, 5, 5, 5),
		RunningToException: zero, RunningToHalting: zero, RunningToHalted: zero, HaltingToHalted: zero, HaltedToRunning: zero,
	}}}
	if got := w.window(keys.CountedWfSpec(greet)); !proto.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestTasksAndQuotas(t *testing.T) {
	w := newWorld(t)
	id := wfWindow()
	id.Id, id.MetricType = &lhpb.MetricWindowId_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: "t"}}, lhpb.MetricWindowType_TASK_METRIC.Enum()
	var counts []*pb.Count
	for n := range int64(8) {
		counts = append(counts, count(n+1, n, n, n))
	}
	w.update(id, counts...)
	m := w.window(keys.CountedTaskDef("t")).GetTask()
	for i, c := range []*lhpb.CountAndTiming{
		m.GetTaskrunCreatedToCompleted(), m.GetTaskrunCreatedToError(), m.GetTaskrunCreatedToException(),
		m.GetTaskattemptPendingToScheduled(), m.GetTaskattemptScheduledToRunning(), m.GetTaskattemptRunningToError(),
		m.GetTaskattemptRunningToSuccess(), m.GetTaskattemptRunningToException(),
	} {
		if int(c.GetCount()) != i+1 {
			t.Errorf("field %d counts %d", i, c.GetCount())
		}
	}
	id = wfWindow()
	id.Id = &lhpb.MetricWindowId_QuotaId{QuotaId: &lhpb.QuotaId{Tenant: &lhpb.TenantId{Id: "bank"}, Principal: &lhpb.PrincipalId{Id: "anna"}}}
	w.update(id, count(10, 0, 0, 0), count(2, 0, 0, 1300))
	w.update(id, count(5, 0, 0, 0), count(1, 0, 0, 600))
	usage := w.window(keys.CountedQuota("anna")).GetQuotaUsage()
	if want := (&lhpb.QuotaUsageMetrics{RequestsObserved: 15, RequestsThrottled: 3, TotalThrottleTimeMs: 1900}); !proto.Equal(usage, want) {
		t.Errorf("%v, want %v", usage, want)
	}
}

func TestAWindowIsDeletedWhenItIsOld(t *testing.T) {
	w := newWorld(t)
	w.update(wfWindow(), count(1, 0, 0, 0))
	timers := keys.Timers()
	var timer keys.Key
	for k := range machine.Scan[pb.Timer](w.state, timers, timers.End(), 2) {
		timer = k
	}
	fire := &pb.Record{Command: &pb.Record_TimerFired{TimerFired: &pb.TimerFired{Key: []byte(timer)}}}
	w.at = minute.Add(14*24*time.Hour - 1)
	w.do(fire)
	if w.window(keys.CountedWfSpec(greet)) == nil {
		t.Fatal("the window is gone too early")
	}
	w.at = minute.Add(14 * 24 * time.Hour)
	w.do(fire)
	w.do(fire)
	if left := w.state.Keys(); len(left) > 0 {
		t.Errorf("%q is left", left)
	}
}

func TestOtherRecordsAreRefused(t *testing.T) {
	if fx := New(DefaultConfig()).Apply(machine.NewMem(), &pb.Record{}); fx.Reply.Err == nil {
		t.Error("an unknown record was applied")
	}
}
