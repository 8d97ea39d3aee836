package tidy_test

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The list of what there is to show, and the table of what shows it, which is made from the list and from the
// lines of scripts and tests that say what they show, with keys of the list:
//
//	# covers: engine-2 §9 SLEEP; engine-2 §16 VAR_SUB_ERROR
//	// covers: tasks §6.1
const (
	list  = "docs/sections.txt"
	table = "docs/scenarios.md"
)

// Every claim to show something names a section that there is, and the table says who shows what.
func TestTheTableIsTrue(t *testing.T) {
	root := os.DirFS(".")
	sections := readSections(t, root)
	claims := collect(t, root)
	known := map[string]bool{}
	for _, s := range sections {
		known[s.key] = true
	}
	for _, c := range claims {
		if !known[c.section] {
			t.Errorf("%s: there is no section %q in %s", c.file, c.section, list)
		}
	}
	want := written(sections, claims)
	if *rewrite {
		if err := os.WriteFile(table, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	is, err := fs.ReadFile(root, table)
	if err != nil {
		t.Fatal(err)
	}
	if string(is) != want {
		t.Errorf("%s is stale: go test . -rewrite", table)
	}
}

// section is a line of the list: a heading, or a key with what it means.
type section struct{ heading, key, meaning string }

func readSections(t *testing.T, root fs.FS) []section {
	text, err := fs.ReadFile(root, list)
	if err != nil {
		t.Fatal(err)
	}
	var out []section
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if heading, is := strings.CutPrefix(line, "## "); is {
			out = append(out, section{heading: heading})
			continue
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, meaning, ok := strings.Cut(line, " | ")
		if !ok || slices.ContainsFunc(out, func(s section) bool { return s.key == key }) {
			t.Fatalf("%s: cannot use %q", list, line)
		}
		out = append(out, section{key: key, meaning: meaning})
	}
	return out
}

// claim is that a file, or a test in it, shows a section.
type claim struct{ section, file, test string }

// name is how the table calls who claims.
func (c claim) name() string {
	if c.test == "" {
		return strings.TrimSuffix(path.Base(c.file), path.Ext(c.file))
	}
	return c.test
}

var (
	claimLine = regexp.MustCompile(`^\s*(?:#|//) covers: (.+)$`)
	testLine  = regexp.MustCompile(`^func (Test\w+|Fuzz\w+)\(`)
)

func collect(t *testing.T, root fs.FS) []claim {
	var out []claim
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "web" || name != "." && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir() || !mayClaim(name):
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		out = append(out, claimsOf(name, string(text))...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(out, func(a, b claim) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.test, b.test))
	})
	return slices.Compact(out)
}

func mayClaim(name string) bool {
	return strings.HasSuffix(name, "_test.go") ||
		strings.HasPrefix(name, "internal/engine/testdata/") && strings.HasSuffix(name, ".txt") ||
		strings.HasPrefix(name, "internal/ctl/testdata/") && strings.HasSuffix(name, ".txtar")
}

// claimsOf are the claims of a file. Those in the comment of a test are the test's, all others the file's.
func claimsOf(name, text string) []claim {
	var out []claim
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		m := claimLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		test := testBelow(lines[i+1:])
		for s := range strings.SplitSeq(m[1], ";") {
			out = append(out, claim{strings.TrimSpace(s), name, test})
		}
	}
	return out
}

// testBelow is the test whose comment the lines go on with; empty if there is none.
func testBelow(lines []string) string {
	for _, line := range lines {
		if m := testLine.FindStringSubmatch(line); m != nil {
			return m[1]
		}
		if !strings.HasPrefix(line, "//") {
			return ""
		}
	}
	return ""
}

const nothing = "no scenario"

func written(sections []section, claims []claim) string {
	var b strings.Builder
	b.WriteString("# Scenarios\n\n" +
		"What shows which part of the behaviour: scripts of the engine, and tests. Made from [sections.txt](sections.txt) and the\n" +
		"`covers:` lines of scripts and tests by `go test . -rewrite`. Which ways each kind of node is seen to take is in [paths.md](paths.md).\n")
	for _, s := range sections {
		if s.heading != "" {
			fmt.Fprintf(&b, "\n## %s\n\n| Section | | Shown by |\n| --- | --- | --- |\n", s.heading)
			continue
		}
		var by []string
		for _, c := range claims {
			if c.section == s.key {
				by = append(by, fmt.Sprintf("[%s](../%s)", c.name(), c.file))
			}
		}
		if by == nil {
			by = []string{nothing}
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", s.key, s.meaning, strings.Join(by, ", "))
	}
	return b.String()
}
