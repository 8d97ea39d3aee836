package spec

import (
	"fmt"

	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// PinType is the declaration t with every StructDef that it names, at any depth, at a version that exists:
// NewestVersion becomes the newest one of now. t itself is not changed.
func PinType(defs Defs, t *lhpb.TypeDefinition) (*lhpb.TypeDefinition, error) {
	t = value.Normalize(t)
	var pinned *lhpb.TypeDefinition
	switch k := t.GetDefinedType().(type) {
	case *lhpb.TypeDefinition_StructDefId:
		id, err := pinStructDef(defs, k.StructDefId)
		if err != nil || id == k.StructDefId {
			return t, err
		}
		pinned = value.StructType(id)
	case *lhpb.TypeDefinition_InlineArrayDef:
		element, err := PinType(defs, k.InlineArrayDef.GetArrayType())
		if err != nil || element == k.InlineArrayDef.GetArrayType() {
			return t, err
		}
		pinned = value.ArrayDef(element)
	case *lhpb.TypeDefinition_InlineMapDef:
		key, err := PinType(defs, k.InlineMapDef.GetKeyType())
		if err != nil {
			return t, err
		}
		element, err := PinType(defs, k.InlineMapDef.GetValueType())
		if err != nil || key == k.InlineMapDef.GetKeyType() && element == k.InlineMapDef.GetValueType() {
			return t, err
		}
		pinned = value.MapDef(key, element)
	default:
		return t, nil
	}
	pinned.Masked = t.Masked
	return pinned, nil
}

func pinStructDef(defs Defs, id *lhpb.StructDefId) (*lhpb.StructDefId, error) {
	def := defs.StructDef(id.GetName(), id.GetVersion())
	switch {
	case def != nil && def.GetId().GetVersion() == id.GetVersion():
		return id, nil
	case def != nil:
		return def.Id, nil
	case id.GetVersion() == NewestVersion:
		return nil, fmt.Errorf("Refers to non-existent StructDef %s", id.GetName())
	}
	return nil, fmt.Errorf("Refers to non-existent StructDef %s with version %d", id.GetName(), id.GetVersion())
}

// CheckMapKeys refuses types that no Map, at any depth, can have as keys.
func CheckMapKeys(t *lhpb.TypeDefinition) error {
	if a := t.GetInlineArrayDef(); a != nil {
		return CheckMapKeys(a.ArrayType)
	}
	m := t.GetInlineMapDef()
	if m == nil {
		return nil
	}
	if key := value.Declared(m.KeyType); !isMapKey(key) {
		return fmt.Errorf("Map key type must be one of INT, BOOL, DOUBLE, WF_RUN_ID, TIMESTAMP, STR, but is %v", key)
	}
	return CheckMapKeys(m.ValueType)
}

func isMapKey(t value.Type) bool {
	p, ok := t.Primitive()
	if !ok {
		return false
	}
	switch p {
	case lhpb.VariableType_INT, lhpb.VariableType_BOOL, lhpb.VariableType_DOUBLE,
		lhpb.VariableType_WF_RUN_ID, lhpb.VariableType_TIMESTAMP, lhpb.VariableType_STR:
		return true
	default:
		return false
	}
}

// StructDefIDs calls yield with every StructDef that the type names.
func StructDefIDs(t *lhpb.TypeDefinition, yield func(*lhpb.StructDefId)) {
	switch k := t.GetDefinedType().(type) {
	case *lhpb.TypeDefinition_StructDefId:
		yield(k.StructDefId)
	case *lhpb.TypeDefinition_InlineArrayDef:
		StructDefIDs(k.InlineArrayDef.GetArrayType(), yield)
	case *lhpb.TypeDefinition_InlineMapDef:
		StructDefIDs(k.InlineMapDef.GetKeyType(), yield)
		StructDefIDs(k.InlineMapDef.GetValueType(), yield)
	}
}

// sameButStructVersions is equality of types, masked flags included, where a struct is the same struct at
// any version of its StructDef.
func sameButStructVersions(a, b *lhpb.TypeDefinition) bool {
	if a.GetMasked() != b.GetMasked() {
		return false
	}
	switch k := a.GetDefinedType().(type) {
	case *lhpb.TypeDefinition_StructDefId:
		other, ok := b.GetDefinedType().(*lhpb.TypeDefinition_StructDefId)
		return ok && other.StructDefId.GetName() == k.StructDefId.GetName()
	case *lhpb.TypeDefinition_InlineArrayDef:
		other, ok := b.GetDefinedType().(*lhpb.TypeDefinition_InlineArrayDef)
		return ok && sameButStructVersions(k.InlineArrayDef.GetArrayType(), other.InlineArrayDef.GetArrayType())
	case *lhpb.TypeDefinition_InlineMapDef:
		other, ok := b.GetDefinedType().(*lhpb.TypeDefinition_InlineMapDef)
		return ok && sameButStructVersions(k.InlineMapDef.GetKeyType(), other.InlineMapDef.GetKeyType()) &&
			sameButStructVersions(k.InlineMapDef.GetValueType(), other.InlineMapDef.GetValueType())
	}
	return value.Equal(a, b)
}
