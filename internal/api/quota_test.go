package api

import (
	"context"
	"slices"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// notLimited are the RPCs that do not count against Quotas. One that is new counts, unless it is written here.
var notLimited = []string{
	"AwaitWorkflowEvent", "CountNodeRun", "CountTaskRun", "GetBulkJob", "GetCheckpoint", "GetCorrelatedEvent",
	"GetExternalEvent", "GetExternalEventDef", "GetInactiveThreadRun", "GetLatestUserTaskDef", "GetLatestWfSpec",
	"GetMetricWindow", "GetNodeRun", "GetPrincipal", "GetQuota", "GetScheduledWfRun", "GetServerVersion",
	"GetStructDef", "GetTaskDef", "GetTaskDefMetricsWindow", "GetTaskRun", "GetTaskWorkerGroup", "GetTenant",
	"GetUserTaskDef", "GetUserTaskRun", "GetVariable", "GetWfRun", "GetWfSpec", "GetWfSpecMetricsWindow",
	"GetWorkflowEvent", "GetWorkflowEventDef", "GetWorkflowMigrationPlan", "ListExternalEvents", "ListNodeRuns",
	"ListQuotaUsageMetrics", "ListTaskMetrics", "ListTaskRuns", "ListUserTaskRuns", "ListVariables",
	"ListWfMetrics", "ListWorkflowEvents", "PollTask", "SearchBulkJob", "SearchCorrelatedEvent",
	"SearchExternalEvent", "SearchExternalEventDef", "SearchNodeRun", "SearchPrincipal", "SearchQuota",
	"SearchScheduledWfRun", "SearchStructDef", "SearchTaskDef", "SearchTaskRun", "SearchTenant",
	"SearchUserTaskDef", "SearchUserTaskRun", "SearchVariable", "SearchWfMetricWindow", "SearchWfRun",
	"SearchWfSpec", "SearchWorkflowEvent", "SearchWorkflowEventDef", "SearchWorkflowMigrationPlan",
	"ValidateStructDefEvolution", "Whoami",
}

func TestEveryWriteIsLimited(t *testing.T) {
	desc := lhpb.LittleHorse_ServiceDesc
	for _, m := range desc.Methods {
		if want := !slices.Contains(notLimited, m.MethodName); isLimited(m.MethodName) != want {
			t.Errorf("%s is limited: %v, want %v", m.MethodName, !want, want)
		}
	}
	for _, m := range desc.Streams {
		if isLimited(m.StreamName) {
			t.Errorf("%s is limited, and a stream", m.StreamName)
		}
	}
}

func TestPermits(t *testing.T) {
	for _, c := range []struct {
		rate    int32
		servers int
		want    int64
	}{{10, 1, 5}, {1, 1, 1}, {4, 1, 2}, {3, 1, 2}, {10, 3, 2}, {10, 100, 1}, {10, 0, 5}} {
		if got := permitsOf(c.rate, c.servers); got != c.want {
			t.Errorf("%d over %d servers: %d permits, want %d", c.rate, c.servers, got, c.want)
		}
	}
}

// The waits that the reference names, and what was seen of the original: rate 4, two pass, then up to 1500 ms.
func TestWaitsGrowWithWhatIsRefused(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(m *limiter, rate int32, afterMs int64) int64 {
		return m.charge("t/", rate, 1, start.Add(time.Duration(afterMs)*time.Millisecond))
	}
	m := newLimiter()
	for i, want := range []int64{0, 0, 0, 0, 0, 600, 700} {
		if got := at(m, 10, int64(i)); got != want {
			t.Errorf("rate 10, call %d: %d ms, want %d", i+1, got, want)
		}
	}
	m = newLimiter()
	for i, want := range []int64{0, 0, 750, 1000, 1250, 1500} {
		if got := at(m, 4, int64(i)); got != want {
			t.Errorf("rate 4, call %d: %d ms, want %d", i+1, got, want)
		}
	}
	// A window later two more pass, and half of the debt is paid.
	for i, want := range []int64{0, 0, 1250} {
		if got := at(m, 4, 500+int64(i)); got != want {
			t.Errorf("after a window, call %d: %d ms, want %d", i+1, got, want)
		}
	}
	// However long a caller hammers, the debt is bounded when the next window begins.
	for range 1000 {
		at(m, 4, 600)
	}
	at(m, 4, 1100)
	at(m, 4, 1100)
	if got := at(m, 4, 1100); got != 30_750 {
		t.Errorf("%d ms, want 30750", got)
	}
	if got := at(m, 4, 60_000); got != 0 {
		t.Errorf("a minute later: %d ms", got)
	}
}

func (f *face) limit(quota string, rate int32) {
	f.definitions.quotas[quota] = &lhpb.Quota{WriteRequestsPerSecond: rate}
}

// covers: observability §2
func TestCallsBeyondAQuotaAreRefused(t *testing.T) {
	f := newFace(t)
	f.atNoon()
	f.definitions.quotas = map[string]*lhpb.Quota{}
	f.cluster.answer = func(machine.Stream, *machine.Record) (proto.Message, error) { return nil, nil }
	write := func(ctx context.Context) error {
		_, err := f.client.DeleteTaskDef(ctx, &lhpb.DeleteTaskDefRequest{Id: &lhpb.TaskDefId{Name: "x"}})
		return err
	}
	f.limit("default/", 2)
	f.limit("bank/", 100)
	f.limit("bank/anonymous", 2)
	if err := write(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused, _ := status.FromError(write(t.Context()))
	if refused.Code() != codes.ResourceExhausted || refused.Message() != "Quota exceeded. Retry after 1000ms." {
		t.Errorf("%v", refused)
	}
	if d := refused.Details(); len(d) != 1 || d[0].(*errdetails.RetryInfo).RetryDelay.AsDuration() != time.Second {
		t.Errorf("%v", d)
	}
	if _, err := f.client.SearchQuota(t.Context(), &lhpb.SearchQuotaRequest{}); err != nil {
		t.Errorf("a read is limited: %v", err)
	}
	bank := metadata.AppendToOutgoingContext(t.Context(), tenantKey, "bank")
	if err := write(bank); err != nil {
		t.Errorf("another tenant is limited: %v", err)
	}
	if f.limit("bank/anonymous", 1); status.Code(write(bank)) != codes.ResourceExhausted {
		t.Error("the Principal is not limited")
	}
	f.now = f.now.Add(500 * time.Millisecond)
	if err := write(t.Context()); err != nil {
		t.Errorf("after the window: %v", err)
	}
}

func TestUsageOfQuotasIsSentOn(t *testing.T) {
	f := newFace(t)
	f.atNoon()
	f.definitions.quotas = map[string]*lhpb.Quota{}
	f.limit("default/", 2)
	var sent []*pb.MetricUpdate
	f.cluster.answer = func(_ machine.Stream, r *machine.Record) (proto.Message, error) {
		if u := r.GetMetricUpdate(); u != nil {
			sent = append(sent, u)
		}
		return &emptypb.Empty{}, nil
	}
	for range 3 {
		_, _ = f.client.DeleteTaskDef(t.Context(), &lhpb.DeleteTaskDefRequest{})
	}
	if f.FlushQuotaUsage(t.Context(), false); len(sent) != 0 {
		t.Error("the minute is not over")
	}
	f.now = f.now.Add(time.Minute)
	_, _ = f.client.DeleteTaskDef(t.Context(), &lhpb.DeleteTaskDefRequest{})
	f.FlushQuotaUsage(t.Context(), false)
	f.FlushQuotaUsage(t.Context(), true)
	if len(sent) != 2 {
		t.Fatalf("%v", sent)
	}
	first, second := sent[0], sent[1]
	if first.Counts[0].Count != 3 || first.Counts[1].Count != 2 || first.Counts[1].TotalMs != 1000+1500 || second.Counts[0].Count != 1 {
		t.Errorf("%v", sent)
	}
	if id := first.Window; id.GetQuotaId().GetTenant().GetId() != "default" || !id.WindowStart.AsTime().Equal(f.now.Add(-time.Minute)) {
		t.Errorf("%v", id)
	}
}

func TestSearchQuota(t *testing.T) {
	f := newFace(t)
	_, err := f.client.SearchQuota(t.Context(), &lhpb.SearchQuotaRequest{Principal: &lhpb.PrincipalId{Id: "p"}})
	if status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
	if _, err := f.client.GetQuota(t.Context(), &lhpb.QuotaId{Tenant: &lhpb.TenantId{Id: "bank"}}); status.Code(err) != codes.NotFound {
		t.Error(err)
	}
}
