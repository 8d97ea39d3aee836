package main

import (
	"slices"
	"testing"

	"littlehorse/examples/internal/rehearsal"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
)

func TestStory(t *testing.T) { rehearsal.Hold(t, play) }

// A worker dies with the card in its hand: after the timeout another attempt charges it.
func TestWorkerDies(t *testing.T) {
	s := lhtest.StartWith(t, lhtest.Options{AutoAdvance: true}, order, reserve, release, charge, refund, ship)
	s.OnAttempt(charge.Name(), 1).Hang()
	world.begin()
	run := s.Run(order.Name(), lh.Input{"item": "lamp", "price": 30, "card": "4111", "address": "Elm Street 1"})
	run.Completed(t)
	if got := run.Attempts(charge.Name()); !slices.Equal(got, []string{"TASK_TIMEOUT", "TASK_SUCCESS"}) {
		t.Errorf("attempts to charge: %v", got)
	}
	if got := world.String(); got != "reserve lamp, charge, ship lamp" {
		t.Errorf("done: %s", got)
	}
}
