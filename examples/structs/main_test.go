package main

import (
	"testing"

	"littlehorse/examples/internal/rehearsal"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
)

func TestStory(t *testing.T) { rehearsal.Hold(t, play) }

// The workflow, registered with the first version, goes on when there is a later one.
func TestTheStructGrows(t *testing.T) {
	s := lhtest.Start(t, append(play.Definitions, move)...)
	s.Register(lh.StructDef[LaterCustomer](compatible))
	run := s.Run(moving.Name(), lh.Input{"customer": ana, "city": "Faro"})
	run.Completed(t)
	if from, who := lhtest.Var[string](run, "from"), lhtest.Var[Customer](run, "customer"); from != "Porto" || who.Home.City != "Faro" {
		t.Errorf("from %s to %s", from, who.Home.City)
	}
}
