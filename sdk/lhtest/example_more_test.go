package lhtest_test

import (
	"context"
	"testing"
	"time"

	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
	"littlehorse/sdk/task"
)

// What a run has done: the nodes it came to, how attempts ended, what it threw and returned, and all of it as text.
func ExampleRun() {
	_ = func(t *testing.T) {
		s := lhtest.Start(t, greet, thanks, guests, approveTrip)
		run := s.Run("guests", lh.Input{"who": "ana"})
		run.UserTask("approve-trip").Complete("bob", approval{Approved: true})
		child := run.Child("run-thanks")
		child.WaitFor("COMPLETED")
		t.Log(lhtest.Output[string](child), child.Attempts("greet"), run.Nodes(), run.WfRun().Status)
		t.Log(lhtest.Thrown[string](run, "welcomed"))
		t.Log(run.Dump())
	}
}

// A run may be stopped, go on, fail, and be rescued.
func ExampleRun_Rescue() {
	_ = func(t *testing.T) {
		s := startShop(t, lhtest.Options{AutoAdvance: true})
		s.OnAttempt("charge-card", lhtest.EveryAttempt).Fail("the bank is closed")
		run := s.Run("order", ordered(10))
		run.Stop()
		run.Resume()
		run.Failed(t, "TASK_FAILURE")
		s.OnAttempt("charge-card", lhtest.EveryAttempt).Return("paid after all")
		run.Rescue(false)
		run.Completed(t)
	}
}

// Events come to one run, or to whoever waits for a key.
func ExampleRun_Post() {
	_ = func(t *testing.T) {
		s := startShop(t, lhtest.Options{})
		run := s.Run("order", ordered(10))
		run.Post("sent-back", "too small")
		s.PostCorrelated("order-4711", "payment", 12.5)
		s.Settle() // until nothing more happens by itself
	}
}

// A server of its own stops and starts on the same data, and its clock stands where it stood.
func ExampleServer_Restart() {
	_ = func(t *testing.T) {
		s := startShop(t, lhtest.Options{})
		run := s.Run("order", ordered(10))
		s.AdvanceTo(s.Now().Add(24 * time.Hour))
		s.Restart()
		run.At(t, "sleep")
	}
}

// Another function for a task: what the real one would do belongs to another test.
func ExampleServer_Fake() {
	_ = func(t *testing.T) {
		s := startShop(t, lhtest.Options{AutoAdvance: true})
		s.Fake(task.New1("reserve-stock", func(context.Context, string) (string, error) { return "r-1", nil }, task.Params("sku")))
		s.Run("order", ordered(10)).Completed(t)
	}
}

// What has no method here is done by the client; a run that something else has started is found by its id.
func ExampleServer_Existing() {
	_ = func(t *testing.T) {
		s := lhtest.Start(t)
		s.Register(greet, thanks)
		id, err := s.Client().Run(t.Context(), "thanks", lh.Input{"who": "ana"})
		if err != nil {
			t.Fatal(err)
		}
		s.Existing(id).Completed(t)
	}
}

// Whoever has the form may be changed, or the form taken away.
func ExampleUserTask() {
	_ = func(t *testing.T) {
		s := lhtest.Start(t, trip, approveTrip, greet)
		form := s.Run("trip", lh.Input{"who": "ana"}).UserTask("approve-trip")
		form.Assign("bob", "")
		t.Log(form.UserTaskRun().Status)
		form.Cancel()
	}
}

// Servers may share what they cover, so that the tests of a package count together.
func ExampleNewCoverage() {
	covered := lhtest.NewCoverage()
	_ = func(t *testing.T) {
		startShop(t, lhtest.Options{AutoAdvance: true, Coverage: covered}).Run("order", ordered(10)).Completed(t)
		covered.Complete(t, []string{"order"}, "entrypoint/6-release-stock-TASK")
	}
}
