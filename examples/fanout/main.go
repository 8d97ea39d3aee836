// Command fanout asks several shops for a price, all at once, and goes on when each has answered or failed.
package main

import (
	"context"
	"slices"

	"littlehorse/examples/internal/stage"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

var compare = wf.New("price-compare", func(t *wf.Thread) {
	item := wf.Declare[string](t, "item").Required().Searchable()
	shops := wf.Declare[[]string](t, "shops").Required()
	offers := wf.Declare[[]string](t, "offers").Default([]string{})
	closed := wf.Declare[int64](t, "closed").Default(0)

	asked := wf.ForEach(t, shops, "ask", func(child *wf.Thread, shop *wf.Var[string]) {
		price := price.Do(child, shop, item).Retries(2)
		offers.Set(offers.Append(wf.Format("{0} for {1}", shop, price)))
	})
	t.WaitAll(asked).OnChildException("shop-closed", func(*wf.Thread) {
		closed.Set(closed.Add(1)) // and the others count
	})
})

var price = task.New2("price-ask", func(_ context.Context, shop, item string) (int64, error) {
	if shop == "night shop" {
		return 0, task.Exception("shop-closed", "the %s opens at eight", shop)
	}
	return int64(10*len(item) + len(shop)), nil
}, task.Params("shop", "item"))

var play = stage.Play{
	Tasks:       []task.Task{price},
	Definitions: []lh.Definition{compare},
	Story: func(ctx context.Context, s *stage.Stage) error {
		id, err := s.Run(ctx, compare.Name(), lh.Input{
			"item": "kettle", "shops": []string{"market", "night shop", "station", "village"},
		})
		if err != nil {
			return err
		}
		end, err := s.End(ctx, id)
		if err != nil {
			return err
		}
		offers, err := lh.GetVar[[]string](ctx, s.Client, id, "offers")
		if err != nil {
			return err
		}
		closed, err := lh.GetVar[int64](ctx, s.Client, id, "closed")
		if err != nil {
			return err
		}
		slices.Sort(offers) // whoever answers first is first
		s.Say("WfRun %s\n    %s\n    closed: %d", id, end, closed)
		for _, offer := range offers {
			s.Say("    %s", offer)
		}
		return nil
	},
}

func main() { play.Main() }
