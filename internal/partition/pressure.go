package partition

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// pressure keeps the time that records spend in a lane, from admission to the answer, near a target: while they spend
// more, it admits fewer commands that begin something. So it does while the lane is behind and tasks wait for it longer
// than the target although workers ask for them. What goes on is left alone, so that work in progress ends and
// makes room. As with CoDel (Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 2012) the length of a queue says
// nothing and a burst is no reason, only time spent over an interval is.
type pressure struct {
	target time.Duration
	strain strain
	inLane atomic.Int64 // commands that begin something

	mu       sync.Mutex
	began    time.Time // of the interval
	all      stay      // of the records answered in the interval
	opening  stay      // of those that begin something
	held     int       // answered beside them that were held back
	handed   waits     // of the tasks that were claimed in the interval
	admitted int       // commands that begin something, in the interval
	refused  int
	calm     int     // intervals in a row without a refusal
	late     int     // intervals in a row that were too slow
	excess   float64 // of the last interval

	rate   float64 // what is admitted a second; 0 while everything is
	knee   float64 // the rate at which it last was too much
	credit float64 // admissions in store
	filled time.Time
	hint   time.Duration // when those refused may try again
}

const (
	pressureInterval = 100 * time.Millisecond
	// pressureCut bounds how much one interval takes from the rate: what an admission brings with it comes over many
	// intervals.
	pressureCut = 0.85
	// pressureRise is how fast the rate grows while there is room, and pressureNear how fast from nearKnee of what was too
	// much before. What was not too much by half is let in at once.
	pressureRise = 1.1
	pressureNear = 1.03
	nearKnee     = 0.7
	kneeFades    = 0.8
	pressureBack = 0.5
	// pressureFloor is the least that is admitted a second: new work may become slow, it does not stand still, and who
	// begins little is never refused, also on a machine that is slow for other reasons.
	pressureFloor = 200
	// pressureBurst is how long what is not asked for may be saved up.
	pressureBurst = 500 * time.Millisecond
	// pressureStart is after how many slow intervals less is admitted.
	pressureStart = 3
	// pressureCommits is how many commits a record may wait for beside the target: a slow disk is no overload.
	pressureCommits = 3
	// pressureRoom is how many commands that begin something may be in the lane however slow it is.
	pressureRoom = 64
	// pressureCalm is after how many intervals without a refusal everything is admitted again.
	pressureCalm    = 20
	pressureHintMax = 5 * time.Second
)

// stay is how long records were in the lane.
type stay struct {
	records int
	spent   time.Duration
	commit  time.Duration // the shortest that covered some of them
}

func (s *stay) add(o stay) {
	if o.records == 0 {
		return
	}
	if s.records == 0 || o.commit < s.commit {
		s.commit = o.commit
	}
	s.records += o.records
	s.spent += o.spent
}

// mean is how long a record was in the lane; 0 if there was none.
func (s *stay) mean() time.Duration {
	if s.records == 0 {
		return 0
	}
	return s.spent / time.Duration(s.records)
}

// excess is how many times as long as the target records were in the lane, beside the commits they may wait for.
func (s *stay) excess(target time.Duration) float64 {
	return float64(s.mean()) / float64(target+pressureCommits*s.commit)
}

// waits are the tasks that waited until workers got them, and how long those that waited for longer than the target.
type waits struct {
	soon, late int
	spent      time.Duration // each late one counts for a second at most
}

func (w *waits) add(waited, target time.Duration) {
	if waited > target {
		w.late++
		w.spent += min(waited, time.Second)
		return
	}
	w.soon++
}

// excess is how many times as long as the target tasks have waited, unless most have not waited for that long. If the
// lane is behind they have waited for it: if it had been for workers, the lane would not be behind.
func (w *waits) excess(target time.Duration) float64 {
	if w.late <= w.soon {
		return 0
	}
	return float64(w.spent) / float64(w.late) / float64(target)
}

// strain tells whether a lane is behind: its records spend more time in it than they would if it had them alone.
type strain struct {
	until atomic.Int64 // ns, when it no longer counts as behind unless it is so again; 0 if it never was

	began time.Time
	stay  stay
}

const (
	strainInterval = 20 * time.Millisecond
	// strainLasts is for how long a lane counts as behind that was.
	strainLasts = 200 * time.Millisecond
	// strainTime is what records spend on the mean, beside commits, in a lane that is behind.
	strainTime = 5 * time.Millisecond
)

// leave counts records that were answered.
func (s *strain) leave(now time.Time, all stay) {
	s.stay.add(all)
	passed := now.Sub(s.began)
	if passed > -strainInterval && passed < strainInterval {
		return
	}
	if s.stay.excess(strainTime) > 1 {
		s.until.Store(now.Add(strainLasts).UnixNano())
	}
	s.began, s.stay = now, stay{}
}

// at tells whether the lane is behind. Time decides, for a lane that has nothing more to answer has caught up. A clock that
// was set back makes nothing last longer.
func (s *strain) at(now time.Time) bool {
	left := time.Duration(s.until.Load() - now.UnixNano())
	return left > 0 && left <= strainLasts
}

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
	if p.fill(now); p.spent() {
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
	return p.spent()
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

// spent tells whether nothing more is admitted now; p.mu is held.
func (p *pressure) spent() bool { return p.credit < 1 || p.inLane.Load() >= p.room() }

// room is how many commands that begin something may be in the lane: more would wait for longer than the target. As many
// as one commit may take are no wait.
func (p *pressure) room() int64 { return pressureRoom + int64(p.rate*p.target.Seconds()) }

// burst is how many admissions may be in store.
func (p *pressure) burst() float64 { return p.rate * pressureBurst.Seconds() }

// leave counts records that were answered, and of them those that began something. Beside them so many were answered that
// were held back.
func (p *pressure) leave(now time.Time, all, opening stay, held int) {
	p.strain.leave(now, all)
	p.mu.Lock()
	p.all.add(all)
	p.opening.add(opening)
	p.held += held
	p.mu.Unlock()
}

// waited counts a task that a worker is to get, and how long it has waited.
func (p *pressure) waited(d time.Duration) {
	p.mu.Lock()
	p.handed.add(d, p.target)
	p.mu.Unlock()
}

// turn ends the interval if it is over and sets the rate for the next. It is cut while the excess grows; while it shrinks,
// what was cut is enough, and has yet to show.
func (p *pressure) turn(now time.Time, waiting bool) {
	passed := now.Sub(p.began)
	if passed > -pressureInterval && passed < pressureInterval {
		return // callers may come in another order than that in which they looked at the clock
	}
	excess := p.measure(now, passed, waiting)
	switch {
	case passed < 0 || passed > pressureCalm*pressureInterval && !waiting:
		p.rate, p.knee, p.calm, p.late = 0, 0, 0, 0
	case excess <= 1:
		p.rise()
	case excess >= p.excess:
		p.cut(now, passed, max(pressureCut, 1/excess))
	default:
		p.calm = 0
	}
	p.excess = excess
	p.hint = p.wait()
	p.began = now
	p.all, p.opening, p.held, p.handed, p.admitted, p.refused = stay{}, stay{}, 0, waits{}, 0, 0
}

// measure is how much longer than it should it took what has waited for the longest; at most 1 if all is well. A lane that
// answered nothing is asked for nothing.
func (p *pressure) measure(now time.Time, passed time.Duration, waiting bool) (excess float64) {
	if p.all.records == 0 {
		if waiting && passed > p.target && p.held == 0 {
			return math.Inf(1)
		}
		return 0
	}
	excess = max(p.all.excess(p.target), p.opening.excess(p.target))
	if p.strain.at(now) {
		excess = max(excess, p.handed.excess(p.target))
	}
	return excess
}

func (p *pressure) cut(now time.Time, passed time.Duration, part float64) {
	p.calm = 0
	p.late++
	if p.rate == 0 && p.late < pressureStart {
		return
	}
	starts := p.rate == 0
	if starts {
		p.rate = float64(p.admitted) / passed.Seconds()
	}
	if p.excess <= 1 || starts {
		p.knee = max(p.rate, p.knee*kneeFades)
	}
	p.rate = max(p.rate*part, pressureFloor)
	if starts {
		p.credit, p.filled = p.burst(), now
	}
}

func (p *pressure) rise() {
	p.late = 0
	switch {
	case p.excess > 1:
		p.rate = max(p.rate, p.knee*pressureBack)
	case p.rate < p.knee*nearKnee:
		p.rate *= pressureRise
	default:
		p.rate *= pressureNear
	}
	p.calm++
	if p.refused > 0 {
		p.calm = 0
	}
	if p.calm >= pressureCalm {
		p.rate, p.knee, p.calm = 0, 0, 0
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

// Strained tells whether one of the lanes is behind: its records spend longer in it than commits take.
func (h *Host) Strained() bool {
	now := h.elapsed()
	for _, l := range h.lanes {
		if l.pressure.strain.at(now) {
			return true
		}
	}
	return false
}

// Waited tells that a worker asks for a task of the stream that has waited for so long. If such tasks wait for the lane,
// it admits less new work.
func (h *Host) Waited(of machine.Stream, d time.Duration) {
	if p := h.parts[of]; p != nil {
		p.lane.pressure.waited(d)
	}
}
