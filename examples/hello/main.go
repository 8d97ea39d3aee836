// Command hello registers a workflow and does its task until it is interrupted.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"

	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
	"littlehorse/sdk/worker"
)

var greet = task.New1("greet", func(_ context.Context, name string) (string, error) {
	return "hello " + name, nil
}, task.Params("name"))

var hello = wf.New("hello", func(t *wf.Thread) {
	name := wf.Declare[string](t, "name").Required().Searchable()
	t.Complete(greet.Do(t, name).Retries(3))
})

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cfg, err := lh.LoadConfig()
	check(err)
	client, err := lh.Dial(ctx, cfg)
	check(err)
	check(client.Register(ctx, greet, hello))
	check(worker.New(client).Add(greet).Run(ctx))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
