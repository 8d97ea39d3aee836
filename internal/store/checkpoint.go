package store

import (
	"fmt"
	"io"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Checkpoint makes a copy of the store in the new folder dir: every commit that had returned before is in it, and
// each is whole or absent. Commits go on meanwhile. On the same file system most of it are links that take no
// space, but what the store deletes later stays on the disk as long as the copy is there.
func (s *Store) Checkpoint(dir string) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.end()
	if room, _ := s.Room(); room == None {
		return fmt.Errorf("store: checkpoint: the disk is full, and a copy would keep the store from freeing space: %w", syscall.ENOSPC)
	}
	if err := s.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
		return fmt.Errorf("store: checkpoint: %w", err)
	}
	return nil
}

// LockFile is a file in the folder of a store that a copy of it does not need.
const LockFile = "LOCK"

// Lock keeps every server from opening the store in dir until the lock is closed. It fails while one has it open.
func Lock(dir string) (io.Closer, error) {
	l, err := pebble.LockDirectory(dir, vfs.Default)
	if err != nil {
		return nil, fmt.Errorf("store: %s is in use: %w", dir, err)
	}
	return l, nil
}
