package tidy_test

import (
	"go/ast"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// setting is a whole name; a prefix alone ends in "_".
var setting = regexp.MustCompile(`^LH[SDCW]_[A-Z0-9_]*[A-Z0-9]$`)

// A setting that code reads and no document explains is found by nobody; one that is explained and never read misleads.
func TestSettingsAreDocumented(t *testing.T) {
	var read []string
	for _, f := range goFiles(t) {
		if f.test() || !within(f.path, []string{"cmd", "internal", "sdk"}) {
			continue
		}
		ast.Inspect(f.tree(t), func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err == nil && setting.MatchString(text) {
				read = append(read, text)
			}
			return true
		})
	}
	documented := documentedSettings(t, "docs/ops/settings.md", "docs/lhctl.md")
	for _, name := range read {
		if !slices.Contains(documented, name) {
			t.Errorf("%s is read and not documented", name)
		}
	}
	for _, name := range documented {
		if !slices.Contains(read, name) {
			t.Errorf("%s is documented and not read", name)
		}
	}
}

// documentedSettings are the names in the first columns of tables.
func documentedSettings(t *testing.T, files ...string) (names []string) {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			cells := strings.Split(line, "|")
			if len(cells) < 3 || cells[0] != "" {
				continue
			}
			for _, name := range strings.Split(cells[1], "`") {
				if setting.MatchString(name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}
