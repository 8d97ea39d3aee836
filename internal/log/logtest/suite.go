package logtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/log"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/store"
)

// Medium is what a log keeps its records on. It outlives the log.
type Medium interface {
	// Start opens the log over all that is durable, with the streams of Streams. The medium closes what it started
	// when the test ends.
	Start(t testing.TB) log.Log
	// Store of the log started last.
	Store() *store.Store
	// Crash ends log and store at once, as a power cut does: what is not durable is gone.
	Crash(t testing.TB)
}

// Streams that the log of a Medium must have.
func Streams() []machine.Stream {
	return []machine.Stream{A, B, {Kind: machine.Core, Partition: 2}, {Kind: machine.Metadata}}
}

// The streams that the suite uses most.
var (
	A = machine.Stream{Kind: machine.Core, Partition: 0}
	B = machine.Stream{Kind: machine.Core, Partition: 1}
)

// Run holds a log against its contract.
func Run(t *testing.T, medium func(t testing.TB) Medium) {
	for name, test := range map[string]func(*bench){
		"OrderIsThatOfAppends":         orderIsThatOfAppends,
		"ReadyTellsOfRecords":          readyTellsOfRecords,
		"NoStreamStarvesAnother":       noStreamStarvesAnother,
		"TimeIsNotBeforeTheHeader":     timeIsNotBeforeTheHeader,
		"DoublesAreDropped":            doublesAreDropped,
		"OutboxTakesOnlyTheNext":       outboxTakesOnlyTheNext,
		"UncommittedComesAgain":        uncommittedComesAgain,
		"CommitSurvivesACrash":         commitSurvivesACrash,
		"CrashBeforeCommitIsNothing":   crashBeforeCommitIsNothing,
		"CommitNeedsOwnedStreams":      commitNeedsOwnedStreams,
		"CommitNeedsHandedOutOffsets":  commitNeedsHandedOutOffsets,
		"EmittedArrivesOnce":           emittedArrivesOnce,
		"EmittedToItselfArrivesOnce":   emittedToItselfArrivesOnce,
		"EmittedSurvivesACrash":        emittedSurvivesACrash,
		"AppliedIsNotSentAgain":        appliedIsNotSentAgain,
		"ManyEmittedArriveInOrder":     manyEmittedArriveInOrder,
		"ManyEmittedSurviveACrash":     manyEmittedSurviveACrash,
		"EmittedForNoStreamIsAnError":  emittedForNoStreamIsAnError,
		"OpenFencesTheOwner":           openFencesTheOwner,
		"ClosedSessionGivesItsStreams": closedSessionGivesItsStreams,
		"ClosedLogTakesNothing":        closedLogTakesNothing,
		"UnknownStreams":               unknownStreams,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, medium(t))
			b.log = b.medium.Start(t)
			test(b)
		})
	}
}

// bench is one test with its log. It is deterministic, as a lane is: a record that comes again after a crash, because its
// commit is lost and it is not, is applied again as it was.
type bench struct {
	testing.TB
	medium  Medium
	log     log.Log
	process int // each is a source of its own
	numbers map[machine.Stream]uint64

	seen    map[machine.Stream]map[uint64]string // names by offset
	commits map[machine.Stream][]committed
	ahead   map[log.Session][]log.Entry // taken and not yet looked at
}

// committed is one commit of a stream, to be done again.
type committed struct {
	offset uint64
	emits  []log.Emit
}

func newBench(t testing.TB, m Medium) *bench {
	return &bench{
		TB: t, medium: m, numbers: map[machine.Stream]uint64{}, seen: map[machine.Stream]map[uint64]string{},
		commits: map[machine.Stream][]committed{}, ahead: map[log.Session][]log.Entry{},
	}
}

// record makes a record that is recognised by its name.
func record(source string, number uint64, name string) *pb.Record {
	return &pb.Record{
		Header:  &pb.Header{Source: source, Number: number},
		Command: &pb.Record_Continue{Continue: &pb.Continue{Key: []byte(name)}},
	}
}

func nameOf(r *pb.Record) string { return string(r.GetContinue().GetKey()) }

// append appends records with the given names, numbered as one process would.
func (b *bench) append(to machine.Stream, names ...string) {
	b.Helper()
	for _, name := range names {
		b.numbers[to]++
		if err := b.log.Append(to, record(b.source(), b.numbers[to], name)); err != nil {
			b.Fatal(err)
		}
	}
}

func (b *bench) source() string { return fmt.Sprintf("process-%d", b.process) }

// open opens a session, and applies again what a crash has taken back.
func (b *bench) open(streams ...machine.Stream) log.Session {
	b.Helper()
	s, err := b.log.Open(b.Context(), streams)
	if err != nil {
		b.Fatal(err)
	}
	for b.redo(s, streams) {
		b.take(s)
	}
	return s
}

// redo commits again what was committed and is not any more, as far as it has been taken; it tells whether some is left.
func (b *bench) redo(s log.Session, streams []machine.Stream) (left bool) {
	b.Helper()
	for _, st := range streams {
		for _, c := range b.commits[st] {
			if c.offset <= s.Position(st) {
				continue
			}
			if !slices.ContainsFunc(b.ahead[s], func(e log.Entry) bool { return e.Stream == st && e.Offset == c.offset }) {
				left = true
				break
			}
			if err := b.put(s, st, c); err != nil {
				b.Fatal(err)
			}
			b.ahead[s] = slices.DeleteFunc(b.ahead[s], func(e log.Entry) bool { return e.Stream == st && e.Offset <= c.offset })
		}
	}
	return left
}

// take waits for records and keeps them ahead. One that comes again must be what it was.
func (b *bench) take(s log.Session) {
	b.Helper()
	for {
		entries, err := s.Next(many)
		if err != nil {
			b.Fatal(err)
		}
		if b.keep(s, entries); len(entries) > 0 {
			return
		}
		select {
		case <-s.Ready():
		case <-b.Context().Done():
			b.Fatal("no records came")
		}
	}
}

func (b *bench) keep(s log.Session, entries []log.Entry) {
	b.Helper()
	for _, e := range entries {
		if b.seen[e.Stream] == nil {
			b.seen[e.Stream] = map[uint64]string{}
		}
		name := nameOf(e.Record)
		if before, ok := b.seen[e.Stream][e.Offset]; ok && before != name && b.durable(e) {
			b.Fatalf("%s@%d is %q, it was %q", e.Stream, e.Offset, name, before)
		}
		b.seen[e.Stream][e.Offset] = name
		b.ahead[s] = append(b.ahead[s], e)
	}
}

// durable tells whether the record was committed before.
func (b *bench) durable(e log.Entry) bool {
	return slices.ContainsFunc(b.commits[e.Stream], func(c committed) bool { return c.offset >= e.Offset })
}

// crash ends the process and starts the next one.
func (b *bench) crash() {
	b.Helper()
	b.medium.Crash(b)
	b.start()
}

func (b *bench) start() {
	b.Helper()
	b.log = b.medium.Start(b)
	b.process++
	b.numbers = map[machine.Stream]uint64{}
}

// entries are up to n of the records that wait, at once.
func (b *bench) entries(s log.Session, n int) []log.Entry {
	b.Helper()
	if len(b.ahead[s]) == 0 {
		entries, err := s.Next(n)
		if err != nil {
			b.Fatal(err)
		}
		b.keep(s, entries)
	}
	n = min(n, len(b.ahead[s]))
	got := b.ahead[s][:n]
	b.ahead[s] = b.ahead[s][n:]
	return got
}

// nextEntries waits for n records.
func (b *bench) nextEntries(s log.Session, n int) []log.Entry {
	b.Helper()
	var got []log.Entry
	for {
		got = append(got, b.entries(s, max(n-len(got), 1))...)
		if len(got) >= n {
			return got
		}
		select {
		case <-s.Ready():
		case <-b.Context().Done():
			b.Fatalf("only %d of %d records came", len(got), n)
		}
	}
}

// next waits for n records and returns them as "stream@offset name"; n = 0 expects that none waits.
func (b *bench) next(s log.Session, n int) []string {
	b.Helper()
	var got []string
	for _, e := range b.nextEntries(s, n) {
		got = append(got, fmt.Sprintf("%s@%d %s", e.Stream, e.Offset, nameOf(e.Record)))
	}
	return got
}

func (b *bench) want(got []string, want ...string) {
	b.Helper()
	if !slices.Equal(got, want) {
		b.Fatalf("got %q, want %q", got, want)
	}
}

// commit makes one row and one position durable, with what is emitted.
func (b *bench) commit(s log.Session, of machine.Stream, offset uint64, emits ...log.Emit) error {
	b.Helper()
	c := committed{offset, emits}
	err := b.put(s, of, c)
	if err == nil {
		b.commits[of] = append(b.commits[of], c)
	}
	return err
}

func (b *bench) put(s log.Session, of machine.Stream, c committed) error {
	b.Helper()
	batch := b.medium.Store().NewBatch(0)
	if err := batch.Put(of, "row", &pb.Counter{Value: c.offset}); err != nil {
		b.Fatal(err)
	}
	var emits []log.Emit
	for _, e := range c.emits {
		emits = append(emits, log.Emit{From: e.From, To: e.To, Record: record("", 0, nameOf(e.Record))})
	}
	return s.Commit(log.Commit{Batch: batch, Emits: emits, Positions: []log.Position{{Stream: of, Offset: c.offset}}})
}

func (b *bench) mustCommit(s log.Session, of machine.Stream, offset uint64, emits ...log.Emit) {
	b.Helper()
	if err := b.commit(s, of, offset, emits...); err != nil {
		b.Fatal(err)
	}
}

// row is what commit wrote last; 0 if nothing.
func (b *bench) row(of machine.Stream) uint64 {
	b.Helper()
	c := &pb.Counter{}
	if err := b.medium.Store().View(of, "row", c.UnmarshalVT); err != nil {
		b.Fatal(err)
	}
	return c.Value
}

func emit(from, to machine.Stream, names ...string) []log.Emit {
	var out []log.Emit
	for _, name := range names {
		out = append(out, log.Emit{From: from, To: to, Record: record("", 0, name)})
	}
	return out
}

func names(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s%d", prefix, i)
	}
	return out
}

// placed is how next shows names that arrived at a stream from the offset on.
func placed(to machine.Stream, offset int, names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = fmt.Sprintf("%s@%d %s", to, offset+i, name)
	}
	return out
}

func (b *bench) wantErr(err, want error) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Fatalf("got error %v, want %v", err, want)
	}
}

// noOutbox expects that no emitted record is kept any more, or will be soon.
func (b *bench) noOutbox(of machine.Stream) {
	b.Helper()
	for deadline := time.Now().Add(patience); b.keepsOutbox(of); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatalf("a record of %s is still kept", of)
		}
	}
}

// patience is how long a log may take for what it does by and by.
const patience = time.Minute

func (b *bench) keepsOutbox(of machine.Stream) bool {
	b.Helper()
	rows, err := b.medium.Store().Rows(of, keys.Outboxes(), keys.Outboxes().End())
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	return rows.Valid()
}
