package lhtest

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"littlehorse/lhpb"
)

// Dump is the whole WfRun as text: threads with the nodes that they came to, attempts of tasks, failures, variables.
func (r *Run) Dump() string {
	var b strings.Builder
	run := r.read()
	fmt.Fprintf(&b, "WfRun %s %s\n", r.ID, run.Status)
	nodes, tasks := r.nodeRuns(), map[string]*lhpb.TaskRun{}
	for _, t := range r.taskRuns() {
		tasks[t.Id.TaskGuid] = t
	}
	for _, thread := range run.ThreadRuns {
		fmt.Fprintf(&b, "  thread %d %s %s %s\n", thread.Number, thread.ThreadSpecName, thread.Status, thread.GetErrorMessage())
		for _, n := range nodes {
			if n.Id.ThreadRunNumber == thread.Number {
				dumpNode(&b, n, tasks)
			}
		}
	}
	for _, v := range r.variables() {
		fmt.Fprintf(&b, "  %s of thread %d = %s\n", v.Id.Name, v.Id.ThreadRunNumber, valueText(v.Value))
	}
	return b.String()
}

func dumpNode(b *strings.Builder, n *lhpb.NodeRun, tasks map[string]*lhpb.TaskRun) {
	fmt.Fprintf(b, "    %d %s %s\n", n.Id.Position, n.NodeName, n.Status)
	for i, a := range tasks[n.GetTask().GetTaskRunId().GetTaskGuid()].GetAttempts() {
		fmt.Fprintf(b, "      attempt %d %s %s%s%s\n", i+1, a.Status, valueText(a.GetOutput()), a.GetError().GetMessage(), a.GetException().GetName())
	}
	for _, f := range n.Failures {
		fmt.Fprintf(b, "      failure %s: %s\n", f.FailureName, f.Message)
	}
}

func (r *Run) variables() []*lhpb.Variable {
	return everything(r.s, "Variables", func(ctx context.Context, api lhpb.LittleHorseClient, bookmark []byte) (*lhpb.VariableList, error) {
		return api.ListVariables(ctx, &lhpb.ListVariablesRequest{WfRunId: r.ID.Proto(), Bookmark: bookmark, Limit: new(pageSize)})
	})
}

func valueText(v *lhpb.VariableValue) string {
	if v == nil {
		return ""
	}
	text, err := protojson.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return strings.ReplaceAll(string(text), ": ", ":")
}
