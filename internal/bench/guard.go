package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
)

const guardHelp = `Start a server over an empty folder, run WfRuns of ten tasks on it, and compare what a TaskRun costs with committed limits:

  alone   one WfRun in flight, so that no two commands share a commit: commands, rows and bytes of the log, allocations
  busy    64 in flight: allocations, and CPU time in units of a calibration loop that runs between the measurements

A figure that is worse than its limit by more than its tolerance ends the program with an error; one that is better by more
than that is told, so that the limit is lowered. Each is the least of several measurements, and of more of them as long as the
CPU time is too much: a machine that does other things makes it greater, never less. A measurement in which the server
refused work because it was late does not count; on a machine with more to do than it can, there may be none that counts.`

// guard is the check that a TaskRun does not grow dearer.
type guard struct {
	own            ownServer
	limits, record string
	update         bool
	alone, busy    int // WfRuns of a measurement
	rounds, more   int
	progress       func(format string, args ...any)
}

func guardCommand() *cobra.Command {
	var g guard
	cmd := &cobra.Command{
		Use: "guard LIMITS", Short: "What a TaskRun costs, against limits", Long: guardHelp, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if g.alone < 1 || g.busy < 1 || g.rounds < 1 || g.more < 0 {
				return errors.New("--alone, --busy and --rounds must be at least 1, --more not negative")
			}
			cmd.SilenceUsage = true
			g.limits = args[0]
			g.progress = func(format string, args ...any) { fmt.Fprintf(cmd.OutOrStdout(), format, args...) }
			return g.check(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&g.own.binary, "binary", "", "`program` to start with the argument serve; by default this one")
	f.StringVar(&g.own.dir, "dir", "", "`folder` for the state of the server; by default that of temporary files")
	f.StringVar(&g.record, "record", "", "`file` to which a line with the figures, the commit and the machine is added")
	f.BoolVar(&g.update, "update", false, "make what was measured the limits")
	f.IntVar(&g.alone, "alone", 40, "WfRuns one after the other")
	f.IntVar(&g.busy, "busy", 600, "WfRuns of each busy measurement")
	f.IntVar(&g.rounds, "rounds", 5, "measurements of each kind")
	f.IntVar(&g.more, "more", 10, "further busy ones while the CPU time is too much")
	return cmd
}

const guardTasks = 10 // of a WfRun

// check measures, compares and records.
func (g *guard) check(ctx context.Context) error {
	limits, err := readLimits(g.limits)
	if err != nil {
		return err
	}
	measured, binary, err := g.measure(ctx, limits)
	if err != nil {
		return err
	}
	if err := g.note(measured, binary); err != nil {
		return err
	}
	if g.update {
		return limits.take(measured).write(g.limits)
	}
	return g.judge(limits, measured)
}

// judge says each figure beside its limit.
func (g *guard) judge(limits limits, measured figures) error {
	var worse []string
	for _, l := range limits {
		verdict := ""
		switch m, ok := measured[l.name]; {
		case !ok && !overloaded(thisMachine()):
			return fmt.Errorf("%s was not measured: the server refuses work on a machine that has little to do", l.name)
		case !ok:
			verdict = "NOT MEASURED: the machine has too much else to do"
		case l.worse(m):
			verdict = "WORSE"
			worse = append(worse, l.name)
		case l.better(m):
			verdict = "better: lower the limit"
		}
		g.progress("%-20s %10.2f   limit %10.2f ±%g%%   %s\n", l.name, measured[l.name], l.value, l.tolerance, verdict)
	}
	if len(worse) > 0 {
		return fmt.Errorf("a TaskRun costs more than it may: %s", strings.Join(worse, ", "))
	}
	return nil
}

// overloaded tells whether a machine has more to do than a measurement of ours asks of it.
func overloaded(m machine) bool { return m.LoadAverage > 2*float64(m.Cores) }

// measure gives the figures, and what was measured.
func (g *guard) measure(ctx context.Context, limits limits) (figures, string, error) {
	binary, err := thisProgram(g.own.binary)
	if err != nil {
		return nil, "", err
	}
	dir, err := g.own.folder()
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// Two cores, whatever the machine has, so that work is shared between goroutines alike everywhere.
	server, err := prepare(binary, filepath.Join(dir, "state"), "LHS_CLUSTER_PARTITIONS=1", "GOMAXPROCS=2")
	if err != nil {
		return nil, "", err
	}
	defer server.kill()
	if err := server.start(ctx); err != nil {
		return nil, "", err
	}
	w := &guardWork{guard: g, server: server, found: figures{}}
	if err := w.alone(ctx); err != nil {
		return nil, "", err
	}
	if err := w.busy(ctx, limits); err != nil {
		return nil, "", err
	}
	return w.found, binaryOf(server.cmd.Process.Pid), server.stop(ctx)
}

// guardWork is one run of the guard.
type guardWork struct {
	*guard
	server *process
	found  figures
}

// put runs so many WfRuns and gives what each TaskRun of them cost.
func (w *guardWork) put(ctx context.Context, wfRuns, inFlight int) (cost figures, err error) {
	s := w.server.on(settings{
		Tasks: guardTasks, Concurrency: inFlight, Payload: 100, Workers: 1, Polls: 2 * max(inFlight, 8), Connections: 1, // a worker always waits
		Drain: time.Minute, Runs: int64(wfRuns), only: int64(wfRuns),
	})
	s.DataDir = ""
	// The counters are read when the definitions are there and nothing else is under way.
	var before map[string]float64
	s.begin = func() { before, err = scrape(ctx, w.server.health) }
	r, failed := s.run(ctx)
	if err := errors.Join(failed, err); err != nil {
		return nil, err
	}
	if r.Unfinished > 0 || r.Abandoned > 0 || r.errors() > r.Errors[codes.ResourceExhausted.String()] {
		return nil, fmt.Errorf("the load met errors: %v, %d WfRuns did not end", r.Errors, r.Unfinished)
	}
	after, err := scrape(ctx, w.server.health)
	if err != nil {
		return nil, err
	}
	cost = figures{
		"cpu":     r.Server.CPU * 1e9 / float64(wfRuns*guardTasks),
		"refused": float64(r.Errors[codes.ResourceExhausted.String()]),
	}
	for name, counter := range guardCounters {
		cost[name] = (after[counter] - before[counter]) / float64(wfRuns*guardTasks)
	}
	return cost, nil
}

// guardCounters are the server's metrics behind the figures.
var guardCounters = map[string]string{
	"commands": "lh_commands_processed_total", "rows": "lh_changes_total", "bytes": "lh_commit_bytes_total",
	"allocations": "go_memstats_mallocs_total",
}

func (w *guardWork) alone(ctx context.Context) error {
	if _, err := w.put(ctx, w.guard.alone, 1); err != nil { // warms up
		return err
	}
	for range w.rounds {
		cost, err := w.put(ctx, w.guard.alone, 1)
		if err != nil {
			return err
		}
		for name := range guardCounters {
			least, measured := w.found["alone."+name]
			if !measured || cost[name] < least {
				w.found["alone."+name] = cost[name]
			}
		}
	}
	return nil
}

func (w *guardWork) busy(ctx context.Context, limits limits) error {
	if _, err := w.put(ctx, w.guard.busy, inFlight); err != nil { // warms up
		return err
	}
	var cpu, calibration, allocations []float64
	for round := 0; round < w.rounds+w.more; round++ {
		unit, err := calibrate()
		if err != nil {
			return err
		}
		cost, err := w.put(ctx, w.guard.busy, inFlight)
		if err != nil {
			return err
		}
		w.progress("round %d: %.1f us of CPU per TaskRun, calibration %.2f us, %g calls refused\n",
			round+1, cost["cpu"]/1000, float64(unit)/1000, cost["refused"])
		calibration = append(calibration, float64(unit))
		if cost["refused"] > 0 {
			continue
		}
		cpu, allocations = append(cpu, cost["cpu"]), append(allocations, cost["allocations"])
		w.found["busy.allocations"] = slices.Min(allocations)
		w.found["busy.cpu"] = slices.Min(cpu) / slices.Min(calibration)
		if len(cpu) >= w.rounds && !limits.exceeded("busy.cpu", w.found["busy.cpu"]) {
			break
		}
	}
	return nil
}

const inFlight = 64

// record is the line that is kept.
type guardRecord struct {
	At      time.Time `json:"at"`
	Client  string    `json:"client"`
	Binary  string    `json:"serverBinary"`
	Figures figures   `json:"figures"`
	Machine machine   `json:"machine"`
}

func (g *guard) note(measured figures, binary string) error {
	if g.record == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(g.record), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(g.record, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	rounded := figures{}
	for name, value := range measured {
		rounded[name] = significant(value)
	}
	return json.NewEncoder(f).Encode(guardRecord{At: now(), Client: ownCommit(), Binary: binary, Figures: rounded, Machine: thisMachine()})
}
