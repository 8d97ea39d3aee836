package taskqueue

import (
	"container/list"
	"time"

	"github.com/tidwall/btree"

	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// creditBytes is about what a request takes in memory while it waits, beside what it says: the queue may be its own.
const creditBytes = 512

// credit is one request of a worker for one task.
type credit struct {
	wire   *pb.Credit
	queue  *queue
	poller *poller
	bytes  int64     // as which it counts
	since  time.Time // when it came
	// Where it waits; nil and false while claiming or set aside. Guarded by queue.mu.
	place *list.Element // in creditList.l
	late  bool          // in creditList.late
}

// creditList holds waiting credits in the order of their numbers. Those that come back, which may be very many, find their
// place among the younger ones at once.
type creditList struct {
	l    list.List
	late btree.Map[uint64, *credit] // came after others with greater numbers
}

func (c *creditList) len() int { return c.l.Len() + c.late.Len() }

func (c *creditList) add(x *credit) {
	if last := c.l.Back(); last == nil || last.Value.(*credit).wire.Number < x.wire.Number {
		x.place = c.l.PushBack(x)
		return
	}
	c.late.Set(x.wire.Number, x)
	x.late = true
}

func (c *creditList) pop() *credit {
	x := c.first()
	c.remove(x)
	return x
}

func (c *creditList) first() *credit {
	_, late, ok := c.late.Min()
	front := c.l.Front()
	if front == nil || ok && late.wire.Number < front.Value.(*credit).wire.Number {
		return late
	}
	return front.Value.(*credit)
}

func (c *creditList) remove(x *credit) {
	switch {
	case x.place != nil:
		c.l.Remove(x.place)
		x.place = nil
	case x.late:
		c.late.Delete(x.wire.Number)
		x.late = false
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
