package demo

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

// Nightly is a schedule that will not be due while somebody looks at it.
const Nightly = "nightly-report"

// reports are made on a schedule.
type reports struct {
	collect *task.Task1[string, int64]
	publish *task.Task2[string, int64, wf.None]
}

func newReports() *reports {
	return &reports{
		collect: task.New1("collect-figures", func(_ context.Context, region string) (int64, error) { return int64(len(region) * 1000), nil }, task.Params("region")),
		publish: task.New2("publish-report", nothing2[string, int64], task.Params("region", "sales")),
	}
}

func (r *reports) tasks() []task.Task { return []task.Task{r.collect, r.publish} }

func (r *reports) before() []lh.Definition { return nil }

func (r *reports) definitions() []lh.Definition {
	return append(asDefinitions(r.tasks()), wf.New("sales-report", func(t *wf.Thread) {
		region := wf.Declare[string](t, "region").Default("north").Searchable()
		sales := wf.Declare[int64](t, "sales")
		sales.Set(r.collect.Do(t, region).Retries(1))
		t.Sleep(2 * time.Second)
		r.publish.Do(t, region, sales)
	}, wf.Retention(kept)))
}

func (r *reports) open(ctx context.Context, d *day) error {
	for id, cron := range map[string]string{Nightly: "0 3 * * *", "monthly-report": "0 7 1 * *", "quick-report": "*/5 * * * *"} {
		_, err := d.RPC().ScheduleWf(ctx, &lhpb.ScheduleWfRequest{Id: &id, WfSpecName: "sales-report", CronExpression: cron})
		if err := unless(codes.AlreadyExists, err); err != nil {
			return err
		}
	}
	return d.begin(ctx, "sales-report", "report-1", lh.Input{"region": "south"})
}

func (r *reports) next(ctx context.Context, d *day) error {
	return d.begin(ctx, "sales-report", d.name("report"), lh.Input{"region": fmt.Sprintf("region %d", d.random.IntN(9))})
}
