package kafka

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"littlehorse/internal/log"
	"littlehorse/internal/log/logtest"
	"littlehorse/internal/machine"
)

// follow lets another process follow the stream, and returns when it knows what is there.
func (p *process) follow(t testing.TB, s machine.Stream, change func(*Config)) (*process, *Session) {
	t.Helper()
	before := p.change
	p.change = change
	other := p.another(t)
	p.change = before
	return other, other.catchesUp(s)
}

// catchesUp follows the stream and returns when it knows what is there. The owner may forget more at any moment, as the tests
// have it: then it follows again.
func (p *process) catchesUp(s machine.Stream) *Session {
	p.Helper()
	for {
		opened, err := p.log.Follow(p.Context(), []machine.Stream{s})
		if err != nil {
			p.Fatal(err)
		}
		p.session = opened
		if p.keepsUp(s, opened.Owned()) {
			return opened.(*Session)
		}
	}
}

// keepsUp applies what is there until the channel is closed, or the topic has forgotten what comes next.
func (p *process) keepsUp(s machine.Stream, closed <-chan struct{}) bool {
	p.Helper()
	for {
		entries, err := p.session.Next(1000)
		if n := len(entries); n > 0 && err == nil {
			err = p.commit(s, entries[n-1].Offset)
		}
		if errors.Is(err, log.ErrBehind) {
			return false
		}
		if err != nil {
			p.Fatal(err)
		}
		if len(entries) > 0 {
			continue
		}
		select {
		case <-closed:
			return true
		case <-p.session.Ready():
		case <-p.Context().Done():
			p.Fatal("it never came so far")
		}
	}
}

// until applies what is there until the channel is closed.
func (p *process) until(s machine.Stream, closed <-chan struct{}) {
	p.Helper()
	for {
		p.commitAll(s)
		select {
		case <-closed:
			return
		case <-p.session.Ready():
		case <-p.Context().Done():
			p.Fatal("it never came so far")
		}
	}
}

// TestOwnerHandsOver makes a session that follows the owner, by the last word of the owner: it claims nothing itself. What
// the former owner still sends has no effect.
//
// covers: operations §6 moving
func TestOwnerHandsOver(t *testing.T) {
	first := newProcess(t)
	first.open(logtest.A)
	first.append(logtest.A, named("first", 1, "one"))
	first.wait(logtest.A, "one")
	second, s := first.follow(t, logtest.A, nil)
	if at, follows := second.log.Standby(logtest.A); !follows || at.Lag() != 0 || at.End < 3 {
		t.Errorf("%+v, %t", at, follows)
	}

	if err := first.session.(log.Follower).HandOver(s.Name()); err != nil {
		t.Fatal(err)
	}
	if err := first.log.Append(logtest.A, named("first", 2, "later")); !errors.Is(err, log.ErrFenced) {
		t.Errorf("append of the former owner: %v", err)
	}
	late := named("first", 2, "late")
	late.Header.Epoch = 1
	first.put(first.entry(logtest.A, late))
	second.until(logtest.A, s.Leads())
	if _, follows := second.log.Standby(logtest.A); follows {
		t.Error("the owner is a standby")
	}
	second.append(logtest.A, named("second", 1, "two"))
	if got := second.wait(logtest.A, "two"); len(got) != 1 {
		t.Errorf("the successor applied %q", got)
	}
	third, _ := second.follow(t, logtest.A, nil)
	if at := third.session.Position(logtest.A); at != 2 {
		t.Errorf("a third applied %d records", at)
	}
}

// TestFollowerClaims lets one that follows take over from an owner that has died.
func TestFollowerClaims(t *testing.T) {
	first := newProcess(t)
	first.open(logtest.A)
	first.append(logtest.A, named("first", 1, "one"))
	first.wait(logtest.A, "one")
	second, s := first.follow(t, logtest.A, nil)
	select {
	case <-s.Leads():
		t.Fatal("who only follows leads")
	default:
	}
	s.Claim()
	second.until(logtest.A, s.Leads())
	second.append(logtest.A, named("second", 1, "two"))
	second.wait(logtest.A, "two")
	for ended := false; !ended; {
		_, err := first.session.Next(1)
		if ended = errors.Is(err, log.ErrFenced); !ended {
			<-first.session.Ready()
		}
	}
}

// TestHandingOverToNobodyHarmsNothing names a session that is no more: whoever comes next claims the stream.
func TestHandingOverToNobodyHarmsNothing(t *testing.T) {
	first := newProcess(t)
	first.open(logtest.A)
	second, s := first.follow(t, logtest.A, nil)
	if err := first.session.(log.Follower).HandOver("nobody/1"); err != nil {
		t.Fatal(err)
	}
	s.Claim()
	second.until(logtest.A, s.Leads())
}

// TestFollowerThatIsOutrunIsRebuilt lets a follower stand still until the topic has forgotten what it was to read next: its session ends,
// nothing else does, and the next has the state of the owner.
//
// survives: 5 begin; 9 copies
func TestFollowerThatIsOutrunIsRebuilt(t *testing.T) {
	p := newProcessWith(t, func(c *Config) { eager(c); c.KeepCommands = 0 })
	p.open(logtest.A)
	p.do(logtest.A, map[string]string{"ra": "0"})
	p.covered(logtest.A)
	slow, s := p.follow(t, logtest.A, func(c *Config) { c.ReadAhead = 1 })
	for n := 1; ; n++ {
		p.do(logtest.A, map[string]string{"ra": fmt.Sprint(n)})
		if slow.takesOne(s) {
			break
		}
		s = slow.catchesUp(logtest.A) // it is outrun already, and is to have one in hand
	}
	st := slow.log.streams[logtest.A]
	for n := 0; p.begins(logtest.A) <= st.peek(); n++ {
		p.do(logtest.A, map[string]string{"rb": "-", "rc": string(rune('a' + n%26))})
		p.covered(logtest.A)
	}
	if err := slow.commit(logtest.A, s.Position(logtest.A)+1); err != nil {
		t.Fatal(err)
	}
	for {
		_, err := s.Next(1)
		if errors.Is(err, log.ErrBehind) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		<-s.Ready()
	}
	if err := slow.log.err(); err != nil {
		t.Fatalf("the log has ended: %v", err)
	}
	slow.catchesUp(logtest.A)
	same(t, slow.rows(logtest.A), p.rows(logtest.A))
}

// TestOwnerThatIsOutrunGoesOn lets an owner stand still until a successor has let the topic forget what he was to read next: his session ends,
// what he appends has no effect, and his log goes on. He may have the stream again.
//
// survives: 5 begin
func TestOwnerThatIsOutrunGoesOn(t *testing.T) {
	p := newProcessWith(t, func(c *Config) { c.CheckpointEvery, c.KeepCommands, c.ReadAhead = time.Hour, -1, 1 })
	p.open(logtest.A)
	p.append(logtest.A, named("process", 1, "one"))
	one := p.take(1)
	for len(one) == 0 {
		<-p.session.Ready()
		one = p.take(1)
	}
	next := p.another(t)
	next.open(logtest.A)
	next.do(logtest.A, map[string]string{"ra": "1"})
	st := next.log.streams[logtest.A]
	next.cover(st)
	next.log.forget(t.Context(), st, st.checkpoints[0].next)

	if err := p.commit(logtest.A, one[0].Offset); err != nil {
		t.Fatal(err)
	}
	for {
		_, err := p.session.Next(1)
		if errors.Is(err, log.ErrBehind) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		<-p.session.Ready()
	}
	if err := p.log.err(); err != nil {
		t.Fatalf("the log has ended: %v", err)
	}
	if err := p.log.Append(logtest.A, named("process", 2, "late")); !errors.Is(err, log.ErrFenced) {
		t.Errorf("what comes too late is appended: %v", err)
	}
	p.open(logtest.A)
	same(t, p.rows(logtest.A), next.rows(logtest.A))
}

// takesOne waits until a record is handed out; false if the topic has forgotten it before.
func (p *process) takesOne(s *Session) bool {
	p.Helper()
	for {
		entries, err := s.Next(1)
		switch {
		case errors.Is(err, log.ErrBehind):
			return false
		case err != nil:
			p.Fatal(err)
		case len(entries) == 1:
			return true
		}
		<-s.Ready()
	}
}

// take gives what is handed out at once.
func (p *process) take(n int) []log.Entry {
	p.Helper()
	entries, err := p.session.Next(n)
	if err != nil {
		p.Fatal(err)
	}
	return entries
}

// peek is the offset that is fetched next.
func (st *stream) peek() int64 {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.next
}

// begins is where the command topic of a stream begins.
func (p *process) begins(s machine.Stream) int64 {
	p.Helper()
	st := p.log.streams[s]
	starts, err := p.admin().ListStartOffsets(p.Context(), st.commands.name)
	if err != nil {
		p.Fatal(err)
	}
	return starts[st.commands.name][st.partition].Offset
}

// TestOneCheckpointOfAStreamAtATime changes a row while a checkpoint is written: the next comes after it.
func TestOneCheckpointOfAStreamAtATime(t *testing.T) {
	p := newProcessWith(t, func(c *Config) { c.CheckpointEvery = time.Hour })
	p.open(logtest.A)
	p.do(logtest.A, map[string]string{"ra": "1"})
	st := p.log.streams[logtest.A]
	took := st.beginCover() // by somebody who never goes on
	p.do(logtest.A, map[string]string{"ra": "2"})
	if due := p.log.due(time.Now().Add(2 * time.Hour)); len(due) != 0 {
		t.Error("a stream has two checkpoints at a time")
	}
	if err := p.log.coverAs(t.Context(), st, took); err != nil {
		t.Fatal(err)
	}
	if due := p.log.due(time.Now().Add(2 * time.Hour)); len(due) != 1 {
		t.Error("what came meanwhile is forgotten")
	}
}

// TestStandbyReleasesNothing lets a copy apply a record that emits another, which its owner has not applied: the copy keeps it, and sends it when
// it has become the owner.
//
// survives: 2 outbox; 4 releases
func TestStandbyReleasesNothing(t *testing.T) {
	first := newProcess(t)
	first.open(logtest.A)
	copied, s := first.follow(t, logtest.A, nil)
	first.append(logtest.A, named("first", 1, "one"))
	for len(copied.take(1)) == 0 {
		<-s.Ready()
	}
	err := s.Commit(log.Commit{
		Batch:     copied.store.NewBatch(0),
		Emits:     []log.Emit{{From: logtest.A, To: logtest.B, Record: named("", 0, "emitted")}},
		Positions: []log.Position{{Stream: logtest.A, Offset: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	o := copied.log.streams[logtest.A].outboxTo(copied.log.streams[logtest.B])
	o.mu.Lock()
	given, sent := o.given, o.sent
	o.mu.Unlock()
	if given != 1 || sent != 0 {
		t.Errorf("of %d records that were emitted %d are sent", given, sent)
	}
	s.Claim()
	copied.until(logtest.A, s.Leads())
	reader := copied.another(t)
	reader.open(logtest.B)
	for reader.session.Position(logtest.B) == 0 {
		<-reader.session.Ready()
		reader.commitAll(logtest.B)
	}
}
