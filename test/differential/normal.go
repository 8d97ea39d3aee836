package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"littlehorse/lhpb"
)

// tolerance makes free what a client may not rely on. It changes one object of an answer or a state.
type tolerance struct {
	name  string
	why   string
	apply func(o map[string]any)
}

// tolerances are applied to both sides, one after the other, from the innermost object out.
var tolerances = []tolerance{
	{"thread-end-time", "the original never fills thread_end_time of an entry of WAIT_FOR_THREADS (engine-2 §9)", func(o map[string]any) {
		delete(o, "threadEndTime")
	}},
	{"no-worker-version", "an attempt of a worker without a version: present and empty, or absent", func(o map[string]any) {
		if o["taskWorkerVersion"] == "" {
			delete(o, "taskWorkerVersion")
		}
	}},
	{"end-time", "the original leaves out, and keeps, end times of failed threads and rescued WfRuns (engine-2 §2, §11)", func(o map[string]any) {
		if isWfRun(o) || isThread(o) && o["status"] != "COMPLETED" {
			delete(o, "endTime")
		}
	}},
	{"halted-wf-run", "a late halt and a resume leave the original's WfRun with the status it had (engine-2 §10)", func(o map[string]any) {
		if isWfRun(o) && o["status"] == "HALTED" {
			o["status"] = "RUNNING"
		}
	}},
	{"shared-failure", "the original shares one Failure between a waiting node and the child's (engine-2 §9)", freeForeignHandlers},
	{"stale-entry", "what a node that waits no longer saw last of a thread depends on the moment", func(o map[string]any) {
		if w, ok := o["waitForThreads"].(map[string]any); ok && o["status"] != "RUNNING" {
			freeStaleStatuses(w)
		}
	}},
	{"source-spec", "source.wf_spec_id of a TaskRun is never set by 1.2.1", func(o map[string]any) {
		if source, ok := o["source"].(map[string]any); ok {
			delete(source, "wfSpecId")
			for _, k := range sortedKeys(source) {
				if s, ok := source[k].(map[string]any); ok {
					delete(s, "wfSpecId")
				}
			}
		}
	}},
	{"child-twice", "the original lists a handler twice among the children (engine-2 §7)", func(o map[string]any) {
		for _, name := range []string{"childThreadIds", "handledFailedChildren"} {
			if ids, ok := o[name].([]any); ok {
				slices.SortFunc(ids, func(a, b any) int { return cmp.Compare(a.(float64), b.(float64)) })
				o[name] = slices.Compact(ids)
			}
		}
	}},
	{"old-halt-reasons", "a running thread of the original keeps reasons from before a rescue", func(o map[string]any) {
		if isThread(o) && o["status"] == "RUNNING" {
			delete(o, "haltReasons")
		}
	}},
	{"halted-from-far", "ours halts also what is left below a thread that has ended", func(o map[string]any) {
		reasons(o, func(r []any) []any {
			return slices.DeleteFunc(r, func(r any) bool { return haltedFromFar(r, o["parentThreadId"]) })
		})
	}},
	{"halt-reasons-order", "equal reasons and their order are free", func(o map[string]any) {
		reasons(o, func(r []any) []any {
			slices.SortFunc(r, func(a, b any) int { return strings.Compare(show(a), show(b)) })
			return slices.CompactFunc(r, func(a, b any) bool { return show(a) == show(b) })
		})
	}},
	{"message-detail", "the tail of a message is the server's own words", func(o map[string]any) {
		for _, k := range []string{"message", "errorMessage"} {
			if s, ok := o[k].(string); ok {
				o[k] = detail.ReplaceAllString(s, "$1<detail>")
			}
		}
	}},
}

// order-after-rescue is the one tolerance that holds only after a rescue: the original goes on one command later.
func orderAfterRescue(o map[string]any) {
	id, isID := o["id"].(map[string]any)
	value, isValue := o["value"].(map[string]any)
	if !isID || !isValue || id["name"] != "l" {
		return
	}
	var items []any
	if s, ok := value["jsonArr"].(string); ok && json.Unmarshal([]byte(s), &items) == nil {
		slices.SortFunc(items, func(a, b any) int { return strings.Compare(show(a), show(b)) })
		value["jsonArr"] = show(items)
	}
}

const everyRule = "every"

// compareTexts applies all tolerances but one, or none, to both sides.
func compareTexts(theirs, ours json.RawMessage, rescued bool, without string) []string {
	var a, b any
	if err := json.Unmarshal(theirs, &a); err != nil {
		return []string{err.Error()}
	}
	if err := json.Unmarshal(ours, &b); err != nil {
		return []string{err.Error()}
	}
	tolerate(a, rescued, without)
	tolerate(b, rescued, without)
	return differences("", a, b)
}

func tolerate(v any, rescued bool, without string) {
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			tolerate(e, rescued, without)
		}
		if without == everyRule {
			return
		}
		if rescued {
			orderAfterRescue(v)
		}
		for _, t := range tolerances {
			if t.name != without {
				t.apply(v)
			}
		}
	case []any:
		for _, e := range v {
			tolerate(e, rescued, without)
		}
	}
}

func isWfRun(o map[string]any) bool { _, is := o["threadRuns"]; return is }
func isThread(o map[string]any) bool {
	_, is := o["threadSpecName"]
	_, node := o["nodeName"]
	return is && !node
}

func reasons(o map[string]any, change func([]any) []any) {
	l, ok := o["haltReasons"].([]any)
	if !ok {
		return
	}
	if l = change(l); len(l) == 0 {
		delete(o, "haltReasons")
		return
	}
	o["haltReasons"] = l
}

// detail is the part of a message that says it in the server's own words.
var detail = regexp.MustCompile(`(?s)(Failed evaluating edge with sink node \S+: Mutating variable \S+ with operation \w+: |Failed evaluating edge with sink node \S+: |` +
	`Failed evaluating condition on WAIT_FOR_CONDITION_NODE: |Failed calculating [\w ]+: |Failed constructing [\w ]+: |Unable to assign output content: |` +
	`Task output incompatible with declared return type: |Failed determining \w+ for ext evt node: |Invalid variables when creating UserTaskRun: |` +
	`Failed calculating new assignment for UserTaskRun: ).*`)

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

// freeForeignHandlers: the marks of the parent's handler appear on the child's node, too; only those of a
// node's own handlers count.
func freeForeignHandlers(node map[string]any) {
	if _, isNode := node["nodeName"]; !isNode || node["failureHandlerIds"] != nil {
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

// decidedAnswer names the decision that makes ours answer otherwise, or gives "".
func decidedAnswer(s step, ours string) string {
	return ""
}

// decidedOtherwise names the situation in which ours acts differently on purpose, or gives "". It ends the
// comparison of a history.
func decidedOtherwise(original, ours *state) string {
	for _, r := range ours.Runs {
		if r.WfRun == nil {
			continue
		}
		for _, t := range r.WfRun.ThreadRuns {
			var waits, lasts bool
			for _, h := range t.HaltReasons {
				waits = waits || h.GetPendingInterrupt() != nil || h.GetPendingFailure() != nil
				lasts = lasts || h.GetManualHalt() != nil || h.GetParentHalted() != nil || h.GetHaltedByParent() != nil
			}
			if waits && lasts && t.Status == lhpb.LHStatus_HALTED {
				return "decided: a handler waits until its thread may go on"
			}
		}
	}
	if len(original.Runs) != len(ours.Runs) {
		return ""
	}
	if waitsLonger(original, ours) {
		return "decided: EXIT waits for what is below a failed child"
	}
	if cancelledForgotten(original, ours) {
		return "decided: a user task that a halt cancelled fails its node when the thread goes on"
	}
	return ""
}

// waitsLonger tells whether an EXIT of ours waits for what is below a failed child.
func waitsLonger(original, ours *state) bool {
	for i, r := range ours.Runs {
		for _, n := range r.Nodes {
			if n.GetExit() == nil || n.Status != lhpb.LHStatus_RUNNING {
				continue
			}
			if o := original.Runs[i].node(n); o != nil && o.Status == lhpb.LHStatus_ERROR {
				return true
			}
		}
	}
	return false
}

// cancelledForgotten tells whether a node of the original runs on over a user task that a halt has cancelled.
func cancelledForgotten(original, ours *state) bool {
	for i, r := range original.Runs {
		for _, u := range r.UserTasks {
			if u.Status != lhpb.UserTaskRunStatus_CANCELLED {
				continue
			}
			for _, n := range r.Nodes {
				if n.GetUserTask().GetUserTaskRunId().GetUserTaskGuid() != u.Id.UserTaskGuid || n.Status != lhpb.LHStatus_RUNNING {
					continue
				}
				if o := ours.Runs[i].node(n); o != nil && len(o.Failures) > 0 {
					return true
				}
			}
		}
	}
	return false
}

// node is the NodeRun in the same place.
func (r *run) node(n *lhpb.NodeRun) *lhpb.NodeRun {
	for _, o := range r.Nodes {
		if o.Id.ThreadRunNumber == n.Id.ThreadRunNumber && o.Id.Position == n.Id.Position {
			return o
		}
	}
	return nil
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
