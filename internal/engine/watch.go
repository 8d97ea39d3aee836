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
// looks at anyway.
func (w *wfRun) watches(s keys.Subject) iter.Seq2[int32, *pb.Watch] {
	return func(yield func(int32, *pb.Watch) bool) {
		if !w.row.now.Watched {
			return
		}
		prefix := w.keys.WatchesOf(s)
		for k, row := range machine.Scan[pb.Watch](w.tx.view, prefix, prefix.End(), maxWatches) {
			_, by, err := w.keys.ParseWatch(k)
			if err == nil && !yield(by, row) {
				return
			}
		}
	}
}

// alert makes the record look at the ThreadRuns that watch the subject. Watches that are void are taken back, unless
// this record has set them anew; so are those that hold for one time only.
func (w *wfRun) alert(s keys.Subject, once bool, tell func(*threadRun, *pb.Watch)) {
	if !w.row.now.Watched || w.alerted[s] {
		return
	}
	if w.alerted == nil {
		w.alerted = map[keys.Subject]bool{}
	}
	w.alerted[s] = true
	for by, row := range w.watches(s) {
		t := w.thread(by)
		holds := t != nil && !t.terminated() && t.get().CurrentNodePosition == row.Position
		if !holds && !w.renewed[watch{s, by}] || holds && once {
			w.tx.remove(w.keys.Watch(s, by))
		}
		if holds {
			tell(t, row)
		}
	}
}

// tell lets those know that watch this ThreadRun: it has moved from one status to another, or stands still for
// one more reason.
func (t *threadRun) tell() {
	t.run.alert(keys.ThreadSubject(t.number), false, func(by *threadRun, row *pb.Watch) {
		if len(row.Entries) > 0 {
			n := by.node()
			n.changed = append(n.changed, row.Entries...)
			return
		}
		by.restless = t
		by.from = row.From
	})
}

// tellOfVariable lets those know that wait for a condition in which the Variable occurs.
func (v *variable) tell() {
	v.thread.run.alert(keys.VariableSubject(v.thread.number, v.name), true, func(by *threadRun, _ *pb.Watch) {
		by.unsettled = true // its WfRun may be another, that does not go on in this record
	})
}

// tellOf lets those know that wait for the other WfRun.
func (w *wfRun) tellOf(other *wfRun) {
	w.alert(keys.WfRunSubject(other.name), true, func(*threadRun, *pb.Watch) {})
}
