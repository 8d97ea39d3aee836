package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
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
	byName   map[string]*stream
	byTopic  map[string]map[int32]*stream // by topic and partition
	producer *kgo.Client
	consumer *kgo.Client
	polls    turnstile
	keeper   keeper
	running  sync.WaitGroup
	rebuilds chan struct{} // holds a token for each partition that is being rebuilt

	questions questions

	// Of the goroutine that writes checkpoints.
	stopCheckpoints context.CancelFunc
	mayNotForget    bool

	background                     context.Context // ends with the log
	written, refused, writtenBytes atomic.Uint64   // checkpoints
	differing                      atomic.Int64    // copies that differ from their owners

	agreed atomic.Uint32 // engine version that all servers know; 0 as long as nobody has said so

	fetching   sync.Mutex // what is fetched changes
	unfetching bool       // for good

	mu       sync.Mutex // sessions come and go
	sessions int        // opened so far
	ended    error
}

var (
	_ log.Log      = (*Log)(nil)
	_ log.Follower = (*Session)(nil)
)

// Open makes or checks the topics and reads from the store how far each stream is. What sessions own or follow is read on
// from there.
func Open(ctx context.Context, cfg Config) (_ *Log, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	l := &Log{
		cfg: cfg, streams: map[machine.Stream]*stream{}, byName: map[string]*stream{},
		byTopic: map[string]map[int32]*stream{}, polls: newTurnstile(), keeper: keeper{wake: make(chan struct{}, 1), stop: make(chan struct{})},
		rebuilds: make(chan struct{}, max(1, runtime.GOMAXPROCS(0))),
	}
	if l.producer, err = kgo.NewClient(cfg.producerOptions()...); err != nil {
		return nil, fmt.Errorf("kafka log: %w", err)
	}
	if err := l.open(ctx); err != nil {
		l.producer.Close()
		return nil, fmt.Errorf("kafka log: %w", err)
	}
	l.background, l.stopCheckpoints = context.WithCancel(context.WithoutCancel(ctx))
	l.running.Go(l.read)
	l.running.Go(l.keep)
	l.running.Go(func() { l.checkpoint(l.background) })
	return l, nil
}

func (l *Log) open(ctx context.Context) error {
	if err := l.greet(ctx); err != nil {
		return err
	}
	t, err := l.cfg.makeTopics(ctx, kadm.NewClient(l.producer))
	if err != nil {
		return err
	}
	for _, id := range l.cfg.Streams {
		st := l.newStream(id, t.commands[id.Kind], t.changes[id.Kind])
		l.streams[id], l.byName[id.String()] = st, st
		if l.byTopic[st.commands.name] == nil {
			l.byTopic[st.commands.name] = map[int32]*stream{}
		}
		l.byTopic[st.commands.name][st.partition] = st
	}
	for _, st := range l.streams {
		at, err := st.stored()
		if err != nil {
			return fmt.Errorf("load %s: %w", st.id, err)
		}
		st.next = at.Next // all else is for sessions
	}
	if err := l.begin(ctx); err != nil {
		return err
	}
	l.consumer, err = kgo.NewClient(l.cfg.consumerOptions()...)
	return err
}

// begin compares each topic with what the store knows of it, and writes the first entry of an empty one.
func (l *Log) begin(ctx context.Context) error {
	var empty []*kgo.Record
	topics := map[string]bool{}
	for _, st := range l.streams {
		topics[st.commands.name] = true
	}
	b, err := l.askBounds(ctx, topics)
	if err != nil {
		return err
	}
	for _, st := range l.streams {
		if err := st.fitsEnd(b); err != nil {
			return err
		}
		if b.end(st) == 0 {
			empty = append(empty, st.note(&pb.LogNote{Note: &pb.LogNote_Beginning{Beginning: l.beginning(st)}}))
		}
	}
	if err := l.producer.ProduceSync(ctx, empty...).FirstErr(); err != nil {
		return fmt.Errorf("begin the topics: %w", err)
	}
	return nil
}

// bounds are where topics begin and end.
type bounds struct{ starts, ends kadm.ListedOffsets }

func (b bounds) start(st *stream) int64 { return b.starts[st.commands.name][st.partition].Offset }

func (b bounds) end(st *stream) int64 { return b.ends[st.commands.name][st.partition].Offset }

// boundsOf asks for the bounds of the topics of some streams. Who asks while others are asking is answered together with all who come meanwhile: brokers
// tell of whole topics, and a server opens all its partitions at once.
func (l *Log) boundsOf(ctx context.Context, streams []*stream) (bounds, error) {
	q, leads := l.questions.join(streams)
	if leads {
		l.questions.turn.Lock()
		q.answer, q.err = l.askBounds(l.background, l.questions.close()) //nolint:contextcheck // others wait for it, too
		l.questions.turn.Unlock()
		close(q.answered)
	}
	select {
	case <-q.answered:
		return q.answer, q.err
	case <-ctx.Done():
		return bounds{}, ctx.Err()
	}
}

// questions about bounds, one of which is asked at a time.
type questions struct {
	turn sync.Mutex // is held by who asks

	mu   sync.Mutex
	next *question // nil if nobody waits for a turn
}

// question is one that some ask together.
type question struct {
	topics   map[string]bool
	askers   int
	answered chan struct{}
	answer   bounds
	err      error
}

// join adds to the next question. The first one leads: he asks when it is his turn.
func (qs *questions) join(streams []*stream) (q *question, leads bool) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	if leads = qs.next == nil; leads {
		qs.next = &question{topics: map[string]bool{}, answered: make(chan struct{})}
	}
	for _, st := range streams {
		qs.next.topics[st.commands.name] = true
	}
	qs.next.askers++
	return qs.next, leads
}

// close lets nobody join the next question any more, and says what it is about.
func (qs *questions) close() map[string]bool {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	topics := qs.next.topics
	qs.next = nil
	return topics
}

// askBounds asks the brokers.
func (l *Log) askBounds(ctx context.Context, topics map[string]bool) (b bounds, err error) {
	names := slices.Sorted(maps.Keys(topics))
	admin := kadm.NewClient(l.producer)
	if b.starts, err = listed(ctx, admin.ListStartOffsets, names); err != nil {
		return b, fmt.Errorf("where the topics begin: %w", err)
	}
	if b.ends, err = listed(ctx, admin.ListEndOffsets, names); err != nil {
		return b, fmt.Errorf("where the topics end: %w", err)
	}
	return b, nil
}

// listed is what all brokers say.
func listed(ctx context.Context, ask func(context.Context, ...string) (kadm.ListedOffsets, error), names []string) (all kadm.ListedOffsets, err error) {
	err = patiently(ctx, func() error {
		if all, err = ask(ctx, names...); err != nil {
			return err
		}
		return all.Error()
	})
	return all, err
}

// settleTime is how long the brokers may take to agree on topics and their leaders.
const settleTime = time.Minute

// patiently asks the brokers again as long as they say that this may help: one of them may not have heard yet of what another has made.
func patiently(ctx context.Context, ask func() error) error {
	for end := time.Now().Add(settleTime); ; {
		err := ask()
		if err == nil || !kerr.IsRetriable(err) || time.Now().After(end) {
			return err
		}
		if pause(ctx) != nil {
			return err
		}
	}
}

// format is stepped by one whenever the meaning of the entries of a command topic changes.
const format = 4

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
	return l.openSession(ctx, streams, false)
}

// Follow gives a session that applies what others append: nothing that follows from the records leaves it, and nothing is to
// be appended on its behalf, until it claims the streams or is handed them over. Its Owned is closed when it has committed
// what was in the streams when it was opened.
func (l *Log) Follow(ctx context.Context, streams []machine.Stream) (log.Session, error) {
	return l.openSession(ctx, streams, true)
}

func (l *Log) openSession(ctx context.Context, ids []machine.Stream, follow bool) (log.Session, error) {
	if err := l.err(); err != nil {
		return nil, err
	}
	s := &Session{
		log: l, follows: follow, turns: log.NewTurns[*stream](), commit: make(chan struct{}, 1),
		owned: make(chan struct{}), leads: make(chan struct{}),
	}
	s.claims.Store(!follow)
	for _, id := range ids {
		st := l.streams[id]
		if st == nil {
			return nil, fmt.Errorf("open %s: %w", id, log.ErrUnknownStream)
		}
		s.streams = append(s.streams, st)
	}
	if err := l.admit(s); err != nil {
		return nil, err
	}
	b, err := l.rebuildAll(ctx, s.streams)
	if err != nil {
		return nil, err
	}
	ran := l.polls.do(func() { err = l.give(s, b) }) //nolint:contextcheck // what is sent outlives the call
	if !ran {
		return nil, errors.Join(log.ErrClosed, l.err())
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// admit names the session and ends those that had its streams.
func (l *Log) admit(s *Session) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended != nil {
		return l.ended
	}
	l.sessions++
	s.name, s.foreign, s.unled = fmt.Sprintf("%s/%d", l.cfg.Incarnation, l.sessions), len(s.streams), len(s.streams)
	for _, st := range s.streams {
		if owner := st.ownedBy(); owner != nil {
			owner.end(log.ErrFenced)
		}
	}
	return nil
}

// give lets the session have its streams as of what the store holds of them, and begins to fetch what lies behind. It
// runs between two polls.
func (l *Log) give(s *Session, b bounds) error {
	from := map[string]map[int32]kgo.Offset{}
	for _, st := range s.streams {
		l.dropFetched(st)
		if err := st.reload(); err != nil {
			return fmt.Errorf("load %s: %w", st.id, err)
		}
		if err := st.fits(b); err != nil {
			return err
		}
		if from[st.commands.name] == nil {
			from[st.commands.name] = map[int32]kgo.Offset{}
		}
		from[st.commands.name][st.partition] = kgo.NewOffset().At(st.next).WithEpoch(st.leader)
	}
	caught := 0
	for _, st := range s.streams {
		st.fetched = true
		if st.give(s, b.end(st)) {
			caught++
		}
	}
	l.consume(func() { l.consumer.AddConsumePartitions(from) })
	s.reached(caught, 0)
	return nil
}

// dropFetched stops fetching a stream that has no owner, or gets another. It runs between two polls.
func (l *Log) dropFetched(st *stream) {
	if !st.fetched {
		return
	}
	st.fetched = false
	of := map[string][]int32{st.commands.name: {st.partition}}
	l.consume(func() {
		l.consumer.RemoveConsumePartitions(of)
		l.consumer.ResumeFetchPartitions(of)
	})
}

// partitions are those of all streams by their topics.
func (l *Log) partitions() map[string][]int32 {
	of := map[string][]int32{}
	for _, st := range l.streams {
		of[st.commands.name] = append(of[st.commands.name], st.partition)
	}
	return of
}

// consume changes what is fetched, unless the client is being closed: it does not bear both at a time.
func (l *Log) consume(change func()) {
	l.fetching.Lock()
	defer l.fetching.Unlock()
	if !l.unfetching {
		change()
	}
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
		l.consume(func() {
			l.unfetching = true
			l.consumer.RemoveConsumePartitions(l.partitions())
		})
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
	defer l.polls.end()
	for {
		fetches := l.consumer.PollRecords(l.polls.begin(), fetchRecords)
		if fetches.IsClientClosed() {
			return
		}
		if err := l.take(fetches); err != nil {
			l.fail(err)
			return
		}
		l.polls.pass()
	}
}

func (l *Log) take(fetches kgo.Fetches) error {
	for _, f := range fetches {
		for i := range f.Topics {
			t := &f.Topics[i]
			for j := range t.Partitions {
				p := &t.Partitions[j]
				if errors.Is(p.Err, context.Canceled) {
					continue // the poll was interrupted
				}
				st := l.byTopic[t.Topic][p.Partition]
				if errors.Is(p.Err, kerr.OffsetOutOfRange) && st != nil {
					st.outrun()
					continue
				}
				if p.Err != nil {
					return fmt.Errorf("read %s/%d: %w", t.Topic, p.Partition, p.Err)
				}
				if st == nil || len(p.Records) == 0 {
					continue
				}
				st.seen(p.HighWatermark)
				if t.TopicID != [16]byte{} && !bytes.Equal(t.TopicID[:], st.commands.id[:]) {
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

func pause(ctx context.Context) error { return pauseFor(ctx, pauseTime) }

func pauseFor(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
