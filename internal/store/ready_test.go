package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// putLarge commits the number beside bytes that cannot be compressed.
func putLarge(s *Store, rng *rand.Rand, n uint64, size int) error {
	b := s.NewBatch(0)
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], rng.Uint64())
	filler := make([]byte, size)
	_, _ = rand.NewChaCha8(seed).Read(filler) // never fails
	return errors.Join(b.Put(c0, "n", &pb.Counter{Value: n}), b.PutEncoded(c1, "filler", filler), b.Commit())
}

// TestNamesOfLogsSurviveACrash cuts the power at any operation while logs are changed again and again, and keeps of what
// was not synced by chance: names of files, too. Every commit that had returned is there.
//
// holds: NothingAcknowledgedBeforeSync
func TestNamesOfLogsSurviveACrash(t *testing.T) {
	renamed := 0
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 3))
		mem := vfs.NewCrashableMem()
		cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 0, 50, 100}[rng.IntN(4)], RNG: rand.New(rand.NewPCG(seed, 4))}
		var mu sync.Mutex
		var acked, kept uint64
		var left *vfs.MemFS
		ops := 1 + rng.IntN(500)
		s := open(t, options(errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			mu.Lock()
			defer mu.Unlock()
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
				if ops--; ops == 0 {
					kept, left = acked, mem.CrashClone(cfg)
				}
			}
			return nil
		}))))
		for n := uint64(1); n <= 100; n++ {
			if err := putLarge(s, rng, n, 30_000); err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			acked = n
			done := left != nil
			mu.Unlock()
			if done {
				break
			}
		}
		closed(t, s)
		if left == nil {
			continue // there were fewer operations
		}
		if names, err := left.List("data/store"); err == nil && owes(t, left, names) {
			renamed++
		}
		s = open(t, options(left))
		if got := number(t, s, c0, "n"); got < kept {
			t.Fatalf("seed %d: %d after the crash, and %d was acknowledged", seed, got, kept)
		}
		closed(t, s)
	}
	if renamed == 0 {
		t.Error("no log had its old name after a crash")
	}
}

// owes tells whether a log has not got the name that is noted for it.
func owes(t *testing.T, fs vfs.FS, names []string) bool {
	if !slices.Contains(names, noteFile) {
		return false
	}
	from, to, err := newReady(fs, new(options(fs)), nil, nil).noted()
	if err != nil {
		t.Fatal(err)
	}
	return to != "" && slices.Contains(names, from) && !slices.Contains(names, to)
}

// TestChangeOfLogsWaitsForNoFolder: while commits go on, the folder is never synced for a log, and no log that is taken
// into use has to grow.
func TestChangeOfLogsWaitsForNoFolder(t *testing.T) {
	mem := &watchedFolder{FS: vfs.NewMem()}
	o := options(mem)
	s := open(t, o)
	rng := rand.New(rand.NewPCG(1, 1))
	for n := range uint64(200) {
		if err := putLarge(s, rng, n, 30_000); err != nil {
			t.Fatal(err)
		}
	}
	if mem.synced > 0 || mem.logs < 5 {
		t.Errorf("%d logs were taken into use, and for %d the folder was synced", mem.logs, mem.synced)
	}
	if memtable := o.memtableBytes(); mem.least < memtable {
		t.Errorf("a log of %d bytes was taken into use, for %d of a memtable", mem.least, memtable)
	}
	closed(t, s)
	names, err := mem.List("data/store")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if strings.HasPrefix(n, nextLog) && n != noteFile {
			t.Errorf("%s is left behind", n)
		}
	}
}

// watchedFolder counts logs that are taken into use, and syncs of the folder meanwhile.
type watchedFolder struct {
	vfs.FS
	logs, synced int
	least        int64
}

func (w *watchedFolder) Rename(old, name string) error {
	info, err := w.Stat(old)
	if err != nil {
		return err
	}
	if isLog(name) {
		if w.logs++; w.least == 0 || info.Size() < w.least {
			w.least = info.Size()
		}
	}
	return w.FS.Rename(old, name)
}

func (w *watchedFolder) OpenDir(name string) (vfs.File, error) {
	f, err := w.FS.OpenDir(name)
	return &watchedDir{f, w}, err
}

type watchedDir struct {
	vfs.File
	of *watchedFolder
}

func (d *watchedDir) Sync() error {
	if forLog() && !bytes.Contains(debug.Stack(), []byte("ready).tidy")) {
		d.of.synced++
	}
	return d.File.Sync()
}

// TestLogIsMadeBehind has the machine's file system, where a goroutine makes logs while others commit.
func TestLogIsMadeBehind(t *testing.T) {
	o := options(nil)
	o.Dir = filepath.Join(t.TempDir(), "store")
	for range 3 {
		s := open(t, o)
		rng := rand.New(rand.NewPCG(1, 1))
		for n := range uint64(100) {
			if err := putLarge(s, rng, n, 30_000); err != nil {
				t.Fatal(err)
			}
		}
		closed(t, s)
		s = open(t, o)
		if got := number(t, s, c0, "n"); got != 99 {
			t.Errorf("n = %d", got)
		}
		closed(t, s)
	}
}

// TestNoteIsKept: what was noted is done once, and only if it was noted whole.
func TestNoteIsKept(t *testing.T) {
	note := encodeNote("next-log-1", "000007.log")
	torn := slices.Clone(note)
	torn[10]++
	for name, c := range map[string]struct {
		files string
		note  []byte
		want  string
	}{
		"noted and not done":             {"next-log-1", note, "000007.log"},
		"done":                           {"000007.log", note, "000007.log"},
		"done, and the old name is back": {"000007.log next-log-1", note, "000007.log"},
		"long ago":                       {"000009.log", note, "000009.log"},
		"torn":                           {"000005.log next-log-1", torn, "000005.log"},
		"cut":                            {"000005.log next-log-1", note[:100], "000005.log"},
		"empty":                          {"000005.log", make([]byte, noteBytes), "000005.log"},
		"none":                           {"000005.log next-log-3", nil, "000005.log"},
	} {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			if err := fs.MkdirAll("data/store", 0o755); err != nil {
				t.Fatal(err)
			}
			files := strings.Fields(c.files)
			if c.note != nil {
				write(t, fs, "data/store/"+noteFile, c.note)
			}
			for _, n := range files {
				write(t, fs, "data/store/"+n, []byte(n))
			}
			r := newReady(fs, new(options(fs)), nil, nil)
			for range 2 {
				if err := r.settle(); err != nil {
					t.Fatal(err)
				}
			}
			names, err := fs.List("data/store")
			if err != nil {
				t.Fatal(err)
			}
			names = slices.DeleteFunc(names, func(n string) bool { return n == noteFile })
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("%s became %s, want %s", c.files, got, c.want)
			}
		})
	}
}

// TestNameThatOnlyAProcessHasSeen: a process that was killed has left its log a name that is not durable. The note must not be
// used again before it is, or a power cut would take the log.
func TestNameThatOnlyAProcessHasSeen(t *testing.T) {
	fs := vfs.NewCrashableMem()
	if err := fs.MkdirAll("data/store", 0o755); err != nil {
		t.Fatal(err)
	}
	r := newReady(fs, new(options(fs)), nil, nil)
	write(t, fs, "data/store/next-log-1", []byte("records"))
	write(t, fs, "data/store/"+noteFile, encodeNote("next-log-1", "000007.log"))
	for _, name := range []string{"next-log-1", noteFile} {
		f, err := fs.OpenReadWrite("data/store/"+name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"", "data", "data/store"} {
		d, err := fs.OpenDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.Sync(), d.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := fs.Rename("data/store/next-log-1", "data/store/000007.log"); err != nil {
		t.Fatal(err)
	}
	if err := r.settle(); err != nil {
		t.Fatal(err)
	}
	after := fs.CrashClone(vfs.CrashCloneCfg{})
	names, err := after.List("data/store")
	if err != nil || !slices.Contains(names, "000007.log") {
		t.Errorf("a power cut leaves %v: %v", names, err)
	}
}

func write(t *testing.T, fs vfs.FS, name string, content []byte) {
	t.Helper()
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(bytes.Clone(content)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLogsOfCopiesAreTheirOwn: a checkpoint beside the store takes no log from it.
func TestLogsOfCopiesAreTheirOwn(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, options(fs))
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range uint64(10) {
		for n := range uint64(10) {
			if err := putLarge(s, rng, 10*i+n, 30_000); err != nil {
				t.Fatal(err)
			}
		}
		dir := fmt.Sprintf("data/copy%d", i)
		if err := s.Checkpoint(dir); err != nil {
			t.Fatal(err)
		}
		o := options(fs)
		o.Dir = dir
		c := open(t, o)
		if got, want := number(t, c, machine.Stream{Kind: machine.Core}, "n"), 10*i+9; got != want {
			t.Errorf("the copy has %d, want %d", got, want)
		}
		closed(t, c)
	}
	closed(t, s)
}
