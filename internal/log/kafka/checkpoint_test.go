package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"littlehorse/internal/keys"
	"littlehorse/internal/log"
	"littlehorse/internal/log/logtest"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/store"
)

// eager is a configuration that writes checkpoints as fast as it can.
func eager(c *Config) { c.CheckpointEvery = time.Millisecond }

func newProcessWith(t testing.TB, change func(*Config)) *process {
	m := newTestMedium(t)
	m.change = change
	m.Start(t)
	return &process{TB: t, medium: m}
}

// do appends a record and applies it by putting the rows; a row with the value "-" is deleted.
func (p *process) do(s machine.Stream, rows map[string]string) {
	p.Helper()
	p.number++
	name := fmt.Sprint(p.number)
	p.append(s, named(fmt.Sprintf("process-%d", p.process), p.number, name))
	for {
		entries, err := p.session.Next(1)
		if err != nil {
			p.Fatal(err)
		}
		if len(entries) == 0 {
			<-p.session.Ready()
			continue
		}
		b := p.store.NewBatch(0)
		for _, k := range slices.Sorted(maps.Keys(rows)) {
			if err := change(b, s, keys.Key(k), rows[k]); err != nil {
				p.Fatal(err)
			}
		}
		err = p.session.Commit(log.Commit{Batch: b, Positions: []log.Position{{Stream: s, Offset: entries[0].Offset}}})
		if err != nil {
			p.Fatal(err)
		}
		return
	}
}

func change(b *store.Batch, s machine.Stream, k keys.Key, value string) error {
	if value == "-" {
		return b.Delete(s, k)
	}
	return b.PutEncoded(s, k, []byte(value))
}

// rows are the state of a stream.
func (p *process) rows(s machine.Stream) map[string]string {
	p.Helper()
	out := map[string]string{}
	snap := p.store.Snapshot()
	defer snap.Close()
	err := snap.Scan(s, "", "", func(k keys.Key, value []byte) bool {
		if !isLocal([]byte(k)) {
			out[string(k)] = string(value)
		}
		return true
	})
	if err != nil {
		p.Fatal(err)
	}
	return out
}

// covered waits until the change log has all that is applied.
func (p *process) covered(s machine.Stream) {
	p.Helper()
	for p.uncovered(s) {
		time.Sleep(time.Millisecond)
		if err := p.Context().Err(); err != nil {
			p.Fatal(err)
		}
	}
}

func (p *process) uncovered(s machine.Stream) bool {
	p.Helper()
	rows, err := p.store.Rows(s, keys.AllChanged(), keys.AllChanged().End())
	if err != nil {
		p.Fatal(err)
	}
	defer rows.Close()
	return rows.Valid()
}

func same(t testing.TB, got, want map[string]string) {
	t.Helper()
	for k, v := range want {
		if is, ok := got[k]; !ok || is != v {
			t.Errorf("%q is %q, not %q", k, is, v)
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("%q is too much", k)
		}
	}
}

// TestEmptyDiskIsRebuiltFromTheChangeLog changes rows at random while checkpoints are written; a process with an empty disk
// comes to the same state, byte by byte, goes on from there, and so does the next.
func TestEmptyDiskIsRebuiltFromTheChangeLog(t *testing.T) {
	p := newProcessWith(t, eager)
	p.open(logtest.A)
	rng := rand.New(rand.NewPCG(1, 1))
	for generation := range 3 {
		for range 200 {
			rows := map[string]string{}
			for range rng.IntN(4) {
				value := strings.Repeat("x", rng.IntN(20)) // the empty value is one
				if rng.IntN(3) == 0 {
					value = "-"
				}
				rows[fmt.Sprintf("r%d", rng.IntN(100))] = value
			}
			p.do(logtest.A, rows)
		}
		p.covered(logtest.A)
		want, at := p.rows(logtest.A), p.session.Position(logtest.A)
		if len(want) < 50 {
			t.Fatalf("only %d rows", len(want))
		}
		next := p.another(t)
		if got := next.log.streams[logtest.A].position(); got != at {
			t.Errorf("generation %d: rebuilt as of %d, not %d", generation, got, at)
		}
		same(t, next.rows(logtest.A), want)
		next.open(logtest.A)
		same(t, next.rows(logtest.A), want)
		p = next
	}
}

// TestUnfinishedCheckpointIsNotRead leaves a transaction open, as a server does that is killed while it writes.
//
// survives: 9 whole
func TestUnfinishedCheckpointIsNotRead(t *testing.T) {
	p := newProcessWith(t, eager)
	p.open(logtest.A)
	p.do(logtest.A, map[string]string{"ra": "1", "rb": "1"})
	p.covered(logtest.A)
	want := p.rows(logtest.A)

	st := p.log.streams[logtest.A]
	w, err := st.newCheckpointWriter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.client.Close()
	if err := w.client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"ra", "rc"} {
		if err := w.put(t.Context(), []byte(k), []byte("never")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	same(t, p.another(t).rows(logtest.A), want)

	p.do(logtest.A, map[string]string{"rb": "2"})
	p.covered(logtest.A)
	same(t, p.another(t).rows(logtest.A), p.rows(logtest.A))
	if err := w.put(t.Context(), []byte("ra"), []byte("late")); err == nil {
		if err = w.end(t.Context(), &pb.LogPosition{}); err == nil {
			t.Error("a transaction that another has ended was committed")
		}
	}
	same(t, p.another(t).rows(logtest.A), p.rows(logtest.A))
}

// TestOldOwnerWritesNoCheckpoint lets an owner begin a checkpoint and sleep, while its successor writes one.
//
// survives: 9 fenced
func TestOldOwnerWritesNoCheckpoint(t *testing.T) {
	first := newProcessWith(t, nil)
	first.open(logtest.A)
	first.do(logtest.A, map[string]string{"ra": "first"})
	old := first.log.streams[logtest.A]
	epoch, _ := old.heldEpoch()
	begun, err := old.newCheckpointWriter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer begun.close()
	snap, err := old.confirm(t.Context(), epoch)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()

	first.change = eager
	second := first.another(t)
	second.applying(logtest.A, map[string]string{"ra": "first"})
	second.do(logtest.A, map[string]string{"ra": "second"})
	second.covered(logtest.A)

	if _, err := begun.write(t.Context(), snap); err == nil {
		t.Error("the old owner has committed a checkpoint after its successor")
	}
	same(t, second.another(t).rows(logtest.A), second.rows(logtest.A))

	// It wakes up before it has begun, and ends what its successor has begun; but it knows that it is not the owner any more.
	late, err := old.newCheckpointWriter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer late.close()
	if _, err := old.confirm(t.Context(), epoch); err == nil {
		t.Error("the old owner takes itself for the owner")
	}
	second.do(logtest.A, map[string]string{"ra": "third"})
	second.covered(logtest.A)
	same(t, second.another(t).rows(logtest.A), second.rows(logtest.A))
}

// applying becomes the owner, and applies the first record that was there with the rows.
func (p *process) applying(s machine.Stream, rows map[string]string) {
	p.Helper()
	var err error
	if p.session, err = p.log.Open(p.Context(), []machine.Stream{s}); err != nil {
		p.Fatal(err)
	}
	for {
		entries, err := p.session.Next(1)
		if err != nil {
			p.Fatal(err)
		}
		if len(entries) == 1 {
			b := p.store.NewBatch(0)
			for k, v := range rows {
				if err := change(b, s, keys.Key(k), v); err != nil {
					p.Fatal(err)
				}
			}
			if err := p.session.Commit(log.Commit{Batch: b, Positions: []log.Position{{Stream: s, Offset: entries[0].Offset}}}); err != nil {
				p.Fatal(err)
			}
		}
		select {
		case <-p.session.Owned():
			return
		case <-p.session.Ready():
		}
	}
}

// changeLog is everything that a reader of the change log gets.
func (p *process) changeLog(s machine.Stream) (all []*kgo.Record) {
	p.Helper()
	st := p.log.streams[s]
	r := &changeReader{client: p.log.producer, topic: st.changeLog, partition: st.partition}
	if err := r.begin(p.Context()); err != nil {
		p.Fatal(err)
	}
	for r.next < r.end {
		records, err := r.fetch(p.Context())
		if err != nil {
			p.Fatal(err)
		}
		all = append(all, records...)
	}
	return all
}

// TestChangeLogHasTheLastValueAndTombstones changes a row often between two checkpoints, and deletes another.
//
// survives: 9 values
func TestChangeLogHasTheLastValueAndTombstones(t *testing.T) {
	p := newProcessWith(t, nil)
	p.open(logtest.A)
	st := p.log.streams[logtest.A]
	p.do(logtest.A, map[string]string{"ra": "0", "rb": "0"})
	p.cover(st)
	for n := range 10 {
		p.do(logtest.A, map[string]string{"ra": fmt.Sprint(n)})
	}
	p.do(logtest.A, map[string]string{"rb": "-"})
	before := len(p.changeLog(logtest.A))
	p.cover(st)
	var got []string
	for _, r := range p.changeLog(logtest.A)[before:] {
		switch {
		case string(r.Key) == markKey:
			got = append(got, "mark")
		case r.Key[0] == byte(keys.SpaceLane):
		case r.Value == nil:
			got = append(got, string(r.Key)+" deleted")
		default:
			got = append(got, string(r.Key)+"="+string(r.Value))
		}
	}
	if want := []string{"ra=9", "rb deleted", "mark"}; !slices.Equal(got, want) {
		t.Errorf("the second checkpoint is %q", got)
	}
}

func (p *process) cover(st *stream) {
	p.Helper()
	if err := p.log.coverAs(p.Context(), st, st.beginCover()); err != nil {
		p.Fatal(err)
	}
	p.covered(st.id)
}

// TestCommandTopicForgets deletes what a checkpoint covers. A disk from before is rebuilt, and so is an empty one.
//
// survives: 8 trimmed; 9 copies; 16 compacted
func TestCommandTopicForgets(t *testing.T) {
	keep := time.Hour
	p := newProcessWith(t, func(c *Config) { eager(c); c.KeepCommands = keep })
	p.open(logtest.A)
	p.do(logtest.A, map[string]string{"ra": "1"})
	p.covered(logtest.A)
	behind := p.another(t)
	behind.open(logtest.A)
	if err := behind.log.Close(); err != nil {
		t.Fatal(err)
	}
	behind.log = nil

	keep = 0
	p = p.another(t)
	p.open(logtest.A)
	for n := range 20 {
		p.do(logtest.A, map[string]string{"ra": "-", "rb": fmt.Sprint(n)})
	}
	p.covered(logtest.A)
	st := p.log.streams[logtest.A]
	for start := int64(0); start < 20; time.Sleep(time.Millisecond) {
		starts, err := p.admin().ListStartOffsets(t.Context(), st.commands.name)
		if err != nil {
			t.Fatal(err)
		}
		start = starts[st.commands.name][st.partition].Offset
	}
	l, err := Open(t.Context(), behind.config())
	if err != nil {
		t.Fatal(err)
	}
	behind.log = l
	l.rebuildForTest(t)
	same(t, behind.rows(logtest.A), p.rows(logtest.A))
	same(t, p.another(t).rows(logtest.A), p.rows(logtest.A))
}

// TestNewChangeLogGetsEverything makes the topic anew: what was written to the old one is written again.
func TestNewChangeLogGetsEverything(t *testing.T) {
	p := newProcessWith(t, eager)
	p.open(logtest.A)
	p.do(logtest.A, map[string]string{"ra": "1", "rb": "1"})
	p.covered(logtest.A)
	name := p.log.streams[logtest.A].changeLog.name
	if err := p.log.Close(); err != nil {
		t.Fatal(err)
	}
	p.log = nil
	p.deleteTopic(name)
	l, err := Open(t.Context(), p.config())
	if err != nil {
		t.Fatal(err)
	}
	p.log = l
	p.open(logtest.A)
	st := l.streams[logtest.A]
	for len(p.changeLog(logtest.A)) == 0 {
		time.Sleep(time.Millisecond)
	}
	p.covered(st.id)
	same(t, p.another(t).rows(logtest.A), p.rows(logtest.A))
}

func (p *process) deleteTopic(name string) {
	p.Helper()
	if _, err := p.admin().DeleteTopics(p.Context(), name); err != nil {
		p.Fatal(err)
	}
	for gone := false; !gone; time.Sleep(time.Millisecond) {
		all, err := p.admin().ListTopics(p.Context())
		if err != nil {
			p.Fatal(err)
		}
		gone = !all.Has(name)
	}
}

// TestChangeLogThatIsMadeAnewMeanwhileGetsNoPart makes the topic anew under a server that runs: the new one has not what was written to
// the old, so it gets no checkpoint of what has changed since, and the command topic keeps what only the old one has.
func TestChangeLogThatIsMadeAnewMeanwhileGetsNoPart(t *testing.T) {
	p := newProcessWith(t, func(c *Config) { c.KeepCommands = time.Hour })
	p.open(logtest.A)
	st := p.log.streams[logtest.A]
	p.do(logtest.A, map[string]string{"ra": "1"})
	p.cover(st)
	p.deleteTopic(st.changeLog.name)
	if _, err := p.admin().CreateTopic(t.Context(), int32(st.changeLog.partitions), 1, nil, st.changeLog.name); err != nil {
		t.Fatal(err)
	}
	p.do(logtest.A, map[string]string{"rb": "2"})
	if err := p.log.coverAs(t.Context(), st, st.beginCover()); !errors.Is(err, ErrLost) {
		t.Errorf("a checkpoint: %v", err)
	}
	p.log.forgetAll(t.Context(), time.Now().Add(2*time.Hour))
	starts, err := p.admin().ListStartOffsets(t.Context(), st.commands.name)
	if err != nil {
		t.Fatal(err)
	}
	if at := starts[st.commands.name][st.partition].Offset; at != 0 {
		t.Errorf("what lies before %d is forgotten", at)
	}
}

// TestChangeLogThatIsMadeAnewIsNotWaitedFor rebuilds a partition when the topic is another than when the server began, with state of a
// server that has begun since.
func TestChangeLogThatIsMadeAnewIsNotWaitedFor(t *testing.T) {
	p := newProcessWith(t, nil)
	st := p.log.streams[logtest.A]
	p.deleteTopic(st.changeLog.name)
	other := p.another(t)
	other.open(logtest.A)
	other.do(logtest.A, map[string]string{"ra": "1"})
	other.cover(other.log.streams[logtest.A])
	if _, err := p.log.Open(t.Context(), []machine.Stream{logtest.A}); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
}

// TestRebuildsTakeTurns opens a partition with an empty disk while as many are rebuilt as may be.
func TestRebuildsTakeTurns(t *testing.T) {
	p := newProcessWith(t, eager)
	p.open(logtest.A)
	p.do(logtest.A, map[string]string{"ra": "1"})
	p.covered(logtest.A)
	other := p.another(t)
	if err := other.store.Drop(logtest.A); err != nil {
		t.Fatal(err)
	}
	for range cap(other.log.rebuilds) {
		other.log.rebuilds <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	opened := make(chan error)
	go func() {
		_, err := other.log.Open(ctx, []machine.Stream{logtest.A})
		opened <- err
	}()
	cancel()
	if err := <-opened; !errors.Is(err, context.Canceled) {
		t.Errorf("out of turn: %v", err)
	}
	<-other.log.rebuilds
	other.open(logtest.A)
	same(t, other.rows(logtest.A), p.rows(logtest.A))
}

// TestIdleStreamsWriteNothing opens streams that have only notes, again and again: there is nothing to cover.
func TestIdleStreamsWriteNothing(t *testing.T) {
	p := newProcessWith(t, nil)
	for range 2 {
		p.open(logtest.A)
		if due := p.log.due(time.Now().Add(time.Hour)); len(due) > 0 {
			t.Fatalf("%s wants a checkpoint", due[0].id)
		}
		if err := p.reopen(); err != nil {
			t.Fatal(err)
		}
	}
	p.open(logtest.A)
	p.do(logtest.A, map[string]string{"ra": "1"})
	if due := p.log.due(time.Now().Add(time.Hour)); len(due) != 1 || due[0].id != logtest.A {
		t.Errorf("%d streams want a checkpoint", len(due))
	}
}

// TestForeignChangeLogIsRefused puts something else into it.
//
// survives: 5 topic
func TestForeignChangeLogIsRefused(t *testing.T) {
	p := newProcessWith(t, nil)
	st := p.log.streams[logtest.A]
	p.put(&kgo.Record{Topic: st.changeLog.name, Partition: st.partition, Key: []byte("k"), Value: []byte("?")})
	if err := p.reopen(); !errors.Is(err, ErrNotOurs) || !strings.Contains(err.Error(), "it holds no checkpoint") {
		t.Errorf("%v", err)
	}
}

// TestCheckpointAheadOfTheCatalogWaits rebuilds a stream that has seen a version of the catalog that the server has not: what
// comes behind waits, whatever version it names itself.
//
// survives: 7 versions
func TestCheckpointAheadOfTheCatalogWaits(t *testing.T) {
	st := &stream{id: logtest.A, version: 7, log: &Log{cfg: Config{CatalogVersion: func() uint64 { return 6 }}}}
	if !st.early(&item{record: named("process", 1, "x")}) {
		t.Error("a record was handed out before the catalog that the state needs")
	}
	st.version = 6
	if st.early(&item{record: named("process", 1, "x")}) {
		t.Error("a record waits for nothing")
	}
}

func TestChangedKeysComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.SliceOfN(rapid.SampledFrom([]byte("ab@")), 0, 6)).Draw(t, "keys")
		c := changed{}
		for _, k := range want {
			c.add(k, nil)
		}
		var got [][]byte
		if err := eachChanged(c.keys, func(k []byte) { got = append(got, bytes.Clone(k)) }); err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("%q became %q", want, got)
		}
		if len(c.keys) > 0 && eachChanged(c.keys[:len(c.keys)-1], func([]byte) {}) == nil && len(want[len(want)-1]) > 0 {
			t.Fatal("a damaged row was not noticed")
		}
	})
}

// TestChangedKeysAreReadInPages has more of them than are to be held in memory.
func TestChangedKeysAreReadInPages(t *testing.T) {
	p := newProcessWith(t, nil)
	p.open(logtest.A)
	for n := range 60 {
		p.do(logtest.A, map[string]string{fmt.Sprintf("r%d", n*7%20): "x", fmt.Sprintf("s%d", n%3): "x"})
	}
	st := p.log.streams[logtest.A]
	snap := p.store.Snapshot()
	defer snap.Close()
	all, err := st.changedAfter(snap, "", changedPage)
	if err != nil || len(all) < 23 {
		t.Fatalf("%q, %v", all, err)
	}
	var paged []string
	for after, page := "", []string(nil); ; after = page[len(page)-1] {
		if page, err = st.changedAfter(snap, after, 3); err != nil {
			t.Fatal(err)
		}
		paged = append(paged, page...)
		if len(page) < 3 {
			break
		}
	}
	if !slices.Equal(paged, all) {
		t.Errorf("%q in pages, %q at once", paged, all)
	}
}

// TestCheckpointsAreDueByBytesOrTime looks at streams that have changed a little for long, much at once, and neither.
//
// survives: 8 begun
func TestCheckpointsAreDueByBytesOrTime(t *testing.T) {
	l := &Log{cfg: Config{CheckpointEvery: 30 * time.Second, CheckpointBytes: 1000}, streams: map[machine.Stream]*stream{}}
	now := time.Unix(1000, 0)
	for n, u := range []uncovered{
		{bytes: 1, since: now.Add(-30 * time.Second)},
		{bytes: 1000, since: now},
		{bytes: 999, since: now.Add(-29 * time.Second)},
		{},
	} {
		id := machine.Stream{Kind: machine.Core, Partition: uint16(n)}
		l.streams[id] = &stream{log: l, id: id, held: true, uncovered: u}
	}
	var got []int
	for _, st := range l.due(now) {
		got = append(got, int(st.id.Partition))
	}
	if want := []int{0, 1}; !slices.Equal(got, want) {
		t.Errorf("due are %v, not %v", got, want)
	}
	if behind := l.Checkpoints().Behind; behind < time.Hour {
		t.Errorf("the oldest change that no checkpoint covers is told to be %s old", behind)
	}
}

// TestTopicThatMayNotForgetGrows lets the brokers refuse to delete records, as the least rights have it: checkpoints go on, and they are
// asked once.
//
// survives: 8 ages
func TestTopicThatMayNotForgetGrows(t *testing.T) {
	c := fakeBrokers(t, 1)
	var asked atomic.Int32
	c.ControlKey(int16(kmsg.DeleteRecords), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked.Add(1)
		resp := r.ResponseKind().(*kmsg.DeleteRecordsResponse)
		for _, of := range r.(*kmsg.DeleteRecordsRequest).Topics {
			topic := kmsg.NewDeleteRecordsResponseTopic()
			topic.Topic = of.Topic
			for _, p := range of.Partitions {
				part := kmsg.NewDeleteRecordsResponseTopicPartition()
				part.Partition, part.ErrorCode = p.Partition, kerr.TopicAuthorizationFailed.Code
				topic.Partitions = append(topic.Partitions, part)
			}
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, true
	})
	m := newTestMedium(t)
	m.brokers, m.change = c.ListenAddrs(), func(c *Config) { eager(c); c.KeepCommands = 0 }
	m.Start(t)
	p := &process{TB: t, medium: m}
	p.open(logtest.A)
	for n := 0; n < 5 || asked.Load() == 0; n++ {
		p.do(logtest.A, map[string]string{"ra": fmt.Sprint(n)})
		p.covered(logtest.A)
	}
	written := p.log.Checkpoints().Written
	for range 5 {
		p.do(logtest.A, map[string]string{"ra": "later"})
		p.covered(logtest.A)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the brokers were asked %d times to delete what they may not", n)
	}
	if now := p.log.Checkpoints().Written; now <= written {
		t.Errorf("%d checkpoints, and %d before", now, written)
	}
	starts, err := p.admin().ListStartOffsets(t.Context(), p.log.streams[logtest.A].commands.name)
	if err != nil {
		t.Fatal(err)
	}
	if at := starts[p.log.streams[logtest.A].commands.name][p.log.streams[logtest.A].partition].Offset; at != 0 {
		t.Errorf("the topic begins at %d", at)
	}
}

// TestCheckpointCountsWhenItCanBeRead lets the brokers take their time before readers find what was committed: nothing says meanwhile that
// it is covered, and nothing of what it covers is deleted.
//
// survives: 9 readable
func TestCheckpointCountsWhenItCanBeRead(t *testing.T) {
	c := fakeBrokers(t, 1)
	var hidden, deleted atomic.Int32 // how often the end was asked for while nobody could read it, and what was deleted meanwhile
	const times = 3
	c.ControlKey(int16(kmsg.ListOffsets), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := r.(*kmsg.ListOffsetsRequest)
		if of := req.Topics[0]; req.IsolationLevel != 1 || !strings.HasSuffix(of.Topic, "-changelog") || hidden.Load() == times {
			return nil, nil, false
		}
		hidden.Add(1)
		resp := r.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, of := range req.Topics {
			topic := kmsg.NewListOffsetsResponseTopic()
			topic.Topic = of.Topic
			for _, p := range of.Partitions {
				part := kmsg.NewListOffsetsResponseTopicPartition()
				part.Partition, part.Offset = p.Partition, 0
				topic.Partitions = append(topic.Partitions, part)
			}
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, true
	})
	c.ControlKey(int16(kmsg.DeleteRecords), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if hidden.Load() < times {
			deleted.Add(1)
		}
		return nil, nil, false
	})
	m := newTestMedium(t)
	m.brokers, m.change = c.ListenAddrs(), func(c *Config) { eager(c); c.KeepCommands = 0 }
	m.Start(t)
	p := &process{TB: t, medium: m}
	p.open(logtest.A)
	p.do(logtest.A, map[string]string{"ra": "1"})
	p.covered(logtest.A)
	if hidden.Load() < times || deleted.Load() > 0 {
		t.Errorf("covered after the end was asked for %d times, and %d deletions", hidden.Load(), deleted.Load())
	}
}

// TestRebuildReadsWhatComesMeanwhile writes a checkpoint after a reader has asked where the change log ends: he reads to the new end, for
// compaction may have taken a value that lies before the old one.
//
// survives: 9 end
func TestRebuildReadsWhatComesMeanwhile(t *testing.T) {
	c := fakeBrokers(t, 1)
	m := newTestMedium(t)
	m.brokers, m.change = c.ListenAddrs(), func(c *Config) { c.CheckpointEvery = time.Hour }
	m.Start(t)
	p := &process{TB: t, medium: m}
	p.open(logtest.A)
	st := p.log.streams[logtest.A]
	p.do(logtest.A, map[string]string{"ra": "old", "rb": "kept"})
	p.cover(st)
	r := &changeReader{client: p.log.producer, topic: st.changeLog, partition: st.partition}
	if err := r.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.do(logtest.A, map[string]string{"ra": "new"})
	p.cover(st)
	c.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := r.(*kmsg.FetchRequest)
		for i := range req.Topics {
			for j := range req.Topics[i].Partitions {
				req.Topics[i].Partitions[j].PartitionMaxBytes = 1 // a batch at a time
			}
		}
		return nil, nil, false
	})
	rows, marks := map[string]string{}, 0
	err := r.readAll(t.Context(), func(_ context.Context, rec *kgo.Record) error {
		if string(rec.Key) == markKey {
			marks++
		}
		rows[string(rec.Key)] = string(rec.Value)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if marks != 2 || rows["ra"] != "new" || rows["rb"] != "kept" {
		t.Errorf("%d checkpoints, with %q and %q", marks, rows["ra"], rows["rb"])
	}
}

// TestLargestRowComesBack covers a row that is as large as a record may be, and as its header.
//
// survives: 9 large
func TestLargestRowComesBack(t *testing.T) {
	p := newProcessWith(t, eager)
	p.open(logtest.A)
	noise := make([]byte, p.log.cfg.maxMessageBytes())
	rng := rand.New(rand.NewPCG(1, 1))
	for n := range noise {
		noise[n] = byte(rng.Uint32()) // is not to be compressed
	}
	p.do(logtest.A, map[string]string{"ra": string(noise), "rb": "small"})
	p.covered(logtest.A)
	same(t, p.another(t).rows(logtest.A), p.rows(logtest.A))
}
