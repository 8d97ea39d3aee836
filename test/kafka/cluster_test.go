package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
	"littlehorse/test/chain"
	"littlehorse/test/lhserver"
)

// ensemble is several servers of one cluster, each with a client.
type ensemble struct {
	servers []*lhserver.Server
	clients []lhpb.LittleHorseClient
}

// sessionTimeout is the shortest that brokers take; LH_KAFKA_SESSION sets another.
func sessionTimeout(t *testing.T) time.Duration {
	s := os.Getenv("LH_KAFKA_SESSION")
	if s == "" {
		return 6 * time.Second
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatalf("LH_KAFKA_SESSION: %v", err)
	}
	return d
}

// calm is a session that outlasts whatever else the machine has to do, for servers of which none dies.
const calm = 15 * time.Second

func startCluster(t *testing.T, n int, session time.Duration) *ensemble {
	t.Helper()
	c, id := &ensemble{}, newCluster()
	for i := range n {
		s := newServer(t, t.TempDir(), id)
		s.Setenv(fmt.Sprintf("LHS_INSTANCE_ID=%d", i), fmt.Sprintf("LHS_STREAMS_SESSION_TIMEOUT=%d", session.Milliseconds()),
			"LHS_INTERNAL_ADVERTISED_HOST=127.0.0.1", "LHS_STREAMS_NUM_STANDBY_REPLICAS=1")
		c.servers = append(c.servers, s)
	}
	for _, s := range c.servers {
		s.Start(t)
		conn := s.Dial(t)
		t.Cleanup(func() {
			_ = conn.Close()
			if t.Failed() {
				s.Kill()
				t.Logf("%s says\n%s", s.API, s.Output())
			}
		})
		c.clients = append(c.clients, lhpb.NewLittleHorseClient(conn))
	}
	c.awaitStandbys(t)
	return c
}

// awaitStandbys waits until there is a hot copy of each partition, at the servers together, and each server has its share.
func (c *ensemble) awaitStandbys(t *testing.T) {
	t.Helper()
	for ; ; time.Sleep(20 * time.Millisecond) {
		copies, own := map[int]bool{}, 0
		for _, s := range c.servers {
			var is struct {
				CoreActiveTasks  []struct{ Partition int }
				CoreStandbyTasks []struct {
					Partition int
					Lag       int64
				}
			}
			ask(t, s, "/status", &is)
			for _, copy := range is.CoreStandbyTasks {
				copies[copy.Partition] = true
			}
			if len(is.CoreActiveTasks) > 0 {
				own++
			}
		}
		if len(copies) == partitions && own == len(c.servers) {
			return
		}
	}
}

// ask reads what a server says of its health.
func ask(t *testing.T, s *lhserver.Server, path string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(s.Told(t, path)), into); err != nil {
		t.Fatal(err)
	}
}

// measured prints figures as one line of JSON.
func measured(t *testing.T, what string, figures map[string]any) {
	t.Helper()
	figures["what"] = what
	b, err := json.Marshal(figures)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", b)
}

// runs starts a WfRun through each of the servers in turn, and returns their ids.
func (c *ensemble) runs(t *testing.T, prefix string, n int) (ids []string) {
	t.Helper()
	for i := range n {
		id := fmt.Sprintf("%s-%d", prefix, i)
		start(t, c.clients[i%len(c.clients)], id)
		ids = append(ids, id)
	}
	return ids
}

// search finds all WfRuns through one server, in pages.
func search(t *testing.T, client lhpb.LittleHorseClient, inStatus *lhpb.LHStatus, limit int32) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for req := (&lhpb.SearchWfRunRequest{WfSpecName: "chain", Status: inStatus, Limit: &limit}); ; {
		page, err := client.SearchWfRun(t.Context(), req)
		if status.Code(err) == codes.Unavailable {
			continue // a partition is on its way, or a server was not heard for long
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Results {
			if found[r.Id] {
				t.Errorf("run %s is found twice", r.Id)
			}
			found[r.Id] = true
		}
		if req.Bookmark = page.Bookmark; req.Bookmark == nil {
			return found
		}
	}
}

// TestAnyServerAnswersForAll asks each of three servers for what lives at all of them.
//
// holds: DefinitionsAreThereAtOnce
// holds: DefinitionsAreInOneOrder
// holds: AnyServerTakesAnyRequest
// holds: WorkersLearnWhomToPoll
// covers: operations §6 writing
// covers: operations §6 reading
func TestAnyServerAnswersForAll(t *testing.T) {
	c := startCluster(t, 3, calm)
	for i, client := range c.clients { // who has put something reads it at once
		name := fmt.Sprintf("task-%d", i)
		chain.Insist(t, func() error {
			_, err := client.PutTaskDef(t.Context(), &lhpb.PutTaskDefRequest{Name: name})
			return err
		})
		if _, err := client.GetTaskDef(t.Context(), &lhpb.TaskDefId{Name: name}); err != nil {
			t.Errorf("server %d: %v", i, err)
		}
	}
	chain.Register(t, c.clients[0])
	put := time.Now()
	for i, client := range c.clients[1:] { // the others hear of it
		c.await(t, client)
		t.Logf("server %d knows the WfSpec after %s", i+1, time.Since(put))
	}
	ids := c.runs(t, "any", 60)
	slices.Sort(ids)
	running := lhpb.LHStatus_RUNNING
	for i, client := range c.clients {
		if got := slices.Sorted(maps.Keys(search(t, client, &running, 7))); !slices.Equal(got, ids) {
			t.Errorf("server %d finds %d of %d runs", i, len(got), len(ids))
		}
		for _, id := range ids {
			chain.Insist(t, func() error {
				run, err := client.GetWfRun(t.Context(), &lhpb.WfRunId{Id: id})
				if err == nil && run.GetId().GetId() != id {
					t.Errorf("server %d: run %s is %s", i, id, run.GetId().GetId())
				}
				return err
			})
		}
		chain.Insist(t, func() error {
			count, err := client.CountTaskRun(t.Context(), &lhpb.CountTaskRunRequest{TaskDefName: "step", Status: lhpb.TaskStatus_TASK_SCHEDULED})
			if err == nil && count.Value != int64(len(ids)) {
				t.Errorf("server %d counts %v", i, count)
			}
			return err
		})
	}
	c.workersAreSpread(t)
	c.definitionsAreInOneOrder(t)
	for _, s := range c.servers {
		s.Stop(t)
	}
}

// definitionsAreInOneOrder puts versions of one WfSpec through all servers at a time: each reads the same ones in the same order.
func (c *ensemble) definitionsAreInOneOrder(t *testing.T) {
	t.Helper()
	const each = 5
	var mu sync.Mutex
	var putting sync.WaitGroup
	put := map[int32]string{} // the variable of a version
	for i, client := range c.clients {
		putting.Go(func() {
			for n := range each {
				variable := fmt.Sprintf("of-%d-%d", i, n)
				for {
					spec, err := client.PutWfSpec(t.Context(), ordered(variable))
					if status.Code(err) == codes.Unavailable {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					put[spec.Id.MajorVersion*1000+spec.Id.Revision] = variable
					mu.Unlock()
					break
				}
			}
		})
	}
	putting.Wait()
	if len(put) != each*len(c.clients) {
		t.Fatalf("%d versions: %v", len(put), put)
	}
	for i, client := range c.clients {
		for version, want := range put {
			id := &lhpb.WfSpecId{Name: "ordered", MajorVersion: version / 1000, Revision: version % 1000}
			if got := awaitSpec(t, client, id).ThreadSpecs["main"].VariableDefs[0].VarDef.Name; got != want {
				t.Errorf("server %d has %s as version %d.%d, it was %s", i, got, id.MajorVersion, id.Revision, want)
			}
		}
	}
}

func ordered(variable string) *lhpb.PutWfSpecRequest {
	return &lhpb.PutWfSpecRequest{Name: "ordered", EntrypointThreadName: "main", ThreadSpecs: map[string]*lhpb.ThreadSpec{"main": {
		Nodes: map[string]*lhpb.Node{
			"0-entrypoint-ENTRYPOINT": {Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}, OutgoingEdges: chain.Edge("exit")},
			"exit":                    {Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}},
		},
		VariableDefs: []*lhpb.ThreadVarDef{{VarDef: &lhpb.VariableDef{Name: variable, TypeDef: &lhpb.TypeDefinition{
			DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: lhpb.VariableType_STR},
		}}}},
	}}}
}

// workersAreSpread registers workers at one server: together they are sent to all.
func (c *ensemble) workersAreSpread(t *testing.T) {
	t.Helper()
	sent := map[string]bool{}
	for n := range 3 {
		chain.Insist(t, func() error {
			reply, err := c.clients[0].RegisterTaskWorker(t.Context(), &lhpb.RegisterTaskWorkerRequest{
				TaskDefId: &lhpb.TaskDefId{Name: "step"}, TaskWorkerId: fmt.Sprintf("worker-%d", n),
			})
			for _, h := range reply.GetYourHosts() {
				sent[fmt.Sprintf("%s:%d", h.Host, h.Port)] = true
			}
			return err
		})
	}
	for _, s := range c.servers {
		if !sent[s.API] {
			t.Errorf("no worker is sent to %s, only to %v", s.API, slices.Sorted(maps.Keys(sent)))
		}
	}
}

// TestKilledServerIsSucceeded kills one of three servers under load: the others take its partitions over, everything that
// was acknowledged is there, and every run completes.
//
// holds: WaitersEndWhenPartitionsMove
// holds: TakeoverInSeconds
// covers: operations §6 moving
func TestKilledServerIsSucceeded(t *testing.T) {
	c := startCluster(t, 3, sessionTimeout(t))
	chain.Register(t, c.clients[0])
	for _, client := range c.clients {
		c.await(t, client)
	}
	load := chain.New()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var waits []func()
	for i, client := range c.clients {
		waits = append(waits, load.Start(ctx, client, i))
	}
	load.WaitFor(t, 200)
	before := load.Snapshot()
	c.servers[1].Kill()
	killed := time.Now()
	answered := 0
	for id := range before {
		_, err := c.clients[0].GetWfRun(t.Context(), &lhpb.WfRunId{Id: id})
		for status.Code(err) == codes.Unavailable {
			_, err = c.clients[0].GetWfRun(t.Context(), &lhpb.WfRunId{Id: id})
		}
		if err != nil {
			t.Errorf("run %s was acknowledged: %v", id, err)
		}
		answered++
	}
	measured(t, "takeover after kill -9", map[string]any{
		"sessionMs": sessionTimeout(t).Milliseconds(), "runs": answered, "answeredMs": time.Since(killed).Milliseconds(),
	})
	load.WaitFor(t, 200)
	cancel()
	for _, wait := range waits {
		wait()
	}
	over, stop := context.WithTimeout(context.Background(), 5*time.Minute)
	defer stop()
	ended := load.StartWorkers(over, c.clients[0])
	others := load.StartWorkers(over, c.clients[2])
	load.CompleteAll(over, t, c.clients[2])
	found := search(t, c.clients[0], nil, 7)
	for id := range load.Snapshot() {
		if !found[id] {
			t.Errorf("run %s is not found", id)
		}
	}
	stop()
	ended()
	others()
	load.NoneTwice(t)
}

// TestRollingRestartFailsNoCall stops and starts one server after the other, as an operator does, while the others are called
// all the time: no call fails, pages go on where the ones before them ended, and everything is there.
//
// holds: RollingRestartIsInvisible
// holds: ScansSurviveMoves
// holds: OneStoreManyPartitions
// covers: operations §6 moving
func TestRollingRestartFailsNoCall(t *testing.T) {
	c := startCluster(t, 3, calm)
	chain.Register(t, c.clients[0])
	for _, client := range c.clients {
		c.await(t, client)
	}
	before := c.runs(t, "before", 60)
	var calls callers
	calls.begin(t, c)
	calls.leaf(t, c, before)
	for i, s := range c.servers {
		walks := calls.walks.Load()
		calls.avoid(i)
		stopping := time.Now()
		s.Stop(t)
		took := time.Since(stopping)
		s.Start(t)
		c.awaitStandbys(t)
		if calls.walks.Load() == walks {
			t.Errorf("no search came to its end while server %d was away", i)
		}
		n, slowest := calls.since()
		measured(t, "restart of one of three", map[string]any{
			"server": i, "stopMs": took.Milliseconds(), "calls": n, "slowestCallMs": float64(slowest.Microseconds()) / 1e3,
		})
	}
	ids := calls.end()
	found := search(t, c.clients[1], nil, 200)
	for _, id := range ids {
		if !found[id] {
			t.Errorf("run %s was acknowledged and is not found", id)
		}
	}
}

// callers start WfRuns one after the other at servers that are not about to be stopped.
type callers struct {
	running sync.WaitGroup
	stopped chan struct{}

	mu      sync.Mutex
	turn    sync.Cond
	shun    int // server that is not called
	ids     []string
	busy    map[int]int // calls that run
	calls   int
	slowest time.Duration

	walks atomic.Int64 // through all that a search finds
}

func (c *callers) begin(t *testing.T, of *ensemble) {
	c.stopped, c.busy, c.turn.L = make(chan struct{}), map[int]int{}, &c.mu
	c.shun = nobody
	for n := range 4 {
		c.running.Go(func() {
			pace := time.NewTicker(10 * time.Millisecond)
			defer pace.Stop()
			for i := 0; ; i++ {
				select {
				case <-c.stopped:
					return
				case <-pace.C:
				}
				c.call(t, of, n+i, fmt.Sprintf("rolling-%d-%d", n, i))
			}
		})
	}
}

const nobody = -1

func (c *callers) call(t *testing.T, of *ensemble, n int, id string) {
	at := c.take(n, of)
	began := time.Now()
	_, err := of.clients[at].RunWf(t.Context(), &lhpb.RunWfRequest{WfSpecName: "chain", Id: &id}, grpc.WaitForReady(true))
	took := time.Since(began)
	c.give(at)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	c.slowest = max(c.slowest, took)
	if err != nil {
		t.Errorf("run %s at server %d, after %s: %v", id, at, took, err)
		return
	}
	c.ids = append(c.ids, id)
}

// take is the n-th server, or another if that is about to be stopped.
func (c *callers) take(n int, of *ensemble) (server int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := n % len(of.clients)
	if at == c.shun {
		at = (at + 1) % len(of.clients)
	}
	c.busy[at]++
	return at
}

// give says that the server has answered.
func (c *callers) give(server int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy[server]--
	c.turn.Broadcast()
}

// leaf searches for the runs again and again, page by page at one server after the other: all are found, each once.
func (c *callers) leaf(t *testing.T, of *ensemble, ids []string) {
	now := timestamppb.Now()
	c.running.Go(func() {
		for n := 0; ; {
			found := map[string]int{}
			for req := (&lhpb.SearchWfRunRequest{WfSpecName: "chain", LatestStart: now, Limit: new(int32(7))}); ; n++ {
				at := c.take(n, of)
				page, err := of.clients[at].SearchWfRun(t.Context(), req, grpc.WaitForReady(true))
				c.give(at)
				if err != nil {
					t.Errorf("a page at server %d: %v", at, err)
					return
				}
				for _, r := range page.Results {
					found[r.Id]++
				}
				if req.Bookmark = page.Bookmark; req.Bookmark == nil {
					break
				}
			}
			for _, id := range ids {
				if found[id] != 1 {
					t.Errorf("run %s is found %d times", id, found[id])
				}
			}
			c.walks.Add(1)
			select {
			case <-c.stopped:
				return
			default:
			}
		}
	})
}

// avoid calls a server no more, and returns when it has answered.
func (c *callers) avoid(server int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shun = server
	for c.busy[server] > 0 {
		c.turn.Wait()
	}
}

// since counts the calls since it was asked last.
func (c *callers) since() (n int, slowest time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, slowest = c.calls, c.slowest
	c.calls, c.slowest = 0, 0
	return n, slowest
}

func (c *callers) end() []string {
	close(c.stopped)
	c.running.Wait()
	return c.ids
}

// await waits until the server knows the WfSpec of the runs.
func (c *ensemble) await(t *testing.T, client lhpb.LittleHorseClient) {
	t.Helper()
	awaitSpec(t, client, &lhpb.WfSpecId{Name: "chain"})
}

// awaitSpec waits until the server knows the WfSpec.
func awaitSpec(t *testing.T, client lhpb.LittleHorseClient, id *lhpb.WfSpecId) *lhpb.WfSpec {
	t.Helper()
	for {
		spec, err := client.GetWfSpec(t.Context(), id)
		if err == nil {
			return spec
		}
		if code := status.Code(err); code != codes.NotFound && code != codes.Unavailable {
			t.Fatal(err)
		}
	}
}

// TestPausedOwnerServesNothingStale pauses a server for longer than its session. When it comes back it answers nothing from
// before: neither what it was asked meanwhile, nor what it is asked then.
//
// holds: ReadsAreLocal
func TestPausedOwnerServesNothingStale(t *testing.T) {
	c := startCluster(t, 2, sessionTimeout(t))
	chain.Register(t, c.clients[0])
	c.await(t, c.clients[1])
	ids := c.runs(t, "paused", 16)
	signal(t, c.servers[0], syscall.SIGSTOP)
	awaitStopped(t, c.servers[0])
	type answer struct {
		run *lhpb.WfRun
		err error
	}
	answers := make(chan answer, len(ids))
	for _, id := range ids { // asked of the one that sleeps
		go func() {
			run, err := c.clients[0].GetWfRun(t.Context(), &lhpb.WfRunId{Id: id})
			answers <- answer{run, err}
		}()
	}
	for _, id := range ids { // all of them are stopped meanwhile
		stop := &lhpb.StopWfRunRequest{WfRunId: &lhpb.WfRunId{Id: id}}
		_, err := c.clients[1].StopWfRun(t.Context(), stop)
		for status.Code(err) == codes.Unavailable { // it may have counted, and does no harm a second time
			_, err = c.clients[1].StopWfRun(t.Context(), stop)
		}
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
	}
	signal(t, c.servers[0], syscall.SIGCONT)
	for range ids {
		a := <-answers
		if a.err == nil && runs(a.run) {
			t.Errorf("run %s is told as it was before", a.run.Id.Id)
		}
		if a.err != nil && status.Code(a.err) != codes.Unavailable {
			t.Error(a.err)
		}
	}
	for _, id := range ids {
		run, err := c.clients[0].GetWfRun(t.Context(), &lhpb.WfRunId{Id: id})
		for status.Code(err) == codes.Unavailable {
			run, err = c.clients[0].GetWfRun(t.Context(), &lhpb.WfRunId{Id: id})
		}
		if err != nil || runs(run) {
			t.Errorf("run %s afterwards: %v, %v", id, run, err)
		}
	}
}

// runs tells whether nobody has stopped the WfRun.
func runs(w *lhpb.WfRun) bool { return w.ThreadRuns[0].Status == lhpb.LHStatus_RUNNING }

func signal(t *testing.T, s *lhserver.Server, what syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(s.PID(), what); err != nil {
		t.Fatal(err)
	}
}

// awaitStopped returns when no thread of the server runs any more, which on a busy machine takes longer than the signal: what is asked until then may have
// been read, and be told afterwards by right.
func awaitStopped(t *testing.T, s *lhserver.Server) {
	t.Helper()
	for runs := true; runs; {
		stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", s.PID()))
		if err != nil || len(stats) == 0 {
			t.Fatalf("the threads of the server: %v, %v", stats, err)
		}
		runs = false
		for _, file := range stats {
			text, err := os.ReadFile(file)
			runs = runs || err != nil || !strings.Contains(string(text), ") T ") // one that has just ended is not looked for again
		}
	}
}
