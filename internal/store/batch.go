package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// Batch is a set of changes that become durable together. It belongs to one goroutine at a time.
type Batch struct {
	store *Store
	b     *pebble.Batch
}

// NewBatch makes an empty batch; sizeHint is the expected number of encoded bytes.
func (s *Store) NewBatch(sizeHint int) *Batch {
	return &Batch{store: s, b: s.db.NewBatchWithSize(sizeHint)}
}

// Put sets the key to the value, encoded here.
func (b *Batch) Put(to machine.Stream, k keys.Key, v machine.Value) error {
	op := b.b.SetDeferred(prefixBytes+len(k), v.SizeVT())
	appendKey(op.Key[:0], to, k)
	if _, err := v.MarshalToSizedBufferVT(op.Value); err != nil {
		return fmt.Errorf("store: encode %T: %w", v, err)
	}
	return op.Finish()
}

// PutEncoded is Put of a value that is encoded.
func (b *Batch) PutEncoded(to machine.Stream, k keys.Key, value []byte) error {
	op := b.b.SetDeferred(prefixBytes+len(k), len(value))
	appendKey(op.Key[:0], to, k)
	copy(op.Value, value)
	return op.Finish()
}

// Delete removes the key.
func (b *Batch) Delete(from machine.Stream, k keys.Key) error {
	op := b.b.DeleteDeferred(prefixBytes + len(k))
	appendKey(op.Key[:0], from, k)
	return op.Finish()
}

// DeleteRange removes the keys of [start, end).
func (b *Batch) DeleteRange(from machine.Stream, start, end keys.Key) error {
	return b.b.DeleteRange(appendKey(nil, from, start), appendKey(nil, from, end), nil)
}

// Each visits the single keys that the batch puts and deletes so far, in the order in which that was said; ranges are left
// out. The bytes must not be changed, and are good until the batch is committed.
func (b *Batch) Each(visit func(of machine.Stream, key, value []byte)) error {
	for r := b.b.Reader(); ; {
		kind, k, value, ok, err := r.Next()
		if err != nil {
			return fmt.Errorf("store: read a batch: %w", err)
		}
		if !ok {
			return nil
		}
		if kind == pebble.InternalKeyKindSet || kind == pebble.InternalKeyKindDelete {
			visit(streamOf(k), k[prefixBytes:], value)
		}
	}
}

// Bytes is the encoded size of the batch.
func (b *Batch) Bytes() int { return b.b.Len() }

// Changes is how many puts and deletes the batch holds.
func (b *Batch) Changes() int { return int(b.b.Count()) }

// Commit makes the batch durable, all or nothing, and visible; it returns after the sync. After an error
// nobody can tell what is durable: the store has failed for good.
func (b *Batch) Commit() error { return b.commit(pebble.Sync) }

// CommitUnsynced makes the batch visible, all or nothing, and returns before it is durable. A crash may take it back,
// and with it all batches after it.
func (b *Batch) CommitUnsynced() error { return b.commit(pebble.NoSync) }

func (b *Batch) commit(how *pebble.WriteOptions) error {
	return b.store.write(func() error {
		if err := b.b.Commit(how); err != nil {
			b.store.fail(fmt.Errorf("commit: %w", err))
			return b.store.Err()
		}
		b.store.watch.wrote(b.b.Len())
		return b.b.Close()
	})
}

// write lets Pebble write. It ends the process when a write or the change to a new log file fails; here that fails the store.
func (s *Store) write(op func() error) (failure error) {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.end()
	defer func() {
		if p := recover(); p != nil {
			s.unwound(p)
			failure = s.Err()
		}
	}()
	return op()
}

// Flush writes what is in memory only into tables, and returns when they are there. The store does so by itself when there is much;
// a simulation decides when.
func (s *Store) Flush() error {
	return s.write(s.db.Flush)
}

// Sync makes durable what was committed unsynced before.
func (s *Store) Sync() error {
	return s.write(func() error {
		if err := s.db.LogData(nil, pebble.Sync); err != nil {
			s.fail(fmt.Errorf("sync: %w", err))
			return s.Err()
		}
		return nil
	})
}

// Discard gives up a batch that is not to be committed.
func (b *Batch) Discard() { _ = b.b.Close() }
