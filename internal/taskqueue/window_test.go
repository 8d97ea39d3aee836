package taskqueue

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// Whatever is put, dropped and read in whatever order, the window gives every row that stays, oldest first
// within a partition, and never holds more than its limit.
func TestWindowLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 8).Draw(t, "limit")
		w := newWindow(limit)
		store := map[machine.Stream]map[keys.Key]bool{}
		var pages map[machine.Stream][]keys.Key // what the snapshot of the running load shows
		taken := map[keys.Key]int{}
		snapshot := func() {
			pages = map[machine.Stream][]keys.Key{}
			for s, rows := range store {
				for k := range rows {
					pages[s] = append(pages[s], k)
				}
				slices.Sort(pages[s])
			}
		}
		finishLoad := func() {
			l := *w.load
			var page []keys.Key
			for _, k := range pages[l.stream] {
				if k >= l.from && len(page) < limit {
					page = append(page, k)
				}
			}
			w.endLoad(page, len(page) == limit)
			pages = nil
		}
		next := func() bool {
			k, s, ok := w.next()
			if ok && store[s][k] {
				taken[k]++
				delete(store[s], k)
			}
			return ok
		}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			s := machine.Stream{Kind: machine.Core, Partition: uint16(rapid.IntRange(0, 2).Draw(t, "partition"))}
			k := task("d", rapid.IntRange(0, 40).Draw(t, "time")*3+int(s.Partition)).Key()
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0, 1:
				if taken[k] > 0 {
					continue
				}
				if store[s] == nil {
					store[s] = map[keys.Key]bool{}
				}
				store[s][k] = true
				w.put(k, s)
			case 2:
				delete(store[s], k)
				w.drop(k)
			case 3:
				if w.load != nil {
					finishLoad()
				} else if w.beginLoad() != nil {
					snapshot()
				}
			case 4:
				next()
			}
			if w.len() > limit {
				t.Fatalf("%d hints, limit %d", w.len(), limit)
			}
		}
		for next() || w.load != nil || w.beginLoad() != nil {
			if w.load != nil {
				if pages == nil {
					snapshot()
				}
				finishLoad()
			}
		}
		for _, rows := range store {
			for k := range rows {
				t.Fatalf("never given: %x", string(k))
			}
		}
		for k, n := range taken {
			if n != 1 {
				t.Fatalf("%x given %d times", string(k), n)
			}
		}
	})
}
