package api

import (
	"context"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// SearchWfRun finds WfRuns by WfSpec and version, status, parent and variables, in any combination, in order
// of their start. Without any criterion it finds all.
func (s *Service) SearchWfRun(ctx context.Context, req *lhpb.SearchWfRunRequest) (*lhpb.WfRunIdList, error) {
	c := callOf(ctx)
	if err := s.checkSearchWfRun(c, req); err != nil {
		return nil, err
	}
	p, refused := pageOf(c, "SearchWfRun", req, req.Limit)
	if refused != nil {
		return nil, refused
	}
	q := &wfRunQuery{Service: s, ctx: ctx, tenant: keys.In(c.tenant), req: req, page: p}
	find := q.byWfSpec
	switch {
	case req.ParentWfRunId == nil && req.WfSpecName == "":
		find = q.byStatus
	case req.ParentWfRunId == nil:
	case !validRunID(req.ParentWfRunId):
		return &lhpb.WfRunIdList{}, nil
	case req.GetShowFullTree():
		find = q.descendants
	default:
		find = q.children
	}
	hits, bookmark, err := find()
	if err != nil {
		return nil, err
	}
	out := &lhpb.WfRunIdList{Bookmark: bookmark}
	for _, h := range hits {
		out.Results = append(out.Results, lh.ParseWfRunID(h.id.WfRun))
	}
	return out, nil
}

func (s *Service) checkSearchWfRun(c *call, req *lhpb.SearchWfRunRequest) *lh.Error {
	if req.WfSpecName == "" {
		switch {
		case req.WfSpecMajorVersion != nil || req.WfSpecRevision != nil:
			return lh.Errorf(lh.InvalidArgument, "Cannot provide a WfSpec version without 'wf_spec_name'")
		case len(req.VariableFilters) > 0:
			return lh.Errorf(lh.InvalidArgument, "Cannot provide 'variable_filters' without 'wf_spec_name'")
		}
		return nil
	}
	w, err := s.resolveWfSpec(c.tenant, req.WfSpecName, req.WfSpecMajorVersion, req.WfSpecRevision)
	if err != nil {
		return err
	}
	if w == nil {
		return lh.Errorf(lh.InvalidArgument, "Couldn't find WfSpec %s in the version asked for", req.WfSpecName)
	}
	declared := w.ThreadSpecs[w.EntrypointThreadName].GetVariableDefs()
	for _, f := range req.VariableFilters {
		if variableDef(declared, f.GetVarName()) == nil {
			return lh.Errorf(lh.InvalidArgument, "WfSpec %s has no variable %q in its entrypoint thread", req.WfSpecName, f.GetVarName())
		}
	}
	return nil
}

func variableDef(defs []*lhpb.ThreadVarDef, name string) *lhpb.ThreadVarDef {
	for _, d := range defs {
		if d.GetVarDef().GetName() == name {
			return d
		}
	}
	return nil
}

// wfRunQuery is one search on its way.
type wfRunQuery struct {
	*Service
	ctx    context.Context
	tenant keys.Tenant
	req    *lhpb.SearchWfRunRequest
	page   page
}

func (q *wfRunQuery) span() span { return spanOf(q.req.EarliestStart, q.req.LatestStart) }

// byWfSpec reads the index of one WfSpec name.
func (q *wfRunQuery) byWfSpec() ([]hit, []byte, error) {
	return q.search(q.ctx, q.statusTags(q.req.WfSpecName), q.span(), q.page, q.keepIndexed)
}

// byStatus walks the names in the index.
func (q *wfRunQuery) byStatus() ([]hit, []byte, error) {
	m := newMerge(q.ctx, q.cfg.Routing)
	for _, stream := range q.cfg.Routing.Streams() {
		names, err := q.values(q.ctx, stream, q.tenant.Tag(keys.TagWfRun))
		if err != nil {
			return nil, nil, err
		}
		for _, name := range names {
			for _, tag := range q.statusTags(name) {
				if err := m.add(newSource(stream, tag, q.span(), q.page.after)); err != nil {
					return nil, nil, err
				}
			}
		}
	}
	return m.collect(q.page, q.keepIndexed)
}

func (q *wfRunQuery) statusTags(wfSpec string) []keys.Tag {
	tag := q.tenant.Tag(keys.TagWfRun).Text(wfSpec)
	if q.req.Status != nil {
		return []keys.Tag{tag.Int(int32(*q.req.Status))}
	}
	// What is on its way to its end while they are read is found once more rather than not at all.
	tags := make([]keys.Tag, 0, len(lhpb.LHStatus_name))
	for _, n := range slices.Sorted(maps.Keys(lhpb.LHStatus_name)) {
		tags = append(tags, tag.Int(n))
	}
	return tags
}

// children reads the index of direct children.
func (q *wfRunQuery) children() ([]hit, []byte, error) {
	m := newMerge(q.ctx, q.cfg.Routing)
	if err := m.add(newSource(q.home(), q.childTag(lh.WfRunIDString(q.req.ParentWfRunId)), q.span(), q.page.after)); err != nil {
		return nil, nil, err
	}
	return m.collect(q.page, q.keepObject)
}

// descendants walks the tree in order of start: a child starts no earlier than its parent and its id follows
// the parent's, so taking in the children of what was just given keeps the order.
func (q *wfRunQuery) descendants() ([]hit, []byte, error) {
	m, within := newMerge(q.ctx, q.cfg.Routing), q.span()
	always := spanOf(nil, nil)
	if err := m.add(newSource(q.home(), q.childTag(lh.WfRunIDString(q.req.ParentWfRunId)), always, "")); err != nil {
		return nil, nil, err
	}
	return m.collect(q.page, func(h hit) (bool, error) {
		if err := m.add(newSource(q.home(), q.childTag(h.id.WfRun), always, "")); err != nil {
			return false, err
		}
		if h.position <= q.page.after || h.createdMs < within.earliest || h.createdMs > within.latest {
			return false, nil
		}
		return q.keepObject(h)
	})
}

func (q *wfRunQuery) home() machine.Stream { return q.homeOf(q.tenant.Name(), q.req.ParentWfRunId) }

func (q *wfRunQuery) childTag(parent string) keys.Tag {
	return q.tenant.Tag(keys.TagWfRunParent).Text(parent)
}

// keepIndexed judges a row that carries its WfSpecId.
func (q *wfRunQuery) keepIndexed(h hit) (bool, error) {
	id, err := decode[lhpb.WfSpecId](h.value)
	if err != nil || !q.versionMatches(id) {
		return false, err
	}
	return q.variablesMatch(h)
}

// keepObject judges a WfRun by reading it.
func (q *wfRunQuery) keepObject(h hit) (bool, error) {
	row, err := get[pb.WfRunRow](q.ctx, q.Service, h.from, q.tenant.RunNamed(h.id.WfRun).WfRun())
	if err != nil || row == nil || row.Deleting {
		return false, err
	}
	w := row.WfRun
	if q.req.Status != nil && w.Status != *q.req.Status {
		return false, nil
	}
	if q.req.WfSpecName != "" && (w.GetWfSpecId().GetName() != q.req.WfSpecName || !q.versionMatches(w.WfSpecId)) {
		return false, nil
	}
	return q.variablesMatch(h)
}

func (q *wfRunQuery) versionMatches(id *lhpb.WfSpecId) bool {
	return (q.req.WfSpecMajorVersion == nil || *q.req.WfSpecMajorVersion == id.MajorVersion) &&
		(q.req.WfSpecRevision == nil || *q.req.WfSpecRevision == id.Revision)
}

func (q *wfRunQuery) variablesMatch(h hit) (bool, error) {
	for _, f := range q.req.VariableFilters {
		v, err := get[lhpb.Variable](q.ctx, q.Service, h.from, q.tenant.RunNamed(h.id.WfRun).Variable(0, f.VarName))
		if err != nil || v == nil || !sameValue(v.Value, f.Value) {
			return false, err
		}
	}
	return true, nil
}

// sameValue is equality of type and value; an unset value is NULL.
func sameValue(a, b *lhpb.VariableValue) bool {
	if a.GetValue() == nil || b.GetValue() == nil {
		return a.GetValue() == nil && b.GetValue() == nil
	}
	return proto.Equal(a, b)
}
