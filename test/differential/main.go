package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
)

func main() {
	original := flag.String("original", "", "address of a running original: its histories are recorded")
	ours := flag.String("ours", "", "address of our server: the histories are replayed on it")
	binary := flag.String("binary", "", "our server's binary, to be started for this")
	plants := flag.String("planted", "", "file of bugs, each to be found by the histories of -file")
	only := flag.String("only", "", "plant the bugs whose chapter has this text in it")
	keep := flag.String("keep", "", "transcript to write with the histories that ours came through")
	file := flag.String("file", "", "transcript to write, or without -original those to read, with commas between them")
	seeds := flag.String("seeds", "", "first and last seed; 1-200, or all of the transcript")
	step := flag.Uint64("step", 1, "use one seed in so many")
	aim := flag.String("aim", "", `record only seeds that aim at this cell of the coverage, such as "EXIT EXCEPTION rescued"`)
	slots := flag.Int("slots", 16, "histories at a time")
	patience := flag.Duration("patience", 5*time.Second, "how long ours may take to come to the original's state")
	target := flag.Int("target", 0, "fail when a cell of the coverage is hit less often")
	show := flag.Bool("print", false, "print the states of histories that differ")
	salt := flag.String("salt", fmt.Sprintf("%06x", time.Now().Unix()&0xffffff), "six characters in all names, to keep uses of this program apart")
	flag.Parse()

	var first, last uint64
	if *seeds == "" && *original != "" {
		*seeds = "1-200"
	} else if *seeds == "" {
		*seeds = fmt.Sprintf("0-%d", uint64(1)<<62)
	}
	if _, err := fmt.Sscanf(*seeds, "%d-%d", &first, &last); err != nil || *original == "" && *file == "" || len(*salt) != 6 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if *plants != "" {
		found, err := planted(ctx, os.Stdout, *plants, *only, *file, *slots)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		if !found {
			os.Exit(1)
		}
		return
	}
	c := &comparison{salt: *salt, slots: *slots, patience: *patience, print: *show, step: *step, aim: *aim}
	ok, err := c.main(ctx, *original, *ours, *binary, *file, *keep, first, last, *target)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if !ok {
		os.Exit(1)
	}
}

// main runs the comparison, on a server of its own if a binary is given, and reports.
func (c *comparison) main(ctx context.Context, original, ours, binary, file, keep string, first, last uint64, target int) (bool, error) {
	if binary != "" {
		p, err := start(ctx, binary)
		if err != nil {
			return false, err
		}
		defer p.stop()
		ours = p.address
	}
	if err := c.run(ctx, original, ours, file, first, last); err != nil {
		return false, err
	}
	if keep != "" {
		if err := c.kept().save(keep); err != nil {
			return false, err
		}
	}
	return c.report(os.Stdout, target), nil
}

// kept are the histories without those that differed.
func (c *comparison) kept() *transcript {
	t := &transcript{Definitions: c.transcript.Definitions}
	for _, h := range c.transcript.Histories {
		if !c.differed[h.Seed] && len(h.Steps) > 1 {
			t.Histories = append(t.Histories, h)
		}
	}
	return t
}

// comparison is one use of the program.
type comparison struct {
	salt     string
	step     uint64
	aim      string
	slots    int
	patience time.Duration
	print    bool
	silent   bool // differences are not printed
	differs  func(context.Context, *history) error

	mu         sync.Mutex
	transcript transcript
	verdicts   map[string]int
	free       map[string]int
	steps      int
	differed   map[uint64]bool
	failed     bool
}

func (c *comparison) run(ctx context.Context, original, ours, file string, first, last uint64) error {
	c.verdicts, c.free, c.differed = map[string]int{}, map[string]int{}, map[uint64]bool{}
	if original != "" {
		var all []uint64
		for seed := first; seed <= last; seed += max(c.step, 1) {
			if c.aim == "" || aimsAt(seed, c.aim) {
				all = append(all, seed)
			}
		}
		if err := c.record(ctx, original, all); err != nil {
			return err
		}
		slices.SortFunc(c.transcript.Histories, func(a, b *history) int { return int(a.Seed) - int(b.Seed) })
		if file != "" {
			if err := c.transcript.save(file); err != nil {
				return err
			}
		}
	} else {
		for name := range strings.SplitSeq(file, ",") {
			t, err := load(name)
			if err != nil {
				return err
			}
			c.transcript.Definitions = t.Definitions
			for _, h := range t.Histories {
				if h.Seed >= first && h.Seed <= last {
					c.transcript.Histories = append(c.transcript.Histories, h)
				}
			}
		}
	}
	if ours == "" {
		return nil
	}
	return c.replay(ctx, ours)
}

func (c *comparison) prefix(slot int) string { return fmt.Sprintf("df%s%02d", c.salt, slot) }

// record plays the histories of the seeds on the original.
func (c *comparison) record(ctx context.Context, address string, seeds []uint64) error {
	return inSlots(ctx, c.slots, seeds, func(ctx context.Context, slot int, next func() (uint64, bool)) error {
		s, err := dial(address)
		if err != nil {
			return err
		}
		defer s.conn.Close()
		n := names{prefix: c.prefix(slot)}
		r := newRecorder(s, n, 0)
		for _, d := range n.definitions() {
			if _, err := r.do(ctx, d.method, d.request, isCode(codes.InvalidArgument)); err != nil {
				return fmt.Errorf("%s: %w", d.method, err)
			}
		}
		c.mu.Lock()
		c.transcript.Definitions = r.history.Steps
		c.mu.Unlock()
		for seed, ok := next(); ok; seed, ok = next() {
			h, err := newRecorder(s, n, seed).record(ctx)
			if err != nil {
				return fmt.Errorf("seed %d: %w", seed, err)
			}
			c.mu.Lock()
			c.transcript.Histories = append(c.transcript.Histories, h)
			c.mu.Unlock()
		}
		return nil
	})
}

// replay plays the recorded histories on ours. What differs among many at a time may have come too late for a
// timer: it is played once more, by itself if few do so, unless each difference is of interest as it comes.
func (c *comparison) replay(ctx context.Context, address string) error {
	var again []*history
	var played atomic.Int32
	err := c.replayEach(ctx, address, c.transcript.Histories, 0, c.slots, c.patience, func(h *history, v *verdict) error {
		if n := played.Add(1); !c.silent && n%250 == 0 {
			fmt.Fprintf(os.Stderr, "%d of %d histories are replayed\n", n, len(c.transcript.Histories))
		}
		if v.kind == differs && c.differs == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			again = append(again, h)
			return nil
		}
		c.add(h, v)
		if v.kind == differs {
			return c.differs(ctx, h)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.replayEach(ctx, address, again, c.slots, 1+len(again)/16, secondPatience*c.patience, func(h *history, v *verdict) error {
		c.add(h, v)
		return nil
	})
}

// secondPatience is how many times as long ours may take the second time, on a machine that is slow.
const secondPatience = 6

// replayEach plays histories in slots from the first on, and gives the verdict of each.
func (c *comparison) replayEach(
	ctx context.Context, address string, histories []*history, first, slots int, patience time.Duration, done func(*history, *verdict) error,
) error {
	return inSlots(ctx, slots, histories, func(ctx context.Context, slot int, next func() (*history, bool)) error {
		s, err := dial(address)
		if err != nil {
			return err
		}
		defer s.conn.Close()
		n := names{prefix: c.prefix(first + slot)}
		free := map[string]int{}
		definitions := newReplayer(s, n, &history{}, patience, free)
		for _, d := range c.transcript.Definitions {
			if v := definitions.step(ctx, d); v != nil {
				return fmt.Errorf("%s: %s", d, strings.Join(v.details, "; "))
			}
		}
		for h, ok := next(); ok; h, ok = next() {
			v := newReplayer(s, n, h, patience, free).replay(ctx, h)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := done(h, v); err != nil {
				return err
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for k, n := range free {
			c.free[k] += n
		}
		return nil
	})
}

// inSlots shares work among workers and ends all with the first error.
func inSlots[T any](ctx context.Context, slots int, work []T, do func(ctx context.Context, slot int, next func() (T, bool)) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan T, len(work))
	for _, w := range work {
		queue <- w
	}
	close(queue)
	var wg sync.WaitGroup
	for i := range min(slots, len(work)) {
		wg.Go(func() {
			err := do(ctx, i, func() (T, bool) {
				if ctx.Err() != nil {
					var none T
					return none, false
				}
				w, ok := <-queue
				return w, ok
			})
			if err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (c *comparison) add(h *history, v *verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.verdicts[v.kind]++
	c.steps += v.step
	if v.kind == equal {
		return
	}
	if v.kind != differs {
		h.Steps, h.End = h.Steps[:v.step], v.kind
		return
	}
	c.failed, c.differed[h.Seed] = true, true
	if c.silent {
		return
	}
	fmt.Printf("seed %d (%s) step %d of %d: differs\n", h.Seed, h.Kind, v.step+1, v.steps)
	for _, d := range v.details[:min(len(v.details), 14)] {
		fmt.Printf("    %.600s\n", d)
	}
	for _, s := range h.Steps[:v.step+1] {
		fmt.Printf("  %.400s\n", s)
	}
	if c.print {
		fmt.Printf("  before\n%s  original\n%s  ours\n%s", v.before, v.after[0], v.after[1])
		for _, s := range h.Steps {
			if s.Call == "PutWfSpec" {
				fmt.Printf("%s\n", s.Request)
			}
		}
	}
}
