package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"

	"littlehorse/internal/api"
	"littlehorse/internal/auth"
	"littlehorse/internal/catalog"
	"littlehorse/internal/clock"
	"littlehorse/internal/cluster"
	"littlehorse/internal/engine"
	"littlehorse/internal/log"
	"littlehorse/internal/log/kafka"
	"littlehorse/internal/machine"
	"littlehorse/internal/partition"
	"littlehorse/internal/rollup"
	"littlehorse/internal/store"
	"littlehorse/internal/taskqueue"
	"littlehorse/internal/telemetry"
	"littlehorse/lhpb"
)

// Server is one running server with everything it owns.
type Server struct {
	cfg         Config
	log         *slog.Logger
	incarnation string
	metrics     *telemetry.Metrics
	rpcs        *telemetry.RPCs
	commits     commitHistograms
	backlogs    *api.Backlogs

	store *store.Store
	order log.Log
	kafka *kafka.Log     // order, if it is that
	clock *clock.Virtual // nil: the clock of the machine
	marks *partition.Marks
	view  *catalog.View
	// catalogMoved tells the log that the view has moved; nil if it need not know.
	catalogMoved func()
	host         hosts
	single       *partition.Host // the host, if it has all partitions
	router       cluster.Routing
	members      *membership // nil: this server is the only one
	queues       *taskqueue.Queues
	face         *api.Service
	tokens       *auth.Token // nil unless a listener goes by tokens

	listeners []*opened
	health    *httpPort
	pprof     *httpPort
	dashboard *httpPort
	control   *httpPort     // nil if there could be none
	lending   chan struct{} // full while the store is copied
	began     time.Time
	state     atomic.Value // string: coreState of /status
	serving   sync.WaitGroup
	lent      atomic.Int64  // when the checkpoint that is being copied was taken, in milliseconds since 1970; 0 if none is
	copied    atomic.Int64  // when the last one was taken whose copy is durable
	stopping  chan struct{} // closed when the server begins to stop
	stopOnce  sync.Once
	stopErr   error
}

// opened is a listener with its port.
type opened struct {
	Listener
	net         net.Listener
	connections *atomic.Int64
	transport   credentials.TransportCredentials // nil: in clear
	grpc        api.Transport
}

// Start opens the store, applies what is pending, and serves. Whoever started it calls Shutdown.
func Start(ctx context.Context, cfg Config) (_ *Server, err error) {
	if err := cfg.validateClock(); err != nil {
		return nil, err
	}
	s := newServer(cfg)
	defer func() {
		if err != nil {
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.ShutdownTimeout)
			defer cancel()
			err = errors.Join(err, s.Shutdown(stop))
		}
	}()
	for _, step := range s.steps() {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	s.state.Store(stateRunning)
	return s, nil
}

func newServer(cfg Config) *Server {
	s := &Server{
		cfg: cfg, log: cfg.Logger, began: time.Now(), incarnation: newIncarnation(), metrics: telemetry.NewMetrics(cfg.ClusterID),
		stopping: make(chan struct{}), lending: make(chan struct{}, 1), backlogs: api.NewBacklogs(cfg.replyMemory(), cfg.inputMemory()),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.commits = newCommitHistograms(s.metrics)
	s.state.Store(stateCreated)
	return s
}

// steps of the start, in order.
func (s *Server) steps() []func(context.Context) error {
	return []func(context.Context) error{
		s.openPorts, s.serveHealth, s.openStore, s.openControl, s.openPartitions, s.openQueues, s.openFace, s.measure, s.startPartitions, s.serve, s.warn,
	}
}

func newIncarnation() string {
	b := make([]byte, 8)
	rand.Read(b) // never fails
	return fmt.Sprintf("server-%x", b)
}

// openPorts comes first: a port that is taken is the most likely mistake, and nothing is touched before it.
func (s *Server) openPorts(ctx context.Context) error {
	for _, l := range s.cfg.Listeners {
		if err := s.openListener(ctx, l); err != nil {
			return fmt.Errorf("listener %s: %w", l.Name, err)
		}
	}
	var err error
	if s.health, err = s.openHTTP(ctx, s.cfg.BindHost, s.cfg.Health.Port, s.cfg.Health.Port >= 0); err != nil {
		return fmt.Errorf("health port: %w", err)
	}
	if s.pprof, err = s.openHTTP(ctx, "127.0.0.1", s.cfg.PprofPort, s.cfg.PprofPort > 0); err != nil {
		return fmt.Errorf("pprof port: %w", err)
	}
	if err := s.openInternal(ctx); err != nil {
		return fmt.Errorf("internal port: %w", err)
	}
	return s.openDashboard(ctx)
}

func (s *Server) openListener(ctx context.Context, l Listener) error {
	transport, err := s.transport(l)
	if err != nil {
		return err
	}
	n, err := s.listenFor(ctx, l)
	if err != nil {
		return err
	}
	counting := &limited{
		Listener: n, name: l.Name, secured: transport != nil, most: int64(s.cfg.MaxConnections), log: s.log,
		backlogs: s.backlogs, followed: s.cfg.Transport == GRPCGo,
	}
	s.listeners = append(s.listeners, &opened{Listener: l, net: counting, connections: &counting.open, transport: transport})
	return nil
}

func (s *Server) listen(ctx context.Context, host string, port int) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
}

func (s *Server) listenFor(ctx context.Context, l Listener) (net.Listener, error) {
	if s.cfg.Listen != nil {
		return s.cfg.Listen(l)
	}
	return s.listen(ctx, s.cfg.BindHost, l.Port)
}

func (s *Server) openStore(ctx context.Context) (err error) {
	o := store.DefaultOptions()
	o.Mode, o.VirtualTime, o.FS = s.cfg.Kafka.mode(), s.cfg.VirtualTime, s.cfg.FS
	o.Dir, o.Partitions, o.MemoryBytes, o.Logger = s.cfg.StateDir, s.cfg.Partitions, s.cfg.storeMemory(), s.log
	o.ReserveBytes, o.LookEvery = s.cfg.DiskReserveBytes, s.cfg.DiskCheck
	if s.store, err = store.Open(ctx, o); err != nil {
		return err
	}
	s.makeClock()
	s.view = catalog.NewView()
	s.order, err = s.openLog(ctx)
	return err
}

func (s *Server) streams() []machine.Stream {
	return slices.Concat([]machine.Stream{cluster.MetadataStream},
		cluster.CoreStreams(s.cfg.Partitions), cluster.RepartitionStreams(s.cfg.Partitions))
}

func (s *Server) openPartitions(ctx context.Context) (err error) {
	limits := engine.DefaultConfig()
	limits.Partitions = s.cfg.Partitions
	limits.MaxThreadRuns = s.cfg.MaxThreadRuns
	limits.DeleteChunk = s.cfg.MaxDeletesPerCommand
	limits.MaxBulkDeletes = s.cfg.MaxBulkJobCommandsPerTick
	limits.MaxRecordBytes = s.cfg.MaxRecordBytes
	limits.OutputRetention, limits.OutputRecords = s.cfg.OutputRetention, s.cfg.OutputRecords
	if limits.MaxThreadRuns > 0 {
		limits.ArchiveThreadRuns = max(1, limits.MaxThreadRuns*9/10)
	}
	if err := limits.Validate(); err != nil {
		return err
	}
	definitions := catalog.Config{OutputRetention: s.cfg.OutputRetention, OutputRecords: s.cfg.OutputRecords}
	if err := definitions.Validate(); err != nil {
		return err
	}
	metrics := rollup.Config{Retention: s.cfg.MetricRetention}
	if err := metrics.Validate(); err != nil {
		return err
	}
	c := partition.DefaultConfig()
	c.Streams, c.Store, c.Log = s.streams(), s.store, s.order
	c.Machines = map[machine.Kind]machine.Machine{
		machine.Metadata:    catalog.NewMachine(definitions),
		machine.Core:        engine.New(specs{s.view}, limits),
		machine.Repartition: rollup.New(metrics),
	}
	c.CatalogVersion = s.view.Version
	c.Listener = s
	c.OnCommit, c.Traces = s.commits.observe, s.cfg.Traces
	c.Incarnation = s.incarnation
	c.Lanes, c.CacheBytes, c.PendingBytes = s.cfg.Lanes, s.cfg.CacheBytes, s.cfg.pendingMemory()
	c.FatalPanics, c.FatalReads, c.Logger = s.cfg.FatalPanics, s.cfg.Kafka.over(), s.log
	if s.members != nil {
		if s.marks, err = partition.OpenMarks(filepath.Join(s.cfg.StateDir, marksFile), c.Streams); err != nil {
			return err
		}
		c.Marks, c.Skips = s.marks, s.view.Skips
		s.members.open(c)
		return nil
	}
	if s.clock != nil {
		c.Clock, c.Stopwatch = s.clock, time.Now
	}
	if s.single, err = partition.Open(ctx, c); err != nil {
		return err
	}
	s.host, s.router = s.single, cluster.New(s.single, s.cfg.Partitions)
	return s.loadDefinitions(s.single)
}

// marksFile says which records are being applied.
const marksFile = "applying"

// Committed implements partition.Listener: it tells everybody who derives something from what is durable.
func (s *Server) Committed(stream machine.Stream, changes []machine.Change) {
	if s.clock != nil {
		s.clock.Committed(stream, changes)
	}
	if s.cfg.Follow != nil {
		s.cfg.Follow(stream, changes)
	}
	switch stream.Kind {
	case machine.Metadata:
		s.moved(stream, changes)
		s.face.Committed(stream, changes)
	case machine.Core:
		s.queues.Committed(stream, changes)
		s.face.Committed(stream, changes)
	case machine.Repartition:
	}
}

func (s *Server) openQueues(context.Context) error {
	c := taskqueue.Default()
	c.Incarnation, c.Log = s.incarnation, s.log
	c.Claim, c.Scan = s.claim, s.queueKeys
	c.Strained, c.Waited = s.host.Strained, s.host.Waited
	if s.clock != nil {
		c.Attendance, c.Now, c.Waited = true, s.clock.Now, nil
	}
	s.queues = taskqueue.New(c)
	return nil
}

func (s *Server) openFace(context.Context) error {
	s.rpcs = telemetry.NewRPCs(s.metrics, lhpb.LittleHorse_ServiceDesc.ServiceName)
	var elsewhere func(context.Context, string, string) int
	if s.members != nil {
		elsewhere = s.members.pollsElsewhere
	}
	s.face = api.New(api.Config{
		PollsElsewhere:  elsewhere,
		Routing:         s.router,
		Definitions:     s.view,
		Queues:          s.queues,
		InternalHosts:   s.internalHosts,
		Advertised:      s.advertised,
		Crowded:         s.host.Crowded,
		MaxRequestBytes: s.cfg.MaxRecordBytes,
		WriteTimeout:    api.DefaultWriteTimeout,

		UnknownIsAnonymous: s.cfg.UnknownIsAnonymous,
		Clock:              s.clock,

		RPCs: s.rpcs, Traces: s.cfg.Traces,
		Log: s.log,
	})
	if s.cfg.byToken() {
		if err := s.cfg.OAuth.Validate(); err != nil {
			return err
		}
		s.tokens = auth.NewToken(s.cfg.OAuth, s.log)
	}
	for _, l := range s.listeners {
		if l.Authenticator == nil && l.Authentication == ByToken {
			l.Authenticator = s.tokens
		}
		l.grpc = s.newTransport(l)
		s.face.Register(l.grpc, l.forAPI())
	}
	return nil
}

func (s *Server) newTransport(l *opened) api.Transport {
	c := api.TransportConfig{
		Credentials: l.transport, Stats: s.cfg.Traces.Calls(), Backlogs: s.backlogs, Log: s.log.With("listener", l.Name),
	}
	if s.cfg.Transport == H2 {
		return api.NewH2Server(c)
	}
	return api.NewGRPCServer(c)
}

func (l *opened) forAPI() *api.Listener {
	return &api.Listener{Name: l.Name, Advertised: l.advertised(), Authenticator: l.authenticator()}
}

func (l *opened) authenticator() auth.Authenticator {
	switch {
	case l.Authenticator != nil:
		return l.Authenticator
	case l.Authentication == ByCertificate:
		return auth.Certificate{}
	default:
		return auth.None{}
	}
}

func (l *opened) advertised() *lhpb.LHHostInfo {
	if l.AdvertisedHost == "" {
		return nil
	}
	port := l.AdvertisedPort
	if port == 0 {
		port = l.net.Addr().(*net.TCPAddr).Port
	}
	return &lhpb.LHHostInfo{Host: l.AdvertisedHost, Port: int32(port)}
}

func (s *Server) startPartitions(ctx context.Context) error {
	if s.members != nil {
		return s.members.begin(ctx)
	}
	if s.clock != nil {
		if err := s.windClock(); err != nil {
			return err
		}
	}
	s.single.Start()
	if err := s.single.Owned(ctx); err != nil {
		return err
	}
	for _, stream := range s.router.Streams() {
		if err := s.queues.Attach(ctx, stream); err != nil {
			return fmt.Errorf("task queues of %s: %w", stream, err)
		}
	}
	return nil
}

func (s *Server) serve(context.Context) error {
	for _, l := range s.listeners {
		s.serving.Go(func() {
			if err := l.grpc.Serve(l.net); err != nil {
				s.log.Error("listener ended", "listener", l.Name, "err", err)
			}
		})
	}
	s.serving.Go(s.flushUsage)
	s.serving.Go(s.cutIdle)
	if s.clock != nil {
		s.serving.Go(s.moveClock)
	}
	s.pprof.serve(&s.serving, s.log, pprofHandler())
	s.serveDashboard()
	s.control.serve(&s.serving, s.log, s.controlHandler())
	return nil
}

// flushUsage sends on how Quotas were used, minute by minute, until the server stops.
func (s *Server) flushUsage() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.face.FlushQuotaUsage(context.Background(), false)
		case <-s.stopping:
			return
		}
	}
}

// cutIdle closes the connections whose peers do not take their replies, and ends the calls whose requests do not come,
// until the server stops.
func (s *Server) cutIdle() {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			if n := s.backlogs.Cut(now); n > 0 {
				s.log.Warn("connections closed whose peers do not take their replies", "connections", n)
			}
			s.backlogs.Expire(now)
		case <-s.stopping:
			return
		}
	}
}

// The states of a server, as /status calls them.
const (
	stateCreated  = "CREATED"
	stateRunning  = "RUNNING"
	stateStopping = "PENDING_SHUTDOWN"
	stateStopped  = "NOT_RUNNING"
	stateBroken   = "ERROR"
)

func (s *Server) probes() probes {
	return probes{
		dead: func() string {
			switch state, why := s.coreState(); state {
			case stateBroken:
				return why.Error()
			case stateStopped:
				return state
			default:
				return ""
			}
		},
		unready: func() string {
			switch state, why := s.coreState(); state {
			case stateBroken:
				return why.Error()
			case stateRunning:
				return ""
			default:
				return state
			}
		},
		status: func() status {
			state, _ := s.coreState()
			is := statusOf(s.cfg.InternalHost, s.internalPort(), s.cfg.InstanceID, s.servedPartitions(), state)
			s.addStandbys(&is)
			return is
		},
		standbys: s.standbyStores,
		disk:     s.disk,
		metrics:  s.metrics.Handler(),
	}
}

// coreState is the state, and what has broken. As long as the server is made, nothing of it is looked at.
func (s *Server) coreState() (state string, why error) {
	state = s.state.Load().(string)
	if state == stateCreated || s.host == nil {
		return state, nil
	}
	if why = s.host.Err(); why != nil {
		return stateBroken, why
	}
	return state, nil
}

// serveHealth comes before anything that may take long, so that nobody takes a server that replays its log for dead.
func (s *Server) serveHealth(context.Context) error {
	s.health.serve(&s.serving, s.log, s.health.counted(newHealth(s.cfg.Health, s.probes())))
	return nil
}

// Addr is the address of a listener by its name; "" if there is none.
func (s *Server) Addr(listener string) string {
	for _, l := range s.listeners {
		if l.Name == listener {
			return l.net.Addr().String()
		}
	}
	return ""
}

// HealthAddr is the address of the health port; "" if there is none.
func (s *Server) HealthAddr() string { return s.health.addr() }

// Done is closed when the server cannot go on; Err says why. The process should end.
func (s *Server) Done() <-chan struct{} { return s.host.Done() }

// Err is why the server cannot go on; nil as long as it can.
func (s *Server) Err() error { return s.host.Err() }

// Shutdown refuses new calls, lets running ones end, closes the streams, commits and closes the store. When
// ctx ends first, what is left is cut off. Calls after the first wait for it and give its error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopOnce.Do(func() { s.stopErr = s.shutdown(ctx) })
	return s.stopErr
}

func (s *Server) shutdown(ctx context.Context) error {
	s.state.Store(stateStopping)
	if s.members != nil {
		handing, cancel := forHandingOver(ctx)
		s.members.handOver(handing)
		cancel()
	}
	close(s.stopping)
	var errs []error
	if s.face != nil {
		s.face.Shut()
	}
	calls, cancel := forCalls(ctx)
	defer cancel()
	s.dashboard.drain(calls)
	if s.queues != nil {
		if err := s.queues.Shutdown(calls); err != nil {
			s.log.Warn("a worker does not take what is sent to him, his stream is cut", "err", err)
		}
	}
	for _, l := range s.listeners {
		l.stop(calls)
	}
	if s.tokens != nil {
		s.tokens.Close()
	}
	if s.host != nil {
		if s.face != nil && s.router != nil {
			s.face.FlushQuotaUsage(ctx, true)
		}
		s.store.StopWaiting()
		errs = append(errs, s.host.Drain(ctx))
	}
	if s.members != nil {
		s.members.end(ctx)
	}
	if s.queues != nil {
		s.queues.Close()
	}
	if s.order != nil {
		errs = append(errs, s.order.Close())
	}
	if s.marks != nil {
		errs = append(errs, s.marks.Close())
	}
	s.lending <- struct{}{} // for good: no copy begins any more
	s.control.stop()
	s.state.Store(stateStopped)
	s.endScrapes(ctx)
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	s.pprof.stop()
	s.serving.Wait()
	return errors.Join(errs...)
}

// endScrapes comes before the store is closed, for scrapes read it. One that hangs on a broken disk is left behind.
func (s *Server) endScrapes(ctx context.Context) {
	ended := make(chan struct{})
	go func() {
		s.health.drain(ctx)
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

// forCalls is how long calls may take to end: a quarter of the time is for what they have left to be written.
func forCalls(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-time.Until(end)/4))
}

// forHandingOver is half of the time.
func forHandingOver(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-time.Until(end)/2))
}

// stop lets running calls end, or cuts them off when ctx is done.
func (l *opened) stop(ctx context.Context) {
	if l.grpc == nil {
		_ = l.net.Close()
		return
	}
	ended := make(chan struct{})
	go func() {
		l.grpc.GracefulStop()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		l.grpc.Stop()
		<-ended
	}
	_ = l.net.Close() // a server that never served leaves it open
}

// httpPort is an HTTP server on an open port; nil is none.
type httpPort struct {
	net     net.Listener
	server  *http.Server
	running sync.WaitGroup // requests, where they are counted
}

func (s *Server) openHTTP(ctx context.Context, host string, port int, wanted bool) (*httpPort, error) {
	if !wanted {
		return nil, nil
	}
	n, err := s.listen(ctx, host, port)
	if err != nil {
		return nil, err
	}
	return &httpPort{net: n}, nil
}

func (p *httpPort) addr() string {
	if p == nil {
		return ""
	}
	return p.net.Addr().String()
}

func (p *httpPort) serve(running *sync.WaitGroup, log *slog.Logger, h http.Handler) {
	if p == nil {
		return
	}
	p.server = &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	running.Go(func() {
		if err := p.server.Serve(p.net); !errors.Is(err, http.ErrServerClosed) {
			log.Error("HTTP port ended", "addr", p.addr(), "err", err)
		}
	})
}

func (p *httpPort) stop() {
	switch {
	case p == nil:
	case p.server != nil:
		_ = p.server.Close()
	default:
		_ = p.net.Close()
	}
}
