package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/status"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/wf"
)

var largePayloadKind = kind{
	name: "large-payload", short: "An ordinary load beside large payloads",
	long: "Put on an ordinary load of WfRuns of sequential tasks at a fixed rate, first alone, and then while --count WfRuns\n" +
		"are started within one second, each with a variable of --bytes bytes. Prints one line of JSON with both and how\n" +
		"the latencies differ. Give the server one partition, so that all share it.",
	make: func() scenario { return &largePayload{} },
}

// largePayload is the ordinary load alone and beside a second of large payloads.
type largePayload struct {
	settings
	count, bytes int
}

func (l *largePayload) flags(cmd *cobra.Command) {
	loadFlags(cmd, &l.settings)
	f := cmd.Flags()
	f.Float64Var(&l.Rate, "rate", 100, "WfRuns of the ordinary load to start a second")
	f.IntVar(&l.count, "count", 100, "payloads to send within a second")
	f.IntVar(&l.bytes, "bytes", 1_000_000, "bytes of each")
}

func (l *largePayload) validate() error {
	if l.count < 1 || l.bytes < 0 || l.Rate <= 0 {
		return errors.New("--count and --rate must be positive, --bytes not negative")
	}
	return l.settings.validate()
}

// largePayloadResult is the line that is printed.
type largePayloadResult struct {
	Scenario string    `json:"scenario"`
	Label    string    `json:"label,omitempty"`
	At       time.Time `json:"at"`
	Payloads struct {
		Count   int              `json:"count"`
		Bytes   int              `json:"bytes"`
		Seconds float64          `json:"seconds"`
		Latency latency          `json:"latencyMs"`
		Errors  map[string]int64 `json:"errors"`
	} `json:"payloads"`
	// P99Ratio is the p99 beside the payloads over the p99 alone.
	P99Ratio ratios  `json:"p99Ratio"`
	Alone    *result `json:"alone"`
	Beside   *result `json:"beside"`
}

func (r *largePayloadResult) figures() figures {
	f := r.Beside.figures()
	f["payloadSeconds"], f["payloadP99Ms"] = r.Payloads.Seconds, r.Payloads.Latency.P99
	return f.with(r.P99Ratio)
}

func (l *largePayload) measure(ctx context.Context, say func(outcome) error) error {
	cfg, err := configured(&l.settings)
	if err != nil {
		return err
	}
	client, err := lh.Dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	p := newPayloads(client, l.count, l.bytes)
	if err := client.Register(ctx, p.spec()); err != nil {
		return err
	}
	r := &largePayloadResult{Scenario: "large-payload", Label: l.Label, At: now()}
	if r.Alone, err = run(ctx, l.settings, cfg); err != nil {
		return err
	}
	s := l.settings
	s.Duration, s.Runs = time.Second, 0 // or until the last payload is answered
	if r.Beside, err = beside(ctx, s, cfg, "payloads", func() error { return p.send(ctx) }); err != nil {
		return err
	}
	r.Payloads.Count, r.Payloads.Bytes, r.Payloads.Seconds = l.count, l.bytes, round(p.took.Seconds(), 3)
	r.Payloads.Latency, r.Payloads.Errors = p.latency.latency(), p.errors
	r.P99Ratio = *r.Beside.over(r.Alone)
	return say(r)
}

// payloads are WfRuns with a large variable.
type payloads struct {
	client  *lh.Client
	name    string
	count   int
	content *lhpb.VariableValue
	latency *histogram
	took    time.Duration

	mu     sync.Mutex
	errors map[string]int64
}

func newPayloads(client *lh.Client, count, bytes int) *payloads {
	return &payloads{
		client: client, name: "payload-" + string(lh.NewRunID())[:12], count: count, latency: newHistogram(), errors: map[string]int64{},
		content: &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: strings.Repeat("x", bytes)}},
	}
}

func (p *payloads) spec() *wf.Workflow {
	return wf.New(p.name, func(t *wf.Thread) { wf.Declare[string](t, "payload").Required() })
}

// send starts the WfRuns at even distances within a second, each when it is due.
func (p *payloads) send(ctx context.Context) error {
	began := time.Now()
	var sending sync.WaitGroup
	defer sending.Wait()
	for i := range p.count {
		due := began.Add(time.Second * time.Duration(i) / time.Duration(p.count))
		if err := waitUntil(ctx, due); err != nil {
			return err
		}
		sending.Go(func() { p.one(ctx, i, due) })
	}
	sending.Wait()
	p.took = time.Since(began)
	return ctx.Err()
}

func (p *payloads) one(ctx context.Context, i int, due time.Time) {
	id := fmt.Sprintf("%s-%d", p.name, i)
	_, err := p.client.RPC().RunWf(ctx, &lhpb.RunWfRequest{
		WfSpecName: p.name, Id: &id, Variables: map[string]*lhpb.VariableValue{"payload": p.content},
	})
	if err == nil {
		p.latency.record(i, time.Since(due))
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.errors[status.Code(err).String()]++
}
