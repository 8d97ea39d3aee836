package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"littlehorse/lhpb"
)

func main() {
	original := flag.String("original", "", "address of the original server")
	ours := flag.String("ours", "", "address of our server")
	seeds := flag.String("seeds", "1-100", "first and last seed")
	slots := flag.Int("slots", 4, "runs at a time")
	runs := flag.Int("runs", 2, "runs of each seed's WfSpec, each with a script of its own")
	patience := flag.Duration("patience", 4*time.Second, "how long two servers may disagree")
	show := flag.Bool("print", false, "print the WfSpecs of runs that differ")
	salt := flag.String("salt", fmt.Sprintf("d%x", time.Now().Unix()), "prefix of all names, to keep runs of this program apart")
	flag.Parse()

	var first, last uint64
	if _, err := fmt.Sscanf(*seeds, "%d-%d", &first, &last); err != nil || *original == "" || *ours == "" {
		flag.Usage()
		os.Exit(2)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()

	t := &tally{print: *show, kinds: map[string]int{}}
	queue := make(chan uint64)
	var slotsDone sync.WaitGroup
	for i := range *slots {
		slotsDone.Go(func() {
			s := slot{name: fmt.Sprintf("%s-%d", *salt, i), patience: *patience, runs: *runs}
			if err := s.work(ctx, *original, *ours, queue, t); err != nil {
				fmt.Fprintln(os.Stderr, err)
				cancel()
			}
		})
	}
	for seed := first; seed <= last && ctx.Err() == nil; seed++ {
		select {
		case queue <- seed:
		case <-ctx.Done():
		}
	}
	close(queue)
	slotsDone.Wait()
	t.summary()
	if t.kinds[differs] > 0 || t.kinds[crashed] > 0 {
		os.Exit(1)
	}
}

// slot compares one run after another.
type slot struct {
	name     string
	patience time.Duration
	runs     int
}

func (s slot) work(ctx context.Context, original, ours string, queue <-chan uint64, t *tally) error {
	p := player{patience: s.patience}
	for server, address := range map[**server]string{&p.original: original, &p.ours: ours} {
		c, err := dial(address)
		if err != nil {
			return err
		}
		defer c.conn.Close()
		if err := c.define(ctx, names{slot: s.name}); err != nil {
			return fmt.Errorf("define on %s: %w", address, err)
		}
		*server = c
	}
	for seed := range queue {
		for script := range s.runs {
			p := p
			p.names = names{slot: s.name, seed: seed}
			p.rng = rand.New(rand.NewPCG(seed, uint64(script)+100))
			p.id = &lhpb.WfRunId{Id: fmt.Sprintf("%s-%d-%d", s.name, seed, script)}
			p.claimed = map[string]bool{}
			v := p.play(ctx)
			if ctx.Err() != nil {
				return nil
			}
			t.add(p.names, script, v)
			if v.kind == refused {
				break
			}
		}
	}
	return nil
}

// tally counts verdicts and prints those that somebody has to look at.
type tally struct {
	mu       sync.Mutex
	print    bool
	kinds    map[string]int
	commands int
}

func (t *tally) add(n names, script int, v *verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kinds[v.kind]++
	t.commands += len(v.commands)
	if v.kind == equal || v.kind == hangs || v.kind == dropped || v.kind == decided {
		return
	}
	fmt.Printf("seed %d script %d: %s\n", n.seed, script, v.kind)
	for _, d := range v.details[:min(len(v.details), 14)] {
		fmt.Printf("    %.600s\n", d)
	}
	fmt.Printf("  after: %s\n", strings.Join(v.commands, "; "))
	if !t.print {
		return
	}
	fmt.Printf("  before\n%s  original\n%s  ours\n%s", v.before, v.after[0], v.after[1])
	for _, spec := range specs(n) {
		fmt.Println(protojson.Format(spec))
	}
}

func (t *tally) summary() {
	total := 0
	for _, k := range sortedKeys(t.kinds) {
		total += t.kinds[k]
		fmt.Printf("%6d  %s\n", t.kinds[k], k)
	}
	fmt.Printf("%6d  runs, %d commands\n", total, t.commands)
}
