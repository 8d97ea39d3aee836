package page

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Check parses what of a page is neither executed nor compiled, and finds its excerpts. A block in a language that nobody
// checks is an error.
func Check(t testing.TB, blocks []Block) {
	t.Helper()
	for n, b := range blocks {
		if err := b.check(n, blocks); err != nil {
			t.Errorf("%s: %v", b.At, err)
		}
	}
}

func (b Block) check(n int, all []Block) error {
	if from := b.Values["from"]; from != "" {
		return b.standsIn(from)
	}
	switch b.Language {
	case "sh":
		return b.shell()
	case "text":
		if n == 0 || all[n-1].Language != "sh" {
			return fmt.Errorf("no commands stand before it")
		}
		return nil
	case "drawing":
		return nil
	case "go":
		return nil // Compile
	case "json":
		var v any
		return json.Unmarshal([]byte(b.Text), &v)
	case "yaml":
		var v any
		return yaml.Unmarshal([]byte(b.Text), &v)
	case "properties":
		for line := range strings.Lines(b.Text) {
			line = strings.TrimSpace(line)
			if line != "" && !strings.HasPrefix(line, "#") && !strings.Contains(line, "=") {
				return fmt.Errorf("%q sets nothing", line)
			}
		}
		return nil
	}
	return fmt.Errorf("nobody checks a block of %q", b.Language)
}

func (b Block) shell() error {
	out, err := exec.Command("bash", "-n", "-c", b.Text).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// leftOut is a line that stands for others: // … in most languages.
var leftOut = regexp.MustCompile(`\n(?://|#) …\n`)

// standsIn finds the excerpt in the file, whatever it is indented by.
func (b Block) standsIn(path string) error {
	text, err := os.ReadFile(filepath.Join(Root(), path))
	if err != nil {
		return err
	}
	rest := bare(string(text))
	for _, part := range leftOut.Split(bare(b.Text), -1) {
		_, behind, found := strings.Cut(rest, strings.Trim(part, "\n"))
		if !found {
			return fmt.Errorf("does not stand in %s so", path)
		}
		rest = behind
	}
	return nil
}

// bare takes the indentation of each line away.
func bare(text string) string {
	var s strings.Builder
	for line := range strings.Lines(text) {
		s.WriteString(strings.TrimSpace(line) + "\n")
	}
	return s.String()
}

// packages are those that Go on a page may name without importing them.
var packages = map[string]string{
	"context": "context", "errors": "errors", "fmt": "fmt", "time": "time", "slog": "log/slog", "os": "os",
	"lh": "sdk/client", "task": "sdk/task", "wf": "sdk/wf", "worker": "sdk/worker", "lhpb": "lhpb",
}

// Compile type-checks the Go of all pages at once.
func Compile(t testing.TB, pages map[string][]Block) {
	t.Helper()
	module := modulePath(t)
	parent := filepath.Join(Root(), ".cache", "pages", "go")
	if err := os.RemoveAll(parent); err != nil {
		t.Fatal(err)
	}
	var folders []string
	number := 0
	for _, name := range sorted(pages) {
		wrote := false
		folder := fmt.Sprintf("page%d", len(folders))
		for _, b := range pages[name] {
			if b.Language != "go" || b.Values["from"] != "" || b.Values["file"] != "" {
				continue
			}
			number++
			source, err := b.source(module, number)
			if err != nil {
				t.Errorf("%s: %v", b.At, err)
				continue
			}
			if err := os.MkdirAll(filepath.Join(parent, folder), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(parent, folder, fmt.Sprintf("block%d.go", number)), []byte(source), 0o644); err != nil {
				t.Fatal(err)
			}
			wrote = true
		}
		if wrote {
			folders = append(folders, "./.cache/pages/go/"+folder)
		}
	}
	if len(folders) == 0 {
		return
	}
	vet := exec.Command("go", append([]string{"vet"}, folders...)...)
	vet.Dir = Root()
	if out, err := vet.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func modulePath(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root(), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(strings.TrimPrefix(first, "module "))
}

// source makes a Go file of a block, whose lines keep their place in the page.
func (b Block) source(module string, number int) (string, error) {
	if strings.HasPrefix(b.Text, "package ") {
		return b.Text, nil
	}
	path, line, _ := strings.Cut(b.At, ":")
	place := fmt.Sprintf("//line %s:%s\n", filepath.Join(Root(), path), line)
	body := b.Text
	if _, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+body, parser.SkipObjectResolution); err != nil {
		body = fmt.Sprintf("func block%d(ctx context.Context, client *lh.Client, t *wf.Thread) error {\n%s%sreturn nil\n}\n", number, place, b.Text)
	} else {
		body = place + body
	}
	tree, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+body, parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	var imports strings.Builder
	for _, name := range sorted(used(tree)) {
		path := packages[name]
		if strings.HasPrefix(path, "sdk/") || path == "lhpb" {
			path = module + "/" + path
		}
		fmt.Fprintf(&imports, "import %s %q\n", name, path)
	}
	return "package p\n" + imports.String() + body, nil
}

// used are the packages that a file names.
func used(tree *ast.File) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(tree, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && packages[x.Name] != "" {
				names[x.Name] = true
			}
		}
		return true
	})
	return names
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
