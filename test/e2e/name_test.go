package e2e

import (
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Names of definitions and WfRuns are hostnames; other ids hold nothing that has a meaning in the text of an id.
//
// covers: api §2; tasks-and-events §1.4
func TestNames(t *testing.T) {
	c := inProcess(t)
	c.ctx = t.Context()
	c.build("bank", worldSteps(t))
	bank := c.as("bank")
	hostnames := map[string]bool{
		"a": true, "A-b9": true, "0": true, "a--b": true, strings.Repeat("a", 900): true,
		"": false, "-a": false, "a-": false, "a_b": false, "a.b": false, "a/b": false, "a b": false, "ä": false, "a~b": false, "a\n": false,
	}
	free := map[string]bool{
		"a": true, "A_b.c d": true, "ä@example.org": true,
		"": false, "a/b": false, "a~b": false, "a\x00": false, "a\n": false, "\x7f": false,
	}
	for _, rule := range []struct {
		rpc, request string // $name is the name
		names        map[string]bool
		also         map[string]bool // what this RPC alone takes or refuses
	}{
		{"PutTaskDef", `{"name": $name}`, hostnames, nil},
		{"PutExternalEventDef", `{"name": $name}`, hostnames, nil},
		{"PutWorkflowEventDef", `{"name": $name}`, hostnames, nil},
		{"PutUserTaskDef", `{"name": $name}`, hostnames, nil},
		{"PutStructDef", `{"name": $name}`, hostnames, nil},
		{"PutWfSpec", `{"name": $name, "entrypointThreadName": "m", "threadSpecs": {"m": {"nodes": {
			"0": {"entrypoint": {}, "outgoingEdges": [{"sinkNodeName": "1"}]}, "1": {"exit": {}}}}}}`, hostnames, nil},
		{"PutWorkflowMigrationPlan", `{"name": $name, "oldWfSpec": {"name": "events"}, "revision": 1, "threadMigrations": {"main": {"newThreadName": "main"}}}`, hostnames, nil},
		{"RunWf", `{"wfSpecName": "flow", "id": $name}`, hostnames, nil},
		{"PutTenant", `{"id": $name}`, hostnames, map[string]bool{"0": false}},
		{"PutPrincipal", `{"id": $name}`, nil, map[string]bool{"a_b c~d": true, "CN ä": true, "": false, "a/b": false, `a\b`: false}},
		{"CreateBulkJob", `{"id": $name, "bulkDeleteWfRun": {"wfSpecName": "flow", "wfRunStatus": "ERROR"}}`, free, nil},
		{"ScheduleWf", `{"id": $name, "wfSpecName": "flow", "cronExpression": "0 0 1 1 *"}`, free, map[string]bool{"": true}},
		{"PutExternalEvent", `{"wfRunId": {"id": "x"}, "externalEventDefId": {"name": "paid"}, "guid": $name, "content": {"str": "x"}}`, free, map[string]bool{"": true}},
		{"RegisterTaskWorker", `{"taskWorkerId": $name, "taskDefId": {"name": "greet"}}`, free, nil},
		{"PutCorrelatedEvent", `{"key": $name, "externalEventDefId": {"name": "coupled"}}`, nil, map[string]bool{"a_b.c": true, "": true, "a/b": false, "a~b": false}},
	} {
		all := map[string]bool{}
		for name, ok := range rule.names {
			all[name] = ok
		}
		for name, ok := range rule.also {
			all[name] = ok
		}
		m := method(t, rule.rpc)
		for name, ok := range all {
			quoted := strings.NewReplacer(`\x00`, `\u0000`, `\x7f`, `\u007f`).Replace(strconv.Quote(name))
			_, err := bank.ask(bank.ctx, m, request(t, m, strings.ReplaceAll(rule.request, "$name", quoted), "bank"))
			want := codes.OK
			if !ok {
				want = codes.InvalidArgument
			}
			if status.Code(err) != want {
				t.Errorf("%s of %q: %v, want %s", rule.rpc, name, err, want)
			}
		}
	}
}
