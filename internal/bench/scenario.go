package bench

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"
)

// scenario is a load with its settings, that can be put on again and again.
type scenario interface {
	flags(*cobra.Command)
	validate() error
	// measure says each result as soon as it is there.
	measure(ctx context.Context, say func(outcome) error) error
}

// outcome is a line that is printed.
type outcome interface {
	figures() figures
}

// figures are the numbers of an outcome by which endpoints are compared.
type figures map[string]float64

// kind is a kind of scenario.
type kind struct {
	name, short, long string
	make              func() scenario
}

// kinds are the scenarios that any endpoint can be compared by.
func kinds() []kind {
	return []kind{tasksKind, latencyKind, timersKind, largeStateKind, largePayloadKind, retentionKind, partitionsKind, restartKind, overloadKind, clusterKind, rebuildKind}
}

func (k kind) command() *cobra.Command {
	s := k.make()
	cmd := &cobra.Command{
		Use: k.name, Short: k.short, Long: k.long, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.validate(); err != nil {
				return err
			}
			cmd.SilenceUsage = true
			lines := json.NewEncoder(cmd.OutOrStdout())
			return s.measure(cmd.Context(), func(o outcome) error { return lines.Encode(o) })
		},
	}
	s.flags(cmd)
	return cmd
}

var tasksKind = kind{
	name: "tasks", short: "WfRuns of sequential tasks",
	long: "Start WfRuns of sequential tasks, run the tasks, and print one line of JSON: throughput, latency in ms,\n" +
		"CPU time and bytes written. The closed loop keeps --concurrency WfRuns in flight; with --rate it starts\n" +
		"that many a second instead, by at most --concurrency calls at a time.",
	make: func() scenario { return &tasks{} },
}

// tasks is the ordinary load.
type tasks struct{ settings }

func (t *tasks) flags(cmd *cobra.Command) {
	loadFlags(cmd, &t.settings)
	cmd.Flags().Float64Var(&t.Rate, "rate", 0, "WfRuns to start a second; 0 is the closed loop")
}

func (t *tasks) measure(ctx context.Context, say func(outcome) error) error {
	r, err := t.run(ctx)
	if err != nil {
		return err
	}
	return say(r)
}

// run puts the load on the server that the settings mean.
func (s *settings) run(ctx context.Context) (*result, error) {
	cfg, err := configured(s)
	if err != nil {
		return nil, err
	}
	return run(ctx, *s, cfg)
}

// figures are those in which an endpoint may be better than another. Latencies of reports are not among them: the original
// answers a report before it has processed it.
func (r *result) figures() figures {
	f := figures{
		"taskRunsPerSecond":     r.TaskRuns,
		"wfRunsPerSecond":       r.Completed,
		"reportToNextTaskP50Ms": r.Latency.NextTask.P50,
		"reportToNextTaskP99Ms": r.Latency.NextTask.P99,
		"wfRunP50Ms":            r.Latency.WfRun.P50,
		"wfRunP99Ms":            r.Latency.WfRun.P99,
		"loadCpuUsPerTaskRun":   r.Load.CPUPerTaskRun,
		"runWfP50Ms":            r.Latency.RunWf.P50,
		"runWfP99Ms":            r.Latency.RunWf.P99,
		"unfinishedWfRuns":      float64(r.Unfinished),
		"errors":                float64(r.errors()),
	}
	if s := r.Server; s != nil {
		f["serverCpuUsPerTaskRun"], f["residentMiB"] = s.CPUPerTaskRun, float64(s.ResidentMiB)
		if s.WrittenPerTask != nil {
			f["bytesWrittenPerTaskRun"] = float64(*s.WrittenPerTask)
		}
	}
	return f
}

func (r *result) errors() (n int64) {
	for _, of := range r.Errors {
		n += of
	}
	return n
}
