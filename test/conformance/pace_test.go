package conformance

import (
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var rival = flag.String("rival", "", "host:port of another running server to pace the official workers against")

// paceRounds is how often each server has its turn.
const paceRounds = 3

// BenchmarkPace lets the official workers, as they come, do a WfRun of 100 tasks, one after the other, and prints a line
// of JSON for each language: how long one takes at our server, at the rival if one is named, by turns, and the ratio.
func BenchmarkPace(b *testing.B) {
	ours := underTest(b)
	for _, c := range clients {
		if c.language == "javascript" {
			continue // its worker is not a library: our program polls by itself
		}
		b.Run(c.language, func(b *testing.B) {
			var mine, theirs []float64
			for range paceRounds {
				mine = append(mine, c.pace(b, ours)...)
				if *rival != "" {
					theirs = append(theirs, c.pace(b, *rival)...)
				}
			}
			printPace(b, c.language, mine, theirs)
		})
	}
}

// pace gives the milliseconds of each WfRun.
func (c client) pace(b *testing.B, server string) (ms []float64) {
	b.Helper()
	done := c.perform(b, pace, server)
	for line := range strings.Lines(done.stdout.String()) {
		us, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
		if err != nil {
			b.Fatalf("the program says what it should not: %s", line)
		}
		ms = append(ms, us/1000)
	}
	if done.err != nil || len(ms) == 0 {
		b.Fatalf("the program ended (%v) after %d WfRuns\n%s", done.err, len(ms), tail(done.stderr.String(), 40))
	}
	return ms
}

func printPace(b *testing.B, language string, mine, theirs []float64) {
	b.Helper()
	result := map[string]any{"scenario": "official-workers", "language": language, "tasks": 100, "wfRunMs": spread(mine)}
	if len(theirs) > 0 {
		result["rivalWfRunMs"] = spread(theirs)
		result["ratio"] = median(theirs) / median(mine)
	}
	line, err := json.Marshal(result)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Println(string(line))
	b.ReportMetric(median(mine), "ms/wfRun")
}

func spread(ms []float64) map[string]any {
	s := slices.Sorted(slices.Values(ms))
	return map[string]any{"runs": len(s), "min": s[0], "p50": median(s), "max": s[len(s)-1]}
}

func median(ms []float64) float64 {
	s := slices.Sorted(slices.Values(ms))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
