package api

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"

	"littlehorse/internal/auth"
	"littlehorse/internal/lh"
	"littlehorse/internal/telemetry"
	"littlehorse/lhpb"
)

// DefaultTenant is the tenant of calls that name none. It exists in every cluster.
const DefaultTenant = "default"

const tenantKey = "tenantid"

// call is what the chain found out about one call.
type call struct {
	tenant    string
	principal *lhpb.Principal
	listener  *Listener
	expires   time.Time // of the credential; the zero time is never
	out       outgoing
}

type callKey struct{}

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

// admit goes through the steps before a request is looked at.
func (s *Service) admit(ctx context.Context, l *Listener, needs []auth.Required) (context.Context, *lh.Error) {
	if s.gate.Load() {
		return nil, s.refused(telemetry.Stopping, shuttingDown())
	}
	id, err := l.Authenticator.Authenticate(ctx)
	if err != nil {
		return nil, s.refused(telemetry.Unauthenticated, err)
	}
	c := &call{listener: l, expires: id.Expires}
	if c.principal, err = s.principalOf(id); err != nil {
		return nil, s.refused(telemetry.Forbidden, err) // a stranger does not even learn which tenants there are
	}
	if c.tenant, err = s.tenantOf(ctx); err != nil {
		return nil, s.refused(telemetry.Forbidden, err)
	}
	if err := auth.Decide(c.principal, c.tenant, needs); err != nil {
		return nil, s.refused(telemetry.Forbidden, err)
	}
	telemetry.About(ctx, telemetry.AboutTenant, c.tenant)
	return context.WithValue(ctx, callKey{}, c), nil
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
