package tidy_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/printer"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"littlehorse/lhpb"
)

// holdReference compares a page of the reference with what the code makes of it.
func holdReference(t *testing.T, name, made string) {
	t.Helper()
	path := filepath.Join("docs", "reference", name)
	text, err := os.ReadFile(path)
	if string(text) == made {
		return
	}
	if !*rewrite {
		t.Fatalf("docs/reference/%s is stale (%v): go test . -rewrite", name, err)
	}
	if err := os.WriteFile(path, []byte(made), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A limit is a constant of the code that a client can meet.
type limit struct{ about, file, name string }

var limits = []limit{
	{"A call", "internal/api/transport.go", "MaxMessageBytes"},
	{"A call", "internal/api/transport.go", "MaxHeaderBytes"},
	{"A call", "internal/api/transport.go", "MaxCallsPerConnection"},
	{"A call", "internal/api/codec.go", "maxNesting"},
	{"A page of a search or list", "internal/api/page.go", "MaxLimit"},
	{"A page of a search or list", "internal/api/page.go", "maxPageBytes"},
	{"Ids", "internal/lh/id.go", "MaxWfRunDepth"},
	{"Ids", "internal/lh/id.go", "MaxCorrelationKeyBytes"},
	{"Values", "internal/value/limits.go", "MaxBytes"},
	{"Values", "internal/value/limits.go", "MaxDepth"},
	{"Values", "internal/value/limits.go", "MaxJSONDepth"},
	{"Values", "internal/value/limits.go", "MaxWork"},
	{"Definitions", "internal/spec/limits.go", "MaxBytes"},
	{"Definitions", "internal/spec/limits.go", "MaxDepth"},
	{"Definitions", "internal/spec/limits.go", "MaxThreads"},
	{"Definitions", "internal/spec/limits.go", "MaxNodes"},
	{"Definitions", "internal/spec/limits.go", "MaxEdges"},
	{"Definitions", "internal/spec/limits.go", "MaxVariables"},
	{"Definitions", "internal/spec/migration.go", "MaxThreadMigrations"},
	{"Runs", "internal/engine/limit.go", "maxMessageBytes"},
	{"Runs", "internal/engine/taskrun.go", "maxBackoffMs"},
	{"Schedules", "internal/api/schedule.go", "maxSchedules"},
	{"The dashboard", "internal/api/live.go", "maxLives"},
	{"The dashboard", "internal/api/live.go", "MaxLiveTopics"},
}

func TestTheTableIsTrueOfLimits(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Limits\n\nWhat a client can meet. Made from the code by `go test . -rewrite`.\n")
	about := ""
	for _, l := range limits {
		if l.about != about {
			about = l.about
			fmt.Fprintf(&b, "\n## %s\n\n| limit | meaning | constant |\n| --- | --- | --- |\n", about)
		}
		value, says := l.read(t)
		fmt.Fprintf(&b, "| %s | %s | `%s` in `%s` |\n", value, says, l.name, filepath.Dir(l.file))
	}
	holdReference(t, "limits.md", b.String())
}

// read finds the constant, its value and the comment above or behind it.
func (l limit) read(t *testing.T) (value, says string) {
	t.Helper()
	for _, decl := range source(t, l.file).Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, s := range group.Specs {
			spec := s.(*ast.ValueSpec)
			if spec.Names[0].Name != l.name {
				continue
			}
			comment := spec.Doc.Text() + spec.Comment.Text()
			if comment == "" {
				comment = group.Doc.Text()
			}
			if comment == "" {
				t.Errorf("%s: nothing says what %s is for", l.file, l.name)
			}
			comment = strings.Join(strings.Fields(comment), " ")
			return amount(t, spec.Values[0]), sentence(strings.TrimPrefix(strings.TrimPrefix(comment, l.name), " is "))
		}
	}
	t.Fatalf("%s has no constant %s", l.file, l.name)
	return "", ""
}

func amount(t *testing.T, e ast.Expr) string {
	t.Helper()
	var text strings.Builder
	if err := printer.Fprint(&text, token.NewFileSet(), e); err != nil {
		t.Fatal(err)
	}
	v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, text.String())
	if err != nil {
		t.Fatal(err)
	}
	n, _ := constant.Int64Val(v.Value)
	return grouped(n)
}

// grouped writes a number as people read it.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

func sentence(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "|", `\|`)
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func source(t *testing.T, file string) *ast.File {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// codes are those that a refusal has, with what a client does about it.
var codes = []struct{ name, means string }{
	{"InvalidArgument", "The request is wrong, and will be as often as it is sent."},
	{"NotFound", "What the request names is not there."},
	{"AlreadyExists", "There is one already, and not an equal one."},
	{"FailedPrecondition", "It cannot be done in the state things are in."},
	{"PermissionDenied", "The caller may not."},
	{"Unauthenticated", "Nobody knows who the caller is."},
	{"ResourceExhausted", "A quota or a bound of the server is reached; the client waits and asks again, unless the request itself is too large."},
	{"Canceled", "The caller has given up."},
	{"Aborted", "It was overtaken by something else; ask again."},
	{"Unavailable", "The server cannot do it now; ask again."},
	{"DeadlineExceeded", "It took longer than the caller wanted to wait."},
	{"Unimplemented", "The server does not do this."},
	{"Internal", "A bug, or a disk that fails; the server's log says more."},
}

func TestTheTableIsTrueOfErrors(t *testing.T) {
	said := refusals(t)
	var b strings.Builder
	b.WriteString("# Errors\n\nMade from the code by `go test . -rewrite`. `%s` and the like stand for what is filled in.\n\n" +
		"## Failures of a workflow\n\nTechnical failures have these names; handlers take them by name, or all together. Business exceptions have names of your own.\n\n" +
		"| name | what happened |\n| --- | --- |\n")
	kinds := lhpb.LHErrorType(0).Descriptor().Values()
	for i := range kinds.Len() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", kinds.Get(i).Name(), enumComment(t, string(kinds.Get(i).Name())))
	}
	b.WriteString("\nTheir messages are for people; the name decides.\n")
	for i := range kinds.Len() {
		if name := string(kinds.Get(i).Name()); len(said[name]) > 0 {
			fmt.Fprintf(&b, "\n### %s\n\n%s", name, list(said[name]))
			delete(said, name)
		}
	}
	b.WriteString("\n## Refusals of a call\n\nA call is refused with a code of gRPC and a sentence. Programs go by the code.\n")
	for _, code := range codes {
		if len(said[code.name]) > 0 {
			fmt.Fprintf(&b, "\n### %s\n\n%s\n\n%s", upper(code.name), code.means, list(said[code.name]))
		}
		delete(said, code.name)
	}
	b.WriteString("\n## What is wrong with a WfSpec\n\nPutWfSpec is refused with INVALID_ARGUMENT and a sentence that names the thread and the node before it says one of these.\n\n")
	b.WriteString(list(said[ofWfSpec]))
	delete(said, ofWfSpec)
	for name := range said {
		t.Errorf("nothing says what the code %s means", name)
	}
	holdReference(t, "errors.md", b.String())
}

func list(sentences []string) string {
	var b strings.Builder
	for _, text := range slices.Sorted(slices.Values(sentences)) {
		fmt.Fprintf(&b, "- `%s`\n", strings.ReplaceAll(text, "`", "'"))
	}
	return b.String()
}

// ofWfSpec stands for a code: these refusals have a section of their own.
const ofWfSpec = "WfSpec"

// helpers are functions whose first argument is the sentence of a refusal, by their package, with its code.
var helpers = map[string]map[string]string{
	"internal/catalog": {"invalid": "InvalidArgument"},
	"internal/spec":    {"problemf": ofWfSpec, "baref": ofWfSpec},
}

// refusals are the sentences of refusals and failures in the code, by the code of gRPC or the name of the failure.
func refusals(t *testing.T) map[string][]string {
	t.Helper()
	said := map[string][]string{}
	err := filepath.WalkDir("internal", func(path string, d fs.DirEntry, err error) error {
		if d.IsDir() && path == "internal/demo" {
			return fs.SkipDir // a client: what it says to itself is no refusal
		}
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".pb.go") {
			return err
		}
		helpers := helpers[filepath.ToSlash(filepath.Dir(path))]
		tree := source(t, path)
		constants := texts(tree)
		for _, decl := range tree.Decls {
			ast.Inspect(decl, func(n ast.Node) bool {
				code, text := refusal(n, helpers)
				if code == "" {
					return true
				}
				sentence, ok := literal(text, constants)
				if f, isFunc := decl.(*ast.FuncDecl); !ok && isFunc && !passesOn(f, text) {
					t.Errorf("%s: %s refuses with a sentence that cannot be read", path, f.Name.Name)
				}
				if says(sentence) && !slices.Contains(said[code], sentence) {
					said[code] = append(said[code], sentence)
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return said
}

// refusal reads f(lh.Code, "sentence", …) and the like, lh.Error{Code: …, Message: …}, and calls of the helpers.
func refusal(n ast.Node, helpers map[string]string) (code string, text ast.Expr) {
	switch n := n.(type) {
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.Ident); ok && helpers[f.Name] != "" && len(n.Args) > 0 {
			return helpers[f.Name], n.Args[0]
		}
		if len(n.Args) >= 2 {
			return codeOf(n.Args[0]), n.Args[1]
		}
	case *ast.CompositeLit:
		if name, ok := n.Type.(*ast.SelectorExpr); !ok || name.Sel.Name != "Error" {
			return "", nil
		}
		for _, e := range n.Elts {
			field, ok := e.(*ast.KeyValueExpr)
			if !ok {
				return "", nil
			}
			switch field.Key.(*ast.Ident).Name {
			case "Code":
				code = codeOf(field.Value)
			case "Message":
				text = field.Value
			}
		}
		return code, text
	}
	return "", nil
}

// codeOf reads lh.NotFound, codes.NotFound, or lhpb.LHErrorType_TIMEOUT.
func codeOf(e ast.Expr) string {
	name, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	from, ok := name.X.(*ast.Ident)
	if !ok {
		return ""
	}
	kind, isFailure := strings.CutPrefix(name.Sel.Name, "LHErrorType_")
	if isFailure || (from.Name == "lh" || from.Name == "codes") && slices.ContainsFunc(codes, func(c struct{ name, means string }) bool { return c.name == kind }) {
		return kind
	}
	return ""
}

// texts are the constants of a file that are texts.
func texts(tree *ast.File) map[string]ast.Expr {
	found := map[string]ast.Expr{}
	for _, decl := range tree.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, s := range group.Specs {
			spec := s.(*ast.ValueSpec)
			for n, name := range spec.Names {
				if n < len(spec.Values) {
					found[name.Name] = spec.Values[n]
				}
			}
		}
	}
	return found
}

// literal reads "sentence", a constant that is one, or fmt.Sprintf("sentence", …).
func literal(e ast.Expr, constants map[string]ast.Expr) (string, bool) {
	if call, ok := e.(*ast.CallExpr); ok && len(call.Args) > 0 {
		e = call.Args[0]
	}
	if name, ok := e.(*ast.Ident); ok && constants[name.Name] != nil {
		e = constants[name.Name]
	}
	text, ok := e.(*ast.BasicLit)
	if !ok || text.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(text.Value)
	return s, err == nil
}

// passesOn tells whether the sentence is what the function was given, or an error's.
func passesOn(f *ast.FuncDecl, text ast.Expr) bool {
	name, ok := text.(*ast.Ident)
	if !ok || name.Name == "why" { // of a request that is no call at all: a wrong method, a wrong content type
		return true
	}
	for _, param := range f.Type.Params.List {
		if slices.ContainsFunc(param.Names, func(n *ast.Ident) bool { return n.Name == name.Name }) {
			return true
		}
	}
	return false
}

var verb = regexp.MustCompile(`%[a-z]`)

// says tells whether a sentence is more than what is filled in.
func says(sentence string) bool {
	return strings.ContainsFunc(verb.ReplaceAllString(sentence, ""), func(r rune) bool { return r >= 'a' && r <= 'z' })
}

// upper writes a code as gRPC does: INVALID_ARGUMENT.
func upper(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}

// enumComment is what the schema says of a value of LHErrorType.
func enumComment(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("proto/littlehorse/common_enums.proto")
	if err != nil {
		t.Fatal(err)
	}
	var comment []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "//"):
			comment = append(comment, strings.TrimSpace(strings.TrimPrefix(line, "//")))
		case strings.HasPrefix(line, name+" ="):
			return strings.Join(comment, " ")
		default:
			comment = nil
		}
	}
	t.Fatalf("the schema says nothing of %s", name)
	return ""
}
