package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/server"
	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
)

// One program and one folder: where there is nothing else, no program to call and no home, a server serves.
//
// covers: operations §1
func TestOneServerNeedsNothingElse(t *testing.T) {
	s := lhserver.New(t, filepath.Join(t.TempDir(), "data"))
	lhserver.Binary(t) // which needs a compiler
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "USER"} {
		t.Setenv(name, "")
	}
	s.Start(t)
	c := dial(t, s.API)
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	c.worker("greet", greet)
	c.run("hello", "w", "Ana")
	if w := c.ends("w"); w.Status != lhpb.LHStatus_COMPLETED {
		t.Errorf("%s is %s", w.Id.Id, w.Status)
	}
	s.Stop(t)
}

// What may be repeated changes nothing when it is: definitions are those they were; a name, id, guid or key that is
// taken says so; what a worker or a person has done stays done; and what was deleted stays deleted.
//
// covers: tasks-and-events §2
func TestRepeatingIsSafe(t *testing.T) {
	c := inProcess(t)
	steps := worldSteps(t)
	c.build("bank", steps)
	bank := c.as("bank")
	defines := []string{
		"PutTenant", "PutQuota", "PutStructDef", "PutTaskDef", "PutExternalEventDef", "PutWorkflowEventDef", "PutUserTaskDef",
		"PutWorkflowMigrationPlan", "PutWfSpec",
	}
	for _, s := range steps {
		if !slices.Contains(defines, s.rpc) || strings.Contains(s.request, `"events"`) && s.rpc == "PutWfSpec" {
			continue // the two of that name are versions of it
		}
		if first, second := effect(t, bank.do(s, "bank")), effect(t, bank.do(s, "bank")); first != second {
			t.Errorf("%s %s: %s and then %s", s.rpc, s.request, first, second)
		}
	}

	const (
		open = `"taskRunId": {"wfRunId": {"id": "claimed"}, "taskGuid": "0-1"}`
		form = `{"wfRunId": {"id": "asked"}, "userTaskGuid": "0-1"}`
		next = `{"wfRunId": {"id": "again"}, "userTaskGuid": "0-1"}`
	)
	bank.do(step{"RunWf", `{"wfSpecName": "human", "id": "again"}`}, "bank")
	for _, r := range []struct {
		rpc, request string
		code         codes.Code // of the second call
		reads, what  string
	}{
		{"RunWf", `{"wfSpecName": "flow", "id": "mine"}`, codes.AlreadyExists, "SearchWfRun", `{"wfSpecName": "flow"}`},
		{
			"PutExternalEvent", `{"wfRunId": {"id": "waiting"}, "externalEventDefId": {"name": "paid"}, "guid": "g1", "content": {"str": "x"}}`,
			codes.AlreadyExists, "ListExternalEvents", `{"wfRunId": {"id": "waiting"}}`,
		},
		{
			"PutCorrelatedEvent", `{"key": "k1", "externalEventDefId": {"name": "coupled"}}`,
			codes.AlreadyExists, "SearchCorrelatedEvent", `{"externalEventDefId": {"name": "coupled"}}`,
		},
		{"RegisterTaskWorker", `{"taskWorkerId": "worker", "taskDefId": {"name": "greet"}}`, codes.OK, "RegisterTaskWorker", `{"taskWorkerId": "worker", "taskDefId": {"name": "greet"}}`},
		{"ReportTask", `{` + open + `, "status": "TASK_SUCCESS", "output": {"str": "x"}}`, codes.OK, "GetTaskRun", `{"wfRunId": {"id": "claimed"}, "taskGuid": "0-1"}`},
		{"SaveUserTaskRunProgress", `{"userTaskRunId": ` + form + `, "userId": "ana", "results": {"answer": {"str": "y"}}}`, codes.OK, "GetUserTaskRun", form},
		{"AssignUserTaskRun", `{"userTaskRunId": ` + form + `, "userId": "bo", "overrideClaim": true}`, codes.OK, "GetUserTaskRun", form},
		{"CompleteUserTaskRun", `{"userTaskRunId": ` + form + `, "userId": "bo", "results": {"answer": {"str": "x"}}}`, codes.OK, "GetUserTaskRun", form},
		{"CancelUserTaskRun", `{"userTaskRunId": ` + next + `}`, codes.OK, "GetUserTaskRun", next},
		{"CreateBulkJob", `{"id": "one", "bulkDeleteWfRun": {"wfSpecName": "flow", "wfRunStatus": "EXCEPTION"}}`, codes.OK, "CreateBulkJob", `{"id": "one", "bulkDeleteWfRun": {"wfSpecName": "flow", "wfRunStatus": "EXCEPTION"}}`},

		{"DeleteWfRun", `{"id": {"id": "done"}}`, codes.OK, "SearchWfRun", `{}`},
		{"DeleteCorrelatedEvent", `{"id": {"key": "k1", "externalEventDefId": {"name": "coupled"}}}`, codes.OK, "SearchCorrelatedEvent", `{"externalEventDefId": {"name": "coupled"}}`},
		{"DeleteScheduledWfRun", `{"id": {"id": "yearly"}}`, codes.OK, "SearchScheduledWfRun", `{"wfSpecName": "flow"}`},
		{"DeleteWfSpec", `{"id": {"name": "human"}}`, codes.NotFound, "SearchWfSpec", `{}`},
		{"DeleteTaskDef", `{"id": {"name": "spare"}}`, codes.NotFound, "SearchTaskDef", `{}`},
		{"DeleteUserTaskDef", `{"id": {"name": "form"}}`, codes.NotFound, "SearchUserTaskDef", `{}`},
		{"DeleteExternalEventDef", `{"id": {"name": "coupled"}}`, codes.NotFound, "SearchExternalEventDef", `{}`},
		{"DeleteWorkflowEventDef", `{"id": {"name": "shipped"}}`, codes.NotFound, "SearchWorkflowEventDef", `{}`},
		{"DeleteStructDef", `{"id": {"name": "point"}}`, codes.NotFound, "SearchStructDef", `{}`},
		{"DeletePrincipal", `{"id": {"id": "of bank"}}`, codes.NotFound, "SearchPrincipal", `{}`},
		{"DeleteQuota", `{"id": {"tenant": {"id": "bank"}}}`, codes.NotFound, "SearchQuota", `{"tenantId": "bank"}`},
	} {
		bank.do(step{r.rpc, r.request}, "bank")
		bank.awaitJobs()
		once := effect(t, bank.do(step{r.reads, r.what}, "bank"))
		m := method(t, r.rpc)
		if _, err := bank.ask(bank.ctx, m, request(t, m, r.request, "bank")); status.Code(err) != r.code {
			t.Errorf("%s again: %v, want %s", r.rpc, err, r.code)
		}
		bank.awaitJobs()
		if twice := effect(t, bank.do(step{r.reads, r.what}, "bank")); twice != once {
			t.Errorf("%s again: %s, and was %s", r.rpc, twice, once)
		}
	}
}

// effect is what an answer says, but for its time and what is noted of each call.
func effect(t *testing.T, m proto.Message) string {
	t.Helper()
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	for _, noted := range []string{"createdAt", "events", "epoch"} {
		delete(fields, noted)
	}
	text, err = json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A worker is told where the server is for those who came the same way.
//
// covers: tasks §6.1
func TestWorkersLearnWhomToPoll(t *testing.T) {
	c := inProcess(t, func(cfg *server.Config) {
		cfg.Listeners[0].AdvertisedHost, cfg.Listeners[0].AdvertisedPort = "inside.example.com", 1001
		cfg.Listeners = append(cfg.Listeners, server.Listener{Name: "OUTSIDE", AdvertisedHost: "lh.example.com", AdvertisedPort: 443})
	})
	c.taskDef("greet")
	for listener, want := range map[string]string{"PLAIN": "inside.example.com:1001", "OUTSIDE": "lh.example.com:443"} {
		worker := dial(t, c.listener(listener))
		got := must(worker.RegisterTaskWorker(worker.ctx, &lhpb.RegisterTaskWorkerRequest{
			TaskWorkerId: "w", TaskDefId: &lhpb.TaskDefId{Name: "greet"},
		}))(c)
		if len(got.YourHosts) != 1 || fmt.Sprintf("%s:%d", got.YourHosts[0].Host, got.YourHosts[0].Port) != want {
			t.Errorf("%s: %v, want %s", listener, got.YourHosts, want)
		}
	}
}
