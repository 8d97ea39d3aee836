package spec

import (
	"slices"
	"strings"

	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// frozenVariables are the variables whose type later versions must keep, ordered by name: the required ones
// of the entrypoint thread, the public ones of all threads, and those frozen before whose names are absent
// now.
func (c *check) frozenVariables(old *lhpb.WfSpec) []*lhpb.ThreadVarDef {
	byName := map[string]*lhpb.ThreadVarDef{}
	freeze := func(v *lhpb.ThreadVarDef) {
		if name := v.GetVarDef().GetName(); byName[name] == nil {
			byName[name] = v
		}
	}
	for _, v := range c.entrypoint().spec.GetVariableDefs() {
		if v.Required || isPublic(v) {
			freeze(v)
		}
	}
	for _, name := range c.names {
		for _, v := range c.threads[name].spec.GetVariableDefs() {
			if isPublic(v) {
				freeze(v)
			}
		}
	}
	for _, v := range old.GetFrozenVariables() {
		if c.vars[v.GetVarDef().GetName()] == nil {
			freeze(v)
		}
	}
	var frozen []*lhpb.ThreadVarDef
	for _, name := range sortedKeys(byName) {
		frozen = append(frozen, byName[name])
	}
	return frozen
}

func isPublic(v *lhpb.ThreadVarDef) bool {
	return v.GetAccessLevel() == lhpb.WfRunVariableAccessLevel_PUBLIC_VAR
}

// thaws refuses a variable that was frozen and is declared with another type. INPUT is exempt: each thread
// has its own.
func (c *check) thaws(old *lhpb.WfSpec) *problem {
	frozen := make(map[string]*lhpb.TypeDefinition, len(old.GetFrozenVariables()))
	for _, v := range old.GetFrozenVariables() {
		frozen[v.GetVarDef().GetName()] = v.GetVarDef().GetTypeDef()
	}
	delete(frozen, InputVariable)
	for _, name := range sortedKeys(c.vars) {
		was, now := frozen[name], c.vars[name].typ()
		if was == nil || sameButStructVersions(value.Normalize(was), now.Def()) {
			continue
		}
		return baref("Variable %s must be of type %s not %v as it was formerly declared a PUBLIC_VAR",
			name, value.TypeString(was), now)
	}
	return nil
}

// sortFrozen orders frozen variables as this server stores them.
func sortFrozen(frozen []*lhpb.ThreadVarDef) []*lhpb.ThreadVarDef {
	return slices.SortedStableFunc(slices.Values(frozen), func(a, b *lhpb.ThreadVarDef) int {
		return strings.Compare(a.GetVarDef().GetName(), b.GetVarDef().GetName())
	})
}
