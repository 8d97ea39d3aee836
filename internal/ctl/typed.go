package ctl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"littlehorse/lhpb"
)

// checkJSON accepts one JSON document that begins with the given bracket.
func checkJSON(text string, bracket byte) error {
	trimmed := strings.TrimSpace(text)
	if trimmed == "null" {
		return nil
	}
	if !json.Valid([]byte(text)) {
		return errors.New("not valid JSON")
	}
	if trimmed[0] != bracket {
		return fmt.Errorf("the document must begin with %q", bracket)
	}
	return nil
}

// parseTyped reads a value of a declared type: primitive types as on every command line, all others as JSON documents.
func (r *request) parseTyped(t *lhpb.TypeDefinition, text string) (*lhpb.VariableValue, error) {
	if p, ok := t.GetDefinedType().(*lhpb.TypeDefinition_PrimitiveType); ok {
		return parseValue(p.PrimitiveType, text)
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return nil, fmt.Errorf("not valid JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not valid JSON: more than one document")
	}
	return r.fromJSON(t, document)
}

// fromJSON reads a JSON document against a type.
func (r *request) fromJSON(t *lhpb.TypeDefinition, document any) (*lhpb.VariableValue, error) {
	if document == nil {
		return &lhpb.VariableValue{}, nil
	}
	switch x := t.GetDefinedType().(type) {
	case *lhpb.TypeDefinition_PrimitiveType:
		return primitiveFromJSON(x.PrimitiveType, document)
	case *lhpb.TypeDefinition_InlineArrayDef:
		return r.arrayFromJSON(x.InlineArrayDef, document)
	case *lhpb.TypeDefinition_InlineMapDef:
		return r.mapFromJSON(x.InlineMapDef, document)
	case *lhpb.TypeDefinition_StructDefId:
		return r.structFromJSON(x.StructDefId, document)
	default:
		return nil, errors.New("values of this type cannot be given here")
	}
}

func primitiveFromJSON(t lhpb.VariableType, document any) (*lhpb.VariableValue, error) {
	switch t {
	case lhpb.VariableType_JSON_OBJ, lhpb.VariableType_JSON_ARR:
		text, err := encodeJSON(document)
		if err != nil {
			return nil, err
		}
		return parseValue(t, text)
	}
	switch d := document.(type) {
	case string:
		return parseValue(t, d)
	case json.Number:
		if t == lhpb.VariableType_STR {
			break
		}
		return parseValue(t, d.String())
	case bool:
		if t == lhpb.VariableType_BOOL {
			return parseValue(t, fmt.Sprint(d))
		}
	}
	text, err := encodeJSON(document)
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%s is no %s", text, t)
}

func encodeJSON(document any) (string, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

func (r *request) arrayFromJSON(t *lhpb.InlineArrayDef, document any) (*lhpb.VariableValue, error) {
	items, ok := document.([]any)
	if !ok {
		return nil, errors.New("an Array is a JSON array")
	}
	array := &lhpb.Array{ElementType: t.ArrayType}
	for i, item := range items {
		v, err := r.fromJSON(t.ArrayType, item)
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
		array.Items = append(array.Items, v)
	}
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Array{Array: array}}, nil
}

func (r *request) mapFromJSON(t *lhpb.InlineMapDef, document any) (*lhpb.VariableValue, error) {
	entries, ok := document.(map[string]any)
	if !ok {
		return nil, errors.New("a Map is a JSON object")
	}
	m := &lhpb.Map{MapType: t}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		key, err := parseValue(t.GetKeyType().GetPrimitiveType(), name)
		if err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
		v, err := r.fromJSON(t.ValueType, entries[name])
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", name, err)
		}
		m.Entries = append(m.Entries, &lhpb.Map_Entry{Key: key, Value: v})
	}
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Map{Map: m}}, nil
}

func (r *request) structFromJSON(id *lhpb.StructDefId, document any) (*lhpb.VariableValue, error) {
	fields, ok := document.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("a Struct %s is a JSON object", id.Name)
	}
	def, err := r.api.GetStructDef(r.ctx, id)
	if err != nil {
		return nil, fmt.Errorf("StructDef %s: %w", id.Name, err)
	}
	defined := def.GetStructDef().GetFields()
	inline := &lhpb.InlineStruct{Fields: map[string]*lhpb.StructField{}}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		field := defined[name]
		if field == nil {
			return nil, fmt.Errorf("StructDef %s has no field %q", id.Name, name)
		}
		if fields[name] == nil && !field.IsNullable {
			return nil, fmt.Errorf("field %q of StructDef %s is not nullable", name, id.Name)
		}
		v, err := r.fromJSON(field.FieldType, fields[name])
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", name, err)
		}
		inline.Fields[name] = &lhpb.StructField{Value: v}
	}
	for _, name := range slices.Sorted(maps.Keys(defined)) {
		if inline.Fields[name] == nil && defined[name].DefaultValue == nil {
			return nil, fmt.Errorf("field %q of StructDef %s is required", name, id.Name)
		}
	}
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Struct{Struct: &lhpb.Struct{
		StructDefId: def.GetId(), Struct: inline,
	}}}, nil
}
