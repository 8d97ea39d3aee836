// Command schedules runs a workflow every night. The server does it: no program needs to be there at that hour but the
// worker that does the tasks.
package main

import (
	"context"

	"littlehorse/examples/internal/stage"
	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

var closing = wf.New("till-closing", func(t *wf.Thread) {
	shop := wf.Declare[string](t, "shop").Required().Searchable()
	t.Complete(count.Do(t, shop).Retries(3))
})

var count = task.New1("till-count", func(_ context.Context, shop string) (int64, error) {
	return int64(100 * len(shop)), nil
}, task.Params("shop"))

// everyNight is 3 o'clock in UTC: minute, hour, day of month, month, day of week.
const everyNight = "0 3 * * *"

var play = stage.Play{
	Tasks:       []task.Task{count},
	Definitions: []lh.Definition{closing},
	Story: func(ctx context.Context, s *stage.Stage) error {
		schedule, err := s.Schedule(ctx, everyNight, closing.Name(), lh.Input{"shop": "harbour"})
		if err != nil {
			return err
		}
		scheduled, err := s.RPC().GetScheduledWfRun(ctx, &lhpb.ScheduledWfRunId{Id: schedule})
		if err != nil {
			return err
		}
		s.Say("schedule %s\n    %s at %s", schedule, scheduled.WfSpecId.Name, scheduled.CronExpression)

		found, err := s.RPC().SearchScheduledWfRun(ctx, &lhpb.SearchScheduledWfRunRequest{WfSpecName: closing.Name()})
		if err != nil {
			return err
		}
		s.Say("schedules of the workflow: %d", len(found.Results))

		// Whoever does not want to wait for the night runs it by hand, with the same variables.
		id, err := s.Run(ctx, closing.Name(), lh.Input{"shop": "harbour"})
		if err != nil {
			return err
		}
		end, err := s.End(ctx, id)
		if err != nil {
			return err
		}
		s.Say("WfRun %s\n    %s", id, end)

		// Runs that have begun are not touched when their schedule goes.
		return s.Unschedule(ctx, schedule)
	},
}

func main() { play.Main() }
