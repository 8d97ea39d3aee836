// Command orders is an order as a saga: what was done for an order that cannot be finished is taken back, in reverse.
package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"littlehorse/examples/internal/stage"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
	"littlehorse/sdk/worker"
)

var order = wf.New("order-saga", func(t *wf.Thread) {
	item := wf.Declare[string](t, "item").Required().Searchable()
	price := wf.Declare[int64](t, "price").Required()
	card := wf.Declare[string](t, "card").Required().Masked()
	address := wf.Declare[string](t, "address").Required()
	reservation := wf.Declare[string](t, "reservation")
	payment := wf.Declare[string](t, "payment")

	reservation.Set(reserve.Do(t, item))
	payment.Set(charge.Do(t, card, price).OnException("card-declined", func(h *wf.Thread) {
		release.Do(h, reservation)
		h.Fail("order-refused", "the card was declined")
	}))
	ship.Do(t, item, address).OnFailure(func(h *wf.Thread) {
		refund.Do(h, payment)
		release.Do(h, reservation)
		h.Fail("order-refused", "it cannot be delivered")
	})
}, wf.DefaultRetries(5, wf.Backoff{Base: 100 * time.Millisecond, Max: 10 * time.Second, Multiplier: 2}))

// A task may be tried again after it has done its work, when its report was lost. Its idempotency key is the same each
// time, so that nothing is reserved or charged twice.
var (
	reserve = task.New1("saga-reserve", func(ctx context.Context, item string) (string, error) {
		return world.do(ctx, "reserve "+item), nil
	}, task.Params("item"))
	release = task.New1("saga-release", func(ctx context.Context, reservation string) (wf.None, error) {
		world.do(ctx, "release")
		return wf.None{}, nil
	}, task.Params("reservation"))
	charge = task.New2("saga-charge", func(ctx context.Context, card string, price int64) (string, error) {
		if card == "empty" {
			return "", task.Exception("card-declined", "there is no %d on it", price)
		}
		return world.do(ctx, "charge"), nil
	}, task.Params("card", "price"))
	refund = task.New1("saga-refund", func(ctx context.Context, payment string) (wf.None, error) {
		world.do(ctx, "refund")
		return wf.None{}, nil
	}, task.Params("payment"))
	ship = task.New2("saga-ship", func(ctx context.Context, item, address string) (wf.None, error) {
		switch {
		case address == "the Moon":
			return wf.None{}, task.Exception("out-of-reach", "no carrier goes to %s", address)
		case worker.From(ctx).Attempt == 0:
			return wf.None{}, errors.New("the carrier does not answer") // tried again, by the workflow's retries
		}
		world.do(ctx, "ship "+item)
		return wf.None{}, nil
	}, task.Params("item", "address"))
)

// world is what happens outside: the warehouse, the bank, the carrier.
var world outside

type outside struct {
	mu   sync.Mutex
	keys map[string]bool
	done []string
}

// do does a thing once for each idempotency key, and gives the key for its receipt.
func (o *outside) do(ctx context.Context, what string) string {
	key := worker.From(ctx).IdempotencyKey
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.keys[key] {
		o.keys[key] = true
		o.done = append(o.done, what)
	}
	return key
}

// begin forgets what happened before.
func (o *outside) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keys, o.done = map[string]bool{}, nil
}

func (o *outside) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.done, ", ")
}

var play = stage.Play{
	Tasks:       []task.Task{reserve, release, charge, refund, ship},
	Definitions: []lh.Definition{order},
	Story: func(ctx context.Context, s *stage.Stage) error {
		for _, in := range []lh.Input{
			{"item": "lamp", "price": 30, "card": "4111", "address": "Elm Street 1"},
			{"item": "sofa", "price": 900, "card": "empty", "address": "Elm Street 1"},
			{"item": "tent", "price": 200, "card": "4111", "address": "the Moon"},
		} {
			world.begin()
			id, err := s.Run(ctx, order.Name(), in)
			if err != nil {
				return err
			}
			end, err := s.End(ctx, id)
			if err != nil {
				return err
			}
			s.Say("%s (WfRun %s)\n    %s\n    done: %s", in["item"], id, end, &world)
		}
		return nil
	},
}

func main() { play.Main() }
