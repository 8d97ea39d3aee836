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
	"regexp"
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

// unshown are the exported names that no example shows, and why none does.
var unshown = map[string]string{
	"sdk/client: Error.Error": "of the interface error", "sdk/client: Error.GRPCStatus": "called by package status",
	"sdk/client: TaskException.Error": "of the interface error",
	"sdk/task: InputError.Error":      "of the interface error", "sdk/task: InputError.Unwrap": "called by package errors",
	"sdk/task: OutputError.Error": "of the interface error", "sdk/task: OutputError.Unwrap": "called by package errors",
	"sdk/task: OutputError":            "as InputError",
	"sdk/task: Definition.PutRequests": "called by Register",
	"sdk/wf: Arg":                      "satisfied by the values of this package alone, and named by none",
	"sdk/wf: Expr":                     "satisfied by the values of this package alone, and named by none",
	"sdk/wf: Waitable":                 "satisfied by what Spawn and ForEach give",
	"sdk/lhtest: Compiled":             "satisfied by a wf.Workflow",
}

// Everything that is exported is shown by an example on the page of its package: by one that is named after it, or by one that
// uses it. A type that is only ever got from a function is shown by an example of one of its methods, or of that function.
func TestExportedNamesHaveExamples(t *testing.T) {
	excused := map[string]bool{}
	for _, dir := range sdkPackages {
		shown := shownIn(t, dir)
		for _, name := range exportedNames(t, dir) {
			key := dir + ": " + name.String()
			switch why := unshown[key]; {
			case why != "":
				excused[key] = true
				if shown.shows(name) {
					t.Errorf("%s is shown, and needs no excuse", key)
				}
			case !shown.shows(name):
				t.Errorf("%s has no example", key)
			}
		}
	}
	for key := range unshown {
		if !excused[key] {
			t.Errorf("%s is excused from having an example, and is not exported", key)
		}
	}
}

// exported is a name, of a type's method or of what stands for itself. A type has the functions that give it.
type exported struct {
	of, name string
	isType   bool
	givenBy  []exported
}

func (e exported) String() string {
	if e.of == "" {
		return e.name
	}
	return e.of + "." + e.name
}

func exportedNames(t *testing.T, dir string) []exported {
	t.Helper()
	var names []exported
	given := map[string][]exported{}
	for _, f := range goFiles(t) {
		if path.Dir(f.path) != dir || f.test() {
			continue
		}
		for _, d := range f.tree(t).Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if !d.Name.IsExported() || !exportedReceiver(d.Recv) {
					continue
				}
				e := exported{name: d.Name.Name}
				if d.Recv != nil {
					e.of = typeName(d.Recv.List[0].Type)
					given[e.of] = append(given[e.of], e)
				}
				names = append(names, e)
				if d.Type.Results != nil {
					for _, r := range d.Type.Results.List {
						given[typeName(r.Type)] = append(given[typeName(r.Type)], e)
					}
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						if s.Name.IsExported() {
							names = append(names, exported{name: s.Name.Name, isType: true})
						}
					case *ast.ValueSpec:
						for _, n := range s.Names {
							if n.IsExported() {
								names = append(names, exported{name: n.Name})
							}
						}
					}
				}
			}
		}
	}
	for i := range names {
		if names[i].isType {
			names[i].givenBy = given[names[i].name]
		}
	}
	return names
}

// typeName is the name of a type, or of a map's values, without what stands around it; empty for one without a name of its own.
func typeName(t ast.Expr) string {
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.MapType:
			t = x.Value
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// shownNames are those in the examples of a package: what they are named after, and what they use of the package and of values.
type shownNames struct{ titles, own, members map[string]bool }

func (s shownNames) shows(e exported) bool {
	title := strings.TrimPrefix(e.of+"_"+e.name, "_")
	switch {
	case s.titles[title], e.of == "" && s.own[e.name], e.of != "" && s.members[e.name]:
		return true
	case !e.isType:
		return false
	}
	return slices.ContainsFunc(e.givenBy, s.shows)
}

func shownIn(t *testing.T, dir string) shownNames {
	t.Helper()
	s := shownNames{titles: map[string]bool{}, own: map[string]bool{}, members: map[string]bool{}}
	for _, f := range goFiles(t) {
		if path.Dir(f.path) != dir || !f.test() {
			continue
		}
		tree := f.tree(t)
		pkg := strings.TrimSuffix(tree.Name.Name, "_test")
		for _, d := range tree.Decls {
			fn, is := d.(*ast.FuncDecl)
			if !is || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Example") {
				continue
			}
			s.titles[strings.TrimPrefix(fn.Name.Name, "Example")] = true
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				x, is := n.(*ast.SelectorExpr)
				if !is {
					return true
				}
				if from, is := x.X.(*ast.Ident); is && from.Name == pkg {
					s.own[x.Sel.Name] = true
				} else {
					s.members[x.Sel.Name] = true
				}
				return true
			})
		}
	}
	return s
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
	return r == nil || ast.IsExported(typeName(r.List[0].Type))
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

// Everything that is exported says what it is: a name by its comment or that of its group, a field by its own, or by that of its type or
// of a field before it which names it.
func TestExportedNamesAreDescribed(t *testing.T) {
	for _, dir := range sdkPackages {
		for _, f := range goFiles(t) {
			if path.Dir(f.path) != dir || f.test() {
				continue
			}
			for _, d := range f.tree(t).Decls {
				for _, name := range undescribed(d) {
					t.Errorf("%s: %s says nothing of itself", dir, name)
				}
			}
		}
	}
}

func undescribed(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && exportedReceiver(d.Recv) && d.Doc.Text() == "" {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if !s.Name.IsExported() {
					continue
				}
				said := d.Doc.Text() + s.Doc.Text()
				if said == "" {
					names = append(names, s.Name.Name)
				}
				fields, is := s.Type.(*ast.StructType)
				if !is {
					continue
				}
				for _, field := range fields.Fields.List {
					said += field.Doc.Text() + field.Comment.Text()
					for _, n := range field.Names {
						if n.IsExported() && !namesWord(said, n.Name) && field.Doc.Text()+field.Comment.Text() == "" {
							names = append(names, s.Name.Name+"."+n.Name)
						}
					}
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && d.Doc.Text()+s.Doc.Text()+s.Comment.Text() == "" {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

func namesWord(text, word string) bool {
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(word) + `\b`).MatchString(text)
}
