package bench

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	lh "littlehorse/sdk/client"
)

var largeStateKind = kind{
	name: "large-state", short: "An ordinary load beside many open WfRuns",
	long: "Put on an ordinary load of WfRuns of sequential tasks at a fixed rate, start --count WfRuns that wait for an event,\n" +
		"and put the load on again beside them. Prints one line of JSON with both, what the WfRuns take, and how the\n" +
		"latencies differ.",
	make: func() scenario { return &largeState{} },
}

// largeState is the ordinary load without and with many WfRuns that wait.
type largeState struct {
	settings
	count, callers int
	settle         time.Duration
}

func (l *largeState) flags(cmd *cobra.Command) {
	loadFlags(cmd, &l.settings)
	f := cmd.Flags()
	f.Float64Var(&l.Rate, "rate", 500, "WfRuns of the ordinary load to start a second")
	f.IntVar(&l.count, "count", 1_000_000, "WfRuns that wait")
	f.IntVar(&l.callers, "callers", 256, "calls in flight while they are started")
	f.DurationVar(&l.settle, "settle", 5*time.Second, "how long to let the server rest when they are there")
}

func (l *largeState) validate() error {
	if l.count < 1 || l.callers < 1 || l.settle < 0 || l.Rate <= 0 {
		return errors.New("--count, --callers and --rate must be positive, --settle not negative")
	}
	return l.settings.validate()
}

// largeStateResult is the line that is printed.
type largeStateResult struct {
	Scenario string    `json:"scenario"`
	Label    string    `json:"label,omitempty"`
	At       time.Time `json:"at"`
	State    struct {
		WfRuns    int     `json:"wfRuns"`
		Seconds   float64 `json:"seconds"`
		PerSecond float64 `json:"wfRunsPerSecond"`
		// BeforeMiB and AfterMiB are the server's memory without load, before the WfRuns were started and when they waited.
		BeforeMiB int64 `json:"residentMiBBefore,omitempty"`
		AfterMiB  int64 `json:"residentMiBAfter,omitempty"`
		// DiskPerWfRun is how much the data folder has grown.
		DiskPerWfRun int64 `json:"diskBytesPerWfRun,omitempty"`
	} `json:"state"`
	// P99Ratio is the p99 beside the WfRuns over the p99 without them.
	P99Ratio ratios  `json:"p99Ratio"`
	Empty    *result `json:"empty"`
	Beside   *result `json:"beside"`
}

func (r *largeStateResult) figures() figures {
	f := r.Beside.figures()
	f["fillWfRunsPerSecond"] = r.State.PerSecond
	f["diskBytesPerWfRun"] = float64(r.State.DiskPerWfRun)
	return f.with(r.P99Ratio)
}

func (l *largeState) measure(ctx context.Context, say func(outcome) error) error {
	cfg, err := configured(&l.settings)
	if err != nil {
		return err
	}
	client, err := lh.Dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	r := &largeStateResult{Scenario: "large-state", Label: l.Label, At: now()}
	if r.Empty, err = run(ctx, l.settings, cfg); err != nil {
		return err
	}
	if err := l.fill(ctx, client, r); err != nil {
		return err
	}
	if r.Beside, err = run(ctx, l.settings, cfg); err != nil {
		return err
	}
	r.P99Ratio = *r.Beside.over(r.Empty)
	return say(r)
}

// fill starts the WfRuns that wait.
func (l *largeState) fill(ctx context.Context, client *lh.Client, r *largeStateResult) error {
	r.State.WfRuns, r.State.BeforeMiB = l.count, resident(l.ServerPIDs)>>20
	before, began := folderBytes(l.DataDir), time.Now()
	if _, err := startWaiting(ctx, client, l.count, l.callers); err != nil {
		return err
	}
	seconds := time.Since(began).Seconds()
	r.State.Seconds, r.State.PerSecond = round(seconds, 2), round(float64(l.count)/seconds, 1)
	if err := wait(ctx, l.settle, nil); err != nil {
		return err
	}
	r.State.AfterMiB = resident(l.ServerPIDs) >> 20
	r.State.DiskPerWfRun = (folderBytes(l.DataDir) - before) / int64(l.count)
	return nil
}

// with adds how the p99 beside something differs from that without it.
func (f figures) with(r ratios) figures {
	f["p99RatioRunWf"], f["p99RatioReportToNextTask"], f["p99RatioWfRun"] = r.RunWf, r.NextTask, r.WfRun
	return f
}

func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
