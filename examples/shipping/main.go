// Command shipping sends parcels: a label costs money and is bought once, however often it takes to hand the parcel over.
package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"littlehorse/examples/internal/stage"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
	"littlehorse/sdk/worker"
)

var shipping = wf.New("shipping", func(t *wf.Thread) {
	item := wf.Declare[string](t, "item").Required().Searchable()
	pieces := wf.Declare[int64](t, "pieces").Default(1)
	label := wf.Declare[string](t, "label")

	label.Set(ship.Do(t, item, pieces).
		Timeout(20*time.Second).
		Retries(4, wf.Backoff{Base: 100 * time.Millisecond, Max: 10 * time.Second, Multiplier: 2}))
})

// What a checkpoint has returned is kept by the server: an attempt that follows gets it, and does not run its function again.
var ship = task.New2("shipping-ship", func(ctx context.Context, item string, pieces int64) (string, error) {
	label, err := worker.Checkpoint(ctx, "label", func(context.Context) (string, error) {
		return world.buyLabel(item, pieces), nil
	})
	if err != nil {
		return "", err
	}
	return label, world.handOver(ctx, label)
}, task.Params("item", "pieces"))

// world is what happens outside: a shop for labels, and a carrier who comes in vain twice.
var world outside

type outside struct {
	mu     sync.Mutex
	bought int
	came   int
}

func (o *outside) buyLabel(item string, pieces int64) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bought++
	return fmt.Sprintf("%d × %s, label %d", pieces, item, o.bought)
}

func (o *outside) handOver(ctx context.Context, label string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.came++
	if worker.From(ctx).Attempt < 2 {
		return errors.New("nobody hands over " + label)
	}
	return nil
}

// begin forgets what happened before.
func (o *outside) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bought, o.came = 0, 0
}

func (o *outside) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return fmt.Sprintf("labels bought: %d, the carrier came: %d", o.bought, o.came)
}

var play = stage.Play{
	Tasks:       []task.Task{ship},
	Definitions: []lh.Definition{shipping},
	Story: func(ctx context.Context, s *stage.Stage) error {
		world.begin()
		id, err := s.Run(ctx, shipping.Name(), lh.Input{"item": "lamp", "pieces": 2})
		if err != nil {
			return err
		}
		end, err := s.End(ctx, id)
		if err != nil {
			return err
		}
		label, err := lh.GetVar[string](ctx, s.Client, id, "label")
		if err != nil {
			return err
		}
		s.Say("%s (WfRun %s)\n    %s\n    %s", label, id, end, &world)
		return nil
	},
}

func main() { play.Main() }
