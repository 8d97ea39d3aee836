package browser

import (
	"fmt"
	"testing"
	"time"

	lh "littlehorse/sdk/client"
	"littlehorse/sdk/wf"
)

// seedLanes adds a run of several threads with another run inside.
func seedLanes(t *testing.T, address string) {
	t.Helper()
	ctx, cfg := t.Context(), lh.DefaultConfig()
	if _, err := fmt.Sscanf(address, "127.0.0.1:%d", &cfg.Port); err != nil {
		t.Fatal(err)
	}
	cfg.Host = "127.0.0.1"
	client, err := lh.Dial(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
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
