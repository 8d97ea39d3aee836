package api

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

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
	for _, r := range slices.Backward(rows) { // of each ThreadRun the oldest first
		p, err := decode[lhpb.PendingInterrupt](r.Value)
		if err != nil {
			return err
		}
		thread, position, err := run.ParseQueued(r.Key)
		if err != nil {
			return err
		}
		if t := threadAt(w, thread, position); t != nil {
			w.PendingInterrupts = append(w.PendingInterrupts, p)
			joinReason(t, p.ExternalEventId)
		}
	}
	return nil
}

// threadAt is the ThreadRun of that number if it stands at the position and has not ended; else nil.
func threadAt(w *lhpb.WfRun, number, position int32) *lhpb.ThreadRun {
	i := slices.IndexFunc(w.ThreadRuns, func(t *lhpb.ThreadRun) bool { return t.Number == number })
	if i < 0 || w.ThreadRuns[i].CurrentNodePosition != position || w.ThreadRuns[i].EndTime != nil {
		return nil
	}
	return w.ThreadRuns[i]
}

// joinReason adds that the ThreadRun is halted for a pending interrupt, unless its own row says so.
func joinReason(t *lhpb.ThreadRun, event *lhpb.ExternalEventId) {
	for _, r := range t.HaltReasons {
		if proto.Equal(r.GetPendingInterrupt().GetExternalEventId(), event) {
			return
		}
	}
	t.HaltReasons = append(t.HaltReasons, &lhpb.ThreadHaltReason{Reason: &lhpb.ThreadHaltReason_PendingInterrupt{
		PendingInterrupt: &lhpb.PendingInterruptHaltReason{ExternalEventId: event},
	}})
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
