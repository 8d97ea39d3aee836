package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/wf"
)

var restartKind = kind{
	name: "restart", short: "From a killed server to one that serves",
	long: "Start a server over an empty folder, or over --state, and --count WfRuns that wait for an event. Then put an ordinary\n" +
		"load on it, kill it under the load with SIGKILL, start it again and measure until the first call is answered and until\n" +
		"a new WfRun has run a task; --rounds times. Prints one line of JSON.",
	make: func() scenario { return &restart{} },
}

// restart is a server that is killed and started again.
type restart struct {
	load           settings
	count, callers int
	rounds         int
	state          string
	partitions     int
	own            ownServer
}

func (r *restart) flags(cmd *cobra.Command) {
	loadFlags(cmd, &r.load)
	r.own.flags(cmd)
	f := cmd.Flags()
	f.Float64Var(&r.load.Rate, "rate", 100, "WfRuns of the ordinary load to start a second")
	f.IntVar(&r.count, "count", 1_000_000, "WfRuns that wait")
	f.IntVar(&r.callers, "callers", 256, "calls in flight while they are started")
	f.IntVar(&r.rounds, "rounds", 3, "how often to kill and start")
	f.StringVar(&r.state, "state", "", "state `folder` of a stopped server to start over, instead of an empty one; it is changed")
	f.IntVar(&r.partitions, "partitions", 1, "partitions of the server; of --state those that it was made with")
}

func (r *restart) validate() error {
	if r.count < 0 || r.callers < 1 || r.rounds < 1 || r.partitions < 1 {
		return errors.New("--callers, --rounds and --partitions must be at least 1, --count not negative")
	}
	return r.load.validate()
}

// restartResult is the line that is printed.
type restartResult struct {
	Scenario   string    `json:"scenario"`
	Label      string    `json:"label,omitempty"`
	At         time.Time `json:"at"`
	WfRuns     int       `json:"wfRuns"`
	Partitions int       `json:"partitions"`
	// DiskBytes is the size of the state folder at the last start.
	DiskBytes int64 `json:"diskBytes"`
	// ServingSeconds is from the start of the program to the first answer that needs the state.
	ServingSeconds spread `json:"servingSeconds"`
	// TaskRunSeconds is from the start of the program to the report of the first TaskRun of a new WfRun.
	TaskRunSeconds spread  `json:"firstTaskRunSeconds"`
	ResidentMiB    int64   `json:"residentMiB"`
	Rounds         int     `json:"rounds"`
	Load           *result `json:"load"`
}

func (r *restartResult) figures() figures {
	return figures{
		"servingSeconds": r.ServingSeconds.Median, "firstTaskRunSeconds": r.TaskRunSeconds.Median, "residentMiB": float64(r.ResidentMiB),
		"diskBytes": float64(r.DiskBytes),
	}
}

func (r *restart) measure(ctx context.Context, say func(outcome) error) error {
	server, clean, err := r.server()
	if err != nil {
		return err
	}
	defer clean()
	defer server.kill()
	if err := server.start(ctx); err != nil {
		return err
	}
	probe, err := r.fill(ctx, server)
	if err != nil {
		return err
	}
	out := &restartResult{
		Scenario: restartKind.name, Label: r.load.Label, At: now(), WfRuns: r.count, Partitions: r.partitions, Rounds: r.rounds,
	}
	var serving, ran []float64
	for range r.rounds {
		load := server.on(r.undrained())
		if out.Load, err = load.run(ctx); err != nil {
			return err
		}
		server.kill()
		out.DiskBytes = folderBytes(server.dir)
		if err := server.exec(); err != nil {
			return err
		}
		first, task, err := server.first(ctx, probe)
		if err != nil {
			return err
		}
		serving, ran = append(serving, first.Seconds()), append(ran, task.Seconds())
		out.ResidentMiB = resident([]int{server.cmd.Process.Pid}) >> 20
	}
	out.ServingSeconds, out.TaskRunSeconds = spreadOf(serving), spreadOf(ran)
	return say(out)
}

// undrained is the load that the kill interrupts.
func (r *restart) undrained() settings {
	s := r.load
	s.Drain = 0
	return s
}

func (r *restart) server() (server *process, clean func(), err error) {
	binary, err := thisProgram(r.own.binary)
	if err != nil {
		return nil, nil, err
	}
	dir, err := r.own.folder()
	if err != nil {
		return nil, nil, err
	}
	clean = func() { _ = os.RemoveAll(dir) } // what stays behind is below the folder that was named for it
	server, err = prepare(binary, filepath.Join(dir, "state"), fmt.Sprintf("LHS_CLUSTER_PARTITIONS=%d", r.partitions))
	if err != nil {
		clean()
		return nil, nil, err
	}
	if r.state != "" {
		server.dir, server.env = r.state, append(server.env, "LHS_STATE_DIR="+r.state)
	}
	return server, clean, nil
}

// fill starts the WfRuns that wait, and registers what the first TaskRun needs. It returns the name of its definitions.
func (r *restart) fill(ctx context.Context, server *process) (probe string, err error) {
	client, err := server.dial(ctx)
	if err != nil {
		return "", err
	}
	defer client.Close()
	probe = "restart-" + string(lh.NewRunID())[:12]
	if _, err := client.RPC().PutTaskDef(ctx, &lhpb.PutTaskDefRequest{Name: probe}); err != nil {
		return "", err
	}
	if err := client.Register(ctx, wf.New(probe, func(t *wf.Thread) { t.Execute(probe) })); err != nil {
		return "", err
	}
	if r.count > 0 {
		_, err = startWaiting(ctx, client, r.count, r.callers)
	}
	return probe, err
}

// first measures from the start of the program until it answers from its state, and until it has run a task.
func (p *process) first(ctx context.Context, probe string) (answer, task time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	var working sync.WaitGroup
	defer working.Wait()
	defer cancel()
	client, err := p.dial(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer client.Close()
	rpc := client.RPC()
	err = p.insist(ctx, func(ctx context.Context) error {
		_, err := rpc.GetWfSpec(ctx, &lhpb.WfSpecId{Name: probe})
		if err == nil {
			_, err = rpc.SearchWfRun(ctx, &lhpb.SearchWfRunRequest{Status: lhpb.LHStatus_RUNNING.Enum(), Limit: new(int32(1))})
		}
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	answer = time.Since(p.began)
	reported := make(chan struct{})
	var once sync.Once
	worker := &poller{
		clients: []*lh.Client{client}, taskDef: probe, streams: 1, credits: 1, empty: func() {}, fail: func(error) {},
		take: func(ctx context.Context, _ int, api lhpb.LittleHorseClient, t *lhpb.ScheduledTask) error {
			if offer(ctx, api, succeeded(t), func(error) {}) {
				once.Do(func() { close(reported) })
			}
			return nil
		},
	}
	if err := p.insist(ctx, func(ctx context.Context) error {
		_, err := rpc.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: probe})
		return err
	}); err != nil {
		return 0, 0, err
	}
	if err := p.insist(ctx, func(context.Context) error { return worker.start(ctx, &working) }); err != nil {
		return 0, 0, err
	}
	if err := wait(ctx, 0, reported); err != nil {
		return 0, 0, err
	}
	return answer, time.Since(p.began), nil
}
