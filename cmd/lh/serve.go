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
	virtual := false
	cmd := &cobra.Command{
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
			return service{file: file, out: c.OutOrStdout(), logs: c.ErrOrStderr(), virtual: virtual}.run(c.Context())
		},
	}
	cmd.Flags().BoolVar(&virtual, "virtual-clock", false, "let time stand still until lhctl clock moves it, as LHS_X_CLOCK=virtual does")
	return cmd
}

// service is a server as a process.
type service struct {
	file      string // with its settings; "" for those of the environment
	out, logs io.Writer
	// dir is the folder of its data in place of the one that the settings name, unless it is "".
	dir string
	// virtual gives it a virtual clock, whatever the settings say.
	virtual bool
	// guest works with the server from its start on, until ctx ends; nil if nobody does.
	guest func(ctx context.Context, s *server.Server, cfg server.Config) error
}

// run serves until ctx is done or the server, or its guest, cannot go on.
func (v service) run(ctx context.Context) error {
	start := time.Now()
	cfg, notices, err := server.LoadConfig(v.file)
	if err != nil {
		return err
	}
	cfg.StateDir = cmp.Or(v.dir, cfg.StateDir)
	if v.virtual {
		cfg.UseVirtualTime()
	}
	log, err := telemetry.NewLogger(v.logs, cfg.LogFormat, cfg.LogLevel)
	if err != nil {
		return err
	}
	cfg.Logger = log
	cfg.Version, cfg.Commit = cmp.Or(version, cfg.Version), cmp.Or(commit, cfg.Commit)
	limit := server.TuneMemory(cfg)
	if err := logSettings(log, v.file, notices, limit); err != nil {
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
	announce(v.out, s, cfg, time.Since(start))
	failed := false
	left := v.invite(ctx, s, cfg)
	select {
	case <-ctx.Done():
		log.Info("shutting down")
	case <-s.Done():
		failed = true
	case <-left.failed:
	}
	gone := left.leave()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.ShutdownTimeout)
	defer cancel()
	err = errors.Join(gone, s.Shutdown(stop))
	if failed {
		return errors.Join(errors.New("the server cannot go on"), s.Err())
	}
	if err == nil {
		log.Info("stopped")
	}
	return err
}

// stay of a guest.
type stay struct {
	// failed is closed when the guest cannot go on.
	failed chan struct{}
	// leave tells him to go and waits until he has.
	leave func() error
}

func (v service) invite(ctx context.Context, s *server.Server, cfg server.Config) stay {
	if v.guest == nil {
		return stay{leave: func() error { return nil }}
	}
	ctx, cancel := context.WithCancel(ctx)
	failed := make(chan struct{})
	left := make(chan error, 1)
	go func() {
		err := v.guest(ctx, s, cfg)
		if err != nil {
			close(failed)
		}
		left <- err
	}()
	return stay{failed, func() error {
		cancel()
		return <-left
	}}
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
	if s.DashboardURL() != "" {
		fmt.Fprintf(out, "  look    %s\n", s.DashboardURL())
	}
	fmt.Fprintf(out, "  data    %s\n", data)
	if c := s.Clock(); c != nil {
		fmt.Fprintf(out, "  clock   virtual, at %s: lh clock moves it\n", c.Now().UTC().Format(time.RFC3339))
	}
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
