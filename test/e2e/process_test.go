package e2e

import (
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"

	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
)

// A server that is killed and started again goes on where it was: definitions, finished and running WfRuns,
// and tasks that wait.
//
// covers: operations §6 queues
func TestKilledServerGoesOn(t *testing.T) {
	s := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=3")
	s.Start(t)
	c := dial(t, s.API)
	c.taskDef("greet")
	c.taskFlow("hello", "greet", "greet")
	c.worker("greet", greet)
	for n := range 10 {
		c.run("hello", fmt.Sprint("before", n), "Ana")
	}
	for n := range 10 {
		if w := c.ends(fmt.Sprint("before", n)); w.Status != lhpb.LHStatus_COMPLETED {
			t.Fatalf("%s is %s", w.Id.Id, w.Status)
		}
	}
	c.taskDef("later")
	c.taskFlow("waiting", "later")
	for n := range 10 {
		c.run("waiting", fmt.Sprint("open", n), "Bo")
	}
	_ = c.conn.Close()
	s.Kill()

	s.Start(t)
	c = dial(t, s.API)
	if w := c.ends("before3"); w.Status != lhpb.LHStatus_COMPLETED {
		t.Errorf("a finished WfRun is %s after the restart", w.Status)
	}
	c.worker("later", greet)
	for n := range 10 {
		if w := c.ends(fmt.Sprint("open", n)); w.Status != lhpb.LHStatus_COMPLETED {
			t.Errorf("%s is %s", w.Id.Id, w.Status)
		}
	}
	c.worker("greet", greet)
	c.run("hello", "after", "Cy")
	if w := c.ends("after"); w.Status != lhpb.LHStatus_COMPLETED {
		t.Errorf("a new WfRun is %s", w.Status)
	}
	task := must(c.GetTaskRun(c.ctx, &lhpb.TaskRunId{WfRunId: &lhpb.WfRunId{Id: "after"}, TaskGuid: "0-2"}))(c)
	if out := task.Attempts[0].GetOutput().GetStr(); out != "hello Cy" || task.Attempts[0].TaskWorkerId != "worker-1" {
		t.Errorf("%v", task)
	}
	_, err := c.RunWf(c.ctx, &lhpb.RunWfRequest{WfSpecName: "hello", Id: ptr("before1")})
	c.refused(err, codes.AlreadyExists)
	s.Stop(t)
}

// covers: operations §1
func TestBadSettingsEndTheStart(t *testing.T) {
	for _, env := range []string{"LHS_KAFKA_BOOTSTRAP_SERVERS=localhost", "LHS_CLUSTER_PARTITIONS=none"} {
		if err := startsWith(t, env); err == nil {
			t.Errorf("the server starts with %s", env)
		}
	}
}
