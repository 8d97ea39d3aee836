package value

import (
	"bytes"
	"encoding/json"
	"strconv"

	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// Leaves shows the fields of a JSON_OBJ, or of the objects in a JSON_ARR, by which they can be found: each with its path, as "$.a.b", and
// its text. Items of a list have the path of the list, what stands in a JSON_ARR by itself has none, and null is not shown.
func Leaves(v *lhpb.VariableValue, see func(path, text string)) {
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_JsonObj:
		if doc, ok := plainJSON(k.JsonObj).(map[string]any); ok {
			leaves("$", doc, see)
		}
	case *lhpb.VariableValue_JsonArr:
		doc, _ := plainJSON(k.JsonArr).([]any)
		for _, item := range doc {
			switch item.(type) {
			case map[string]any:
				leaves("$", item, see)
			case []any:
			default:
				leaves("", item, see)
			}
		}
	}
}

func leaves(path string, doc any, see func(path, text string)) {
	switch k := doc.(type) {
	case map[string]any:
		for name, field := range k {
			leaves(path+"."+name, field, see)
		}
	case []any:
		for _, item := range k {
			leaves(path, item, see)
		}
	default:
		if text, ok := leafText(doc); ok {
			see(path, text)
		}
	}
}

// plainJSON reads a text in normal form, numbers as they are written; nil if it is malformed.
func plainJSON(text string) any {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var doc any
	if d.Decode(&doc) != nil {
		return nil
	}
	return doc
}

// leafText is the text by which a leaf is found; false for null.
func leafText(leaf any) (string, bool) {
	switch k := leaf.(type) {
	case string:
		return k, true
	case json.Number:
		return k.String(), true
	case bool:
		return strconv.FormatBool(k), true
	default:
		return "", false
	}
}

// Same is equality of type and value; an unset value is NULL, and a DOUBLE is equal to what reads the same.
func Same(a, b *lhpb.VariableValue) bool {
	if a.GetValue() == nil || b.GetValue() == nil {
		return a.GetValue() == nil && b.GetValue() == nil
	}
	if _, is := a.Value.(*lhpb.VariableValue_Double); is {
		_, too := b.Value.(*lhpb.VariableValue_Double)
		return too && Text(a) == Text(b)
	}
	return proto.Equal(a, b)
}

// FoundBy reports whether a variable that holds v is found by a value: it is the same, or, with a path, one of the Leaves there has its text.
func FoundBy(v *lhpb.VariableValue, path string, by *lhpb.VariableValue) (found bool) {
	if path == "" {
		return Same(v, by)
	}
	want := Text(by)
	Leaves(v, func(at, text string) { found = found || at == path && text == want })
	return found
}
