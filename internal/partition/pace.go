package partition

import "time"

// pace holds back the lines that cost much over time while others want the lane. A share of each commit bounds how long others
// wait for one; a WfRun with many workers would still be in every commit, and have the cores busy that all share. It
// has its part of the time, in small steps, and between them others find nobody at work.
type pace struct {
	paused []*line   // have records, and have had their part of the time
	again  time.Time // when the first of them goes on
	shared time.Time // when a line had a turn last that is not large, and that does not pause either
}

const (
	// partOfTime is the part of the time that the records of one WfRun may cost, with all that it is the root of, while
	// others have turns, too.
	partOfTime = 5
	// largeCost is what makes a line a large one, beyond its part of the time; with twice that it has to pause for the first time.
	// From then on it pauses after each step, which is what it may cost a commit, for as long as it takes until next to nothing is left:
	// what comes at once keeps the cores busy that all share, and others wait for that.
	largeCost = 250 * time.Microsecond
	burstCost = 2 * largeCost
	stepCost  = 80 * time.Microsecond
	restCost  = stepCost / 4
	// mostOwed is what a line may owe: what goes on without turns of its own must not keep it waiting for long.
	mostOwed = 8 * burstCost
	// sharedFor is how long after a turn of others the lane counts as theirs, too.
	sharedFor = 20 * time.Millisecond
	// heldShare is what part of a share of a commit a large line has meanwhile: others wait for that commit and for their own.
	heldShare = 3
	// heldBytes is what a record may write that is written as fast as any. For each byte beyond it its line rests for so long: no
	// commit can be cut, so those that all others wait for have to be few among theirs.
	heldBytes    = 128 << 10
	restsForByte = 400 * time.Nanosecond
)

// owe counts what the line has cost. One record that has taken long may only have been interrupted by what else the machine
// does: it counts whole when the line had another shortly before.
func (ln *line) owe(cost time.Duration, now time.Time) {
	if cost > largeCost {
		once := now.Sub(ln.dear) >= sharedFor
		if ln.dear = now; once {
			cost = largeCost
		}
	}
	ln.owed, ln.owedAt = min(ln.owes(now)+cost, mostOwed), now
}

// rest makes the line rest for what a record has written, if that was much.
func (ln *line) rest(bytes int64, now time.Time) {
	if bytes > heldBytes {
		ln.rests = now.Add(time.Duration(bytes-heldBytes) * restsForByte)
	}
}

// remembered tells whether what the line has done still counts.
func (ln *line) remembered(now time.Time) bool {
	return !now.IsZero() && (ln.owes(now) > 0 || ln.rests.After(now) || ln.pauses && !ln.calm(now) || now.Sub(ln.dear) < sharedFor)
}

// calm tells whether the line has owed nothing for a while.
func (ln *line) calm(now time.Time) bool { return now.Sub(ln.owedAt) >= ln.owed*partOfTime+sharedFor }

// large tells whether the line has cost much of late.
func (ln *line) large(now time.Time) bool {
	return ln.pauses || ln.owes(now) > largeCost || !now.IsZero() && ln.rests.After(now)
}

// share is what the line may cost a commit, of what any line may.
func (p *pace) share(ln *line, most time.Duration, now time.Time) time.Duration {
	if ln.origin.kind == family && now.Sub(p.shared) < sharedFor && ln.large(now) {
		return most / heldShare
	}
	return most
}

// owes is what the line has cost beyond its part of the time. By the zero time it owes nothing.
func (ln *line) owes(now time.Time) time.Duration {
	if now.IsZero() {
		return 0
	}
	return max(0, ln.owed-max(0, now.Sub(ln.owedAt))/partOfTime)
}

// turn tells whether the line may have its turn, and pauses it if not.
func (p *pace) turn(ln *line, now time.Time) bool {
	again := p.after(ln, now)
	if again.After(now) {
		ln.pauses = true
		if len(p.paused) == 0 || again.Before(p.again) {
			p.again = again
		}
		p.paused = append(p.paused, ln)
		return false
	}
	if ln.calm(now) {
		ln.pauses = false
	}
	if !ln.large(now) {
		p.shared = now
	}
	return true
}

// after is when the line may go on: when it owes little, or when nobody else has wanted the lane for a while.
func (p *pace) after(ln *line, now time.Time) time.Time {
	if now.IsZero() || ln.origin.kind != family || now.Sub(p.shared) >= sharedFor {
		return now
	}
	again, most := now, burstCost
	if ln.pauses && !ln.calm(now) {
		most = stepCost
	}
	if owes := ln.owes(now); owes > most {
		again = now.Add((owes - restCost) * partOfTime)
	}
	if ln.rests.After(again) {
		again = ln.rests
	}
	if alone := p.shared.Add(sharedFor); alone.Before(again) {
		return alone
	}
	return again
}

// resume gives turns to those that are paused, once it may be time for one of them.
func (p *pace) resume(f *fair, now time.Time) {
	if len(p.paused) == 0 || !now.IsZero() && now.Before(p.again) {
		return
	}
	for i, ln := range p.paused {
		f.turns.push(ln)
		p.paused[i] = nil
	}
	p.paused = p.paused[:0]
}

// resumes is when that is; the zero time if none is paused.
func (p *pace) resumes() time.Time {
	if len(p.paused) == 0 {
		return time.Time{}
	}
	return p.again
}

// paceTime is the time by which lines pause: that of the machine, whose time it is that they take. It is zero while they do
// not: a lane that is driven by hand waits for nothing, and one that drains is to come to an end.
func (l *Lane) paceTime() time.Time {
	if l.host.cfg.Manual || l.host.draining.Load() {
		return time.Time{}
	}
	return time.Now()
}

// resumes is when a line goes on that is paused; the zero time if none is.
func (l *Lane) resumes() (at time.Time) {
	for _, p := range l.order {
		if !p.resumes.IsZero() && (at.IsZero() || p.resumes.Before(at)) {
			at = p.resumes
		}
	}
	return at
}

// resume lets those partitions call that have lines whose pause is over.
func (l *Lane) resume(now time.Time) {
	for _, p := range l.order {
		if p.resumes.IsZero() || !now.IsZero() && now.Before(p.resumes) {
			continue
		}
		p.resumes = time.Time{}
		p.mu.Lock()
		called := p.calls
		p.calls = true
		p.mu.Unlock()
		if !called {
			l.call(p)
		}
	}
}

// chargeCommit counts half of what a commit takes against a line that pauses, with its first record in the batch: others wait for
// the commit as for the record.
func (l *Lane) chargeCommit(ln *line) {
	if ln.pauses && ln.batch != l.filling.number {
		ln.owe(l.usual/shareOfCommit, l.paceTime())
	}
}

// charge counts what a record has cost that the log has brought by itself against the WfRun whose work goes on.
func (l *Lane) charge(p *part, o origin, cost time.Duration, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fair.charge(o, l.filling.number, cost, bytes, l.paceTime())
}
