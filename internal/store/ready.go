package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ready is a file system on which the change to the next log is quick: who commits waits for it. Two things make it slow
// elsewhere. A file that is new grows with each sync, so one is there beforehand, zeroed. And the name of a file is durable
// only when its folder is synced, which waits for whatever else the disk has to do; so the name is noted first, in a file
// that is there, and the folder is synced behind. A crash in between may give the log its old name back: settle then gives
// it the noted one again, before anybody looks for logs.
//
// Logs are changed by one goroutine at a time.
type ready struct {
	vfs.FS
	dir  string
	size int64 // of a log that is made beforehand
	room func() bool
	fail func(error)
	// lazy leaves what is to be done behind to the next change of logs: what happens does not depend on goroutines then, and
	// a name is only noted for as long as can be.
	lazy bool

	work  chan struct{} // something is to be done behind
	quit  chan struct{}
	once  sync.Once
	ended sync.WaitGroup
	made  int // files that were to become logs

	mu    sync.Mutex
	note  vfs.File // nil until the first change
	next  string   // a log but for its name; "" if there is none
	owed  bool     // a name is noted, and the folder was not synced since
	fresh bool     // that is the name of the newest log
}

const (
	noteFile = "next-log-name"
	nextLog  = "next-log-"
	// noteBytes is what a disk writes whole or not at all.
	noteBytes = 512
	// pieceBytes is how much of a log is zeroed at once, so that others who write have their turns.
	pieceBytes = 512 << 10
	pageBytes  = 4 << 10
	// mostLogs is how many logs are made beforehand: as many as are used again and again, and some that are as good as lost
	// to the small memtables of the start.
	mostLogs = 2 * memtables
)

func newReady(fs vfs.FS, o *Options, room func() bool, fail func(error)) *ready {
	memtable := o.memtableBytes()
	return &ready{
		FS: fs, dir: fs.PathJoin(o.Dir), size: memtable + memtable/10, room: room, fail: fail, lazy: o.FS != nil,
		work: make(chan struct{}, 1), quit: make(chan struct{}),
	}
}

// Unwrap is for vfs.Root.
func (r *ready) Unwrap() vfs.FS { return r.FS }

// Lock implements vfs.FS: the store is this process's until the lock is closed.
func (r *ready) Lock(name string) (io.Closer, error) {
	lock, err := r.FS.Lock(name)
	if err != nil || r.PathDir(name) != r.dir {
		return lock, err
	}
	if err := r.settle(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &locked{of: r, lock: lock}, nil
}

type locked struct {
	of   *ready
	lock io.Closer
}

// Close implements io.Closer.
func (l *locked) Close() error { return errors.Join(l.of.end(), l.lock.Close()) }

// settle ends what a crash has interrupted.
func (r *ready) settle() error {
	names, err := r.List(r.dir)
	if err != nil {
		return err
	}
	has := map[string]bool{}
	for _, n := range names {
		has[n] = true
	}
	if has[noteFile] {
		if err := r.rename(has); err != nil {
			return err
		}
	}
	for _, n := range names {
		if strings.HasPrefix(n, nextLog) && n != noteFile && has[n] {
			if err := r.Remove(r.path(n)); err != nil {
				return err
			}
		}
	}
	return nil
}

// rename does what is noted, if that is not done, and makes it durable: a process that was killed may have done it and no more.
func (r *ready) rename(has map[string]bool) error {
	from, to, err := r.noted()
	if err != nil || to == "" {
		return err
	}
	if has[from] && !has[to] {
		if err := r.Rename(r.path(from), r.path(to)); err != nil {
			return err
		}
		has[from] = false
	}
	return r.syncDir()
}

func (r *ready) path(name string) string { return r.PathJoin(r.dir, name) }

// noted is what the note says; nothing if it was not written whole.
func (r *ready) noted() (from, to string, err error) {
	f, err := r.Open(r.path(noteFile))
	if err != nil {
		return "", "", err
	}
	b := make([]byte, noteBytes)
	n, _ := f.ReadAt(b, 0)
	from, to = parseNote(b[:n])
	return from, to, f.Close()
}

// encodeNote says that the file is to have another name.
func encodeNote(from, to string) []byte {
	b := make([]byte, noteBytes)
	text := b[4:]
	copy(text, from+"\n"+to+"\n")
	binary.LittleEndian.PutUint32(b, crc32.ChecksumIEEE(text))
	return b
}

func parseNote(b []byte) (from, to string) {
	if len(b) != noteBytes || binary.LittleEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:]) {
		return "", ""
	}
	names := bytes.SplitN(b[4:], []byte("\n"), 3)
	if len(names) != 3 {
		return "", ""
	}
	return string(names[0]), string(names[1])
}

// start begins to work behind.
func (r *ready) start() {
	if !r.lazy {
		r.ended.Go(r.run)
	}
}

// stop lets nothing new be begun.
func (r *ready) stop() { r.once.Do(func() { close(r.quit) }) }

// end stops, syncs the folder if that is owed, and leaves no file behind that is not needed.
func (r *ready) end() error {
	r.stop()
	r.ended.Wait()
	err := r.pay()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.note != nil {
		err = errors.Join(err, r.note.Close())
		r.note = nil
	}
	if r.next != "" {
		err = errors.Join(err, r.Remove(r.path(r.next)))
		r.next = ""
	}
	return err
}

func (r *ready) run() {
	for {
		select {
		case <-r.work:
		case <-r.quit:
			return
		}
		r.tidy()
	}
}

// tidy does what is to be done behind.
func (r *ready) tidy() {
	if err := r.pay(); err != nil {
		r.fail(fmt.Errorf("sync %s: %w", r.dir, err))
		return
	}
	if r.room() {
		r.prepare() // without it the next change is slow, and nothing else
	}
}

// before and after stand about a change of logs.
func (r *ready) before() {
	if r.lazy {
		r.tidy()
	}
}

func (r *ready) after() {
	select {
	case r.work <- struct{}{}:
	default:
	}
}

// pay syncs the folder if that is owed.
func (r *ready) pay() error {
	r.mu.Lock()
	owed := r.owed
	r.mu.Unlock()
	if !owed {
		return nil
	}
	err := r.syncDir()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.owed = err != nil // a name is noted only when none is owed
	return err
}

func (r *ready) syncDir() error {
	d, err := r.FS.OpenDir(r.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// prepare makes what the next change needs and is not there.
func (r *ready) prepare() {
	r.mu.Lock()
	note, next := r.note, r.next
	r.mu.Unlock()
	if note != nil && (next != "" || r.made == mostLogs) {
		return
	}
	if note == nil {
		note = r.prepareNote()
	}
	if next == "" && r.made < mostLogs {
		next = r.prepareLog()
	}
	if err := r.syncDir(); err != nil {
		r.fail(fmt.Errorf("sync %s: %w", r.dir, err))
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note, r.next = note, next
}

// prepareNote is nil if the note cannot be made.
func (r *ready) prepareNote() vfs.File {
	f, err := r.OpenReadWrite(r.path(noteFile), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil
	}
	if _, err := f.WriteAt(make([]byte, noteBytes), 0); err != nil || f.Sync() != nil {
		_ = f.Close()
		return nil
	}
	return f
}

// prepareLog gives the name of a new file; "" if it cannot be made.
func (r *ready) prepareLog() string {
	r.made++
	name := fmt.Sprintf("%s%d", nextLog, r.made)
	f, err := r.FS.Create(r.path(name), vfs.WriteCategoryUnspecified)
	if err != nil {
		return ""
	}
	if errors.Join(r.zero(f), f.Sync(), f.Close()) != nil {
		_ = r.Remove(r.path(name))
		return ""
	}
	return name
}

// zero fills the file piece by piece, and rests as long as it works. What is allocated first need not be written before
// others can sync.
func (r *ready) zero(f vfs.File) error {
	if err := f.Preallocate(0, r.size); err != nil {
		return err
	}
	for at := int64(0); at < r.size; at += pieceBytes {
		began := time.Now()
		if err := zeroPiece(f, at, min(at+pieceBytes, r.size)); err != nil {
			return err
		}
		rest := time.NewTimer(time.Since(began))
		if r.lazy {
			rest.Reset(0)
		}
		select {
		case <-rest.C:
		case <-r.quit:
			rest.Stop()
			return errors.New("the store is closed")
		}
	}
	return nil
}

// zeroPiece writes page by page: what is written at once may become one page of the cache, and whoever changes a few bytes
// of it then has all of it to write.
func zeroPiece(f vfs.File, from, to int64) error {
	for ; from < to; from += pageBytes {
		if _, err := f.WriteAt(zeros[:min(pageBytes, to-from)], from); err != nil {
			return err
		}
	}
	return f.SyncData()
}

// ours tells whether the file is a log of the store.
func (r *ready) ours(name string) bool { return isLog(name) && r.PathDir(name) == r.dir }

// Create implements vfs.FS.
func (r *ready) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !r.ours(name) {
		return r.FS.Create(name, category)
	}
	r.before()
	defer r.after()
	if f := r.createReady(name, category); f != nil {
		return f, nil
	}
	r.forget()
	return r.FS.Create(name, category)
}

// ReuseForWrite implements vfs.FS.
func (r *ready) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !r.ours(name) {
		return r.FS.ReuseForWrite(old, name, category)
	}
	r.before()
	defer r.after()
	if r.short(old) {
		if f := r.createReady(name, category); f != nil {
			_ = r.Remove(old) // it is obsolete: whoever opens the store removes it, too
			return f, nil
		}
	}
	return r.name(old, name, category)
}

// short tells whether the log would have to grow.
func (r *ready) short(name string) bool {
	info, err := r.Stat(name)
	return err == nil && info.Size() < r.size
}

// createReady gives the log that is ready its name; nil if there is none, or it cannot have it.
func (r *ready) createReady(name string, category vfs.DiskWriteCategory) vfs.File {
	next := r.take()
	if next == "" {
		return nil
	}
	f, err := r.name(r.path(next), name, category)
	if err != nil {
		return nil
	}
	return f
}

// take takes the log that is ready; "" if there is none.
func (r *ready) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := r.next
	r.next = ""
	return next
}

// name gives a file the name of the newest log, noted if that is possible.
func (r *ready) name(old, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	r.forget()
	noted := r.writeNote(r.PathBase(old), r.PathBase(name))
	if err := r.Rename(old, name); err != nil {
		return nil, err
	}
	f, err := r.OpenReadWrite(name, category)
	if err == nil && noted {
		r.mu.Lock()
		r.owed, r.fresh = true, true
		r.mu.Unlock()
	}
	return f, err
}

// writeNote is false if the note must not be written, because the last one still counts, or cannot be.
func (r *ready) writeNote(from, to string) bool {
	r.mu.Lock()
	note := r.note
	if r.owed {
		note = nil
	}
	r.mu.Unlock()
	if note == nil {
		return false
	}
	_, err := note.WriteAt(encodeNote(from, to), 0)
	return err == nil && note.SyncData() == nil
}

// forget says that the name of the newest log is not noted.
func (r *ready) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fresh = false
}

// OpenDir implements vfs.FS.
func (r *ready) OpenDir(name string) (vfs.File, error) {
	f, err := r.FS.OpenDir(name)
	if err != nil || r.PathJoin(name) != r.dir {
		return f, err
	}
	return &logDir{File: f, of: r}, nil
}

// logDir is the folder of the logs, and of much else that is synced for its own sake.
type logDir struct {
	vfs.File
	of *ready
}

// Sync implements vfs.File. For the newest log alone the folder is synced behind, if its name is noted.
func (d *logDir) Sync() error {
	if d.of.isFresh() && forLog() {
		return nil
	}
	return d.File.Sync()
}

func (r *ready) isFresh() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fresh
}

// logMaker is the function that makes a log and then syncs its folder. If it should be another one day, folders are
// synced as ever.
const logMaker = "/wal.(*StandaloneManager).Create"

// forLog tells whether the folder is synced for the log that was just made.
func forLog() bool {
	pcs := make([]uintptr, maxFrames)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.Function, logMaker) {
			return true
		}
		if !more {
			return false
		}
	}
}
