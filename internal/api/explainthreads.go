package api

import (
	"slices"

	"littlehorse/internal/pb"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// openThreads are the entries of a wait that have not ended: those of its row, and of its first blocks.
func (e *explanation) openThreads(n *lhpb.NodeRun) (*extra.ThreadsWait, error) {
	entries := n.GetWaitForThreads().GetThreads()
	prefix := e.run.WaitBlocksOf(n.Id.ThreadRunNumber, n.Id.Position)
	blocks, err := e.view.Scan(prefix, prefix.End(), explainedItems)
	if err != nil {
		return nil, err
	}
	for _, r := range blocks {
		block, err := decode[lhpb.WaitForThreadsRun](r.Value)
		if err != nil {
			return nil, err
		}
		entries = append(entries, block.Threads...)
	}
	wait := &extra.ThreadsWait{More: len(blocks) == explainedItems}
	for _, entry := range entries {
		switch {
		case !isOpen(entry.WaitingStatus):
		case len(wait.Open) == explainedItems:
			wait.More = true
			return wait, nil
		default:
			if err := e.update(entry); err != nil {
				return nil, err
			}
			wait.Open = append(wait.Open, entry)
		}
	}
	return wait, nil
}

// update says how the ThreadRun of an entry is now: the entry itself is told of its end only.
func (e *explanation) update(entry *lhpb.WaitForThreadsRun_WaitForThread) error {
	t, err := viewed[lhpb.ThreadRun](e.view, e.run.ThreadRun(entry.ThreadRunNumber))
	if t != nil {
		entry.ThreadStatus = t.Status
	}
	return err
}

func isOpen(s lhpb.WaitForThreadsRun_WaitingThreadStatus) bool {
	return s == lhpb.WaitForThreadsRun_THREAD_IN_PROGRESS || s == lhpb.WaitForThreadsRun_THREAD_HANDLING_FAILURE
}

// openChildren are the ThreadRuns that an EXIT waits for.
func (e *explanation) openChildren(out *extra.ThreadExplanation, t *lhpb.ThreadRun) error {
	children, err := e.childrenOf(t)
	if err != nil {
		return err
	}
	wait := &extra.ThreadsWait{More: len(children) > explainedRows}
	for _, number := range children {
		if len(wait.Open) == explainedItems || e.looked == explainedRows {
			wait.More = true
			break
		}
		e.looked++
		child, err := viewed[lhpb.ThreadRun](e.view, e.run.ThreadRun(number))
		if err != nil {
			return err
		}
		if child != nil && mayGoOn(child) {
			wait.Open = append(wait.Open, &lhpb.WaitForThreadsRun_WaitForThread{ThreadRunNumber: number, ThreadStatus: child.Status})
		}
	}
	if len(wait.Open) > 0 || wait.More {
		out.WaitsFor = &extra.ThreadExplanation_Threads{Threads: wait}
	}
	return nil
}

// childrenOf are the numbers of the first children: those in the row of the ThreadRun, and those that have rows.
func (e *explanation) childrenOf(t *lhpb.ThreadRun) ([]int32, error) {
	prefix := e.run.KinOf(t.Number)
	rows, err := e.view.Scan(prefix, prefix.End(), explainedRows)
	if err != nil {
		return nil, err
	}
	children := slices.Clone(t.ChildThreadIds)
	for _, r := range rows {
		kin, err := decode[pb.Kin](r.Value)
		if err != nil {
			return nil, err
		}
		_, other, err := e.run.ParseKin(r.Key)
		if err != nil {
			return nil, err
		}
		if kin.Child {
			children = append(children, other)
		}
	}
	return children, nil
}

// mayGoOn is true unless a ThreadRun has ended or is halted for more than a handler's sake: for such a one nobody waits.
func mayGoOn(t *lhpb.ThreadRun) bool {
	if t.Status != lhpb.LHStatus_HALTED {
		return !isOver(t.Status)
	}
	return !slices.ContainsFunc(t.HaltReasons, func(r *lhpb.ThreadHaltReason) bool {
		return r.GetManualHalt() != nil || r.GetParentHalted() != nil || r.GetHaltedByParent() != nil
	})
}
