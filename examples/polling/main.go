// Command polling waits for a job of a system that sends no events: it asks, sleeps, and asks again, each time later.
package main

import (
	"context"
	"fmt"
	"sync"

	"littlehorse/examples/internal/stage"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

// mostPolls bounds how often the job is asked for.
const mostPolls = 4

var poll = wf.New("job-poll", func(t *wf.Thread) {
	job := wf.Declare[string](t, "job").Required().Searchable()
	pause := wf.Declare[int64](t, "pauseSeconds").Default(1)
	status := wf.Declare[string](t, "status").Default("pending")
	polls := wf.Declare[int64](t, "polls").Default(0)

	begin.Do(t, job).Retries(3)
	t.While(wf.And(status.Eq("pending"), polls.Lt(mostPolls)), func(t *wf.Thread) {
		t.SleepFor(pause)
		pause.Set(pause.Mul(2))
		polls.Set(polls.Add(1))
		status.Set(look.Do(t, job).Retries(3))
	})
	t.If(status.Eq("pending"), func(t *wf.Thread) {
		t.Fail("job-too-slow", "it was asked for as often as it is worth it")
	})
})

var (
	begin = task.New1("job-begin", func(_ context.Context, job string) (wf.None, error) {
		elsewhere.begin(job)
		return wf.None{}, nil
	}, task.Params("job"))
	look = task.New1("job-look", func(_ context.Context, job string) (string, error) {
		return elsewhere.look(job)
	}, task.Params("job"))
)

// elsewhere is the system with the jobs: each is done when it has been looked at twice.
var elsewhere = system{looks: map[string]int{}}

type system struct {
	mu    sync.Mutex
	looks map[string]int
}

func (s *system) begin(job string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks[job] = 0
}

func (s *system) look(job string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	looks, known := s.looks[job]
	if !known {
		return "", fmt.Errorf("no job is called %s", job)
	}
	s.looks[job]++
	if looks < 1 {
		return "pending", nil
	}
	return "done", nil
}

var play = stage.Play{
	Tasks:       []task.Task{begin, look},
	Definitions: []lh.Definition{poll},
	Story: func(ctx context.Context, s *stage.Stage) error {
		id, err := s.Run(ctx, poll.Name(), lh.Input{"job": "invoices-of-may"})
		if err != nil {
			return err
		}
		end, err := s.End(ctx, id)
		if err != nil {
			return err
		}
		polls, err := lh.GetVar[int64](ctx, s.Client, id, "polls")
		if err != nil {
			return err
		}
		s.Say("WfRun %s\n    %s after %d polls", id, end, polls)
		return nil
	},
}

func main() { play.Main() }
