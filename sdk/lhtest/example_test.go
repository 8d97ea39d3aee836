package lhtest_test

import (
	"testing"
	"time"

	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
)

// The body of a test: order, reserve, release and charge are the workflow and the tasks of the program.
func Example() {
	_ = func(t *testing.T) {
		s := lhtest.StartWith(t, lhtest.Options{AutoAdvance: true}, order, reserve, release, charge)
		s.OnAttempt("charge-card", 1).Fail("the bank is closed") // and is asked again an hour later
		run := s.Run("order", lh.Input{"sku": "a", "card": "4111", "amount": 10.0})
		run.Completed(t) // 30 days later
		if got := lhtest.Var[string](run, "state"); got != "kept" {
			t.Errorf("the goods are %s", got)
		}
	}
}

func ExampleServer_Advance() {
	_ = func(t *testing.T) {
		s := lhtest.Start(t, trip, approveTrip, greet)
		run := s.Run("trip", lh.Input{"who": "ana"})
		run.At(t, "approve-trip")
		s.Advance(25 * time.Hour) // the reminder and the reassignment happen, and nobody waits
		run.UserTask("approve-trip").AssignedTo(t, "ceo", "")
		run.UserTask("approve-trip").Complete("ceo", approval{Approved: true})
		run.Completed(t)
	}
}

// With LHC_API_HOST=staging.example.com the same test runs there.
func ExampleReal() {
	_ = func(t *testing.T) {
		s := lhtest.Real(t, trip, approveTrip, greet)
		run := s.Run("trip", lh.Input{"who": "ana"})
		run.UserTask("approve-trip").Complete("bob", approval{Approved: true})
		run.Completed(t)
	}
}
