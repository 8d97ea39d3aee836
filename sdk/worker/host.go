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

// maxStreams bounds the poll streams to one server. Each has one credit under way at most: there are servers that answer
// several credits of a stream at the same time and break it by that.
const maxStreams = 16

// host is a server that is polled for one task.
type host struct {
	pool    *pool
	address string
	api     lhpb.LittleHorseClient
	request *lhpb.PollTaskRequest

	credits int // asked for and not answered; guarded by the budget
	waiting int // tasks that arrived and wait for a slot; guarded by the budget

	stopped  chan struct{}
	stopOnce sync.Once
}

func newHost(p *pool, address string, api lhpb.LittleHorseClient) *host {
	request := &lhpb.PollTaskRequest{TaskDefId: p.taskDef, ClientId: p.w.id}
	if p.w.version != "" {
		request.TaskWorkerVersion = &p.w.version
	}
	return &host{pool: p, address: address, api: api, request: request, stopped: make(chan struct{})}
}

func (h *host) stop() { h.stopOnce.Do(func() { close(h.stopped) }) }

func (h *host) isStopped() bool {
	select {
	case <-h.stopped:
		return true
	default:
		return false
	}
}

// poll keeps the streams open until the host is stopped.
func (h *host) poll() {
	h.pool.w.budget.join(h)
	defer h.pool.w.budget.leave(h)
	var streams sync.WaitGroup
	for range min(cap(h.pool.slots), maxStreams) {
		streams.Go(h.keepStream)
	}
	streams.Wait()
}

// keepStream opens one stream again and again until the host is stopped.
func (h *host) keepStream() {
	pause := firstPause
	for h.pool.w.budget.acquire(h) {
		opened := time.Now()
		err := h.session()
		if h.isStopped() {
			return
		}
		if time.Since(opened) > maxPause {
			pause = firstPause
		}
		h.logEnd(err)
		h.pool.askForHosts()
		if !h.rest(pause) {
			return
		}
		pause = min(pause*2, maxPause)
	}
}

// rest returns false when the host is stopped meanwhile.
func (h *host) rest(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-h.stopped:
		return false
	case <-t.C:
		return true
	}
}

// logEnd keeps the ordinary end of a server out of the warnings.
func (h *host) logEnd(err error) {
	log := h.pool.w.log
	code := status.Code(err)
	if errors.Is(err, io.EOF) || code == codes.Unavailable || code == codes.Canceled {
		log.Info("server ended the poll stream", "task_def", h.pool.task.Name(), "host", h.address, "err", err)
		return
	}
	log.Warn("poll stream failed", "task_def", h.pool.task.Name(), "host", h.address, "err", err)
}

// session is the life of one gRPC stream. It begins with a credit in hand. When the host is stopped the stream is
// half-closed, and what still arrives is run.
func (h *host) session() error {
	b := h.pool.w.budget
	ctx, cancel := context.WithCancel(h.pool.pollContext)
	defer cancel()
	poll, err := h.api.PollTask(ctx)
	if err != nil {
		b.unanswered(h)
		return err
	}
	s := &stream{poll: poll}
	defer h.endWhenStopped(s, cancel)()
	for {
		if err := h.ask(s); err != nil {
			return err
		}
		if !b.acquire(h) {
			return nil
		}
	}
}

// ask spends a credit: it waits for the task, however long that takes, and starts it.
func (h *host) ask(s *stream) error {
	b := h.pool.w.budget
	answer, err := s.next(h.request)
	if err != nil {
		b.unanswered(h)
		return err
	}
	if answer.Result == nil {
		b.unanswered(h)
		h.rest(emptyPause)
		return nil
	}
	b.arrived(h)
	h.pool.execute(h, answer.Result)
	return nil
}

// stream is a poll stream that another goroutine may half-close.
type stream struct {
	poll grpc.BidiStreamingClient[lhpb.PollTaskRequest, lhpb.PollTaskResponse]

	mu     sync.Mutex
	closed bool
}

func (s *stream) next(req *lhpb.PollTaskRequest) (*lhpb.PollTaskResponse, error) {
	if err := s.send(req); err != nil && !errors.Is(err, io.EOF) { // EOF: Recv tells what ended the stream
		return nil, err
	}
	return s.poll.Recv()
}

var errClosed = errors.New("the poll stream is closed")

func (s *stream) send(req *lhpb.PollTaskRequest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	return s.poll.Send(req)
}

func (s *stream) halfClose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	_ = s.poll.CloseSend() // always nil
}

// emptyPause keeps a server that has nothing but lost matches from being asked in a tight loop.
const emptyPause = 50 * time.Millisecond

// endWhenStopped half-closes a stream once the host is stopped, and cuts it if the server does not end it in time. The
// function it returns ends the watch.
func (h *host) endWhenStopped(s *stream, cut context.CancelFunc) func() {
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-done:
			return
		case <-h.stopped:
		}
		s.halfClose()
		t := time.NewTimer(streamDrain)
		defer t.Stop()
		select {
		case <-done:
		case <-t.C:
			cut()
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}
