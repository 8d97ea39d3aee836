package browser

import (
	"testing"
	"time"

	lh "littlehorse/sdk/client"
	"littlehorse/sdk/wf"
)

// seedLanes adds a run of several threads with another run inside.
func seedLanes(t *testing.T, address string) {
	t.Helper()
	ctx, client := t.Context(), dial(t, address)
	insure := wf.New("insure", func(t *wf.Thread) {
		worth := wf.Declare[int64](t, "worth").Default(int64(100))
		t.While(worth.Lt(103), func(t *wf.Thread) { worth.Set(worth.Add(1)) })
	})
	parcel := wf.New("parcel", func(t *wf.Thread) {
		label := t.Spawn("label", func(t *wf.Thread) { t.Sleep(time.Millisecond) })
		weigh := t.Spawn("weigh", func(t *wf.Thread) { wf.Event[string](t, "weighed") })
		t.RunChild("insure")
		t.WaitAll(label, weigh)
	})
	if err := client.Register(ctx, insure); err != nil {
		t.Fatal(err)
	}
	if err := client.Register(ctx, parcel); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Run(ctx, "parcel", lh.Input{}, lh.WithID("parcel-1")); err != nil {
		t.Fatal(err)
	}
}
