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

// ledger is a list of what there is to show, and the table of what shows it, which is made from the list and from
// the lines of scripts and tests that say what they show, with keys of the list:
//
//	# covers: engine-2 §9 SLEEP; engine-2 §16 VAR_SUB_ERROR
//	// holds: TakenUpByAnyServer
type ledger struct {
	list, table, claim, head string
	// column is what the keys are.
	column string
	// named says that a key is the name of a test, which shows it without a word.
	named bool
	// whole says that each key must be shown, or say what is to bring it.
	whole bool
}

var ledgers = []ledger{
	{
		list: "docs/sections.txt", table: "docs/scenarios.md", claim: "covers: ", column: "Section",
		head: "# Scenarios\n\n" +
			"What shows which part of the behaviour: scripts of the engine, and tests. Made from [sections.txt](sections.txt) and the\n" +
			"`covers:` lines of scripts and tests by `go test . -rewrite`. Which ways each kind of node is seen to take is in [paths.md](paths.md).\n",
	},
	{
		list: "docs/promises.txt", table: "docs/promises.md", claim: "holds: ", column: "Name", named: true, whole: true,
		head: "# Promises\n\n" +
			"What users of LittleHorse were promised, and what users of it and of its neighbours suffered, each with the tests that hold\n" +
			"us to it: those of its name, and those that say `holds:`. Made from [promises.txt](promises.txt) and from them by\n" +
			"`go test . -rewrite`. What no test holds yet names the part of the work that is to bring it.\n",
	},
	{
		list: "docs/protocol.txt", table: "docs/protocol.md", claim: "survives: ", column: "Point", whole: true,
		head: "# What the protocol of a cluster survives\n\n" +
			"Point by point, each with the tests that show it: those that say `survives:`. Why it is built as it is stands in\n" +
			"[0018](adr/0018-commit-over-kafka.md), [0021](adr/0021-checkpoints.md), [0022](adr/0022-membership-and-routing.md), " +
			"[0026](adr/0026-standbys-and-moves.md), [0027](adr/0027-engine-versions-and-hashes.md) and [0029](adr/0029-lethal-records.md).\n" +
			"Made from [protocol.txt](protocol.txt) and from the tests by `go test . -rewrite`.\n",
	},
}

// Every claim to show something names a section that there is, and the tables say who shows what.
func TestTheTableIsTrue(t *testing.T) {
	root := os.DirFS(".")
	for _, l := range ledgers {
		sections := l.readSections(t, root)
		claims := l.collect(t, root, sections)
		for _, c := range claims {
			if !slices.ContainsFunc(sections, func(s section) bool { return s.key == c.section }) {
				t.Errorf("%s: there is no section %q in %s", c.file, c.section, l.list)
			}
		}
		for _, s := range sections {
			if l.whole && s.key != "" && s.from == "" && !slices.ContainsFunc(claims, func(c claim) bool { return c.section == s.key }) {
				t.Errorf("%s: nothing holds %s, and nothing is to bring it", l.list, s.key)
			}
		}
		want := l.written(sections, claims)
		if *rewrite {
			if err := os.WriteFile(l.table, []byte(want), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		is, err := fs.ReadFile(root, l.table)
		if err != nil {
			t.Fatal(err)
		}
		if string(is) != want {
			t.Errorf("%s is stale: go test . -rewrite", l.table)
		}
	}
}

// section is a line of a list: a heading, or a key with what it means, and what is to bring it or the rest of it.
type section struct{ heading, key, meaning, from string }

func (l ledger) readSections(t *testing.T, root fs.FS) []section {
	text, err := fs.ReadFile(root, l.list)
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
			t.Fatalf("%s: cannot use %q", l.list, line)
		}
		meaning, from, _ := strings.Cut(meaning, " | ")
		out = append(out, section{key: key, meaning: meaning, from: from})
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
	claimLine = regexp.MustCompile(`^\s*(?:#|//) (\w+: )(.+)$`)
	testLine  = regexp.MustCompile(`^func (Test\w+|Fuzz\w+|Benchmark\w+)\(`)
)

func (l ledger) collect(t *testing.T, root fs.FS, sections []section) []claim {
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
		out = append(out, l.claimsOf(name, string(text), sections)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(out, func(a, b claim) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.test, b.test), cmp.Compare(a.section, b.section))
	})
	return slices.Compact(out)
}

func mayClaim(name string) bool {
	return strings.HasSuffix(name, "_test.go") ||
		strings.HasPrefix(name, "internal/engine/testdata/") && strings.HasSuffix(name, ".txt") ||
		strings.HasPrefix(name, "internal/ctl/testdata/") && strings.HasSuffix(name, ".txtar")
}

// claimsOf are the claims of a file. Those in the comment of a test are the test's, all others the file's.
func (l ledger) claimsOf(name, text string, sections []section) []claim {
	var out []claim
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if m := testLine.FindStringSubmatch(line); m != nil && l.named {
			key := strings.TrimPrefix(m[1], "Test")
			if slices.ContainsFunc(sections, func(s section) bool { return s.key == key }) {
				out = append(out, claim{key, name, m[1]})
			}
		}
		m := claimLine.FindStringSubmatch(line)
		if m == nil || m[1] != l.claim {
			continue
		}
		test := testBelow(lines[i+1:])
		for s := range strings.SplitSeq(m[2], ";") {
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

// shownBy are the words of a script that shows a section, where they are not those of its key.
var shownBy = map[string]string{
	"ENTRYPOINT": `entrypoint`, "EXIT": `\bEXIT\b`, "TASK": `\bTASK\b`, "EXTERNAL_EVENT": `\bEVENT\b`, "START_THREAD": `\bSTART\b`,
	"START_MULTIPLE_THREADS": `\bSTART_MANY\b`, "WAIT_FOR_THREADS": `\bWAIT_(ALL|ANY|FIRST)\b`, "WAIT_FOR_ALL": `\bWAIT_ALL\b`,
	"WAIT_FOR_ANY": `\bWAIT_ANY\b`, "WAIT_FOR_FIRST": `\bWAIT_FIRST\b`, "THROW_EVENT": `\bTHROW\b`, "WAIT_FOR_CONDITION": `\bCONDITION\b`,
	"RUN_CHILD_WF": `\bRUN_(DYNAMIC_)?CHILD\b`, "WAIT_FOR_CHILD_WF": `\bWAIT_CHILD\b`, "EXCEPTION": `\bEXCEPTION\b`,
}

// keyOfOneWord is of a section about a kind of node, a failure or a reason to be halted.
var keyOfOneWord = regexp.MustCompile(`^engine-2 §(?:6|9|16) (\w+)$`)

// A script that says that it shows a kind of node, a failure or a reason to be halted has that in it.
func TestScriptsShowWhatTheySay(t *testing.T) {
	root := os.DirFS(".")
	for _, c := range ledgers[0].collect(t, root, nil) {
		key := keyOfOneWord.FindStringSubmatch(c.section)
		if key == nil || !strings.HasPrefix(c.file, "internal/engine/testdata/") {
			continue
		}
		text, err := fs.ReadFile(root, c.file)
		if err != nil {
			t.Fatal(err)
		}
		words := regexp.MustCompile(cmp.Or(shownBy[key[1]], `\b`+key[1]+`\b`))
		if !slices.ContainsFunc(strings.Split(string(text), "\n"), func(line string) bool {
			return !strings.HasPrefix(line, "#") && words.MatchString(line)
		}) {
			t.Errorf("%s says that it shows %s, and does not", c.file, c.section)
		}
	}
}

const nothing = "no scenario"

func (l ledger) written(sections []section, claims []claim) string {
	var b strings.Builder
	b.WriteString(l.head)
	for _, s := range sections {
		if s.heading != "" {
			fmt.Fprintf(&b, "\n## %s\n\n| %s | | Shown by |\n| --- | --- | --- |\n", s.heading, l.column)
			continue
		}
		var by []string
		for _, c := range claims {
			if c.section == s.key {
				by = append(by, fmt.Sprintf("[%s](../%s)", c.name(), c.file))
			}
		}
		switch {
		case s.from != "" && by == nil:
			by = []string{"to come: " + s.from}
		case s.from != "":
			by = append(by, "the rest to come: "+s.from)
		case by == nil:
			by = []string{nothing}
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", s.key, s.meaning, strings.Join(by, ", "))
	}
	return b.String()
}
