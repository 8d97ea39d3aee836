package server

import (
	"fmt"
	"slices"
	"testing"

	"littlehorse/internal/taskqueue"
)

// One scrape reads so many counts and no more: those of the first queues that are not wholly in memory, the same ones
// each time. A queue that is wholly in memory needs none.
func TestCountsOfQueuesAreBounded(t *testing.T) {
	const partitions, inStore = 12, 100
	var sizes []taskqueue.Size
	for n := range 3 * mostCounts / partitions {
		sizes = append(sizes, taskqueue.Size{Tenant: "t", TaskDef: fmt.Sprintf("task%05d", n), Tasks: 1, Claiming: 1, Complete: n%2 == 0})
	}
	read := 0
	all := countQueues(sizes, partitions, func(taskqueue.Size) int64 { read++; return inStore })
	if limit := mostCounts / partitions; read != limit {
		t.Errorf("%d queues are read, of at most %d", read, limit)
	}
	for n, q := range all {
		want := int64(2)
		if n%2 == 1 && n/2 < mostCounts/partitions {
			want = inStore
		}
		if q.TaskDef != sizes[n].TaskDef || q.scheduled != want {
			t.Fatalf("%v instead of %d", q, want)
		}
	}
	read = 0
	few := slices.DeleteFunc(sizes, func(q taskqueue.Size) bool { return !q.Complete })
	for _, q := range countQueues(append(few, taskqueue.Size{TaskDef: "z", Tasks: 1}), partitions, func(taskqueue.Size) int64 { read++; return inStore }) {
		if q.TaskDef == "z" && (q.scheduled != inStore || read != 1) {
			t.Errorf("behind many that are in memory: %v, %d read", q, read)
		}
	}
}
