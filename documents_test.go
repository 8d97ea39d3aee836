package tidy_test

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Decisions are numbered without a gap and say what the list of them promises.
func TestDecisionsAreWhole(t *testing.T) {
	files, err := os.ReadDir("docs/adr")
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	for _, f := range files {
		if f.Name() == "README.md" {
			continue
		}
		number++
		text := readText(t, path.Join("docs/adr", f.Name()))
		if want := fmt.Sprintf("%04d", number); !strings.HasPrefix(f.Name(), want+"-") || !strings.HasPrefix(text, "# "+want+" ") {
			t.Errorf("%s should have the number %s, in its name and its title", f.Name(), want)
		}
		rest := text
		for _, part := range []string{"Context", "Decision", "Consequences", "Not chosen"} {
			_, behind, found := strings.Cut(rest, "\n## "+part+"\n")
			if !found {
				t.Errorf("%s has no part %q behind those before it", f.Name(), part)
			}
			rest = behind
		}
	}
}

var (
	testName     = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`)
	testFunc     = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z]\w+)\(`)
	scenarioName = regexp.MustCompile("`([a-z_]+\\.txt)`")
)

// Documents claim much by naming the test that shows it: it is there.
func TestTestsThatDocumentsNameAreThere(t *testing.T) {
	var tests, scenarios []string
	for _, f := range textFiles(t) {
		switch {
		case strings.HasSuffix(f.path, "_test.go"):
			for _, m := range testFunc.FindAllStringSubmatch(f.text, -1) {
				tests = append(tests, m[1])
			}
		case strings.HasSuffix(f.path, ".txt"):
			scenarios = append(scenarios, path.Base(f.path))
		}
	}
	for _, f := range textFiles(t) {
		if !strings.HasPrefix(f.path, "docs/") || path.Ext(f.path) != ".md" {
			continue
		}
		text := fenced.ReplaceAllString(f.text, "")
		for _, name := range testName.FindAllString(text, -1) {
			if !slices.Contains(tests, name) {
				t.Errorf("%s names %s, which there is not", f.path, name)
			}
		}
		for _, m := range scenarioName.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(scenarios, m[1]) {
				t.Errorf("%s names %s, which there is not", f.path, m[1])
			}
		}
	}
}
