package partition

import (
	"errors"
	"time"

	"littlehorse/internal/lh"
	"littlehorse/internal/log"
	"littlehorse/internal/pb"
)

// fair holds what was submitted to a partition and has no place in the log yet. Each origin has a line of its own, in the
// order in which its records came; the lines take turns, a record each. What a line has cost a batch counts against its
// share of it: a line that has had its share rests until the next batch, so that one origin makes no commit long for those
// who come while it runs. What it has cost over time counts, too: see pace.
//
// Its maps and lists belong to the mutex of the partition, what lines have spent to the goroutine that applies.
type fair struct {
	lines  map[origin]*line
	turns  list[*line] // have records and are in turn
	rested []*line     // have records, and have had their share of the batch
	pace   pace
	empty  []*line // have none, and are remembered until the batch ends in which the last is applied
	spare  []*line // to be used again
}

// line is the records of one origin that wait.
type line struct {
	origin  origin
	waiting list[queued]
	listed  bool // in empty
	placed  int  // records that have their place and are not applied

	batch uint64        // in which it spent last
	spent time.Duration // what it has cost that batch

	owed   time.Duration // what it has cost beyond its part of the time
	owedAt time.Time     // as of then
	dear   time.Time     // when a record of it took long last
	rests  time.Time     // until then, for the bytes it has written
	pauses bool          // has had to pause, and still owes some of it
}

// queued is a record that waits for its place.
type queued struct {
	record *pb.Record
	waiter waiter
}

// list is a queue in a slice.
type list[T any] struct {
	items []T
	first int
}

func (l *list[T]) len() int { return len(l.items) - l.first }

func (l *list[T]) push(x T) {
	if l.first > len(l.items)/2 && len(l.items) == cap(l.items) {
		n := copy(l.items, l.items[l.first:])
		clear(l.items[n:])
		l.items, l.first = l.items[:n], 0
	}
	l.items = append(l.items, x)
}

func (l *list[T]) pop() T {
	var zero T
	x := l.items[l.first]
	l.items[l.first] = zero
	if l.first++; l.first == len(l.items) {
		l.items, l.first = l.items[:0], 0
	}
	return x
}

const (
	// shareTime is what one origin may cost a commit at least, on however fast a disk.
	shareTime = 250 * time.Microsecond
	// shareOfCommit is the part of a commit's time that one origin may cost if that is more: on a slow disk few commits must
	// carry much.
	shareOfCommit = 2
	// recordCost is what a record costs besides applying and its bytes.
	recordCost = 10 * time.Microsecond
	// byteCost is what a byte costs that is written: it is encoded, copied, written and synced.
	byteCost = time.Nanosecond
)

// cost is what a record costs the commit that covers it.
func cost(applying time.Duration, bytes int64) time.Duration {
	return recordCost + applying + time.Duration(max(0, bytes))*byteCost
}

// add puts a record at the end of its line.
func (f *fair) add(q queued) {
	o := originOf(q.record)
	ln := f.lines[o]
	if ln == nil {
		ln = f.line(o)
	}
	ln.waiting.push(q)
	if ln.waiting.len() == 1 {
		f.turns.push(ln)
	}
}

func (f *fair) line(o origin) *line {
	ln := &line{}
	if n := len(f.spare); n > 0 {
		ln, f.spare = f.spare[n-1], f.spare[:n-1]
	}
	ln.origin = o
	if f.lines == nil {
		f.lines = map[origin]*line{}
	}
	f.lines[o] = ln
	return ln
}

// next takes the record whose turn it is; false if there is none of a line that has something left of its share.
func (f *fair) next(batch uint64, share time.Duration, now time.Time) (q queued, ok bool) {
	f.pace.resume(f, now)
	for f.turns.len() > 0 {
		ln := f.turns.pop()
		if ln.batch == batch && ln.spent >= f.pace.share(ln, share, now) {
			f.rested = append(f.rested, ln)
			continue
		}
		if ln.batch != batch && !f.pace.turn(ln, now) {
			continue
		}
		q = ln.waiting.pop()
		q.waiter.line, q.waiter.paused = ln, ln.pauses
		ln.placed++
		switch {
		case ln.waiting.len() > 0:
			f.turns.push(ln)
		case !ln.listed:
			ln.listed = true
			f.empty = append(f.empty, ln)
		}
		return q, true
	}
	return queued{}, false
}

// leave ends what the line knows of a record that has its place: it is applied now, or lost.
func (w *waiter) leave() {
	if w.line != nil {
		w.line.placed--
	}
}

// spend counts what a record of the line has cost the batch.
func (ln *line) spend(batch uint64, cost time.Duration, bytes int64, now time.Time) {
	if ln.batch != batch {
		ln.batch, ln.spent = batch, 0
	}
	ln.spent += cost
	ln.owe(cost, now)
	ln.rest(bytes, now)
}

// charge counts what a record of the origin has cost that did not wait in its line.
func (f *fair) charge(o origin, batch uint64, cost time.Duration, bytes int64, now time.Time) {
	ln := f.lines[o]
	if ln == nil {
		ln = f.line(o)
	}
	if ln.waiting.len() == 0 && !ln.listed {
		ln.listed = true
		f.empty = append(f.empty, ln)
	}
	ln.spend(batch, cost, bytes, now)
}

// spareLines is how many lines are kept for use again.
const spareLines = 64

// turnOver begins the next batch: who rested is in turn again, behind those who are, and who is gone is forgotten, unless he
// owes something.
func (f *fair) turnOver(now time.Time) {
	for i, ln := range f.rested {
		f.turns.push(ln)
		f.rested[i] = nil
	}
	f.rested = f.rested[:0]
	kept := f.empty[:0]
	for _, ln := range f.empty {
		switch {
		case ln.waiting.len() > 0:
			ln.listed = false
		case ln.placed > 0, ln.remembered(now):
			kept = append(kept, ln) // what they cost is not another's
		default:
			f.forget(ln)
		}
	}
	clear(f.empty[len(kept):])
	f.empty = kept
}

func (f *fair) forget(ln *line) {
	delete(f.lines, ln.origin)
	if len(f.spare) < spareLines {
		*ln = line{waiting: ln.waiting}
		f.spare = append(f.spare, ln)
	}
}

// takeAll empties all lines.
func (f *fair) takeAll() (all []waiter) {
	for _, lines := range [][]*line{f.turns.items[f.turns.first:], f.rested, f.pace.paused} {
		for _, ln := range lines {
			for ln.waiting.len() > 0 {
				all = append(all, ln.waiting.pop().waiter)
			}
		}
	}
	*f = fair{}
	return all
}

// call tells the lane that records of the partition wait for a place.
func (l *Lane) call(p *part) {
	l.mu.Lock()
	l.calling.push(p)
	l.mu.Unlock()
	select {
	case l.called <- struct{}{}:
	default:
	}
}

func (l *Lane) caller() *part {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calling.len() == 0 {
		return nil
	}
	return l.calling.pop()
}

// feed gives one record its place in the log, of the partition whose turn it is.
func (l *Lane) feed() {
	now := l.paceTime()
	l.resume(now)
	for p := l.caller(); p != nil; p = l.caller() {
		if p.place(l.filling.number, l.share(), now) {
			return
		}
	}
}

// share is what one origin may cost the batch that is being filled.
func (l *Lane) share() time.Duration { return max(shareTime, l.usual/shareOfCommit) }

// usual follows how long commits take: at once when they are quick, slowly when one is late.
func usual(before, took time.Duration) time.Duration {
	if took > before {
		return before + (took-before)/8
	}
	return took
}

// place appends the record whose turn it is. It tells whether there was one.
func (p *part) place(batch uint64, share time.Duration, now time.Time) bool {
	p.mu.Lock()
	q, ok := p.fair.next(batch, share, now)
	p.resumes = p.fair.pace.resumes()
	if !ok {
		p.calls = false
		p.mu.Unlock()
		return false
	}
	p.calls = p.fair.turns.len() > 0
	again := p.calls
	w := q.waiter
	p.stamp(q.record)
	w.number = p.number
	p.waiters = append(p.waiters, w)
	err := p.lane.host.cfg.Log.Append(p.stream, q.record)
	if err != nil {
		p.waiters = p.waiters[:len(p.waiters)-1]
		w.leave()
	}
	p.mu.Unlock()
	if again {
		p.lane.call(p)
	}
	if err != nil {
		a := answer{waiter: w, part: p}
		a.reply.Err = lh.Errorf(lh.Unavailable, "the record cannot be appended: %v", err)
		a.reply.Err.Again = errors.Is(err, log.ErrFenced) || errors.Is(err, log.ErrClosed)
		a.give()
	}
	return true
}

// turnOver begins the next batch for the partition.
func (p *part) turnOver(now time.Time) {
	p.mu.Lock()
	p.fair.turnOver(now)
	again := !p.calls && p.fair.turns.len() > 0
	p.calls = p.calls || again
	p.mu.Unlock()
	if again {
		p.lane.call(p)
	}
}
