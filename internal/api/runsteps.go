package api

import (
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/keys"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// Bounds of one step.
const (
	// viewedAttempts are shown of the first, and of the last.
	viewedAttempts = 20
	viewedStarted  = 100
)

// steps reads a page of them.
func (v *runView) steps() error {
	w := &stepWalk{runView: v, from: map[int32]int32{}, only: slices.Compact(slices.Sorted(slices.Values(v.request.Threads)))}
	for _, f := range v.request.From {
		w.from[f.Thread] = f.Position
	}
	base := v.run.Kind(keys.KindNodeRun)
	w.start, w.end = base, base.End()
	if v.page.after != "" {
		w.start = (base + keys.Key(v.page.after)).After()
	}
	for !w.full {
		more, err := w.next()
		if err != nil || !more {
			return err
		}
	}
	v.out.Bookmark = v.page.next(string(w.last[len(base):]))
	return nil
}

// stepWalk goes through the NodeRuns that are asked for.
type stepWalk struct {
	*runView
	from       map[int32]int32 // position by ThreadRun
	only       []int32         // ThreadRuns, ascending; all if there are none
	start, end keys.Key
	last       keys.Key // of the last step
	size, read int
	full       bool
}

// next reads some rows. It is false behind the last one.
func (w *stepWalk) next() (bool, error) {
	rows, err := w.view.Scan(w.start, w.end, viewedAtOnce)
	if err != nil {
		return false, err
	}
	var nodes []*lhpb.NodeRun
	jumped := false
	for _, r := range rows {
		thread, position, err := w.run.ParseNodeRun(r.Key)
		if err != nil {
			return false, err
		}
		if to := w.wanted(thread, position); to != "" {
			w.start, jumped = to, true
			break
		}
		if len(w.out.Steps)+len(nodes) == w.page.limit || w.size > viewedStepBytes || w.read > viewedReadBytes {
			w.full = true
			break
		}
		n, err := decode[lhpb.NodeRun](r.Value)
		if err != nil {
			return false, err
		}
		nodes, w.last, w.start = append(nodes, n), r.Key, r.Key.After()
		w.read += len(r.Value)
	}
	if err := w.add(nodes); err != nil {
		return false, err
	}
	return w.full || jumped && w.start < w.end || len(rows) == viewedAtOnce, nil
}

// wanted is "" for a step that is asked for, else where the next one may be.
func (w *stepWalk) wanted(thread, position int32) keys.Key {
	if len(w.only) > 0 {
		i, found := slices.BinarySearch(w.only, thread)
		switch {
		case !found && i == len(w.only):
			return w.end
		case !found:
			return w.run.NodeRunsOf(w.only[i])
		}
	}
	if from := w.from[thread]; position < from {
		return w.run.NodeRun(thread, from)
	}
	return ""
}

// add makes steps of NodeRuns.
func (w *stepWalk) add(nodes []*lhpb.NodeRun) error {
	for _, n := range nodes {
		maskNodeRun(n)
		step := stepOf(n)
		if id := n.GetTask().GetTaskRunId(); id != nil {
			b, err := w.view.Get(w.run.TaskRun(id.TaskGuid))
			if err != nil {
				return err
			}
			w.read += len(b)
			if err := attempted(step, b); err != nil {
				return err
			}
		}
		w.size += step.SizeVT()
		w.out.Steps = append(w.out.Steps, step)
	}
	return nil
}

func stepOf(n *lhpb.NodeRun) *extra.Step {
	step := &extra.Step{
		Thread: n.Id.ThreadRunNumber, Position: n.Id.Position, Node: n.NodeName, Status: n.Status,
		ArrivedMs: millis(n.ArrivalTime), EndedMs: millisOf(n.EndTime), About: aboutOf(n),
		StartedThreads: startedBy(n), ChildWfRunId: n.GetRunChildWf().GetChildWfRunId(),
	}
	if child := n.GetWaitForChildWf().GetChildWfRunId(); child != nil {
		step.ChildWfRunId = child
	}
	if f := len(n.Failures); f > 0 {
		step.Failure = n.Failures[f-1].FailureName
	}
	return step
}

func aboutOf(n *lhpb.NodeRun) string {
	switch k := n.NodeType.(type) {
	case *lhpb.NodeRun_ExternalEvent:
		return k.ExternalEvent.GetExternalEventDefId().GetName()
	case *lhpb.NodeRun_ThrowEvent:
		return k.ThrowEvent.GetWorkflowEventId().GetWorkflowEventDefId().GetName()
	case *lhpb.NodeRun_StartThread:
		return k.StartThread.GetThreadSpecName()
	case *lhpb.NodeRun_StartMultipleThreads:
		return k.StartMultipleThreads.GetThreadSpecName()
	default:
		return ""
	}
}

// startedBy are the first ThreadRuns that a NodeRun has started, handlers of its failures among them.
func startedBy(n *lhpb.NodeRun) []int32 {
	var out []int32
	switch k := n.NodeType.(type) {
	case *lhpb.NodeRun_StartThread:
		if k.StartThread.ChildThreadId != nil {
			out = append(out, *k.StartThread.ChildThreadId)
		}
	case *lhpb.NodeRun_StartMultipleThreads:
		out = append(out, k.StartMultipleThreads.ChildThreadIds...)
	}
	out = append(out, n.FailureHandlerIds...)
	return out[:min(len(out), viewedStarted)]
}

func millisOf(t *timestamppb.Timestamp) *int64 {
	if t == nil {
		return nil
	}
	ms := millis(t)
	return &ms
}

// attempted adds the task of a step, if it is there.
func attempted(step *extra.Step, row []byte) error {
	if row == nil {
		return nil
	}
	t, err := decode[lhpb.TaskRun](row)
	if err != nil {
		return err
	}
	step.About = t.GetTaskDefId().GetName()
	for i, a := range t.Attempts {
		if i >= viewedAttempts && i < len(t.Attempts)-viewedAttempts {
			continue
		}
		step.Attempts = append(step.Attempts, &extra.StepAttempt{
			Status: a.Status, ScheduledMs: millisOf(a.ScheduleTime), StartedMs: millisOf(a.StartTime), EndedMs: millisOf(a.EndTime),
		})
	}
	return nil
}
