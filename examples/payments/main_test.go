package main

import (
	"testing"
	"time"

	"littlehorse/examples/internal/rehearsal"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
)

func TestStory(t *testing.T) { rehearsal.Hold(t, play) }

// One bill is paid on its last day, the other one is not.
func TestTwoWeeks(t *testing.T) {
	const day = 24 * time.Hour
	s := lhtest.Start(t, bill, dun)
	paid, forgotten := s.Run(bill.Name(), lh.Input{"number": "a", "due": 100}), s.Run(bill.Name(), lh.Input{"number": "b", "due": 100})
	s.Advance(13 * day)
	s.PostCorrelated("a", "bank-transfer", transfer{Amount: 100, From: "Ana"})
	paid.Completed(t)
	s.Advance(day)
	forgotten.Excepted(t, "bill-overdue")
	if a, b := lhtest.Var[string](paid, "state"), lhtest.Var[string](forgotten, "state"); a != "paid" || b != "overdue" {
		t.Errorf("%s, %s", a, b)
	}
}
