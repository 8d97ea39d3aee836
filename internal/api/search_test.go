package api

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// storedRun is a WfRun as the engine stores and indexes it.
type storedRun struct {
	id        string
	wfSpec    string
	major     int32
	status    lhpb.LHStatus
	createdMs int64
	variable  string
}

func (r storedRun) tag() keys.Tag {
	version := &lhpb.WfSpecId{MajorVersion: r.major}
	return keys.In(DefaultTenant).Tag(keys.TagWfRun).Text(r.wfSpec).Int(int32(r.status)).Version(version)
}

func (f *face) store(r storedRun) {
	id := lh.ParseWfRunID(r.id)
	tenant := keys.In(DefaultTenant)
	at := f.cluster.Core(DefaultTenant, lh.RootWfRunID(id))
	spec := &lhpb.WfSpecId{Name: r.wfSpec, MajorVersion: r.major}
	tag := keys.TagID{WfRun: r.id}
	f.cluster.put(at, tenant.Run(id).WfRun(), &pb.WfRunRow{WfRun: &lhpb.WfRun{Id: id, WfSpecId: spec, Status: r.status}})
	f.cluster.put(at, r.tag().Row(r.createdMs, tag), &pb.Empty{})
	f.cluster.put(at, tenant.Run(id).Variable(0, "who"), &lhpb.Variable{Value: text(r.variable)})
	if id.ParentWfRunId != nil {
		f.cluster.put(at, tenant.Tag(keys.TagWfRunParent).Text(lh.WfRunIDString(id.ParentWfRunId)).Row(r.createdMs, tag), &pb.Empty{})
	}
}

func text(s string) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: s}}
}

// pages gathers all pages of a search and checks that each but the last is full.
func (f *face) pages(t *testing.T, req *lhpb.SearchWfRunRequest) (ids []string) {
	t.Helper()
	for n := 0; ; n++ {
		if n > 1000 {
			t.Fatal("the bookmarks never end")
		}
		got, err := f.client.SearchWfRun(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range got.Results {
			ids = append(ids, lh.WfRunIDString(id))
		}
		if got.Bookmark == nil {
			return ids
		}
		if req.Limit != nil && len(got.Results) != int(*req.Limit) {
			t.Fatalf("a page of %d, limit %d, and a bookmark", len(got.Results), *req.Limit)
		}
		req = proto.Clone(req).(*lhpb.SearchWfRunRequest)
		req.Bookmark = got.Bookmark
	}
}

// covers: api §6.5
func TestSearchWfRunEvaluatesEveryCombination(t *testing.T) {
	f := newFace(t)
	vars := []*lhpb.ThreadVarDef{{VarDef: &lhpb.VariableDef{Name: "who"}}}
	for _, name := range []string{"order", "pay"} {
		f.definitions.specs[name] = &lhpb.WfSpec{
			Id: &lhpb.WfSpecId{Name: name}, EntrypointThreadName: "main",
			ThreadSpecs: map[string]*lhpb.ThreadSpec{"main": {VariableDefs: vars}},
		}
	}
	var runs []storedRun
	for n := range 60 {
		r := storedRun{
			id: fmt.Sprintf("w%02d", n), wfSpec: []string{"order", "pay", "order-2"}[n%3], major: int32(n % 2),
			status:    []lhpb.LHStatus{lhpb.LHStatus_RUNNING, lhpb.LHStatus_COMPLETED, lhpb.LHStatus_ERROR}[n/3%3],
			createdMs: int64(1000 - n/4), variable: fmt.Sprint(n % 5),
		}
		if n >= 30 {
			r.id = fmt.Sprintf("w%02d_%s", n-30, r.id) // a child
			r.createdMs = 2000 + int64(n%7)
		}
		if n >= 50 {
			r.id = fmt.Sprintf("w%02d_w%02d_w%02d", n-50, n-20, n)
			r.createdMs = 3000
		}
		runs = append(runs, r)
		f.store(r)
	}
	num := func(n int32) *int32 { return &n }
	status := func(s lhpb.LHStatus) *lhpb.LHStatus { return &s }
	yes := true
	cases := []struct {
		name string
		req  *lhpb.SearchWfRunRequest
		keep func(storedRun) bool
	}{
		{"nothing", &lhpb.SearchWfRunRequest{}, func(storedRun) bool { return true }},
		{"name", &lhpb.SearchWfRunRequest{WfSpecName: "order"}, func(r storedRun) bool { return r.wfSpec == "order" }},
		{
			"name and major", &lhpb.SearchWfRunRequest{WfSpecName: "pay", WfSpecMajorVersion: num(1)},
			func(r storedRun) bool { return r.wfSpec == "pay" && r.major == 1 },
		},
		{
			"name, version and status", &lhpb.SearchWfRunRequest{WfSpecName: "pay", WfSpecMajorVersion: num(0), WfSpecRevision: num(0), Status: status(lhpb.LHStatus_ERROR)},
			func(r storedRun) bool { return r.wfSpec == "pay" && r.major == 0 && r.status == lhpb.LHStatus_ERROR },
		},
		{
			"status alone", &lhpb.SearchWfRunRequest{Status: status(lhpb.LHStatus_COMPLETED)},
			func(r storedRun) bool { return r.status == lhpb.LHStatus_COMPLETED },
		},
		{
			"time", &lhpb.SearchWfRunRequest{EarliestStart: at(990), LatestStart: at(2003)},
			func(r storedRun) bool { return r.createdMs >= 990 && r.createdMs <= 2003 },
		},
		{"earliest after latest", &lhpb.SearchWfRunRequest{EarliestStart: at(991), LatestStart: at(990)}, func(storedRun) bool { return false }},
		{"parent", &lhpb.SearchWfRunRequest{ParentWfRunId: &lhpb.WfRunId{Id: "w03"}}, func(r storedRun) bool { return r.id == "w03_w33" }},
		{
			"parent, name, major and status", &lhpb.SearchWfRunRequest{ParentWfRunId: &lhpb.WfRunId{Id: "w03"}, WfSpecName: "order", WfSpecMajorVersion: num(1), Status: status(lhpb.LHStatus_ERROR)},
			func(r storedRun) bool { return r.id == "w03_w33" && r.status == lhpb.LHStatus_ERROR },
		},
		{
			"tree", &lhpb.SearchWfRunRequest{ParentWfRunId: &lhpb.WfRunId{Id: "w03"}, ShowFullTree: &yes},
			func(r storedRun) bool { return strings.HasPrefix(r.id, "w03_") },
		},
		{
			"tree and time", &lhpb.SearchWfRunRequest{ParentWfRunId: &lhpb.WfRunId{Id: "w03"}, ShowFullTree: &yes, EarliestStart: at(3000)},
			func(r storedRun) bool { return strings.HasPrefix(r.id, "w03_") && r.createdMs >= 3000 },
		},
		{
			"variable", &lhpb.SearchWfRunRequest{WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{{VarName: "who", Value: text("3")}}},
			func(r storedRun) bool { return r.wfSpec == "order" && r.variable == "3" },
		},
		{
			"variable of another type", &lhpb.SearchWfRunRequest{WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{{VarName: "who", Value: &lhpb.VariableValue{Value: &lhpb.VariableValue_Int{Int: 3}}}}},
			func(storedRun) bool { return false },
		},
		{"unknown parent", &lhpb.SearchWfRunRequest{ParentWfRunId: &lhpb.WfRunId{Id: "nobody"}}, func(storedRun) bool { return false }},
		{"impossible parent", &lhpb.SearchWfRunRequest{ParentWfRunId: &lhpb.WfRunId{Id: "a_b"}}, func(storedRun) bool { return false }},
	}
	for _, c := range cases {
		var want []storedRun
		for _, r := range runs {
			if c.keep(r) {
				want = append(want, r)
			}
		}
		slices.SortFunc(want, func(a, b storedRun) int {
			if a.createdMs != b.createdMs {
				return int(a.createdMs - b.createdMs)
			}
			return strings.Compare(a.id, b.id)
		})
		var ids []string
		for _, r := range want {
			ids = append(ids, r.id)
		}
		for _, limit := range []int32{1, 3, 1000} {
			req := proto.Clone(c.req).(*lhpb.SearchWfRunRequest)
			req.Limit = &limit
			if got := f.pages(t, req); !slices.Equal(got, ids) {
				t.Errorf("%s, limit %d:\ngot  %v\nwant %v", c.name, limit, got, ids)
			}
		}
	}
}

func at(ms int64) *timestamppb.Timestamp {
	return &timestamppb.Timestamp{Seconds: ms / 1000, Nanos: int32(ms % 1000 * 1e6)}
}

// covers: api §6.5
func TestSearchWfRunRefusals(t *testing.T) {
	f := newFace(t)
	f.definitions.specs["order"] = ordersOf(0)
	num := func(n int32) *int32 { return &n }
	for name, req := range map[string]*lhpb.SearchWfRunRequest{
		"version without name":   {WfSpecMajorVersion: num(0)},
		"revision without major": {WfSpecName: "order", WfSpecRevision: num(0)},
		"unknown WfSpec":         {WfSpecName: "nothing"},
		"filter without name":    {VariableFilters: []*lhpb.VariableMatch{{VarName: "x"}}},
		"unknown variable":       {WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{{VarName: "x"}}},
		"field of none":          {WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{{VarName: "x_$.a", Value: number(1)}}},
		"field of a text":        {WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{{VarName: "who_$.a", Value: number(1)}}},
		"field without index":    {WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{{VarName: "doc_$.c", Value: number(1)}}},
		"field that is nothing":  {WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{{VarName: "doc_$.a"}}},
		"limit 0":                {Limit: num(0)},
		"negative limit":         {Limit: num(-1)},
		"foreign bookmark":       {Bookmark: []byte("whatever this may be")},
		"short bookmark":         {Bookmark: []byte{1}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.client.SearchWfRun(t.Context(), req)
			wantStatus(t, err, codes.InvalidArgument)
		})
	}
}

// covers: api §6.2
func TestBookmarkBelongsToItsQuery(t *testing.T) {
	f := newFace(t)
	for n := range 5 {
		f.store(storedRun{id: fmt.Sprint("w", n), wfSpec: "order", status: lhpb.LHStatus_RUNNING, createdMs: int64(n)})
	}
	one, two := int32(1), int32(2)
	running, failed := lhpb.LHStatus_RUNNING, lhpb.LHStatus_ERROR
	first, err := f.client.SearchWfRun(t.Context(), &lhpb.SearchWfRunRequest{Status: &running, Limit: &one})
	if err != nil || first.Bookmark == nil {
		t.Fatal(first, err)
	}
	_, err = f.client.SearchWfRun(t.Context(), &lhpb.SearchWfRunRequest{Status: &running, Limit: &two, Bookmark: first.Bookmark})
	wantStatus(t, err, codes.OK)
	_, err = f.client.SearchWfRun(t.Context(), &lhpb.SearchWfRunRequest{Status: &failed, Bookmark: first.Bookmark})
	wantStatus(t, err, codes.InvalidArgument, "belongs to another request")
	_, err = f.client.SearchTaskRun(t.Context(), &lhpb.SearchTaskRunRequest{TaskDefName: "x", Bookmark: first.Bookmark})
	wantStatus(t, err, codes.InvalidArgument, "belongs to another request")
}

// However rows are spread over partitions and index values, and however large the pages are, the walk gives
// them all, once, in order of time and id.
//
// covers: api §6.3; operations §6 reading
func TestMergeGivesAllRowsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newFakeCluster(3)
		tag := keys.In("t").Tag(keys.TagTaskRun).Text("d")
		type row struct {
			ms int64
			id string
		}
		var want []row
		for n := range rapid.IntRange(0, 80).Draw(t, "rows") {
			r := row{rapid.Int64Range(-3, 10).Draw(t, "ms"), fmt.Sprintf("w%d", n)}
			stream := c.Streams()[rapid.IntRange(0, 2).Draw(t, "stream")]
			c.put(stream, tag.Int(int32(rapid.IntRange(0, 3).Draw(t, "value"))).Row(r.ms, keys.TagID{WfRun: r.id}), &pb.Empty{})
			want = append(want, r)
		}
		within := span{rapid.Int64Range(-4, 5).Draw(t, "earliest"), rapid.SampledFrom([]int64{3, 8, math.MaxInt64}).Draw(t, "latest")}
		want = slices.DeleteFunc(want, func(r row) bool { return r.ms < within.earliest || r.ms > within.latest })
		slices.SortFunc(want, func(a, b row) int {
			if a.ms != b.ms {
				return int(a.ms - b.ms)
			}
			return strings.Compare(a.id, b.id)
		})
		s := &Service{cfg: Config{Routing: c}}
		p := page{limit: rapid.IntRange(1, 20).Draw(t, "limit")}
		look := ofIndex(within, tag, axis{any: 'i'})
		if look.back = rapid.Bool().Draw(t, "back"); look.back {
			slices.Reverse(want)
		}
		var got []row
		for {
			hits, bookmark, err := s.search(context.Background(), look, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range hits {
				got = append(got, row{h.createdMs, h.id.WfRun})
			}
			if bookmark == nil {
				break
			}
			after, refused := decodeBookmark(p.mark, bookmark)
			if refused != nil {
				t.Fatal(refused)
			}
			p.after = after
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
	})
}

// A WfRun that ends while a search goes from one status to the next is found, and once.
//
// covers: api §6.5
func TestSearchFindsWhatEndsMeanwhile(t *testing.T) {
	for after := range 30 {
		f := newFace(t)
		f.definitions.specs["order"] = &lhpb.WfSpec{Id: &lhpb.WfSpecId{Name: "order"}}
		r := storedRun{id: "w", wfSpec: "order", status: lhpb.LHStatus_RUNNING, createdMs: 1}
		f.store(r)
		home := f.cluster.Core(DefaultTenant, "w")
		row := r.tag().Row(1, keys.TagID{WfRun: "w"})
		f.cluster.scanned = func() {
			if f.cluster.scans == after {
				r.status = lhpb.LHStatus_COMPLETED
				f.store(r)
				f.cluster.remove(home, row)
			}
		}
		got, err := f.client.SearchWfRun(t.Context(), &lhpb.SearchWfRunRequest{WfSpecName: "order"})
		if err != nil || len(got.Results) != 1 || got.Bookmark != nil {
			t.Errorf("behind %d scans: %v %v", after, got, err)
		}
	}
}

func TestMillis(t *testing.T) {
	for want, ts := range map[int64]*timestamppb.Timestamp{
		0: {}, 1500: {Seconds: 1, Nanos: 500_999_999}, -1: {Seconds: -1, Nanos: 999e6},
		math.MaxInt64: {Seconds: math.MaxInt64}, math.MinInt64: {Seconds: math.MinInt64},
	} {
		if got := millis(ts); got != want {
			t.Errorf("%v: %d, want %d", ts, got, want)
		}
	}
}

// covers: api §6.1; api §6.3
func TestListIsNumericAndPaged(t *testing.T) {
	f := newFace(t)
	id := &lhpb.WfRunId{Id: "w"}
	run, home := keys.In(DefaultTenant).Run(id), f.cluster.Core(DefaultTenant, "w")
	for thread := range int32(3) {
		for position := range int32(12) {
			f.cluster.put(home, run.NodeRun(thread, position), &lhpb.NodeRun{Id: &lhpb.NodeRunId{WfRunId: id, ThreadRunNumber: thread, Position: position}})
		}
	}
	list := func(thread *int32, limit int32) (out []string) {
		req := &lhpb.ListNodeRunsRequest{WfRunId: id, ThreadRunNumber: thread, Limit: &limit}
		for {
			got, err := f.client.ListNodeRuns(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range got.Results {
				out = append(out, fmt.Sprintf("%d-%d", n.Id.ThreadRunNumber, n.Id.Position))
			}
			if got.Bookmark == nil {
				return out
			}
			req.Bookmark = got.Bookmark
		}
	}
	var want []string
	for thread := range 3 {
		for position := range 12 {
			want = append(want, fmt.Sprintf("%d-%d", thread, position))
		}
	}
	for _, limit := range []int32{1, 5, 36, 1000} {
		if got := list(nil, limit); !slices.Equal(got, want) {
			t.Errorf("limit %d: %v", limit, got)
		}
		one := int32(1)
		if got := list(&one, limit); !slices.Equal(got, want[12:24]) {
			t.Errorf("thread 1, limit %d: %v", limit, got)
		}
	}
	for position := range int32(MaxLimit) {
		f.cluster.put(home, run.NodeRun(3, position), &lhpb.NodeRun{Id: &lhpb.NodeRunId{WfRunId: id, ThreadRunNumber: 3, Position: position}})
	}
	for limit, most := range map[int32]int{MaxLimit + 5000: MaxLimit, 0: DefaultLimit} {
		req := &lhpb.ListNodeRunsRequest{WfRunId: id, Limit: &limit}
		if limit == 0 {
			req.Limit = nil
		}
		got, err := f.client.ListNodeRuns(t.Context(), req)
		if err != nil || len(got.Results) != most || got.Bookmark == nil {
			t.Errorf("limit %d: %d NodeRuns, %v", limit, len(got.GetResults()), err)
		}
	}
	_, err := f.client.ListTaskRuns(t.Context(), &lhpb.ListTaskRunsRequest{})
	wantStatus(t, err, codes.InvalidArgument, "wf_run_id")
	empty, err := f.client.ListVariables(t.Context(), &lhpb.ListVariablesRequest{WfRunId: &lhpb.WfRunId{Id: "nobody"}})
	if err != nil || len(empty.Results) != 0 || empty.Bookmark != nil {
		t.Error(empty, err)
	}
}

// holds: BigGraphsStayUsable
func TestPageOfLargeObjectsFitsAMessage(t *testing.T) {
	f := newFace(t)
	id := &lhpb.WfRunId{Id: "w"}
	for n := range 10 {
		name := fmt.Sprint("v", n)
		f.cluster.put(f.cluster.Core(DefaultTenant, "w"), keys.In(DefaultTenant).Run(id).Variable(0, name),
			&lhpb.Variable{Id: &lhpb.VariableId{Name: name}, Value: text(strings.Repeat("x", 900_000))})
	}
	req, found := &lhpb.ListVariablesRequest{WfRunId: id}, 0
	for {
		got, err := f.client.ListVariables(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		found += len(got.Results)
		if got.Bookmark == nil {
			break
		}
		req.Bookmark = got.Bookmark
	}
	if found != 10 {
		t.Errorf("%d of 10 variables", found)
	}
}

func TestSearchTenantPages(t *testing.T) {
	f := newFace(t)
	f.definitions.tenants = []string{"c", "a", "bank", "b"}
	req, limit := &lhpb.SearchTenantRequest{}, int32(3)
	req.Limit = &limit
	var got []string
	for {
		page, err := f.client.SearchTenant(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range page.Results {
			got = append(got, id.Id)
		}
		if page.Bookmark == nil {
			break
		}
		req.Bookmark = page.Bookmark
	}
	if !slices.Equal(got, []string{"a", "b", "bank", "c"}) {
		t.Error(got)
	}
}

func FuzzDecodeBookmark(f *testing.F) {
	mark := markOf("SearchWfRun", "default", &lhpb.SearchWfRunRequest{WfSpecName: "order"})
	f.Add(encodeBookmark(mark, "position"))
	f.Add([]byte{})
	f.Add([]byte{bookmarkVersion})
	f.Fuzz(func(t *testing.T, b []byte) {
		position, err := decodeBookmark(mark, b)
		if err == nil && !bytes.Equal(encodeBookmark(mark, position), b) {
			t.Fatalf("%x is taken as %q", b, position)
		}
		if err != nil && err.Code != lh.InvalidArgument {
			t.Fatal(err)
		}
		_, _ = definitionAt(position)
	})
}
