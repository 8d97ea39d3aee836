package engine

import (
	"fmt"

	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

type waitEntry = lhpb.WaitForThreadsRun_WaitForThread

const (
	inProgress   = lhpb.WaitForThreadsRun_THREAD_IN_PROGRESS
	handling     = lhpb.WaitForThreadsRun_THREAD_HANDLING_FAILURE
	settled      = lhpb.WaitForThreadsRun_THREAD_COMPLETED_OR_FAILURE_HANDLED
	unsuccessful = lhpb.WaitForThreadsRun_THREAD_UNSUCCESSFUL
)

// waitForThreadsNode waits for other ThreadRuns to end.
type waitForThreadsNode struct{ haltable }

func (waitForThreadsNode) arrive(n *nodeRun) *lhpb.Failure {
	n.edit().NodeType = &lhpb.NodeRun_WaitForThreads{WaitForThreads: &lhpb.WaitForThreadsRun{}}
	numbers, err := n.awaitedThreads(n.spec().GetWaitForThreads())
	if err != nil {
		return fail(lhpb.LHErrorType_VAR_SUB_ERROR, "%s", err)
	}
	if most := n.tx().engine.config.maxListed(); len(numbers) > most {
		return fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Cannot wait for %d ThreadRuns, only for %d", len(numbers), most)
	}
	var entries []*waitEntry
	for _, number := range numbers {
		if err := n.thread.mayWaitFor(number); err != nil {
			return fail(lhpb.LHErrorType_VAR_SUB_ERROR, "%s", err)
		}
		e := &waitEntry{ThreadRunNumber: int32(number), ThreadStatus: lhpb.LHStatus_RUNNING}
		if len(numbers) <= n.blockSize() { // or they are looked at one after the other
			e.ThreadStatus = n.thread.run.statusOf(e.ThreadRunNumber)
		}
		entries = append(entries, e)
	}
	n.list(entries)
	n.watchListed()
	return nil
}

func (n *nodeRun) awaitedThreads(node *lhpb.WaitForThreadsNode) ([]int64, error) {
	var numbers []int64
	for _, w := range node.GetThreads().GetThreads() {
		number, err := n.scope().integer(w.ThreadRunNumber)
		if err != nil {
			return nil, fmt.Errorf("failed determining thread run number to wait for: %w", err)
		}
		numbers = append(numbers, number)
	}
	if node.GetThreadList() == nil {
		return numbers, nil
	}
	list, err := n.scope().resolve(node.GetThreadList())
	if err != nil {
		return nil, fmt.Errorf("failed determining thread run numbers to wait for: %w", err)
	}
	items, err := itemsOf(list)
	if err != nil {
		return nil, fmt.Errorf("failed determining thread run numbers to wait for: %w", err)
	}
	for _, item := range items {
		number, err := asInteger(item)
		if err != nil {
			return nil, fmt.Errorf("failed determining thread run number to wait for: %w", err)
		}
		numbers = append(numbers, number)
	}
	return numbers, nil
}

func (t *threadRun) mayWaitFor(number int64) error {
	if !t.run.knownThread(number) {
		return fmt.Errorf("Couldn't wait for nonexistent threadRun: %d", number)
	}
	if t.descendsFrom(int32(number)) {
		return fmt.Errorf("Determined threadrunnumber %d is a parent!", number)
	}
	return nil
}

// sleeps: what the others do is watched, once all have been looked at.
func (waitForThreadsNode) sleeps(n *nodeRun) bool { return !n.looksOn() && !n.ends() }

// check decides by all entries: as long as some have not been looked at, it is too early.
func (waitForThreadsNode) check(n *nodeRun) (outcome, *lhpb.Failure) {
	if n.ends() {
		return n.end(n.tally().End)
	}
	n.followThreads()
	if n.looksOn() {
		n.thread.run.goesOnLater = true
		return waiting, nil
	}
	t := n.tally()
	switch n.spec().GetWaitForThreads().Strategy {
	case lhpb.WaitForThreadsStrategy_WAIT_FOR_ANY:
		return n.waitForAny(t)
	case lhpb.WaitForThreadsStrategy_WAIT_FOR_FIRST:
		return n.waitForFirst(t)
	default:
		return n.waitForAll(t)
	}
}

func (n *nodeRun) waitForAll(t *pb.WaitTally) (outcome, *lhpb.Failure) {
	if t.Unsuccessful > 0 {
		return waiting, n.failureOf(n.entry(int(t.FirstUnsuccessful - 1)))
	}
	return outcome{done: t.Settled == t.Entries}, nil
}

func (n *nodeRun) waitForAny(t *pb.WaitTally) (outcome, *lhpb.Failure) {
	switch {
	case t.Settled > 0:
		return n.end(pb.WaitEnd_WAIT_END_COMPLETED)
	case t.Unsuccessful == t.Entries:
		return waiting, fail(lhpb.LHErrorType_CHILD_FAILURE, "All child threads failed")
	default:
		return waiting, nil
	}
}

func (n *nodeRun) waitForFirst(t *pb.WaitTally) (outcome, *lhpb.Failure) {
	switch {
	case t.Settled+t.Unsuccessful == 0:
		return waiting, nil
	case t.FirstUnsuccessful == 0 || 0 < t.FirstSettled && t.FirstSettled < t.FirstUnsuccessful:
		return n.end(pb.WaitEnd_WAIT_END_COMPLETED)
	default:
		return n.end(pb.WaitEnd_WAIT_END_FAILED)
	}
}

// end ends the wait, once all that are still under way are stopped for good and the rest is taken as dealt with.
func (n *nodeRun) end(how pb.WaitEnd) (outcome, *lhpb.Failure) {
	switch {
	case !n.haltOthers(how):
		n.thread.run.goesOnLater = true
		return waiting, nil
	case how == pb.WaitEnd_WAIT_END_FAILED:
		return waiting, n.failureOf(n.entry(int(n.tally().FirstUnsuccessful - 1)))
	default:
		return finished, nil
	}
}

// followThreads brings the entries up to what the ThreadRuns have come to. Once all have been looked at, only
// those can have changed whose ThreadRuns say so.
func (n *nodeRun) followThreads() {
	if w := n.wide(); w != nil {
		n.lookFurther(w)
	} else if n.hasNotLooked() {
		for i := range n.listed() {
			n.follow(i)
		}
		return
	}
	for _, i := range n.changed {
		n.follow(int(i))
	}
}

func (n *nodeRun) follow(i int) {
	e := n.entry(i)
	if e.WaitingStatus == settled {
		return
	}
	status := n.thread.run.statusOf(e.ThreadRunNumber)
	if e.ThreadStatus != status {
		e = n.editEntry(i)
		e.ThreadStatus = status
	}
	switch {
	case e.WaitingStatus == inProgress && status == lhpb.LHStatus_COMPLETED:
		n.decide(i, settled)
	case e.WaitingStatus == inProgress && failed(status):
		n.handleChild(i)
	case e.WaitingStatus == handling:
		n.followHandler(i)
	}
}

// handleChild starts the handler of a failed child, if the node has one for it. The child's own NodeRun does
// not tell of it: whoever looks at the child sees how it failed, whoever looks at the wait what was done about it.
func (n *nodeRun) handleChild(i int) {
	e := n.entry(i)
	child := n.thread.run.thread(e.ThreadRunNumber)
	f := child.failure()
	h := handlerFor(n.spec().GetWaitForThreads().PerThreadFailureHandlers, f.FailureName)
	if h == nil {
		n.decide(i, unsuccessful)
		return
	}
	s := n.thread.graph.Threads[h.HandlerSpecName]
	if n.thread.run.mayStartHandler(s, h.HandlerSpecName) != nil {
		n.decide(i, unsuccessful)
		return
	}
	started := n.thread.run.start(threadStart{
		graph:  n.thread.graph,
		spec:   s,
		kind:   lhpb.ThreadType_FAILURE_HANDLER,
		parent: child,
		inputs: handlerInput(s, f.Content),
	})
	e = n.editEntry(i)
	e.WaitingStatus = handling
	e.FailureHandlerThreadRunId = new(started.number)
	n.changed = append(n.changed, int32(i))
	n.thread.watch(keys.ThreadSubject(started.number), &pb.Watch{Entries: []int32{int32(i)}})
}

// failure is what a failed ThreadRun failed with. When the handler of a failure failed in its turn, it is
// still the failure that the node itself met.
func (t *threadRun) failure() *lhpb.Failure {
	if f := t.node().lastFailure(); f != nil {
		return f
	}
	return &lhpb.Failure{
		FailureName: lhpb.LHErrorType_CHILD_FAILURE.String(),
		Message:     t.get().GetErrorMessage(),
		Content:     null,
	}
}

func (n *nodeRun) followHandler(i int) {
	e := n.entry(i)
	switch status := n.thread.run.statusOf(e.GetFailureHandlerThreadRunId()); {
	case status == lhpb.LHStatus_COMPLETED:
		n.decide(i, settled)
		n.thread.markHandled(e.ThreadRunNumber)
	case failed(status):
		n.decide(i, unsuccessful)
	}
}

// failureOf is the failure by which an unsuccessful ThreadRun, or its handler, fails the wait.
func (n *nodeRun) failureOf(e *waitEntry) *lhpb.Failure {
	t := n.thread.run.thread(e.ThreadRunNumber)
	if e.FailureHandlerThreadRunId != nil {
		t = n.thread.run.thread(*e.FailureHandlerThreadRunId)
	}
	f := t.failure()
	if isError(f.FailureName) {
		return fail(lhpb.LHErrorType_CHILD_FAILURE, "Child thread %d failed with %s: %s", e.ThreadRunNumber, f.FailureName, f.Message)
	}
	return &lhpb.Failure{FailureName: f.FailureName, Message: f.Message, Content: f.Content}
}

// showHalts shows how the failure of a wait has left those that were still under way. A long wait does not tell.
func (n *nodeRun) showHalts() {
	if n.wide() != nil {
		return
	}
	for i, e := range n.listed() {
		if status := n.thread.run.statusOf(e.ThreadRunNumber); e.WaitingStatus == inProgress && e.ThreadStatus != status {
			n.editEntry(i).ThreadStatus = status
		}
	}
}

// haltOthers does so for as many as the record may, and reports whether those were all.
func (n *nodeRun) haltOthers(how pb.WaitEnd) bool {
	w := n.wide()
	if w == nil {
		for i := range n.listed() {
			n.leaveBehind(i)
		}
		return true
	}
	if !n.ends() {
		w.tally.edit(n.tx()).End = how
	}
	if !n.thread.run.mayFanOut() {
		return false
	}
	t := w.tally.edit(n.tx())
	for t.Ended < t.Entries && n.thread.run.mayMove() {
		n.leaveBehind(int(t.Ended))
		t.Ended++
	}
	return t.Ended == t.Entries
}

// leaveBehind stops what is still under way, and takes what is not as dealt with.
func (n *nodeRun) leaveBehind(i int) {
	n.thread.run.moved += costOfMeeting
	e := n.entry(i)
	switch {
	case e.WaitingStatus == handling:
		n.haltForGood(e.GetFailureHandlerThreadRunId())
		n.thread.unwatch(keys.ThreadSubject(e.GetFailureHandlerThreadRunId()))
		n.thread.markHandled(e.ThreadRunNumber)
	case e.WaitingStatus != inProgress:
		n.thread.markHandled(e.ThreadRunNumber)
	case terminal(n.thread.run.statusOf(e.ThreadRunNumber)): // since the wait was decided
		n.thread.unwatch(keys.ThreadSubject(e.ThreadRunNumber))
		n.editEntry(i).WaitingStatus = settled
		n.thread.markHandled(e.ThreadRunNumber)
	default:
		n.haltForGood(e.ThreadRunNumber)
		n.thread.unwatch(keys.ThreadSubject(e.ThreadRunNumber))
	}
	if status := n.thread.run.statusOf(e.ThreadRunNumber); e.ThreadStatus != status {
		n.editEntry(i).ThreadStatus = status
	}
}

func (n *nodeRun) haltForGood(number int32) {
	if t := n.thread.run.thread(number); t != nil {
		t.halt(&lhpb.ThreadHaltReason{Reason: &lhpb.ThreadHaltReason_HaltedByParent{
			HaltedByParent: &lhpb.HaltedByParentNodeHaltReason{
				ParentThreadRunNumber:  n.thread.number,
				WaitingNodeRunPosition: n.position,
			},
		}})
		t.abandon()
	}
}
