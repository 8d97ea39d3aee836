package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
)

// rounds of kill and restart; LH_CRASH_ROUNDS sets another number.
func rounds(t *testing.T) int {
	s := os.Getenv("LH_CRASH_ROUNDS")
	if s == "" {
		return 200
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("LH_CRASH_ROUNDS: %v", err)
	}
	return n
}

// TestKilledServerLosesNothing kills the server under load again and again, and restarts it on the same
// data. Every acknowledged RunWf must be there, every run must complete, and no attempt of a task may reach
// a worker twice.
func TestKilledServerLosesNothing(t *testing.T) {
	s := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=4")
	l := &load{acked: map[string]bool{}, delivered: map[string]int{}}

	s.Start(t)
	conn := s.Dial(t)
	defer conn.Close()
	client := lhpb.NewLittleHorseClient(conn)
	register(t, client)

	n := rounds(t)
	for round := range n {
		if round > 0 {
			s.Start(t)
		}
		ctx, cancel := context.WithCancel(context.Background())
		stopped := l.start(ctx, client, round)
		l.waitFor(t, 20+rand.IntN(100)) // acknowledged calls, so that every round kills a busy server
		s.Kill()
		cancel()
		stopped()
	}

	s.Start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	stopped := l.startWorkers(ctx, client)
	l.completeAll(ctx, t, client)
	cancel()
	stopped()

	l.mu.Lock()
	defer l.mu.Unlock()
	for attempt, times := range l.delivered {
		if times > 1 {
			t.Errorf("attempt %s was delivered %d times", attempt, times)
		}
	}
	t.Logf("%d rounds, %d acknowledged runs, %d delivered attempts", n, len(l.acked), len(l.delivered))
}

const tasksPerRun = 3

// register puts a chain of tasks whose attempts time out after a second and are retried for ever: a claim
// whose delivery died with the server costs a second, not a run.
func register(t *testing.T, client lhpb.LittleHorseClient) {
	t.Helper()
	ctx := context.Background()
	if _, err := client.PutTaskDef(ctx, &lhpb.PutTaskDefRequest{Name: "step"}); err != nil {
		t.Fatal(err)
	}
	nodes := map[string]*lhpb.Node{
		"0-entrypoint-ENTRYPOINT": {Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}, OutgoingEdges: edge("1-step-TASK")},
	}
	for i := 1; i <= tasksPerRun; i++ {
		next := fmt.Sprintf("%d-step-TASK", i+1)
		if i == tasksPerRun {
			next = "exit"
		}
		nodes[fmt.Sprintf("%d-step-TASK", i)] = &lhpb.Node{
			Node: &lhpb.Node_Task{Task: &lhpb.TaskNode{
				TaskToExecute:  &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: "step"}},
				TimeoutSeconds: 1, Retries: 1_000_000,
			}},
			OutgoingEdges: edge(next),
		}
	}
	nodes["exit"] = &lhpb.Node{Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}}
	_, err := client.PutWfSpec(ctx, &lhpb.PutWfSpecRequest{
		Name: "chain", EntrypointThreadName: "main",
		ThreadSpecs: map[string]*lhpb.ThreadSpec{"main": {Nodes: nodes}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func edge(sink string) []*lhpb.Edge { return []*lhpb.Edge{{SinkNodeName: sink}} }

// load drives one server through its crashes and remembers what it was told.
type load struct {
	mu        sync.Mutex
	acked     map[string]bool // WfRun ids that the server acknowledged
	delivered map[string]int  // how often each attempt reached a worker
	acks      int             // acknowledged calls since the last waitFor
	enough    chan struct{}
	want      int
}

func (l *load) start(ctx context.Context, client lhpb.LittleHorseClient, round int) (wait func()) {
	var wg sync.WaitGroup
	for r := range 4 {
		wg.Go(func() { l.run(ctx, client, fmt.Sprintf("w-%d-%d", round, r)) })
	}
	workers := l.startWorkers(ctx, client)
	return func() { wg.Wait(); workers() }
}

func (l *load) startWorkers(ctx context.Context, client lhpb.LittleHorseClient) (wait func()) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { l.work(ctx, client) })
	}
	return wg.Wait
}

// run starts WfRuns until the server dies. A call without an answer is repeated with its id until there is
// one; one whose server died stays unknown.
func (l *load) run(ctx context.Context, client lhpb.LittleHorseClient, prefix string) {
	for i := 0; ctx.Err() == nil; i++ {
		id := fmt.Sprintf("%s-%d", prefix, i)
		_, err := client.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: "chain", Id: &id}, grpc.WaitForReady(true))
		if err == nil || status.Code(err) == codes.AlreadyExists {
			l.acknowledged(func() { l.acked[id] = true })
		} else if status.Code(err) != codes.ResourceExhausted {
			return
		}
	}
}

// work polls and reports as an official worker does: a report without an answer is sent again.
func (l *load) work(ctx context.Context, client lhpb.LittleHorseClient) {
	for ctx.Err() == nil {
		stream, err := client.PollTask(ctx, grpc.WaitForReady(true))
		if err != nil {
			return
		}
		for {
			if stream.Send(&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: "step"}, ClientId: "crash"}) != nil {
				break
			}
			got, err := stream.Recv()
			if err != nil {
				break
			}
			if task := got.GetResult(); task != nil {
				l.deliver(task)
				l.report(ctx, client, task)
			}
		}
		if ctx.Err() != nil {
			return
		}
	}
}

func (l *load) deliver(task *lhpb.ScheduledTask) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := task.GetTaskRunId()
	l.delivered[fmt.Sprintf("%s/%s attempt %d", id.GetWfRunId().GetId(), id.GetTaskGuid(), task.GetAttemptNumber())]++
}

func (l *load) report(ctx context.Context, client lhpb.LittleHorseClient, task *lhpb.ScheduledTask) {
	_, err := client.ReportTask(ctx, &lhpb.ReportTaskRun{
		TaskRunId: task.GetTaskRunId(), AttemptNumber: task.GetAttemptNumber(), Status: lhpb.TaskStatus_TASK_SUCCESS,
		Result: &lhpb.ReportTaskRun_Output{Output: &lhpb.VariableValue{}},
	}, grpc.WaitForReady(true))
	if err == nil {
		l.acknowledged(func() {})
	}
}

func (l *load) acknowledged(note func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	note()
	if l.acks++; l.enough != nil && l.acks >= l.want {
		close(l.enough)
		l.enough = nil
	}
}

// waitFor blocks until that many calls of this round were acknowledged.
func (l *load) waitFor(t *testing.T, n int) {
	t.Helper()
	enough := make(chan struct{})
	l.mu.Lock()
	l.acks, l.want, l.enough = 0, n, enough
	l.mu.Unlock()
	select {
	case <-enough:
	case <-time.After(time.Minute):
		t.Fatalf("the server did not acknowledge %d calls in a minute", n)
	}
}

// completeAll waits until every acknowledged run has completed.
func (l *load) completeAll(ctx context.Context, t *testing.T, client lhpb.LittleHorseClient) {
	t.Helper()
	l.mu.Lock()
	ids := make([]string, 0, len(l.acked))
	for id := range l.acked {
		ids = append(ids, id)
	}
	l.mu.Unlock()
	for _, id := range ids {
		for {
			run, err := client.GetWfRun(ctx, &lhpb.WfRunId{Id: id}, grpc.WaitForReady(true))
			if status.Code(err) == codes.NotFound {
				t.Errorf("run %s was acknowledged and is gone", id)
				break
			}
			if err != nil {
				t.Fatalf("run %s: %v", id, err)
			}
			if run.GetStatus() == lhpb.LHStatus_COMPLETED {
				break
			}
			if run.GetStatus() != lhpb.LHStatus_RUNNING {
				t.Errorf("run %s is %s", id, run.GetStatus())
				break
			}
		}
	}
}
