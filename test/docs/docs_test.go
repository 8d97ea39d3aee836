// Package docs_test holds the documents to what they say: see package page.
package docs_test

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

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

func TestGoCompiles(t *testing.T) { page.Compile(t, pages(t)) }

// Commands of all pages run against one server, each page in a folder of its own. The pages for the other languages are
// executed by test/languages.
func TestCommandsWork(t *testing.T) {
	server := page.Server(t)
	for name, blocks := range pages(t) {
		if !executed(blocks) || inOtherLanguage(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page.Execute(t, blocks, server)
		})
	}
}

func executed(blocks []page.Block) bool {
	for _, b := range blocks {
		if b.Language == "sh" && !b.Is("server") && !b.Is("parsed") {
			return true
		}
	}
	return false
}

func inOtherLanguage(name string) bool {
	return strings.HasPrefix(name, "docs/start/") && name != "docs/start/go.md"
}
