// Command payments waits for payments that know an invoice's number, but not the id of its WfRun.
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"littlehorse/examples/internal/stage"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

// transfer is what the bank tells of a payment.
type transfer struct {
	Amount int64  `json:"amount"`
	From   string `json:"from"`
}

var dun = task.New1("bill-dun", func(_ context.Context, number string) (wf.None, error) {
	return wf.None{}, nil
}, task.Params("number"))

var bill = wf.New("bill", func(t *wf.Thread) {
	number := wf.Declare[string](t, "number").Required().Searchable()
	due := wf.Declare[int64](t, "due").Required()
	patience := wf.Declare[int64](t, "patienceSeconds").Default(14 * 24 * 3600)
	state := wf.Declare[string](t, "state").Default("open").Searchable()

	// A transfer that comes before its bill waits for it for a day.
	paid := wf.Event[transfer](t, "bank-transfer", wf.Correlated(24*time.Hour, true)).
		CorrelatedBy(number).
		TimeoutSeconds(patience)
	paid.OnError(wf.Timeout, func(h *wf.Thread) {
		dun.Do(h, number).Retries(5)
		state.Set("overdue")
		h.Fail("bill-overdue", "nobody has paid")
	})
	t.If(wf.Cast[int64](wf.JSONPath[int64](paid, "$.amount")).Ge(due), func(*wf.Thread) {
		state.Set("paid")
	}).Else(func(*wf.Thread) {
		state.Set("paid in part")
	})
})

var play = stage.Play{
	Tasks:       []task.Task{dun},
	Definitions: []lh.Definition{bill},
	Story: func(ctx context.Context, s *stage.Stage) error {
		year := lh.NewRunID()[:8] // numbers of an earlier play are taken
		early, late, never := fmt.Sprintf("%s-1", year), fmt.Sprintf("%s-2", year), fmt.Sprintf("%s-3", year)
		if err := pay(ctx, s, early, 100); err != nil {
			return err
		}
		first, err := s.Run(ctx, bill.Name(), lh.Input{"number": early, "due": 100})
		if err != nil {
			return err
		}
		second, err := s.Run(ctx, bill.Name(), lh.Input{"number": late, "due": 100})
		if err != nil {
			return err
		}
		if err := pay(ctx, s, late, 60); err != nil {
			return err
		}
		third, err := s.Run(ctx, bill.Name(), lh.Input{"number": never, "due": 100, "patienceSeconds": 1})
		if err != nil {
			return err
		}
		return errors.Join(
			tell(ctx, s, "paid before it was sent", first),
			tell(ctx, s, "paid too little", second),
			tell(ctx, s, "not paid", third),
		)
	},
}

// pay is the bank: it knows the number on the transfer and nothing of WfRuns.
func pay(ctx context.Context, s *stage.Stage, number string, amount int64) error {
	return s.PostCorrelated(ctx, number, "bank-transfer", transfer{Amount: amount, From: "Ana"})
}

func tell(ctx context.Context, s *stage.Stage, what string, id lh.RunID) error {
	end, err := s.End(ctx, id)
	if err != nil {
		return err
	}
	state, err := lh.GetVar[string](ctx, s.Client, id, "state")
	if err != nil {
		return err
	}
	s.Say("%s (WfRun %s)\n    %s\n    state: %s", what, id, end, state)
	return nil
}

func main() { play.Main() }
