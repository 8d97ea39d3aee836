package worker_test

import (
	"context"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/worker"
)

// A worker drains when its context ends: what runs is finished and reported.
func Example() {
	greet := task.New1("greet", func(ctx context.Context, name string) (string, error) {
		worker.Log(ctx).Info("greeting", "name", name) // to the process, and to the attempt's log output
		return "hello " + name, nil
	}, task.Params("name"))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := lh.LoadConfig()
	if err != nil {
		log.Fatal(err)
	}
	client, err := lh.Dial(ctx, cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if err := client.Register(ctx, greet); err != nil {
		log.Fatal(err)
	}
	w := worker.New(client, worker.MaxConcurrent(16), worker.PerTask("greet", 4), worker.ShutdownGrace(10*time.Second))
	if err := w.Add(greet).Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// What a checkpoint has saved is not done again by a later attempt.
func ExampleCheckpoint() {
	_ = task.New1("ship", func(ctx context.Context, sku string) (string, error) {
		label, err := worker.Checkpoint(ctx, "label", func(context.Context) (string, error) {
			return "label of " + sku + " for " + worker.From(ctx).IdempotencyKey, nil
		})
		if err != nil {
			return "", err // technical: the attempt is tried again
		}
		return label, handOver(ctx, label)
	}, task.Params("sku"))
}

func handOver(context.Context, string) error { return nil }

// What stands around every attempt: a limit of the time that its function has, say.
func ExampleInterceptor() {
	limit := func(next worker.Handler) worker.Handler {
		return func(ctx context.Context, t *lhpb.ScheduledTask) (*lhpb.VariableValue, error) {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			return next(ctx, t)
		}
	}
	_ = func(client *lh.Client) *worker.Worker { return worker.New(client, worker.Interceptor(limit)) }
}

// A task knows the attempt that it is, and the WfRun that it works for.
func ExampleFrom() {
	_ = task.New1("charge-card", func(ctx context.Context, amount float64) (string, error) {
		attempt := worker.From(ctx)
		if attempt.Attempt > 0 {
			worker.Log(ctx).Warn("once more", "amount", amount, "wf_run", string(attempt.WfRunID))
		}
		return "charged for " + attempt.IdempotencyKey, nil // the bank takes the same key once
	}, task.Params("amount"))
}

// A health check tells whether the worker is served.
func ExampleWorker_Health() {
	_ = func(w *worker.Worker) http.HandlerFunc {
		return func(out http.ResponseWriter, _ *http.Request) {
			if health := w.Health(); !health.Healthy {
				http.Error(out, health.Reason, http.StatusServiceUnavailable)
			}
		}
	}
}
