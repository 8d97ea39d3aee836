package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"littlehorse/internal/machine"
)

// Drop removes all rows of a partition, durably.
func (s *Store) Drop(of machine.Stream) error {
	rows, err := s.Rows(of, "", "")
	if err != nil {
		return err
	}
	any := rows.Valid()
	if err := rows.Close(); err != nil || !any {
		return err
	}
	b := s.NewBatch(0)
	if err := b.b.DeleteRange(appendPrefix(nil, of), appendEnd(nil, of), nil); err != nil {
		b.Discard()
		return fmt.Errorf("store: drop %s: %w", of, err)
	}
	return b.Commit()
}

// Loader fills a partition with rows, with less work than batches: it makes tables that the store takes in as they are.
// Of rows with the same key the last counts. What is loaded is not atomic: whoever stops in between begins again with Drop.
type Loader struct {
	store *Store
	of    machine.Stream
	bytes []byte
	rows  []loaded
}

// loaded is a row in Loader.bytes: the key from at on, the value behind it.
type loaded struct {
	at, key int
	value   int // absent for a deletion
}

// loadBytes is what a Loader gathers for one table.
const loadBytes = 32 << 20

// NewLoader makes one. It belongs to one goroutine, and a partition has one at a time.
func (s *Store) NewLoader(of machine.Stream) *Loader { return &Loader{store: s, of: of} }

// Put sets the key to the value; a nil value deletes it.
func (l *Loader) Put(ctx context.Context, key, value []byte) error {
	r := loaded{at: len(l.bytes), key: prefixBytes + len(key), value: len(value)}
	if value == nil {
		r.value = deleted
	}
	if l.bytes == nil {
		l.bytes = make([]byte, 0, loadBytes+loadBytes/8)
	}
	l.bytes = append(append(appendPrefix(l.bytes, l.of), key...), value...)
	l.rows = append(l.rows, r)
	if len(l.bytes) < loadBytes {
		return nil
	}
	return l.Flush(ctx)
}

const deleted = -1

// Flush lets the store take in what it has not yet. Then it is durable.
func (l *Loader) Flush(ctx context.Context) error {
	if len(l.rows) == 0 {
		return nil
	}
	s := l.store
	path := s.fs.PathJoin(s.dir, fmt.Sprintf("load-%d-%d.sst", l.of.Kind, l.of.Partition))
	err := s.write(func() error {
		if err := l.writeTable(path); err != nil {
			return err
		}
		return s.db.Ingest(ctx, []string{path})
	})
	if err != nil {
		return fmt.Errorf("store: load %s: %w", l.of, err)
	}
	s.watch.wrote(len(l.bytes))
	l.bytes, l.rows = l.bytes[:0], l.rows[:0]
	return nil
}

func (l *Loader) keyOf(r *loaded) []byte { return l.bytes[r.at : r.at+r.key] }

func (l *Loader) writeTable(path string) (err error) {
	f, err := l.store.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), l.store.table)
	defer func() { err = errors.Join(err, w.Close()) }()
	slices.SortFunc(l.rows, func(a, b loaded) int {
		if c := bytes.Compare(l.keyOf(&a), l.keyOf(&b)); c != 0 {
			return c
		}
		return a.at - b.at
	})
	for i := range l.rows {
		r := &l.rows[i]
		if i+1 < len(l.rows) && bytes.Equal(l.keyOf(r), l.keyOf(&l.rows[i+1])) {
			continue
		}
		if err := l.write(w, r); err != nil {
			return err
		}
	}
	return nil
}

func (l *Loader) write(w *sstable.Writer, r *loaded) error {
	k := l.keyOf(r)
	if r.value == deleted {
		return w.Delete(k)
	}
	return w.Set(k, l.bytes[r.at+r.key:r.at+r.key+r.value])
}
