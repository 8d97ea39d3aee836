package api

import (
	"context"
	"strings"

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
	q, err := s.wfRunQuery(c, req)
	if err != nil {
		return nil, err
	}
	p, refused := pageOf(c, "SearchWfRun", req, req.Limit)
	if refused != nil {
		return nil, refused
	}
	look := query{within: spanOf(req.EarliestStart, req.LatestStart), keep: q.keep()}
	look.open = func(r *reading) (walker, error) { return q.found(r) }
	switch {
	case req.ParentWfRunId != nil && !validRunID(req.ParentWfRunId):
		return &lhpb.WfRunIdList{}, nil
	case req.ParentWfRunId != nil && req.GetShowFullTree():
		look.open, look.keep, look.row = q.descendants, q.keepInTree, rowInTree
	default:
		q.indexed = s.indexedFilters(c.tenant, q)
	}
	if req.ParentWfRunId != nil {
		look.streams = []machine.Stream{s.homeOf(c.tenant, req.ParentWfRunId)}
	}
	hits, bookmark, failed := s.search(ctx, look, p)
	if failed != nil {
		return nil, failed
	}
	out := &lhpb.WfRunIdList{Bookmark: bookmark}
	for _, h := range hits {
		out.Results = append(out.Results, lh.ParseWfRunID(h.id.WfRun))
	}
	return out, nil
}

// wfRunQuery checks what is asked for.
func (s *Service) wfRunQuery(c *call, req *lhpb.SearchWfRunRequest) (*wfRunQuery, *lh.Error) {
	q := &wfRunQuery{tenant: keys.In(c.tenant), req: req}
	if req.WfSpecName == "" {
		switch {
		case req.WfSpecMajorVersion != nil || req.WfSpecRevision != nil:
			return nil, lh.Errorf(lh.InvalidArgument, "Cannot provide a WfSpec version without 'wf_spec_name'")
		case len(req.VariableFilters) > 0:
			return nil, lh.Errorf(lh.InvalidArgument, "Cannot provide 'variable_filters' without 'wf_spec_name'")
		}
		return q, nil
	}
	w, err := s.resolveWfSpec(c.tenant, req.WfSpecName, req.WfSpecMajorVersion, req.WfSpecRevision)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return nil, lh.Errorf(lh.InvalidArgument, "Couldn't find WfSpec %s in the version asked for", req.WfSpecName)
	}
	for _, f := range req.VariableFilters {
		cond, err := conditionOf(w, f)
		if err != nil {
			return nil, err
		}
		q.conditions = append(q.conditions, cond)
	}
	return q, nil
}

// condition is what is asked of a Variable of the entrypoint: that it has the value, or with a path that a field of its document has.
type condition struct {
	name, path string
	value      *lhpb.VariableValue
}

// conditionOf finds out which Variable of a WfSpec is meant, or which field of which.
func conditionOf(w *lhpb.WfSpec, f *lhpb.VariableMatch) (condition, *lh.Error) {
	declared := w.ThreadSpecs[w.EntrypointThreadName].GetVariableDefs()
	cond := condition{name: f.GetVarName(), value: f.GetValue()}
	if variableDef(declared, cond.name) != nil {
		return cond, nil
	}
	name, path, isPath := strings.Cut(cond.name, pathMark)
	def := variableDef(declared, name)
	if !isPath || def == nil {
		return cond, lh.Errorf(lh.InvalidArgument, "WfSpec %s has no variable %q in its entrypoint thread", w.Id.Name, name)
	}
	cond.name, cond.path = name, "$"+path
	if err := checkPath(def, cond.path); err != nil {
		return cond, err
	}
	if _, ok := searchableType(f.GetValue()); !ok {
		return cond, lh.Errorf(lh.InvalidArgument, "The value of %q must be a STR, BOOL, INT or DOUBLE", f.GetVarName())
	}
	return cond, nil
}

// entry is the name under which what has the value stands in the index.
func (c condition) entry() string {
	if c.path == "" {
		return c.name
	}
	return c.name + "_" + c.path
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
	tenant     keys.Tenant
	req        *lhpb.SearchWfRunRequest
	conditions []condition
	indexed    *indexedFilters // nil if no condition can be answered from the index
}

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
	if len(q.conditions) == 0 {
		return nil
	}
	return q.variablesMatch
}

func (q *wfRunQuery) variablesMatch(r *reading, h hit) (bool, error) {
	for _, c := range q.conditions {
		if !r.doubtful && q.indexed != nil && q.indexed.told[c] {
			continue
		}
		v, err := viewed[lhpb.Variable](r.view, q.tenant.RunNamed(h.id.WfRun).Variable(0, c.name))
		if err != nil || v == nil || !value.FoundBy(v.Value, c.path, c.value) {
			return false, err
		}
	}
	return true, nil
}
