package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Usage is how much of the disk is taken.
type Usage struct {
	// StoreBytes are taken by this store.
	StoreBytes uint64
	// DiskBytes is the size of the disk it lies on, FreeBytes what is left there for it; both 0 where the file
	// system cannot tell.
	DiskBytes, FreeBytes uint64
}

// DiskUsage asks the store and the file system.
func (s *Store) DiskUsage() (Usage, error) {
	u := Usage{StoreBytes: s.db.Metrics().DiskSpaceUsage()}
	disk, err := s.fs.GetDiskUsage(s.dir)
	switch {
	case errors.Is(err, vfs.ErrUnsupported):
	case err != nil:
		return u, fmt.Errorf("store: disk usage of %s: %w", s.dir, err)
	default:
		u.DiskBytes, u.FreeBytes = disk.TotalBytes, disk.AvailBytes
	}
	return u, nil
}

// Stalls is how often writes had to wait for a flush or compaction.
func (s *Store) Stalls() uint64 { return s.stalls.Load() }

// Metrics are Pebble's own numbers.
func (s *Store) Metrics() *pebble.Metrics { return s.db.Metrics() }
