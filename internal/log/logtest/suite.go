package logtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

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
			b := &bench{TB: t, medium: medium(t), numbers: map[machine.Stream]uint64{}}
			b.log = b.medium.Start(t)
			test(b)
		})
	}
}

// bench is one test with its log.
type bench struct {
	testing.TB
	medium  Medium
	log     log.Log
	numbers map[machine.Stream]uint64
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
		if err := b.log.Append(to, record("process", b.numbers[to], name)); err != nil {
			b.Fatal(err)
		}
	}
}

func (b *bench) open(streams ...machine.Stream) log.Session {
	b.Helper()
	s, err := b.log.Open(b.Context(), streams)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// crash ends the process and starts the next one.
func (b *bench) crash() {
	b.Helper()
	b.medium.Crash(b)
	b.log = b.medium.Start(b)
	b.numbers = map[machine.Stream]uint64{}
}

// next waits for n records and returns them as "stream@offset name"; n = 0 expects that none waits.
func (b *bench) next(s log.Session, n int) []string {
	b.Helper()
	var got []string
	for {
		entries, err := s.Next(max(n, 1))
		if err != nil {
			b.Fatal(err)
		}
		for _, e := range entries {
			got = append(got, fmt.Sprintf("%s@%d %s", e.Stream, e.Offset, nameOf(e.Record)))
		}
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

func (b *bench) want(got []string, want ...string) {
	b.Helper()
	if !slices.Equal(got, want) {
		b.Fatalf("got %q, want %q", got, want)
	}
}

// commit makes one row and one position durable, with what is emitted.
func (b *bench) commit(s log.Session, of machine.Stream, offset uint64, emits ...log.Emit) error {
	b.Helper()
	batch := b.medium.Store().NewBatch(0)
	if err := batch.Put(of, "row", &pb.Counter{Value: offset}); err != nil {
		b.Fatal(err)
	}
	return s.Commit(log.Commit{Batch: batch, Emits: emits, Positions: []log.Position{{Stream: of, Offset: offset}}})
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

// noOutbox expects that no emitted record is kept any more.
func (b *bench) noOutbox(of machine.Stream) {
	b.Helper()
	rows, err := b.medium.Store().Rows(of, keys.Outboxes(), keys.Outboxes().End())
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	if rows.Valid() {
		b.Fatalf("a record of %s is still kept", of)
	}
}
