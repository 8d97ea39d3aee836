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
	share int // of the queue, for one origin

	near     btree.Set[keys.Key]
	horizon  keys.Key
	complete bool // nothing lies behind the horizon

	fired map[keys.Key]bool // taken out, and the row is still there; true for those set aside
	late  []lateTimer       // fired without effect, to be fired again; in order of time

	crowds map[origin]*crowd // that have timers in the queue or set aside
	ready  list[*crowd]      // have timers set aside, and room in the queue for some
	aside  int               // timers set aside
	turn   bool              // of those set aside

	loading bool
	missed  []machine.Change // behind the horizon, committed while a page is read
}

type lateTimer struct {
	key  keys.Key
	atNs int64
}

// crowd is the timers of one origin that are due. Only few of them are in the queue at a time, and the others are set aside,
// so that those of others do not stand behind them all.
type crowd struct {
	origin  origin
	queued  int
	waiting list[keys.Key] // set aside; some may have been cancelled since
	listed  bool           // in ready
}

func newWindow(p *part, limit, share int) *window {
	return &window{
		part: p, limit: limit, share: share, horizon: keys.Timers(), fired: map[keys.Key]bool{}, crowds: map[origin]*crowd{},
	}
}

// change follows one committed change of a timer row.
func (w *window) change(c machine.Change) {
	w.forget(c.Key)
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

// forget ends the flight of a timer, if it is on one.
func (w *window) forget(k keys.Key) {
	if w.fired[k] {
		w.aside--
	}
	delete(w.fired, k)
}

// pop takes a timer that is due, if its origin has room in the queue, and sets it aside if not; then there is no crowd.
func (w *window) pop(nowNs int64) (k keys.Key, c *crowd, ok bool) {
	w.turn = !w.turn
	if w.turn {
		if k, c, ok = w.popAside(); ok {
			return k, c, true
		}
	}
	k, ok = w.popDue(nowNs)
	if !ok {
		return w.popAside()
	}
	c = w.crowdOf(k)
	w.fired[k] = c.queued >= w.share || c.waiting.len() > 0
	if w.fired[k] {
		c.waiting.push(k)
		w.aside++
		return k, nil, true
	}
	c.queued++
	return k, c, true
}

// popAside takes a timer that was set aside.
func (w *window) popAside() (k keys.Key, c *crowd, ok bool) {
	for w.ready.len() > 0 {
		c = w.ready.items[w.ready.first]
		for c.queued < w.share && c.waiting.len() > 0 {
			if k = c.waiting.pop(); w.fired[k] {
				w.fired[k] = false
				w.aside--
				c.queued++
				return k, c, true
			}
		}
		c.listed = false
		w.ready.pop()
		w.disperse(c)
	}
	return "", nil, false
}

// popDue takes a timer that is due.
func (w *window) popDue(nowNs int64) (keys.Key, bool) {
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
	return k, true
}

func (w *window) crowdOf(k keys.Key) *crowd {
	o := originOf(timerFired(k, 0))
	c := w.crowds[o]
	if c == nil {
		c = &crowd{origin: o}
		w.crowds[o] = c
	}
	return c
}

// leave says that a timer of the crowd is in the queue no longer. Others follow when half of its share is free: one by one
// they would cost more.
func (w *window) leave(c *crowd) {
	c.queued--
	if c.waiting.len() > 0 && c.queued <= w.share/2 && !c.listed {
		c.listed = true
		w.ready.push(c)
	}
	w.disperse(c)
}

// disperse forgets a crowd that is none.
func (w *window) disperse(c *crowd) {
	if c.queued == 0 && c.waiting.len() == 0 && !c.listed {
		delete(w.crowds, c.origin)
	}
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
	s := TimerStats{Timers: w.near.Len() + len(w.fired), Firing: len(w.fired) - w.aside}
	s.Due = w.aside + sort.Search(w.near.Len(), func(i int) bool {
		k, _ := w.near.GetAt(i)
		return dueNs(k) > nowNs
	})
	if k, ok := w.near.Min(); ok {
		s.Late = max(0, time.Duration(nowNs-dueNs(k)))
	}
	for _, c := range w.crowds {
		if c.waiting.len() > 0 {
			s.Late = max(s.Late, time.Duration(nowNs-dueNs(c.waiting.items[c.waiting.first])))
		}
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
