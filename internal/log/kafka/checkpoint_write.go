package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
	"littlehorse/internal/store"
)

// changeFormat is stepped by one whenever the meaning of the records of a change log changes.
const changeFormat = 1

// markKey is the key of the record that ends each checkpoint. No row of a store has it.
const markKey = "\x00checkpoint"

// checkpointWriter writes one checkpoint as a transaction. Its transactional id is that of the stream, so the brokers refuse
// whoever began one before.
type checkpointWriter struct {
	st      *stream
	client  *kgo.Client
	failure atomic.Pointer[error]
	open    bool

	records int
	bytes   int64
	rows    rowHash
	last    atomic.Int64 // offset of the record that was written last
}

// newCheckpointWriter ends the transactions that others have open for the stream, and keeps them from writing.
func (st *stream) newCheckpointWriter(ctx context.Context) (*checkpointWriter, error) {
	c := &st.log.cfg
	client, err := kgo.NewClient(append(c.clientOptions(),
		kgo.TransactionalID(st.changeLog.name+"-"+strconv.Itoa(int(st.partition))),
		kgo.TransactionTimeout(checkpointTime),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.SnappyCompression()),
		kgo.ProducerBatchMaxBytes(int32(c.maxChangeBytes())),
		kgo.MaxBufferedBytes(bufferedBytes),
	)...)
	if err != nil {
		return nil, err
	}
	w := &checkpointWriter{st: st, client: client}
	if _, _, err := client.ProducerID(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("take over the transactions of %s: %w", st.id, err)
	}
	return w, nil
}

// bufferedBytes bounds what one checkpoint has on its way to the brokers.
const bufferedBytes = 8 << 20

// write writes what a store has changed since the last checkpoint, or everything if this change log has none. It returns
// where the stream goes on behind it.
func (w *checkpointWriter) write(ctx context.Context, snap *store.Snapshot) (next int64, err error) {
	at, covered, err := w.st.positions(snap)
	if err != nil {
		return 0, err
	}
	if err := w.client.BeginTransaction(); err != nil {
		return 0, err
	}
	w.open = true
	if bytes.Equal(covered.Topic, w.st.changeLog.id[:]) {
		err = w.writeChanged(ctx, snap)
	} else {
		err = w.writeAll(ctx, snap)
	}
	if err == nil {
		err = w.end(ctx, at)
	}
	return at.Next, err
}

// positions are how far the state is that the snapshot holds, and what of it the last checkpoint covers.
func (st *stream) positions(snap *store.Snapshot) (*pb.LogPosition, *pb.LogCovered, error) {
	at, covered := &pb.LogPosition{}, &pb.LogCovered{}
	value, ok, err := snap.Get(st.id, keys.Position())
	if err == nil && !ok {
		err = errors.New("nothing is applied yet")
	}
	if err == nil {
		err = at.UnmarshalVT(value)
	}
	if err == nil {
		value, _, err = snap.Get(st.id, keys.Covered())
	}
	if err == nil {
		err = covered.UnmarshalVT(value)
	}
	return at, covered, err
}

// writeChanged writes each row that has changed as it is, or that it is not there any more.
func (w *checkpointWriter) writeChanged(ctx context.Context, snap *store.Snapshot) error {
	w.rows = newRowHash()
	return w.st.eachChangedRow(ctx, snap, func(key, value []byte, found bool) error {
		w.rows.add(key, value, found)
		if !found {
			return w.put(ctx, key, nil)
		}
		return w.put(ctx, key, append([]byte{}, value...))
	})
}

// hash is that of the rows that had changed; nil if all were written.
func (w *checkpointWriter) hash() []byte {
	if w.rows.Hash == nil {
		return nil
	}
	return w.rows.sum()
}

func (w *checkpointWriter) writeAll(ctx context.Context, snap *store.Snapshot) error {
	var broken error
	err := snap.Scan(w.st.id, "", "", func(k keys.Key, value []byte) bool {
		if key := []byte(k); !isLocal(key) {
			broken = w.put(ctx, key, append([]byte{}, value...))
		}
		return broken == nil
	})
	return errors.Join(err, broken)
}

// put writes a row; without a value it is a tombstone.
func (w *checkpointWriter) put(ctx context.Context, key, value []byte) error {
	w.records++
	w.bytes += int64(len(key) + len(value))
	r := &kgo.Record{Topic: w.st.changeLog.name, Partition: w.st.partition, Key: key, Value: value}
	w.client.Produce(ctx, r, func(r *kgo.Record, err error) {
		if err != nil {
			w.failure.CompareAndSwap(nil, &err)
		}
		w.last.Store(r.Offset)
	})
	return w.err()
}

func (w *checkpointWriter) err() error {
	if err := w.failure.Load(); err != nil {
		return fmt.Errorf("write to %s/%d: %w", w.st.changeLog.name, w.st.partition, *err)
	}
	return nil
}

// end writes what makes it a checkpoint, and commits.
func (w *checkpointWriter) end(ctx context.Context, at *pb.LogPosition) error {
	mark, err := proto.MarshalOptions{Deterministic: true}.Marshal(&pb.LogCheckpoint{Beginning: w.st.log.changeBeginning(w.st.id), Position: at})
	if err != nil {
		return err
	}
	if err := w.put(ctx, []byte(markKey), mark); err != nil {
		return err
	}
	if err := w.client.Flush(ctx); err != nil {
		return err
	}
	if err := w.err(); err != nil {
		return err
	}
	if err := w.st.changeLog.stillThere(ctx, w.client); err != nil {
		return err // a new one would have a part of the state, and take it for all
	}
	if err := w.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("commit to %s/%d: %w", w.st.changeLog.name, w.st.partition, err)
	}
	w.open = false
	return nil
}

// readable waits until readers of what is committed find the checkpoint. Brokers say that a transaction is committed when its
// coordinator has written so, and tell its partitions after that: who was rebuilt meanwhile would have the checkpoint before
// it, and miss the commands that this one lets the topic forget.
func (w *checkpointWriter) readable(ctx context.Context) error {
	for pause := time.Millisecond; ; pause = min(2*pause, time.Second) {
		end, err := committedEnd(ctx, w.client, w.st.changeLog.name, w.st.partition)
		if err != nil || end > w.last.Load() {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("%s/%d is committed, and cannot be read yet: %w", w.st.changeLog.name, w.st.partition, ctx.Err())
		}
	}
}

// committedEnd is where a reader of what is committed comes to an end: the last stable offset.
func committedEnd(ctx context.Context, client *kgo.Client, topic string, partition int32) (int64, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.IsolationLevel = -1, 1
	of := kmsg.NewListOffsetsRequestTopicPartition()
	of.Partition, of.Timestamp = partition, -1
	req.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: topic, Partitions: []kmsg.ListOffsetsRequestTopicPartition{of}}}
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return 0, fmt.Errorf("where %s/%d ends: %w", topic, partition, err)
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return 0, fmt.Errorf("where %s/%d ends: the brokers do not say", topic, partition)
	}
	end := resp.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(end.ErrorCode); err != nil {
		return 0, fmt.Errorf("where %s/%d ends: %w", topic, partition, err)
	}
	return end.Offset, nil
}

// abortTime is how long a writer that gives up waits for the brokers. Without them the transaction ends with the next of the
// stream, or with its time.
const abortTime = 5 * time.Second

// close gives up what was not committed.
func (w *checkpointWriter) close() {
	if w.open {
		ctx, cancel := context.WithTimeout(context.Background(), abortTime)
		defer cancel()
		if err := w.client.AbortBufferedRecords(ctx); err == nil {
			_ = w.client.EndTransaction(ctx, kgo.TryAbort)
		}
	}
	w.client.Close()
}
