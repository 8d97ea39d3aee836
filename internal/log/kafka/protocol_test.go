package kafka

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"littlehorse/internal/keys"
	"littlehorse/internal/log"
	"littlehorse/internal/log/logtest"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/store"
)

// process is one process of a cluster, with a store of its own.
type process struct {
	testing.TB
	*medium
	session log.Session
	number  uint64 // of the record that it appended last
}

// another starts one more process of the medium's cluster.
func (m *medium) another(t testing.TB) *process {
	other := &medium{brokers: m.brokers, cluster: m.cluster, fs: vfs.NewCrashableMem(), process: int(clusters.Add(1)) * 1000, change: m.change}
	t.Cleanup(func() { other.stop(t) })
	other.Start(t)
	other.log.rebuildForTest(t)
	return &process{TB: t, medium: other}
}

// rebuildForTest brings all streams to where a session would find them.
func (l *Log) rebuildForTest(t testing.TB) {
	t.Helper()
	all := slices.Collect(maps.Values(l.streams))
	if _, err := l.rebuildAll(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	for _, st := range all {
		if err := st.reload(); err != nil {
			t.Fatal(err)
		}
	}
}

func newProcess(t testing.TB) *process {
	m := newTestMedium(t)
	m.Start(t)
	return &process{TB: t, medium: m}
}

// open opens the stream and waits for its ownership, applying what is there.
func (p *process) open(s machine.Stream, beside ...machine.Stream) {
	p.Helper()
	var err error
	if p.session, err = p.log.Open(p.Context(), append([]machine.Stream{s}, beside...)); err != nil {
		p.Fatal(err)
	}
	for {
		p.commitAll(s)
		select {
		case <-p.session.Owned():
			return
		case <-p.session.Ready():
		case <-p.Context().Done():
			p.Fatal("the session never became the owner")
		}
	}
}

// commitAll applies what is there and returns the names.
func (p *process) commitAll(s machine.Stream) (names []string) {
	p.Helper()
	const page = 1000
	for {
		entries, err := p.session.Next(page)
		if err != nil {
			p.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, string(e.Record.GetContinue().GetKey()))
		}
		if n := len(entries); n > 0 {
			if err := p.commit(s, entries[n-1].Offset); err != nil {
				p.Fatal(err)
			}
		}
		if len(entries) < page {
			return names
		}
	}
}

func (p *process) commit(s machine.Stream, offset uint64) error {
	return p.session.Commit(log.Commit{Batch: p.store.NewBatch(0), Positions: []log.Position{{Stream: s, Offset: offset}}})
}

// wait applies until the record with the name has come, and returns all names.
func (p *process) wait(s machine.Stream, name string) (names []string) {
	p.Helper()
	for {
		names = append(names, p.commitAll(s)...)
		if len(names) > 0 && names[len(names)-1] == name {
			return names
		}
		select {
		case <-p.session.Ready():
		case <-p.Context().Done():
			p.Fatalf("only %q came", names)
		}
	}
}

func named(source string, number uint64, name string) *pb.Record {
	return &pb.Record{
		Header:  &pb.Header{Source: source, Number: number},
		Command: &pb.Record_Continue{Continue: &pb.Continue{Key: []byte(name)}},
	}
}

func (p *process) append(s machine.Stream, r *pb.Record) {
	p.Helper()
	if err := p.log.Append(s, r); err != nil {
		p.Fatal(err)
	}
}

// put writes an entry past the log.
func (p *process) put(r *kgo.Record) {
	p.Helper()
	if err := p.log.producer.ProduceSync(p.Context(), r).FirstErr(); err != nil {
		p.Fatal(err)
	}
}

func (p *process) entry(s machine.Stream, r *pb.Record) *kgo.Record {
	p.Helper()
	value, err := r.MarshalVT()
	if err != nil {
		p.Fatal(err)
	}
	st := p.log.streams[s]
	return &kgo.Record{Topic: st.commands.name, Partition: st.partition, Value: value}
}

// TestAnotherProcessTakesOver lets a second process become the owner: the first commits and appends nothing any more,
// and what it still sends has no effect.
//
// survives: 3 epoch
func TestAnotherProcessTakesOver(t *testing.T) {
	first := newProcess(t)
	first.open(logtest.A, logtest.B)
	first.append(logtest.A, named("first", 1, "one"))
	first.wait(logtest.A, "one")

	second := first.another(t)
	second.open(logtest.A)
	if got := second.session.Position(logtest.A); got != 1 {
		t.Errorf("the successor owns the stream at position %d", got)
	}
	late := named("first", 2, "late")
	late.Header.Epoch = 1
	second.put(second.entry(logtest.A, late))
	second.append(logtest.A, named("second", 1, "two"))
	if got := second.wait(logtest.A, "two"); len(got) != 1 {
		t.Errorf("the successor applied %q", got)
	}

	for ended := false; !ended; {
		_, err := first.session.Next(1)
		if ended = errors.Is(err, log.ErrFenced); !ended {
			<-first.session.Ready()
		}
	}
	if err := first.commit(logtest.A, 1); !errors.Is(err, log.ErrFenced) {
		t.Errorf("commit of the former owner: %v", err)
	}
	if err := first.log.Append(logtest.A, named("first", 3, "later")); !errors.Is(err, log.ErrFenced) {
		t.Errorf("append of the former owner: %v", err)
	}
	if err := first.log.Append(logtest.B, named("first", 4, "elsewhere")); !errors.Is(err, log.ErrFenced) {
		t.Errorf("append of the former owner to a stream that nobody took from him: %v", err)
	}
}

// TestClaimIsOnlyGoodForTheEpochItSaw writes a claim that comes too late.
func TestClaimIsOnlyGoodForTheEpochItSaw(t *testing.T) {
	p := newProcess(t)
	p.open(logtest.A)
	st := p.log.streams[logtest.A]
	p.put(st.note(&pb.LogNote{Note: &pb.LogNote_Owner{Owner: &pb.LogOwner{Session: "late", After: 0}}}))
	p.append(logtest.A, named("process", 1, "x"))
	p.wait(logtest.A, "x")
}

// TestForeignRecordWaitsForAnAcknowledgement lets somebody else append: the owner hands the record out once an entry
// of its own behind it is acknowledged.
func TestForeignRecordWaitsForAnAcknowledgement(t *testing.T) {
	first := newProcess(t)
	first.open(logtest.A)
	other := first.another(t)
	other.append(logtest.A, named("other", 1, "foreign"))
	first.wait(logtest.A, "foreign")
	st := first.log.streams[logtest.A]
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.acked < 2 {
		t.Errorf("acknowledged up to %d only", st.acked)
	}
}

// survives: 7 versions
func TestRecordsWaitForTheCatalog(t *testing.T) {
	m := newTestMedium(t)
	m.store = openStore(t, m.fs)
	version := uint64(1)
	cfg := m.config()
	cfg.CatalogVersion = func() uint64 { return version }
	l, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	m.log = l
	p := &process{TB: t, medium: m}
	p.open(logtest.A)
	now, later := named("process", 1, "now"), named("process", 2, "later")
	now.Header.CatalogVersion, later.Header.CatalogVersion = 1, 2
	p.append(logtest.A, now)
	p.append(logtest.A, later)
	if got := p.wait(logtest.A, "now"); len(got) != 1 {
		t.Errorf("got %q", got)
	}
	st := p.log.streams[logtest.A]
	for parked := false; !parked; time.Sleep(time.Millisecond) {
		if got := p.commitAll(logtest.A); len(got) > 0 {
			t.Fatalf("%q came before its version", got)
		}
		st.mu.Lock()
		parked = st.parked
		st.mu.Unlock()
	}
	version = 2
	p.log.CatalogMoved()
	p.wait(logtest.A, "later")
}

// TestReadingAheadIsBounded lets far more wait than may be read ahead: fetching stops, goes on, and misses nothing.
//
// survives: 14 bounded
func TestReadingAheadIsBounded(t *testing.T) {
	m := newTestMedium(t)
	m.store = openStore(t, m.fs)
	cfg := m.config()
	cfg.ReadAhead = 16
	l, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	m.log = l
	p := &process{TB: t, medium: m}
	p.open(logtest.A)
	const records = 3000
	for n := range uint64(records) {
		p.append(logtest.A, named("process", n+1, strconv.FormatUint(n, 10)))
	}
	st := l.streams[logtest.A]
	for paused := false; !paused; time.Sleep(time.Millisecond) {
		st.mu.Lock()
		paused = st.paused
		st.mu.Unlock()
	}
	got := p.wait(logtest.A, strconv.Itoa(records-1))
	for n, name := range got {
		if name != strconv.Itoa(n) {
			t.Fatalf("record %d is %s", n, name)
		}
	}
	if len(got) != records {
		t.Errorf("%d records came", len(got))
	}
}

// survives: 1 silent
func TestSilentSourcesAreForgotten(t *testing.T) {
	st := &stream{accepted: map[string]last{
		"old": {7, 0}, "new": {7, int64(time.Hour)}, log.OutboxSource(logtest.B): {7, 0},
	}}
	if got := st.forget(int64(silence) + 1); len(got) != 1 || got[0] != "old" || len(st.accepted) != 2 {
		t.Errorf("forgotten: %q, left: %v", got, st.accepted)
	}
}

// survives: 6 broker
func TestClockIsThatOfTheBroker(t *testing.T) {
	at := time.Unix(100, 0)
	for header, want := range map[time.Duration]time.Duration{
		-time.Hour: 0, 0: 0, time.Second / 2: time.Second / 2, time.Second: time.Second, time.Hour: time.Second,
	} {
		if got := clock(at, at.Add(header).UnixNano()); got != at.Add(want).UnixNano() {
			t.Errorf("header %s ahead: %s ahead", header, time.Duration(got-at.UnixNano()))
		}
	}
}

// reopen closes the log and opens it again over the same store.
func (p *process) reopen() error {
	p.Helper()
	if err := p.log.Close(); err != nil {
		p.Fatal(err)
	}
	l, err := Open(p.Context(), p.config())
	if err != nil {
		return err
	}
	p.log = l
	s, err := l.Open(p.Context(), logtest.Streams())
	if err == nil {
		err = s.Close()
	}
	return err
}

func (p *process) admin() *kadm.Client {
	c, err := kgo.NewClient(kgo.SeedBrokers(p.brokers...))
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(c.Close)
	return kadm.NewClient(c)
}

// alter changes a setting of one of the topics.
func (p *process) alter(topic, name, value string) {
	p.Helper()
	all, err := p.admin().AlterTopicConfigs(p.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: name, Value: &value}}, p.cluster+"-"+topic)
	for _, r := range all {
		err = errors.Join(err, r.Err)
	}
	if err != nil {
		p.Fatal(err)
	}
}

// survives: 5 begin; 5 topic; 8 settings
func TestTopicsThatDoNotFitAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(p *process)
		want   error
		says   string
	}{
		"made anew": {func(p *process) {
			_, err := p.admin().DeleteTopics(p.Context(), p.cluster+"-core-cmd")
			if err != nil {
				p.Fatal(err)
			}
			for gone := false; !gone; time.Sleep(time.Millisecond) {
				all, err := p.admin().ListTopics(p.Context())
				if err != nil {
					p.Fatal(err)
				}
				gone = !all.Has(p.cluster + "-core-cmd")
			}
		}, ErrLost, "made anew"},
		"trimmed": {func(p *process) {
			p.log.producer.ProduceSync(p.Context(), p.entry(logtest.B, named("x", 1, "x")), p.entry(logtest.B, named("x", 2, "x")))
			at := kadm.Offsets{}
			at.AddOffset(p.cluster+"-core-cmd", 1, 3, -1)
			if _, err := p.admin().DeleteRecords(p.Context(), at); err != nil {
				p.Fatal(err)
			}
		}, ErrLost, "begins at offset 3"},
		"other retention":                      {func(p *process) { p.alter("core-cmd", "retention.ms", "1000") }, nil, "retention.ms is 1000, it must be -1"},
		"compacted commands":                   {func(p *process) { p.alter("core-cmd", "cleanup.policy", "compact") }, nil, "cleanup.policy is compact, it must be delete"},
		"change log that is not compacted":     {func(p *process) { p.alter("core-store-changelog", "cleanup.policy", "delete") }, nil, "cleanup.policy is delete, it must be compact"},
		"leaders that have lost records":       {func(p *process) { p.alter("metadata-cmd", "unclean.leader.election.enable", "true") }, nil, "unclean.leader.election.enable is true, it must be false"},
		"more replicas in sync than there are": {func(p *process) { p.alter("core-cmd", "min.insync.replicas", "2") }, nil, "min.insync.replicas is 2 and it has 1 replicas"},
		"more partitions": {func(p *process) {
			if _, err := p.admin().UpdatePartitions(p.Context(), 4, p.cluster+"-core-cmd"); err != nil {
				p.Fatal(err)
			}
		}, nil, "it has 4 partitions and the server is configured for 3"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProcess(t)
			p.open(logtest.A)
			p.append(logtest.A, named("process", 1, "x"))
			p.wait(logtest.A, "x")
			if err := p.log.Close(); err != nil {
				t.Fatal(err)
			}
			l, err := Open(t.Context(), p.config())
			if err != nil {
				t.Fatal(err)
			}
			p.log = l
			c.change(p)
			err = p.reopen()
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestShortenedTopicIsRefused opens a store that has applied more than the topic holds.
//
// survives: 5 end
func TestShortenedTopicIsRefused(t *testing.T) {
	p := newProcess(t)
	st := p.log.streams[logtest.A]
	b := p.store.NewBatch(0)
	if err := b.Put(logtest.A, keys.Position(), &pb.LogPosition{Value: 8, Next: 10, LeaderEpoch: 0, Topic: st.commands.id[:]}); err != nil {
		t.Fatal(err)
	}
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := p.reopen(); !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "entries up to 10 were applied here") {
		t.Errorf("%v", err)
	}
}

func TestMissingTopicIsRefusedUnlessItMayBeMade(t *testing.T) {
	m := newTestMedium(t)
	m.store = openStore(t, m.fs)
	cfg := m.config()
	cfg.CreateTopics = false
	if _, err := Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "the server may not create it") {
		t.Errorf("%v", err)
	}
}

// TestTopicOfAnotherProgramIsRefused puts something else first into an empty topic.
//
// survives: 5 topic
func TestTopicOfAnotherProgramIsRefused(t *testing.T) {
	m := newTestMedium(t)
	m.store = openStore(t, m.fs)
	cfg := m.config()
	client, err := kgo.NewClient(cfg.producerOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := cfg.makeTopics(t.Context(), kadm.NewClient(client)); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: cfg.topicOf(machine.Core), Value: []byte("?")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	l, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	m.log = l
	s, err := l.Open(t.Context(), []machine.Stream{logtest.A})
	for err == nil {
		if _, err = s.Next(1); err == nil {
			<-s.Ready()
		}
	}
	if !errors.Is(err, ErrNotOurs) {
		t.Error(err)
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	good := DefaultConfig()
	good.Store, good.Streams, good.Brokers = &store.Store{}, logtest.Streams(), []string{"localhost:1"}
	good.Cluster, good.Incarnation, good.Partitions = "c", "i", 3
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"Store":             func(c *Config) { c.Store = nil },
		"Streams":           func(c *Config) { c.Streams = nil },
		"Brokers":           func(c *Config) { c.Brokers = nil },
		"Cluster":           func(c *Config) { c.Cluster = "" },
		"Incarnation":       func(c *Config) { c.Incarnation = "" },
		"Logger":            func(c *Config) { c.Logger = nil },
		"Linger":            func(c *Config) { c.Linger = -1 },
		"CheckpointEvery":   func(c *Config) { c.CheckpointEvery = 0 },
		"CheckpointBytes":   func(c *Config) { c.CheckpointBytes = 0 },
		"Partitions":        func(c *Config) { c.Partitions = 0 },
		"ReplicationFactor": func(c *Config) { c.ReplicationFactor = 0 },
		"MaxRecordBytes":    func(c *Config) { c.MaxRecordBytes = 0 },
		"MaxRecords":        func(c *Config) { c.MaxRecords = 0 },
		"OutboxWindow":      func(c *Config) { c.OutboxWindow = 0 },
		"ReadAhead":         func(c *Config) { c.ReadAhead = 0 },
		"ReadAheadBytes":    func(c *Config) { c.ReadAheadBytes = 0 },
	} {
		c := good
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestOutboxOfAClosedTargetRests: the log ends while records are left for a stream that ended before.
func TestOutboxOfAClosedTargetRests(t *testing.T) {
	p := newProcess(t)
	p.open(logtest.A)
	from, to := p.log.streams[logtest.A], p.log.streams[logtest.B]
	to.shut()
	p.append(logtest.A, named("client", 1, "a"))
	var entries []log.Entry
	for len(entries) == 0 {
		<-p.session.Ready()
		var err error
		if entries, err = p.session.Next(1); err != nil {
			t.Fatal(err)
		}
	}
	err := p.session.Commit(log.Commit{
		Batch: p.store.NewBatch(0), Positions: []log.Position{{Stream: logtest.A, Offset: entries[0].Offset}},
		Emits: []log.Emit{{From: logtest.A, To: logtest.B, Record: named("", 0, "b")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	o := from.outboxTo(to)
	if err := o.goOn(); err != nil {
		t.Fatal(err)
	}
	if o.stored != 1 || o.sent != 0 {
		t.Errorf("%d of %d records are sent to a stream that takes none", o.sent, o.stored)
	}
}

// TestStalledBrokersRefuse lets too few brokers be in sync: what was sent waits and counts in the end; what comes later is
// refused, and does not count.
//
// survives: 1 unknown
func TestStalledBrokersRefuse(t *testing.T) {
	c := fakeBrokers(t, 1)
	m := newTestMedium(t)
	m.brokers, m.change = c.ListenAddrs(), func(cfg *Config) { cfg.RefuseAfter = 50 * time.Millisecond }
	m.Start(t)
	p := &process{TB: t, medium: m}
	p.open(logtest.A)

	var short atomic.Bool // of replicas
	short.Store(true)
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if !short.Load() {
			return nil, nil, false
		}
		return refuseAll(r.(*kmsg.ProduceRequest), kerr.NotEnoughReplicas), nil, true
	})
	p.append(logtest.A, named("x", 1, "waits"))
	number := uint64(2)
	var err error
	for ; err == nil; number++ {
		err = p.log.Append(logtest.A, named("x", number, "waits"))
		time.Sleep(time.Millisecond)
	}
	if !errors.Is(err, errStalled) {
		t.Fatal(err)
	}
	short.Store(false)
	for err != nil {
		err = p.log.Append(logtest.A, named("x", number, "after"))
		time.Sleep(time.Millisecond)
	}
	names := p.wait(logtest.A, "after")
	if want := int(number) - 1; len(names) != want { // all that were taken, without the one that was refused
		t.Errorf("%d records came, %d were taken", len(names), want)
	}
}

// TestConnectionsThatEndAtOnceAreMadeAgain lets a partition get another leader that closes connections at the first request over them, as one
// does that is killed just then: reading goes on.
func TestConnectionsThatEndAtOnceAreMadeAgain(t *testing.T) {
	c := fakeBrokers(t, 2)
	m := newTestMedium(t)
	m.brokers = c.ListenAddrs()
	m.Start(t)
	p := &process{TB: t, medium: m}
	p.open(logtest.A)
	p.do(logtest.A, map[string]string{"ra": "1"})
	var killed atomic.Int32
	const times = 3
	c.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if killed.Load() == times {
			return nil, nil, false
		}
		killed.Add(1)
		return nil, errors.New("killed"), true
	})
	st := p.log.streams[logtest.A]
	if err := c.MoveTopicPartition(st.commands.name, st.partition, 1-c.LeaderFor(st.commands.name, st.partition)); err != nil {
		t.Fatal(err)
	}
	p.do(logtest.A, map[string]string{"ra": "2"})
	if n := killed.Load(); n != times {
		t.Errorf("%d connections were closed", n)
	}
}

func refuseAll(req *kmsg.ProduceRequest, why *kerr.Error) *kmsg.ProduceResponse {
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range req.Topics {
		out := kmsg.NewProduceResponseTopic()
		out.Topic, out.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			of := kmsg.NewProduceResponseTopicPartition()
			of.Partition, of.ErrorCode = p.Partition, why.Code
			out.Partitions = append(out.Partitions, of)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

// TestSlowBrokerHoldsUpOnlyItsPartitions lets a broker be silent that leads one of two partitions: the other goes on, also when no more is taken for the first.
// What was taken for that comes when the broker answers again.
//
// survives: 14 others; 14 bounded
func TestSlowBrokerHoldsUpOnlyItsPartitions(t *testing.T) {
	c := fakeBrokers(t, 3)
	m := newTestMedium(t)
	const most = 100
	m.brokers, m.change = c.ListenAddrs(), func(cfg *Config) { cfg.MaxRecords = most }
	m.Start(t)
	slow, other := &process{TB: t, medium: m}, &process{TB: t, medium: m}
	of := m.log.streams[logtest.A]
	silent := c.LeaderFor(of.commands.name, of.partition)
	beside := m.log.streams[logtest.B]
	if c.LeaderFor(beside.commands.name, beside.partition) == silent {
		if err := c.MoveTopicPartition(beside.commands.name, beside.partition, (silent+1)%3); err != nil {
			t.Fatal(err)
		}
	}
	slow.open(logtest.A)
	other.open(logtest.B)

	over := make(chan struct{})
	answers := sync.OnceFunc(func() { close(over) })
	t.Cleanup(answers)
	for _, key := range []kmsg.Key{kmsg.Produce, kmsg.Fetch} {
		c.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			if c.CurrentNode() == silent {
				c.SleepControl(func() { <-over })
			}
			return nil, nil, false
		})
	}
	taken := uint64(0)
	var err error
	for ; err == nil && taken <= most; taken++ {
		err = m.log.Append(logtest.A, named("x", taken+1, fmt.Sprint(taken+1)))
		other.append(logtest.B, named("x", taken+1, fmt.Sprint(taken+1)))
		other.wait(logtest.B, fmt.Sprint(taken+1))
	}
	if !errors.Is(err, log.ErrFull) {
		t.Errorf("%d records wait for a broker that is silent: %v", taken, err)
	}
	if got := slow.commitAll(logtest.A); len(got) > 0 {
		t.Errorf("%q came from a broker that is silent", got)
	}
	answers()
	if got := slow.wait(logtest.A, fmt.Sprint(taken-1)); len(got) != int(taken-1) {
		t.Errorf("%d of %d records came", len(got), taken-1)
	}
}

// TestLostRecordOfAnOutboxIsSentAgain lets the brokers refuse the first of some emitted records for good: the log ends, those behind it do not count though
// they may be in the topic, and the next owner sends all of them.
//
// survives: 2 behind
func TestLostRecordOfAnOutboxIsSentAgain(t *testing.T) {
	c := fakeBrokers(t, 1)
	m := newTestMedium(t)
	m.brokers = c.ListenAddrs()
	m.Start(t)
	p := &process{TB: t, medium: m}
	p.open(logtest.A, logtest.B)
	p.append(logtest.A, named("x", 1, "cause"))
	for more := true; more; {
		entries, err := p.session.Next(1)
		if err != nil {
			t.Fatal(err)
		}
		if more = len(entries) == 0; more {
			<-p.session.Ready()
		}
	}
	target := m.log.streams[logtest.B].partition
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		req := r.(*kmsg.ProduceRequest)
		for _, of := range req.Topics {
			for _, at := range of.Partitions {
				if at.Partition == target {
					return refuseAll(req, kerr.TopicAuthorizationFailed), nil, true // once
				}
			}
		}
		return nil, nil, false
	})
	const emitted = 50
	var emits []log.Emit
	for n := range emitted {
		emits = append(emits, log.Emit{From: logtest.A, To: logtest.B, Record: named("", 0, fmt.Sprint(n))})
	}
	b := p.store.NewBatch(0)
	if err := p.session.Commit(log.Commit{Batch: b, Emits: emits, Positions: []log.Position{{Stream: logtest.A, Offset: 1}}}); err != nil {
		t.Fatal(err)
	}
	for lost := false; !lost; {
		_, err := p.session.Next(1)
		if lost = errors.Is(err, kerr.TopicAuthorizationFailed); !lost {
			<-p.session.Ready()
		}
	}
	if err := p.log.Close(); err != nil {
		t.Fatal(err)
	}
	p.log = nil
	l, err := Open(t.Context(), p.config())
	if err != nil {
		t.Fatal(err)
	}
	p.log = l
	p.session, err = l.Open(t.Context(), []machine.Stream{logtest.A, logtest.B})
	if err != nil {
		t.Fatal(err)
	}
	got := p.wait(logtest.B, fmt.Sprint(emitted-1))
	for n, name := range got {
		if name != fmt.Sprint(n) {
			t.Fatalf("record %d is %s", n, name)
		}
	}
	if len(got) != emitted {
		t.Errorf("%d records came", len(got))
	}
}
