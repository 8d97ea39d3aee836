package faults

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
	"littlehorse/sdk/worker"
	"littlehorse/test/chain"
)

// load is clients and workers that never stop, and what they were told.
type load struct {
	w     *world
	start time.Time
	acks  atomic.Int64 // runs acknowledged to clients of ours

	officials []*official

	mu        sync.Mutex
	round     []string       // runs acknowledged since the last look
	all       []string       // those before
	delivered map[string]int // how often each attempt reached a worker
	refused   map[codes.Code]int
	wrong     []string

	turning   sync.RWMutex // held while an operation on a register is under way
	registers *registers
}

const (
	runnersPerServer = 2
	breath           = 250 * time.Millisecond // of a runner between two runs
)

func newLoad(w *world) *load {
	l := &load{w: w, start: time.Now(), delivered: map[string]int{}, refused: map[codes.Code]int{}}
	chain.RegisterWithin(w, w.sites[0].client, session)
	putWaiting(w)
	for _, s := range w.sites {
		s.knows(w, "waiting")
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	w.Cleanup(func() { cancel(); running.Wait() })
	for _, s := range w.sites {
		for n := range runnersPerServer {
			running.Go(func() { l.run(ctx, s.number, fmt.Sprintf("s%d-%d", s.number, n)) })
		}
		seed := w.rng.Uint64()
		running.Go(func() { l.work(ctx, s) })
		running.Go(func() { l.operate(ctx, s, seed) })
	}
	l.beginOfficials(ctx, &running)
	return l
}

// knows waits until the server knows the WfSpec.
func (s *site) knows(w *world, spec string) {
	w.Helper()
	w.until(fmt.Sprintf("server %d knows the WfSpec %s", s.number, spec), func(ctx context.Context) error {
		_, err := s.client.GetWfSpec(ctx, &lhpb.WfSpecId{Name: spec})
		return err
	})
}

// run starts WfRuns. A call without an answer is repeated with its id until there is one, by the next server: clients know them all.
func (l *load) run(ctx context.Context, first int, prefix string) {
	for i, at := 0, first; ctx.Err() == nil; time.Sleep(breath) {
		id := fmt.Sprintf("%s-%d", prefix, i)
		call, cancel := bounded(ctx)
		_, err := l.w.sites[at].client.RunWf(call, &lhpb.RunWfRequest{WfSpecName: "chain", Id: &id})
		cancel()
		switch code := status.Code(err); code {
		case codes.OK, codes.AlreadyExists:
			l.acknowledged(&l.acks, id)
			i++
			at = first
		case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted:
			l.mu.Lock()
			l.refused[code]++
			l.mu.Unlock()
			at = (at + 1) % servers
		default:
			if ctx.Err() == nil {
				l.blame("RunWf %s at server %d: %v", id, at, err)
				return
			}
		}
	}
}

// acknowledged remembers a run that is to be there from now on.
func (l *load) acknowledged(acks *atomic.Int64, id string) {
	l.mu.Lock()
	l.round = append(l.round, id)
	l.mu.Unlock()
	acks.Add(1)
}

// work is a worker of ours that begins at one server.
func (l *load) work(ctx context.Context, s *site) {
	host, port, err := net.SplitHostPort(s.API)
	if err != nil {
		panic(err)
	}
	c := lh.DefaultConfig()
	c.Host = host
	c.Port, _ = strconv.Atoi(port)
	c.WorkerID = fmt.Sprintf("worker-%d", s.number)
	for ctx.Err() == nil {
		client, err := lh.Dial(context.WithoutCancel(ctx), c)
		if err != nil {
			l.blame("worker %d: %v", s.number, err)
			return
		}
		w := worker.New(client, worker.Heartbeat(2*time.Second), worker.ShutdownGrace(time.Second), worker.Logger(slog.New(slog.DiscardHandler)),
			worker.Interceptor(func(next worker.Handler) worker.Handler {
				return func(ctx context.Context, t *lhpb.ScheduledTask) (*lhpb.VariableValue, error) {
					l.deliver(t)
					return next(ctx, t)
				}
			}))
		err = w.Add(task.New0("step", func(context.Context) (wf.None, error) { return wf.None{}, nil })).Run(ctx)
		if err != nil && ctx.Err() == nil {
			l.w.Logf("worker %d begins anew: %v", s.number, err)
		}
		_ = client.Close()
		time.Sleep(breath)
	}
}

func (l *load) deliver(t *lhpb.ScheduledTask) {
	id := t.GetTaskRunId()
	l.delivers(fmt.Sprintf("%s/%s attempt %d", id.GetWfRunId().GetId(), id.GetTaskGuid(), t.GetAttemptNumber()))
}

// delivers counts an attempt that has reached a worker.
func (l *load) delivers(attempt string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.delivered[attempt]++; l.delivered[attempt] > 1 {
		l.wrong = append(l.wrong, fmt.Sprintf("%s was delivered %d times", attempt, l.delivered[attempt]))
	}
}

func (l *load) blame(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// goesOn waits until calls are acknowledged anew.
func (l *load) goesOn(n int64) bool { return grows(&l.acks, n) }

func grows(acks *atomic.Int64, n int64) bool {
	want := acks.Load() + n
	for end := time.Now().Add(patience); acks.Load() < want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// take gives what was acknowledged since it was taken last.
func (l *load) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := l.round
	l.all, l.round = append(l.all, ids...), nil
	return ids
}

// settle looks whether everything is there and completes.
func (l *load) settle(rng *rand.Rand) {
	end := time.Now().Add(patience)
	for _, id := range l.take() {
		if !l.completes(rng.IntN(servers), id, end) {
			return
		}
	}
}

// completes waits for the end of a run; false if a server has ended.
func (l *load) completes(at int, id string, end time.Time) bool {
	for ; ; at = (at + 1) % servers {
		s := l.w.sites[at]
		ctx, cancel := bounded(context.Background())
		run, err := s.client.GetWfRun(ctx, &lhpb.WfRunId{Id: id})
		cancel()
		switch {
		case status.Code(err) == codes.NotFound:
			l.blame("run %s was acknowledged, and is gone by what server %d says", id, s.number)
			return true
		case run.GetStatus() == lhpb.LHStatus_COMPLETED:
			return true
		case s.ended():
			l.blame("server %d has ended: %s", s.number, s.lastWords())
			return false
		case time.Now().After(end):
			l.blame("run %s does not complete at server %d: %s, %v%s", id, s.number, run.GetStatus(), err, s.tellTasks(id))
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// tellTasks says where the tasks of a run are.
func (s *site) tellTasks(id string) (out string) {
	ctx, cancel := bounded(context.Background())
	defer cancel()
	tasks, err := s.client.ListTaskRuns(ctx, &lhpb.ListTaskRunsRequest{WfRunId: &lhpb.WfRunId{Id: id}})
	if err != nil {
		return ", " + err.Error()
	}
	for _, t := range tasks.Results {
		last := t.Attempts[len(t.Attempts)-1]
		out += fmt.Sprintf("; task %s: attempt %d %s, scheduled %s", t.Id.TaskGuid, len(t.Attempts)-1, last.Status, last.ScheduleTime.AsTime().Format(time.TimeOnly))
	}
	return out
}

// found compares what a server finds with what was acknowledged.
func (l *load) found(s *site) {
	there, limit := map[string]bool{}, int32(500)
	for _, spec := range []string{"chain", "official", "official-java"} {
		for req := (&lhpb.SearchWfRunRequest{WfSpecName: spec, Limit: &limit}); ; {
			page, err := s.search(req)
			if err != nil {
				l.blame("search at server %d: %v", s.number, err)
				return
			}
			for _, r := range page.Results {
				if there[r.Id] {
					l.blame("server %d finds run %s twice", s.number, r.Id)
				}
				there[r.Id] = true
			}
			if req.Bookmark = page.Bookmark; req.Bookmark == nil {
				break
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range l.all {
		if !there[id] {
			l.wrong = append(l.wrong, fmt.Sprintf("server %d does not find run %s", s.number, id))
		}
	}
}

// search repeats a search that no owner could answer at the moment.
func (s *site) search(req *lhpb.SearchWfRunRequest) (page *lhpb.WfRunIdList, err error) {
	for end := time.Now().Add(patience); ; time.Sleep(breath) {
		ctx, cancel := bounded(context.Background())
		page, err = s.client.SearchWfRun(ctx, req)
		cancel()
		if !unknown(status.Code(err)) || time.Now().After(end) {
			return page, err
		}
	}
}
