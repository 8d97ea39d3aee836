package kafka

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strconv"

	"littlehorse/internal/keys"
	"littlehorse/internal/log"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/store"
)

// moment is a cut of a stream that somebody waits for.
type moment struct {
	name string
	made chan struct{} // closed when there is the snapshot
	snap *store.Snapshot
}

// askCut appends a barrier at which the state is wanted.
func (st *stream) askCut() (*moment, error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.closed {
		return nil, log.ErrClosed
	}
	st.cuts++
	st.cut = &moment{name: st.log.cfg.Incarnation + "/" + strconv.Itoa(st.cuts), made: make(chan struct{})}
	st.send(st.note(&pb.LogNote{Note: &pb.LogNote_Barrier{Barrier: &pb.LogBarrier{Name: st.cut.name, Cut: true}}}), nil)
	return st.cut, nil
}

// giveUp waits for a cut no more.
func (st *stream) giveUp(c *moment) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.cut == c {
		st.cut = nil
	}
	if c.snap == nil {
		return nil
	}
	return c.snap.Close()
}

// atCut is called when the store holds the state at a cut: the owner writes it as a checkpoint, and who follows makes its hash.
func (st *stream) atCut(name string, next int64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	switch c := st.cut; {
	case c != nil && c.name == name:
		c.snap, st.cut = st.log.cfg.Store.Snapshot(), nil
		close(c.made)
	case st.mine == 0 && !st.closed && !st.comparison.hashing:
		st.comparison.hashing = true
		snap := st.log.cfg.Store.Snapshot()
		st.log.running.Go(func() { st.hashAt(snap, next) })
	}
}

// comparison is of the state here with that of the owner, at the same entry.
type comparison struct {
	ours, theirs hashed
	hashing      bool
}

// hashed is the hash of what had changed at an entry.
type hashed struct {
	next int64
	sum  []byte
}

// compare notes one of two hashes. The stream's mutex must be held.
func (st *stream) compare(which *hashed, next int64, sum []byte) {
	*which = hashed{next, sum}
	c := &st.comparison
	if c.ours.next != c.theirs.next || len(c.ours.sum) == 0 || len(c.theirs.sum) == 0 || bytes.Equal(c.ours.sum, c.theirs.sum) {
		return
	}
	if owner := st.owner; owner != nil {
		st.log.running.Go(func() { owner.differs(st, next) })
	}
}

// hashAt makes the hash of what has changed since the last checkpoint.
func (st *stream) hashAt(snap *store.Snapshot, next int64) {
	h := newRowHash()
	err := st.eachChangedRow(st.log.background, snap, func(key, value []byte, found bool) error {
		h.add(key, value, found)
		return nil
	})
	err = errors.Join(err, snap.Close())
	st.mu.Lock()
	defer st.mu.Unlock()
	st.comparison.hashing = false
	switch {
	case err == nil:
		st.compare(&st.comparison.ours, next, h.sum())
	case st.log.background.Err() == nil:
		st.log.cfg.Logger.Warn("a copy could not be compared with its owner", "stream", st.id.String(), "err", err)
	}
}

// rowHash is the hash of rows in the order of their keys. Rows that are deleted are none of it: whether one that came and went is among what has changed
// depends on the commits.
type rowHash struct{ hash.Hash }

func newRowHash() rowHash { return rowHash{sha256.New()} }

func (h rowHash) add(key, value []byte, found bool) {
	if !found {
		return
	}
	var sizes [16]byte
	binary.BigEndian.PutUint64(sizes[:8], uint64(len(key)))
	binary.BigEndian.PutUint64(sizes[8:], uint64(len(value)))
	h.Write(sizes[:])
	h.Write(key)
	h.Write(value)
}

func (h rowHash) sum() []byte { return h.Sum(nil) }

// eachChangedRow visits the rows that have changed since the last checkpoint, as they are in the snapshot.
func (st *stream) eachChangedRow(ctx context.Context, snap *store.Snapshot, visit func(key, value []byte, found bool) error) (err error) {
	rows, err := snap.Cursor(st.id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for after := ""; ; {
		page, err := st.changedAfter(snap, after, changedPage)
		if err != nil {
			return err
		}
		for _, k := range page {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := visitRow(st, rows, keys.Key(k), visit); err != nil {
				return err
			}
		}
		if len(page) < changedPage {
			return nil
		}
		after = page[len(page)-1]
	}
}

func visitRow(st *stream, rows *store.Rows, k keys.Key, visit func(key, value []byte, found bool) error) error {
	if !rows.Look(st.id, k) {
		return visit([]byte(k), nil, false)
	}
	value, err := rows.Value()
	if err != nil {
		return err
	}
	return visit([]byte(k), value, true)
}

// differs ends the session of a copy that is not what its owner has, and marks the copy so that nobody opens it again.
func (s *Session) differs(st *stream, next int64) {
	s.log.cfg.Logger.Error("a copy differs from the state of its owner, and is not used any more: two servers have not applied the same commands alike",
		"stream", st.id.String(), "next", next)
	if err := st.mark(next); err != nil {
		s.log.fail(fmt.Errorf("mark a copy that differs: %w", err))
		return
	}
	s.log.differing.Add(1)
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.end(fmt.Errorf("%s at offset %d: %w", st.id, next, log.ErrDiffers))
}

// mark lets nobody use the copy any more.
func (st *stream) mark(next int64) error {
	b := st.log.cfg.Store.NewBatch(0)
	if err := b.Put(st.id, keys.Differs(), &pb.Counter{Value: uint64(next)}); err != nil {
		b.Discard()
		return err
	}
	return b.Commit()
}

// usable refuses a copy that was found to differ.
func (st *stream) usable() error {
	at := &pb.Counter{}
	if err := st.log.cfg.Store.View(st.id, keys.Differs(), at.UnmarshalVT); err != nil {
		return err
	}
	if at.Value > 0 {
		return fmt.Errorf("%s at offset %d: %w: start the server with an empty folder", st.id, at.Value, log.ErrDiffers)
	}
	return nil
}

// Differs tells whether the copy of a stream here was found not to be what its owner has.
func (l *Log) Differs(of machine.Stream) bool {
	st := l.streams[of]
	return st != nil && errors.Is(st.usable(), log.ErrDiffers)
}
