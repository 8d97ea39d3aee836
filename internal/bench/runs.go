package bench

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// wfRun is a WfRun in flight.
type wfRun struct {
	number uint64
	due    time.Duration
	// reported is when the report of its last task began, 0 before the first.
	reported atomic.Int64
	tasks    atomic.Int32 // reports that were taken
}

const tableShards = 64

// table finds WfRuns in flight by their number.
type table struct {
	prefix string
	next   atomic.Uint64
	size   atomic.Int64
	shards [tableShards]struct {
		mu   sync.Mutex
		runs map[uint64]*wfRun
	}
}

func newTable(prefix string) *table {
	t := &table{prefix: prefix + "-"}
	for i := range t.shards {
		t.shards[i].runs = map[uint64]*wfRun{}
	}
	return t
}

// add makes a WfRun and its id.
func (t *table) add(due time.Duration) (*wfRun, string) {
	r := &wfRun{number: t.next.Add(1), due: due}
	s := &t.shards[r.number%tableShards]
	s.mu.Lock()
	s.runs[r.number] = r
	s.mu.Unlock()
	t.size.Add(1)
	return r, t.prefix + strconv.FormatUint(r.number, 10)
}

// find is nil for WfRuns of others, and for those that are finished or given up.
func (t *table) find(id string) *wfRun {
	text, ok := strings.CutPrefix(id, t.prefix)
	if !ok {
		return nil
	}
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil
	}
	s := &t.shards[number%tableShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs[number]
}

// remove reports whether the WfRun was there: only one may finish it.
func (t *table) remove(r *wfRun) bool {
	s := &t.shards[r.number%tableShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs[r.number] == nil {
		return false
	}
	delete(s.runs, r.number)
	t.size.Add(-1)
	return true
}
