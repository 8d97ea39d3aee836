package wf_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"littlehorse/sdk/wf"
)

func TestWhatAWorkflowUses(t *testing.T) {
	got, err := wf.New("uses", func(t *wf.Thread) {
		which := wf.Declare[string](t, "which")
		wf.OnInterrupt(t, "changed", func(h *wf.Thread, _ *wf.Var[string]) { h.Execute("b") })
		t.Execute("a").OnAnyError(func(h *wf.Thread) { h.Execute("c") })
		t.Execute("a")
		t.Execute(which)
		t.WaitForEvent("paid")
		t.AssignUserTask("form", wf.User("ana")).RemindAfter(time.Hour, "remind")
		wf.Throw(t, "happened", which)
		t.RunChild("kid")
		t.RunChild(which)
	}, wf.DefaultThreadRetention(time.Hour)).Uses()
	want := wf.Uses{
		TaskDefs: []string{"a", "b", "c", "remind"}, UserTaskDefs: []string{"form"}, ExternalEventDefs: []string{"changed", "paid"},
		WorkflowEventDefs: []string{"happened"}, ChildWfSpecs: []string{"kid"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// A thread's own retention goes before that of all.
func TestRetentionOfThreads(t *testing.T) {
	req, err := wf.New("kept", func(t *wf.Thread) {
		t.Retention(time.Minute)
		t.Spawn("child", func(*wf.Thread) {})
	}, wf.DefaultThreadRetention(time.Hour)).Compile()
	if err != nil {
		t.Fatal(err)
	}
	for thread, want := range map[string]int64{"entrypoint": 60, "child": 3600} {
		if got := req.ThreadSpecs[thread].RetentionPolicy.GetSecondsAfterThreadTermination(); got != want {
			t.Errorf("%s is kept for %d s", thread, got)
		}
	}
}
