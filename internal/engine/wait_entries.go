package engine

import (
	"slices"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// A NodeRun that waits for ThreadRuns lists the first of them itself. Those beyond stand in blocks, rows of their
// own, and all are counted in one more: what one ThreadRun does costs no more when others are waited for too.

// waitBlock is a block of entries, within a record.
type waitBlock struct {
	number int32
	row    row[lhpb.WaitForThreadsRun, *lhpb.WaitForThreadsRun]
}

// wait is what a NodeRun keeps of the ThreadRuns it waits for, beside its own row.
type wait struct {
	tally  row[pb.WaitTally, *pb.WaitTally]
	blocks []*waitBlock
	// looks is set once this record has looked at entries that none had looked at: those from first to beyond.
	looks         bool
	first, beyond int32
}

func (n *nodeRun) blockSize() int { return n.tx().engine.config.InlineThreads }

// listed are the entries in the NodeRun's own row.
func (n *nodeRun) listed() []*waitEntry { return n.get().GetWaitForThreads().GetThreads() }

// wide is what is kept beside the NodeRun's own row; nil if that lists all entries.
func (n *nodeRun) wide() *wait {
	if n.beside == nil && len(n.listed()) >= n.blockSize() {
		r := load[pb.WaitTally](n.tx(), n.thread.run.keys.WaitTally(n.thread.number, n.position))
		n.beside = &wait{tally: r}
	}
	if n.beside == nil || n.beside.tally.now == nil {
		return nil
	}
	return n.beside
}

// list makes the entries of a wait that begins.
func (n *nodeRun) list(entries []*waitEntry) {
	size := n.blockSize()
	n.edit().GetWaitForThreads().Threads = entries[:min(size, len(entries))]
	if len(entries) <= size {
		return
	}
	n.beside = &wait{}
	n.beside.tally.key = n.thread.run.keys.WaitTally(n.thread.number, n.position)
	n.beside.tally.put(n.tx(), &pb.WaitTally{Entries: int32(len(entries)), Pass: int32(n.thread.depth())})
	for i := size; i < len(entries); i += size {
		b := &waitBlock{number: int32(i / size)}
		b.row.key = n.thread.run.keys.WaitBlock(n.thread.number, n.position, b.number)
		b.row.put(n.tx(), &lhpb.WaitForThreadsRun{Threads: entries[i:min(i+size, len(entries))]})
		n.beside.blocks = append(n.beside.blocks, b)
	}
}

func (n *nodeRun) entry(i int) *waitEntry {
	if size := n.blockSize(); i >= size {
		return n.block(int32(i / size)).row.now.Threads[i%size]
	}
	return n.listed()[i]
}

func (n *nodeRun) editEntry(i int) *waitEntry {
	if size := n.blockSize(); i >= size {
		return n.block(int32(i / size)).row.edit(n.tx()).Threads[i%size]
	}
	return n.edit().GetWaitForThreads().Threads[i]
}

func (n *nodeRun) block(number int32) *waitBlock {
	w := n.wide()
	for _, b := range w.blocks {
		if b.number == number {
			return b
		}
	}
	b := &waitBlock{number: number}
	b.row = load[lhpb.WaitForThreadsRun](n.tx(), n.thread.run.keys.WaitBlock(n.thread.number, n.position, number))
	w.blocks = append(w.blocks, b)
	return b
}

// decide gives the entry a status that it keeps. How a ThreadRun fares that was unsuccessful is shown further: it may be
// rescued.
func (n *nodeRun) decide(i int, status lhpb.WaitForThreadsRun_WaitingThreadStatus) {
	e := n.editEntry(i)
	e.WaitingStatus = status
	if status == settled {
		n.thread.unwatch(keys.ThreadSubject(e.ThreadRunNumber))
	}
	if h := e.FailureHandlerThreadRunId; h != nil {
		n.thread.unwatch(keys.ThreadSubject(*h))
	}
	w := n.wide()
	if w == nil {
		return
	}
	count(w.tally.edit(n.tx()), i, status)
}

func count(t *pb.WaitTally, i int, status lhpb.WaitForThreadsRun_WaitingThreadStatus) {
	number := int32(i + 1)
	switch status {
	case settled:
		t.Settled++
		t.FirstSettled = firstOf(t.FirstSettled, number)
	case unsuccessful:
		t.Unsuccessful++
		t.FirstUnsuccessful = firstOf(t.FirstUnsuccessful, number)
	}
}

func firstOf(first, number int32) int32 {
	if first == 0 {
		return number
	}
	return min(first, number)
}

// tally counts the entries.
func (n *nodeRun) tally() *pb.WaitTally {
	if w := n.wide(); w != nil {
		return w.tally.now
	}
	out := &pb.WaitTally{Entries: int32(len(n.listed()))}
	for i, e := range n.listed() {
		count(out, i, e.WaitingStatus)
	}
	return out
}

// watchListed lets the NodeRun know of all that the ThreadRuns do that its own row lists, if those are all.
func (n *nodeRun) watchListed() {
	if n.wide() == nil {
		n.watchEntries(0, len(n.listed()))
	}
}

// lookAgain has all ThreadRuns looked at by a NodeRun that stood still meanwhile.
func (n *nodeRun) lookAgain() {
	w := n.wide()
	if w == nil {
		n.watchListed()
		return
	}
	if n.ends() {
		return
	}
	w.looks = false
	tally := w.tally.edit(n.tx())
	tally.Looked, tally.Pass = 0, int32(n.thread.depth())
}

// looksOn reports whether there are entries that no record has looked at.
func (n *nodeRun) looksOn() bool {
	w := n.wide()
	return w != nil && w.tally.now.Looked < w.tally.now.Entries
}

// ends reports whether the wait is decided, and others are still to be stopped.
func (n *nodeRun) ends() bool {
	w := n.wide()
	return w != nil && w.tally.now.End != pb.WaitEnd_WAIT_END_UNSPECIFIED
}

// markAllHandled takes all failures of those waited for as dealt with, of as many as the record may, and reports whether
// those were all.
func (n *nodeRun) markAllHandled() bool {
	w := n.wide()
	if w == nil {
		for i := range n.listed() {
			n.markIfFailed(i)
		}
		return true
	}
	if n.thread.sweeping() {
		return false
	}
	t := w.tally.now
	for t.Handled < t.Entries && n.thread.run.mayLook() {
		t = w.tally.edit(n.tx())
		n.markIfFailed(int(t.Handled))
		t.Handled++
	}
	return t.Handled == t.Entries
}

func (n *nodeRun) markIfFailed(i int) {
	if waited := n.entry(i).ThreadRunNumber; failed(n.thread.run.statusOf(waited)) {
		n.thread.markHandled(waited)
	}
}

// lookFurther looks at the next entries, as many as the record may, and watches them from then on. What their
// ThreadRuns do later in the same record is seen in its next pass.
func (n *nodeRun) lookFurther(w *wait) {
	begins := !w.looks && n.looksOn() && n.thread.run.mayFanOut()
	if begins {
		most := max(0, n.thread.run.fanOutChunk()-n.thread.run.fannedOut)
		w.looks = true
		w.first = w.tally.now.Looked
		w.beyond = w.first + min(int32(most), w.tally.now.Entries-w.first)
		n.thread.run.fannedOut += int(w.beyond - w.first)
	}
	for i := w.first; i < w.beyond; i++ {
		n.follow(int(i))
	}
	if begins && w.first < w.beyond {
		n.watchEntries(int(w.first), int(w.beyond))
		w.tally.edit(n.tx()).Looked = w.beyond
	}
}

// overlook has the next record look at what this one may have missed, because it ends before its time.
func (n *nodeRun) overlook() {
	w := n.wide()
	if w == nil || !n.inProgress() || n.ends() {
		return
	}
	looked := w.tally.now.Looked
	suspects := slices.Clone(n.changed)
	for i := w.first; i < w.beyond; i++ {
		suspects = append(suspects, i)
	}
	for _, i := range suspects {
		if n.outdated(int(i)) {
			looked = min(looked, i)
		}
	}
	if looked < w.tally.now.Looked {
		w.tally.edit(n.tx()).Looked = looked
	}
}

// outdated reports whether an entry that was looked at does not show what its ThreadRuns have come to since.
func (n *nodeRun) outdated(i int) bool {
	e := n.entry(i)
	switch e.WaitingStatus {
	case inProgress, unsuccessful:
		return e.ThreadStatus != n.thread.run.statusOf(e.ThreadRunNumber)
	case handling:
		handler := n.thread.run.statusOf(e.GetFailureHandlerThreadRunId())
		return handler == lhpb.LHStatus_COMPLETED || failed(handler) || e.ThreadStatus != n.thread.run.statusOf(e.ThreadRunNumber)
	default:
		return false
	}
}

// watchEntries lets the NodeRun know of all that the ThreadRuns of some entries do, if it still waits for them.
func (n *nodeRun) watchEntries(first, beyond int) {
	of := map[int32][]int32{}
	for i := first; i < beyond; i++ {
		switch e := n.entry(i); e.WaitingStatus {
		case inProgress, unsuccessful:
			of[e.ThreadRunNumber] = append(of[e.ThreadRunNumber], int32(i))
		case handling:
			of[e.ThreadRunNumber] = append(of[e.ThreadRunNumber], int32(i))
			of[e.GetFailureHandlerThreadRunId()] = append(of[e.GetFailureHandlerThreadRunId()], int32(i))
		}
	}
	for _, number := range sortedKeys(of) {
		s := keys.ThreadSubject(number)
		n.thread.watch(s, &pb.Watch{Entries: n.withWatched(s, of[number])})
	}
}

// withWatched adds the entries for which earlier records watch the subject: a ThreadRun may be listed more than once.
func (n *nodeRun) withWatched(s keys.Subject, entries []int32) []int32 {
	if n.wide() == nil {
		return entries
	}
	row := machine.Get[pb.Watch](n.tx().view, n.thread.run.keys.Watch(s, n.thread.number))
	if row == nil || row.Position != n.position {
		return entries
	}
	entries = append(slices.Clone(row.Entries), entries...)
	slices.Sort(entries)
	return slices.Compact(entries)
}
