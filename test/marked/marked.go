// Package marked holds files to parts of them that are made from something else.
package marked

import (
	"os"
	"strings"
	"testing"
)

// Part holds what stands in a file between two lines to what it should be, or writes that there if it is told to. how is
// the command that does so.
func Part(t testing.TB, file, begin, end, made string, rewrite bool, how string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, begins := strings.Cut(string(text), begin)
	_, tail, ends := strings.Cut(rest, end)
	if !begins || !ends {
		t.Fatalf("%s has no part between %q and %q", file, begin, end)
	}
	want := head + begin + made + end + tail
	if want == string(text) {
		return
	}
	if !rewrite {
		t.Fatalf("%s is stale: %s", file, how)
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
