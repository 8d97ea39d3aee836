package main

import (
	"slices"
	"testing"
	"time"

	"littlehorse/examples/internal/rehearsal"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
)

func TestStory(t *testing.T) { rehearsal.Hold(t, play) }

// Between the attempts lie the pauses of the policy, and the label is that of the first one.
func TestTheLabelIsBoughtOnce(t *testing.T) {
	s := lhtest.StartWith(t, lhtest.Options{AutoAdvance: true}, shipping, ship)
	world.begin()
	begun := s.Now()
	run := s.Run(shipping.Name(), lh.Input{"item": "lamp"})
	run.Completed(t)
	if got := run.Attempts(ship.Name()); !slices.Equal(got, []string{"TASK_FAILED", "TASK_FAILED", "TASK_SUCCESS"}) {
		t.Errorf("attempts: %v", got)
	}
	if got := lhtest.Var[string](run, "label"); got != "1 × lamp, label 1" {
		t.Errorf("the label is %q", got)
	}
	if got := world.String(); got != "labels bought: 1, the carrier came: 3" {
		t.Error(got)
	}
	if took := s.Now().Sub(begun); took != 300*time.Millisecond {
		t.Errorf("the pauses were %s", took)
	}
}
