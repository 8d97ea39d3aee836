package main

import (
	"testing"

	"littlehorse/examples/internal/rehearsal"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
)

func TestStory(t *testing.T) { rehearsal.Hold(t, play) }

// A parcel that cannot be packed fails its delivery by the same exception.
func TestAParcelIsLost(t *testing.T) {
	s := lhtest.Start(t, parcel, delivery, complaint, pack)
	s.OnAttempt(pack.Name(), lhtest.EveryAttempt).Exception("no-box", "there is none that large")
	run := s.Run(delivery.Name(), lh.Input{"address": "Elm Street 1"})
	run.Excepted(t, "no-box")
	run.Child("run-parcel").Excepted(t, "no-box")
}
