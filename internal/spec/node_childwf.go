package spec

import "littlehorse/lhpb"

type childKey struct {
	name  string
	major int32
}

// childThread is what starting a child WfSpec asks for.
type childThread struct {
	major int32
	signature
}

// runChildWf pins the major version of the child.
func (n node) runChildWf(r *lhpb.RunChildWfNode) *problem {
	if p := n.settle(func(v visitor) { v.assign(r.GetChildId()) }); p != nil {
		return p
	}
	switch k := r.GetWfSpec().(type) {
	case *lhpb.RunChildWfNode_WfSpecName:
		child := n.child(k.WfSpecName, r.GetMajorVersion())
		if child == nil {
			return problemf("Could not find WfSpec %s with version %d", k.WfSpecName, r.GetMajorVersion())
		}
		r.MajorVersion = child.major
		return n.inputs(child.signature, r.GetInputs())
	case *lhpb.RunChildWfNode_WfSpecVar:
		return first(
			n.settle(func(v visitor) { v.inputs(r.GetInputs()) }),
			n.mustFit(k.WfSpecVar, lhpb.VariableType_STR, "Only STR variables are valid"),
		)
	}
	return problemf("A valid WfSpec name must be specified")
}

// child is the entrypoint of the newest revision of that major version; nil if there is none.
func (c *check) child(name string, major int32) *childThread {
	key := childKey{name, major}
	if known, ok := c.children[key]; ok {
		return known
	}
	var child *childThread
	if w := c.defs.LatestWfSpec(name, major); w != nil {
		entrypoint := w.GetEntrypointThreadName()
		child = &childThread{
			major:     w.GetId().GetMajorVersion(),
			signature: signatureOf(entrypoint, w.GetThreadSpecs()[entrypoint]),
		}
	}
	c.children[key] = child
	return child
}

func (n node) waitForChildWf(w *lhpb.WaitForChildWfNode) *problem {
	source := n.thread.spec.GetNodes()[w.GetChildWfRunSourceNode()]
	switch {
	case source == nil:
		return problemf("Specified node %s does not exist in threadSpec", w.GetChildWfRunSourceNode())
	case source.GetRunChildWf() == nil:
		return problemf("Specified node %s is not of type RunChildWf", w.GetChildWfRunSourceNode())
	}
	return n.mustFit(w.GetChildWfRunId(), lhpb.VariableType_WF_RUN_ID, "Provided value is not a valid WF_RUN_ID")
}
