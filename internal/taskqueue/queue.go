package taskqueue

import (
	"sync"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// name tells queues apart.
type name struct{ tenant, taskDef string }

// queue matches the waiting attempts of one TaskDef with the credits of its workers.
type queue struct {
	name name

	mu       sync.Mutex
	window   *window
	credits  creditList
	claiming map[keys.Key]struct{}
	stopped  bool // no further matches
	used     bool // a task was seen, so the queue stays
	dropped  bool // no longer in the map of queues; find another
}

// claim is a match on its way to the partition.
type claim struct {
	hint   keys.Key
	stream machine.Stream
	credit *credit
}

// work is what follows from a change of a queue, to be done after its lock is released.
type work struct {
	queue  *queue
	claims []claim
	load   *load
}

// match pairs hints with credits; q.mu is held.
func (q *queue) match() work {
	w := work{queue: q}
	if q.stopped {
		return w
	}
	for q.credits.len() > 0 {
		k, s, ok := q.window.next()
		if !ok {
			break
		}
		if _, twice := q.claiming[k]; twice {
			continue
		}
		c := q.takeCredit()
		if c == nil {
			q.window.put(k, s)
			break
		}
		q.claiming[k] = struct{}{}
		w.claims = append(w.claims, claim{hint: k, stream: s, credit: c})
	}
	w.load = q.window.beginLoad()
	return w
}

// takeCredit pops the first credit whose stream can take a task now; q.mu is held.
func (q *queue) takeCredit() *credit {
	for q.credits.len() > 0 {
		c := q.credits.pop()
		if c.poller.beginClaim(c) {
			return c
		}
	}
	return nil
}

// addCredit lets the credit wait in its place; q.mu is held.
func (q *queue) addCredit(c *credit) {
	if !c.poller.isEnding() {
		q.credits.add(c)
	}
}

// idle reports whether the queue can be forgotten; q.mu is held.
func (q *queue) idle() bool {
	return !q.used && q.credits.len() == 0 && q.window.len() == 0 && q.window.complete() && len(q.claiming) == 0
}
