package starter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryLanguageHasAProject(t *testing.T) {
	for _, language := range Languages() {
		parent := t.TempDir()
		files, err := Project{Name: "tea-time", Language: language, SDK: "/sdk", Module: "example.org/horse"}.Make(parent)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) < 3 {
			t.Errorf("%s: %v", language, files)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "{{") || strings.HasSuffix(file, ".tmpl") {
				t.Errorf("%s is not filled in:\n%s", file, text)
			}
		}
		if _, err := os.Stat(filepath.Join(parent, "tea-time", "README.md")); err != nil {
			t.Error(err)
		}
	}
}

func TestProjectsThatCannotBe(t *testing.T) {
	parent := t.TempDir()
	if err := os.Mkdir(filepath.Join(parent, "taken"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range []Project{
		{Name: "", Language: "go"},
		{Name: "../out", Language: "go"},
		{Name: "Tea", Language: "go"},
		{Name: "tea-", Language: "go"},
		{Name: strings.Repeat("a", 61), Language: "go"},
		{Name: "tea", Language: "cobol"},
		{Name: "taken", Language: "python"},
	} {
		if files, err := p.Make(parent); err == nil {
			t.Errorf("%+v made %v", p, files)
		}
	}
}
