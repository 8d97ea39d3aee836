package main

import (
	"fmt"
	"io"
)

// report prints the summary, a word and a number a line, and tells whether all is well.
func (c *comparison) report(w io.Writer, target int) bool {
	ends, kinds, hits := map[string]int{}, map[string]int{}, map[string]int{}
	recorded := 0
	for _, h := range c.transcript.Histories {
		if err := h.count(); err != nil {
			fmt.Fprintf(w, "seed %d: %v\n", h.Seed, err)
			c.failed = true
		}
		ends[h.End]++
		kinds[h.Kind]++
		recorded += len(h.Steps)
		for k, n := range h.Cells {
			hits[k] += n
		}
	}
	fmt.Fprintf(w, "histories\t%d\nsteps\t%d\n", len(c.transcript.Histories), recorded)
	section(w, "kind", kinds)
	section(w, "end", ends)
	if len(c.verdicts) > 0 {
		fmt.Fprintf(w, "compared\t%d\n", c.steps)
		section(w, "verdict", c.verdicts)
		for _, t := range tolerances {
			fmt.Fprintf(w, "tolerance\t%s\t%d\n", t.name, c.free[t.name])
		}
	}
	enough := coverage(w, hits, target)
	return enough && !c.failed
}

func section(w io.Writer, name string, counts map[string]int) {
	for _, k := range sortedKeys(counts) {
		fmt.Fprintf(w, "%s\t%s\t%d\n", name, k, counts[k])
	}
}

// coverage prints a line for each cell: how often it was hit, and why if it cannot be aimed at.
func coverage(w io.Writer, hits map[string]int, target int) bool {
	enough := true
	for _, r := range reaches {
		for _, circumstance := range circumstances {
			c := cell{r.kind, r.outcome, circumstance}
			n := hits[c.String()]
			delete(hits, c.String())
			if why := unreachable(r, circumstance); why != "" {
				// What may still hit it cannot be aimed at.
				fmt.Fprintf(w, "unreachable\t%s\t%d\t%s\n", c, n, why)
				continue
			}
			mark := "cell"
			if n < target {
				mark, enough = "missed", false
			}
			fmt.Fprintf(w, "%s\t%s\t%d\n", mark, c, n)
		}
	}
	for _, k := range sortedKeys(hits) {
		fmt.Fprintf(w, "cell\t%s\t%d\n", k, hits[k])
	}
	return enough
}
