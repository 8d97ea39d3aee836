package lh_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
	"littlehorse/sdk/usertask"
	"littlehorse/sdk/wf"
)

type inspection struct {
	Whole bool `lh:"whole,required"`
}

var (
	inspect = usertask.Define[inspection]("inspect")
	// parcel is weighed, inspected and announced.
	parcel = wf.New("parcel", func(t *wf.Thread) {
		number := wf.Declare[string](t, "number").Required()
		weight := wf.Declare[int64](t, "weight")
		weight.Set(wf.Event[int64](t, "weighed", wf.Correlated(time.Hour, true)).CorrelatedBy(number))
		inspect.Assign(t, wf.Group("packers"))
		wf.Throw(t, "parcel-ready", weight)
	})
	tick = wf.New("tick", func(*wf.Thread) {})
)

func must[T any](t *testing.T) func(v T, err error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// found is all that a search finds.
func found[T any](t *testing.T, all func(func(T, error) bool)) []T {
	t.Helper()
	var out []T
	for one, err := range all {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, one)
	}
	return out
}

func TestEventsAndUserTasks(t *testing.T) {
	s := lhtest.Start(t, inspect, parcel)
	c := s.Client()
	id := must[lh.RunID](t)(c.Run(t.Context(), "parcel", lh.Input{"number": "p1"}))
	if err := c.PostCorrelated(t.Context(), "p1", "weighed", int64(3)); err != nil {
		t.Fatal(err)
	}
	s.Settle()
	if err := c.PostCorrelated(t.Context(), "p1", "weighed", struct{ C chan int }{}); err == nil {
		t.Error("a channel is posted")
	}

	forms := &lhpb.SearchUserTaskRunRequest{UserTaskDefName: new("inspect")}
	open := found(t, lh.All(t.Context(), c.RPC().SearchUserTaskRun, forms))
	if len(open) != 1 {
		t.Fatalf("%d user tasks", len(open))
	}
	if err := c.AssignUserTask(t.Context(), open[0], "ana", ""); err != nil {
		t.Fatal(err)
	}
	if err := inspect.Complete(t.Context(), c, open[0], "ana", inspection{Whole: true}); err != nil {
		t.Fatal(err)
	}
	if weight := must[int64](t)(lh.AwaitEvent[int64](t.Context(), c, id, "parcel-ready")); weight != 3 {
		t.Errorf("it weighs %d", weight)
	}
	if _, err := lh.AwaitEvent[bool](t.Context(), c, id, "parcel-ready"); err == nil || !strings.Contains(err.Error(), "parcel-ready") {
		t.Errorf("a number is read as a truth value: %v", err)
	}
	run := s.Existing(id)
	run.Completed(t)

	other := s.Run("parcel", lh.Input{"number": "p2"})
	if err := c.PostCorrelated(t.Context(), "p2", "weighed", int64(4)); err != nil {
		t.Fatal(err)
	}
	other.At(t, "inspect")
	for _, form := range found(t, lh.All(t.Context(), c.RPC().SearchUserTaskRun, forms)) {
		if lh.RunIDOf(form.WfRunId) != other.ID {
			continue
		}
		if err := c.CancelUserTask(t.Context(), form); err != nil {
			t.Fatal(err)
		}
	}
	other.Failed(t, "USER_TASK_CANCELLED")
}

func TestAllGoesThroughEveryPage(t *testing.T) {
	s := lhtest.Start(t, tick)
	c := s.Client()
	var want []string
	for range 5 {
		want = append(want, string(s.Run("tick", nil).ID))
	}
	calls := 0
	search := func(ctx context.Context, q *lhpb.SearchWfRunRequest, o ...grpc.CallOption) (*lhpb.WfRunIdList, error) {
		calls++
		return c.RPC().SearchWfRun(ctx, q, o...)
	}
	request := &lhpb.SearchWfRunRequest{WfSpecName: "tick", Limit: new(int32(2))}
	var got []string
	for _, id := range found(t, lh.All(t.Context(), search, request)) {
		got = append(got, id.Id)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) || calls != 3 || request.Bookmark != nil {
		t.Errorf("%q in %d calls", got, calls)
	}
	calls = 0
	for range lh.All(t.Context(), search, request) {
		break
	}
	if calls != 1 {
		t.Errorf("who looks at one makes %d calls", calls)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for id, err := range lh.All(ctx, c.RPC().SearchWfRun, request) {
		if !errors.Is(err, context.Canceled) || id != nil {
			t.Errorf("%v, %v", id, err)
		}
	}
	pageless := func(context.Context, *emptypb.Empty, ...grpc.CallOption) (*lhpb.WfRunIdList, error) { return nil, nil }
	for _, err := range lh.All(t.Context(), pageless, &emptypb.Empty{}) {
		if err == nil || !strings.Contains(err.Error(), "no pages") {
			t.Error(err)
		}
	}
}

func TestSchedules(t *testing.T) {
	s := lhtest.Start(t, tick)
	c := s.Client()
	id := must[string](t)(c.Schedule(t.Context(), "*/5 * * * *", "tick", nil))
	if named := must[string](t)(c.Schedule(t.Context(), "0 0 1 1 *", "tick", nil, lh.WithID("yearly"), lh.WithMajorVersion(0))); named != "yearly" {
		t.Errorf("it is %q", named)
	}
	ran := func() int {
		return len(found(t, lh.All(t.Context(), c.RPC().SearchWfRun, &lhpb.SearchWfRunRequest{WfSpecName: "tick"})))
	}
	s.Advance(16 * time.Minute)
	if n := ran(); n != 3 {
		t.Errorf("%d runs in 16 minutes", n)
	}
	if err := c.Unschedule(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	s.Advance(time.Hour)
	if n := ran(); n != 3 {
		t.Errorf("%d runs, the last after the end", n)
	}
	if _, err := c.Schedule(t.Context(), "at noon", "tick", nil); !errors.Is(err, lh.ErrInvalidArgument) {
		t.Error(err)
	}
	if _, err := c.Schedule(t.Context(), "* * * * *", "tick", lh.Input{"x": make(chan int)}); err == nil {
		t.Error("a channel is scheduled")
	}
}
