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

// Ninety days pass in no time.
func TestNobodyDecides(t *testing.T) {
	const day = 24 * time.Hour
	s := lhtest.Start(t, form, remind, tell, expense)
	run := s.Run(expense.Name(), lh.Input{"employee": "Dana", "purpose": "a yacht", "approver": "manager"})
	mail.empty()

	s.Advance(day)
	if got := mail.empty(); !slices.Equal(got, []string{"    to manager: please decide about a yacht"}) {
		t.Errorf("after a day: %q", got)
	}
	s.Advance(2 * day)
	if got := run.UserTask(form.Name()).UserTaskRun().GetUserId(); got != "director" {
		t.Errorf("after three days %s has it", got)
	}
	s.Advance(87 * day)
	run.Excepted(t, "withdrawn")
}
