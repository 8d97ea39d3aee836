package main

import (
	"testing"
	"time"

	"littlehorse/examples/internal/rehearsal"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
)

func TestStory(t *testing.T) { rehearsal.Hold(t, play) }

// Nobody answers for ten minutes: the technician is called, while readings go on coming in.
func TestNobodyAnswers(t *testing.T) {
	s := lhtest.Start(t, alert, warn, call)
	run := s.Run(alert.Name(), lh.Input{"machine": "press-1", "temperature": 91.5})
	run.At(t, "alert-acknowledged")
	run.Post("sensor-reading", 104.5)
	s.Advance(10 * time.Minute)
	if got := lhtest.Var[string](run, "called"); got != "the technician on duty" {
		t.Errorf("called: %q", got)
	}
	if got := lhtest.Thrown[string](run, "machine-cooled"); len(got) != 0 {
		t.Errorf("it is said to have cooled: %q", got)
	}
	run.Post("sensor-reading", 65.0)
	run.Completed(t)
	if peak, readings := lhtest.Var[float64](run, "peak"), lhtest.Var[int64](run, "readings"); peak != 104.5 || readings != 2 {
		t.Errorf("peak %v of %d readings", peak, readings)
	}
}
