package api

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// covers: api §6.7
// holds: MetricsAddUpOverPartitions
func TestCountsAreSummedOverPartitions(t *testing.T) {
	f := newFace(t)
	put := func(partition uint16, tenant string, of keys.Counted, n int64) {
		f.cluster.put(machine.Stream{Kind: machine.Core, Partition: partition}, keys.In(tenant).Counts(of), &pb.Counts{Now: n})
	}
	version := func(name string, major, revision int32) keys.Counted {
		return keys.CountedWfSpec(&lhpb.WfSpecId{Name: name, MajorVersion: major, Revision: revision})
	}
	put(0, DefaultTenant, version("a", 0, 0), 1)
	put(1, DefaultTenant, version("a", 0, 0), 2)
	put(1, DefaultTenant, version("a", 0, 1), 4)
	put(2, DefaultTenant, version("a", 1, 1), 8)
	put(2, DefaultTenant, version("ab", 0, 0), 16)
	put(2, "bank", version("a", 0, 0), 32)
	put(0, DefaultTenant, keys.CountedTaskDef("a"), 64)
	put(2, DefaultTenant, keys.CountedTaskDef("a"), 128)
	number := func(n int32) *int32 { return &n }
	for name, c := range map[string]struct {
		filter *lhpb.CountNodeRunRequest_WfSpecFilter
		want   int64
		code   codes.Code
	}{
		"all":                    {nil, 31, codes.OK},
		"name":                   {&lhpb.CountNodeRunRequest_WfSpecFilter{WfSpecName: "a"}, 15, codes.OK},
		"major":                  {&lhpb.CountNodeRunRequest_WfSpecFilter{WfSpecName: "a", WfSpecMajorVersion: number(0)}, 7, codes.OK},
		"exact":                  {&lhpb.CountNodeRunRequest_WfSpecFilter{WfSpecName: "a", WfSpecMajorVersion: number(0), WfSpecRevision: number(0)}, 3, codes.OK},
		"unknown":                {&lhpb.CountNodeRunRequest_WfSpecFilter{WfSpecName: "b"}, 0, codes.OK},
		"revision without major": {&lhpb.CountNodeRunRequest_WfSpecFilter{WfSpecName: "a", WfSpecRevision: number(0)}, 0, codes.InvalidArgument},
		"no name":                {&lhpb.CountNodeRunRequest_WfSpecFilter{}, 0, codes.OK},
	} {
		req := &lhpb.CountNodeRunRequest{}
		if c.filter != nil {
			req.Filter = &lhpb.CountNodeRunRequest_WfSpecFilter_{WfSpecFilter: c.filter}
		}
		got, err := f.client.CountNodeRun(t.Context(), req)
		if got.GetValue() != c.want || status.Code(err) != c.code {
			t.Errorf("%s: %d, %v, want %d", name, got.GetValue(), err, c.want)
		}
	}
	for name, c := range map[string]struct {
		req  *lhpb.CountTaskRunRequest
		want int64
		code codes.Code
	}{
		"a queue": {&lhpb.CountTaskRunRequest{TaskDefName: "a"}, 192, codes.OK},
		"unknown": {&lhpb.CountTaskRunRequest{TaskDefName: "b"}, 0, codes.OK},
		"no name": {&lhpb.CountTaskRunRequest{}, 0, codes.InvalidArgument},
		"running": {&lhpb.CountTaskRunRequest{TaskDefName: "a", Status: lhpb.TaskStatus_TASK_RUNNING}, 0, codes.InvalidArgument},
	} {
		got, err := f.client.CountTaskRun(t.Context(), c.req)
		if got.GetValue() != c.want || status.Code(err) != c.code {
			t.Errorf("%s: %d, %v, want %d", name, got.GetValue(), err, c.want)
		}
	}
}

// putWindow stores a window that began so many minutes before noon.
func (f *face) putWindow(of keys.Counted, minutesAgo int, id *lhpb.MetricWindowId) {
	start := f.now.Add(-time.Duration(minutesAgo) * time.Minute)
	id.WindowStart = timestamppb.New(start)
	f.cluster.put(f.cluster.Repartition("", ""), keys.In(DefaultTenant).MetricWindow(of, start.UnixNano()), &lhpb.MetricWindow{Id: id})
}

func (f *face) atNoon() { f.now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) }

func (f *face) putWfWindows(version *lhpb.WfSpecId, minutesAgo ...int) {
	for _, n := range minutesAgo {
		id := &lhpb.MetricWindowId{Id: &lhpb.MetricWindowId_WfSpecId{WfSpecId: version}}
		f.putWindow(keys.CountedWfSpec(version), n, id)
	}
}

func (f *face) ago(t *timestamppb.Timestamp) int { return int(f.now.Sub(t.AsTime()).Minutes()) }

func (f *face) starts(windows []*lhpb.MetricWindow) (ago []int) {
	for _, w := range windows {
		ago = append(ago, f.ago(w.Id.WindowStart))
	}
	return ago
}

// Counts are of one stream, in parts of equal length of which each has its minutes.
func TestCountsOfWfRunsAreCutIntoParts(t *testing.T) {
	f := newFace(t)
	f.atNoon()
	of := keys.Counted{Type: lhpb.MetricWindowType_WORKFLOW_METRIC}
	some := func(n int32) *lhpb.CountAndTiming { return &lhpb.CountAndTiming{Count: n} }
	for ago, counted := range map[int]*lhpb.WfMetrics{
		1500: {Started: some(1000)}, // before the day
		1440: {Started: some(1), RunningToCompleted: some(2)},
		721:  {Started: some(4), RunningToError: some(8)},
		720:  {Started: some(16), RunningToException: some(32)},
		0:    {RunningToHalted: some(64), HaltingToHalted: some(128)},
	} {
		start := f.now.Add(-time.Duration(ago) * time.Minute)
		f.cluster.put(f.cluster.Repartition("", ""), keys.In(DefaultTenant).MetricWindow(of, start.UnixNano()), &lhpb.MetricWindow{
			Id: &lhpb.MetricWindowId{WindowStart: timestamppb.New(start)}, Metric: &lhpb.MetricWindow_Workflow{Workflow: counted},
		})
	}
	views, two := extra.NewViewServiceClient(f.conn), int32(2)
	got, err := views.GetWfRunCounts(t.Context(), &extra.GetWfRunCountsRequest{Parts: &two})
	if err != nil {
		t.Fatal(err)
	}
	want := &extra.GetWfRunCountsResponse{Parts: []*extra.WfRunCounts{
		{Start: timestamppb.New(f.now.Add(-24 * time.Hour)), Started: 5, Completed: 2, Failed: 8},
		{Start: timestamppb.New(f.now.Add(-12 * time.Hour)), Started: 16, Exceptions: 32, Halted: 192},
	}}
	if !proto.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for _, wrong := range []*extra.GetWfRunCountsRequest{{Minutes: proto.Int32(0)}, {Minutes: proto.Int32(4321)}, {Parts: proto.Int32(0)}, {Parts: proto.Int32(101)}} {
		if _, err := views.GetWfRunCounts(t.Context(), wrong); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", wrong, err)
		}
	}
}

func TestMetricsAreListedInOrderOfTime(t *testing.T) {
	f := newFace(t)
	f.atNoon()
	a0, a1 := &lhpb.WfSpecId{Name: "a"}, &lhpb.WfSpecId{Name: "a", Revision: 1}
	f.putWfWindows(a0, 90, 61, 60, 30, 1, 0)
	f.putWfWindows(a1, 30)
	f.putWindow(keys.Counted{Type: lhpb.MetricWindowType_WORKFLOW_METRIC}, 5, &lhpb.MetricWindowId{})
	f.putWindow(keys.CountedTaskDef("t"), 4, &lhpb.MetricWindowId{})
	at := func(ago int) *timestamppb.Timestamp {
		return timestamppb.New(f.now.Add(-time.Duration(ago) * time.Minute))
	}
	for name, c := range map[string]struct {
		req  *lhpb.ListWfMetricsRequest
		want []int
	}{
		"the last hour": {&lhpb.ListWfMetricsRequest{WfSpec: a0}, []int{60, 30, 1, 0}},
		"both ends":     {&lhpb.ListWfMetricsRequest{WfSpec: a0, WindowStart: at(90), WindowEnd: at(30)}, []int{90, 61, 60, 30}},
		"none between":  {&lhpb.ListWfMetricsRequest{WfSpec: a0, WindowStart: at(0), WindowEnd: at(30)}, nil},
		"for ever": {&lhpb.ListWfMetricsRequest{
			WfSpec: a0, WindowStart: &timestamppb.Timestamp{Seconds: -1 << 60}, WindowEnd: &timestamppb.Timestamp{Seconds: 1 << 60},
		}, []int{90, 61, 60, 30, 1, 0}},
		"another version":  {&lhpb.ListWfMetricsRequest{WfSpec: a1}, []int{30}},
		"the tenant":       {&lhpb.ListWfMetricsRequest{}, []int{5}},
		"an unknown thing": {&lhpb.ListWfMetricsRequest{WfSpec: &lhpb.WfSpecId{Name: "b"}}, nil},
	} {
		got, err := f.client.ListWfMetrics(t.Context(), c.req)
		if err != nil || !slices.Equal(f.starts(got.Windows), c.want) {
			t.Errorf("%s: %v, %v, want %v", name, f.starts(got.GetWindows()), err, c.want)
		}
	}
	tasks, err := f.client.ListTaskMetrics(t.Context(), &lhpb.ListTaskMetricsRequest{TaskDef: &lhpb.TaskDefId{Name: "t"}})
	if err != nil || !slices.Equal(f.starts(tasks.Windows), []int{4}) {
		t.Errorf("%v, %v", tasks, err)
	}
	for n := range mostWindows + 50 {
		f.putWfWindows(&lhpb.WfSpecId{Name: "many"}, n)
	}
	many, err := f.client.ListWfMetrics(t.Context(), &lhpb.ListWfMetricsRequest{WfSpec: &lhpb.WfSpecId{Name: "many"}, WindowStart: at(mostWindows + 49)})
	if err != nil || len(many.Windows) != mostWindows || f.starts(many.Windows)[0] != mostWindows+49 {
		t.Errorf("%d windows, %v", len(many.GetWindows()), err)
	}
}

func TestAMetricWindowIsRead(t *testing.T) {
	f := newFace(t)
	f.atNoon()
	a := &lhpb.WfSpecId{Name: "a"}
	f.putWfWindows(a, 3)
	f.putWindow(keys.CountedTaskDef(""), 3, &lhpb.MetricWindowId{MetricType: lhpb.MetricWindowType_TASK_METRIC.Enum()})
	start := timestamppb.New(f.now.Add(-3 * time.Minute))
	for name, c := range map[string]struct {
		id   *lhpb.MetricWindowId
		code codes.Code
	}{
		"an object": {&lhpb.MetricWindowId{Id: &lhpb.MetricWindowId_WfSpecId{WfSpecId: a}, WindowStart: start}, codes.OK},
		"an object, as a type that it has not": {&lhpb.MetricWindowId{
			Id: &lhpb.MetricWindowId_WfSpecId{WfSpecId: a}, WindowStart: start, MetricType: lhpb.MetricWindowType_TASK_METRIC.Enum(),
			TenantId: &lhpb.TenantId{Id: "bank"},
		}, codes.OK},
		"the tenant's tasks": {&lhpb.MetricWindowId{WindowStart: start, MetricType: lhpb.MetricWindowType_TASK_METRIC.Enum()}, codes.OK},
		"another minute":     {&lhpb.MetricWindowId{Id: &lhpb.MetricWindowId_WfSpecId{WfSpecId: a}, WindowStart: timestamppb.New(f.now)}, codes.NotFound},
		"no minute":          {&lhpb.MetricWindowId{Id: &lhpb.MetricWindowId_WfSpecId{WfSpecId: a}}, codes.NotFound},
	} {
		if _, err := f.client.GetMetricWindow(t.Context(), c.id); status.Code(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

func TestSearchOfMetricWindows(t *testing.T) {
	f := newFace(t)
	f.atNoon()
	f.putWfWindows(&lhpb.WfSpecId{Name: "a"}, 9, 5, 3, 1)
	f.putWfWindows(&lhpb.WfSpecId{Name: "a", Revision: 2}, 8, 1)
	f.putWfWindows(&lhpb.WfSpecId{Name: "a", MajorVersion: 1}, 4)
	f.putWfWindows(&lhpb.WfSpecId{Name: "ab"}, 4, 1)
	at := func(ago int) *timestamppb.Timestamp {
		return timestamppb.New(f.now.Add(-time.Duration(ago) * time.Minute))
	}
	yes := true
	for name, c := range map[string]struct {
		req  *lhpb.SearchWfMetricWindowRequest
		want []string
	}{
		"all":    {&lhpb.SearchWfMetricWindowRequest{WfSpecName: "a"}, []string{"0.0@9", "0.0@5", "0.0@3", "0.0@1", "0.2@8", "0.2@1", "1.0@4"}},
		"span":   {&lhpb.SearchWfMetricWindowRequest{WfSpecName: "a", EarliestStart: at(8), LatestStart: at(3)}, []string{"0.0@5", "0.0@3", "0.2@8", "1.0@4"}},
		"latest": {&lhpb.SearchWfMetricWindowRequest{WfSpecName: "a", LatestOnly: &yes, EarliestStart: at(0)}, []string{"0.0@1", "0.2@1"}},
		"none":   {&lhpb.SearchWfMetricWindowRequest{WfSpecName: "b"}, nil},
		"turned": {&lhpb.SearchWfMetricWindowRequest{WfSpecName: "a", EarliestStart: at(3), LatestStart: at(8)}, nil},
	} {
		for limit := range int32(4) {
			limit += 1 + limit
			c.req.Limit, c.req.Bookmark = &limit, nil
			var got []string
			for n := 0; n < 20; n++ {
				page, err := f.client.SearchWfMetricWindow(t.Context(), c.req)
				if err != nil {
					t.Fatal(name, err)
				}
				for _, id := range page.Results {
					v := id.GetWfSpecId()
					got = append(got, fmt.Sprintf("%d.%d@%d", v.MajorVersion, v.Revision, f.ago(id.WindowStart)))
				}
				if c.req.Bookmark = page.Bookmark; page.Bookmark == nil {
					break
				}
				if len(page.Results) != int(limit) {
					t.Errorf("%s: a page of %d before the last", name, len(page.Results))
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s by %d: %v, want %v", name, limit, got, c.want)
			}
		}
	}
	if _, err := f.client.SearchWfMetricWindow(t.Context(), &lhpb.SearchWfMetricWindowRequest{}); status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
}
