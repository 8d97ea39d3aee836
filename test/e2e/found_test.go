package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"littlehorse/lhpb"
)

// What was acknowledged is found by the very next search, and what was deleted no longer. The documents allow 200
// and 300 ms; there is no wait here.
//
// covers: api §1.2; events §2.3; tasks-and-events §1.1
// holds: IndexesDoNotLag
func TestWhatWasAcknowledgedIsFound(t *testing.T) {
	c := inProcess(t)
	c.ctx = t.Context()
	c.build("bank", worldSteps(t))
	bank := c.as("bank")
	const def = `"externalEventDefId": {"name": "paid"}`
	for _, w := range []struct{ write, request, search, criteria, found, undo, undoRequest string }{
		{
			"PutTaskDef", `{"name": "task-$n"}`, "SearchTaskDef", `{"prefix": "task-$n"}`, "task-$n",
			"DeleteTaskDef", `{"id": {"name": "task-$n"}}`,
		},
		{
			"PutExternalEventDef", `{"name": "def-$n"}`, "SearchExternalEventDef", `{"prefix": "def-$n"}`, "def-$n",
			"DeleteExternalEventDef", `{"id": {"name": "def-$n"}}`,
		},
		{
			"PutWorkflowEventDef", `{"name": "thrown-$n"}`, "SearchWorkflowEventDef", `{"prefix": "thrown-$n"}`, "thrown-$n",
			"DeleteWorkflowEventDef", `{"id": {"name": "thrown-$n"}}`,
		},
		{
			"PutUserTaskDef", `{"name": "form-$n"}`, "SearchUserTaskDef", `{"name": "form-$n"}`, "form-$n",
			"DeleteUserTaskDef", `{"id": {"name": "form-$n"}}`,
		},
		{
			"PutStructDef", `{"name": "struct-$n", "structDef": {}}`, "SearchStructDef", `{"name": "struct-$n"}`, "struct-$n",
			"DeleteStructDef", `{"id": {"name": "struct-$n"}}`,
		},
		{
			"PutWfSpec", `{"name": "flow-$n", "entrypointThreadName": "m", "threadSpecs": {"m": {"nodes": {
				"0": {"entrypoint": {}, "outgoingEdges": [{"sinkNodeName": "1"}]}, "1": {"exit": {}}}}}}`,
			"SearchWfSpec", `{"name": "flow-$n"}`, "flow-$n", "DeleteWfSpec", `{"id": {"name": "flow-$n"}}`,
		},
		{
			"PutWorkflowMigrationPlan", `{"name": "plan-$n", "oldWfSpec": {"name": "events"}, "revision": 1, "threadMigrations": {"main": {"newThreadName": "main"}}}`,
			"SearchWorkflowMigrationPlan", `{"prefix": "plan-$n"}`, "plan-$n", "DeleteWorkflowMigrationPlan", `{"id": {"name": "plan-$n"}}`,
		},
		{
			"PutPrincipal", `{"id": "clerk-$n", "perTenantAcls": {"bank": {}}}`, "SearchPrincipal", `{"tenantId": "bank"}`, "clerk-$n",
			"DeletePrincipal", `{"id": {"id": "clerk-$n"}}`,
		},
		{
			"PutQuota", `{"tenant": {"id": "default"}, "writeRequestsPerSecond": 100000}`, "SearchQuota", `{"tenantId": "default"}`, "default",
			"DeleteQuota", `{"id": {"tenant": {"id": "default"}}}`,
		},
		{
			"RunWf", `{"wfSpecName": "events", "majorVersion": 0, "revision": 1, "id": "w-$n"}`,
			"SearchNodeRun", `{"externalEventDef": {"name": "paid"}, "status": "RUNNING"}`, "w-$n", "", "",
		},
		{
			"PutExternalEvent", `{"wfRunId": {"id": "w-$n"}, ` + def + `, "guid": "g-$n", "content": {"str": "x"}}`,
			"SearchExternalEvent", `{` + def + `, "isClaimed": true}`, "g-$n", "", "",
		},
		{
			"RunWf", `{"wfSpecName": "flow", "id": "f-$n", "variables": {"name": {"str": "v$n"}}}`,
			"SearchVariable", `{"wfSpecName": "flow", "varName": "name", "value": {"str": "v$n"}}`, "f-$n", "", "",
		},
		{
			"RunWf", `{"wfSpecName": "events", "id": "x-$n"}`, "SearchWfRun", `{"wfSpecName": "events", "status": "RUNNING"}`, "x-$n",
			"StopWfRun", `{"wfRunId": {"id": "x-$n"}}`,
		},
		{
			"ResumeWfRun", `{"wfRunId": {"id": "x-$n"}}`, "SearchNodeRun", `{"externalEventDef": {"name": "paid"}, "status": "RUNNING"}`, "x-$n",
			"StopWfRun", `{"wfRunId": {"id": "x-$n"}}`,
		},
		{
			"RunWf", `{"wfSpecName": "human", "id": "h-$n"}`, "SearchUserTaskRun", `{"userId": "ana", "status": "ASSIGNED"}`, "h-$n",
			"CompleteUserTaskRun", `{"userTaskRunId": {"wfRunId": {"id": "h-$n"}, "userTaskGuid": "0-1"}, "userId": "ana", "results": {"answer": {"str": "x"}}}`,
		},
		{
			"PutCorrelatedEvent", `{"key": "key-$n", "externalEventDefId": {"name": "coupled"}}`,
			"SearchCorrelatedEvent", `{"externalEventDefId": {"name": "coupled"}}`, "key-$n",
			"DeleteCorrelatedEvent", `{"id": {"key": "key-$n", "externalEventDefId": {"name": "coupled"}}}`,
		},
		{
			"ScheduleWf", `{"wfSpecName": "flow", "id": "s-$n", "cronExpression": "0 0 1 1 *"}`, "SearchScheduledWfRun", `{"wfSpecName": "flow"}`, "s-$n",
			"DeleteScheduledWfRun", `{"id": {"id": "s-$n"}}`,
		},
	} {
		for n := range 10 {
			number := strings.NewReplacer("$n", fmt.Sprint(n))
			found := func() bool {
				page := bank.do(step{w.search, number.Replace(w.criteria)}, "bank")
				return strings.Contains(protojson.Format(page), `"`+number.Replace(w.found)+`"`)
			}
			if bank.do(step{w.write, number.Replace(w.request)}, "bank"); !found() {
				t.Errorf("%s finds nothing after %s %d", w.search, w.write, n)
			}
			if w.undo == "" {
				continue
			}
			if bank.do(step{w.undo, number.Replace(w.undoRequest)}, "bank"); found() {
				t.Errorf("%s still finds something after %s %d", w.search, w.undo, n)
			}
		}
	}
}

// A TaskDef takes the group of its workers with it.
//
// covers: api §4.2; tasks §1
func TestDeletedTaskDefsForgetTheirWorkers(t *testing.T) {
	c := inProcess(t)
	def := c.taskDef("greet").Id
	register := &lhpb.RegisterTaskWorkerRequest{TaskWorkerId: "w", TaskDefId: def}
	must(c.RegisterTaskWorker(c.ctx, register))(c)
	must(c.GetTaskWorkerGroup(c.ctx, def))(c)
	must(c.DeleteTaskDef(c.ctx, &lhpb.DeleteTaskDefRequest{Id: def}))(c)
	_, err := c.GetTaskWorkerGroup(c.ctx, def)
	c.refused(err, codes.NotFound)
	must(c.RegisterTaskWorker(c.ctx, register))(c)
	_, err = c.DeleteTaskDef(c.ctx, &lhpb.DeleteTaskDefRequest{Id: def})
	c.refused(err, codes.NotFound, "TaskDef")
	_, err = c.GetTaskWorkerGroup(c.ctx, def)
	c.refused(err, codes.NotFound)
}

// A Quota holds from the write on that makes it, for whom it is made, and no longer than it is there.
//
// covers: observability §2
func TestQuotasHoldAtOnce(t *testing.T) {
	c := inProcess(t, withIdentities)
	c.tenant("bank")
	for _, who := range []string{"ana", "bo"} {
		must(c.PutPrincipal(c.ctx, &lhpb.PutPrincipalRequest{Id: who, PerTenantAcls: map[string]*lhpb.ServerACLs{"bank": admin()}}))(c)
	}
	ana, bo := c.who("ana").as("bank"), c.who("bo").as("bank")
	write := func(c *client) error {
		_, err := c.DeleteWfRun(c.ctx, &lhpb.DeleteWfRunRequest{Id: &lhpb.WfRunId{Id: "nope"}})
		return err
	}
	refused := func(c *client) {
		t.Helper()
		var err error
		for range 200 { // more than the fill of some windows
			if err = write(c); err != nil {
				break
			}
		}
		c.refused(err, codes.ResourceExhausted, "Quota exceeded. Retry after ")
		details := status.Convert(err).Details()
		if len(details) != 1 || details[0].(*errdetails.RetryInfo).RetryDelay.AsDuration() <= 500*time.Millisecond {
			t.Errorf("%v", details)
		}
	}
	free := func(c *client) {
		t.Helper()
		for range 50 {
			if err := write(c); err != nil {
				t.Fatal(err)
			}
		}
	}
	of := &lhpb.QuotaId{Tenant: &lhpb.TenantId{Id: "bank"}, Principal: &lhpb.PrincipalId{Id: "ana"}}
	put := &lhpb.PutQuotaRequest{Tenant: of.Tenant, Principal: of.Principal, WriteRequestsPerSecond: 1}
	first := must(c.PutQuota(c.ctx, put))(c)
	refused(ana)
	must(ana.SearchWfRun(ana.ctx, &lhpb.SearchWfRunRequest{}))(c)
	free(bo)
	put.WriteRequestsPerSecond = 1_000_000
	if again := must(c.PutQuota(c.ctx, put))(c); !again.CreatedAt.AsTime().Equal(first.CreatedAt.AsTime()) {
		t.Errorf("put again: %v", again)
	}
	must(c.PutQuota(c.ctx, &lhpb.PutQuotaRequest{Tenant: of.Tenant, WriteRequestsPerSecond: 1}))(c)
	refused(bo)
	must(c.DeleteQuota(c.ctx, &lhpb.DeleteQuotaRequest{Id: &lhpb.QuotaId{Tenant: of.Tenant}}))(c)
	free(bo)
}
