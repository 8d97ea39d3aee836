package store

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// Snapshot is the store as it was at one moment.
type Snapshot struct{ snap *pebble.Snapshot }

// Snapshot takes one. It holds what is visible, synced or not: whoever wants only what is durable takes it
// between a sync and the next write of the partitions he will read.
func (s *Store) Snapshot() *Snapshot { return &Snapshot{snap: s.db.NewSnapshot()} }

// Close gives the snapshot up; its reads must have ended.
func (s *Snapshot) Close() error { return s.snap.Close() }

// Get reads a value; ok tells whether there is one. The bytes are the caller's.
func (s *Snapshot) Get(from machine.Stream, k keys.Key) (value []byte, ok bool, err error) {
	err = view(s.snap, from, k, func(b []byte) error {
		value, ok = append([]byte{}, b...), true
		return nil
	})
	return value, ok, err
}

// Scan visits the rows of [start, end) in order until visit returns false; an empty end means the end of the
// partition. The value is only valid during the call.
func (s *Snapshot) Scan(from machine.Stream, start, end keys.Key, visit func(k keys.Key, value []byte) bool) error {
	r, err := s.Rows(from, start, end)
	if err != nil {
		return err
	}
	return errors.Join(r.Each(visit), r.Close())
}

// Cursor is a cursor over a partition that stands nowhere yet, to be closed before the Snapshot.
func (s *Snapshot) Cursor(of machine.Stream) (*Rows, error) { return newCursor(s.snap, of, "", "") }

// Rows opens a cursor, to be closed before the Snapshot.
func (s *Snapshot) Rows(from machine.Stream, start, end keys.Key) (*Rows, error) {
	return newRows(s.snap, from, start, end)
}
