package api

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

func (f *face) runView(t *testing.T, req *extra.GetWfRunViewRequest) *extra.GetWfRunViewResponse {
	t.Helper()
	got, err := extra.NewViewServiceClient(f.conn).GetWfRunView(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (f *face) rowsView(t *testing.T, req *extra.SearchWfRunViewRequest) *extra.SearchWfRunViewResponse {
	t.Helper()
	got, err := extra.NewViewServiceClient(f.conn).SearchWfRunView(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// storeSteps gives a ThreadRun that many NodeRuns of a loop over tasks.
func (f *face) storeSteps(run keys.Run, id *lhpb.WfRunId, thread int32, many int) {
	home := f.cluster.Core(DefaultTenant, lh.RootWfRunID(id))
	for position := range int32(many) {
		guid := fmt.Sprintf("%d-%d", thread, position)
		task := &lhpb.TaskRunId{WfRunId: id, TaskGuid: guid}
		f.cluster.put(home, run.NodeRun(thread, position), &lhpb.NodeRun{
			Id: &lhpb.NodeRunId{WfRunId: id, ThreadRunNumber: thread, Position: position}, NodeName: "charge", Status: lhpb.LHStatus_COMPLETED,
			ArrivalTime: timestamppb.New(explainedAt), NodeType: &lhpb.NodeRun_Task{Task: &lhpb.TaskNodeRun{TaskRunId: task}},
		})
		f.cluster.put(home, run.TaskRun(guid), &lhpb.TaskRun{Id: task, TaskDefId: &lhpb.TaskDefId{Name: "charge-card"}, Attempts: slices.Repeat([]*lhpb.TaskAttempt{{
			Status: lhpb.TaskStatus_TASK_SUCCESS, EndTime: timestamppb.New(explainedAt), Result: &lhpb.TaskAttempt_Output{Output: text("secret")},
		}}, 100)})
	}
}

// All steps come once, in order, however many pages they take; those that are known are passed over at no cost.
func TestAViewGivesStepsByPages(t *testing.T) {
	f, id := newFace(t), &lhpb.WfRunId{Id: "w"}
	run := f.storeWaiting("w", &lhpb.NodeRun{NodeName: "first", NodeType: &lhpb.NodeRun_WaitForCondition{WaitForCondition: &lhpb.WaitForConditionRun{}}})
	f.storeSteps(run, id, 1, 2500)
	f.storeSteps(run, id, 3, 10)
	ask := func(req *extra.GetWfRunViewRequest) (steps []string, reads []int) {
		t.Helper()
		req.WfRunId = id
		for {
			before := f.cluster.read
			got := f.runView(t, req)
			reads = append(reads, f.cluster.read-before)
			for _, s := range got.Steps {
				steps = append(steps, fmt.Sprintf("%d/%d", s.Thread, s.Position))
			}
			if got.Bookmark == nil {
				return steps, reads
			}
			req.Bookmark = got.Bookmark
		}
	}
	limit := int32(1000)
	steps, reads := ask(&extra.GetWfRunViewRequest{Limit: &limit})
	if len(steps) != 2511 || steps[0] != "0/1" || steps[1] != "1/0" || steps[2500] != "1/2499" || steps[2510] != "3/9" || len(reads) != 3 {
		t.Errorf("%d steps on %d pages: %v", len(steps), len(reads), steps[:3])
	}
	if most := slices.Max(reads); most > 2*int(limit)+2*viewedAtOnce+20 {
		t.Errorf("a page reads %d rows", most)
	}
	steps, reads = ask(&extra.GetWfRunViewRequest{From: []*extra.StepPosition{{Thread: 1, Position: 2499}, {Thread: 3, Position: 10}, {Thread: 0, Position: 2}}})
	if !slices.Equal(steps, []string{"1/2499"}) || reads[0] > 4*viewedAtOnce {
		t.Errorf("%v for %v rows", steps, reads)
	}
	if steps, _ = ask(&extra.GetWfRunViewRequest{Threads: []int32{3, 0, 3}}); len(steps) != 11 || steps[1] != "3/0" {
		t.Error(steps)
	}
	got := f.runView(t, &extra.GetWfRunViewRequest{WfRunId: id, Threads: []int32{3}})
	step := got.Steps[0]
	if step.About != "charge-card" || len(step.Attempts) != 2*viewedAttempts || step.ArrivedMs != explainedAt.UnixMilli() || step.EndedMs != nil ||
		strings.Contains(got.String(), "secret") {
		t.Error(step)
	}
	many := make([]int32, viewedThreads+1)
	for _, req := range []*extra.GetWfRunViewRequest{{WfRunId: id, Threads: many}, {}, {WfRunId: id, Bookmark: []byte("x")}} {
		if _, err := extra.NewViewServiceClient(f.conn).GetWfRunView(t.Context(), req); status.Code(err) != codes.InvalidArgument {
			t.Error(err)
		}
	}
}

// What belongs to a WfRun is shown as whoever asks may see it, and large values are left out.
func TestAViewShowsWhatBelongsToAWfRun(t *testing.T) {
	f := newFace(t)
	f.definitions.specs["order"] = &lhpb.WfSpec{
		Id: &lhpb.WfSpecId{Name: "order"}, EntrypointThreadName: "main",
		ThreadSpecs: map[string]*lhpb.ThreadSpec{"main": {VariableDefs: []*lhpb.ThreadVarDef{
			{VarDef: &lhpb.VariableDef{Name: "from-above"}, AccessLevel: lhpb.WfRunVariableAccessLevel_INHERITED_VAR},
		}}},
	}
	for _, r := range []storedRun{{id: "p", wfSpec: "order"}, {id: "p_c", wfSpec: "order"}, {id: "p_c_d", wfSpec: "order", createdMs: 7}} {
		f.store(r)
	}
	id := lh.ParseWfRunID("p_c")
	home, run := f.cluster.Core(DefaultTenant, "p"), keys.In(DefaultTenant).RunNamed("p_c")
	f.cluster.put(home, keys.In(DefaultTenant).RunNamed("p").Variable(0, "from-above"), &lhpb.Variable{Id: &lhpb.VariableId{Name: "from-above"}, Value: text("handed down")})
	f.cluster.put(home, run.Variable(0, "card"), &lhpb.Variable{Id: &lhpb.VariableId{Name: "card"}, Masked: true, Value: text("4111")})
	f.cluster.put(home, run.Variable(0, "long"), &lhpb.Variable{Id: &lhpb.VariableId{Name: "long"}, Value: text(strings.Repeat("x", viewedValueBytes))})
	f.cluster.put(home, run.ThreadRun(5), &lhpb.ThreadRun{Number: 5, Status: lhpb.LHStatus_RUNNING})
	f.cluster.put(home, run.Inactive(2), &lhpb.InactiveThreadRun{ThreadRun: &lhpb.ThreadRun{Number: 2, Status: lhpb.LHStatus_COMPLETED}})
	f.cluster.put(home, run.ExternalEvent("paid", "1"), &lhpb.ExternalEvent{Content: text("fine")})
	f.cluster.put(home, run.WorkflowEvent("shipped", 1), &lhpb.WorkflowEvent{Content: text("today")})
	got := f.runView(t, &extra.GetWfRunViewRequest{WfRunId: id, WithWfSpec: true})
	if len(got.WfRun.ThreadRuns) != 2 || got.WfRun.ThreadRuns[0].Number != 2 || got.WfRun.ThreadRuns[1].Number != 5 || got.MoreThreads {
		t.Errorf("ThreadRuns: %v", got.WfRun.ThreadRuns)
	}
	shown := map[string]*extra.ShownVariable{}
	for _, v := range append(got.Variables, got.Inherited...) {
		shown[v.Variable.GetId().GetName()] = v
	}
	if v := shown["card"]; v.Variable.Value.GetStr() == "4111" || v.LeftOutBytes != 0 {
		t.Error(v)
	}
	if v := shown["long"]; v.Variable.Value != nil || v.LeftOutBytes < viewedValueBytes {
		t.Error(v.LeftOutBytes)
	}
	if v := shown["from-above"]; v.GetVariable().GetValue().GetStr() != "handed down" || len(got.Inherited) != 1 {
		t.Error(v)
	}
	if len(got.ExternalEvents) != 1 || len(got.WorkflowEvents) != 1 || got.WfSpec.GetId().GetName() != "order" {
		t.Error(got)
	}
	if len(got.Children) != 1 || lh.WfRunIDString(got.Children[0].Id) != "p_c_d" {
		t.Error(got.Children)
	}
	if w := got.Why; len(w.GetThreads()) != 1 || w.Threads[0].Number != 5 {
		t.Error(w)
	}
	if _, err := extra.NewViewServiceClient(f.conn).GetWfRunView(t.Context(), &extra.GetWfRunViewRequest{WfRunId: &lhpb.WfRunId{Id: "none"}}); status.Code(err) != codes.NotFound {
		t.Error(err)
	}
}

// The latest WfRuns are found first, page by page and each once, and at the same cost however many there are.
func TestRowsAreTheLatestOfAllPartitions(t *testing.T) {
	statuses := []lhpb.LHStatus{lhpb.LHStatus_RUNNING, lhpb.LHStatus_COMPLETED, lhpb.LHStatus_ERROR}
	var costs []int
	for _, many := range []int{600, 6000} {
		f := newFace(t)
		f.definitions.specs["order"] = &lhpb.WfSpec{Id: &lhpb.WfSpecId{Name: "order"}, EntrypointThreadName: "main", ThreadSpecs: map[string]*lhpb.ThreadSpec{
			"main": {VariableDefs: []*lhpb.ThreadVarDef{{VarDef: &lhpb.VariableDef{Name: "who"}}}},
		}}
		type stored struct {
			at int64
			id string
		}
		var wanted []stored
		for n := range many {
			r := storedRun{id: numbered(n), wfSpec: "order", status: statuses[n%3], createdMs: f.now.UnixMilli() - 2_000_000 + int64(n/7)*50, variable: fmt.Sprint(n % 2)}
			f.store(r)
			if n%3 != 1 {
				wanted = append(wanted, stored{r.createdMs, r.id})
			}
		}
		slices.SortFunc(wanted, func(a, b stored) int { return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(b.id, a.id)) })
		limit := int32(20)
		req := &extra.SearchWfRunViewRequest{Statuses: []lhpb.LHStatus{statuses[2], statuses[0], statuses[2]}, Limit: &limit, Variables: []string{"who"}}
		for page := 0; ; page++ {
			before := f.cluster.read
			got := f.rowsView(t, req)
			if page == 1 {
				costs = append(costs, f.cluster.read-before)
			}
			for _, r := range got.Results {
				if id := lh.WfRunIDString(r.Id); id != wanted[0].id || len(r.Variables) != 1 {
					t.Fatalf("page %d: %s instead of %s, %v", page, id, wanted[0].id, r.Variables)
				}
				wanted = wanted[1:]
			}
			if got.Bookmark == nil {
				break
			}
			if len(got.Results) != int(limit) {
				t.Fatalf("a page of %d, and a bookmark", len(got.Results))
			}
			req.Bookmark = got.Bookmark
		}
		if len(wanted) != 0 {
			t.Errorf("%d of %d are not found", len(wanted), many)
		}
		odd := f.rowsView(t, &extra.SearchWfRunViewRequest{WfSpecName: "order", Limit: &limit, VariableFilters: []*lhpb.VariableMatch{{VarName: "who", Value: text("1")}}})
		if len(odd.Results) != int(limit) || odd.Bookmark == nil {
			t.Error(odd)
		}
	}
	if costs[1] > costs[0]*3/2 {
		t.Errorf("a page of 6000 reads %d rows, of 600 %d", costs[1], costs[0])
	}
}

// Very many WfRuns of one moment, as bulk clients start them, are passed page by page like any other.
func TestRowsOfOneMomentAreAllFound(t *testing.T) {
	f := newFace(t)
	var wanted []string
	now := f.now.UnixMilli()
	for n := range 350 {
		at := now - 10_000
		switch {
		case n < 3:
			at = now - 100_000 + int64(n)
		case n >= 340:
			at = now - 9_000 + int64(n)*7
		}
		r := storedRun{id: numbered(n), wfSpec: "order", status: lhpb.LHStatus_RUNNING, createdMs: at}
		f.store(r)
		wanted = append(wanted, r.id)
	}
	slices.Reverse(wanted)
	for _, limit := range []int32{1, 7, 20, 200} {
		var got []string
		for req := (&extra.SearchWfRunViewRequest{Limit: &limit}); ; {
			page := f.rowsView(t, req)
			for _, r := range page.Results {
				got = append(got, lh.WfRunIDString(r.Id))
			}
			if page.Bookmark == nil {
				break
			}
			if len(page.Results) != int(limit) {
				t.Fatalf("a page of %d, and a bookmark", len(page.Results))
			}
			req.Bookmark = page.Bookmark
		}
		if !slices.Equal(got, wanted) {
			t.Errorf("by %d: %d of %d are found in order", limit, len(got), len(wanted))
		}
	}
}

// A row says where a WfRun stands, or why it failed.
func TestARowSaysWhereAWfRunStands(t *testing.T) {
	f := newFace(t)
	f.store(storedRun{id: "w", wfSpec: "order", status: lhpb.LHStatus_ERROR, createdMs: f.now.UnixMilli()})
	home, run := f.cluster.Core(DefaultTenant, "w"), keys.In(DefaultTenant).RunNamed("w")
	id := &lhpb.TaskRunId{WfRunId: &lhpb.WfRunId{Id: "w"}, TaskGuid: "1-4"}
	f.cluster.put(home, run.ThreadRun(0), &lhpb.ThreadRun{Number: 0, Status: lhpb.LHStatus_RUNNING})
	f.cluster.put(home, run.ThreadRun(1), &lhpb.ThreadRun{Number: 1, Status: lhpb.LHStatus_ERROR, CurrentNodePosition: 4})
	f.cluster.put(home, run.NodeRun(1, 4), &lhpb.NodeRun{NodeName: "4-charge-TASK", NodeType: &lhpb.NodeRun_Task{Task: &lhpb.TaskNodeRun{TaskRunId: id}}})
	f.cluster.put(home, run.TaskRun("1-4"), &lhpb.TaskRun{Attempts: []*lhpb.TaskAttempt{{Result: &lhpb.TaskAttempt_Error{Error: &lhpb.LHTaskError{
		Type: lhpb.LHErrorType_TASK_FAILURE, Message: strings.Repeat("ä", viewedLineBytes) + "\nat bank.go:1",
	}}}}})
	r := f.rowsView(t, &extra.SearchWfRunViewRequest{}).Results[0]
	if r.Node != "4-charge-TASK" || !strings.HasPrefix(r.Failure, "TASK_FAILURE: ää") || !strings.HasSuffix(r.Failure, "ä…") || strings.Contains(r.Failure, "bank") || r.OpenThreads != 1 {
		t.Error(r)
	}
	f.cluster.put(home, run.WfRun(), &pb.WfRunRow{WfRun: &lhpb.WfRun{}, Deleting: true})
	if got := f.rowsView(t, &extra.SearchWfRunViewRequest{}); len(got.Results) != 0 {
		t.Error(got)
	}
	many := make([]string, viewedColumns+1)
	if _, err := extra.NewViewServiceClient(f.conn).SearchWfRunView(t.Context(), &extra.SearchWfRunViewRequest{Variables: many}); status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
}

// What became of nodes is added up over the latest WfRuns of all partitions, of that version alone, at a cost that has a bound.
func TestHeatIsOfTheLatestRuns(t *testing.T) {
	var costs []int
	for _, many := range []int{600, 6000} {
		f := newFace(t)
		spec := &lhpb.WfSpec{Id: &lhpb.WfSpecId{Name: "order"}}
		f.definitions.specs["order"] = spec
		ask := func(req *extra.GetWfSpecHeatRequest) *extra.GetWfSpecHeatResponse {
			t.Helper()
			got, err := extra.NewViewServiceClient(f.conn).GetWfSpecHeat(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		at := func(n int) int64 { return f.now.UnixMilli() - int64(many-n)*1000 }
		for n := range many {
			r := storedRun{id: numbered(n), wfSpec: "order", status: lhpb.LHStatus_COMPLETED, createdMs: at(n)}
			f.store(r)
			run, home := keys.In(DefaultTenant).RunNamed(r.id), f.cluster.Core(DefaultTenant, r.id)
			f.cluster.put(home, run.NodeRun(0, 1), &lhpb.NodeRun{
				NodeName: "charge", ThreadSpecName: "main", Status: lhpb.LHStatus_COMPLETED,
				ArrivalTime: timestamppb.New(explainedAt), EndTime: timestamppb.New(explainedAt.Add(time.Duration(n%2+1) * time.Second)),
			})
			failed := &lhpb.NodeRun{NodeName: "ship", ThreadSpecName: "main", Status: lhpb.LHStatus_RUNNING, ArrivalTime: timestamppb.New(explainedAt)}
			if n%4 == 0 {
				failed.Status, failed.Failures = lhpb.LHStatus_ERROR, []*lhpb.Failure{{FailureName: "TASK_FAILURE"}}
			}
			f.cluster.put(home, run.NodeRun(1, 1), failed)
		}
		f.store(storedRun{id: "another-version", wfSpec: "order", major: 1, createdMs: at(many)})

		before := f.cluster.read
		got := ask(&extra.GetWfSpecHeatRequest{WfSpecId: spec.Id})
		costs = append(costs, f.cluster.read-before)
		want := []*extra.NodeHeat{
			{ThreadSpecName: "main", Node: "charge", Visits: 200, Ended: 200, TotalMs: 300_000, MaxMs: 2000},
			{ThreadSpecName: "main", Node: "ship", Visits: 200, Failures: 50},
		}
		if !proto.Equal(got, &extra.GetWfSpecHeatResponse{Nodes: want, WfRuns: 200, More: true}) {
			t.Error(got)
		}
		few := ask(&extra.GetWfSpecHeatRequest{WfSpecId: spec.Id, EarliestStart: timestamppb.New(time.UnixMilli(at(8))), LatestStart: timestamppb.New(time.UnixMilli(at(9)))})
		if few.WfRuns != 2 || few.More || few.Nodes[0].Visits != 2 || few.Nodes[1].Failures != 1 {
			t.Error(few)
		}
	}
	if costs[1] > costs[0]*3/2 {
		t.Errorf("of 6000 WfRuns %d rows are read, of 600 %d", costs[1], costs[0])
	}
}

// A WfRun of very many steps is counted as far as there is room, and the answer says so.
func TestHeatReadsNoMoreThanItsBound(t *testing.T) {
	f := newFace(t)
	spec := &lhpb.WfSpec{Id: &lhpb.WfSpecId{Name: "order"}}
	f.definitions.specs["order"] = spec
	f.store(storedRun{id: "w", wfSpec: "order", status: lhpb.LHStatus_RUNNING, createdMs: f.now.UnixMilli()})
	run, home := keys.In(DefaultTenant).RunNamed("w"), f.cluster.Core(DefaultTenant, "w")
	for n := range int32(heatNodeRuns + viewedAtOnce + 1) {
		f.cluster.put(home, run.NodeRun(0, n), &lhpb.NodeRun{NodeName: "round", ThreadSpecName: "main"})
	}
	got, err := extra.NewViewServiceClient(f.conn).GetWfSpecHeat(t.Context(), &extra.GetWfSpecHeatRequest{WfSpecId: spec.Id})
	if err != nil {
		t.Fatal(err)
	}
	if n := got.Nodes[0].Visits; !got.More || n < heatNodeRuns || n > heatNodeRuns+viewedAtOnce {
		t.Error(got)
	}
}

// Where a partition moves while it is read, reading begins anew, and what was seen before is not told.
func TestReadingBeginsAnew(t *testing.T) {
	found, f, ctx := newFace(t), newFace(t), t.Context()
	found.fill(200)
	f.definitions.specs["order"] = &lhpb.WfSpec{Id: &lhpb.WfSpecId{Name: "order"}, EntrypointThreadName: "main", ThreadSpecs: map[string]*lhpb.ThreadSpec{"main": {}}}
	for n := range 50 {
		f.store(storedRun{id: numbered(n), wfSpec: "order", status: lhpb.LHStatus_COMPLETED, createdMs: f.now.UnixMilli() - int64(n)})
	}
	id, views := &lhpb.WfRunId{Id: "waits"}, extra.NewViewServiceClient(f.conn)
	run := f.storeWaiting("waits", &lhpb.NodeRun{NodeName: "first", NodeType: &lhpb.NodeRun_WaitForCondition{WaitForCondition: &lhpb.WaitForConditionRun{}}})
	f.storeSteps(run, id, 1, 20)
	reads := map[string]func() (proto.Message, error){
		"ExplainWfRun": func() (proto.Message, error) {
			return extra.NewExtraServiceClient(f.conn).ExplainWfRun(ctx, &extra.ExplainWfRunRequest{WfRunId: id})
		},
		"GetWfRunView":    func() (proto.Message, error) { return views.GetWfRunView(ctx, &extra.GetWfRunViewRequest{WfRunId: id}) },
		"SearchWfRunView": func() (proto.Message, error) { return views.SearchWfRunView(ctx, &extra.SearchWfRunViewRequest{}) },
		"by id": func() (proto.Message, error) {
			return views.SearchWfRunView(ctx, &extra.SearchWfRunViewRequest{IdPrefix: "w"})
		},
		"GetWfSpecHeat": func() (proto.Message, error) {
			return views.GetWfSpecHeat(ctx, &extra.GetWfSpecHeatRequest{WfSpecId: &lhpb.WfSpecId{Name: "order"}})
		},
		"ListTaskRuns": func() (proto.Message, error) {
			return f.client.ListTaskRuns(ctx, &lhpb.ListTaskRunsRequest{WfRunId: id})
		},
	}
	for _, c := range found.costCases() {
		reads[c.rpc()+" "+c.name] = func() (proto.Message, error) { return c.call(ctx, c.req) }
	}
	for name, read := range reads {
		want, err := read()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f.cluster.moving, found.cluster.moving = true, true
		got, err := read()
		f.cluster.moving, found.cluster.moving = false, false
		if err != nil || !proto.Equal(got, want) {
			t.Errorf("%s: %v, %v instead of %v", name, err, got, want)
		}
	}
}
