// Package stage is what the examples stand on, so that each shows its business alone. A play is connected to the server,
// its definitions are registered, a worker does its tasks, and its story is told. The example hello does the same by hand.
package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/worker"
)

// A Play is one example.
type Play struct {
	// Tasks are registered, and done by a worker of the same process.
	Tasks []task.Task
	// Definitions are registered with them.
	Definitions []lh.Definition
	// Story is what happens: it starts WfRuns, does what people and machines would do, and says what comes of it.
	Story func(ctx context.Context, s *Stage) error
}

// Stage is a client of the server, and a place to say things.
type Stage struct {
	*lh.Client
	out io.Writer
}

// Main performs the play at the server that the environment names, as any client finds it.
func (p Play) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := p.Perform(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Perform registers the definitions, runs the worker while the story is told, and ends it.
func (p Play) Perform(ctx context.Context, out io.Writer) error {
	cfg, err := lh.LoadConfig()
	if err != nil {
		return err
	}
	client, err := lh.Dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	definitions := append([]lh.Definition{}, p.Definitions...)
	for _, t := range p.Tasks {
		definitions = append(definitions, t)
	}
	if err := client.Register(ctx, definitions...); err != nil {
		return err
	}
	s := &Stage{Client: client, out: out}
	if len(p.Tasks) == 0 {
		return p.Story(ctx, s)
	}
	working, stop := context.WithCancel(ctx)
	drained := make(chan error, 1)
	w := worker.New(client, worker.Logger(slog.New(slog.DiscardHandler))).Add(p.Tasks...)
	go func() { drained <- w.Run(working) }()
	err = p.Story(ctx, s)
	stop()
	return errors.Join(err, <-drained)
}

// Say prints a line.
func (s *Stage) Say(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

// End waits for the end of a WfRun and tells it: the status, and why if it is no good one.
func (s *Stage) End(ctx context.Context, id lh.RunID) (string, error) {
	run, err := s.Await(ctx, id)
	if err != nil {
		return "", err
	}
	if run.Status == lhpb.LHStatus_COMPLETED {
		return run.Status.String(), nil
	}
	return fmt.Sprintf("%s: %s", run.Status, run.ThreadRuns[0].GetErrorMessage()), nil
}

// Until asks again and again until the answer is yes.
func (s *Stage) Until(ctx context.Context, ask func() (bool, error)) error {
	for {
		yes, err := ask()
		if yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// UntilVar waits until a variable of a WfRun has a value.
func UntilVar[T comparable](ctx context.Context, s *Stage, id lh.RunID, name string, want T) error {
	return s.Until(ctx, func() (bool, error) {
		got, err := lh.GetVar[T](ctx, s.Client, id, name)
		return got == want, err
	})
}
