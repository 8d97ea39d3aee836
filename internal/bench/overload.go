package bench

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
)

var overloadKind = kind{
	name: "overload", short: "More work than the server can do",
	long: "Find out by a closed loop how many WfRuns a second the server can run, unless --sustainable says it, put on --calm\n" +
		"of that at a fixed rate and then --factor times of it. Prints one line of JSON with all, how the latencies of admitted\n" +
		"calls differ, what was refused and what failed otherwise.",
	make: func() scenario { return &overload{} },
}

// overload is the ordinary load below and above what the server can do.
type overload struct {
	settings
	sustainable, calm, factor float64
	callers                   int
}

func (o *overload) flags(cmd *cobra.Command) {
	loadFlags(cmd, &o.settings)
	f := cmd.Flags()
	f.Float64Var(&o.sustainable, "sustainable", 0, "WfRuns a second that the server can run; 0: a closed loop finds out")
	f.Float64Var(&o.calm, "calm", 0.7, "part of the sustainable load to compare with")
	f.Float64Var(&o.factor, "factor", 2, "how much more than the sustainable load to put on")
	f.IntVar(&o.callers, "callers", 4096, "calls in flight at most, of starts and of reports each, at a fixed rate")
}

func (o *overload) validate() error {
	if o.sustainable < 0 || o.calm <= 0 || o.factor <= 0 || o.callers < 1 {
		return errors.New("--calm, --factor and --callers must be positive, --sustainable not negative")
	}
	return o.settings.validate()
}

// overloadResult is the line that is printed.
type overloadResult struct {
	Scenario    string    `json:"scenario"`
	Label       string    `json:"label,omitempty"`
	At          time.Time `json:"at"`
	Sustainable float64   `json:"sustainableWfRunsPerSecond"`
	Offered     float64   `json:"offeredWfRunsPerSecond"`
	// P99Ratio is the p99 of admitted calls under overload over that of the calm load.
	P99Ratio ratios `json:"p99Ratio"`
	// Refused is the part of the offered WfRuns that was refused as too much.
	Refused float64 `json:"refusedPart"`
	// OtherErrors are calls that failed in any other way.
	OtherErrors int64   `json:"otherErrors"`
	Closed      *result `json:"closed,omitempty"`
	Calm        *result `json:"calm"`
	Over        *result `json:"over"`
}

func (r *overloadResult) figures() figures {
	f := r.Over.figures()
	f["sustainableWfRunsPerSecond"], f["refusedPart"], f["otherErrors"] = r.Sustainable, r.Refused, float64(r.OtherErrors)
	return f.with(r.P99Ratio)
}

func (o *overload) measure(ctx context.Context, say func(outcome) error) (err error) {
	r := &overloadResult{Scenario: "overload", Label: o.Label, At: now(), Sustainable: o.sustainable}
	if o.sustainable == 0 {
		s := o.settings
		s.Rate = 0
		if r.Closed, err = s.run(ctx); err != nil {
			return err
		}
		r.Sustainable = r.Closed.TaskRuns / float64(o.Tasks)
	}
	if r.Sustainable == 0 {
		return errors.New("the server ran nothing in the closed loop: measure longer")
	}
	r.Offered = round(o.factor*r.Sustainable, 1)
	if r.Calm, err = o.at(ctx, o.calm*r.Sustainable); err != nil {
		return err
	}
	if r.Over, err = o.at(ctx, r.Offered); err != nil {
		return err
	}
	r.compare()
	return say(r)
}

func (o *overload) at(ctx context.Context, rate float64) (*result, error) {
	s := o.settings
	s.Rate, s.Concurrency, s.Runs = rate, o.callers, 0
	return s.run(ctx)
}

func (r *overloadResult) compare() {
	r.P99Ratio = *r.Over.over(r.Calm)
	if refused := r.Over.Refused; refused != nil {
		r.Refused = round(float64(refused.RunWf)/(float64(refused.RunWf)+r.Over.RunWf*r.Over.Seconds), 3)
	}
	r.OtherErrors = r.Over.errors() - r.Over.Errors[codes.ResourceExhausted.String()]
}
