package spec

import "littlehorse/lhpb"

// parent is the WfSpec that the one under examination names as its parent.
type parent struct {
	spec *lhpb.WfSpec // nil if there is none
	// vars are its variables by name, and whether a child may see them.
	vars map[string]bool
}

func (c *check) parentSpec() *parent {
	if c.parent == nil {
		ref := c.spec.GetParentWfSpec()
		c.parent = &parent{spec: c.defs.WfSpec(&lhpb.WfSpecId{
			Name:         ref.GetWfSpecName(),
			MajorVersion: ref.GetWfSpecMajorVersion(),
		})}
	}
	return c.parent
}

func (c *check) parentExists() *problem {
	if c.spec.ParentWfSpec == nil || c.parentSpec().spec != nil {
		return nil
	}
	return baref("Provided spec refers to nonexistent parent wfSpec %s", c.spec.ParentWfSpec.WfSpecName)
}

func (c *check) parentVariables() map[string]bool {
	p := c.parentSpec()
	if p.vars != nil {
		return p.vars
	}
	p.vars = map[string]bool{}
	for _, t := range p.spec.GetThreadSpecs() {
		for _, v := range t.GetVariableDefs() {
			name := v.GetVarDef().GetName()
			p.vars[name] = p.vars[name] || v.GetAccessLevel() != lhpb.WfRunVariableAccessLevel_PRIVATE_VAR
		}
	}
	return p.vars
}
