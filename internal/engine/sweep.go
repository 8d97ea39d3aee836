package engine

import (
	"math"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// What happens to a ThreadRun happens to all below it: they halt with it, go on with it, are withdrawn once it has
// ended. A record does that for as many as it may. For the rest it leaves a row, and a record of its own goes on by what has
// become of the ThreadRun meanwhile. Whoever has to do with one of the rest before that finds it as if its turn had come.

// swept names a ThreadRun, and the one whose children are left: itself, or one below that has ended.
type swept struct{ by, of int32 }

type sweepRow = row[pb.Sweep, *pb.Sweep]

// What a ThreadRun costs of what a record may do to those below others: to be met, and to be moved beyond that.
const (
	costOfMeeting = 1
	costOfMoving  = 3
)

func (w *wfRun) mayMove() bool {
	return w.moved < (costOfMeeting+costOfMoving)*w.tx.engine.config.FanOutChunk
}

func (w *wfRun) sweep(s swept) *sweepRow {
	if r := w.sweeps.get(s); r != nil {
		return r
	}
	r := &sweepRow{key: w.keys.Sweep(s.by, s.of)}
	if w.row.now.Sweeps > 0 {
		*r = load[pb.Sweep](w.tx, r.key)
	}
	w.sweeps.add(s, r)
	return r
}

func (w *wfRun) leave(s swept, rest *pb.Sweep) {
	r := w.sweep(s)
	if r.now == nil {
		w.edit()
		w.row.now.Sweeps++
	}
	r.put(w.tx, rest)
	w.goesOnLater = true
}

func (w *wfRun) finish(s swept) {
	if r := w.sweep(s); r.now != nil {
		r.drop(w.tx)
		w.edit()
		w.row.now.Sweeps--
	}
}

// sweeping reports whether something is left to do for the ThreadRun to those below.
func (t *threadRun) sweeping() bool {
	w := t.run
	if w.row.now.Sweeps == 0 {
		return false
	}
	for i, s := range w.sweeps.keys {
		if s.by == t.number && w.sweeps.all[i].now != nil {
			return true
		}
	}
	prefix := w.keys.SweepsOf(t.number)
	for k := range machine.Scan[pb.Sweep](w.tx.view, prefix, prefix.End(), math.MaxInt) {
		if by, of, err := w.keys.ParseSweep(k); err == nil && w.sweeps.get(swept{by, of}) == nil {
			return true
		}
	}
	return false
}

// eachBelow does something to the ThreadRuns that have not ended and stand directly below this one: its children, and
// the handlers of children that have failed. What is left is done by what has become of the ThreadRun until then.
func (t *threadRun) eachBelow(abandon bool, do func(*threadRun)) {
	t.sweepOver(t, &pb.Sweep{Beyond: t.run.wf().GreatestThreadrunNumber + 1, Abandon: abandon, Pass: int32(t.depth())}, do)
}

func (t *threadRun) sweepOver(of *threadRun, s *pb.Sweep, do func(*threadRun)) {
	w := t.run
	for c := range of.childrenAbove(s.From) {
		if c.number >= s.Beyond {
			break
		}
		if !w.mayMove() {
			s.From = c.number
			w.leave(swept{t.number, of.number}, s)
			return
		}
		w.moved += costOfMeeting
		if c.terminated() {
			t.sweepOver(c, &pb.Sweep{Beyond: s.Beyond, Abandon: s.Abandon, Pass: s.Pass}, do)
			continue
		}
		do(c)
	}
	w.finish(swept{t.number, of.number})
}

// bringInLine does to a ThreadRun below what follows from this one as it is now.
func (t *threadRun) bringInLine(below *threadRun, abandon bool) {
	switch {
	case t.mustHold(below):
		below.halt(parentHalted(t.number))
	default:
		t.run.moved += costOfMoving // it may go on
	}
	if abandon {
		below.abandon()
	}
}

func (t *threadRun) mustHold(below *threadRun) bool {
	return !below.heldBy(t.number) && !below.parentGoesOn(t.number)
}

// fallInLine does to the ThreadRun what others have left to do to it.
func (t *threadRun) fallInLine() {
	w := t.run
	if w.tx.settled || w.row.now.GetSweeps() == 0 || t.terminated() {
		return
	}
	var way []swept // each ThreadRun below, and the one above it that it is a child of
	for below, above := t, t.parent(); above != nil; below, above = above, above.parent() {
		way = append(way, swept{by: below.number, of: above.number})
		if w.isLeft(above, way) && above.mustHold(t) {
			t.halt(parentHalted(above.number))
		}
		if !above.terminated() {
			return
		}
	}
}

// isLeft reports whether the lowest of those ThreadRuns is among those to which something is left to do for the one above.
func (w *wfRun) isLeft(above *threadRun, way []swept) bool {
	for _, step := range way {
		s := w.sweep(swept{above.number, step.of}).now
		if s != nil && !s.Look && s.From <= step.by && step.by < s.Beyond {
			return true
		}
	}
	return false
}

// goOnSweeping goes on with what is left to do to those below ThreadRuns, as far as the record may, and gives the first
// pass in which it began.
func (w *wfRun) goOnSweeping() (pass int) {
	pass = math.MaxInt
	if w.row.now.Sweeps == 0 {
		return pass
	}
	prefix := w.keys.Kind(keys.KindSweep)
	most := (costOfMeeting + costOfMoving) * w.tx.engine.config.FanOutChunk
	for k := range machine.Scan[pb.Sweep](w.tx.view, prefix, prefix.End(), most) {
		if !w.mayMove() {
			break
		}
		by, of, err := w.keys.ParseSweep(k)
		if err != nil {
			continue
		}
		r := w.sweep(swept{by, of})
		if r.known {
			continue // what came before has dealt with it
		}
		pass = min(pass, int(r.now.Pass))
		w.passes = max(0, pass-1)
		w.moved += costOfMeeting
		w.goOnWith(swept{by, of}, r.now.CloneVT())
	}
	w.goesOnLater = w.goesOnLater || w.row.now.Sweeps > 0
	return pass
}

func (w *wfRun) goOnWith(s swept, rest *pb.Sweep) {
	t, of := w.thread(s.by), w.thread(s.of)
	if t == nil {
		w.finish(s)
		return
	}
	t.looksOn = true
	switch abandon := rest.Abandon && t.status() != lhpb.LHStatus_RUNNING; {
	case of == nil, rest.Look:
		w.finish(s)
	case of != t && !of.terminated(): // it was rescued
		w.finish(s)
		t.bringInLine(of, abandon)
	default:
		t.sweepOver(of, rest, func(c *threadRun) { t.bringInLine(c, abandon) })
	}
}

// lookLater has the ThreadRun looked at again: it could not look at all that it has to.
func (t *threadRun) lookLater() {
	t.run.leave(swept{t.number, t.number}, &pb.Sweep{Look: true, Pass: int32(t.depth())})
}
