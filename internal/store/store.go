package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// slowDisk is how long one operation of the disk may take before it is logged.
const slowDisk = 5 * time.Second

// Store is the one open store of a server. All methods may be called by many goroutines.
type Store struct {
	dir   string
	fs    vfs.FS
	log   *slog.Logger
	db    *pebble.DB
	table sstable.WriterOptions // of tables that are made to be taken in
	cache *pebble.Cache

	healthChecks io.Closer // nil for a file system that was handed in
	watch        *watch    // of the disk's free space; nil if there is none
	logs         *ready
	tempo        tempo

	failOnce sync.Once
	failed   chan struct{}
	failure  error
	wedged   atomic.Bool // Pebble may hold a lock for ever
	stalls   atomic.Uint64

	mu      sync.Mutex
	commits int           // that run
	idle    chan struct{} // closed when none does, if somebody waits for that
}

// Open opens the store, or makes it. It refuses a store that another process has open, one of another mode or
// another number of partitions, and one of a newer format, and it opens none on a disk without the room for it. When
// ctx ends, or the disk fails, while the log is replayed, Open returns; what it has begun is then left to the end of
// the process.
func Open(ctx context.Context, o Options) (_ *Store, err error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &Store{dir: o.Dir, fs: o.FS, log: o.Logger.WithGroup("store"), failed: make(chan struct{})}
	if s.fs == nil {
		s.fs, s.healthChecks = vfs.WithDiskHealthChecks(vfs.Default, slowDisk, nil, s.diskSlow)
	}
	defer func() {
		if p := recover(); p != nil {
			s.unwound(p)
			err = s.Err()
		}
		if err != nil {
			s.watch.end()
			err = errors.Join(err, s.closeHealthChecks())
		}
	}()
	s.logs = newReady(s.fs, &o, func() bool { room, _ := s.Room(); return room == Ample }, s.fail)
	if err := s.makeDir(); err != nil {
		return nil, fmt.Errorf("store: make %s: %w", o.Dir, err)
	}
	s.fs = &zeroed{s.logs}
	if s.watch, err = s.newWatch(&o); err != nil {
		return nil, err
	}
	if s.watch != nil {
		s.fs = &patient{FS: s.fs, watch: s.watch}
	}
	s.fs = &rests{FS: s.fs, tempo: &s.tempo}
	if s.watch != nil {
		s.watch.start() // it reads what is above
	}
	s.cache = pebble.NewCache(max(o.MemoryBytes-memtables*o.memtableBytes(), minMemtableBytes))
	defer s.cache.Unref()
	if err := s.openPebble(ctx, &o); err != nil {
		return nil, err
	}
	if err := s.checkFormat(&o); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	s.logs.start()
	s.tempo.calm.Store(o.FS == nil) // what a simulator's disk does must not hang on the machine's clock
	return s, nil
}

// openPebble opens the database. With the disk full Pebble would try for ever to make room for what the log
// holds; a database that comes too late is closed again.
func (s *Store) openPebble(ctx context.Context, o *Options) error {
	type result struct {
		db  *pebble.DB
		err error
	}
	opened, abandoned := make(chan result), make(chan struct{})
	go func() {
		defer func() {
			if p := recover(); p != nil {
				s.unwound(p)
			}
		}()
		db, err := pebble.Open(o.Dir, o.pebble(s))
		select {
		case opened <- result{db, err}:
		case <-abandoned:
			if err == nil {
				_ = db.Close()
			}
		}
	}()
	var why error
	select {
	case r := <-opened:
		if r.err != nil {
			return fmt.Errorf("store: open %s (is another server using it?): %w", o.Dir, r.err)
		}
		s.db = r.db
		s.table = o.tables(s)
		return nil
	case <-s.failed:
		why = s.failure
	case <-ctx.Done():
		why = ctx.Err()
	}
	close(abandoned)
	return fmt.Errorf("store: open %s: %w", o.Dir, why)
}

// makeDir makes the folder and syncs what names it: a folder whose name is not durable takes all it holds along.
func (s *Store) makeDir() error {
	parents := []string{s.fs.PathDir(s.dir)}
	for {
		dir := parents[len(parents)-1]
		up := s.fs.PathDir(dir)
		if _, err := s.fs.Stat(dir); err == nil || up == dir {
			break
		}
		parents = append(parents, up)
	}
	if err := s.fs.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	for _, dir := range parents {
		d, err := s.fs.OpenDir(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(d.Sync(), d.Close()); err != nil {
			return err
		}
	}
	return nil
}

// Failed is closed when the disk has failed under the store: a write or a sync went wrong, in the foreground or
// behind. Nobody can tell then what is durable; the process must end.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Err is why the store failed; nil as long as it has not.
func (s *Store) Err() error {
	select {
	case <-s.failed:
		return s.failure
	default:
		return nil
	}
}

func (s *Store) fail(err error) {
	s.failOnce.Do(func() {
		s.failure = fmt.Errorf("store: %w", err)
		close(s.failed)
	})
}

// closeGrace is how long Close waits for the commits of a store that has failed.
const closeGrace = time.Second

// Close ends the store. Snapshots and cursors must be closed before. If the store has failed, that failure is
// returned; if then a commit hangs on the broken disk, or Pebble may hold a lock for ever, nothing else is done.
// Nothing waits for space any more: what is still to be written on a full disk makes the store fail.
func (s *Store) Close() error {
	s.tempo.calm.Store(false)
	s.watch.end()
	if s.Err() != nil && (s.wedged.Load() || !s.settled()) {
		s.logs.stop()
		return s.Err()
	}
	err := s.db.Close()
	if err != nil {
		err = fmt.Errorf("store: close: %w", err)
	}
	return errors.Join(s.Err(), err, s.closeHealthChecks())
}

// begin counts a commit that begins; none does after a failure.
func (s *Store) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.Err(); err != nil {
		return err
	}
	s.commits++
	return nil
}

func (s *Store) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.commits--; s.commits == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

// settled tells whether all commits have ended within the grace.
func (s *Store) settled() bool {
	s.mu.Lock()
	if s.commits == 0 {
		s.mu.Unlock()
		return true
	}
	idle := make(chan struct{})
	s.idle = idle
	s.mu.Unlock()
	select {
	case <-idle:
		return true
	case <-time.After(closeGrace):
		return false
	}
}

func (s *Store) closeHealthChecks() error {
	if s.healthChecks == nil {
		return nil
	}
	return s.healthChecks.Close()
}

// Get reads a value as last written, synced or not; ok tells whether there is one. The bytes are the caller's.
func (s *Store) Get(from machine.Stream, k keys.Key) (value []byte, ok bool, err error) {
	err = s.View(from, k, func(b []byte) error {
		value, ok = append([]byte{}, b...), true
		return nil
	})
	return value, ok, err
}

// View calls see with the value as last written, synced or not, unless the key is absent. The bytes are only
// valid during the call.
func (s *Store) View(from machine.Stream, k keys.Key, see func(value []byte) error) error {
	return view(s.db, from, k, see)
}

// Rows is a cursor over [from, to) as last written, synced or not.
func (s *Store) Rows(of machine.Stream, from, to keys.Key) (*Rows, error) {
	return newRows(s.db, of, from, to)
}

func view(r pebble.Reader, from machine.Stream, k keys.Key, see func(value []byte) error) error {
	var buf [keyBuffer]byte
	b, closer, err := r.Get(appendKey(buf[:0], from, k))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: get %s: %w", from, err)
	}
	return errors.Join(see(b), closer.Close())
}
