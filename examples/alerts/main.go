// Command alerts is an alert of a machine that is too hot: readings of its sensor interrupt whatever the alert waits for.
package main

import (
	"context"

	"littlehorse/examples/internal/stage"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

// cool is the temperature below which an alert is over.
const cool = 70.0

var alert = wf.New("sensor-alert", func(t *wf.Thread) {
	machine := wf.Declare[string](t, "machine").Required().Searchable()
	temperature := wf.Declare[float64](t, "temperature").Required()
	patience := wf.Declare[int64](t, "patienceSeconds").Default(600)
	peak := wf.Declare[float64](t, "peak").Default(0.0)
	readings := wf.Declare[int64](t, "readings").Default(0)
	by := wf.Declare[string](t, "acknowledgedBy")
	called := wf.Declare[string](t, "called")

	// The handler runs whenever the event comes, as often as it comes, wherever the alert stands.
	wf.OnInterrupt(t, "sensor-reading", func(h *wf.Thread, reading *wf.Var[float64]) {
		temperature.Set(reading)
		h.If(reading.Gt(peak), func(*wf.Thread) { peak.Set(reading) })
		readings.Set(readings.Add(1))
	})

	peak.Set(temperature)
	warn.Do(t, machine, temperature).Retries(3)
	acknowledged := wf.Event[string](t, "alert-acknowledged").TimeoutSeconds(patience)
	acknowledged.OnError(wf.Timeout, func(h *wf.Thread) {
		called.Set(call.Do(h, machine, peak).Retries(3))
	})
	by.Set(acknowledged)
	t.WaitUntil(temperature.Lt(cool))
	wf.Throw(t, "machine-cooled", machine)
})

var (
	warn = task.New2("alert-warn", func(_ context.Context, machine string, temperature float64) (wf.None, error) {
		return wf.None{}, nil
	}, task.Params("machine", "temperature"))
	call = task.New2("alert-call", func(_ context.Context, machine string, peak float64) (string, error) {
		return "the technician on duty", nil
	}, task.Params("machine", "peak"))
)

var play = stage.Play{
	Tasks:       []task.Task{warn, call},
	Definitions: []lh.Definition{alert},
	Story: func(ctx context.Context, s *stage.Stage) error {
		if err := seen(ctx, s); err != nil {
			return err
		}
		return unseen(ctx, s)
	},
}

// seen is an alert that somebody takes care of.
func seen(ctx context.Context, s *stage.Stage) error {
	id, err := s.Run(ctx, alert.Name(), lh.Input{"machine": "press-1", "temperature": 91.5})
	if err != nil {
		return err
	}
	if err := read(ctx, s, id, 97.0, 104.5); err != nil {
		return err
	}
	if err := s.PostEvent(ctx, id, "alert-acknowledged", "Ines"); err != nil {
		return err
	}
	return cooled(ctx, s, id)
}

// unseen is one that nobody answers.
func unseen(ctx context.Context, s *stage.Stage) error {
	id, err := s.Run(ctx, alert.Name(), lh.Input{"machine": "press-2", "temperature": 120.0, "patienceSeconds": 1})
	if err != nil {
		return err
	}
	if err := stage.UntilVar(ctx, s, id, "called", "the technician on duty"); err != nil {
		return err
	}
	return cooled(ctx, s, id)
}

// read is the sensor.
func read(ctx context.Context, s *stage.Stage, id lh.RunID, temperatures ...float64) error {
	for n, reading := range temperatures {
		if err := s.PostEvent(ctx, id, "sensor-reading", reading); err != nil {
			return err
		}
		if err := stage.UntilVar(ctx, s, id, "readings", int64(n+1)); err != nil {
			return err
		}
	}
	return nil
}

// cooled lets the machine cool down, and waits for the WorkflowEvent that tells.
func cooled(ctx context.Context, s *stage.Stage, id lh.RunID) error {
	if err := s.PostEvent(ctx, id, "sensor-reading", 65.0); err != nil {
		return err
	}
	machine, err := lh.AwaitEvent[string](ctx, s.Client, id, "machine-cooled")
	if err != nil {
		return err
	}
	end, err := s.End(ctx, id)
	if err != nil {
		return err
	}
	s.Say("%s (WfRun %s)\n    %s", machine, id, end)
	for _, name := range []string{"acknowledgedBy", "called"} {
		who, err := lh.GetVar[string](ctx, s.Client, id, name)
		if err != nil {
			return err
		}
		if who != "" {
			s.Say("    %s: %s", name, who)
		}
	}
	peak, err := lh.GetVar[float64](ctx, s.Client, id, "peak")
	if err != nil {
		return err
	}
	s.Say("    peak: %.1f", peak)
	return nil
}

func main() { play.Main() }
