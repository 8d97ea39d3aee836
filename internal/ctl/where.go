package ctl

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"littlehorse/lhpb"
)

// where is a flag, given any number of times, with values that Variables of WfRuns have.
type where []string

func (w *where) flag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar((*[]string)(w), "where", nil,
		"only WfRuns with this value of a variable, as NAME=VALUE, or of an indexed field, as 'NAME_$.FIELD=VALUE'; several must all be met")
}

// matches reads the conditions by the types that the WfSpec declares.
func (w where) matches(r *request, wfSpec string, major, revision *int32) (out []*lhpb.VariableMatch, err error) {
	if len(w) == 0 {
		return nil, nil
	}
	spec, err := r.wfSpec(wfSpec, major, revision)
	if err != nil {
		return nil, err
	}
	declared := map[string]*lhpb.TypeDefinition{}
	for _, def := range spec.GetThreadSpecs()[spec.GetEntrypointThreadName()].GetVariableDefs() {
		name := def.GetVarDef().GetName()
		for _, index := range def.GetJsonIndexes() {
			declared[name+"_"+index.FieldPath] = &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: index.FieldType}}
		}
		declared[name] = declaredType(def.GetVarDef())
	}
	for _, condition := range w {
		name, text, ok := strings.Cut(condition, "=")
		typ := declared[name]
		switch {
		case !ok:
			return nil, fmt.Errorf("--where %q: a condition is NAME=VALUE", condition)
		case typ == nil:
			return nil, fmt.Errorf("--where %q: WfSpec %s has no such variable or indexed field", condition, wfSpec)
		}
		value, err := r.parseTyped(typ, text)
		if err != nil {
			return nil, fmt.Errorf("--where %q: %w", condition, err)
		}
		out = append(out, &lhpb.VariableMatch{VarName: name, Value: value})
	}
	return out, nil
}
