package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
	"littlehorse/sdk/worker"
)

// giant is one piece of work of unusual size, put on a server beside an ordinary load.
type giant struct {
	about string
	count int // default
	run   func(*giantWork, context.Context) (outcome string, err error)
	waits bool // when run has ended, the giant is still there
	// tasks is how many of size count has, each done once; nil if they are not what it costs.
	tasks func(count int) int
}

var giants = map[string]giant{
	"threads":  {"one WfRun starts COUNT ThreadRuns, each with a task, and waits for them all", 10_000, (*giantWork).threads, false, asMany},
	"loop":     {"one WfRun runs a task COUNT times, one after the other", 100_000, (*giantWork).loop, false, asMany},
	"variable": {"one WfRun changes a variable of COUNT bytes again and again", 900_000, (*giantWork).variable, false, nil},
	"queue":    {"COUNT WfRuns have a task that no worker takes", 1_000_000, (*giantWork).queue, true, nil},
}

func asMany(count int) int { return count }

// giantResult is the line that is printed: the ordinary load alone and beside the giant.
type giantResult struct {
	Scenario string    `json:"scenario"`
	Label    string    `json:"label,omitempty"`
	At       time.Time `json:"at"`
	Giant    struct {
		What    string  `json:"what"`
		Count   int     `json:"count"`
		Outcome string  `json:"outcome"`
		Seconds float64 `json:"seconds"`
	} `json:"giant"`
	// P99Ratio is the p99 beside the giant at work over the p99 alone.
	P99Ratio ratios `json:"p99Ratio"`
	// P99RatioWaiting is the p99 beside the giant that only waits over the p99 alone.
	P99RatioWaiting *ratios `json:"p99RatioWaiting,omitempty"`
	// P99RatioCrowd is the p99 beside as many tasks of small WfRuns over the p99 alone: what the work costs the others,
	// whoever does it. P99RatioToCrowd is the p99 beside the giant over that: what it costs that a giant does it.
	P99RatioCrowd   *ratios `json:"p99RatioCrowd,omitempty"`
	P99RatioToCrowd *ratios `json:"p99RatioToCrowd,omitempty"`
	// P99RatioApart is the p99 beside the same giant on another server of the same machine over the p99 alone: what the
	// machine makes of so much work. P99RatioToApart is the p99 beside the giant over that: what it costs that they share
	// a server.
	P99RatioApart   *ratios `json:"p99RatioApart,omitempty"`
	P99RatioToApart *ratios `json:"p99RatioToApart,omitempty"`
	// PeakResidentMiB is the most memory that the server ever held.
	PeakResidentMiB int64   `json:"peakResidentMiB,omitempty"`
	Alone           *result `json:"alone"`
	Beside          *result `json:"beside"`
	Waiting         *result `json:"waiting,omitempty"`
	Crowd           *result `json:"crowd,omitempty"`
	Apart           *result `json:"apart,omitempty"`
}

// ratios are how much longer calls take than others.
type ratios struct {
	RunWf    float64 `json:"runWf"`
	Report   float64 `json:"reportTask"`
	NextTask float64 `json:"reportToNextTask"`
	WfRun    float64 `json:"wfRun"`
}

func giantCommand() *cobra.Command {
	s, size, crowd, apart := settings{}, giantSize{}, true, ""
	cmd := &cobra.Command{
		Use: "giant " + strings.Join(giantNames(), "|"), Short: "One giant beside an ordinary load", Args: cobra.ExactArgs(1),
		ValidArgs: giantNames(),
		Long: "Put on an ordinary load of WfRuns of sequential tasks at a fixed rate, first alone and then beside a giant, and\n" +
			"print one line of JSON with both and how the latencies differ. Give the server one partition, so that they\n" +
			"share it. Beside the queue the load is put on once more when all its tasks wait; beside threads and loop once more\n" +
			"with as many tasks a second of small WfRuns in place of the giant, done by as many workers. With --apart it is put on\n" +
			"once more while the giant is at work on that other server. The giants:\n" + giantHelp(),
		RunE: func(cmd *cobra.Command, args []string) error {
			g, known := giants[args[0]]
			if !known {
				return fmt.Errorf("%q is none of %s", args[0], strings.Join(giantNames(), ", "))
			}
			if size.count == 0 {
				size.count = g.count
			}
			if size.count < 1 || size.changes < 1 {
				return errors.New("--count and --changes must be positive")
			}
			if err := s.validate(); err != nil {
				return err
			}
			cmd.SilenceUsage = true
			return measureGiant(cmd.Context(), s, args[0], size, crowd, apart, cmd.OutOrStdout())
		},
	}
	loadFlags(cmd, &s)
	cmd.Flags().IntVar(&size.count, "count", 0, "size of the giant; by default as the giant says")
	cmd.Flags().IntVar(&size.changes, "changes", 100, "how often the giant variable is changed")
	cmd.Flags().BoolVar(&crowd, "crowd", true, "measure beside a crowd of small WfRuns, too")
	cmd.Flags().StringVar(&apart, "apart", "", "`host:port` of another server on the same machine")
	cmd.Flags().Float64Var(&s.Rate, "rate", 100, "WfRuns of the ordinary load to start a second")
	return cmd
}

// giantNames are the giants in the order they are told of.
func giantNames() []string { return []string{"threads", "loop", "variable", "queue"} }

func giantHelp() string {
	var b strings.Builder
	for _, name := range giantNames() {
		fmt.Fprintf(&b, "  %-9s %s (%d)\n", name, giants[name].about, giants[name].count)
	}
	return b.String()
}

// measureGiant runs the load alone, beside the giant, and beside what is left of it.
func measureGiant(ctx context.Context, s settings, what string, size giantSize, crowd bool, apart string, out io.Writer) error {
	cfg, err := configured(&s)
	if err != nil {
		return err
	}
	alone, err := run(ctx, s, cfg)
	if err != nil {
		return err
	}
	w, err := newGiant(ctx, cfg, size)
	if err != nil {
		return err
	}
	defer w.client.Close()
	r := &giantResult{Scenario: "giant", Label: s.Label, At: time.Now().UTC().Truncate(time.Second), Alone: alone}
	r.Giant.What, r.Giant.Count = what, size.count
	r.Beside, err = beside(ctx, s, cfg, "giant", func() (err error) {
		began := time.Now()
		r.Giant.Outcome, err = giants[what].run(w, ctx)
		r.Giant.Seconds = round(time.Since(began).Seconds(), 2)
		return err
	})
	if err != nil {
		return err
	}
	if giants[what].waits {
		if r.Waiting, err = run(ctx, s, cfg); err != nil {
			return err
		}
	}
	if tasks := giants[what].tasks; tasks != nil && crowd {
		took := time.Duration(r.Giant.Seconds * float64(time.Second))
		r.Crowd, err = beside(ctx, s, cfg, "crowd", func() error { return w.crowd(ctx, tasks(size.count), took) })
		if err != nil {
			return err
		}
	}
	if apart != "" {
		if r.Apart, err = besideApart(ctx, s, cfg, what, size, apart); err != nil {
			return err
		}
	}
	r.compare(s.ServerPIDs)
	return json.NewEncoder(out).Encode(r)
}

func newGiant(ctx context.Context, cfg lh.Config, size giantSize) (*giantWork, error) {
	client, err := lh.Dial(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &giantWork{client: client, giantSize: size, name: "giant-" + string(lh.NewRunID())[:12]}, nil
}

// besideApart runs the load while the giant is at work on the other server.
func besideApart(ctx context.Context, s settings, cfg lh.Config, what string, size giantSize, apart string) (*result, error) {
	other := cfg
	var err error
	if other.Host, other.Port, err = splitAddress(apart); err != nil {
		return nil, err
	}
	w, err := newGiant(ctx, other, size)
	if err != nil {
		return nil, err
	}
	defer w.client.Close()
	return beside(ctx, s, cfg, "giant apart", func() error {
		_, err := giants[what].run(w, ctx)
		return err
	})
}

// beside runs the load until the other work is over, which begins with the measurement.
func beside(ctx context.Context, s settings, cfg lh.Config, name string, work func() error) (*result, error) {
	over := make(chan struct{})
	var failed error
	s.begin = func() {
		go func() {
			defer close(over)
			failed = work()
		}()
	}
	s.until = over
	r, err := run(ctx, s, cfg)
	if err != nil {
		return nil, err
	}
	<-over
	if failed != nil {
		return nil, fmt.Errorf("%s: %w", name, failed)
	}
	return r, nil
}

func (r *giantResult) compare(pids []int) {
	r.P99Ratio = *r.Beside.over(r.Alone)
	if r.Waiting != nil {
		r.P99RatioWaiting = r.Waiting.over(r.Alone)
	}
	if r.Crowd != nil {
		r.P99RatioCrowd, r.P99RatioToCrowd = r.Crowd.over(r.Alone), r.Beside.over(r.Crowd)
	}
	if r.Apart != nil {
		r.P99RatioApart, r.P99RatioToApart = r.Apart.over(r.Alone), r.Beside.over(r.Apart)
	}
	for _, pid := range pids {
		r.PeakResidentMiB += max(0, procValue(pid, "status", "VmHWM:")) >> 10
	}
}

// over compares the p99 of two measurements.
func (r *result) over(alone *result) *ratios {
	ratio := func(f func(*result) latency) float64 {
		if p99 := f(alone).P99; p99 > 0 {
			return round(f(r).P99/p99, 2)
		}
		return 0
	}
	return &ratios{
		RunWf:    ratio(func(r *result) latency { return r.Latency.RunWf }),
		Report:   ratio(func(r *result) latency { return r.Latency.Report }),
		NextTask: ratio(func(r *result) latency { return r.Latency.NextTask }),
		WfRun:    ratio(func(r *result) latency { return r.Latency.WfRun }),
	}
}

// giantWork is one giant at work.
type giantWork struct {
	giantSize
	client *lh.Client
	name   string // of its definitions
}

// giantSize is how large the giant is, each by its own measure.
type giantSize struct {
	count   int
	changes int // of the giant variable
}

// again is how often the end of a giant is looked for.
const again = 50 * time.Millisecond

// threads is a fan-out of count ThreadRuns.
func (w *giantWork) threads(ctx context.Context) (string, error) {
	do := task.New1(w.name, func(_ context.Context, n int64) (int64, error) { return n, nil }, task.Params("n"))
	spec := wf.New(w.name, func(t *wf.Thread) {
		items := wf.Declare[[]int64](t, "items").Required()
		children := wf.ForEach(t, items, "child", func(c *wf.Thread, item *wf.Var[int64]) { do.Do(c, item) })
		t.WaitAll(children)
	})
	items := make([]int64, w.count)
	for i := range items {
		items[i] = int64(i)
	}
	return w.complete(ctx, spec, do, lh.Input{"items": items})
}

// loop is a loop of count rounds over a task.
func (w *giantWork) loop(ctx context.Context) (string, error) {
	do := task.New1(w.name, func(_ context.Context, n int64) (int64, error) { return n + 1, nil }, task.Params("n"))
	spec := wf.New(w.name, func(t *wf.Thread) {
		n := wf.Declare[int64](t, "n").Default(0)
		t.While(n.Lt(w.count), func(body *wf.Thread) { n.Set(do.Do(body, n)) })
	})
	return w.complete(ctx, spec, do, nil)
}

// variable is a variable of count bytes that changes again and again.
func (w *giantWork) variable(ctx context.Context) (string, error) {
	do := task.New1(w.name, func(_ context.Context, n int64) (int64, error) { return n + 1, nil }, task.Params("n"))
	spec := wf.New(w.name, func(t *wf.Thread) {
		text := wf.Declare[string](t, "text").Required()
		n := wf.Declare[int64](t, "n").Default(0)
		t.While(n.Lt(w.changes), func(body *wf.Thread) {
			n.Set(do.Do(body, n))
			text.Set(wf.Format("{0}.", text))
		})
	})
	return w.complete(ctx, spec, do, lh.Input{"text": strings.Repeat("x", w.count)})
}

// giantWorkers is how many tasks of the giant are done at a time, and how many callers start the WfRuns of the queue.
const giantWorkers = 16

// crowdTasks is how many tasks each WfRun of a crowd has, one after the other.
const crowdTasks = 10

// crowd is so many tasks of small WfRuns, which start evenly within the time, with as many workers as the giant has.
func (w *giantWork) crowd(ctx context.Context, tasks int, within time.Duration) error {
	name := w.name + "-crowd"
	do := task.New1(name, func(_ context.Context, n int64) (int64, error) { return n, nil }, task.Params("n"))
	spec := wf.New(name, func(t *wf.Thread) {
		n := wf.Declare[int64](t, "n").Default(0)
		for range crowdTasks {
			do.Do(t, n)
		}
	})
	if err := w.client.Register(ctx, do, spec); err != nil {
		return err
	}
	working, stop := context.WithCancel(ctx)
	var worked, started sync.WaitGroup
	defer worked.Wait()
	defer stop()
	errs := make(chan error, tasks+1)
	worked.Go(func() { errs <- worker.New(w.client, worker.MaxConcurrent(giantWorkers)).Add(do).Run(working) })
	runs := max(1, tasks/crowdTasks)
	began := time.Now()
	for n := range runs {
		if err := wait(ctx, time.Until(began.Add(within*time.Duration(n)/time.Duration(runs))), nil); err != nil {
			return err
		}
		started.Go(func() {
			id := name + "-" + strconv.Itoa(n)
			if err := insist(ctx, w.client.RPC(), &lhpb.RunWfRequest{WfSpecName: name, Id: &id}); err != nil {
				errs <- err
			}
		})
	}
	started.Wait()
	for {
		open, err := w.client.RPC().SearchWfRun(ctx, &lhpb.SearchWfRunRequest{
			WfSpecName: name, Status: lhpb.LHStatus_RUNNING.Enum(), Limit: new(int32(1)),
		})
		if err != nil || len(open.Results) == 0 {
			return err
		}
		select {
		case err := <-errs:
			return err
		default:
		}
		if err := wait(ctx, again, nil); err != nil {
			return err
		}
	}
}

// complete runs one WfRun with a worker of its own to its end.
func (w *giantWork) complete(ctx context.Context, spec *wf.Workflow, do task.Task, in lh.Input) (string, error) {
	if err := w.client.Register(ctx, do, spec); err != nil {
		return "", err
	}
	working, stop := context.WithCancel(ctx)
	var worked sync.WaitGroup
	defer worked.Wait()
	defer stop()
	var workerErr error
	worked.Go(func() { workerErr = worker.New(w.client, worker.MaxConcurrent(giantWorkers)).Add(do).Run(working) })
	id, err := w.client.Run(ctx, w.name, in)
	if err != nil {
		return "", err
	}
	for {
		running, err := w.finds(ctx, lhpb.LHStatus_RUNNING)
		switch {
		case err != nil:
			return "", err
		case workerErr != nil:
			return "", workerErr
		case !running:
			return w.outcome(ctx, id)
		}
		if err := wait(ctx, again, nil); err != nil {
			return "", err
		}
	}
}

// finds reports whether the WfRun has the status.
func (w *giantWork) finds(ctx context.Context, status lhpb.LHStatus) (bool, error) {
	found, err := w.client.RPC().SearchWfRun(ctx, &lhpb.SearchWfRunRequest{WfSpecName: w.name, Status: &status, Limit: new(int32(1))})
	return len(found.GetResults()) > 0, err
}

// outcome is how the WfRun has ended. One that is as it should be is not read whole: to decode ten thousand ThreadRuns would keep this
// process busy, and the load with it.
func (w *giantWork) outcome(ctx context.Context, id lh.RunID) (string, error) {
	done, err := w.finds(ctx, lhpb.LHStatus_COMPLETED)
	if err != nil {
		return "", err
	}
	if done {
		return lhpb.LHStatus_COMPLETED.String(), nil
	}
	ended, err := w.client.RPC().GetWfRun(ctx, id.Proto())
	if err != nil {
		return "", err
	}
	return ended.Status.String(), nil
}

// queue is count tasks that nobody takes.
func (w *giantWork) queue(ctx context.Context) (string, error) {
	do := task.New0(w.name, func(context.Context) (int64, error) { return 0, nil })
	spec := wf.New(w.name, func(t *wf.Thread) { t.Execute(w.name) })
	if err := w.client.Register(ctx, do, spec); err != nil {
		return "", err
	}
	var next atomic.Int64
	var calling sync.WaitGroup
	errs := make(chan error, giantWorkers)
	for range giantWorkers {
		calling.Go(func() {
			for n := next.Add(1); n <= int64(w.count); n = next.Add(1) {
				if err := w.start(ctx, n); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	calling.Wait()
	select {
	case err := <-errs:
		return "", err
	default:
	}
	depth, err := w.client.RPC().CountTaskRun(ctx, &lhpb.CountTaskRunRequest{TaskDefName: w.name})
	if err != nil {
		return "", err
	}
	return strconv.FormatInt(int64(depth.Value), 10) + " TASK_SCHEDULED", nil
}

// start begins WfRun n.
func (w *giantWork) start(ctx context.Context, n int64) error {
	id := w.name + "-" + strconv.FormatInt(n, 10)
	return insist(ctx, w.client.RPC(), &lhpb.RunWfRequest{WfSpecName: w.name, Id: &id})
}

// insist starts a WfRun, again when the server is too busy.
func insist(ctx context.Context, rpc lhpb.LittleHorseClient, req *lhpb.RunWfRequest) error {
	for {
		_, err := rpc.RunWf(ctx, req)
		if status.Code(err) != codes.ResourceExhausted {
			return err
		}
		if err := wait(ctx, pauseAfterError, nil); err != nil {
			return err
		}
	}
}
