package spec

import (
	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

// Put decides what becomes of a PutWfSpecRequest: a new version, or the newest one there is if the request
// says the same, or a refusal. nowNs is the time of creation, nanoseconds since 1970-01-01 UTC. The request
// is not changed; the result may be one of the shared objects of defs.
func Put(defs Defs, req *lhpb.PutWfSpecRequest, nowNs int64) (w *lhpb.WfSpec, isNew bool, refusal *lh.Error) {
	if !lh.ValidName(req.GetName()) {
		return nil, false, lh.Errorf(lh.InvalidArgument, "WfSpecName must be a valid hostname")
	}
	form, p := examine(req)
	if p = first(p, checkCounts(req)); p != nil {
		return nil, false, p.refusal()
	}
	old := defs.LatestWfSpec(req.Name, NewestVersion)
	w, breaking, p := validate(defs, candidate(req, nowNs, form), old)
	if p != nil {
		return nil, false, p.refusal()
	}
	if old == nil {
		return w, true, nil
	}
	if sameSpec(old, w) {
		return old, false, nil
	}
	if refusal := allowed(req.AllowedUpdates, breaking); refusal != nil {
		return nil, false, refusal
	}
	return w, true, nil
}

// validate is step 4 of the pipeline: all checks, in order, and with them the pinning of versions, the
// frozen variables and the version number.
func validate(defs Defs, w, old *lhpb.WfSpec) (_ *lhpb.WfSpec, breaking bool, _ *problem) {
	c := newCheck(defs, w)
	if c.entrypoint() == nil {
		return nil, false, baref("unknown entrypoint thread: %s", w.EntrypointThreadName)
	}
	if p := c.variables(); p != nil {
		return nil, false, p
	}
	w.FrozenVariables = c.frozenVariables(old)
	for _, name := range c.names {
		if p := c.threads[name].valid(); p != nil {
			return nil, false, p.within("ThreadSpec %s", name)
		}
	}
	if old != nil {
		if p := c.thaws(old); p != nil {
			return nil, false, p
		}
		breaking = c.breaks(old)
		c.nextVersion(old, breaking)
	}
	return w, breaking, first(c.parentExists(), tooLarge("a WfSpec", w.SizeVT()))
}

func (c *check) entrypoint() *thread { return c.threads[c.spec.GetEntrypointThreadName()] }
