package api

import (
	"cmp"
	"context"
	"slices"

	"littlehorse/internal/auth"
	"littlehorse/internal/cluster"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// Bounds of what one view of a WfRun shows.
const (
	viewedSteps     = 10_000
	viewedThreads   = 1000
	viewedVariables = 1000
	viewedEvents    = 200
	viewedChildren  = 100
	viewedWaits     = 100
	// viewedValueBytes bounds a value: a larger one is left out.
	viewedValueBytes = 4 << 10
	// viewedReadBytes bounds the rows that one view reads for its steps: those of tasks have their inputs and outputs.
	viewedReadBytes = 64 << 20
	// viewedPartBytes bounds the ThreadRuns, the Variables and the events of a reply, each, and viewedStepBytes its steps: all
	// together they are no more than ordinary clients take.
	viewedPartBytes = 640 << 10
	viewedStepBytes = 1 << 20
	// viewedAtOnce is how many rows are read at a time: each may be as large as a record.
	viewedAtOnce = 64
)

// GetWfRunView gives what a page shows of a WfRun, as of one moment.
func (s *Service) GetWfRunView(ctx context.Context, req *extra.GetWfRunViewRequest) (*extra.GetWfRunViewResponse, error) {
	c := callOf(ctx)
	p, run, err := s.listing(c, "GetWfRunView", req, req.Limit, req.WfRunId)
	switch {
	case err != nil:
		return nil, err
	case run == nil:
		return nil, notFound()
	case len(req.Threads) > viewedThreads || len(req.From) > viewedThreads:
		return nil, lh.Errorf(lh.InvalidArgument, "'threads' and 'from' may each name at most %d ThreadRuns", viewedThreads)
	}
	p.limit = MaxLimit
	if req.Limit != nil {
		p.limit = min(int(*req.Limit), viewedSteps)
	}
	of := runView{
		tenant: keys.In(c.tenant), run: *run, page: p, request: req,
		why:            explanation{tenant: keys.In(c.tenant), run: *run, name: lh.WfRunIDString(req.WfRunId), page: page{limit: viewedWaits}},
		externalEvents: auth.Decide(c.principal, c.tenant, one(externalEvent, read)) == nil,
		workflowEvents: auth.Decide(c.principal, c.tenant, one(workflowEvent, read)) == nil,
		definitions:    func(id *lhpb.WfSpecId) *lhpb.WfSpec { return s.definitions.Latest(c.tenant).WfSpec(id) },
	}
	var v runView
	err = s.cfg.Routing.View(ctx, s.homeOf(c.tenant, req.WfRunId), func(view cluster.View) error {
		v = of
		return v.read(view)
	})
	if err != nil {
		return nil, err
	}
	return v.out, s.explainQueues(ctx, c.tenant, &v.why)
}

// runView is an answer that grows while the home of the WfRun is read at one moment.
type runView struct {
	tenant  keys.Tenant
	run     keys.Run
	page    page
	request *extra.GetWfRunViewRequest
	why     explanation

	externalEvents, workflowEvents bool // may be read
	definitions                    func(*lhpb.WfSpecId) *lhpb.WfSpec

	view cluster.View
	out  *extra.GetWfRunViewResponse
}

func (v *runView) read(view cluster.View) error {
	v.view = view
	row, err := viewed[pb.WfRunRow](view, v.run.WfRun())
	switch {
	case err != nil:
		return err
	case row == nil || row.Deleting:
		return notFound()
	}
	v.out = &extra.GetWfRunViewResponse{WfRun: row.WfRun}
	if v.request.WithWfSpec {
		v.out.WfSpec = v.definitions(row.WfRun.WfSpecId)
	}
	for _, part := range []func() error{v.threads, v.steps, v.variables, v.inherited, v.events, v.children} {
		if err := part(); err != nil {
			return err
		}
	}
	if err := v.why.read(view); err != nil {
		return err
	}
	v.out.Why = v.why.out
	v.out.Why.Bookmark = nil // it would be of another call
	return nil
}

// threads are those that are not archived, and as many of the others as there is room for, by number.
func (v *runView) threads() error {
	active, more, err := viewedRows[lhpb.ThreadRun](v.view, v.run.Kind(keys.KindThreadRun), viewedThreads)
	if err != nil {
		return err
	}
	archived, further, err := viewedRows[lhpb.InactiveThreadRun](v.view, v.run.Kind(keys.KindInactive), viewedThreads-len(active))
	if err != nil {
		return err
	}
	for _, a := range archived {
		active = append(active, a.ThreadRun)
	}
	slices.SortFunc(active, func(a, b *lhpb.ThreadRun) int { return cmp.Compare(a.Number, b.Number) })
	for _, t := range active {
		maskThreadRun(t)
		t.Output, _ = smallValue(t.Output)
	}
	v.out.WfRun.ThreadRuns, v.out.MoreThreads = active, more || further
	return nil
}

// viewedRows are the first objects under a prefix; more says that there are others, or that these are large already.
func viewedRows[T any, P interface {
	*T
	machine.Value
}](v cluster.View, prefix keys.Key, most int) (out []P, more bool, err error) {
	size := 0
	for start, end := prefix, prefix.End(); ; {
		want := min(most-len(out)+1, viewedAtOnce)
		rows, err := v.Scan(start, end, want)
		if err != nil {
			return nil, false, err
		}
		for _, r := range rows {
			if len(out) == most || size > viewedPartBytes {
				return out, true, nil
			}
			object, err := decode[T, P](r.Value)
			if err != nil {
				return nil, false, err
			}
			out, size = append(out, object), size+min(len(r.Value), viewedValueBytes)
		}
		if len(rows) < want {
			return out, false, nil
		}
		start = rows[len(rows)-1].Key.After()
	}
}

// smallValue is a value that is small, or how large it is.
func smallValue(value *lhpb.VariableValue) (small *lhpb.VariableValue, leftOut int32) {
	if size := value.SizeVT(); size > viewedValueBytes {
		return nil, int32(size)
	}
	return value, 0
}

func shownVariable(variable *lhpb.Variable) *extra.ShownVariable {
	maskVariable(variable)
	out := &extra.ShownVariable{Variable: variable}
	variable.Value, out.LeftOutBytes = smallValue(variable.Value)
	return out
}

func (v *runView) variables() error {
	all, more, err := viewedRows[lhpb.Variable](v.view, v.run.Kind(keys.KindVariable), viewedVariables)
	if err != nil {
		return err
	}
	for _, variable := range all {
		v.out.Variables = append(v.out.Variables, shownVariable(variable))
	}
	v.out.MoreVariables = more
	return nil
}

// inherited are the Variables that the entrypoint has from the WfRuns above.
func (v *runView) inherited() error {
	if v.request.WfRunId.ParentWfRunId == nil {
		return nil
	}
	spec := v.definitions(v.out.WfRun.WfSpecId)
	for _, d := range spec.GetThreadSpecs()[spec.GetEntrypointThreadName()].GetVariableDefs() {
		if d.AccessLevel != lhpb.WfRunVariableAccessLevel_INHERITED_VAR {
			continue
		}
		for id := v.request.WfRunId.ParentWfRunId; id != nil; id = id.ParentWfRunId {
			variable, err := viewed[lhpb.Variable](v.view, v.tenant.Run(id).Variable(0, d.GetVarDef().GetName()))
			if err != nil {
				return err
			}
			if variable != nil {
				v.out.Inherited = append(v.out.Inherited, shownVariable(variable))
				break
			}
		}
	}
	return nil
}

func (v *runView) events() error {
	if v.externalEvents {
		all, more, err := viewedRows[lhpb.ExternalEvent](v.view, v.run.Kind(keys.KindExternalEvent), viewedEvents)
		if err != nil {
			return err
		}
		for _, e := range all {
			e.Content, _ = smallValue(seen(e.Content))
		}
		v.out.ExternalEvents, v.out.MoreEvents = all, more
	}
	if v.workflowEvents {
		all, more, err := viewedRows[lhpb.WorkflowEvent](v.view, v.run.Kind(keys.KindWorkflowEvent), viewedEvents)
		if err != nil {
			return err
		}
		for _, e := range all {
			e.Content, _ = smallValue(seen(e.Content))
		}
		v.out.WorkflowEvents, v.out.MoreEvents = all, v.out.MoreEvents || more
	}
	return nil
}

// children are the WfRuns right below, in order of their start.
func (v *runView) children() error {
	prefix := v.tenant.Tag(keys.TagWfRunParent).Text(lh.WfRunIDString(v.request.WfRunId)).Prefix()
	rows, err := v.view.Scan(prefix, prefix.End(), viewedChildren+1)
	if err != nil {
		return err
	}
	v.out.MoreChildren = len(rows) > viewedChildren
	for _, r := range rows[:min(len(rows), viewedChildren)] {
		_, id, err := keys.ParseTagRow(prefix, r.Key)
		if err != nil {
			return err
		}
		child, err := bareRow(v.view, v.tenant.RunNamed(id.WfRun))
		if err != nil {
			return err
		}
		if child != nil {
			v.out.Children = append(v.out.Children, child)
		}
	}
	return nil
}
