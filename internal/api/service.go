package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"littlehorse/internal/clock"
	"littlehorse/internal/cluster"
	"littlehorse/internal/lh"
	"littlehorse/internal/taskqueue"
	"littlehorse/internal/telemetry"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// Config is what the service needs of the rest of the server.
type Config struct {
	// Routing reaches the partitions.
	Routing cluster.Routing
	// Definitions is this server's view of the metadata.
	Definitions Definitions
	// Queues hand out tasks.
	Queues *taskqueue.Queues
	// InternalHosts are the internal addresses of the live servers, in the order of "host:port".
	InternalHosts func() []*lhpb.LHHostInfo
	// Advertised is how workers reach the server with that internal address through a listener; nil if the
	// server does not advertise a listener of that name.
	Advertised func(internal *lhpb.LHHostInfo, listener string) *lhpb.LHHostInfo

	// PollsElsewhere counts the requests of workers for a task that lie open at the other servers of the cluster. It may be nil.
	PollsElsewhere func(ctx context.Context, tenant, taskDef string) int

	// Crowded is the refusal that whatever begins something meets in every partition, nil if one might take it: such calls are
	// refused before their requests are decoded. It may be nil.
	Crowded func() *lh.Error

	// MaxRequestBytes bounds a request, and with it every record and stored object.
	MaxRequestBytes int
	// WriteTimeout bounds how long a call waits for its outcome; a shorter deadline of the client goes first.
	WriteTimeout time.Duration
	// UnknownIsAnonymous gives an authenticated identity without a Principal the rights of the anonymous one. Without
	// it such an identity may do nothing.
	UnknownIsAnonymous bool

	// Now is the time; time.Now if nil.
	Now func() time.Time
	// Clock is the one that the data goes by; nil if that is the machine's.
	Clock *clock.Virtual

	RPCs *telemetry.RPCs
	// Traces of what goes to workers; nil if there are none.
	Traces *telemetry.Traces
	Log    *slog.Logger
}

// Defaults of Config.
const (
	DefaultMaxRequestBytes = 1_047_000
	DefaultWriteTimeout    = time.Minute
)

// Service is the public gRPC service, and those of our own. RPCs that it does not implement answer UNIMPLEMENTED with their name.
type Service struct {
	lhpb.UnimplementedLittleHorseServer
	extra.UnimplementedExtraServiceServer
	extra.UnimplementedViewServiceServer
	extra.UnimplementedClockServiceServer
	extra.UnimplementedBulkServiceServer

	cfg         Config
	definitions Definitions
	events      eventWaiters
	outputs     outputReaders
	lives       liveHub
	limiter     *limiter
	shapes      shapes // of requests; complete when calls come
	gate        atomic.Bool
	closing     chan struct{}
	inflating   chan struct{} // requests that are being decompressed
}

// New makes the service; Register puts it on gRPC servers.
func New(cfg Config) *Service {
	s := &Service{cfg: cfg, definitions: cfg.Definitions, limiter: newLimiter(), shapes: shapes{}, lives: newLiveHub(), closing: make(chan struct{})}
	s.inflating = make(chan struct{}, maxInflating)
	if s.cfg.Now == nil {
		s.cfg.Now = time.Now
	}
	s.events.waiting = map[eventKey]map[chan struct{}]struct{}{}
	return s
}

// Shut refuses new calls from now on and lets calls that only wait end with Unavailable.
func (s *Service) Shut() {
	if s.gate.CompareAndSwap(false, true) {
		close(s.closing)
	}
}

func (s *Service) now() time.Time { return s.cfg.Now() }

// dataTime is the time by which data is new or old.
func (s *Service) dataTime() time.Time {
	if s.cfg.Clock != nil {
		return s.cfg.Clock.Now()
	}
	return s.now()
}

// randomID is a UUID version 4 without hyphens.
func randomID() string {
	u := random16()
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x", u)
}

func random16() []byte {
	u := make([]byte, 16)
	rand.Read(u) // never fails
	return u
}
