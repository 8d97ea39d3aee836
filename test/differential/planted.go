package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// plant is a bug to be put into a copy of one of the engine's files.
type plant struct {
	chapter, file, old, new string
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
		}
	}
	return out, nil
}

// build compiles our server with the bug in it, beside the sources and without touching them.
func (p plant) build(ctx context.Context, dir string) (string, error) {
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
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		return "", err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "lh")
	cmd := exec.CommandContext(ctx, "go", "build", "-overlay", list, "-o", binary, "./cmd/lh")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", p.chapter, err, said)
	}
	return binary, nil
}

// planted builds our server with each bug in turn and replays histories until one shows it.
func planted(ctx context.Context, w io.Writer, bugs, file string, slots int) (bool, error) {
	plants, err := readPlants(bugs)
	if err != nil {
		return false, err
	}
	all := true
	for _, p := range plants {
		c := &comparison{salt: "plants", slots: slots, patience: 2 * time.Second, quick: true}
		if err := c.hunt(ctx, p, file); err != nil {
			return false, err
		}
		verdict := "found"
		if !c.failed {
			verdict, all = "missed", false
		}
		fmt.Fprintf(w, "%s\t%s\tafter %d histories\n", verdict, p.chapter, c.verdicts[equal])
	}
	return all, nil
}

func (c *comparison) hunt(ctx context.Context, p plant, file string) error {
	dir, err := os.MkdirTemp("", "lh-planted-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary, err := p.build(ctx, dir)
	if err != nil {
		return err
	}
	s, err := start(ctx, binary)
	if err != nil {
		return err
	}
	defer s.stop()
	err = c.run(ctx, "", s.address, file, 0, 1<<62)
	if c.failed {
		return nil
	}
	return err
}
