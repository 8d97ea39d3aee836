package worker

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"littlehorse/lhpb"
	"littlehorse/sdk/task"
)

// pool is all that a worker does for one task: the heartbeat, and the servers that it is assigned.
type pool struct {
	w       *Worker
	task    task.Task
	taskDef *lhpb.TaskDefId
	slots   chan struct{} // one for each execution of this task
	running int           // guarded by the budget
	counter *counter

	reregister chan struct{}    // a stream broke: ask again where to poll
	hosts      map[string]*host // by address

	pollContext, taskContext, reportContext context.Context
	polling, executing                      *sync.WaitGroup
}

func newPool(w *Worker, t task.Task) *pool {
	slots := w.slots
	if n := w.perTask[t.Name()]; n > 0 {
		slots = min(n, slots)
	}
	return &pool{
		w: w, task: t, taskDef: &lhpb.TaskDefId{Name: t.Name()}, slots: make(chan struct{}, slots),
		counter: w.counters[t.Name()], reregister: make(chan struct{}, 1), hosts: map[string]*host{},
	}
}

func (p *pool) start(polls, tasks, reports context.Context, polling, executing *sync.WaitGroup) {
	p.pollContext, p.taskContext, p.reportContext = polls, tasks, reports
	p.polling, p.executing = polling, executing
	polling.Go(p.attend)
}

const (
	// retryHeartbeat bounds the pause after a failed heartbeat.
	retryHeartbeat = 8 * time.Second
	// heartbeatTimeout bounds one heartbeat.
	heartbeatTimeout = 10 * time.Second
)

// attend keeps the worker registered and polls where the server says, until the worker stops.
func (p *pool) attend() {
	pause := firstPause
	for {
		next := p.w.heartbeat
		if err := p.heartbeat(); err != nil {
			next = pause
			pause = min(pause*2, retryHeartbeat)
		} else {
			pause = firstPause
		}
		if !p.wait(next) {
			break
		}
	}
	for _, h := range p.hosts {
		h.stop()
	}
}

// askForHosts makes the next heartbeat come at once: a stream broke.
func (p *pool) askForHosts() {
	select {
	case p.reregister <- struct{}{}:
	default:
	}
}

// wait returns false when the worker stops, and early when a stream broke.
func (p *pool) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.w.closing:
		return false
	case <-t.C:
		return true
	case <-p.reregister:
		return p.w.pause(firstPause)
	}
}

func (p *pool) heartbeat() error {
	ctx, cancel := context.WithTimeout(p.pollContext, heartbeatTimeout)
	defer cancel()
	answer, err := p.w.client.RPC().RegisterTaskWorker(ctx, &lhpb.RegisterTaskWorkerRequest{
		TaskWorkerId: p.w.id, TaskDefId: p.taskDef,
	})
	if err != nil {
		if !p.w.stopping() {
			p.w.log.Warn("worker heartbeat failed", "task_def", p.task.Name(), "err", err)
		}
		p.w.setHealth("UNHEALTHY", err)
		return err
	}
	if answer.IsClusterHealthy != nil && !*answer.IsClusterHealthy {
		p.w.setHealth("SERVER_REBALANCING", nil)
		return errRebalancing
	}
	p.w.setHealth("", nil)
	p.follow(answer.YourHosts)
	return nil
}

var errRebalancing = errors.New("the cluster is rebalancing")

// follow polls new hosts and leaves those that are not ours any more.
func (p *pool) follow(assigned []*lhpb.LHHostInfo) {
	ours := map[string]bool{}
	for _, info := range assigned {
		address := net.JoinHostPort(info.Host, strconv.Itoa(int(info.Port)))
		ours[address] = true
		if p.hosts[address] != nil {
			continue
		}
		api, err := p.w.client.At(info.Host, info.Port)
		if err != nil {
			p.w.log.Error("cannot poll a server", "host", address, "err", err)
			continue
		}
		h := newHost(p, address, api)
		p.hosts[address] = h
		p.polling.Go(h.poll)
	}
	for address, h := range p.hosts {
		if !ours[address] {
			h.stop()
			delete(p.hosts, address)
		}
	}
}

// bootstrap is the address to fall back to when the server that gave a task is gone.
func (p *pool) bootstrap() lhpb.LittleHorseClient { return p.w.client.RPC() }
