package taskqueue

import (
	"github.com/tidwall/btree"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// window is the bounded part of a queue's waiting attempts that is in memory, oldest first. It is not safe
// for concurrent use.
type window struct {
	limit int
	hints btree.Map[keys.Key, machine.Stream]
	// behind says for a partition from which key on its rows are only in the store.
	behind map[machine.Stream]keys.Key
	load   *load
}

// load is a page on its way from the store.
type load struct {
	stream machine.Stream
	from   keys.Key
}

func newWindow(limit int) *window {
	return &window{limit: limit, behind: map[machine.Stream]keys.Key{}}
}

func (w *window) len() int { return w.hints.Len() }

// complete reports whether the store holds nothing that the window does not.
func (w *window) complete() bool { return len(w.behind) == 0 && w.load == nil }

func (w *window) put(k keys.Key, s machine.Stream) {
	if from, ok := w.behind[s]; ok && k >= from {
		return
	}
	w.hints.Set(k, s)
	for w.hints.Len() > w.limit {
		last, of, _ := w.hints.PopMax()
		w.behind[of] = last
	}
}

func (w *window) drop(k keys.Key) { w.hints.Delete(k) }

// next takes the oldest hint, unless the store may hold an older one.
func (w *window) next() (keys.Key, machine.Stream, bool) {
	k, s, ok := w.hints.Min()
	if !ok || !w.oldest(k) {
		return "", machine.Stream{}, false
	}
	w.hints.PopMin()
	return k, s, true
}

func (w *window) oldest(k keys.Key) bool {
	if w.load != nil && w.load.from <= k {
		return false
	}
	for _, from := range w.behind {
		if from <= k {
			return false
		}
	}
	return true
}

// beginLoad says which page to read next: nil while one is on its way, nothing is missing, or enough is at
// hand.
func (w *window) beginLoad() *load {
	if w.load != nil || len(w.behind) == 0 {
		return nil
	}
	if k, _, ok := w.hints.Min(); ok && w.hints.Len() > w.limit/4 && w.oldest(k) {
		return nil
	}
	for s, from := range w.behind {
		if w.load == nil || from < w.load.from {
			w.load = &load{stream: s, from: from}
		}
	}
	delete(w.behind, w.load.stream)
	return w.load
}

// endLoad takes in the page; full says that more rows may follow its last one.
func (w *window) endLoad(page []keys.Key, full bool) {
	s := w.load.stream
	w.load = nil
	for _, k := range page {
		w.put(k, s)
	}
	if full {
		w.lower(s, page[len(page)-1].After())
	}
}

// lower leaves the partition's rows from that key on to the store.
func (w *window) lower(s machine.Stream, from keys.Key) {
	if old, ok := w.behind[s]; ok && old <= from {
		return
	}
	w.behind[s] = from
	var out []keys.Key
	w.hints.Ascend(from, func(k keys.Key, of machine.Stream) bool {
		if of == s {
			out = append(out, k)
		}
		return true
	})
	for _, k := range out {
		w.hints.Delete(k)
	}
}
