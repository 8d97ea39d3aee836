package conformance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/worker"
	"littlehorse/test/lhserver"
)

// serverLives is how often the server of a test of restarts lives, and is killed.
const serverLives = 5

// An official worker, and one of the Go SDK, come back by themselves whenever the server does, and do what is there.
//
// holds: WorkersSurviveRestarts
func TestOfficialWorkersSurviveRestarts(t *testing.T) {
	if *endpoint != "" {
		return // nobody is to kill that server
	}
	watchSources(t)
	for _, c := range clients {
		if c.language == "javascript" {
			continue // its package has no worker
		}
		t.Run(c.language, func(t *testing.T) {
			t.Parallel()
			outlived(t, func(ctx context.Context, server string) <-chan error {
				cmd, done := c.command(ctx, t, restarts, server)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				return whenEnded(func() error {
					err := cmd.Wait()
					return fmt.Errorf("%w\n%s\n%s", err, tail(done.stdout.String(), 40), tail(done.stderr.String(), 40))
				})
			})
		})
	}
	t.Run("go", func(t *testing.T) {
		t.Parallel()
		outlived(t, func(ctx context.Context, server string) <-chan error {
			client := dial(ctx, t, server)
			greet := task.New0("greet", func(context.Context) (string, error) { return "hello", nil })
			if err := client.Register(ctx, greet); err != nil {
				t.Fatal(err)
			}
			return whenEnded(func() error {
				err := worker.New(client).Add(greet).Run(ctx)
				return errors.Join(err, client.Close())
			})
		})
	})
}

func dial(ctx context.Context, t *testing.T, server string) *lh.Client {
	t.Helper()
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		t.Fatal(err)
	}
	cfg := lh.DefaultConfig()
	cfg.Host = host
	if cfg.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	client, err := lh.Dial(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// whenEnded gives how something has ended.
func whenEnded(wait func() error) <-chan error {
	ended := make(chan error, 1)
	go func() {
		defer close(ended)
		ended <- wait()
	}()
	return ended
}

// outlived lets a worker work for a server that is killed again and again. The worker goes on until ctx
// ends.
func outlived(t *testing.T, start func(ctx context.Context, server string) (ended <-chan error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), programTimeout)
	server := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=2")
	server.Start(t)
	ended := start(ctx, server.API)
	defer func() {
		cancel()
		<-ended
	}()
	conn := server.Dial(t)
	defer func() { _ = conn.Close() }()
	c := lhpb.NewLittleHorseClient(conn)
	until := func(what string, done func() (bool, error)) {
		t.Helper()
		for {
			yes, err := done()
			if err != nil {
				cancel()
				t.Fatalf("%s: %v; the worker: %v", what, err, <-ended)
			}
			if yes {
				return
			}
			select {
			case err := <-ended:
				cancel()
				t.Fatalf("%s: the worker has ended: %v", what, err)
			case <-time.After(30 * time.Millisecond):
			}
		}
	}
	until("there is a TaskDef", func() (bool, error) {
		_, err := c.GetTaskDef(ctx, &lhpb.TaskDefId{Name: "greet"}, grpc.WaitForReady(true))
		if status.Code(err) == codes.NotFound {
			return false, nil
		}
		return err == nil, err
	})
	putGreeting(ctx, t, c)
	for life := range serverLives {
		id := fmt.Sprintf("life-%d", life)
		if _, err := c.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: "greeting", Id: &id}, grpc.WaitForReady(true)); err != nil {
			t.Fatal(err)
		}
		until(id+" completes", func() (bool, error) {
			run, err := c.GetWfRun(ctx, &lhpb.WfRunId{Id: id}, grpc.WaitForReady(true))
			if st := run.GetStatus(); err == nil && st != lhpb.LHStatus_RUNNING && st != lhpb.LHStatus_COMPLETED {
				err = errors.New(st.String())
			}
			return run.GetStatus() == lhpb.LHStatus_COMPLETED, err
		})
		server.Kill()
		server.Start(t)
	}
}

func putGreeting(ctx context.Context, t *testing.T, c lhpb.LittleHorseClient) {
	t.Helper()
	next := func(node string) []*lhpb.Edge { return []*lhpb.Edge{{SinkNodeName: node}} }
	_, err := c.PutWfSpec(ctx, &lhpb.PutWfSpecRequest{
		Name: "greeting", EntrypointThreadName: "entrypoint",
		ThreadSpecs: map[string]*lhpb.ThreadSpec{"entrypoint": {Nodes: map[string]*lhpb.Node{
			"0-entrypoint": {Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}, OutgoingEdges: next("1-greet")},
			"1-greet": {Node: &lhpb.Node_Task{Task: &lhpb.TaskNode{
				TaskToExecute:  &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: "greet"}},
				TimeoutSeconds: 10, Retries: 100,
			}}, OutgoingEdges: next("2-exit")},
			"2-exit": {Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
}
