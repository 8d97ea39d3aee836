package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// A step is one line of a transcript: what a program did, and what came of it.
type step struct {
	Step    string `json:"step"`
	Outcome any    `json:"outcome"`
	// Failed says which expectation of the program was not met; such a step has no outcome.
	Failed string `json:"failed,omitempty"`
}

// longestLine bounds one line; the longest, a run with all its parts, has some 20 KB.
const longestLine = 4 << 20

// parse reads a program's output and brings every outcome into its normal form.
func parse(r io.Reader, prefix string) ([]step, error) {
	var steps []step
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		s, err := decode(lines.Bytes())
		if err != nil {
			return steps, err
		}
		s.Outcome = normalise(s.Outcome, prefix)
		steps = append(steps, s)
	}
	return steps, lines.Err()
}

func decode(line []byte) (step, error) {
	var s step
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber() // 64-bit numbers stay what they are
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("not a line of a transcript: %q: %w", line, err)
	}
	return s, nil
}

func write(t *testing.T, path string, steps []step) {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	for _, s := range steps {
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// compare reports every fact in which the transcript differs from the recorded one.
func compare(t *testing.T, path string, got []step) {
	t.Helper()
	golden, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer golden.Close()
	lines := bufio.NewScanner(golden)
	lines.Buffer(nil, longestLine)
	done := map[string]step{}
	for _, s := range got {
		if _, twice := done[s.Step]; twice {
			t.Errorf("%s: the program has two steps of this name", s.Step)
		}
		done[s.Step] = s
	}
	for lines.Scan() {
		want, err := decode(lines.Bytes())
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		s, ok := done[want.Step]
		if !ok {
			t.Errorf("%s: not reached", want.Step)
			continue
		}
		delete(done, want.Step)
		for _, d := range differences("", want.Outcome, s.Outcome) {
			t.Errorf("%s: %s", want.Step, d)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	for _, s := range got {
		if _, left := done[s.Step]; left && s.Failed == "" {
			t.Errorf("%s: is not in %s; record it from the original", s.Step, path)
		}
	}
}

// differences lists where two JSON values differ, each with the path to it.
func differences(path string, want, got any) []string {
	switch w := want.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok {
			return objectDifferences(path, w, g)
		}
	case []any:
		if g, ok := got.([]any); ok && len(g) == len(w) {
			var all []string
			for i := range w {
				all = append(all, differences(fmt.Sprintf("%s[%d]", path, i), w[i], g[i])...)
			}
			return all
		}
	}
	if reflect.DeepEqual(want, got) {
		return nil
	}
	return []string{fmt.Sprintf("%s: original %s, here %s", path, text(want), text(got))}
}

func objectDifferences(path string, want, got map[string]any) []string {
	var all []string
	for _, k := range sortedKeys(want, got) {
		w, inWant := want[k]
		g, inGot := got[k]
		switch {
		case !inGot:
			all = append(all, fmt.Sprintf("%s.%s: original %s, here absent", path, k, text(w)))
		case !inWant:
			all = append(all, fmt.Sprintf("%s.%s: original absent, here %s", path, k, text(g)))
		default:
			all = append(all, differences(path+"."+k, w, g)...)
		}
	}
	return all
}

func sortedKeys(objects ...map[string]any) []string {
	var keys []string
	for _, o := range objects {
		for k := range o {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func text(v any) string {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprintf("%v", v)
	}
	return strings.TrimSuffix(out.String(), "\n")
}
