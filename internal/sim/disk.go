package sim

import (
	"path"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// disk is a file system whose power can be cut between any two operations on a log or manifest. What was
// synced survives; of what was not, each block survives or not, by chance.
type disk struct {
	mem  *vfs.MemFS
	seed uint64 // of the chances

	mu    sync.Mutex
	left  int        // operations until the cut; negative: none is armed
	after *vfs.MemFS // what is left once the power was cut
}

func newDisk(mem *vfs.MemFS, seed uint64) *disk { return &disk{mem: mem, seed: seed, left: -1} }

// fs is the file system that a server is given. Lying, it answers a sync without doing it.
func (d *disk) fs(lying bool) vfs.FS {
	fs := errorfs.Wrap(d.mem, errorfs.InjectorFunc(d.operation))
	if lying {
		return forgetful{fs}
	}
	return fs
}

// arm cuts the power at the n-th operation from now.
func (d *disk) arm(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = n
}

// cut ends the power now, unless it has ended, and returns what the next server finds.
func (d *disk) cut() *vfs.MemFS {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cutLocked()
}

func (d *disk) cutLocked() *vfs.MemFS {
	if d.after == nil {
		d.after = tear(d.mem, d.seed)
	}
	return d.after
}

// operation counts down to the cut. What the server does to the disk behind it is done to one that is gone.
// Only files that are written while somebody waits count: the others' turns are the store's own affair, and a
// seed must decide the same each time.
func (d *disk) operation(op errorfs.Op) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left < 0 || op.Kind.ReadOrWrite() != errorfs.OpIsWrite || !awaited(op) {
		return nil
	}
	if d.left--; d.left < 0 {
		d.cutLocked()
	}
	return nil
}

func awaited(op errorfs.Op) bool {
	switch op.Kind {
	case errorfs.OpRemove, errorfs.OpRemoveAll, errorfs.OpFileClose, errorfs.OpFilePreallocate, errorfs.OpFileSyncTo, errorfs.OpFileFlush:
		return false
	}
	name := path.Base(op.Path)
	return strings.HasSuffix(name, ".log") || strings.HasPrefix(name, "MANIFEST") || strings.HasPrefix(name, "marker")
}

// isCut tells whether the power has failed.
func (d *disk) isCut() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.after != nil
}

// forgetful is a file system that says it has synced and has not.
type forgetful struct{ vfs.FS }

func (f forgetful) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return forgetfulFile(f.FS.Create(name, c))
}

func (f forgetful) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return forgetfulFile(f.FS.ReuseForWrite(from, to, c))
}

func (f forgetful) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return forgetfulFile(f.FS.OpenReadWrite(name, c, o...))
}

func forgetfulFile(file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return unsynced{file}, nil
}

type unsynced struct{ vfs.File }

func (unsynced) Sync() error                { return nil }
func (unsynced) SyncData() error            { return nil }
func (unsynced) SyncTo(int64) (bool, error) { return false, nil }
