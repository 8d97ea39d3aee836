package main

import (
	"testing"

	"littlehorse/examples/internal/rehearsal"
	"littlehorse/examples/internal/stage"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
)

func TestStory(t *testing.T) { rehearsal.Hold(t, play) }

// A contract that nobody moves ends by the version that it began with.
func TestOneIsMoved(t *testing.T) {
	s := lhtest.Start(t, file)
	at := &stage.Stage{Client: s.Client()}
	older, err := put(t.Context(), at, first("contract"))
	if err != nil {
		t.Fatal(err)
	}
	moved, left := s.Run("contract", lh.Input{"contract": "lease"}), s.Run("contract", lh.Input{"contract": "loan"})
	moved.At(t, "contract-signed")
	newer, err := put(t.Context(), at, second("contract"))
	if err != nil {
		t.Fatal(err)
	}
	if err := migrate(t.Context(), at, moved.ID, older, newer); err != nil {
		t.Fatal(err)
	}
	for _, run := range []*lhtest.Run{moved, left} {
		run.Post("contract-signed", "Ana")
		run.Completed(t)
	}
	moved.Visited(t, "contract-file")
	if got := left.Attempts(file.Name()); len(got) != 0 {
		t.Errorf("the other one was filed: %v", got)
	}
}
