package api

import (
	"context"
	"strings"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// pathMark separates a variable's name from a JSON path in SearchVariable: customer_$.address.city.
const pathMark = "_$"

// SearchVariable finds Variables by their present value, among all versions of a WfSpec or some.
func (s *Service) SearchVariable(ctx context.Context, req *lhpb.SearchVariableRequest) (*lhpb.VariableIdList, error) {
	c := callOf(ctx)
	w, err := s.resolveWfSpec(c.tenant, req.WfSpecName, req.WfSpecMajorVersion, req.WfSpecRevision)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return nil, lh.Errorf(lh.InvalidArgument, "Couldn't find WfSpec %s in the version asked for", req.WfSpecName)
	}
	if err := checkSearchVariable(w, req); err != nil {
		return nil, err
	}
	p, err := pageOf(c, "SearchVariable", req, req.Limit)
	if err != nil {
		return nil, err
	}
	tag := keys.In(c.tenant).Tag(keys.TagVariable).Text(req.WfSpecName).Text(req.VarName).Text(value.Text(req.Value))
	valued := ofIndex(spanOf(nil, nil), tag, oneOrAny(req.WfSpecMajorVersion), oneOrAny(req.WfSpecRevision))
	hits, bookmark, failed := s.search(ctx, valued, p)
	if failed != nil {
		return nil, failed
	}
	out := &lhpb.VariableIdList{Bookmark: bookmark}
	for _, h := range hits {
		out.Results = append(out.Results, &lhpb.VariableId{
			WfRunId: lh.ParseWfRunID(h.id.WfRun), ThreadRunNumber: h.id.Thread, Name: h.id.Name,
		})
	}
	return out, nil
}

// checkSearchVariable demands a variable that is indexed and a value that the index can hold.
func checkSearchVariable(w *lhpb.WfSpec, req *lhpb.SearchVariableRequest) *lh.Error {
	given, ok := searchableType(req.Value)
	if !ok {
		return lh.Errorf(lh.InvalidArgument, "'value' must be a STR, BOOL, INT or DOUBLE")
	}
	name, path, isPath := strings.Cut(req.VarName, pathMark)
	def := variableOf(w, name)
	if def == nil {
		return lh.Errorf(lh.InvalidArgument, "WfSpec %s has no variable %q", w.Id.Name, name)
	}
	declared := def.GetVarDef().GetTypeDef().GetPrimitiveType()
	switch {
	case isPath:
		return checkPath(def, "$"+path)
	case !def.Searchable:
		return lh.Errorf(lh.InvalidArgument, "Provided variable has no index: %q is not searchable", name)
	case !isPrimitive(def):
		return lh.Errorf(lh.InvalidArgument, "Provided variable has no index: only STR, BOOL, INT and DOUBLE are, and %q is none of them", name)
	case !isJSON(def) && declared != given:
		return lh.Errorf(lh.InvalidArgument, "Variable %q is of type %s, the value to search for is %s", name, declared, given)
	}
	return nil
}

// checkPath demands that the field of a variable is indexed.
func checkPath(def *lhpb.ThreadVarDef, path string) *lh.Error {
	switch name := def.GetVarDef().GetName(); {
	case !isJSON(def):
		return lh.Errorf(lh.InvalidArgument, "Variable %q is neither JSON_OBJ nor JSON_ARR, it has no fields to search", name)
	case !hasIndex(def, path):
		return lh.Errorf(lh.InvalidArgument, "Variable %q has no indexed field %q", name, path)
	}
	return nil
}

// variableOf finds a variable in any thread of the WfSpec; its name is unique there.
func variableOf(w *lhpb.WfSpec, name string) *lhpb.ThreadVarDef {
	for _, t := range w.ThreadSpecs {
		if def := variableDef(t.GetVariableDefs(), name); def != nil {
			return def
		}
	}
	return nil
}

func isPrimitive(def *lhpb.ThreadVarDef) bool {
	_, ok := def.GetVarDef().GetTypeDef().GetDefinedType().(*lhpb.TypeDefinition_PrimitiveType)
	return ok
}

func isJSON(def *lhpb.ThreadVarDef) bool {
	declared := def.GetVarDef().GetTypeDef().GetPrimitiveType()
	return isPrimitive(def) && (declared == lhpb.VariableType_JSON_OBJ || declared == lhpb.VariableType_JSON_ARR)
}

func hasIndex(def *lhpb.ThreadVarDef, path string) bool {
	for _, i := range def.GetJsonIndexes() {
		if i.FieldPath == path {
			return true
		}
	}
	return false
}

func searchableType(v *lhpb.VariableValue) (lhpb.VariableType, bool) {
	switch v.GetValue().(type) {
	case *lhpb.VariableValue_Str:
		return lhpb.VariableType_STR, true
	case *lhpb.VariableValue_Bool:
		return lhpb.VariableType_BOOL, true
	case *lhpb.VariableValue_Int:
		return lhpb.VariableType_INT, true
	case *lhpb.VariableValue_Double:
		return lhpb.VariableType_DOUBLE, true
	default:
		return 0, false
	}
}
