package engine

import (
	"math"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// startMultipleThreadsNode starts a child for each item of a list: as many as one record may, then more in
// records of its own. The list is the one at arrival, whatever happens to variables meanwhile.
type startMultipleThreadsNode struct{ haltable }

func (startMultipleThreadsNode) arrive(n *nodeRun) *lhpb.Failure {
	node := n.spec().GetStartMultipleThreads()
	n.edit().NodeType = &lhpb.NodeRun_StartMultipleThreads{StartMultipleThreads: &lhpb.StartMultipleThreadsRun{
		ThreadSpecName: node.ThreadSpecName,
	}}
	out, items, err := n.resolveFanOut(node)
	if err != nil {
		return badThreadInputs(err)
	}
	if most := n.tx().engine.config.maxListed(); len(items) > most {
		return fail(lhpb.LHErrorType_INTERNAL_ERROR, "The list has %d items: one node may start %d ThreadRuns", len(items), most)
	}
	if f := n.thread.mayStart(len(items)); f != nil {
		return f
	}
	if f := n.startItems(items, out.Shared.GetInputVars()); f != nil || n.started() == len(items) {
		return f
	}
	if err := n.tx().mustFit(out.List); err != nil {
		return badThreadInputs(err)
	}
	if err := n.tx().mustFitTogether(out.Shared.GetInputVars()); err != nil {
		return badThreadInputs(err)
	}
	out.Pass = int32(n.thread.depth())
	n.fanOut.key = n.fanOutKey()
	n.fanOut.put(n.tx(), out)
	return nil
}

// sleeps: who has children left to start is listed.
func (startMultipleThreadsNode) sleeps(n *nodeRun) bool { return n.rest() != nil }

func badThreadInputs(err error) *lhpb.Failure {
	return fail(lhpb.LHErrorType_VAR_SUB_ERROR, "Failed constructing input variables for thread: %s", err)
}

func (startMultipleThreadsNode) check(n *nodeRun) (outcome, *lhpb.Failure) {
	left, f := n.startMore()
	if f != nil || left {
		return waiting, f
	}
	return outcome{done: true, output: numberList(n.get().GetStartMultipleThreads().ChildThreadIds)}, nil
}

// startMore starts what the record may start of what is left, and reports whether there is still something left.
func (n *nodeRun) startMore() (left bool, f *lhpb.Failure) {
	out := n.rest()
	if out == nil {
		return false, nil
	}
	if !n.thread.run.mayFanOut() {
		return true, nil
	}
	items, err := itemsOf(out.List)
	if err != nil {
		return false, badThreadInputs(err)
	}
	if f := n.thread.mayStart(len(items) - n.started()); f != nil {
		return false, f
	}
	if f := n.startItems(items, out.Shared.GetInputVars()); f != nil {
		return false, f
	}
	if n.started() < len(items) {
		n.thread.run.goesOnLater = true
		return true, nil
	}
	n.forgetRest()
	return false, nil
}

// rest is what the node has still to start children from; nil if there is nothing left.
func (n *nodeRun) rest() *pb.FanOut {
	if n.row.before != nil && n.fanOut.key == "" {
		n.fanOut = load[pb.FanOut](n.tx(), n.fanOutKey())
	}
	return n.fanOut.now
}

func (n *nodeRun) hasRest() bool { return n.get().GetStartMultipleThreads() != nil && n.rest() != nil }

// forgetRest drops what the node has still to start children from: it has come to its end, or is left before that.
func (n *nodeRun) forgetRest() {
	if !n.hasRest() {
		return
	}
	n.fanOut.drop(n.tx())
	n.tx().remove(n.thread.run.keys.ToFanOut(n.thread.number))
	n.thread.unlisted = true
}

// fansOut reports whether the ThreadRun goes on starting children at its node.
func (t *threadRun) fansOut() bool {
	return t.status() == lhpb.LHStatus_RUNNING && t.spec != nil && t.node().hasRest()
}

// listFanOut lists the ThreadRun among those that have children left to start, as long as it is RUNNING.
func (t *threadRun) listFanOut() {
	if t.node().get().GetStartMultipleThreads() == nil {
		return
	}
	k := t.run.keys.ToFanOut(t.number)
	is := !t.unlisted && machine.Get[pb.Empty](t.run.tx.view, k) != nil
	switch should := t.fansOut(); {
	case should && !is:
		t.run.tx.put(k, empty)
	case is && !should:
		t.run.tx.remove(k)
	}
}

// goOnFanningOut goes on with what fan-outs, long waits, sweeps and rounds have left.
func (w *wfRun) goOnFanningOut() {
	w.fansOut = true
	pass := min(w.goOnSweeping(), w.goOnTelling())
	if !w.terminated() {
		pass = min(pass, w.seeFanOuts(), w.passOfWaits())
	}
	if pass < math.MaxInt {
		w.passes = max(0, pass-1)
	}
	w.advance()
}

// seeFanOuts makes the record look at ThreadRuns that have children left to start, for as many children as a record
// may start, and gives the pass in which their nodes were reached: their children take their first steps in that. Those
// come first that were started last. A ThreadRun that starts its like for ever thus comes to the limit of passes, and
// does not leave ever more behind.
func (w *wfRun) seeFanOuts() (pass int) {
	pass = math.MaxInt
	left := w.startChunk()
	most, rows := left, 0
	prefix := w.keys.Kind(keys.KindToFanOut)
	for k := range machine.Scan[pb.Empty](w.tx.view, prefix, prefix.End(), most+1) {
		if rows++; left <= 0 || rows > most {
			w.goesOnLater = true
			break
		}
		number, err := w.keys.ParseToFanOut(k)
		if err != nil {
			continue
		}
		t := w.thread(number)
		if t == nil || !t.fansOut() {
			w.tx.remove(k)
			continue
		}
		n := t.node()
		out := n.rest()
		items, _ := value.Items(out.GetList())
		left -= len(items) - n.started()
		pass = min(pass, int(out.GetPass()))
	}
	return pass
}

// startChunk is how many children the record may start. To start one costs about what it does to look at so many entries of a
// wait, and others wait for a record that only goes on.
func (w *wfRun) startChunk() int {
	const looksPerStart = 4
	c := &w.tx.engine.config
	if w.fansOut {
		return min(c.FanOutChunk, max(1, c.GoOnChunk/looksPerStart))
	}
	return c.FanOutChunk
}

// fanOutChunk is how many entries of long waits it may look at.
func (w *wfRun) fanOutChunk() int {
	c := &w.tx.engine.config
	if w.fansOut {
		return min(c.FanOutChunk, c.GoOnChunk)
	}
	return c.FanOutChunk
}

// passOfWaits is the first pass in which long waits were reached that have entries left to look at.
func (w *wfRun) passOfWaits() (pass int) {
	pass = math.MaxInt
	for _, number := range w.row.now.Awake {
		t := w.thread(number)
		if t == nil || t.status() != lhpb.LHStatus_RUNNING {
			continue
		}
		if n := t.node(); n.looksOn() || n.ends() {
			pass = min(pass, int(n.tally().Pass))
		}
	}
	return pass
}

// startItems starts children, the next items first, as long as the record may.
func (n *nodeRun) startItems(items []*lhpb.VariableValue, shared map[string]*lhpb.VariableValue) *lhpb.Failure {
	w, node := n.thread.run, n.spec().GetStartMultipleThreads()
	child := n.thread.graph.Threads[node.ThreadSpecName]
	for _, item := range items[n.started():] {
		if w.fannedOut >= w.startChunk() {
			return nil
		}
		w.fannedOut++
		inputs, err := n.childInputs(child, node.ThreadSpecName, withItem(child, shared, item))
		if err != nil {
			return badThreadInputs(err)
		}
		number := n.startChild(child, inputs).number
		run := n.edit().GetStartMultipleThreads()
		run.ChildThreadIds = append(run.ChildThreadIds, number)
	}
	return nil
}

// started is how many children the node has started.
func (n *nodeRun) started() int { return len(n.get().GetStartMultipleThreads().GetChildThreadIds()) }

func (n *nodeRun) fanOutKey() keys.Key { return n.thread.run.keys.FanOut(n.thread.number, n.position) }

// resolveFanOut resolves the list, and the inputs that all children share.
func (n *nodeRun) resolveFanOut(node *lhpb.StartMultipleThreadsNode) (out *pb.FanOut, items []*lhpb.VariableValue, err error) {
	list, err := n.scope().resolve(node.Iterable)
	if err != nil {
		return nil, nil, err
	}
	if items, err = itemsOf(list); err != nil {
		return nil, nil, err
	}
	shared, err := n.scope().inputs(node.Variables)
	list = value.Array(&lhpb.Array{Items: items}) // its items need not be parsed again
	return &pb.FanOut{List: list, Shared: &lhpb.QueuedThreadRunInfo{InputVars: shared}}, items, err
}

// withItem adds the child's own item to the shared inputs if it declares a variable for it.
func withItem(child *spec.Thread, shared map[string]*lhpb.VariableValue, item *lhpb.VariableValue) map[string]*lhpb.VariableValue {
	if child == nil || child.Vars[inputVariable] == nil {
		return shared
	}
	inputs := make(map[string]*lhpb.VariableValue, len(shared)+1)
	for name, v := range shared {
		inputs[name] = v
	}
	inputs[inputVariable] = item
	return inputs
}

// numberList is a JSON_ARR of ThreadRun numbers.
func numberList(numbers []int32) *lhpb.VariableValue {
	text := []byte{'['}
	for i, n := range numbers {
		if i > 0 {
			text = append(text, ',')
		}
		text = appendInt(text, n)
	}
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_JsonArr{JsonArr: string(append(text, ']'))}}
}
