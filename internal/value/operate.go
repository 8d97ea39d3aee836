package value

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"littlehorse/lhpb"
)

// Operate computes `left op right`. target is the type that the result is for: the declared type of the
// variable that is changed, or nil in an expression, where the type of the left value counts and INT with
// DOUBLE gives DOUBLE.
func Operate(op lhpb.VariableMutationType, target *lhpb.TypeDefinition, left, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	t := Type{def: target}
	if target == nil {
		t = expressionType(left, right)
	}
	result, err := operate(op, t, left, right)
	if err != nil {
		return nil, err
	}
	if sizeOf(result) > MaxBytes {
		return nil, tooLarge()
	}
	return result, nil
}

func expressionType(left, right *lhpb.VariableValue) Type {
	t := TypeOf(left)
	if t.Is(lhpb.VariableType_INT) && TypeOf(right).Is(lhpb.VariableType_DOUBLE) {
		return Primitive(lhpb.VariableType_DOUBLE)
	}
	return t
}

func operate(op lhpb.VariableMutationType, t Type, left, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	if op == lhpb.VariableMutationType_ASSIGN {
		return assign(t, right)
	}
	if IsNull(left) {
		return nil, fmt.Errorf("Cannot %s to var of type VALUE_NOT_SET", verb(op))
	}
	if t.Struct() != nil || left.GetStruct() != nil {
		return nil, fmt.Errorf("Cannot %s a Struct: only ASSIGN is supported", verb(op))
	}
	switch op {
	case lhpb.VariableMutationType_ADD, lhpb.VariableMutationType_SUBTRACT,
		lhpb.VariableMutationType_MULTIPLY, lhpb.VariableMutationType_DIVIDE:
		return arithmetic(op, t, left, right)
	case lhpb.VariableMutationType_POW:
		return pow(t, left, right)
	case lhpb.VariableMutationType_EXTEND:
		return extend(t, left, right)
	case lhpb.VariableMutationType_REMOVE_IF_PRESENT:
		return removeIfPresent(t, left, right)
	case lhpb.VariableMutationType_REMOVE_INDEX:
		return removeIndex(left, right)
	case lhpb.VariableMutationType_REMOVE_KEY:
		return removeKey(left, right)
	case lhpb.VariableMutationType_AND, lhpb.VariableMutationType_OR:
		return logical(op, left, right)
	}
	return nil, fmt.Errorf("unknown VariableMutationType %d", int32(op))
}

func assign(t Type, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	switch {
	case IsNull(right):
		return right, nil
	case t.IsNull():
		return nil, fmt.Errorf("Coercing from %v to NULL is not supported", TypeOf(right))
	case t.Def() == nil:
		return right, nil
	}
	return Coerce(right, t.Def())
}

func notSupported(op lhpb.VariableMutationType, left *lhpb.VariableValue) error {
	return fmt.Errorf("Cannot %s to var of type %v", verb(op), TypeOf(left))
}

func arithmetic(op lhpb.VariableMutationType, t Type, left, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	if err := checkOperand(op, right); err != nil {
		return nil, err
	}
	if t.Is(lhpb.VariableType_DOUBLE) {
		var err error
		if left, err = operand(left, lhpb.VariableType_DOUBLE); err != nil {
			return nil, err
		}
	}
	switch l := left.GetValue().(type) {
	case *lhpb.VariableValue_Int:
		return intArithmetic(op, l.Int, right)
	case *lhpb.VariableValue_Double:
		r, err := operand(right, lhpb.VariableType_DOUBLE)
		if err != nil {
			return nil, err
		}
		f, err := doubleArithmetic(op, l.Double, r.GetDouble())
		return Double(f), err
	case *lhpb.VariableValue_Str:
		if op == lhpb.VariableMutationType_ADD {
			return concat(l.Str, Text(right))
		}
	case *lhpb.VariableValue_JsonArr:
		if op == lhpb.VariableMutationType_ADD {
			return appendItem(l.JsonArr, right)
		}
	}
	return nil, notSupported(op, left)
}

// checkOperand refuses what no arithmetic takes on its right side.
func checkOperand(op lhpb.VariableMutationType, right *lhpb.VariableValue) error {
	if _, ok := PrimitiveOf(right); ok {
		return nil
	}
	what := nullText
	if !IsNull(right) {
		what = TypeOf(right).String()
	}
	if op == lhpb.VariableMutationType_SUBTRACT {
		return fmt.Errorf("Cannot subtract %s", what)
	}
	return fmt.Errorf("Cannot %s by %s", verb(op), what)
}

// operand converts one side to INT or DOUBLE.
func operand(v *lhpb.VariableValue, p lhpb.VariableType) (*lhpb.VariableValue, error) {
	src, ok := PrimitiveOf(v)
	if !ok {
		return nil, notCoercible(v, PrimitiveDef(p))
	}
	return coercePrimitive(v, src, p)
}

func intArithmetic(op lhpb.VariableMutationType, l int64, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	if r, ok := right.GetValue().(*lhpb.VariableValue_Double); ok && op != lhpb.VariableMutationType_ADD {
		f, err := doubleArithmetic(op, float64(l), r.Double)
		return Int(truncate(f)), err
	}
	converted, err := operand(right, lhpb.VariableType_INT)
	if err != nil {
		return nil, err
	}
	r := converted.GetInt()
	switch op {
	case lhpb.VariableMutationType_ADD:
		return Int(l + r), nil
	case lhpb.VariableMutationType_SUBTRACT:
		return Int(l - r), nil
	case lhpb.VariableMutationType_MULTIPLY:
		return Int(l * r), nil
	}
	if r == 0 {
		return nil, errDivideByZero
	}
	return Int(l / r), nil
}

var errDivideByZero = errors.New("Cannot divide by zero")

func doubleArithmetic(op lhpb.VariableMutationType, l, r float64) (float64, error) {
	switch op {
	case lhpb.VariableMutationType_ADD:
		return l + r, nil
	case lhpb.VariableMutationType_SUBTRACT:
		return l - r, nil
	case lhpb.VariableMutationType_MULTIPLY:
		return l * r, nil
	}
	if r == 0 {
		return 0, errDivideByZero
	}
	return l / r, nil
}

// pow works in doubles; where a number of the other kind is declared, the result becomes that.
func pow(t Type, left, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	v, err := power(left, right)
	if err != nil || !t.isNumber() {
		return v, err
	}
	return Coerce(v, t.Def())
}

func power(left, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	l, leftDouble, ok := number(left)
	if !ok {
		return nil, notSupported(lhpb.VariableMutationType_POW, left)
	}
	r, rightDouble, ok := number(right)
	if !ok {
		return nil, fmt.Errorf("Cannot raise to the power of a %v", TypeOf(right))
	}
	f := powDouble(l, r)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("The result of %s to the power of %s is not a finite number", Text(left), Text(right))
	}
	if leftDouble || rightDouble {
		return Double(f), nil
	}
	if f > math.MaxInt64 || f < math.MinInt64 {
		return nil, fmt.Errorf("The result of %s to the power of %s does not fit an INT", Text(left), Text(right))
	}
	return Int(truncate(f)), nil
}

func number(v *lhpb.VariableValue) (f float64, isDouble, ok bool) {
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Int:
		return float64(k.Int), false, true
	case *lhpb.VariableValue_Double:
		return k.Double, true, true
	}
	return 0, false, false
}

func concat(a, b string) (*lhpb.VariableValue, error) {
	if len(a)+len(b) > MaxBytes {
		return nil, tooLarge()
	}
	return Str(a + b), nil
}

func appendItem(list string, item *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	l := jsonListOf(list)
	l.items = append(l.items, treeOf(item, 0))
	return fromJSON(l)
}

func extend(t Type, left, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	switch l := left.GetValue().(type) {
	case *lhpb.VariableValue_Str:
		return concat(l.Str, Text(right))
	case *lhpb.VariableValue_JsonArr:
		r, ok := right.GetValue().(*lhpb.VariableValue_JsonArr)
		if !ok {
			return nil, fmt.Errorf("Cannot extend a JSON_ARR with a value of type %v", TypeOf(right))
		}
		list := jsonListOf(l.JsonArr)
		list.items = append(list.items, jsonListOf(r.JsonArr).items...)
		return fromJSON(list)
	case *lhpb.VariableValue_Bytes:
		r, err := Coerce(right, PrimitiveDef(lhpb.VariableType_BYTES))
		if err != nil {
			return nil, err
		}
		if len(l.Bytes)+len(r.GetBytes()) > MaxBytes {
			return nil, tooLarge()
		}
		return Bytes(slices.Concat(l.Bytes, r.GetBytes())), nil
	case *lhpb.VariableValue_Array:
		return extendArray(elementType(t, left), l.Array, right)
	case *lhpb.VariableValue_Map:
		if right.GetMap() == nil {
			return nil, fmt.Errorf("Cannot extend a Map with a value of type %v", TypeOf(right))
		}
		return Map(mergeMaps(l.Map, right.GetMap())), nil
	}
	return nil, notSupported(lhpb.VariableMutationType_EXTEND, left)
}

// elementType is that of the declaration, else of the Array itself.
func elementType(t Type, array *lhpb.VariableValue) Type {
	if e := t.Element(); t.IsArray() && !e.IsUnknown() {
		return e
	}
	return TypeOf(array).Element()
}

func extendArray(element Type, a *lhpb.Array, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	if r := right.GetArray(); r != nil && concatenates(element, TypeOf(right).Element()) {
		return Array(&lhpb.Array{Items: slices.Concat(a.GetItems(), r.Items), ElementType: typeOfItems(a, element)}), nil
	}
	item, err := coerceItem(element, right)
	if err != nil {
		return nil, err
	}
	return Array(&lhpb.Array{Items: append(slices.Clone(a.GetItems()), item), ElementType: typeOfItems(a, element)}), nil
}

// typeOfItems keeps the element type that an Array has, and gives one to an Array that came without.
func typeOfItems(a *lhpb.Array, element Type) *lhpb.TypeDefinition {
	if t := a.GetElementType(); t != nil {
		return t
	}
	return element.Def()
}

// concatenates tells an Array of the same type from one that is an item. An empty one without a type is an
// item only of an Array of Arrays.
func concatenates(element, rightElement Type) bool {
	if rightElement.IsUnknown() {
		return !element.IsArray()
	}
	return element.Equal(rightElement)
}

// coerceItem makes a value an item of an Array; where the element type is unknown, as it is.
func coerceItem(element Type, item *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	if element.IsUnknown() {
		return item, nil
	}
	return Coerce(item, element.Def())
}

// mergeMaps keeps the places of a's keys, with b's values, and appends b's new ones in b's order.
func mergeMaps(a, b *lhpb.Map) *lhpb.Map {
	merged := &lhpb.Map{Entries: slices.Clone(a.GetEntries()), MapType: a.GetMapType()}
	places := mapPlaces(merged)
	for _, e := range b.GetEntries() {
		places.put(merged, e)
	}
	return merged
}

// places finds the entries of a Map that is being built by their keys.
type places map[string]int

func mapPlaces(m *lhpb.Map) places {
	p := make(places, len(m.GetEntries()))
	for i, e := range m.GetEntries() {
		p[keyText(e.GetKey())] = i
	}
	return p
}

func (p places) put(m *lhpb.Map, e *lhpb.Map_Entry) {
	k := keyText(e.GetKey())
	if i, ok := p[k]; ok {
		m.Entries[i] = &lhpb.Map_Entry{Key: m.Entries[i].GetKey(), Value: e.GetValue()}
		return
	}
	p[k] = len(m.Entries)
	m.Entries = append(m.Entries, e)
}

// keyText is equal for identical keys only: the serialised key.
func keyText(key *lhpb.VariableValue) string {
	b, err := marshal(key)
	if err != nil {
		return Text(key)
	}
	return string(b)
}

func removeIfPresent(t Type, left, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	switch l := left.GetValue().(type) {
	case *lhpb.VariableValue_JsonArr:
		list, unwanted := jsonListOf(l.JsonArr), treeOf(right, 0)
		list.items = slices.DeleteFunc(list.items, func(item any) bool { return sameTree(item, unwanted) })
		return fromJSON(list)
	case *lhpb.VariableValue_Array:
		unwanted, err := coerceItem(elementType(t, left), right)
		if err != nil {
			return nil, err
		}
		var kept []*lhpb.VariableValue
		same := identicalTo(unwanted)
		for _, item := range l.Array.GetItems() {
			if !same(item) {
				kept = append(kept, item)
			}
		}
		return Array(&lhpb.Array{Items: kept, ElementType: l.Array.GetElementType()}), nil
	}
	return nil, notSupported(lhpb.VariableMutationType_REMOVE_IF_PRESENT, left)
}

func removeIndex(left, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	const op = lhpb.VariableMutationType_REMOVE_INDEX
	switch left.GetValue().(type) {
	case *lhpb.VariableValue_JsonArr, *lhpb.VariableValue_Array:
	default:
		return nil, notSupported(op, left)
	}
	i, err := AsInt(right)
	if err != nil {
		return nil, err
	}
	if a := left.GetArray(); a != nil {
		if err := checkIndex(i, len(a.Items)); err != nil {
			return nil, err
		}
		items := slices.Delete(slices.Clone(a.Items), int(i), int(i)+1)
		return Array(&lhpb.Array{Items: items, ElementType: a.ElementType}), nil
	}
	list := jsonListOf(left.GetJsonArr())
	if err := checkIndex(i, len(list.items)); err != nil {
		return nil, err
	}
	list.items = slices.Delete(list.items, int(i), int(i)+1)
	return fromJSON(list)
}

func checkIndex(i int64, length int) error {
	if i < 0 || i >= int64(length) {
		return fmt.Errorf("Index %d out of bounds for length %d", i, length)
	}
	return nil
}

func removeKey(left, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	switch l := left.GetValue().(type) {
	case *lhpb.VariableValue_JsonObj:
		object := jsonObjectOf(l.JsonObj)
		object.remove(Text(right))
		return fromJSON(object)
	case *lhpb.VariableValue_Map:
		i := entryOf(l.Map, right)
		if i < 0 {
			return left, nil
		}
		entries := slices.Delete(slices.Clone(l.Map.GetEntries()), i, i+1)
		return Map(&lhpb.Map{Entries: entries, MapType: l.Map.GetMapType()}), nil
	}
	return nil, notSupported(lhpb.VariableMutationType_REMOVE_KEY, left)
}

func logical(op lhpb.VariableMutationType, left, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	l, err := truth(op, left)
	if err != nil {
		return nil, err
	}
	r, err := truth(op, right)
	if err != nil {
		return nil, err
	}
	if op == lhpb.VariableMutationType_AND {
		return Bool(l && r), nil
	}
	return Bool(l || r), nil
}

func truth(op lhpb.VariableMutationType, v *lhpb.VariableValue) (bool, error) {
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Bool:
		return k.Bool, nil
	case *lhpb.VariableValue_Str:
		return ParseBool(k.Str)
	}
	return false, fmt.Errorf("%s needs BOOL operands, not a value of type %v", op, TypeOf(v))
}

// sizeOf is about the bytes of a value; exact for containers.
func sizeOf(v *lhpb.VariableValue) int {
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Str:
		return len(k.Str)
	case *lhpb.VariableValue_JsonObj:
		return len(k.JsonObj)
	case *lhpb.VariableValue_JsonArr:
		return len(k.JsonArr)
	case *lhpb.VariableValue_Bytes:
		return len(k.Bytes)
	case *lhpb.VariableValue_Array, *lhpb.VariableValue_Map, *lhpb.VariableValue_Struct:
		return v.SizeVT()
	}
	return 16
}
