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
	shop, err := lh.Value("harbour")
	if err != nil {
		t.Fatal(err)
	}
	api := s.Client().RPC()
	if _, err := api.ScheduleWf(t.Context(), &lhpb.ScheduleWfRequest{
		WfSpecName: closing.Name(), CronExpression: everyNight, Variables: map[string]*lhpb.VariableValue{"shop": shop},
	}); err != nil {
		t.Fatal(err)
	}
	s.Advance(3 * 24 * time.Hour)
	runs, err := api.SearchWfRun(t.Context(), &lhpb.SearchWfRunRequest{WfSpecName: closing.Name()})
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
