package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"littlehorse/internal/server"
)

func healthCommand() *cobra.Command {
	ready := false
	c := &cobra.Command{
		Use:   "health [properties-file]",
		Short: "Ask the server on this machine whether it lives",
		Long: "Ask the health port of the server that has the same settings, from the properties file if one is named, else from the\n" +
			"environment, as the health check of a container does. The exit code is 1 unless it says that it lives, or with --ready\n" +
			"that it serves.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			c.SilenceUsage = true
			file := ""
			if len(args) == 1 {
				file = args[0]
			}
			cfg, _, err := server.LoadConfig(file)
			if err != nil {
				return err
			}
			path := cfg.Health.Liveness
			if ready {
				path = cfg.Health.Readiness
			}
			return askHealth(c.Context(), c.OutOrStdout(), "http://"+net.JoinHostPort(healthHost(cfg), strconv.Itoa(cfg.Health.Port))+path)
		},
	}
	c.Flags().BoolVar(&ready, "ready", false, "ask whether it serves, too")
	return c
}

// healthHost is where a server of this machine listens.
func healthHost(c server.Config) string {
	if ip := net.ParseIP(c.BindHost); c.BindHost == "" || ip != nil && ip.IsUnspecified() {
		return "localhost"
	}
	return c.BindHost
}

const (
	healthTime    = 3 * time.Second
	healthMaxText = 4 << 10
)

func askHealth(ctx context.Context, out io.Writer, url string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	said, err := io.ReadAll(io.LimitReader(resp.Body, healthMaxText))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the server is not well: %s", said)
	}
	fmt.Fprintln(out, string(said))
	return nil
}
