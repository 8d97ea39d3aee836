package bench

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"

	lh "littlehorse/sdk/client"
	"littlehorse/sdk/wf"

	"littlehorse/lhpb"
)

// each does something count times, from 1 on, by so many callers at once. The first failure ends it.
func each(ctx context.Context, count, callers int, do func(ctx context.Context, n int64) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var calling sync.WaitGroup
	for range callers {
		calling.Go(func() {
			for n := next.Add(1); n <= int64(count) && ctx.Err() == nil; n = next.Add(1) {
				if err := do(ctx, n); err != nil {
					cancel(err)
				}
			}
		})
	}
	calling.Wait()
	return context.Cause(ctx)
}

// startWaiting begins count WfRuns that wait for an event that does not come, and returns the name of their WfSpec.
func startWaiting(ctx context.Context, client *lh.Client, count, callers int) (string, error) {
	name := "waiting-" + string(lh.NewRunID())[:12]
	spec := wf.New(name, func(t *wf.Thread) {
		wf.Declare[string](t, "order").Required()
		wf.Event[string](t, name)
	})
	if err := client.Register(ctx, spec); err != nil {
		return "", err
	}
	return name, each(ctx, count, callers, func(ctx context.Context, n int64) error {
		id := numbered(name, n)
		order, err := lh.Value("order " + strconv.FormatInt(n, 10))
		if err != nil {
			return err
		}
		return insist(ctx, client.RPC(), &lhpb.RunWfRequest{
			WfSpecName: name, Id: &id, Variables: map[string]*lhpb.VariableValue{"order": order},
		})
	})
}

func numbered(name string, n int64) string { return name + "-" + strconv.FormatInt(n, 10) }
