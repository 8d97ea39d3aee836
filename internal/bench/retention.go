package bench

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
)

var retentionKind = kind{
	name: "retention", short: "An ordinary load whose WfRuns are deleted after a while",
	long: "Put on an ordinary load of WfRuns of sequential tasks at a fixed rate, each of which is deleted --keep after its end,\n" +
		"for --windows windows of --duration each. Once they have lasted for longer than --keep as much goes as comes, and\n" +
		"what a store of that size costs can be read. Prints one line of JSON with a row for each window.",
	make: func() scenario { return &retention{} },
}

// retention is the ordinary load over a store that keeps its size.
type retention struct {
	settings
	windows int
}

func (t *retention) flags(cmd *cobra.Command) {
	loadFlags(cmd, &t.settings)
	f := cmd.Flags()
	f.Float64Var(&t.Rate, "rate", 300, "WfRuns to start a second")
	f.DurationVar(&t.keep, "keep", 30*time.Second, "how long a WfRun is kept after its end; whole seconds")
	f.IntVar(&t.windows, "windows", 8, "windows to measure")
}

func (t *retention) validate() error {
	if t.windows < 1 || t.keep < time.Second || t.keep%time.Second != 0 || t.Rate <= 0 {
		return errors.New("--windows and --rate must be positive, --keep whole seconds")
	}
	return t.settings.validate()
}

// retentionResult is the line that is printed.
type retentionResult struct {
	Scenario string          `json:"scenario"`
	Label    string          `json:"label,omitempty"`
	At       time.Time       `json:"at"`
	Keep     float64         `json:"keepSeconds"`
	Windows  []retentionStep `json:"windows"`
	// Last is all that was measured in the last window.
	Last *result `json:"last"`
}

// retentionStep is one window.
type retentionStep struct {
	TaskRuns    float64 `json:"taskRunsPerSecond"`
	CPU         float64 `json:"serverCpuUsPerTaskRun,omitempty"`
	Written     int64   `json:"bytesWrittenPerTaskRun,omitempty"`
	DiskMiB     int64   `json:"diskMiB,omitempty"` // when it ended
	ResidentMiB int64   `json:"residentMiB,omitempty"`
	ReportP99Ms float64 `json:"reportP99Ms"`
	WfRunP99Ms  float64 `json:"wfRunP99Ms"`
}

func (r *retentionResult) figures() figures {
	f := r.Last.figures()
	f["diskMiB"] = float64(r.Windows[len(r.Windows)-1].DiskMiB)
	return f
}

func (t *retention) measure(ctx context.Context, say func(outcome) error) error {
	cfg, err := configured(&t.settings)
	if err != nil {
		return err
	}
	r := &retentionResult{Scenario: "retention", Label: t.Label, At: now(), Keep: t.keep.Seconds()}
	s := t.settings
	for range t.windows {
		if r.Last, err = run(ctx, s, cfg); err != nil {
			return err
		}
		r.Windows = append(r.Windows, r.Last.step(folderBytes(t.DataDir)))
		s.Warmup = 0
	}
	return say(r)
}

// step is what a window is told by, with what is on the disk at its end.
func (r *result) step(onDisk int64) retentionStep {
	s := retentionStep{
		TaskRuns: r.TaskRuns, DiskMiB: onDisk >> 20,
		ReportP99Ms: r.Latency.Report.P99, WfRunP99Ms: r.Latency.WfRun.P99,
	}
	if server := r.Server; server != nil {
		s.CPU, s.ResidentMiB = server.CPUPerTaskRun, server.ResidentMiB
		if server.WrittenPerTask != nil {
			s.Written = *server.WrittenPerTask
		}
	}
	return s
}
