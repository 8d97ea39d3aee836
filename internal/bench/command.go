package bench

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	lh "littlehorse/sdk/client"
)

// settings are the knobs of one measurement.
type settings struct {
	API         string        `json:"api"`
	Duration    time.Duration `json:"-"`
	Warmup      time.Duration `json:"-"`
	Drain       time.Duration `json:"-"`
	Runs        int64         `json:"runs,omitempty"`
	Tasks       int           `json:"tasks"`
	Concurrency int           `json:"concurrency"`
	Payload     int           `json:"payloadBytes"`
	Random      bool          `json:"random,omitempty"`
	Rate        float64       `json:"ratePerSecond"`
	Workers     int           `json:"workers"`
	Polls       int           `json:"polls"`
	Connections int           `json:"connections"`
	Official    bool          `json:"grpcGo"`
	ServerPIDs  []int         `json:"-"`
	DataDir     string        `json:"-"`
	Label       string        `json:"-"`

	from  time.Time       // when the window is to open; by default after the warm-up
	begin func()          // called when the measured window begins
	until <-chan struct{} // the window ends no sooner than this
	keep  time.Duration   // how long WfRuns are kept after their end; for ever if 0
	only  int64           // so many WfRuns and no more, and all of them in the window
}

func (s settings) validate() error {
	switch {
	case s.Tasks < 1:
		return errors.New("--tasks must be at least 1")
	case s.Concurrency < 1:
		return errors.New("--concurrency must be at least 1")
	case s.Workers < 1 || s.Polls < 1 || s.Connections < 1:
		return errors.New("--workers, --polls and --connections must be at least 1")
	case s.Payload < 0 || s.Rate < 0 || s.Runs < 0:
		return errors.New("--payload, --rate and --runs must not be negative")
	case s.Runs == 0 && s.Duration <= 0:
		return errors.New("--duration must be positive unless --runs is given")
	case s.Warmup < 0:
		return errors.New("--warmup must not be negative")
	}
	return nil
}

// Command is `bench`, with a subcommand for each kind of load. The commit is that of the program, if it is known.
func Command(commit string) *cobra.Command {
	built = commit
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure a server under load", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, k := range kinds() {
		cmd.AddCommand(k.command())
	}
	cmd.AddGroup(&cobra.Group{ID: storeGroup, Title: "The benchmark of one partition's store, as the original has it:"})
	cmd.AddCommand(storeCommands()...)
	cmd.AddCommand(compareCommand(), guardCommand(), giantCommand(), searchCommand())
	return cmd
}

// loadFlags are the flags of an ordinary load.
func loadFlags(cmd *cobra.Command, s *settings) {
	f := cmd.Flags()
	f.StringVar(&s.API, "api", "", "`host:port` of the server; by default as for every client, LHC_API_HOST and LHC_API_PORT")
	f.DurationVar(&s.Duration, "duration", 10*time.Second, "how long to measure")
	f.Int64Var(&s.Runs, "runs", 0, "measure this many WfRuns instead of --duration")
	f.DurationVar(&s.Warmup, "warmup", 3*time.Second, "load before the measurement that does not count")
	f.DurationVar(&s.Drain, "drain", 30*time.Second, "how long to wait for the last WfRuns")
	f.IntVar(&s.Tasks, "tasks", 10, "tasks of a WfRun, one after the other")
	f.IntVar(&s.Concurrency, "concurrency", 256, "WfRuns in flight; with --rate calls in flight")
	f.IntVar(&s.Payload, "payload", 100, "bytes of each task's input and output")
	f.BoolVar(&s.Random, "random", false, "each input and output another text that hardly compresses, not always the same letter")
	f.IntVar(&s.Workers, "workers", 2, "poll streams to each server")
	f.IntVar(&s.Polls, "polls", 128, "credits in flight on each poll stream; the original breaks streams with more than one, give it more --workers")
	f.IntVar(&s.Connections, "connections", 2, "connections to each server")
	f.BoolVar(&s.Official, "grpc-go", false, "put the load on by the client library of the gRPC project, which takes more CPU from the server beside it")
	f.IntSliceVar(&s.ServerPIDs, "server-pid", nil, "`pid` of the server; several, if it is more than one process")
	f.StringVar(&s.DataDir, "data-dir", "", "the server's data folder, to measure its disk")
	f.StringVar(&s.Label, "label", "", "text that names the measurement in the output")
}

// configured is how to reach the server that the settings mean.
func configured(s *settings) (lh.Config, error) {
	cfg, err := lh.LoadConfig()
	if err != nil {
		return cfg, err
	}
	if s.API != "" {
		if cfg.Host, cfg.Port, err = splitAddress(s.API); err != nil {
			return cfg, err
		}
	}
	s.API = cfg.Address()
	cfg.ResourceExhaustedRetry = false
	return cfg, nil
}

func splitAddress(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("--api: %w", err)
	}
	port, err = strconv.Atoi(text)
	if err != nil {
		return "", 0, fmt.Errorf("--api: %q is no port", text)
	}
	return host, port, nil
}
