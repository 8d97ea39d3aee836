package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
	"littlehorse/sdk/worker"
	"littlehorse/test/lhserver"
)

// realClient is connected to the server that LH_TEST_ENDPOINT names, else to a new one of our own.
func realClient(t *testing.T) *lh.Client {
	t.Helper()
	address := os.Getenv("LH_TEST_ENDPOINT")
	if address == "" {
		server := lhserver.New(t, t.TempDir())
		server.Start(t)
		address = server.API
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return dial(t, n)
}

// tour holds a workflow of each kind, with names of its own so that it can meet a server that has seen it before.
type tour struct {
	*testing.T
	client *lh.Client
	suffix string
}

func (t *tour) name(s string) string { return s + "-" + t.suffix }

// serve registers tasks and runs a worker for them until the test ends.
func (t *tour) serve(tasks ...task.Task) {
	t.Helper()
	var definitions []lh.Definition
	for _, one := range tasks {
		definitions = append(definitions, one)
	}
	if err := t.client.Register(t.Context(), definitions...); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	w := worker.New(t.client, worker.Logger(slog.New(slog.DiscardHandler))).Add(tasks...)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func (t *tour) start(w *wf.Workflow, in lh.Input) lh.RunID {
	t.Helper()
	if err := t.client.Register(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	id, err := t.client.Run(t.Context(), w.Name(), in)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// patience bounds every wait. It is for hangs alone.
const patience = 2 * time.Minute

func (t *tour) ends(id lh.RunID, want lhpb.LHStatus) *lhpb.WfRun {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	run, err := t.client.Await(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if run.Status != want {
		nodes, _ := t.client.RPC().ListNodeRuns(ctx, &lhpb.ListNodeRunsRequest{WfRunId: id.Proto()})
		t.Fatalf("WfRun %s is %s, not %s: %v", id, run.Status, want, nodes.GetResults())
	}
	return run
}

func value[T comparable](t *tour, id lh.RunID, name string, want T) {
	t.Helper()
	got, err := lh.GetVar[T](t.Context(), t.client, id, name)
	if err != nil || got != want {
		t.Errorf("%s is %v, not %v: %v", name, got, want, err)
	}
}

// TestTour runs workflows of every kind on a real server.
//
// holds: KeysMakeItEffectivelyOnce
func TestTour(t *testing.T) {
	client := realClient(t)
	suffix := string(lh.NewRunID())[:8]
	for name, stop := range map[string]func(*tour){
		"saga": (*tour).saga, "loop": (*tour).loop, "event": (*tour).event, "children": (*tour).children,
		"values": (*tour).values, "retries": (*tour).retries, "waiting": (*tour).waiting, "child workflow": (*tour).childWf,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stop(&tour{T: t, client: client, suffix: suffix})
		})
	}
}

func (t *tour) saga() {
	released := make(chan string, 1)
	reserve := task.New1(t.name("reserve"), func(_ context.Context, sku string) (string, error) { return "r-" + sku, nil }, task.Params("sku"))
	release := task.New1(t.name("release"), func(_ context.Context, id string) (wf.None, error) {
		released <- id
		return wf.None{}, nil
	}, task.Params("reservation"))
	charge := task.New2(t.name("charge"), func(_ context.Context, _ string, amount float64) (string, error) {
		if amount > 1000 {
			return "", task.ExceptionWith("card-declined", "limit", "limit is 1000, asked for %.2f", amount)
		}
		return "ok", nil
	}, task.Params("card", "amount"), task.Masked("card"))
	t.serve(reserve, release, charge)

	order := wf.New(t.name("order"), func(t *wf.Thread) {
		sku := wf.Declare[string](t, "sku").Required()
		amount := wf.Declare[float64](t, "amount").Required()
		reservation := wf.Declare[string](t, "reservation")
		why := wf.Declare[string](t, "why")
		reservation.Set(reserve.Do(t, sku))
		charge.Do(t, wf.Lit("4111"), amount).Retries(2).OnException("card-declined", func(h *wf.Thread) {
			why.Set(wf.Input[string](h))
			release.Do(h, reservation)
			h.Fail("order-refused", "the card was declined")
		})
	})
	t.ends(t.start(order, lh.Input{"sku": "a", "amount": 10.0}), lhpb.LHStatus_COMPLETED)
	id := t.start(order, lh.Input{"sku": "b", "amount": 5000.0})
	run := t.ends(id, lhpb.LHStatus_EXCEPTION)
	if got := <-released; got != "r-b" {
		t.Errorf("released %q", got)
	}
	value(t, id, "why", "limit")
	if len(run.ThreadRuns) != 2 {
		t.Errorf("%d ThreadRuns", len(run.ThreadRuns))
	}
}

func (t *tour) loop() {
	double := task.New1(t.name("double"), func(_ context.Context, n int64) (int64, error) { return 2 * n, nil }, task.Params("n"))
	t.serve(double)
	w := wf.New(t.name("loop"), func(t *wf.Thread) {
		n := wf.Declare[int64](t, "n").Default(1)
		rounds := wf.Declare[int64](t, "rounds").Default(0)
		size := wf.Declare[string](t, "size")
		t.While(wf.And(n.Lt(100), rounds.Lt(50)), func(t *wf.Thread) {
			n.Set(double.Do(t, n))
			rounds.Set(rounds.Add(1))
		})
		t.DoWhile(func(*wf.Thread) { rounds.Set(rounds.Sub(1)) }, wf.Not(rounds.Le(3)))
		t.If(n.Gt(1000), func(*wf.Thread) {
			size.Set("huge")
		}).ElseIf(n.Gt(100), func(*wf.Thread) {
			size.Set("large")
		}).Else(func(*wf.Thread) {
			size.Set("small")
		})
	})
	id := t.start(w, nil)
	t.ends(id, lhpb.LHStatus_COMPLETED)
	value[int64](t, id, "n", 128)
	value[int64](t, id, "rounds", 3)
	value(t, id, "size", "large")
}

func (t *tour) event() {
	type payment struct {
		Amount float64 `json:"amount"`
	}
	event := t.name("paid")
	w := wf.New(t.name("invoice"), func(t *wf.Thread) {
		state := wf.Declare[string](t, "state").Default("open")
		seconds := wf.Declare[int64](t, "seconds").Default(3600)
		paid := wf.Event[payment](t, event).TimeoutSeconds(seconds).OnError(wf.Timeout, func(h *wf.Thread) {
			state.Set("overdue")
			h.Fail("overdue", "nobody paid")
		})
		t.If(wf.Field[float64](paid, "amount").Ge(100.0), func(*wf.Thread) {
			state.Set("large")
		}).Else(func(*wf.Thread) { state.Set("small") })
	})
	late := t.start(w, lh.Input{"seconds": 1})
	id := t.start(w, nil)
	if err := t.client.PostEvent(t.Context(), id, event, payment{Amount: 250.5}); err != nil {
		t.Fatal(err)
	}
	t.ends(id, lhpb.LHStatus_COMPLETED)
	value(t, id, "state", "large")
	t.ends(late, lhpb.LHStatus_EXCEPTION)
	value(t, late, "state", "overdue")
}

func (t *tour) children() {
	square := task.New1(t.name("square"), func(_ context.Context, n int64) (int64, error) {
		if n < 0 {
			return 0, task.Exception("negative", "%d has no root", n)
		}
		return n * n, nil
	}, task.Params("n"))
	t.serve(square)
	w := wf.New(t.name("children"), func(t *wf.Thread) {
		list := wf.Declare[[]int64](t, "list").Required()
		sum := wf.Declare[int64](t, "sum").Default(0)
		failed := wf.Declare[int64](t, "failed").Default(0)
		each := wf.ForEach(t, list, "each", func(c *wf.Thread, n *wf.Var[int64]) {
			sum.Set(sum.Add(square.Do(c, n)))
		})
		t.WaitAll(each).OnChildException("negative", func(*wf.Thread) { failed.Set(failed.Add(1)) })
		one := t.Spawn("one", func(c *wf.Thread) {
			n := wf.Declare[int64](c, "one-n").Required()
			sum.Set(sum.Add(n))
		}, wf.In{"one-n": 1000})
		t.WaitAny(one)
	})
	id := t.start(w, lh.Input{"list": []int64{1, 2, -1, 3}})
	t.ends(id, lhpb.LHStatus_COMPLETED)
	value[int64](t, id, "sum", 1014)
	value[int64](t, id, "failed", 1)
}

func (t *tour) values() {
	type item struct {
		SKU string `json:"sku"`
		Qty int64  `json:"qty"`
	}
	at := time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)
	all := task.Func(t.name("all"), func(i int64, f float64, b bool, s string, raw []byte, when time.Time, list []string, obj item) (map[string]any, error) {
		return map[string]any{
			"i": i, "f": f, "b": b, "s": s, "raw": string(raw), "when": when.Equal(at), "list": len(list), "obj": obj,
		}, nil
	}, task.Params("i", "f", "b", "s", "raw", "when", "list", "obj"))
	t.serve(all)
	w := wf.New(t.name("values"), func(t *wf.Thread) {
		text := wf.Declare[string](t, "text").Default("12")
		obj := wf.Declare[item](t, "obj").Required()
		list := wf.Declare[[]string](t, "list").Default([]string{"a"})
		when := wf.Declare[time.Time](t, "when").Required()
		out := wf.Declare[map[string]any](t, "out")
		list.Set(list.Append("b"))
		obj.SetPath("$.qty", wf.Lit(int64(9007199254740993)))
		out.Set(all.Do(t, wf.Cast[int64](text), 2.5, true, wf.Format("{0}-{1}", text, wf.Size(list)), []byte("hi"), when, list, obj))
		text.Set(wf.Field[string](out, "s"))
		t.Complete(text)
	})
	id := t.start(w, lh.Input{"obj": item{SKU: "x", Qty: 1}, "when": at})
	run := t.ends(id, lhpb.LHStatus_COMPLETED)
	out, err := lh.GetVar[map[string]any](t.Context(), t.client, id, "out")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint(map[string]any{
		"i": 12, "f": 2.5, "b": true, "s": "12-2", "raw": "hi", "when": true, "list": 2,
		"obj": map[string]any{"sku": "x", "qty": int64(9007199254740993)},
	})
	if got := fmt.Sprint(out); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := run.ThreadRuns[0].GetOutput().GetStr(); got != "12-2" {
		t.Errorf("the WfRun returned %q", got)
	}
}

func (t *tour) retries() {
	keys := make(chan string, 3)
	flaky := task.New0(t.name("flaky"), func(ctx context.Context) (int64, error) {
		info := worker.From(ctx)
		keys <- info.IdempotencyKey
		saved, err := worker.Checkpoint(ctx, "first", func(context.Context) (int64, error) { return int64(info.Attempt) + 10, nil })
		if err != nil {
			return 0, err
		}
		if info.Attempt < 2 {
			worker.Log(ctx).Info("not yet")
			return 0, errors.New("not yet")
		}
		return saved, nil
	})
	t.serve(flaky)
	w := wf.New(t.name("retries"), func(t *wf.Thread) {
		n := wf.Declare[int64](t, "n")
		n.Set(flaky.Do(t).Retries(2, wf.Backoff{Base: time.Millisecond, Max: 5 * time.Millisecond, Multiplier: 2}))
	})
	id := t.start(w, nil)
	t.ends(id, lhpb.LHStatus_COMPLETED)
	value[int64](t, id, "n", 10)
	if a, b, c := <-keys, <-keys, <-keys; a != b || b != c {
		t.Errorf("idempotency keys %s, %s, %s", a, b, c)
	}
	runs, err := t.client.RPC().ListTaskRuns(t.Context(), &lhpb.ListTaskRunsRequest{WfRunId: id.Proto()})
	if err != nil || len(runs.Results) != 1 || len(runs.Results[0].Attempts) != 3 || runs.Results[0].Attempts[0].GetLogOutput().GetStr() == "" {
		t.Errorf("%v, %v", runs, err)
	}
}

func (t *tour) waiting() {
	event, thrown := t.name("nudge"), t.name("thrown")
	w := wf.New(t.name("waiting"), func(t *wf.Thread) {
		n := wf.Declare[int64](t, "n").Default(0)
		when := wf.Declare[time.Time](t, "when").Required()
		wf.OnInterrupt(t, event, func(_ *wf.Thread, by *wf.Var[int64]) { n.Set(n.Add(by)) })
		t.Sleep(time.Second)
		t.SleepFor(n)
		t.SleepUntil(when)
		t.WaitUntil(n.Ge(3))
		wf.Throw(t, thrown, n)
	})
	id := t.start(w, lh.Input{"when": time.Now()})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 3 {
		if err := t.client.PostEvent(ctx, id, event, 1); err != nil {
			t.Fatal(err)
		}
	}
	got, err := t.client.RPC().AwaitWorkflowEvent(ctx, &lhpb.AwaitWorkflowEventRequest{
		WfRunId: id.Proto(), EventDefIds: []*lhpb.WorkflowEventDefId{{Name: thrown}},
	})
	if err != nil || got.Content.GetInt() != 3 || got.CreatedAt.AsTime().Before(timestamppb.Now().AsTime().Add(-time.Hour)) {
		t.Errorf("%v, %v", got, err)
	}
	t.ends(id, lhpb.LHStatus_COMPLETED)
}

func (t *tour) childWf() {
	kid := wf.New(t.name("kid"), func(t *wf.Thread) {
		n := wf.Declare[int64](t, "n").Required()
		t.Complete(n.Mul(2))
	})
	if err := t.client.Register(t.Context(), kid); err != nil {
		t.Fatal(err)
	}
	parent := wf.New(t.name("parent"), func(t *wf.Thread) {
		n := wf.Declare[int64](t, "n")
		n.Set(wf.WaitChild[int64](t, t.RunChild(kid.Name(), wf.In{"n": 21})))
	})
	id := t.start(parent, nil)
	t.ends(id, lhpb.LHStatus_COMPLETED)
	value[int64](t, id, "n", 42)
}
