package worker

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"littlehorse/lhpb"
)

// stream polls one server for one task.
type stream struct {
	pool    *pool
	address string
	api     lhpb.LittleHorseClient
	request *lhpb.PollTaskRequest
	credits int // asked for and not answered; guarded by the budget
	waiting int // tasks that arrived and wait for a slot; guarded by the budget

	more     chan struct{} // it may be time to ask for more
	stopped  chan struct{}
	stopOnce sync.Once
}

func newStream(p *pool, address string, api lhpb.LittleHorseClient) *stream {
	request := &lhpb.PollTaskRequest{TaskDefId: p.taskDef, ClientId: p.w.id}
	if p.w.version != "" {
		request.TaskWorkerVersion = &p.w.version
	}
	return &stream{
		pool: p, address: address, api: api, request: request,
		more: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
}

func (s *stream) stop() { s.stopOnce.Do(func() { close(s.stopped) }) }

func (s *stream) wake() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// run keeps a stream open until it is stopped.
func (s *stream) run() {
	pause := firstPause
	for {
		opened := time.Now()
		err := s.session()
		if s.isStopped() {
			return
		}
		if time.Since(opened) > maxPause {
			pause = firstPause
		}
		s.logEnd(err)
		s.askForHosts()
		if !s.rest(pause) {
			return
		}
		pause = min(pause*2, maxPause)
	}
}

func (s *stream) isStopped() bool {
	select {
	case <-s.stopped:
		return true
	default:
		return false
	}
}

func (s *stream) rest(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-s.stopped:
		return false
	case <-t.C:
		return true
	}
}

// logEnd keeps the ordinary end of a server out of the errors.
func (s *stream) logEnd(err error) {
	log := s.pool.w.log
	code := status.Code(err)
	if err == nil || errors.Is(err, io.EOF) || code == codes.Unavailable || code == codes.Canceled {
		log.Info("server ended the poll stream", "task_def", s.pool.task.Name(), "host", s.address, "err", err)
		return
	}
	log.Warn("poll stream failed", "task_def", s.pool.task.Name(), "host", s.address, "err", err)
}

func (s *stream) askForHosts() {
	select {
	case s.pool.reregister <- struct{}{}:
	default:
	}
}

// session is the life of one gRPC stream. When it is stopped it is half-closed, and what still arrives is run.
func (s *stream) session() error {
	b := s.pool.w.budget
	ctx, cancel := context.WithCancel(s.pool.pollContext)
	defer cancel()
	poll, err := s.api.PollTask(ctx)
	if err != nil {
		return err
	}
	b.join(s)
	defer b.leave(s)
	defer b.forget(s)
	ended := make(chan error, 1)
	go func() { ended <- s.receive(poll) }()
	if !s.ask(poll, ended) {
		return <-ended
	}
	if err := poll.CloseSend(); err != nil {
		return <-ended
	}
	stopDraining := time.AfterFunc(streamDrain, cancel)
	defer stopDraining.Stop()
	return <-ended
}

type pollStream = grpc.BidiStreamingClient[lhpb.PollTaskRequest, lhpb.PollTaskResponse]

// ask sends credits until the stream is stopped. It returns false when the stream ended by itself; what ended it stays
// in the channel.
func (s *stream) ask(poll pollStream, ended chan error) bool {
	for {
		for s.pool.w.budget.ask(s) {
			if err := poll.Send(s.request); err != nil {
				return false
			}
		}
		select {
		case <-s.more:
		case err := <-ended:
			ended <- err
			return false
		case <-s.stopped:
			return true
		}
	}
}

// emptyPause keeps a server that has nothing but lost matches from being asked in a tight loop.
const emptyPause = 50 * time.Millisecond

func (s *stream) receive(poll pollStream) error {
	for {
		answer, err := poll.Recv()
		if err != nil {
			return err
		}
		s.pool.w.budget.answered(s, answer.Result != nil)
		if answer.Result == nil {
			time.AfterFunc(emptyPause, s.wake)
			continue
		}
		s.pool.execute(s, answer.Result)
		s.wake()
	}
}
