package ctl

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	"littlehorse/lhpb/extra"
)

// clock is about the time of a server with virtual time.
func (c *cli) clock() *cobra.Command {
	return group("clock", "Show or move the clock of a server with virtual time", c.showClock(), c.advanceClock(), c.autoClock())
}

func (c *cli) showClock() *cobra.Command {
	return leaf(c, "show", "Print what time it is for the server, and when something will happen by itself", cobra.NoArgs,
		func(r *request) (*extra.Clock, error) {
			answer, err := r.clock.GetClock(r.ctx, &extra.GetClockRequest{})
			return answer.GetClock(), err
		})
}

func (c *cli) advanceClock() *cobra.Command {
	patience := time.Duration(0)
	cmd := leaf(c, "advance <duration>", "Move the clock, from timer to timer, and print it when everything has happened", cobra.ExactArgs(1),
		func(r *request) (*extra.Clock, error) {
			d, err := time.ParseDuration(r.args[0])
			if err != nil {
				return nil, fmt.Errorf("a duration is a number with a unit, such as 90s, 36h or 720h: %q", r.args[0])
			}
			req := &extra.AdvanceClockRequest{Duration: durationpb.New(d)}
			if r.changed("patience") {
				req.Patience = durationpb.New(patience)
			}
			answer, err := r.clock.AdvanceClock(r.ctx, req)
			return answer.GetClock(), err
		})
	cmd.Flags().DurationVar(&patience, "patience", 10*time.Second,
		"how long, in real time, to wait for a task that a worker has before the time overtakes it")
	return cmd
}

func (c *cli) autoClock() *cobra.Command {
	atMost := time.Duration(0)
	cmd := leaf(c, "auto <on/off>", "Let the clock skip to the next timer by itself whenever no task waits or runs", cobra.ExactArgs(1),
		func(r *request) (*extra.Clock, error) {
			req := &extra.SetClockRequest{Auto: r.args[0] == "on"}
			if !req.Auto && r.args[0] != "off" {
				return nil, fmt.Errorf("the clock moves by itself or not: on or off, and not %q", r.args[0])
			}
			if r.changed("at-most") {
				req.AtMost = durationpb.New(atMost)
			}
			answer, err := r.clock.SetClock(r.ctx, req)
			return answer.GetClock(), err
		})
	cmd.Flags().DurationVar(&atMost, "at-most", 0, "how far from now it goes by itself; without it there is no end")
	return cmd
}
