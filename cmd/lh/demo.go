package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"littlehorse/internal/demo"
	"littlehorse/internal/server"
	lh "littlehorse/sdk/client"
)

// demonstration is what the flags of `lh demo` say.
type demonstration struct {
	data string
	rate float64
	seed uint64
}

func demoCommand() *cobra.Command {
	var d demonstration
	c := &cobra.Command{
		Use:   "demo [properties-file]",
		Short: "Run a server with workflows, workers and customers on it",
		Long: "Run a server on which there is something to see: an order with its payment and parcel, machines that become hot,\n" +
			"expenses that people approve, invoices that wait for money, trips with bookings as children, scheduled reports.\n" +
			"Workers in this process do the tasks, and customers go on beginning runs. Settings come as for serve; the data\n" +
			"is in a folder of its own that is removed at the end, unless --data names one.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			file := ""
			if len(args) == 1 {
				file = args[0]
			}
			return d.run(c.Context(), file, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&d.data, "data", "", "folder of the data, which is kept")
	c.Flags().Float64Var(&d.rate, "rate", 0.5, "how many runs begin in a second, at most "+strconv.Itoa(demo.MaxRate)+"; 0 for none but the first ones")
	c.Flags().Uint64Var(&d.seed, "seed", 1, "what the customers' choices are drawn from")
	return c
}

func (d demonstration) run(ctx context.Context, file string, out, logs io.Writer) (err error) {
	if d.rate < 0 || d.rate > demo.MaxRate {
		return fmt.Errorf("--rate must be from 0 to %d", demo.MaxRate)
	}
	dir := d.data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "lh-demo-"); err != nil {
			return fmt.Errorf("folder of the demo: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	return service{file: file, out: out, logs: logs, dir: dir, guest: func(ctx context.Context, s *server.Server, cfg server.Config) error {
		return d.fill(ctx, s, cfg, out)
	}}.run(ctx)
}

// fill begins with the demo on a server.
func (d demonstration) fill(ctx context.Context, s *server.Server, cfg server.Config, out io.Writer) error {
	to, err := open(s, cfg)
	if err != nil {
		return err
	}
	client, err := lh.Dial(ctx, to)
	if err != nil && ctx.Err() != nil {
		return nil // told to end before it began
	}
	if err != nil {
		return fmt.Errorf("the demo's client: %w", err)
	}
	defer client.Close()
	return demo.Run(ctx, demo.Options{
		Client: client, Rate: d.rate, Seed: d.seed, Log: cfg.Logger,
		Ready: func() {
			fmt.Fprintln(out, "The demo is there: "+cmp.Or(s.DashboardURL(), "lh search wfRun order"))
		},
	})
}

// open is the way to a listener that asks for nothing.
func open(s *server.Server, cfg server.Config) (lh.Config, error) {
	for _, l := range cfg.Listeners {
		if l.Protocol != server.Plain || l.Authentication != server.NoAuthentication {
			continue
		}
		host, port, err := net.SplitHostPort(reachable(s.Addr(l.Name)))
		if err != nil {
			return lh.Config{}, fmt.Errorf("listener %s: %w", l.Name, err)
		}
		c := lh.DefaultConfig()
		c.Host = host
		if c.Port, err = strconv.Atoi(port); err != nil {
			return lh.Config{}, fmt.Errorf("listener %s: %w", l.Name, err)
		}
		return c, nil
	}
	return lh.Config{}, errors.New("the demo needs a listener in clear without authentication: its workers come through that")
}
