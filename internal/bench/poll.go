package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
)

// poller takes the tasks of one TaskDef from every server that it is assigned. It costs as little as it can.
type poller struct {
	clients []*lh.Client
	wires   *wires // what the streams go over; nil if that is the clients
	taskDef string // and the name of the worker
	streams int    // to each server
	credits int    // in flight on each stream
	take    func(ctx context.Context, who int, api lhpb.LittleHorseClient, task *lhpb.ScheduledTask) error
	empty   func() // a poll was answered without a task
	fail    func(error)
}

// start opens the streams and keeps the worker registered until ctx is done.
func (p *poller) start(ctx context.Context, working *sync.WaitGroup) error {
	assigned, err := p.register(ctx)
	if err != nil {
		return fmt.Errorf("register worker: %w", err)
	}
	if len(assigned.YourHosts) == 0 {
		return errors.New("the server assigns no host to poll")
	}
	for _, host := range assigned.YourHosts {
		for i := range p.streams {
			api, err := p.api(i%len(p.clients), host)
			if err != nil {
				return err
			}
			address := addressOf(host)
			working.Go(func() { p.follow(ctx, i, address, api) })
		}
	}
	working.Go(func() {
		for wait(ctx, heartbeat, nil) == nil {
			if _, err := p.register(ctx); err != nil {
				p.fail(err)
			}
		}
	})
	return nil
}

func (p *poller) api(number int, host *lhpb.LHHostInfo) (lhpb.LittleHorseClient, error) {
	if p.wires != nil {
		return lhpb.NewLittleHorseClient(p.wires.at(number, addressOf(host))), nil
	}
	return p.clients[number].At(host.Host, host.Port)
}

func addressOf(host *lhpb.LHHostInfo) string {
	return net.JoinHostPort(host.Host, strconv.Itoa(int(host.Port)))
}

func (p *poller) register(ctx context.Context) (*lhpb.RegisterTaskWorkerResponse, error) {
	return p.clients[0].RPC().RegisterTaskWorker(ctx, &lhpb.RegisterTaskWorkerRequest{
		TaskWorkerId: p.taskDef, TaskDefId: &lhpb.TaskDefId{Name: p.taskDef},
	})
}

// follow keeps one poll stream open.
func (p *poller) follow(ctx context.Context, who int, address string, api lhpb.LittleHorseClient) {
	for {
		err := p.session(ctx, who, api)
		if ctx.Err() != nil {
			return
		}
		p.fail(fmt.Errorf("poll %s: %w", address, err))
		if wait(ctx, pauseAfterError, nil) != nil {
			return
		}
	}
}

// session takes tasks from one stream. The next credit goes out before the task is looked at.
func (p *poller) session(ctx context.Context, who int, api lhpb.LittleHorseClient) error {
	stream, err := api.PollTask(ctx)
	if err != nil {
		return err
	}
	credit := &lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: p.taskDef}, ClientId: p.taskDef}
	for range p.credits {
		if err := stream.Send(credit); err != nil {
			_, err = stream.Recv()
			return err
		}
	}
	for {
		answer, err := stream.Recv()
		if err != nil {
			return err
		}
		if err := stream.Send(credit); err != nil {
			_, err = stream.Recv()
			return err
		}
		if answer.Result == nil {
			p.empty()
			continue
		}
		if err := p.take(ctx, who, api, answer.Result); err != nil {
			return err
		}
	}
}
