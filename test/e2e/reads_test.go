package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/lh"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

func names[T any](results []T, name func(T) string) (out []string) {
	for _, r := range results {
		out = append(out, name(r))
	}
	return out
}

func runName(id *lhpb.WfRunId) string { return lh.WfRunIDString(id) }

func (c *client) want(what string, got []string, want ...string) {
	c.t.Helper()
	if !slices.Equal(got, want) {
		c.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// Fields of documents by which runs are to be found are indexed as they change, and found with plain variables side by side.
//
// covers: api §6.5; api §6.6; dashboard C.3 runs
func TestRunsAreFoundByFieldsOfDocuments(t *testing.T) {
	c := inProcess(t)
	document := &lhpb.ThreadVarDef{
		VarDef:      &lhpb.VariableDef{Name: "customer", TypeDef: &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: lhpb.VariableType_JSON_OBJ}}},
		JsonIndexes: []*lhpb.JsonIndex{{FieldPath: "$.address.city"}, {FieldPath: "$.orders", FieldType: lhpb.VariableType_INT}},
	}
	c.taskDef("greet")
	w := c.taskFlow("order", "greet")
	spec := w.ThreadSpecs["entrypoint"]
	spec.VariableDefs = append(spec.VariableDefs, document)
	must(c.PutWfSpec(c.ctx, &lhpb.PutWfSpecRequest{Name: "order", EntrypointThreadName: "entrypoint", ThreadSpecs: w.ThreadSpecs}))(c)
	for id, doc := range map[string]string{
		"rome": `{"address": {"city": "Rome"}, "orders": [1, 2]}`, "oslo": `{"address": {"city": "Oslo"}, "orders": 2}`, "none": `{"address": null}`,
	} {
		must(c.RunWf(c.ctx, &lhpb.RunWfRequest{WfSpecName: "order", Id: &id, Variables: map[string]*lhpb.VariableValue{
			"name": str("Ana"), "customer": {Value: &lhpb.VariableValue_JsonObj{JsonObj: doc}},
		}}))(c)
	}
	city := func(name string) *lhpb.VariableMatch {
		return &lhpb.VariableMatch{VarName: "customer_$.address.city", Value: str(name)}
	}
	orders := func(n int64) *lhpb.VariableMatch {
		return &lhpb.VariableMatch{VarName: "customer_$.orders", Value: &lhpb.VariableValue{Value: &lhpb.VariableValue_Int{Int: n}}}
	}
	view := extra.NewViewServiceClient(c.conn)
	for what, row := range map[string]struct {
		filters []*lhpb.VariableMatch
		want    []string
	}{
		"a field":                {[]*lhpb.VariableMatch{city("Rome")}, []string{"rome"}},
		"an item of a list":      {[]*lhpb.VariableMatch{orders(1)}, []string{"rome"}},
		"a field, in both":       {[]*lhpb.VariableMatch{orders(2)}, []string{"oslo", "rome"}},
		"two fields":             {[]*lhpb.VariableMatch{orders(2), city("Oslo")}, []string{"oslo"}},
		"a field and a variable": {[]*lhpb.VariableMatch{city("Rome"), {VarName: "name", Value: str("Ana")}}, []string{"rome"}},
		"another variable":       {[]*lhpb.VariableMatch{city("Rome"), {VarName: "name", Value: str("Bo")}}, nil},
		"no such value":          {[]*lhpb.VariableMatch{city("rome")}, nil},
	} {
		found := names(must(c.SearchWfRun(c.ctx, &lhpb.SearchWfRunRequest{WfSpecName: "order", VariableFilters: row.filters}))(c).Results, runName)
		slices.Sort(found)
		c.want(what, found, row.want...)
		var rows []string
		for _, r := range must(view.SearchWfRunView(c.ctx, &extra.SearchWfRunViewRequest{WfSpecName: "order", VariableFilters: row.filters, IdPrefix: ""}))(c).Results {
			rows = append(rows, runName(r.Id))
		}
		slices.Sort(rows)
		c.want(what+", in rows", rows, row.want...)
		rows = nil
		for _, r := range must(view.SearchWfRunView(c.ctx, &extra.SearchWfRunViewRequest{WfSpecName: "order", VariableFilters: row.filters, IdPrefix: "r"}))(c).Results {
			rows = append(rows, runName(r.Id))
		}
		c.want(what+", by id", rows, slices.DeleteFunc(slices.Clone(row.want), func(id string) bool { return id != "rome" })...)
	}
	_, err := c.SearchWfRun(c.ctx, &lhpb.SearchWfRunRequest{WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{{VarName: "customer_$.address", Value: str("x")}}})
	c.refused(err, codes.InvalidArgument)
}

// Bulk jobs of our own go by variables and fields of documents, and leave alone what has other values; to delete needs the right to.
//
// covers: dashboard C.3 runs; security §4
func TestBulkJobsGoByVariables(t *testing.T) {
	c, by := bridged(t)
	c.principal("boss", admin())
	c.principal("runner", acls(acl(lhpb.ACLAction_READ, lhpb.ACLResource_ACL_WORKFLOW), acl(lhpb.ACLAction_RUN, lhpb.ACLResource_ACL_WORKFLOW)))
	must(c.PutExternalEventDef(c.ctx, &lhpb.PutExternalEventDefRequest{Name: "go"}))(c)
	w := c.taskFlow("order")
	spec := w.ThreadSpecs["entrypoint"]
	spec.Nodes["wait"] = &lhpb.Node{OutgoingEdges: edge("1-exit-EXIT"), Node: &lhpb.Node_ExternalEvent{ExternalEvent: &lhpb.ExternalEventNode{
		ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "go"},
	}}}
	spec.Nodes["0-entrypoint-ENTRYPOINT"].OutgoingEdges = edge("wait")
	spec.VariableDefs = append(spec.VariableDefs, &lhpb.ThreadVarDef{
		VarDef:      &lhpb.VariableDef{Name: "doc", TypeDef: &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: lhpb.VariableType_JSON_OBJ}}},
		JsonIndexes: []*lhpb.JsonIndex{{FieldPath: "$.n", FieldType: lhpb.VariableType_INT}},
	})
	must(c.PutWfSpec(c.ctx, &lhpb.PutWfSpecRequest{Name: "order", EntrypointThreadName: "entrypoint", ThreadSpecs: w.ThreadSpecs}))(c)
	const runs = 60
	for n := range runs {
		id := fmt.Sprintf("r%02d", n)
		must(c.RunWf(c.ctx, &lhpb.RunWfRequest{WfSpecName: "order", Id: &id, Variables: map[string]*lhpb.VariableValue{
			"name": str(fmt.Sprint("name", n%2)), "doc": {Value: &lhpb.VariableValue_JsonObj{JsonObj: fmt.Sprintf(`{"n": %d}`, n%3)}},
		}}))(c)
	}
	filters := []*lhpb.VariableMatch{
		{VarName: "name", Value: str("name1")}, {VarName: "doc_$.n", Value: &lhpb.VariableValue{Value: &lhpb.VariableValue_Int{Int: 2}}},
	}
	jobs := extra.NewBulkServiceClient(by)
	of := func(who string) context.Context { return metadata.AppendToOutgoingContext(c.ctx, whoKey, who) }
	done := func(id string, want int64) *extra.BulkRunJob {
		t.Helper()
		var job *extra.BulkRunJob
		c.until("the job is done", func() bool {
			job = must(jobs.GetBulkRunJob(of("boss"), &extra.GetBulkRunJobRequest{Id: &lhpb.BulkJobId{Id: id}}))(c).Job
			return job.Job.Status == lhpb.BulkJobStatus_BULK_JOB_COMPLETED
		})
		if job.GetDone() != want || len(job.VariableFilters) != 2 || !proto.Equal(job.VariableFilters[1], filters[1]) {
			t.Errorf("%v", job)
		}
		return job
	}
	find := func(is lhpb.LHStatus) []string {
		found := names(must(c.SearchWfRun(c.ctx, &lhpb.SearchWfRunRequest{WfSpecName: "order", Status: &is}))(c).Results, runName)
		slices.Sort(found)
		return found
	}
	var meant []string
	for n := range runs {
		if n%2 == 1 && n%3 == 2 {
			meant = append(meant, fmt.Sprintf("r%02d", n))
		}
	}
	must(jobs.CreateBulkRunJob(of("runner"), &extra.CreateBulkRunJobRequest{Id: ptr("halt"), Action: extra.BulkRunAction_BULK_RUN_ACTION_STOP, WfSpecName: "order", VariableFilters: filters}))(c)
	done("halt", int64(len(meant)))
	c.want("stopped", find(lhpb.LHStatus_HALTED), meant...)

	sweep := &extra.CreateBulkRunJobRequest{
		Id: ptr("sweep"), Action: extra.BulkRunAction_BULK_RUN_ACTION_DELETE, WfSpecName: "order", Status: ptr(lhpb.LHStatus_HALTED), VariableFilters: filters,
	}
	_, err := jobs.CreateBulkRunJob(of("runner"), sweep)
	c.refused(err, codes.PermissionDenied)
	for name, change := range map[string]func(*extra.CreateBulkRunJobRequest){
		"no status":        func(r *extra.CreateBulkRunJobRequest) { r.Status = nil },
		"what runs":        func(r *extra.CreateBulkRunJobRequest) { r.Status = ptr(lhpb.LHStatus_RUNNING) },
		"no such variable": func(r *extra.CreateBulkRunJobRequest) { r.VariableFilters = []*lhpb.VariableMatch{{VarName: "x"}} },
		"no such field": func(r *extra.CreateBulkRunJobRequest) {
			r.VariableFilters = []*lhpb.VariableMatch{{VarName: "doc_$.x", Value: str("x")}}
		},
		"no such WfSpec": func(r *extra.CreateBulkRunJobRequest) { r.WfSpecName = "nothing" },
		"too many":       func(r *extra.CreateBulkRunJobRequest) { r.VariableFilters = slices.Repeat(filters, 11) },
		"too large": func(r *extra.CreateBulkRunJobRequest) {
			r.VariableFilters = []*lhpb.VariableMatch{{VarName: "name", Value: str(strings.Repeat("x", 64<<10))}}
		},
		"stop what is over": func(r *extra.CreateBulkRunJobRequest) { r.Action = extra.BulkRunAction_BULK_RUN_ACTION_STOP },
	} {
		bad := proto.Clone(sweep).(*extra.CreateBulkRunJobRequest)
		change(bad)
		if _, err := jobs.CreateBulkRunJob(of("boss"), bad); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	running := proto.Clone(sweep).(*extra.CreateBulkRunJobRequest)
	running.Status = ptr(lhpb.LHStatus_RUNNING)
	_, err = jobs.CreateBulkRunJob(of("boss"), running)
	c.refused(err, codes.InvalidArgument, "must be COMPLETED or HALTED or ERROR or EXCEPTION")
	must(jobs.CreateBulkRunJob(of("boss"), sweep))(c)
	if job := done("sweep", int64(len(meant))); job.Action != sweep.Action || job.Status != lhpb.LHStatus_HALTED || job.Job.Operation != nil {
		t.Errorf("%v", job)
	}
	c.want("left of them", find(lhpb.LHStatus_HALTED))
	if left := find(lhpb.LHStatus_RUNNING); len(left) != runs-len(meant) {
		t.Errorf("%d run on, %d should", len(left), runs-len(meant))
	}
}

func TestSearchesFindWhatIsThere(t *testing.T) {
	c := inProcess(t)
	c.taskDef("greet")
	c.taskFlow("hello", "greet", "greet")
	c.taskFlow("stay", "greet")
	for n := range 4 {
		c.run("hello", fmt.Sprint("h", n), fmt.Sprint("name", n%2))
	}
	c.worker("greet", greet)
	for n := range 4 {
		c.ends(fmt.Sprint("h", n))
	}
	c.taskDef("nobody")
	c.taskFlow("open", "nobody")
	c.run("open", "o1", "Ana")

	completed, running := lhpb.LHStatus_COMPLETED, lhpb.LHStatus_RUNNING
	find := func(what string, req *lhpb.SearchWfRunRequest, want ...string) {
		t.Helper()
		c.want(what, names(must(c.SearchWfRun(c.ctx, req))(c).Results, runName), want...)
	}
	find("all", &lhpb.SearchWfRunRequest{}, "h0", "h1", "h2", "h3", "o1")
	find("name", &lhpb.SearchWfRunRequest{WfSpecName: "hello"}, "h0", "h1", "h2", "h3")
	find("completed", &lhpb.SearchWfRunRequest{Status: &completed}, "h0", "h1", "h2", "h3")
	find("running", &lhpb.SearchWfRunRequest{Status: &running}, "o1")
	find("name and status", &lhpb.SearchWfRunRequest{WfSpecName: "hello", Status: &running})
	find("variable", &lhpb.SearchWfRunRequest{WfSpecName: "hello", VariableFilters: []*lhpb.VariableMatch{{VarName: "name", Value: str("name1")}}}, "h1", "h3")

	task := func(id *lhpb.TaskRunId) string { return runName(id.WfRunId) + "/" + id.TaskGuid }
	scheduled, success := lhpb.TaskStatus_TASK_SCHEDULED, lhpb.TaskStatus_TASK_SUCCESS
	c.want("tasks by status", names(must(c.SearchTaskRun(c.ctx, &lhpb.SearchTaskRunRequest{TaskDefName: "nobody", Status: &scheduled}))(c).Results, task), "o1/0-1")
	c.want("open tasks of another status", names(must(c.SearchTaskRun(c.ctx, &lhpb.SearchTaskRunRequest{TaskDefName: "nobody", Status: ptr(lhpb.TaskStatus_TASK_RUNNING)}))(c).Results, task))
	if found := must(c.SearchTaskRun(c.ctx, &lhpb.SearchTaskRunRequest{TaskDefName: "greet", Status: &success}))(c).Results; len(found) != 8 {
		t.Errorf("%d of 8 finished tasks", len(found))
	}
	c.want("tasks of no name", names(must(c.SearchTaskRun(c.ctx, &lhpb.SearchTaskRunRequest{}))(c).Results, task))

	variable := func(id *lhpb.VariableId) string { return runName(id.WfRunId) + "/" + id.Name }
	c.want("variables", names(must(c.SearchVariable(c.ctx, &lhpb.SearchVariableRequest{WfSpecName: "hello", VarName: "name", Value: str("name0")}))(c).Results, variable), "h0/name", "h2/name")
	_, err := c.SearchVariable(c.ctx, &lhpb.SearchVariableRequest{WfSpecName: "hello", VarName: "name", Value: &lhpb.VariableValue{Value: &lhpb.VariableValue_Int{Int: 1}}})
	c.refused(err, codes.InvalidArgument)
	_, err = c.SearchVariable(c.ctx, &lhpb.SearchVariableRequest{WfSpecName: "hello", VarName: "other", Value: str("x")})
	c.refused(err, codes.InvalidArgument)

	id := &lhpb.WfRunId{Id: "h0"}
	c.want("NodeRuns", names(must(c.ListNodeRuns(c.ctx, &lhpb.ListNodeRunsRequest{WfRunId: id}))(c).Results, func(n *lhpb.NodeRun) string {
		return fmt.Sprintf("%d/%d %s", n.Id.ThreadRunNumber, n.Id.Position, n.NodeName)
	}), "0/0 0-entrypoint-ENTRYPOINT", "0/1 1-greet-TASK", "0/2 2-greet-TASK", "0/3 3-exit-EXIT")
	c.want("TaskRuns", names(must(c.ListTaskRuns(c.ctx, &lhpb.ListTaskRunsRequest{WfRunId: id}))(c).Results, func(r *lhpb.TaskRun) string { return r.Id.TaskGuid }), "0-1", "0-2")
	c.want("Variables", names(must(c.ListVariables(c.ctx, &lhpb.ListVariablesRequest{WfRunId: id}))(c).Results, func(v *lhpb.Variable) string { return v.Value.GetStr() }), "name0")
	if n := must(c.GetNodeRun(c.ctx, &lhpb.NodeRunId{WfRunId: id, Position: 2}))(c); n.Status != lhpb.LHStatus_COMPLETED || n.EndTime == nil {
		t.Errorf("%v", n)
	}

	version := func(id *lhpb.WfSpecId) string { return fmt.Sprintf("%s/%d.%d", id.Name, id.MajorVersion, id.Revision) }
	c.want("WfSpecs by prefix", names(must(c.SearchWfSpec(c.ctx, &lhpb.SearchWfSpecRequest{WfSpecCriteria: &lhpb.SearchWfSpecRequest_Prefix{Prefix: "h"}}))(c).Results, version), "hello/0.0")
	c.want("WfSpecs by task", names(must(c.SearchWfSpec(c.ctx, &lhpb.SearchWfSpecRequest{WfSpecCriteria: &lhpb.SearchWfSpecRequest_TaskDefName{TaskDefName: "greet"}}))(c).Results, version), "hello/0.0", "stay/0.0")
	c.want("TaskDefs", names(must(c.SearchTaskDef(c.ctx, &lhpb.SearchTaskDefRequest{}))(c).Results, func(id *lhpb.TaskDefId) string { return id.Name }), "greet", "nobody")
	c.want("Tenants", names(must(c.SearchTenant(c.ctx, &lhpb.SearchTenantRequest{}))(c).Results, func(id *lhpb.TenantId) string { return id.Id }), "default")

	must(c.DeleteWfRun(c.ctx, &lhpb.DeleteWfRunRequest{Id: id}))(c)
	_, err = c.GetWfRun(c.ctx, id)
	c.refused(err, codes.NotFound)
	find("after a deletion", &lhpb.SearchWfRunRequest{WfSpecName: "hello"}, "h1", "h2", "h3")
	_, err = c.DeleteWfRun(c.ctx, &lhpb.DeleteWfRunRequest{Id: &lhpb.WfRunId{Id: "o1"}})
	c.refused(err, codes.FailedPrecondition)
}

func TestEventsFlow(t *testing.T) {
	c := inProcess(t)
	must(c.PutExternalEventDef(c.ctx, &lhpb.PutExternalEventDefRequest{Name: "paid", ContentType: &lhpb.ReturnType{ReturnType: strType()}}))(c)
	must(c.PutWorkflowEventDef(c.ctx, &lhpb.PutWorkflowEventDefRequest{Name: "shipped", ContentType: &lhpb.ReturnType{ReturnType: strType()}}))(c)
	must(c.PutWfSpec(c.ctx, &lhpb.PutWfSpecRequest{Name: "order", EntrypointThreadName: "e", ThreadSpecs: map[string]*lhpb.ThreadSpec{"e": {Nodes: map[string]*lhpb.Node{
		"0": {OutgoingEdges: edge("1"), Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}},
		"1": {OutgoingEdges: edge("2"), Node: &lhpb.Node_ExternalEvent{ExternalEvent: &lhpb.ExternalEventNode{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "paid"}}}},
		"2": {OutgoingEdges: edge("3"), Node: &lhpb.Node_ThrowEvent{ThrowEvent: &lhpb.ThrowEventNode{
			EventDefId: &lhpb.WorkflowEventDefId{Name: "shipped"},
			Content:    &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_LiteralValue{LiteralValue: str("by train")}},
		}}},
		"3": {Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}},
	}}}}))(c)
	id := &lhpb.WfRunId{Id: "order-1"}
	awaited := make(chan *lhpb.WorkflowEvent, 1)
	go func() {
		e, err := c.AwaitWorkflowEvent(c.ctx, &lhpb.AwaitWorkflowEventRequest{WfRunId: id})
		if err != nil {
			t.Error(err)
		}
		awaited <- e
	}()
	must(c.RunWf(c.ctx, &lhpb.RunWfRequest{WfSpecName: "order", Id: &id.Id}))(c)
	def := &lhpb.ExternalEventDefId{Name: "paid"}
	running := must(c.SearchNodeRun(c.ctx, &lhpb.SearchNodeRunRequest{ExternalEventDef: def, Status: lhpb.LHStatus_RUNNING}))(c)
	if len(running.Results) != 1 || running.Results[0].Position != 1 {
		t.Errorf("waiting NodeRuns: %v", running.Results)
	}
	put := must(c.PutExternalEvent(c.ctx, &lhpb.PutExternalEventRequest{WfRunId: id, ExternalEventDefId: def, Guid: ptr("g1"), Content: str("42")}))(c)
	if !put.Claimed || put.GetNodeRunPosition() != 1 {
		t.Errorf("the event is not claimed: %v", put)
	}
	_, err := c.PutExternalEvent(c.ctx, &lhpb.PutExternalEventRequest{WfRunId: id, ExternalEventDefId: def, Guid: ptr("g1"), Content: str("42")})
	c.refused(err, codes.AlreadyExists)
	if w := c.ends("order-1"); w.Status != lhpb.LHStatus_COMPLETED {
		t.Fatalf("%v", w)
	}
	e := <-awaited
	if e.GetContent().GetStr() != "by train" {
		t.Errorf("%v", e)
	}
	if again := must(c.AwaitWorkflowEvent(c.ctx, &lhpb.AwaitWorkflowEventRequest{WfRunId: id, EventDefIds: []*lhpb.WorkflowEventDefId{{Name: "shipped"}}}))(c); !proto.Equal(again, e) {
		t.Errorf("%v", again)
	}
	short, cancel := context.WithTimeout(c.ctx, 100*time.Millisecond)
	defer cancel()
	_, err = c.AwaitWorkflowEvent(short, &lhpb.AwaitWorkflowEventRequest{WfRunId: id, WorkflowEventsToIgnore: []*lhpb.WorkflowEventId{e.Id}})
	c.refused(err, codes.DeadlineExceeded)

	guids := func(claimed *bool) []string {
		return names(must(c.SearchExternalEvent(c.ctx, &lhpb.SearchExternalEventRequest{ExternalEventDefId: def, IsClaimed: claimed}))(c).Results,
			func(id *lhpb.ExternalEventId) string { return id.Guid })
	}
	must(c.PutExternalEvent(c.ctx, &lhpb.PutExternalEventRequest{WfRunId: id, ExternalEventDefId: def, Guid: ptr("late"), Content: str("43")}))(c)
	c.want("all events", guids(nil), "g1", "late")
	c.want("claimed events", guids(ptr(true)), "g1")
	c.want("unclaimed events", guids(ptr(false)), "late")
	c.want("events of the WfRun", names(must(c.ListExternalEvents(c.ctx, &lhpb.ListExternalEventsRequest{WfRunId: id}))(c).Results,
		func(e *lhpb.ExternalEvent) string { return e.Content.GetStr() }), "42", "43")
	if got := must(c.GetWorkflowEvent(c.ctx, e.Id))(c); !proto.Equal(got, e) {
		t.Errorf("%v", got)
	}
	if found := must(c.SearchWorkflowEvent(c.ctx, &lhpb.SearchWorkflowEventRequest{WorkflowEventDefId: &lhpb.WorkflowEventDefId{Name: "shipped"}}))(c); len(found.Results) != 1 {
		t.Errorf("%v", found)
	}
	for _, bad := range []*lhpb.ExternalEventDefId{nil, {}, {Name: "unknown"}} {
		_, err = c.SearchExternalEvent(c.ctx, &lhpb.SearchExternalEventRequest{ExternalEventDefId: bad})
		c.refused(err, codes.InvalidArgument)
	}
	_, err = c.PutExternalEvent(c.ctx, &lhpb.PutExternalEventRequest{ExternalEventDefId: def})
	c.refused(err, codes.InvalidArgument)
}

// covers: api §1.2
func TestDefinitionsAreThereAtOnce(t *testing.T) {
	c := inProcess(t)
	c.taskDef("greet")
	for n := range 30 {
		name := fmt.Sprint("flow", n)
		c.taskFlow(name, "greet")
		must(c.RunWf(c.ctx, &lhpb.RunWfRequest{WfSpecName: name}))(c)
		must(c.GetWfSpec(c.ctx, &lhpb.WfSpecId{Name: name}))(c)
	}
	same := c.taskDef("greet")
	if again := c.taskDef("greet"); !proto.Equal(same, again) {
		t.Error("the same TaskDef again is another")
	}
	_, err := c.PutTaskDef(c.ctx, &lhpb.PutTaskDefRequest{Name: "greet"})
	c.refused(err, codes.AlreadyExists)
	_, err = c.PutTaskDef(c.ctx, &lhpb.PutTaskDefRequest{Name: "a_b"})
	c.refused(err, codes.InvalidArgument, "must be a valid hostname")
	for n := range 3 {
		must(c.PutUserTaskDef(c.ctx, &lhpb.PutUserTaskDefRequest{Name: "approve", Fields: []*lhpb.UserTaskField{{Name: fmt.Sprint("f", n), Type: lhpb.VariableType_STR}}}))(c)
	}
	if d := must(c.GetLatestUserTaskDef(c.ctx, &lhpb.GetLatestUserTaskDefRequest{Name: "approve"}))(c); d.Version != 2 {
		t.Errorf("%v", d)
	}
	c.want("versions", names(must(c.SearchUserTaskDef(c.ctx, &lhpb.SearchUserTaskDefRequest{UserTaskDefCriteria: &lhpb.SearchUserTaskDefRequest_Name{Name: "approve"}}))(c).Results,
		func(id *lhpb.UserTaskDefId) string { return fmt.Sprint(id.Version) }), "0", "1", "2")
	must(c.DeleteUserTaskDef(c.ctx, &lhpb.DeleteUserTaskDefRequest{Id: &lhpb.UserTaskDefId{Name: "approve", Version: 1}}))(c)
	_, err = c.GetUserTaskDef(c.ctx, &lhpb.UserTaskDefId{Name: "approve", Version: 1})
	c.refused(err, codes.NotFound)
	car := must(c.PutStructDef(c.ctx, &lhpb.PutStructDefRequest{Name: "car", StructDef: &lhpb.InlineStructDef{Fields: map[string]*lhpb.StructFieldDef{"brand": {FieldType: strType()}}}}))(c)
	if got := must(c.GetStructDef(c.ctx, &lhpb.StructDefId{Name: "car", Version: -1}))(c); !proto.Equal(got, car) {
		t.Errorf("%v", got)
	}
	valid := must(c.ValidateStructDefEvolution(c.ctx, &lhpb.ValidateStructDefEvolutionRequest{StructDefId: car.Id, StructDef: car.StructDef}))(c)
	if !valid.IsValid {
		t.Error("the same schema is no valid evolution")
	}
	me := must(c.Whoami(c.ctx, nil))(c)
	if me.GetId().GetId() != "anonymous" {
		t.Errorf("%v", me)
	}
	if v := must(c.GetServerVersion(c.ctx, nil))(c); v.MajorVersion != 1 || v.MinorVersion != 3 || v.GetPatchVersion() != 0 {
		t.Errorf("%v", v)
	}
}

// holds: WorkersLearnWhomToPoll
func TestWorkerProtocol(t *testing.T) {
	c := inProcess(t)
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	def := &lhpb.TaskDefId{Name: "greet"}
	got := must(c.RegisterTaskWorker(c.ctx, &lhpb.RegisterTaskWorkerRequest{TaskWorkerId: "w1", TaskDefId: def}))(c)
	if len(got.YourHosts) != 1 || got.YourHosts[0].Host != "localhost" || got.YourHosts[0].Port == 0 || got.IsClusterHealthy != nil {
		t.Errorf("%v", got)
	}
	group := must(c.GetTaskWorkerGroup(c.ctx, def))(c)
	if w := group.TaskWorkers["w1"]; w == nil || len(w.Hosts) != 1 || w.Hosts[0].Port != 2011 || w.LatestHeartbeat == nil {
		t.Errorf("%v", group)
	}
	for _, bad := range []*lhpb.RegisterTaskWorkerRequest{{TaskWorkerId: "w1"}, {TaskDefId: def}, {TaskWorkerId: "a/b", TaskDefId: def}} {
		_, err := c.RegisterTaskWorker(c.ctx, bad)
		c.refused(err, codes.InvalidArgument)
	}

	stream := must(c.PollTask(c.ctx))(c)
	if err := stream.Send(&lhpb.PollTaskRequest{TaskDefId: def, ClientId: "w1", TaskWorkerVersion: ptr("v7")}); err != nil {
		t.Fatal(err)
	}
	c.run("hello", "w", "Ana")
	task := must(stream.Recv())(c).GetResult()
	if task.GetAttemptNumber() != 0 || task.Variables[0].Value.GetStr() != "Ana" || task.Source.GetTaskNode().GetNodeRunId().GetPosition() != 1 {
		t.Fatalf("%v", task)
	}
	attempt := must(c.GetTaskRun(c.ctx, task.TaskRunId))(c).Attempts[0]
	if attempt.Status != lhpb.TaskStatus_TASK_RUNNING || attempt.TaskWorkerId != "w1" || attempt.GetTaskWorkerVersion() != "v7" {
		t.Errorf("%v", attempt)
	}
	point := must(c.PutCheckpoint(c.ctx, &lhpb.PutCheckpointRequest{TaskRunId: task.TaskRunId, Value: str("half"), Logs: ptr("log")}))(c)
	if point.FlowControlContinueType != lhpb.PutCheckpointResponse_CONTINUE_TASK || point.CreatedCheckpoint == nil {
		t.Errorf("%v", point)
	}
	if stored := must(c.GetCheckpoint(c.ctx, point.CreatedCheckpoint.Id))(c); stored.Value.GetStr() != "half" {
		t.Errorf("%v", stored)
	}
	failed := &lhpb.ReportTaskRun{
		TaskRunId: task.TaskRunId, Status: lhpb.TaskStatus_TASK_FAILED,
		Result: &lhpb.ReportTaskRun_Error{Error: &lhpb.LHTaskError{Type: lhpb.LHErrorType_TASK_FAILURE, Message: "boom"}},
	}
	must(c.ReportTask(c.ctx, failed))(c)
	must(c.ReportTask(c.ctx, failed))(c) // a worker may repeat itself
	if err := stream.Send(&lhpb.PollTaskRequest{TaskDefId: def, ClientId: "w2"}); err != nil {
		t.Fatal(err)
	}
	task = must(stream.Recv())(c).GetResult()
	if task.GetAttemptNumber() != 1 || task.TotalObservedCheckpoints != 1 {
		t.Errorf("the retry is %v", task)
	}
	must(c.ReportTask(c.ctx, report(task, str("done"))))(c)
	if w := c.ends("w"); w.Status != lhpb.LHStatus_COMPLETED {
		t.Errorf("%v", w)
	}
	for _, bad := range []*lhpb.ReportTaskRun{
		{TaskRunId: &lhpb.TaskRunId{WfRunId: &lhpb.WfRunId{Id: "w"}, TaskGuid: "9-9"}, Status: lhpb.TaskStatus_TASK_SUCCESS},
		{TaskRunId: task.TaskRunId, AttemptNumber: 7, Status: lhpb.TaskStatus_TASK_SUCCESS},
		{},
	} {
		_, err := c.ReportTask(c.ctx, bad)
		c.refused(err, codes.InvalidArgument)
	}
}
