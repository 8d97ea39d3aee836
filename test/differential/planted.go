package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// plant is a bug to be put into a copy of one of the engine's files.
type plant struct {
	chapter, file, old, new string
	// seed is of a history that has found the bug, and is tried before all others; 0 if none is known.
	seed uint64
	// test finds what no history can: its package and name.
	test string
}

// readPlants reads the bugs of a file: see its head.
func readPlants(path string) ([]plant, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []plant
	var p plant
	var into *string
	for line := range strings.SplitAfterSeq(string(text), "\n") {
		word := strings.TrimSuffix(line, "\n")
		switch {
		case word == "old":
			into = &p.old
		case word == "new":
			into = &p.new
		case word == "end":
			out = append(out, p)
			p, into = plant{}, nil
		case into != nil:
			*into += line
		case strings.HasPrefix(word, "chapter: "):
			p.chapter = strings.TrimPrefix(word, "chapter: ")
		case strings.HasPrefix(word, "file: "):
			p.file = strings.TrimPrefix(word, "file: ")
		case strings.HasPrefix(word, "seed: "):
			if p.seed, err = strconv.ParseUint(strings.TrimPrefix(word, "seed: "), 10, 64); err != nil {
				return nil, fmt.Errorf("%s: %w", p.chapter, err)
			}
		case strings.HasPrefix(word, "test: "):
			p.test = strings.TrimPrefix(word, "test: ")
		}
	}
	return out, nil
}

// build compiles our server with the bug in it, beside the sources and without touching them.
func (p plant) build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "lh")
	if p.file == "" {
		return binary, compile(ctx, p.chapter, "-o", binary, "./cmd/lh")
	}
	list, err := p.overlay(dir)
	if err != nil {
		return "", err
	}
	return binary, compile(ctx, p.chapter, "-overlay", list, "-o", binary, "./cmd/lh")
}

// overlay writes the file with the bug into dir, and the list that tells the compiler to take it for the original.
func (p plant) overlay(dir string) (list string, err error) {
	source, err := os.ReadFile(p.file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(source), p.old); n != 1 {
		return "", fmt.Errorf("%s: the text of %q is in it %d times", p.file, p.chapter, n)
	}
	changed := filepath.Join(dir, "changed.go")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(source), p.old, p.new, 1)), 0o600); err != nil {
		return "", err
	}
	original, err := filepath.Abs(p.file)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		return "", err
	}
	list = filepath.Join(dir, "overlay.json")
	return list, os.WriteFile(list, text, 0o600)
}

// caught reports whether the test of the bug fails with it, and only then.
func (p plant) caught(ctx context.Context) (bool, error) {
	dir, err := os.MkdirTemp("", "lh-planted-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	list, err := p.overlay(dir)
	if err != nil {
		return false, err
	}
	folder, name, _ := strings.Cut(p.test, " ")
	binary, sound := filepath.Join(dir, "with"), filepath.Join(dir, "without")
	for _, args := range [][]string{{"-overlay", list, "-o", binary}, {"-o", sound}} {
		cmd := exec.CommandContext(ctx, "go", append(append([]string{"test", "-c"}, args...), folder)...)
		if said, err := cmd.CombinedOutput(); err != nil {
			return false, fmt.Errorf("%s: %w\n%s", p.chapter, err, said)
		}
	}
	passes := func(binary string) bool {
		cmd := exec.CommandContext(ctx, binary, "-test.run", name, "-test.v")
		cmd.Dir = folder
		said, err := cmd.Output()
		return err == nil && strings.Contains(string(said), "--- PASS")
	}
	return passes(sound) && !passes(binary), nil
}

func compile(ctx context.Context, chapter string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-trimpath", "-ldflags", "-s -w"}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", chapter, err, said)
	}
	return nil
}

// planted builds our server with each bug in turn and replays histories until one shows it, or runs the test that is
// to. What differs among many histories at a time may have come too late for a timer: it counts when it differs again
// by itself, and does not on a server without the bug. Of the bugs those are planted whose chapter has the text in it.
func planted(ctx context.Context, w io.Writer, bugs, only, file string, slots int) (bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	plants, err := readPlants(bugs)
	if err != nil {
		return false, err
	}
	plants = slices.DeleteFunc(plants, func(p plant) bool { return !strings.Contains(p.chapter, only) })
	t, err := load(file)
	if err != nil {
		return false, err
	}
	sound, stop, err := serve(ctx, plant{chapter: "no bug"})
	if err != nil {
		return false, err
	}
	defer stop()
	all := true
	for b := range ahead(ctx, plants) {
		found, how, err := b.look(ctx, sound, t, slots)
		if err != nil {
			all = false
			fmt.Fprintf(w, "failed\t%s\t%v\n", b.plant.chapter, err)
			continue
		}
		all = all && found
		fmt.Fprintf(w, "%s\t%s\tby %s\n", map[bool]string{true: "found", false: "missed"}[found], b.plant.chapter, how)
	}
	return all, ctx.Err()
}

// planting is a bug, and our server with it.
type planting struct {
	plant   plant
	address string
	stop    func()
	err     error
}

// ahead plants the bugs one after the other, the next while one is looked for: looking waits more than it works.
func ahead(ctx context.Context, plants []plant) iter.Seq[planting] {
	return func(yield func(planting) bool) {
		ctx, cancel := context.WithCancel(ctx)
		out := make(chan planting)
		go func() {
			defer close(out)
			for _, p := range plants {
				b := planting{plant: p, stop: func() {}}
				if p.test == "" {
					b.serve(ctx)
				}
				select {
				case out <- b:
				case <-ctx.Done():
					b.stop()
					return
				}
			}
		}()
		defer func() {
			cancel()
			for b := range out {
				b.stop()
			}
		}()
		for b := range out {
			if !yield(b) {
				return
			}
		}
	}
}

func (b *planting) serve(ctx context.Context) {
	address, stop, err := serve(ctx, b.plant)
	if err != nil {
		b.err = err
		return
	}
	b.address, b.stop = address, stop
}

// look says whether the bug is found, and by what.
func (b planting) look(ctx context.Context, sound string, t *transcript, slots int) (bool, string, error) {
	if b.err != nil {
		return false, "", b.err
	}
	defer b.stop()
	if b.plant.test != "" {
		caught, err := b.plant.caught(ctx)
		return caught, b.plant.test, err
	}
	found, tried, err := b.hunt(ctx, sound, t, slots)
	if err != nil || found == nil {
		return false, fmt.Sprintf("%d histories", tried), err
	}
	return true, fmt.Sprintf("seed %d, after %d histories", found.Seed, tried), nil
}

// serve builds and starts a server with the bug in it.
func serve(ctx context.Context, p plant) (address string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "lh-planted-")
	if err != nil {
		return "", nil, err
	}
	binary, err := p.build(ctx, dir)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	s, err := start(ctx, binary)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s.address, func() {
		s.stop()
		_ = os.RemoveAll(dir)
	}, nil
}

// hunt gives the history that shows the bug, or nil, and how many came before it.
func (b planting) hunt(ctx context.Context, sound string, t *transcript, slots int) (*history, int, error) {
	if i := slices.IndexFunc(t.Histories, func(h *history) bool { return h.Seed == b.plant.seed }); i >= 0 {
		shows, err := b.shows(ctx, t.Definitions, t.Histories[i], sound)
		if err != nil || shows {
			return t.Histories[i], 0, err
		}
	}
	c := silent(t.Definitions, t.Histories, slots, aGlance)
	var found atomic.Pointer[history]
	c.differs = func(ctx context.Context, h *history) error {
		shows, err := b.shows(ctx, t.Definitions, h, sound)
		if err == nil && shows {
			found.Store(h)
			return errFound
		}
		return err
	}
	err := c.replay(ctx, b.address)
	h := found.Load()
	if h != nil {
		err = nil
	}
	return h, c.verdicts[equal], err
}

var errFound = errors.New("the bug was found")

// How long a server is waited for: among many histories, where what differs is looked at again, and when it decides.
const (
	aGlance = 2 * time.Second
	aLook   = 6 * time.Second
	aStare  = 30 * time.Second
)

// shows tells whether a history by itself differs on the server with the bug, and only there.
func (b planting) shows(ctx context.Context, definitions []step, h *history, sound string) (bool, error) {
	with, err := replayed(ctx, definitions, h, b.address, aLook)
	if err != nil || !with {
		return false, err
	}
	without, err := replayed(ctx, definitions, h, sound, aStare)
	return !without, err
}

// replayed tells whether the history differs on a server.
func replayed(ctx context.Context, definitions []step, h *history, address string, patience time.Duration) (bool, error) {
	c := silent(definitions, []*history{h}, 1, patience)
	err := c.replay(ctx, address)
	return c.differed[h.Seed], err
}

// silent compares copies of histories, under names of their own.
func silent(definitions []step, histories []*history, slots int, patience time.Duration) *comparison {
	c := &comparison{salt: fmt.Sprintf("p%05d", salts.Add(1)), slots: slots, patience: patience, silent: true}
	c.verdicts, c.free, c.differed = map[string]int{}, map[string]int{}, map[uint64]bool{}
	c.transcript = transcript{Definitions: definitions}
	for _, h := range histories {
		again := *h // a decision shortens the history that it ends
		c.transcript.Histories = append(c.transcript.Histories, &again)
	}
	return c
}

// salts counts the names that have been used.
var salts atomic.Int32
