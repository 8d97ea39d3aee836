package main

import (
	"testing"

	"littlehorse/examples/internal/rehearsal"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
)

func TestStory(t *testing.T) { rehearsal.Hold(t, play) }

// A shop that is closed does not count; one whose line is dead fails the comparison.
func TestAShopDoesNotAnswer(t *testing.T) {
	s := lhtest.Start(t, compare, price)
	run := s.Run(compare.Name(), lh.Input{"item": "kettle", "shops": []string{"market", "night shop"}})
	run.Completed(t)
	if got := lhtest.Var[int64](run, "closed"); got != 1 {
		t.Errorf("%d shops are closed", got)
	}
	s.OnAttempt(price.Name(), lhtest.EveryAttempt).Fail("the line is dead")
	s.Run(compare.Name(), lh.Input{"item": "kettle", "shops": []string{"market"}}).Failed(t, "CHILD_FAILURE")
}
