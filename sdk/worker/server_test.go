package worker_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
)

// cluster is the state that fake servers share: the waiting tasks and what was reported.
type cluster struct {
	lhpb.UnimplementedLittleHorseServer

	mu          sync.Mutex
	defs        map[string]*lhpb.TaskDef
	hosts       []*lhpb.LHHostInfo
	waiting     []*lhpb.ScheduledTask
	credits     []*credit
	streams     int // that poll
	claimed     int // handed out and not reported
	mostClaimed int
	reports     map[string][]*lhpb.ReportTaskRun // by task guid
	handedOut   map[string]int                   // by task guid
	open        map[string]*lhpb.ScheduledTask   // handed out and not reported, by task guid
	refusals    int                              // reports still to be refused as unavailable
	checkpoints []*lhpb.Checkpoint
	stopTask    bool
	changed     chan struct{}
}

type credit struct {
	task   string
	answer chan *lhpb.ScheduledTask
}

func newCluster() *cluster {
	return &cluster{
		defs: map[string]*lhpb.TaskDef{}, reports: map[string][]*lhpb.ReportTaskRun{}, handedOut: map[string]int{},
		open: map[string]*lhpb.ScheduledTask{}, changed: make(chan struct{}),
	}
}

// touch wakes those who wait for a change; the lock is held.
func (c *cluster) touch() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// await waits until a condition on the cluster holds.
func (c *cluster) await(t *testing.T, condition func() bool) {
	t.Helper()
	for {
		c.mu.Lock()
		ok, changed := condition(), c.changed
		c.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatal("the test ended first")
		}
	}
}

// schedule adds tasks and matches them with waiting credits.
func (c *cluster) schedule(tasks ...*lhpb.ScheduledTask) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, tasks...)
	c.match()
}

// match hands out tasks to credits for them, first come first served; the lock is held.
func (c *cluster) match() {
	var unmatched []*lhpb.ScheduledTask
	for i, task := range c.waiting {
		if len(c.credits) == 0 {
			unmatched = append(unmatched, c.waiting[i:]...)
			break
		}
		if !c.handOut(task) {
			unmatched = append(unmatched, task)
		}
	}
	c.waiting = unmatched
	c.touch()
}

func (c *cluster) handOut(task *lhpb.ScheduledTask) bool {
	for i, credit := range c.credits {
		if credit.task != task.TaskDefId.Name {
			continue
		}
		c.credits = slices.Delete(c.credits, i, i+1)
		credit.answer <- task
		guid := task.TaskRunId.TaskGuid
		c.handedOut[guid]++
		c.open[guid] = task
		c.claimed++
		c.mostClaimed = max(c.mostClaimed, c.claimed)
		return true
	}
	return false
}

func (c *cluster) GetTaskDef(_ context.Context, id *lhpb.TaskDefId) (*lhpb.TaskDef, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if def := c.defs[id.Name]; def != nil {
		return def, nil
	}
	return nil, status.Error(codes.NotFound, "Couldn't find TaskDef "+id.Name)
}

func (c *cluster) PutTaskDef(_ context.Context, req *lhpb.PutTaskDefRequest) (*lhpb.TaskDef, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	def := &lhpb.TaskDef{Id: &lhpb.TaskDefId{Name: req.Name}, InputVars: req.InputVars, ReturnType: req.ReturnType}
	c.defs[req.Name] = def
	return def, nil
}

func (c *cluster) RegisterTaskWorker(context.Context, *lhpb.RegisterTaskWorkerRequest) (*lhpb.RegisterTaskWorkerResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &lhpb.RegisterTaskWorkerResponse{YourHosts: c.hosts}, nil
}

func (c *cluster) PollTask(stream lhpb.LittleHorse_PollTaskServer) error {
	answers := make(chan *lhpb.ScheduledTask, 1000)
	closed := make(chan struct{})
	dead := false // guarded by the cluster's lock
	c.mu.Lock()
	c.streams++
	c.mu.Unlock()
	go func() {
		defer close(closed)
		for {
			req, err := stream.Recv()
			if err != nil {
				return
			}
			c.mu.Lock()
			if !dead {
				c.credits = append(c.credits, &credit{task: req.TaskDefId.Name, answer: answers})
				c.match()
			}
			c.mu.Unlock()
		}
	}()
	for {
		select {
		case task := <-answers:
			if err := stream.Send(&lhpb.PollTaskResponse{Result: task}); err != nil {
				c.giveBack(task)
				return err
			}
		case <-closed:
			return c.dropCredits(answers, stream, &dead)
		case <-stream.Context().Done():
			return c.dropCredits(answers, nil, &dead)
		}
	}
}

// dropCredits forgets the stream's credits; what was matched is delivered if the stream still stands.
func (c *cluster) dropCredits(answers chan *lhpb.ScheduledTask, stream lhpb.LittleHorse_PollTaskServer, dead *bool) error {
	c.mu.Lock()
	*dead = true
	c.streams--
	var others []*credit
	for _, other := range c.credits {
		if other.answer != answers {
			others = append(others, other)
		}
	}
	c.credits = others
	c.touch()
	c.mu.Unlock()
	for {
		select {
		case task := <-answers:
			if stream == nil || stream.Send(&lhpb.PollTaskResponse{Result: task}) != nil {
				c.giveBack(task)
			}
		default:
			return nil
		}
	}
}

// timeOut is what the timeouts of all attempts do that nobody has reported.
func (c *cluster) timeOut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, task := range c.open {
		c.claimed--
		c.waiting = append(c.waiting, task)
	}
	c.match()
}

// giveBack is what the attempt's timeout does in a real server.
func (c *cluster) giveBack(task *lhpb.ScheduledTask) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.claimed--
	c.waiting = append(c.waiting, task)
	c.match()
}

func (c *cluster) ReportTask(_ context.Context, r *lhpb.ReportTaskRun) (*emptypb.Empty, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.touch()
	if c.refusals > 0 {
		c.refusals--
		return nil, status.Error(codes.Unavailable, "moving")
	}
	guid := r.TaskRunId.TaskGuid
	delete(c.open, guid)
	if len(c.reports[guid]) == 0 {
		c.claimed--
	}
	c.reports[guid] = append(c.reports[guid], r)
	return &emptypb.Empty{}, nil
}

func (c *cluster) PutCheckpoint(_ context.Context, req *lhpb.PutCheckpointRequest) (*lhpb.PutCheckpointResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopTask {
		return &lhpb.PutCheckpointResponse{FlowControlContinueType: lhpb.PutCheckpointResponse_STOP_TASK}, nil
	}
	checkpoint := &lhpb.Checkpoint{Value: req.Value}
	c.checkpoints = append(c.checkpoints, checkpoint)
	return &lhpb.PutCheckpointResponse{CreatedCheckpoint: checkpoint}, nil
}

func (c *cluster) GetCheckpoint(_ context.Context, id *lhpb.CheckpointId) (*lhpb.Checkpoint, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.checkpoints[id.CheckpointNumber], nil
}

// listen starts one server of the cluster; port 0 takes any.
func (c *cluster) listen(t *testing.T, port int) (*grpc.Server, int) {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", port)
	listener, err := net.Listen("tcp", address)
	for end := time.Now().Add(time.Minute); errors.Is(err, syscall.EADDRINUSE) && time.Now().Before(end); {
		listener, err = net.Listen("tcp", address) // somebody has it for a moment
	}
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	lhpb.RegisterLittleHorseServer(server, c)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	return server, listener.Addr().(*net.TCPAddr).Port
}

// assign makes the ports the hosts of every worker.
func (c *cluster) assign(ports ...int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hosts = nil
	for _, port := range ports {
		c.hosts = append(c.hosts, &lhpb.LHHostInfo{Host: "127.0.0.1", Port: int32(port)})
	}
}

func dial(t *testing.T, port int) *lh.Client {
	t.Helper()
	cfg := lh.DefaultConfig()
	cfg.Host, cfg.Port = "127.0.0.1", port
	client, err := lh.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}
