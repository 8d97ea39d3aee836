package worker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
)

// Handler runs one attempt of a task and returns its output.
type Handler func(ctx context.Context, t *lhpb.ScheduledTask) (*lhpb.VariableValue, error)

// Option is a setting of a worker.
type Option func(*settings)

type settings struct {
	slots       int
	perTask     map[string]int
	grace       time.Duration
	heartbeat   time.Duration
	reportFor   time.Duration
	logLimit    int
	log         *slog.Logger
	interceptor []func(Handler) Handler
	// definitionWait covers the moment between the registration of a TaskDef and its arrival at every server.
	definitionWait time.Duration
}

// MaxConcurrent is how many tasks run at a time, of all kinds together. The default is the client's
// LHW_NUM_WORKER_THREADS.
func MaxConcurrent(n int) Option { return func(s *settings) { s.slots = n } }

// PerTask bounds how many attempts of one task run at a time, below MaxConcurrent; without it that alone is the bound.
// Run refuses a number below 1, and a task that was not added.
func PerTask(name string, n int) Option { return func(s *settings) { s.perTask[name] = n } }

// ShutdownGrace is how long running tasks may go on once the worker stops, before their contexts end; 30 s unless set.
func ShutdownGrace(d time.Duration) Option { return func(s *settings) { s.grace = d } }

// Heartbeat is the pause between registrations with the server; 60 s unless set. A server forgets a worker that it has not
// heard of for 90 s.
func Heartbeat(d time.Duration) Option { return func(s *settings) { s.heartbeat = d } }

// ReportFor is how long a result that the server does not take is offered again; 60 s unless set.
func ReportFor(d time.Duration) Option { return func(s *settings) { s.reportFor = d } }

// LogLimit bounds the log output that goes with a result, in bytes; 64 KiB unless set.
func LogLimit(bytes int) Option { return func(s *settings) { s.logLimit = bytes } }

// Logger receives what the worker and its tasks log; slog.Default unless set.
func Logger(log *slog.Logger) Option { return func(s *settings) { s.log = log } }

// Interceptor wraps every execution, the first given being the outermost. A panic of the task
// comes to it as an error.
func Interceptor(wrap ...func(next Handler) Handler) Option {
	return func(s *settings) { s.interceptor = append(s.interceptor, wrap...) }
}

const (
	defaultHeartbeat = 60 * time.Second
	defaultGrace     = 30 * time.Second
	defaultReportFor = 60 * time.Second
	defaultLogLimit  = 64 << 10

	defaultDefinitionWait = 2 * time.Second
)

// Worker runs tasks for one client. Run may be called once.
type Worker struct {
	settings
	client  *lh.Client
	id      string
	version string
	tasks   []task.Task
	budget  *budget
	// counters are those of each task by its name; none is added once the worker runs.
	counters map[string]*counter

	closing   chan struct{} // closed when the worker is to stop
	closeOnce sync.Once
	started   chan struct{} // closed when Run begins
	ended     chan struct{} // closed when Run has ended
	startOnce sync.Once

	mu     sync.Mutex
	lost   []error // tasks whose result no server took
	health Health
}

// Health tells whether a worker is served.
type Health struct {
	// Healthy is true from the start on until a heartbeat fails or the cluster says that it is moving, and again once one is answered
	// well.
	Healthy bool
	// Reason is UNHEALTHY when a heartbeat failed and SERVER_REBALANCING when the cluster said so; else empty.
	Reason string
	// Err is what the last failed heartbeat met.
	Err error
	// Running is the number of tasks being run now.
	Running int
}

// New makes a worker for the tasks that Add gives it.
func New(client *lh.Client, options ...Option) *Worker {
	config := client.Config()
	w := &Worker{
		settings: settings{
			slots: config.WorkerThreads, perTask: map[string]int{}, grace: defaultGrace, heartbeat: defaultHeartbeat,
			reportFor: defaultReportFor, logLimit: defaultLogLimit, log: slog.Default(),
			definitionWait: defaultDefinitionWait,
		},
		client: client, id: config.WorkerID, version: config.WorkerVersion,
		closing: make(chan struct{}), started: make(chan struct{}), ended: make(chan struct{}),
		health: Health{Healthy: true}, counters: map[string]*counter{},
	}
	for _, option := range options {
		option(&w.settings)
	}
	if w.id == "" {
		w.id = "worker-" + randomHex()
	}
	w.budget = newBudget(w.slots)
	return w
}

func randomHex() string {
	b := make([]byte, 8)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// Add gives the worker tasks to run; it is called before Run.
func (w *Worker) Add(tasks ...task.Task) *Worker {
	w.tasks = append(w.tasks, tasks...)
	for _, t := range tasks {
		w.counters[t.Name()] = newCounter()
	}
	return w
}

// ID is how the worker calls itself to the server.
func (w *Worker) ID() string { return w.id }

// Health is the worker's present state.
func (w *Worker) Health() Health {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.health
	h.Running = w.budget.inUse()
	return h
}

// Run polls and runs tasks until ctx ends or Close is called, then drains. It returns nil after a clean drain, else why
// it could not start or which results were lost.
func (w *Worker) Run(ctx context.Context) error {
	first := false
	w.startOnce.Do(func() { first = true })
	if !first {
		return errors.New("a worker runs once")
	}
	close(w.started)
	defer close(w.ended)
	stopOnEnd := context.AfterFunc(ctx, w.close)
	defer stopOnEnd()

	pools, err := w.prepare(ctx)
	if err != nil || w.stopping() {
		return err
	}
	w.serve(context.WithoutCancel(ctx), pools)
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.lost...)
}

// Close makes Run drain and waits for its end, or for ctx.
func (w *Worker) Close(ctx context.Context) error {
	w.close()
	select {
	case <-w.started:
	default:
		return nil
	}
	select {
	case <-w.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *Worker) close() { w.closeOnce.Do(func() { close(w.closing) }) }

func (w *Worker) stopping() bool {
	select {
	case <-w.closing:
		return true
	default:
		return false
	}
}

// prepare checks the tasks against the server.
func (w *Worker) prepare(ctx context.Context) ([]*pool, error) {
	if len(w.tasks) == 0 {
		return nil, errors.New("the worker has no tasks: call Add")
	}
	if w.slots < 1 {
		return nil, fmt.Errorf("MaxConcurrent must be at least 1: %d", w.slots)
	}
	for name, n := range w.perTask {
		if n < 1 {
			return nil, fmt.Errorf("PerTask of %s must be at least 1: %d", name, n)
		}
		if !slices.ContainsFunc(w.tasks, func(t task.Task) bool { return t.Name() == name }) {
			return nil, fmt.Errorf("PerTask names %s, which the worker was not given", name)
		}
	}
	var pools []*pool
	seen := map[string]bool{}
	for _, t := range w.tasks {
		if seen[t.Name()] {
			return nil, fmt.Errorf("task %s was added twice", t.Name())
		}
		seen[t.Name()] = true
		if err := w.checkSignature(ctx, t); err != nil {
			if w.stopping() {
				return nil, nil
			}
			return nil, err
		}
		pools = append(pools, newPool(w, t))
	}
	return pools, nil
}

// serve runs until the worker stops, and drains.
func (w *Worker) serve(base context.Context, pools []*pool) {
	streams, endStreams := context.WithCancel(base)
	tasks, endTasks := context.WithCancelCause(base)
	reports, endReports := context.WithCancel(base)
	defer endReports()
	defer endTasks(nil)
	defer endStreams()

	var polling, running sync.WaitGroup
	for _, p := range pools {
		p.start(streams, tasks, reports, &polling, &running)
	}
	<-w.closing
	if !waitFor(&polling, streamDrain) {
		endStreams()
		polling.Wait()
	}
	if !waitFor(&running, w.grace) {
		endTasks(errors.New("the worker is shutting down"))
		if !waitFor(&running, lastReports) {
			endReports()
		}
	}
	running.Wait()
}

const (
	// streamDrain bounds the wait for tasks that servers had already matched when polling stopped.
	streamDrain = 2 * time.Second
	// lastReports bounds how long results are offered to servers once the grace period is over.
	lastReports = 5 * time.Second
)

// waitFor reports whether the group was done in time.
func waitFor(group *sync.WaitGroup, d time.Duration) bool {
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}

func (w *Worker) lose(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost = append(w.lost, err)
}

func (w *Worker) setHealth(reason string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.health = Health{Healthy: reason == "", Reason: reason, Err: err}
}

// pause waits, and reports false when the worker stops meanwhile.
func (w *Worker) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-w.closing:
		return false
	case <-t.C:
		return true
	}
}
