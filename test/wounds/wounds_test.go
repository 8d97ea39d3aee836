package wounds

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
)

const recordLimit = 1_047_000

// server starts one server for the test and returns a client of it.
func server(t *testing.T) lhpb.LittleHorseClient {
	t.Helper()
	s := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=2")
	s.Start(t)
	conn := s.Dial(t)
	t.Cleanup(func() { conn.Close() })
	t.Cleanup(func() {
		s.Kill()
		if strings.Contains(s.Output(), "panic") {
			t.Errorf("the server panicked:\n%s", s.Output())
		}
	})
	return lhpb.NewLittleHorseClient(conn)
}

// within bounds a test's wait for something that must happen.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantCode(t *testing.T, err error, want codes.Code, words ...string) {
	t.Helper()
	if status.Code(err) != want {
		t.Errorf("got %v, want %v", err, want)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%v does not say %q", err, w)
		}
	}
}

// chain is a WfSpec whose main thread runs the nodes one after the other.
func chain(name string, vars []*lhpb.ThreadVarDef, nodes ...*lhpb.Node) *lhpb.PutWfSpecRequest {
	return &lhpb.PutWfSpecRequest{
		Name: name, EntrypointThreadName: "main",
		ThreadSpecs: map[string]*lhpb.ThreadSpec{"main": thread(vars, nodes...)},
	}
}

func thread(vars []*lhpb.ThreadVarDef, nodes ...*lhpb.Node) *lhpb.ThreadSpec {
	all := append([]*lhpb.Node{{Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}}}, nodes...)
	if _, ends := all[len(all)-1].Node.(*lhpb.Node_Exit); !ends {
		all = append(all, &lhpb.Node{Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}})
	}
	spec := &lhpb.ThreadSpec{Nodes: map[string]*lhpb.Node{}, VariableDefs: vars}
	for i, n := range all {
		if i < len(all)-1 {
			n.OutgoingEdges = append(n.OutgoingEdges, &lhpb.Edge{SinkNodeName: fmt.Sprint(i + 1)})
		}
		spec.Nodes[fmt.Sprint(i)] = n
	}
	return spec
}

func taskNode(def string, timeoutSeconds, retries int32) *lhpb.Node {
	return &lhpb.Node{Node: &lhpb.Node_Task{Task: &lhpb.TaskNode{
		TaskToExecute:  &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: def}},
		TimeoutSeconds: timeoutSeconds, Retries: retries,
	}}}
}

func primitive(t lhpb.VariableType) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: t}}
}

func private(name string, t lhpb.VariableType) *lhpb.ThreadVarDef {
	return &lhpb.ThreadVarDef{
		VarDef:      &lhpb.VariableDef{Name: name, TypeDef: primitive(t)},
		AccessLevel: lhpb.WfRunVariableAccessLevel_PRIVATE_VAR,
	}
}

func str(s string) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: s}}
}

func variable(name string) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_VariableName{VariableName: name}}
}

// claim polls until the next task of the definition is handed out.
func claim(ctx context.Context, t *testing.T, c lhpb.LittleHorseClient, def string) *lhpb.ScheduledTask {
	t.Helper()
	stream := must(c.PollTask(ctx))(t)
	defer stream.CloseSend()
	for {
		if err := stream.Send(&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: def}, ClientId: "wounds"}); err != nil {
			t.Fatal(err)
		}
		if got := must(stream.Recv())(t); got.Result != nil {
			return got.Result
		}
	}
}

// until reads again and again until the condition holds.
func until[T any](ctx context.Context, t *testing.T, read func() (T, error), ok func(T) bool) T {
	t.Helper()
	for {
		got, err := read()
		if err != nil {
			t.Fatalf("waiting: %v", err)
		}
		if ok(got) {
			return got
		}
		if ctx.Err() != nil {
			t.Fatalf("still %v", got)
		}
	}
}

func TestOversizedValueIsNeverSilent(t *testing.T) {
	ctx, c := within(t), server(t)
	must(c.PutTaskDef(ctx, &lhpb.PutTaskDefRequest{Name: "big", ReturnType: &lhpb.ReturnType{ReturnType: primitive(lhpb.VariableType_STR)}}))(t)
	must(c.PutExternalEventDef(ctx, &lhpb.PutExternalEventDefRequest{Name: "note"}))(t)
	must(c.PutWfSpec(ctx, chain("holder", []*lhpb.ThreadVarDef{private("text", lhpb.VariableType_STR)}, taskNode("big", 60, 3))))(t)
	grow := &lhpb.Node{Node: &lhpb.Node_Nop{Nop: &lhpb.NopNode{}}, OutgoingEdges: []*lhpb.Edge{{
		SinkNodeName: "1",
		VariableMutations: []*lhpb.VariableMutation{{
			LhsName: "text", Operation: lhpb.VariableMutationType_ADD,
			RhsValue: &lhpb.VariableMutation_RhsAssignment{RhsAssignment: variable("text")},
		}},
	}}}
	growing := chain("growing", []*lhpb.ThreadVarDef{private("text", lhpb.VariableType_STR)}, &lhpb.Node{Node: &lhpb.Node_Nop{Nop: &lhpb.NopNode{}}}, grow)
	growing.ThreadSpecs["main"].Nodes["2"].OutgoingEdges = grow.OutgoingEdges[:1]
	must(c.PutWfSpec(ctx, growing))(t)

	tooBig := strings.Repeat("x", recordLimit+1)
	_, err := c.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: "holder", Variables: map[string]*lhpb.VariableValue{"text": str(tooBig)}})
	wantCode(t, err, codes.ResourceExhausted, "1047000")
	_, err = c.PutExternalEvent(ctx, &lhpb.PutExternalEventRequest{
		WfRunId: &lhpb.WfRunId{Id: "nobody"}, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "note"}, Content: str(tooBig),
	})
	wantCode(t, err, codes.ResourceExhausted, "1047000")
	_, err = c.PutTaskDef(ctx, &lhpb.PutTaskDefRequest{Name: "huge", Description: &tooBig})
	wantCode(t, err, codes.ResourceExhausted, "1047000")
	_, err = c.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: "holder", Variables: map[string]*lhpb.VariableValue{"text": str(strings.Repeat("x", 5<<20))}})
	wantCode(t, err, codes.ResourceExhausted)

	id := "reported"
	must(c.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: "holder", Id: &id}))(t)
	task := claim(ctx, t, c, "big")
	must(c.ReportTask(ctx, &lhpb.ReportTaskRun{
		TaskRunId: task.TaskRunId, AttemptNumber: task.AttemptNumber, Status: lhpb.TaskStatus_TASK_SUCCESS,
		Result: &lhpb.ReportTaskRun_Output{Output: str(tooBig)},
	}))(t)
	run := must(c.GetTaskRun(ctx, task.TaskRunId))(t)
	a := run.Attempts[0]
	if a.Status != lhpb.TaskStatus_TASK_OUTPUT_SERDE_ERROR || !strings.Contains(a.GetError().GetMessage(), "RESOURCE_EXHAUSTED") || a.GetOutput() != nil {
		t.Errorf("the attempt with too large an output is %v", a)
	}

	grown := must(c.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: "growing", Variables: map[string]*lhpb.VariableValue{"text": str(strings.Repeat("x", 1000))}}))(t)
	if grown.Status != lhpb.LHStatus_ERROR {
		t.Errorf("a run whose variable outgrew the limit is %s", grown.Status)
	}
	last := must(c.GetNodeRun(ctx, &lhpb.NodeRunId{WfRunId: grown.Id, ThreadRunNumber: 0, Position: grown.ThreadRuns[0].CurrentNodePosition}))(t)
	if f := last.Failures; len(f) == 0 || f[0].FailureName != "VAR_SUB_ERROR" || !strings.Contains(f[0].Message, "1047000") {
		t.Errorf("its failure is %v", last.Failures)
	}

	must(c.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: "holder", Variables: map[string]*lhpb.VariableValue{"text": str(strings.Repeat("x", 1_000_000))}}))(t)
}

func TestFailedReportIsNotATimeout(t *testing.T) {
	ctx, c := within(t), server(t)
	must(c.PutTaskDef(ctx, &lhpb.PutTaskDefRequest{Name: "count", ReturnType: &lhpb.ReturnType{ReturnType: primitive(lhpb.VariableType_INT)}}))(t)
	must(c.PutWfSpec(ctx, chain("counting", nil, taskNode("count", 3600, 5))))(t)
	must(c.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: "counting"}))(t)
	task := claim(ctx, t, c, "count")

	report := func(change func(*lhpb.ReportTaskRun)) error {
		r := &lhpb.ReportTaskRun{
			TaskRunId: proto.Clone(task.TaskRunId).(*lhpb.TaskRunId), Status: lhpb.TaskStatus_TASK_SUCCESS,
			Result: &lhpb.ReportTaskRun_Output{Output: str("seven")},
		}
		change(r)
		_, err := c.ReportTask(ctx, r)
		return err
	}
	wantCode(t, report(func(r *lhpb.ReportTaskRun) { r.TaskRunId.TaskGuid = "9-9" }), codes.InvalidArgument)
	wantCode(t, report(func(r *lhpb.ReportTaskRun) { r.AttemptNumber = 7 }), codes.InvalidArgument)
	wantCode(t, report(func(r *lhpb.ReportTaskRun) { r.TaskRunId = nil }), codes.InvalidArgument)
	wantCode(t, report(func(r *lhpb.ReportTaskRun) { r.Status = lhpb.TaskStatus_TASK_SCHEDULED }), codes.InvalidArgument)
	wantCode(t, report(func(r *lhpb.ReportTaskRun) { r.Status, r.Result = lhpb.TaskStatus_TASK_EXCEPTION, nil }), codes.InvalidArgument)
	if got := must(c.GetTaskRun(ctx, task.TaskRunId))(t); got.Status != lhpb.TaskStatus_TASK_RUNNING {
		t.Errorf("refused reports made the task %s", got.Status)
	}
	if err := report(func(*lhpb.ReportTaskRun) {}); err != nil {
		t.Error(err)
	}
	got := must(c.GetTaskRun(ctx, task.TaskRunId))(t)
	if got.Status != lhpb.TaskStatus_TASK_OUTPUT_SERDE_ERROR || got.Attempts[0].GetError().GetMessage() == "" {
		t.Errorf("a report of the wrong type made the task %s: %v", got.Status, got.Attempts)
	}
}

func TestEveryTimerBelongsToAnAttempt(t *testing.T) {
	ctx, c := within(t), server(t)
	must(c.PutTaskDef(ctx, &lhpb.PutTaskDefRequest{Name: "stuck"}))(t)
	must(c.PutWfSpec(ctx, chain("halting", nil, taskNode("stuck", 1, 1))))(t)
	run := must(c.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: "halting"}))(t)
	claim(ctx, t, c, "stuck")
	must(c.StopWfRun(ctx, &lhpb.StopWfRunRequest{WfRunId: run.Id}))(t)
	if second := claim(ctx, t, c, "stuck"); second.AttemptNumber != 1 {
		t.Fatalf("the retry is attempt %d", second.AttemptNumber)
	}
	got := until(ctx, t,
		func() (*lhpb.WfRun, error) { return c.GetWfRun(ctx, run.Id) },
		func(w *lhpb.WfRun) bool { return w.ThreadRuns[0].Status == lhpb.LHStatus_HALTED })
	if got.Status != lhpb.LHStatus_HALTED {
		t.Errorf("the stopped run is %s", got.Status)
	}
	must(c.ResumeWfRun(ctx, &lhpb.ResumeWfRunRequest{WfRunId: run.Id}))(t)
	if got := must(c.GetWfRun(ctx, run.Id))(t); got.Status != lhpb.LHStatus_ERROR {
		t.Errorf("resumed, the run whose attempts both timed out is %s", got.Status)
	}
}

func TestChildrenNeverOutliveTheirRun(t *testing.T) {
	ctx, c := within(t), server(t)
	must(c.PutTaskDef(ctx, &lhpb.PutTaskDefRequest{Name: "part"}))(t)
	spawn := &lhpb.Node{Node: &lhpb.Node_StartMultipleThreads{StartMultipleThreads: &lhpb.StartMultipleThreadsNode{
		ThreadSpecName: "part", Iterable: variable("items"),
	}}}
	wait := &lhpb.Node{Node: &lhpb.Node_WaitForThreads{WaitForThreads: &lhpb.WaitForThreadsNode{
		ThreadsToWaitFor: &lhpb.WaitForThreadsNode_ThreadList{ThreadList: &lhpb.VariableAssignment{
			Source: &lhpb.VariableAssignment_NodeOutput{NodeOutput: &lhpb.VariableAssignment_NodeOutputReference{NodeName: "1"}},
		}},
	}}}
	spec := chain("fan", []*lhpb.ThreadVarDef{private("items", lhpb.VariableType_JSON_ARR)}, spawn, wait)
	spec.ThreadSpecs["part"] = thread(nil, taskNode("part", 3600, 0))
	must(c.PutWfSpec(ctx, spec))(t)

	const children = 1000
	items := "[" + strings.TrimSuffix(strings.Repeat("1,", children), ",") + "]"
	run := must(c.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: "fan", Variables: map[string]*lhpb.VariableValue{
		"items": {Value: &lhpb.VariableValue_JsonArr{JsonArr: items}},
	}}))(t)
	for run.Status == lhpb.LHStatus_RUNNING && len(run.ThreadRuns) <= children {
		run = must(c.GetWfRun(ctx, run.Id))(t) // a list this long is started in parts
	}
	if run.Status != lhpb.LHStatus_RUNNING || len(run.ThreadRuns) != children+1 {
		t.Fatalf("%d children: %s with %d threads", children, run.Status, len(run.ThreadRuns))
	}
	task := claim(ctx, t, c, "part")
	must(c.ReportTask(ctx, &lhpb.ReportTaskRun{
		TaskRunId: task.TaskRunId, Status: lhpb.TaskStatus_TASK_FAILED,
		Result: &lhpb.ReportTaskRun_Error{Error: &lhpb.LHTaskError{Type: lhpb.LHErrorType_TASK_FAILURE, Message: "broken"}},
	}))(t)
	got := must(c.GetWfRun(ctx, run.Id))(t)
	for got.Status == lhpb.LHStatus_RUNNING {
		got = must(c.GetWfRun(ctx, run.Id))(t) // a wait for so many looks at them in parts
	}
	if got.Status != lhpb.LHStatus_ERROR {
		t.Errorf("with a failed child the run is %s", got.Status)
	}
	running := func(th *lhpb.ThreadRun) bool { return th.Status == lhpb.LHStatus_RUNNING }
	for slices.ContainsFunc(got.ThreadRuns, running) {
		got = must(c.GetWfRun(ctx, run.Id))(t) // so many end in parts, and in the meantime get no tasks
	}
}

func TestIndexAndObjectShareOneFate(t *testing.T) {
	ctx, c := within(t), server(t)
	must(c.PutWfSpec(ctx, chain("brief", nil)))(t)
	for i := range 20 {
		id := fmt.Sprintf("r-%02d", i)
		must(c.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: "brief", Id: &id}))(t)
		if i%2 == 0 {
			must(c.DeleteWfRun(ctx, &lhpb.DeleteWfRunRequest{Id: &lhpb.WfRunId{Id: id}}))(t)
		}
	}
	found := must(c.SearchWfRun(ctx, &lhpb.SearchWfRunRequest{WfSpecName: "brief"}))(t)
	if len(found.Results) != 10 {
		t.Errorf("%d runs are found, 10 are left", len(found.Results))
	}
	for _, id := range found.Results {
		must(c.GetWfRun(ctx, id))(t)
	}
}

func TestSameSpecSameVersion(t *testing.T) {
	ctx, c := within(t), server(t)
	must(c.PutTaskDef(ctx, &lhpb.PutTaskDefRequest{Name: "a"}))(t)
	spec := func() *lhpb.PutWfSpecRequest {
		return chain("same", []*lhpb.ThreadVarDef{
			{VarDef: &lhpb.VariableDef{Name: "doc", TypeDef: primitive(lhpb.VariableType_JSON_OBJ), DefaultValue: &lhpb.VariableValue{
				Value: &lhpb.VariableValue_JsonObj{JsonObj: `{ "b": 1,  "a": [1, 2.0] }`},
			}}},
		}, taskNode("a", 0, 0), taskNode("a", 0, 1))
	}
	first := must(c.PutWfSpec(ctx, spec()))(t)
	for range 20 {
		if again := must(c.PutWfSpec(ctx, spec()))(t); !proto.Equal(again, first) {
			t.Fatalf("the same spec became %v", again.Id)
		}
	}
	// What the server returned is the same spec, too.
	again := must(c.PutWfSpec(ctx, &lhpb.PutWfSpecRequest{
		Name: first.Id.Name, EntrypointThreadName: first.EntrypointThreadName, ThreadSpecs: first.ThreadSpecs,
	}))(t)
	if !proto.Equal(again, first) {
		t.Errorf("the stored spec put again became %v", again.Id)
	}
}

func TestTenantsNeverMeet(t *testing.T) {
	ctx, c := within(t), server(t)
	must(c.PutTenant(ctx, &lhpb.PutTenantRequest{Id: "acme"}))(t)
	acme := metadata.AppendToOutgoingContext(ctx, "tenantid", "acme")
	must(c.PutTaskDef(ctx, &lhpb.PutTaskDefRequest{Name: "t"}))(t)
	must(c.PutExternalEventDef(ctx, &lhpb.PutExternalEventDefRequest{Name: "e"}))(t)
	must(c.PutWfSpec(ctx, chain("w", []*lhpb.ThreadVarDef{private("x", lhpb.VariableType_STR)}, taskNode("t", 60, 0))))(t)
	id := "mine"
	run := must(c.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: "w", Id: &id}))(t)
	event := must(c.PutExternalEvent(ctx, &lhpb.PutExternalEventRequest{WfRunId: run.Id, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "e"}}))(t)
	taskRun := &lhpb.TaskRunId{WfRunId: run.Id, TaskGuid: "0-1"}

	_, err := c.GetTaskDef(acme, &lhpb.TaskDefId{Name: "t"})
	wantCode(t, err, codes.NotFound)
	_, err = c.GetWfSpec(acme, run.WfSpecId)
	wantCode(t, err, codes.NotFound)
	_, err = c.GetWfRun(acme, run.Id)
	wantCode(t, err, codes.NotFound)
	_, err = c.GetNodeRun(acme, &lhpb.NodeRunId{WfRunId: run.Id})
	wantCode(t, err, codes.NotFound)
	_, err = c.GetVariable(acme, &lhpb.VariableId{WfRunId: run.Id, Name: "x"})
	wantCode(t, err, codes.NotFound)
	_, err = c.GetTaskRun(acme, taskRun)
	wantCode(t, err, codes.NotFound)
	_, err = c.GetExternalEvent(acme, event.Id)
	wantCode(t, err, codes.NotFound)
	_, err = c.StopWfRun(acme, &lhpb.StopWfRunRequest{WfRunId: run.Id})
	wantCode(t, err, codes.NotFound)
	_, err = c.RescueThreadRun(acme, &lhpb.RescueThreadRunRequest{WfRunId: run.Id})
	wantCode(t, err, codes.NotFound)
	_, err = c.ReportTask(acme, &lhpb.ReportTaskRun{TaskRunId: taskRun, Status: lhpb.TaskStatus_TASK_SUCCESS, Result: &lhpb.ReportTaskRun_Output{Output: &lhpb.VariableValue{}}})
	wantCode(t, err, codes.InvalidArgument)
	must(c.DeleteWfRun(acme, &lhpb.DeleteWfRunRequest{Id: run.Id}))(t)
	must(c.GetWfRun(ctx, run.Id))(t)
	if got := must(c.ListNodeRuns(acme, &lhpb.ListNodeRunsRequest{WfRunId: run.Id}))(t); len(got.Results) > 0 {
		t.Errorf("another tenant lists %v", got.Results)
	}
	_, err = c.SearchWfRun(acme, &lhpb.SearchWfRunRequest{WfSpecName: "w"})
	wantCode(t, err, codes.InvalidArgument)
	for _, wrong := range []string{"nobody", " ", "acme2"} {
		_, err = c.GetWfRun(metadata.AppendToOutgoingContext(ctx, "tenantid", wrong), run.Id)
		wantCode(t, err, codes.PermissionDenied, "Tenant not allowed")
	}

	// A poller of another tenant gets nothing of ours; a poller of ours does.
	must(c.PutTaskDef(acme, &lhpb.PutTaskDefRequest{Name: "t"}))(t)
	must(c.PutWfSpec(acme, chain("w", nil, taskNode("t", 60, 0))))(t)
	theirs := "theirs"
	stream := must(c.PollTask(acme))(t)
	if err := stream.Send(&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: "t"}, ClientId: "acme"}); err != nil {
		t.Fatal(err)
	}
	must(c.RunWf(acme, &lhpb.RunWfRequest{WfSpecName: "w", Id: &theirs}))(t)
	if got := must(stream.Recv())(t).GetResult().GetTaskRunId().GetWfRunId().GetId(); got != theirs {
		t.Errorf("the poller of acme got a task of %q", got)
	}
	if got := claim(ctx, t, c, "t").GetTaskRunId().GetWfRunId().GetId(); got != id {
		t.Errorf("the poller of the default tenant got a task of %q", got)
	}
}

// TestWorkersSurviveRestarts keeps one poller and one client through restarts of the server; neither is told
// anything but what gRPC tells it. LH_RESTARTS sets another number.
func TestWorkersSurviveRestarts(t *testing.T) {
	s := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=2")
	s.Start(t)
	conn := s.Dial(t)
	defer conn.Close()
	c := lhpb.NewLittleHorseClient(conn)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	must(c.PutTaskDef(ctx, &lhpb.PutTaskDefRequest{Name: "step"}))(t)
	must(c.PutWfSpec(ctx, chain("restarts", nil, taskNode("step", 60, 0))))(t)

	worked := make(chan string, 1)
	go func() {
		for ctx.Err() == nil {
			pollOnce(ctx, c, worked)
		}
	}()
	restarts := 20
	if n := os.Getenv("LH_RESTARTS"); n != "" {
		if _, err := fmt.Sscan(n, &restarts); err != nil {
			t.Fatalf("LH_RESTARTS: %v", err)
		}
	}
	for i := range restarts {
		id := fmt.Sprintf("after-%d", i)
		if _, err := c.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: "restarts", Id: &id}, grpc.WaitForReady(true)); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-worked:
			if got != id {
				t.Fatalf("the worker got %s, not %s", got, id)
			}
		case <-ctx.Done():
			t.Fatalf("after %d restarts the worker gets nothing", i)
		}
		s.Stop(t)
		s.Start(t)
	}
}

// pollOnce is a worker's stream from its opening to its end.
func pollOnce(ctx context.Context, c lhpb.LittleHorseClient, worked chan<- string) {
	stream, err := c.PollTask(ctx, grpc.WaitForReady(true))
	if err != nil {
		return
	}
	for {
		if stream.Send(&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: "step"}, ClientId: "w"}) != nil {
			return
		}
		got, err := stream.Recv()
		if err != nil {
			return
		}
		if got.Result == nil {
			continue
		}
		_, err = c.ReportTask(ctx, &lhpb.ReportTaskRun{
			TaskRunId: got.Result.TaskRunId, AttemptNumber: got.Result.AttemptNumber, Status: lhpb.TaskStatus_TASK_SUCCESS,
			Result: &lhpb.ReportTaskRun_Output{Output: &lhpb.VariableValue{}},
		}, grpc.WaitForReady(true))
		if err == nil {
			worked <- got.Result.TaskRunId.WfRunId.Id
		}
	}
}
