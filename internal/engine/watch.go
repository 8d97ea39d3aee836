package engine

import (
	"iter"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// maxWatches bounds how many watches of one subject a record looks at: more than a WfRun can have ThreadRuns.
const maxWatches = 1 << 30

// watch names what is watched, and the ThreadRun that does.
type watch struct {
	subject keys.Subject
	by      int32
}

// watch lets the ThreadRun be looked at when the subject changes, as long as it stands where it does.
func (t *threadRun) watch(s keys.Subject, row *pb.Watch) {
	w := t.run
	if !w.row.now.Watched {
		w.edit()
		w.row.now.Watched = true
	}
	row.Position = t.get().CurrentNodePosition
	if w.renewed == nil {
		w.renewed = map[watch]bool{}
	}
	w.renewed[watch{s, t.number}] = true
	w.tx.put(w.keys.Watch(s, t.number), row)
}

// unwatch takes the watch back.
func (t *threadRun) unwatch(s keys.Subject) { t.run.tx.remove(t.run.keys.Watch(s, t.number)) }

// watches are those of the subject that were set by earlier records: whatever was set by this one, the record
// looks at anyway. They begin at the ThreadRun of that number.
func (w *wfRun) watches(s keys.Subject, from int32) iter.Seq2[int32, *pb.Watch] {
	return func(yield func(int32, *pb.Watch) bool) {
		if !w.row.now.Watched {
			return
		}
		end := w.keys.WatchesOf(s).End()
		for k, row := range machine.Scan[pb.Watch](w.tx.view, w.keys.Watch(s, from), end, maxWatches) {
			_, by, err := w.keys.ParseWatch(k)
			if err == nil && !yield(by, row) {
				return
			}
		}
	}
}

// alert makes the record look at the ThreadRuns that watch the subject: at as many as it may, others are told later.
func (w *wfRun) alert(s keys.Subject, pass int) {
	if !w.row.now.Watched || w.alerted[s] {
		return
	}
	if w.alerted == nil {
		w.alerted = map[keys.Subject]bool{}
	}
	w.alerted[s] = true
	if w.round(s) != nil {
		w.announceAgain(s)
		return
	}
	if next, left := w.tellWatchers(s, 0, w.beyondAll(), min(few, w.tx.engine.config.FanOutChunk)); left {
		w.leaveRound(s, &pb.Round{From: next, Beyond: w.beyondAll(), Pass: int32(pass)})
	}
}

// tellWatchers tells those who watch the subject. Watches that are void are taken back, unless this record has set them
// anew; so are those of what is told one time only. The first ones are told in any case, as many as that.
func (w *wfRun) tellWatchers(s keys.Subject, from, beyond int32, first int) (next int32, left bool) {
	once := !s.IsThread()
	for by, row := range w.watches(s, from) {
		switch {
		case by >= beyond:
			return 0, false
		case first <= 0 && !w.mayMeet(by):
			return by, true
		}
		first--
		t := w.meet(by)
		holds := t != nil && !t.terminated() && t.get().CurrentNodePosition == row.Position
		if !holds && !w.renewed[watch{s, by}] || holds && once {
			w.tx.remove(w.keys.Watch(s, by))
		}
		switch {
		case !holds:
		case once:
			t.unsettled = true // its WfRun may be another, that does not go on in this record
		default:
			t.learnOf(w.thread(s.ThreadRun()), row)
		}
	}
	return 0, false
}

// learnOf tells the ThreadRun of another that it watches; nil if that is archived.
func (t *threadRun) learnOf(other *threadRun, row *pb.Watch) {
	switch {
	case len(row.Entries) > 0:
		n := t.node()
		n.changed = append(n.changed, row.Entries...)
	case other == nil:
		t.looksOn = true
	default:
		t.restless = other
		t.from = row.From
	}
}

// tell lets those know that watch this ThreadRun: it has moved from one status to another, or stands still for
// one more reason.
func (t *threadRun) tell() { t.run.alert(keys.ThreadSubject(t.number), t.depth()) }

// tell lets those know that wait for a condition in which the Variable occurs.
func (v *variable) tell() {
	v.thread.run.alert(keys.VariableSubject(v.thread.number, v.name), v.thread.depth())
	v.tellBelow()
}

// tellOf lets those know that wait for the other WfRun.
func (w *wfRun) tellOf(other *wfRun) { w.alert(keys.WfRunSubject(other.name), w.depth(0)) }
