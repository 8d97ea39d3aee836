package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
	"littlehorse/sdk/worker"
	"littlehorse/test/still"
)

func TestMain(m *testing.M) { still.Main(m) }

func scheduled(name, guid string, inputs ...any) *lhpb.ScheduledTask {
	t := &lhpb.ScheduledTask{
		TaskRunId: &lhpb.TaskRunId{WfRunId: &lhpb.WfRunId{Id: "run"}, TaskGuid: guid},
		TaskDefId: &lhpb.TaskDefId{Name: name},
		Source: &lhpb.TaskRunSource{TaskRunSource: &lhpb.TaskRunSource_TaskNode{TaskNode: &lhpb.TaskNodeReference{
			NodeRunId: &lhpb.NodeRunId{ThreadRunNumber: 3, Position: 7},
		}}},
	}
	for _, in := range inputs {
		v, err := lh.Value(in)
		if err != nil {
			panic(err)
		}
		t.Variables = append(t.Variables, &lhpb.VarNameAndVal{Value: v})
	}
	return t
}

// start registers the tasks, runs a worker for them and stops it when the test ends.
func start(t *testing.T, client *lh.Client, tasks []task.Task, options ...worker.Option) (stop func() error) {
	t.Helper()
	for _, one := range tasks {
		if err := client.Register(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	options = append([]worker.Option{worker.Logger(slog.New(slog.DiscardHandler))}, options...)
	w := worker.New(client, options...).Add(tasks...)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { stop() })
	return stop
}

func (c *cluster) report(t *testing.T, guid string) *lhpb.ReportTaskRun {
	t.Helper()
	c.await(t, func() bool { return len(c.reports[guid]) > 0 })
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reports[guid][0]
}

// covers: tasks §6.4
func TestResults(t *testing.T) {
	c := newCluster()
	_, port := c.listen(t, 0)
	c.assign(port)
	odd := task.New1("odd", func(ctx context.Context, kind string) (map[string]any, error) {
		worker.Log(ctx).Info("running", "kind", kind)
		switch kind {
		case "exception":
			return nil, fmt.Errorf("wrapped: %w", task.ExceptionWith("out-of-stock", 3, "none of %d left", 7))
		case "error":
			return nil, errors.New("boom")
		case "panic":
			panic("ouch")
		case "output":
			return map[string]any{"f": func() {}}, nil
		}
		return map[string]any{"key": worker.From(ctx).IdempotencyKey, "pos": worker.From(ctx).Position}, nil
	}, task.Params("kind"))
	start(t, dial(t, port), []task.Task{odd})

	tests := []struct {
		kind   any
		status lhpb.TaskStatus
		check  func(*lhpb.ReportTaskRun) bool
	}{
		{"good", lhpb.TaskStatus_TASK_SUCCESS, func(r *lhpb.ReportTaskRun) bool {
			return r.GetOutput().GetJsonObj() == `{"key":"run/g0","pos":7}` && strings.Contains(r.LogOutput.GetStr(), "kind=good")
		}},
		{"exception", lhpb.TaskStatus_TASK_EXCEPTION, func(r *lhpb.ReportTaskRun) bool {
			e := r.GetException()
			return e.GetName() == "out-of-stock" && e.GetMessage() == "none of 7 left" && e.GetContent().GetInt() == 3
		}},
		{"error", lhpb.TaskStatus_TASK_FAILED, func(r *lhpb.ReportTaskRun) bool {
			return r.GetError().GetType() == lhpb.LHErrorType_TASK_FAILURE && r.GetError().GetMessage() == "boom"
		}},
		{"panic", lhpb.TaskStatus_TASK_FAILED, func(r *lhpb.ReportTaskRun) bool {
			return r.GetError().GetMessage() == "panic: ouch" && strings.Contains(r.LogOutput.GetStr(), "worker_test.go")
		}},
		{"output", lhpb.TaskStatus_TASK_OUTPUT_SERDE_ERROR, func(r *lhpb.ReportTaskRun) bool {
			return r.GetError().GetType() == lhpb.LHErrorType_VAR_MUTATION_ERROR
		}},
		{7, lhpb.TaskStatus_TASK_INPUT_VAR_SUB_ERROR, func(r *lhpb.ReportTaskRun) bool {
			return r.GetError().GetType() == lhpb.LHErrorType_VAR_SUB_ERROR && strings.Contains(r.GetError().GetMessage(), "kind")
		}},
	}
	for i, test := range tests {
		guid := fmt.Sprintf("g%d", i)
		one := scheduled("odd", guid, test.kind)
		one.AttemptNumber = int32(i)
		c.schedule(one)
		r := c.report(t, guid)
		if r.Status != test.status || !test.check(r) || r.AttemptNumber != int32(i) || r.Time == nil {
			t.Errorf("%v: %v", test.kind, r)
		}
	}
}

func TestFunctionsOfAnyShape(t *testing.T) {
	c := newCluster()
	_, port := c.listen(t, 0)
	c.assign(port)
	var called atomic.Int64
	nothing := task.Func("nothing", func() { called.Add(1) })
	sum := task.Func("sum", func(a int, b *float64, list []string) (float64, error) {
		return float64(a) + *b + float64(len(list)), nil
	}, task.Params("a", "b", "list"))
	start(t, dial(t, port), []task.Task{nothing, sum})
	c.schedule(scheduled("sum", "s", 1, 2.5, []string{"x"}))
	if r := c.report(t, "s"); r.GetOutput().GetDouble() != 4.5 {
		t.Errorf("%v", r)
	}
	c.schedule(scheduled("nothing", "n"))
	if r := c.report(t, "n"); r.Status != lhpb.TaskStatus_TASK_SUCCESS || r.GetOutput() == nil || called.Load() != 1 {
		t.Errorf("%v", r)
	}
	if _, err := task.Func("bad", func(...int) {}).PutTaskDef(); err == nil {
		t.Error("a variadic function was accepted")
	}
	if _, err := task.Func("bad", 3).PutTaskDef(); err == nil {
		t.Error("a number was accepted")
	}
}

// covers: tasks §6.4
func TestNoMoreTasksAreClaimedThanCanRun(t *testing.T) {
	c := newCluster()
	_, one := c.listen(t, 0)
	_, two := c.listen(t, 0)
	c.assign(one, two)
	const slots, hosts, tasks = 4, 2, 200
	var running, most atomic.Int64
	work := task.New0("work", func(context.Context) (wf.None, error) {
		now := running.Add(1)
		defer running.Add(-1)
		for {
			old := most.Load()
			if now <= old || most.CompareAndSwap(old, now) {
				break
			}
		}
		runtime.Gosched()
		return wf.None{}, nil
	})
	start(t, dial(t, one), []task.Task{work}, worker.MaxConcurrent(slots))
	for i := range tasks {
		c.schedule(scheduled("work", fmt.Sprint(i)))
	}
	c.await(t, func() bool { return len(c.reports) == tasks })
	if most.Load() > slots {
		t.Errorf("%d tasks ran at a time, %d slots", most.Load(), slots)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mostClaimed > slots+hosts {
		t.Errorf("%d tasks were claimed at a time, %d slots and %d hosts", c.mostClaimed, slots, hosts)
	}
}

// A worker that is told to end, as a deployment does, finishes what it has and takes nothing more.
func TestDrainLosesNothing(t *testing.T) {
	c := newCluster()
	_, port := c.listen(t, 0)
	c.assign(port)
	const tasks = 50
	release := make(chan struct{})
	slow := task.New0("slow", func(context.Context) (wf.None, error) {
		<-release
		return wf.None{}, nil
	})
	client := dial(t, port)
	if err := client.Register(t.Context(), slow); err != nil {
		t.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	defer stop()
	ended := make(chan error, 1)
	w := worker.New(client, worker.MaxConcurrent(tasks), worker.Logger(slog.New(slog.DiscardHandler))).Add(slow)
	go func() { ended <- w.Run(ctx) }()
	for i := range tasks {
		c.schedule(scheduled("slow", fmt.Sprint(i)))
	}
	c.await(t, func() bool { return c.claimed == tasks })
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	c.await(t, func() bool { return c.streams == 0 })
	c.schedule(scheduled("slow", "late"))
	close(release)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(c.reports) != tasks || c.reports["late"] != nil {
		t.Errorf("%d of %d tasks were reported", len(c.reports), tasks)
	}
}

func TestTasksThatOutlastTheGraceAreCancelled(t *testing.T) {
	c := newCluster()
	_, port := c.listen(t, 0)
	c.assign(port)
	endless := task.New0("endless", func(ctx context.Context) (wf.None, error) {
		<-ctx.Done()
		return wf.None{}, context.Cause(ctx)
	})
	stop := start(t, dial(t, port), []task.Task{endless}, worker.ShutdownGrace(10*time.Millisecond))
	c.schedule(scheduled("endless", "e"))
	c.await(t, func() bool { return c.claimed == 1 })
	if err := stop(); err != nil {
		t.Error(err)
	}
	if r := c.reports["e"]; len(r) != 1 || r[0].GetError().GetMessage() != "the worker is shutting down" {
		t.Errorf("%v", r)
	}
}

// covers: tasks §6.4
// holds: RollingRestartIsInvisible
func TestServersMayRestart(t *testing.T) {
	c := newCluster()
	_, stays := c.listen(t, 0)
	goes, port := c.listen(t, 0)
	c.assign(stays, port)
	work := task.New0("work", func(context.Context) (wf.None, error) { return wf.None{}, nil })
	start(t, dial(t, stays), []task.Task{work})
	c.await(t, func() bool { return len(c.credits) >= 2 })

	// What a dying server has sent and the worker has not received is lost until its timeout, so nothing is under way
	// when it stops.
	run := func(from, to int) {
		for i := from; i < to; i++ {
			c.schedule(scheduled("work", fmt.Sprint(i)))
		}
		c.await(t, func() bool { return len(c.reports) == to })
	}
	run(0, 20)
	goes.Stop()
	run(20, 40)
	c.listen(t, port)
	run(40, 60)
	c.assign(port)
	c.await(t, func() bool { return len(c.credits) > 0 })
}

// One of two servers goes while 10,000 tasks are worked off, and comes back. What it has handed out and nobody has got is handed
// out again: each task is reported, and none is run more often than it was handed out.
func TestManyTasksWhileAServerRestarts(t *testing.T) {
	c := newCluster()
	_, stays := c.listen(t, 0)
	goes, port := c.listen(t, 0)
	c.assign(stays, port)
	const tasks, slots = 10_000, 64
	var mu sync.Mutex
	ran := map[string]int{}
	work := task.New0("work", func(ctx context.Context) (wf.None, error) {
		mu.Lock()
		defer mu.Unlock()
		ran[worker.From(ctx).TaskGUID]++
		return wf.None{}, nil
	})
	stop := start(t, dial(t, stays), []task.Task{work}, worker.MaxConcurrent(slots))
	var all []*lhpb.ScheduledTask
	for i := range tasks {
		all = append(all, scheduled("work", fmt.Sprint(i)))
	}
	c.schedule(all...)
	c.await(t, func() bool { return len(c.reports) > tasks/4 })
	goes.Stop()
	c.await(t, func() bool { return len(c.reports) > tasks/2 })
	c.listen(t, port)
	c.await(t, func() bool { return len(c.waiting) == 0 && c.claimed <= slots+2 })
	c.timeOut()
	c.await(t, func() bool { return len(c.reports) == tasks })
	if err := stop(); err != nil {
		t.Error(err)
	}
	for _, one := range all {
		if guid := one.TaskRunId.TaskGuid; ran[guid] < 1 || ran[guid] > c.handedOut[guid] {
			t.Errorf("task %s: handed out %d times and run %d times", guid, c.handedOut[guid], ran[guid])
		}
	}
}

func TestWorkerWaitsForAServerThatIsDown(t *testing.T) {
	c := newCluster()
	server, port := c.listen(t, 0)
	c.assign(port)
	client := dial(t, port)
	work := task.New0("work", func(context.Context) (wf.None, error) { return wf.None{}, nil })
	if err := client.Register(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	w := worker.New(client, worker.Logger(slog.New(slog.DiscardHandler))).Add(work)
	go func() { ended <- w.Run(ctx) }()
	c.listen(t, port)
	c.schedule(scheduled("work", "w"))
	c.report(t, "w")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// covers: tasks §6.4
func TestResultsAreOfferedAgain(t *testing.T) {
	c := newCluster()
	_, port := c.listen(t, 0)
	c.assign(port)
	c.refusals = 3
	work := task.New0("work", func(context.Context) (wf.None, error) { return wf.None{}, nil })
	start(t, dial(t, port), []task.Task{work})
	c.schedule(scheduled("work", "w"))
	c.report(t, "w")
}

func TestLostResultsAreReturned(t *testing.T) {
	c := newCluster()
	_, port := c.listen(t, 0)
	c.assign(port)
	c.refusals = 1000
	work := task.New0("work", func(context.Context) (wf.None, error) { return wf.None{}, nil })
	stop := start(t, dial(t, port), []task.Task{work}, worker.ReportFor(10*time.Millisecond))
	c.schedule(scheduled("work", "w"))
	c.await(t, func() bool { return c.refusals < 1000 })
	if err := stop(); err == nil || !strings.Contains(err.Error(), "run/w") {
		t.Errorf("the lost result is not named: %v", err)
	}
}

func TestCheckpoints(t *testing.T) {
	c := newCluster()
	_, port := c.listen(t, 0)
	c.assign(port)
	var calls atomic.Int64
	work := task.New0("work", func(ctx context.Context) (int64, error) {
		first, err := worker.Checkpoint(ctx, "first", func(context.Context) (int64, error) { return calls.Add(1), nil })
		if err != nil {
			return 0, err
		}
		second, err := worker.Checkpoint(ctx, "second", func(context.Context) (int64, error) { return 10 * calls.Add(1), nil })
		return first + second, err
	})
	start(t, dial(t, port), []task.Task{work})
	c.schedule(scheduled("work", "a"))
	if r := c.report(t, "a"); r.GetOutput().GetInt() != 21 || len(c.checkpoints) != 2 {
		t.Errorf("%v, %d checkpoints", r, len(c.checkpoints))
	}
	again := scheduled("work", "b")
	again.AttemptNumber, again.TotalObservedCheckpoints = 1, 1
	c.schedule(again)
	if r := c.report(t, "b"); r.GetOutput().GetInt() != 31 {
		t.Errorf("the saved checkpoint was not used: %v", r)
	}
	c.mu.Lock()
	c.stopTask = true
	c.mu.Unlock()
	c.schedule(scheduled("work", "c"))
	if r := c.report(t, "c"); r.Status != lhpb.TaskStatus_TASK_FAILED || !strings.Contains(r.GetError().GetMessage(), "asks this attempt to stop") {
		t.Errorf("%v", r)
	}
}

func TestFunctionsThatDoNotFitTheirTaskDef(t *testing.T) {
	c := newCluster()
	_, port := c.listen(t, 0)
	client := dial(t, port)
	registered := task.New1("work", func(context.Context, string) (int64, error) { return 0, nil }, task.Params("name"))
	if err := client.Register(t.Context(), registered); err != nil {
		t.Fatal(err)
	}
	other := task.New2("work", func(context.Context, string, bool) (wf.None, error) { return wf.None{}, nil })
	err := worker.New(client).Add(other).Run(t.Context())
	for _, want := range []string{"input 1: the function takes 1-bool BOOL, the TaskDef says nothing", "result: the function returns nothing, the TaskDef says INT"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing: %v", want, err)
		}
	}
	unknown := task.New0("unknown", func(context.Context) (wf.None, error) { return wf.None{}, nil })
	if err := worker.New(client, worker.DefinitionWait(0)).Add(unknown).Run(t.Context()); !errors.Is(err, lh.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if err := worker.New(client).Run(t.Context()); err == nil {
		t.Error("a worker without tasks ran")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel() // so that one which is accepted ends
	for name, n := range map[string]int{"wrok": 1, "work": 0} {
		if err := worker.New(client, worker.PerTask(name, n)).Add(registered).Run(ended); err == nil || !strings.Contains(err.Error(), "PerTask") {
			t.Errorf("PerTask(%q, %d): %v", name, n, err)
		}
	}
}

func TestInterceptorsWrapInOrder(t *testing.T) {
	c := newCluster()
	_, port := c.listen(t, 0)
	c.assign(port)
	var mu sync.Mutex
	var order []string
	mark := func(name string) func(worker.Handler) worker.Handler {
		return func(next worker.Handler) worker.Handler {
			return func(ctx context.Context, t *lhpb.ScheduledTask) (*lhpb.VariableValue, error) {
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
				return next(ctx, t)
			}
		}
	}
	work := task.New0("work", func(context.Context) (wf.None, error) { return wf.None{}, nil })
	start(t, dial(t, port), []task.Task{work}, worker.Interceptor(mark("outer"), mark("inner")))
	c.schedule(scheduled("work", "w"))
	c.report(t, "w")
	if strings.Join(order, " ") != "outer inner" {
		t.Error(order)
	}
}

// An interceptor that counts or measures sees each attempt end, that of a task that panics, too.
func TestInterceptorsSeePanicsAsErrors(t *testing.T) {
	c := newCluster()
	_, port := c.listen(t, 0)
	c.assign(port)
	seen := make(chan error, 1)
	watch := func(next worker.Handler) worker.Handler {
		return func(ctx context.Context, t *lhpb.ScheduledTask) (*lhpb.VariableValue, error) {
			output, err := next(ctx, t)
			seen <- err
			return output, err
		}
	}
	work := task.New0("work", func(context.Context) (wf.None, error) { panic("ouch") })
	start(t, dial(t, port), []task.Task{work}, worker.Interceptor(watch))
	c.schedule(scheduled("work", "w"))
	report := c.report(t, "w")
	if report.GetError().GetMessage() != "panic: ouch" || !strings.Contains(report.LogOutput.GetStr(), "worker_test.go") {
		t.Errorf("reported: %v", report)
	}
	select {
	case err := <-seen:
		if err == nil || err.Error() != "panic: ouch" {
			t.Errorf("the interceptor saw %v", err)
		}
	default:
		t.Error("the interceptor saw no end of the attempt")
	}
}
