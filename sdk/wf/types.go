package wf

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	"google.golang.org/protobuf/proto"

	lh "littlehorse/sdk/client"

	"littlehorse/lhpb"
)

func validName(name string) bool { return lh.ValidName(name) }

func primitive(t lhpb.VariableType) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: t}}
}

// typeOf is the LittleHorse type of a Go type; any and None have none, which means that it is not known.
func typeOf[T any]() (*lhpb.TypeDefinition, error) {
	t := reflect.TypeFor[T]()
	if t.Kind() == reflect.Interface || t == reflect.TypeFor[None]() {
		return nil, nil
	}
	return lh.TypeOf(t)
}

// knownType is typeOf where an unknown type is good enough.
func knownType[T any]() *lhpb.TypeDefinition {
	t, err := typeOf[T]()
	if err != nil {
		return nil
	}
	return t
}

// returnType is the declared content of an event, or result of a task, of a Go type: nil when anything goes.
func returnType[T any]() (*lhpb.ReturnType, error) {
	if reflect.TypeFor[T]() == reflect.TypeFor[None]() {
		return &lhpb.ReturnType{}, nil
	}
	t, err := typeOf[T]()
	if err != nil || t == nil {
		return nil, err
	}
	return &lhpb.ReturnType{ReturnType: t}, nil
}

func valueType(v *lhpb.VariableValue) *lhpb.TypeDefinition {
	switch x := v.GetValue().(type) {
	case *lhpb.VariableValue_JsonObj:
		return primitive(lhpb.VariableType_JSON_OBJ)
	case *lhpb.VariableValue_JsonArr:
		return primitive(lhpb.VariableType_JSON_ARR)
	case *lhpb.VariableValue_Double:
		return primitive(lhpb.VariableType_DOUBLE)
	case *lhpb.VariableValue_Bool:
		return primitive(lhpb.VariableType_BOOL)
	case *lhpb.VariableValue_Str:
		return primitive(lhpb.VariableType_STR)
	case *lhpb.VariableValue_Int:
		return primitive(lhpb.VariableType_INT)
	case *lhpb.VariableValue_Bytes:
		return primitive(lhpb.VariableType_BYTES)
	case *lhpb.VariableValue_WfRunId:
		return primitive(lhpb.VariableType_WF_RUN_ID)
	case *lhpb.VariableValue_UtcTimestamp:
		return primitive(lhpb.VariableType_TIMESTAMP)
	case *lhpb.VariableValue_Struct:
		return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_StructDefId{StructDefId: x.Struct.StructDefId}}
	case *lhpb.VariableValue_Array:
		return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_InlineArrayDef{
			InlineArrayDef: &lhpb.InlineArrayDef{ArrayType: x.Array.ElementType},
		}}
	case *lhpb.VariableValue_Map:
		return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_InlineMapDef{InlineMapDef: x.Map.MapType}}
	default:
		return nil
	}
}

// assignable reports whether a value of one type may become one of another without a cast. Where a type is unknown the
// server decides.
func assignable(from, to *lhpb.TypeDefinition) bool {
	if from.GetDefinedType() == nil || to.GetDefinedType() == nil {
		return true
	}
	fromPrimitive, ok := from.DefinedType.(*lhpb.TypeDefinition_PrimitiveType)
	if !ok {
		return sameKind(from, to)
	}
	toPrimitive, ok := to.DefinedType.(*lhpb.TypeDefinition_PrimitiveType)
	if !ok {
		return false
	}
	return primitiveAssignable(fromPrimitive.PrimitiveType, toPrimitive.PrimitiveType)
}

func primitiveAssignable(from, to lhpb.VariableType) bool {
	if from == to {
		return true
	}
	switch to {
	case lhpb.VariableType_STR:
		switch from {
		case lhpb.VariableType_INT, lhpb.VariableType_DOUBLE, lhpb.VariableType_BOOL, lhpb.VariableType_BYTES, lhpb.VariableType_WF_RUN_ID:
			return true
		}
	case lhpb.VariableType_DOUBLE:
		return from == lhpb.VariableType_INT
	}
	return false
}

func sameKind(from, to *lhpb.TypeDefinition) bool {
	switch x := from.DefinedType.(type) {
	case *lhpb.TypeDefinition_StructDefId:
		return to.GetStructDefId().GetName() == x.StructDefId.Name
	case *lhpb.TypeDefinition_InlineArrayDef:
		return to.GetInlineArrayDef() != nil && proto.Equal(x.InlineArrayDef, to.GetInlineArrayDef())
	case *lhpb.TypeDefinition_InlineMapDef:
		return to.GetInlineMapDef() != nil && proto.Equal(x.InlineMapDef, to.GetInlineMapDef())
	default:
		return true
	}
}

func isPrimitive(t *lhpb.TypeDefinition, want lhpb.VariableType) bool {
	p, ok := t.GetDefinedType().(*lhpb.TypeDefinition_PrimitiveType)
	return ok && p.PrimitiveType == want
}

func typeText(t *lhpb.TypeDefinition) string {
	switch x := t.GetDefinedType().(type) {
	case *lhpb.TypeDefinition_PrimitiveType:
		return x.PrimitiveType.String()
	case *lhpb.TypeDefinition_StructDefId:
		return "Struct<" + x.StructDefId.Name + ">"
	case *lhpb.TypeDefinition_InlineArrayDef:
		return "Array<" + typeText(x.InlineArrayDef.GetArrayType()) + ">"
	case *lhpb.TypeDefinition_InlineMapDef:
		return "Map<" + typeText(x.InlineMapDef.GetKeyType()) + ", " + typeText(x.InlineMapDef.GetValueType()) + ">"
	default:
		return "an unknown type"
	}
}

func sortedNames[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
