package browser

import (
	"flag"
	"fmt"
	"testing"

	lh "littlehorse/sdk/client"
	"littlehorse/sdk/wf"
	"littlehorse/test/lhserver"
	"littlehorse/test/ports"
)

var (
	soakUpdates = flag.Int("soak.updates", 1000, "how often something happens on the pages of BenchmarkSoak")
	soakRate    = flag.Int("soak.rate", 0, "how often in a minute; 0: as fast as it goes")
)

// Pages that are looked at for long while much happens see the last of it, and keep no more than they did at first:
//
//	go test ./test/browser -run '^$' -bench Soak -benchtime 1x -timeout 1h -soak.updates 10000 -soak.rate 1000
//
// covers: dashboard C.5
func BenchmarkSoak(b *testing.B) {
	port := ports.Free(b)
	s := lhserver.New(b, b.TempDir(), "LHS_CLUSTER_PARTITIONS=3", "LHD_PORT="+port)
	s.Start(b)
	ctx, client := b.Context(), dial(b, s.API)
	pulse := wf.New("pulse", func(t *wf.Thread) {
		beats := wf.Declare[int64](t, "beats").Default(int64(0))
		t.While(beats.Lt(*soakUpdates+1), func(t *wf.Thread) {
			beats.Set(beats.Add(wf.Event[int64](t, "beat")))
		})
	})
	once := wf.New("once", func(t *wf.Thread) { wf.Declare[string](t, "said").Set("once") })
	if err := client.Register(ctx, pulse, once); err != nil {
		b.Fatal(err)
	}
	if _, err := client.Run(ctx, "pulse", lh.Input{}, lh.WithID("pulse-1")); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		travel(b, s, "soak.mjs", "DASHBOARD=http://127.0.0.1:"+port, fmt.Sprintf("UPDATES=%d", *soakUpdates), fmt.Sprintf("RATE=%d", *soakRate))
	}
}
