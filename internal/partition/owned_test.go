package partition

import (
	"context"
	"errors"
	"testing"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/log"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// lateLog gives sessions that become owners when the test says so.
type lateLog struct {
	log.Log
	owned chan struct{}
}

type lateSession struct {
	log.Session
	owned chan struct{}
}

func (l *lateLog) Open(ctx context.Context, streams []machine.Stream) (log.Session, error) {
	s, err := l.Log.Open(ctx, streams)
	return &lateSession{s, l.owned}, err
}

func (s *lateSession) Owned() <-chan struct{} { return s.owned }

// TestTimersWaitForTheOwnership opens a state in which a timer is overdue: as long as the log may hold its end, it does
// not fire.
//
// survives: 4 releases
func TestTimersWaitForTheOwnership(t *testing.T) {
	late := &lateLog{owned: make(chan struct{})}
	r := newRig(t, nil).start()
	r.must(core(0), "timer 1700000000000000001 t")
	r.stop()
	r.clock.advance(time.Second)
	r.config = func(c *Config) { late.Log, c.Log = c.Log, late }
	f := watchTimers(r)
	r.start()
	defer r.stop()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.host.Owned(over); !errors.Is(err, context.Canceled) {
		t.Errorf("before: %v", err)
	}
	r.must(core(0), "add x 1")
	f.none(t)
	close(late.owned)
	if err := r.host.Owned(t.Context()); err != nil {
		t.Error(err)
	}
	if id := f.next(t); id != "t" {
		t.Errorf("timer %s", id)
	}
}

// followed gives sessions that follow, and lead when the test says so.
type followed struct {
	log.Log
	leads chan struct{}
}

type followedSession struct {
	log.Session
	leads chan struct{}
}

func (l *followed) Open(ctx context.Context, streams []machine.Stream) (log.Session, error) {
	s, err := l.Log.Open(ctx, streams)
	return &followedSession{s, l.leads}, err
}

func (s *followedSession) Name() string           { return "session" }
func (s *followedSession) Claim()                 { close(s.leads) }
func (s *followedSession) Leads() <-chan struct{} { return s.leads }
func (s *followedSession) HandOver(string) error  { return s.Close() }

// TestFollowerWorksWhenItIsPromoted opens a state in which a timer is overdue, to follow it: it takes nothing and fires nothing,
// until it is promoted and leads.
//
// survives: 4 releases
func TestFollowerWorksWhenItIsPromoted(t *testing.T) {
	r := newRig(t, nil).start()
	r.must(core(0), "timer 1700000000000000001 t")
	r.stop()
	r.clock.advance(time.Second)
	r.config = func(c *Config) { c.Lanes, c.Follows, c.Log = 1, true, &followed{c.Log, make(chan struct{})} }
	f := watchTimers(r)
	r.start()
	defer r.stop()
	if err := r.host.Owned(t.Context()); err != nil {
		t.Error(err)
	}
	if reply := r.do(core(0), fresh("add x 1")); reply.Err == nil || reply.Err.Code != lh.Unavailable || !reply.Err.Again {
		t.Errorf("%+v", reply)
	}
	if name := r.host.Session(); name != "session" {
		t.Errorf("session %q", name)
	}
	r.host.Promote()
	f.none(t)
	r.host.Claim()
	if err := r.host.Leads(t.Context()); err != nil {
		t.Error(err)
	}
	if id := f.next(t); id != "t" {
		t.Errorf("timer %s", id)
	}
	r.must(core(0), "add x 1")
}

func TestOwnershipIsNotWaitedForWhenTheHostHasEnded(t *testing.T) {
	late := &lateLog{owned: make(chan struct{})}
	r := newRig(t, func(c *Config) { late.Log, c.Log = c.Log, late }).start()
	r.stop()
	if err := r.host.Owned(t.Context()); err == nil {
		t.Error("a closed host owns its streams")
	}
}

// TestUnreadableStateEndsTheHostOverALogThatRepeats fails a read where the record will be applied again.
func TestUnreadableStateEndsTheHostOverALogThatRepeats(t *testing.T) {
	r := newRig(t, func(c *Config) { c.FatalReads = true }).start()
	r.must(core(0), "set x 300")
	r.stop()
	r.start() // so that the object is not in memory
	position := r.host.Position(core(0))
	if reply := r.do(core(0), fresh("misread x")); reply.Err == nil || reply.Err.Code != lh.Unavailable {
		t.Errorf("%+v", reply)
	}
	<-r.host.Done()
	if r.host.Err() == nil || r.host.Position(core(0)) != position {
		t.Errorf("%v, position %d", r.host.Err(), r.host.Position(core(0)))
	}
	_ = r.host.Close()
	if err := errors.Join(r.log.Close(), r.store.Close()); err != nil {
		t.Error(err)
	}
}

// TestCatalogVersionSurvivesARestart applies a record that names an older version than one before the restart.
func TestCatalogVersionSurvivesARestart(t *testing.T) {
	r := newRig(t, nil).start()
	ahead := fresh("stamp a")
	ahead.Header = &pb.Header{CatalogVersion: 9}
	r.do(core(0), ahead)
	r.stop()
	r.start()
	defer r.stop()
	r.must(core(0), "stamp b")
	b, err := r.host.Get(core(0), rowKey("b"))
	h := &pb.Header{}
	if err = errors.Join(err, h.UnmarshalVT(b)); err != nil || h.CatalogVersion != 9 {
		t.Errorf("version %d, %v", h.CatalogVersion, err)
	}
}

// bringing is a log whose sessions come with state, as one that rebuilds a partition has them.
type bringing struct {
	log.Log
	bring func() error
}

func (l *bringing) Open(ctx context.Context, streams []machine.Stream) (log.Session, error) {
	if err := l.bring(); err != nil {
		return nil, err
	}
	return l.Log.Open(ctx, streams)
}

// TestStateThatComesWithTheSessionCounts lets the log bring the catalog version that the partition has seen: records that name
// an older one are applied under it.
func TestStateThatComesWithTheSessionCounts(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.Log = &bringing{c.Log, func() error {
			b := c.Store.NewBatch(0)
			return errors.Join(b.Put(core(0), keys.Version(), &pb.Counter{Value: 9}), b.Commit())
		}}
	}).start()
	defer r.stop()
	r.must(core(0), "stamp a")
	b, err := r.host.Get(core(0), rowKey("a"))
	h := &pb.Header{}
	if err = errors.Join(err, h.UnmarshalVT(b)); err != nil || h.CatalogVersion != 9 {
		t.Errorf("version %d, %v", h.CatalogVersion, err)
	}
}
