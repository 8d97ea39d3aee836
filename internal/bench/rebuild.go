package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	lh "littlehorse/sdk/client"
	"littlehorse/sdk/wf"

	"littlehorse/lhpb"
)

var rebuildKind = kind{
	name: "rebuild", short: "From a lost disk to a server that serves, out of the change log",
	long: "Start a server over the brokers and WfRuns with a variable of --payload bytes until there are --bytes of them, let everything\n" +
		"come to the change log, and stop the server. Then, --rounds times: delete its folder, start it, and measure until it serves.\n" +
		"Prints one line of JSON.",
	make: func() scenario { return &rebuild{} },
}

// rebuild is a server whose disk is lost.
type rebuild struct {
	own                                  ownServer
	brokers, label                       string
	bytes                                int64
	partitions, payload, callers, rounds int
}

func (r *rebuild) flags(cmd *cobra.Command) {
	r.own.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&r.brokers, "brokers", "", "`host:port` of Kafka brokers, with commas between them")
	f.StringVar(&r.label, "label", "", "text that names the measurement in the output")
	f.Int64Var(&r.bytes, "bytes", 1<<30, "bytes of variables")
	f.IntVar(&r.payload, "payload", 4000, "bytes of the variable of a WfRun, another text that hardly compresses each")
	f.IntVar(&r.partitions, "partitions", 12, "partitions of the server")
	f.IntVar(&r.callers, "callers", 64, "calls in flight while the WfRuns are started")
	f.IntVar(&r.rounds, "rounds", 3, "how often to lose the disk")
}

func (r *rebuild) validate() error {
	switch {
	case r.brokers == "":
		return errors.New("--brokers names no broker")
	case r.payload < 1 || r.bytes < int64(r.payload) || r.partitions < 1 || r.callers < 1 || r.rounds < 1:
		return errors.New("--payload, --partitions, --callers and --rounds must be at least 1, --bytes at least --payload")
	}
	return nil
}

// rebuildResult is the line that is printed.
type rebuildResult struct {
	Scenario   string    `json:"scenario"`
	Label      string    `json:"label,omitempty"`
	At         time.Time `json:"at"`
	Partitions int       `json:"partitions"`
	WfRuns     int       `json:"wfRuns"`
	// FillSeconds is how long the WfRuns took to be started, CoverSeconds how much later the change log had them all.
	FillSeconds  float64 `json:"fillSeconds"`
	CoverSeconds float64 `json:"coverSeconds"`
	// Bytes and Rows are what was read from the change log, keys and values.
	Bytes int64 `json:"bytes"`
	Rows  int64 `json:"rows"`
	// Serving is from the start of the program over an empty folder until it serves, MBPerSecond Bytes over that.
	Serving     spread   `json:"servingSeconds"`
	MBPerSecond spread   `json:"mbPerSecond"`
	CPU         spread   `json:"cpuSeconds"`
	Rounds      int      `json:"rounds"`
	Machine     machine  `json:"machine"`
	Version     versions `json:"versions"`
}

func (r *rebuildResult) figures() figures {
	return figures{"servingSeconds": r.Serving.Median, "mbPerSecond": r.MBPerSecond.Median, "cpuSeconds": r.CPU.Median, "bytes": float64(r.Bytes)}
}

func (r *rebuild) measure(ctx context.Context, say func(outcome) error) error {
	binary, err := thisProgram(r.own.binary)
	if err != nil {
		return err
	}
	dir, err := r.own.folder()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays behind is below the folder that was named for it
	server, err := prepare(binary, filepath.Join(dir, "state"), overKafka("bench-"+string(lh.NewRunID())[:12], r.brokers, r.partitions,
		"LHS_X_CHECKPOINT_INTERVAL_MS=1000", "LHS_X_COMMAND_RETENTION_MS=0")...)
	if err != nil {
		return err
	}
	defer server.kill()
	if err := server.start(ctx); err != nil {
		return err
	}
	out := &rebuildResult{
		Scenario: rebuildKind.name, Label: r.label, At: now(), Partitions: r.partitions, WfRuns: int(r.bytes / int64(r.payload)),
		Rounds: r.rounds, Machine: thisMachine(),
	}
	if err := r.fill(ctx, server, out); err != nil {
		return err
	}
	if err := r.lose(ctx, server, out); err != nil {
		return err
	}
	return say(out)
}

// fill starts the WfRuns, and waits until the change log has them.
func (r *rebuild) fill(ctx context.Context, server *process, out *rebuildResult) error {
	client, err := server.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	name, data := "rebuild-"+string(lh.NewRunID())[:12], newPayload(r.payload, true)
	if err := client.Register(ctx, wf.New(name, func(t *wf.Thread) { wf.Declare[string](t, "data").Required() })); err != nil {
		return err
	}
	began := time.Now()
	err = each(ctx, out.WfRuns, r.callers, func(ctx context.Context, n int64) error {
		id := numbered(name, n)
		return insist(ctx, client.RPC(), &lhpb.RunWfRequest{WfSpecName: name, Id: &id, Variables: map[string]*lhpb.VariableValue{"data": data.next()}})
	})
	if err != nil {
		return err
	}
	out.FillSeconds = round(time.Since(began).Seconds(), 1)
	began = time.Now()
	for {
		is, err := scrape(ctx, server.health)
		if err != nil {
			return err
		}
		if is["lh_checkpoint_behind_seconds"] == 0 {
			break
		}
		if err := wait(ctx, 100*time.Millisecond, nil); err != nil {
			return err
		}
	}
	out.CoverSeconds = round(time.Since(began).Seconds(), 1)
	version, err := server.version(ctx)
	if err != nil {
		return err
	}
	out.Version = theseVersions(version, []int{server.cmd.Process.Pid})
	return nil
}

// lose takes the disk away again and again.
func (r *rebuild) lose(ctx context.Context, server *process, out *rebuildResult) error {
	var serving, rate, cpu []float64
	for range r.rounds {
		if err := server.stop(ctx); err != nil {
			return err
		}
		if err := os.RemoveAll(server.dir); err != nil {
			return err
		}
		if err := server.exec(); err != nil {
			return err
		}
		if err := server.insist(ctx, server.serves); err != nil {
			return err
		}
		took := time.Since(server.began).Seconds()
		used, err := processCPU(server.cmd.Process.Pid)
		if err != nil {
			return err
		}
		if out.Bytes, out.Rows, err = server.rebuilt(); err != nil {
			return err
		}
		serving, rate, cpu = append(serving, took), append(rate, float64(out.Bytes)/1e6/took), append(cpu, used.Seconds())
	}
	out.Serving, out.MBPerSecond, out.CPU = spreadOf(serving), spreadOf(rate), spreadOf(cpu)
	return nil
}

// rebuilt is what the server says that it has read from the change log.
func (p *process) rebuilt() (size, rows int64, err error) {
	text, err := os.ReadFile(p.said)
	if err != nil {
		return 0, 0, err
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		var line struct {
			Msg            string
			Bytes, Records int64
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "rebuilt from the change log" {
			size, rows = size+line.Bytes, rows+line.Records
		}
	}
	if size == 0 {
		return 0, 0, fmt.Errorf("nothing was rebuilt: %w", p.lastWords())
	}
	return size, rows, lines.Err()
}
