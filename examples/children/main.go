// Command children sends a delivery in parcels: each is a workflow of its own, a child that can be found, stopped and
// repaired by itself. A complaint is a child that somebody else starts later; it shares a variable with its parent.
package main

import (
	"context"
	"fmt"

	"littlehorse/examples/internal/stage"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

var parcel = wf.New("parcel", func(t *wf.Thread) {
	content := wf.Declare[string](t, "content").Required().Searchable()
	address := wf.Declare[string](t, "address").Required()
	t.Complete(pack.Do(t, content, address).Retries(3))
})

var delivery = wf.New("delivery", func(t *wf.Thread) {
	address := wf.Declare[string](t, "address").Required()
	complaints := wf.Declare[int64](t, "complaints").Default(0).Public()
	first := wf.Declare[string](t, "first")
	second := wf.Declare[string](t, "second")

	table := t.RunChild(parcel.Name(), wf.In{"content": "table", "address": address})
	chairs := t.RunChild(parcel.Name(), wf.In{"content": "chairs", "address": address})
	first.Set(wf.WaitChild[string](t, table))
	second.Set(wf.WaitChild[string](t, chairs))
	wf.Event[wf.None](t, "delivery-signed")
	t.If(complaints.Gt(0), func(t *wf.Thread) {
		t.Fail("not-satisfied", "there are complaints")
	})
})

var complaint = wf.New("complaint", func(t *wf.Thread) {
	complaints := wf.Declare[int64](t, "complaints").Inherited()
	complaints.Set(complaints.Add(1))
}, wf.Parent(delivery.Name(), 0))

var pack = task.New2("parcel-pack", func(_ context.Context, content, address string) (string, error) {
	return fmt.Sprintf("%s to %s", content, address), nil
}, task.Params("content", "address"))

var play = stage.Play{
	Tasks: []task.Task{pack},
	// In this order: a WfSpec names only what is there.
	Definitions: []lh.Definition{parcel, delivery, complaint},
	Story: func(ctx context.Context, s *stage.Stage) error {
		id, err := s.Run(ctx, delivery.Name(), lh.Input{"address": "Elm Street 1"})
		if err != nil {
			return err
		}
		if err := stage.UntilVar(ctx, s, id, "second", "chairs to Elm Street 1"); err != nil {
			return err
		}
		first, err := lh.GetVar[string](ctx, s.Client, id, "first")
		if err != nil {
			return err
		}
		s.Say("WfRun %s\n    parcels: %s, chairs to Elm Street 1", id, first)
		about, err := s.Run(ctx, complaint.Name(), nil, lh.WithParent(id))
		if err != nil {
			return err
		}
		end, err := s.End(ctx, about)
		if err != nil {
			return err
		}
		s.Say("WfRun %s\n    %s", about, end)
		if err := s.PostEvent(ctx, id, "delivery-signed", nil); err != nil {
			return err
		}
		if end, err = s.End(ctx, id); err != nil {
			return err
		}
		s.Say("WfRun %s\n    %s", id, end)
		return nil
	},
}

func main() { play.Main() }
