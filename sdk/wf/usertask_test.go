package wf_test

import (
	"testing"
	"time"

	"littlehorse/lhpb"
	"littlehorse/sdk/wf"
)

// Clocks that run from an assignment are armed anew by each; those of the arrival only once.
func TestClocksOfUserTasks(t *testing.T) {
	req, err := wf.New("asks", func(t *wf.Thread) {
		t.AssignUserTask("form", wf.User("ana")).
			RemindAfter(time.Second, "remind").
			RemindAfterAssignment(1500*time.Millisecond, "remind", "again").
			ReassignAfter(time.Minute, wf.Group("jedi"))
	}).Compile()
	if err != nil {
		t.Fatal(err)
	}
	actions := req.ThreadSpecs["entrypoint"].Nodes["1-form-USER_TASK"].GetUserTask().Actions
	if len(actions) != 3 {
		t.Fatalf("%d actions", len(actions))
	}
	for i, want := range []struct {
		hook    lhpb.UTActionTrigger_UTHook
		seconds int64
	}{{lhpb.UTActionTrigger_ON_ARRIVAL, 1}, {lhpb.UTActionTrigger_ON_TASK_ASSIGNED, 2}, {lhpb.UTActionTrigger_ON_TASK_ASSIGNED, 60}} {
		if a := actions[i]; a.Hook != want.hook || a.DelaySeconds.GetLiteralValue().GetInt() != want.seconds {
			t.Errorf("action %d: %v", i, a)
		}
	}
	if got := actions[1].GetTask().GetTask().Variables[0].GetLiteralValue().GetStr(); got != "again" {
		t.Errorf("the reminder says %q", got)
	}
	if to := actions[2].GetReassign(); to.UserId != nil || to.UserGroup.GetLiteralValue().GetStr() != "jedi" {
		t.Errorf("reassigned to %v", to)
	}
}
