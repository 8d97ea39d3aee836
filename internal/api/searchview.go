package api

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"littlehorse/internal/cluster"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// Bounds of one page of rows.
const (
	viewedRowsDefault = 50
	viewedRowsMost    = 200
	viewedColumns     = 20
	viewedOpenThreads = 100
	viewedLineBytes   = 300
)

// SearchWfRunView finds WfRuns, the latest first, with where each of them stands.
func (s *Service) SearchWfRunView(ctx context.Context, req *extra.SearchWfRunViewRequest) (*extra.SearchWfRunViewResponse, error) {
	c := callOf(ctx)
	if len(req.Variables) > viewedColumns {
		return nil, lh.Errorf(lh.InvalidArgument, "'variables' may name at most %d Variables", viewedColumns)
	}
	p, refused := pageOf(c, "SearchWfRunView", req, req.Limit)
	if refused != nil {
		return nil, refused
	}
	p.limit = viewedRowsDefault
	if req.Limit != nil {
		p.limit = min(int(*req.Limit), viewedRowsMost)
	}
	if req.ParentWfRunId != nil && !validRunID(req.ParentWfRunId) {
		return &extra.SearchWfRunViewResponse{}, nil
	}
	l := &latest{service: s, page: p, within: spanOf(req.EarliestStart, req.LatestStart)}
	if req.ParentWfRunId != nil {
		l.streams = []machine.Stream{s.homeOf(c.tenant, req.ParentWfRunId)}
	}
	for _, status := range statusesOf(req.Statuses) {
		ask := &lhpb.SearchWfRunRequest{
			WfSpecName: req.WfSpecName, WfSpecMajorVersion: req.MajorVersion, WfSpecRevision: req.Revision,
			VariableFilters: req.VariableFilters, Status: status, ParentWfRunId: req.ParentWfRunId,
		}
		q, err := s.wfRunQuery(c, ask)
		if err != nil {
			return nil, err
		}
		q.indexed = s.indexedFilters(c.tenant, q)
		l.queries = append(l.queries, q)
	}
	if req.IdPrefix != "" {
		return s.searchByID(ctx, req, p, l.queries[0].conditions)
	}
	out := &extra.SearchWfRunViewResponse{}
	hits, more, err := l.find(ctx)
	if err != nil {
		return nil, err
	}
	if out.Results, err = s.wfRunRows(ctx, c.tenant, hits, req.Variables); err != nil {
		return nil, err
	}
	if more {
		out.Bookmark = p.next(hits[len(hits)-1].position)
	}
	return out, nil
}

// statusesOf are those that are asked for, each once; nil stands for any.
func statusesOf(asked []lhpb.LHStatus) (out []*lhpb.LHStatus) {
	for _, status := range slices.Compact(slices.Sorted(slices.Values(asked))) {
		out = append(out, &status)
	}
	if len(out) == 0 {
		out = append(out, nil)
	}
	return out
}

// latest finds the latest WfRuns that one of some queries finds, which differ in the status.
type latest struct {
	service *Service
	page    page
	within  span
	streams []machine.Stream // nil are all
	queries []*wfRunQuery
}

// find gives the page; more says that there are older ones.
func (l *latest) find(ctx context.Context) (page []hit, more bool, err error) {
	if l.page.after != "" {
		if _, _, err := keys.ParseTagRow("", keys.Key(l.page.after)); err != nil {
			return nil, false, lh.Errorf(lh.InvalidArgument, "The bookmark is not one that this server returns: repeat the request without it to start from the beginning")
		}
	}
	look := query{streams: l.streams, within: l.within, back: true, open: l.open, keep: l.queries[0].keep()}
	p := l.page
	p.limit++
	page, _, err = l.service.search(ctx, look, p)
	if err != nil || len(page) < p.limit {
		return page, false, err
	}
	return page[:l.page.limit], true, nil
}

// open reads what all queries find as one.
func (l *latest) open(r *reading) (walker, error) {
	var found []cursor
	doubtful := false
	for _, q := range l.queries {
		c, err := q.found(r)
		if err != nil {
			return nil, err
		}
		found, doubtful = append(found, c), doubtful || r.doubtful
	}
	r.doubtful = doubtful
	return unite(found), nil
}

// byHome are the places of what was found by the partition that has it.
func byHome(hits []hit) (streams []machine.Stream, at map[machine.Stream][]int) {
	at = map[machine.Stream][]int{}
	for i, h := range hits {
		if at[h.from] == nil {
			streams = append(streams, h.from)
		}
		at[h.from] = append(at[h.from], i)
	}
	return streams, at
}

// wfRunRows reads the rows of a page: of each partition as of one moment.
func (s *Service) wfRunRows(ctx context.Context, tenant string, hits []hit, variables []string) ([]*extra.WfRunRow, error) {
	rows := make([]*extra.WfRunRow, len(hits))
	streams, at := byHome(hits)
	for _, stream := range streams {
		err := s.cfg.Routing.View(ctx, stream, func(v cluster.View) error {
			for _, i := range at[stream] {
				r := rowReader{view: v, run: keys.In(tenant).RunNamed(hits[i].id.WfRun)}
				row, err := r.row(variables)
				if err != nil {
					return err
				}
				rows[i] = row
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(rows, func(r *extra.WfRunRow) bool { return r == nil }), nil
}

// rowReader reads what a list shows of a WfRun.
type rowReader struct {
	view cluster.View
	run  keys.Run
}

// row is nil if the WfRun has gone meanwhile.
func (r *rowReader) row(variables []string) (*extra.WfRunRow, error) {
	out, err := bareRow(r.view, r.run)
	if err != nil || out == nil {
		return nil, err
	}
	for _, name := range variables {
		variable, err := viewed[lhpb.Variable](r.view, r.run.Variable(0, name))
		if err != nil {
			return nil, err
		}
		if variable != nil {
			out.Variables = append(out.Variables, shownVariable(variable))
		}
	}
	if out.Status == lhpb.LHStatus_COMPLETED {
		return out, nil
	}
	return out, r.stands(out)
}

// bareRow is what the WfRun itself tells; nil if it has gone.
func bareRow(view cluster.View, run keys.Run) (*extra.WfRunRow, error) {
	stored, err := viewed[pb.WfRunRow](view, run.WfRun())
	if err != nil || stored == nil || stored.Deleting {
		return nil, err
	}
	w := stored.WfRun
	return &extra.WfRunRow{Id: w.Id, WfSpecId: w.WfSpecId, Status: w.Status, StartTime: w.StartTime, EndTime: w.EndTime}, nil
}

// stands says where the WfRun stands: at its last failure, or where its first open ThreadRun is.
func (r *rowReader) stands(out *extra.WfRunRow) error {
	threads, _, err := viewedRows[lhpb.ThreadRun](r.view, r.run.Kind(keys.KindThreadRun), viewedOpenThreads)
	if err != nil {
		return err
	}
	var at *lhpb.ThreadRun
	for _, t := range threads {
		switch {
		case t.Status == lhpb.LHStatus_COMPLETED:
		case isOver(t.Status):
			at = t
		default:
			out.OpenThreads++
			if at == nil {
				at = t
			}
		}
	}
	if at == nil {
		return nil
	}
	n, err := viewed[lhpb.NodeRun](r.view, r.run.NodeRun(at.Number, at.CurrentNodePosition))
	if err != nil || n == nil {
		return err
	}
	out.Node = n.NodeName
	if !isOver(at.Status) {
		return nil
	}
	out.Failure, err = r.failure(at, n)
	return err
}

// failure is why a ThreadRun failed, in a line: what its task said, if it was one.
func (r *rowReader) failure(t *lhpb.ThreadRun, n *lhpb.NodeRun) (string, error) {
	said := t.GetErrorMessage()
	if f := len(n.Failures); f > 0 && n.Failures[f-1].Message != "" {
		said = n.Failures[f-1].Message
	}
	if id := n.GetTask().GetTaskRunId(); id != nil {
		task, err := viewed[lhpb.TaskRun](r.view, r.run.TaskRun(id.TaskGuid))
		if err != nil {
			return "", err
		}
		said = cmp.Or(lastError(task.GetAttempts()), said)
	}
	return inALine(cmp.Or(said, "failed")), nil
}

// inALine is the first line of a text, or the most of it.
func inALine(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	if len(text) <= viewedLineBytes {
		return text
	}
	end := viewedLineBytes
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
