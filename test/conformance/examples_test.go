package conformance

import (
	"strconv"
	"strings"
	"testing"
)

// TestExamples runs workflows as users of the official clients write them. Each program starts its workers, runs
// its examples one after the other and checks what came of them; it says so in one line for each, and at the end
// how many it has.
func TestExamples(t *testing.T) {
	if *record {
		return // they have no transcripts
	}
	watchSources(t)
	server := underTest(t)
	for _, c := range clients {
		t.Run(c.language, func(t *testing.T) {
			t.Parallel()
			c.tryExamples(t, server)
		})
	}
}

func (c client) tryExamples(t *testing.T, server string, env ...string) {
	done := c.perform(t, examples, server, env...)
	told, announced := 0, "none"
	for line := range strings.Lines(done.stdout.String()) {
		verdict, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch verdict {
		case "PASS", "FAIL":
			told++
			name, seen, _ := strings.Cut(rest, " ")
			t.Run(name, func(t *testing.T) {
				if verdict == "FAIL" {
					t.Error(seen)
				}
			})
		case "DONE":
			announced = rest
		default:
			t.Errorf("the program says what it should not: %s", line)
		}
	}
	if announced != strconv.Itoa(told) {
		t.Errorf("the program ended (%v) after %d examples and announced %s", done.err, told, announced)
	}
	if t.Failed() {
		t.Logf("%s", tail(done.stderr.String(), 60))
	}
}
