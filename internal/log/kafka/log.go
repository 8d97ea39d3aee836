package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"littlehorse/internal/log"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// ErrNotOurs says that a topic holds what this program did not write, or wrote for another cluster.
var ErrNotOurs = errors.New("the topic is not one of this cluster")

// ErrLost says that a topic no longer holds what a store has applied, or has yet to apply.
var ErrLost = errors.New("the topic and the store do not fit together")

// Log implements log.Log.
type Log struct {
	cfg      Config
	streams  map[machine.Stream]*stream
	bySource map[string]*stream           // by the name of their outbox
	byTopic  map[string]map[int32]*stream // by topic and partition
	producer *kgo.Client
	consumer *kgo.Client
	keeper   keeper
	running  sync.WaitGroup

	// Of the goroutine that writes checkpoints.
	stopCheckpoints context.CancelFunc
	mayNotForget    bool

	mu       sync.Mutex // sessions come and go
	sessions int        // opened so far
	ended    error
}

var _ log.Log = (*Log)(nil)

// Open makes or checks the topics, reads from the store how far each stream is, and begins to read on from there.
func Open(ctx context.Context, cfg Config) (_ *Log, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	l := &Log{
		cfg: cfg, streams: map[machine.Stream]*stream{}, bySource: map[string]*stream{},
		byTopic: map[string]map[int32]*stream{}, keeper: keeper{wake: make(chan struct{}, 1), stop: make(chan struct{})},
	}
	if l.producer, err = kgo.NewClient(cfg.producerOptions()...); err != nil {
		return nil, fmt.Errorf("kafka log: %w", err)
	}
	if err := l.open(ctx); err != nil {
		l.producer.Close()
		return nil, fmt.Errorf("kafka log: %w", err)
	}
	l.running.Go(l.read)
	l.running.Go(l.keep)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stopCheckpoints = stop
	l.running.Go(func() { l.checkpoint(background) })
	return l, nil
}

func (l *Log) open(ctx context.Context) error {
	t, err := l.cfg.makeTopics(ctx, kadm.NewClient(l.producer))
	if err != nil {
		return err
	}
	starts, err := l.starts(ctx, t)
	if err != nil {
		return err
	}
	if err := l.restoreAll(ctx, t, starts); err != nil {
		return err
	}
	for _, id := range l.cfg.Streams {
		st, err := l.load(id, t.commands[id.Kind], t.changes[id.Kind])
		if err != nil {
			return fmt.Errorf("load %s: %w", id, err)
		}
		l.streams[id], l.bySource[st.source] = st, st
		if l.byTopic[st.topic] == nil {
			l.byTopic[st.topic] = map[int32]*stream{}
		}
		l.byTopic[st.topic][st.partition] = st
	}
	for _, st := range l.streams {
		if err := l.loadOutboxes(st); err != nil {
			return fmt.Errorf("load outboxes of %s: %w", st.id, err)
		}
	}
	if err := l.begin(ctx, starts); err != nil {
		return err
	}
	l.consumer, err = kgo.NewClient(l.consumerOptions()...)
	return err
}

func (c *Config) clientOptions() []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID(c.Cluster + "-" + c.Incarnation),
		kgo.MetadataMinAge(100 * time.Millisecond),
	}
}

// A record is sent until the brokers have taken or refused it: nobody could tell what became of one that was given up.
func (c *Config) producerOptions() []kgo.Opt {
	return append(c.clientOptions(),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(c.Linger),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerBatchMaxBytes(int32(c.maxMessageBytes())),
		kgo.MaxBufferedRecords(1<<30), // the bounds are those of the streams
	)
}

// The client never chooses an offset of its own.
func (l *Log) consumerOptions() []kgo.Opt {
	from := map[string]map[int32]kgo.Offset{}
	for topic, streams := range l.byTopic {
		from[topic] = map[int32]kgo.Offset{}
		for partition, st := range streams {
			from[topic][partition] = kgo.NewOffset().At(st.next).WithEpoch(st.leader)
		}
	}
	return append(l.cfg.clientOptions(),
		kgo.ConsumePartitions(from),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMinBytes(1),
		kgo.FetchMaxPartitionBytes(int32(max(1<<20, l.cfg.maxMessageBytes()))),
	)
}

// begin compares each topic with what the store knows of it, and writes the first entry of an empty one.
func (l *Log) begin(ctx context.Context, starts kadm.ListedOffsets) error {
	var empty []*kgo.Record
	var names []string
	for topic := range l.byTopic {
		names = append(names, topic)
	}
	ends, err := l.ends(ctx, names...)
	if err != nil {
		return err
	}
	for _, st := range l.streams {
		end := ends[st.topic][st.partition].Offset
		if err := st.fits(starts[st.topic][st.partition].Offset, end); err != nil {
			return err
		}
		if end == 0 {
			empty = append(empty, st.note(&pb.LogNote{Note: &pb.LogNote_Beginning{Beginning: l.beginning(st)}}))
		}
	}
	if err := l.producer.ProduceSync(ctx, empty...).FirstErr(); err != nil {
		return fmt.Errorf("begin the topics: %w", err)
	}
	return nil
}

// starts are where the command topics begin.
func (l *Log) starts(ctx context.Context, t topics) (kadm.ListedOffsets, error) {
	var names []string
	for _, c := range t.commands {
		names = append(names, c.name)
	}
	starts, err := kadm.NewClient(l.producer).ListStartOffsets(ctx, names...)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("where the topics begin: %w", err)
	}
	return starts, nil
}

func (l *Log) ends(ctx context.Context, topics ...string) (kadm.ListedOffsets, error) {
	ends, err := kadm.NewClient(l.producer).ListEndOffsets(ctx, topics...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("where the topics end: %w", err)
	}
	return ends, nil
}

// format is stepped by one whenever the meaning of the entries of a command topic changes.
const format = 3

func (l *Log) beginning(st *stream) *pb.LogBeginning {
	return &pb.LogBeginning{Format: format, Cluster: l.cfg.Cluster, Stream: st.id.String(), Partitions: uint32(l.cfg.Partitions)}
}

// Append implements log.Log. A record of an owner carries his epoch, and has no effect behind that of a successor.
func (l *Log) Append(to machine.Stream, r *pb.Record) error {
	st := l.streams[to]
	if st == nil {
		return fmt.Errorf("append to %s: %w", to, log.ErrUnknownStream)
	}
	return st.append(r)
}

// Open implements log.Log. The session follows the streams to where they ended, and only then becomes their owner.
func (l *Log) Open(ctx context.Context, streams []machine.Stream) (log.Session, error) {
	if err := l.err(); err != nil {
		return nil, err
	}
	s := &Session{log: l, turns: log.NewTurns[*stream](), commit: make(chan struct{}, 1), owned: make(chan struct{})}
	topics := map[string]bool{}
	for _, id := range streams {
		st := l.streams[id]
		if st == nil {
			return nil, fmt.Errorf("open %s: %w", id, log.ErrUnknownStream)
		}
		s.streams = append(s.streams, st)
		topics[st.topic] = true
	}
	var names []string
	for topic := range topics {
		names = append(names, topic)
	}
	ends, err := l.ends(ctx, names...)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended != nil {
		return nil, l.ended
	}
	l.sessions++
	s.name, s.foreign = fmt.Sprintf("%s/%d", l.cfg.Incarnation, l.sessions), len(s.streams)
	for _, st := range s.streams {
		if owner := st.ownedBy(); owner != nil {
			owner.end(log.ErrFenced)
		}
		st.give(s, ends[st.topic][st.partition].Offset) //nolint:contextcheck // what is sent outlives the call
	}
	return s, nil
}

// CatalogMoved is to be called when CatalogVersion has risen.
func (l *Log) CatalogMoved() {
	for _, st := range l.streams {
		st.unpark()
	}
}

func (l *Log) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// Close implements log.Log.
func (l *Log) Close() error {
	l.end(log.ErrClosed)
	l.stopCheckpoints()
	l.keeper.end()
	if l.consumer != nil {
		l.consumer.Close()
	}
	l.producer.Close()
	l.running.Wait()
	return nil
}

// fail ends all sessions: the order of the streams is not known any more.
func (l *Log) fail(err error) { l.end(fmt.Errorf("kafka log: %w", err)) }

func (l *Log) end(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended != nil {
		return
	}
	l.ended = why
	for _, st := range l.streams {
		if owner := st.ownedBy(); owner != nil {
			owner.end(why)
		}
		st.shut()
	}
}

// fetchRecords bounds how many records are taken from the client at a time.
const fetchRecords = 4096

// read takes what the brokers send until the log ends.
func (l *Log) read() {
	for {
		fetches := l.consumer.PollRecords(context.Background(), fetchRecords)
		if fetches.IsClientClosed() {
			return
		}
		if err := l.take(fetches); err != nil {
			l.fail(err)
			return
		}
	}
}

func (l *Log) take(fetches kgo.Fetches) error {
	for _, f := range fetches {
		for i := range f.Topics {
			t := &f.Topics[i]
			for j := range t.Partitions {
				p := &t.Partitions[j]
				if p.Err != nil {
					return fmt.Errorf("read %s/%d: %w", t.Topic, p.Partition, p.Err)
				}
				st := l.byTopic[t.Topic][p.Partition]
				if st == nil || len(p.Records) == 0 {
					continue
				}
				if t.TopicID != [16]byte{} && !bytes.Equal(t.TopicID[:], st.topicID) {
					return fmt.Errorf("read %s/%d: %w: another topic has its name now", t.Topic, p.Partition, ErrLost)
				}
				if err := st.readAll(p.Records); err != nil {
					return fmt.Errorf("read %s/%d: %w", t.Topic, p.Partition, err)
				}
			}
		}
	}
	return nil
}

// pauseTime lies between two questions to brokers that need a moment.
const pauseTime = 20 * time.Millisecond

func pause(ctx context.Context) error {
	t := time.NewTimer(pauseTime)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
