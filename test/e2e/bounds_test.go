package e2e

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Bounds of time are compared with when a thing began, to the millisecond, both ends included.
//
// covers: api §6.4
func TestBoundsOfTime(t *testing.T) {
	c := inProcess(t)
	c.build("bank", worldSteps(t))
	bank := c.as("bank")
	for _, q := range []struct{ search, criteria, get, id, began string }{
		{"SearchWfRun", `{"wfSpecName": "human"}`, "GetWfRun", `{"id": "asked"}`, "start_time"},
		{"SearchWfRun", `{"wfSpecName": "human", "status": "RUNNING"}`, "GetWfRun", `{"id": "asked"}`, "start_time"},
		{"SearchTaskRun", `{"taskDefName": "greet", "status": "TASK_RUNNING"}`, "GetTaskRun", `{"wfRunId": {"id": "claimed"}, "taskGuid": "0-1"}`, "scheduled_at"},
		{"SearchNodeRun", `{"externalEventDef": {"name": "paid"}, "status": "COMPLETED"}`, "GetNodeRun", `{"wfRunId": {"id": "done"}, "position": 2}`, "arrival_time"},
		{"SearchUserTaskRun", `{"userId": "ana"}`, "GetUserTaskRun", `{"wfRunId": {"id": "asked"}, "userTaskGuid": "0-1"}`, "scheduled_time"},
		{"SearchExternalEvent", `{"externalEventDefId": {"name": "paid"}}`, "GetExternalEvent", `{"wfRunId": {"id": "done"}, "externalEventDefId": {"name": "paid"}, "guid": "g"}`, "created_at"},
		{"SearchCorrelatedEvent", `{"externalEventDefId": {"name": "coupled"}}`, "GetCorrelatedEvent", `{"key": "k", "externalEventDefId": {"name": "coupled"}}`, "created_at"},
		{"SearchPrincipal", `{"tenantId": "bank"}`, "GetPrincipal", `{"id": "of bank"}`, "created_at"},
	} {
		if q.search == "SearchPrincipal" {
			c.do(step{"PutPrincipal", `{"id": "of bank", "overwrite": true, "perTenantAcls": {"bank": {}}}`}, "bank")
		}
		object := bank.do(step{q.get, q.id}, "bank").ProtoReflect()
		began := object.Get(object.Descriptor().Fields().ByName(protoreflect.Name(q.began))).Message().Interface().(*timestamppb.Timestamp).AsTime()
		ms := began.Truncate(time.Millisecond)
		count := func(what string, earliest, latest time.Time, want int) {
			t.Helper()
			m := method(t, q.search)
			req := request(t, m, q.criteria, "bank")
			setTime(req, "earliest_start", earliest)
			setTime(req, "latest_start", latest)
			page, err := bank.ask(bank.ctx, m, req)
			if err != nil {
				t.Fatalf("%s %s: %v", q.search, what, err)
			}
			if got, _ := results(page); len(got) != want {
				t.Errorf("%s %s, %s: %d results, want %d", q.search, q.criteria, what, len(got), want)
			}
		}
		never, epoch, end := time.Time{}, time.Unix(0, 0), time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)
		count("no bounds", never, never, 1)
		count("its very moment", began, began, 1)
		count("its millisecond", ms, ms, 1)
		count("the one behind", ms.Add(time.Millisecond), never, 0)
		count("the one before", never, ms.Add(-time.Millisecond), 0)
		count("always", epoch, end, 1)
		count("until 1970, written as nothing", never, epoch, 0)
		count("from the end of time", end, never, 0)
		count("ends turned round", end, epoch, 0)
	}
}

// setTime sets a bound; no time leaves it unset.
func setTime(m proto.Message, field protoreflect.Name, at time.Time) {
	if !at.IsZero() {
		m.ProtoReflect().Set(m.ProtoReflect().Descriptor().Fields().ByName(field), protoreflect.ValueOfMessage(timestamppb.New(at).ProtoReflect()))
	}
}
