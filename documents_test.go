package tidy_test

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"littlehorse/test/page"
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

// Commands that no test executes are few, and each is known.
func TestFewCommandsAreNotExecuted(t *testing.T) {
	var left []string
	for _, f := range textFiles(t) {
		if f.path != "README.md" && !strings.HasPrefix(f.path, "docs/") || path.Ext(f.path) != ".md" {
			continue
		}
		for _, b := range page.Read(t, f.path) {
			if what := b.Values["needs"]; what != "" {
				left = append(left, f.path+" "+what)
			}
		}
	}
	slices.Sort(left)
	want := []string{
		"README.md hours", "docs/ops/dashboard.md hours", "docs/ops/dashboard.md hours", "docs/ops/tracing.md docker",
	}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Errorf("known (-), in the documents (+):\n%s", diff)
	}
}

var makeTarget = regexp.MustCompile("`make ([a-z0-9-]+)")

// What documents tell to make can be made.
func TestTargetsThatDocumentsNameAreThere(t *testing.T) {
	targets := page.Targets()
	for _, f := range textFiles(t) {
		if path.Ext(f.path) != ".md" {
			continue
		}
		for _, m := range makeTarget.FindAllStringSubmatch(f.text, -1) {
			if !targets[m[1]] {
				t.Errorf("%s says make %s, which there is not", f.path, m[1])
			}
		}
	}
}

var (
	inlineCode = regexp.MustCompile("`[^`\n]+`")
	ofTheSDK   = regexp.MustCompile(`\b(lh|lhotel|lhtest|task|usertask|wf|worker)\.([A-Z]\w*)`)
)

// What documents say in passing of the Go SDK is there; their blocks of code are compiled.
func TestNamesOfTheSDKInDocumentsAreThere(t *testing.T) {
	exported := map[string]bool{}
	for line := range strings.Lines(readText(t, "sdk/api.txt")) {
		room, declaration, _ := strings.Cut(strings.TrimPrefix(line, "sdk/"), ": ")
		if room == "client" {
			room = "lh"
		}
		if m := regexp.MustCompile(`^(?:func|const|var|type) (\w+)`).FindStringSubmatch(declaration); m != nil {
			exported[room+"."+m[1]] = true
		}
	}
	for _, f := range textFiles(t) {
		// Decisions are about the rooms of the server, one of which is called lh, too.
		if !strings.HasPrefix(f.path, "docs/") || strings.HasPrefix(f.path, "docs/adr/") || path.Ext(f.path) != ".md" {
			continue
		}
		for _, code := range inlineCode.FindAllString(fenced.ReplaceAllString(f.text, ""), -1) {
			for _, m := range ofTheSDK.FindAllString(code, -1) {
				if !exported[m] {
					t.Errorf("%s: the SDK has no %s", f.path, m)
				}
			}
		}
	}
}
