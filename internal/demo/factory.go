package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

// Hot is an alert that is open: the machine is too hot.
const Hot = "alert-press-3"

// factory has machines that become hot: an alert is interrupted by each reading of a sensor, and ends when one is low.
type factory struct {
	slow, wake *task.Task1[string, wf.None]
	call       *task.Task2[string, float64, string]

	alerts []lh.RunID // alerts that wait, the oldest first
}

func newFactory() *factory {
	return &factory{
		slow: task.New1("slow-machine", nothing[string], task.Params("machine")),
		wake: task.New1("wake-machine", nothing[string], task.Params("machine")),
		call: task.New2("call-technician", func(_ context.Context, machine string, at float64) (string, error) {
			return fmt.Sprintf("on the way to %s, which has %.1f °C", machine, at), nil
		}, task.Params("machine", "temperature")),
	}
}

func (f *factory) tasks() []task.Task { return []task.Task{f.slow, f.wake, f.call} }

func (f *factory) before() []lh.Definition { return nil }

func (f *factory) definitions() []lh.Definition {
	return append(asDefinitions(f.tasks()), wf.New("machine-alert", func(t *wf.Thread) {
		machine := wf.Declare[string](t, "machine").Required().Searchable()
		temperature := wf.Declare[float64](t, "temperature").Required()
		readings := wf.Declare[int64](t, "readings").Default(0)
		technician := wf.Declare[string](t, "technician")

		wf.OnInterrupt(t, "temperature-read", func(h *wf.Thread, read *wf.Var[float64]) {
			temperature.Set(read)
			readings.Set(readings.Add(1))
			h.If(read.Gt(110.0), func(h *wf.Thread) {
				technician.Set(f.call.Do(h, machine, read).Retries(1))
			})
		})
		f.slow.Do(t, machine)
		t.WaitUntil(temperature.Lt(70.0))
		wf.Throw(t, "machine-recovered", machine)
		f.wake.Do(t, machine)
	}, wf.Retention(kept)))
}

func (f *factory) open(ctx context.Context, d *day) error {
	for n := range 4 {
		id := lh.RunID(fmt.Sprintf("alert-press-%d", n+1))
		in := lh.Input{"machine": fmt.Sprintf("press-%d", n+1), "temperature": float64(80 + n*10)}
		if err := d.begin(ctx, "machine-alert", string(id), in); err != nil {
			return err
		}
		if err := d.reaches(ctx, id, func(n *lhpb.NodeRun) bool { return n.GetWaitForCondition() != nil }); err != nil {
			return err
		}
		if n == 3 {
			continue
		}
		if err := d.PostEvent(ctx, id, "temperature-read", []float64{64, 95, 114}[n]); err != nil {
			return err
		}
	}
	f.alerts = []lh.RunID{"alert-press-2", Hot, "alert-press-4"}
	_, err := d.Await(ctx, "alert-press-1")
	return err
}

// mostAlerts are open at a time.
const mostAlerts = 12

func (f *factory) next(ctx context.Context, d *day) error {
	if len(f.alerts) < mostAlerts && d.random.IntN(3) == 0 {
		id := d.name("alert")
		f.alerts = append(f.alerts, lh.RunID(id))
		return d.begin(ctx, "machine-alert", id, lh.Input{
			"machine": fmt.Sprintf("press-%d", 1+d.random.IntN(9)), "temperature": float64(75 + d.random.IntN(50)),
		})
	}
	if len(f.alerts) == 0 {
		return nil
	}
	id, read := f.alerts[0], float64(55+d.random.IntN(70))
	f.alerts = f.alerts[1:]
	if read >= 70 {
		f.alerts = append(f.alerts, id)
	}
	wait, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := d.PostEvent(wait, id, "temperature-read", read)
	if errors.Is(err, lh.ErrNotFound) || errors.Is(err, lh.ErrFailedPrecondition) {
		return nil // somebody has ended it
	}
	return err
}
