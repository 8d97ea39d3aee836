package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
	"littlehorse/test/ports"
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

// A server that was built without the pages says so where they were, and has all else.
//
// covers: dashboard C.2 budget
func TestTheBinaryCanBeBuiltWithoutPages(t *testing.T) {
	port := ports.Free(t)
	s := lhserver.New(t, t.TempDir(), "LHD_PORT="+port)
	s.Program = lhserver.BuildTagged(t, "noui")
	s.Start(t)
	for _, path := range []string{"/", "/default/runs"} {
		resp, err := http.Get("http://127.0.0.1:" + port + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(text), "This server has no dashboard") || strings.Contains(string(text), "<script") {
			t.Errorf("%s: %s %s %v", path, resp.Status, text, err)
		}
	}
	code, _, text, err := jsonConn{addr: "127.0.0.1:" + port}.post(t.Context(), "/GetServerVersion", http.Header{"Content-Type": {"application/json"}, "X-Lh-Ui": {"1"}}, "{}")
	if err != nil || code != http.StatusOK {
		t.Errorf("%d %s %v", code, text, err)
	}
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
