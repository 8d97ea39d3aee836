package e2e

import (
	"maps"
	"strings"
	"testing"
	"time"

	"littlehorse/lhpb"
)

// What a wide WfRun keeps in rows of its own is joined when it is read: all children of a ThreadRun, all ThreadRuns
// that a NodeRun waits for.
//
// covers: engine-2 §2; engine-2 §9 WAIT_FOR_ALL
// holds: BigGraphsStayUsable
func TestWideRunsReadWhole(t *testing.T) {
	const children = 150
	c := inProcess(t)
	must(c.PutExternalEventDef(c.ctx, &lhpb.PutExternalEventDefRequest{Name: "go"}))(c)
	list := "[" + strings.Repeat("1,", children-1) + "1]"
	entry := &lhpb.Node{OutgoingEdges: edge("1"), Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}}
	exit := &lhpb.Node{Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}}
	must(c.PutWfSpec(c.ctx, &lhpb.PutWfSpecRequest{
		Name: "wide", EntrypointThreadName: "main",
		ThreadSpecs: map[string]*lhpb.ThreadSpec{
			"main": {Nodes: map[string]*lhpb.Node{
				"0": entry, "3": exit,
				"1": {OutgoingEdges: edge("2"), Node: &lhpb.Node_StartMultipleThreads{StartMultipleThreads: &lhpb.StartMultipleThreadsNode{
					ThreadSpecName: "child",
					Iterable: &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_LiteralValue{
						LiteralValue: &lhpb.VariableValue{Value: &lhpb.VariableValue_JsonArr{JsonArr: list}},
					}},
				}}},
				"2": {OutgoingEdges: edge("3"), Node: &lhpb.Node_WaitForThreads{WaitForThreads: &lhpb.WaitForThreadsNode{
					ThreadsToWaitFor: &lhpb.WaitForThreadsNode_ThreadList{ThreadList: &lhpb.VariableAssignment{
						Source: &lhpb.VariableAssignment_NodeOutput{NodeOutput: &lhpb.VariableAssignment_NodeOutputReference{NodeName: "1"}},
					}},
				}}},
			}},
			"child": {Nodes: map[string]*lhpb.Node{
				"0": entry, "2": exit,
				"1": {OutgoingEdges: edge("2"), Node: &lhpb.Node_ExternalEvent{ExternalEvent: &lhpb.ExternalEventNode{
					ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "go"},
				}}},
			}},
		},
	}))(c)
	id := "w"
	must(c.RunWf(c.ctx, &lhpb.RunWfRequest{WfSpecName: "wide", Id: &id}))(c)
	run := &lhpb.WfRunId{Id: id}
	wait := c.waitsFor(run, children)
	if last := wait.Threads[children-1]; last.ThreadRunNumber != children || last.ThreadStatus != lhpb.LHStatus_RUNNING {
		t.Errorf("the last that is waited for: %v", last)
	}
	for range children - 1 {
		c.goOn(run)
	}
	main := must(c.GetWfRun(c.ctx, run))(c).ThreadRuns[0]
	if n := len(main.ChildThreadIds); main.Status != lhpb.LHStatus_RUNNING || n != children || main.ChildThreadIds[n-1] != children {
		t.Errorf("%s with children %v", main.Status, main.ChildThreadIds)
	}
	ended := 0
	for _, e := range c.waitsFor(run, children).Threads {
		if e.WaitingStatus == lhpb.WaitForThreadsRun_THREAD_COMPLETED_OR_FAILURE_HANDLED && e.ThreadStatus == lhpb.LHStatus_COMPLETED {
			ended++
		}
	}
	if ended != children-1 {
		t.Errorf("%d of %d are seen to have ended", ended, children-1)
	}
	c.goOn(run)
	if w := c.ends(id); w.Status != lhpb.LHStatus_COMPLETED {
		t.Errorf("the WfRun is %s", w.Status)
	}
	for _, n := range must(c.ListNodeRuns(c.ctx, &lhpb.ListNodeRunsRequest{WfRunId: run}))(c).Results {
		if w := n.GetWaitForThreads(); w != nil && len(w.Threads) != children {
			t.Errorf("listed with %d entries", len(w.Threads))
		}
	}
}

// goOn posts the event "go".
func (c *client) goOn(run *lhpb.WfRunId) {
	c.t.Helper()
	insist(c, func() (*lhpb.ExternalEvent, error) {
		return c.PutExternalEvent(c.ctx, &lhpb.PutExternalEventRequest{WfRunId: run, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "go"}})
	})
}

// waitsFor gives the wait of the WfRun once it has that many entries.
func (c *client) waitsFor(run *lhpb.WfRunId, entries int) *lhpb.WaitForThreadsRun {
	c.t.Helper()
	for {
		n, err := c.GetNodeRun(c.ctx, &lhpb.NodeRunId{WfRunId: run, Position: 2})
		if err == nil && len(n.GetWaitForThreads().GetThreads()) == entries {
			return n.GetWaitForThreads()
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-c.ctx.Done():
			c.t.Fatalf("waits for %d: %v", len(n.GetWaitForThreads().GetThreads()), err)
		}
	}
}

// Interrupts that wait for a ThreadRun, more than the WfRun's own row lists, are joined when it is read, and all begin.
//
// covers: engine-2 §8
func TestQueuedInterruptsReadWhole(t *testing.T) {
	const events = 100
	c := inProcess(t)
	must(c.PutTaskDef(c.ctx, &lhpb.PutTaskDefRequest{Name: "t"}))(c)
	must(c.PutExternalEventDef(c.ctx, &lhpb.PutExternalEventDefRequest{Name: "go"}))(c)
	entry := &lhpb.Node{OutgoingEdges: edge("1"), Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}}
	exit := &lhpb.Node{Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}}
	must(c.PutWfSpec(c.ctx, &lhpb.PutWfSpecRequest{
		Name: "interrupted", EntrypointThreadName: "main",
		ThreadSpecs: map[string]*lhpb.ThreadSpec{
			"main": {
				InterruptDefs: []*lhpb.InterruptDef{{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "go"}, HandlerSpecName: "cope"}},
				Nodes: map[string]*lhpb.Node{
					"0": entry, "2": exit,
					"1": {OutgoingEdges: edge("2"), Node: &lhpb.Node_Task{Task: &lhpb.TaskNode{
						TaskToExecute: &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: "t"}}, TimeoutSeconds: 60,
					}}},
				},
			},
			"cope": {Nodes: map[string]*lhpb.Node{"0": entry, "1": exit}},
		},
	}))(c)
	id := "w"
	must(c.RunWf(c.ctx, &lhpb.RunWfRequest{WfSpecName: "interrupted", Id: &id}))(c)
	run := &lhpb.WfRunId{Id: id}
	for range events {
		c.goOn(run)
	}
	w := must(c.GetWfRun(c.ctx, run))(c)
	pending, reasons := map[string]bool{}, map[string]bool{}
	for _, p := range w.PendingInterrupts {
		pending[p.ExternalEventId.Guid] = true
	}
	for _, r := range w.ThreadRuns[0].HaltReasons {
		reasons[r.GetPendingInterrupt().GetExternalEventId().GetGuid()] = true
	}
	if len(w.PendingInterrupts) != events || len(pending) != events || len(w.ThreadRuns[0].HaltReasons) != events || !maps.Equal(pending, reasons) {
		t.Errorf("%d interrupts are pending, of %d events; ThreadRun 0 is halted for %d reasons, %d events",
			len(w.PendingInterrupts), len(pending), len(w.ThreadRuns[0].HaltReasons), len(reasons))
	}
	c.worker("t", func(*lhpb.ScheduledTask) *lhpb.VariableValue { return nil })
	if w := c.ends(id); w.Status != lhpb.LHStatus_COMPLETED || w.GreatestThreadrunNumber != events || len(w.PendingInterrupts) > 0 {
		t.Errorf("the WfRun is %s after %d ThreadRuns, %d interrupts are pending", w.Status, w.GreatestThreadrunNumber, len(w.PendingInterrupts))
	}
}
