package browser

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"littlehorse/internal/dashboard"
	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
	"littlehorse/test/ports"
)

// Somebody finds a run that has failed, understands why, rescues it and sees it end; on the way every page is looked at
// for what people with other senses or devices would miss. The browser's side of it is web/e2e/journeys.mjs.
//
// covers: dashboard A.3 search; dashboard A.3 WfSpec; dashboard A.3 WfRuns; dashboard A.3 WfRun; dashboard C.2 security; dashboard C.3 overview; dashboard C.3 runs; dashboard C.5; dashboard C.6; dashboard C.7; dashboard C.10
func TestJourneys(t *testing.T) {
	t.Parallel()
	port := ports.Free(t)
	s := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=3", "LHD_PORT="+port)
	s.Start(t)
	seed(t, s.API)
	seedLanes(t, s.API)
	travel(t, s, "journeys.mjs", "DASHBOARD=http://127.0.0.1:"+port, "BROKEN="+broken)
}

// Over what the demo has, all other pages are looked at, and what can be done on them is done.
//
// covers: dashboard A.3 search; dashboard A.3 WfSpec; dashboard A.3 WfRuns; dashboard A.3 ScheduledWfRuns; dashboard A.3 TaskDef; dashboard A.3 UserTaskDef; dashboard A.3 audit; dashboard A.3 ExternalEventDef; dashboard A.3 WorkflowEventDef; dashboard A.3 StructDef; dashboard C.2 budget; dashboard C.2 security; dashboard C.3 administration; dashboard C.3 cluster; dashboard C.3 export; dashboard C.8; dashboard C.9; dashboard C.10
func TestJourneysThroughTheDemo(t *testing.T) {
	t.Parallel()
	port := ports.Free(t)
	s := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=3", "LHD_PORT="+port)
	s.Args = []string{"demo", "--rate", "0", "--data", s.Data}
	s.Start(t)
	awaitDemo(t, s)
	travel(t, s, "demo.mjs", "DASHBOARD=http://127.0.0.1:"+port, "CLUSTER="+several(t))
}

// several is what a server of several tells, one of which is silent and one partition of which has no owner.
func several(t *testing.T) string {
	t.Helper()
	told := func(serves ...dashboard.ServerPartition) *dashboard.Server {
		return &dashboard.Server{Cluster: "shop", Version: "1.3.0", State: "RUNNING", Started: "2026-01-02T03:04:05Z", Partitions: 6, Log: "kafka", Serves: serves}
	}
	answer := told(dashboard.ServerPartition{Number: 0, Position: 7}, dashboard.ServerPartition{Number: 1, Position: 9, Waiting: 12})
	second := told(dashboard.ServerPartition{Number: 2}, dashboard.ServerPartition{Number: 3})
	second.Follows = []dashboard.ServerCopy{{Number: 0, End: 7}, {Number: 1, Behind: 3, End: 24}}
	answer.Checkpoints = &dashboard.ServerCheckpoints{Written: 41, Bytes: 3 << 20, Failed: 1, BehindMs: 4000}
	answer.BackedUp = "2026-01-02T03:04:05Z"
	answer.Members = []dashboard.ServerMember{
		{Address: "10.0.0.1:2011", Instance: "lh-0", Rack: "a", Version: "1.3.0", Self: true, Owns: []int{0, 1}, Metadata: true, Told: answer},
		{Address: "10.0.0.2:2011", Instance: "lh-1", Rack: "b", Version: "1.3.1", Owns: []int{2, 3}, Told: second},
		{Address: "10.0.0.3:2011", Instance: "lh-2", Version: "1.3.0", Owns: []int{4}, Problem: "connection refused"},
	}
	answer.Members[0].Told = told(answer.Serves...)
	answer.Unowned = []int{5}
	text, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// awaitDemo waits for what the demo makes last.
func awaitDemo(t *testing.T, s *lhserver.Server) {
	t.Helper()
	conn := s.Dial(t)
	defer conn.Close()
	api := lhpb.NewLittleHorseClient(conn)
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		_, err := api.GetWorkflowMigrationPlan(t.Context(), &lhpb.WorkflowMigrationPlanId{Name: "orders-with-gifts"})
		switch {
		case err == nil:
			return
		case time.Now().After(end):
			t.Fatal(err)
		}
	}
}

// travel runs the browser's side of journeys.
func travel(t testing.TB, s *lhserver.Server, journeys string, env ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "e2e/"+journeys)
	cmd.Dir = "../../web"
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		what, asked := strings.CutPrefix(lines.Text(), "please ")
		if !asked {
			t.Log(lines.Text())
			continue
		}
		please(t, s, what)
		if _, err := io.WriteString(in, "done\n"); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

// please does what a journey asks for.
func please(t testing.TB, s *lhserver.Server, what string) {
	t.Helper()
	switch what {
	case "stop":
		s.Stop(t)
	case "start":
		s.Start(t)
	case "limit":
		limit(t, s)
	case "report":
		report(t, s)
	default:
		t.Fatalf("a journey asks for %q", what)
	}
}

// limit leaves everybody the right to read, and no other.
func limit(t testing.TB, s *lhserver.Server) {
	t.Helper()
	conn := s.Dial(t)
	defer conn.Close()
	api := lhpb.NewLittleHorseClient(conn)
	for _, p := range []*lhpb.PutPrincipalRequest{
		{Id: "boss", GlobalAcls: may(lhpb.ACLAction_ALL_ACTIONS)},
		{Id: "anonymous", GlobalAcls: may(lhpb.ACLAction_READ), Overwrite: true},
	} {
		if _, err := api.PutPrincipal(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
}

// report does the tasks of odd as a worker that means no good: what it says is what they were given.
func report(t testing.TB, s *lhserver.Server) {
	t.Helper()
	conn := s.Dial(t)
	defer conn.Close()
	api, ctx := lhpb.NewLittleHorseClient(conn), t.Context()
	def := &lhpb.TaskDefId{Name: "odd"}
	polls, err := api.PollTask(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = polls.CloseSend() }()
	worker := markup
	for range 3 {
		if _, err := api.RegisterTaskWorker(ctx, &lhpb.RegisterTaskWorkerRequest{TaskWorkerId: worker, TaskDefId: def}); err != nil {
			t.Fatal(err)
		}
		if err := polls.Send(&lhpb.PollTaskRequest{TaskDefId: def, ClientId: worker, TaskWorkerVersion: &worker}); err != nil {
			t.Fatal(err)
		}
		got, err := polls.Recv()
		if err != nil {
			t.Fatal(err)
		}
		task := got.Result
		text := task.Variables[0].Value
		logs := text.GetStr()
		if _, err := api.PutCheckpoint(ctx, &lhpb.PutCheckpointRequest{TaskRunId: task.TaskRunId, Value: text, Logs: &logs}); err != nil {
			t.Fatal(err)
		}
		r := &lhpb.ReportTaskRun{TaskRunId: task.TaskRunId, AttemptNumber: task.AttemptNumber, LogOutput: text}
		switch task.TaskRunId.WfRunId.Id {
		case "odd-errs":
			r.Status, r.Result = lhpb.TaskStatus_TASK_FAILED, &lhpb.ReportTaskRun_Error{Error: &lhpb.LHTaskError{Type: lhpb.LHErrorType_TASK_FAILURE, Message: logs}}
		case "odd-throws":
			r.Status, r.Result = lhpb.TaskStatus_TASK_EXCEPTION, &lhpb.ReportTaskRun_Exception{Exception: &lhpb.LHTaskException{Name: "odd", Message: logs, Content: text}}
		default:
			r.Status, r.Result = lhpb.TaskStatus_TASK_SUCCESS, &lhpb.ReportTaskRun_Output{Output: text}
		}
		if _, err := api.ReportTask(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
}

func may(action lhpb.ACLAction) *lhpb.ServerACLs {
	return &lhpb.ServerACLs{Acls: []*lhpb.ServerACL{{
		Resources: []lhpb.ACLResource{lhpb.ACLResource_ACL_ALL_RESOURCES}, AllowedActions: []lhpb.ACLAction{action},
	}}}
}
