package spec

import (
	"littlehorse/lhpb"
)

// variables is the pass over the variables of all threads together. None of its problems names a level.
func (c *check) variables() *problem {
	for _, name := range c.names {
		for _, v := range c.threads[name].spec.GetVariableDefs() {
			if p := c.variable(name, v); p != nil {
				return p
			}
		}
	}
	for _, name := range c.names {
		if p := c.threads[name].missingVariable(); p != nil {
			return p
		}
	}
	return nil
}

func (c *check) variable(thread string, v *lhpb.ThreadVarDef) *problem {
	return first(
		c.inherited(v),
		c.duplicate(thread, v),
		c.pinVariable(thread, v.VarDef),
	)
}

func (c *check) inherited(v *lhpb.ThreadVarDef) *problem {
	if v.GetAccessLevel() != lhpb.WfRunVariableAccessLevel_INHERITED_VAR {
		return nil
	}
	name := v.GetVarDef().GetName()
	if c.spec.ParentWfSpec == nil {
		return baref("Only child workflows are allowed to access INHERITED variables, but variable %s is INHERITED", name)
	}
	if p := c.parentExists(); p != nil {
		return p
	}
	visible, declared := c.parentVariables()[name]
	switch {
	case !declared:
		return baref("INHERITED variable %s does not exist in parent WfSpec", name)
	case !visible:
		return baref("Inherited variable %s is defined as PRIVATE in parent WfSpec", name)
	}
	return nil
}

func (c *check) duplicate(thread string, v *lhpb.ThreadVarDef) *problem {
	name := v.GetVarDef().GetName()
	if name == InputVariable {
		return c.threads[thread].duplicateInput(v)
	}
	firstOf := c.vars[name]
	if firstOf.def == v {
		return nil
	}
	return baref("Var name %s defined in threads %s and %s and duplicates not allowed", name, firstOf.thread, thread)
}

func (t *thread) duplicateInput(v *lhpb.ThreadVarDef) *problem {
	if t.signature.vars[InputVariable] == v {
		return nil
	}
	return baref("Var name %s defined in threads %s and %s and duplicates not allowed", InputVariable, t.name, t.name)
}

func (c *check) pinVariable(thread string, d *lhpb.VariableDef) *problem {
	pinned, err := PinType(c.defs, d.TypeDef)
	if err != nil {
		return baref("Var name %s defined in thread %s refers to non-existent StructDef: %v", d.Name, thread, err)
	}
	d.TypeDef = pinned
	if err := CheckMapKeys(pinned); err != nil {
		return baref("Var name %s defined in thread %s has invalid Map key type: %v", d.Name, thread, err)
	}
	return nil
}

// missingVariable refuses references to variables that no thread declares. Whether a variable is in scope
// shows at run time.
func (t *thread) missingVariable() *problem {
	for _, n := range t.nodes() {
		var missing *string
		note := func(name string) {
			if missing == nil && t.variable(name) == nil {
				missing = &name
			}
		}
		walkNode(n.spec, visitor{
			assignment: func(a *lhpb.VariableAssignment) {
				if v, ok := a.Source.(*lhpb.VariableAssignment_VariableName); ok {
					note(v.VariableName)
				}
			},
			mutation: func(m *lhpb.VariableMutation) { note(m.GetLhsName()) },
		})
		if missing != nil {
			return baref("Thread %s refers to missing var %s", t.name, *missing)
		}
	}
	return nil
}
