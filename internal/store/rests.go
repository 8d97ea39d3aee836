package store

import (
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Flushes and compactions take one core for a tenth of a second to several seconds, at once. On a machine whose cores
// are busy all commits wait for them meanwhile, which is what the slowest of a hundred feels. They have time: a
// memtable fills for seconds. So whoever writes a table rests in between, until others have to wait for the table.
const (
	// turn is how long a table is written before a rest.
	turn = 500 * time.Microsecond
	// restsOfFlush is how many times as long as its turn a flush rests.
	restsOfFlush = 3
	// restsOfCompaction is the same of a compaction; one less for each memtable that has been flushed since it began.
	restsOfCompaction = 4
	// longestRest bounds what a turn that was long by chance costs.
	longestRest = 10 * time.Millisecond
)

// Categories by which Pebble names what it writes.
const (
	byFlush      vfs.DiskWriteCategory = "pebble-memtable-flush"
	byCompaction vfs.DiskWriteCategory = "pebble-compaction"
)

// tempo is what the writers of tables know of those who may wait for them.
type tempo struct {
	// calm is false while a store opens and closes: then somebody waits for all that is written.
	calm atomic.Bool
	// memtables counts those that were begun.
	memtables atomic.Int64
	// flushes counts those that ended since the newest compaction began.
	flushes atomic.Int64
}

// listen counts what goes on.
func (t *tempo) listen(l *pebble.EventListener) {
	l.WALCreated = func(pebble.WALCreateInfo) { t.memtables.Add(1) }
	l.FlushEnd = func(pebble.FlushInfo) { t.flushes.Add(1) }
	l.CompactionBegin = func(pebble.CompactionInfo) { t.flushes.Store(0) }
}

// restOf tells how a table of a category rests; nil if it does not.
func (t *tempo) restOf(category vfs.DiskWriteCategory) func() int64 {
	begun := t.memtables.Load()
	switch category {
	case byFlush:
		return func() int64 {
			if !t.calm.Load() || t.memtables.Load() > begun {
				return 0
			}
			return restsOfFlush
		}
	case byCompaction:
		return func() int64 {
			if !t.calm.Load() {
				return 0
			}
			return max(0, restsOfCompaction-t.flushes.Load())
		}
	default:
		return nil
	}
}

// rests is a file system whose tables are written with rests.
type rests struct {
	vfs.FS
	tempo *tempo
}

// Unwrap is for vfs.Root.
func (r *rests) Unwrap() vfs.FS { return r.FS }

// Create implements vfs.FS.
func (r *rests) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := r.FS.Create(name, category)
	if err != nil {
		return nil, err
	}
	rest := r.tempo.restOf(category)
	if rest == nil {
		return f, nil
	}
	return &restedTable{File: f, rest: rest, now: time.Now, sleep: time.Sleep, since: time.Now()}, nil
}

// restedTable is written by one goroutine.
type restedTable struct {
	vfs.File
	rest  func() int64 // how many times as long as the turn the rest behind it is
	now   func() time.Time
	sleep func(time.Duration)
	since time.Time // the turn began
}

// Write implements vfs.File.
func (t *restedTable) Write(b []byte) (int, error) {
	n, err := t.File.Write(b)
	if took := t.now().Sub(t.since); took >= turn {
		if rest := t.rest(); rest > 0 {
			t.sleep(min(took*time.Duration(rest), longestRest))
		}
		t.since = t.now()
	}
	return n, err
}
