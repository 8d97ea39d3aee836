package spec

import (
	"strconv"
	"strings"

	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// descend is the type of what the path leads to.
func (t *thread) descend(typ value.Type, path *lhpb.LHPath) (value.Type, *problem) {
	for _, s := range path.GetPath() {
		if typ.IsUnknown() || typ.IsNull() {
			return typ, nil
		}
		var p *problem
		if typ, p = t.step(typ, s, path); p != nil {
			return value.Type{}, p
		}
	}
	return typ, nil
}

func (t *thread) step(typ value.Type, s *lhpb.LHPath_Selector, path *lhpb.LHPath) (value.Type, *problem) {
	_, dynamic := s.GetSelectorType().(*lhpb.LHPath_Selector_Dynamic)
	index, byIndex := s.GetSelectorType().(*lhpb.LHPath_Selector_Index)
	switch {
	case typ.Is(lhpb.VariableType_JSON_OBJ), typ.Is(lhpb.VariableType_JSON_ARR):
		return value.Type{}, nil
	case typ.Struct() != nil && dynamic:
		return value.Type{}, nil
	case typ.Struct() != nil:
		return t.fieldType(typ, s.GetKey())
	case typ.IsArray() && (dynamic || byIndex):
		return typ.Element(), nil
	case typ.IsArray():
		return value.Type{}, problemf("Expected numeric index selector for Array type, got key selector '%s'", s.GetKey())
	case typ.IsMap() && !byIndex:
		return typ.Element(), nil
	case typ.IsMap():
		return value.Type{}, problemf("Expected key selector for Map type, got index selector '%d'", index.Index)
	}
	return value.Type{}, problemf("Failed fetching LHPath to '%s' on Type '%v'", pathString(path), typ)
}

func (t *thread) fieldType(typ value.Type, field string) (value.Type, *problem) {
	def := t.structDef(typ.Struct().GetName(), typ.Struct().GetVersion())
	if def == nil {
		return value.Type{}, noStructDef(typ.Struct())
	}
	f := def.fields[field]
	if f == nil {
		return value.Type{}, problemf("could not find field '%s' on type %v", field, typ)
	}
	return value.Declared(f.GetFieldType()), nil
}

func pathString(path *lhpb.LHPath) string {
	var b strings.Builder
	b.WriteString("$")
	for _, s := range path.GetPath() {
		switch k := s.GetSelectorType().(type) {
		case *lhpb.LHPath_Selector_Key:
			b.WriteString("." + k.Key)
		case *lhpb.LHPath_Selector_Index:
			b.WriteString("[" + strconv.Itoa(int(k.Index)) + "]")
		case *lhpb.LHPath_Selector_Dynamic:
			b.WriteString("[…]")
		}
	}
	return b.String()
}
