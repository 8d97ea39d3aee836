package taskqueue

import (
	"slices"
	"sync"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// begun are waiting attempts of WfRuns in progress, a bounded number of them. All of them wait in the window or in the
// store, too.
type begun struct {
	limit int
	order []keys.Key // in which they came; twice the limit at most, with those that have gone since
	of    map[keys.Key]machine.Stream
}

func (b *begun) len() int { return len(b.of) }

func (b *begun) put(k keys.Key, s machine.Stream) {
	if _, twice := b.of[k]; twice || len(b.of) >= b.limit {
		return
	}
	if len(b.order) >= 2*b.limit {
		b.order = slices.DeleteFunc(b.order, func(k keys.Key) bool { _, there := b.of[k]; return !there })
	}
	if len(b.order) >= 2*b.limit {
		return // keys that came again and again
	}
	if b.of == nil {
		b.of = map[keys.Key]machine.Stream{}
	}
	b.of[k] = s
	b.order = append(b.order, k)
}

func (b *begun) drop(k keys.Key) {
	if delete(b.of, k); len(b.of) == 0 {
		b.order = b.order[:0]
	}
}

// pop takes the one that came first; there is one.
func (b *begun) pop() (keys.Key, machine.Stream) {
	for {
		k := b.order[0]
		b.order = b.order[1:]
		if s, ok := b.of[k]; ok {
			b.drop(k)
			return k, s
		}
	}
}

// name tells queues apart.
type name struct{ tenant, taskDef string }

// queue matches the waiting attempts of one TaskDef with the credits of its workers.
type queue struct {
	name name
	of   *Queues

	mu       sync.Mutex
	window   *window
	credits  creditList
	claiming map[keys.Key]struct{}
	stopped  bool // no further matches
	used     bool // a task was seen, so the queue stays
	follows  bool // one was seen that follows a report
	dropped  bool // no longer in the map of queues; find another
	rests    bool // a timer runs that ends the rest of credits
	streams  int  // of workers that have asked for a task here, and are open
	passed   int  // tasks in a row that went before those that waited
	overdue  bool // the next credit is for the oldest task
	begun    begun
}

func newQueue(n name, qs *Queues) *queue {
	return &queue{
		name: n, of: qs, window: newWindow(qs.cfg.Window), claiming: map[keys.Key]struct{}{}, stopped: qs.stopping(),
		begun: begun{limit: qs.cfg.Window},
	}
}

// next takes the task whose turn it is: the oldest, or while the server is behind one of a WfRun in progress.
func (q *queue) next(strained bool) (k keys.Key, s machine.Stream, inTurn, ok bool) {
	if strained && q.begun.len() > 0 && !q.overdue && q.pass() {
		k, s = q.begun.pop()
		q.window.drop(k)
		return k, s, false, true
	}
	if k, s, ok = q.window.next(); ok {
		q.begun.drop(k)
		q.overdue = false
	}
	return k, s, true, ok
}

// claim is a match on its way to the partition.
type claim struct {
	hint   keys.Key
	stream machine.Stream
	credit *credit
	inTurn bool // the hint was the oldest
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
	strained := q.of.cfg.Strained()
	for q.credits.len() > 0 && !(strained && q.rest()) {
		k, s, inTurn, ok := q.next(strained)
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
		w.claims = append(w.claims, claim{hint: k, stream: s, credit: c, inTurn: inTurn})
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

const (
	// restTime is how long a credit waits for a WfRun in progress while the server is behind.
	restTime = 10 * time.Millisecond
	// longWait is after what time a task that waits has a right to every mostPassed-th credit.
	longWait   = time.Second
	mostPassed = 8
)

// rest lets the next credit wait a moment for a report, if it has not yet and one may come that takes it along. In the step
// of the report it gets the task that follows: that costs the server a fraction of a claim by itself, and what is in
// progress ends instead of all making slow progress together. A server that is behind could otherwise stay behind for
// ever. q.mu is held.
func (q *queue) rest() bool {
	if !q.follows || q.overdue {
		return false
	}
	left := restTime - time.Since(q.credits.first().since)
	if left <= 0 {
		return false
	}
	if !q.rests {
		q.rests = true
		time.AfterFunc(left, q.endRest)
	}
	return true
}

func (q *queue) endRest() {
	q.mu.Lock()
	q.rests = false
	w := q.match()
	q.mu.Unlock()
	q.of.do(w)
}

// pass tells whether a WfRun in progress may go before the tasks that wait. q.mu is held.
func (q *queue) pass() bool {
	if q.passed++; q.passed < mostPassed {
		return true
	}
	q.passed = 0
	return !q.late()
}

// mayPass tells whether the WfRun of a report may go before the tasks that wait. If not, the next credit is for the oldest of
// them: credits that are there may be taken along by the next reports before they have rested. q.mu is held.
func (q *queue) mayPass() bool {
	if !q.of.cfg.Strained() {
		return false
	}
	q.overdue = q.overdue || !q.pass()
	return !q.overdue
}

// late tells whether a task has waited for long.
func (q *queue) late() bool {
	k, _, ok := q.window.hints.Min()
	if !ok {
		return true // only the store knows
	}
	t, err := keys.ParseScheduledTask(k)
	return err == nil && q.of.cfg.Now().Sub(time.Unix(0, t.ScheduledNs)) > longWait
}

// idle reports whether the queue can be forgotten; q.mu is held.
func (q *queue) idle() bool {
	return !q.used && q.streams == 0 && q.credits.len() == 0 && q.window.len() == 0 && q.window.complete() && len(q.claiming) == 0
}
