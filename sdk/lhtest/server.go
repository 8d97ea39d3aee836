package lhtest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"littlehorse/internal/machine"
	"littlehorse/internal/server"
	"littlehorse/lhpb/extra"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/worker"
)

// Options of a server. The zero value is what Start uses.
type Options struct {
	// AutoAdvance lets whatever waits for a WfRun skip from timer to timer. Without it time passes by Advance alone.
	AutoAdvance bool
	// Epoch is when the clock begins: 2024-01-01 00:00 UTC unless set.
	Epoch time.Time
	// Coverage takes in which nodes, edges and handlers are used; the server's own if nil. Servers may share one.
	Coverage *Coverage
	// Concurrent is how many tasks run at a time, those that hang included; 64 unless set.
	Concurrent int
	// Real puts the test on the running server that LHC_API_HOST names, if it is set. See the function Real.
	Real bool
	// Log of the server and of the worker; discarded if nil.
	Log *slog.Logger
}

// epoch is when clocks begin.
var epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// patience bounds every wait in real time. It is for hangs alone: nothing that works takes so long on any machine.
const patience = time.Minute

// Server is a LittleHorse of one test. Its methods fail the test when something goes wrong.
type Server struct {
	t       testing.TB
	options Options
	fs      *vfs.MemFS
	faults  *faults

	server *server.Server // nil: the test is on a running one
	client *lh.Client
	clock  extra.ClockServiceClient

	tasks   map[string]task.Task
	workers []*running
	runs    int    // so far
	nonce   string // in the ids of runs on a server that others use
	seen    []*Run // on a running server
}

// running is a worker that runs.
type running struct {
	stop  context.CancelFunc
	ended chan error
}

// Start runs a server with the given definitions until the test ends. Tasks among them are run by a worker.
func Start(t testing.TB, definitions ...lh.Definition) *Server {
	t.Helper()
	return StartWith(t, Options{}, definitions...)
}

// StartWith is Start with choices.
func StartWith(t testing.TB, o Options, definitions ...lh.Definition) *Server {
	t.Helper()
	if o.Epoch.IsZero() {
		o.Epoch = epoch
	}
	if o.Coverage == nil {
		o.Coverage = NewCoverage()
	}
	if o.Concurrent == 0 {
		o.Concurrent = 64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{t: t, options: o, fs: vfs.NewMem(), faults: newFaults(), tasks: map[string]task.Task{}}
	if o.Real && os.Getenv(realHost) != "" {
		s.connect()
	} else {
		s.start()
	}
	t.Cleanup(s.stop)
	s.Register(definitions...)
	return s
}

// listener is the only one there is.
const listener = "TEST"

// netBytes is what a connection holds of each direction.
const netBytes = 256 << 10

func (s *Server) config(at net.Listener) server.Config {
	c := server.DefaultConfig()
	c.UseVirtualTime()
	c.Epoch, c.FS, c.StateDir = s.options.Epoch, s.fs, "data"
	c.Partitions, c.Lanes = 1, 1
	c.StoreMemoryBytes, c.CacheBytes, c.MemoryLimitBytes, c.DiskReserveBytes = 4<<20, 4<<20, 0, 0
	c.ReplyBytes = 16 << 20
	c.Listeners = []server.Listener{{Name: listener, AdvertisedHost: "lhtest", AdvertisedPort: 1}}
	c.Listen = func(server.Listener) (net.Listener, error) { return at, nil }
	c.Health.Port, c.Dashboard.Port, c.PprofPort = -1, 0, 0
	c.ShutdownTimeout = patience
	c.FatalPanics = true
	c.Logger = s.options.Log
	c.Follow = func(_ machine.Stream, changes []machine.Change) { s.options.Coverage.committed(s, changes) }
	return c
}

// start runs the server on what its file system holds.
func (s *Server) start() {
	s.t.Helper()
	at := bufconn.Listen(netBytes)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var err error
	if s.server, err = server.Start(ctx, s.config(at)); err != nil {
		s.t.Fatalf("lhtest: start: %v", err)
	}
	config := lh.DefaultConfig()
	config.Host, config.Port, config.WorkerThreads = "lhtest", 1, s.options.Concurrent
	dial := grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return at.DialContext(ctx) })
	if s.client, err = lh.Dial(ctx, config, dial); err != nil {
		s.t.Fatalf("lhtest: %v", err)
	}
	s.clock = extra.NewClockServiceClient(s.client.Conn())
}

// stop ends the workers and the server.
func (s *Server) stop() {
	s.t.Helper()
	s.cover()
	s.faults.release()
	for _, w := range s.workers {
		w.stop()
	}
	for _, w := range s.workers {
		if err := <-w.ended; err != nil {
			s.t.Logf("lhtest: worker: %v", err)
		}
	}
	s.workers = nil
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := s.client.Close()
	if !s.real() {
		err = errors.Join(err, s.server.Shutdown(ctx))
	}
	if err != nil {
		s.t.Errorf("lhtest: stop: %v", err)
	}
}

// Restart stops the server and the workers and starts them again on the same data, as a deployment does. The clock goes
// on where it stood.
func (s *Server) Restart() {
	s.t.Helper()
	s.mustOwn("is restarted")
	now := s.Now()
	s.stop()
	s.faults.reopen()
	s.start()
	s.AdvanceTo(now)
	var tasks []task.Task
	for _, t := range s.tasks {
		tasks = append(tasks, t)
	}
	s.work(tasks)
}

// Client is connected to the server, for whatever has no method here. Its calls take real time.
func (s *Server) Client() *lh.Client { return s.client }

// Register puts further definitions. Tasks among them are run by a worker.
func (s *Server) Register(definitions ...lh.Definition) {
	s.t.Helper()
	ctx, cancel := s.context()
	defer cancel()
	if err := s.client.Register(ctx, definitions...); err != nil {
		s.t.Fatalf("lhtest: %v", err)
	}
	var tasks []task.Task
	for _, d := range definitions {
		t, is := d.(task.Task)
		if is && s.tasks[t.Name()] == nil {
			s.tasks[t.Name()] = t
			tasks = append(tasks, t)
		}
	}
	s.work(tasks)
}

// work runs a worker for the tasks and returns when it asks for all of them.
func (s *Server) work(tasks []task.Task) {
	s.t.Helper()
	if len(tasks) == 0 {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	w := worker.New(s.client, worker.MaxConcurrent(s.options.Concurrent), worker.Logger(s.options.Log),
		worker.ShutdownGrace(time.Second), worker.Interceptor(s.intercept)).Add(tasks...)
	r := &running{stop: stop, ended: make(chan error, 1)}
	go func() { r.ended <- w.Run(ctx) }()
	s.workers = append(s.workers, r)
	if s.real() {
		return // a task that comes before its worker waits
	}
	pause, end := 50*time.Microsecond, time.Now().Add(patience)
	for _, t := range tasks {
		for !s.server.Attended(tenant, t.Name()) {
			if time.Now().After(end) {
				s.t.Fatalf("lhtest: the worker for %s does not start", t.Name())
			}
			time.Sleep(pause)
			pause = min(pause*2, 5*time.Millisecond)
		}
	}
}

// tenant that everything belongs to.
const tenant = "default"

// Fake runs another function for the task of the same name from now on. It registers the task if there was none.
func (s *Server) Fake(fake task.Task) {
	s.t.Helper()
	s.faults.fake(fake)
	if s.tasks[fake.Name()] == nil {
		s.Register(fake)
	}
}

func (s *Server) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}
