package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/emptypb"
)

// storeCases are the three published cases in one run.
type storeCases struct {
	own                        ownServer
	workflows, largeWorkflows  int
	small, large               int
	stateWorkflows, stateBytes int
}

func casesCommand() *cobra.Command {
	var c storeCases
	cmd := &cobra.Command{
		Use: "cases", Short: "Run the three published cases and print a line of JSON for each", Args: cobra.NoArgs,
		Long: "Run the cases of the one-partition store benchmark, each over a folder of its own: a fresh start with small tasks, a\n" +
			"fresh start with large tasks, and a large state with small tasks. Prints one line of JSON for each.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if min(c.workflows, c.largeWorkflows, c.stateWorkflows) < 1 || min(c.small, c.large, c.stateBytes) < 0 {
				return errors.New("there must be at least one workflow, and no negative bytes")
			}
			cmd.SilenceUsage = true
			lines := json.NewEncoder(cmd.OutOrStdout())
			return c.measure(cmd.Context(), func(r *caseResult) error { return lines.Encode(r) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.own.binary, "binary", "", "`program` to start with the argument serve; by default this one")
	f.StringVar(&c.own.dir, "dir", "", "`folder` on whose disk the state is put; by default that of temporary files")
	f.IntVar(&c.workflows, "workflows", 200, "workflows of small tasks")
	f.IntVar(&c.largeWorkflows, "large-workflows", 100, "workflows of large tasks")
	f.IntVar(&c.small, "small", 1000, "bytes of a small task's output")
	f.IntVar(&c.large, "large", 50_000, "bytes of a large task's output")
	f.IntVar(&c.stateWorkflows, "state-workflows", 2000, "workflows that make the large state")
	f.IntVar(&c.stateBytes, "state-bytes", 1000, "bytes of each of their outputs")
	return cmd
}

// caseResult is the line that is printed for a case.
type caseResult struct {
	Scenario  string    `json:"scenario"`
	Case      string    `json:"case"`
	At        time.Time `json:"at"`
	State     int       `json:"stateTaskRuns"` // that were there before
	Workflows int       `json:"workflows"`
	TaskRuns  int       `json:"taskRuns"`
	Bytes     int       `json:"outputBytes"`
	Seconds   float64   `json:"seconds"`
	PerSecond float64   `json:"taskRunsPerSecond"`
	// Start is from a TaskRun's schedule to its start, Complete from there to the answer to its report.
	Start    latency `json:"taskStartMs"`
	Complete latency `json:"taskCompleteMs"`
	Failed   int64   `json:"failedCalls"`
	// StateBytes is the size of the state folder when all had completed.
	StateBytes int64         `json:"stateBytes"`
	Windows    []storeWindow `json:"windows"`
	Load       side          `json:"load"`
	Server     side          `json:"server"`
	Disk       *disk         `json:"disk"`
	Machine    machine       `json:"machine"`
	Version    versions      `json:"versions"`
}

func (c *storeCases) measure(ctx context.Context, say func(*caseResult) error) error {
	for _, one := range []struct {
		name                    string
		state, workflows, bytes int
	}{
		{"fresh start, small tasks", 0, c.workflows, c.small},
		{"fresh start, large tasks", 0, c.largeWorkflows, c.large},
		{"large state, small tasks", c.stateWorkflows, c.workflows, c.small},
	} {
		r := &caseResult{
			Scenario: "store", Case: one.name, At: now(), State: one.state * storeTasks, Workflows: one.workflows,
			TaskRuns: one.workflows * storeTasks, Bytes: one.bytes,
		}
		if err := c.one(ctx, r, one.state); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		if err := say(r); err != nil {
			return err
		}
	}
	return nil
}

// one runs a case over a folder of its own.
func (c *storeCases) one(ctx context.Context, r *caseResult, state int) error {
	dir, err := c.own.folder()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ports, err := freePorts(1)
	if err != nil {
		return err
	}
	s := &storeSettings{binary: c.own.binary, dir: filepath.Join(dir, "store"), api: fmt.Sprintf("127.0.0.1:%d", ports[0])}
	if err := s.setup(ctx); err != nil {
		return err
	}
	if r.Disk, err = measureDisk(s.dir); err != nil {
		return err
	}
	p, err := s.process()
	if err != nil {
		return err
	}
	w, err := startStore(ctx, p)
	if err != nil {
		return err
	}
	defer w.close()
	if state > 0 {
		if err := w.fill(ctx, state, c.stateBytes); err != nil {
			return err
		}
	}
	if err := w.run(ctx, r); err != nil {
		return err
	}
	return p.stop(ctx)
}

// fill makes a state that was there before.
func (w *storeWorker) fill(ctx context.Context, workflows, bytes int) error {
	if err := launch(ctx, w.client, workflows, bytes); err != nil {
		return err
	}
	if err := w.finish(ctx, workflows*storeTasks); err != nil {
		return err
	}
	w.meter.Store(newStoreMeter())
	return nil
}

// run launches the workflows of a case and waits for their end.
func (w *storeWorker) run(ctx context.Context, r *caseResult) error {
	pids := []int{w.server.cmd.Process.Pid}
	before, err := readUsage(pids)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := launch(ctx, w.client, r.Workflows, r.Bytes); err != nil {
		return err
	}
	if err := w.finish(ctx, r.TaskRuns); err != nil {
		return err
	}
	seconds := time.Since(began).Seconds()
	after, err := readUsage(pids)
	if err != nil {
		return err
	}
	w.tally(ctx)
	m := w.meter.Load()
	r.Seconds, r.PerSecond = round(seconds, 3), round(float64(r.TaskRuns)/seconds, 1)
	r.Start, r.Complete, r.Failed = m.start.latency(), m.complete.latency(), m.failed.Load()
	r.StateBytes, r.Windows = folderBytes(w.server.dir), w.windows.last(int(seconds/windowLength.Seconds())+2)
	n := int64(r.TaskRuns)
	r.Load, r.Server = sideOf(after.load-before.load, n), serverSideOf(pids, before, after, n)
	version, err := w.client.RPC().GetServerVersion(ctx, &emptypb.Empty{})
	if err != nil {
		return err
	}
	r.Machine, r.Version = thisMachine(), theseVersions(version, pids)
	return nil
}
