package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"littlehorse/internal/api"
	"littlehorse/internal/cluster"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/log"
	"littlehorse/internal/log/kafka"
	"littlehorse/internal/machine"
	"littlehorse/internal/partition"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// hosts is what the server needs of the partitions that it serves: all of them, or those that are assigned to it.
type hosts interface {
	cluster.Host
	Streams() []machine.Stream
	Position(of machine.Stream) uint64
	Stats() partition.Stats
	Strained() bool
	Waited(of machine.Stream, d time.Duration)
	Crowded() *lh.Error
	Done() <-chan struct{}
	Err() error
	Drain(ctx context.Context) error
}

// membership is what a server has besides that is one of several.
type membership struct {
	server    *Server
	secret    string
	directory *cluster.Directory
	holding   *cluster.Holding
	peers     *cluster.Peers
	group     atomic.Pointer[kafka.Group]
	opened    atomic.Uint64 // Hosts so far
	leaving   atomic.Bool
	admitted  atomic.Pointer[unreached]

	net  net.Listener
	keys *keyring // nil: in clear
	door *grpc.Server
}

// openInternal opens the port between servers.
func (s *Server) openInternal(ctx context.Context) error {
	if !s.cfg.Kafka.over() {
		return nil
	}
	m := &membership{server: s, secret: rand.Text()}
	if s.cfg.InternalCA != "" {
		files := keyFiles{
			listener: "internal", cert: s.cfg.InternalCert, key: s.cfg.InternalKey, ca: s.cfg.InternalCA, named: internalFiles,
		}
		var err error
		if m.keys, err = newKeyring(files, s.log); err != nil {
			return err
		}
	}
	n, err := s.listen(ctx, s.cfg.BindHost, s.cfg.InternalBindPort)
	if err != nil {
		return err
	}
	m.net = &limited{Listener: n, name: "internal", secured: m.keys != nil, most: int64(s.cfg.MaxConnections), log: s.log}
	s.members = m
	return nil
}

func (m *membership) credentials() (theirs, ours credentials.TransportCredentials) {
	if m.keys == nil {
		return insecure.NewCredentials(), insecure.NewCredentials()
	}
	return m.keys.credentials(), m.keys.forPeers()
}

// open prepares the part of a server in its cluster. Nothing is served before begin.
func (m *membership) open(c partition.Config) {
	s := m.server
	c.Targets = c.Streams
	c.SharedStore, c.Pending = true, new(atomic.Int64)
	// All partitions may come to be here.
	c.Lanes, c.CacheBytes, c.TimerWindow = 1, max(1, c.CacheBytes/int64(s.cfg.Partitions)), max(1, c.TimerWindow/s.cfg.Partitions)
	m.directory = cluster.NewDirectory(s.cfg.Partitions, s.incarnation)
	m.holding = cluster.NewHolding(cluster.HoldingConfig{
		Partitions: s.cfg.Partitions,
		Self:       s.incarnation,
		Open: func(ctx context.Context, streams []machine.Stream, follow bool) (*partition.Host, error) {
			return m.openHost(ctx, c, streams, follow)
		},
		Alive:    m.alive,
		Near:     m.near,
		Owns:     func(ctx context.Context, stream machine.Stream) error { return s.queues.Attach(ctx, stream) },
		Released: m.rejoin,
		Logger:   s.log,
	})
	theirs, ours := m.credentials()
	m.peers = cluster.NewPeers(cluster.PeersConfig{Credentials: ours, Stats: s.cfg.Traces.Peers()})
	m.door = cluster.NewDoorman(cluster.DoormanConfig{
		Holding: m.holding, Secret: m.secret, Credentials: theirs, Stats: s.cfg.Traces.Calls(),
		Polls:   func(tenant, taskDef string) int { return s.queues.Requests(tenant, taskDef) },
		Tell:    func() []byte { return m.tellSelf() },
		Await:   func(ctx context.Context, tenant, wfRun string) { s.face.AwaitThrown(ctx, tenant, wfRun) },
		MaxTime: api.DefaultWriteTimeout, Log: s.log,
	})
	s.host = m.holding
	s.router = cluster.NewSpread(cluster.SpreadConfig{
		Partitions: s.cfg.Partitions, Directory: m.directory, Holding: m.holding, Peers: m.peers,
		Patience: patience(s.cfg.Kafka.SessionTimeout), Defined: s.view.WaitFor,
	})
}

// patience is how long a call waits for a partition to be served: two sessions, so that one may end and the next owner begin, and half a
// minute at least, for on a busy machine that takes longer than it should.
func patience(session time.Duration) time.Duration { return max(2*session, api.DefaultWriteTimeout/2) }

// nearEntries is how many entries a copy may be behind that a partition is handed over to: an owner writes more in a tenth
// of a second under load.
const nearEntries = 1000

func (m *membership) near(stream machine.Stream) bool {
	at, follows := m.server.kafka.Standby(stream)
	return follows && at.Lag() <= nearEntries
}

// following lets a Host follow what it opens.
type following struct{ *kafka.Log }

// Open implements log.Log.
func (l following) Open(ctx context.Context, streams []machine.Stream) (log.Session, error) {
	return l.Follow(ctx, streams)
}

// openHost makes the Host of a unit. Each is a source of its own: it numbers its records from the beginning.
func (m *membership) openHost(ctx context.Context, c partition.Config, streams []machine.Stream, follow bool) (*partition.Host, error) {
	s := m.server
	c.Streams, c.Follows = streams, follow
	c.Incarnation = fmt.Sprintf("%s.%d", s.incarnation, m.opened.Add(1))
	if follow {
		c.Log = following{s.kafka}
	}
	host, err := partition.Open(ctx, c)
	if err != nil || streams[0] != cluster.MetadataStream {
		return host, err
	}
	if err := s.loadDefinitions(host); err != nil {
		return nil, errors.Join(err, host.Close())
	}
	s.catalogMoved()
	return host, nil
}

// pollsElsewhere counts the requests of workers that lie open at the other servers.
func (m *membership) pollsElsewhere(ctx context.Context, tenant, taskDef string) int {
	return m.peers.Polls(ctx, slices.DeleteFunc(slices.Clone(m.directory.Members()), func(other *pb.Member) bool {
		return other.Incarnation == m.server.incarnation
	}), tenant, taskDef)
}

func (m *membership) alive() bool {
	g := m.group.Load()
	return g != nil && g.Alive()
}

func (m *membership) rejoin() {
	if g := m.group.Load(); g != nil {
		g.Rejoin()
	}
}

// begin makes this server a member of the cluster, and returns when it serves what it was given.
func (m *membership) begin(ctx context.Context) error {
	s := m.server
	if err := m.holding.Start(ctx); err != nil {
		return err
	}
	m.sayLethal()
	s.serving.Go(func() {
		if err := m.door.Serve(m.net); err != nil {
			s.log.Error("internal port ended", "err", err)
		}
	})
	g, err := s.kafka.Join(kafka.GroupConfig{
		SessionTimeout: s.cfg.Kafka.SessionTimeout,
		Describe:       m.describe, Lead: m.lead, Assigned: m.assigned, Lost: m.holding.Lost, Failed: m.holding.Fail,
		Heard: m.reconsider, Former: m.former(), Remember: m.remember, Logger: s.log,
	})
	if err != nil {
		return err
	}
	m.group.Store(g)
	if err := m.holding.Settled(ctx); err != nil {
		return err
	}
	s.log.Info("the partitions of this server are served", "cluster", s.cfg.ClusterID, "streams", len(m.holding.Streams()), "members", len(m.directory.Members()))
	return nil
}

// sayLethal tells which partitions rest here, and what helps.
func (m *membership) sayLethal() {
	for _, stream := range m.server.streams() {
		if offset := m.server.marks.Lethal(stream, m.server.view.Skips); offset != 0 {
			m.server.log.Error("a record has ended this process several times, and its partition rests here until `lh skip` drops the record", "stream", stream.String(), "offset", offset)
		}
	}
}

// handOver gives to the others what this server has, one by one, as soon as they are close behind it; what is asked of it meanwhile it
// answers, or passes on. What is left when the time is over goes the way of a server that has died.
func (m *membership) handOver(ctx context.Context) {
	if m.group.Load() == nil {
		return
	}
	m.leaving.Store(true)
	m.rejoin()
	if err := m.holding.Emptied(ctx); err != nil {
		m.server.log.Warn("not all partitions were handed over", "err", err)
	}
}

// end leaves the cluster. What is asked of this server until then is refused, and asked of the next owners.
func (m *membership) end(ctx context.Context) {
	if g := m.group.Load(); g != nil {
		g.Leave(ctx)
	}
	if m.door != nil {
		m.closeDoor()
	}
	if m.peers != nil {
		m.peers.Close()
	}
	_ = m.net.Close() // a port that was never served is still open
}

// doorTime is how long calls of other servers may take to end: those that write have ended before.
const doorTime = time.Second

func (m *membership) closeDoor() {
	cut := time.AfterFunc(doorTime, m.door.Stop)
	defer cut.Stop()
	m.door.GracefulStop()
}

// describe tells the others who this server is, and what it holds.
func (m *membership) describe() []byte {
	s := m.server
	d := &pb.Member{
		Incarnation: s.incarnation, Version: s.cfg.Version, Rack: s.cfg.Rack, Secret: m.secret,
		Host: s.cfg.InternalHost, Port: int32(s.internalPort()), Leaving: m.leaving.Load(),
		Engine: machine.EngineVersion,
	}
	if s.cfg.InstanceID >= 0 {
		d.Instance = fmt.Sprintf("%010d", s.cfg.InstanceID) // so that they stand in order
	}
	for _, l := range s.listeners {
		if at := l.advertised(); at != nil {
			d.Listeners = append(d.Listeners, &pb.MemberListener{Name: l.Name, Host: at.Host, Port: at.Port})
		}
	}
	for n, stream := range cluster.CoreStreams(s.cfg.Partitions) {
		if m.differs(n) {
			d.Differs = append(d.Differs, uint32(n))
			continue
		}
		at := &pb.LogPosition{}
		if err := s.store.View(stream, keys.Position(), at.UnmarshalVT); err == nil && at.Value > 0 {
			d.Copies = append(d.Copies, &pb.MemberCopy{Unit: uint32(n), Position: at.Value})
		}
	}
	doubtful, _ := m.farther()
	told := &unreached{units: doubtful, at: time.Now()}
	m.admitted.Store(told)
	d.Unreached = told.units
	m.holding.Describe(d)
	return encoded(d)
}

// unreached are the units that this server has told the others it does not reach, and when.
type unreached struct {
	units []uint32
	at    time.Time
	back  int // rounds in a row in which some of them were reached
}

// isOutdated notes a round in which these units are doubtful. It tells whether others have been reached for a session. Servers do not learn in the same
// moment that another broker leads what a silent one led: who says first that he reaches it would be given what the others have.
func (u *unreached) isOutdated(doubtful []uint32) bool {
	if !slices.ContainsFunc(u.units, func(unit uint32) bool { return !slices.Contains(doubtful, unit) }) {
		u.back = 0
		return false
	}
	u.back++
	return u.back >= kafka.Rounds
}

// farther are the units of which a broker is doubtful or cut, and those of which one is cut.
func (m *membership) farther() (doubtful, cut []uint32) {
	g := m.group.Load()
	if g == nil {
		return nil, nil
	}
	for n := range m.server.cfg.Partitions + 1 {
		worst := kafka.Reached
		for _, of := range cluster.StreamsOf(n, m.server.cfg.Partitions) {
			worst = max(worst, g.Reach(of))
		}
		if worst >= kafka.Doubtful {
			doubtful = append(doubtful, uint32(n))
		}
		if worst >= kafka.Cut {
			cut = append(cut, uint32(n))
		}
	}
	return doubtful, cut
}

// reconsider asks for another plan if this server serves what it does not reach any more, and has not told so, or if it has reached for a
// while what it has told that it does not. It does so at most twice in a session: where brokers come and go the servers are not to settle all the time.
func (m *membership) reconsider() {
	told := m.admitted.Load()
	if told == nil || time.Since(told.at) < m.server.cfg.Kafka.SessionTimeout/2 {
		return
	}
	doubtful, cut := m.farther()
	again := told.isOutdated(doubtful)
	lost := slices.DeleteFunc(cut, func(unit uint32) bool {
		return slices.Contains(told.units, unit) || !m.holding.Serves(cluster.StreamsOf(int(unit), m.server.cfg.Partitions)[0])
	})
	if len(lost) > 0 {
		m.server.log.Warn("brokers do not answer this server: another one may take over what they lead", "partitions", lost)
	}
	if again || len(lost) > 0 {
		m.rejoin()
	}
}

// differs tells whether the copy here of a partition is not to be used: it was found not to be what its owner has, or a record in it ends this process.
func (m *membership) differs(unit int) bool {
	return slices.ContainsFunc(cluster.StreamsOf(unit, m.server.cfg.Partitions), func(of machine.Stream) bool {
		return m.server.kafka.Differs(of) || m.server.marks.Lethal(of, m.server.view.Skips) != 0
	})
}

func encoded(v machine.Value) []byte {
	b, err := v.MarshalVT()
	if err != nil {
		panic(fmt.Sprintf("server: %T cannot be encoded: %v", v, err))
	}
	return b
}

// lead makes the plan for all.
func (m *membership) lead(descriptions [][]byte) ([]byte, error) {
	var members []*pb.Member
	for _, b := range descriptions {
		d := &pb.Member{}
		if err := d.UnmarshalVT(b); err != nil {
			return nil, fmt.Errorf("what a member says of itself cannot be read: %w", err)
		}
		members = append(members, d)
	}
	return encoded(cluster.MakePlan(members, cluster.PlanConfig{
		Partitions: m.server.cfg.Partitions, Standbys: m.server.cfg.Kafka.Standbys, Warmups: m.server.cfg.Kafka.Warmups,
	})), nil
}

func (m *membership) assigned(b []byte) error {
	plan := &pb.Plan{}
	if err := plan.UnmarshalVT(b); err != nil {
		return fmt.Errorf("the plan cannot be read: %w", err)
	}
	for n, to := range plan.Owners {
		if to < 0 && !slices.Contains(plan.Freed, uint32(n)) {
			m.server.log.Error("no server may have a partition: all copies were found to differ from their owner, or a record ends those who apply it",
				"partition", n)
		}
	}
	m.holding.Assigned(plan)
	m.directory.Take(plan)
	m.peers.Keep(plan.Members)
	m.server.kafka.Raise(plan.Engine)
	return nil
}

// memberFile holds the id of the member that this folder was last. Who has the folder knows that it has died.
const memberFile = "member"

func (m *membership) former() string {
	b, err := os.ReadFile(filepath.Join(m.server.cfg.StateDir, memberFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func (m *membership) remember(id string) {
	if err := os.WriteFile(filepath.Join(m.server.cfg.StateDir, memberFile), []byte(id), 0o600); err != nil {
		m.server.log.Warn("after a crash the others will wait for this server until its session ends", "err", err)
	}
}

// internalPort is how others reach this server.
func (s *Server) internalPort() int {
	if s.cfg.InternalPort == 0 && s.members != nil {
		return s.members.net.Addr().(*net.TCPAddr).Port
	}
	return s.cfg.InternalPort
}

// internalHosts are the servers that live, in order.
func (s *Server) internalHosts() []*lhpb.LHHostInfo {
	if s.members == nil {
		return []*lhpb.LHHostInfo{{Host: s.cfg.InternalHost, Port: int32(s.internalPort())}}
	}
	var out []*lhpb.LHHostInfo
	for _, m := range s.members.directory.Members() {
		out = append(out, &lhpb.LHHostInfo{Host: m.Host, Port: m.Port})
	}
	slices.SortFunc(out, func(a, b *lhpb.LHHostInfo) int {
		return cmp.Compare(a.Host+":"+strconv.Itoa(int(a.Port)), b.Host+":"+strconv.Itoa(int(b.Port)))
	})
	return out
}

// advertised is how workers reach the server with that internal address through a listener; nil if they do not.
func (s *Server) advertised(at *lhpb.LHHostInfo, listener string) *lhpb.LHHostInfo {
	if s.members == nil {
		return s.advertisedHere(listener)
	}
	for _, m := range s.members.directory.Members() {
		if m.Host != at.Host || m.Port != at.Port {
			continue
		}
		for _, l := range m.Listeners {
			if l.Name == listener {
				return &lhpb.LHHostInfo{Host: l.Host, Port: l.Port}
			}
		}
	}
	return nil
}

func (s *Server) advertisedHere(listener string) *lhpb.LHHostInfo {
	for _, l := range s.listeners {
		if l.Name == listener {
			return l.advertised()
		}
	}
	return nil
}
