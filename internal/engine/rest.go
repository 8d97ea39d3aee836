package engine

import (
	"strconv"
	"strings"

	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
)

// A ThreadRun that is HALTING, or has come to its EXIT, waits until all below have come to rest. It watches one that has
// not. One with many children remembers how far they are at rest, and looks at no more of them than a record may.

// manner is in which sense ThreadRuns below are to be at rest.
type manner bool

const (
	halting manner = true  // they stand still
	ending  manner = false // they will do nothing more by themselves
)

// notAtRest is the ThreadRun itself, or one below if it has ended, that is not at rest; nil if all are.
func (t *threadRun) notAtRest(as manner) *threadRun {
	switch {
	case t.terminated():
		return t.firstRestless(as)
	case as == halting && t.tryFinishHalting(), as == ending && t.atRest():
		return nil
	default:
		return t
	}
}

// isRestless reports whether something below is not at rest, or not known to be. It is watched then.
func (t *threadRun) isRestless(as manner) bool {
	if t.sweeping() || t.stillWatches(as) {
		return true
	}
	from := t.forgetRestless()
	if t.hasMany() {
		return t.watchRestless(t.restedTo(as), as)
	}
	return t.watchRestless(from, as) || from > 0 && t.watchRestless(0, as)
}

// watchRestless finds something below that is not at rest, and watches it.
func (t *threadRun) watchRestless(from int32, as manner) bool {
	c, r := t.search(from, as)
	switch {
	case t.run.looksNoMore:
		t.lookLater()
		return true
	case r != nil:
		t.waitUntilStill(r, c)
		return true
	default:
		return false
	}
}

// firstRestless is the first ThreadRun below one that has ended, that is not at rest; nil if all are.
func (t *threadRun) firstRestless(as manner) *threadRun {
	from := int32(0)
	if t.hasMany() {
		from = t.restedTo(as)
	}
	_, r := t.search(from, as)
	return r
}

// search finds the first ThreadRun below that is not at rest, and the child by which it is below. It ends without when the
// record may look no further.
func (t *threadRun) search(from int32, as manner) (child int32, r *threadRun) {
	many := t.hasMany()
	for c := range t.childrenAbove(from) {
		if many && !t.stoodAt(c.number, as) && !t.run.mayLook() {
			t.restTo(c.number, as)
			return c.number, nil
		}
		if r := c.notAtRest(as); r != nil || t.run.looksNoMore {
			if many {
				t.restTo(c.number, as)
			}
			return c.number, r
		}
		if many && as == ending {
			t.noteUnhandled(c)
		}
	}
	if many {
		t.restTo(t.run.wf().GreatestThreadrunNumber+1, as)
	}
	return 0, nil
}

// stoodAt reports whether an earlier record got as far as this child. To look at it again is no work: else a record could come
// no further that has to find its way through many that have ended, one below the other.
func (t *threadRun) stoodAt(child int32, as manner) bool {
	r := t.rest()
	return r.before != nil && r.before.From == child && r.before.Halting == bool(as) && r.before.Position == t.get().CurrentNodePosition
}

// looksPerMove is how many ThreadRuns a record may look at for one that it may move.
const looksPerMove = 2

// mayLook reports whether the record may look at one child more of ThreadRuns with many.
func (w *wfRun) mayLook() bool {
	if w.looked >= looksPerMove*w.tx.engine.config.FanOutChunk {
		w.looksNoMore = true
		return false
	}
	w.looked++
	return true
}

// hasMany reports whether the ThreadRun has more children than its own row may list.
func (t *threadRun) hasMany() bool {
	return len(t.get().ChildThreadIds) >= t.run.tx.engine.config.InlineThreads
}

func (t *threadRun) rest() *row[pb.Rest, *pb.Rest] {
	if t.rested == nil {
		r := load[pb.Rest](t.run.tx, t.run.keys.Rest(t.number))
		t.rested = &r
	}
	return t.rested
}

// restedTo is the number of the child below which all are at rest.
func (t *threadRun) restedTo(as manner) int32 {
	r := t.rest()
	if r.now == nil || r.now.Position != t.get().CurrentNodePosition || r.now.Halting != bool(as) {
		r.put(t.run.tx, &pb.Rest{Position: t.get().CurrentNodePosition, Halting: bool(as)})
	}
	return r.now.From
}

func (t *threadRun) restTo(child int32, as manner) {
	if t.restedTo(as) != child {
		t.rest().edit(t.run.tx).From = child
	}
}

// forgetRest is for a ThreadRun that halts or goes on: those below do so too.
func (t *threadRun) forgetRest() {
	if t.hasMany() && t.rest().now != nil {
		t.rest().drop(t.run.tx)
	}
}

// stir is for a ThreadRun that may be at rest no longer, or has failed since it was found at rest.
func (t *threadRun) stir() {
	for below, above := t, t.parent(); above != nil && !above.archived(); below, above = above, above.parent() {
		if above.hasMany() {
			above.unrest(below.number)
		}
		if !above.terminated() {
			return
		}
	}
}

func (t *threadRun) unrest(child int32) {
	r := t.rest()
	if r.now == nil || r.now.From <= child {
		return
	}
	rest := r.edit(t.run.tx)
	rest.From = child
	for len(rest.Unhandled) > 0 && rest.Unhandled[len(rest.Unhandled)-1] >= child {
		rest.Unhandled = rest.Unhandled[:len(rest.Unhandled)-1]
	}
}

// noteUnhandled notes a child that has failed and was not dealt with, unless no message could tell of one more.
func (t *threadRun) noteUnhandled(c *threadRun) {
	if !failed(c.status()) || t.terminated() || t.handled(c.number) {
		return
	}
	if len(t.rest().now.Unhandled) < maxMessageBytes/2 {
		rest := t.rest().edit(t.run.tx)
		rest.Unhandled = append(rest.Unhandled, c.number)
	}
}

// unhandledChildren lists the children that failed and were not dealt with; quiet is false while something
// below may still go on.
func (t *threadRun) unhandledChildren() (list string, quiet bool) {
	if !t.quietBelow() {
		return "", false
	}
	var b strings.Builder
	tell := func(child int32) { b.WriteString(" " + strconv.Itoa(int(child))) }
	if t.hasMany() {
		for _, child := range t.rest().now.GetUnhandled() {
			tell(child)
		}
		return b.String(), true
	}
	for c := range t.children() {
		if failed(c.status()) && !t.handled(c.number) {
			tell(c.number)
		}
	}
	return b.String(), true
}

// quietBelow reports whether nothing below may go on any more. If something may, it is watched, and nobody asks
// about the rest before it is quiet.
func (t *threadRun) quietBelow() bool {
	if t.restless == nil && !t.looksOn && !t.node().hasNotLooked() {
		return false
	}
	return !t.isRestless(ending)
}

// stillWatches reports whether the ThreadRun that is watched, or one below if that has ended, is still as the
// watch assumes.
func (t *threadRun) stillWatches(as manner) bool {
	if t.restless == nil || t.restless.archived() {
		return false
	}
	r := t.restless.notAtRest(as)
	if t.run.looksNoMore {
		t.lookLater()
		return true
	}
	if r != nil && r != t.restless {
		from := t.forgetRestless()
		t.waitUntilStill(r, from)
	}
	return r != nil
}

// forgetRestless ends the watch of what has come to rest, and gives the number of the child from which on there
// may be more.
func (t *threadRun) forgetRestless() int32 {
	from := t.from
	if t.restless != nil {
		t.unwatch(keys.ThreadSubject(t.restless.number))
	}
	t.restless, t.from = nil, 0
	return from
}

// waitUntilStill lets the ThreadRun be looked at again when the one below has changed.
func (t *threadRun) waitUntilStill(below *threadRun, from int32) {
	t.restless, t.from = below, from
	t.watch(keys.ThreadSubject(below.number), &pb.Watch{From: from})
}
