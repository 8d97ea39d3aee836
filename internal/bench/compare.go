package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const compareHelp = `Measure endpoints in turn, A B A B …, by one scenario, and print one line of JSON for each measurement and one that
compares them. What is behind -- is the scenario with its flags, as without compare; by default it is tasks.

An endpoint is [LABEL=]HOST:PORT, and behind commas flags of the scenario that hold for it alone:

  lh bench compare ours=127.0.0.1:2023,server-pid=4711 \
    original=127.0.0.1:12023,server-pid=4801,server-pid=4802,polls=1,workers=64 \
    --rounds 3 -- tasks --tasks 10 --payload 100 --duration 10s

Scenarios that start their servers themselves take LABEL alone, and which program to start:

  lh bench compare old,binary=./lh.old new,binary=./lh -- restart

The ratios are the first endpoint over each of the others, round by round.`

// comparison is several endpoints under one scenario.
type comparison struct {
	sides  []*compared
	kind   kind
	rounds int
	warm   int64
	pause  time.Duration
	label  string
	out    *json.Encoder
}

// compared is one endpoint and what was measured there.
type compared struct {
	label    string
	flags    []string
	scenario scenario
	figures  []figures // by round
}

func compareCommand() *cobra.Command {
	var c comparison
	cmd := &cobra.Command{
		Use: "compare ENDPOINT ENDPOINT… [-- SCENARIO FLAGS…]", Short: "Endpoints side by side", Long: compareHelp, Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			endpoints, rest := args, []string{tasksKind.name}
			if at := cmd.ArgsLenAtDash(); at >= 0 {
				endpoints, rest = args[:at], args[at:]
			}
			if err := c.set(endpoints, rest); err != nil {
				return err
			}
			cmd.SilenceUsage = true
			return c.measure(cmd.Context(), cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.IntVar(&c.rounds, "rounds", 3, "measurements of each endpoint")
	f.Int64Var(&c.warm, "warm", 15_000, "TaskRuns to put on each endpoint before the first round, so that it runs warm")
	f.DurationVar(&c.pause, "pause", 2*time.Second, "how long to let all rest between two measurements")
	f.StringVar(&c.label, "label", "", "text that names the comparison in the output")
	return cmd
}

// set reads the endpoints, and the scenario with its flags.
func (c *comparison) set(endpoints, rest []string) error {
	switch {
	case len(endpoints) < 2:
		return errors.New("name at least two endpoints")
	case c.rounds < 1 || c.warm < 0 || c.pause < 0:
		return errors.New("--rounds must be at least 1, --warm and --pause not negative")
	case len(rest) == 0:
		return errors.New("name a scenario behind --")
	}
	all := kinds()
	i := slices.IndexFunc(all, func(k kind) bool { return k.name == rest[0] })
	if i < 0 {
		return fmt.Errorf("%q is no scenario that can be compared", rest[0])
	}
	c.kind = all[i]
	for _, text := range endpoints {
		side, err := c.side(text, rest[1:])
		if err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
		if slices.ContainsFunc(c.sides, func(s *compared) bool { return s.label == side.label }) {
			return fmt.Errorf("two endpoints are called %s", side.label)
		}
		c.sides = append(c.sides, side)
	}
	return nil
}

// side is [LABEL=][HOST:PORT][,FLAG=VALUE…].
func (c *comparison) side(text string, flags []string) (*compared, error) {
	head, own, _ := strings.Cut(text, ",")
	label, address, labelled := strings.Cut(head, "=")
	if !labelled && strings.Contains(head, ":") {
		address = head
	}
	s := &compared{label: cmp.Or(label, address), flags: slices.Clone(flags), scenario: c.kind.make()}
	if address != "" {
		s.flags = append(s.flags, "--api="+address)
	}
	if own != "" {
		for flag := range strings.SplitSeq(own, ",") {
			s.flags = append(s.flags, "--"+flag)
		}
	}
	cmd := &cobra.Command{Use: c.kind.name}
	s.scenario.flags(cmd)
	if err := cmd.ParseFlags(append([]string{"--label=" + s.label}, s.flags...)); err != nil {
		return nil, err
	}
	if more := cmd.Flags().Args(); len(more) > 0 {
		return nil, fmt.Errorf("%q is no flag", more[0])
	}
	return s, s.scenario.validate()
}

// warmer is a scenario whose server is there before it begins.
type warmer interface {
	warm(ctx context.Context, taskRuns int64) error
}

func (c *comparison) measure(ctx context.Context, out io.Writer) error {
	c.out = json.NewEncoder(out)
	for _, side := range c.sides {
		if w, ok := side.scenario.(warmer); ok && c.warm > 0 {
			if err := w.warm(ctx, c.warm); err != nil {
				return fmt.Errorf("%s: warm up: %w", side.label, err)
			}
		}
	}
	for round := range c.rounds {
		for _, side := range c.sides {
			if err := wait(ctx, c.pause, nil); err != nil {
				return err
			}
			if err := c.turn(ctx, side, round); err != nil {
				return fmt.Errorf("%s: %w", side.label, err)
			}
		}
	}
	return c.out.Encode(c.result())
}

// turnResult is the line that is printed for one measurement.
type turnResult struct {
	Side     string  `json:"side"`
	Round    int     `json:"round"`
	Measured outcome `json:"measured"`
}

// turn measures one endpoint once.
func (c *comparison) turn(ctx context.Context, side *compared, round int) error {
	all := figures{}
	err := side.scenario.measure(ctx, func(o outcome) error {
		for name, value := range o.figures() {
			all[name] = value
		}
		return c.out.Encode(turnResult{Side: side.label, Round: round + 1, Measured: o})
	})
	side.figures = append(side.figures, all)
	return err
}

// warm puts TaskRuns on the server that do not count.
func (s *settings) warm(ctx context.Context, taskRuns int64) error {
	w := *s
	w.Warmup, w.Rate, w.Runs = 0, 0, (taskRuns+int64(s.Tasks)-1)/int64(s.Tasks)
	r, err := w.run(ctx)
	if err == nil && r.Unfinished > 0 {
		err = fmt.Errorf("%d WfRuns did not end: %v", r.Unfinished, r.Errors)
	}
	return err
}

// compareResult is the line that compares.
type compareResult struct {
	Scenario string       `json:"scenario"`
	Of       string       `json:"of"`
	Label    string       `json:"label,omitempty"`
	At       time.Time    `json:"at"`
	Rounds   int          `json:"rounds"`
	Warm     int64        `json:"warmTaskRuns"`
	Sides    []sideResult `json:"sides"`
	Ratios   []sideRatios `json:"ratios"`
	Machine  machine      `json:"machine"`
	Client   string       `json:"client"`
}

type sideResult struct {
	Side    string            `json:"side"`
	Flags   []string          `json:"flags"`
	Figures map[string]spread `json:"figures"`
}

// sideRatios are the figures of one endpoint over those of another.
type sideRatios struct {
	Of     string            `json:"of"`
	Over   string            `json:"over"`
	Ratios map[string]spread `json:"ratios"`
}

// spread is what a number was over the rounds.
type spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return spread{Min: significant(sorted[0]), Median: significant((sorted[(n-1)/2] + sorted[n/2]) / 2), Max: significant(sorted[n-1])}
}

func (c *comparison) result() *compareResult {
	r := &compareResult{
		Scenario: "compare", Of: c.kind.name, Label: c.label, At: time.Now().UTC().Truncate(time.Second),
		Rounds: c.rounds, Warm: c.warm, Machine: thisMachine(), Client: ownCommit(),
	}
	first := c.sides[0]
	for i, side := range c.sides {
		r.Sides = append(r.Sides, sideResult{Side: side.label, Flags: side.flags, Figures: side.spreads()})
		if i > 0 {
			r.Ratios = append(r.Ratios, sideRatios{Of: first.label, Over: side.label, Ratios: first.over(side)})
		}
	}
	return r
}

func (s *compared) spreads() map[string]spread {
	spreads := map[string]spread{}
	for name := range s.figures[0] {
		var values []float64
		for _, f := range s.figures {
			values = append(values, f[name])
		}
		spreads[name] = spreadOf(values)
	}
	return spreads
}

// over divides round by round; where there is nothing to divide by in a round there is no ratio.
func (s *compared) over(other *compared) map[string]spread {
	spreads := map[string]spread{}
	for name := range s.figures[0] {
		var values []float64
		for i, f := range s.figures {
			if by := other.figures[i][name]; by != 0 {
				values = append(values, f[name]/by)
			}
		}
		if len(values) == len(s.figures) {
			spreads[name] = spreadOf(values)
		}
	}
	return spreads
}
