package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

var partitionsKind = kind{
	name: "partitions", short: "The same load over few and many partitions",
	long: "Start a server over an empty folder for each number of partitions, look at what it takes when it is idle, and put\n" +
		"the same load on each: WfRuns of sequential tasks, in the closed loop or with --rate at a fixed one. Prints one line\n" +
		"of JSON for each.",
	make: func() scenario { return &partitions{} },
}

// partitions is the ordinary load over different numbers of partitions.
type partitions struct {
	load   settings
	counts []int
	idle   time.Duration
	own    ownServer
}

// ownServer is where and what to start, for scenarios that start their servers themselves.
type ownServer struct {
	binary, dir string
}

func (o *ownServer) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.binary, "binary", "", "`program` to start with the argument serve; by default this one")
	f.StringVar(&o.dir, "dir", "", "`folder` on whose disk the state of servers is put; by default that of temporary files")
	for _, name := range []string{"api", "server-pid", "data-dir"} {
		_ = f.MarkHidden(name) // all loads have them; here the server is known
	}
}

// folder is a new one, for the state of servers.
func (o *ownServer) folder() (string, error) { return os.MkdirTemp(o.dir, "lh-bench-") }

func (p *partitions) flags(cmd *cobra.Command) {
	loadFlags(cmd, &p.load)
	p.own.flags(cmd)
	f := cmd.Flags()
	f.Float64Var(&p.load.Rate, "rate", 0, "WfRuns to start a second; 0 is the closed loop")
	f.IntSliceVar(&p.counts, "partitions", []int{1, 12, 100, 1000}, "numbers of partitions")
	f.DurationVar(&p.idle, "idle", 2*time.Second, "how long to look at the idle server")
}

func (p *partitions) validate() error {
	if len(p.counts) == 0 || slices.Min(p.counts) < 1 || p.idle <= 0 {
		return errors.New("--partitions must be at least 1, --idle positive")
	}
	return p.load.validate()
}

// partitionsResult is the line that is printed for a number of partitions.
type partitionsResult struct {
	Partitions int `json:"partitions"`
	// StartSeconds is from the start of the program over an empty folder to its first answer.
	StartSeconds float64 `json:"startSeconds"`
	IdleMiB      int64   `json:"idleResidentMiB"`
	IdleCPU      float64 `json:"idleCpuSecondsPerSecond"`
	result
}

func (r *partitionsResult) figures() figures {
	f := r.result.figures()
	f["startSeconds"], f["idleResidentMiB"], f["idleCpu"] = r.StartSeconds, float64(r.IdleMiB), r.IdleCPU
	return f.of(fmt.Sprintf("%d partitions", r.Partitions))
}

func (p *partitions) measure(ctx context.Context, say func(outcome) error) error {
	dir, err := p.own.folder()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, n := range p.counts {
		r, err := p.one(ctx, filepath.Join(dir, fmt.Sprint(n)), n)
		if err != nil {
			return fmt.Errorf("%d partitions: %w", n, err)
		}
		if err := say(r); err != nil {
			return err
		}
	}
	return nil
}

func (p *partitions) one(ctx context.Context, dir string, n int) (*partitionsResult, error) {
	binary, err := thisProgram(p.own.binary)
	if err != nil {
		return nil, err
	}
	server, err := prepare(binary, dir, fmt.Sprintf("LHS_CLUSTER_PARTITIONS=%d", n))
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	defer server.kill()
	if err := server.start(ctx); err != nil {
		return nil, err
	}
	r := &partitionsResult{Partitions: n, StartSeconds: round(time.Since(server.began).Seconds(), 3)}
	s := server.on(p.load)
	if err := r.idle(ctx, s, p.idle); err != nil {
		return nil, err
	}
	loaded, err := s.run(ctx)
	if err != nil {
		return nil, err
	}
	r.result = *loaded
	r.Scenario = partitionsKind.name
	return r, server.stop(ctx)
}

// idle looks at a server that has nothing to do.
func (r *partitionsResult) idle(ctx context.Context, s settings, d time.Duration) error {
	if err := wait(ctx, d, nil); err != nil { // what the start left to do is over
		return err
	}
	before, err := readUsage(s.ServerPIDs)
	if err != nil {
		return err
	}
	if err := wait(ctx, d, nil); err != nil {
		return err
	}
	after, err := readUsage(s.ServerPIDs)
	if err != nil {
		return err
	}
	r.IdleMiB, r.IdleCPU = after.residentB>>20, round((after.server-before.server).Seconds()/d.Seconds(), 4)
	return nil
}
