package e2e

import (
	"testing"

	"google.golang.org/grpc/codes"

	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// What a running server says of tasks in the queue, of people and of timers is what it will do.
func TestWhyAWfRunWaits(t *testing.T) {
	c := inProcess(t)
	own := extra.NewExtraServiceClient(c.conn)
	explain := func(id string) *extra.ThreadExplanation {
		t.Helper()
		got := must(own.ExplainWfRun(c.ctx, &extra.ExplainWfRunRequest{WfRunId: &lhpb.WfRunId{Id: id}}))(c)
		if len(got.Threads) != 1 || got.Status != lhpb.LHStatus_RUNNING || got.TimersIncomplete {
			t.Fatalf("%v", got)
		}
		return got.Threads[0]
	}
	run := func(spec, id string, vars map[string]*lhpb.VariableValue) {
		t.Helper()
		must(c.RunWf(c.ctx, &lhpb.RunWfRequest{WfSpecName: spec, Id: &id, Variables: vars}))(c)
	}

	c.taskDef("greet")
	flow := c.taskFlow("flow", "greet")
	flow.ThreadSpecs["entrypoint"].Nodes["1-greet-TASK"].GetTask().TimeoutSeconds = 3600 // longer than any test takes
	must(c.PutWfSpec(c.ctx, &lhpb.PutWfSpecRequest{Name: "flow", EntrypointThreadName: "entrypoint", ThreadSpecs: flow.ThreadSpecs}))(c)
	for _, id := range []string{"w0", "w1", "w2"} {
		run("flow", id, map[string]*lhpb.VariableValue{"name": str("Ana")})
	}
	must(c.RegisterTaskWorker(c.ctx, &lhpb.RegisterTaskWorkerRequest{TaskWorkerId: "w", TaskDefId: &lhpb.TaskDefId{Name: "greet"}}))(c)
	got := explain("w2")
	wait := got.GetTask()
	if wait.GetStatus() != lhpb.TaskStatus_TASK_SCHEDULED || wait.Ahead.GetCount() != 2 || wait.Ahead.More || wait.Attempt != 1 || len(got.Timers) != 0 {
		t.Errorf("a task in the queue: %v", got)
	}
	if len(wait.GetWorkers()) != 1 || wait.Workers[0].TaskWorkerId != "w" || wait.OpenPolls != 0 {
		t.Errorf("workers: %v", wait)
	}
	poll := must(c.PollTask(c.ctx))(c)
	if err := poll.Send(&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: "greet"}, ClientId: "w"}); err != nil {
		t.Fatal(err)
	}
	must(poll.Recv())(c)
	got = explain("w0")
	if wait := got.GetTask(); wait.GetStatus() != lhpb.TaskStatus_TASK_RUNNING || wait.TaskWorkerId != "w" || wait.Ahead != nil ||
		len(got.Timers) != 1 || got.Timers[0].Kind != extra.TimerKind_TIMER_KIND_TASK_TIMEOUT {
		t.Errorf("a task that runs: %v", got)
	}
	if ahead := explain("w2").GetTask().GetAhead(); ahead.GetCount() != 1 {
		t.Errorf("%v are ahead after one was claimed", ahead)
	}

	c.formFlow("form")
	run("form", "f", nil)
	if u := explain("f").GetUserTask(); u.GetUserId() != "ana" || u.GetStatus() != lhpb.UserTaskRunStatus_ASSIGNED {
		t.Errorf("a person: %v", u)
	}

	_, err := own.ExplainWfRun(c.ctx, &extra.ExplainWfRunRequest{WfRunId: &lhpb.WfRunId{Id: "nobody"}})
	c.refused(err, codes.NotFound)
	must(c.PutTenant(c.ctx, &lhpb.PutTenantRequest{Id: "bank"}))(c)
	_, err = own.ExplainWfRun(c.as("bank").ctx, &extra.ExplainWfRunRequest{WfRunId: &lhpb.WfRunId{Id: "w2"}})
	c.refused(err, codes.NotFound)
}
