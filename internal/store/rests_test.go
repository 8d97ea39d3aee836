package store

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// workbench writes a table by a clock of its own, and keeps the rests.
type workbench struct {
	tempo tempo
	clock time.Time
	table *restedTable
	slept []time.Duration
}

// newWorkbench has a table of the category, of which each write takes as long as told.
func newWorkbench(t *testing.T, category vfs.DiskWriteCategory, write time.Duration) *workbench {
	t.Helper()
	w := &workbench{}
	w.tempo.calm.Store(true)
	f, err := (&rests{FS: vfs.NewMem(), tempo: &w.tempo}).Create("000001.sst", category)
	if err != nil {
		t.Fatal(err)
	}
	table, ok := f.(*restedTable)
	if !ok {
		t.Fatalf("a table of %s is not written with rests", category)
	}
	w.table = table
	table.File = slowFile{f, func() { w.clock = w.clock.Add(write) }}
	table.since = w.clock
	table.now = func() time.Time { return w.clock }
	table.sleep = func(d time.Duration) {
		w.slept = append(w.slept, d)
		w.clock = w.clock.Add(d)
	}
	return w
}

// write writes n blocks, and tells the rests meanwhile.
func (w *workbench) write(t *testing.T, n int) []time.Duration {
	t.Helper()
	w.slept = nil
	for range n {
		if _, err := w.table.Write([]byte("block")); err != nil {
			t.Fatal(err)
		}
	}
	return w.slept
}

type slowFile struct {
	vfs.File
	tick func()
}

func (f slowFile) Write(b []byte) (int, error) {
	f.tick()
	return len(b), nil
}

func TestTablesAreWrittenInTurns(t *testing.T) {
	ms := time.Millisecond
	w := newWorkbench(t, byFlush, turn/2)
	if got, want := w.write(t, 4), []time.Duration{restsOfFlush * turn, restsOfFlush * turn}; !slices.Equal(got, want) {
		t.Errorf("a flush rests %v, want %v: behind each turn, for what it took and not for the rest before", got, want)
	}
	w = newWorkbench(t, byFlush, 100*ms)
	if got, want := w.write(t, 1), []time.Duration{longestRest}; !slices.Equal(got, want) {
		t.Errorf("a flush that was stopped for a while rests %v, want %v", got, want)
	}
}

func TestNoRestsForWhatOthersWaitFor(t *testing.T) {
	var l pebble.EventListener
	w := newWorkbench(t, byFlush, turn)
	w.tempo.listen(&l)
	l.WALCreated(pebble.WALCreateInfo{})
	if got := w.write(t, 3); len(got) != 0 {
		t.Errorf("a flush rests %v while the next memtable is full", got)
	}
	w = newWorkbench(t, byCompaction, turn)
	w.tempo.listen(&l)
	l.CompactionBegin(pebble.CompactionInfo{})
	var got []time.Duration
	for range restsOfCompaction + 2 {
		got = append(got, w.write(t, 1)...)
		l.FlushEnd(pebble.FlushInfo{})
	}
	if want := []time.Duration{4 * turn, 3 * turn, 2 * turn, turn}; !slices.Equal(got, want) {
		t.Errorf("a compaction behind which tables pile up rests %v, want %v", got, want)
	}
	for _, category := range []vfs.DiskWriteCategory{byFlush, byCompaction} {
		w = newWorkbench(t, category, turn)
		w.tempo.calm.Store(false)
		if got := w.write(t, 3); len(got) != 0 {
			t.Errorf("%s rests %v while the store opens or closes", category, got)
		}
	}
}

// Pebble names what it writes as this package believes.
func TestFlushesAndCompactionsRest(t *testing.T) {
	fs := &counted{FS: vfs.NewMem(), files: map[vfs.DiskWriteCategory]int{}}
	o := DefaultOptions()
	o.Dir, o.Partitions, o.Mode, o.FS = "store", 1, Embedded, fs
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "b"} {
		for _, k := range []string{"1" + key, "9" + key} {
			if err := s.db.Set([]byte(k), nil, pebble.NoSync); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.db.Compact(t.Context(), []byte("0"), []byte("z"), false); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, category := range []vfs.DiskWriteCategory{byFlush, byCompaction} {
		if fs.files[category] == 0 {
			t.Errorf("no table of %s was made: %v", category, fs.files)
		}
	}
}

// counted counts the tables of each category.
type counted struct {
	vfs.FS
	mu    sync.Mutex
	files map[vfs.DiskWriteCategory]int
}

func (c *counted) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	c.mu.Lock()
	c.files[category]++
	c.mu.Unlock()
	return c.FS.Create(name, category)
}
