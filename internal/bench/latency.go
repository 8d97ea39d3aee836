package bench

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
)

var latencyKind = kind{
	name: "latency", short: "Latency at fixed rates",
	long: "Start WfRuns of sequential tasks at a fixed rate, whatever the server does, and print one line of JSON for each\n" +
		"rate. A call counts from the moment it was due: that of a WfRun by the rate, that of a report when its task came.",
	make: func() scenario { return &latencies{} },
}

// latencies is the ordinary load at several rates in turn.
type latencies struct {
	settings
	rates []float64 // TaskRuns a second
}

func (l *latencies) flags(cmd *cobra.Command) {
	loadFlags(cmd, &l.settings)
	cmd.Flags().Float64SliceVar(&l.rates, "task-runs", []float64{1000, 5000, 10_000}, "TaskRuns to offer a `second`; several are measured in turn")
}

func (l *latencies) validate() error {
	if len(l.rates) == 0 || slices.Min(l.rates) <= 0 {
		return errors.New("--task-runs must be positive")
	}
	return l.settings.validate()
}

func (l *latencies) measure(ctx context.Context, say func(outcome) error) error {
	for _, rate := range l.rates {
		s := l.settings
		s.Rate = rate / float64(s.Tasks)
		r, err := s.run(ctx)
		if err != nil {
			return err
		}
		r.Scenario = "latency"
		if err := say(&latencyResult{Offered: rate, result: *r}); err != nil {
			return err
		}
	}
	return nil
}

// latencyResult is the line that is printed for a rate.
type latencyResult struct {
	Offered float64 `json:"offeredTaskRunsPerSecond"`
	result
}

func (r *latencyResult) figures() figures {
	return r.result.figures().of(strconv.FormatFloat(r.Offered, 'f', -1, 64) + "/s")
}

// of puts what they are figures of before their names.
func (f figures) of(what string) figures {
	named := make(figures, len(f))
	for name, value := range f {
		named[what+" "+name] = value
	}
	return named
}
