package main

import (
	"testing"
	"time"

	"littlehorse/examples/internal/rehearsal"
	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
)

func TestStory(t *testing.T) { rehearsal.Hold(t, play) }

// Three nights pass in no time.
func TestEveryNight(t *testing.T) {
	s := lhtest.Start(t, closing, count)
	if _, err := s.Client().Schedule(t.Context(), everyNight, closing.Name(), lh.Input{"shop": "harbour"}); err != nil {
		t.Fatal(err)
	}
	s.Advance(3 * 24 * time.Hour)
	runs, err := s.Client().RPC().SearchWfRun(t.Context(), &lhpb.SearchWfRunRequest{WfSpecName: closing.Name()})
	if err != nil {
		t.Fatal(err)
	}
	if len(runs.Results) != 3 {
		t.Fatalf("%d WfRuns in three nights", len(runs.Results))
	}
	for _, id := range runs.Results {
		run := s.Existing(lh.RunIDOf(id))
		run.Completed(t)
		if got := lhtest.Output[int64](run); got != 700 {
			t.Errorf("counted %d", got)
		}
	}
}
