// Package docs_test holds the documents to what they say: see package page.
package docs_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"littlehorse/lhpb"
	"littlehorse/test/page"
)

func pages(t *testing.T) map[string][]page.Block {
	t.Helper()
	all := map[string][]page.Block{"README.md": page.Read(t, "README.md")}
	err := filepath.WalkDir(filepath.Join(page.Root(), "docs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".md" {
			return err
		}
		name, err := filepath.Rel(page.Root(), path)
		if err == nil {
			all[filepath.ToSlash(name)] = page.Read(t, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestGoWorks(t *testing.T) { page.Go(t, pages(t)) }

// Commands of all pages run against one server, each page in a folder of its own; the example hello is there and its worker works.
// The pages for the other languages are executed by test/languages.
func TestCommandsWork(t *testing.T) {
	server := page.Server(t)
	hello(t, server)
	for name, blocks := range pages(t) {
		if !executed(blocks) || slices.Contains(page.OtherLanguages, strings.TrimSuffix(strings.TrimPrefix(name, "docs/start/"), ".md")) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page.Execute(t, blocks, server)
		})
	}
}

// hello runs the example until the test has ended, and returns when its workflow is registered.
func hello(t *testing.T, server *page.Site) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "hello")
	build := exec.Command("go", "build", "-o", program, "./examples/hello")
	build.Dir = page.Root()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	worker := exec.Command(program)
	worker.Env = append(os.Environ(), server.Environ()...)
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := worker.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		_ = worker.Wait()
	})
	conn := server.Dial(t)
	defer conn.Close()
	for {
		_, err := lhpb.NewLittleHorseClient(conn).GetLatestWfSpec(t.Context(), &lhpb.GetLatestWfSpecRequest{Name: "hello"})
		if err == nil {
			return
		}
		if status.Code(err) != codes.NotFound {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func executed(blocks []page.Block) bool {
	return slices.ContainsFunc(blocks, func(b page.Block) bool { return b.Language == "sh" && !b.Is("server") && !b.Elsewhere() })
}
