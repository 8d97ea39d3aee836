package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"littlehorse/internal/server"
	"littlehorse/lhpb"
)

// wide registers and runs a WfSpec whose threads have NodeRuns, TaskRuns, UserTaskRuns, Variables and
// WorkflowEvents, more of each than one digit can count.
func (c *client) wide() {
	c.t.Helper()
	var nodes strings.Builder
	for n := range 12 {
		fmt.Fprintf(&nodes, `"s%[1]d": {"startThread": {"threadSpecName": "task"}, "outgoingEdges": [{"sinkNodeName": "u%[1]d"}]},
			"u%[1]d": {"startThread": {"threadSpecName": "form", "variables": {"n": {"literalValue": {"int": %[1]d}}}}, "outgoingEdges": [{"sinkNodeName": "s%[2]d"}]},`, n, n+1)
	}
	c.do(step{"PutWfSpec", `{"name": "wide", "entrypointThreadName": "main", "threadSpecs": {
		"main": {"nodes": {"0": {"entrypoint": {}, "outgoingEdges": [{"sinkNodeName": "s0"}]}, ` + nodes.String() + `"s12": {"exit": {}}}},
		"task": {"nodes": {
			"0": {"entrypoint": {}, "outgoingEdges": [{"sinkNodeName": "1"}]},
			"1": {"task": {"taskDefId": {"name": "spare"}}, "outgoingEdges": [{"sinkNodeName": "2"}]},
			"2": {"exit": {}}}},
		"form": {"variableDefs": [{"varDef": {"name": "n", "typeDef": {"primitiveType": "INT"}}}], "nodes": {
			"0": {"entrypoint": {}, "outgoingEdges": [{"sinkNodeName": "1"}]},
			"1": {"throwEvent": {"eventDefId": {"name": "shipped"}, "content": {"literalValue": {"str": "x"}}}, "outgoingEdges": [{"sinkNodeName": "2"}]},
			"2": {"userTask": {"userTaskDefName": "form", "userId": {"literalValue": {"str": "ana"}}}, "outgoingEdges": [{"sinkNodeName": "3"}]},
			"3": {"exit": {}}}}}}`}, "")
	c.do(step{"RunWf", `{"wfSpecName": "wide", "id": "wide"}`}, "")
}

// more adds to a world what the numbers stand for.
func (c *client) more(t *testing.T, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		for _, s := range stepsOf(t, "many.txt") {
			c.do(step{s.rpc, strings.ReplaceAll(s.request, "$n", fmt.Sprint(n))}, "")
		}
	}
	c.awaitJobs()
}

// results are the results of a page, as text, and its bookmark.
func results(page proto.Message) (out []string, bookmark []byte) {
	list := page.ProtoReflect().Get(page.ProtoReflect().Descriptor().Fields().ByName("results")).List()
	for i := range list.Len() {
		out = append(out, protojson.Format(list.Get(i).Message().Interface()))
	}
	return out, bookmarkOf(page)
}

// query is a request for pages.
type query struct {
	method    protoreflect.MethodDescriptor
	text      string
	all, read []string // in one page, and page by page
	bookmark  []byte
}

func (q *query) page(c *client, limit int32) []string {
	c.t.Helper()
	req := request(c.t, q.method, q.text, "")
	req.ProtoReflect().Set(req.ProtoReflect().Descriptor().Fields().ByName("limit"), protoreflect.ValueOfInt32(limit))
	page, err := c.page(c.ctx, q.method, req, q.bookmark)
	if err != nil {
		c.t.Fatalf("%s %s: %v", q.method.Name(), q.text, err)
	}
	var out []string
	out, q.bookmark = results(page)
	if len(q.bookmark) > 0 && len(out) != int(limit) {
		c.t.Errorf("%s %s: a page of %d, limit %d, and a bookmark", q.method.Name(), q.text, len(out), limit)
	}
	return out
}

// Every RPC that has pages goes on where it was after its objects became more and the server was started again:
// what was there when the first page was read comes once, in its order.
//
// covers: api §6.2; api §6.1; tasks-and-events §1.6
// holds: ScansSurviveMoves
func TestPagesGoOnAfterWritesAndRestarts(t *testing.T) {
	dir := t.TempDir()
	there := func(cfg *server.Config) { cfg.StateDir, cfg.Partitions = dir, 3 }
	s, stop := start(t, there)
	c := connected(t, s)
	c.build("bank", worldSteps(t))
	bank := c.as("bank")
	bank.more(t, 3, 11, 4, 1, 5, 9, 2, 6, 10, 7, 8, 12)
	bank.wide()
	var queries []*query
	for _, s := range stepsOf(t, "pages.txt") {
		q := &query{method: method(t, s.rpc), text: s.request}
		q.all = q.page(bank, 1000)
		if len(q.bookmark) > 0 || len(q.all) < 12 {
			t.Errorf("%s %s: %d results, bookmark %x", s.rpc, s.request, len(q.all), q.bookmark)
		}
		q.read = q.page(bank, 5)
		queries = append(queries, q)
	}
	bank.more(t, 0, 100)
	for _, q := range queries {
		q.read = append(q.read, q.page(bank, 1)...)
	}
	stop()
	s, stop = start(t, there)
	t.Cleanup(stop)
	bank = connected(t, s).as("bank")
	bank.more(t, 101)
	for _, q := range queries {
		for len(q.bookmark) > 0 {
			q.read = append(q.read, q.page(bank, 2)...)
		}
		old := slices.DeleteFunc(slices.Clone(q.read), func(r string) bool { return !slices.Contains(q.all, r) })
		if !slices.Equal(old, q.all) {
			t.Errorf("%s %s: page by page\n%v\nat once\n%v", q.method.Name(), q.text, old, q.all)
		}
	}
	for _, m := range methods() {
		if m.Input().Fields().ByName("bookmark") != nil && !slices.ContainsFunc(queries, func(q *query) bool { return q.method == m }) &&
			!slices.Contains([]string{"SearchWfMetricWindow", "ExplainWfRun", "GetWfRunView", "SearchWfRunView"}, string(m.Name())) {
			// A minute must pass for the first, the others list no ids, or the latest first; internal/api tests them all.
			t.Errorf("testdata/pages.txt has no query of %s", m.Name())
		}
	}
}

// What belongs to a WfRun is listed by the numbers of its threads, what was run by the time it began, and
// definitions by name and version.
//
// covers: api §6.3
func TestOrderOfResults(t *testing.T) {
	c := inProcess(t)
	c.build("bank", worldSteps(t))
	bank := c.as("bank")
	bank.more(t, 10, 2, 1)
	bank.wide()
	wide := &lhpb.WfRunId{Id: "wide"}
	ascending := func(what string, got []int) {
		t.Helper()
		if len(got) < 12 || !slices.IsSorted(got) {
			t.Errorf("%s: %v", what, got)
		}
	}
	var threads []int
	for _, n := range must(bank.ListNodeRuns(bank.ctx, &lhpb.ListNodeRunsRequest{WfRunId: wide}))(c).Results {
		threads = append(threads, int(n.Id.ThreadRunNumber)*1000+int(n.Id.Position))
	}
	ascending("NodeRuns", threads)
	first := func(guid string) (n int) {
		_, err := fmt.Sscanf(guid, "%d-", &n)
		must(n, err)(c)
		return n
	}
	threads = nil
	for _, r := range must(bank.ListTaskRuns(bank.ctx, &lhpb.ListTaskRunsRequest{WfRunId: wide}))(c).Results {
		threads = append(threads, first(r.Id.TaskGuid))
	}
	ascending("TaskRuns", threads)
	threads = nil
	for _, r := range must(bank.ListUserTaskRuns(bank.ctx, &lhpb.ListUserTaskRunRequest{WfRunId: wide}))(c).Results {
		threads = append(threads, first(r.Id.UserTaskGuid))
	}
	ascending("UserTaskRuns", threads)
	threads = nil
	for _, v := range must(bank.ListVariables(bank.ctx, &lhpb.ListVariablesRequest{WfRunId: wide}))(c).Results {
		threads = append(threads, int(v.Id.ThreadRunNumber))
	}
	ascending("Variables", threads)
	threads = nil
	for _, e := range must(bank.ListWorkflowEvents(bank.ctx, &lhpb.ListWorkflowEventsRequest{WfRunId: wide}))(c).Results {
		threads = append(threads, int(e.Id.Number))
	}
	ascending("WorkflowEvents", threads)

	found := must(bank.SearchWfRun(bank.ctx, &lhpb.SearchWfRunRequest{}))(c).Results
	var starts []int
	for _, id := range found {
		starts = append(starts, int(must(bank.GetWfRun(bank.ctx, id))(c).StartTime.AsTime().UnixMilli()))
	}
	ascending("WfRuns", starts)

	bank.want("TaskDefs", names(must(bank.SearchTaskDef(bank.ctx, &lhpb.SearchTaskDefRequest{}))(c).Results, (*lhpb.TaskDefId).GetName),
		"greet", "spare", "task-1", "task-10", "task-2")
	bank.want("versions of a StructDef", names(must(bank.SearchStructDef(bank.ctx, &lhpb.SearchStructDefRequest{}))(c).Results,
		func(id *lhpb.StructDefId) string { return fmt.Sprint(id.Name, id.Version) }), "point0", "point1", "point2", "point3")
}
