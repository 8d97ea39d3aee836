package lh

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
)

// Value turns a Go value into a LittleHorse value, by the mapping of TypeOf. nil becomes NULL; a *lhpb.VariableValue is
// returned as it is.
func Value(v any) (*lhpb.VariableValue, error) {
	switch v := v.(type) {
	case nil:
		return &lhpb.VariableValue{}, nil
	case *lhpb.VariableValue:
		return v, nil
	case string:
		return &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: v}}, nil
	case int:
		return intValue(int64(v)), nil
	case int64:
		return intValue(v), nil
	case float64:
		return &lhpb.VariableValue{Value: &lhpb.VariableValue_Double{Double: v}}, nil
	case bool:
		return &lhpb.VariableValue{Value: &lhpb.VariableValue_Bool{Bool: v}}, nil
	case []byte:
		if v == nil {
			return &lhpb.VariableValue{}, nil
		}
		return &lhpb.VariableValue{Value: &lhpb.VariableValue_Bytes{Bytes: v}}, nil
	case time.Time:
		return &lhpb.VariableValue{Value: &lhpb.VariableValue_UtcTimestamp{UtcTimestamp: timestamppb.New(v)}}, nil
	case RunID:
		return &lhpb.VariableValue{Value: &lhpb.VariableValue_WfRunId{WfRunId: v.Proto()}}, nil
	case *lhpb.WfRunId:
		return &lhpb.VariableValue{Value: &lhpb.VariableValue_WfRunId{WfRunId: v}}, nil
	case json.RawMessage:
		return rawJSON(v)
	}
	return reflectValue(reflect.ValueOf(v))
}

func intValue(n int64) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Int{Int: n}}
}

func rawJSON(v json.RawMessage) (*lhpb.VariableValue, error) {
	if !json.Valid(v) {
		return nil, errors.New("json.RawMessage is not valid JSON")
	}
	for _, c := range v {
		switch c {
		case ' ', '\t', '\r', '\n':
		case '[':
			return &lhpb.VariableValue{Value: &lhpb.VariableValue_JsonArr{JsonArr: string(v)}}, nil
		case '{':
			return &lhpb.VariableValue{Value: &lhpb.VariableValue_JsonObj{JsonObj: string(v)}}, nil
		default:
			return nil, errors.New("json.RawMessage is neither an object nor an array")
		}
	}
	return &lhpb.VariableValue{}, nil
}

func reflectValue(v reflect.Value) (*lhpb.VariableValue, error) {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return &lhpb.VariableValue{}, nil
		}
		v = v.Elem()
	}
	t := v.Type()
	if a := adapterOf(t); a != nil {
		return Value(a.to(v.Interface()))
	}
	switch {
	case t == timeType, t == runIDType, t == bytesType, t == rawJSONType:
		return Value(v.Interface())
	case t.Implements(arrayType):
		return arrayValue(v)
	case t.Implements(mapType):
		return mapValue(v)
	case t.Kind() == reflect.Struct && t.Implements(structType):
		return structValue(v)
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return intValue(v.Int()), nil
	case reflect.Float32, reflect.Float64:
		return Value(v.Float())
	case reflect.String:
		return Value(v.String())
	case reflect.Bool:
		return Value(v.Bool())
	}
	typ, err := TypeOf(t)
	if err != nil {
		return nil, err
	}
	if (t.Kind() == reflect.Map || t.Kind() == reflect.Slice) && v.IsNil() {
		return &lhpb.VariableValue{}, nil
	}
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return nil, fmt.Errorf("Go type %s as JSON: %w", t, err)
	}
	if typ.GetPrimitiveType() == lhpb.VariableType_JSON_ARR {
		return &lhpb.VariableValue{Value: &lhpb.VariableValue_JsonArr{JsonArr: string(text)}}, nil
	}
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_JsonObj{JsonObj: string(text)}}, nil
}

func arrayValue(v reflect.Value) (*lhpb.VariableValue, error) {
	if v.IsNil() {
		return &lhpb.VariableValue{}, nil
	}
	element, err := TypeOf(v.Type().Elem())
	if err != nil {
		return nil, err
	}
	array := &lhpb.Array{ElementType: element}
	for i := range v.Len() {
		item, err := Value(v.Index(i).Interface())
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
		array.Items = append(array.Items, item)
	}
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Array{Array: array}}, nil
}

func mapValue(v reflect.Value) (*lhpb.VariableValue, error) {
	if v.IsNil() {
		return &lhpb.VariableValue{}, nil
	}
	typ, err := mapTypeOf(v.Type())
	if err != nil {
		return nil, err
	}
	m := &lhpb.Map{MapType: typ.GetInlineMapDef()}
	for _, k := range sortedKeys(v) {
		key, err := Value(k.Interface())
		if err != nil {
			return nil, err
		}
		value, err := Value(v.MapIndex(k).Interface())
		if err != nil {
			return nil, fmt.Errorf("key %v: %w", k, err)
		}
		m.Entries = append(m.Entries, &lhpb.Map_Entry{Key: key, Value: value})
	}
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Map{Map: m}}, nil
}

// sortedKeys makes the same Go map give the same bytes every time.
func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		switch {
		case a.CanInt():
			return cmp.Compare(a.Int(), b.Int())
		case a.CanFloat():
			return cmp.Compare(a.Float(), b.Float())
		default:
			return cmp.Compare(fmt.Sprint(a.Interface()), fmt.Sprint(b.Interface()))
		}
	})
	return keys
}

func structValue(v reflect.Value) (*lhpb.VariableValue, error) {
	name := v.Interface().(Struct).LHStruct()
	inline := &lhpb.InlineStruct{Fields: map[string]*lhpb.StructField{}}
	for _, f := range structFields(v.Type()) {
		value, err := Value(v.FieldByIndex(f.index).Interface())
		if err != nil {
			return nil, fmt.Errorf("StructDef %s, field %s: %w", name, f.name, err)
		}
		inline.Fields[f.name] = &lhpb.StructField{Value: value}
	}
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Struct{Struct: &lhpb.Struct{
		StructDefId: &lhpb.StructDefId{Name: name, Version: -1}, Struct: inline,
	}}}, nil
}

// Scan reads a LittleHorse value into the Go variable that into points to. NULL gives the zero value. Numbers that do
// not fit, and values of another kind, are errors. STR takes text forms of nothing but STR.
func Scan(v *lhpb.VariableValue, into any) error {
	switch p := into.(type) {
	case *string:
		s, ok := v.GetValue().(*lhpb.VariableValue_Str)
		if !ok {
			return scanNull(v, func() { *p = "" }, "a string")
		}
		*p = s.Str
		return nil
	case *int64:
		n, ok := v.GetValue().(*lhpb.VariableValue_Int)
		if !ok {
			return scanNull(v, func() { *p = 0 }, "int64")
		}
		*p = n.Int
		return nil
	case *float64:
		switch n := v.GetValue().(type) {
		case *lhpb.VariableValue_Double:
			*p = n.Double
		case *lhpb.VariableValue_Int:
			*p = float64(n.Int)
		default:
			return scanNull(v, func() { *p = 0 }, "float64")
		}
		return nil
	case *bool:
		b, ok := v.GetValue().(*lhpb.VariableValue_Bool)
		if !ok {
			return scanNull(v, func() { *p = false }, "bool")
		}
		*p = b.Bool
		return nil
	case **lhpb.VariableValue:
		*p = v
		return nil
	case *any:
		plain, err := Plain(v)
		*p = plain
		return err
	}
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return fmt.Errorf("Scan needs a pointer, not %T", into)
	}
	return scanReflect(v, target.Elem())
}

func scanNull(v *lhpb.VariableValue, zero func(), want string) error {
	if v.GetValue() != nil {
		return fmt.Errorf("a %s is not %s", Kind(v), want)
	}
	zero()
	return nil
}

// Kind names the kind of a value as LittleHorse does: STR, INT, JSON_OBJ … or NULL.
func Kind(v *lhpb.VariableValue) string {
	switch v.GetValue().(type) {
	case *lhpb.VariableValue_JsonObj:
		return "JSON_OBJ"
	case *lhpb.VariableValue_JsonArr:
		return "JSON_ARR"
	case *lhpb.VariableValue_Double:
		return "DOUBLE"
	case *lhpb.VariableValue_Bool:
		return "BOOL"
	case *lhpb.VariableValue_Str:
		return "STR"
	case *lhpb.VariableValue_Int:
		return "INT"
	case *lhpb.VariableValue_Bytes:
		return "BYTES"
	case *lhpb.VariableValue_WfRunId:
		return "WF_RUN_ID"
	case *lhpb.VariableValue_UtcTimestamp:
		return "TIMESTAMP"
	case *lhpb.VariableValue_Struct:
		return "STRUCT"
	case *lhpb.VariableValue_Array:
		return "ARRAY"
	case *lhpb.VariableValue_Map:
		return "MAP"
	default:
		return "NULL"
	}
}

func scanReflect(v *lhpb.VariableValue, target reflect.Value) error {
	if v.GetValue() == nil {
		target.SetZero()
		return nil
	}
	t := target.Type()
	if t.Kind() == reflect.Pointer {
		inner := reflect.New(t.Elem())
		if err := Scan(v, inner.Interface()); err != nil {
			return err
		}
		target.Set(inner)
		return nil
	}
	if a := adapterOf(t); a != nil {
		return a.scan(v, target)
	}
	switch x := v.Value.(type) {
	case *lhpb.VariableValue_Int:
		return scanInt(x.Int, target)
	case *lhpb.VariableValue_Double:
		if target.CanFloat() {
			target.SetFloat(x.Double)
			return nil
		}
	case *lhpb.VariableValue_Str:
		if t.Kind() == reflect.String && t != runIDType {
			target.SetString(x.Str)
			return nil
		}
	case *lhpb.VariableValue_Bool:
		if t.Kind() == reflect.Bool {
			target.SetBool(x.Bool)
			return nil
		}
	case *lhpb.VariableValue_Bytes:
		if t == bytesType {
			target.SetBytes(x.Bytes)
			return nil
		}
	case *lhpb.VariableValue_UtcTimestamp:
		if t == timeType {
			target.Set(reflect.ValueOf(x.UtcTimestamp.AsTime()))
			return nil
		}
	case *lhpb.VariableValue_WfRunId:
		if t == runIDType {
			target.SetString(string(RunIDOf(x.WfRunId)))
			return nil
		}
	case *lhpb.VariableValue_JsonObj:
		return scanJSON("JSON_OBJ", x.JsonObj, target)
	case *lhpb.VariableValue_JsonArr:
		return scanJSON("JSON_ARR", x.JsonArr, target)
	case *lhpb.VariableValue_Struct:
		if t.Kind() == reflect.Struct && t.Implements(structType) {
			return scanStruct(x.Struct, target)
		}
	case *lhpb.VariableValue_Array:
		if t.Kind() == reflect.Slice {
			return scanArray(x.Array, target)
		}
	case *lhpb.VariableValue_Map:
		if t.Kind() == reflect.Map {
			return scanMap(x.Map, target)
		}
	}
	return fmt.Errorf("a %s is not %s", Kind(v), t)
}

func scanInt(n int64, target reflect.Value) error {
	switch {
	case target.CanInt():
		if target.OverflowInt(n) {
			return fmt.Errorf("INT %d does not fit %s", n, target.Type())
		}
		target.SetInt(n)
		return nil
	case target.CanFloat():
		target.SetFloat(float64(n))
		return nil
	default:
		return fmt.Errorf("a INT is not %s", target.Type())
	}
}

func scanJSON(kind, text string, target reflect.Value) error {
	t := target.Type()
	if t == rawJSONType {
		target.SetBytes([]byte(text))
		return nil
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice, reflect.Array:
	default:
		return fmt.Errorf("a %s is not %s", kind, t)
	}
	if err := unmarshalJSON(text, target.Addr().Interface()); err != nil {
		return fmt.Errorf("%s into %s: %w", kind, t, err)
	}
	return nil
}

func scanStruct(s *lhpb.Struct, target reflect.Value) error {
	for _, f := range structFields(target.Type()) {
		field, ok := s.GetStruct().GetFields()[f.name]
		if !ok {
			continue
		}
		if err := Scan(field.GetValue(), target.FieldByIndex(f.index).Addr().Interface()); err != nil {
			return fmt.Errorf("field %s: %w", f.name, err)
		}
	}
	return nil
}

func scanArray(a *lhpb.Array, target reflect.Value) error {
	slice := reflect.MakeSlice(target.Type(), len(a.GetItems()), len(a.GetItems()))
	for i, item := range a.GetItems() {
		if err := Scan(item, slice.Index(i).Addr().Interface()); err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
	}
	target.Set(slice)
	return nil
}

func scanMap(m *lhpb.Map, target reflect.Value) error {
	t := target.Type()
	result := reflect.MakeMapWithSize(t, len(m.GetEntries()))
	for _, entry := range m.GetEntries() {
		key, value := reflect.New(t.Key()), reflect.New(t.Elem())
		if err := Scan(entry.GetKey(), key.Interface()); err != nil {
			return fmt.Errorf("key: %w", err)
		}
		if err := Scan(entry.GetValue(), value.Interface()); err != nil {
			return fmt.Errorf("key %v: %w", key.Elem(), err)
		}
		result.SetMapIndex(key.Elem(), value.Elem())
	}
	target.Set(result)
	return nil
}

// Plain turns a value into what JSON would hold: string, int64, float64, bool, []byte, time.Time, RunID, map[string]any
// or []any, nil for NULL. Whole numbers inside JSON stay int64.
func Plain(v *lhpb.VariableValue) (any, error) {
	switch x := v.GetValue().(type) {
	case *lhpb.VariableValue_Str:
		return x.Str, nil
	case *lhpb.VariableValue_Int:
		return x.Int, nil
	case *lhpb.VariableValue_Double:
		return x.Double, nil
	case *lhpb.VariableValue_Bool:
		return x.Bool, nil
	case *lhpb.VariableValue_Bytes:
		return x.Bytes, nil
	case *lhpb.VariableValue_UtcTimestamp:
		return x.UtcTimestamp.AsTime(), nil
	case *lhpb.VariableValue_WfRunId:
		return RunIDOf(x.WfRunId), nil
	case *lhpb.VariableValue_JsonObj:
		return plainJSON(x.JsonObj)
	case *lhpb.VariableValue_JsonArr:
		return plainJSON(x.JsonArr)
	case *lhpb.VariableValue_Struct:
		fields := map[string]any{}
		for name, field := range x.Struct.GetStruct().GetFields() {
			plain, err := Plain(field.GetValue())
			if err != nil {
				return nil, err
			}
			fields[name] = plain
		}
		return fields, nil
	case *lhpb.VariableValue_Array:
		items := make([]any, len(x.Array.GetItems()))
		for i, item := range x.Array.GetItems() {
			plain, err := Plain(item)
			if err != nil {
				return nil, err
			}
			items[i] = plain
		}
		return items, nil
	case *lhpb.VariableValue_Map:
		entries := map[string]any{}
		for _, entry := range x.Map.GetEntries() {
			key, err := Plain(entry.GetKey())
			if err != nil {
				return nil, err
			}
			plain, err := Plain(entry.GetValue())
			if err != nil {
				return nil, err
			}
			entries[fmt.Sprint(key)] = plain
		}
		return entries, nil
	default:
		return nil, nil
	}
}

func plainJSON(text string) (any, error) {
	var v any
	if err := unmarshalJSON(text, &v); err != nil {
		return nil, err
	}
	return v, nil
}

// unmarshalJSON decodes text so that whole numbers in untyped places become int64 and keep all their digits.
func unmarshalJSON(text string, into any) error {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	settleNumbers(reflect.ValueOf(into))
	return nil
}

func settleNumber(n json.Number) any {
	if i, err := n.Int64(); err == nil {
		return i
	}
	f, err := n.Float64()
	if err != nil || math.IsInf(f, 0) {
		return n
	}
	return f
}

// settleNumbers replaces json.Number in places of type any.
func settleNumbers(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			settleNumbers(v.Elem())
		}
	case reflect.Interface:
		settleInterface(v)
	case reflect.Slice, reflect.Array:
		if holdsAny(v.Type().Elem()) {
			for i := range v.Len() {
				settleNumbers(v.Index(i))
			}
		}
	case reflect.Map:
		settleMap(v)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				settleNumbers(v.Field(i))
			}
		}
	}
}

func holdsAny(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface, reflect.Struct, reflect.Map, reflect.Slice, reflect.Array, reflect.Pointer:
		return true
	}
	return false
}

func settleInterface(v reflect.Value) {
	if v.IsNil() || !v.CanSet() {
		return
	}
	if n, ok := v.Interface().(json.Number); ok {
		v.Set(reflect.ValueOf(settleNumber(n)))
		return
	}
	settleNumbers(v.Elem())
}

func settleMap(v reflect.Value) {
	if !holdsAny(v.Type().Elem()) {
		return
	}
	for _, key := range v.MapKeys() {
		item := reflect.New(v.Type().Elem()).Elem()
		item.Set(v.MapIndex(key))
		settleNumbers(item)
		v.SetMapIndex(key, item)
	}
}
