package api

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/catalog"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// unlimited begins the names of the RPCs that write nothing. Every other one counts against Quotas.
var unlimited = []string{"Await", "Count", "Explain", "Get", "List", "Poll", "Search", "Validate", "Whoami"}

// isLimited reports whether calls of the RPC count against Quotas.
func isLimited(rpc string) bool {
	return !slices.ContainsFunc(unlimited, func(prefix string) bool { return strings.HasPrefix(rpc, prefix) })
}

const (
	// quotaWindow is after what time a bucket is filled again.
	quotaWindow = 500 * time.Millisecond
	// mostDebt is how many windows' worth of refused calls count for the wait that a caller is told.
	mostDebt = 60
)

// limiter holds the calls of this server against Quotas. What it knows is in memory: other servers have their
// own, and each allows its share of the rate.
type limiter struct {
	mu      sync.Mutex
	buckets map[string]*bucket // by the name of the Quota
	ended   []usage            // of minutes that are over
}

// bucket is what is left of one Quota.
type bucket struct {
	left, debt int64
	refilled   time.Time
	usage      usage
}

// usage is how a Quota was used within a minute.
type usage struct {
	quota                         string
	minute                        time.Time
	observed, throttled, waitedMs int64
}

func newLimiter() *limiter { return &limiter{buckets: map[string]*bucket{}} }

// charge counts a call against a Quota that allows so many a second, over so many servers. It returns how long
// the caller is to wait before he tries again; 0 lets the call through.
func (m *limiter) charge(quota string, rate int32, servers int, now time.Time) (delayMs int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	permits := permitsOf(rate, servers)
	b := m.buckets[quota]
	if b == nil {
		b = &bucket{left: permits, refilled: now, usage: usage{quota: quota, minute: now.Truncate(time.Minute)}}
		m.buckets[quota] = b
	}
	m.turn(b, now)
	delayMs = b.take(permits, now)
	b.usage.observed++
	if delayMs > 0 {
		b.usage.throttled++
		b.usage.waitedMs += delayMs
	}
	return delayMs
}

// permitsOf is how many calls a window lets through on one server; at least one.
func permitsOf(rate int32, servers int) int64 {
	share := max(1, float64(rate)/float64(max(1, servers)))
	return int64(math.Ceil(max(1, share*quotaWindow.Seconds())))
}

func (b *bucket) take(permits int64, now time.Time) (delayMs int64) {
	if windows := int64(now.Sub(b.refilled) / quotaWindow); windows > 0 {
		b.left, b.refilled = permits, now
		b.debt = min(max(0, b.debt-permits*windows), permits*mostDebt)
	}
	if b.left > 0 {
		b.left--
		return 0
	}
	b.debt++
	return int64(math.Floor(float64(quotaWindow.Milliseconds()) * (1 + float64(b.debt)/float64(permits))))
}

// turn puts the usage aside when its minute is over.
func (m *limiter) turn(b *bucket, now time.Time) {
	minute := now.Truncate(time.Minute)
	if b.usage.minute.Equal(minute) {
		return
	}
	if b.usage.observed > 0 {
		m.ended = append(m.ended, b.usage)
	}
	b.usage = usage{quota: b.usage.quota, minute: minute}
}

// takeUsage gives what was used in minutes that are over, or in all, and forgets buckets that nobody has asked for
// so long that they owe nothing.
func (m *limiter) takeUsage(now time.Time, all bool) []usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, b := range m.buckets {
		m.turn(b, now)
		if all && b.usage.observed > 0 {
			m.ended = append(m.ended, b.usage)
		}
		if all || now.Sub(b.refilled) > mostDebt*quotaWindow+time.Minute {
			delete(m.buckets, name)
		}
	}
	out := m.ended
	m.ended = nil
	return out
}

// checkQuotas counts a call against the Quotas of its tenant and of its Principal. The longer wait counts.
func (s *Service) checkQuotas(c *call) *lh.Error {
	principal := c.principal.GetId().GetId()
	delayMs := s.chargeQuota(c.tenant, "")
	if principal != "" {
		delayMs = max(delayMs, s.chargeQuota(c.tenant, principal))
	}
	if delayMs == 0 {
		return nil
	}
	refusal := lh.Errorf(lh.ResourceExhausted, "Quota exceeded. Retry after %dms.", delayMs)
	refusal.RetryAfter = time.Duration(delayMs) * time.Millisecond
	return refusal
}

func (s *Service) chargeQuota(tenant, principal string) (delayMs int64) {
	q := s.definitions.Quota(tenant, principal)
	if q == nil {
		return 0
	}
	servers := 1
	if s.cfg.InternalHosts != nil {
		servers = len(s.cfg.InternalHosts())
	}
	return s.limiter.charge(catalog.QuotaName(tenant, principal), q.WriteRequestsPerSecond, servers, s.now())
}

// FlushQuotaUsage sends on how Quotas were used in the minutes that are over; last says that no more calls come,
// and sends the present one, too. What a server that dies has not sent is lost.
func (s *Service) FlushQuotaUsage(ctx context.Context, last bool) {
	for _, u := range s.limiter.takeUsage(s.now(), last) {
		id := catalog.ParseQuotaName(u.quota)
		tenant, of := id.GetTenant().GetId(), keys.CountedQuota(id.GetPrincipal().GetId())
		rec := &pb.Record{
			Header: &pb.Header{Tenant: tenant, CatalogVersion: s.definitions.Version(), RequestId: random16()},
			Command: &pb.Record_MetricUpdate{MetricUpdate: &pb.MetricUpdate{
				Window: &lhpb.MetricWindowId{
					Id:       &lhpb.MetricWindowId_QuotaId{QuotaId: id},
					TenantId: &lhpb.TenantId{Id: tenant}, WindowStart: timestamppb.New(u.minute), MetricType: &of.Type,
				},
				Counts: []*pb.Count{{Count: u.observed}, {Count: u.throttled, TotalMs: u.waitedMs}},
			}},
		}
		s.cfg.Routing.SubmitFunc(ctx, s.windowsOf(tenant, of), rec, nil)
	}
}
