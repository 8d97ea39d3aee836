package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

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
	{"end-time", "the original leaves out, and keeps, end times of failed threads and rescued WfRuns (engine-2 §2, §11)", func(o map[string]any) {
		if isWfRun(o) || isThread(o) && o["status"] != "COMPLETED" {
			delete(o, "endTime")
		}
	}},
	{"end-by-user-task", "the completion of a user task leaves out the end times of what it ends (user-tasks §3.3)", func(o map[string]any) {
		if !completedUserTask(o) {
			return
		}
		for _, w := range o["wfRun"].([]any) {
			threads, _ := w.(map[string]any)["threadRuns"].([]any)
			for _, t := range threads {
				delete(t.(map[string]any), "endTime")
			}
		}
		for _, n := range o["nodeRuns"].([]any) {
			delete(n.(map[string]any), "endTime")
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
	{"failed-edge", "while a handler deals with a failed edge, the original shows the node COMPLETED with a failure, ours ERROR", func(o map[string]any) {
		if f := lastFailure(o); f != nil && o["status"] == "COMPLETED" {
			o["status"] = "ERROR"
		}
	}},
	{"failed-throw", "the NodeRun of a THROW_EVENT that failed names an event that the original never threw", func(o map[string]any) {
		if e, ok := o["throwEvent"].(map[string]any); ok && lastFailure(o) != nil && o["endTime"] == nil {
			delete(e, "workflowEventId")
		}
	}},
	{"failed-user-task", "the NodeRun of a USER_TASK that failed on arrival names a UserTaskRun that the original never made", func(o map[string]any) {
		if u, ok := o["userTask"].(map[string]any); ok && lastFailure(o) != nil && o["errorMessage"] == nil && o["endTime"] == nil {
			delete(u, "userTaskRunId")
		}
	}},
	{"archived-thread", "an InactiveThreadRun of the original has neither id nor reason", func(o map[string]any) {
		if _, ok := o["threadRun"].(map[string]any); ok {
			delete(o, "id")
			delete(o, "archived")
		}
	}},
	{"event-order", "ExternalEvents made for a correlation key have generated ids, which order them", func(o map[string]any) {
		if l, ok := o["externalEvents"].([]any); ok && isRun(o) {
			slices.SortFunc(l, func(a, b any) int { return strings.Compare(showID(a), showID(b)) })
		}
	}},
	{"found-order", "the order in which schedules are found is free", func(o map[string]any) {
		if l, ok := o["results"].([]any); ok && !slices.ContainsFunc(l, named) {
			slices.SortFunc(l, func(a, b any) int { return strings.Compare(show(a), show(b)) })
		}
	}},
	{"frozen-order", "the order of a WfSpec's frozen variables is free", func(o map[string]any) {
		if l, ok := o["frozenVariables"].([]any); ok {
			slices.SortFunc(l, func(a, b any) int { return strings.Compare(show(a), show(b)) })
		}
	}},
	{"child-named-twice", "a CHILD_FAILURE of the original names a handler twice, as its parent lists it", func(o map[string]any) {
		for _, k := range []string{"message", "errorMessage"} {
			if s, ok := o[k].(string); ok {
				o[k] = failedChildren.ReplaceAllStringFunc(s, func(m string) string {
					names := strings.Fields(strings.TrimPrefix(m, failedChildrenText))
					return failedChildrenText + strings.Join(slices.Compact(names), " ")
				})
			}
		}
	}},
	{"message-words", "what the original says in other words than ours", func(o map[string]any) {
		for _, k := range []string{"message", "errorMessage"} {
			if s, ok := o[k].(string); ok {
				o[k] = otherWords.ReplaceAllString(s, "<other words>")
			}
		}
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

// reasonsAfterRescue: a thread of the original that failed by its handler keeps that as a halt reason, also when
// the handler was rescued.
func reasonsAfterRescue(w map[string]any) {
	threads, _ := w["threadRuns"].([]any)
	dead := map[any]bool{}
	for _, t := range threads {
		if t := t.(map[string]any); t["status"] == "ERROR" || t["status"] == "EXCEPTION" {
			dead[t["number"]] = true
		}
	}
	for _, t := range threads {
		t := t.(map[string]any)
		ended := t["status"] == "COMPLETED" || dead[t["number"]]
		reasons(t, func(l []any) []any {
			return slices.DeleteFunc(l, func(r any) bool {
				i, _ := r.(map[string]any)["interrupted"].(map[string]any)
				h, _ := r.(map[string]any)["handlingFailure"].(map[string]any)
				return i != nil && (ended || dead[i["interruptThreadId"]]) || h != nil && (ended || dead[h["handlerThreadId"]])
			})
		})
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
	if reflect.DeepEqual(a, b) {
		return nil
	}
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
			reasonsAfterRescue(v)
			entriesAfterRescue(v)
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

// otherWords are the messages for which the reference gives no words to keep.
var otherWords = regexp.MustCompile(`(?s)Received non-WF_RUN_ID value of type.*|Failed calculating child WfRun to wait for: .*|` +
	`Failed constructing input variables for child workflow: .*|Failed calculating inputs of child WfRun.*|` +
	`Reduce the number of spawned ThreadRuns or increase .*|Let ThreadRuns end before others are started.*`)

const failedChildrenText = "Child thread (or threads) failed: "

var failedChildren = regexp.MustCompile(`Child thread \(or threads\) failed: [0-9 ]+`)

// lastFailure is the latest failure of a NodeRun.
func lastFailure(o map[string]any) map[string]any {
	l, _ := o["failures"].([]any)
	if _, isNode := o["nodeName"]; !isNode || len(l) == 0 {
		return nil
	}
	f, _ := l[len(l)-1].(map[string]any)
	return f
}

// completedUserTask tells whether a user task was completed among the objects of a WfRun.
func completedUserTask(run map[string]any) bool {
	tasks, _ := run["userTaskRuns"].([]any)
	return slices.ContainsFunc(tasks, func(t any) bool { return t.(map[string]any)["status"] == "DONE" })
}

// isRun tells a WfRun with its parts.
func isRun(o map[string]any) bool { _, is := o["wfRun"]; return is }

// named tells the id of a definition.
func named(id any) bool {
	o, _ := id.(map[string]any)
	return o["name"] != nil
}

func showID(v any) string {
	o, _ := v.(map[string]any)
	return show(o["id"])
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

// freeStaleStatuses: what a node that waits no longer saw last of a thread that went on depends on the moment: of one that
// it still waited for all of it, of another whether it runs, halts or is halted.
func freeStaleStatuses(w map[string]any) {
	threads, _ := w["threads"].([]any)
	for _, t := range threads {
		t := t.(map[string]any)
		if s := t["threadStatus"]; t["waitingStatus"] == nil || s != "COMPLETED" && s != "ERROR" && s != "EXCEPTION" {
			delete(t, "threadStatus")
		}
	}
}

// entriesAfterRescue: while it waits, a node of the original shows how a thread fares that failed and was rescued.
func entriesAfterRescue(node map[string]any) {
	w, _ := node["waitForThreads"].(map[string]any)
	threads, _ := w["threads"].([]any)
	for _, t := range threads {
		if t := t.(map[string]any); t["waitingStatus"] != nil {
			delete(t, "threadStatus")
		}
	}
}

// decidedAnswer names the decision that makes ours answer otherwise, or gives "". now is the state before.
func decidedAnswer(s step, ours string, now *state) string {
	if s.Call == "RescueThreadRun" && s.Code == codes.OK.String() && ours == codes.FailedPrecondition.String() && now != nil {
		var req lhpb.RescueThreadRunRequest
		if protojson.Unmarshal(s.Request, &req) == nil && now.below(req.ThreadRunNumber, terminated) {
			return "decided: a thread below a parent that failed for another reason is not rescued"
		}
	}
	if s.Call == "DeleteWfRun" && s.Code == codes.OK.String() && ours == codes.FailedPrecondition.String() {
		return "decided: a WfRun that runs is not deleted"
	}
	return ""
}

// decidedEvent names the decision that leaves an interrupt below a halted or ended parent unclaimed.
func decidedEvent(s step, now *state, found []string) string {
	if s.Call != "PutExternalEvent" || now == nil || len(found) != 1 || !strings.HasPrefix(found[0], "claimed: original true") {
		return ""
	}
	var req lhpb.PutExternalEventRequest
	if protojson.Unmarshal(s.Request, &req) == nil && now.below(req.GetThreadRunNumber(), terminated) {
		return "decided: a handler waits until its thread may go on"
	}
	return ""
}

func terminated(t *lhpb.ThreadRun) bool { return terminal(t.Status) }

// below tells whether an ancestor of a thread of that number is so.
func (s *state) below(number int32, so func(*lhpb.ThreadRun) bool) bool {
	return slices.ContainsFunc(s.Runs, func(r *run) bool { return r.WfRun != nil && r.below(number, so) })
}

func (r *run) below(number int32, so func(*lhpb.ThreadRun) bool) bool {
	threads := map[int32]*lhpb.ThreadRun{}
	for _, t := range r.WfRun.ThreadRuns {
		threads[t.Number] = t
	}
	for t := threads[number]; t != nil && t.ParentThreadId != nil; t = threads[*t.ParentThreadId] {
		if p := threads[*t.ParentThreadId]; p != nil && so(p) {
			return true
		}
	}
	return false
}

// decidedOtherwise names the situation in which ours acts differently on purpose, or gives "". It ends the
// comparison of a history.
func decidedOtherwise(original, ours *state, rescued bool) string {
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
	if original.torn() {
		return "the original was read before all of a command was visible"
	}
	n := min(len(original.Runs), len(ours.Runs))
	original, ours = &state{Runs: original.Runs[:n]}, &state{Runs: ours.Runs[:n]}
	if waitsLonger(original, ours) {
		return "decided: EXIT waits for what is below a failed child"
	}
	if completesAboveChildren(original, ours) || rescued && failsAboveChildren(original, ours) {
		return "decided: EXIT waits for children that a rescue lets go on"
	}
	if handlerOfLoser(original, ours) {
		return "decided: a wait that is over halts the handlers of its other threads"
	}
	if arrivedBehindFailure(original, ours) {
		return "decided: a node that fails on arrival has its handlers, also behind a failure that was handled"
	}
	if rescued && haltedWithParent(original, ours) {
		return "decided: a rescued thread halts with its parent"
	}
	if handlerOfTheDead(original, ours) {
		return "decided: no handler starts for a thread that has ended"
	}
	if rescued && keptReason(original, ours) {
		return "decided: a rescued thread forgets the handler that failed it"
	}
	if cancelledForgotten(original, ours) {
		return "decided: a user task that a halt cancelled fails its node when the thread goes on"
	}
	if parentAsleep(original, ours) {
		return "decided: a user task that ends a WfRun wakes its parent"
	}
	if decidesSooner(original, ours) {
		return "decided: AND and OR look at both sides"
	}
	if nothingBelow(original, ours) {
		return "decided: nothing goes on below what has failed"
	}
	if rescued && exitOverFailed(original, ours) {
		return "decided: EXIT fails by a child that fails again after its rescue"
	}
	if cancelledAgain(original, ours) {
		return "decided: what has ended is not cancelled"
	}
	if handlerStays(original, ours) {
		return "decided: a failure handler that was halted goes on"
	}
	if asleepAboveFailed(original, ours) {
		return "decided: who waits for a thread hears at once that it has failed"
	}
	if otherTimerFirst(original, ours) {
		return "decided: of two timers that are due at once either may fire first"
	}
	if rescued && haltedWithRescued(original, ours) {
		return "decided: a handler for a wait goes on when its thread is rescued and fails again"
	}
	if rescued && handlerTooLate(original, ours) {
		return "decided: a failure handler that is rescued when its thread has gone on deals with no failure"
	}
	return ""
}

// parentAsleep tells whether a node of the original still waits for a child WfRun that a user task has ended.
func parentAsleep(original, ours *state) bool {
	ended := map[string]bool{}
	for _, r := range original.Runs {
		done := slices.ContainsFunc(r.UserTasks, func(u *lhpb.UserTaskRun) bool { return u.Status == lhpb.UserTaskRunStatus_DONE })
		if r.WfRun != nil && done && terminal(r.WfRun.Status) {
			ended[r.WfRun.Id.Id] = true
		}
	}
	for i, r := range original.Runs {
		for _, n := range r.Nodes {
			w := n.GetWaitForChildWf()
			if w == nil || n.Status != lhpb.LHStatus_RUNNING || !ended[w.ChildWfRunId.GetId()] {
				continue
			}
			if o := ours.Runs[i].node(n); o != nil && o.Status != n.Status {
				return true
			}
		}
	}
	return false
}

// decidesSooner tells whether the original has taken an edge whose AND or OR fails by its right side.
func decidesSooner(original, ours *state) bool {
	for i, r := range ours.Runs {
		for _, n := range r.Nodes {
			for _, f := range n.Failures {
				o := original.Runs[i].node(n)
				if o != nil && len(o.Failures) == 0 && rightSide.MatchString(f.Message) {
					return true
				}
			}
		}
	}
	return false
}

var rightSide = regexp.MustCompile(`with operation (AND|OR): `)

// nothingBelow tells whether ours has halted what the original lets go on: a thread below one that had ended
// before its own parent failed.
func nothingBelow(original, ours *state) bool {
	for i, r := range ours.Runs {
		if r.WfRun == nil || original.Runs[i].WfRun == nil {
			continue
		}
		for j, t := range r.WfRun.ThreadRuns {
			if t.Status != lhpb.LHStatus_HALTED || j >= len(original.Runs[i].WfRun.ThreadRuns) {
				continue
			}
			far := slices.ContainsFunc(t.HaltReasons, func(h *lhpb.ThreadHaltReason) bool {
				return h.GetParentHalted() != nil && h.GetParentHalted().ParentThreadId != t.GetParentThreadId()
			})
			if far && original.Runs[i].WfRun.ThreadRuns[j].Status != lhpb.LHStatus_HALTED {
				return true
			}
		}
	}
	return false
}

// exitOverFailed tells whether an EXIT of the original completed above a child that has failed.
func exitOverFailed(original, ours *state) bool {
	for i, r := range original.Runs {
		for _, n := range r.Nodes {
			o := ours.Runs[i].node(n)
			if n.GetExit() == nil || n.Status != lhpb.LHStatus_COMPLETED || o == nil || o.Status != lhpb.LHStatus_ERROR {
				continue
			}
			for _, t := range r.WfRun.GetThreadRuns() {
				if t.ParentThreadId != nil && *t.ParentThreadId == n.Id.ThreadRunNumber && failed(t) {
					return true
				}
			}
		}
	}
	return false
}

// cancelledAgain tells whether the original notes that a user task was cancelled that had ended.
func cancelledAgain(original, ours *state) bool {
	for i, r := range original.Runs {
		for j, u := range r.UserTasks {
			if j >= len(ours.Runs[i].UserTasks) || len(u.Events) <= len(ours.Runs[i].UserTasks[j].Events) {
				continue
			}
			var cancelled int
			for _, e := range u.Events {
				if e.GetCancelled() != nil {
					cancelled++
				}
			}
			if cancelled > 1 {
				return true
			}
		}
	}
	return false
}

// handlerStays tells whether a failure handler of the original is halted because its thread is, which is so for
// the handler's sake only.
func handlerStays(original, ours *state) bool {
	for i, r := range original.Runs {
		if r.WfRun == nil || ours.Runs[i].WfRun == nil {
			continue
		}
		status := map[int32]lhpb.LHStatus{}
		for _, t := range ours.Runs[i].WfRun.ThreadRuns {
			status[t.Number] = t.Status
		}
		for _, t := range r.WfRun.ThreadRuns {
			if t.Type != lhpb.ThreadType_FAILURE_HANDLER || t.Status != lhpb.LHStatus_HALTED || status[t.Number] == t.Status {
				continue
			}
			for _, p := range r.WfRun.ThreadRuns {
				if p.Number == t.GetParentThreadId() && len(p.HaltReasons) == 1 && p.HaltReasons[0].GetHandlingFailure() != nil {
					return true
				}
			}
		}
	}
	return false
}

// haltedWithRescued tells whether a wait of the original stands for good over a handler that was halted when its
// thread failed once more, where the handler of ours has settled it.
func haltedWithRescued(original, ours *state) bool {
	for i, r := range original.Runs {
		for _, n := range r.Nodes {
			o := ours.Runs[i].node(n)
			if n.Status != lhpb.LHStatus_RUNNING || o == nil || o.Status == n.Status {
				continue
			}
			for _, w := range n.GetWaitForThreads().GetThreads() {
				if w.WaitingStatus == lhpb.WaitForThreadsRun_THREAD_HANDLING_FAILURE && r.haltedBelowFailed(w.GetFailureHandlerThreadRunId()) {
					return true
				}
			}
		}
	}
	return false
}

// haltedBelowFailed tells whether the thread of that number is halted below one that has failed.
func (r *run) haltedBelowFailed(number int32) bool {
	return r.below(number, failed) && slices.ContainsFunc(r.WfRun.ThreadRuns, func(t *lhpb.ThreadRun) bool {
		return t.Number == number && t.Status == lhpb.LHStatus_HALTED
	})
}

// handlerTooLate tells whether a rescued handler has failed its thread, or marked a failure, though the thread
// was at a later node.
func handlerTooLate(original, ours *state) bool {
	for i, r := range original.Runs {
		if r.WfRun == nil || ours.Runs[i].WfRun == nil {
			continue
		}
		for _, t := range r.WfRun.ThreadRuns {
			for _, n := range r.Nodes {
				if n.Id.ThreadRunNumber != t.Number {
					continue
				}
				if n.Id.Position == t.CurrentNodePosition && n.Status == lhpb.LHStatus_RUNNING && t.Status == lhpb.LHStatus_ERROR {
					return true
				}
				o := ours.Runs[i].node(n)
				if o != nil && n.Id.Position < t.CurrentNodePosition && len(o.Failures) == len(n.Failures) && handledBy(o) < handledBy(n) {
					return true
				}
			}
		}
	}
	return false
}

// asleepAboveFailed tells whether an EXIT or a wait of the original still stands over threads of which all have
// ended and one has failed, where ours has failed by that one.
func asleepAboveFailed(original, ours *state) bool {
	for i, r := range original.Runs {
		for _, n := range r.Nodes {
			o := ours.Runs[i].node(n)
			if n.Status != lhpb.LHStatus_RUNNING || o == nil || o.Status != lhpb.LHStatus_ERROR && o.Status != lhpb.LHStatus_EXCEPTION {
				continue
			}
			if r.overFailed(n) {
				return true
			}
		}
	}
	return false
}

// overFailed tells whether all threads that a NodeRun waits for have ended, and one has failed.
func (r *run) overFailed(n *lhpb.NodeRun) bool {
	awaited := map[int32]bool{}
	for _, w := range n.GetWaitForThreads().GetThreads() {
		awaited[w.ThreadRunNumber] = true
	}
	var one bool
	for _, t := range r.WfRun.GetThreadRuns() {
		child := n.GetExit() != nil && t.ParentThreadId != nil && *t.ParentThreadId == n.Id.ThreadRunNumber
		if !child && !awaited[t.Number] {
			continue
		}
		if !terminal(t.Status) {
			return false
		}
		one = one || failed(t)
	}
	return one
}

// otherTimerFirst tells whether of two NodeRuns one has timed out in the original and the other in ours, and the
// one that did not was halted for it.
func otherTimerFirst(original, ours *state) bool {
	for i, r := range original.Runs {
		var theirs, mine bool
		for _, n := range r.Nodes {
			o := ours.Runs[i].node(n)
			if o == nil || o.NodeName != n.NodeName {
				continue
			}
			theirs = theirs || timedOut(n) && o.Status == lhpb.LHStatus_HALTED
			mine = mine || timedOut(o) && n.Status == lhpb.LHStatus_HALTED
		}
		if theirs && mine {
			return true
		}
	}
	return false
}

func timedOut(n *lhpb.NodeRun) bool {
	return len(n.Failures) > 0 && n.Failures[len(n.Failures)-1].FailureName == lhpb.LHErrorType_TIMEOUT.String()
}

// passedAnew tells whether nothing but Variables differs after a step in which a child WfRun began and ended: the
// original then starts a pass over the threads of the parent in the middle of another.
func passedAnew(before, ours *state, found []string) bool {
	for _, f := range found {
		if !strings.Contains(f, "].variables[") {
			return false
		}
	}
	for i, r := range ours.Runs {
		if r.WfRun.GetId().GetParentWfRunId() != nil && terminal(r.WfRun.Status) && (before == nil || i >= len(before.Runs)) {
			return true
		}
	}
	return false
}

// sleptInThePast tells whether a SLEEP of ours has begun since the state before that was over as it began, and
// the original still stands at it, was halted in it, or has taken the same steps in another order, so that a
// failure has halted other threads at other places.
func sleptInThePast(before, original, ours *state) bool {
	for i, r := range ours.Runs {
		for _, n := range r.Nodes {
			s := n.GetSleep()
			if s.GetMaturationTime() == nil || s.MaturationTime.AsTime().After(n.ArrivalTime.AsTime()) {
				continue
			}
			if before != nil && i < len(before.Runs) && before.Runs[i].node(n) != nil || i >= len(original.Runs) {
				continue
			}
			o := original.Runs[i].node(n)
			switch {
			case o == nil || working(o.Status):
				return true
			case len(o.Failures) == len(n.Failures) && (original.Runs[i].endsAs(r) || original.Runs[i].walksAs(r)):
				return true
			}
		}
	}
	return false
}

// endsAs tells whether the threads of two WfRuns have come to the same statuses.
func (r *run) endsAs(other *run) bool {
	return slices.EqualFunc(r.WfRun.GetThreadRuns(), other.WfRun.GetThreadRuns(), func(a, b *lhpb.ThreadRun) bool {
		return a.Number == b.Number && a.Status == b.Status
	})
}

// walksAs tells whether the threads of two WfRuns have taken the same steps, as far as both have come.
func (r *run) walksAs(other *run) bool {
	for _, n := range r.Nodes {
		o := other.node(n)
		if o != nil && (o.NodeName != n.NodeName || terminal(o.Status) && terminal(n.Status) && o.Status != n.Status) {
			return false
		}
	}
	return true
}

// standsAs tells whether no thread has moved since another state.
func (s *state) standsAs(other *state) bool {
	return slices.EqualFunc(s.Runs, other.Runs, func(a, b *run) bool {
		return proto.Equal(a.WfRun, b.WfRun) && slices.EqualFunc(a.Nodes, b.Nodes, func(x, y *lhpb.NodeRun) bool { return proto.Equal(x, y) })
	})
}

// handledBy counts the failures of a NodeRun that its own handlers dealt with.
func handledBy(n *lhpb.NodeRun) int {
	var count int
	for _, f := range n.Failures {
		if f.WasProperlyHandled && slices.Contains(n.FailureHandlerIds, f.GetFailureHandlerThreadrunId()) {
			count++
		}
	}
	return count
}

// waitsLonger tells whether an EXIT of ours waits for what is below a failed child.
func waitsLonger(original, ours *state) bool {
	for i, r := range ours.Runs {
		for _, n := range r.Nodes {
			if n.GetExit() == nil || n.Status != lhpb.LHStatus_RUNNING {
				continue
			}
			o := original.Runs[i].node(n)
			if o != nil && (o.Status == lhpb.LHStatus_ERROR || o.Status == lhpb.LHStatus_COMPLETED) && r.halfDeadBelow(n.Id.ThreadRunNumber) {
				return true
			}
		}
	}
	return false
}

// halfDeadBelow tells whether a child of the thread has failed, below which something has not ended.
func (r *run) halfDeadBelow(number int32) bool {
	failedChild := func(t *lhpb.ThreadRun) bool {
		return t.ParentThreadId != nil && *t.ParentThreadId == number && failed(t)
	}
	return slices.ContainsFunc(r.WfRun.ThreadRuns, func(t *lhpb.ThreadRun) bool {
		return !terminal(t.Status) && r.below(t.Number, failedChild)
	})
}

func failed(t *lhpb.ThreadRun) bool {
	return t.Status == lhpb.LHStatus_ERROR || t.Status == lhpb.LHStatus_EXCEPTION
}

// completesAboveChildren tells whether a thread of the original has completed above a child that still runs.
func completesAboveChildren(original, ours *state) bool {
	for i, r := range original.Runs {
		if r.WfRun == nil || ours.Runs[i].WfRun == nil {
			continue
		}
		status := map[int32]lhpb.LHStatus{}
		for _, t := range r.WfRun.ThreadRuns {
			status[t.Number] = t.Status
		}
		for _, t := range r.WfRun.ThreadRuns {
			if t.ParentThreadId == nil || t.Status != lhpb.LHStatus_RUNNING || status[*t.ParentThreadId] != lhpb.LHStatus_COMPLETED {
				continue
			}
			for _, o := range ours.Runs[i].WfRun.ThreadRuns {
				if o.Number == *t.ParentThreadId && o.Status == lhpb.LHStatus_RUNNING {
					return true
				}
			}
		}
	}
	return false
}

// failsAboveChildren tells whether an EXIT of the original has failed above a child that was halted, and that ours
// lets go on.
func failsAboveChildren(original, ours *state) bool {
	for i, r := range original.Runs {
		for _, n := range r.Nodes {
			o := ours.Runs[i].node(n)
			if n.GetExit() == nil || n.Status != lhpb.LHStatus_ERROR || o == nil || o.Status != lhpb.LHStatus_RUNNING {
				continue
			}
			for _, t := range r.WfRun.GetThreadRuns() {
				child := t.ParentThreadId != nil && *t.ParentThreadId == n.Id.ThreadRunNumber && t.Status == lhpb.LHStatus_HALTED
				if child && slices.ContainsFunc(ours.Runs[i].WfRun.GetThreadRuns(), func(u *lhpb.ThreadRun) bool {
					return u.Number == t.Number && u.Status != lhpb.LHStatus_HALTED
				}) {
					return true
				}
			}
		}
	}
	return false
}

// arrivedBehindFailure tells whether the original did not ask the handlers of a node that failed on arrival,
// because the failure of the node before it had been handled.
func arrivedBehindFailure(original, ours *state) bool {
	for i, r := range original.Runs {
		for _, n := range r.Nodes {
			o := ours.Runs[i].node(n)
			if o == nil || len(n.Failures) == 0 || len(n.FailureHandlerIds) > 0 || len(o.FailureHandlerIds) == 0 {
				continue
			}
			for _, before := range r.Nodes {
				if before.Id.ThreadRunNumber == n.Id.ThreadRunNumber && before.Id.Position == n.Id.Position-1 && len(before.FailureHandlerIds) > 0 {
					return true
				}
			}
		}
	}
	return false
}

// haltedWithParent tells whether ours has halted a rescued thread because its parent is halted.
func haltedWithParent(original, ours *state) bool {
	for i, r := range original.Runs {
		if r.WfRun == nil || ours.Runs[i].WfRun == nil {
			continue
		}
		for _, t := range ours.Runs[i].WfRun.ThreadRuns {
			stands := t.Status == lhpb.LHStatus_HALTED || t.Status == lhpb.LHStatus_HALTING
			if !stands || !slices.ContainsFunc(t.HaltReasons, func(h *lhpb.ThreadHaltReason) bool { return h.GetParentHalted() != nil }) {
				continue
			}
			for _, o := range r.WfRun.ThreadRuns {
				if o.Number == t.Number && len(o.HaltReasons) == 0 && haltedBelow(r.WfRun, o) {
					return true
				}
			}
		}
	}
	return false
}

// handlerOfTheDead tells whether the original has started an interrupt handler of a thread that has ended.
func handlerOfTheDead(original, ours *state) bool {
	for i, r := range original.Runs {
		if r.WfRun == nil || ours.Runs[i].WfRun == nil || r.WfRun.GreatestThreadrunNumber == ours.Runs[i].WfRun.GreatestThreadrunNumber {
			continue
		}
		for _, t := range ours.Runs[i].WfRun.ThreadRuns {
			if terminal(t.Status) && slices.ContainsFunc(t.HaltReasons, func(h *lhpb.ThreadHaltReason) bool { return h.GetPendingInterrupt() != nil }) {
				return true
			}
		}
	}
	return false
}

// keptReason tells whether a thread of the original has failed by a handler that failed before its rescue, or is
// halted for it.
func keptReason(original, ours *state) bool {
	for i, r := range original.Runs {
		if r.WfRun == nil || ours.Runs[i].WfRun == nil {
			continue
		}
		for j, t := range r.WfRun.ThreadRuns {
			if t.Status != lhpb.LHStatus_ERROR && t.Status != lhpb.LHStatus_HALTED || j >= len(ours.Runs[i].WfRun.ThreadRuns) || len(ours.Runs[i].WfRun.ThreadRuns[j].HaltReasons) > 0 {
				continue
			}
			for _, h := range t.HaltReasons {
				if h.GetHandlingFailure() != nil || h.GetInterrupted() != nil {
					return true
				}
			}
		}
	}
	return false
}

// handlerOfLoser tells whether ours has halted a per-thread handler because its wait is over, where the
// original let it go on.
func handlerOfLoser(original, ours *state) bool {
	for i, r := range ours.Runs {
		for _, n := range r.Nodes {
			if n.Status != lhpb.LHStatus_COMPLETED || original.Runs[i].node(n) == nil {
				continue
			}
			for _, e := range n.GetWaitForThreads().GetThreads() {
				if e.WaitingStatus != lhpb.WaitForThreadsRun_THREAD_HANDLING_FAILURE {
					continue
				}
				for _, t := range r.WfRun.ThreadRuns {
					if t.Number == e.GetFailureHandlerThreadRunId() && t.Status == lhpb.LHStatus_HALTED {
						return true
					}
				}
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
