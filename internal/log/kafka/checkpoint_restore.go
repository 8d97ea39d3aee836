package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/store"
)

// changeBeginning is what a change log says of itself.
func (l *Log) changeBeginning(of machine.Stream) *pb.LogBeginning {
	return &pb.LogBeginning{Format: changeFormat, Cluster: l.cfg.Cluster, Stream: of.String(), Partitions: uint32(l.cfg.Partitions)}
}

// rebuildAll rebuilds the partitions that the store does not have, or has from so long ago that the command topic does not
// hold any more what came since. Nobody owns or follows them. It gives the bounds of the topics as they were when none was
// left: topics are trimmed meanwhile, and what was rebuilt may be too old again.
func (l *Log) rebuildAll(ctx context.Context, streams []*stream) (bounds, error) {
	tried := map[*stream]int64{} // where the topic began then
	for {
		b, err := l.boundsOf(ctx, streams)
		if err != nil {
			return b, err
		}
		lacking, err := l.lacking(streams, b, tried)
		if err != nil || len(lacking) == 0 {
			return b, err
		}
		running, ctx := errgroup.WithContext(ctx)
		for _, st := range lacking {
			tried[st] = b.start(st)
			running.Go(func() error {
				if err := l.restoreInTurn(ctx, st); err != nil {
					return fmt.Errorf("rebuild %s from %s: %w", st.id, st.changeLog.name, err)
				}
				return nil
			})
		}
		if err := running.Wait(); err != nil {
			return b, err
		}
	}
}

// lacking are the streams whose next entry the topic does not hold, unless that was tried and the topic begins where it did.
func (l *Log) lacking(streams []*stream, b bounds, tried map[*stream]int64) (lacking []*stream, err error) {
	for _, st := range streams {
		at := &pb.LogPosition{}
		if err := l.cfg.Store.View(st.id, keys.Position(), at.UnmarshalVT); err != nil {
			return nil, err
		}
		start, again := tried[st]
		if len(at.Topic) > 0 && at.Next >= b.start(st) || again && b.start(st) == start {
			continue
		}
		lacking = append(lacking, st)
	}
	return lacking, nil
}

// restoreInTurn rebuilds no more partitions at a time than there are processors, whoever opens them: each takes memory for a
// table and for what is fetched.
func (l *Log) restoreInTurn(ctx context.Context, st *stream) error {
	select {
	case l.rebuilds <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.rebuilds }()
	return l.restore(ctx, st.id, st.commands, st.changeLog)
}

// restore replaces what the store has of a stream by its newest checkpoint, if there is one.
func (l *Log) restore(ctx context.Context, id machine.Stream, commands, changes *topic) error {
	began := time.Now()
	r := &changeReader{client: l.producer, topic: changes, partition: int32(id.Partition)}
	if err := r.begin(ctx); err != nil {
		return err
	}
	if r.next >= r.end {
		return nil
	}
	if err := l.cfg.Store.Drop(id); err != nil {
		return err
	}
	load := &restoring{into: l.cfg.Store.NewLoader(id)}
	if err := r.readAll(ctx, load.take); err != nil {
		return err
	}
	if load.records == 0 {
		return nil // all that was begun was given up
	}
	if err := load.into.Flush(ctx); err != nil {
		return err
	}
	if err := l.fitsCheckpoint(id, load.mark, commands); err != nil {
		return err
	}
	if err := l.restored(id, load.mark.Position, changes); err != nil {
		return err
	}
	l.cfg.Logger.Info("rebuilt from the change log", "stream", id.String(), "records", load.records, "bytes", load.bytes,
		"offset", load.mark.Position.Next, "took", time.Since(began))
	return nil
}

func (l *Log) fitsCheckpoint(id machine.Stream, mark *pb.LogCheckpoint, commands *topic) error {
	switch want := l.changeBeginning(id); {
	case mark == nil:
		return fmt.Errorf("%w: it holds no checkpoint", ErrNotOurs)
	case !proto.Equal(mark.Beginning, want):
		return fmt.Errorf("%w: it is of %v, not of %v", ErrNotOurs, mark.Beginning, want)
	case string(mark.Position.GetTopic()) != string(commands.id[:]):
		return fmt.Errorf("%w: topic %s was made anew since", ErrLost, commands.name)
	default:
		return l.knows(mark.Position)
	}
}

// restored makes the rows count.
func (l *Log) restored(id machine.Stream, at *pb.LogPosition, changes *topic) error {
	b := l.cfg.Store.NewBatch(0)
	err := b.Put(id, keys.Covered(), &pb.LogCovered{Next: at.Next, Topic: changes.id[:]})
	if err == nil {
		err = b.Put(id, keys.Position(), at)
	}
	if err != nil {
		b.Discard()
		return err
	}
	return b.Commit()
}

// restoring is a partition that is being rebuilt.
type restoring struct {
	into    *store.Loader
	mark    *pb.LogCheckpoint
	records int
	bytes   int64
}

func (r *restoring) take(ctx context.Context, rec *kgo.Record) error {
	r.records++
	r.bytes += int64(len(rec.Key) + len(rec.Value))
	if string(rec.Key) != markKey {
		return r.into.Put(ctx, rec.Key, rec.Value)
	}
	r.mark = &pb.LogCheckpoint{}
	if err := r.mark.UnmarshalVT(rec.Value); err != nil {
		return fmt.Errorf("offset %d: %w: %w", rec.Offset, ErrNotOurs, err)
	}
	return nil
}

// changeReader reads one partition of a change log to its end: to what is committed when the end is reached. An end that was
// asked for before would not do, for compaction may already have taken a value that lies before it for the sake of one
// behind it.
type changeReader struct {
	client    *kgo.Client
	topic     *topic
	partition int32
	leader    int32
	next, end int64
}

func (r *changeReader) begin(ctx context.Context) error {
	admin := kadm.NewClient(r.client)
	starts, err := admin.ListStartOffsets(ctx, r.topic.name)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return fmt.Errorf("where it begins: %w", err)
	}
	ends, err := admin.ListCommittedOffsets(ctx, r.topic.name)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("where it ends: %w", err)
	}
	r.next, r.end = starts[r.topic.name][r.partition].Offset, ends[r.topic.name][r.partition].Offset
	return r.findLeader(ctx)
}

func (r *changeReader) findLeader(ctx context.Context) error {
	d, err := describe(ctx, kadm.NewClient(r.client), r.topic.name)
	if err != nil {
		return fmt.Errorf("who leads it: %w", err)
	}
	r.leader = d.Partitions[r.partition].Leader
	return nil
}

// fetchAhead is how many fetches may wait to be taken.
const fetchAhead = 2

// readAll gives everything that is committed, in order.
func (r *changeReader) readAll(ctx context.Context, take func(context.Context, *kgo.Record) error) error {
	fetched := make(chan []*kgo.Record, fetchAhead)
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error {
		defer close(fetched)
		for r.next < r.end {
			records, err := r.fetch(ctx)
			if err != nil {
				return err
			}
			select {
			case fetched <- records:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	running.Go(func() error {
		for records := range fetched {
			for _, rec := range records {
				if err := take(ctx, rec); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return running.Wait()
}

// fetchBytes bounds one fetch.
const fetchBytes = 8 << 20

// fetch reads on, and sees how far it can.
func (r *changeReader) fetch(ctx context.Context) ([]*kgo.Record, error) {
	for {
		fp, next, err := r.fetchOnce(ctx)
		if err == nil {
			r.next, r.end = next, fp.LastStableOffset
			return fp.Records, nil
		}
		if !kerr.IsRetriable(err) {
			return nil, fmt.Errorf("read at offset %d: %w", r.next, err)
		}
		if errors.Is(err, kerr.UnknownTopicID) {
			if err := r.topic.stillThere(ctx, r.client); err != nil {
				return nil, err // it does not come back
			}
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
		if err := r.findLeader(ctx); err != nil {
			return nil, err
		}
	}
}

func (r *changeReader) fetchOnce(ctx context.Context) (fp kgo.FetchPartition, next int64, err error) {
	req := kmsg.NewPtrFetchRequest()
	req.MinBytes, req.MaxBytes, req.IsolationLevel, req.SessionEpoch = 1, fetchBytes, 1, -1
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = r.topic.name, r.topic.id
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = r.partition, r.next, fetchBytes
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	kresp, err := r.client.Broker(int(r.leader)).RetriableRequest(ctx, req)
	if err != nil {
		return fp, 0, err
	}
	resp := kresp.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return fp, 0, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return fp, 0, errors.New("the broker did not answer for the partition")
	}
	fp, next = kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		Offset: r.next, IsolationLevel: kgo.ReadCommitted(), Topic: r.topic.name, Partition: r.partition,
	}, &resp.Topics[0].Partitions[0], kgo.DefaultDecompressor(), nil)
	return fp, next, fp.Err
}
