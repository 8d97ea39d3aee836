package browser

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
	"littlehorse/sdk/worker"
)

// broken is the run that the journey finds, understands and repairs; the others fail as it does, for the journeys over a server that is
// started anew and of somebody who may only read.
const broken = "order-1042"

var failing = []lh.RunID{broken, "order-1043", "order-1044"}

// markup is a name that would be a picture if a page took it for more than text.
const markup = `<img src=x onerror=document.title='broken'>`

// shop is a workflow with what a graph can have: a loop, a choice, a handler, and waiting.
func shop(charge *task.Task1[string, string]) *wf.Workflow {
	reserve := task.New1("reserve-stock", func(_ context.Context, sku string) (string, error) { return "shelf 7 for " + sku, nil }, task.Params("sku"))
	notify := task.New1("notify-customer", func(_ context.Context, text string) (wf.None, error) { return wf.None{}, nil }, task.Params("text"))
	catalogue = []task.Task{reserve, notify, charge}
	return wf.New("order", func(t *wf.Thread) {
		customer := wf.Declare[string](t, "customer").Required().Searchable()
		sku := wf.Declare[string](t, "sku").Required().Searchable()
		amount := wf.Declare[float64](t, "amount").Default(19.5)
		number := wf.Declare[int64](t, "number").Default(int64(9_007_199_254_740_993))
		card := wf.Declare[string](t, "card").Masked()
		tries := wf.Declare[int64](t, "tries").Default(0)
		reservation := wf.Declare[string](t, "reservation")
		_, _ = number, card

		t.While(tries.Lt(2), func(t *wf.Thread) {
			reservation.Set(reserve.Do(t, sku).Retries(3))
			tries.Set(tries.Add(1))
		})
		charge.Do(t, customer).Retries(1)
		t.If(amount.Gt(100.0), func(t *wf.Thread) {
			wf.Event[string](t, "manager-approved", wf.Correlated(time.Hour, true)).CorrelatedBy(customer).Timeout(24 * time.Hour)
		}).Else(func(t *wf.Thread) {
			notify.Do(t, reservation)
		})
	})
}

// catalogue are the tasks of the shop.
var catalogue []task.Task

// bank fails the first attempts for some orders, as a service does that is down for a while.
type bank struct {
	mu     sync.Mutex
	failed map[lh.RunID]int
}

func (b *bank) charge(ctx context.Context, customer string) (string, error) {
	run := worker.From(ctx).WfRunID
	if !slices.Contains(failing, run) {
		return "charged " + customer, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed[run] < 2 {
		b.failed[run]++
		return "", fmt.Errorf("bank gateway: %w", errors.New("connection refused by 10.0.4.17:8443\n  at Bank.connect (bank.go:117)\n  at Bank.charge (bank.go:42)"))
	}
	return "charged " + customer, nil
}

// dial is a client of the server there.
func dial(tb testing.TB, address string) *lh.Client {
	tb.Helper()
	cfg := lh.DefaultConfig()
	if _, err := fmt.Sscanf(address, "127.0.0.1:%d", &cfg.Port); err != nil {
		tb.Fatal(err)
	}
	cfg.Host = "127.0.0.1"
	client, err := lh.Dial(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// seed fills a server as a shop of an ordinary day does.
func seed(t *testing.T, address string) {
	t.Helper()
	ctx, client := t.Context(), dial(t, address)
	charge := task.New1("charge-card", (&bank{failed: map[lh.RunID]int{}}).charge, task.Params("customer"))
	order := shop(charge)
	definitions := []lh.Definition{order}
	w := worker.New(client, worker.Logger(slog.New(slog.DiscardHandler)))
	for _, k := range catalogue {
		definitions = append(definitions, k)
		w.Add(k)
	}
	if err := client.Register(ctx, definitions...); err != nil {
		t.Fatal(err)
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- w.Run(run) }()
	t.Cleanup(func() {
		stop()
		<-ended // as it ends: a journey takes the worker's rights away
	})
	start := func(id, customer string, amount float64) {
		t.Helper()
		in := lh.Input{"customer": customer, "sku": "lamp-" + id, "amount": amount, "card": "4111-1111"}
		if _, err := client.Run(ctx, "order", in, lh.WithID(id)); err != nil {
			t.Fatal(err)
		}
	}
	customers := []string{"Ana Duarte", "Bo Lindqvist", "Chidi Okafor", "Dana Scully", markup}
	for n := range 20 {
		start(fmt.Sprintf("order-%d", 1001+n), customers[n%len(customers)], float64(10+n*3))
	}
	for n := range 4 {
		start(fmt.Sprintf("order-%d", 1030+n), customers[n%3], 250)
	}
	for _, id := range failing {
		start(string(id), "Eve Moreau", 35)
		if _, err := client.Await(ctx, id, lhpb.LHStatus_ERROR); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 20 { // until the pages are told of nothing but what is done on them
		if _, err := client.Await(ctx, lh.RunID(fmt.Sprintf("order-%d", 1001+n)), lhpb.LHStatus_COMPLETED); err != nil {
			t.Fatal(err)
		}
	}
}
