package main

import (
	"testing"
	"time"

	"littlehorse/examples/internal/rehearsal"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
)

func TestStory(t *testing.T) { rehearsal.Hold(t, play) }

// A job that does not end is asked for four times, each time later.
func TestTheJobIsTooSlow(t *testing.T) {
	s := lhtest.StartWith(t, lhtest.Options{AutoAdvance: true}, poll, begin, look)
	s.OnAttempt(look.Name(), lhtest.EveryAttempt).Return("pending")
	began := s.Now()
	run := s.Run(poll.Name(), lh.Input{"job": "invoices-of-may"})
	run.Excepted(t, "job-too-slow")
	if took := s.Now().Sub(began); took < 15*time.Second || took >= 16*time.Second {
		t.Errorf("it took %s, not 1 + 2 + 4 + 8 s", took)
	}
}
