package ctl

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
	lh "littlehorse/sdk/client"
)

func (c *cli) explain() *cobra.Command {
	var p paging
	cmd := leaf(c, "wfRun <id>", "Say what each ThreadRun of a WfRun waits for, and what failed", cobra.ExactArgs(1),
		func(r *request) (*extra.ExplainWfRunResponse, error) {
			limit, bookmark, err := p.get()
			if err != nil {
				return nil, err
			}
			return r.own.ExplainWfRun(r.ctx, &extra.ExplainWfRunRequest{WfRunId: runID(r.args[0]), Limit: limit, Bookmark: bookmark})
		})
	p.flags(cmd)
	return group("explain", "Say why something waits", cmd)
}

// explanation tells it in sentences. Moments are as they are, not relative to now: the same state is the same text.
func explanation(e *extra.ExplainWfRunResponse) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "WfRun %s is %s since %s, WfSpec %s\n", lh.RunIDOf(e.WfRunId), e.Status, sinceOf(e), specText(e.WfSpecId))
	for _, t := range e.Threads {
		explainThread(&b, t)
	}
	if n := e.QueuedThreadRunCount; n > 0 {
		fmt.Fprintf(&b, "%d ThreadRuns wait for a place, first of all %s\n", n, numbers(e.QueuedThreadRuns))
	}
	if e.TimersIncomplete {
		fmt.Fprintln(&b, "there are more timers than were looked through: some may be missing here")
	}
	if len(e.Bookmark) > 0 {
		fmt.Fprintf(&b, "there is more: --bookmark %s\n", base64.StdEncoding.EncodeToString(e.Bookmark))
	}
	return b.Bytes()
}

func sinceOf(e *extra.ExplainWfRunResponse) string {
	if e.EndTime != nil {
		return moment(e.EndTime)
	}
	return moment(e.StartTime)
}

func specText(id *lhpb.WfSpecId) string {
	return fmt.Sprintf("%s %d.%d", id.GetName(), id.GetMajorVersion(), id.GetRevision())
}

func moment(t *timestamppb.Timestamp) string { return t.AsTime().Format(time.RFC3339Nano) }

func numbers(of []int32) string { return strings.Trim(fmt.Sprint(of), "[]") }

func explainThread(w io.Writer, t *extra.ThreadExplanation) {
	fmt.Fprintf(w, "\nThreadRun %d (%s) is %s", t.Number, t.ThreadSpecName, t.Status)
	if t.NodeName != "" {
		fmt.Fprintf(w, " at %s, position %d, since %s", t.NodeName, t.Position, moment(t.ArrivalTime))
	}
	fmt.Fprintln(w)
	for _, reason := range t.HaltReasons {
		fmt.Fprintf(w, "  halted: %s\n", haltText(reason))
	}
	if t.ErrorMessage != nil {
		fmt.Fprintf(w, "  error: %s\n", oneLine(*t.ErrorMessage))
	}
	for _, f := range t.Failures {
		fmt.Fprintf(w, "  failure %s: %s%s\n", oneLine(f.FailureName), oneLine(f.Message), handledText(f))
	}
	explainWait(w, t)
	for _, timer := range t.Timers {
		fmt.Fprintf(w, "  timer: %s at %s\n", timerTexts[timer.Kind], moment(timer.Due))
	}
}

func handledText(f *lhpb.Failure) string {
	switch {
	case f.FailureHandlerThreadrunId == nil:
		return ""
	case f.WasProperlyHandled:
		return fmt.Sprintf(", handled by ThreadRun %d", *f.FailureHandlerThreadrunId)
	default:
		return fmt.Sprintf(", given to ThreadRun %d", *f.FailureHandlerThreadrunId)
	}
}

var timerTexts = map[extra.TimerKind]string{
	extra.TimerKind_TIMER_KIND_TASK_TIMEOUT:     "the attempt times out",
	extra.TimerKind_TIMER_KIND_TASK_RETRY:       "the task is tried again",
	extra.TimerKind_TIMER_KIND_EVENT_TIMEOUT:    "the wait for the event times out",
	extra.TimerKind_TIMER_KIND_SLEEP:            "the sleep ends",
	extra.TimerKind_TIMER_KIND_USER_TASK_ACTION: "an action of the user task",
}

func haltText(r *lhpb.ThreadHaltReason) string {
	switch k := r.Reason.(type) {
	case *lhpb.ThreadHaltReason_ParentHalted:
		return fmt.Sprintf("its parent, ThreadRun %d, is halted", k.ParentHalted.GetParentThreadId())
	case *lhpb.ThreadHaltReason_Interrupted:
		return fmt.Sprintf("interrupted by ThreadRun %d", k.Interrupted.GetInterruptThreadId())
	case *lhpb.ThreadHaltReason_PendingInterrupt:
		return fmt.Sprintf("about to be interrupted by a %s", k.PendingInterrupt.GetExternalEventId().GetExternalEventDefId().GetName())
	case *lhpb.ThreadHaltReason_PendingFailure:
		return fmt.Sprintf("about to handle the failure at position %d", k.PendingFailure.GetNodeRunPosition())
	case *lhpb.ThreadHaltReason_HandlingFailure:
		return fmt.Sprintf("ThreadRun %d handles its failure", k.HandlingFailure.GetHandlerThreadId())
	case *lhpb.ThreadHaltReason_ManualHalt:
		return "stopped by hand"
	case *lhpb.ThreadHaltReason_HaltedByParent:
		return fmt.Sprintf("ThreadRun %d, which waits for it, has failed", k.HaltedByParent.GetParentThreadRunNumber())
	default:
		return "for a reason that this client does not know"
	}
}

func explainWait(w io.Writer, t *extra.ThreadExplanation) {
	switch k := t.WaitsFor.(type) {
	case *extra.ThreadExplanation_Task:
		explainTask(w, k.Task, t.NodeStatus)
	case *extra.ThreadExplanation_ExternalEvent:
		fmt.Fprintf(w, "  waits for an ExternalEvent %s", k.ExternalEvent.GetExternalEventDefId().GetName())
		if k.ExternalEvent.CorrelationKey != nil {
			fmt.Fprintf(w, " with the key %q", *k.ExternalEvent.CorrelationKey)
		}
		fmt.Fprintln(w)
	case *extra.ThreadExplanation_Threads:
		for _, other := range k.Threads.Open {
			fmt.Fprintf(w, "  waits for ThreadRun %d, which is %s\n", other.ThreadRunNumber, other.ThreadStatus)
		}
		if k.Threads.More {
			fmt.Fprintln(w, "  waits for more ThreadRuns than are shown")
		}
	case *extra.ThreadExplanation_ChildWfRun:
		status := "gone"
		if k.ChildWfRun.Status != nil {
			status = k.ChildWfRun.Status.String()
		}
		fmt.Fprintf(w, "  waits for WfRun %s, which is %s\n", lh.RunIDOf(k.ChildWfRun.WfRunId), status)
	case *extra.ThreadExplanation_UserTask:
		explainUserTask(w, k.UserTask)
	case *extra.ThreadExplanation_Condition:
		fmt.Fprintln(w, "  waits for its condition")
	case *extra.ThreadExplanation_Sleep:
		fmt.Fprintf(w, "  sleeps until %s\n", moment(k.Sleep.MaturationTime))
	}
}

func explainTask(w io.Writer, t *extra.TaskWait, node lhpb.LHStatus) {
	failed := node == lhpb.LHStatus_ERROR || node == lhpb.LHStatus_EXCEPTION
	verb, before := "waits for", " before"
	if failed {
		verb, before = "has failed at", ""
	}
	fmt.Fprintf(w, "  %s TaskRun %s of %s: %s, attempt %d of %d\n",
		verb, t.TaskRunId.GetTaskGuid(), t.TaskDefId.GetName(), t.Status, t.Attempt, t.TotalAttempts)
	if t.TaskWorkerId != "" {
		has := "has"
		if t.Status != lhpb.TaskStatus_TASK_RUNNING {
			has = "had"
		}
		fmt.Fprintf(w, "    worker %s %s it\n", oneLine(t.TaskWorkerId), has)
	}
	if t.LastError != "" {
		fmt.Fprintf(w, "    went wrong%s: %s\n", before, oneLine(t.LastError))
	}
	if failed {
		return
	}
	if t.Ahead != nil {
		fmt.Fprintf(w, "    %s ahead of it\n", tasks(t.Ahead))
	}
	fmt.Fprintf(w, "    %d requests of workers lie open\n", t.OpenPolls)
	for _, worker := range t.Workers {
		fmt.Fprintf(w, "    worker %s was heard of at %s\n", oneLine(worker.TaskWorkerId), moment(worker.LatestHeartbeat))
	}
	switch {
	case len(t.Workers) == 0:
		fmt.Fprintln(w, "    no worker has registered for it")
	case t.MoreWorkers:
		fmt.Fprintln(w, "    and there are more workers")
	}
}

func tasks(n *extra.BoundedCount) string {
	switch {
	case n.More:
		return fmt.Sprintf("%d+ tasks are", n.Count)
	case n.Count == 1:
		return "1 task is"
	default:
		return fmt.Sprintf("%d tasks are", n.Count)
	}
}

func explainUserTask(w io.Writer, u *extra.UserTaskWait) {
	fmt.Fprintf(w, "  waits for UserTaskRun %s of %s: %s", u.UserTaskRunId.GetUserTaskGuid(), u.UserTaskDefId.GetName(), u.Status)
	if u.UserId != nil {
		fmt.Fprintf(w, ", user %s", oneLine(*u.UserId))
	}
	if u.UserGroup != nil {
		fmt.Fprintf(w, ", group %s", oneLine(*u.UserGroup))
	}
	fmt.Fprintln(w)
}
