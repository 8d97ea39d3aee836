package store

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Mode says which log the store belongs to. A store made in one mode is refused in another.
type Mode string

// The modes.
const (
	Embedded Mode = "embedded"
	Kafka    Mode = "kafka"
)

// Options of a Store. Start from DefaultOptions.
type Options struct {
	// Dir is the folder of the store; it is made if it is not there.
	Dir string
	// FS is the file system; the machine's by default. Given another, no background check of its health runs, and nothing rests.
	FS vfs.FS
	// Mode of the server that owns the store.
	Mode Mode
	// VirtualTime says that the times in the store are those of a virtual clock. It can never change.
	VirtualTime bool
	// Partitions is how many core partitions the cluster has. It can never change.
	Partitions int
	// MemoryBytes is the budget for block cache and memtables together: an eighth of it, at most 64 MiB and at
	// least 256 KiB, is one memtable, of which there may be four; the rest is block cache. Default 512 MiB.
	MemoryBytes int64
	// Compactions is how many compactions may run at the same time; default half of GOMAXPROCS, at least 1.
	Compactions int
	// ReserveBytes is the free space of the disk below which Store.Room is Scarce, and at half of which there is
	// None. -1 is a twentieth of the disk, at most 1 GiB; at least twice what the memtables take, unless that is more
	// than a fifth of the disk. With 0, the default, the disk is not watched, and the store
	// fails when it is full; else a write that finds no space waits for some.
	ReserveBytes int64
	// LookEvery is how often the free space is looked at, at least; default 1 s.
	LookEvery time.Duration
	// Logger; discarding by default.
	Logger *slog.Logger
}

// DefaultOptions has every default; Dir and Partitions are left to the caller.
func DefaultOptions() Options {
	return Options{
		Mode:        Embedded,
		MemoryBytes: 512 << 20,
		Compactions: max(1, runtime.GOMAXPROCS(0)/2),
		LookEvery:   time.Second,
		Logger:      slog.New(slog.DiscardHandler),
	}
}

const (
	minMemoryBytes   = 2 << 20
	minMemtableBytes = 256 << 10
	maxMemtableBytes = 64 << 20
	memtables        = 4
	maxPartitions    = 1 << 16
	bloomBitsPerKey  = 10

	// Rows of running work are written again and again, and deleted soon: the longer tables wait, the less there is to
	// merge. What waits costs reads of absent keys a look at one more filter, and scans one more table.
	l0Compaction = 8
	l0StopWrites = 32
	// tombstoneDense is the part of a table's blocks that must be mostly deletions for the table to be merged on its own.
	// Less is normal here: tasks and their timers come and go.
	tombstoneDense = 0.9
	// blockBytes is more than the default: the rows of a run are read together, and larger blocks cost merges less.
	blockBytes = 8 << 10
)

// Validate names the first option that cannot work.
func (o *Options) Validate() error {
	switch {
	case o.Dir == "":
		return errors.New("store: no Dir")
	case o.Mode != Embedded && o.Mode != Kafka:
		return fmt.Errorf("store: Mode is %q, it must be %q or %q", o.Mode, Embedded, Kafka)
	case o.Partitions < 1 || o.Partitions > maxPartitions:
		return fmt.Errorf("store: Partitions is %d, it must be 1 to %d", o.Partitions, maxPartitions)
	case o.MemoryBytes < minMemoryBytes:
		return fmt.Errorf("store: MemoryBytes is %d, it must be at least %d", o.MemoryBytes, minMemoryBytes)
	case o.Compactions < 1:
		return fmt.Errorf("store: Compactions is %d, it must be at least 1", o.Compactions)
	case o.ReserveBytes < -1:
		return fmt.Errorf("store: ReserveBytes is %d, it must be -1 or more", o.ReserveBytes)
	case o.LookEvery <= 0:
		return fmt.Errorf("store: LookEvery is %s, it must be positive", o.LookEvery)
	case o.Logger == nil:
		return errors.New("store: no Logger: start from DefaultOptions")
	}
	return nil
}

func (o *Options) memtableBytes() int64 {
	return min(max(o.MemoryBytes/8, minMemtableBytes), maxMemtableBytes)
}

func (o *Options) pebble(s *Store) *pebble.Options {
	memtable := o.memtableBytes()
	p := &pebble.Options{
		FS:                          s.fs,
		Cache:                       s.cache,
		MemTableSize:                uint64(memtable),
		MemTableStopWritesThreshold: memtables,
		L0CompactionThreshold:       l0Compaction,
		L0StopWritesThreshold:       l0StopWrites,
		CompactionConcurrencyRange:  func() (int, int) { return 1, o.Compactions },
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      pebbleLogger{s},
		EventListener:               s.events(),
	}
	p.Experimental.TombstoneDenseCompactionThreshold = tombstoneDense
	p.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	for i := range p.Levels {
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBitsPerKey)
		p.Levels[i].BlockSize = blockBytes
	}
	return p
}

// tables are like those that the store writes itself.
func (o *Options) tables(s *Store) sstable.WriterOptions {
	p := o.pebble(s)
	p.EnsureDefaults()
	return p.MakeWriterOptions(0, s.db.TableFormat())
}
