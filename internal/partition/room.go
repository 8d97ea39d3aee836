package partition

import (
	"time"

	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/internal/store"
)

// roomRetry goes with the refusal of work in progress on a full disk: whoever does it has nothing better to do than
// to try again. What is new is refused without: clients would wait in silence for what only an operator can mend.
const roomRetry = time.Second

// noRoom refuses what the disk has no room for: what begins something while it is scarce, everything once there is
// none. What ends or removes something is let in as long as that is safe, or the disk could never empty.
func (h *Host) noRoom(r *pb.Record, c class) *lh.Error {
	room, _ := h.cfg.Store.Room()
	switch {
	case c == internal || room == store.Ample:
		return nil
	case room == store.Scarce && !begins(r):
		return nil
	case room == store.Scarce:
		return lh.Errorf(lh.ResourceExhausted, "the disk of the server is nearly full, so nothing new is begun: "+
			"delete what is not needed any more, or give the server more space")
	}
	full := lh.Errorf(lh.ResourceExhausted, "the disk of the server is full, so nothing can be written: give the server more space")
	if c == ongoing {
		full.RetryAfter = roomRetry
	}
	return full
}

// begins tells the commands after which there is more to keep and more to do.
func begins(r *pb.Record) bool {
	switch r.GetCommand().(type) {
	case *pb.Record_RunWf, *pb.Record_ScheduleWf, *pb.Record_PutExternalEvent, *pb.Record_PutCorrelatedEvent,
		*pb.Record_PutUserTaskRunComment, *pb.Record_ApplyWorkflowMigrationPlan,
		*pb.Record_PutTaskDef, *pb.Record_PutWfSpec, *pb.Record_PutExternalEventDef, *pb.Record_PutWorkflowEventDef,
		*pb.Record_PutUserTaskDef, *pb.Record_PutStructDef, *pb.Record_PutTenant, *pb.Record_PutWorkflowMigrationPlan:
		return true
	default:
		return false
	}
}

// paused tells whether the lane leaves its records where they are because the disk has no room for what follows
// from them: fired timers and workflows that loop write without anybody asking. What was admitted before a stop is
// still done. The channel tells when to ask again.
func (l *Lane) paused() (bool, <-chan struct{}) {
	room, changed := l.host.cfg.Store.Room()
	return room == store.None && !l.host.draining.Load(), changed
}
