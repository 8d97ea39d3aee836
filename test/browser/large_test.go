package browser

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/wf"
	"littlehorse/test/lhserver"
	"littlehorse/test/ports"
)

// hugeChoices make 1,000 nodes.
const hugeChoices = 497

// How long the pages of a run of 10,000 steps, and of its workflow of 300 nodes, take is printed, and those of a workflow of 1,000 nodes:
//
//	go test ./test/browser -run '^$' -bench LargeRun -benchtime 1x
//
// holds: BigGraphsStayUsable
// covers: dashboard C.2 budget
func BenchmarkLargeRun(b *testing.B) {
	port := ports.Free(b)
	s := lhserver.New(b, b.TempDir(), "LHD_PORT="+port)
	s.Start(b)
	ctx, client := b.Context(), dial(b, s.API)
	large := wf.New("large", func(t *wf.Thread) {
		round := wf.Declare[int64](t, "round").Default(int64(0))
		t.While(round.Lt(35), func(t *wf.Thread) {
			for n := range 147 {
				t.If(round.Gt(1000), func(t *wf.Thread) { round.Set(round.Add(1)) })
				if n == 0 { // a round is a command: none goes on for ever
					t.Sleep(time.Millisecond)
				}
			}
			round.Set(round.Add(1))
		})
	})
	huge := wf.New("huge", func(t *wf.Thread) {
		left := wf.Declare[int64](t, "left").Default(int64(hugeChoices))
		for n := range hugeChoices {
			t.If(left.Gt(0), func(t *wf.Thread) { left.Set(left.Add(-1)) })
			if n%100 == 0 {
				t.Sleep(time.Millisecond)
			}
		}
	})
	for _, d := range []*wf.Workflow{large, huge} {
		if err := client.Register(ctx, d); err != nil {
			b.Fatal(err)
		}
		id := d.Name() + "-1"
		if _, err := client.Run(ctx, d.Name(), lh.Input{}, lh.WithID(id)); err != nil {
			b.Fatal(err)
		}
		if _, err := client.Await(ctx, lh.RunID(id), lhpb.LHStatus_COMPLETED); err != nil {
			b.Fatal(err)
		}
	}
	spec, err := client.RPC().GetWfSpec(ctx, &lhpb.WfSpecId{Name: "huge"})
	if err != nil {
		b.Fatal(err)
	}
	if nodes := len(spec.ThreadSpecs[spec.EntrypointThreadName].Nodes); nodes < 1000 {
		b.Fatalf("the workflow has %d nodes", nodes)
	}
	for b.Loop() {
		cmd := exec.CommandContext(ctx, "node", "e2e/measure.mjs")
		cmd.Dir = "../../web"
		cmd.Env = append(os.Environ(), "DASHBOARD=http://127.0.0.1:"+port, "RUN=large-1", "SPEC=large", "HUGE=huge")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
	}
}
