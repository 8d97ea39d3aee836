package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/worker"
)

// The rarer choices.
func ExampleNew() {
	_ = func(ctx context.Context, client *lh.Client, tasks ...task.Task) error {
		w := worker.New(client,
			worker.Heartbeat(20*time.Second), worker.ReportFor(5*time.Minute), worker.LogLimit(8<<10),
			worker.Logger(slog.New(slog.NewJSONHandler(os.Stderr, nil))))
		slog.Info("working", "as", w.ID())
		stop, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		context.AfterFunc(stop, func() { _ = w.Close(ctx) }) // drains
		return w.Add(tasks...).Run(ctx)
	}
}

// Health and metrics for those who watch the process.
func ExampleWorker_MetricsHandler() {
	_ = func(w *worker.Worker) *http.ServeMux {
		mux := http.NewServeMux()
		mux.Handle("/health", w.HealthHandler())
		mux.Handle("/metrics", w.MetricsHandler())
		return mux
	}
}

func ExampleWorker_Stats() {
	_ = func(w *worker.Worker) {
		for name, s := range w.Stats() {
			fmt.Println(name, s.Running, s.Ended, s.Busy)
		}
	}
}

// Work that somebody else has taken over need not be finished.
func ExampleErrStopped() {
	_ = task.New1("copy", func(ctx context.Context, file string) (string, error) {
		_, err := worker.Checkpoint(ctx, "first half", func(context.Context) (string, error) { return file, nil })
		if errors.Is(err, worker.ErrStopped) {
			return "", err // another attempt goes on
		}
		return file, err
	}, task.Params("file"))
}
