package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"littlehorse/internal/machine"
)

// The group protocol as brokers see it. What members tell one another is opaque to them; whoever changes what it means
// changes the version in the name, and servers of both kinds do not share a group.
const (
	groupType    = "littlehorse"
	groupVersion = "lh-2"
)

// GroupConfig says how this process is a member of the group of its cluster. Except for Alive and Reach, which may be asked at any
// time, and Heard all calls come from one goroutine, one after the other.
type GroupConfig struct {
	// SessionTimeout is how long a member may be silent before the group goes on without it.
	SessionTimeout time.Duration
	// Describe is what the member that leads the group is to know of this one, each time it joins.
	Describe func() []byte
	// Lead makes of all descriptions what all members are to be told. It is asked of one member, whichever leads.
	Lead func(descriptions [][]byte) ([]byte, error)
	// Assigned takes what the leader has made. It must not block for long.
	Assigned func(plan []byte) error
	// Lost says that the group has gone on without this member, which will join again when Lost returns.
	Lost func()
	// Failed says that there is no hope of becoming a member: the brokers refuse what is configured. Nothing else follows.
	Failed func(error)
	// Heard is called, from a goroutine of its own, whenever the brokers had time to answer: what Reach says may have changed. It may be nil.
	Heard func()
	// Former is the id of a member that is known to have died, if not "": the group need not wait for it.
	Former string
	// Remember is called with the id of this member, which is Former when it has died. It may be nil.
	Remember func(id string)
	Logger   *slog.Logger
}

// Group is the membership of this process. Brokers count who is alive; the members settle among themselves who owns what.
type Group struct {
	cfg      GroupConfig
	name     string
	client   *kgo.Client
	prover   *kgo.Client
	evidence kmsg.OffsetCommitRequestTopic

	member      string
	generation  int32
	coordinator int32 // the broker that counts the members; unknown if it is negative
	missed      bool  // it was said that this process has no part in the group

	heard  atomic.Pointer[time.Time] // when the last heartbeat was sent behind which the membership was proved; nil if none
	reach  *reach
	again  chan struct{}
	cancel context.CancelFunc
	ended  chan struct{}

	stop sync.Once
}

// Join makes this process a member of the group of its cluster, until Leave.
func (l *Log) Join(cfg GroupConfig) (*Group, error) {
	// Brokers answer what comes over one connection in order: what may wait and what must not have connections of their own.
	var clients [3]*kgo.Client
	for i := range clients {
		var err error
		if clients[i], err = kgo.NewClient(l.cfg.clientOptions()...); err != nil {
			for _, opened := range clients[:i] {
				opened.Close()
			}
			return nil, fmt.Errorf("kafka group: %w", err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	g := &Group{
		cfg: cfg, name: l.cfg.Cluster + "-core", client: clients[0], prover: clients[1], evidence: l.evidence(), generation: -1, coordinator: -1,
		reach: newReach(l, clients[2], cfg.SessionTimeout),
		again: make(chan struct{}, 1), cancel: cancel, ended: make(chan struct{}),
	}
	go g.run(ctx)
	return g, nil
}

// Rejoin asks the group to settle anew who owns what: this member has something new to say.
func (g *Group) Rejoin() {
	select {
	case g.again <- struct{}{}:
	default:
	}
}

// Alive tells whether the group cannot have gone on without this member by now: only so long is what it owns not
// another's. It counts from when the last heartbeat was sent that was answered and proved, so it is true however late the
// answers came and however long this process stood still since.
func (g *Group) Alive() bool {
	heard := g.heard.Load()
	return heard != nil && between(*heard, time.Now()) < g.cfg.SessionTimeout-g.margin()
}

// between is the time from one moment to a later one, by the clock that says more: the one that is never set may stand still
// while the machine sleeps.
func between(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// margin is for clocks that do not run alike, and for what is done between asking Alive and the answer that rests on it.
func (g *Group) margin() time.Duration { return g.cfg.SessionTimeout / 5 }

// pulse lies between two heartbeats. A member learns by them that the group settles anew.
func (g *Group) pulse() time.Duration {
	return min(max(g.cfg.SessionTimeout/20, 20*time.Millisecond), time.Second)
}

// Leave ends the membership. The group goes on at once if the brokers can be told before ctx ends.
func (g *Group) Leave(ctx context.Context) {
	g.stop.Do(func() {
		g.cancel()
		<-g.ended
		g.heard.Store(nil)
		if g.member != "" {
			g.leave(ctx, g.member)
		}
		g.client.Close()
		g.prover.Close()
		g.reach.client.Close()
	})
}

func (g *Group) leave(ctx context.Context, member string) {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = g.name, member
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID = member
	req.Members = append(req.Members, m)
	if _, err := req.RequestWith(ctx, g.client); err != nil {
		g.cfg.Logger.Warn("the group could not be told that a member has left", "member", member, "err", err)
	}
}

// hopeless is what does not pass.
var hopeless = []*kerr.Error{kerr.InvalidSessionTimeout, kerr.GroupAuthorizationFailed, kerr.InconsistentGroupProtocol, kerr.InvalidGroupID}

// errAgain ends a stay in the group: it settles anew.
var errAgain = errors.New("the group settles anew")

func (g *Group) run(ctx context.Context) {
	defer close(g.ended)
	var asking sync.WaitGroup
	asking.Go(func() { g.reach.run(ctx, g.cfg.Heard) })
	defer asking.Wait()
	if g.cfg.Former != "" {
		bounded, cancel := context.WithTimeout(ctx, g.cfg.SessionTimeout/2)
		g.leave(bounded, g.cfg.Former)
		cancel()
	}
	for ctx.Err() == nil {
		err := g.takePart(ctx)
		switch {
		case ctx.Err() != nil, errors.Is(err, errAgain), errors.Is(err, kerr.IllegalGeneration):
		case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.FencedInstanceID):
			g.lose(err)
		case slices.ContainsFunc(hopeless, func(e *kerr.Error) bool { return errors.Is(err, e) }):
			g.cfg.Failed(fmt.Errorf("kafka group %s: %w", g.name, err))
			return
		default:
			g.miss("no part in the group, will be tried again", err)
			_ = pauseFor(ctx, g.pulse())
		}
	}
}

// ask sends a request to the coordinator of the group. The client would remember who that is for as long as no connection fails, and a
// broker whose host is gone or stands still fails none: whoever does not answer is asked for anew, for another may have taken his place.
func (g *Group) ask(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	if g.coordinator < 0 {
		if err := g.findCoordinator(ctx); err != nil {
			return nil, fmt.Errorf("find the coordinator: %w", err)
		}
	}
	resp, err := g.client.Broker(int(g.coordinator)).Request(ctx, req)
	if err != nil || hasMoved(resp) {
		g.coordinator = -1
	}
	return resp, err
}

// findCoordinator asks some broker, the next time another. It waits for none for long, for it may be the one that is silent.
func (g *Group) findCoordinator(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, max(g.cfg.SessionTimeout/6, g.pulse()))
	defer cancel()
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorKey, req.CoordinatorKeys = g.name, []string{g.name}
	resp, err := req.RequestWith(ctx, g.client)
	if err != nil {
		return err
	}
	for _, c := range resp.Coordinators {
		if err := kerr.ErrorForCode(c.ErrorCode); err != nil {
			return err
		}
		g.coordinator = c.NodeID
	}
	return nil
}

// hasMoved tells whether the broker that has answered does not count the members, or not any more.
func hasMoved(resp kmsg.Response) bool {
	var code int16
	switch resp := resp.(type) {
	case *kmsg.JoinGroupResponse:
		code = resp.ErrorCode
	case *kmsg.SyncGroupResponse:
		code = resp.ErrorCode
	case *kmsg.HeartbeatResponse:
		code = resp.ErrorCode
	}
	return code == kerr.NotCoordinator.Code || code == kerr.CoordinatorNotAvailable.Code
}

// lose begins anew, as another member.
func (g *Group) lose(err error) {
	if g.heard.Swap(nil) != nil {
		g.cfg.Logger.Warn("the group has gone on without this server, which joins again", "group", g.name, "err", err)
	}
	g.member, g.generation = "", -1
	g.cfg.Lost()
}

// takePart joins, learns who owns what, and stays until the group settles anew.
func (g *Group) takePart(ctx context.Context) error {
	plan, since, err := g.join(ctx)
	if err != nil {
		return err
	}
	return g.stay(ctx, plan, since)
}

// settle asks to join or to be told. The coordinator answers when all have joined, or the session of who has not is over: one that does not is
// silent, and those who wait at it would learn nothing of another.
func (g *Group) settle(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	bounded, cancel := context.WithTimeout(ctx, g.cfg.SessionTimeout*3/2)
	defer cancel()
	return g.ask(bounded, req)
}

// join gives the plan, and when it was asked for.
func (g *Group) join(ctx context.Context) (plan []byte, since time.Time, err error) {
	select {
	case <-g.again: // what it has to say is said now
	default:
	}
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.MemberID, req.ProtocolType = g.name, g.member, groupType
	req.SessionTimeoutMillis = int32(g.cfg.SessionTimeout.Milliseconds())
	req.RebalanceTimeoutMillis = req.SessionTimeoutMillis // not shorter: what Alive says rests on it
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = groupVersion, g.cfg.Describe()
	req.Protocols = append(req.Protocols, p)
	answer, err := g.settle(ctx, req)
	if err != nil {
		return nil, since, fmt.Errorf("join: %w", err)
	}
	resp := answer.(*kmsg.JoinGroupResponse)
	switch err := kerr.ErrorForCode(resp.ErrorCode); {
	case errors.Is(err, kerr.MemberIDRequired):
		g.become(resp.MemberID)
		return nil, since, errAgain
	case err != nil:
		return nil, since, fmt.Errorf("join: %w", err)
	}
	g.become(resp.MemberID)
	g.generation = resp.Generation
	return g.sync(ctx, resp)
}

func (g *Group) become(member string) {
	if g.member == member {
		return
	}
	g.member = member
	if g.cfg.Remember != nil {
		g.cfg.Remember(member)
	}
}

// sync tells the others, if this member leads, and learns what it is told itself.
func (g *Group) sync(ctx context.Context, joined *kmsg.JoinGroupResponse) (plan []byte, since time.Time, err error) {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.Generation = g.name, g.member, g.generation
	kind, version := groupType, groupVersion
	req.ProtocolType, req.Protocol = &kind, &version
	if joined.LeaderID == g.member {
		plan, err := g.lead(joined)
		if err != nil {
			return nil, since, err
		}
		for i := range joined.Members {
			a := kmsg.NewSyncGroupRequestGroupAssignment()
			a.MemberID, a.MemberAssignment = joined.Members[i].MemberID, plan
			req.GroupAssignment = append(req.GroupAssignment, a)
		}
	}
	since = time.Now()
	answer, err := g.settle(ctx, req)
	if err != nil {
		return nil, since, fmt.Errorf("sync: %w", err)
	}
	resp := answer.(*kmsg.SyncGroupResponse)
	switch err := kerr.ErrorForCode(resp.ErrorCode); {
	case errors.Is(err, kerr.RebalanceInProgress):
		return nil, since, errAgain
	case err != nil:
		return nil, since, fmt.Errorf("sync: %w", err)
	}
	return resp.MemberAssignment, since, nil
}

func (g *Group) lead(joined *kmsg.JoinGroupResponse) ([]byte, error) {
	var descriptions [][]byte
	for i := range joined.Members {
		descriptions = append(descriptions, joined.Members[i].ProtocolMetadata)
	}
	return g.cfg.Lead(descriptions)
}

// A group that has just settled often settles again soon: a copy has become as warm as it was wanted to be, or the plan of a member
// came too late. What is handed over meanwhile waits until all have learnt of it, so the first heartbeats follow quickly.
const (
	firstPulse  = 16 // part of a pulse that lies before the first
	slackenedBy = 1.25
)

// stay is a member until there is a reason to join again. The plan counts when it is proved that who has told it counts the members.
func (g *Group) stay(ctx context.Context, plan []byte, since time.Time) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	proofs := make(chan proof, 1)
	prove := func(since time.Time) {
		by, commit := g.coordinator, g.commit()
		go func() { proofs <- proof{since, g.prove(ctx, by, commit)} }()
	}
	prove(since)
	proving, told := true, false
	pulse := g.pulse() / firstPulse
	next := time.NewTimer(pulse)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			pulse = min(time.Duration(float64(pulse)*slackenedBy), g.pulse())
			next.Reset(pulse)
		case <-g.again:
			return errAgain
		case p := <-proofs:
			proving, since = false, p.since
			holds, err := g.weigh(p)
			if holds && !told {
				told, err = true, g.cfg.Assigned(plan)
			}
			if err != nil {
				return err
			}
			g.missed = g.missed && !holds
			continue
		case <-ctx.Done():
			return ctx.Err()
		}
		sent := time.Now()
		answered, err := g.beat(ctx)
		if err != nil {
			return err
		}
		if answered && !proving && sent.Sub(since) >= 2*g.pulse() {
			proving = true
			prove(sent)
		}
	}
}

// beat says that this member lives. That nobody can be told is no reason to leave: what then may not be done any more is
// what Alive forbids.
func (g *Group) beat(ctx context.Context) (answered bool, err error) {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = g.name, g.member, g.generation
	bounded, cancel := context.WithTimeout(ctx, g.cfg.SessionTimeout/2)
	defer cancel()
	resp, err := g.ask(bounded, req)
	if err != nil {
		g.cfg.Logger.Debug("heartbeat", "group", g.name, "err", err)
		return false, nil
	}
	err = told("heartbeat", resp.(*kmsg.HeartbeatResponse).ErrorCode)
	if kerr.IsRetriable(err) {
		return false, nil
	}
	return err == nil, err
}

// told is the error of an answer to a member.
func told(what string, code int16) error {
	switch err := kerr.ErrorForCode(code); {
	case err == nil:
		return nil
	case errors.Is(err, kerr.RebalanceInProgress):
		return errAgain
	default:
		return fmt.Errorf("%s: %w", what, err)
	}
}

// A proof is what became of an attempt to prove a membership that was answered for since then.
type proof struct {
	since time.Time
	err   error
}

// weigh takes a proof. One that fails for no fault of the member makes the coordinator doubtful: another may have taken his place.
func (g *Group) weigh(p proof) (holds bool, err error) {
	switch {
	case p.err == nil:
		g.heard.Store(&p.since)
	case errors.Is(p.err, errAgain), errors.Is(p.err, kerr.IllegalGeneration), errors.Is(p.err, kerr.UnknownMemberID), errors.Is(p.err, kerr.FencedInstanceID):
		return false, p.err
	default:
		if !g.Alive() {
			g.miss("the membership is not proved, will be tried again", p.err)
		}
		g.coordinator = -1
	}
	return p.err == nil, nil
}

// miss says once that this process has no part in the group, until it has.
func (g *Group) miss(what string, err error) {
	if !g.missed {
		g.cfg.Logger.Warn(what, "group", g.name, "err", err)
	}
	g.missed = true
}

// prove lets the coordinator write, which only the one that the brokers agree on can: it has to have what it writes on its replicas. One that
// was cut off from the other brokers knows nothing of its successor, and goes on to answer heartbeats from its memory, while the group that
// the successor counts has gone on without those who ask the former.
func (g *Group) prove(ctx context.Context, coordinator int32, commit *kmsg.OffsetCommitRequest) error {
	if coordinator < 0 {
		return kerr.CoordinatorNotAvailable
	}
	ctx, cancel := context.WithTimeout(ctx, g.cfg.SessionTimeout/2)
	defer cancel()
	resp, err := g.prover.Broker(int(coordinator)).Request(ctx, commit)
	if err != nil {
		return fmt.Errorf("prove the membership: %w", err)
	}
	return told("prove the membership", committed(resp.(*kmsg.OffsetCommitResponse)))
}

// commit is the request that proves the membership: an offset of the metadata's commands, which nobody reads.
func (g *Group) commit() *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = g.name, g.member, g.generation
	req.Topics = []kmsg.OffsetCommitRequestTopic{g.evidence}
	return req
}

// evidence is what members commit.
func (l *Log) evidence() kmsg.OffsetCommitRequestTopic {
	commands := l.streams[machine.Stream{Kind: machine.Metadata}].commands
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic, topic.TopicID = commands.name, commands.id
	topic.Partitions = []kmsg.OffsetCommitRequestTopicPartition{kmsg.NewOffsetCommitRequestTopicPartition()}
	return topic
}

// committed is the code with which the one offset was taken.
func committed(resp *kmsg.OffsetCommitResponse) int16 {
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return kerr.UnknownServerError.Code
	}
	return resp.Topics[0].Partitions[0].ErrorCode
}
