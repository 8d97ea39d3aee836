package value

import (
	"fmt"
	"strings"

	"littlehorse/lhpb"
)

// Type is what is known of a value before it exists: nothing (the zero Type), that it is NULL, or its
// TypeDefinition.
type Type struct {
	def  *lhpb.TypeDefinition
	null bool
}

// Null is the type of NULL.
func Null() Type { return Type{null: true} }

// Declared is the type of a declaration; nil and the empty TypeDefinition mean JSON_OBJ.
func Declared(def *lhpb.TypeDefinition) Type { return Type{def: Normalize(def)} }

// Primitive is the unmasked type of that name.
func Primitive(p lhpb.VariableType) Type { return Type{def: PrimitiveDef(p)} }

// IsUnknown reports that nothing is known.
func (t Type) IsUnknown() bool { return t.def == nil && !t.null }

// IsNull reports that the value is known to be NULL.
func (t Type) IsNull() bool { return t.null }

// Def is the TypeDefinition; nil if the type is unknown or that of NULL. It is shared and must not be
// changed.
func (t Type) Def() *lhpb.TypeDefinition { return t.def }

// Primitive reports which primitive type it is, if it is one.
func (t Type) Primitive() (lhpb.VariableType, bool) { return primitiveOf(t.def) }

// Is reports whether the type is that primitive, masked or not.
func (t Type) Is(p lhpb.VariableType) bool {
	q, ok := t.Primitive()
	return ok && p == q
}

// Struct is the id of the StructDef; nil if it is no struct.
func (t Type) Struct() *lhpb.StructDefId { return t.def.GetStructDefId() }

// IsArray reports an Array; its element type is Element.
func (t Type) IsArray() bool { return isArray(t.def) }

// IsMap reports a Map; see Key and Element.
func (t Type) IsMap() bool { return isMap(t.def) }

// Element is the type of an Array's items or of a Map's values; unknown for an empty container and for all
// else.
func (t Type) Element() Type {
	if m := t.def.GetInlineMapDef(); m != nil {
		return Type{def: m.ValueType}
	}
	return Type{def: t.def.GetInlineArrayDef().GetArrayType()}
}

// Key is the type of a Map's keys; unknown for an empty map and for all else.
func (t Type) Key() Type { return Type{def: t.def.GetInlineMapDef().GetKeyType()} }

// Masked reports the masked flag of the declaration.
func (t Type) Masked() bool { return t.def.GetMasked() }

// Equal reports whether both are the same type, masked flags and StructDef versions included.
func (t Type) Equal(u Type) bool { return t.null == u.null && Equal(t.def, u.def) }

// String is the form used in messages: INT, Struct<name,v0>, Array<INT>, Map<STR, INT>.
func (t Type) String() string {
	switch {
	case t.null:
		return "DEFINEDTYPE_NOT_SET"
	case t.def == nil:
		return "UNKNOWN"
	default:
		return TypeString(t.def)
	}
}

// primitiveDefs are the unmasked primitive types by number. They are shared and never changed.
var primitiveDefs = func() (defs [lhpb.VariableType_TIMESTAMP + 1]*lhpb.TypeDefinition) {
	for p := range defs {
		defs[p] = newPrimitive(lhpb.VariableType(p), false)
	}
	return defs
}()

func newPrimitive(p lhpb.VariableType, masked bool) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: p}, Masked: masked}
}

// PrimitiveDef is the unmasked TypeDefinition of a primitive. It is shared and must not be changed.
func PrimitiveDef(p lhpb.VariableType) *lhpb.TypeDefinition {
	if p >= 0 && int(p) < len(primitiveDefs) {
		return primitiveDefs[p]
	}
	return newPrimitive(p, false)
}

// ArrayDef is the TypeDefinition of an Array of such items.
func ArrayDef(element *lhpb.TypeDefinition) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_InlineArrayDef{
		InlineArrayDef: &lhpb.InlineArrayDef{ArrayType: element},
	}}
}

// MapDef is the TypeDefinition of a Map of such keys and values.
func MapDef(key, element *lhpb.TypeDefinition) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_InlineMapDef{
		InlineMapDef: &lhpb.InlineMapDef{KeyType: key, ValueType: element},
	}}
}

// StructType is the TypeDefinition of a Struct.
func StructType(id *lhpb.StructDefId) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_StructDefId{StructDefId: id}}
}

// TypeOf is the type of a value. An Array has its element type or that of its first item that is not NULL,
// a Map likewise.
func TypeOf(v *lhpb.VariableValue) Type {
	if IsNull(v) {
		return Null()
	}
	return Type{def: typeDefOf(v, 0)}
}

// typeDefOf is nil for NULL and for what nests too deep.
func typeDefOf(v *lhpb.VariableValue, depth int) *lhpb.TypeDefinition {
	if depth > MaxDepth {
		return nil
	}
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Struct:
		return StructType(k.Struct.GetStructDefId())
	case *lhpb.VariableValue_Array:
		return ArrayDef(elementDefOf(k.Array, depth))
	case *lhpb.VariableValue_Map:
		if t := k.Map.GetMapType(); t != nil {
			return MapDef(t.KeyType, t.ValueType)
		}
		return mapDefOf(k.Map, depth)
	}
	if p, ok := PrimitiveOf(v); ok {
		return PrimitiveDef(p)
	}
	return nil
}

func elementDefOf(a *lhpb.Array, depth int) *lhpb.TypeDefinition {
	if t := a.GetElementType(); t != nil {
		return t
	}
	for _, item := range a.GetItems() {
		if !IsNull(item) {
			return typeDefOf(item, depth+1)
		}
	}
	return nil
}

func mapDefOf(m *lhpb.Map, depth int) *lhpb.TypeDefinition {
	var key, element *lhpb.TypeDefinition
	for _, e := range m.GetEntries() {
		if key == nil {
			key = typeDefOf(e.GetKey(), depth+1)
		}
		if element == nil {
			element = typeDefOf(e.GetValue(), depth+1)
		}
		if key != nil && element != nil {
			break
		}
	}
	return MapDef(key, element)
}

// PrimitiveOf is the primitive type of a value; false for NULL, Struct, Array and Map.
func PrimitiveOf(v *lhpb.VariableValue) (lhpb.VariableType, bool) {
	switch v.GetValue().(type) {
	case *lhpb.VariableValue_JsonObj:
		return lhpb.VariableType_JSON_OBJ, true
	case *lhpb.VariableValue_JsonArr:
		return lhpb.VariableType_JSON_ARR, true
	case *lhpb.VariableValue_Double:
		return lhpb.VariableType_DOUBLE, true
	case *lhpb.VariableValue_Bool:
		return lhpb.VariableType_BOOL, true
	case *lhpb.VariableValue_Str:
		return lhpb.VariableType_STR, true
	case *lhpb.VariableValue_Int:
		return lhpb.VariableType_INT, true
	case *lhpb.VariableValue_Bytes:
		return lhpb.VariableType_BYTES, true
	case *lhpb.VariableValue_WfRunId:
		return lhpb.VariableType_WF_RUN_ID, true
	case *lhpb.VariableValue_UtcTimestamp:
		return lhpb.VariableType_TIMESTAMP, true
	}
	return 0, false
}

// IsNull reports whether v is NULL: nil, or without a value.
func IsNull(v *lhpb.VariableValue) bool { return v.GetValue() == nil }

// Normalize makes a declaration explicit: a TypeDefinition that says nothing, at any depth, becomes
// JSON_OBJ. It returns t itself if there is nothing to change. What nests deeper than MaxDepth is left as
// it is.
func Normalize(t *lhpb.TypeDefinition) *lhpb.TypeDefinition { return normalize(t, 0) }

func normalize(t *lhpb.TypeDefinition, depth int) *lhpb.TypeDefinition {
	if depth > MaxDepth {
		return t
	}
	switch k := t.GetDefinedType().(type) {
	case *lhpb.TypeDefinition_PrimitiveType, *lhpb.TypeDefinition_StructDefId:
		return t
	case *lhpb.TypeDefinition_InlineArrayDef:
		old := k.InlineArrayDef.GetArrayType()
		element := normalize(old, depth+1)
		if element == old {
			return t
		}
		n := ArrayDef(element)
		n.Masked = t.Masked
		return n
	case *lhpb.TypeDefinition_InlineMapDef:
		oldKey, oldValue := k.InlineMapDef.GetKeyType(), k.InlineMapDef.GetValueType()
		key, element := normalize(oldKey, depth+1), normalize(oldValue, depth+1)
		if key == oldKey && element == oldValue {
			return t
		}
		n := MapDef(key, element)
		n.Masked = t.Masked
		return n
	}
	if t.GetMasked() {
		return newPrimitive(lhpb.VariableType_JSON_OBJ, true)
	}
	return PrimitiveDef(lhpb.VariableType_JSON_OBJ)
}

// VarType is the type that a VariableDef declares. The fields of old clients come first: if type is
// present, type_def is ignored and masked_value is the mask.
func VarType(d *lhpb.VariableDef) *lhpb.TypeDefinition {
	if d != nil && d.Type != nil {
		if d.GetMaskedValue() {
			return newPrimitive(*d.Type, true)
		}
		return PrimitiveDef(*d.Type)
	}
	return Normalize(d.GetTypeDef())
}

// TypeDepth is how deep a declaration nests: 0 for anything but Arrays and Maps. It stops counting above
// MaxDepth.
func TypeDepth(t *lhpb.TypeDefinition) int { return typeDepth(t, 0) }

func typeDepth(t *lhpb.TypeDefinition, depth int) int {
	if depth > MaxDepth {
		return depth
	}
	switch k := t.GetDefinedType().(type) {
	case *lhpb.TypeDefinition_InlineArrayDef:
		return typeDepth(k.InlineArrayDef.GetArrayType(), depth+1)
	case *lhpb.TypeDefinition_InlineMapDef:
		return max(typeDepth(k.InlineMapDef.GetKeyType(), depth+1), typeDepth(k.InlineMapDef.GetValueType(), depth+1))
	}
	return depth
}

func primitiveOf(t *lhpb.TypeDefinition) (lhpb.VariableType, bool) {
	p, ok := t.GetDefinedType().(*lhpb.TypeDefinition_PrimitiveType)
	if !ok {
		return 0, false
	}
	return p.PrimitiveType, true
}

func isArray(t *lhpb.TypeDefinition) bool {
	_, ok := t.GetDefinedType().(*lhpb.TypeDefinition_InlineArrayDef)
	return ok
}

func isMap(t *lhpb.TypeDefinition) bool {
	_, ok := t.GetDefinedType().(*lhpb.TypeDefinition_InlineMapDef)
	return ok
}

// Equal reports whether two types are the same, masked flags and StructDef versions included. Two nils are
// equal, and nil equals nothing else.
func Equal(a, b *lhpb.TypeDefinition) bool { return equalTypes(a, b, 0) }

func equalTypes(a, b *lhpb.TypeDefinition, depth int) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil || depth > MaxDepth || a.Masked != b.Masked {
		return false
	}
	return equalDefined(a, b, depth)
}

func equalDefined(a, b *lhpb.TypeDefinition, depth int) bool {
	switch x := a.GetDefinedType().(type) {
	case *lhpb.TypeDefinition_StructDefId:
		y, ok := b.GetDefinedType().(*lhpb.TypeDefinition_StructDefId)
		return ok && equalStructDefIDs(x.StructDefId, y.StructDefId)
	case *lhpb.TypeDefinition_InlineArrayDef:
		return isArray(b) && equalTypes(x.InlineArrayDef.GetArrayType(), b.GetInlineArrayDef().GetArrayType(), depth+1)
	case *lhpb.TypeDefinition_InlineMapDef:
		m, n := x.InlineMapDef, b.GetInlineMapDef()
		return isMap(b) && equalTypes(m.GetKeyType(), n.GetKeyType(), depth+1) &&
			equalTypes(m.GetValueType(), n.GetValueType(), depth+1)
	}
	// A declaration that says nothing is JSON_OBJ.
	x, _ := primitiveOf(Normalize(a))
	y, ok := primitiveOf(Normalize(b))
	return ok && x == y
}

func equalStructDefIDs(a, b *lhpb.StructDefId) bool {
	return a.GetName() == b.GetName() && a.GetVersion() == b.GetVersion()
}

// TypeString is the form of a declaration in messages; see Type.String.
func TypeString(t *lhpb.TypeDefinition) string {
	var b strings.Builder
	writeType(&b, t, 0)
	return b.String()
}

func writeType(b *strings.Builder, t *lhpb.TypeDefinition, depth int) {
	if depth > MaxDepth {
		b.WriteString("…")
		return
	}
	switch k := t.GetDefinedType().(type) {
	case *lhpb.TypeDefinition_PrimitiveType:
		b.WriteString(k.PrimitiveType.String())
	case *lhpb.TypeDefinition_StructDefId:
		fmt.Fprintf(b, "Struct<%s,v%d>", k.StructDefId.GetName(), k.StructDefId.GetVersion())
	case *lhpb.TypeDefinition_InlineArrayDef:
		b.WriteString("Array<")
		writeElement(b, k.InlineArrayDef.GetArrayType(), depth+1)
		b.WriteString(">")
	case *lhpb.TypeDefinition_InlineMapDef:
		b.WriteString("Map<")
		writeElement(b, k.InlineMapDef.GetKeyType(), depth+1)
		b.WriteString(", ")
		writeElement(b, k.InlineMapDef.GetValueType(), depth+1)
		b.WriteString(">")
	default:
		b.WriteString(lhpb.VariableType_JSON_OBJ.String())
	}
	if t.GetMasked() {
		b.WriteString(" MASKED")
	}
}

func writeElement(b *strings.Builder, t *lhpb.TypeDefinition, depth int) {
	if t == nil {
		b.WriteString("UNKNOWN")
		return
	}
	writeType(b, t, depth)
}

// CanBe reports whether a value of src is accepted where dst is expected without a cast.
func CanBe(src, dst lhpb.VariableType) bool {
	if src == dst {
		return true
	}
	switch dst {
	case lhpb.VariableType_STR:
		switch src {
		case lhpb.VariableType_INT, lhpb.VariableType_DOUBLE, lhpb.VariableType_BOOL,
			lhpb.VariableType_BYTES, lhpb.VariableType_WF_RUN_ID:
			return true
		}
	case lhpb.VariableType_DOUBLE:
		return src == lhpb.VariableType_INT
	}
	return false
}

// CanCast reports whether an explicit cast leads from src to dst.
func CanCast(src, dst lhpb.VariableType) bool {
	if CanBe(src, dst) {
		return true
	}
	switch src {
	case lhpb.VariableType_DOUBLE:
		return dst == lhpb.VariableType_INT
	case lhpb.VariableType_STR:
		switch dst {
		case lhpb.VariableType_INT, lhpb.VariableType_DOUBLE, lhpb.VariableType_BOOL,
			lhpb.VariableType_BYTES, lhpb.VariableType_WF_RUN_ID:
			return true
		}
	}
	return false
}

// Compatible reports whether a value of type actual is accepted where expected is declared. NULL and
// unknown go with everything; structs are compared by name only, containers by equal element types.
func Compatible(expected, actual Type) bool {
	if expected.def == nil || actual.def == nil {
		return true
	}
	e, a := expected.def, actual.def
	switch k := e.GetDefinedType().(type) {
	case *lhpb.TypeDefinition_PrimitiveType:
		p, ok := primitiveOf(a)
		return ok && CanBe(p, k.PrimitiveType)
	case *lhpb.TypeDefinition_StructDefId:
		s, ok := a.GetDefinedType().(*lhpb.TypeDefinition_StructDefId)
		return ok && s.StructDefId.GetName() == k.StructDefId.GetName()
	case *lhpb.TypeDefinition_InlineArrayDef:
		return isArray(a) && unknownOrEqual(a.GetInlineArrayDef().GetArrayType(), k.InlineArrayDef.GetArrayType())
	case *lhpb.TypeDefinition_InlineMapDef:
		m := a.GetInlineMapDef()
		if !isMap(a) {
			return false
		}
		return unknownOrEqual(m.GetKeyType(), k.InlineMapDef.GetKeyType()) &&
			unknownOrEqual(m.GetValueType(), k.InlineMapDef.GetValueType())
	}
	return false
}

func unknownOrEqual(actual, expected *lhpb.TypeDefinition) bool {
	return actual == nil || Equal(actual, expected)
}
