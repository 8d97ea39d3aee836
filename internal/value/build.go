package value

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
)

// Each of these is one allocation: the message and its oneof wrapper lie side by side.
type (
	intValue struct {
		v lhpb.VariableValue
		k lhpb.VariableValue_Int
	}
	doubleValue struct {
		v lhpb.VariableValue
		k lhpb.VariableValue_Double
	}
	strValue struct {
		v lhpb.VariableValue
		k lhpb.VariableValue_Str
	}
)

var (
	null       = &lhpb.VariableValue{}
	trueValue  = &lhpb.VariableValue{Value: &lhpb.VariableValue_Bool{Bool: true}}
	falseValue = &lhpb.VariableValue{Value: &lhpb.VariableValue_Bool{Bool: false}}
)

// NullValue is NULL. It is shared and must not be changed.
func NullValue() *lhpb.VariableValue { return null }

// Bool makes a BOOL. It is shared and must not be changed.
func Bool(b bool) *lhpb.VariableValue {
	if b {
		return trueValue
	}
	return falseValue
}

// Int makes an INT.
func Int(i int64) *lhpb.VariableValue {
	x := &intValue{}
	x.k.Int = i
	x.v.Value = &x.k
	return &x.v
}

// Double makes a DOUBLE.
func Double(f float64) *lhpb.VariableValue {
	x := &doubleValue{}
	x.k.Double = f
	x.v.Value = &x.k
	return &x.v
}

// Str makes a STR.
func Str(s string) *lhpb.VariableValue {
	x := &strValue{}
	x.k.Str = s
	x.v.Value = &x.k
	return &x.v
}

// Bytes makes a BYTES. It keeps b.
func Bytes(b []byte) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Bytes{Bytes: b}}
}

// WfRunID makes a WF_RUN_ID. It keeps id.
func WfRunID(id *lhpb.WfRunId) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_WfRunId{WfRunId: id}}
}

// Timestamp makes a TIMESTAMP. It keeps t.
func Timestamp(t *timestamppb.Timestamp) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_UtcTimestamp{UtcTimestamp: t}}
}

// JSONObj makes a JSON_OBJ of a text as it is; see NormalizeValue.
func JSONObj(text string) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_JsonObj{JsonObj: text}}
}

// JSONArr makes a JSON_ARR of a text as it is; see NormalizeValue.
func JSONArr(text string) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_JsonArr{JsonArr: text}}
}

// Array makes an Array. It keeps a.
func Array(a *lhpb.Array) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Array{Array: a}}
}

// Map makes a Map. It keeps m.
func Map(m *lhpb.Map) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Map{Map: m}}
}

// Struct makes a Struct. It keeps s.
func Struct(s *lhpb.Struct) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Struct{Struct: s}}
}

// JSONArray makes a JSON_ARR of the values.
func JSONArray(items []*lhpb.VariableValue) (*lhpb.VariableValue, error) {
	list := &jsonList{items: make([]any, 0, len(items))}
	for _, item := range items {
		list.items = append(list.items, treeOf(item, 0))
	}
	return fromJSON(list)
}

// JSONObject makes a JSON_OBJ of the values, in order of their names.
func JSONObject(fields map[string]*lhpb.VariableValue) (*lhpb.VariableValue, error) {
	object := newJSONObject(len(fields))
	for _, name := range sortedKeys(fields) {
		object.set(name, treeOf(fields[name], 0))
	}
	return fromJSON(object)
}

// Items are the elements of an ARRAY or a JSON_ARR; false for all else. Elements of JSON become INT, DOUBLE,
// STR, BOOL, JSON_OBJ, JSON_ARR or NULL.
func Items(v *lhpb.VariableValue) ([]*lhpb.VariableValue, bool) {
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Array:
		return k.Array.GetItems(), true
	case *lhpb.VariableValue_JsonArr:
		list := jsonListOf(k.JsonArr)
		items := make([]*lhpb.VariableValue, 0, len(list.items))
		for _, item := range list.items {
			items = append(items, fromTree(item))
		}
		return items, true
	}
	return nil, false
}
