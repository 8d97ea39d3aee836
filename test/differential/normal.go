package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// times are the fields that hold a moment: that there is one is a fact, which one is not.
var times = map[string]bool{
	"arrivalTime": true, "createdAt": true, "endTime": true, "eventTime": true, "maturationTime": true,
	"scheduleTime": true, "scheduledAt": true, "startTime": true, "time": true,
}

// detail is the part of a message that says it in the server's own words.
var detail = regexp.MustCompile(`(?s)(Failed evaluating edge with sink node \S+: Mutating variable \S+ with operation \w+: |Failed evaluating edge with sink node \S+: |` +
	`Failed evaluating condition on WAIT_FOR_CONDITION_NODE: |Failed calculating [\w ]+: |Failed constructing [\w ]+: |Unable to assign output content: |` +
	`Task output incompatible with declared return type: ).*`)

var generatedID = regexp.MustCompile(`[0-9a-f]{32}`)

// normal brings what was read from a server into the form in which two servers can be compared.
type normal struct {
	ids map[string]string // generated ids, in order of appearance
}

func (n *normal) value(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		return n.object(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = n.value(key, e)
		}
		return out
	case string:
		if times[key] {
			return "<time>"
		}
		if key == "message" || key == "errorMessage" {
			v = detail.ReplaceAllString(v, "$1<detail>")
		}
		return n.text(v)
	}
	return v
}

func (n *normal) text(s string) string {
	return generatedID.ReplaceAllStringFunc(s, func(id string) string {
		if _, known := n.ids[id]; !known {
			n.ids[id] = fmt.Sprintf("<id-%d>", len(n.ids)+1)
		}
		return n.ids[id]
	})
}

// object applies the rules that make free what a client may not rely on.
func (n *normal) object(o map[string]any) any {
	out := make(map[string]any, len(o))
	for _, k := range sortedKeys(o) {
		out[k] = n.value(k, o[k])
	}
	delete(out, "threadEndTime")
	if out["taskWorkerVersion"] == "" {
		delete(out, "taskWorkerVersion")
	}
	_, isWfRun := out["threadRuns"]
	_, isThread := out["threadSpecName"]
	_, isNode := out["nodeName"]
	if isWfRun || isThread && out["status"] != "COMPLETED" {
		delete(out, "endTime")
	}
	// A late halt and a resume leave the original's WfRun with the status it had.
	if isWfRun && out["status"] == "HALTED" {
		out["status"] = "RUNNING"
	}
	if isNode {
		freeForeignHandlers(out)
	}
	if w, ok := out["waitForThreads"].(map[string]any); ok && out["status"] != "RUNNING" {
		freeStaleStatuses(w)
	}
	if source, ok := out["source"].(map[string]any); ok {
		delete(source, "wfSpecId")
	}
	for _, name := range []string{"childThreadIds", "handledFailedChildren"} {
		if ids, ok := out[name].([]any); ok {
			slices.SortFunc(ids, func(a, b any) int { return cmp.Compare(a.(float64), b.(float64)) })
			out[name] = slices.Compact(ids)
		}
	}
	if reasons, ok := out["haltReasons"].([]any); ok {
		if out["status"] == "RUNNING" {
			reasons = nil // the original keeps those from before a rescue
		}
		reasons = slices.DeleteFunc(reasons, func(r any) bool { return haltedFromFar(r, out["parentThreadId"]) })
		slices.SortFunc(reasons, func(a, b any) int { return strings.Compare(show(a), show(b)) })
		out["haltReasons"] = slices.CompactFunc(reasons, func(a, b any) bool { return show(a) == show(b) })
		if len(reasons) == 0 {
			delete(out, "haltReasons")
		}
	}
	return out
}

// haltedFromFar tells whether a thread is halted by an ancestor that is not its parent: ours halts also what is
// left below a thread that has ended.
func haltedFromFar(reason, parent any) bool {
	r, ok := reason.(map[string]any)["parentHalted"].(map[string]any)
	if !ok {
		return false
	}
	by := r["parentThreadId"]
	if by == nil {
		by = 0.0
	}
	return parent != nil && by != parent
}

// freeForeignHandlers: the original shares one Failure between a waiting node and the failed child's node, so
// the marks of the parent's handler appear on both; only those of a node's own handlers count.
func freeForeignHandlers(node map[string]any) {
	if node["failureHandlerIds"] != nil {
		return
	}
	failures, _ := node["failures"].([]any)
	for _, f := range failures {
		delete(f.(map[string]any), "wasProperlyHandled")
		delete(f.(map[string]any), "failureHandlerThreadrunId")
	}
}

// freeStaleStatuses: what a node that waits no longer saw last of a thread that went on depends on the moment.
func freeStaleStatuses(w map[string]any) {
	threads, _ := w["threads"].([]any)
	for _, t := range threads {
		if t := t.(map[string]any); t["waitingStatus"] == nil {
			delete(t, "threadStatus")
		}
	}
}

// differences lists the paths at which two normal forms differ.
func differences(path string, a, b any) []string {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok {
			break
		}
		keys := map[string]any{}
		maps.Copy(keys, a)
		maps.Copy(keys, b)
		var out []string
		for _, k := range sortedKeys(keys) {
			out = append(out, differences(path+"."+k, a[k], b[k])...)
		}
		return out
	case []any:
		b, ok := b.([]any)
		if !ok {
			break
		}
		var out []string
		for i := range max(len(a), len(b)) {
			out = append(out, differences(fmt.Sprintf("%s[%d]", path, i), at(a, i), at(b, i))...)
		}
		return out
	}
	x, y := show(a), show(b)
	if x == y {
		return nil
	}
	return []string{fmt.Sprintf("%s: original %s, ours %s", strings.TrimPrefix(path, "."), x, y)}
}

func at(l []any, i int) any {
	if i < len(l) {
		return l[i]
	}
	return nil
}

func show(v any) string {
	if v == nil {
		return "absent"
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
