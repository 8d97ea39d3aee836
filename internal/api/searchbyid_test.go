package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// Whose ids begin alike are found in order, page by page, by whatever else is asked for, and at the cost of what begins so.
//
// covers: dashboard C.3 runs
func TestRowsAreFoundByHowIdsBegin(t *testing.T) {
	f := newFace(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for n := range 1500 {
		id := &lhpb.WfRunId{Id: fmt.Sprintf("order-%04d", n)}
		if n%10 == 9 {
			id = &lhpb.WfRunId{Id: "below", ParentWfRunId: id}
		}
		name := lh.WfRunIDString(id)
		status := []lhpb.LHStatus{lhpb.LHStatus_COMPLETED, lhpb.LHStatus_ERROR}[n%2]
		f.cluster.put(f.cluster.Core(DefaultTenant, lh.RootWfRunID(id)), keys.In(DefaultTenant).RunNamed(name).WfRun(), &pb.WfRunRow{WfRun: &lhpb.WfRun{
			Id: id, WfSpecId: &lhpb.WfSpecId{Name: "order"}, Status: status, StartTime: timestamppb.New(at.Add(time.Duration(n) * time.Second)),
		}})
		f.cluster.put(f.cluster.Core(DefaultTenant, lh.RootWfRunID(id)), keys.In(DefaultTenant).RunNamed(name).Variable(0, "who"), &lhpb.Variable{Value: text(fmt.Sprint(n % 3))})
	}
	all := func(req *extra.SearchWfRunViewRequest) (ids []string) {
		t.Helper()
		for {
			page := f.rowsView(t, req)
			for _, r := range page.Results {
				ids = append(ids, lh.WfRunIDString(r.Id))
			}
			if page.Bookmark == nil {
				return ids
			}
			req.Bookmark = page.Bookmark
		}
	}
	limit := int32(7)
	before := f.cluster.read
	few := all(&extra.SearchWfRunViewRequest{IdPrefix: "order-010", Limit: &limit})
	if len(few) != 10 || few[0] != "order-0100" || few[9] != "order-0109_below" || !slices.IsSorted(few) {
		t.Error(few)
	}
	if read := f.cluster.read - before; read > 200 {
		t.Errorf("ten are found for %d rows", read)
	}
	for _, c := range []struct {
		req  *extra.SearchWfRunViewRequest
		want int
	}{
		{&extra.SearchWfRunViewRequest{IdPrefix: "order-"}, 1500},
		{&extra.SearchWfRunViewRequest{IdPrefix: "order-0", Statuses: []lhpb.LHStatus{lhpb.LHStatus_ERROR}}, 500},
		{&extra.SearchWfRunViewRequest{IdPrefix: "order-", EarliestStart: timestamppb.New(at.Add(10 * time.Second)), LatestStart: timestamppb.New(at.Add(19 * time.Second))}, 10},
		{&extra.SearchWfRunViewRequest{IdPrefix: "order-00", ParentWfRunId: &lhpb.WfRunId{Id: "order-0019"}}, 1},
		{&extra.SearchWfRunViewRequest{IdPrefix: "ORDER"}, 0},
		{&extra.SearchWfRunViewRequest{IdPrefix: "order-0100x"}, 0},
		{&extra.SearchWfRunViewRequest{IdPrefix: strings.Repeat("\x00", 3)}, 0},
	} {
		got := all(c.req)
		if len(got) != c.want || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("%v: %d are found", c.req, len(got))
		}
	}
}

// Those right below a WfRun are found by it, the latest first.
func TestRowsAreFoundByTheirParent(t *testing.T) {
	f := newFace(t)
	now := f.now.UnixMilli()
	f.store(storedRun{id: "p", wfSpec: "order", status: lhpb.LHStatus_RUNNING, createdMs: now - 10})
	for n := range 5 {
		f.store(storedRun{id: fmt.Sprintf("p_c%d", n), wfSpec: "order", status: lhpb.LHStatus_RUNNING, createdMs: now - 5 + int64(n)})
	}
	f.store(storedRun{id: "p_c0_d", wfSpec: "order", status: lhpb.LHStatus_RUNNING, createdMs: now})
	f.store(storedRun{id: "other", wfSpec: "order", status: lhpb.LHStatus_RUNNING, createdMs: now})
	limit := int32(2)
	var got []string
	for req := (&extra.SearchWfRunViewRequest{ParentWfRunId: &lhpb.WfRunId{Id: "p"}, Limit: &limit}); ; {
		page := f.rowsView(t, req)
		for _, r := range page.Results {
			got = append(got, lh.WfRunIDString(r.Id))
		}
		if page.Bookmark == nil {
			break
		}
		req.Bookmark = page.Bookmark
	}
	if strings.Join(got, " ") != "p_c4 p_c3 p_c2 p_c1 p_c0" {
		t.Error(got)
	}
	if page := f.rowsView(t, &extra.SearchWfRunViewRequest{ParentWfRunId: &lhpb.WfRunId{Id: "-"}}); len(page.Results) != 0 {
		t.Error(page)
	}
}
