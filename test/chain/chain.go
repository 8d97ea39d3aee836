// Package chain puts a server under a load of runs that are chains of tasks, and remembers what the server said. It serves
// the tests that take servers away under that load.
package chain

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
)

const tasksPerRun = 3

// Register puts a chain of tasks whose attempts time out after a second and are retried for ever: a claim
// whose delivery died with the server costs a second, not a run.
func Register(t testing.TB, client lhpb.LittleHorseClient) {
	t.Helper()
	RegisterWithin(t, client, time.Second)
}

// RegisterWithin is Register with attempts that have more time, for machines on which a second is short.
func RegisterWithin(t testing.TB, client lhpb.LittleHorseClient, attempt time.Duration) {
	t.Helper()
	Insist(t, func() error {
		_, err := client.PutTaskDef(t.Context(), &lhpb.PutTaskDefRequest{Name: "step"})
		return err
	})
	nodes := map[string]*lhpb.Node{
		"0-entrypoint-ENTRYPOINT": {Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}, OutgoingEdges: Edge("1-step-TASK")},
	}
	for i := 1; i <= tasksPerRun; i++ {
		next := fmt.Sprintf("%d-step-TASK", i+1)
		if i == tasksPerRun {
			next = "exit"
		}
		nodes[fmt.Sprintf("%d-step-TASK", i)] = &lhpb.Node{
			Node: &lhpb.Node_Task{Task: &lhpb.TaskNode{
				TaskToExecute:  &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: "step"}},
				TimeoutSeconds: int32(attempt.Seconds()), Retries: 1_000_000,
			}},
			OutgoingEdges: Edge(next),
		}
	}
	nodes["exit"] = &lhpb.Node{Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}}
	Insist(t, func() error {
		_, err := client.PutWfSpec(t.Context(), &lhpb.PutWfSpecRequest{
			Name: "chain", EntrypointThreadName: "main",
			ThreadSpecs: map[string]*lhpb.ThreadSpec{"main": {Nodes: nodes}},
		})
		return err
	})
}

// Insist calls again while a partition is on its way, or a server was not heard for long.
func Insist(t testing.TB, call func() error) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; {
		err := call()
		if err == nil {
			return
		}
		if status.Code(err) != codes.Unavailable || time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// Edge leads to the node.
func Edge(sink string) []*lhpb.Edge { return []*lhpb.Edge{{SinkNodeName: sink}} }

// Load drives one server through its crashes and remembers what it was told.
type Load struct {
	sync.Mutex
	Acked     map[string]bool // WfRun ids that the server acknowledged
	Delivered map[string]int  // how often each attempt reached a worker
	acks      int             // acknowledged calls since the last WaitFor
	enough    chan struct{}
	want      int
}

// Start begins to run and to work; wait returns when the context has ended.
func (l *Load) Start(ctx context.Context, client lhpb.LittleHorseClient, round int) (wait func()) {
	var wg sync.WaitGroup
	for r := range 4 {
		wg.Go(func() { l.run(ctx, client, fmt.Sprintf("w-%d-%d", round, r)) })
	}
	workers := l.StartWorkers(ctx, client)
	return func() { wg.Wait(); workers() }
}

// StartWorkers begins to work only.
func (l *Load) StartWorkers(ctx context.Context, client lhpb.LittleHorseClient) (wait func()) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { l.work(ctx, client) })
	}
	return wg.Wait
}

// run starts WfRuns until the context ends. A call without an answer is repeated with its id until there is one; one
// whose server died stays unknown.
func (l *Load) run(ctx context.Context, client lhpb.LittleHorseClient, prefix string) {
	for i := 0; ctx.Err() == nil; i++ {
		id := fmt.Sprintf("%s-%d", prefix, i)
		_, err := client.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: "chain", Id: &id}, grpc.WaitForReady(true))
		switch status.Code(err) {
		case codes.OK, codes.AlreadyExists:
			l.acknowledged(func() { l.Acked[id] = true })
		case codes.Unavailable:
			i--
		case codes.ResourceExhausted:
		default:
			return
		}
	}
}

// work polls and reports as an official worker does: a report without an answer is sent again.
func (l *Load) work(ctx context.Context, client lhpb.LittleHorseClient) {
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

func (l *Load) deliver(task *lhpb.ScheduledTask) {
	l.Lock()
	defer l.Unlock()
	id := task.GetTaskRunId()
	l.Delivered[fmt.Sprintf("%s/%s attempt %d", id.GetWfRunId().GetId(), id.GetTaskGuid(), task.GetAttemptNumber())]++
}

func (l *Load) report(ctx context.Context, client lhpb.LittleHorseClient, task *lhpb.ScheduledTask) {
	_, err := client.ReportTask(ctx, &lhpb.ReportTaskRun{
		TaskRunId: task.GetTaskRunId(), AttemptNumber: task.GetAttemptNumber(), Status: lhpb.TaskStatus_TASK_SUCCESS,
		Result: &lhpb.ReportTaskRun_Output{Output: &lhpb.VariableValue{}},
	}, grpc.WaitForReady(true))
	if err == nil {
		l.acknowledged(func() {})
	}
}

func (l *Load) acknowledged(note func()) {
	l.Lock()
	defer l.Unlock()
	note()
	if l.acks++; l.enough != nil && l.acks >= l.want {
		close(l.enough)
		l.enough = nil
	}
}

// WaitFor blocks until that many calls of this round were acknowledged.
func (l *Load) WaitFor(t testing.TB, n int) {
	t.Helper()
	enough := make(chan struct{})
	l.Lock()
	l.acks, l.want, l.enough = 0, n, enough
	l.Unlock()
	select {
	case <-enough:
	case <-time.After(5 * time.Minute):
		t.Fatalf("the server did not acknowledge %d calls", n)
	}
}

// CompleteAll waits until every acknowledged run has completed.
func (l *Load) CompleteAll(ctx context.Context, t testing.TB, client lhpb.LittleHorseClient) {
	t.Helper()
	l.Lock()
	ids := make([]string, 0, len(l.Acked))
	for id := range l.Acked {
		ids = append(ids, id)
	}
	l.Unlock()
	for _, id := range ids {
		for {
			run, err := client.GetWfRun(ctx, &lhpb.WfRunId{Id: id}, grpc.WaitForReady(true))
			if status.Code(err) == codes.NotFound {
				t.Errorf("run %s was acknowledged and is gone", id)
				break
			}
			if status.Code(err) == codes.Unavailable {
				continue
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

// New makes a Load that has been told nothing.
func New() *Load { return &Load{Acked: map[string]bool{}, Delivered: map[string]int{}} }

// NoneTwice fails the test for every attempt that reached a worker twice, and logs what there was.
func (l *Load) NoneTwice(t testing.TB) {
	t.Helper()
	l.Lock()
	defer l.Unlock()
	for attempt, times := range l.Delivered {
		if times > 1 {
			t.Errorf("attempt %s was delivered %d times", attempt, times)
		}
	}
	t.Logf("%d acknowledged runs, %d delivered attempts", len(l.Acked), len(l.Delivered))
}

// Snapshot is what was acknowledged until now.
func (l *Load) Snapshot() map[string]bool {
	l.Lock()
	defer l.Unlock()
	return maps.Clone(l.Acked)
}

// KillAgain kills the server under load again and again, and starts it again, after between if it is not the last time.
// Every acknowledged RunWf must be there, every run must complete, and no attempt of a task may reach a worker twice.
func (l *Load) KillAgain(t *testing.T, s *lhserver.Server, rounds int, between func(round int)) {
	t.Helper()
	s.Start(t)
	conn := s.Dial(t)
	defer conn.Close()
	client := lhpb.NewLittleHorseClient(conn)
	Register(t, client)
	for round := range rounds {
		if round > 0 {
			between(round)
			s.Start(t)
		}
		ctx, cancel := context.WithCancel(context.Background())
		stopped := l.Start(ctx, client, round)
		l.WaitFor(t, 20+rand.IntN(100)) // acknowledged calls, so that every round kills a busy server
		s.Kill()
		cancel()
		stopped()
	}

	s.Start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	stopped := l.StartWorkers(ctx, client)
	l.CompleteAll(ctx, t, client)
	cancel()
	stopped()
	l.NoneTwice(t)
}
