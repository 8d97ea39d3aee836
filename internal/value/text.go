package value

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

// nullText stands for NULL where a text has to have something.
const nullText = "null"

// Text is the text form of a value: STR itself, INT in decimal, DOUBLE as DoubleText, BOOL true or false,
// WF_RUN_ID as parent_child, JSON its JSON text, TIMESTAMP in RFC 3339, BYTES read as UTF-8, and Array, Map
// and Struct as JSON. NULL gives the word null.
func Text(v *lhpb.VariableValue) string {
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Str:
		return k.Str
	case *lhpb.VariableValue_Int:
		return strconv.FormatInt(k.Int, 10)
	case *lhpb.VariableValue_Double:
		return DoubleText(k.Double)
	case *lhpb.VariableValue_Bool:
		return strconv.FormatBool(k.Bool)
	case *lhpb.VariableValue_WfRunId:
		return wfRunIDText(k.WfRunId)
	case *lhpb.VariableValue_JsonObj:
		return k.JsonObj
	case *lhpb.VariableValue_JsonArr:
		return k.JsonArr
	case *lhpb.VariableValue_UtcTimestamp:
		return timestampText(k.UtcTimestamp)
	case *lhpb.VariableValue_Bytes:
		return strings.ToValidUTF8(string(k.Bytes), string(utf8.RuneError))
	case *lhpb.VariableValue_Array, *lhpb.VariableValue_Map, *lhpb.VariableValue_Struct:
		return string(appendJSON(nil, treeOf(v, 0)))
	}
	return nullText
}

// wfRunIDText stops at the deepest chain that an id may have.
func wfRunIDText(id *lhpb.WfRunId) string {
	if id.GetParentWfRunId() == nil {
		return id.GetId()
	}
	var ids []string
	for ; id != nil && len(ids) < lh.MaxWfRunDepth; id = id.ParentWfRunId {
		ids = append(ids, id.Id)
	}
	var b strings.Builder
	for i := len(ids) - 1; i >= 0; i-- {
		b.WriteString(ids[i])
		if i > 0 {
			b.WriteByte('_')
		}
	}
	return b.String()
}

func timestampText(t *timestamppb.Timestamp) string {
	return time.Unix(t.GetSeconds(), int64(t.GetNanos())).UTC().Format(time.RFC3339Nano)
}

// treeOf is the plain value as JSON would hold it: BYTES in Base64, Maps as objects with the text of their
// keys, Structs as objects with their fields in order of name.
func treeOf(v *lhpb.VariableValue, depth int) any {
	if depth > MaxDepth {
		return nil
	}
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Bool:
		return k.Bool
	case *lhpb.VariableValue_Int:
		return k.Int
	case *lhpb.VariableValue_Double:
		return k.Double
	case *lhpb.VariableValue_JsonObj:
		return jsonObjectOf(k.JsonObj)
	case *lhpb.VariableValue_JsonArr:
		return jsonListOf(k.JsonArr)
	case *lhpb.VariableValue_Bytes:
		return base64.StdEncoding.EncodeToString(k.Bytes)
	case *lhpb.VariableValue_Array:
		list := &jsonList{items: make([]any, 0, len(k.Array.GetItems()))}
		for _, item := range k.Array.GetItems() {
			list.items = append(list.items, treeOf(item, depth+1))
		}
		return list
	case *lhpb.VariableValue_Map:
		object := newJSONObject(len(k.Map.GetEntries()))
		for _, e := range k.Map.GetEntries() {
			object.set(Text(e.GetKey()), treeOf(e.GetValue(), depth+1))
		}
		return object
	case *lhpb.VariableValue_Struct:
		fields := k.Struct.GetStruct().GetFields()
		object := newJSONObject(len(fields))
		for _, name := range sortedKeys(fields) {
			object.set(name, treeOf(fields[name].GetValue(), depth+1))
		}
		return object
	case nil:
		return nil
	}
	return Text(v)
}

// compareUTF16 orders texts by their UTF-16 code units.
func compareUTF16(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	for i > 0 && (i < len(a) && a[i]&0xC0 == 0x80 || i < len(b) && b[i]&0xC0 == 0x80) {
		i--
	}
	x, _ := utf8.DecodeRuneInString(a[i:])
	y, _ := utf8.DecodeRuneInString(b[i:])
	// Surrogates sort below the last part of the basic plane.
	switch {
	case i == len(a) || i == len(b) || (x > 0xFFFF) == (y > 0xFFFF):
	case x > 0xFFFF && y >= 0xE000:
		return -1
	case y > 0xFFFF && x >= 0xE000:
		return 1
	}
	return strings.Compare(a[i:], b[i:])
}

// lengthUTF16 counts UTF-16 code units.
func lengthUTF16(s string) int {
	n := 0
	for _, r := range s {
		if r > 0xFFFF {
			n++
		}
		n++
	}
	return n
}
