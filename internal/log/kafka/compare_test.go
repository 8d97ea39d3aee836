package kafka

import (
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"littlehorse/internal/keys"
	"littlehorse/internal/log"
	"littlehorse/internal/log/logtest"
	"littlehorse/internal/machine"
)

// apply applies the next n records in one commit, with the rows as what they change together.
func (p *process) apply(s machine.Stream, n int, rows map[string]string) {
	p.Helper()
	var entries []log.Entry
	for len(entries) < n {
		taken := p.take(n - len(entries))
		entries = append(entries, taken...)
		if len(taken) == 0 {
			<-p.session.Ready()
		}
	}
	b := p.store.NewBatch(0)
	for k, v := range rows {
		if err := change(b, s, keys.Key(k), v); err != nil {
			p.Fatal(err)
		}
	}
	if err := p.session.Commit(log.Commit{Batch: b, Positions: []log.Position{{Stream: s, Offset: entries[n-1].Offset}}}); err != nil {
		p.Fatal(err)
	}
}

// compared waits until the copy has been compared with its owner at a later entry than before.
func (p *process) compared(s machine.Stream, before int64) (at int64) {
	p.Helper()
	st := p.log.streams[s]
	for p.Context().Err() == nil {
		st.mu.Lock()
		c := st.comparison
		st.mu.Unlock()
		if c.ours.next == c.theirs.next && c.ours.next > before && len(c.theirs.sum) > 0 {
			return c.ours.next
		}
		time.Sleep(time.Millisecond)
	}
	p.Fatal("it was never compared")
	return 0
}

// TestCopyThatDiffersIsNotUsed lets a copy apply the same records in other commits, which makes no difference, and then one of them to another end:
// its session ends, and no other gets the copy. The rest of the log goes on.
//
// survives: 10 chain
func TestCopyThatDiffersIsNotUsed(t *testing.T) {
	p := newProcessWith(t, func(c *Config) { c.CheckpointEvery = time.Hour })
	p.open(logtest.A)
	st := p.log.streams[logtest.A]
	p.do(logtest.A, map[string]string{"ra": "1"})
	p.cover(st) // everything, which is not compared
	copied, _ := p.follow(t, logtest.A, nil)

	p.do(logtest.A, map[string]string{"ra": "2", "rz": "1"})
	p.do(logtest.A, map[string]string{"rb": "1", "rz": "-"})
	copied.apply(logtest.A, 2, map[string]string{"ra": "2", "rb": "1"})
	p.cover(st)
	at := copied.compared(logtest.A, 0)
	if n := copied.log.Checkpoints().Differing; n != 0 {
		t.Fatalf("%d copies differ", n)
	}

	p.do(logtest.A, map[string]string{"ra": "3"})
	copied.apply(logtest.A, 1, map[string]string{"ra": "4"})
	p.cover(st)
	copied.compared(logtest.A, at)
	for {
		_, err := copied.session.Next(1)
		if errors.Is(err, log.ErrDiffers) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		<-copied.session.Ready()
	}
	if n := copied.log.Checkpoints().Differing; n != 1 || !copied.log.Differs(logtest.A) {
		t.Errorf("%d copies differ", n)
	}
	for name, open := range map[string]func() (log.Session, error){
		"follow": func() (log.Session, error) { return copied.log.Follow(t.Context(), []machine.Stream{logtest.A}) },
		"own":    func() (log.Session, error) { return copied.log.Open(t.Context(), []machine.Stream{logtest.A}) },
	} {
		if _, err := open(); !errors.Is(err, log.ErrDiffers) {
			t.Errorf("%s: %v", name, err)
		}
	}
	copied.open(logtest.B)
	p.do(logtest.A, map[string]string{"ra": "5"})
}

// TestNothingPassesACut has records behind a cut: they are not handed out before what lies before it is committed, and the state at it has
// nothing of them.
//
// survives: 10 chain
func TestNothingPassesACut(t *testing.T) {
	p := newProcess(t)
	p.open(logtest.A)
	st := p.log.streams[logtest.A]
	p.append(logtest.A, named("process", 1, "one"))
	c, err := st.askCut()
	if err != nil {
		t.Fatal(err)
	}
	p.append(logtest.A, named("process", 2, "two"))
	for st.peek() < 4 {
		time.Sleep(time.Millisecond)
	}
	one := p.take(10)
	for len(one) == 0 {
		<-p.session.Ready()
		one = p.take(10)
	}
	if len(one) != 1 {
		t.Fatalf("%d records are handed out", len(one))
	}
	offset := one[0].Offset
	if got := p.take(10); len(got) != 0 {
		t.Fatalf("%d records are handed out before the cut is committed", len(got))
	}
	if err := p.commit(logtest.A, offset); err != nil {
		t.Fatal(err)
	}
	<-c.made
	at, _, err := st.positions(c.snap)
	if err := errors.Join(err, c.snap.Close()); err != nil || at.Value != offset {
		t.Errorf("the state is as of record %d, %v", at.GetValue(), err)
	}
	p.wait(logtest.A, "two")
}

// goesOver appends the entry by which the stream goes over to an engine version.
func (p *process) goesOver(s machine.Stream, version uint32) {
	p.Helper()
	st := p.log.streams[s]
	p.log.Raise(version)
	for p.Context().Err() == nil {
		st.mu.Lock()
		engine := st.engine
		st.mu.Unlock()
		if engine == version {
			return
		}
		time.Sleep(time.Millisecond)
	}
	p.Fatal("it never went over")
}

// engineOf is the version as of which the next record is to be applied, which is committed.
func (p *process) engineOf(s machine.Stream) uint32 {
	p.Helper()
	got := p.take(1)
	for len(got) == 0 {
		<-p.session.Ready()
		got = p.take(1)
	}
	if err := p.commit(s, got[0].Offset); err != nil {
		p.Fatal(err)
	}
	return got[0].Engine
}

func knowing(version uint32) func(*Config) {
	return func(c *Config) { c.Engine, c.CheckpointEvery = version, time.Hour }
}

// TestOldProgramAppliesNothingOfANewerVersion runs two programs side by side, one of which knows an engine version more. Both apply the records before the
// change alike; of those behind it the old one applies none, whether it follows, starts again over its own disk, or has
// an empty one.
//
// survives: 12 refuses
func TestOldProgramAppliesNothingOfANewerVersion(t *testing.T) {
	p := newProcessWith(t, knowing(2))
	p.open(logtest.A)
	old, _ := p.follow(t, logtest.A, knowing(1))
	late, _ := p.follow(t, logtest.A, knowing(1))
	if err := late.log.Close(); err != nil {
		t.Fatal(err)
	}
	late.log = nil

	p.append(logtest.A, named("process", 1, "before"))
	if is, of := p.engineOf(logtest.A), old.engineOf(logtest.A); is != 1 || of != 1 {
		t.Errorf("versions %d and %d", is, of)
	}
	p.goesOver(logtest.A, 2)
	p.append(logtest.A, named("process", 2, "behind"))
	if is := p.engineOf(logtest.A); is != 2 {
		t.Errorf("version %d", is)
	}
	old.endsAsTooOld(t)

	l, err := Open(t.Context(), late.config())
	if err != nil {
		t.Fatal(err)
	}
	late.log = l
	if late.session, err = l.Follow(t.Context(), []machine.Stream{logtest.A}); err != nil {
		t.Fatal(err)
	}
	late.endsAsTooOld(t)

	p.cover(p.log.streams[logtest.A])
	if err := p.reopen(); err != nil { // it has forgotten nothing
		t.Fatal(err)
	}
	p.open(logtest.A)
	p.append(logtest.A, named("again", 1, "again"))
	if is := p.engineOf(logtest.A); is != 2 {
		t.Errorf("version %d after a restart", is)
	}
	empty := &medium{brokers: p.brokers, cluster: p.cluster, fs: vfs.NewCrashableMem(), process: int(clusters.Add(1)) * 1000, change: knowing(1)}
	t.Cleanup(func() { empty.stop(t) })
	empty.Start(t)
	if _, err := empty.log.Follow(t.Context(), []machine.Stream{logtest.A}); !errors.Is(err, log.ErrNewer) {
		t.Errorf("an empty disk: %v", err)
	}
}

// endsAsTooOld waits for the end of the log, and looks that what is behind the change was never handed out.
func (p *process) endsAsTooOld(t *testing.T) {
	t.Helper()
	for {
		entries, err := p.session.Next(1)
		if errors.Is(err, log.ErrNewer) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if name := string(e.Record.GetContinue().GetKey()); name == "behind" {
				t.Fatal("it is given a record of a version that it does not know")
			}
		}
		if len(entries) == 0 {
			<-p.session.Ready()
		}
	}
}
