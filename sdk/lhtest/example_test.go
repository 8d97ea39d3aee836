package lhtest_test

import (
	"os"
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

// Each attempt may fail in its own way.
func ExampleServer_OnAttempt() {
	_ = func(t *testing.T) {
		s := lhtest.StartWith(t, lhtest.Options{AutoAdvance: true}, order, reserve, release, charge)
		s.OnAttempt("charge-card", 1).Fail("the bank is closed")
		s.OnAttempt("charge-card", 2).Hang() // until its timeout
		s.OnAttempt("charge-card", 3).Exception("card-declined", "not today")
		run := s.Run("order", lh.Input{"sku": "a", "card": "4111", "amount": 10.0})
		run.Excepted(t, "order-refused")
		run.Visited(t, "release-stock")
	}
}

// The report names what no test has come to; Coverage.Complete fails the test for it.
func ExampleCoverage_Report() {
	_ = func(t *testing.T) {
		s := lhtest.StartWith(t, lhtest.Options{AutoAdvance: true}, order, reserve, release, charge)
		s.Run("order", lh.Input{"sku": "a", "card": "4111", "amount": 10.0}).Completed(t)
		s.Run("order", lh.Input{"sku": "a", "card": "4111", "amount": 5000.0}).Excepted(t, "order-refused")
		if err := s.Coverage().Report(os.Stderr); err != nil { // not used: node entrypoint/6-release-stock-TASK
			t.Fatal(err)
		}
	}
}

// A change of the WfSpec is seen in the file's history.
func ExampleGolden() {
	_ = func(t *testing.T) { lhtest.Golden(t, order, "testdata/order.json") }
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
