package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/wf"
)

const (
	// loadGCPercent trades memory of the load side for CPU.
	loadGCPercent = 400
	// reportTries is how often a report is offered before its WfRun is given up.
	reportTries = 5
	// pauseAfterError keeps a failing server from being asked in a tight loop.
	pauseAfterError = 20 * time.Millisecond
	// heartbeat keeps the worker in its group.
	heartbeat = 30 * time.Second
	// backlog is how many starts and reports may wait for a caller in the open loop.
	backlog = 1 << 16
)

// job is one unary call: a WfRun to start when task is nil, else a task to report.
type job struct {
	due  time.Duration
	run  *wfRun
	task *lhpb.ScheduledTask
	api  lhpb.LittleHorseClient
}

// load is one measurement.
type load struct {
	settings
	name    string // of the TaskDef, the WfSpec and the WfRuns
	clients []*lh.Client
	rec     *recorder
	runs    *table
	jobs    chan job
	input   map[string]*lhpb.VariableValue
	output  *lhpb.VariableValue

	starting atomic.Bool // new WfRuns may begin
	enough   chan struct{}
	once     sync.Once
}

func run(ctx context.Context, s settings, cfg lh.Config) (*result, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(loadGCPercent))
	l := newLoad(s)
	for range s.Connections {
		client, err := lh.Dial(ctx, cfg)
		if err != nil {
			return nil, err
		}
		defer client.Close()
		l.clients = append(l.clients, client)
	}
	version, err := l.clients[0].RPC().GetServerVersion(ctx, &emptypb.Empty{})
	if err != nil && status.Code(err) != codes.Unimplemented {
		return nil, fmt.Errorf("server at %s: %w", s.API, err)
	}
	if err := l.register(ctx); err != nil {
		return nil, err
	}
	disk, err := measureDisk(s.DataDir)
	if err != nil {
		return nil, err
	}
	before, after, err := l.drive(ctx)
	if err != nil {
		return nil, err
	}
	return l.result(version, disk, before, after), nil
}

func newLoad(s settings) *load {
	name := "bench-" + string(lh.NewRunID())[:12]
	payload := &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: strings.Repeat("x", s.Payload)}}
	l := &load{
		settings: s, name: name, rec: newRecorder(), runs: newTable(name), enough: make(chan struct{}),
		input: map[string]*lhpb.VariableValue{"payload": payload}, output: payload,
	}
	l.jobs = make(chan job, s.Concurrency)
	if s.Rate > 0 {
		l.jobs = make(chan job, backlog)
	}
	l.starting.Store(true)
	return l
}

// register puts a TaskDef and a WfSpec of names of their own, so that nothing else takes part.
func (l *load) register(ctx context.Context) error {
	rpc := l.clients[0].RPC()
	str := &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: lhpb.VariableType_STR}}
	_, err := rpc.PutTaskDef(ctx, &lhpb.PutTaskDefRequest{
		Name: l.name, InputVars: []*lhpb.VariableDef{{Name: "payload", TypeDef: str}},
		ReturnType: &lhpb.ReturnType{ReturnType: str},
	})
	if err != nil {
		return fmt.Errorf("register TaskDef: %w", err)
	}
	return l.clients[0].Register(ctx, wf.New(l.name, func(t *wf.Thread) {
		payload := wf.Declare[string](t, "payload").Required()
		for range l.Tasks {
			t.Execute(l.name, payload)
		}
	}))
}

// drive puts the load on and returns what was used at both ends of the window.
func (l *load) drive(ctx context.Context) (before, after usage, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var working sync.WaitGroup
	defer working.Wait()
	defer cancel()
	if err := l.poll(ctx, &working); err != nil {
		return usage{}, usage{}, err
	}
	for i := range l.Concurrency {
		working.Go(func() { l.call(ctx, i) })
	}
	if l.Rate > 0 {
		working.Go(func() { l.pace(ctx) })
	}
	if err := wait(ctx, l.Warmup, nil); err != nil {
		return usage{}, usage{}, err
	}
	if before, err = readUsage(l.ServerPIDs); err != nil {
		return usage{}, usage{}, err
	}
	l.rec.open()
	if l.begin != nil {
		l.begin()
	}
	limit, enough := l.Duration, (<-chan struct{})(nil)
	if l.Runs > 0 {
		limit, enough = 0, l.enough
	}
	if err := wait(ctx, limit, enough); err != nil {
		return usage{}, usage{}, err
	}
	if l.until != nil {
		if err := wait(ctx, 0, l.until); err != nil {
			return usage{}, usage{}, err
		}
	}
	l.rec.close()
	if after, err = readUsage(l.ServerPIDs); err != nil {
		return usage{}, usage{}, err
	}
	l.starting.Store(false)
	return before, after, l.drain(ctx)
}

// wait ends after d (never, if that is 0 and there is a channel), when the channel is closed, or with the context.
func wait(ctx context.Context, d time.Duration, done <-chan struct{}) error {
	var timeout <-chan time.Time
	if d > 0 || done == nil {
		t := time.NewTimer(d)
		defer t.Stop()
		timeout = t.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timeout:
	case <-done:
	}
	return nil
}

// drain waits for the WfRuns in flight; those that do not end are reported as unfinished.
func (l *load) drain(ctx context.Context) error {
	deadline := time.Now().Add(l.Drain)
	for l.runs.size.Load() > 0 && time.Now().Before(deadline) {
		if err := wait(ctx, 10*time.Millisecond, nil); err != nil {
			return err
		}
	}
	return nil
}

// poll opens the streams to every server that the worker is assigned, and keeps it registered.
func (l *load) poll(ctx context.Context, working *sync.WaitGroup) error {
	register := func() (*lhpb.RegisterTaskWorkerResponse, error) {
		return l.clients[0].RPC().RegisterTaskWorker(ctx, &lhpb.RegisterTaskWorkerRequest{
			TaskWorkerId: l.name, TaskDefId: &lhpb.TaskDefId{Name: l.name},
		})
	}
	assigned, err := register()
	if err != nil {
		return fmt.Errorf("register worker: %w", err)
	}
	if len(assigned.YourHosts) == 0 {
		return errors.New("the server assigns no host to poll")
	}
	for _, host := range assigned.YourHosts {
		for i := range l.Workers {
			api, err := l.clients[i%len(l.clients)].At(host.Host, host.Port)
			if err != nil {
				return err
			}
			address := net.JoinHostPort(host.Host, strconv.Itoa(int(host.Port)))
			working.Go(func() { l.follow(ctx, i, address, api) })
		}
	}
	working.Go(func() {
		for wait(ctx, heartbeat, nil) == nil {
			if _, err := register(); err != nil {
				l.rec.fail(err)
			}
		}
	})
	return nil
}

// follow keeps one poll stream open.
func (l *load) follow(ctx context.Context, who int, address string, api lhpb.LittleHorseClient) {
	for {
		err := l.session(ctx, who, api)
		if ctx.Err() != nil {
			return
		}
		l.rec.fail(fmt.Errorf("poll %s: %w", address, err))
		if wait(ctx, pauseAfterError, nil) != nil {
			return
		}
	}
}

// session takes tasks from one stream. The next credit goes out before the task is looked at.
func (l *load) session(ctx context.Context, who int, api lhpb.LittleHorseClient) error {
	stream, err := api.PollTask(ctx)
	if err != nil {
		return err
	}
	credit := &lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: l.name}, ClientId: l.name}
	for range l.Polls {
		if err := stream.Send(credit); err != nil {
			_, err = stream.Recv()
			return err
		}
	}
	return l.receive(ctx, who, api, stream, credit)
}

func (l *load) receive(ctx context.Context, who int, api lhpb.LittleHorseClient, stream grpc.BidiStreamingClient[lhpb.PollTaskRequest, lhpb.PollTaskResponse], credit *lhpb.PollTaskRequest) error {
	for {
		answer, err := stream.Recv()
		if err != nil {
			return err
		}
		at := l.rec.now()
		if err := stream.Send(credit); err != nil {
			_, err = stream.Recv()
			return err
		}
		if answer.Result == nil {
			l.rec.empty.Add(1)
			continue
		}
		r := l.runs.find(answer.Result.TaskRunId.WfRunId.Id)
		if r == nil {
			l.rec.unknown.Add(1)
			continue
		}
		if last := time.Duration(r.reported.Load()); last > 0 && l.rec.inWindow(last) {
			l.rec.nextTask.record(who, at-last)
		}
		select {
		case l.jobs <- job{run: r, task: answer.Result, api: api}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pace starts WfRuns at the moments they are due, however the server does.
func (l *load) pace(ctx context.Context) {
	interval := time.Duration(float64(time.Second) / l.Rate)
	for due := l.rec.now(); l.starting.Load(); due += interval {
		if ahead := due - l.rec.now(); ahead > time.Millisecond && wait(ctx, ahead, nil) != nil {
			return
		}
		select {
		case l.jobs <- job{due: due}:
		case <-ctx.Done():
			return
		}
	}
}

// call makes unary calls, one after the other.
func (l *load) call(ctx context.Context, who int) {
	api := l.clients[who%len(l.clients)].RPC()
	if l.Rate == 0 {
		l.start(ctx, who, api, l.rec.now())
	}
	for {
		var next job
		select {
		case next = <-l.jobs:
		case <-ctx.Done():
			return
		}
		switch {
		case next.task == nil:
			l.start(ctx, who, api, next.due)
		case l.report(ctx, who, next) && l.Rate == 0:
			l.start(ctx, who, api, l.rec.now())
		}
	}
}

// start begins a WfRun. In the closed loop it tries until one has begun; the open loop counts the failure and goes on.
func (l *load) start(ctx context.Context, who int, api lhpb.LittleHorseClient, due time.Duration) {
	for l.starting.Load() && ctx.Err() == nil {
		r, id := l.runs.add(due)
		_, err := api.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: l.name, Id: &id, Variables: l.input})
		if err == nil {
			l.rec.finish(l.rec.runWf, &l.rec.started, who, due, l.rec.now())
			return
		}
		l.runs.remove(r)
		if ctx.Err() != nil {
			return
		}
		l.rec.fail(err)
		if l.Rate > 0 || wait(ctx, pauseAfterError, nil) != nil {
			return
		}
		due = l.rec.now()
	}
}

// report sends the result of a task. It returns true when that was the last of its WfRun, or when the WfRun is given up.
func (l *load) report(ctx context.Context, who int, j job) bool {
	req := &lhpb.ReportTaskRun{
		TaskRunId: j.task.TaskRunId, AttemptNumber: j.task.AttemptNumber, Time: timestamppb.Now(),
		Status: lhpb.TaskStatus_TASK_SUCCESS, Result: &lhpb.ReportTaskRun_Output{Output: l.output},
	}
	begin := l.rec.now()
	j.run.reported.Store(int64(begin))
	if !l.offer(ctx, j.api, req) {
		l.rec.abandoned.Add(1)
		return l.runs.remove(j.run)
	}
	end := l.rec.now()
	l.rec.finish(l.rec.report, &l.rec.reported, who, begin, end)
	if j.run.tasks.Add(1) < int32(l.Tasks) || !l.runs.remove(j.run) {
		return false
	}
	l.rec.finish(l.rec.wfRun, &l.rec.completed, who, j.run.due, end)
	if l.Runs > 0 && l.rec.completed.Load() >= l.Runs {
		l.once.Do(func() { close(l.enough) })
	}
	return true
}

func (l *load) offer(ctx context.Context, api lhpb.LittleHorseClient, req *lhpb.ReportTaskRun) bool {
	for range reportTries {
		_, err := api.ReportTask(ctx, req)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		l.rec.fail(err)
		if wait(ctx, pauseAfterError, nil) != nil {
			return false
		}
	}
	return false
}
