package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	lh "littlehorse/sdk/client"
	"littlehorse/sdk/wf"

	"littlehorse/lhpb"
)

var clusterKind = kind{
	name: "cluster", short: "What it costs when servers of a cluster come, go and die",
	long: "Start --servers servers of one cluster over the brokers, with hot copies, and look at what they take when they are idle. Then,\n" +
		"--rounds times: stop one as an operator does and start it again, while the others are called all the time; kill it with\n" +
		"SIGKILL, and measure until WfRuns of all its partitions are answered by the others; start it again, kill it once more and\n" +
		"start it at once over the disk that it had, and measure until it serves. Prints one line of JSON.",
	make: func() scenario { return &clusterScenario{} },
}

// clusterScenario is a cluster whose servers come and go.
type clusterScenario struct {
	own                                   ownServer
	brokers, label                        string
	servers, partitions, standbys, rounds int
	session, idle                         time.Duration
	rate                                  float64
}

func (c *clusterScenario) flags(cmd *cobra.Command) {
	c.own.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&c.brokers, "brokers", "", "`host:port` of Kafka brokers, with commas between them")
	f.StringVar(&c.label, "label", "", "text that names the measurement in the output")
	f.IntVar(&c.servers, "servers", 3, "servers")
	f.IntVar(&c.partitions, "partitions", 12, "partitions of the cluster")
	f.IntVar(&c.standbys, "standbys", 1, "hot copies of each partition")
	f.IntVar(&c.rounds, "rounds", 3, "how often to stop, kill and start")
	f.DurationVar(&c.session, "session", 10*time.Second, "how long a server may be silent; brokers take 6s and more unless they are told otherwise")
	f.DurationVar(&c.idle, "idle", 5*time.Second, "how long to look at the idle servers")
	f.Float64Var(&c.rate, "rate", 500, "calls a second while a server is stopped and started")
}

func (c *clusterScenario) validate() error {
	switch {
	case c.brokers == "":
		return errors.New("--brokers names no broker")
	case c.servers < 1 || c.partitions < c.servers || c.standbys < 0 || c.rounds < 1:
		return errors.New("--servers and --rounds must be at least 1, --partitions at least --servers, --standbys not negative")
	case c.session <= 0 || c.idle <= 0 || c.rate <= 0:
		return errors.New("--session, --idle and --rate must be positive")
	}
	return nil
}

// clusterResult is the line that is printed. What only several servers can do is left out if there is one.
type clusterResult struct {
	Scenario   string    `json:"scenario"`
	Label      string    `json:"label,omitempty"`
	At         time.Time `json:"at"`
	Servers    int       `json:"servers"`
	Partitions int       `json:"partitions"`
	Standbys   int       `json:"standbys"`
	SessionMs  int64     `json:"sessionMs"`
	Rounds     int       `json:"rounds"`
	// StartSeconds is from the start of the programs over empty folders until every partition has its owner and its copies.
	StartSeconds float64 `json:"startSeconds"`
	// Idle is what all servers together take.
	IdleMiB int64   `json:"idleResidentMiB"`
	IdleCPU float64 `json:"idleCpuSecondsPerSecond"`

	// Broadcast is from the answer to who has put a definition until the last of the other servers knows it.
	Broadcast *spread         `json:"broadcastMs,omitempty"`
	Move      *moveResult     `json:"plannedMove,omitempty"`
	Takeover  *takeoverResult `json:"takeover,omitempty"`
	// Restart is from the start of a killed program over its disk until it serves all that it is given.
	Restart spread `json:"restartServingSeconds"`

	Machine machine  `json:"machine"`
	Version versions `json:"versions"`
}

// moveResult is what those who call servers that stay see of one that is stopped and started again: each time all its partitions move
// away, and its share moves back.
type moveResult struct {
	// Calm is the slowest call of a second before each round.
	Calm    spread `json:"slowestCallMsBefore"`
	Leaving spread `json:"slowestCallMsWhileItLeaves"`
	Coming  spread `json:"slowestCallMsWhileItComes"`
	// Stop is how long the server took to go, Start how long until it had its share again.
	Stop  spread  `json:"stopSeconds"`
	Start spread  `json:"startSeconds"`
	Calls latency `json:"callMs"`
	// Errors are the calls that failed, by what was said.
	Errors map[string]int64 `json:"errors"`
}

// takeoverResult counts from the kill.
type takeoverResult struct {
	// Detected is when the brokers have given the server up.
	Detected spread `json:"detectedSeconds"`
	// Answered is when the last of the WfRuns has been answered; Since is how long after the brokers' word that was.
	Answered spread `json:"answeredSeconds"`
	Since    spread `json:"answeredSecondsSinceDetection"`
	WfRuns   int    `json:"wfRuns"`
}

func (r *clusterResult) figures() figures {
	f := figures{
		"startSeconds": r.StartSeconds, "idleResidentMiB": float64(r.IdleMiB), "idleCpu": r.IdleCPU, "restartServingSeconds": r.Restart.Median,
	}
	if r.Move != nil {
		f["slowestCallMsWhileItLeaves"], f["slowestCallMsWhileItComes"] = r.Move.Leaving.Max, r.Move.Coming.Max
		f["failedCalls"] = 0
		for _, n := range r.Move.Errors {
			f["failedCalls"] += float64(n)
		}
	}
	if r.Broadcast != nil {
		f["broadcastMs"] = r.Broadcast.Max
	}
	if r.Takeover != nil {
		f["takeoverSeconds"], f["takeoverSecondsSinceDetection"] = r.Takeover.Answered.Max, r.Takeover.Since.Max
	}
	return f
}

// settleTime is how long a cluster may take until every partition has its owner and its copies.
const settleTime = 5 * time.Minute

// ensemble is the servers of one cluster.
type ensemble struct {
	*clusterScenario
	id      string
	members []*process
	clients []*lh.Client
	groups  *kadm.Client
	spec    string
	runs    []string // that are asked for
}

func (c *clusterScenario) measure(ctx context.Context, say func(outcome) error) error {
	e, clean, err := c.prepare()
	if err != nil {
		return err
	}
	defer clean()
	r := &clusterResult{
		Scenario: clusterKind.name, Label: c.label, At: now(), Servers: c.servers, Partitions: c.partitions, Standbys: c.copies(),
		SessionMs: c.session.Milliseconds(), Rounds: c.rounds, Machine: thisMachine(),
	}
	if err := e.begin(ctx, r); err != nil {
		return err
	}
	if err := e.restIdle(ctx, r); err != nil {
		return err
	}
	if err := e.define(ctx); err != nil {
		return err
	}
	if err := e.broadcast(ctx, r); err != nil {
		return err
	}
	if err := e.repeat(ctx, r); err != nil {
		return err
	}
	version, err := e.members[0].version(ctx)
	if err != nil {
		return err
	}
	r.Version = theseVersions(version, e.pids())
	return say(r)
}

// copies is how many hot copies each partition can have.
func (c *clusterScenario) copies() int { return min(c.standbys, c.servers-1) }

func (c *clusterScenario) prepare() (e *ensemble, clean func(), err error) {
	binary, err := thisProgram(c.own.binary)
	if err != nil {
		return nil, nil, err
	}
	dir, err := c.own.folder()
	if err != nil {
		return nil, nil, err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(c.brokers, ",")...))
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, nil, err
	}
	e = &ensemble{clusterScenario: c, id: "bench-" + string(lh.NewRunID())[:12], groups: kadm.NewClient(client)}
	clean = func() {
		for _, c := range e.clients {
			_ = c.Close()
		}
		for _, p := range e.members {
			p.kill()
		}
		client.Close()
		_ = os.RemoveAll(dir) // what stays behind is below the folder that was named for it
	}
	for n := range c.servers {
		p, err := prepare(binary, filepath.Join(dir, fmt.Sprint(n)), overKafka(e.id, c.brokers, c.partitions,
			fmt.Sprintf("LHS_INSTANCE_ID=%d", n), "LHS_INTERNAL_ADVERTISED_HOST=127.0.0.1",
			fmt.Sprintf("LHS_STREAMS_SESSION_TIMEOUT=%d", c.session.Milliseconds()),
			fmt.Sprintf("LHS_STREAMS_NUM_STANDBY_REPLICAS=%d", c.standbys))...)
		if err != nil {
			clean()
			return nil, nil, err
		}
		e.members = append(e.members, p)
	}
	return e, clean, nil
}

// begin starts all servers at a time.
func (e *ensemble) begin(ctx context.Context, r *clusterResult) error {
	began := time.Now()
	for _, p := range e.members {
		if err := p.exec(); err != nil {
			return err
		}
	}
	for _, p := range e.members {
		client, err := p.dial(ctx)
		if err != nil {
			return err
		}
		e.clients = append(e.clients, client)
	}
	if err := e.settled(ctx); err != nil {
		return err
	}
	r.StartSeconds = round(time.Since(began).Seconds(), 2)
	return nil
}

func (e *ensemble) restIdle(ctx context.Context, r *clusterResult) error {
	if err := wait(ctx, e.idle, nil); err != nil { // what the start left to do is over
		return err
	}
	before, err := readUsage(e.pids())
	if err != nil {
		return err
	}
	if err := wait(ctx, e.idle, nil); err != nil {
		return err
	}
	after, err := readUsage(e.pids())
	if err != nil {
		return err
	}
	r.IdleMiB, r.IdleCPU = after.residentB>>20, round((after.server-before.server).Seconds()/e.idle.Seconds(), 4)
	return nil
}

func (e *ensemble) pids() (out []int) {
	for _, p := range e.members {
		out = append(out, p.cmd.Process.Pid)
	}
	return out
}

// define starts the WfRuns that are asked for: so many that hardly a partition has none.
func (e *ensemble) define(ctx context.Context) error {
	client := e.clients[0]
	e.spec = "cluster-" + string(lh.NewRunID())[:12]
	if err := client.Register(ctx, wf.New(e.spec, func(*wf.Thread) {})); err != nil {
		return err
	}
	count := min(8*e.partitions, max(96, 2*e.partitions))
	for n := range count {
		e.runs = append(e.runs, numbered(e.spec, int64(n)))
	}
	return each(ctx, count, 32, func(ctx context.Context, n int64) error {
		return insist(ctx, client.RPC(), &lhpb.RunWfRequest{WfSpecName: e.spec, Id: &e.runs[n-1]})
	})
}

// broadcasts is how often it is measured how long definitions take to be known.
const broadcasts = 30

// broadcast puts definitions at one server after the other.
func (e *ensemble) broadcast(ctx context.Context, r *clusterResult) error {
	if e.servers == 1 {
		return nil
	}
	var took []float64
	for n := range broadcasts {
		name, at := numbered(e.spec, int64(n)), n%e.servers
		if _, err := e.clients[at].RPC().PutTaskDef(ctx, &lhpb.PutTaskDefRequest{Name: name}); err != nil {
			return err
		}
		put := time.Now()
		waiting, ctx := errgroup.WithContext(ctx)
		for i, client := range e.clients {
			if i == at {
				continue
			}
			waiting.Go(func() error {
				for {
					_, err := client.RPC().GetTaskDef(ctx, &lhpb.TaskDefId{Name: name})
					if err == nil {
						return nil
					}
					if status.Code(err) != codes.NotFound {
						return err
					}
				}
			})
		}
		if err := waiting.Wait(); err != nil {
			return err
		}
		took = append(took, float64(time.Since(put).Microseconds())/1000)
	}
	is := spreadOf(took)
	r.Broadcast = &is
	return nil
}

// repeat stops, kills and starts one server after the other.
func (e *ensemble) repeat(ctx context.Context, r *clusterResult) error {
	var moves, takeovers, restarts measured
	calls := &callers{ensemble: e, took: newHistogram(), errors: map[string]int64{}}
	for n := range e.rounds {
		victim := n % e.servers
		if e.servers > 1 {
			if err := calls.move(ctx, victim, &moves); err != nil {
				return err
			}
			if err := e.takeover(ctx, victim, &takeovers); err != nil {
				return err
			}
		}
		if err := e.restart(ctx, victim, &restarts); err != nil {
			return err
		}
	}
	r.Restart = restarts.spread("restart")
	if e.servers == 1 {
		return nil
	}
	r.Move = &moveResult{
		Calm: moves.spread("calm"), Leaving: moves.spread("leaving"), Coming: moves.spread("coming"), Stop: moves.spread("stop"),
		Start: moves.spread("start"), Calls: calls.took.latency(), Errors: calls.errors,
	}
	r.Takeover = &takeoverResult{
		Detected: takeovers.spread("detected"), Answered: takeovers.spread("answered"), Since: takeovers.spread("since"), WfRuns: len(e.runs),
	}
	return nil
}

// measured are values by what they are of.
type measured map[string][]float64

func (m *measured) add(what string, value float64) {
	if *m == nil {
		*m = measured{}
	}
	(*m)[what] = append((*m)[what], value)
}

func (m measured) spread(what string) spread { return spreadOf(m[what]) }

// takeover kills a server and waits until the others answer for all partitions.
func (e *ensemble) takeover(ctx context.Context, victim int, into *measured) error {
	other := e.clients[(victim+1)%e.servers]
	if err := e.counted(ctx, func(state string, members int) bool { return state == "Stable" && members == e.servers }); err != nil {
		return err
	}
	e.members[victim].kill()
	killed := time.Now()
	var detected time.Duration
	waiting, ctx2 := errgroup.WithContext(ctx)
	waiting.Go(func() error {
		err := e.counted(ctx2, func(_ string, members int) bool { return members < e.servers })
		detected = time.Since(killed)
		return err
	})
	waiting.Go(func() error { return e.answered(ctx2, other) })
	if err := waiting.Wait(); err != nil {
		return err
	}
	answered := time.Since(killed)
	into.add("detected", detected.Seconds())
	into.add("answered", answered.Seconds())
	into.add("since", (answered - detected).Seconds())
	if err := e.members[victim].exec(); err != nil {
		return err
	}
	return e.settled(ctx)
}

// counted waits until what the brokers say of the group is so.
func (e *ensemble) counted(ctx context.Context, is func(state string, members int) bool) error {
	name := e.id + "-core"
	for {
		described, err := e.groups.DescribeGroups(ctx, name)
		if g := described[name]; err == nil && g.Err == nil && is(g.State, len(g.Members)) {
			return nil
		}
		if err := wait(ctx, 5*time.Millisecond, nil); err != nil {
			return err
		}
	}
}

// answered waits until each WfRun is answered by a server, whoever it asks.
func (e *ensemble) answered(ctx context.Context, by *lh.Client) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	return each(ctx, len(e.runs), len(e.runs), func(ctx context.Context, n int64) error {
		for {
			_, err := by.RPC().GetWfRun(ctx, &lhpb.WfRunId{Id: e.runs[n-1]})
			if err == nil {
				return nil
			}
			if waited := wait(ctx, time.Millisecond, nil); waited != nil {
				return errors.Join(waited, err)
			}
		}
	})
}

// restart kills a server and starts it over its disk.
func (e *ensemble) restart(ctx context.Context, victim int, into *measured) error {
	p := e.members[victim]
	p.kill()
	if err := p.exec(); err != nil {
		return err
	}
	if err := p.insist(ctx, p.serves); err != nil {
		return err
	}
	into.add("restart", time.Since(p.began).Seconds())
	if err := e.settled(ctx); err != nil {
		return err
	}
	return e.answered(ctx, e.clients[victim])
}

// serves tells whether the server says that it serves what it was given.
func (p *process) serves(ctx context.Context) error {
	_, err := get(ctx, "http://"+p.health+"/readiness")
	return err
}

// settled waits until each partition has its owner and its copies, and each server about its share.
func (e *ensemble) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for _, p := range e.members {
		if err := p.insist(ctx, p.serves); err != nil {
			return err
		}
	}
	for {
		err := e.spread(ctx)
		if err == nil {
			return nil
		}
		if waited := wait(ctx, 5*time.Millisecond, nil); waited != nil {
			return fmt.Errorf("the partitions do not settle: %w", err)
		}
	}
}

// spread says what is not yet so.
func (e *ensemble) spread(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx) // each answers at once
	owned, copies, least := 0, 0, e.partitions
	for _, p := range e.members {
		text, err := get(ctx, "http://"+p.health+"/status")
		if err != nil {
			return err
		}
		var is struct{ CoreActiveTasks, CoreStandbyTasks []struct{ Partition int } }
		if err := json.Unmarshal([]byte(text), &is); err != nil {
			return err
		}
		owned, copies, least = owned+len(is.CoreActiveTasks), copies+len(is.CoreStandbyTasks), min(least, len(is.CoreActiveTasks))
	}
	if owned != e.partitions || copies != e.partitions*e.copies() || least < e.partitions/e.servers-1 {
		return fmt.Errorf("of %d partitions %d have an owner, one server has %d of them, and there are %d copies", e.partitions, owned, least, copies)
	}
	return nil
}

// callers start WfRuns at a fixed rate, at the servers that stay.
type callers struct {
	*ensemble
	took *histogram

	mu      sync.Mutex
	slowest time.Duration
	errors  map[string]int64
}

// move stops a server and starts it again, while the others are called.
func (c *callers) move(ctx context.Context, victim int, into *measured) error {
	calling, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { c.call(calling, victim) })
	defer running.Wait()
	defer stop()
	if err := wait(ctx, time.Second, nil); err != nil {
		return err
	}
	into.add("calm", c.since())
	p, began := c.members[victim], time.Now()
	if err := p.stop(ctx); err != nil {
		return err
	}
	into.add("stop", time.Since(began).Seconds())
	into.add("leaving", c.since())
	if err := p.exec(); err != nil {
		return err
	}
	if err := c.settled(ctx); err != nil {
		return err
	}
	into.add("start", time.Since(p.began).Seconds())
	into.add("coming", c.since())
	return nil
}

// since is the slowest call that has ended since it was asked last, in ms.
func (c *callers) since() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	slowest := c.slowest
	c.slowest = 0
	return float64(slowest.Microseconds()) / 1000
}

// call begins calls until the context ends, and returns when they have ended.
func (c *callers) call(ctx context.Context, shun int) {
	var running sync.WaitGroup
	defer running.Wait()
	pace := time.NewTicker(time.Duration(float64(time.Second) / c.rate))
	defer pace.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
		at := n % len(c.clients)
		if at == shun {
			at = (at + 1) % len(c.clients)
		}
		running.Go(func() { c.one(context.WithoutCancel(ctx), n, c.clients[at]) })
	}
}

func (c *callers) one(ctx context.Context, n int, at *lh.Client) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	began := time.Now()
	_, err := at.RPC().RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: c.spec})
	took := time.Since(began)
	c.took.record(n, took)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slowest = max(c.slowest, took)
	if err != nil {
		c.errors[err.Error()]++
	}
}
