package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/wf"
)

// The one-partition store benchmark of the original, with the names of its commands: setup, server, launchTests,
// workflowMetrics and streamsMetrics; cleanup and cases are ours. What it simulated is here the real thing: a server with one
// partition, WfRuns of a hundred TaskRuns one after another, each with an output of random bytes.

const (
	storeTasks   = 100 // of a workflow
	storeName    = "store-bench"
	storeCallers = 256
)

// storeSettings are where the parts of the benchmark find one another.
type storeSettings struct {
	binary, dir, api, metrics string
}

// storeGroup is the benchmark's part of the help.
const storeGroup = "store"

// storeCommands are the benchmark's.
func storeCommands() []*cobra.Command {
	commands := []*cobra.Command{
		storeCommand("setup", "Make the state folder with one partition and the definitions; changes nothing when they are there", 0,
			func(s *storeSettings, ctx context.Context, _ []int, _ io.Writer) error { return s.setup(ctx) }),
		storeCommand("server", "Run the partition and its task worker in the foreground, and serve the metrics", 0,
			func(s *storeSettings, ctx context.Context, _ []int, out io.Writer) error { return s.server(ctx, out) }),
		storeCommand("launchTests N BYTES", "Start N workflows of 100 TaskRuns, each with an output of BYTES bytes", 2,
			(*storeSettings).launchTests),
		storeCommand("workflowMetrics N", "Print the last N windows of 30 seconds, oldest first", 1,
			func(s *storeSettings, ctx context.Context, args []int, out io.Writer) error {
				return s.ask(ctx, "/workflowMetrics?windows="+url.QueryEscape(strconv.Itoa(args[0])), out)
			}),
		storeCommand("streamsMetrics", "Print all metrics of the processing and of the store", 0,
			func(s *storeSettings, ctx context.Context, _ []int, out io.Writer) error {
				return s.ask(ctx, "/streamsMetrics", out)
			}),
		storeCommand("cleanup", "Remove the state folder", 0,
			func(s *storeSettings, ctx context.Context, _ []int, _ io.Writer) error { return s.cleanup(ctx) }),
		casesCommand(),
	}
	for _, c := range commands {
		c.GroupID = storeGroup
	}
	return commands
}

func storeCommand(use, short string, numbers int, run func(*storeSettings, context.Context, []int, io.Writer) error) *cobra.Command {
	s := &storeSettings{}
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(numbers),
		RunE: func(cmd *cobra.Command, args []string) error {
			given := make([]int, len(args))
			for i, text := range args {
				n, err := strconv.Atoi(text)
				if err != nil || n < 0 {
					return fmt.Errorf("%q is not a number of 0 or more", text)
				}
				given[i] = n
			}
			cmd.SilenceUsage = true
			return run(s, cmd.Context(), given, cmd.OutOrStdout())
		},
	}
	s.flags(cmd)
	return cmd
}

func (s *storeSettings) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.binary, "binary", "", "`program` to start with the argument serve; by default this one")
	f.StringVar(&s.dir, "dir", "/tmp/kafkaState", "state `folder`")
	f.StringVar(&s.api, "api", "127.0.0.1:5001", "`host:port` of the server's API, on the loopback interface")
	f.StringVar(&s.metrics, "metrics", "127.0.0.1:5000", "`host:port` of the metrics")
}

// state is the server's own folder. The log of the server lies beside it.
func (s *storeSettings) state() string { return filepath.Join(s.dir, "state") }

func (s *storeSettings) process() (*process, error) {
	binary, err := thisProgram(s.binary)
	if err != nil {
		return nil, err
	}
	_, port, err := splitAddress(s.api)
	if err != nil {
		return nil, err
	}
	others, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	return onPorts(binary, s.state(), append([]int{port}, others...), "LHS_CLUSTER_PARTITIONS=1"), nil
}

// setup makes a store of one partition that knows the definitions.
func (s *storeSettings) setup(ctx context.Context) error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	p, err := s.process()
	if err != nil {
		return err
	}
	defer p.kill()
	if err := p.start(ctx); err != nil {
		return err
	}
	client, err := p.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := registerStore(ctx, client); err != nil {
		return err
	}
	return p.stop(ctx)
}

func registerStore(ctx context.Context, client *lh.Client) error {
	primitive := func(t lhpb.VariableType) *lhpb.TypeDefinition {
		return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: t}}
	}
	_, err := client.RPC().PutTaskDef(ctx, &lhpb.PutTaskDefRequest{
		Name: storeName, InputVars: []*lhpb.VariableDef{{Name: "bytes", TypeDef: primitive(lhpb.VariableType_INT)}},
		ReturnType: &lhpb.ReturnType{ReturnType: primitive(lhpb.VariableType_BYTES)},
	})
	if err != nil {
		return err
	}
	return client.Register(ctx, wf.New(storeName, func(t *wf.Thread) {
		bytes := wf.Declare[int64](t, "bytes").Required()
		for range storeTasks {
			t.Execute(storeName, bytes)
		}
	}))
}

// server runs until ctx is done or the partition ends.
func (s *storeSettings) server(ctx context.Context, out io.Writer) error {
	if _, err := os.Stat(s.state()); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is nothing in %s: run setup first", s.dir)
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
	listener, err := net.Listen("tcp", s.metrics)
	if err != nil {
		return err
	}
	served := w.serve(listener)
	defer served()
	fmt.Fprintf(out, "API %s, metrics http://%s, state %s\n", p.api, s.metrics, s.dir)
	select {
	case <-ctx.Done():
		return p.stop(context.WithoutCancel(ctx))
	case <-p.exited:
		return errors.Join(errors.New("the server has ended"), p.lastWords())
	}
}

// launched is what launchTests prints.
type launched struct {
	Workflows int     `json:"workflows"`
	TaskRuns  int     `json:"taskRuns"`
	Bytes     int     `json:"outputBytes"`
	Seconds   float64 `json:"seconds"`
}

func (s *storeSettings) launchTests(ctx context.Context, args []int, out io.Writer) error {
	own := settings{API: s.api}
	cfg, err := configured(&own)
	if err != nil {
		return err
	}
	client, err := lh.Dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	began := time.Now()
	if err := launch(ctx, client, args[0], args[1]); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(launched{
		Workflows: args[0], TaskRuns: args[0] * storeTasks, Bytes: args[1], Seconds: round(time.Since(began).Seconds(), 3),
	})
}

// launch starts workflows whose TaskRuns have outputs of so many bytes.
func launch(ctx context.Context, client *lh.Client, workflows, bytes int) error {
	size, err := lh.Value(int64(bytes))
	if err != nil {
		return err
	}
	name := storeName + "-" + string(lh.NewRunID())[:12]
	return each(ctx, workflows, storeCallers, func(ctx context.Context, n int64) error {
		id := numbered(name, n)
		return insist(ctx, client.RPC(), &lhpb.RunWfRequest{
			WfSpecName: storeName, Id: &id, Variables: map[string]*lhpb.VariableValue{"bytes": size},
		})
	})
}

// ask prints a page of the server's metrics.
func (s *storeSettings) ask(ctx context.Context, page string, out io.Writer) error {
	text, err := get(ctx, "http://"+s.metrics+page)
	if err != nil {
		return fmt.Errorf("does `lh bench server` run? %w", err)
	}
	_, err = io.WriteString(out, text)
	return err
}

// cleanup removes what setup and server have made, and nothing else.
func (s *storeSettings) cleanup(ctx context.Context) error {
	if _, err := get(ctx, "http://"+s.metrics+"/workflowMetrics?windows=1"); err == nil {
		return errors.New("the server runs: stop it first")
	}
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if name := entry.Name(); name != "state" && name != "state.log" {
			return fmt.Errorf("%s holds %s, which is none of ours: nothing is removed", s.dir, name)
		}
	}
	return os.RemoveAll(s.dir)
}

// random bytes, other ones at each call.
func random(n int64) []byte {
	out := make([]byte, n)
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(rand.Uint32())
	}
	_, _ = rand.NewChaCha8(seed).Read(out) // it never fails
	return out
}
