package value

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"littlehorse/lhpb"
)

// JSON is held as a tree of any: nil, bool, int64, float64, string, *jsonList, *jsonObject. A tree belongs
// to the one call that parsed it.

type jsonList struct{ items []any }

// jsonObject keeps its members in the order of the text.
type jsonObject struct {
	keys   []string
	values []any
	// index is there when the object has more than smallObject members.
	index map[string]int
}

const smallObject = 8

func newJSONObject(size int) *jsonObject {
	return &jsonObject{keys: make([]string, 0, size), values: make([]any, 0, size)}
}

func (o *jsonObject) find(key string) int {
	if o.index != nil {
		if i, ok := o.index[key]; ok {
			return i
		}
		return -1
	}
	return slices.Index(o.keys, key)
}

func (o *jsonObject) get(key string) (any, bool) {
	i := o.find(key)
	if i < 0 {
		return nil, false
	}
	return o.values[i], true
}

// set reports whether the key is new; one that is there keeps its place.
func (o *jsonObject) set(key string, v any) bool {
	if i := o.find(key); i >= 0 {
		o.values[i] = v
		return false
	}
	o.keys = append(o.keys, key)
	o.values = append(o.values, v)
	switch {
	case o.index != nil:
		o.index[key] = len(o.keys) - 1
	case len(o.keys) > smallObject:
		o.index = make(map[string]int, 2*len(o.keys))
		for i, k := range o.keys {
			o.index[k] = i
		}
	}
	return true
}

func (o *jsonObject) remove(key string) {
	i := o.find(key)
	if i < 0 {
		return
	}
	o.keys = slices.Delete(o.keys, i, i+1)
	o.values = slices.Delete(o.values, i, i+1)
	if o.index == nil {
		return
	}
	delete(o.index, key)
	for j := i; j < len(o.keys); j++ {
		o.index[o.keys[j]] = j
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// NormalizeJSON brings the text of a JSON_OBJ or JSON_ARR into normal form. isNull: the text is empty, blank
// or the word null, and means NULL. ok false: the text is malformed for this type; it is kept as it is, and
// operations see an empty object or list.
func NormalizeJSON(t lhpb.VariableType, text string) (normal string, isNull, ok bool) {
	if isNormalJSON(text) && isOpenedAs(t, text) {
		return text, false, true
	}
	tree, blank, ok := parseJSON(text)
	if !ok {
		return text, false, false
	}
	if blank || tree == nil {
		return "", true, true
	}
	if !isJSONOf(t, tree) {
		return text, false, false
	}
	buf := appendJSON(make([]byte, 0, len(text)+16), tree)
	if string(buf) == text {
		return text, false, true
	}
	return string(buf), false, true
}

func isOpenedAs(t lhpb.VariableType, text string) bool {
	if t == lhpb.VariableType_JSON_OBJ {
		return text[0] == '{'
	}
	return text[0] == '['
}

func isJSONOf(t lhpb.VariableType, tree any) bool {
	switch tree.(type) {
	case *jsonObject:
		return t == lhpb.VariableType_JSON_OBJ
	case *jsonList:
		return t == lhpb.VariableType_JSON_ARR
	}
	return false
}

// jsonListOf is the list of a JSON_ARR text, empty if the text is malformed.
func jsonListOf(text string) *jsonList {
	tree, _, _ := parseJSON(text)
	if list, ok := tree.(*jsonList); ok {
		return list
	}
	return &jsonList{}
}

// jsonObjectOf is the object of a JSON_OBJ text, empty if the text is malformed.
func jsonObjectOf(text string) *jsonObject {
	tree, _, _ := parseJSON(text)
	if object, ok := tree.(*jsonObject); ok {
		return object
	}
	return newJSONObject(0)
}

// NormalizeValue brings the JSON texts of a value into normal form, at any depth. A JSON text that means NULL
// makes the value NULL; a malformed one stays. It returns v itself if there is nothing to change.
func NormalizeValue(v *lhpb.VariableValue) *lhpb.VariableValue { return normalizeValue(v, 0) }

func normalizeValue(v *lhpb.VariableValue, depth int) *lhpb.VariableValue {
	if depth > MaxDepth {
		return v
	}
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_JsonObj:
		text, isNull, ok := NormalizeJSON(lhpb.VariableType_JSON_OBJ, k.JsonObj)
		switch {
		case isNull:
			return null
		case ok && text != k.JsonObj:
			return JSONObj(text)
		}
	case *lhpb.VariableValue_JsonArr:
		text, isNull, ok := NormalizeJSON(lhpb.VariableType_JSON_ARR, k.JsonArr)
		switch {
		case isNull:
			return null
		case ok && text != k.JsonArr:
			return JSONArr(text)
		}
	case *lhpb.VariableValue_Array, *lhpb.VariableValue_Map, *lhpb.VariableValue_Struct:
		return mapParts(v, func(part *lhpb.VariableValue) *lhpb.VariableValue {
			return normalizeValue(part, depth+1)
		})
	}
	return v
}

// mapParts is v with each of its direct parts replaced; v itself if none changes.
func mapParts(v *lhpb.VariableValue, replace func(*lhpb.VariableValue) *lhpb.VariableValue) *lhpb.VariableValue {
	changed := false
	part := func(old *lhpb.VariableValue) *lhpb.VariableValue {
		n := replace(old)
		changed = changed || n != old
		return n
	}
	var result *lhpb.VariableValue
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Array:
		items := make([]*lhpb.VariableValue, len(k.Array.GetItems()))
		for i, item := range k.Array.GetItems() {
			items[i] = part(item)
		}
		result = Array(&lhpb.Array{Items: items, ElementType: k.Array.GetElementType()})
	case *lhpb.VariableValue_Map:
		entries := make([]*lhpb.Map_Entry, len(k.Map.GetEntries()))
		for i, e := range k.Map.GetEntries() {
			entries[i] = &lhpb.Map_Entry{Key: part(e.GetKey()), Value: part(e.GetValue())}
		}
		result = Map(&lhpb.Map{Entries: entries, MapType: k.Map.GetMapType()})
	case *lhpb.VariableValue_Struct:
		old := k.Struct.GetStruct().GetFields()
		fields := make(map[string]*lhpb.StructField, len(old))
		for _, name := range sortedKeys(old) {
			fields[name] = &lhpb.StructField{Value: part(old[name].GetValue()), Masked: old[name].GetMasked()}
		}
		result = Struct(&lhpb.Struct{StructDefId: k.Struct.GetStructDefId(), Struct: &lhpb.InlineStruct{Fields: fields}})
	}
	if !changed {
		return v
	}
	return result
}

// CheckJSON says which JSON text in a value is malformed, if one is.
func CheckJSON(v *lhpb.VariableValue) error { return checkJSON(v, 0) }

func checkJSON(v *lhpb.VariableValue, depth int) error {
	if depth > MaxDepth {
		return tooDeep()
	}
	p, text := lhpb.VariableType_JSON_OBJ, ""
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_JsonObj:
		text = k.JsonObj
	case *lhpb.VariableValue_JsonArr:
		p, text = lhpb.VariableType_JSON_ARR, k.JsonArr
	default:
		var err error
		mapParts(v, func(part *lhpb.VariableValue) *lhpb.VariableValue {
			if err == nil {
				err = checkJSON(part, depth+1)
			}
			return part
		})
		return err
	}
	if _, _, ok := NormalizeJSON(p, text); !ok {
		return fmt.Errorf("malformed %v: %s", p, clip(text))
	}
	return nil
}

// fromJSON makes the value of a tree, refusing what is too large or cannot be written as JSON.
func fromJSON(tree any) (*lhpb.VariableValue, error) {
	switch t := tree.(type) {
	case *jsonList:
		text, err := writeJSON(t)
		return JSONArr(text), err
	case *jsonObject:
		text, err := writeJSON(t)
		return JSONObj(text), err
	case string:
		if len(t) > MaxBytes {
			return nil, tooLarge()
		}
	}
	return fromTree(tree), nil
}

// fromTree is the value of a tree that came from the JSON text of a value.
func fromTree(tree any) *lhpb.VariableValue {
	switch t := tree.(type) {
	case bool:
		return Bool(t)
	case int64:
		return Int(t)
	case float64:
		return Double(t)
	case string:
		// A part of a document must not keep all of it in memory.
		return Str(strings.Clone(t))
	case *jsonList:
		return JSONArr(string(appendJSON(nil, t)))
	case *jsonObject:
		return JSONObj(string(appendJSON(nil, t)))
	}
	return null
}

// jsonWriter writes a tree in normal form: no spaces, doubles as DoubleText, text safe to put into HTML.
type jsonWriter struct {
	b []byte
	// limit is the bytes after which it gives up; 0 for none.
	limit int
	// strict refuses what would not read back: numbers that are not finite, and too deep nesting.
	strict bool
	err    error
}

// appendJSON writes a tree whatever it is; numbers that are not finite become texts.
func appendJSON(b []byte, tree any) []byte {
	w := jsonWriter{b: b}
	w.value(tree, 0)
	return w.b
}

// writeJSON writes a tree that is to be stored.
func writeJSON(tree any) (string, error) {
	w := jsonWriter{limit: MaxBytes, strict: true}
	w.value(tree, 0)
	if w.err == nil && len(w.b) > w.limit {
		w.err = tooLarge()
	}
	return string(w.b), w.err
}

// value reports whether to go on.
func (w *jsonWriter) value(tree any, depth int) bool {
	if w.limit > 0 && len(w.b) > w.limit {
		w.err = tooLarge()
	}
	if w.strict && depth > MaxJSONDepth {
		w.err = fmt.Errorf("JSON nested deeper than the limit of %d levels", MaxJSONDepth)
	}
	if w.err != nil {
		return false
	}
	switch t := tree.(type) {
	case bool:
		w.b = strconv.AppendBool(w.b, t)
	case int64:
		w.b = strconv.AppendInt(w.b, t, 10)
	case float64:
		w.double(t)
	case string:
		w.b = appendJSONString(w.b, t)
	case *jsonList:
		w.list(t, depth)
	case *jsonObject:
		w.object(t, depth)
	default:
		w.b = append(w.b, nullText...)
	}
	return w.err == nil
}

func (w *jsonWriter) double(f float64) {
	switch finite := !math.IsNaN(f) && !math.IsInf(f, 0); {
	case finite:
		w.b = appendDouble(w.b, f)
	case w.strict:
		w.err = fmt.Errorf("JSON cannot hold the number %s", DoubleText(f))
	default:
		w.b = appendJSONString(w.b, DoubleText(f))
	}
}

func (w *jsonWriter) list(t *jsonList, depth int) {
	w.b = append(w.b, '[')
	for i, item := range t.items {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		if !w.value(item, depth+1) {
			return
		}
	}
	w.b = append(w.b, ']')
}

func (w *jsonWriter) object(t *jsonObject, depth int) {
	w.b = append(w.b, '{')
	for i, key := range t.keys {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = appendJSONString(w.b, key)
		w.b = append(w.b, ':')
		if !w.value(t.values[i], depth+1) {
			return
		}
	}
	w.b = append(w.b, '}')
}

const hexDigits = "0123456789abcdef"

func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	plainFrom := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if safeInJSON(c) {
				i++
				continue
			}
			b = append(b, s[plainFrom:i]...)
			b = appendEscaped(b, c)
			i++
			plainFrom = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || r == '\u2028' || r == '\u2029' {
			b = append(b, s[plainFrom:i]...)
			if r == utf8.RuneError {
				b = utf8.AppendRune(b, r)
			} else {
				b = append(b, `\u202`...)
				b = append(b, hexDigits[r&0xF])
			}
			plainFrom = i + n
		}
		i += n
	}
	b = append(b, s[plainFrom:]...)
	return append(b, '"')
}

func safeInJSON(c byte) bool {
	switch c {
	case '"', '\\', '<', '>', '&', '=', '\'':
		return false
	}
	return c >= ' '
}

func appendEscaped(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\t':
		return append(b, `\t`...)
	case '\b':
		return append(b, `\b`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\f':
		return append(b, `\f`...)
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xF])
}
