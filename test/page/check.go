package page

import (
	"encoding/json"
	"errors"
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

// words are all that may stand behind a language.
var words = []string{"soon", "server", "background", "own", "test"}

func (b Block) check(n int, all []Block) error {
	for _, word := range b.Words {
		if !slices.Contains(words, word) {
			return fmt.Errorf("nobody knows what %q means", word)
		}
	}
	if from := b.Values["from"]; from != "" {
		return b.standsIn(from)
	}
	switch b.Language {
	case "sh":
		if what, ok := b.Values["needs"]; ok && wants[what] == "" {
			return fmt.Errorf("nobody knows what %q is", what)
		} else if what == "hours" {
			return errors.Join(b.shell(), b.isToBeHad())
		}
		if name, ok := b.Values["test"]; ok {
			return b.isIn(name)
		}
		return b.shell()
	case "text":
		if n == 0 || all[n-1].Language != "sh" {
			return fmt.Errorf("no commands stand before it")
		}
		return nil
	case "drawing":
		return nil
	case "go":
		if b.Is("test") && len(b.tests()) == 0 {
			return errors.New("it has no test")
		}
		return nil // Go
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

// wants are what no test of a page has.
var wants = map[string]string{
	"docker": "containers",
	"hours":  "the whole test suite, or a browser's benchmark",
}

var (
	target    = regexp.MustCompile(`^make ([a-z0-9-]+)$`)
	benchmark = regexp.MustCompile(`^go test (\./\S+) .*-bench (\w+) `)
)

// isToBeHad finds what the commands of a block that takes too long would run: a target of make, a benchmark.
func (b Block) isToBeHad() error {
	for line := range strings.Lines(b.Text) {
		if m := target.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			if !Targets()[m[1]] {
				return fmt.Errorf("make has no %s", m[1])
			}
			continue
		}
		m := benchmark.FindStringSubmatch(line)
		if m == nil {
			return fmt.Errorf("nobody knows whether there is %s", line)
		}
		files, err := filepath.Glob(filepath.Join(Root(), m[1], "*_test.go"))
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(files, func(file string) bool {
			text, err := os.ReadFile(file)
			return err == nil && strings.Contains(string(text), "func Benchmark"+m[2]+"(")
		}) {
			return fmt.Errorf("%s has no benchmark %s", m[1], m[2])
		}
	}
	return nil
}

var rule = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)

// Targets are those of the Makefile.
func Targets() map[string]bool {
	text, err := os.ReadFile(filepath.Join(Root(), "Makefile"))
	if err != nil {
		panic(err) // the tree is not whole
	}
	targets := map[string]bool{}
	for _, m := range rule.FindAllStringSubmatch(string(text), -1) {
		targets[m[1]] = true
	}
	return targets
}

// Elsewhere tells whether the block is not executed with its page.
func (b Block) Elsewhere() bool { return b.Values["needs"] != "" || b.Values["test"] != "" }

// isIn holds the block to the test that executes it: the test names the page, or its section.
func (b Block) isIn(name string) error {
	file, function, _ := strings.Cut(name, ":")
	text, err := os.ReadFile(filepath.Join(Root(), file))
	if err != nil {
		return err
	}
	page, _, _ := strings.Cut(b.At, ":")
	_, body, found := strings.Cut(string(text), "func "+function+"(")
	if body, _, _ = strings.Cut(body, "\n}\n"); !found || !strings.Contains(body, filepath.Base(page)) {
		return fmt.Errorf("%s has no test %s of %s", file, function, filepath.Base(page))
	}
	return b.shell()
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
	"context": "context", "errors": "errors", "fmt": "fmt", "time": "time", "slog": "log/slog", "os": "os", "http": "net/http",
	"slices": "slices", "testing": "testing",
	"lh": "sdk/client", "task": "sdk/task", "wf": "sdk/wf", "worker": "sdk/worker", "lhpb": "lhpb",
	"lhotel": "sdk/lhotel", "lhtest": "sdk/lhtest", "usertask": "sdk/usertask",
}

// Go type-checks the Go of all pages at once, and runs the tests in it.
func Go(t testing.TB, pages map[string][]Block) {
	t.Helper()
	module := modulePath(t)
	var imports, calls strings.Builder
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
			for _, test := range b.tests() {
				fmt.Fprintf(&calls, "\tt.Run(%q, %s.%s)\n", name+"/"+test, folder, test)
			}
		}
		if wrote {
			folders = append(folders, "./.cache/pages/go/"+folder)
		}
		if strings.Contains(calls.String(), " "+folder+".") {
			fmt.Fprintf(&imports, "import %s \"%s/.cache/pages/go/%s\"\n", folder, module, folder)
		}
	}
	if len(folders) == 0 {
		return
	}
	vet := exec.Command("go", append([]string{"vet"}, folders...)...)
	vet.Dir = Root()
	if out, err := vet.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// One program has the tests of all pages: to link it takes longer than they do.
	all := "package pages\nimport \"testing\"\n" + imports.String() + "func TestPages(t *testing.T) {\n" + calls.String() + "}\n"
	if err := os.WriteFile(filepath.Join(parent, "pages_test.go"), []byte(all), 0o644); err != nil {
		t.Fatal(err)
	}
	test := exec.Command("go", "test", "-count=1", "./.cache/pages/go")
	test.Dir = Root()
	if out, err := test.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

var testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)

// tests are the functions of a block that are run.
func (b Block) tests() (names []string) {
	if !b.Is("test") {
		return nil
	}
	for _, m := range testFunction.FindAllStringSubmatch(b.Text, -1) {
		names = append(names, m[1])
	}
	return names
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
