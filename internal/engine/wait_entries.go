package engine

import (
	"littlehorse/internal/keys"
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
	n.beside.tally.put(n.tx(), &pb.WaitTally{Entries: int32(len(entries))})
	for i := size; i < len(entries); i += size {
		b := &waitBlock{number: int32(i / size)}
		b.row.key = n.thread.run.keys.WaitBlock(n.thread.number, n.position, b.number)
		b.row.put(n.tx(), &lhpb.WaitForThreadsRun{Threads: entries[i:min(i+size, len(entries))]})
		n.beside.blocks = append(n.beside.blocks, b)
	}
}

// entries is how many ThreadRuns are waited for.
func (n *nodeRun) entries() int {
	if w := n.wide(); w != nil {
		return int(w.tally.now.Entries)
	}
	return len(n.listed())
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

// decide gives the entry a status that it keeps.
func (n *nodeRun) decide(i int, status lhpb.WaitForThreadsRun_WaitingThreadStatus) {
	e := n.editEntry(i)
	e.WaitingStatus = status
	n.thread.unwatch(keys.ThreadSubject(e.ThreadRunNumber))
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

// watchEntries lets the NodeRun know of all that the ThreadRuns do that it still waits for.
func (n *nodeRun) watchEntries() {
	of := map[int32][]int32{}
	for i := range n.entries() {
		switch e := n.entry(i); e.WaitingStatus {
		case inProgress:
			of[e.ThreadRunNumber] = append(of[e.ThreadRunNumber], int32(i))
		case handling:
			of[e.ThreadRunNumber] = append(of[e.ThreadRunNumber], int32(i))
			of[e.GetFailureHandlerThreadRunId()] = append(of[e.GetFailureHandlerThreadRunId()], int32(i))
		}
	}
	for _, number := range sortedKeys(of) {
		n.thread.watch(keys.ThreadSubject(number), &pb.Watch{Entries: of[number]})
	}
}
