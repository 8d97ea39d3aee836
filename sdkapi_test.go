package tidy_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// sdkPackages are what users' programs and tests are compiled against.
var sdkPackages = []string{"sdk/client", "sdk/lhotel", "sdk/lhtest", "sdk/task", "sdk/usertask", "sdk/wf", "sdk/worker"}

const sdkAPIFile = "sdk/api.txt"

// What is exported once stays: a line that is missing breaks users' programs. What is new is written by -rewrite, which also
// writes what is gone: that needs an entry in the changelog.
func TestTheSDKStaysCompatible(t *testing.T) {
	var now []string
	for _, dir := range sdkPackages {
		now = append(now, exportedBy(t, dir)...)
	}
	text := strings.Join(now, "\n") + "\n"
	if *rewrite {
		if err := os.WriteFile(sdkAPIFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	known, err := os.ReadFile(sdkAPIFile)
	if err != nil {
		t.Fatal(err)
	}
	before := strings.Split(strings.TrimSuffix(string(known), "\n"), "\n")
	for _, line := range before {
		if !slices.Contains(now, line) {
			t.Errorf("incompatible: gone from the SDK: %s", line)
		}
	}
	for _, line := range now {
		if !slices.Contains(before, line) {
			t.Errorf("new in the SDK, and not in %s: %s (go test . -rewrite)", sdkAPIFile, line)
		}
	}
}

// Each package shows on its page how it is used.
func TestSDKPackagesHaveExamples(t *testing.T) {
	for _, dir := range sdkPackages {
		found := false
		for _, f := range goFiles(t) {
			if path.Dir(f.path) != dir || !f.test() {
				continue
			}
			for _, d := range f.tree(t).Decls {
				fn, is := d.(*ast.FuncDecl)
				found = found || is && strings.HasPrefix(fn.Name.Name, "Example")
			}
		}
		if !found {
			t.Errorf("%s has no example", dir)
		}
	}
}

// exportedBy lists what a package exports, a line each, in order.
func exportedBy(t *testing.T, dir string) []string {
	t.Helper()
	files := token.NewFileSet()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	add := func(format string, args ...any) {
		lines = append(lines, dir+": "+strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " "))
	}
	for _, e := range entries {
		if !isSource(e) {
			continue
		}
		f, err := parser.ParseFile(files, path.Join(dir, e.Name()), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			exportedDecl(files, d, add)
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

func isSource(e fs.DirEntry) bool {
	return strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go")
}

func exportedDecl(files *token.FileSet, d ast.Decl, add func(string, ...any)) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && exportedReceiver(d.Recv) {
			d.Body = nil
			add("%s", printed(files, d))
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				exportedType(files, s, add)
			case *ast.ValueSpec:
				for _, name := range s.Names {
					if name.IsExported() {
						add("%s %s", d.Tok, name.Name)
					}
				}
			}
		}
	}
}

func exportedReceiver(r *ast.FieldList) bool {
	if r == nil {
		return true
	}
	t := r.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// exportedType has a line for each exported field of a struct: others may come.
func exportedType(files *token.FileSet, s *ast.TypeSpec, add func(string, ...any)) {
	if !s.Name.IsExported() {
		return
	}
	body, is := s.Type.(*ast.StructType)
	if !is {
		add("type %s", printed(files, s))
		return
	}
	s.Type = &ast.StructType{Fields: &ast.FieldList{}}
	add("type %s", printed(files, s))
	for _, f := range body.Fields.List {
		for _, name := range f.Names {
			if name.IsExported() {
				add("type %s, field %s %s", s.Name, name, printed(files, f.Type))
			}
		}
		if len(f.Names) == 0 {
			add("type %s, embedded %s", s.Name, printed(files, f.Type))
		}
	}
}

func printed(files *token.FileSet, n ast.Node) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, files, n); err != nil {
		panic(err)
	}
	return b.String()
}
