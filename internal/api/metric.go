package api

import (
	"context"
	"math"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/auth"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/lhpb"
)

const (
	// mostWindows is how many windows one list holds, the oldest first: the minutes of more than three days.
	mostWindows = 5000
	// defaultWindows is how far back a list begins that names no start.
	defaultWindows = time.Hour
)

// ListWfMetrics lists what happened to WfRuns of one version of a WfSpec, or of all of the tenant, by minute.
func (s *Service) ListWfMetrics(ctx context.Context, req *lhpb.ListWfMetricsRequest) (*lhpb.MetricsList, error) {
	of := keys.Counted{Type: lhpb.MetricWindowType_WORKFLOW_METRIC}
	if req.GetWfSpec().GetName() != "" {
		of = keys.CountedWfSpec(req.WfSpec)
	}
	return s.listWindows(ctx, callOf(ctx).tenant, of, req.WindowStart, req.WindowEnd)
}

// ListTaskMetrics lists what happened to TaskRuns of a TaskDef, or of all of the tenant, by minute.
func (s *Service) ListTaskMetrics(ctx context.Context, req *lhpb.ListTaskMetricsRequest) (*lhpb.MetricsList, error) {
	of := keys.CountedTaskDef(req.GetTaskDef().GetName())
	return s.listWindows(ctx, callOf(ctx).tenant, of, req.WindowStart, req.WindowEnd)
}

// ListQuotaUsageMetrics lists how a Quota was used, by minute.
func (s *Service) ListQuotaUsageMetrics(ctx context.Context, req *lhpb.ListQuotaUsageMetricsRequest) (*lhpb.MetricsList, error) {
	if req.QuotaId == nil {
		return nil, lh.Errorf(lh.InvalidArgument, "Missing required argument 'quota_id'")
	}
	tenant, err := quotaTenant(callOf(ctx), req.QuotaId)
	if err != nil {
		return nil, err
	}
	of := keys.CountedQuota(req.QuotaId.GetPrincipal().GetId())
	return s.listWindows(ctx, tenant, of, req.WindowStart, req.WindowEnd)
}

// quotaTenant is the tenant of a Quota, the caller's if none is named. Who asks for another's needs to be allowed
// to read Quotas.
func quotaTenant(c *call, id *lhpb.QuotaId) (string, error) {
	tenant := id.GetTenant().GetId()
	if tenant == "" || tenant == c.tenant {
		return c.tenant, nil
	}
	if err := auth.Decide(c.principal, c.tenant, one(quotas, read)); err != nil {
		return "", err
	}
	return tenant, nil
}

func (s *Service) listWindows(ctx context.Context, tenant string, of keys.Counted, start, end *timestamppb.Timestamp) (*lhpb.MetricsList, error) {
	from, to := s.dataTime().Add(-defaultWindows).UnixNano(), s.dataTime().UnixNano()
	if start != nil {
		from = boundedNanos(start)
	}
	if end != nil {
		to = boundedNanos(end)
	}
	out := &lhpb.MetricsList{}
	if from > to {
		return out, nil
	}
	t := keys.In(tenant)
	rows, err := s.cfg.Routing.Scan(ctx, s.windowsOf(tenant, of), t.MetricWindow(of, from), t.MetricWindow(of, to).After(), mostWindows)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		w, err := decode[lhpb.MetricWindow](r.Value)
		if err != nil {
			return nil, err
		}
		out.Windows = append(out.Windows, w)
	}
	return out, nil
}

// windowsOf is the stream that holds the windows of an object.
func (s *Service) windowsOf(tenant string, of keys.Counted) machine.Stream {
	return s.cfg.Routing.Repartition(tenant, of.Route())
}

// boundedNanos is the time in nanoseconds since 1970-01-01 UTC, as far as they reach.
func boundedNanos(t *timestamppb.Timestamp) int64 {
	const reach = math.MaxInt64 / int64(time.Second)
	switch {
	case t.GetSeconds() >= reach:
		return math.MaxInt64
	case t.GetSeconds() <= -reach:
		return math.MinInt64
	default:
		return t.GetSeconds()*int64(time.Second) + int64(t.GetNanos())
	}
}

// GetMetricWindow reads what happened to an object within one minute.
func (s *Service) GetMetricWindow(ctx context.Context, id *lhpb.MetricWindowId) (*lhpb.MetricWindow, error) {
	tenant, err := quotaTenant(callOf(ctx), id.GetQuotaId())
	if err != nil {
		return nil, err
	}
	of := keys.CountedOf(id)
	k := keys.In(tenant).MetricWindow(of, boundedNanos(id.WindowStart))
	w, err := get[lhpb.MetricWindow](ctx, s, s.windowsOf(tenant, of), k)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return nil, notFound()
	}
	return w, nil
}

// SearchWfMetricWindow finds the windows of all versions of a WfSpec: version by version, each in order of time.
func (s *Service) SearchWfMetricWindow(ctx context.Context, req *lhpb.SearchWfMetricWindowRequest) (*lhpb.MetricWindowIdList, error) {
	if req.WfSpecName == "" {
		return nil, lh.Errorf(lh.InvalidArgument, "wfSpecName is required")
	}
	c := callOf(ctx)
	p, refused := pageOf(c, "SearchWfMetricWindow", req, req.Limit)
	if refused != nil {
		return nil, refused
	}
	q := &windowQuery{
		Service: s, ctx: ctx, tenant: keys.In(c.tenant), page: p,
		name: keys.CountedWfSpec(&lhpb.WfSpecId{Name: req.WfSpecName}),
		from: math.MinInt64, to: math.MaxInt64,
	}
	if req.EarliestStart != nil {
		q.from = boundedNanos(req.EarliestStart)
	}
	if req.LatestStart != nil {
		q.to = boundedNanos(req.LatestStart)
	}
	if req.GetLatestOnly() {
		q.from = s.dataTime().Truncate(time.Minute).Add(-time.Minute).UnixNano()
		q.to = q.from
	}
	return q.find()
}

// windowQuery is one search for windows on its way. It goes from version to version and reads nothing between
// that does not belong to the answer.
type windowQuery struct {
	*Service
	ctx      context.Context
	tenant   keys.Tenant
	name     keys.Counted
	from, to int64
	page     page
	last     string // position of the last result
	out      lhpb.MetricWindowIdList
}

func (q *windowQuery) find() (*lhpb.MetricWindowIdList, error) {
	prefix := q.tenant.MetricWindowsOfName(q.name)
	start := prefix
	if q.page.after != "" {
		start = (prefix + keys.Key(q.page.after)).After()
	}
	for q.from <= q.to {
		of, ok, err := q.nextVersion(start, prefix.End())
		if err != nil || !ok {
			return &q.out, err
		}
		if full, err := q.version(of, start, prefix); err != nil || full {
			return &q.out, err
		}
		start = q.tenant.MetricWindows(of).End()
	}
	return &q.out, nil
}

// nextVersion is the version of the first window at or behind start.
func (q *windowQuery) nextVersion(start, end keys.Key) (of keys.Counted, ok bool, err error) {
	rows, err := q.cfg.Routing.Scan(q.ctx, q.windowsOf(q.tenant.Name(), q.name), start, end, 1)
	if err != nil || len(rows) == 0 {
		return of, false, err
	}
	_, of, _, err = keys.ParseMetricWindow(rows[0].Key)
	return of, err == nil, err
}

// version gathers the windows of one version; full says that the page has no room for the next.
func (q *windowQuery) version(of keys.Counted, start, prefix keys.Key) (full bool, err error) {
	start = max(start, q.tenant.MetricWindow(of, q.from))
	end := q.tenant.MetricWindow(of, q.to).After()
	if start >= end {
		return false, nil
	}
	room := q.page.limit - len(q.out.Results)
	rows, err := q.cfg.Routing.Scan(q.ctx, q.windowsOf(q.tenant.Name(), q.name), start, end, room+1)
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		if len(q.out.Results) == q.page.limit {
			q.out.Bookmark = q.page.next(q.last)
			return true, nil
		}
		w, err := decode[lhpb.MetricWindow](r.Value)
		if err != nil {
			return false, err
		}
		q.out.Results = append(q.out.Results, w.Id)
		q.last = string(r.Key[len(prefix):])
	}
	return false, nil
}
