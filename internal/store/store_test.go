package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/test/still"
)

func TestMain(m *testing.M) { still.Main(m) }

var (
	c0 = machine.Stream{Kind: machine.Core, Partition: 0}
	c1 = machine.Stream{Kind: machine.Core, Partition: 1}
)

func options(fs vfs.FS) Options {
	o := DefaultOptions()
	o.Dir, o.FS, o.Partitions, o.MemoryBytes = "data/store", fs, 4, 4<<20
	return o
}

func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closed(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, s *Store, to machine.Stream, k keys.Key, n uint64) {
	t.Helper()
	b := s.NewBatch(0)
	if err := errors.Join(b.Put(to, k, &pb.Counter{Value: n}), b.Commit()); err != nil {
		t.Fatal(err)
	}
}

func number(t testing.TB, s *Store, from machine.Stream, k keys.Key) uint64 {
	t.Helper()
	b, ok, err := s.Get(from, k)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return 0
	}
	c := &pb.Counter{}
	if err := c.UnmarshalVT(b); err != nil {
		t.Fatal(err)
	}
	return c.Value
}

// holds: OneStoreManyPartitions
func TestPartitionsAreApart(t *testing.T) {
	s := open(t, options(vfs.NewMem()))
	defer closed(t, s)
	streams := []machine.Stream{c0, c1, {Kind: machine.Core, Partition: 0xffff}, {Kind: machine.Metadata}}
	for i, st := range streams {
		put(t, s, st, "a", uint64(i+1))
		put(t, s, st, "\xff\xff\xff\xff", 9)
	}
	for i, st := range streams {
		if got := number(t, s, st, "a"); got != uint64(i+1) {
			t.Errorf("%s: a = %d", st, got)
		}
		r, err := s.Rows(st, "", "")
		if err != nil {
			t.Fatal(err)
		}
		var got []keys.Key
		if err := errors.Join(r.Each(func(k keys.Key, _ []byte) bool { got = append(got, k); return true }), r.Close()); err != nil {
			t.Fatal(err)
		}
		if want := []keys.Key{"a", "\xff\xff\xff\xff"}; !slices.Equal(got, want) {
			t.Errorf("%s holds %q", st, got)
		}
	}
}

func TestSnapshotStandsStill(t *testing.T) {
	s := open(t, options(vfs.NewMem()))
	defer closed(t, s)
	put(t, s, c0, "a", 1)
	snap := s.Snapshot()
	put(t, s, c0, "a", 2)
	put(t, s, c0, "b", 3)
	var seen []string
	err := snap.Scan(c0, "", "", func(k keys.Key, v []byte) bool {
		seen = append(seen, fmt.Sprintf("%s=%x", k, v))
		return true
	})
	if err != nil || !slices.Equal(seen, []string{"a=0801"}) {
		t.Errorf("snapshot shows %q, %v", seen, err)
	}
	if _, ok, err := snap.Get(c0, "b"); ok || err != nil {
		t.Errorf("snapshot has b: %t, %v", ok, err)
	}
	if err := snap.Close(); err != nil {
		t.Error(err)
	}
}

func TestScanStopsAtItsEnd(t *testing.T) {
	s := open(t, options(vfs.NewMem()))
	defer closed(t, s)
	for i := range 10 {
		put(t, s, c0, keys.Key(fmt.Sprint(i)), 1)
	}
	snap := s.Snapshot()
	defer snap.Close()
	var seen []keys.Key
	err := snap.Scan(c0, "3", "7", func(k keys.Key, _ []byte) bool {
		seen = append(seen, k)
		return len(seen) < 3
	})
	if err != nil || !slices.Equal(seen, []keys.Key{"3", "4", "5"}) {
		t.Errorf("scan gave %q, %v", seen, err)
	}
}

func TestForeignStoresAreRefused(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"configured with 12":                func(o *Options) { o.Partitions = 12 },
		"embedded mode and the server runs": func(o *Options) { o.Mode = Kafka },
	} {
		fs := vfs.NewMem()
		closed(t, open(t, options(fs)))
		o := options(fs)
		change(&o)
		if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOtherFormatsAreRefused(t *testing.T) {
	for version, advice := range map[int]string{
		formatVersion + 1: "start a newer version",
		formatVersion - 1: "start with an empty folder",
	} {
		fs := vfs.NewMem()
		s := open(t, options(fs))
		if err := s.writeFormat(format{Version: version, Mode: Embedded, Partitions: 4}); err != nil {
			t.Fatal(err)
		}
		closed(t, s)
		if _, err := Open(t.Context(), options(fs)); err == nil || !strings.Contains(err.Error(), advice) {
			t.Errorf("format %d: %v", version, err)
		}
	}
}

// TestFormatIsGolden holds the row as later versions will read it.
func TestFormatIsGolden(t *testing.T) {
	s := open(t, options(vfs.NewMem()))
	defer closed(t, s)
	b, closer, err := s.db.Get([]byte("\x00format"))
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	if want := `{"version":4,"mode":"embedded","partitions":4}`; string(b) != want {
		t.Errorf("format row is %s, was %s", b, want)
	}
}

func TestOneOwner(t *testing.T) {
	o := options(nil)
	o.Dir = filepath.Join(t.TempDir(), "store")
	s := open(t, o)
	defer closed(t, s)
	if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "is another server using it") {
		t.Error(err)
	}
}

func TestCommittedSurvivesACrash(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := open(t, options(fs))
	put(t, s, c0, "a", 1)
	crashed := open(t, options(fs.CrashClone(vfs.CrashCloneCfg{})))
	if got := number(t, crashed, c0, "a"); got != 1 {
		t.Errorf("a = %d after the crash", got)
	}
	closed(t, crashed)
	closed(t, s)
}

// TestTornTail cuts the last log file at lengths that a crash could leave, with and without the zeros that are written
// ahead: the store opens, and holds all batches up to some point and nothing of the one that is torn.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	o := options(nil)
	o.Dir = filepath.Join(dir, "store")
	s := open(t, o)
	for i := range 40 {
		b := s.NewBatch(0)
		for _, k := range []keys.Key{"x", "y"} {
			if err := b.Put(c0, k, &pb.Counter{Value: uint64(i + 1)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	name, log := newestLog(t, o.Dir)
	copied := filepath.Join(dir, "copy")
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 40 {
		cut := rng.IntN(len(log) + 1)
		left := slices.Concat(log[:cut], make([]byte, i%2*aheadBytes))
		if err := os.RemoveAll(copied); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(copied, os.DirFS(o.Dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(copied, name), left, 0o644); err != nil {
			t.Fatal(err)
		}
		torn := o
		torn.Dir = copied
		r := open(t, torn)
		if x, y := number(t, r, c0, "x"), number(t, r, c0, "y"); x != y {
			t.Errorf("cut at %d of %d, %d bytes left: x = %d, y = %d", cut, len(log), len(left), x, y)
		}
		closed(t, r)
	}
	closed(t, s)
}

// TestLogsAreZeroedAhead: what is appended lies within the file but for now and then.
func TestLogsAreZeroedAhead(t *testing.T) {
	fs := &zeroed{vfs.NewMem()}
	f, err := fs.Create("000001.log", "test")
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[int64]bool{}
	for range 100 {
		if _, err := f.Write(bytes.Repeat([]byte("x"), 3000)); err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		sizes[info.Size()] = true
	}
	if len(sizes) != 3 {
		t.Errorf("300,000 bytes changed the size %d times", len(sizes))
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := fs.ReuseForWrite("000001.log", "000002.log", "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Write([]byte("y")); err != nil {
		t.Fatal(err)
	}
	info, err := again.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if !sizes[info.Size()] {
		t.Errorf("a log that is used again was zeroed to %d bytes", info.Size())
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

// newestLog reads the newest write-ahead log up to its last byte that is not zero.
func newestLog(t *testing.T, dir string) (name string, content []byte) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatal("no log file", err)
	}
	slices.Sort(logs)
	b, err := os.ReadFile(logs[len(logs)-1])
	if err != nil {
		t.Fatal(err)
	}
	end := len(b)
	for end > 0 && b[end-1] == 0 {
		end--
	}
	return filepath.Base(logs[len(logs)-1]), b[:end]
}

// failing fails the write-ahead log with the error from the moment it is switched on.
type failing struct {
	on  bool
	err error
}

func (f *failing) fs() vfs.FS {
	return errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if f.on && strings.HasSuffix(op.Path, ".log") && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return f.err
		}
		return nil
	}))
}

func TestDiskFullFailsTheStore(t *testing.T) {
	disk := &failing{err: &os.PathError{Op: "write", Path: "log", Err: syscall.ENOSPC}}
	s := open(t, options(disk.fs()))
	put(t, s, c0, "a", 1)
	disk.on = true
	for i := range 2 {
		b := s.NewBatch(0)
		if err := b.Put(c0, "a", &pb.Counter{Value: 2}); err != nil {
			t.Fatal(err)
		}
		if err := b.Commit(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("commit %d: %v", i, err)
		}
	}
	<-s.Failed()
	if !errors.Is(s.Close(), syscall.ENOSPC) || !errors.Is(s.Err(), syscall.ENOSPC) {
		t.Errorf("Close: %v, Err: %v", s.Close(), s.Err())
	}
}

// TestFullDiskIsSaidAtTheStart opens a store whose log has to be flushed on a disk that has no room for it.
func TestFullDiskIsSaidAtTheStart(t *testing.T) {
	mem := vfs.NewCrashableMem()
	o := options(mem)
	s := open(t, o)
	put(t, s, c0, "a", 1)
	o.FS = mem.CrashClone(vfs.CrashCloneCfg{})
	closed(t, s)
	var full atomic.Bool
	full.Store(true)
	o.FS = errorfs.Wrap(o.FS, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && strings.HasSuffix(op.Path, ".sst") && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return syscall.ENOSPC
		}
		return nil
	}))
	if _, err := Open(t.Context(), o); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Open: %v", err)
	}
	full.Store(false)
}

// TestOpeningCanBeGivenUp ends the wait for a disk that does not answer.
func TestOpeningCanBeGivenUp(t *testing.T) {
	held, reached := make(chan struct{}), make(chan struct{}, 1)
	o := options(errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if strings.Contains(op.Path, "MANIFEST") && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			select {
			case reached <- struct{}{}:
			default:
			}
			<-held
		}
		return nil
	})))
	ctx, giveUp := context.WithCancel(t.Context())
	go func() {
		<-reached
		giveUp()
	}()
	if _, err := Open(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v", err)
	}
	close(held)
}

// stalls is a logger that tells when writes wait.
type stalls struct {
	slog.Handler
	begun chan struct{}
}

func (s *stalls) Handle(_ context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "writes wait") {
		s.begun <- struct{}{}
	}
	return nil
}

func (s *stalls) Enabled(context.Context, slog.Level) bool { return true }
func (s *stalls) WithGroup(string) slog.Handler            { return s }

// TestBrokenFlushFailsTheStore holds the flush until a commit waits for it, and then lets it fail for ever: the
// store says so, and can be left though the commit hangs.
func TestBrokenFlushFailsTheStore(t *testing.T) {
	held, broken := make(chan struct{}), atomic.Bool{}
	broken.Store(true)
	o := options(errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if strings.HasSuffix(op.Path, ".sst") && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && broken.Load() {
			<-held
			return syscall.ENOSPC
		}
		return nil
	})))
	stall := &stalls{Handler: slog.DiscardHandler, begun: make(chan struct{}, 100)}
	o.Logger = slog.New(stall)
	s := open(t, o)
	committed := make(chan struct{})
	go func() {
		defer close(committed)
		for n := 0; ; n++ {
			b := s.NewBatch(0)
			v := &pb.Header{RequestId: make([]byte, 50_000)}
			if b.Put(c0, keys.Key(fmt.Sprint(n)), v) != nil || b.Commit() != nil {
				return
			}
		}
	}()
	<-stall.begun
	close(held)
	<-s.Failed()
	if err := s.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	broken.Store(false) // so that the commit can end before the test does
	<-committed
	if err := s.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
}

func TestDiskUsage(t *testing.T) {
	o := options(nil)
	o.Dir = filepath.Join(t.TempDir(), "store")
	s := open(t, o)
	defer closed(t, s)
	u, err := s.DiskUsage()
	if err != nil || u.StoreBytes == 0 || u.DiskBytes == 0 || u.FreeBytes == 0 {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestOptionsSayWhatIsWrong(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"no Dir":      func(o *Options) { o.Dir = "" },
		"Partitions":  func(o *Options) { o.Partitions = 0 },
		"MemoryBytes": func(o *Options) { o.MemoryBytes = 1 },
		"Mode":        func(o *Options) { o.Mode = "" },
		"Compactions": func(o *Options) { o.Compactions = 0 },
		"Logger":      func(o *Options) { o.Logger = nil },
	} {
		o := options(vfs.NewMem())
		change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestScansAgreeInBothDirections puts, deletes and flushes at random, in two partitions, and reads ranges with one cursor.
func TestScansAgreeInBothDirections(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		s := open(t, options(vfs.NewMem()))
		model := map[keys.Key]bool{}
		key := func() keys.Key { return keys.Key(fmt.Sprint(rng.IntN(100))) }
		for n := range 300 {
			k := key()
			if put(t, s, c0, k, uint64(n)); rng.IntN(2) == 0 {
				b := s.NewBatch(0)
				if err := errors.Join(b.Delete(c0, k), b.Commit()); err != nil {
					t.Fatal(err)
				}
			}
			if model[k] = number(t, s, c0, k) > 0; n%50 == 0 {
				put(t, s, c1, k, 1)
				if err := s.db.Flush(); err != nil {
					t.Fatal(err)
				}
			}
		}
		snap := s.Snapshot()
		rows, err := snap.Cursor(c0)
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			from, to, limit := key(), key(), 1+rng.IntN(20)
			if rng.IntN(5) == 0 {
				to = ""
			}
			if to != "" && to < from {
				from, to = to, from
			}
			var want, got, forwards []keys.Key
			for _, k := range slices.Backward(slices.Sorted(maps.Keys(model))) {
				if model[k] && from <= k && (to == "" || k < to) && len(want) < limit {
					want = append(want, k)
				}
			}
			err := rows.Back(c0, from, to, func(k keys.Key, value []byte) bool {
				c := &pb.Counter{}
				if err := c.UnmarshalVT(value); err != nil || c.Value != number(t, s, c0, k) {
					t.Errorf("%q is %d, %v", k, c.Value, err)
				}
				got = append(got, k)
				return len(got) < limit
			})
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("[%q, %q) at most %d: %q, want %q: %v", from, to, limit, got, want, err)
			}
			rows.Move(c0, from, to)
			if err := rows.Each(func(k keys.Key, _ []byte) bool { forwards = append(forwards, k); return true }); err != nil {
				t.Fatal(err)
			}
			if slices.Reverse(forwards); !slices.Equal(forwards[:min(limit, len(forwards))], want) {
				t.Fatalf("[%q, %q): forwards %q, backwards %q", from, to, forwards, want)
			}
		}
		if err := errors.Join(rows.Close(), snap.Close()); err != nil {
			t.Error(err)
		}
		closed(t, s)
	}
}
