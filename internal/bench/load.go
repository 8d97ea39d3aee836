package bench

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

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
	// backlog is how many starts, and how many reports, may wait for a caller in the open loop.
	backlog = 1 << 16
	// lookAtMemory is how often the server's memory is looked at.
	lookAtMemory = 100 * time.Millisecond
)

// report is a task that is done.
type report struct {
	due  time.Duration // when the task was there: its report is due at once, however many wait before it
	run  *wfRun
	task *lhpb.ScheduledTask
	api  lhpb.LittleHorseClient
}

// load is one measurement.
type load struct {
	settings
	name    string // of the TaskDef, the WfSpec and the WfRuns
	clients []*lh.Client
	wires   *wires // what the load goes over; nil if that is the clients
	rec     *recorder
	runs    *table
	starts  chan time.Duration // of the open loop: when each was due
	reports chan report
	payload *payload

	starting atomic.Bool  // new WfRuns may begin
	begun    atomic.Int64 // WfRuns begun
	enough   chan struct{}
	once     sync.Once
	peakB    int64 // most memory that the server had at once in the window
}

func run(ctx context.Context, s settings, cfg lh.Config) (*result, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(loadGCPercent))
	l := newLoad(s)
	if !s.Official {
		l.wires = newWires(cfg)
		defer l.wires.close()
	}
	if l.wires != nil {
		// Fewer wake one another up less, and the server has the other half for itself.
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(1, runtime.NumCPU()/2)))
	}
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
	l := &load{
		settings: s, name: name, rec: newRecorder(), runs: newTable(name), enough: make(chan struct{}),
		payload: newPayload(s.Payload, s.Random),
	}
	l.reports = make(chan report, s.Concurrency)
	if s.Rate > 0 {
		l.starts, l.reports = make(chan time.Duration, backlog), make(chan report, backlog)
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
	var options []wf.Option
	if l.keep > 0 {
		options = append(options, wf.Retention(l.keep))
	}
	return l.clients[0].Register(ctx, wf.New(l.name, func(t *wf.Thread) {
		payload := wf.Declare[string](t, "payload").Required()
		for range l.Tasks {
			t.Execute(l.name, payload)
		}
	}, options...))
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
	// The window of a counted load is open from the first call on.
	if l.only == 0 {
		l.setOff(ctx, &working)
		warm := l.Warmup
		if !l.from.IsZero() {
			warm = max(0, time.Until(l.from))
		}
		if err := wait(ctx, warm, nil); err != nil {
			return usage{}, usage{}, err
		}
	}
	if before, err = readUsage(l.ServerPIDs); err != nil {
		return usage{}, usage{}, err
	}
	l.rec.open()
	if l.only > 0 {
		l.setOff(ctx, &working)
	}
	if l.begin != nil {
		l.begin()
	}
	watched := l.watch(ctx, &working)
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
	watched()
	if after, err = readUsage(l.ServerPIDs); err != nil {
		return usage{}, usage{}, err
	}
	l.starting.Store(false)
	return before, after, l.drain(ctx)
}

// setOff lets the callers go.
func (l *load) setOff(ctx context.Context, working *sync.WaitGroup) {
	for i := range l.Concurrency {
		working.Go(func() { l.work(ctx, i) })
	}
	if l.Rate == 0 {
		return
	}
	for i := range l.Concurrency {
		working.Go(func() { l.launch(ctx, i) })
	}
	working.Go(func() { l.pace(ctx) })
}

// watch looks again and again at how much memory the server has, until it is told to stop.
func (l *load) watch(ctx context.Context, working *sync.WaitGroup) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan struct{})
	working.Go(func() {
		defer close(stopped)
		for {
			l.peakB = max(l.peakB, resident(l.ServerPIDs))
			if wait(ctx, lookAtMemory, nil) != nil {
				return
			}
		}
	})
	return func() {
		cancel()
		<-stopped
	}
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

// waitUntil ends at that moment, and late by a tenth of a millisecond at most where the system can: timers of the runtime are late by up to a
// whole one, which would count as latency.
func waitUntil(ctx context.Context, at time.Time) error {
	const coarse = 2 * time.Millisecond
	if ahead := time.Until(at); ahead > coarse {
		if err := wait(ctx, ahead-coarse, nil); err != nil {
			return err
		}
	}
	for ahead := time.Until(at); ahead > 0; ahead = time.Until(at) {
		nap(ahead)
	}
	return ctx.Err()
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

// poll takes the tasks of the load.
func (l *load) poll(ctx context.Context, working *sync.WaitGroup) error {
	p := &poller{
		clients: l.clients, wires: l.wires, taskDef: l.name, streams: l.Workers, credits: l.Polls,
		take: l.take, empty: func() { l.rec.empty.Add(1) }, fail: l.rec.fail,
	}
	return p.start(ctx, working)
}

// take hands a task to who reports it, and times how long it was in coming.
func (l *load) take(ctx context.Context, who int, api lhpb.LittleHorseClient, task *lhpb.ScheduledTask) error {
	at := l.rec.now()
	r := l.runs.find(task.TaskRunId.WfRunId.Id)
	if r == nil {
		l.rec.unknown.Add(1)
		return nil
	}
	if last := time.Duration(r.reported.Load()); last > 0 && l.rec.inWindow(last) {
		l.rec.nextTask.record(who, at-last)
	}
	select {
	case l.reports <- report{due: at, run: r, task: task, api: api}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pace starts WfRuns at the moments they are due, however the server does.
func (l *load) pace(ctx context.Context) {
	interval := time.Duration(float64(time.Second) / l.Rate)
	for due := l.rec.now(); l.starting.Load(); due += interval {
		if ahead := due - l.rec.now(); ahead > 0 && waitUntil(ctx, time.Now().Add(ahead)) != nil {
			return
		}
		select {
		case l.starts <- due:
		case <-ctx.Done():
			return
		}
	}
}

// api is one of the connections to the server that was named.
func (l *load) api(who int) lhpb.LittleHorseClient {
	number := who % len(l.clients)
	if l.wires != nil {
		return lhpb.NewLittleHorseClient(l.wires.at(number, l.wires.home))
	}
	return l.clients[number].RPC()
}

// launch starts the WfRuns of the open loop, one after the other.
func (l *load) launch(ctx context.Context, who int) {
	api := l.api(who)
	for {
		select {
		case due := <-l.starts:
			l.start(ctx, who, api, due)
		case <-ctx.Done():
			return
		}
	}
}

// work reports tasks, one after the other. In the closed loop it starts a WfRun whenever one has ended.
func (l *load) work(ctx context.Context, who int) {
	api := l.api(who)
	if l.Rate == 0 {
		l.start(ctx, who, api, l.rec.now())
	}
	for {
		select {
		case next := <-l.reports:
			if l.report(ctx, who, next) && l.Rate == 0 {
				l.start(ctx, who, api, l.rec.now())
			}
		case <-ctx.Done():
			return
		}
	}
}

// start begins a WfRun. In the closed loop it tries until one has begun; the open loop counts the failure and goes on.
func (l *load) start(ctx context.Context, who int, api lhpb.LittleHorseClient, due time.Duration) {
	if n := l.begun.Add(1); l.only > 0 && n > l.only {
		return
	}
	for l.starting.Load() && ctx.Err() == nil {
		r, id := l.runs.add(due)
		input := map[string]*lhpb.VariableValue{"payload": l.payload.next()}
		_, err := api.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: l.name, Id: &id, Variables: input})
		if err == nil {
			l.rec.finish(l.rec.runWf, &l.rec.started, who, due, l.rec.now())
			return
		}
		l.runs.remove(r)
		if ctx.Err() != nil {
			return
		}
		l.rec.refuse(err, due, &l.rec.refused)
		if l.Rate > 0 || wait(ctx, pauseAfter(err), nil) != nil {
			return
		}
		due = l.rec.now()
	}
}

// report sends the result of a task. It returns true when that was the last of its WfRun, or when the WfRun is given up.
func (l *load) report(ctx context.Context, who int, done report) bool {
	req := &lhpb.ReportTaskRun{
		TaskRunId: done.task.TaskRunId, AttemptNumber: done.task.AttemptNumber, Time: timestamppb.Now(),
		Status: lhpb.TaskStatus_TASK_SUCCESS, Result: &lhpb.ReportTaskRun_Output{Output: l.payload.next()},
	}
	done.run.reported.Store(int64(done.due))
	if !l.offer(ctx, done, req) {
		l.rec.abandoned.Add(1)
		return l.runs.remove(done.run)
	}
	end := l.rec.now()
	l.rec.finish(l.rec.report, &l.rec.reported, who, done.due, end)
	if done.run.tasks.Add(1) < int32(l.Tasks) || !l.runs.remove(done.run) {
		return false
	}
	l.rec.finish(l.rec.wfRun, &l.rec.completed, who, done.run.due, end)
	if l.Runs > 0 && l.rec.completed.Load() >= l.Runs {
		l.once.Do(func() { close(l.enough) })
	}
	return true
}

func (l *load) offer(ctx context.Context, done report, req *lhpb.ReportTaskRun) bool {
	return offer(ctx, done.api, req, func(err error) { l.rec.refuse(err, done.due, &l.rec.refusedReports) })
}

// offer reports a task, again when that fails, but not for ever.
func offer(ctx context.Context, api lhpb.LittleHorseClient, req *lhpb.ReportTaskRun, failed func(error)) bool {
	for range reportTries {
		_, err := api.ReportTask(ctx, req)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		failed(err)
		if wait(ctx, pauseAfter(err), nil) != nil {
			return false
		}
	}
	return false
}
