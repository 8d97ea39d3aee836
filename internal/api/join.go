package api

import (
	"cmp"
	"context"
	"slices"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// atOnce bounds the rows of one object that are read together.
const atOnce = 1 << 20

// joinKin adds to ThreadRuns of one WfRun the children and handled failures that their own rows do not list.
func (s *Service) joinKin(ctx context.Context, from machine.Stream, run keys.Run, threads ...*lhpb.ThreadRun) error {
	byNumber := map[int32]*lhpb.ThreadRun{}
	for _, t := range threads {
		if len(t.ChildThreadIds)+len(t.HandledFailedChildren) > 0 {
			byNumber[t.Number] = t
		}
	}
	if len(byNumber) == 0 {
		return nil
	}
	prefix := run.Kind(keys.KindKin)
	if len(threads) == 1 {
		prefix = run.KinOf(threads[0].Number)
	}
	rows, err := s.cfg.Routing.Scan(ctx, from, prefix, prefix.End(), atOnce)
	if err != nil {
		return err
	}
	for _, r := range rows {
		kin, err := decode[pb.Kin](r.Value)
		if err != nil {
			return err
		}
		number, other, err := run.ParseKin(r.Key)
		if err != nil {
			return err
		}
		t := byNumber[number]
		if t != nil && kin.Child {
			t.ChildThreadIds = append(t.ChildThreadIds, other)
		}
		if t != nil && kin.Handled {
			t.HandledFailedChildren = append(t.HandledFailedChildren, other)
		}
	}
	return nil
}

// joinQueued adds to a WfRun and its ThreadRuns the interrupts that their own rows do not list.
func (s *Service) joinQueued(ctx context.Context, from machine.Stream, run keys.Run, w *lhpb.WfRun) error {
	prefix := run.Kind(keys.KindQueued)
	rows, err := s.cfg.Routing.Scan(ctx, from, prefix, prefix.End(), atOnce)
	if err != nil {
		return err
	}
	listed := map[int32]map[string]bool{}     // by ThreadRun, the events for which its own row says that it is halted
	for _, r := range slices.Backward(rows) { // of each ThreadRun the oldest first
		p, err := decode[lhpb.PendingInterrupt](r.Value)
		if err != nil {
			return err
		}
		thread, position, err := run.ParseQueued(r.Key)
		if err != nil {
			return err
		}
		t := threadAt(w, thread, position)
		if t == nil {
			continue
		}
		if listed[thread] == nil {
			listed[thread] = interruptsOf(t)
		}
		w.PendingInterrupts = append(w.PendingInterrupts, p)
		if !listed[thread][eventName(p.ExternalEventId)] {
			t.HaltReasons = append(t.HaltReasons, &lhpb.ThreadHaltReason{Reason: &lhpb.ThreadHaltReason_PendingInterrupt{
				PendingInterrupt: &lhpb.PendingInterruptHaltReason{ExternalEventId: p.ExternalEventId},
			}})
		}
	}
	return nil
}

// threadAt is the ThreadRun of that number if it stands at the position and has not ended; else nil.
func threadAt(w *lhpb.WfRun, number, position int32) *lhpb.ThreadRun {
	i, found := slices.BinarySearchFunc(w.ThreadRuns, number, func(t *lhpb.ThreadRun, n int32) int { return cmp.Compare(t.Number, n) })
	if !found || w.ThreadRuns[i].CurrentNodePosition != position || w.ThreadRuns[i].EndTime != nil {
		return nil
	}
	return w.ThreadRuns[i]
}

// interruptsOf names the events that are to interrupt the ThreadRun by what its own row says.
func interruptsOf(t *lhpb.ThreadRun) map[string]bool {
	out := map[string]bool{}
	for _, r := range t.HaltReasons {
		if p := r.GetPendingInterrupt(); p != nil {
			out[eventName(p.ExternalEventId)] = true
		}
	}
	return out
}

// eventName tells the events of a WfRun apart.
func eventName(id *lhpb.ExternalEventId) string {
	return id.GetExternalEventDefId().GetName() + "/" + id.GetGuid()
}

// joinWait adds to a NodeRun that waits for ThreadRuns those that its own row does not list.
func (s *Service) joinWait(ctx context.Context, from machine.Stream, run keys.Run, n *lhpb.NodeRun) error {
	wait := n.GetWaitForThreads()
	if len(wait.GetThreads()) == 0 {
		return nil
	}
	prefix := run.WaitBlocksOf(n.Id.ThreadRunNumber, n.Id.Position)
	rows, err := s.cfg.Routing.Scan(ctx, from, prefix, prefix.End(), atOnce)
	if err != nil {
		return err
	}
	for _, r := range rows {
		block, err := decode[lhpb.WaitForThreadsRun](r.Value)
		if err != nil {
			return err
		}
		wait.Threads = append(wait.Threads, block.Threads...)
	}
	return nil
}
