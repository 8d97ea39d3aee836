package taskqueue

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestNothingIsLostWhileServersFallBehind: whatever comes in whatever order, on a server that falls behind and catches up again and
// again, every task meets a credit in the end if there are enough, and each is handed out once.
func TestNothingIsLostWhileServersFallBehind(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 7))
			var strained atomic.Bool
			p := newPartition(t)
			qs := p.start(func(cfg *Config) {
				cfg.Strained, cfg.Window = strained.Load, 8
			})
			w := open(t, qs, nil)
			var want []string
			asked := 0
			for n := range 300 {
				run := fmt.Sprintf("run%d", n)
				switch rng.IntN(7) {
				case 0:
					strained.Store(rng.IntN(2) == 0)
				case 1, 2:
					p.commit(now("b", run, "0-2"))
					want = append(want, run)
				case 3:
					w.poll("b", 2)
					asked += 2
				case 4: // a report, and its task waits
					r := qs.BeginReport("t", expectB(qs, run).TaskRunId)
					p.commit(now("b", run, "0-2"))
					want = append(want, run)
					r.End(nil)
				case 5: // a report that takes a credit along, if there is one
					r := qs.BeginReport("t", expectB(qs, run).TaskRunId)
					if r.Credit() == nil {
						r.End(nil)
						break
					}
					want = append(want, run)
					r.End(handOut(run, "0-2", "b"))
				case 6:
					time.Sleep(time.Duration(rng.IntN(30)) * time.Millisecond)
				}
				if rng.IntN(3) == 0 {
					synctest.Wait()
				}
			}
			if more := len(want) - asked; more > 0 {
				w.poll("b", more)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			got := slices.Sorted(slices.Values(w.received()))
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d: handed out\n%v, want\n%v", seed, got, want)
			}
			finish(qs, w)
		})
	}
}
