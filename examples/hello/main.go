// Command hello is the smallest complete LittleHorse program: a task, a workflow that runs it, a worker, and a WfRun.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
	"littlehorse/sdk/worker"
)

var greet = task.New1("greet", func(ctx context.Context, name string) (string, error) {
	worker.Log(ctx).Info("greeting", "name", name)
	return "hello " + name, nil
}, task.Params("name"))

var hello = wf.New("hello", func(t *wf.Thread) {
	name := wf.Declare[string](t, "name").Required().Searchable()
	greeting := wf.Declare[string](t, "greeting")
	greeting.Set(greet.Do(t, name).Retries(3))
})

const usage = `usage: hello register      put the definitions
       hello worker        run the task until interrupted
       hello run <name>    start a WfRun and print its greeting`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	cfg, err := lh.LoadConfig()
	if err != nil {
		return err
	}
	client, err := lh.Dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	switch {
	case len(args) == 1 && args[0] == "register":
		return client.Register(ctx, greet, hello) // in dependency order; again changes nothing
	case len(args) == 1 && args[0] == "worker":
		return worker.New(client).Add(greet).Run(ctx) // drains when ctx ends
	case len(args) == 2 && args[0] == "run":
		return greetOnce(ctx, client, args[1], out)
	default:
		return errors.New(usage)
	}
}

func greetOnce(ctx context.Context, client *lh.Client, name string, out io.Writer) error {
	id, err := client.Run(ctx, hello.Name(), lh.Input{"name": name})
	if err != nil {
		return err
	}
	ended, err := client.Await(ctx, id)
	if err != nil {
		return err
	}
	greeting, err := lh.GetVar[string](ctx, client, id, "greeting")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "WfRun %s %s: %s\n", id, ended.Status, greeting)
	return nil
}
