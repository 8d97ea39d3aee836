// Package tidy_test holds the whole tree to the rules of the house: who may import whom, what pure rooms must
// not touch, and that texts keep what they promise.
package tidy_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"littlehorse/test/marked"
	"littlehorse/test/page"
)

var rewrite = flag.Bool("rewrite", false, "write what is made: the import rules in .golangci.yml, docs/scenarios.md")

// Rooms of the lower floors, as they are imported from above.
var (
	words   = []string{"lhpb", "internal/pb", "internal/lh", "internal/keys"}
	pure    = append([]string{"internal/value", "internal/spec", "internal/machine", "internal/engine"}, words...)
	durable = append([]string{"internal/machine", "internal/store", "internal/log"}, words...)
)

// rooms lists, for each folder, the folders below it that it may import besides itself. Everything that has
// no line may import anything: the wiring, and the tests that stand outside the house.
var rooms = []room{
	{"lhpb", nil},
	{"internal/pb", []string{"lhpb"}},
	{"internal/lh", []string{"lhpb"}},
	{"internal/keys", []string{"lhpb", "internal/lh"}},

	{"internal/value", []string{"lhpb", "internal/lh"}},
	{"internal/spec", []string{"lhpb", "internal/lh", "internal/value"}},
	{"internal/machine", words},
	{"internal/engine", append([]string{"internal/value", "internal/spec", "internal/machine"}, words...)},

	{"internal/rollup", append([]string{"internal/value", "internal/spec", "internal/machine"}, words...)},

	{"internal/catalog", append([]string{"internal/store"}, pure...)},

	{"internal/store", append([]string{"internal/machine"}, words...)},
	{"internal/log", append([]string{"internal/machine", "internal/store"}, words...)},

	{"internal/telemetry", nil},
	{"internal/h2", nil},
	{"internal/partition", append([]string{"internal/telemetry"}, durable...)},
	{"internal/taskqueue", append([]string{"internal/machine", "internal/store"}, words...)},
	{"internal/clock", append([]string{"internal/machine"}, words...)},
	{"internal/cluster", append([]string{"internal/partition"}, durable...)},

	{"internal/auth", []string{"lhpb", "internal/lh", "internal/catalog"}},
	{"internal/api", append([]string{
		"internal/auth", "internal/catalog", "internal/clock", "internal/cluster", "internal/h2", "internal/machine", "internal/spec",
		"internal/taskqueue", "internal/telemetry", "internal/value",
	}, words...)},
	{"internal/dashboard", []string{"internal/api", "internal/lh", "lhpb", "web"}},
	{"internal/backup", nil},
	{"internal/ctl", []string{"lhpb", "sdk"}},
	{"internal/bench", []string{"lhpb", "sdk"}},
	{"internal/demo", []string{"lhpb", "sdk"}},
	{"internal/starter", nil},
	{"sdk/client", []string{"lhpb"}},
	{"sdk/wf", []string{"lhpb", "sdk/client"}},
	{"sdk/task", []string{"lhpb", "sdk/client", "sdk/wf"}},
	{"sdk/usertask", []string{"lhpb", "sdk/client", "sdk/wf"}},
	{"sdk/worker", []string{"lhpb", "sdk/client", "sdk/task"}},
	{"sdk/lhotel", []string{"lhpb", "sdk/client", "sdk/worker"}},
	{"web", nil},
}

type room struct {
	name string
	may  []string
}

// pureRooms are functions of what they are given: no clock, chance, I/O, log or goroutine.
var pureRooms = []string{"internal/value", "internal/spec", "internal/machine", "internal/engine", "internal/rollup"}

// impure packages and, under time, the functions that read a clock.
var (
	impure = []string{"crypto/rand", "log", "log/slog", "math/rand", "math/rand/v2", "net", "os", "sync"}
	clock  = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}
)

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	module := modulePath(t)
	for _, f := range goFiles(t) {
		room, ok := roomOf(f.path)
		if !ok || f.test() {
			continue
		}
		for _, imported := range f.imports() {
			own, inside := strings.CutPrefix(imported, module+"/")
			if inside && !within(own, append(room.may, room.name)) {
				t.Errorf("%s imports %s: %s may not know it", f.path, own, room.name)
			}
		}
	}
}

// A user's program is not to bring the server along: what its build takes in is known, and it is little.
func TestProgramsBringNothingOfTheServer(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}",
		"./sdk/client", "./sdk/wf", "./sdk/task", "./sdk/usertask", "./sdk/worker")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	may := []string{
		modulePath(t) + "/lhpb", modulePath(t) + "/sdk", "google.golang.org", "golang.org/x",
		"github.com/planetscale/vtprotobuf", "github.com/coreos/go-oidc/v3", "github.com/go-jose/go-jose/v4",
	}
	for _, imported := range strings.Fields(string(out)) {
		if !within(imported, may) || within(imported, []string{modulePath(t) + "/sdk/lhtest"}) {
			t.Errorf("the SDK brings %s", imported)
		}
	}
}

func TestPureRoomsTouchNothing(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.test() || !within(f.path, pureRooms) {
			continue
		}
		for _, imported := range f.imports() {
			if slices.Contains(impure, imported) || strings.HasPrefix(imported, "net/") || strings.HasPrefix(imported, "os/") {
				t.Errorf("%s imports %s", f.path, imported)
			}
		}
		ast.Inspect(f.tree(t), func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine", f.position(n))
			case *ast.SelectorExpr:
				if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == "time" && slices.Contains(clock, n.Sel.Name) {
					t.Errorf("%s reads the clock", f.position(n))
				}
			}
			return true
		})
	}
}

// TestLinterKnowsTheRooms keeps the linter's import rules equal to those above, so that an editor tells at once.
func TestLinterKnowsTheRooms(t *testing.T) {
	marked.Part(t, ".golangci.yml", "# rooms: begin\n", strings.Repeat(" ", 8)+"# rooms: end\n", linterRules(modulePath(t)),
		*rewrite, "go test . -rewrite")
}

func linterRules(module string) string {
	var b strings.Builder
	line := func(indent int, format string, args ...any) {
		b.WriteString(strings.Repeat(" ", indent))
		fmt.Fprintf(&b, format+"\n", args...)
	}
	for _, room := range rooms {
		line(8, "%s:", strings.ReplaceAll(room.name, "/", "-"))
		line(10, "list-mode: lax")
		line(10, "files:")
		line(12, "- '**/%s/**/*.go'", room.name)
		line(12, "- '!$test'")
		line(10, "allow:")
		for _, may := range append([]string{room.name}, room.may...) {
			line(12, "- %s/%s", module, may)
		}
		line(10, "deny:")
		line(12, "- pkg: %s/", module)
		line(14, "desc: the room may not know it (tidy_test.go)")
		if !slices.Contains(pureRooms, room.name) {
			continue
		}
		for _, pkg := range impure {
			line(12, "- pkg: %s$", pkg)
			line(14, "desc: the room is pure")
		}
	}
	return b.String()
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range goFiles(t) {
		dir := path.Dir(f.path)
		documented[dir] = documented[dir] || f.tree(t).Doc != nil
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("no file of %s has a package comment", dir)
		}
	}
}

// unfinished are words of code that is not done, and tests that do not test.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b|\bt\.Skip`)

// machinePath is a path that exists on some machine only.
var machinePath = regexp.MustCompile(`(^|[\s"'(=:])/(root|home/[a-z]+|wor` + `k|Users/[A-Za-z]+)/`)

func TestTextsHoldNothingTheyShouldNot(t *testing.T) {
	module := modulePath(t)
	ownPath := regexp.MustCompile(`(^|[^/\w.-])` + regexp.QuoteMeta(module) + `/(cmd|internal|lhpb|sdk|test)\b`)
	for _, f := range textFiles(t) {
		for i, line := range strings.Split(f.text, "\n") {
			at := fmt.Sprintf("%s:%d", f.path, i+1)
			if unfinished.MatchString(line) && f.path != "tidy_test.go" {
				t.Errorf("%s is unfinished: %s", at, strings.TrimSpace(line))
			}
			if machinePath.MatchString(line) {
				t.Errorf("%s names a path of one machine: %s", at, strings.TrimSpace(line))
			}
			if ownPath.MatchString(line) && !mayNameModule(f.path, line) {
				t.Errorf("%s names the module path outside an import: %s", at, strings.TrimSpace(line))
			}
		}
	}
}

var (
	importLine  = regexp.MustCompile(`^(//)?\s*(import )?([\w.]+ )?"[^"]+"$`)
	packageLine = regexp.MustCompile(`^option go_package = `)
)

// mayNameModule tells the places that make rename knows.
func mayNameModule(file, line string) bool {
	switch {
	case strings.HasSuffix(file, ".pb.go"), file == ".golangci.yml":
		return true
	case strings.HasSuffix(file, ".go"), strings.HasSuffix(file, ".md"):
		return importLine.MatchString(line)
	case strings.HasSuffix(file, ".proto"):
		return packageLine.MatchString(line)
	}
	return false
}

var (
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	fenced = regexp.MustCompile("(?s)```.*?```")
)

func TestLinksInDocumentsLead(t *testing.T) {
	for _, f := range textFiles(t) {
		if path.Ext(f.path) != ".md" {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(f.text, ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			to := f.path
			if target != "" {
				to = path.Join(path.Dir(f.path), target)
			}
			text, err := os.ReadFile(to)
			if info, statErr := os.Stat(to); statErr != nil {
				t.Errorf("%s: no such file: %s", f.path, m[1])
			} else if anchor != "" && (info.IsDir() || err != nil || !hasHeading(string(text), anchor)) {
				t.Errorf("%s: no such heading: %s", f.path, m[1])
			}
		}
	}
}

// Who opens the list of documents finds each of them, there or in the list of its folder.
func TestDocumentsAreFound(t *testing.T) {
	const list = "docs/README.md"
	listed := linked(t, list)
	for _, f := range textFiles(t) {
		if path.Ext(f.path) != ".md" || !strings.HasPrefix(f.path, "docs/") || f.path == list || slices.Contains(listed, f.path) {
			continue
		}
		if own := path.Dir(f.path) + "/README.md"; f.path == own || !slices.Contains(listed, own) || !slices.Contains(linked(t, own), f.path) {
			t.Errorf("%s does not lead to %s", list, f.path)
		}
	}
}

// Blocks of code are fenced and say what they are: package page tells the words. Commands and Go are tried by test/docs.
func TestBlocksOfDocumentsAreGood(t *testing.T) {
	for _, f := range textFiles(t) {
		if f.path != "README.md" && (path.Ext(f.path) != ".md" || !strings.HasPrefix(f.path, "docs/")) {
			continue
		}
		page.Check(t, page.Read(t, f.path))
		if m := indented.FindString(fenced.ReplaceAllString(f.text, "")); m != "" {
			t.Errorf("%s has code without a fence: %s", f.path, strings.TrimSpace(m))
		}
	}
}

// indented is code that only its indentation tells: behind an empty line that no list stands before.
var indented = regexp.MustCompile(`(?m)^[^-*\d\s].*\n\n    \S.*$`)

// linked are the files that a document leads to.
func linked(t *testing.T, document string) []string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	var to []string
	for _, m := range link.FindAllStringSubmatch(string(text), -1) {
		target, _, _ := strings.Cut(m[1], "#")
		to = append(to, path.Join(path.Dir(document), target))
	}
	return to
}

var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

func hasHeading(markdown, anchor string) bool {
	for _, line := range strings.Split(markdown, "\n") {
		title := strings.TrimLeft(line, "#")
		if title == line {
			continue
		}
		plain := notInAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
		if strings.ReplaceAll(plain, " ", "-") == anchor {
			return true
		}
	}
	return false
}

// A file of the tree; path is relative to its root, with slashes.
type file struct {
	path string
	text string
}

func (f file) test() bool { return strings.HasSuffix(f.path, "_test.go") }

func (f file) tree(t *testing.T) *ast.File {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), f.path, f.text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func (f file) position(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.path, 1+strings.Count(f.text[:int(n.Pos())-1], "\n"))
}

func (f file) imports() []string {
	tree, err := parser.ParseFile(token.NewFileSet(), f.path, f.text, parser.ImportsOnly)
	if err != nil {
		return nil // the compiler says it better
	}
	var out []string
	for _, spec := range tree.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			out = append(out, p)
		}
	}
	return out
}

func goFiles(t *testing.T) []file {
	t.Helper()
	return slices.DeleteFunc(textFiles(t), func(f file) bool {
		return path.Ext(f.path) != ".go" || strings.HasPrefix(f.path, "tools/")
	})
}

// built are folders that hold no sources.
var built = []string{".git", ".cache", "bin", "dist", "node_modules", "lh-data", "target", "__pycache__"}

// textFiles are all files of the tree that hold text, tables of facts excepted.
func textFiles(t *testing.T) []file {
	t.Helper()
	var out []file
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains(built, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || slices.Contains(built, d.Name()) || slices.Contains([]string{".sum", ".tsv"}, filepath.Ext(p)) {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if utf8.Valid(text) && !bytes.ContainsRune(text, 0) {
			out = append(out, file{filepath.ToSlash(p), string(text)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func roomOf(p string) (room, bool) {
	i := slices.IndexFunc(rooms, func(r room) bool { return within(p, []string{r.name}) })
	if i < 0 {
		return room{}, false
	}
	return rooms[i], true
}

// within reports whether the path is one of the folders or lies below one.
func within(p string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return p == f || strings.HasPrefix(p, f+"/") })
}

func modulePath(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimPrefix(first, "module ")
}
