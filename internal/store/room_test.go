package store

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
)

// small is a disk with so many bytes left. A write that finds too few writes what fits.
type small struct {
	*vfs.MemFS
	total uint64

	mu   sync.Mutex
	left uint64
}

func newSmall(total uint64) *small {
	return &small{MemFS: vfs.NewCrashableMem(), total: total, left: total}
}

func (d *small) set(left uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = left
}

func (d *small) take(want int) (got int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	got = int(min(uint64(want), d.left))
	d.left -= uint64(got)
	if got < want {
		err = syscall.ENOSPC
	}
	return got, err
}

func (d *small) GetDiskUsage(string) (vfs.DiskUsage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return vfs.DiskUsage{TotalBytes: d.total, AvailBytes: d.left}, nil
}

func (d *small) Unwrap() vfs.FS { return d.MemFS }

func (d *small) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return d.wrap(d.MemFS.Create(name, c))
}

func (d *small) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return d.wrap(d.MemFS.ReuseForWrite(old, name, c))
}

func (d *small) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &smallFile{File: f, disk: d}, nil
}

type smallFile struct {
	vfs.File
	disk *small
}

func (f *smallFile) Write(b []byte) (int, error) {
	fits, full := f.disk.take(len(b))
	n, err := f.File.Write(b[:fits])
	return n, errors.Join(err, full)
}

func watched(d *small) Options {
	o := options(d)
	o.ReserveBytes, o.LookEvery = -1, time.Millisecond
	return o
}

// await waits until the room is the one that is wanted.
func await(t *testing.T, s *Store, want Room) {
	t.Helper()
	for {
		room, changed := s.Room()
		if room == want {
			return
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatalf("the room is %s, not %s", room, want)
		}
	}
}

func TestRoomFollowsTheDisk(t *testing.T) {
	const mib = 1 << 20
	d := newSmall(1000 * mib)
	s := open(t, watched(d))
	defer closed(t, s)
	if got := s.ReserveBytes(); got != 50*mib {
		t.Errorf("reserve of %d bytes", got)
	}
	for _, step := range []struct {
		free uint64
		room Room
	}{{49, Scarce}, {24, None}, {32, Scarce}, {63, Ample}, {20, None}, {999, Ample}} {
		d.set(step.free * mib)
		await(t, s, step.room)
	}
}

// TestRoomDoesNotFlicker wants a quarter more than a mark to leave what lies below it.
func TestRoomDoesNotFlicker(t *testing.T) {
	for _, c := range []struct {
		was  Room
		free uint64
		want Room
	}{
		{Ample, 100, Ample},
		{Ample, 99, Scarce},
		{Ample, 50, Scarce},
		{Ample, 49, None},
		{Scarce, 124, Scarce},
		{Scarce, 125, Ample},
		{Scarce, 50, Scarce},
		{Scarce, 49, None},
		{None, 62, Scarce},
		{None, 61, None},
		{None, 124, Scarce},
		{None, 125, Ample},
	} {
		w := &watch{reserve: 100, room: c.was, free: c.free}
		if got := w.judge(); got != c.want {
			t.Errorf("%s with %d free: %s, not %s", c.was, c.free, got, c.want)
		}
		w.waiting = 1
		if got := w.judge(); got != None {
			t.Errorf("a write waits with %d free: %s", c.free, got)
		}
	}
}

func TestDefaultReserve(t *testing.T) {
	const gib = 1 << 30
	for disk, want := range map[uint64]uint64{1 << 50: gib, 16 * gib: 16 * gib / 20, 4 * gib: gib / 2, gib: gib / 5} {
		o := DefaultOptions()
		if got := o.defaultReserve(disk); got != want {
			t.Errorf("%d of %d bytes, not %d", got, disk, want)
		}
	}
}

// fill commits until the disk is full. What it returns are the commits that have ended, and the one that waits.
func fill(t *testing.T, s *Store) (done int, last chan error) {
	t.Helper()
	for {
		b := s.NewBatch(0)
		if err := b.Put(c0, keys.Key(fmt.Sprint(done)), &pb.Header{RequestId: make([]byte, 10_000)}); err != nil {
			t.Fatal(err)
		}
		last = make(chan error, 1)
		go func() { last <- b.Commit() }()
		for {
			room, changed := s.Room()
			if room == None {
				return done, last
			}
			select {
			case err := <-last:
				if err != nil {
					t.Fatal(err)
				}
				done++
			case <-changed:
				continue
			}
			break
		}
	}
}

func there(t *testing.T, s *Store, n int) {
	t.Helper()
	for i := range n {
		if _, ok, err := s.Get(c0, keys.Key(fmt.Sprint(i))); err != nil || !ok {
			t.Errorf("row %d of %d: %t, %v", i, n, ok, err)
		}
	}
}

// TestWritesWaitForSpace fills the disk without a reserve to speak of, so that commits, flushes and compactions
// find no space in the middle of what they write: all is readable meanwhile, a crash then loses nothing, and all
// goes on where it was when there is space again.
func TestWritesWaitForSpace(t *testing.T) {
	d := newSmall(3 << 20)
	o := watched(d)
	o.ReserveBytes = 2
	s := open(t, o)
	done, last := fill(t, s)
	there(t, s, done)
	for s.Waits() == 0 {
		runtime.Gosched()
	}
	if err := s.Checkpoint("data/copy"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("checkpoint on a full disk: %v", err)
	}

	crashed := &small{MemFS: d.CrashClone(vfs.CrashCloneCfg{}), total: d.total, left: 1000}
	o.FS = crashed
	if _, err := Open(t.Context(), o); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "make room") {
		t.Errorf("opened on a full disk: %v", err)
	}
	crashed.set(100 << 20)
	again := open(t, o)
	there(t, again, done)
	closed(t, again)

	d.set(100 << 20)
	if err := <-last; err != nil {
		t.Error(err)
	}
	await(t, s, Ample)
	there(t, s, done+1)
	put(t, s, c1, "a", 1)
	closed(t, s)
	o.FS = d
	s = open(t, o)
	there(t, s, done+1)
	if number(t, s, c1, "a") != 1 {
		t.Error("what was written after there was space is gone")
	}
	closed(t, s)
}

func TestWaitingForSpaceCanBeGivenUp(t *testing.T) {
	d := newSmall(3 << 20)
	o := watched(d)
	o.ReserveBytes = 2
	s := open(t, o)
	done, last := fill(t, s)
	s.StopWaiting()
	<-s.Failed()
	d.set(100 << 20) // so that nothing is left that cannot end
	if err := s.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close: %v", err)
	}
	<-last
	o.FS = &small{MemFS: d.CrashClone(vfs.CrashCloneCfg{}), total: d.total, left: d.total}
	s = open(t, o)
	there(t, s, done)
	closed(t, s)
}
