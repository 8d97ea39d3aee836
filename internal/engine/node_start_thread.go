package engine

import (
	"fmt"

	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// startThreadNode starts one child.
type startThreadNode struct{ haltable }

func (startThreadNode) arrive(n *nodeRun) *lhpb.Failure {
	node := n.spec().GetStartThread()
	run := &lhpb.StartThreadRun{ThreadSpecName: node.ThreadSpecName}
	n.edit().NodeType = &lhpb.NodeRun_StartThread{StartThread: run}
	inputs, err := n.scope().inputs(node.Variables)
	if err != nil {
		return fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed constructing input variables for thread: %s", err)
	}
	child := n.thread.graph.Threads[node.ThreadSpecName]
	inputs, err = n.childInputs(child, node.ThreadSpecName, inputs)
	if err != nil {
		return fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Invalid input variables for child thread: %s", err)
	}
	if f := n.thread.mayStart(1); f != nil {
		return f
	}
	run.ChildThreadId = new(n.startChild(child, inputs).number)
	return nil
}

func (startThreadNode) check(n *nodeRun) (outcome, *lhpb.Failure) {
	return outcome{done: true, output: intValue(int64(n.get().GetStartThread().GetChildThreadId()))}, nil
}

// mayStart reports why that many children cannot be started; nil if they can.
func (t *threadRun) mayStart(n int) *lhpb.Failure {
	if !t.run.roomFor(n) {
		return t.run.tooManyThreads(n)
	}
	return nil
}

func (n *nodeRun) startChild(s *spec.Thread, inputs map[string]*lhpb.VariableValue) *threadRun {
	return n.thread.run.start(threadStart{
		graph:  n.thread.graph,
		spec:   s,
		kind:   lhpb.ThreadType_CHILD,
		parent: n.thread,
		inputs: inputs,
	})
}

// childInputs are the inputs of a child, each of which must fit a Variable.
func (n *nodeRun) childInputs(child *spec.Thread, name string, given map[string]*lhpb.VariableValue) (map[string]*lhpb.VariableValue, error) {
	inputs, err := n.tx().threadInputs(child, name, given)
	if err != nil {
		return nil, err
	}
	for _, name := range sortedKeys(inputs) {
		if err := n.tx().mustFit(inputs[name]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return inputs, nil
}

// knownThread reports whether a ThreadRun of that number was ever started.
func (w *wfRun) knownThread(n int64) bool {
	return n >= 0 && n <= int64(w.wf().GreatestThreadrunNumber)
}
