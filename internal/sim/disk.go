package sim

import (
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// disk is a file system whose power can be cut when a log is begun or synced. What was synced survives; of what was not, each
// block survives or not, by chance.
type disk struct {
	mem  *vfs.MemFS
	seed uint64 // of the chances

	mu    sync.Mutex
	left  int        // operations until the cut; negative: none is armed
	after *vfs.MemFS // what is left once the power was cut

	logBytes int // of the newest log
}

func newDisk(mem *vfs.MemFS, seed uint64) *disk { return &disk{mem: mem, seed: seed, left: -1} }

// fs is the file system that a server is given. Lying, it answers a sync without doing it.
func (d *disk) fs(lying bool) vfs.FS {
	return files{errorfs.Wrap(d.mem, errorfs.InjectorFunc(d.operation)), func(name string, file vfs.File) vfs.File {
		if isLog(name) {
			d.begin()
			file = logFile{file, d}
		}
		if lying {
			file = unsynced{file}
		}
		return file
	}}
}

func (d *disk) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.logBytes = 0
}

// logged is how much of the newest log was written. It is the same in each run of a seed when all was synced: until then a log is
// written when the store sees fit.
func (d *disk) logged() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.logBytes
}

func isLog(name string) bool { return strings.HasSuffix(name, ".log") }

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

// operation counts down to the cut. What the server does to the disk behind it is done to one that is gone. Only beginnings and
// syncs of logs count: all else that is written has its turn when the store sees fit, and a seed must decide the same each time.
func (d *disk) operation(op errorfs.Op) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left < 0 || !awaited(op) {
		return nil
	}
	if d.left--; d.left < 0 {
		d.cutLocked()
	}
	return nil
}

func awaited(op errorfs.Op) bool {
	switch op.Kind {
	case errorfs.OpCreate, errorfs.OpReuseForWrite, errorfs.OpFileSync, errorfs.OpFileSyncData:
		return isLog(op.Path)
	}
	return false
}

// isCut tells whether the power has failed.
func (d *disk) isCut() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.after != nil
}

// files is a file system that wraps the files which are written.
type files struct {
	vfs.FS
	wrap func(name string, file vfs.File) vfs.File
}

func (f files) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, c)
	return f.written(name, file, err)
}

func (f files) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.ReuseForWrite(from, to, c)
	return f.written(to, file, err)
}

func (f files) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	file, err := f.FS.OpenReadWrite(name, c, o...)
	return f.written(name, file, err)
}

func (f files) written(name string, file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return f.wrap(name, file), nil
}

// logFile counts what is written to it.
type logFile struct {
	vfs.File
	disk *disk
}

func (f logFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.disk.logBytes += n
	return n, err
}

// unsynced says that it has synced and has not.
type unsynced struct{ vfs.File }

func (unsynced) Sync() error                { return nil }
func (unsynced) SyncData() error            { return nil }
func (unsynced) SyncTo(int64) (bool, error) { return false, nil }
