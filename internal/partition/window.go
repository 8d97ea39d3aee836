package partition

import (
	"sort"
	"time"

	"github.com/tidwall/btree"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// window is the nearest timers of one partition. Every timer row before the horizon is in memory, either near
// or fired; those at or behind it are only in the store. All methods need the pump's mutex.
type window struct {
	part  *part
	limit int

	near     btree.Set[keys.Key]
	horizon  keys.Key
	complete bool // nothing lies behind the horizon

	fired map[keys.Key]struct{} // appended to the log, and the row is still there
	late  []lateTimer           // fired without effect, to be fired again; in order of time

	loading bool
	missed  []machine.Change // behind the horizon, committed while a page is read
}

type lateTimer struct {
	key  keys.Key
	atNs int64
}

func newWindow(p *part, limit int) *window {
	return &window{part: p, limit: limit, horizon: keys.Timers(), fired: map[keys.Key]struct{}{}}
}

// change follows one committed change of a timer row.
func (w *window) change(c machine.Change) {
	delete(w.fired, c.Key)
	if !w.complete && c.Key >= w.horizon {
		if w.loading {
			w.missed = append(w.missed, c)
		}
		return
	}
	if c.Value == nil {
		w.near.Delete(c.Key)
		return
	}
	w.near.Insert(c.Key)
	w.evict()
}

// evict leaves the farthest timers to the store when there are too many.
func (w *window) evict() {
	for w.near.Len() > w.limit {
		w.horizon, _ = w.near.PopMax()
		w.complete = false
	}
}

// wantsPage tells whether timers of the store are to be read before the ones in memory run out.
func (w *window) wantsPage() bool {
	return !w.complete && !w.loading && w.near.Len() <= w.limit/4
}

// beginLoad says from where, and how many.
func (w *window) beginLoad() (from keys.Key, n int) {
	w.loading = true
	return w.horizon, w.limit - w.near.Len()
}

// endLoad takes the page that began at from; more says that it is not the last.
func (w *window) endLoad(from keys.Key, page []keys.Key, more bool) {
	missed := w.missed
	w.loading, w.missed = false, nil
	if w.horizon != from {
		return // timers were evicted meanwhile: the page begins too late
	}
	for _, k := range page {
		if _, flying := w.fired[k]; !flying {
			w.near.Insert(k)
		}
	}
	if more {
		w.horizon = page[len(page)-1].After()
	} else {
		w.complete = true
	}
	for _, c := range missed {
		w.change(c)
	}
}

// pop takes a timer that is due.
func (w *window) pop(nowNs int64) (keys.Key, bool) {
	for len(w.late) > 0 && w.late[0].atNs <= nowNs {
		k := w.late[0].key
		w.late = w.late[1:]
		if _, still := w.fired[k]; still {
			return k, true
		}
	}
	if len(w.fired) >= w.limit {
		return "", false
	}
	k, ok := w.near.Min()
	if !ok || dueNs(k) > nowNs {
		return "", false
	}
	w.near.Delete(k)
	w.fired[k] = struct{}{}
	return k, true
}

// standing says that the record of a fired timer is through; if the row is still there it is fired again then.
func (w *window) standing(k keys.Key, againNs int64) {
	if _, still := w.fired[k]; still {
		w.late = append(w.late, lateTimer{k, againNs})
	}
}

// nextNs is when the next timer in memory is due.
func (w *window) nextNs() (ns int64, ok bool) {
	if k, has := w.near.Min(); has && len(w.fired) < w.limit {
		ns, ok = dueNs(k), true
	}
	if len(w.late) > 0 && (!ok || w.late[0].atNs < ns) {
		ns, ok = w.late[0].atNs, true
	}
	return ns, ok
}

func (w *window) stats(nowNs int64) TimerStats {
	s := TimerStats{Timers: w.near.Len() + len(w.fired), Firing: len(w.fired)}
	s.Due = sort.Search(w.near.Len(), func(i int) bool {
		k, _ := w.near.GetAt(i)
		return dueNs(k) > nowNs
	})
	if k, ok := w.near.Min(); ok {
		s.Late = max(0, time.Duration(nowNs-dueNs(k)))
	}
	return s
}

// dueNs of a key that no machine could have written is 0: it fires at once, and its machine says what is wrong.
func dueNs(k keys.Key) int64 {
	ns, err := keys.TimerDue(k)
	if err != nil {
		return 0
	}
	return ns
}
