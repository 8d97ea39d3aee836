package lh

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"littlehorse/lhpb"
)

// Array is a native array of LittleHorse: typed items instead of JSON.
type Array[T any] []T

// Map is a native map of LittleHorse: typed keys and values instead of JSON. Keys may be INT, BOOL, DOUBLE, STR,
// TIMESTAMP or WF_RUN_ID.
type Map[K comparable, V any] map[K]V

// Struct is implemented, with value receivers, by Go structs that stand for a StructDef. Fields are named by the tag
// `lh:"name"` or `lh:"name,masked"`, else by the json tag, else by their own name in lowerCamelCase; `lh:"-"` leaves one
// out.
type Struct interface {
	// LHStruct is the name of the StructDef.
	LHStruct() string
}

type (
	nativeArray interface{ lhArray() }
	nativeMap   interface{ lhMap() }
)

func (Array[T]) lhArray() {}
func (Map[K, V]) lhMap()  {}

var (
	timeType    = reflect.TypeFor[time.Time]()
	runIDType   = reflect.TypeFor[RunID]()
	bytesType   = reflect.TypeFor[[]byte]()
	rawJSONType = reflect.TypeFor[json.RawMessage]()
	structType  = reflect.TypeFor[Struct]()
	arrayType   = reflect.TypeFor[nativeArray]()
	mapType     = reflect.TypeFor[nativeMap]()
)

// TypeOf is the LittleHorse type of a Go type:
//
//	int, int8 … int64                INT
//	float32, float64                 DOUBLE
//	string, bool, []byte             STR, BOOL, BYTES
//	time.Time, RunID                 TIMESTAMP, WF_RUN_ID
//	struct with method LHStruct      Struct, newest version
//	other structs, map[string]T      JSON_OBJ
//	other slices and arrays          JSON_ARR
//	Array[T], Map[K, V]              native Array, native Map
//	*T                               as T; nil is NULL
//	types with an adapter            as RegisterAdapter says
//
// Unsigned integers, functions, channels and interfaces have no type.
func TypeOf(t reflect.Type) (*lhpb.TypeDefinition, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if a := adapterOf(t); a != nil {
		return TypeOf(a.via)
	}
	switch {
	case t == timeType:
		return primitive(lhpb.VariableType_TIMESTAMP), nil
	case t == runIDType:
		return primitive(lhpb.VariableType_WF_RUN_ID), nil
	case t == bytesType:
		return primitive(lhpb.VariableType_BYTES), nil
	case t == rawJSONType:
		return primitive(lhpb.VariableType_JSON_OBJ), nil
	case t.Implements(arrayType):
		return arrayTypeOf(t)
	case t.Implements(mapType):
		return mapTypeOf(t)
	case t.Kind() == reflect.Struct && t.Implements(structType):
		name := reflect.Zero(t).Interface().(Struct).LHStruct()
		return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_StructDefId{
			StructDefId: &lhpb.StructDefId{Name: name, Version: -1},
		}}, nil
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return primitive(lhpb.VariableType_INT), nil
	case reflect.Float32, reflect.Float64:
		return primitive(lhpb.VariableType_DOUBLE), nil
	case reflect.String:
		return primitive(lhpb.VariableType_STR), nil
	case reflect.Bool:
		return primitive(lhpb.VariableType_BOOL), nil
	case reflect.Slice, reflect.Array:
		return primitive(lhpb.VariableType_JSON_ARR), nil
	case reflect.Struct:
		return primitive(lhpb.VariableType_JSON_OBJ), nil
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			return primitive(lhpb.VariableType_JSON_OBJ), nil
		}
		return nil, fmt.Errorf("Go type %s: keys of a JSON object are strings; lh.Map has typed keys", t)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return nil, fmt.Errorf("Go type %s: LittleHorse integers are signed; use int64", t)
	default:
		return nil, fmt.Errorf("Go type %s has no LittleHorse type", t)
	}
}

func primitive(t lhpb.VariableType) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: t}}
}

func arrayTypeOf(t reflect.Type) (*lhpb.TypeDefinition, error) {
	element, err := TypeOf(t.Elem())
	if err != nil {
		return nil, err
	}
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_InlineArrayDef{
		InlineArrayDef: &lhpb.InlineArrayDef{ArrayType: element},
	}}, nil
}

func mapTypeOf(t reflect.Type) (*lhpb.TypeDefinition, error) {
	key, err := TypeOf(t.Key())
	if err != nil {
		return nil, err
	}
	value, err := TypeOf(t.Elem())
	if err != nil {
		return nil, err
	}
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_InlineMapDef{
		InlineMapDef: &lhpb.InlineMapDef{KeyType: key, ValueType: value},
	}}, nil
}

// structField is one field of a Go struct that stands for a StructDef.
type structField struct {
	index    []int
	name     string
	masked   bool
	nullable bool
	typ      reflect.Type
}

func structFields(t reflect.Type) []structField {
	var fields []structField
	for _, f := range reflect.VisibleFields(t) {
		if !f.IsExported() || f.Anonymous {
			continue
		}
		name, masked := fieldName(f)
		if name == "-" {
			continue
		}
		fields = append(fields, structField{
			index: f.Index, name: name, masked: masked, nullable: f.Type.Kind() == reflect.Pointer, typ: f.Type,
		})
	}
	return fields
}

func fieldName(f reflect.StructField) (name string, masked bool) {
	name, options, _ := strings.Cut(f.Tag.Get("lh"), ",")
	masked = slices.Contains(strings.Split(options, ","), "masked")
	if name != "" {
		return name, masked
	}
	name, _, _ = strings.Cut(f.Tag.Get("json"), ",")
	if name != "" {
		return name, masked
	}
	return lowerCamel(f.Name), masked
}

// Field is a field of a Go struct as LittleHorse knows it.
type Field struct {
	// Name of it, by its tags.
	Name string
	// Type and Tag of it, as Go has them.
	Type reflect.Type
	Tag  reflect.StructTag
}

// Has tells whether the tag lh has an option behind the name.
func (f Field) Has(option string) bool {
	_, options, _ := strings.Cut(f.Tag.Get("lh"), ",")
	return slices.Contains(strings.Split(options, ","), option)
}

// FieldsOf are the fields of a struct, in their order.
func FieldsOf(t reflect.Type) []Field {
	var fields []Field
	for _, f := range structFields(t) {
		fields = append(fields, Field{Name: f.name, Type: f.typ, Tag: t.FieldByIndex(f.index).Tag})
	}
	return fields
}

// lowerCamel lowers the leading capitals of a Go name: Name → name, URLPath → urlPath, ID → id.
func lowerCamel(s string) string {
	first := 0
	for i, r := range s {
		if !unicode.IsUpper(r) {
			break
		}
		first = i + utf8.RuneLen(r)
	}
	if first > 1 && first < len(s) {
		_, last := utf8.DecodeLastRuneInString(s[:first])
		first -= last
	}
	return strings.ToLower(s[:first]) + s[first:]
}

// StructDefOf makes the request that registers the StructDef of a Go type. Structs inside it are separate StructDefs,
// to be registered before it.
func StructDefOf(s Struct) (*lhpb.PutStructDefRequest, error) {
	t := reflect.TypeOf(s)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	def := &lhpb.InlineStructDef{Fields: map[string]*lhpb.StructFieldDef{}}
	for _, f := range structFields(t) {
		typ, err := TypeOf(f.typ)
		if err != nil {
			return nil, fmt.Errorf("StructDef %s, field %s: %w", s.LHStruct(), f.name, err)
		}
		if def.Fields[f.name] != nil {
			return nil, fmt.Errorf("StructDef %s: two fields are named %s", s.LHStruct(), f.name)
		}
		typ.Masked = f.masked
		def.Fields[f.name] = &lhpb.StructFieldDef{FieldType: typ, IsNullable: f.nullable}
	}
	return &lhpb.PutStructDefRequest{Name: s.LHStruct(), StructDef: def}, nil
}
