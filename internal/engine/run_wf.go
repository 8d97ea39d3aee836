package engine

import (
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// runWf starts a WfRun and lets it go as far as it can.
func (t *txn) runWf(c *pb.RunWf) machine.Reply {
	r := c.GetRequest()
	if r.GetWfSpecName() == "" {
		return refusef(lh.InvalidArgument, "Missing required argument 'wf_spec_name'")
	}
	if !lh.ValidName(r.GetId()) {
		return refusef(lh.InvalidArgument, "Optional argument 'id' must be a valid hostname")
	}
	g := t.specs.WfSpec(c.GetWfSpecId())
	if g == nil || g.Entrypoint() == nil {
		return refusef(lh.NotFound, "Couldn't find specified WfSpec")
	}
	id := &lhpb.WfRunId{Id: r.GetId(), ParentWfRunId: r.ParentWfRunId}
	w := t.anyWfRun(id)
	if w.row.now != nil {
		return refusef(lh.AlreadyExists, "WfRun with id %s already exists!", id.Id)
	}
	if err := t.checkParent(g, id); err != nil {
		return refuse(err)
	}
	inputs, err := t.threadInputs(g.Entrypoint(), g.Spec.EntrypointThreadName, r.Variables)
	if err != nil {
		return refusef(lh.InvalidArgument, "%s", err)
	}
	t.newWfRun(w, id, g, nil)
	w.start(threadStart{graph: g, spec: g.Entrypoint(), kind: lhpb.ThreadType_ENTRYPOINT, inputs: inputs})
	w.advance()
	started := w.joined()
	if k := t.offered(c.Offer); k != nil {
		return answer(&pb.Started{WfRun: started, Task: k.claim(c.Offer)})
	}
	return answer(started)
}

// checkParent refuses a parent that does not fit the WfSpec.
func (t *txn) checkParent(g *spec.Graph, id *lhpb.WfRunId) *lh.Error {
	want := g.Spec.ParentWfSpec
	switch {
	case want == nil && id.ParentWfRunId == nil:
		return nil
	case want == nil:
		return lh.Errorf(lh.InvalidArgument, "WfSpec %s has no parent WfSpec, so a parent WfRun cannot be given", g.Spec.Id.GetName())
	case id.ParentWfRunId == nil:
		return lh.Errorf(lh.InvalidArgument, "WfSpec %s needs a parent WfRun of WfSpec %s", g.Spec.Id.GetName(), want.WfSpecName)
	case lh.WfRunIDDepth(id) > lh.MaxWfRunDepth:
		return lh.Errorf(lh.InvalidArgument, "WfRuns may not nest deeper than %d", lh.MaxWfRunDepth)
	}
	p := t.wfRun(id.ParentWfRunId)
	if p == nil {
		return lh.Errorf(lh.FailedPrecondition, "Couldn't find parent WfRun %s", lh.WfRunIDString(id.ParentWfRunId))
	}
	if has := p.wf().WfSpecId.GetName(); has != want.WfSpecName {
		return lh.Errorf(lh.InvalidArgument, "Parent WfRun %s runs WfSpec %s, not %s", p.name, has, want.WfSpecName)
	}
	return nil
}

// specGone is the refusal of commands that would have to move a WfRun whose WfSpec was deleted.
func (w *wfRun) specGone() *lh.Error {
	id := w.wf().WfSpecId
	return lh.Errorf(lh.FailedPrecondition, "WfRun %s cannot go on: its WfSpec %s/%d/%d was deleted",
		w.name, id.GetName(), id.GetMajorVersion(), id.GetRevision())
}
