package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
	"littlehorse/internal/store"
)

// uncovered is what the change log lacks of a stream.
type uncovered struct {
	bytes int64     // changed, each change counted
	since time.Time // zero if there is nothing
	after time.Time // of the last attempt that failed: nothing is tried before

	writing time.Time // since of what is being written; zero if nothing is
}

func (u *uncovered) oldest() time.Time {
	if !u.writing.IsZero() {
		return u.writing
	}
	return u.since
}

func (u *uncovered) add(bytes int64, now time.Time) {
	u.bytes += bytes
	if u.since.IsZero() {
		u.since = now
	}
}

// CheckpointStats are what the checkpoints of a Log have come to since it was opened.
type CheckpointStats struct {
	// Written and Failed count checkpoints, Bytes what was written, before compression.
	Written, Failed, Bytes uint64
	// Differing counts copies that were found to differ from their owners.
	Differing int64
	// Behind is how old the oldest change is that no checkpoint covers, of all streams that this process owns.
	Behind time.Duration
}

// Checkpoints tells how checkpoints go.
func (l *Log) Checkpoints() CheckpointStats {
	now := time.Now()
	out := CheckpointStats{Written: l.written.Load(), Failed: l.refused.Load(), Bytes: l.writtenBytes.Load(), Differing: l.differing.Load()}
	for _, st := range l.streams {
		st.mu.Lock()
		if since := st.uncovered.oldest(); st.held && !since.IsZero() {
			out.Behind = max(out.Behind, now.Sub(since))
		}
		st.mu.Unlock()
	}
	return out
}

// retryTime is how long a stream waits whose checkpoint failed.
const retryTime = 5 * time.Second

// checkpointTime bounds one checkpoint, and how long the brokers keep its transaction open.
const checkpointTime = 5 * time.Minute

// checkpointed is where a checkpoint was, and when.
type checkpointed struct {
	at   time.Time
	next int64
}

// checkpointsAtOnce bounds how many checkpoints are written side by side: each holds a connection, and a page of keys and what is on its
// way in memory, and commands share the disk and the brokers with them.
const checkpointsAtOnce = 4

// checkpoint writes checkpoints of the streams that this process owns, and lets their command topics forget, until ctx ends.
func (l *Log) checkpoint(ctx context.Context) {
	var writing sync.WaitGroup
	defer writing.Wait()
	turns := make(chan struct{}, checkpointsAtOnce)
	tick := time.NewTicker(min(time.Second, max(time.Millisecond, l.cfg.CheckpointEvery/4)))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		for _, st := range l.due(time.Now()) {
			select {
			case turns <- struct{}{}:
			case <-ctx.Done():
				return
			}
			took := st.beginCover()
			writing.Go(func() {
				defer func() { <-turns }()
				if err := l.coverAs(ctx, st, took); err != nil && ctx.Err() == nil {
					l.cfg.Logger.Warn("a checkpoint failed and will be tried again", "stream", st.id.String(), "err", err)
				}
			})
		}
		l.forgetAll(ctx, time.Now())
	}
}

// due are the streams that need a checkpoint, those first that wait longest.
func (l *Log) due(now time.Time) []*stream {
	type waiting struct {
		st    *stream
		since time.Time
	}
	var all []waiting
	for _, st := range l.streams {
		if since, ok := st.due(now); ok {
			all = append(all, waiting{st, since})
		}
	}
	slices.SortFunc(all, func(a, b waiting) int {
		return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.st.id.String(), b.st.id.String()))
	})
	out := make([]*stream, len(all))
	for i, w := range all {
		out[i] = w.st
	}
	return out
}

func (st *stream) due(now time.Time) (since time.Time, ok bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	u, cfg := &st.uncovered, &st.log.cfg
	if !st.held || st.closed || u.since.IsZero() || !u.writing.IsZero() || now.Before(u.after) {
		return u.since, false
	}
	return u.since, u.bytes >= cfg.CheckpointBytes || now.Sub(u.since) >= cfg.CheckpointEvery
}

// beginCover takes what the next checkpoint of the stream is to cover.
func (st *stream) beginCover() (took uncovered) {
	st.mu.Lock()
	defer st.mu.Unlock()
	took = st.uncovered
	st.uncovered = uncovered{writing: took.since}
	return took
}

// coverAs writes one checkpoint. Whatever goes wrong, what it had to cover is still known to the store.
func (l *Log) coverAs(ctx context.Context, st *stream, took uncovered) error {
	err := l.coverTaken(ctx, st)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.uncovered.writing = time.Time{}
	if err == nil {
		return nil
	}
	l.refused.Add(1)
	st.uncovered.bytes += took.bytes
	st.uncovered.since, st.uncovered.after = took.since, time.Now().Add(min(retryTime, l.cfg.CheckpointEvery))
	return err
}

func (l *Log) coverTaken(ctx context.Context, st *stream) error {
	ctx, cancel := context.WithTimeout(ctx, checkpointTime)
	defer cancel()
	began := time.Now()
	epoch, ok := st.heldEpoch()
	if !ok {
		return nil
	}
	w, err := st.newCheckpointWriter(ctx)
	if err != nil {
		return err
	}
	defer w.close() //nolint:contextcheck // what is open is given up although the time is over
	snap, err := st.confirm(ctx, epoch)
	if err != nil {
		return err
	}
	next, err := w.write(ctx, snap)
	if closing := snap.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = w.readable(ctx)
	}
	if err != nil {
		return err
	}
	st.covers(next, w.hash()) //nolint:contextcheck // what is sent outlives the call
	l.written.Add(1)
	l.writtenBytes.Add(uint64(w.bytes))
	l.cfg.Logger.Debug("checkpoint", "stream", st.id.String(), "next", next, "records", w.records, "bytes", w.bytes, "took", time.Since(began))
	return nil
}

// heldEpoch is the epoch of this process as the owner; ok is false if it is not.
func (st *stream) heldEpoch() (epoch uint64, ok bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.mine, st.held && !st.closed
}

var errNotOwner = errors.New("another session owns the stream now")

// confirm returns the state at an entry that was appended after the call, when it is known that no other session had become the owner
// before that. The claim of a successor then comes after the call, and so does everything that he does as the owner.
func (st *stream) confirm(ctx context.Context, epoch uint64) (*store.Snapshot, error) {
	c, err := st.askCut() //nolint:contextcheck // what is sent outlives the call
	if err != nil {
		return nil, err
	}
	for st.ownsAt(epoch) {
		select {
		case <-c.made:
			return c.snap, nil
		case <-time.After(pauseTime):
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("confirm the ownership: %w", ctx.Err()), st.giveUp(c))
		}
	}
	return nil, errors.Join(errNotOwner, st.giveUp(c))
}

// ownsAt tells whether the owner of the epoch still is the owner.
func (st *stream) ownsAt(epoch uint64) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.held && !st.closed && st.mine == epoch && st.epoch == epoch
}

// covers says in the stream that a checkpoint covers what lies before the offset: all replicas forget what they remembered
// for it, and compare what they have with what it says.
func (st *stream) covers(next int64, hash []byte) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.closed {
		return
	}
	st.checkpoints = append(st.checkpoints, checkpointed{time.Now(), next})
	st.send(st.note(&pb.LogNote{Note: &pb.LogNote_Covered{Covered: &pb.LogCovered{Next: next, Topic: st.changeLog.id[:], Hash: hash}}}), nil)
}

// coveredElsewhere notes a checkpoint of the owner where he is followed. What has changed since is as old as the note, or less.
// The stream's mutex must be held.
func (st *stream) coveredElsewhere(c *pb.LogCovered) {
	now := time.Now()
	st.compare(&st.comparison.theirs, c.Next, c.Hash)
	st.uncovered = uncovered{since: now}
	st.checkpoints = []checkpointed{{now, c.Next}}
}

// addCovered forgets which keys were changed before a checkpoint.
func (st *stream) addCovered(b *store.Batch, c *pb.LogCovered) error {
	if err := b.DeleteRange(st.id, keys.AllChanged(), keys.Changed(c.Next+1)); err != nil {
		return err
	}
	return b.Put(st.id, keys.Covered(), c)
}

// forgetAll deletes from the command topics what checkpoints have covered for long enough. The disk has it, too.
func (l *Log) forgetAll(ctx context.Context, now time.Time) {
	old := map[*stream]int64{}
	for _, st := range l.streams {
		if next, ok := st.forgettable(now); ok {
			old[st] = next
		}
	}
	if len(old) == 0 {
		return
	}
	if err := l.cfg.Store.Sync(); err != nil {
		l.cfg.Logger.Warn("records that are not needed any more are not deleted", "err", err)
		return
	}
	for st, next := range old {
		l.forget(ctx, st, next)
	}
}

// forget deletes the records of a stream before the offset.
func (l *Log) forget(ctx context.Context, st *stream, next int64) {
	err := st.changeLog.stillThere(ctx, l.producer)
	if err == nil {
		at := kadm.Offsets{}
		at.AddOffset(st.commands.name, st.partition, next, -1)
		var all kadm.DeleteRecordsResponses
		if all, err = kadm.NewClient(l.producer).DeleteRecords(ctx, at); err == nil {
			err = all.Error()
		}
	}
	switch {
	case err == nil || ctx.Err() != nil:
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		if !l.mayNotForget {
			l.cfg.Logger.Warn("the server may not delete records: the command topics grow for ever", "topic", st.commands.name)
		}
		l.mayNotForget = true
	default:
		l.cfg.Logger.Warn("records that are not needed any more could not be deleted", "topic", st.commands.name, "partition", st.partition, "err", err)
	}
}

// forgettable is the offset of the newest checkpoint that is old enough, once.
func (st *stream) forgettable(now time.Time) (next int64, ok bool) {
	keep := st.log.cfg.KeepCommands
	if keep < 0 || st.log.mayNotForget {
		return 0, false
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if !st.held || st.closed {
		return 0, false
	}
	for len(st.checkpoints) > 0 && now.Sub(st.checkpoints[0].at) >= keep {
		next, ok = st.checkpoints[0].next, true
		st.checkpoints = st.checkpoints[1:]
	}
	return next, ok
}
