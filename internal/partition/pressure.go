package partition

import (
	"sync"
	"time"

	"littlehorse/internal/pb"
)

// pressure keeps the time that records spend in a lane, from admission to the answer, near a target: while they spend
// more, it admits fewer commands that begin something. What goes on is left alone, so that work in progress ends and
// makes room. As with CoDel (Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 2012) the length of a queue says
// nothing and a burst is no reason, only time spent over an interval is.
type pressure struct {
	target time.Duration

	mu       sync.Mutex
	began    time.Time     // of the interval
	spent    time.Duration // in the lane, by the records answered in the interval
	answered int
	commit   time.Duration // the shortest of the interval
	admitted int           // commands that begin something, in the interval
	refused  int
	calm     int // intervals in a row without a refusal
	strained int // intervals in a row that were too slow

	rate   float64 // what is admitted a second; 0 while everything is
	credit float64 // admissions in store
	filled time.Time
	hint   time.Duration // when those refused may try again
}

const (
	pressureInterval = 100 * time.Millisecond
	// pressureCut bounds how much one interval takes from the rate: what an admission brings with it comes over many
	// intervals.
	pressureCut = 0.85
	// pressureRise is how fast the rate grows while there is room.
	pressureRise = 1.1
	// pressureFloor is the least that is admitted a second: new work may become slow, it does not stand still, and who
	// begins little is never refused, also on a machine that is slow for other reasons.
	pressureFloor = 200
	// pressureBurst is how long what is not asked for may be saved up.
	pressureBurst = 500 * time.Millisecond
	// pressureStart is after how many slow intervals less is admitted.
	pressureStart = 3
	// pressureCommits is how many commits a record may wait for beside the target: a slow disk is no overload.
	pressureCommits = 3
	// pressureCalm is after how many intervals without a refusal everything is admitted again.
	pressureCalm    = 20
	pressureHintMax = 5 * time.Second
)

// opens tells the commands that the lane can put off: they begin what then needs many more.
func opens(r *pb.Record) bool {
	switch r.GetCommand().(type) {
	case *pb.Record_RunWf, *pb.Record_PutExternalEvent, *pb.Record_PutCorrelatedEvent:
		return true
	default:
		return false
	}
}

// admit tells whether a command that begins something is let in, and if not, when to try again. Waiting is whether
// records are in the lane.
func (p *pressure) admit(now time.Time, waiting bool) (ok bool, hint time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(now, waiting)
	if p.rate == 0 {
		p.admitted++
		return true, 0
	}
	if p.fill(now); p.credit < 1 {
		p.refused++
		return false, p.hint
	}
	p.credit--
	p.admitted++
	return true, 0
}

// refuses tells whether admit would.
func (p *pressure) refuses(now time.Time, waiting bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(now, waiting)
	if p.rate == 0 {
		return false
	}
	p.fill(now)
	return p.credit < 1
}

// refuse counts a refusal without admit, and gives its hint.
func (p *pressure) refuse() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused++
	return p.hint
}

// fill adds what may be admitted since the last time; p.mu is held.
func (p *pressure) fill(now time.Time) {
	p.credit = min(p.credit+p.rate*now.Sub(p.filled).Seconds(), p.burst())
	p.filled = now
}

// burst is how many admissions may be in store.
func (p *pressure) burst() float64 { return p.rate * pressureBurst.Seconds() }

// leave counts records that were answered, the time that all of them spent, and what of it the commit took.
func (p *pressure) leave(records int, spent, commit time.Duration) {
	if records == 0 {
		return
	}
	p.mu.Lock()
	if p.answered == 0 || commit < p.commit {
		p.commit = commit
	}
	p.answered += records
	p.spent += spent
	p.mu.Unlock()
}

// turn ends the interval if it is over and sets the rate for the next.
func (p *pressure) turn(now time.Time, waiting bool) {
	passed := now.Sub(p.began)
	if passed >= 0 && passed < pressureInterval {
		return
	}
	switch {
	case passed < 0 || passed > pressureCalm*pressureInterval:
		p.rate, p.calm, p.strained = 0, 0, 0
	case p.slow(passed, waiting):
		p.cut(now, passed)
	default:
		p.rise()
	}
	p.hint = p.wait()
	p.began = now
	p.spent, p.answered, p.admitted, p.refused = 0, 0, 0, 0
}

// slow tells whether records spent too long in the lane; a lane that answered none is asked for none.
func (p *pressure) slow(passed time.Duration, waiting bool) bool {
	if p.answered == 0 {
		return waiting && passed > p.target
	}
	return p.mean() > p.most()
}

func (p *pressure) mean() time.Duration { return p.spent / time.Duration(p.answered) }

// most is how long records may spend on the mean.
func (p *pressure) most() time.Duration { return p.target + pressureCommits*p.commit }

func (p *pressure) cut(now time.Time, passed time.Duration) {
	p.calm = 0
	p.strained++
	if p.rate == 0 && p.strained < pressureStart {
		return
	}
	starts := p.rate == 0
	if starts {
		p.rate = float64(p.admitted) / passed.Seconds()
	}
	part := pressureCut
	if p.answered > 0 {
		part = max(part, float64(p.most())/float64(p.mean()))
	}
	p.rate = max(p.rate*part, pressureFloor)
	if starts {
		p.credit, p.filled = p.burst(), now
	}
}

func (p *pressure) rise() {
	p.strained = 0
	p.rate *= pressureRise
	p.calm++
	if p.refused > 0 {
		p.calm = 0
	}
	if p.calm >= pressureCalm {
		p.rate, p.calm = 0, 0
	}
}

// wait is how long those that were refused in the interval take to get in, at the rate of the next.
func (p *pressure) wait() time.Duration {
	if p.rate == 0 {
		return 0
	}
	d := time.Duration(float64(p.refused) / p.rate * float64(time.Second))
	return min(max(d, pressureInterval), pressureHintMax)
}
