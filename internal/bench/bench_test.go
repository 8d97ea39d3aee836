package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/server"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
	"littlehorse/test/still"
)

// TestMain is also the server that scenarios start: they start their own program by default.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		os.Exit(serve())
	}
	still.Main(m)
}

// serve runs a real server until it is told to stop.
func serve() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, _, err := server.LoadConfig("")
	if err == nil {
		var s *server.Server
		if s, err = server.Start(ctx, cfg); err == nil {
			<-ctx.Done()
			err = s.Shutdown(context.WithoutCancel(ctx))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// fake runs WfRuns of sequential tasks and nothing else.
type fake struct {
	lhpb.UnimplementedLittleHorseServer
	port  int
	tasks int // of a WfRun
	queue chan *lhpb.ScheduledTask

	mu      sync.Mutex
	puts    []string
	done    map[string]int // tasks reported, by WfRun
	refuse  int            // RunWf calls still to be refused
	filled  []string       // WfRuns that are there to be found, in the order of their start
	stall   time.Duration  // how long the server stands still from the first RunWf on
	stalled chan struct{}  // closed when the stall is over
}

func startFake(t *testing.T, tasks int) *fake {
	t.Helper()
	f := &fake{tasks: tasks, queue: make(chan *lhpb.ScheduledTask, 10_000), done: map[string]int{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.port = listener.Addr().(*net.TCPAddr).Port
	grpcServer := grpc.NewServer()
	lhpb.RegisterLittleHorseServer(grpcServer, f)
	extra.RegisterViewServiceServer(grpcServer, fakeViews{})
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = grpcServer.Serve(listener)
	}()
	t.Cleanup(func() {
		grpcServer.Stop()
		<-served
	})
	return f
}

// fakeViews have nothing to show.
type fakeViews struct {
	extra.UnimplementedViewServiceServer
}

func (fakeViews) SearchWfRunView(context.Context, *extra.SearchWfRunViewRequest) (*extra.SearchWfRunViewResponse, error) {
	return &extra.SearchWfRunViewResponse{}, nil
}

func (fakeViews) SearchUsages(_ context.Context, req *extra.SearchUsagesRequest) (*extra.SearchUsagesResponse, error) {
	if req.GetTaskDefId().GetName() == "" || req.GetLimit() < 1 {
		return nil, status.Error(codes.InvalidArgument, "what is used?")
	}
	return &extra.SearchUsagesResponse{}, nil
}

func (fakeViews) GetWfSpecHeat(context.Context, *extra.GetWfSpecHeatRequest) (*extra.GetWfSpecHeatResponse, error) {
	return &extra.GetWfSpecHeatResponse{}, nil
}

func (fakeViews) GetWfRunView(_ context.Context, req *extra.GetWfRunViewRequest) (*extra.GetWfRunViewResponse, error) {
	return &extra.GetWfRunViewResponse{WfRun: &lhpb.WfRun{Id: req.WfRunId}}, nil
}

func (f *fake) GetServerVersion(context.Context, *emptypb.Empty) (*lhpb.LittleHorseVersion, error) {
	return &lhpb.LittleHorseVersion{MajorVersion: 1, MinorVersion: 3}, nil
}

func (f *fake) PutTaskDef(_ context.Context, req *lhpb.PutTaskDefRequest) (*lhpb.TaskDef, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.puts = append(f.puts, "TaskDef "+req.Name)
	return &lhpb.TaskDef{Id: &lhpb.TaskDefId{Name: req.Name}}, nil
}

func (f *fake) GetTaskDef(_ context.Context, id *lhpb.TaskDefId) (*lhpb.TaskDef, error) {
	return &lhpb.TaskDef{Id: id}, nil
}

func (f *fake) PutWfSpec(_ context.Context, req *lhpb.PutWfSpecRequest) (*lhpb.WfSpec, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.puts = append(f.puts, fmt.Sprintf("WfSpec %s with %d nodes", req.Name, len(req.ThreadSpecs["entrypoint"].Nodes)))
	return &lhpb.WfSpec{Id: &lhpb.WfSpecId{Name: req.Name}}, nil
}

func (f *fake) GetWfSpec(_ context.Context, id *lhpb.WfSpecId) (*lhpb.WfSpec, error) {
	return &lhpb.WfSpec{Id: id}, nil
}

func (f *fake) RegisterTaskWorker(context.Context, *lhpb.RegisterTaskWorkerRequest) (*lhpb.RegisterTaskWorkerResponse, error) {
	return &lhpb.RegisterTaskWorkerResponse{YourHosts: []*lhpb.LHHostInfo{{Host: "127.0.0.1", Port: int32(f.port)}}}, nil
}

func (f *fake) schedule(run string, position int) {
	f.queue <- &lhpb.ScheduledTask{TaskRunId: &lhpb.TaskRunId{
		WfRunId: &lhpb.WfRunId{Id: run}, TaskGuid: strconv.Itoa(position),
	}}
}

func (f *fake) RunWf(ctx context.Context, req *lhpb.RunWfRequest) (*lhpb.WfRun, error) {
	f.mu.Lock()
	if f.stall > 0 && f.stalled == nil {
		stalled := make(chan struct{})
		time.AfterFunc(f.stall, func() { close(stalled) })
		f.stalled = stalled
	}
	if strings.HasPrefix(req.WfSpecName, "search-") {
		f.filled = append(f.filled, *req.Id)
		f.mu.Unlock()
		return &lhpb.WfRun{}, nil
	}
	stalled, refuse := f.stalled, f.refuse > 0
	if refuse {
		f.refuse--
	}
	f.mu.Unlock()
	if refuse {
		return nil, status.Error(codes.Unavailable, "moving")
	}
	if stalled != nil {
		select {
		case <-stalled:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	f.schedule(*req.Id, 0)
	return &lhpb.WfRun{}, nil
}

func (f *fake) ReportTask(_ context.Context, req *lhpb.ReportTaskRun) (*emptypb.Empty, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	run := req.TaskRunId.WfRunId.Id
	f.done[run]++
	if f.done[run] < f.tasks {
		f.schedule(run, f.done[run])
	}
	return &emptypb.Empty{}, nil
}

func (f *fake) PollTask(stream lhpb.LittleHorse_PollTaskServer) error {
	for {
		if _, err := stream.Recv(); err != nil {
			return nil
		}
		select {
		case task := <-f.queue:
			if err := stream.Send(&lhpb.PollTaskResponse{Result: task}); err != nil {
				return err
			}
		case <-stream.Context().Done():
			return nil
		}
	}
}

func (f *fake) GetWfRun(_ context.Context, id *lhpb.WfRunId) (*lhpb.WfRun, error) {
	return &lhpb.WfRun{Id: id, StartTime: timestamppb.Now()}, nil
}

// SearchWfRun gives the filled WfRuns page by page; the bookmark is how many were given.
func (f *fake) SearchWfRun(_ context.Context, req *lhpb.SearchWfRunRequest) (*lhpb.WfRunIdList, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	from, _ := strconv.Atoi(string(req.Bookmark))
	to := min(from+int(*req.Limit), len(f.filled))
	out := &lhpb.WfRunIdList{}
	for _, id := range f.filled[from:to] {
		out.Results = append(out.Results, &lhpb.WfRunId{Id: id})
	}
	if to < len(f.filled) {
		out.Bookmark = []byte(strconv.Itoa(to))
	}
	return out, nil
}

func (f *fake) SearchVariable(context.Context, *lhpb.SearchVariableRequest) (*lhpb.VariableIdList, error) {
	return &lhpb.VariableIdList{}, nil
}

// bench runs the command and reads the line it prints.
func bench(t *testing.T, f *fake, args ...string) result {
	t.Helper()
	var r result
	benchInto(t, f, &r, append([]string{"tasks"}, args...))
	return r
}

func benchInto(t *testing.T, f *fake, r any, args []string) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	cmd := Command("")
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetArgs(append([]string{
		args[0], "--api", fmt.Sprintf("127.0.0.1:%d", f.port), "--tasks", strconv.Itoa(f.tasks),
		"--warmup", "0s", "--concurrency", "4", "--polls", "8", "--server-pid", strconv.Itoa(os.Getpid()), "--data-dir", t.TempDir(),
	}, args[1:]...))
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("not one line: %q", out.String())
	}
	if err := json.Unmarshal(out.Bytes(), r); err != nil {
		t.Fatal(err)
	}
}

func TestClosedLoop(t *testing.T) {
	f := startFake(t, 3)
	r := bench(t, f, "--runs", "40")
	if len(f.puts) != 2 || !strings.HasPrefix(f.puts[1], "WfSpec bench-") || !strings.HasSuffix(f.puts[1], "with 5 nodes") {
		t.Errorf("registered %q", f.puts)
	}
	if r.Loop != "closed" || r.Unfinished != 0 || len(r.Errors) != 0 || r.Abandoned != 0 {
		t.Errorf("%+v", r)
	}
	if r.Latency.WfRun.Count < 40 || r.Latency.NextTask.Count < 80 || r.Latency.Report.Count < 120 || r.Latency.RunWf.Count < 40 {
		t.Errorf("too few latencies: %+v", r.Latency)
	}
	if l := r.Latency.WfRun; l.P50 <= 0 || l.P50 > l.P99 || l.P99 > l.Max {
		t.Errorf("%+v", l)
	}
	if r.TaskRuns <= 0 || r.RunWf <= 0 || r.Load.CPU < 0 || r.Server == nil || r.Server.ResidentMiB <= 0 {
		t.Errorf("%+v", r)
	}
	if r.Disk == nil || r.Disk.SyncUs <= 0 || r.Disk.FileSystem == "" || r.Machine.Cores < 1 || r.Version.Server != "1.3.0" {
		t.Errorf("%+v %+v %+v", r.Disk, r.Machine, r.Version)
	}
	for run, n := range f.done {
		if n != 3 {
			t.Errorf("%s: %d reports", run, n)
		}
	}
}

func TestSearchesAreMeasuredBesideALoad(t *testing.T) {
	f := startFake(t, 2)
	var r searchResult
	benchInto(t, f, &r, []string{"search", "--count", "105", "--limit", "5", "--searches", "3", "--rate", "50", "--duration", "50ms"})
	if len(f.filled) != 105 || r.Fill.PerSecond <= 0 || !strings.HasPrefix(r.Settings.WfSpec, "search-") {
		t.Errorf("%d filled: %+v", len(f.filled), r)
	}
	for kind, l := range r.First {
		if l.Count != 3 || l.P99 <= 0 {
			t.Errorf("%s: %+v", kind, l)
		}
	}
	if w := r.Walk; len(r.First) != 16 || w.Pages != 21 || w.WfRuns != 105 || w.Begin.Count != 2 || w.End.Count != 2 {
		t.Errorf("%d kinds, walk %+v", len(r.First), w)
	}
	if b := r.Beside; b.Loop != "open" || b.Unfinished != 0 || len(b.Errors) != 0 {
		t.Errorf("%+v", b)
	}
	r2, before := searchResult{}, len(f.filled)
	benchInto(t, f, &r2, []string{"search", "--wf-spec", r.Settings.WfSpec, "--pages", "20", "--limit", "5", "--searches", "1", "--rate", "50", "--duration", "50ms"})
	if len(f.filled) != before || r2.Walk.Pages != 20 {
		t.Errorf("filled again: %+v", r2)
	}
	var r3 searchResult
	benchInto(t, f, &r3, []string{
		"search", "--wf-spec", r.Settings.WfSpec, "--count", "105", "--kinds", "view", "--limit", "5", "--searches", "1", "--rate", "50", "--duration", "50ms",
	})
	if len(r3.First) != 6 || r3.First["viewOfRun"].Count != 1 {
		t.Errorf("what pages read: %+v", r3.First)
	}
	r4, puts := searchResult{}, len(f.puts)
	benchInto(t, f, &r4, []string{
		"search", "--count", "105", "--definitions", "7", "--kinds", "usages", "--limit", "5", "--searches", "2", "--rate", "50", "--duration", "50ms",
	})
	if users := strings.Join(f.puts[puts:], "\n"); len(r4.First) != 2 || r4.First["usagesOfNone"].Count != 2 || strings.Count(users, "-user") != 7 {
		t.Errorf("who uses a TaskDef: %+v, registered %s", r4.First, users)
	}
}

func TestErrorsAreCountedByCodeAndTheLoadGoesOn(t *testing.T) {
	f := startFake(t, 1)
	f.refuse = 3
	r := bench(t, f, "--runs", "10")
	if r.Errors["Unavailable"] != 3 || r.Unfinished != 0 {
		t.Errorf("%+v", r)
	}
}

func TestOpenLoopCountsFromTheMomentACallWasDue(t *testing.T) {
	f := startFake(t, 1)
	f.stall = time.Second
	// Four callers can only have four calls under way: the others wait for them, and that is the server's doing.
	r := bench(t, f, "--rate", "50", "--duration", "1500ms", "--concurrency", "4")
	if r.Loop != "open" || r.Latency.RunWf.Count < 20 {
		t.Fatalf("%+v", r)
	}
	// A WfRun may end before the answer to its start is read: the stall is in both, and neither need be the longer.
	if r.Latency.RunWf.P50 < 20 || r.Latency.WfRun.P50 < 20 {
		t.Errorf("the stall is hidden: %+v", r.Latency)
	}
}

func TestWhatIsDueOutsideTheWindowDoesNotCount(t *testing.T) {
	r := newRecorder()
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	r.from.Store(int64(ms(100)))
	r.to.Store(int64(ms(200)))
	r.finish(r.report, &r.reported, 0, ms(50), ms(150))  // due before, ended inside
	r.finish(r.report, &r.reported, 1, ms(150), ms(160)) // inside
	r.finish(r.report, &r.reported, 2, ms(190), ms(900)) // ended behind
	r.finish(r.report, &r.reported, 3, ms(200), ms(210)) // behind
	l := r.report.latency()
	if l.Count != 2 || r.reported.Load() != 2 || l.Max < 709 || l.Max > 711 || l.P50 < 9.9 || l.P50 > 10.1 {
		t.Errorf("%+v, %d counted", l, r.reported.Load())
	}
}

func TestSettingsAreChecked(t *testing.T) {
	good := settings{Tasks: 1, Concurrency: 1, Workers: 1, Polls: 1, Connections: 1, Duration: time.Second}
	if err := good.validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*settings){
		"tasks":       func(s *settings) { s.Tasks = 0 },
		"concurrency": func(s *settings) { s.Concurrency = 0 },
		"polls":       func(s *settings) { s.Polls = 0 },
		"rate":        func(s *settings) { s.Rate = -1 },
		"duration":    func(s *settings) { s.Duration = 0 },
		"warmup":      func(s *settings) { s.Warmup = -1 },
	} {
		bad := good
		spoil(&bad)
		if err := bad.validate(); err == nil {
			t.Errorf("a bad %s was accepted", name)
		}
	}
	if _, _, err := splitAddress("host"); err == nil {
		t.Error("an address without port was accepted")
	}
}

// What is due later is not begun before, which would make calls look faster than they are; and who is told to stop stops.
func TestNothingIsBegunBeforeItIsDue(t *testing.T) {
	for _, ahead := range []time.Duration{-time.Second, 0, 300 * time.Microsecond, 3 * time.Millisecond} {
		at := time.Now().Add(ahead)
		if err := waitUntil(t.Context(), at); err != nil || time.Now().Before(at) {
			t.Errorf("%s ahead: it is early, or %v", ahead, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := waitUntil(ctx, time.Now().Add(time.Hour)); err == nil {
		t.Error("it waits although it was told to stop")
	}
}
