package lhtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
)

// Run is a WfRun of the test.
type Run struct {
	// ID of it.
	ID lh.RunID
	s  *Server
}

// Run starts a WfRun. Its id is the name of the WfSpec and a number, unless lh.WithID chooses another.
func (s *Server) Run(wfSpec string, in lh.Input, options ...lh.RunOption) *Run {
	s.t.Helper()
	ctx, cancel := s.context()
	defer cancel()
	s.runs++
	options = append([]lh.RunOption{lh.WithID(fmt.Sprintf("%s-%s%d", wfSpec, s.nonce, s.runs))}, options...)
	id, err := s.client.Run(ctx, wfSpec, in, options...)
	if err != nil {
		s.t.Fatalf("lhtest: %v", err)
	}
	return s.Existing(id)
}

// Existing is a WfRun that something else has started: a schedule, a parent, or the client.
func (s *Server) Existing(id lh.RunID) *Run {
	r := &Run{ID: id, s: s}
	if s.real() {
		s.seen = append(s.seen, r)
	}
	return r
}

// WfRun is its present state, when everything has happened that the present time brings.
func (r *Run) WfRun() *lhpb.WfRun {
	r.s.t.Helper()
	r.s.Settle()
	return r.read()
}

func (r *Run) read() *lhpb.WfRun {
	r.s.t.Helper()
	ctx, cancel := r.s.context()
	defer cancel()
	run, err := r.s.client.WfRun(ctx, r.ID)
	if err != nil {
		r.s.t.Fatalf("lhtest: %v", err)
	}
	return run
}

// WaitFor waits until the WfRun has a status, as COMPLETED or HALTED.
func (r *Run) WaitFor(status string) {
	r.s.t.Helper()
	r.waitFor(r.s.t, status)
}

// Completed waits until the WfRun has completed.
func (r *Run) Completed(t testing.TB) {
	t.Helper()
	r.waitFor(t, lhpb.LHStatus_COMPLETED.String())
}

// Failed waits until the WfRun has ended in a technical error of that name: "TIMEOUT", or "" for any.
func (r *Run) Failed(t testing.TB, name string) {
	t.Helper()
	r.waitFor(t, lhpb.LHStatus_ERROR.String())
	r.failedWith(t, name)
}

// Excepted waits until the WfRun has ended in a business exception of that name, or in any for "".
func (r *Run) Excepted(t testing.TB, name string) {
	t.Helper()
	r.waitFor(t, lhpb.LHStatus_EXCEPTION.String())
	r.failedWith(t, name)
}

func (r *Run) waitFor(t testing.TB, status string) {
	t.Helper()
	if _, known := lhpb.LHStatus_value[status]; !known {
		t.Fatalf("lhtest: there is no status %q", status)
	}
	for end := time.Now().Add(patience); ; {
		r.s.Settle()
		now := r.read().Status
		if now.String() == status {
			return
		}
		if lh.Ended(now) || !r.s.goesOn(end) {
			t.Fatalf("lhtest: WfRun %s is %s, not %s; %s\n%s", r.ID, now, status, r.s.atWork(), r.Dump())
		}
	}
}

func (r *Run) failedWith(t testing.TB, name string) {
	t.Helper()
	if got := failureOf(r.nodeRuns(), 0); name != "" && got != name {
		t.Errorf("lhtest: WfRun %s has failed with %q, not with %q\n%s", r.ID, got, name, r.Dump())
	}
}

// failureOf is the name of the failure that ended a ThreadRun: that of its last NodeRun, or of the handler that failed
// over it.
func failureOf(nodes []*lhpb.NodeRun, thread int32) string {
	var last *lhpb.Failure
	for _, n := range nodes {
		if n.Id.ThreadRunNumber == thread && len(n.Failures) > 0 {
			last = n.Failures[len(n.Failures)-1]
		}
	}
	if last.GetFailureHandlerThreadrunId() > thread && !last.WasProperlyHandled {
		return failureOf(nodes, *last.FailureHandlerThreadrunId)
	}
	return last.GetFailureName()
}

// At asserts that a ThreadRun of the WfRun stands at a node: by its whole name, as "2-charge-card-TASK", or by what stands
// between the number and the kind.
func (r *Run) At(t testing.TB, node string) {
	t.Helper()
	var at []string
	arrived := r.s.holds(func() bool {
		at = nil
		for _, n := range r.current() {
			at = append(at, n.NodeName)
		}
		return slices.ContainsFunc(at, func(n string) bool { return matches(n, node) })
	})
	if !arrived {
		t.Fatalf("lhtest: WfRun %s stands at %q, not at %s; %s\n%s", r.ID, at, node, r.s.atWork(), r.Dump())
	}
}

// Visited asserts that the WfRun has come to a node, which is named as in At.
func (r *Run) Visited(t testing.TB, node string) {
	t.Helper()
	visited := r.s.holds(func() bool {
		return slices.ContainsFunc(r.Nodes(), func(n string) bool { return matches(n, node) })
	})
	if !visited {
		t.Errorf("lhtest: WfRun %s has not come to %s\n%s", r.ID, node, r.Dump())
	}
}

// matches compares "2-charge-card-TASK" with itself or with "charge-card".
func matches(name, wanted string) bool {
	if name == wanted {
		return true
	}
	_, rest, _ := strings.Cut(name, "-")
	i := strings.LastIndexByte(rest, '-')
	return i >= 0 && rest[:i] == wanted
}

// current are the NodeRuns at which ThreadRuns stand that have not ended.
func (r *Run) current() []*lhpb.NodeRun {
	at := map[int32]int32{}
	for _, thread := range r.read().ThreadRuns {
		if !lh.Ended(thread.Status) {
			at[thread.Number] = thread.CurrentNodePosition
		}
	}
	return slices.DeleteFunc(r.nodeRuns(), func(n *lhpb.NodeRun) bool {
		position, runs := at[n.Id.ThreadRunNumber]
		return !runs || n.Id.Position != position
	})
}

// nodeRuns are all of them, by ThreadRun and position.
func (r *Run) nodeRuns() []*lhpb.NodeRun {
	r.s.t.Helper()
	nodes := everything(r.s, "NodeRuns", func(ctx context.Context, api lhpb.LittleHorseClient, bookmark []byte) (*lhpb.NodeRunList, error) {
		return api.ListNodeRuns(ctx, &lhpb.ListNodeRunsRequest{WfRunId: r.ID.Proto(), Bookmark: bookmark, Limit: new(pageSize)})
	})
	slices.SortFunc(nodes, func(a, b *lhpb.NodeRun) int {
		if a.Id.ThreadRunNumber != b.Id.ThreadRunNumber {
			return int(a.Id.ThreadRunNumber - b.Id.ThreadRunNumber)
		}
		return int(a.Id.Position - b.Id.Position)
	})
	return nodes
}

// Nodes are the names of the nodes that the ThreadRuns have come to, one ThreadRun after the other, each in order.
func (r *Run) Nodes() []string {
	var names []string
	for _, n := range r.nodeRuns() {
		names = append(names, n.NodeName)
	}
	return names
}

// Var reads a variable of ThreadRun 0.
func Var[T any](r *Run, name string) T {
	r.s.t.Helper()
	r.s.Settle()
	ctx, cancel := r.s.context()
	defer cancel()
	value, err := lh.GetVar[T](ctx, r.s.client, r.ID, name)
	if err != nil {
		r.s.t.Fatalf("lhtest: %v\n%s", err, r.Dump())
	}
	return value
}

// Output is what the entrypoint thread has completed with.
func Output[T any](r *Run) T {
	r.s.t.Helper()
	var out T
	for _, thread := range r.WfRun().ThreadRuns {
		if thread.Number != 0 {
			continue
		}
		if err := lh.Scan(thread.Output, &out); err != nil {
			r.s.t.Fatalf("lhtest: output of %s: %v\n%s", r.ID, err, r.Dump())
		}
	}
	return out
}

// Attempts tells how each attempt of a task ended, over all TaskRuns of the WfRun, as TASK_SUCCESS or TASK_TIMEOUT.
func (r *Run) Attempts(task string) []string {
	r.s.t.Helper()
	r.s.Settle()
	var ends []string
	for _, run := range r.taskRuns() {
		if run.TaskDefId.GetName() != task {
			continue
		}
		for _, a := range run.Attempts {
			ends = append(ends, a.Status.String())
		}
	}
	return ends
}

func (r *Run) taskRuns() []*lhpb.TaskRun {
	r.s.t.Helper()
	tasks := everything(r.s, "TaskRuns", func(ctx context.Context, api lhpb.LittleHorseClient, bookmark []byte) (*lhpb.TaskRunList, error) {
		return api.ListTaskRuns(ctx, &lhpb.ListTaskRunsRequest{WfRunId: r.ID.Proto(), Bookmark: bookmark, Limit: new(pageSize)})
	})
	slices.SortStableFunc(tasks, func(a, b *lhpb.TaskRun) int {
		return a.ScheduledAt.AsTime().Compare(b.ScheduledAt.AsTime())
	})
	return tasks
}

// Child is the WfRun that a node of this one has started; the node is named as in At.
func (r *Run) Child(node string) *Run {
	r.s.t.Helper()
	var child *lhpb.WfRunId
	started := r.s.holds(func() bool {
		for _, n := range r.nodeRuns() {
			if child = n.GetRunChildWf().GetChildWfRunId(); child != nil && matches(n.NodeName, node) {
				return true
			}
		}
		return false
	})
	if !started {
		r.s.t.Fatalf("lhtest: WfRun %s has started no child at %s\n%s", r.ID, node, r.Dump())
	}
	return r.s.Existing(lh.RunIDOf(child))
}

// Post posts an ExternalEvent to the WfRun.
func (r *Run) Post(event string, content any) {
	r.s.t.Helper()
	ctx, cancel := r.s.context()
	defer cancel()
	if err := r.s.client.PostEvent(ctx, r.ID, event, content); err != nil {
		r.s.t.Fatalf("lhtest: %v", err)
	}
}

// PostCorrelated posts an ExternalEvent to whichever WfRuns wait for it by the key.
func (s *Server) PostCorrelated(key, event string, content any) {
	s.t.Helper()
	s.call("post "+event, func(ctx context.Context, _ lhpb.LittleHorseClient) error {
		return s.client.PostCorrelated(ctx, key, event, content)
	})
}

// Thrown are the contents of the WorkflowEvents of that name that the WfRun has thrown, oldest first.
func Thrown[T any](r *Run, event string) []T {
	r.s.t.Helper()
	r.s.Settle()
	var out []T
	thrown := everything(r.s, "WorkflowEvents", func(ctx context.Context, api lhpb.LittleHorseClient, bookmark []byte) (*lhpb.WorkflowEventList, error) {
		return api.ListWorkflowEvents(ctx, &lhpb.ListWorkflowEventsRequest{WfRunId: r.ID.Proto(), Bookmark: bookmark, Limit: new(pageSize)})
	})
	for _, e := range thrown {
		if e.Id.WorkflowEventDefId.GetName() != event {
			continue
		}
		var content T
		if err := lh.Scan(e.Content, &content); err != nil {
			r.s.t.Fatalf("lhtest: event %s: %v", event, err)
		}
		out = append(out, content)
	}
	return out
}

// Stop halts the WfRun, as an operator does.
func (r *Run) Stop() {
	r.s.t.Helper()
	r.s.call("stop", func(ctx context.Context, _ lhpb.LittleHorseClient) error { return r.s.client.Stop(ctx, r.ID, 0) })
}

// Resume lets the halted WfRun go on.
func (r *Run) Resume() {
	r.s.t.Helper()
	r.s.call("resume", func(ctx context.Context, _ lhpb.LittleHorseClient) error { return r.s.client.Resume(ctx, r.ID, 0) })
}

// Rescue restarts the failed WfRun at its failed node, or behind it.
func (r *Run) Rescue(skipNode bool) {
	r.s.t.Helper()
	r.s.call("rescue", func(ctx context.Context, _ lhpb.LittleHorseClient) error {
		_, err := r.s.client.Rescue(ctx, r.ID, 0, skipNode)
		return err
	})
}

// call makes a call and fails the test if it is refused.
func (s *Server) call(what string, call func(context.Context, lhpb.LittleHorseClient) error) {
	s.t.Helper()
	ctx, cancel := s.context()
	defer cancel()
	if err := call(ctx, s.client.RPC()); err != nil {
		s.t.Fatalf("lhtest: %s: %v", what, err)
	}
}
