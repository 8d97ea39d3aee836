package tidy_test

import (
	"fmt"
	"go/doc"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"littlehorse/test/marked"
)

// The document on the architecture names every room, with the first sentence that it says of itself.
func TestTheTableIsTrueOfRooms(t *testing.T) {
	var b strings.Builder
	b.WriteString("Made from what each says of itself, by `go test . -rewrite`.\n\n| room | |\n| --- | --- |\n")
	for _, parent := range []string{"internal", "sdk"} {
		folders, err := os.ReadDir(parent)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range folders {
			if room := path.Join(parent, f.Name()); f.IsDir() {
				fmt.Fprintf(&b, "| `%s` | %s |\n", room, purpose(t, room))
			}
		}
	}
	marked.Part(t, "docs/architecture.md", "<!-- rooms: begin -->\n", "<!-- rooms: end -->\n", b.String(), *rewrite, "go test . -rewrite")
}

// purpose is the first sentence of a package's comment, behind its name.
func purpose(t *testing.T, room string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(room), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree := source(t, file)
		if tree.Doc == nil {
			continue
		}
		said := new(doc.Package).Synopsis(tree.Doc.Text())
		return strings.ReplaceAll(sentence(strings.TrimPrefix(strings.TrimPrefix(said, "Package "+tree.Name.Name+" "), "is ")), "|", `\|`)
	}
	t.Errorf("%s does not say what it is for", room)
	return ""
}
