package engine

import (
	"iter"
	"slices"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// threadRun is a ThreadRun within a record.
type threadRun struct {
	run    *wfRun
	number int32
	row    row[lhpb.ThreadRun, *lhpb.ThreadRun]
	graph  *spec.Graph  // nil if the WfSpec is gone
	spec   *spec.Thread // nil if the graph is

	kinRows met[int32, *kinRow]
	born    []int32 // children of this record that the ThreadRun's own row does not list

	// restless is a ThreadRun below that still moved when it was last looked at, as far as this record knows;
	// all children below number from stood still then.
	restless *threadRun
	from     int32
	// unsettled is set when the ThreadRun may have to be looked at more, or less, from now on.
	unsettled bool

	// bornIn is the pass of this record in which the ThreadRun was started, below so many others that were, too.
	bornIn, level int
	height        int          // how many ThreadRuns stand one below the other down to this one, once that was counted
	newlyQueued   []*queuedRow // interrupts that this record has queued in rows of their own
	queuedFrom    keys.Key     // where those that this record has not started begin
	looksOn       bool         // this record is there to look at those below
	rested        *row[pb.Rest, *pb.Rest]
	unlisted      bool // this record has taken it off the list of those with children left to start

	nodes   []*nodeRun // those loaded or made, in order of loading
	vars    []*variable
	outputs []*nodeOutput
}

// resolveSpec finds the ThreadSpec that the ThreadRun runs under.
func (t *threadRun) resolveSpec() {
	id := t.get().WfSpecId
	g := t.run.graph
	if g == nil || !sameWfSpec(g.Spec.Id, id) {
		g = t.run.tx.specs.WfSpec(id)
	}
	if g != nil {
		t.graph = g
		t.spec = g.Threads[t.get().ThreadSpecName]
	}
}

func sameWfSpec(a, b *lhpb.WfSpecId) bool {
	return a == b || a.GetName() == b.GetName() && a.GetMajorVersion() == b.GetMajorVersion() && a.GetRevision() == b.GetRevision()
}

func (t *threadRun) get() *lhpb.ThreadRun  { return t.row.now }
func (t *threadRun) edit() *lhpb.ThreadRun { return t.row.edit(t.run.tx) }

func (t *threadRun) status() lhpb.LHStatus { return t.get().Status }
func (t *threadRun) terminated() bool      { return terminal(t.status()) }

// archived reports whether this record has archived the ThreadRun.
func (t *threadRun) archived() bool { return t.row.now == nil }

// awake reports whether the ThreadRun may go on, or be archived, without anything that names it.
func (t *threadRun) awake() bool {
	switch t.status() {
	case lhpb.LHStatus_ERROR, lhpb.LHStatus_EXCEPTION, lhpb.LHStatus_HALTED, lhpb.LHStatus_HALTING:
		return false
	case lhpb.LHStatus_COMPLETED:
		return t.number != 0
	case lhpb.LHStatus_RUNNING:
		if t.spec == nil {
			return true
		}
		n := t.node()
		kind, is := n.kind().(sleeper)
		return !is || n.failed() || !kind.sleeps(n)
	default:
		return true
	}
}

// overlook has the next record look at what this one may have missed, because it ends before its time.
func (t *threadRun) overlook() {
	for _, n := range t.nodes {
		if n.position == t.get().CurrentNodePosition {
			n.overlook()
		}
	}
}

// parent is the ThreadRun that started this one; nil for the entrypoint.
func (t *threadRun) parent() *threadRun {
	if t.get().ParentThreadId == nil {
		return nil
	}
	return t.run.threadOrArchived(*t.get().ParentThreadId)
}

// childrenAbove are the active ThreadRuns that this one started and that are not below that number, ascending. Of
// thousands most may have been archived: once it has met some in a row, it goes on at the next that is not.
func (t *threadRun) childrenAbove(from int32) iter.Seq[*threadRun] {
	return func(yield func(*threadRun) bool) {
		for skip := true; skip; {
			skip = false
			archived := 0
			for n := range t.childrenFrom(from) {
				if c := t.run.thread(n); c != nil {
					archived = 0
					if !yield(c) {
						return
					}
					continue
				}
				if archived++; archived > few {
					from, skip = t.run.nextStored(n+1), true
					break
				}
			}
		}
	}
}

// nextStored is the lowest number from n on of a ThreadRun that earlier records have left active, or that this one
// started.
func (w *wfRun) nextStored(n int32) int32 {
	end := w.keys.Kind(keys.KindThreadRun).End()
	for _, t := range machine.Scan[lhpb.ThreadRun](w.tx.view, w.keys.ThreadRun(n), end, 1) {
		return t.Number
	}
	return max(n, w.row.before.GetWfRun().GetGreatestThreadrunNumber()+1)
}

// children are the active ThreadRuns that this one started, ascending.
func (t *threadRun) children() iter.Seq[*threadRun] { return t.childrenAbove(0) }

// descendsFrom reports whether t is the other ThreadRun or was started below it.
func (t *threadRun) descendsFrom(n int32) bool {
	for a := t; a != nil; a = a.parent() {
		if a.number == n {
			return true
		}
	}
	return false
}

// node is the current NodeRun.
func (t *threadRun) node() *nodeRun { return t.nodeAt(t.get().CurrentNodePosition) }

// nodeAt is the NodeRun at a position; nil if there is none.
func (t *threadRun) nodeAt(position int32) *nodeRun {
	for _, n := range slices.Backward(t.nodes) {
		if n.position == position {
			return n
		}
	}
	n := t.run.tx.supplies.nodes.take()
	n.thread, n.position = t, position
	n.row = load[lhpb.NodeRun](t.run.tx, t.run.keys.NodeRun(t.number, position))
	if n.row.now == nil {
		return nil
	}
	t.nodes = append(t.nodes, n)
	return n
}

// threadStart says how a ThreadRun begins.
type threadStart struct {
	graph   *spec.Graph
	spec    *spec.Thread
	kind    lhpb.ThreadType
	parent  *threadRun
	inputs  map[string]*lhpb.VariableValue
	trigger *lhpb.ExternalEventId     // of an interrupt
	failure *lhpb.FailureBeingHandled // of a failure handler
}

// start makes the ThreadRun, RUNNING at its ENTRYPOINT, with its Variables.
func (w *wfRun) start(s threadStart) *threadRun {
	wf := w.edit()
	wf.GreatestThreadrunNumber++
	number := wf.GreatestThreadrunNumber
	w.row.now.Active++

	t := &threadRun{run: w, number: number, graph: s.graph, spec: s.spec}
	t.row.key = w.keys.ThreadRun(number)
	made := &lhpb.ThreadRun{
		WfSpecId:            s.graph.Spec.Id,
		Number:              number,
		Status:              lhpb.LHStatus_RUNNING,
		ThreadSpecName:      s.spec.Name,
		StartTime:           w.tx.now,
		CurrentNodePosition: -1,
		Type:                s.kind,
		InterruptTriggerId:  s.trigger,
		FailureBeingHandled: s.failure,
	}
	t.row.put(w.tx, made)
	w.loaded = append(w.loaded, t)
	if s.parent != nil {
		made.ParentThreadId = new(s.parent.number)
		s.parent.adopt(number)
		t.bornIn, t.level = w.passes, s.parent.levelNow()+1
		w.level = max(w.level, t.level)
		t.height = s.parent.depthBelow() + 1
		w.tooDeep = w.tooDeep || t.height > w.tx.engine.config.MaxThreadDepth
	}
	t.watchInterrupts()
	t.declare(s.inputs)
	t.activate(s.spec.Entrypoint)
	return t
}

// levelNow is how many ThreadRuns above were started in this pass, each by the one above, this one included.
func (t *threadRun) levelNow() int {
	if t.bornIn != t.run.passes {
		return 0
	}
	return t.level
}

// depthBelow is how many ThreadRuns stand one below the other down to this one.
func (t *threadRun) depthBelow() int {
	counted := 0
	for a := t; a != nil && t.height == 0; a = a.parent() {
		if a.height > 0 {
			counted += a.height
			break
		}
		counted++
	}
	if t.height == 0 {
		t.height = counted
	}
	return t.height
}

// depth is the pass, and how deep in it the ThreadRun was started: what counts towards a tight loop in records that go on.
func (t *threadRun) depth() int { return t.run.depth(t.levelNow()) }

// enter points the ThreadRun at a new NodeRun behind the current one.
func (t *threadRun) enter(name string) *nodeRun {
	t.forgetRestless()
	t.leaveTimer()
	thread := t.edit()
	if thread.CurrentNodePosition >= 0 {
		t.node().forgetRest()
	}
	thread.CurrentNodePosition++
	n := t.run.tx.supplies.nodes.take()
	n.thread, n.position = t, thread.CurrentNodePosition
	n.row.key = t.run.keys.NodeRun(t.number, n.position)
	made := &struct {
		run lhpb.NodeRun
		id  lhpb.NodeRunId
	}{}
	made.id.WfRunId = t.run.id()
	made.id.ThreadRunNumber = t.number
	made.id.Position = n.position
	made.run.Id = &made.id
	made.run.WfSpecId = thread.WfSpecId
	made.run.Status = lhpb.LHStatus_RUNNING
	made.run.ArrivalTime = t.run.tx.now
	made.run.ThreadSpecName = thread.ThreadSpecName
	made.run.NodeName = name
	n.row.put(t.run.tx, &made.run)
	t.nodes = append(t.nodes, n)
	t.run.tx.steps++
	return n
}

// activate enters a node and lets its kind arrive there.
func (t *threadRun) activate(name string) *lhpb.Failure {
	n := t.enter(name)
	return n.kind().arrive(n)
}

// complete ends the ThreadRun well.
func (t *threadRun) complete() {
	thread := t.edit()
	thread.Status = lhpb.LHStatus_COMPLETED
	thread.EndTime = t.run.tx.now
	t.ended()
	if t.number == 0 {
		t.run.end(lhpb.LHStatus_COMPLETED)
		t.eachBelow(true, (*threadRun).abandon)
	}
}

// fail ends the ThreadRun with a failure that nothing handles.
func (t *threadRun) fail(f *lhpb.Failure) {
	thread := t.edit()
	thread.Status = failureStatus(f.FailureName)
	thread.ErrorMessage = &f.Message
	thread.EndTime = t.run.tx.now
	t.stir()
	t.ended()
	t.forgetQueued()
	if t.number == 0 {
		t.run.end(thread.Status)
	}
}

// ended lets those know that wait for the end of the ThreadRun: who was halted for its sake, who watches it.
func (t *threadRun) ended() {
	switch t.get().Type {
	case lhpb.ThreadType_INTERRUPT, lhpb.ThreadType_FAILURE_HANDLER:
		t.parent()
	case lhpb.ThreadType_ENTRYPOINT, lhpb.ThreadType_CHILD:
	}
	t.node().forgetRest()
	t.unwatchInterrupts()
	t.tell()
}

// rescue makes a failed ThreadRun run again.
func (t *threadRun) rescue() {
	thread := t.edit()
	thread.Status = lhpb.LHStatus_RUNNING
	thread.EndTime = nil
	thread.HaltReasons = nil
	t.forgetPending()
	t.stir()
	t.watchInterrupts()
	t.tell()
	t.seeBelow()
	if w := t.run; t.number < w.row.now.Unmigrated {
		w.leftToMigrate(t.number)
	}
	if t.number == 0 {
		t.run.revive()
	}
}
