package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

func contents(t testing.TB, s *Store, of machine.Stream) map[string]string {
	t.Helper()
	out := map[string]string{}
	rows, err := s.Rows(of, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := rows.Each(func(k keys.Key, value []byte) bool { out[string(k)] = string(value); return true }); err != nil {
		t.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLoadedRowsAreThere loads rows again and again, deletes some, in several tables; a crash takes nothing of it, and what a
// batch writes then lies above.
func TestLoadedRowsAreThere(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := open(t, options(fs))
	put(t, s, c1, "other", 1)
	want, rng := map[string]string{}, rand.New(rand.NewPCG(1, 2))
	l := s.NewLoader(c0)
	for table := range 4 {
		for range 300 {
			k, v := fmt.Sprintf("k%03d", rng.IntN(200)), strings.Repeat("v", rng.IntN(30))
			want[k] = v
			if err := l.Put(t.Context(), []byte(k), []byte(v)); err != nil {
				t.Fatal(err)
			}
		}
		gone := fmt.Sprintf("k%03d", table)
		delete(want, gone)
		if err := l.Put(t.Context(), []byte(gone), nil); err != nil {
			t.Fatal(err)
		}
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	crashed := fs.CrashClone(vfs.CrashCloneCfg{})
	closed(t, s)
	s = open(t, options(crashed))
	if got := contents(t, s, c0); !maps.Equal(got, want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
	put(t, s, c0, "k100", 7)
	if got := contents(t, s, c0)["k100"]; got == want["k100"] {
		t.Error("what was loaded lies above what was written later")
	}
	if len(contents(t, s, c1)) != 1 {
		t.Error("another partition has changed")
	}
	closed(t, s)
}

// TestDroppedPartitionIsEmpty drops one, loads it again, and leaves its neighbour alone.
func TestDroppedPartitionIsEmpty(t *testing.T) {
	s := open(t, options(vfs.NewMem()))
	put(t, s, c0, "a", 1)
	put(t, s, c1, "b", 1)
	for range 2 {
		if err := s.Drop(c0); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, s, c0); len(got) > 0 {
			t.Errorf("it has %v", got)
		}
	}
	l := s.NewLoader(c0)
	if err := l.Put(t.Context(), []byte("n"), []byte("new")); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, s, c0); got["n"] != "new" || len(got) != 1 {
		t.Errorf("it has %v", got)
	}
	if len(contents(t, s, c1)) != 1 {
		t.Error("another partition has changed")
	}
	closed(t, s)
}

// TestBatchTellsWhatItChanges lists puts and deletes, and no ranges.
func TestBatchTellsWhatItChanges(t *testing.T) {
	s := open(t, options(vfs.NewMem()))
	put(t, s, c0, "x1", 1)
	put(t, s, c0, "x2", 1)
	b := s.NewBatch(0)
	for _, err := range []error{
		b.PutEncoded(c0, "a", []byte("1")), b.Delete(c1, "b"), b.DeleteRange(c0, "x", "x2"), b.PutEncoded(c0, "c", nil),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	if err := b.Each(func(of machine.Stream, k, v []byte) { got = append(got, fmt.Sprintf("%s %s=%s", of, k, v)) }); err != nil {
		t.Fatal(err)
	}
	if want := []string{c0.String() + " a=1", c1.String() + " b=", c0.String() + " c="}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, s, c0); len(got) != 3 || got["x1"] != "" {
		t.Errorf("the range was not deleted: %v", got)
	}
	closed(t, s)
}

// TestSyncKeepsWhatWasNotSynced crashes behind a sync.
func TestSyncKeepsWhatWasNotSynced(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := open(t, options(fs))
	b := s.NewBatch(0)
	if err := b.PutEncoded(c0, "a", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := b.CommitUnsynced(); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	crashed := fs.CrashClone(vfs.CrashCloneCfg{})
	closed(t, s)
	s = open(t, options(crashed))
	if got := contents(t, s, c0); got["a"] != "1" {
		t.Errorf("%v", got)
	}
	closed(t, s)
}
