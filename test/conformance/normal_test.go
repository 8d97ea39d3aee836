package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// times are the fields that hold a moment: that there is one is a fact, which one is not.
var times = map[string]bool{
	"arrivalTime": true, "createdAt": true, "endTime": true, "eventTime": true, "maturationTime": true,
	"scheduleTime": true, "scheduledAt": true, "scheduledTime": true, "startTime": true, "time": true,
}

// unordered are the lists of a run's parts. The original orders them by the text of the id (10 before 2), we
// by number, and neither is promised.
var unordered = map[string]bool{
	"externalEvents": true, "nodeRuns": true, "taskRuns": true, "variables": true, "workflowEvents": true,
}

var (
	generatedID = regexp.MustCompile(`\b[0-9a-f]{32}\b`)
	logTime     = regexp.MustCompile(`\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^\s\]]*\]?`)
)

// normalise brings an outcome into the form in which two servers, or two runs, can be compared. Each rule
// stands for something that the reference declares free; testdata/README.md lists them with their reasons.
func normalise(outcome any, prefix string) any {
	n := normaliser{prefix: prefix, ids: map[string]string{}}
	return n.value("", outcome)
}

type normaliser struct {
	prefix string
	ids    map[string]string // generated ids, in order of appearance in this outcome
}

func (n *normaliser) value(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		return n.object(v)
	case []any:
		return n.list(key, v)
	case string:
		return n.text(key, v)
	default:
		return v
	}
}

func (n *normaliser) text(key, s string) string {
	if times[key] {
		return "<time>"
	}
	s = strings.ReplaceAll(s, n.prefix, "$")
	return generatedID.ReplaceAllStringFunc(s, func(id string) string {
		if _, known := n.ids[id]; !known {
			n.ids[id] = fmt.Sprintf("<id-%d>", len(n.ids)+1)
		}
		return n.ids[id]
	})
}

func (n *normaliser) object(o map[string]any) any {
	out := make(map[string]any, len(o))
	for _, k := range sortedKeys(o) {
		out[n.text("", k)] = n.value(k, o[k])
	}
	dropFreeTimes(out)
	hideWorkerTexts(out)
	dropSourceSpec(out)
	if ids, ok := out["childThreadIds"].([]any); ok {
		out["childThreadIds"] = unique(ids)
	}
	if frozen, ok := out["frozenVariables"].([]any); ok {
		slices.SortFunc(frozen, func(a, b any) int { return strings.Compare(text(a), text(b)) })
	}
	return out
}

// dropFreeTimes leaves out end times that a server may or may not fill in.
func dropFreeTimes(o map[string]any) {
	delete(o, "threadEndTime")
	_, isWfRun := o["threadRuns"]
	_, isThreadRun := o["threadSpecName"]
	if isWfRun || isThreadRun && o["status"] != "COMPLETED" {
		delete(o, "endTime")
	}
}

// hideWorkerTexts keeps what a worker wrote only as far as it is the same on every machine.
func hideWorkerTexts(attempt map[string]any) {
	if _, ok := attempt["taskWorkerId"]; !ok {
		return
	}
	if e, ok := attempt["error"].(map[string]any); ok && attempt["status"] == "TASK_FAILED" {
		e["message"] = "<stack trace>"
	}
	if log, ok := attempt["logOutput"].(map[string]any); ok {
		if s, ok := log["str"].(string); ok {
			log["str"] = logTime.ReplaceAllString(s, "<time>")
		}
	}
}

// dropSourceSpec leaves out the WfSpec of a TaskRun's source: 1.2.1 never fills it in.
func dropSourceSpec(o map[string]any) {
	if source, ok := o["source"].(map[string]any); ok {
		delete(source, "wfSpecId")
	}
}

func (n *normaliser) list(key string, l []any) any {
	out := make([]any, len(l))
	for i, v := range l {
		out[i] = n.value(key, v)
	}
	if unordered[key] {
		slices.SortStableFunc(out, byID)
	}
	return out
}

// byID orders the parts of a run by thread and position, then by the rest of their ids, numbers by value.
func byID(a, b any) int {
	key := func(part any) string {
		id := field(part, "id")
		return fmt.Sprintf("%s %s %s", number(field(id, "threadRunNumber")), number(field(id, "position")), text(id))
	}
	return naturally(key(a), key(b))
}

// number is the text of a number that may be left out when it is 0.
func number(v any) string {
	if v == nil {
		return "0"
	}
	return text(v)
}

func field(v any, name string) any {
	o, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	return o[name]
}

var digits = regexp.MustCompile(`\d+`)

// naturally compares texts so that 2 comes before 10.
func naturally(a, b string) int {
	pad := func(s string) string {
		return digits.ReplaceAllStringFunc(s, func(d string) string { return fmt.Sprintf("%20s", d) })
	}
	return strings.Compare(pad(a), pad(b))
}

// unique sorts numbers and removes repetitions.
func unique(numbers []any) []any {
	out := slices.Clone(numbers)
	slices.SortFunc(out, func(a, b any) int { return naturally(text(a), text(b)) })
	return slices.CompactFunc(out, func(a, b any) bool { return text(a) == text(b) })
}

func TestNormalForm(t *testing.T) {
	for name, c := range map[string]struct{ raw, want string }{
		"names lose their prefix, also as keys": {
			`{"id":"p-1a2b3c-run","p-1a2b3c":1}`, `{"$":1,"id":"$-run"}`,
		},
		"generated ids are numbered in order of appearance": {
			`["0123456789abcdef0123456789abcdef","ffffffffffffffffffffffffffffffff","0123456789abcdef0123456789abcdef"]`,
			`["<id-1>","<id-2>","<id-1>"]`,
		},
		"a moment is only present or absent": {`{"startTime":"2026-11-21T04:41:18Z"}`, `{"startTime":"<time>"}`},
		"end times of what failed are free": {
			`[{"threadSpecName":"x","status":"ERROR","endTime":"t"},{"threadSpecName":"x","status":"COMPLETED","endTime":"t"}]`,
			`[{"status":"ERROR","threadSpecName":"x"},{"endTime":"<time>","status":"COMPLETED","threadSpecName":"x"}]`,
		},
		"parts of a run are ordered by number": {
			`{"nodeRuns":[{"id":{"position":1,"threadRunNumber":1}},{"id":{"position":10}},{"id":{"position":2}},{"id":{}}]}`,
			`{"nodeRuns":[{"id":{}},{"id":{"position":2}},{"id":{"position":10}},{"id":{"position":1,"threadRunNumber":1}}]}`,
		},
		"a child that is listed twice is one child": {`{"childThreadIds":[10,2,2]}`, `{"childThreadIds":[2,10]}`},
		"the source of a TaskRun is a node": {
			`{"source":{"taskNode":{},"wfSpecId":{"name":"x"}}}`, `{"source":{"taskNode":{}}}`,
		},
		"stack traces and log times are the worker's": {
			`{"taskWorkerId":"w","status":"TASK_FAILED","error":{"message":"at line 7"},"logOutput":{"str":"[2026-11-21 04:42:28.6] hi"}}`,
			`{"error":{"message":"<stack trace>"},"logOutput":{"str":"<time> hi"},"status":"TASK_FAILED","taskWorkerId":"w"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := decode([]byte(`{"step":"s","outcome":` + c.raw + `}`))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, text(normalise(s.Outcome, "p-1a2b3c"))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDifferencesNameThePath(t *testing.T) {
	var values [2]any
	for i, raw := range []string{
		`{"a":[{"b":1},{"c":"x"}],"gone":true}`,
		`{"a":[{"b":2},{"c":"x"}],"new":[1]}`,
	} {
		s, err := decode([]byte(`{"outcome":` + raw + `}`))
		if err != nil {
			t.Fatal(err)
		}
		values[i] = s.Outcome
	}
	want := []string{
		".a[0].b: original 1, here 2",
		".gone: original true, here absent",
		".new: original absent, here [1]",
	}
	if diff := cmp.Diff(want, differences("", values[0], values[1])); diff != "" {
		t.Error(diff)
	}
}
