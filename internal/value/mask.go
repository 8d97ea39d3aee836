package value

import "littlehorse/lhpb"

// MaskedText is what a reader sees in place of a masked value.
const MaskedText = "*****"

// Masked is a value as readers may see it: MaskedText in place of the whole if the type is masked, and in
// place of its masked fields, items and entries otherwise. It returns v itself if nothing is masked.
func Masked(v *lhpb.VariableValue, t *lhpb.TypeDefinition) *lhpb.VariableValue {
	return masked(v, t, 0)
}

func masked(v *lhpb.VariableValue, t *lhpb.TypeDefinition, depth int) *lhpb.VariableValue {
	if t.GetMasked() || depth > MaxDepth {
		return Str(MaskedText)
	}
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Array:
		element := t.GetInlineArrayDef().GetArrayType()
		if element == nil {
			element = k.Array.GetElementType()
		}
		return mapParts(v, func(item *lhpb.VariableValue) *lhpb.VariableValue {
			return masked(item, element, depth+1)
		})
	case *lhpb.VariableValue_Map:
		return maskedMap(v, t, depth)
	case *lhpb.VariableValue_Struct:
		return maskedStruct(v, depth)
	}
	return v
}

func maskedMap(v *lhpb.VariableValue, t *lhpb.TypeDefinition, depth int) *lhpb.VariableValue {
	m := v.GetMap()
	def := t.GetInlineMapDef()
	if def == nil {
		def = m.GetMapType()
	}
	changed := false
	entries := make([]*lhpb.Map_Entry, len(m.GetEntries()))
	for i, e := range m.GetEntries() {
		entries[i] = &lhpb.Map_Entry{
			Key:   masked(e.GetKey(), def.GetKeyType(), depth+1),
			Value: masked(e.GetValue(), def.GetValueType(), depth+1),
		}
		changed = changed || entries[i].Key != e.GetKey() || entries[i].Value != e.GetValue()
	}
	if !changed {
		return v
	}
	return Map(&lhpb.Map{Entries: entries, MapType: m.GetMapType()})
}

// maskedStruct goes by the flags that were written into the fields when the value came in.
func maskedStruct(v *lhpb.VariableValue, depth int) *lhpb.VariableValue {
	s := v.GetStruct()
	changed := false
	fields := make(map[string]*lhpb.StructField, len(s.GetStruct().GetFields()))
	for name, f := range s.GetStruct().GetFields() {
		seen := Str(MaskedText)
		if !f.GetMasked() {
			seen = masked(f.GetValue(), nil, depth+1)
		}
		changed = changed || seen != f.GetValue()
		fields[name] = &lhpb.StructField{Value: seen, Masked: f.GetMasked()}
	}
	if !changed {
		return v
	}
	return Struct(&lhpb.Struct{StructDefId: s.GetStructDefId(), Struct: &lhpb.InlineStruct{Fields: fields}})
}
