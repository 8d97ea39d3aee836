package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/wf"
)

var timersKind = kind{
	name: "timers", short: "An ordinary load beside many timers due in one second",
	long: "Put on an ordinary load of WfRuns of sequential tasks at a fixed rate, first alone, and then while --count WfRuns\n" +
		"awake that sleep until moments spread over the same second. Some of them run a task then, which tells how late they\n" +
		"awoke. Prints one line of JSON with both and how the latencies differ.",
	make: func() scenario { return &timers{} },
}

// timers is the ordinary load alone and beside a second in which many timers are due.
type timers struct {
	settings
	count, callers int
	dueIn          time.Duration
}

func (t *timers) flags(cmd *cobra.Command) {
	loadFlags(cmd, &t.settings)
	f := cmd.Flags()
	f.Float64Var(&t.Rate, "rate", 100, "WfRuns of the ordinary load to start a second")
	f.IntVar(&t.count, "count", 50_000, "timers")
	f.IntVar(&t.callers, "callers", 256, "calls in flight while they are set")
	f.DurationVar(&t.dueIn, "due-in", 0, "when the first is due; all must be set by then. 0: 5 s, and one more for each 1000")
}

func (t *timers) validate() error {
	if t.count < 1 || t.callers < 1 || t.dueIn < 0 || t.Rate <= 0 {
		return errors.New("--count, --callers and --rate must be positive, --due-in not negative")
	}
	return t.settings.validate()
}

// timersResult is the line that is printed.
type timersResult struct {
	Scenario string    `json:"scenario"`
	Label    string    `json:"label,omitempty"`
	At       time.Time `json:"at"`
	Timers   struct {
		Count      int     `json:"count"`
		SetSeconds float64 `json:"setSeconds"`
		// FiredSeconds is from the moment when the first was due until no WfRun was found that still slept.
		FiredSeconds float64 `json:"firedSeconds"`
		// Late is how long behind its moment the task of a WfRun was there, of up to a thousand of them.
		Late latency `json:"taskLateMs"`
		// Errors are calls for these tasks that failed, by code.
		Errors map[string]int64 `json:"errors"`
	} `json:"timers"`
	// P99Ratio is the p99 beside the timers over the p99 alone.
	P99Ratio ratios  `json:"p99Ratio"`
	Alone    *result `json:"alone"`
	Beside   *result `json:"beside"`
}

func (r *timersResult) figures() figures {
	f := r.Beside.figures()
	f["firedSeconds"], f["lateP99Ms"] = r.Timers.FiredSeconds, r.Timers.Late.P99
	return f.with(r.P99Ratio)
}

// sleepers are WfRuns that sleep until moments within one second.
type sleepers struct {
	*timers
	client *lh.Client
	name   string
	first  time.Time
	took   time.Duration // from the first moment on, until none slept

	late   *histogram // of those that run a task
	failed *recorder  // of their calls
}

// probes is how many of them run a task, at least if there are as many.
const probes = 1000

// lead is how long before the first timer the window opens.
const lead = 200 * time.Millisecond

func (t *timers) measure(ctx context.Context, say func(outcome) error) error {
	cfg, err := configured(&t.settings)
	if err != nil {
		return err
	}
	client, err := lh.Dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	r := &timersResult{Scenario: "timers", Label: t.Label, At: now()}
	r.Timers.Count = t.count
	if r.Alone, err = run(ctx, t.settings, cfg); err != nil {
		return err
	}
	w := &sleepers{timers: t, client: client, name: "sleep-" + string(lh.NewRunID())[:12], late: newHistogram(), failed: newRecorder()}
	if err := w.set(ctx, r); err != nil {
		return err
	}
	working, stop := context.WithCancel(ctx)
	var polling sync.WaitGroup
	defer polling.Wait()
	defer stop()
	if err := w.poll(working, &polling); err != nil {
		return err
	}
	s := t.settings
	s.from, s.Runs = w.first.Add(-lead), 0
	s.Duration = lead + time.Second // or until the last has fired
	if r.Beside, err = beside(ctx, s, cfg, "timers", func() error { return w.fired(ctx) }); err != nil {
		return err
	}
	r.Timers.Late, r.Timers.FiredSeconds = w.late.latency(), round(w.took.Seconds(), 3)
	r.Timers.Errors = w.failed.failures()
	r.P99Ratio = *r.Beside.over(r.Alone)
	return say(r)
}

// set starts the WfRuns.
func (w *sleepers) set(ctx context.Context, r *timersResult) error {
	if _, err := w.client.RPC().PutTaskDef(ctx, &lhpb.PutTaskDefRequest{Name: w.probe()}); err != nil {
		return err
	}
	sleep := func(t *wf.Thread) { t.SleepUntil(wf.Declare[time.Time](t, "until").Required()) }
	err := w.client.Register(ctx, wf.New(w.name, sleep), wf.New(w.probe(), func(t *wf.Thread) {
		sleep(t)
		t.Execute(w.probe())
	}))
	if err != nil {
		return err
	}
	dueIn := w.dueIn
	if dueIn == 0 {
		dueIn = 5*time.Second + time.Duration(w.count)*time.Millisecond
	}
	began := time.Now()
	w.first = began.Add(dueIn)
	err = each(ctx, w.count, w.callers, func(ctx context.Context, n int64) error {
		until, err := lh.Value(w.due(n))
		if err != nil {
			return err
		}
		spec := w.name
		if w.probes(n) {
			spec = w.probe()
		}
		id := numbered(w.name, n)
		return insist(ctx, w.client.RPC(), &lhpb.RunWfRequest{
			WfSpecName: spec, Id: &id, Variables: map[string]*lhpb.VariableValue{"until": until},
		})
	})
	if err != nil {
		return err
	}
	if time.Until(w.first) < lead {
		return fmt.Errorf("it took %s to set the timers: give --due-in more than that", time.Since(began).Round(time.Second))
	}
	r.Timers.SetSeconds = round(time.Since(began).Seconds(), 2)
	return nil
}

// due is when timer n is to fire.
func (w *sleepers) due(n int64) time.Time {
	return w.first.Add(time.Second * time.Duration(n-1) / time.Duration(w.count))
}

// probe is the name of the WfSpec that runs a task, and of its TaskDef.
func (w *sleepers) probe() string { return w.name + "-probe" }

// probes tells whether WfRun n runs a task.
func (w *sleepers) probes(n int64) bool { return n%int64(max(1, w.count/probes)) == 0 }

// poll takes the tasks of those that run one.
func (w *sleepers) poll(ctx context.Context, working *sync.WaitGroup) error {
	p := &poller{
		clients: []*lh.Client{w.client}, taskDef: w.probe(), streams: w.Workers, credits: w.Polls,
		empty: func() {}, fail: w.failed.fail, take: w.take,
	}
	return p.start(ctx, working)
}

func (w *sleepers) take(ctx context.Context, who int, api lhpb.LittleHorseClient, task *lhpb.ScheduledTask) error {
	_, text, _ := cutLast(task.TaskRunId.WfRunId.Id, "-")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return err
	}
	w.late.record(who, time.Since(w.due(n)))
	offer(ctx, api, succeeded(task), w.failed.fail)
	return nil
}

// succeeded is the report of a task that has no output. The original takes no notice of one without a result.
func succeeded(task *lhpb.ScheduledTask) *lhpb.ReportTaskRun {
	return &lhpb.ReportTaskRun{
		TaskRunId: task.TaskRunId, AttemptNumber: task.AttemptNumber, Time: timestamppb.Now(), Status: lhpb.TaskStatus_TASK_SUCCESS,
		Result: &lhpb.ReportTaskRun_Output{Output: &lhpb.VariableValue{}},
	}
}

// fired waits until none of the WfRuns sleeps any more.
func (w *sleepers) fired(ctx context.Context) error {
	if err := wait(ctx, max(time.Until(w.due(int64(w.count))), 1), nil); err != nil {
		return err
	}
	for _, spec := range []string{w.name, w.probe()} {
		if err := w.over(ctx, spec); err != nil {
			return err
		}
	}
	w.took = time.Since(w.first)
	return nil
}

// over waits until no WfRun of a WfSpec runs any more.
func (w *sleepers) over(ctx context.Context, spec string) error {
	for {
		open, err := w.client.RPC().SearchWfRun(ctx, &lhpb.SearchWfRunRequest{
			WfSpecName: spec, Status: lhpb.LHStatus_RUNNING.Enum(), Limit: new(int32(1)),
		})
		if err != nil || len(open.Results) == 0 {
			return err
		}
		if err := wait(ctx, again, nil); err != nil {
			return err
		}
	}
}
