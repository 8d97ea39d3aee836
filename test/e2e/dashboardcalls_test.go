package e2e

import (
	"os"
	"strings"
	"testing"
)

// The original's dashboard gets from this server what it shows: each page of it makes the calls that are listed for it, one behind the other, in
// the name of somebody who may do everything in his tenant.
//
// covers: dashboard A.3 RPCs
func TestCallsOfTheOriginalDashboard(t *testing.T) {
	text, err := os.ReadFile("testdata/dashboard.txt")
	if err != nil {
		t.Fatal(err)
	}
	c := inProcess(t, withIdentities)
	c.ctx = t.Context()
	const tenant = "pages"
	c.principal("everybody", admin())
	everybody := c.who("everybody")
	everybody.build(tenant, worldSteps(t))
	page, asked := "", map[string]bool{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"), line == "":
		case !strings.HasPrefix(line, " "):
			page = line
		default:
			want, err := parseCase(strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			asked[want.name] = true
			r := rpcRun{c: c, t: t, method: method(t, want.name), tenant: tenant, block: rpcBlock{rpc: page}}
			r.check(want, everybody.as(tenant), want.request)
		}
	}
	// As the reference has them of all pages.
	for _, rpc := range strings.Fields(`Whoami SearchTenant GetServerVersion SearchWfSpec SearchTaskDef SearchUserTaskDef SearchExternalEventDef
		SearchWorkflowEventDef SearchStructDef GetWfSpec GetLatestWfSpec CountNodeRun ListWfMetrics SearchWfRun SearchScheduledWfRun GetScheduledWfRun
		GetWfRun ListNodeRuns ListVariables GetVariable GetInactiveThreadRun GetTaskDef GetTaskWorkerGroup CountTaskRun ListTaskMetrics
		SearchTaskRun GetTaskRun GetUserTaskDef SearchUserTaskRun GetUserTaskRun GetExternalEventDef SearchExternalEvent GetExternalEvent
		SearchCorrelatedEvent GetCorrelatedEvent PutCorrelatedEvent DeleteCorrelatedEvent GetWorkflowEventDef SearchWorkflowEvent GetWorkflowEvent
		GetStructDef RunWf StopWfRun ResumeWfRun RescueThreadRun`) {
		if !asked[rpc] {
			t.Errorf("no page calls %s", rpc)
		}
	}
}
