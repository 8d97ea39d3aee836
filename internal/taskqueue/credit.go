package taskqueue

import (
	"container/list"

	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// credit is one request of a worker for one task.
type credit struct {
	wire   *pb.Credit
	queue  *queue
	poller *poller
	place  *list.Element // in queue.credits; nil while claiming or set aside; guarded by queue.mu
}

// creditList holds waiting credits in the order of their numbers.
type creditList struct{ l list.List }

func (c *creditList) len() int { return c.l.Len() }

func (c *creditList) add(x *credit) {
	if last := c.l.Back(); last == nil || last.Value.(*credit).wire.Number < x.wire.Number {
		x.place = c.l.PushBack(x)
		return
	}
	at := c.l.Front()
	for at.Value.(*credit).wire.Number < x.wire.Number {
		at = at.Next()
	}
	x.place = c.l.InsertBefore(x, at)
}

func (c *creditList) pop() *credit {
	x := c.l.Front().Value.(*credit)
	c.remove(x)
	return x
}

func (c *creditList) remove(x *credit) {
	if x.place != nil {
		c.l.Remove(x.place)
		x.place = nil
	}
}

func newWireCredit(r *lhpb.PollTaskRequest, incarnation string, number uint64) *pb.Credit {
	return &pb.Credit{
		TaskDefId:     r.TaskDefId,
		WorkerId:      r.ClientId,
		WorkerVersion: r.TaskWorkerVersion,
		Incarnation:   incarnation,
		Number:        number,
	}
}
