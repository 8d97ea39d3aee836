package api

import (
	"cmp"
	"context"
	"slices"

	"littlehorse/internal/cluster"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// lookedAtByID are the WfRuns of a partition that one page by ids looks at.
const lookedAtByID = 1000

// byID finds WfRuns whose ids begin alike, in order of their ids.
type byID struct {
	tenant  keys.Tenant
	request *extra.SearchWfRunViewRequest
	within  span
	limit   int
	after   string // id behind which the page begins
	query   *wfRunQuery
}

// namedRun is a WfRun that is found by its id.
type namedRun struct {
	id  string
	row *extra.WfRunRow
}

// searchByID finds them; the request has been checked.
func (s *Service) searchByID(ctx context.Context, req *extra.SearchWfRunViewRequest, p page, conditions []condition) (*extra.SearchWfRunViewResponse, error) {
	tenant := keys.In(callOf(ctx).tenant)
	b := &byID{
		tenant: tenant, request: req, within: spanOf(req.EarliestStart, req.LatestStart), limit: p.limit, after: p.after,
		query: &wfRunQuery{tenant: tenant, conditions: conditions, req: &lhpb.SearchWfRunRequest{
			WfSpecName: req.WfSpecName, WfSpecMajorVersion: req.MajorVersion, WfSpecRevision: req.Revision,
		}},
	}
	page, until, err := b.find(ctx, s)
	if err != nil {
		return nil, err
	}
	out := &extra.SearchWfRunViewResponse{Results: page}
	if until != "" {
		out.Bookmark = p.next(until)
	}
	return out, nil
}

// find gives the page. Where a partition has been looked at as far as one page may, the page ends there: until is its last id.
func (b *byID) find(ctx context.Context, s *Service) (page []*extra.WfRunRow, until string, err error) {
	streams := s.cfg.Routing.Streams()
	if b.request.ParentWfRunId != nil {
		streams = []machine.Stream{s.homeOf(b.tenant.Name(), b.request.ParentWfRunId)}
	}
	var found []namedRun
	for _, stream := range streams {
		var some []namedRun
		var stopped string
		err := s.cfg.Routing.View(ctx, stream, func(v cluster.View) (err error) {
			some, stopped, err = b.in(v)
			return err
		})
		if err != nil {
			return nil, "", err
		}
		found = append(found, some...)
		if stopped != "" && (until == "" || stopped < until) {
			until = stopped
		}
	}
	slices.SortFunc(found, func(x, y namedRun) int { return cmp.Compare(x.id, y.id) })
	for _, f := range found {
		if until != "" && f.id > until {
			break
		}
		if len(page) == b.limit {
			return page, lh.WfRunIDString(page[len(page)-1].Id), nil
		}
		page = append(page, f.row)
	}
	return page, until, nil
}

// in looks through one partition, from WfRun to WfRun. It stops at the id up to which it has looked if there may be more.
func (b *byID) in(v cluster.View) (found []namedRun, stopped string, err error) {
	start, end := b.tenant.RunsFrom(b.request.IdPrefix), b.tenant.RunsFrom(b.request.IdPrefix).End()
	if b.after != "" {
		start = max(start, b.tenant.RunNamed(b.after).All().End())
	}
	for looked := 0; ; looked++ {
		rows, err := v.Scan(start, end, 1)
		if err != nil || len(rows) == 0 {
			return found, "", err
		}
		at, err := keys.ParseRun(rows[0].Key)
		if err != nil {
			return nil, "", err
		}
		run := b.tenant.RunNamed(at.WfRun)
		row, err := b.row(v, run, at)
		if err != nil {
			return nil, "", err
		}
		if row != nil {
			found = append(found, namedRun{at.WfRun, row})
		}
		if len(found) > b.limit || looked == lookedAtByID {
			return found, at.WfRun, nil
		}
		start = run.All().End()
	}
}

// row is that of a WfRun that is all that is asked for, else nil.
func (b *byID) row(v cluster.View, run keys.Run, at keys.RunKey) (*extra.WfRunRow, error) {
	stored, err := viewed[pb.WfRunRow](v, run.WfRun())
	if err != nil || stored == nil || stored.Deleting || !b.fits(stored.WfRun) {
		return nil, err
	}
	match, err := b.query.variablesMatch(&reading{view: v}, hit{id: keys.TagID{WfRun: at.WfRun}})
	if err != nil || !match {
		return nil, err
	}
	r := rowReader{view: v, run: run}
	return r.row(b.request.Variables)
}

func (b *byID) fits(w *lhpb.WfRun) bool {
	r := b.request
	started := w.StartTime.AsTime().UnixMilli()
	return started >= b.within.earliest && started <= b.within.latest && b.query.fits(w) &&
		(len(r.Statuses) == 0 || slices.Contains(r.Statuses, w.Status)) &&
		(r.ParentWfRunId == nil || lh.WfRunIDString(r.ParentWfRunId) == lh.WfRunIDString(w.Id.GetParentWfRunId()))
}
