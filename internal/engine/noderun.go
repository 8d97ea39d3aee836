package engine

import (
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// nodeRun is a NodeRun within a record.
type nodeRun struct {
	thread   *threadRun
	position int32
	row      row[lhpb.NodeRun, *lhpb.NodeRun]
	task     *taskRun // of a TASK, once looked up
	// fanOut is what a START_MULTIPLE_THREADS has not come to in the record it arrived in.
	fanOut  row[pb.FanOut, *pb.FanOut]
	resumed bool // by this record
	// looksAgain is set when an event may have come of which the NodeRun was not told then.
	looksAgain bool
	beside     *wait   // of a WAIT_FOR_THREADS, once looked up
	changed    []int32 // entries of a WAIT_FOR_THREADS that may have changed in this record
	watches    bool    // a WAIT_FOR_CONDITION that is told of all that can change it
}

// nodeKind is what a kind of node does.
type nodeKind interface {
	// arrive is what happens when a ThreadRun enters the node.
	arrive(n *nodeRun) *lhpb.Failure
	// check is asked at every step while the NodeRun is RUNNING.
	check(n *nodeRun) (outcome, *lhpb.Failure)
	// mayHalt reports whether the NodeRun can stop where it is.
	mayHalt(n *nodeRun) bool
}

// sleeper is a kind that may wait for nothing but what names the ThreadRun.
type sleeper interface {
	// sleeps reports whether the waiting NodeRun does so.
	sleeps(n *nodeRun) bool
}

// outcome is what a NodeRun has come to.
type outcome struct {
	done bool
	// output for later nodes of the ThreadRun; nil for none.
	output *lhpb.VariableValue
}

var (
	waiting  = outcome{}
	finished = outcome{done: true}
)

// instant is the part of kinds that are done as soon as they are entered.
type instant struct{}

func (instant) check(*nodeRun) (outcome, *lhpb.Failure) { return finished, nil }

// haltable is the part of kinds that can be halted at any time.
type haltable struct{}

func (haltable) mayHalt(*nodeRun) bool { return true }

func (n *nodeRun) tx() *txn              { return n.thread.run.tx }
func (n *nodeRun) get() *lhpb.NodeRun    { return n.row.now }
func (n *nodeRun) edit() *lhpb.NodeRun   { return n.row.edit(n.tx()) }
func (n *nodeRun) id() *lhpb.NodeRunId   { return n.get().Id }
func (n *nodeRun) status() lhpb.LHStatus { return n.get().Status }
func (n *nodeRun) failed() bool          { return len(n.get().Failures) > 0 }
func (n *nodeRun) kind() nodeKind        { return kindOf(n.spec()) }

func (n *nodeRun) scope() *scope {
	s := n.tx().supplies.scopes.take()
	s.thread = n.thread
	return s
}

// spec is the node; nil if the WfSpec is gone.
func (n *nodeRun) spec() *lhpb.Node {
	if n.thread.spec == nil {
		return nil
	}
	return n.thread.spec.Node(n.get().NodeName)
}

func (n *nodeRun) lastFailure() *lhpb.Failure {
	f := n.get().Failures
	if len(f) == 0 {
		return nil
	}
	return f[len(f)-1]
}

// inProgress reports whether the NodeRun still has something to do.
func (n *nodeRun) inProgress() bool {
	s := n.status()
	return s == lhpb.LHStatus_STARTING || s == lhpb.LHStatus_RUNNING || s == lhpb.LHStatus_HALTING
}

// complete ends the NodeRun well and remembers its output.
func (n *nodeRun) complete(o outcome) {
	run := n.edit()
	run.Status = lhpb.LHStatus_COMPLETED
	run.EndTime = n.tx().now
	if o.output != nil && n.thread.spec.OutputUsed[run.NodeName] {
		n.thread.remember(run.NodeName, n.position, o.output)
	}
}

// fail appends the failure and takes its status. A content that no longer fits beside what is there is left
// out, and the message says so.
func (n *nodeRun) fail(f *lhpb.Failure) {
	n.forgetRest()
	run := n.edit()
	f.Message = clipped(f.Message)
	run.Failures = append(run.Failures, f)
	run.Status = failureStatus(f.FailureName)
	if f.Content != nil && run.SizeVT() > n.tx().valueLimit() {
		f.Content = null
		f.Message += "\n\nWARNING: The content was left out: " + n.tx().limitError().Error()
	}
}

// explain shows the failure's message on the NodeRun itself.
func (n *nodeRun) explain(f *lhpb.Failure) { n.edit().ErrorMessage = &f.Message }

// halt stops the NodeRun if it is in progress and its kind lets it; otherwise it is HALTING.
func (n *nodeRun) halt() {
	if !n.inProgress() {
		return
	}
	status := lhpb.LHStatus_HALTING
	if n.kind().mayHalt(n) {
		status = lhpb.LHStatus_HALTED
	}
	if n.status() != status {
		n.edit().Status = status
	}
}

// hasNotLooked reports whether something may have happened that the NodeRun did not see in an earlier record:
// it has just arrived, it stood still until now, or that record ended before its turn.
func (n *nodeRun) hasNotLooked() bool {
	return n.row.before == nil || n.resumed || n.looksAgain || n.row.before.Status != lhpb.LHStatus_RUNNING || n.thread.run.wasAwake(n.thread.number)
}

// resume lets a halted NodeRun go on.
func (n *nodeRun) resume() {
	if n.status() == lhpb.LHStatus_HALTED {
		n.register()
		n.edit().Status = lhpb.LHStatus_RUNNING
		n.resumed = true
		n.watchEvent()
		n.lookAgain()
	}
}

// editLastFailure gives the latest failure to be written to. Failures may be shared with other NodeRuns, so
// it is a copy.
func (n *nodeRun) editLastFailure() *lhpb.Failure {
	run := n.edit()
	last := len(run.Failures) - 1
	run.Failures[last] = run.Failures[last].CloneVT()
	return run.Failures[last]
}

func kindOf(n *lhpb.Node) nodeKind {
	switch n.GetNode().(type) {
	case *lhpb.Node_Entrypoint:
		return entrypointNode{}
	case *lhpb.Node_Exit:
		return exitNode{}
	case *lhpb.Node_Task:
		return taskNode{}
	case *lhpb.Node_Nop:
		return nopNode{}
	case *lhpb.Node_Sleep:
		return sleepNode{}
	case *lhpb.Node_ExternalEvent:
		return externalEventNode{}
	case *lhpb.Node_StartThread:
		return startThreadNode{}
	case *lhpb.Node_StartMultipleThreads:
		return startMultipleThreadsNode{}
	case *lhpb.Node_WaitForThreads:
		return waitForThreadsNode{}
	case *lhpb.Node_WaitForCondition:
		return waitForConditionNode{}
	case *lhpb.Node_ThrowEvent:
		return throwEventNode{}
	case *lhpb.Node_RunChildWf:
		return runChildWfNode{}
	case *lhpb.Node_WaitForChildWf:
		return waitForChildWfNode{}
	case *lhpb.Node_UserTask:
		return userTaskNode{}
	default:
		return unknownNode{}
	}
}
