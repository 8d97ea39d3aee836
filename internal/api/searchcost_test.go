package api

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// costPage is how many results a page has whose cost is counted.
const costPage = 100

// costCase is a search, and where in what it finds a page begins that is one of the last.
type costCase struct {
	name string
	req  paged
	call func(context.Context, paged) (proto.Message, error)
	// late is the position of what was stored as the n-th; nil if there is one page at most.
	late func(n int) string
	// none says that nothing is found.
	none bool
}

func asked[Q paged, A proto.Message](call func(context.Context, Q, ...grpc.CallOption) (A, error)) func(context.Context, paged) (proto.Message, error) {
	return func(ctx context.Context, req paged) (proto.Message, error) { return call(ctx, req.(Q)) }
}

func (c costCase) rpc() string {
	name := strings.TrimSuffix(string(c.req.ProtoReflect().Descriptor().Name()), "Request")
	if name == "ListUserTaskRun" {
		return "ListUserTaskRuns"
	}
	return name
}

// createdMs is when the n-th of the stored was made: three at a time, and the last ones within ten.
func createdMs(n int) int64 { return int64(n / 3) }

func rowAt(n int, id keys.TagID) string { return string(keys.Tag{}.Row(createdMs(n), id)) }

func numbered(n int) string { return fmt.Sprintf("w%06d", n) }

// fill stores n of everything that can be searched for, all alike but for one of the second user, WfSpec version and so on.
func (f *face) fill(n int) {
	in := keys.In(DefaultTenant)
	parent := &lhpb.WfRunId{Id: "parent"}
	f.definitions.events = []string{"event"}
	variables := []*lhpb.ThreadVarDef{
		{VarDef: &lhpb.VariableDef{Name: "who", TypeDef: typeOf(lhpb.VariableType_STR)}, Searchable: true},
		{VarDef: &lhpb.VariableDef{Name: "what", TypeDef: typeOf(lhpb.VariableType_STR)}, Searchable: true},
		{VarDef: &lhpb.VariableDef{Name: "doc", TypeDef: typeOf(lhpb.VariableType_JSON_OBJ)}, JsonIndexes: []*lhpb.JsonIndex{{FieldPath: "$.a"}}},
	}
	spec := func(major int32) *lhpb.WfSpec {
		return &lhpb.WfSpec{
			Id: &lhpb.WfSpecId{Name: "order", MajorVersion: major}, EntrypointThreadName: "main",
			ThreadSpecs: map[string]*lhpb.ThreadSpec{"main": {VariableDefs: variables}},
		}
	}
	f.definitions.old, f.definitions.specs["order"] = []*lhpb.WfSpec{spec(0)}, spec(1)
	bulk := &lhpb.BulkJob{Id: &lhpb.BulkJobId{Id: "running"}}
	f.cluster.put(f.cluster.Metadata(), in.BulkJob("running"), bulk)
	f.cluster.put(f.cluster.Metadata(), in.BulkJobIndex(bulk), &pb.Empty{})
	put := func(home string, tag keys.Tag, n int, id keys.TagID) {
		f.cluster.put(f.cluster.Core(DefaultTenant, home), tag.Row(createdMs(n), id), &pb.Empty{})
	}
	for i := range n {
		id, ms := numbered(i), createdMs(i)
		run, child := keys.TagID{WfRun: id}, &lhpb.WfRunId{Id: id, ParentWfRunId: parent}
		spec := f.definitions.old[0].Id
		if i == n-1 {
			spec = f.definitions.specs["order"].Id
		}
		put(id, in.Tag(keys.TagWfRun).Text("order").Int(int32(lhpb.LHStatus_COMPLETED)).Version(spec), i, run)
		f.cluster.put(f.cluster.Core(DefaultTenant, id), in.RunNamed(id).WfRun(), &pb.WfRunRow{})
		for name, value := range map[string]string{"who": "ana", "what": fmt.Sprint(i % 2)} {
			tag := in.Tag(keys.TagVariable).Text("order").Text(name).Text(value).Version(spec)
			put(id, tag, i, keys.TagID{WfRun: id, Name: name})
			f.cluster.put(f.cluster.Core(DefaultTenant, id), in.RunNamed(id).Variable(0, name), &lhpb.Variable{Value: text(value)})
		}
		put(id, in.Tag(keys.TagVariable).Text("order").Text("doc_$.a").Text("x").Version(spec), i, keys.TagID{WfRun: id, Name: "doc"})
		below := keys.TagID{WfRun: lh.WfRunIDString(child)}
		put("parent", in.Tag(keys.TagWfRunParent).Text("parent"), i, below)
		put("parent", in.Tag(keys.TagWfRun).Text("child").Int(int32(lhpb.LHStatus_COMPLETED)).Version(nil), i, below)
		put(id, in.Tag(keys.TagTaskRun).Text("task").Int(int32(lhpb.TaskStatus_TASK_SUCCESS)), i, keys.TagID{WfRun: id, Guid: "0-1"})
		put(id, in.Tag(keys.TagNodeRun).Text("event").Int(int32(lhpb.LHStatus_RUNNING)), i, keys.TagID{WfRun: id, Number: 1})
		put(id, in.Tag(keys.TagExternalEvent).Text("event").Int(0), i, keys.TagID{WfRun: id, Name: "event", Guid: "g"})
		put(id, in.Tag(keys.TagWorkflowEvent).Text("event"), i, keys.TagID{WfRun: id, Name: "event"})
		put(id, in.Tag(keys.TagCorrelatedEvent).Text("event").Int(0), i, keys.TagID{Name: "event", Guid: id})
		put(id, in.Tag(keys.TagSchedule).Text("order").Version(spec), i, keys.TagID{Guid: id})
		form, user := keys.TagID{WfRun: id, Guid: "0-1"}, []string{"ana", "bo"}[i%2]
		put(id, in.Tag(keys.TagUserTaskRun).Text("form").Int(1), i, form)
		put(id, in.Tag(keys.TagUserTaskOwner).Int(keys.OwnerUser).Text(user).Int(1), i, form)
		put(id, in.Tag(keys.TagUserTaskOwner).Int(keys.OwnerGroup).Text("jedi").Int(1), i, form)
		if i == n-1 {
			put(id, in.Tag(keys.TagUserTaskOwner).Int(keys.OwnerGroup).Text("sith").Int(1), i, form)
		}
		big, home, guid := in.RunNamed("big"), f.cluster.Core(DefaultTenant, "big"), fmt.Sprintf("0-%d", i)
		f.cluster.put(home, big.NodeRun(0, int32(i)), &lhpb.NodeRun{Id: &lhpb.NodeRunId{}})
		f.cluster.put(home, big.TaskRun(guid), &lhpb.TaskRun{})
		f.cluster.put(home, big.Variable(0, id), &lhpb.Variable{})
		f.cluster.put(home, big.UserTaskRun(guid), &lhpb.UserTaskRun{})
		f.cluster.put(home, big.ExternalEvent("event", id), &lhpb.ExternalEvent{})
		f.cluster.put(home, big.WorkflowEvent("event", int32(i)), &lhpb.WorkflowEvent{})
		job := &lhpb.BulkJob{Id: &lhpb.BulkJobId{Id: id}, Status: lhpb.BulkJobStatus_BULK_JOB_COMPLETED}
		f.cluster.put(f.cluster.Metadata(), in.BulkJob(id), job)
		f.cluster.put(f.cluster.Metadata(), in.BulkJobIndex(job), &pb.Empty{})
		window := keys.CountedWfSpec(spec)
		f.cluster.put(f.cluster.Repartition("", ""), in.MetricWindow(window, ms*60e9+int64(i)), &lhpb.MetricWindow{Id: &lhpb.MetricWindowId{}})
	}
}

func typeOf(t lhpb.VariableType) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: t}}
}

func (f *face) costCases() []costCase {
	c := f.client
	wfRuns, tasks := asked(c.SearchWfRun), asked(c.SearchTaskRun)
	forms, variables := asked(c.SearchUserTaskRun), asked(c.SearchVariable)
	events, correlated := asked(c.SearchExternalEvent), asked(c.SearchCorrelatedEvent)
	jobs := asked(c.SearchBulkJob)
	ofRun := func(n int) string { return rowAt(n, keys.TagID{WfRun: numbered(n)}) }
	ofChild := func(n int) string { return rowAt(n, keys.TagID{WfRun: "parent_" + numbered(n)}) }
	ofTask := func(n int) string { return rowAt(n, keys.TagID{WfRun: numbered(n), Guid: "0-1"}) }
	ofEvent := func(n int) string { return rowAt(n, keys.TagID{WfRun: numbered(n), Name: "event", Guid: "g"}) }
	ofCorrelated := func(n int) string { return rowAt(n, keys.TagID{Name: "event", Guid: numbered(n)}) }
	completed, running := lhpb.LHStatus_COMPLETED.Enum(), lhpb.LHStatus_RUNNING.Enum()
	parent, filter := &lhpb.WfRunId{Id: "parent"}, func(name, value string) *lhpb.VariableMatch {
		return &lhpb.VariableMatch{VarName: name, Value: text(value)}
	}
	long, big, run := at(1<<40), &lhpb.WfRunId{Id: "big"}, keys.In(DefaultTenant).RunNamed("big")
	ofKind := func(kind keys.RunKind, key func(n int) keys.Key) func(int) string {
		return func(n int) string { return string(key(n)[len(run.Kind(kind)):]) }
	}
	guid := func(n int) string { return fmt.Sprintf("0-%d", n) }
	return []costCase{
		{"all", &lhpb.SearchWfRunRequest{}, wfRuns, ofRun, false},
		{"name", &lhpb.SearchWfRunRequest{WfSpecName: "order"}, wfRuns, ofRun, false},
		{"name and status", &lhpb.SearchWfRunRequest{WfSpecName: "order", Status: completed}, wfRuns, ofRun, false},
		{"name and no such status", &lhpb.SearchWfRunRequest{WfSpecName: "order", Status: running}, wfRuns, nil, true},
		{"status", &lhpb.SearchWfRunRequest{Status: completed}, wfRuns, ofRun, false},
		{"no such status", &lhpb.SearchWfRunRequest{Status: running}, wfRuns, nil, true},
		{"time", &lhpb.SearchWfRunRequest{EarliestStart: at(10), LatestStart: long}, wfRuns, ofRun, false},
		{"no such time", &lhpb.SearchWfRunRequest{EarliestStart: long}, wfRuns, nil, true},
		{"a rare version", &lhpb.SearchWfRunRequest{WfSpecName: "order", WfSpecMajorVersion: proto.Int32(1)}, wfRuns, nil, false},
		{"no such version", &lhpb.SearchWfRunRequest{WfSpecName: "order", WfSpecMajorVersion: proto.Int32(0), WfSpecRevision: proto.Int32(7)}, wfRuns, nil, true},
		{"parent", &lhpb.SearchWfRunRequest{ParentWfRunId: parent}, wfRuns, ofChild, false},
		{"parent and status", &lhpb.SearchWfRunRequest{ParentWfRunId: parent, Status: completed}, wfRuns, ofChild, false},
		{"parent and no such status", &lhpb.SearchWfRunRequest{ParentWfRunId: parent, Status: running}, wfRuns, nil, true},
		{"parent and name of no child", &lhpb.SearchWfRunRequest{ParentWfRunId: &lhpb.WfRunId{Id: "w000001"}, WfSpecName: "order"}, wfRuns, nil, true},
		{"tree", &lhpb.SearchWfRunRequest{ParentWfRunId: parent, ShowFullTree: proto.Bool(true)}, wfRuns, func(n int) string { return "\x00" + ofChild(n) }, false},
		{"variable", &lhpb.SearchWfRunRequest{WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{filter("who", "ana")}}, wfRuns, ofRun, false},
		{"variable and status", &lhpb.SearchWfRunRequest{WfSpecName: "order", Status: completed, VariableFilters: []*lhpb.VariableMatch{filter("who", "ana")}}, wfRuns, ofRun, false},
		{"two variables", &lhpb.SearchWfRunRequest{WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{filter("who", "ana"), filter("what", "1")}}, wfRuns, func(n int) string { return ofRun(n - costPage) }, false},
		{"variable and a rare version", &lhpb.SearchWfRunRequest{WfSpecName: "order", WfSpecMajorVersion: proto.Int32(1), VariableFilters: []*lhpb.VariableMatch{filter("who", "ana")}}, wfRuns, nil, false},
		{"variable and no such status", &lhpb.SearchWfRunRequest{WfSpecName: "order", Status: running, VariableFilters: []*lhpb.VariableMatch{filter("who", "ana")}}, wfRuns, nil, true},
		{"variable without such a value", &lhpb.SearchWfRunRequest{WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{filter("who", "bo")}}, wfRuns, nil, true},
		{"field of a document", &lhpb.SearchWfRunRequest{WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{filter("doc_$.a", "x")}}, wfRuns, ofRun, false},
		{"field and variable", &lhpb.SearchWfRunRequest{WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{filter("doc_$.a", "x"), filter("who", "ana")}}, wfRuns, ofRun, false},
		{"field without such a value", &lhpb.SearchWfRunRequest{WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{filter("doc_$.a", "y")}}, wfRuns, nil, true},
		{"a value too many", &lhpb.SearchWfRunRequest{WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{filter("what", "1"), filter("who", "bo")}}, wfRuns, nil, true},

		{"TaskDef", &lhpb.SearchTaskRunRequest{TaskDefName: "task"}, tasks, ofTask, false},
		{"TaskDef and status", &lhpb.SearchTaskRunRequest{TaskDefName: "task", Status: lhpb.TaskStatus_TASK_SUCCESS.Enum()}, tasks, ofTask, false},
		{"TaskDef and no such status", &lhpb.SearchTaskRunRequest{TaskDefName: "task", Status: lhpb.TaskStatus_TASK_FAILED.Enum()}, tasks, nil, true},
		{"TaskDef and open", &lhpb.SearchTaskRunRequest{TaskDefName: "task", Status: lhpb.TaskStatus_TASK_RUNNING.Enum()}, tasks, nil, true},

		{"node", &lhpb.SearchNodeRunRequest{ExternalEventDef: &lhpb.ExternalEventDefId{Name: "event"}, Status: *running}, asked(c.SearchNodeRun), func(n int) string { return rowAt(n, keys.TagID{WfRun: numbered(n), Number: 1}) }, false},

		{"user", &lhpb.SearchUserTaskRunRequest{UserId: proto.String("ana")}, forms, func(n int) string { return ofTask(n - costPage) }, false},
		{"form status", &lhpb.SearchUserTaskRunRequest{Status: lhpb.UserTaskRunStatus_ASSIGNED.Enum()}, forms, ofTask, false},
		{"user, group and form", &lhpb.SearchUserTaskRunRequest{UserId: proto.String("bo"), UserGroup: proto.String("jedi"), UserTaskDefName: proto.String("form"), Status: lhpb.UserTaskRunStatus_ASSIGNED.Enum()}, forms, func(n int) string { return ofTask(n - costPage) }, false},
		{"group without the user", &lhpb.SearchUserTaskRunRequest{UserId: proto.String("ana"), UserGroup: proto.String("sith")}, forms, nil, true},
		{"user of no other form", &lhpb.SearchUserTaskRunRequest{UserId: proto.String("ana"), UserTaskDefName: proto.String("other")}, forms, nil, true},

		{"value", &lhpb.SearchVariableRequest{WfSpecName: "order", VarName: "who", Value: text("ana")}, variables, func(n int) string { return rowAt(n, keys.TagID{WfRun: numbered(n), Name: "who"}) }, false},
		{"value in a rare version", &lhpb.SearchVariableRequest{WfSpecName: "order", WfSpecMajorVersion: proto.Int32(1), VarName: "who", Value: text("ana")}, variables, nil, false},
		{"value in no such version", &lhpb.SearchVariableRequest{WfSpecName: "order", WfSpecMajorVersion: proto.Int32(1), WfSpecRevision: proto.Int32(3), VarName: "who", Value: text("ana")}, variables, nil, true},

		{"event", &lhpb.SearchExternalEventRequest{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "event"}}, events, ofEvent, false},
		{"claimed event", &lhpb.SearchExternalEventRequest{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "event"}, IsClaimed: proto.Bool(true)}, events, nil, true},
		{"correlated event", &lhpb.SearchCorrelatedEventRequest{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "event"}}, correlated, ofCorrelated, false},
		{"correlated event with events", &lhpb.SearchCorrelatedEventRequest{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "event"}, HasExternalEvents: proto.Bool(true)}, correlated, nil, true},
		{"workflow event", &lhpb.SearchWorkflowEventRequest{WorkflowEventDefId: &lhpb.WorkflowEventDefId{Name: "event"}}, asked(c.SearchWorkflowEvent), func(n int) string { return rowAt(n, keys.TagID{WfRun: numbered(n), Name: "event"}) }, false},

		{"bulk jobs", &lhpb.SearchBulkJobRequest{}, jobs, func(n int) string { return numbered(n) + "\x00\x01" }, false},
		{"bulk jobs of a status", &lhpb.SearchBulkJobRequest{Status: lhpb.BulkJobStatus_BULK_JOB_COMPLETED.Enum()}, jobs, func(n int) string { return numbered(n) + "\x00\x01" }, false},
		{"bulk jobs of a rare status", &lhpb.SearchBulkJobRequest{Status: lhpb.BulkJobStatus_BULK_JOB_RUNNING.Enum()}, jobs, nil, false},

		{"of a run", &lhpb.ListNodeRunsRequest{WfRunId: big}, asked(c.ListNodeRuns), ofKind(keys.KindNodeRun, func(n int) keys.Key { return run.NodeRun(0, int32(n)) }), false},
		{"of another thread", &lhpb.ListNodeRunsRequest{WfRunId: big, ThreadRunNumber: proto.Int32(1)}, asked(c.ListNodeRuns), nil, true},
		{"of a run", &lhpb.ListTaskRunsRequest{WfRunId: big}, asked(c.ListTaskRuns), ofKind(keys.KindTaskRun, func(n int) keys.Key { return run.TaskRun(guid(n)) }), false},
		{"of a run", &lhpb.ListVariablesRequest{WfRunId: big}, asked(c.ListVariables), ofKind(keys.KindVariable, func(n int) keys.Key { return run.Variable(0, numbered(n)) }), false},
		{"of a run", &lhpb.ListUserTaskRunRequest{WfRunId: big}, asked(c.ListUserTaskRuns), ofKind(keys.KindUserTaskRun, func(n int) keys.Key { return run.UserTaskRun(guid(n)) }), false},
		{"of a run", &lhpb.ListExternalEventsRequest{WfRunId: big}, asked(c.ListExternalEvents), ofKind(keys.KindExternalEvent, func(n int) keys.Key { return run.ExternalEvent("event", numbered(n)) }), false},
		{"of a run", &lhpb.ListWorkflowEventsRequest{WfRunId: big}, asked(c.ListWorkflowEvents), ofKind(keys.KindWorkflowEvent, func(n int) keys.Key { return run.WorkflowEvent("event", int32(n)) }), false},

		{"windows", &lhpb.SearchWfMetricWindowRequest{WfSpecName: "order"}, asked(c.SearchWfMetricWindow), nil, false},
		{"windows of a time", &lhpb.SearchWfMetricWindowRequest{WfSpecName: "order", EarliestStart: at(1 << 50)}, asked(c.SearchWfMetricWindow), nil, true},
	}
}

// A page reads what it gives and little more, wherever it stands, however much there is, and if it finds nothing.
//
// covers: api §6.3
func TestAPageCostsTheSameAtTheEndAsAtTheStart(t *testing.T) {
	const few, many = 1_000, 20_000
	cost := map[string][]int{}
	var order []costCase
	for _, stored := range []int{few, many} {
		f := newFace(t)
		f.fill(stored)
		order = f.costCases()
		for _, c := range order {
			positions := []string{""}
			if c.late != nil {
				positions = append(positions, c.late(stored-costPage-10))
			}
			for _, position := range positions {
				cost[c.rpc()+" "+c.name] = append(cost[c.rpc()+" "+c.name], f.cost(t, c, position))
			}
		}
	}
	for _, c := range order {
		for _, n := range cost[c.rpc()+" "+c.name] {
			if n > 10*costPage {
				t.Errorf("%s %s: rows and seeks of a page of %d: %v", c.rpc(), c.name, costPage, cost[c.rpc()+" "+c.name])
				break
			}
		}
	}
}

// cost is how many rows, values and seeks a page takes that begins behind a position.
func (f *face) cost(t *testing.T, c costCase, position string) int {
	t.Helper()
	req := proto.Clone(c.req).(paged)
	limit, bookmark := field(req, "limit"), field(req, "bookmark")
	req.ProtoReflect().Set(limit, protoreflect.ValueOfInt32(costPage))
	if position != "" {
		req.ProtoReflect().Set(bookmark, protoreflect.ValueOfBytes(encodeBookmark(markOf(c.rpc(), DefaultTenant, req), position)))
	}
	f.cluster.read, f.cluster.scans = 0, 0
	got, err := c.call(t.Context(), req)
	if err != nil {
		t.Fatalf("%s %s: %v", c.rpc(), c.name, err)
	}
	found := got.ProtoReflect().Get(field(got, "results")).List().Len()
	switch {
	case c.none && found > 0, !c.none && found == 0, c.late != nil && found != costPage:
		t.Errorf("%s %s: %d results behind %q", c.rpc(), c.name, found, position)
	}
	return f.cluster.read + f.cluster.scans
}

func field(m proto.Message, name protoreflect.Name) protoreflect.FieldDescriptor {
	return m.ProtoReflect().Descriptor().Fields().ByName(name)
}

// What is found by the index of Variables is given as it was found there, even while other WfRuns are being deleted.
func TestAFilterByVariableReadsNoWfRun(t *testing.T) {
	f, in := newFace(t), keys.In(DefaultTenant)
	f.fill(costPage)
	for i := range costPage / 2 {
		tag := in.Tag(keys.TagDeleting).Text("order")
		f.cluster.put(f.cluster.Core(DefaultTenant, numbered(i)), tag.Row(createdMs(i), keys.TagID{WfRun: numbered(i)}), &pb.Empty{})
	}
	got, err := f.client.SearchWfRun(t.Context(), &lhpb.SearchWfRunRequest{
		WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{{VarName: "who", Value: text("ana")}},
	})
	if err != nil || len(got.Results) != costPage/2 || f.cluster.gets > 0 {
		t.Errorf("%d results, %d rows read by themselves: %v", len(got.GetResults()), f.cluster.gets, err)
	}
}
