package api

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"littlehorse/internal/auth"
	"littlehorse/internal/lh"
	"littlehorse/internal/telemetry"
	"littlehorse/lhpb"
)

// DefaultTenant is the tenant of calls that name none. It exists in every cluster.
const DefaultTenant = "default"

const tenantKey = "tenantid"

// call is what the chain found out about one call. It is the context of the call, too: that of the transport with a
// bound on how long it may take. The timer of that bound is made for those who wait for the end of the context.
type call struct {
	context.Context
	rpc       *rpc // nil of readers of output topics
	stream    grpc.ServerStream
	tenant    string
	principal *lhpb.Principal
	listener  *Listener
	line      *Backlog  // of the connection; nil if there is none
	expires   time.Time // of the credential; the zero time is never
	out       outgoing
	began     time.Time
	until     time.Time
	request   incoming
	message   any // the request, if the chain has decoded it
	reply     any
	shortened bool // the report: what came of the task is too large

	// Of the wait for the request; guarded by line.mu.
	awaits       bool
	before, next *call
	late         error
	held         int64     // bytes of the request, until it is decoded
	burden       int64     // of the decoded request, until the call has ended
	welcomed     *welcomed // nil once it counts no longer

	once  sync.Once
	timed context.Context // made by Done
	end   context.CancelFunc
	over  atomic.Bool // timed has ended with the call
}

type callKey struct{}

// Value implements context.Context.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// Deadline implements context.Context.
func (c *call) Deadline() (time.Time, bool) {
	if theirs, ok := c.Context.Deadline(); ok && (theirs.Before(c.until) || c.until.IsZero()) {
		return theirs, true
	}
	return c.until, !c.until.IsZero()
}

// Err implements context.Context.
func (c *call) Err() error {
	if err := c.Context.Err(); err != nil {
		return err
	}
	if !c.until.IsZero() && !time.Now().Before(c.until) {
		return context.DeadlineExceeded
	}
	if c.over.Load() {
		return context.Canceled
	}
	return nil
}

// Done implements context.Context.
func (c *call) Done() <-chan struct{} {
	if c.until.IsZero() {
		return c.Context.Done()
	}
	c.once.Do(func() { c.timed, c.end = context.WithDeadline(c.Context, c.until) })
	return c.timed.Done()
}

// close gives back the timer when the call has ended. Who was given its channel finds it closed, and why.
func (c *call) close() {
	c.once.Do(func() { c.timed, c.end = c.Context, func() {} })
	c.over.Store(c.timed != c.Context)
	c.end()
}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// Listener is one of the ports that serve the API.
type Listener struct {
	// Name as in LHS_LISTENERS.
	Name string
	// Advertised is how workers reach this server through the listener; nil if it is not advertised.
	Advertised *lhpb.LHHostInfo
	// Authenticator of its calls.
	Authenticator auth.Authenticator
}

// admit goes through the steps before a request is looked at. It fills in who calls.
func (s *Service) admit(c *call, needs []auth.Required) *lh.Error {
	if s.gate.Load() {
		return s.refused(telemetry.Stopping, shuttingDown())
	}
	id, err := c.listener.Authenticator.Authenticate(c.Context)
	if err != nil {
		return s.refused(telemetry.Unauthenticated, err)
	}
	c.expires = id.Expires
	if c.principal, err = s.principalOf(id); err != nil {
		return s.refused(telemetry.Forbidden, err) // a stranger does not even learn which tenants there are
	}
	if c.tenant, err = s.tenantOf(c.Context); err != nil {
		return s.refused(telemetry.Forbidden, err)
	}
	if err := auth.Decide(c.principal, c.tenant, needs); err != nil {
		return s.refused(telemetry.Forbidden, err)
	}
	telemetry.About(c.Context, telemetry.AboutTenant, c.tenant)
	return nil
}

// refused counts a refusal and gives it back.
func (s *Service) refused(why telemetry.Reason, err *lh.Error) *lh.Error {
	s.cfg.RPCs.Refusals.Count(why)
	return err
}

// tenantOf reads the tenant: the last value counts, a blank one is nobody's.
func (s *Service) tenantOf(ctx context.Context) (string, *lh.Error) {
	values := metadata.ValueFromIncomingContext(ctx, tenantKey)
	if len(values) == 0 {
		return DefaultTenant, nil
	}
	tenant := strings.TrimSpace(values[len(values)-1])
	if tenant == DefaultTenant || (tenant != "" && s.definitions.Tenant(tenant) != nil) {
		return tenant, nil
	}
	return "", lh.Errorf(lh.PermissionDenied, "Tenant not allowed")
}

// principalOf finds the Principal of an identity. A proven identity without a Principal has no rights at all,
// unless it was decided for the whole server that it has those of the anonymous one.
func (s *Service) principalOf(id auth.Identity) (*lhpb.Principal, *lh.Error) {
	if p := s.definitions.Principal(id.Name); p != nil {
		return p, nil
	}
	if id.Proven && !s.cfg.UnknownIsAnonymous {
		return nil, lh.Errorf(lh.PermissionDenied, "Missing permissions: there is no Principal %q, and only a Principal has any", id.Name)
	}
	return s.definitions.Principal(auth.Anonymous), nil
}

func shuttingDown() *lh.Error {
	return lh.Errorf(lh.Unavailable, "Server is shutting down, no new requests are being accepted")
}
