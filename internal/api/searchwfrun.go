package api

import (
	"context"

	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// SearchWfRun finds WfRuns by WfSpec and version, status, parent and variables, in any combination, in order
// of their start; those of a whole tree each before what is below it. Without any criterion it finds all.
func (s *Service) SearchWfRun(ctx context.Context, req *lhpb.SearchWfRunRequest) (*lhpb.WfRunIdList, error) {
	c := callOf(ctx)
	if err := s.checkSearchWfRun(c, req); err != nil {
		return nil, err
	}
	p, refused := pageOf(c, "SearchWfRun", req, req.Limit)
	if refused != nil {
		return nil, refused
	}
	q := &wfRunQuery{tenant: keys.In(c.tenant), req: req}
	look := query{within: spanOf(req.EarliestStart, req.LatestStart), open: q.open, keep: q.keep()}
	switch {
	case req.ParentWfRunId != nil && !validRunID(req.ParentWfRunId):
		return &lhpb.WfRunIdList{}, nil
	case req.ParentWfRunId != nil && req.GetShowFullTree():
		look.open, look.keep, look.row = q.descendants, q.keepInTree, rowInTree
	default:
		q.indexed = s.indexedFilters(c.tenant, req)
	}
	if req.ParentWfRunId != nil {
		look.streams = []machine.Stream{s.homeOf(c.tenant, req.ParentWfRunId)}
	}
	hits, bookmark, err := s.search(ctx, look, p)
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

// wfRunQuery is what a search asks for.
type wfRunQuery struct {
	tenant  keys.Tenant
	req     *lhpb.SearchWfRunRequest
	indexed *indexedFilters // nil if no filter by variable can be answered from the index
}

func (q *wfRunQuery) open(r *reading) (walker, error) { return q.found(r) }

// found reads the indexes of all that is asked for side by side.
func (q *wfRunQuery) found(r *reading) (cursor, error) {
	if q.indexed != nil {
		return q.openByVariable(r)
	}
	if q.req.ParentWfRunId != nil && q.req.WfSpecName == "" && q.req.Status == nil {
		return q.belowParent(r)
	}
	runs, err := q.wfRuns(r)
	if err != nil {
		return nil, err
	}
	found, err := r.overAll(runs)
	if err != nil {
		return nil, err
	}
	return q.belowParent(r, found)
}

// belowParent leaves only children of the parent, if one is asked for.
func (q *wfRunQuery) belowParent(r *reading, members ...cursor) (cursor, error) {
	if q.req.ParentWfRunId != nil {
		children, err := r.over(tagged{tag: q.childrenOf(lh.WfRunIDString(q.req.ParentWfRunId))}, r.want)
		if err != nil {
			return nil, err
		}
		members = append(members, children)
	}
	return intersect(members)
}

// wfRuns are the values of the index of WfRuns that are asked for.
func (q *wfRunQuery) wfRuns(r *reading) ([]tagged, error) {
	tag, axes := q.tenant.Tag(keys.TagWfRun), make([]axis, 0, 4)
	if q.req.WfSpecName == "" {
		axes = append(axes, axis{any: 't'})
	} else {
		tag = tag.Text(q.req.WfSpecName)
	}
	axes = append(axes, oneOrAny((*int32)(q.req.Status)), oneOrAny(q.req.WfSpecMajorVersion), oneOrAny(q.req.WfSpecRevision))
	return r.values(tag, axes)
}

func (q *wfRunQuery) childrenOf(parent string) keys.Tag {
	return q.tenant.Tag(keys.TagWfRunParent).Text(parent)
}

// keep judges a WfRun by its variables; nil if none are asked for.
func (q *wfRunQuery) keep() func(*reading, hit) (bool, error) {
	if len(q.req.VariableFilters) == 0 {
		return nil
	}
	return q.variablesMatch
}

func (q *wfRunQuery) variablesMatch(r *reading, h hit) (bool, error) {
	for _, f := range q.req.VariableFilters {
		if !r.doubtful && q.indexed != nil && q.indexed.told[f] {
			continue
		}
		v, err := viewed[lhpb.Variable](r.view, q.tenant.RunNamed(h.id.WfRun).Variable(0, f.VarName))
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
	if _, is := a.Value.(*lhpb.VariableValue_Double); is {
		_, too := b.Value.(*lhpb.VariableValue_Double)
		return too && value.Text(a) == value.Text(b)
	}
	return proto.Equal(a, b)
}
