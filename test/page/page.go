// Package page holds documents to what they say: it reads the blocks of code of a page, executes its commands against a real
// server in the order in which they stand, compiles its Go and runs the tests in it, parses the rest, and compares what the
// page says is printed with what is. A block is told by the words behind its fence:
//
//	sh                     is executed; a failing command fails the page
//	sh soon                is repeated until it prints the text behind it: something happens elsewhere
//	sh server              starts a server or makes the binary: it is there already, and the block is skipped
//	sh background until=X  is started, and goes on until the page ends; what follows waits until it has printed X
//	sh in=repository       is executed in the folder of the repository, whose bin/lhctl is the one at hand
//	sh test=FILE:TESTNAME  is executed by that test, which reads the page
//	sh needs=WHAT          needs what a test has not: containers, hours. It must be good shell
//	sh own                 starts a server in the background, which the rest of the page is about
//	text                   is what the block before it prints: these lines in this order, … standing for anything
//	LANG file=NAME         is written to a file in the page's folder
//	LANG from=PATH         is an excerpt of a file of this repository, which is tested elsewhere; a line // … leaves something out
//	go                     compiles, as declarations or as statements with ctx, client and t at hand
//	go test                has functions TestX, which are run; what the page's other blocks declare is at hand
//	json, yaml, …          must be good in its language
//	drawing                is for eyes: a picture, or what stands for many commands
package page

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A Block is one of a page, between two fences.
type Block struct {
	// At is the place of its first line, "docs/page.md:12".
	At string
	// Language is the first word behind the fence, Words and Values are the others: "server", "file=main.go".
	Language string
	Words    []string
	Values   map[string]string
	// Text ends with a line end.
	Text string
}

// Line is the number of its first line in the page.
func (b Block) Line() int {
	_, number, _ := strings.Cut(b.At, ":")
	n, err := strconv.Atoi(number)
	if err != nil {
		panic(err) // Parse has written it
	}
	return n
}

// OtherLanguages are those whose pages in docs/start are executed by test/languages, which has their tools.
var OtherLanguages = []string{"python", "java", "javascript"}

// Is tells whether the block has the word.
func (b Block) Is(word string) bool { return slices.Contains(b.Words, word) }

// Root is the folder of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// Read gives the blocks of a page, which is named by its path in the repository.
func Read(t testing.TB, path string) []Block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root(), path))
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := Parse(path, string(text))
	if err != nil {
		t.Fatal(err)
	}
	return blocks
}

// Of is the block of a page that is executed by the test.
func Of(t testing.TB, path string) Block {
	t.Helper()
	for _, b := range Read(t, path) {
		if _, name, _ := strings.Cut(b.Values["test"], ":"); name == t.Name() {
			return b
		}
	}
	t.Fatalf("%s has no block for %s", path, t.Name())
	return Block{}
}

// Serves are the settings of a block that is one command: it starts a server with settings before it.
func (b Block) Serves(t testing.TB) (settings []string) {
	t.Helper()
	before, found := strings.CutSuffix(b.Text, " lh serve\n")
	if settings = strings.Fields(before); !found || slices.ContainsFunc(settings, func(s string) bool { return !strings.Contains(s, "=") }) {
		t.Fatalf("%s starts no server: %s", b.At, b.Text)
	}
	return settings
}

const fence = "```"

// Parse gives the blocks of a page's text.
func Parse(path, text string) ([]Block, error) {
	var blocks []Block
	var open *Block
	indent := ""
	for n, line := range strings.Split(text, "\n") {
		bare := strings.TrimLeft(line, " ")
		switch {
		case open == nil && strings.HasPrefix(bare, fence):
			open = begin(fmt.Sprintf("%s:%d", path, n+1), strings.Fields(strings.TrimPrefix(bare, fence)))
			indent = line[:len(line)-len(bare)]
		case open != nil && strings.TrimSpace(line) == fence:
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.Text += strings.TrimPrefix(line, indent) + "\n"
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%s: the block does not end", open.At)
	}
	return blocks, nil
}

func begin(at string, info []string) *Block {
	b := &Block{At: at, Values: map[string]string{}}
	if len(info) == 0 {
		return b
	}
	b.Language = info[0]
	for _, word := range info[1:] {
		if name, value, ok := strings.Cut(word, "="); ok {
			b.Values[name] = value
		} else {
			b.Words = append(b.Words, word)
		}
	}
	return b
}
