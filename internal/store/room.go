package store

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Room says how much room the disk of the store has.
type Room int

// The rooms, from good to bad.
const (
	Ample  Room = iota // more than the reserve is free
	Scarce             // less than the reserve
	None               // less than half of it, or a write found no space at all
)

func (r Room) String() string { return [...]string{"ample", "scarce", "none"}[r] }

// Bounds of the reserve when Options.ReserveBytes leaves it to the store.
const (
	reservePart     = 20 // of the disk
	maxReservePart  = 5
	maxReserveBytes = 1 << 30
)

// defaultReserve is a part of the disk, but not more than some compactions take. Half of it is the store's own, and
// should have room for its memtables, unless the disk is small.
func (o *Options) defaultReserve(disk uint64) uint64 {
	least := min(2*memtables*uint64(o.memtableBytes()), disk/maxReservePart)
	return max(least, min(disk/reservePart, maxReserveBytes))
}

// maxPause is how long a write without space waits at most before it tries again, and how often the disk is looked at
// as long as anything is refused.
const maxPause = time.Second

// openingBytes is what opening a store takes besides the memtables that it makes of its log.
const openingBytes = 1 << 20

// watch knows how much room the disk has. It asks the file system every now and then, and at once when much was
// written; and whoever finds no space for what he writes waits here until there is some.
type watch struct {
	usage   func() (vfs.DiskUsage, error)
	log     *slog.Logger
	every   time.Duration
	reserve uint64

	spent  atomic.Int64  // bytes committed since the last look
	waits  atomic.Uint64 // writes that found no space
	poke   chan struct{} // look now
	giveUp chan struct{} // closed when nobody is to wait any more
	giveIn sync.Once
	ended  sync.WaitGroup

	mu      sync.Mutex
	room    Room
	free    uint64
	waiting int           // writes that found no space
	changed chan struct{} // closed when room is another, or nobody waits any more
}

// newWatch is nil if the disk is not to be watched or nobody knows how large it is.
func (s *Store) newWatch(o *Options) (*watch, error) {
	usage := func() (vfs.DiskUsage, error) { return s.fs.GetDiskUsage(s.dir) }
	if o.ReserveBytes == 0 {
		return nil, nil
	}
	disk, err := usage()
	if errors.Is(err, vfs.ErrUnsupported) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: disk usage of %s: %w", s.dir, err)
	}
	w := &watch{
		usage: usage, log: s.log, every: o.LookEvery, reserve: uint64(max(0, o.ReserveBytes)),
		poke: make(chan struct{}, 1), giveUp: make(chan struct{}), changed: make(chan struct{}),
	}
	if o.ReserveBytes < 0 {
		w.reserve = o.defaultReserve(disk.TotalBytes)
	}
	return w, s.roomToOpen(o, w, disk.AvailBytes)
}

// roomToOpen refuses to open a store on a disk that would be full before it is open: memtables are made of its log
// and written, and compactions waited for that are due. Logs are as large as memtables, however little is in them.
func (s *Store) roomToOpen(o *Options, w *watch, free uint64) error {
	names, err := s.fs.List(s.dir)
	if err != nil {
		return fmt.Errorf("store: list %s: %w", s.dir, err)
	}
	logs := uint64(0)
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		if info, err := s.fs.Stat(s.fs.PathJoin(s.dir, name)); err == nil {
			logs += uint64(info.Size())
		}
	}
	need := max(openingBytes+min(logs, memtables*uint64(o.memtableBytes())), w.reserve/2)
	if free < need {
		return fmt.Errorf("store: the disk of %s has %d bytes free, and to open the store it takes %d: "+
			"make room and start again; nothing is lost: %w", s.dir, free, need, syscall.ENOSPC)
	}
	return nil
}

// start looks for the first time and goes on until the end of the store.
func (w *watch) start() {
	w.look()
	w.ended.Go(w.run)
}

func (w *watch) run() {
	for {
		next := time.NewTimer(w.interval())
		select {
		case <-next.C:
		case <-w.poke:
		case <-w.giveUp:
			next.Stop()
			return
		}
		next.Stop()
		w.look()
	}
}

// interval is shorter as long as somebody is refused.
func (w *watch) interval() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.room == Ample {
		return w.every
	}
	return min(w.every, maxPause)
}

// stop lets nobody wait any more; a write without space is an error from now on.
func (w *watch) stop() {
	if w == nil {
		return
	}
	w.giveIn.Do(func() {
		close(w.giveUp)
		w.mu.Lock()
		w.announce()
		w.mu.Unlock()
	})
}

// end stops and waits for the last look.
func (w *watch) end() {
	if w != nil {
		w.stop()
		w.ended.Wait()
	}
}

func (w *watch) look() {
	w.spent.Store(0)
	disk, err := w.usage()
	if err != nil {
		w.log.Error("the free space of the disk is unknown", "err", err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free = disk.AvailBytes
	w.settle()
}

// wrote counts what a commit has written: a disk that fills quickly is looked at more often.
func (w *watch) wrote(bytes int) {
	if w != nil && w.spent.Add(int64(bytes)) >= int64(w.reserve/16) {
		w.lookSoon()
	}
}

func (w *watch) lookSoon() {
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

// settle judges the room; w.mu is held.
func (w *watch) settle() {
	now := w.judge()
	if now == w.room {
		return
	}
	was := w.room
	w.room = now
	w.announce()
	facts := []any{"free_bytes", w.free, "reserve_bytes", w.reserve}
	switch {
	case now == None:
		w.log.Error("the disk is full: nothing is written until there is room", facts...)
	case now == Scarce:
		w.log.Warn("the disk is nearly full: nothing new is begun until there is room", facts...)
	case was != Ample:
		w.log.Info("the disk has room again", facts...)
	}
}

// judge wants a quarter more to go back than it took to come, so that the room does not flicker.
func (w *watch) judge() Room {
	none, scarce := w.reserve/2, w.reserve
	if w.room >= None {
		none += none / 4
	}
	if w.room >= Scarce {
		scarce += scarce / 4
	}
	switch {
	case w.waiting > 0 || w.free < none:
		return None
	case w.free < scarce:
		return Scarce
	default:
		return Ample
	}
}

func (w *watch) announce() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// write repeats an operation that finds no space until there is some or nobody may wait any more.
func (w *watch) write(op func() error) error {
	err := op()
	if !noSpace(err) {
		return err
	}
	w.waits.Add(1)
	w.wait(1)
	for noSpace(err) && w.pause() {
		err = op()
	}
	w.wait(-1)
	w.lookSoon()
	return err
}

func (w *watch) wait(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting += n
	w.settle()
}

// pause waits for the next try; false if there is to be none.
func (w *watch) pause() bool {
	next := time.NewTimer(min(w.every, maxPause))
	defer next.Stop()
	select {
	case <-next.C:
		return true
	case <-w.giveUp:
		return false
	}
}

func noSpace(err error) bool { return vfs.IsNoSpaceError(err) || errors.Is(err, syscall.EDQUOT) }

// Room tells how much room the disk has, and when to ask again: the channel is closed once the answer is another.
// It is always Ample if the disk is not watched.
func (s *Store) Room() (Room, <-chan struct{}) {
	w := s.watch
	if w == nil {
		return Ample, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.room, w.changed
}

// ReserveBytes is the free space below which the room is Scarce, and at half of which there is None; 0 if the disk
// is not watched.
func (s *Store) ReserveBytes() uint64 {
	if s.watch == nil {
		return 0
	}
	return s.watch.reserve
}

// Waits is how many writes have found no space and waited for some.
func (s *Store) Waits() uint64 {
	if s.watch == nil {
		return 0
	}
	return s.watch.waits.Load()
}

// StopWaiting makes a commit that waits for space fail, and every later one that finds none. It is for whoever is
// about to close the store.
func (s *Store) StopWaiting() { s.watch.stop() }
