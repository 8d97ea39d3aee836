package embedded

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"littlehorse/internal/log"
	"littlehorse/internal/log/logtest"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/store"
	"littlehorse/test/still"
)

func TestMain(m *testing.M) { still.Main(m) }

func TestContract(t *testing.T) { logtest.Run(t, newMedium) }

func TestRandom(t *testing.T) {
	for seed := range uint64(40) {
		logtest.RunRandom(t, newMedium, seed)
	}
}

// medium keeps a log on a file system that can crash.
type medium struct {
	fs    *vfs.MemFS
	store *store.Store
	log   *Log
}

func newMedium(t testing.TB) logtest.Medium {
	m := &medium{fs: vfs.NewCrashableMem()}
	t.Cleanup(func() { m.stop(t) })
	return m
}

func (m *medium) Start(t testing.TB) log.Log {
	m.store = openStore(t, m.fs)
	m.log = openLog(t, m.store)
	return m.log
}

func (m *medium) Store() *store.Store { return m.store }

func (m *medium) Crash(t testing.TB) {
	crashed := m.fs.CrashClone(vfs.CrashCloneCfg{})
	m.stop(t)
	m.fs = crashed
}

func (m *medium) stop(t testing.TB) {
	if err := errors.Join(m.log.Close(), m.store.Close()); err != nil {
		t.Error(err)
	}
}

func openStore(t testing.TB, fs vfs.FS) *store.Store {
	t.Helper()
	o := store.DefaultOptions()
	o.Dir, o.FS, o.Partitions, o.MemoryBytes = "store", fs, 3, 4<<20
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openLog(t testing.TB, s *store.Store) *Log {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Store, cfg.Streams = s, logtest.Streams()
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func command(source string, number uint64) *pb.Record {
	return &pb.Record{Header: &pb.Header{Source: source, Number: number}}
}

func TestFullStreamRefusesAppendsAndTakesEmitted(t *testing.T) {
	s := openStore(t, vfs.NewMem())
	defer s.Close()
	cfg := DefaultConfig()
	cfg.Store, cfg.Streams, cfg.MaxRecords = s, logtest.Streams(), 2
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for n, want := range []error{nil, nil, log.ErrFull} {
		if err := l.Append(logtest.A, command("process", uint64(n+1))); !errors.Is(err, want) {
			t.Errorf("append %d: %v", n, err)
		}
	}
	if err := l.Append(logtest.A, command(log.OutboxSource(logtest.B), 1)); err != nil {
		t.Error(err)
	}
}

func TestEntriesCarryTheClock(t *testing.T) {
	s := openStore(t, vfs.NewMem())
	defer s.Close()
	cfg := DefaultConfig()
	cfg.Store, cfg.Streams, cfg.Now = s, logtest.Streams(), func() time.Time { return time.Unix(0, 42) }
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	session, err := l.Open(t.Context(), []machine.Stream{logtest.A})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(logtest.A, command("process", 1)); err != nil {
		t.Fatal(err)
	}
	if entries, err := session.Next(1); err != nil || entries[0].AtNs != 42 {
		t.Errorf("%v, %v", entries, err)
	}
}

// TestFailedSyncIsAnError fails the sync of a commit: the commit says so, and no later one succeeds.
func TestFailedSyncIsAnError(t *testing.T) {
	broken := false
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken && strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
			return &os.PathError{Op: "fsync", Path: op.Path, Err: syscall.EIO}
		}
		return nil
	}))
	s := openStore(t, fs)
	l := openLog(t, s)
	session, err := l.Open(t.Context(), []machine.Stream{logtest.A})
	if err != nil {
		t.Fatal(err)
	}
	broken = true
	for n := uint64(1); n <= 2; n++ {
		if err := l.Append(logtest.A, command("process", n)); err != nil {
			t.Fatal(err)
		}
		if _, err := session.Next(1); err != nil {
			t.Fatal(err)
		}
		err := session.Commit(log.Commit{Batch: s.NewBatch(0), Positions: []log.Position{{Stream: logtest.A, Offset: n}}})
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("commit %d: %v", n, err)
		}
		if got := session.Position(logtest.A); got != 0 {
			t.Errorf("position %d after a failed sync", got)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); !errors.Is(err, syscall.EIO) {
		t.Error(err)
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	s := openStore(t, vfs.NewMem())
	defer s.Close()
	for want, change := range map[string]func(*Config){
		"Store":        func(c *Config) { c.Store = nil },
		"Streams":      func(c *Config) { c.Streams = nil },
		"Now":          func(c *Config) { c.Now = nil },
		"MaxRecords":   func(c *Config) { c.MaxRecords = 0 },
		"OutboxWindow": func(c *Config) { c.OutboxWindow = 0 },
	} {
		cfg := DefaultConfig()
		cfg.Store, cfg.Streams = s, logtest.Streams()
		change(&cfg)
		if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
