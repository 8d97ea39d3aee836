package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"littlehorse/internal/server"
	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
)

func TestTenantsNeverMeet(t *testing.T) {
	c := inProcess(t)
	for _, tenant := range []string{"bank", "shop"} {
		must(c.PutTenant(c.ctx, &lhpb.PutTenantRequest{Id: tenant}))(c)
	}
	bank, shop := c.as("bank"), c.as("shop")
	bank.taskDef("greet")
	bank.taskFlow("hello", "greet")
	bank.run("hello", "w1", "Ana")

	_, err := shop.GetWfRun(shop.ctx, &lhpb.WfRunId{Id: "w1"})
	shop.refused(err, codes.NotFound)
	_, err = shop.RunWf(shop.ctx, &lhpb.RunWfRequest{WfSpecName: "hello"})
	shop.refused(err, codes.NotFound)
	_, err = shop.StopWfRun(shop.ctx, &lhpb.StopWfRunRequest{WfRunId: &lhpb.WfRunId{Id: "w1"}})
	shop.refused(err, codes.NotFound)
	_, err = shop.GetTaskDef(shop.ctx, &lhpb.TaskDefId{Name: "greet"})
	shop.refused(err, codes.NotFound)
	if found := must(shop.SearchWfRun(shop.ctx, &lhpb.SearchWfRunRequest{}))(shop); len(found.Results) != 0 {
		t.Errorf("shop finds %v", found.Results)
	}

	var foreign atomic.Int64
	shop.worker("greet", func(*lhpb.ScheduledTask) *lhpb.VariableValue { foreign.Add(1); return str("stolen") })
	bank.worker("greet", greet)
	if w := bank.ends("w1"); w.Status != lhpb.LHStatus_COMPLETED || foreign.Load() != 0 {
		t.Errorf("%s, %d tasks went to another tenant", w.Status, foreign.Load())
	}
	nobody := c.as("nobody")
	_, err = nobody.RunWf(nobody.ctx, &lhpb.RunWfRequest{WfSpecName: "hello"})
	nobody.refused(err, codes.PermissionDenied, "Tenant not allowed")
	stream := must(nobody.PollTask(nobody.ctx))(nobody)
	_, err = stream.Recv()
	nobody.refused(err, codes.PermissionDenied, "Tenant not allowed")
}

func TestUnknownIdsAreNotFound(t *testing.T) {
	c := inProcess(t)
	for _, id := range []*lhpb.WfRunId{nil, {}, {Id: "nobody"}, {Id: "a_b"}, {Id: "a/b"}, {Id: "x", ParentWfRunId: &lhpb.WfRunId{Id: "nobody"}}} {
		w := id
		if w == nil {
			w = &lhpb.WfRunId{}
		}
		_, err := c.GetWfRun(c.ctx, w)
		c.refused(err, codes.NotFound)
		_, err = c.GetNodeRun(c.ctx, &lhpb.NodeRunId{WfRunId: id})
		c.refused(err, codes.NotFound)
		_, err = c.GetTaskRun(c.ctx, &lhpb.TaskRunId{WfRunId: id, TaskGuid: "0-1"})
		c.refused(err, codes.NotFound)
		_, err = c.GetVariable(c.ctx, &lhpb.VariableId{WfRunId: id, Name: "x"})
		c.refused(err, codes.NotFound)
		_, err = c.GetExternalEvent(c.ctx, &lhpb.ExternalEventId{WfRunId: id})
		c.refused(err, codes.NotFound)
		_, err = c.GetWorkflowEvent(c.ctx, &lhpb.WorkflowEventId{WfRunId: id})
		c.refused(err, codes.NotFound)
		_, err = c.GetCheckpoint(c.ctx, &lhpb.CheckpointId{TaskRun: &lhpb.TaskRunId{WfRunId: id}})
		c.refused(err, codes.NotFound)
		_, err = c.GetInactiveThreadRun(c.ctx, &lhpb.InactiveThreadRunId{WfRunId: id})
		c.refused(err, codes.NotFound)
		_, err = c.StopWfRun(c.ctx, &lhpb.StopWfRunRequest{WfRunId: id})
		c.refused(err, codes.NotFound)
		_, err = c.ResumeWfRun(c.ctx, &lhpb.ResumeWfRunRequest{WfRunId: id})
		c.refused(err, codes.NotFound)
		_, err = c.RescueThreadRun(c.ctx, &lhpb.RescueThreadRunRequest{WfRunId: id})
		c.refused(err, codes.NotFound)
		_, err = c.DeleteWfRun(c.ctx, &lhpb.DeleteWfRunRequest{Id: id})
		c.refused(err, codes.OK)
	}
	_, err := c.GetTaskWorkerGroup(c.ctx, &lhpb.TaskDefId{Name: "nobody"})
	c.refused(err, codes.NotFound)
	_, err = c.DeleteTaskDef(c.ctx, &lhpb.DeleteTaskDefRequest{Id: &lhpb.TaskDefId{Name: "nobody"}})
	c.refused(err, codes.NotFound)
	_, err = c.DeleteWfSpec(c.ctx, &lhpb.DeleteWfSpecRequest{Id: &lhpb.WfSpecId{Name: "nobody"}})
	c.refused(err, codes.NotFound)
	_, err = c.ReportTask(c.ctx, &lhpb.ReportTaskRun{TaskRunId: &lhpb.TaskRunId{WfRunId: &lhpb.WfRunId{Id: "nobody"}, TaskGuid: "0-1"}, Status: lhpb.TaskStatus_TASK_SUCCESS})
	c.refused(err, codes.InvalidArgument)
}

func TestDeepNestingIsRefused(t *testing.T) {
	c := inProcess(t)
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	deep := str("x")
	for range 5000 {
		deep = &lhpb.VariableValue{Value: &lhpb.VariableValue_Array{Array: &lhpb.Array{Items: []*lhpb.VariableValue{deep}}}}
	}
	_, err := c.RunWf(c.ctx, &lhpb.RunWfRequest{WfSpecName: "hello", Variables: map[string]*lhpb.VariableValue{"name": deep}})
	c.refused(err, codes.InvalidArgument)
	nested := &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_VariableName{VariableName: "name"}}
	for range 2000 {
		nested = &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_FormatString_{FormatString: &lhpb.VariableAssignment_FormatString{Format: nested}}}
	}
	_, err = c.PutWfSpec(c.ctx, &lhpb.PutWfSpecRequest{Name: "deep", EntrypointThreadName: "e", ThreadSpecs: map[string]*lhpb.ThreadSpec{"e": {Nodes: map[string]*lhpb.Node{
		"n": {OutgoingEdges: []*lhpb.Edge{{SinkNodeName: "n", EdgeCondition: &lhpb.Edge_Condition{Condition: nested}}}},
	}}}})
	c.refused(err, codes.InvalidArgument)
	_, err = c.RunWf(c.ctx, &lhpb.RunWfRequest{WfSpecName: "hello", Variables: map[string]*lhpb.VariableValue{
		"name": {Value: &lhpb.VariableValue_JsonObj{JsonObj: strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)}},
	}})
	if code := status.Code(err); code == codes.Internal || code == codes.Unknown {
		t.Error(err)
	}
	parent := &lhpb.WfRunId{Id: "p"}
	for range 70 {
		parent = &lhpb.WfRunId{Id: "p", ParentWfRunId: parent}
	}
	_, err = c.RunWf(c.ctx, &lhpb.RunWfRequest{WfSpecName: "hello", ParentWfRunId: parent})
	c.refused(err, codes.InvalidArgument, "too deep")
}

func TestOversizedValueIsNeverSilent(t *testing.T) {
	c := inProcess(t)
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	for _, size := range []int{1_047_001, 3 << 20, 5 << 20} {
		_, err := c.RunWf(c.ctx, &lhpb.RunWfRequest{WfSpecName: "hello", Variables: map[string]*lhpb.VariableValue{"name": str(strings.Repeat("x", size))}})
		c.refused(err, codes.ResourceExhausted)
		_, err = c.PutTaskDef(c.ctx, &lhpb.PutTaskDefRequest{Name: "large", Description: ptr(strings.Repeat("x", size))})
		c.refused(err, codes.ResourceExhausted)
	}
	c.run("hello", "big-report", "Ana")
	c.worker("greet", func(*lhpb.ScheduledTask) *lhpb.VariableValue { return str(strings.Repeat("x", 1_500_000)) })
	if w := c.ends("big-report"); w.Status != lhpb.LHStatus_ERROR {
		t.Errorf("the WfRun is %s", w.Status)
	}
	task := must(c.GetTaskRun(c.ctx, &lhpb.TaskRunId{WfRunId: &lhpb.WfRunId{Id: "big-report"}, TaskGuid: "0-1"}))(c)
	a := task.Attempts[len(task.Attempts)-1]
	if len(task.Attempts) != 1 || a.Status != lhpb.TaskStatus_TASK_OUTPUT_SERDE_ERROR || a.GetOutput() != nil || !strings.Contains(a.GetError().GetMessage(), "RESOURCE_EXHAUSTED") {
		t.Errorf("%v", task)
	}
}

func TestEndlessLoopEndsItsRunAndNothingElse(t *testing.T) {
	c := inProcess(t)
	must(c.PutWfSpec(c.ctx, &lhpb.PutWfSpecRequest{Name: "loop", EntrypointThreadName: "e", ThreadSpecs: map[string]*lhpb.ThreadSpec{"e": {Nodes: map[string]*lhpb.Node{
		"start": {OutgoingEdges: edge("a"), Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}},
		"a":     {OutgoingEdges: edge("b"), Node: &lhpb.Node_Nop{Nop: &lhpb.NopNode{}}},
		"b":     {OutgoingEdges: append([]*lhpb.Edge{{SinkNodeName: "end", EdgeCondition: &lhpb.Edge_Condition{Condition: never()}}}, edge("a")...), Node: &lhpb.Node_Nop{Nop: &lhpb.NopNode{}}},
		"end":   {Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}},
	}}}}))(c)
	w := must(c.RunWf(c.ctx, &lhpb.RunWfRequest{WfSpecName: "loop", Id: ptr("endless")}))(c)
	if w.Status != lhpb.LHStatus_ERROR {
		t.Errorf("the WfRun is %s", w.Status)
	}
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	c.worker("greet", greet)
	c.run("hello", "next", "Ana")
	if w := c.ends("next"); w.Status != lhpb.LHStatus_COMPLETED {
		t.Errorf("the next WfRun is %s", w.Status)
	}
}

// never is 1 > 2.
func never() *lhpb.VariableAssignment {
	num := func(n int64) *lhpb.VariableAssignment {
		return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_LiteralValue{LiteralValue: &lhpb.VariableValue{Value: &lhpb.VariableValue_Int{Int: n}}}}
	}
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_Expression_{Expression: &lhpb.VariableAssignment_Expression{
		Lhs: num(1), Rhs: num(2), Operation: &lhpb.VariableAssignment_Expression_Comparator{Comparator: lhpb.Comparator_GREATER_THAN},
	}}}
}

// holds: RetriesDeliverAtLeastOnce
func TestBrokenStreamsLoseNoTasks(t *testing.T) {
	c := inProcess(t)
	c.timeout = 2
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	for n := range 20 {
		ctx, cancel := context.WithCancel(c.ctx)
		stream := must(c.PollTask(ctx))(c)
		for range 50 {
			if err := stream.Send(&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: "greet"}, ClientId: "gone"}); err != nil {
				t.Fatal(err)
			}
		}
		c.run("hello", fmt.Sprint("w", n), "Ana")
		if n%2 == 0 {
			cancel()
			continue
		}
		_ = stream.CloseSend()
		for {
			if _, err := stream.Recv(); err != nil {
				if !errors.Is(err, io.EOF) {
					t.Errorf("a half-closed stream ends with %v", err)
				}
				break
			}
		}
		cancel()
	}
	c.worker("greet", greet)
	for n := range 20 {
		if w := c.ends(fmt.Sprint("w", n)); w.Status != lhpb.LHStatus_COMPLETED {
			t.Errorf("%s is %s", w.Id.Id, w.Status)
		}
	}
}

// A worker that asks for everything and reads nothing gets a bounded share; the others go on.
func TestSlowReaderDoesNotHoldOthersUp(t *testing.T) {
	c := inProcess(t)
	c.timeout = 2
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	c.stall("greet")
	big := strings.Repeat("x", 100_000)
	for n := range 60 {
		c.run("hello", fmt.Sprint("w", n), big)
	}
	c.worker("greet", func(*lhpb.ScheduledTask) *lhpb.VariableValue { return str("done") })
	for n := range 60 {
		if w := c.ends(fmt.Sprint("w", n)); w.Status != lhpb.LHStatus_COMPLETED {
			t.Errorf("%s is %s", w.Id.Id, w.Status)
		}
	}
}

func TestGarbageOnThePortIsHarmless(t *testing.T) {
	s := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=1")
	s.Start(t)
	for _, garbage := range []string{"GET / HTTP/1.1\r\n\r\n", strings.Repeat("\x00\xff", 5000), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + strings.Repeat("\xff", 1000)} {
		conn, err := net.Dial("tcp", s.API)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, garbage)
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
	}
	c := dial(t, s.API)
	must(c.GetServerVersion(c.ctx, nil))(c)
	s.Stop(t)
}

// holds: WaitersEndWhenPartitionsMove
// covers: operations §6 moving
func TestShutdownEndsOpenStreamsAndWaiters(t *testing.T) {
	s := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=1", "LHS_SHUTDOWN_TIMEOUT_SECONDS=3600")
	s.Start(t)
	c := dial(t, s.API)
	c.ctx = t.Context() // nobody else ends them
	stream := must(c.PollTask(c.ctx))(c)
	if err := stream.Send(&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: "greet"}}); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	go func() {
		_, err := c.AwaitWorkflowEvent(c.ctx, &lhpb.AwaitWorkflowEventRequest{WfRunId: &lhpb.WfRunId{Id: "w"}})
		waiting <- err
	}()
	must(c.GetServerVersion(c.ctx, nil))(c)
	s.Stop(t) // long before the server would cut them off
	_, err := stream.Recv()
	c.refused(err, codes.Unavailable)
	c.refused(<-waiting, codes.Unavailable)
}

func startsWith(t *testing.T, env string) error {
	t.Helper()
	name, value, _ := strings.Cut(env, "=")
	t.Setenv(name, value)
	_, _, err := server.LoadConfig("")
	return err
}

// stall polls without an end and reads nothing.
func (c *client) stall(taskDef string) {
	c.t.Helper()
	stalled := must(c.PollTask(c.ctx))(c)
	go func() {
		for stalled.Send(&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: taskDef}, ClientId: "stalled"}) == nil {
		}
	}()
}

// Who reads nothing is cut off when the server stops; the server stops well all the same.
func TestSlowReaderDoesNotSpoilTheShutdown(t *testing.T) {
	s, _ := start(t)
	c := connected(t, s)
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	c.stall("greet")
	big := strings.Repeat("x", 100_000)
	for n := range 10 {
		c.run("hello", fmt.Sprint("w", n), big)
	}
	for must(c.GetTaskRun(c.ctx, &lhpb.TaskRunId{WfRunId: &lhpb.WfRunId{Id: "w9"}, TaskGuid: "0-1"}))(c).Attempts[0].Status != lhpb.TaskStatus_TASK_RUNNING {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second) // a quarter is for what comes behind the calls
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
