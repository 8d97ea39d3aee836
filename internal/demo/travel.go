package demo

import (
	"context"
	"fmt"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

// travel books trips: each booking is a workflow of its own, a child of the trip.
type travel struct {
	book      *task.Task2[string, string, string]
	itinerary *task.Task2[string, string, string]
}

func newTravel() *travel {
	return &travel{
		book: task.New2("book", func(_ context.Context, kind, traveller string) (string, error) {
			if traveller == "" {
				return "", task.Exception("sold-out", "there is no %s left", kind)
			}
			return kind + " for " + traveller, nil
		}, task.Params("kind", "traveller")),
		itinerary: task.New2("write-itinerary", func(_ context.Context, flight, hotel string) (string, error) {
			return flight + ", " + hotel, nil
		}, task.Params("flight", "hotel")),
	}
}

func (v *travel) tasks() []task.Task { return []task.Task{v.book, v.itinerary} }

// A booking must be there before a trip names it.
func (v *travel) before() []lh.Definition { return nil }

func (v *travel) definitions() []lh.Definition {
	booking := wf.New("booking", func(t *wf.Thread) {
		kind := wf.Declare[string](t, "kind").Required().Searchable()
		traveller := wf.Declare[string](t, "traveller").Required()
		t.Complete(v.book.Do(t, kind, traveller).Retries(1))
	}, wf.Retention(kept))
	trip := wf.New("trip", func(t *wf.Thread) {
		traveller := wf.Declare[string](t, "traveller").Required().Searchable().Public()
		flight := wf.Declare[string](t, "flight")
		hotel := wf.Declare[string](t, "hotel")
		plan := wf.Declare[string](t, "itinerary")
		first := t.RunChild("booking", wf.In{"kind": "flight", "traveller": traveller})
		second := t.RunChild("booking", wf.In{"kind": "hotel", "traveller": traveller})
		flight.Set(wf.WaitChild[string](t, first))
		hotel.Set(wf.WaitChild[string](t, second))
		plan.Set(v.itinerary.Do(t, flight, hotel))
	}, wf.Retention(kept))
	return append(asDefinitions(v.tasks()), booking, trip)
}

func (v *travel) open(ctx context.Context, d *day) error {
	for n := range 4 {
		if err := d.begin(ctx, "trip", fmt.Sprintf("trip-%d", n+1), lh.Input{"traveller": people[n]}); err != nil {
			return err
		}
	}
	if err := d.begin(ctx, "trip", "trip-5", lh.Input{"traveller": ""}); err != nil {
		return err
	}
	if _, err := d.Await(ctx, "trip-1", lhpb.LHStatus_COMPLETED); err != nil {
		return err
	}
	return d.fails(ctx, "trip-5")
}

func (v *travel) next(ctx context.Context, d *day) error {
	traveller := one(d, people)
	if d.random.IntN(12) == 0 {
		traveller = ""
	}
	return d.begin(ctx, "trip", d.name("trip"), lh.Input{"traveller": traveller})
}
