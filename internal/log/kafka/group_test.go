package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"littlehorse/internal/log/logtest"
)

// groupMember is a member that notes what it is told. Whoever leads names all members in order.
type groupMember struct {
	*Group
	name string

	mu     sync.Mutex
	told   string
	ids    []string
	lost   int
	rounds int
	news   chan struct{}
	fails  chan error
}

func (m *medium) join(t testing.TB, l *Log, name, former string) *groupMember {
	t.Helper()
	g := &groupMember{name: name, news: make(chan struct{}, 1), fails: make(chan error, 1)}
	group, err := l.Join(GroupConfig{
		SessionTimeout: 6 * time.Second,
		Describe:       func() []byte { return []byte(name) },
		Lead: func(descriptions [][]byte) ([]byte, error) {
			var names []string
			for _, d := range descriptions {
				names = append(names, string(d))
			}
			slices.Sort(names)
			return []byte(strings.Join(names, " ")), nil
		},
		Assigned: func(plan []byte) error { g.note(func() { g.told = string(plan) }); return nil },
		Lost:     func() { g.note(func() { g.told = ""; g.lost++ }) },
		Failed:   func(err error) { g.fails <- err },
		Heard:    func() { g.note(func() { g.rounds++ }) },
		Former:   former,
		Remember: func(id string) { g.note(func() { g.ids = append(g.ids, id) }) },
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	g.Group = group
	t.Cleanup(func() { g.Leave(context.Background()) })
	return g
}

func (g *groupMember) note(what func()) {
	g.mu.Lock()
	what()
	g.mu.Unlock()
	select {
	case g.news <- struct{}{}:
	default:
	}
}

// hears waits until the member is told so.
func (g *groupMember) hears(t testing.TB, plan string) {
	t.Helper()
	for {
		g.mu.Lock()
		told := g.told
		g.mu.Unlock()
		if told == plan {
			return
		}
		select {
		case <-g.news:
		case <-t.Context().Done():
			t.Fatalf("%s is told %q, not %q", g.name, told, plan)
		}
	}
}

// TestMembersSettle lets members come, go and die.
//
// covers: operations §6 moving
func TestMembersSettle(t *testing.T) {
	m := newTestMedium(t)
	l := m.Start(t).(*Log)
	a := m.join(t, l, "a", "")
	a.hears(t, "a")
	b := m.join(t, l, "b", "")
	a.hears(t, "a b")
	b.hears(t, "a b")
	if !a.Alive() || !b.Alive() {
		t.Error("members are not alive")
	}
	b.Leave(t.Context())
	a.hears(t, "a")
	if b.Alive() {
		t.Error("who has left is alive")
	}
	c := m.join(t, l, "c", "")
	c.hears(t, "a c")
	c.cancel() // as if its process had died
	<-c.ended
	c.mu.Lock()
	former := c.ids[len(c.ids)-1]
	c.mu.Unlock()
	d := m.join(t, l, "d", former)
	d.hears(t, "a d")
	a.hears(t, "a d")
}

// TestCoordinatorThatCannotWriteProvesNothing lets the broker that counts the members answer heartbeats and write nothing, as one does that is
// cut from the others and does not know that another counts them now: who hears from no other is not taken for alive for longer than a
// session. When it can write again they are.
//
// survives: 4 lease
func TestCoordinatorThatCannotWriteProvesNothing(t *testing.T) {
	c := fakeBrokers(t, 1)
	m := newTestMedium(t)
	m.brokers = c.ListenAddrs()
	g := m.join(t, m.Start(t).(*Log), "a", "")
	g.hears(t, "a")
	var cut atomic.Bool
	cut.Store(true)
	c.ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if !cut.Load() {
			return nil, nil, false
		}
		return refused(r), nil, true
	})
	beats := make(chan time.Time, 1)
	c.ControlKey(int16(kmsg.Heartbeat), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		select {
		case beats <- time.Now():
		default:
		}
		return nil, nil, false
	})
	for began := time.Now(); (<-beats).Sub(began) < g.cfg.SessionTimeout; {
	}
	if g.Alive() {
		t.Error("a member is taken for alive by heartbeats alone")
	}
	cut.Store(false)
	for !g.Alive() {
		<-beats
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lost > 0 {
		t.Errorf("the member has lost its part %d times", g.lost)
	}
}

// refused is the answer of a coordinator that cannot write.
func refused(commit kmsg.Request) kmsg.Response {
	req := commit.(*kmsg.OffsetCommitRequest)
	resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
	for _, of := range req.Topics {
		topic := kmsg.NewOffsetCommitResponseTopic()
		topic.Topic, topic.TopicID = of.Topic, of.TopicID
		part := kmsg.NewOffsetCommitResponseTopicPartition()
		part.ErrorCode = kerr.CoordinatorNotAvailable.Code
		topic.Partitions = append(topic.Partitions, part)
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}

// TestProofThatFailsSettlesNothingAnew lets the coordinator not write for a while when a member has joined: it stays one, and is told the plan when it is proved.
func TestProofThatFailsSettlesNothingAnew(t *testing.T) {
	c := fakeBrokers(t, 1)
	m := newTestMedium(t)
	m.brokers = c.ListenAddrs()
	l := m.Start(t).(*Log)
	var joins, proofs atomic.Int32
	c.ControlKey(int16(kmsg.SyncGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		joins.Add(1)
		return nil, nil, false
	})
	c.ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if proofs.Add(1) > 3 {
			return nil, nil, false
		}
		return refused(r), nil, true
	})
	g := m.join(t, l, "a", "")
	g.hears(t, "a")
	g.mu.Lock()
	defer g.mu.Unlock()
	if joins, proofs := int(joins.Load()), proofs.Load(); joins > 1+g.lost || proofs < 4 {
		t.Errorf("it is told after it has joined %d times, lost its part %d times and tried to prove it %d times", joins, g.lost, proofs)
	}
}

// TestCoordinatorThatIsSilentWhileTheGroupSettlesIsLeft lets the broker at which a member waits for the others never answer, without a connection that fails,
// while another takes its place.
func TestCoordinatorThatIsSilentWhileTheGroupSettlesIsLeft(t *testing.T) {
	c := fakeBrokers(t, 3)
	m := newTestMedium(t)
	m.brokers, m.change = c.ListenAddrs(), patient
	g := m.join(t, m.Start(t).(*Log), "a", "")
	g.hears(t, "a")
	over, waits := make(chan struct{}), make(chan struct{}, 1)
	t.Cleanup(func() { close(over) })
	silent := c.CoordinatorFor(g.Group.name)
	c.ControlKey(int16(kmsg.JoinGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if c.CurrentNode() == silent {
			select {
			case waits <- struct{}{}:
			default:
			}
			c.SleepControl(func() { <-over })
		}
		return nil, nil, false
	})
	g.Rejoin()
	<-waits
	for c.CoordinatorFor(g.Group.name) == silent {
		c.RehashCoordinators()
	}
	g.heardAfter(t, time.Now())
}

// patient lets the clients wait for an answer for ten minutes.
func patient(c *Config) { c.Tuning.RequestTimeout = 10 * time.Minute }

// heardAfter waits until the membership is proved as of a later moment.
func (g *groupMember) heardAfter(t testing.TB, moment time.Time) {
	t.Helper()
	for end := moment.Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if heard := g.heard.Load(); heard != nil && heard.After(moment) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the member keeps to the broker that is silent")
		}
	}
}

// TestFormerMemberIsNotWaitedFor lets the coordinator be silent that is told of the former member of a folder: its successor joins at another.
func TestFormerMemberIsNotWaitedFor(t *testing.T) {
	c := fakeBrokers(t, 3)
	m := newTestMedium(t)
	m.brokers, m.change = c.ListenAddrs(), patient
	l := m.Start(t).(*Log)
	over, asked := make(chan struct{}), make(chan int32, 1)
	var silent atomic.Bool
	c.ControlKey(int16(kmsg.LeaveGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		if !silent.Swap(true) {
			asked <- c.CurrentNode()
			c.SleepControl(func() { <-over })
		}
		return nil, nil, false
	})
	g := m.join(t, l, "a", "former")
	t.Cleanup(func() { close(over) })
	for former := <-asked; c.CoordinatorFor(g.Group.name) == former; {
		c.RehashCoordinators()
	}
	g.hears(t, "a")
}

// TestMemberThatIsForgottenJoinsAgain lets the group go on without a member.
func TestMemberThatIsForgottenJoinsAgain(t *testing.T) {
	c := fakeBrokers(t, 1)
	m := newTestMedium(t)
	m.brokers = c.ListenAddrs()
	g := m.join(t, m.Start(t).(*Log), "a", "")
	g.hears(t, "a")
	c.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
		resp.ErrorCode = kerr.UnknownMemberID.Code
		return resp, nil, true
	})
	for lost := 0; lost == 0; {
		<-g.news
		g.mu.Lock()
		lost = g.lost
		g.mu.Unlock()
	}
	g.hears(t, "a")
}

// TestSilentCoordinatorIsLeft lets the broker that counts the members answer no heartbeat any more, without a connection that fails, while
// another takes its place.
func TestSilentCoordinatorIsLeft(t *testing.T) {
	c := fakeBrokers(t, 3)
	m := newTestMedium(t)
	m.brokers = c.ListenAddrs()
	g := m.join(t, m.Start(t).(*Log), "a", "")
	g.hears(t, "a")
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	silent := c.CoordinatorFor(g.Group.name)
	c.ControlKey(int16(kmsg.Heartbeat), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if c.CurrentNode() == silent {
			c.SleepControl(func() { <-over })
		}
		return nil, nil, false
	})
	for c.CoordinatorFor(g.Group.name) == silent {
		c.RehashCoordinators()
	}
	g.heardAfter(t, time.Now())
}

// TestSilenceEndsWhatAliveAllows answers no heartbeat any more.
func TestSilenceEndsWhatAliveAllows(t *testing.T) {
	g := &Group{cfg: GroupConfig{SessionTimeout: time.Hour}}
	if g.Alive() {
		t.Error("who was never heard is alive")
	}
	for ago, want := range map[time.Duration]bool{10 * time.Hour: false, time.Hour: false, 49 * time.Minute: false, 47 * time.Minute: true} {
		heard := time.Now().Add(-ago)
		byDate := heard.Round(0) // as if the other clock had stood still
		for _, at := range []*time.Time{&heard, &byDate} {
			g.heard.Store(at)
			if g.Alive() != want {
				t.Errorf("heard %s ago: %t", ago, g.Alive())
			}
		}
	}
}

// TestSessionTimeoutThatBrokersRefuse ends the attempt.
func TestSessionTimeoutThatBrokersRefuse(t *testing.T) {
	m := newTestMedium(t)
	l := m.Start(t).(*Log)
	g := m.join(t, l, "a", "")
	g.hears(t, "a")
	bad := &groupMember{name: "b", news: make(chan struct{}, 1), fails: make(chan error, 1)}
	group, err := l.Join(GroupConfig{
		SessionTimeout: time.Millisecond, Describe: func() []byte { return nil },
		Lost: func() {}, Failed: func(err error) { bad.fails <- err }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer group.Leave(t.Context())
	if err := <-bad.fails; !strings.Contains(fmt.Sprint(err), "INVALID_SESSION_TIMEOUT") {
		t.Error(err)
	}
}

// TestFollowerNeverOwns follows what another process appends and commits it.
//
// survives: 4 releases
func TestFollowerNeverOwns(t *testing.T) {
	owner := newProcess(t)
	owner.open(logtest.A)
	owner.append(logtest.A, named("owner", 1, "one"))
	owner.wait(logtest.A, "one")

	follower := owner.another(t)
	s, err := follower.log.Follow(t.Context(), logtest.Streams()[:1])
	if err != nil {
		t.Fatal(err)
	}
	follower.session = s
	if got := follower.wait(logtest.A, "one"); len(got) != 1 {
		t.Errorf("%q", got)
	}
	<-s.Owned()
	owner.append(logtest.A, named("owner", 2, "two"))
	owner.wait(logtest.A, "two")
	follower.wait(logtest.A, "two")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	follower.open(logtest.A) // its copy is that of an owner
	if at := follower.session.Position(logtest.A); at != 2 {
		t.Errorf("position %d", at)
	}
}

// TestBrokerThatDoesNotAnswerIsToldFromOthers lets one of three brokers be silent towards a member: what it leads is first doubtful and then cut, all
// else is reached, and it is reached again when the broker answers.
func TestBrokerThatDoesNotAnswerIsToldFromOthers(t *testing.T) {
	c, l, g := threeBrokers(t)
	silent, speaking := logtest.Streams()[1], logtest.Streams()[0]
	quiet := hush(c, g.reach.leader(l.streams[silent]))
	var seen []Reach
	for len(seen) == 0 || seen[len(seen)-1] != Cut {
		<-g.news
		if r := g.Reach(silent); len(seen) == 0 || seen[len(seen)-1] != r {
			seen = append(seen, r)
		}
		if r := g.Reach(speaking); r != Reached {
			t.Fatalf("what another broker leads is %d", r)
		}
	}
	if !slices.Contains(seen, Doubtful) {
		t.Errorf("it was told to be %d", seen)
	}
	quiet.Store(false)
	for g.Reach(silent) != Reached {
		<-g.news
	}
}

// TestBrokerThatIsReplacedIsNotMissed lets a broker be silent, and another lead what it led, of which nobody appends or reads anything: it is reached
// as soon as others say who leads it.
func TestBrokerThatIsReplacedIsNotMissed(t *testing.T) {
	c, l, g := threeBrokers(t)
	of := l.streams[logtest.Streams()[1]]
	hush(c, g.reach.leader(of))
	for g.Reach(of.id) != Cut {
		<-g.news
	}
	if err := c.MoveTopicPartition(of.commands.name, of.partition, 2); err != nil {
		t.Fatal(err)
	}
	for range 3 * Rounds {
		<-g.news
		if g.Reach(of.id) == Reached {
			return
		}
	}
	t.Errorf("three sessions after another broker leads it, it is %d", g.Reach(of.id))
}

// threeBrokers lead streams in turn, the third none of them, and a log with a member of its group.
func threeBrokers(t *testing.T) (*kfake.Cluster, *Log, *groupMember) {
	t.Helper()
	c := fakeBrokers(t, 3)
	m := newTestMedium(t)
	m.brokers = c.ListenAddrs()
	l := m.Start(t).(*Log)
	for n, s := range logtest.Streams() {
		if err := c.MoveTopicPartition(l.streams[s].commands.name, l.streams[s].partition, int32(n%2)); err != nil {
			t.Fatal(err)
		}
	}
	g := m.join(t, l, "a", "")
	g.hears(t, "a")
	for n, s := range logtest.Streams() {
		for g.reach.leader(l.streams[s]) != int32(n%2) {
			<-g.news
		}
	}
	return c, l, g
}

// TestBrokerIsMissedByWhoAppendsNothing lets a broker be silent towards a member that has appended nothing yet: others are not to give it what that leads.
func TestBrokerIsMissedByWhoAppendsNothing(t *testing.T) {
	c := fakeBrokers(t, 3)
	m := newTestMedium(t)
	m.brokers = c.ListenAddrs()
	m.Start(t)
	other := m.another(t)
	of := other.log.streams[logtest.Streams()[1]]
	if err := c.MoveTopicPartition(of.commands.name, of.partition, 1); err != nil {
		t.Fatal(err)
	}
	g := other.join(t, other.log, "b", "")
	g.hears(t, "b")
	hush(c, 1)
	for range 3 * Rounds {
		<-g.news
		if g.Reach(of.id) == Cut {
			return
		}
	}
	t.Error("three sessions after the broker fell silent it is not missed")
}

// hush lets a broker not answer who asks whether it does, as long as the switch is on.
func hush(c *kfake.Cluster, broker int32) *atomic.Bool {
	quiet := &atomic.Bool{}
	quiet.Store(true)
	c.ControlKey(int16(kmsg.ApiVersions), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if quiet.Load() && c.CurrentNode() == broker {
			return nil, errors.New("silent"), true
		}
		return nil, nil, false
	})
	return quiet
}

// TestLeaderThatWasSupersededIsLeft lets a broker go on to answer those who read a partition from it although another leads that: who waits
// for what he has sent asks who leads, long before he would ask without a reason.
//
// survives: 14 superseded
func TestLeaderThatWasSupersededIsLeft(t *testing.T) {
	c := fakeBrokers(t, 2)
	m := newTestMedium(t)
	m.brokers, m.change = c.ListenAddrs(), func(c *Config) { c.Tuning.MetadataMaxAge = time.Hour }
	l := m.Start(t).(*Log)
	p := &process{TB: t, medium: m}
	p.open(logtest.A)
	p.do(logtest.A, map[string]string{"ra": "1"})
	g := m.join(t, l, "a", "")
	g.hears(t, "a")
	st := l.streams[logtest.A]
	former := c.LeaderFor(st.commands.name, st.partition)
	c.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if c.CurrentNode() != former {
			return nil, nil, false
		}
		time.Sleep(10 * time.Millisecond) // as long as it waits for something new
		return r.ResponseKind(), nil, true
	})
	if err := c.MoveTopicPartition(st.commands.name, st.partition, 1-former); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.do(logtest.A, map[string]string{"ra": "2"})
	}()
	for rounds := 0; ; {
		select {
		case <-done:
			return
		case <-g.news:
		}
		g.mu.Lock()
		rounds = g.rounds
		g.mu.Unlock()
		if rounds > 3*Rounds {
			t.Fatal("it is read from the former leader for sessions")
		}
	}
}
