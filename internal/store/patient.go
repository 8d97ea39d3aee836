package store

import (
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// patient is a file system whose writes wait while the disk is full. Pebble takes a failed write for the end of
// the database; a late one is as good as any other. A sync is not repeated: after one that failed nobody can tell
// what the disk holds.
type patient struct {
	vfs.FS
	watch *watch
}

// Unwrap is for vfs.Root.
func (p *patient) Unwrap() vfs.FS { return p.FS }

func (p *patient) open(op func() (vfs.File, error)) (f vfs.File, err error) {
	err = p.watch.write(func() error {
		f, err = op()
		return err
	})
	if err != nil {
		return nil, err
	}
	return &patientFile{File: f, watch: p.watch}, nil
}

// Create implements vfs.FS.
func (p *patient) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return p.open(func() (vfs.File, error) { return p.FS.Create(name, category) })
}

// OpenReadWrite implements vfs.FS.
func (p *patient) OpenReadWrite(name string, category vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return p.open(func() (vfs.File, error) { return p.FS.OpenReadWrite(name, category, o...) })
}

// ReuseForWrite implements vfs.FS.
func (p *patient) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return p.open(func() (vfs.File, error) { return p.FS.ReuseForWrite(old, name, category) })
}

// Link implements vfs.FS.
func (p *patient) Link(old, name string) error {
	return p.watch.write(func() error { return p.FS.Link(old, name) })
}

// Remove implements vfs.FS.
func (p *patient) Remove(name string) error {
	return p.watch.write(func() error { return p.FS.Remove(name) })
}

// Rename implements vfs.FS.
func (p *patient) Rename(old, name string) error {
	return p.watch.write(func() error { return p.FS.Rename(old, name) })
}

// MkdirAll implements vfs.FS.
func (p *patient) MkdirAll(dir string, perm os.FileMode) error {
	return p.watch.write(func() error { return p.FS.MkdirAll(dir, perm) })
}

// patientFile goes on where a write ended for want of space.
type patientFile struct {
	vfs.File
	watch *watch
}

// Write implements vfs.File.
func (f *patientFile) Write(b []byte) (written int, err error) {
	err = f.watch.write(func() error {
		n, err := f.File.Write(b[written:])
		written += n
		return err
	})
	return written, err
}

// WriteAt implements vfs.File.
func (f *patientFile) WriteAt(b []byte, at int64) (written int, err error) {
	err = f.watch.write(func() error {
		n, err := f.File.WriteAt(b[written:], at+int64(written))
		written += n
		return err
	})
	return written, err
}
