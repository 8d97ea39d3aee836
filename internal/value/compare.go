package value

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"littlehorse/lhpb"
)

var errNotComparable = errors.New("Failed comparing the provided values.")

// EvalComparator says whether `l c r` holds. For IN and NOT_IN the container is r.
func EvalComparator(c lhpb.Comparator, l, r *lhpb.VariableValue) (bool, error) {
	switch c {
	case lhpb.Comparator_IN:
		return Contains(r, l)
	case lhpb.Comparator_NOT_IN:
		in, err := Contains(r, l)
		return !in && err == nil, err
	case lhpb.Comparator_EQUALS, lhpb.Comparator_NOT_EQUALS:
		if same, err := equalContainers(l, r); err == nil {
			return same == (c == lhpb.Comparator_EQUALS), nil
		}
	}
	order, err := Compare(l, r)
	if err != nil {
		return false, err
	}
	switch c {
	case lhpb.Comparator_LESS_THAN:
		return order < 0, nil
	case lhpb.Comparator_GREATER_THAN:
		return order > 0, nil
	case lhpb.Comparator_LESS_THAN_EQ:
		return order <= 0, nil
	case lhpb.Comparator_GREATER_THAN_EQ:
		return order >= 0, nil
	case lhpb.Comparator_EQUALS:
		return order == 0, nil
	case lhpb.Comparator_NOT_EQUALS:
		return order != 0, nil
	}
	return false, fmt.Errorf("unknown Comparator %d", int32(c))
}

// equalContainers compares Arrays and Maps, which have no order but can be equal.
func equalContainers(l, r *lhpb.VariableValue) (bool, error) {
	if l.GetArray() != nil && r.GetArray() != nil || l.GetMap() != nil && r.GetMap() != nil {
		return Identical(l, r), nil
	}
	return false, errNotComparable
}

// Compare orders two values of the same kind; nothing is converted. NULL is equal to NULL and less than all
// else. Doubles have a total order: -0.0 before 0.0, NaN last. Texts go by UTF-16 code unit. JSON, Arrays
// and Maps have no order.
func Compare(l, r *lhpb.VariableValue) (int, error) {
	if IsNull(l) || IsNull(r) {
		return compareBool(!IsNull(l), !IsNull(r)), nil
	}
	switch x := l.GetValue().(type) {
	case *lhpb.VariableValue_Int:
		if y, ok := r.GetValue().(*lhpb.VariableValue_Int); ok {
			return cmp.Compare(x.Int, y.Int), nil
		}
	case *lhpb.VariableValue_Str:
		if y, ok := r.GetValue().(*lhpb.VariableValue_Str); ok {
			return compareUTF16(x.Str, y.Str), nil
		}
	case *lhpb.VariableValue_Double:
		if y, ok := r.GetValue().(*lhpb.VariableValue_Double); ok {
			return compareDouble(x.Double, y.Double), nil
		}
	case *lhpb.VariableValue_Bool:
		if y, ok := r.GetValue().(*lhpb.VariableValue_Bool); ok {
			return compareBool(x.Bool, y.Bool), nil
		}
	case *lhpb.VariableValue_WfRunId:
		if y, ok := r.GetValue().(*lhpb.VariableValue_WfRunId); ok {
			return compareUTF16(wfRunIDText(x.WfRunId), wfRunIDText(y.WfRunId)), nil
		}
	case *lhpb.VariableValue_UtcTimestamp:
		if y, ok := r.GetValue().(*lhpb.VariableValue_UtcTimestamp); ok {
			return cmp.Or(cmp.Compare(x.UtcTimestamp.GetSeconds(), y.UtcTimestamp.GetSeconds()),
				cmp.Compare(x.UtcTimestamp.GetNanos(), y.UtcTimestamp.GetNanos())), nil
		}
	case *lhpb.VariableValue_Bytes:
		if y, ok := r.GetValue().(*lhpb.VariableValue_Bytes); ok {
			return bytes.Compare(x.Bytes, y.Bytes), nil
		}
	case *lhpb.VariableValue_Struct:
		if r.GetStruct() != nil {
			return compareMessages(l, r)
		}
	}
	return 0, errNotComparable
}

func compareBool(l, r bool) int {
	switch {
	case l == r:
		return 0
	case r:
		return -1
	}
	return 1
}

// compareDouble is a total order: -0.0 < 0.0, and NaN is greatest.
func compareDouble(l, r float64) int {
	switch {
	case l < r:
		return -1
	case l > r:
		return 1
	}
	switch ln, rn := math.IsNaN(l), math.IsNaN(r); {
	case ln && rn:
		return 0
	case ln:
		return 1
	case rn:
		return -1
	}
	return compareBool(!math.Signbit(l), !math.Signbit(r))
}

// compareMessages orders containers by their serialised form, in which fields are sorted.
func compareMessages(l, r *lhpb.VariableValue) (int, error) {
	x, err := marshal(l)
	if err != nil {
		return 0, err
	}
	y, err := marshal(r)
	if err != nil {
		return 0, err
	}
	return bytes.Compare(x, y), nil
}

func marshal(v *lhpb.VariableValue) ([]byte, error) {
	if err := checkDepth(v, 0); err != nil {
		return nil, err
	}
	return v.MarshalVT()
}

// Identical reports whether two values are the same in kind and content; INT 1 is not DOUBLE 1.0.
func Identical(l, r *lhpb.VariableValue) bool { return identicalTo(l)(r) }

// identicalTo is Identical for one value against many.
func identicalTo(v *lhpb.VariableValue) func(*lhpb.VariableValue) bool {
	switch x := v.GetValue().(type) {
	case nil:
		return IsNull
	case *lhpb.VariableValue_JsonObj:
		return func(other *lhpb.VariableValue) bool {
			y, ok := other.GetValue().(*lhpb.VariableValue_JsonObj)
			return ok && x.JsonObj == y.JsonObj
		}
	case *lhpb.VariableValue_JsonArr:
		return func(other *lhpb.VariableValue) bool {
			y, ok := other.GetValue().(*lhpb.VariableValue_JsonArr)
			return ok && x.JsonArr == y.JsonArr
		}
	case *lhpb.VariableValue_Array, *lhpb.VariableValue_Map, *lhpb.VariableValue_Struct:
		return sameMessageAs(v)
	}
	return func(other *lhpb.VariableValue) bool {
		order, err := Compare(v, other)
		return err == nil && order == 0
	}
}

// sameMessageAs compares containers by their serialised form, which also tells their kinds apart.
func sameMessageAs(v *lhpb.VariableValue) func(*lhpb.VariableValue) bool {
	want, err := marshal(v)
	return func(other *lhpb.VariableValue) bool {
		if _, primitive := PrimitiveOf(other); primitive || err != nil {
			return false
		}
		got, err := marshal(other)
		return err == nil && bytes.Equal(want, got)
	}
}

// Contains says whether a container has an element: a text has it as a part, a JSON_ARR or ARRAY as an item,
// a JSON_OBJ or MAP as a key.
func Contains(container, element *lhpb.VariableValue) (bool, error) {
	switch c := container.GetValue().(type) {
	case *lhpb.VariableValue_Str:
		if IsNull(element) {
			return false, errors.New("Failed evaluating CONTAINS: NULL is no part of a text")
		}
		return strings.Contains(c.Str, Text(element)), nil
	case *lhpb.VariableValue_JsonArr:
		return listHas(jsonListOf(c.JsonArr), element), nil
	case *lhpb.VariableValue_JsonObj:
		_, ok := jsonObjectOf(c.JsonObj).get(Text(element))
		return ok && !IsNull(element), nil
	case *lhpb.VariableValue_Array:
		return slices.ContainsFunc(c.Array.GetItems(), identicalTo(element)), nil
	case *lhpb.VariableValue_Map:
		return entryOf(c.Map, element) >= 0, nil
	}
	return false, fmt.Errorf("Failed evaluating CONTAINS on a value of type %v", TypeOf(container))
}

func listHas(list *jsonList, element *lhpb.VariableValue) bool {
	wanted := treeOf(element, 0)
	for _, item := range list.items {
		if covers(item, wanted) {
			return true
		}
	}
	return false
}

// covers is the equality of IN: numbers as doubles, and an object may have more members than wanted.
func covers(item, wanted any) bool {
	switch w := wanted.(type) {
	case int64:
		f, ok := asDouble(item)
		return ok && f == float64(w)
	case float64:
		f, ok := asDouble(item)
		return ok && f == w
	case *jsonList:
		list, ok := item.(*jsonList)
		if !ok || len(list.items) != len(w.items) {
			return false
		}
		for i := range w.items {
			if !covers(list.items[i], w.items[i]) {
				return false
			}
		}
		return true
	case *jsonObject:
		object, ok := item.(*jsonObject)
		if !ok {
			return false
		}
		for i, key := range w.keys {
			if v, has := object.get(key); !has || !covers(v, w.values[i]) {
				return false
			}
		}
		return true
	}
	return item == wanted
}

func asDouble(tree any) (float64, bool) {
	switch t := tree.(type) {
	case int64:
		return float64(t), true
	case float64:
		return t, true
	}
	return 0, false
}

// sameTree is strict equality: 1 is not 1.0, objects have the same members in any order.
func sameTree(a, b any) bool {
	switch x := a.(type) {
	case *jsonList:
		y, ok := b.(*jsonList)
		if !ok || len(x.items) != len(y.items) {
			return false
		}
		for i := range x.items {
			if !sameTree(x.items[i], y.items[i]) {
				return false
			}
		}
		return true
	case *jsonObject:
		y, ok := b.(*jsonObject)
		if !ok || len(x.keys) != len(y.keys) {
			return false
		}
		for i, key := range x.keys {
			if v, has := y.get(key); !has || !sameTree(x.values[i], v) {
				return false
			}
		}
		return true
	case float64:
		y, ok := b.(float64)
		return ok && compareDouble(x, y) == 0
	}
	return a == b
}

// entryOf is the place of the entry whose key is identical; -1 if there is none.
func entryOf(m *lhpb.Map, key *lhpb.VariableValue) int {
	same := identicalTo(key)
	return slices.IndexFunc(m.GetEntries(), func(e *lhpb.Map_Entry) bool { return same(e.GetKey()) })
}
