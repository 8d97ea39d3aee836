package logtest

import (
	"slices"
	"time"

	"littlehorse/internal/log"
	"littlehorse/internal/machine"
)

func orderIsThatOfAppends(b *bench) {
	s := b.open(A)
	b.append(A, "x", "y")
	b.want(b.next(s, 2), "c/0@1 x", "c/0@2 y")
	b.append(A, "z")
	b.want(b.next(s, 1), "c/0@3 z")
	b.want(b.next(s, 0))
}

func readyTellsOfRecords(b *bench) {
	b.append(A, "before")
	s := b.open(A)
	<-s.Ready()
	b.want(b.next(s, 1), "c/0@1 before")
	b.append(A, "after")
	<-s.Ready()
	b.want(b.next(s, 1), "c/0@2 after")
}

func noStreamStarvesAnother(b *bench) {
	s := b.open(A, B)
	b.append(A, names("a", 100)...)
	b.append(B, "b")
	b.next(s, 101)
	for range attempts {
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		s = b.open(A, B)
		<-s.Ready()
		if fair(b, s) {
			return
		}
	}
	b.Fatal("ten records, none of them from the other stream, again and again")
}

// attempts of what depends on when the records of two streams have come to the session.
const attempts = 100

// fair tells whether the session gives something of B among the first.
func fair(b *bench, s log.Session) bool {
	entries, err := s.Next(10)
	if err != nil {
		b.Fatal(err)
	}
	return slices.ContainsFunc(entries, func(e log.Entry) bool { return e.Stream == B })
}

func timeIsNotBeforeTheHeader(b *bench) {
	s := b.open(A)
	soon := time.Now().Add(time.Second / 2).UnixNano()
	r := record(b.source(), 1, "x")
	r.Header.AtNs = soon
	if err := b.log.Append(A, r); err != nil {
		b.Fatal(err)
	}
	if e := b.nextEntries(s, 1)[0]; e.AtNs < soon {
		b.Fatalf("the time is %d, before that of the header, %d", e.AtNs, soon)
	}
}

func doublesAreDropped(b *bench) {
	s := b.open(A)
	for _, number := range []uint64{3, 3, 2, 7, 5, 7, 8} {
		if err := b.log.Append(A, record("process", number, string(rune('0'+number)))); err != nil {
			b.Fatal(err)
		}
	}
	if err := b.log.Append(A, record("another", 1, "other")); err != nil {
		b.Fatal(err)
	}
	b.want(b.next(s, 4), "c/0@1 3", "c/0@2 7", "c/0@3 8", "c/0@4 other")
	b.want(b.next(s, 0))
}

func outboxTakesOnlyTheNext(b *bench) {
	s := b.open(A)
	for _, number := range []uint64{2, 1, 1, 3, 2, 5, 3} {
		if err := b.log.Append(A, record(log.OutboxSource(B), number, string(rune('0'+number)))); err != nil {
			b.Fatal(err)
		}
	}
	b.want(b.next(s, 3), "c/0@1 1", "c/0@2 2", "c/0@3 3")
	b.want(b.next(s, 0))
}

func uncommittedComesAgain(b *bench) {
	s := b.open(A)
	b.append(A, "x", "y", "z")
	b.want(b.next(s, 3), "c/0@1 x", "c/0@2 y", "c/0@3 z")
	b.mustCommit(s, A, 1)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	s = b.open(A)
	b.want(b.next(s, 2), "c/0@2 y", "c/0@3 z")
}

func commitSurvivesACrash(b *bench) {
	s := b.open(A)
	b.append(A, "x", "y")
	b.next(s, 2)
	b.mustCommit(s, A, 2)
	b.crash()
	s = b.open(A)
	if got := s.Position(A); got != 2 || b.row(A) != 2 {
		b.Fatalf("position %d, row %d after the crash", got, b.row(A))
	}
	b.append(A, "z")
	b.want(b.next(s, 1), "c/0@3 z")
}

func crashBeforeCommitIsNothing(b *bench) {
	s := b.open(A)
	b.append(A, "x")
	b.next(s, 1)
	b.crash()
	s = b.open(A)
	if got := s.Position(A); got != 0 || b.row(A) != 0 {
		b.Fatalf("position %d, row %d after the crash", got, b.row(A))
	}
}

func commitNeedsOwnedStreams(b *bench) {
	s := b.open(A)
	b.append(A, "x")
	b.next(s, 1)
	if b.commit(s, B, 0) == nil {
		b.Fatal("a session committed a stream it does not own")
	}
	if b.commit(s, A, 1, emit(B, A, "y")...) == nil {
		b.Fatal("a session emitted for a stream it does not own")
	}
	if b.row(A) != 0 || b.row(B) != 0 {
		b.Fatal("a refused commit left something behind")
	}
}

func commitNeedsHandedOutOffsets(b *bench) {
	s := b.open(A)
	b.append(A, "x", "y")
	b.next(s, 2)
	b.mustCommit(s, A, 1)
	for _, offset := range []uint64{0, 3} {
		if b.commit(s, A, offset) == nil {
			b.Fatalf("offset %d was committed", offset)
		}
	}
	b.mustCommit(s, A, 2)
}

func emittedArrivesOnce(b *bench) {
	s, to := b.open(A), b.open(B)
	b.append(A, "x")
	b.next(s, 1)
	b.want(b.next(to, 0))
	b.mustCommit(s, A, 1, emit(A, B, "one", "two")...)
	b.want(b.next(to, 2), "c/1@1 one", "c/1@2 two")
	b.mustCommit(to, B, 2)
	b.want(b.next(to, 0))
	b.noOutbox(A)
}

func emittedToItselfArrivesOnce(b *bench) {
	s := b.open(A)
	b.append(A, "x")
	b.next(s, 1)
	b.mustCommit(s, A, 1, emit(A, A, "again")...)
	b.want(b.next(s, 1), "c/0@2 again")
	b.mustCommit(s, A, 2)
	b.noOutbox(A)
	b.crash()
	s = b.open(A)
	b.append(A, "y")
	b.want(b.next(s, 1), "c/0@3 y")
}

func emittedSurvivesACrash(b *bench) {
	s := b.open(A)
	b.append(A, "x")
	b.next(s, 1)
	b.mustCommit(s, A, 1, emit(A, B, "one", "two")...)
	b.crash()
	to := b.open(A, B)
	b.want(b.next(to, 2), "c/1@1 one", "c/1@2 two")
	b.mustCommit(to, B, 1)
	b.crash()
	to = b.open(A, B)
	b.want(b.next(to, 1), "c/1@2 two")
	b.mustCommit(to, B, 2)
	b.noOutbox(A)
}

func appliedIsNotSentAgain(b *bench) {
	s, to := b.open(A), b.open(B)
	<-s.Owned()
	b.append(A, "x", "y")
	b.next(s, 2)
	b.mustCommit(s, A, 1, emit(A, B, "one")...)
	b.next(to, 1)
	b.mustCommit(to, B, 1)
	b.crash()
	s, to = b.open(A), b.open(B)
	b.append(A, "z")
	b.next(s, 1)
	b.mustCommit(s, A, 2, emit(A, B, "two")...)
	b.want(b.next(to, 1), "c/1@2 two")
	b.want(b.next(to, 0))
}

// many is beyond any window of records in memory.
const many = 2000

func manyEmittedArriveInOrder(b *bench) {
	s, to := b.open(A), b.open(B)
	b.append(A, "x")
	b.next(s, 1)
	all := names("n", many)
	b.mustCommit(s, A, 1, emit(A, B, all...)...)
	b.want(b.drain(to, B, many), placed(B, 1, all)...)
	b.noOutbox(A)
}

func manyEmittedSurviveACrash(b *bench) {
	s, to := b.open(A), b.open(B)
	b.append(A, "x")
	b.next(s, 1)
	all := names("n", many)
	b.mustCommit(s, A, 1, emit(A, B, all...)...)
	first := b.drain(to, B, many/3)
	b.crash()
	to = b.open(A, B)
	rest := b.drain(to, B, many-len(first))
	b.want(append(first, rest...), placed(B, 1, all)...)
	b.noOutbox(A)
}

// drain takes and commits until n records have come.
func (b *bench) drain(s log.Session, of machine.Stream, n int) []string {
	b.Helper()
	var got []string
	for len(got) < n {
		got = append(got, b.next(s, 1)...)
		b.mustCommit(s, of, s.Position(of)+1)
	}
	return got
}

func emittedForNoStreamIsAnError(b *bench) {
	s := b.open(A)
	b.append(A, "x")
	b.next(s, 1)
	nowhere := machine.Stream{Kind: machine.Core, Partition: 999}
	b.wantErr(b.commit(s, A, 1, emit(A, nowhere, "lost")...), log.ErrUnknownStream)
	if b.row(A) != 0 {
		b.Fatal("a refused commit left something behind")
	}
}

func openFencesTheOwner(b *bench) {
	old := b.open(A, B)
	b.append(A, "x")
	b.next(old, 1)
	s := b.open(A)
	b.wantErr(b.commit(old, A, 1), log.ErrFenced)
	if _, err := old.Next(1); err == nil {
		b.Fatal("a fenced session hands out records")
	}
	if b.row(A) != 0 {
		b.Fatal("a fenced commit left something behind")
	}
	b.want(b.next(s, 1), "c/0@1 x")
	b.mustCommit(s, A, 1)
}

func closedSessionGivesItsStreams(b *bench) {
	s := b.open(A)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	_, err := s.Next(1)
	b.wantErr(err, log.ErrClosed)
	b.wantErr(b.commit(s, A, 0), log.ErrClosed)
	b.append(A, "x")
	b.want(b.next(b.open(A), 1), "c/0@1 x")
}

func closedLogTakesNothing(b *bench) {
	s := b.open(A)
	if err := b.log.Close(); err != nil {
		b.Fatal(err)
	}
	b.wantErr(b.log.Append(A, record("process", 1, "x")), log.ErrClosed)
	_, err := s.Next(1)
	b.wantErr(err, log.ErrClosed)
	_, err = b.log.Open(b.Context(), Streams())
	b.wantErr(err, log.ErrClosed)
}

func unknownStreams(b *bench) {
	nowhere := machine.Stream{Kind: machine.Core, Partition: 999}
	b.wantErr(b.log.Append(nowhere, record("process", 1, "x")), log.ErrUnknownStream)
	_, err := b.log.Open(b.Context(), []machine.Stream{A, nowhere})
	b.wantErr(err, log.ErrUnknownStream)
}
