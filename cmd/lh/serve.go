package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"littlehorse/internal/server"
	"littlehorse/internal/telemetry"
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve [properties-file]",
		Short: "Run a server",
		Long: "Run a server. Settings come from the properties file if one is named, else from the environment\n" +
			"(docs/ops/settings.md lists them). SIGTERM or SIGINT ends it: running calls are answered first.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			file := ""
			if len(args) == 1 {
				file = args[0]
			}
			return serve(c.Context(), file, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
}

// serve runs until ctx is done or the server cannot go on.
func serve(ctx context.Context, file string, out, logs io.Writer) error {
	start := time.Now()
	cfg, notices, err := server.LoadConfig(file)
	if err != nil {
		return err
	}
	log, err := telemetry.NewLogger(logs, cfg.LogFormat, cfg.LogLevel)
	if err != nil {
		return err
	}
	cfg.Logger = log
	cfg.Version, cfg.Commit = cmp.Or(version, cfg.Version), cmp.Or(commit, cfg.Commit)
	limit := server.TuneMemory(cfg)
	if err := logSettings(log, file, notices, limit); err != nil {
		return err
	}
	if cfg.Traces, err = telemetry.NewTraces(ctx, cfg.Version, cfg.ClusterID, log); err != nil {
		return err
	}
	defer endTraces(ctx, cfg)
	s, err := server.Start(ctx, cfg)
	if err != nil {
		return err
	}
	announce(out, s, cfg, time.Since(start))
	failed := false
	select {
	case <-ctx.Done():
		log.Info("shutting down")
	case <-s.Done():
		failed = true
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.ShutdownTimeout)
	defer cancel()
	err = s.Shutdown(stop)
	if failed {
		return errors.Join(errors.New("the server cannot go on"), s.Err())
	}
	if err == nil {
		log.Info("stopped")
	}
	return err
}

// endTraces sends what is left, unless the collector does not answer.
func endTraces(ctx context.Context, cfg server.Config) {
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracesTimeout)
	defer cancel()
	if err := cfg.Traces.Shutdown(stop); err != nil {
		cfg.Logger.Warn("traces are lost", "err", err)
	}
}

const tracesTimeout = 5 * time.Second

func logSettings(log *slog.Logger, file string, notices []server.Notice, limit int64) error {
	effective, err := server.Effective(file)
	if err != nil {
		return err
	}
	attrs := make([]any, 0, len(effective))
	for _, kv := range effective {
		attrs = append(attrs, slog.String(kv[0], kv[1]))
	}
	log.Info("settings", slog.Group("effective", attrs...), "memory_limit_bytes", limit)
	for _, n := range notices {
		log.Warn(n.Text, "setting", n.Name)
	}
	return nil
}

// announce tells whoever started the server where it is and what to do next.
func announce(out io.Writer, s *server.Server, cfg server.Config, took time.Duration) {
	data, err := filepath.Abs(cfg.StateDir)
	if err != nil {
		data = cfg.StateDir
	}
	fmt.Fprintf(out, "LittleHorse is ready after %s\n", took.Round(time.Millisecond))
	for _, l := range cfg.Listeners {
		fmt.Fprintf(out, "  API     %s (listener %s, %s, authentication %s)\n", reachable(s.Addr(l.Name)), l.Name, l.Protocol, l.Authentication)
	}
	if s.HealthAddr() != "" {
		fmt.Fprintf(out, "  health  http://%s%s\n", reachable(s.HealthAddr()), cfg.Health.Status)
	}
	fmt.Fprintf(out, "  data    %s\n", data)
	fmt.Fprintf(out, "Next: lh search wfSpec, or run one of the programs in examples/\n")
}

// reachable is the address as one would type it on this machine.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return address
}
