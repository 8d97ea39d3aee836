package value

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

// Validate takes a value in from outside, where expected is declared. It converts nothing: INT given for
// DOUBLE or STR stays INT. JSON is brought into normal form, the declared types are written into Arrays and
// Maps, the declared StructDefId and the masks of its fields into Structs. NULL is always accepted.
func Validate(expected *lhpb.TypeDefinition, v *lhpb.VariableValue, defs StructDefs) (*lhpb.VariableValue, error) {
	return check(Normalize(expected), v, defs)
}

// ValidateUntyped takes in a value where nothing is declared.
func ValidateUntyped(v *lhpb.VariableValue) (*lhpb.VariableValue, error) { return check(nil, v, nil) }

func check(expected *lhpb.TypeDefinition, v *lhpb.VariableValue, defs StructDefs) (*lhpb.VariableValue, error) {
	checked, err := (&validator{defs: defs}).value(expected, v)
	if err != nil {
		return nil, err
	}
	if sizeOf(checked) > MaxBytes {
		return nil, tooLarge()
	}
	return checked, nil
}

type validator struct {
	defs  StructDefs
	depth int
}

// value checks v against a normal declaration; nil declares nothing.
func (c *validator) value(expected *lhpb.TypeDefinition, v *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	c.depth++
	defer func() { c.depth-- }()
	if c.depth > MaxDepth {
		return nil, tooDeep()
	}
	if p, ok := PrimitiveOf(v); ok {
		if want, isPrimitive := primitiveOf(expected); expected != nil && (!isPrimitive || !CanBe(p, want)) {
			return nil, incompatible(v, expected)
		}
		return c.primitive(v)
	}
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Array:
		if expected != nil && !isArray(expected) {
			return nil, incompatible(v, expected)
		}
		return c.array(expected.GetInlineArrayDef().GetArrayType(), k.Array)
	case *lhpb.VariableValue_Map:
		if expected != nil && !isMap(expected) {
			return nil, incompatible(v, expected)
		}
		return c.mapping(expected.GetInlineMapDef(), k.Map)
	case *lhpb.VariableValue_Struct:
		return c.structure(expected, v)
	}
	return null, nil
}

func incompatible(v *lhpb.VariableValue, expected *lhpb.TypeDefinition) error {
	return fmt.Errorf("Value of type %v is not compatible with expected type %s", TypeOf(v), TypeString(expected))
}

// primitive brings JSON into normal form and refuses what could not be stored or sent.
func (c *validator) primitive(v *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Str:
		if !utf8.ValidString(k.Str) {
			return nil, errors.New("The text of a STR is not valid UTF-8")
		}
	case *lhpb.VariableValue_JsonObj:
		if !utf8.ValidString(k.JsonObj) {
			return nil, errors.New("The text of a JSON_OBJ is not valid UTF-8")
		}
		return NormalizeValue(v), nil
	case *lhpb.VariableValue_JsonArr:
		if !utf8.ValidString(k.JsonArr) {
			return nil, errors.New("The text of a JSON_ARR is not valid UTF-8")
		}
		return NormalizeValue(v), nil
	case *lhpb.VariableValue_WfRunId:
		return v, checkWfRunID(k.WfRunId)
	case *lhpb.VariableValue_UtcTimestamp:
		if err := k.UtcTimestamp.CheckValid(); err != nil {
			return nil, fmt.Errorf("The TIMESTAMP is not valid: %d seconds, %d nanoseconds",
				k.UtcTimestamp.GetSeconds(), k.UtcTimestamp.GetNanos())
		}
	}
	return v, nil
}

func checkWfRunID(id *lhpb.WfRunId) error {
	for depth := 0; id != nil; id = id.ParentWfRunId {
		if depth++; depth > lh.MaxWfRunDepth {
			return fmt.Errorf("The WF_RUN_ID has more than %d ancestors", lh.MaxWfRunDepth)
		}
		if !utf8.ValidString(id.Id) {
			return errors.New("The WF_RUN_ID is not valid UTF-8")
		}
	}
	return nil
}

func (c *validator) array(element *lhpb.TypeDefinition, a *lhpb.Array) (*lhpb.VariableValue, error) {
	items := make([]*lhpb.VariableValue, len(a.GetItems()))
	for i, item := range a.GetItems() {
		checked, err := c.value(element, item)
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
		items[i] = checked
	}
	if element == nil {
		element = a.GetElementType()
	}
	return Array(&lhpb.Array{Items: items, ElementType: element}), nil
}

func (c *validator) mapping(declared *lhpb.InlineMapDef, m *lhpb.Map) (*lhpb.VariableValue, error) {
	entries := make([]*lhpb.Map_Entry, len(m.GetEntries()))
	for i, e := range m.GetEntries() {
		if IsNull(e.GetKey()) {
			return nil, fmt.Errorf("entry %d: the key is NULL", i)
		}
		key, err := c.value(declared.GetKeyType(), e.GetKey())
		if err != nil {
			return nil, fmt.Errorf("key of entry %d: %w", i, err)
		}
		v, err := c.value(declared.GetValueType(), e.GetValue())
		if err != nil {
			return nil, fmt.Errorf("value of entry %d: %w", i, err)
		}
		entries[i] = &lhpb.Map_Entry{Key: key, Value: v}
	}
	if declared == nil {
		declared = m.GetMapType()
	}
	return Map(&lhpb.Map{Entries: entries, MapType: declared}), nil
}

func (c *validator) structure(expected *lhpb.TypeDefinition, v *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	s := v.GetStruct()
	if expected == nil {
		fields, err := c.fields(s.GetStruct(), nil)
		return Struct(&lhpb.Struct{StructDefId: s.GetStructDefId(), Struct: fields}), err
	}
	id := expected.GetStructDefId()
	if id == nil || s.GetStructDefId().GetName() != id.GetName() {
		return nil, incompatible(v, expected)
	}
	def := c.defs.StructDef(id.GetName(), id.GetVersion())
	if def == nil {
		return nil, noStructDef(id)
	}
	fields, err := c.fields(s.GetStruct(), def.GetStructDef().GetFields())
	if err != nil {
		return nil, err
	}
	return Struct(&lhpb.Struct{StructDefId: def.GetId(), Struct: fields}), nil
}

// fields are checked where declared; the others are kept as they are.
func (c *validator) fields(s *lhpb.InlineStruct, declared map[string]*lhpb.StructFieldDef) (*lhpb.InlineStruct, error) {
	for _, name := range sortedKeys(declared) {
		if _, ok := s.GetFields()[name]; !ok && RequiredField(declared[name]) {
			return nil, fmt.Errorf("Missing required field %s", name)
		}
	}
	fields := make(map[string]*lhpb.StructField, len(s.GetFields()))
	for _, name := range sortedKeys(s.GetFields()) {
		f, err := c.field(s.Fields[name], declared[name])
		if err != nil {
			return nil, fmt.Errorf("Field '%s': %w", clip(name), err)
		}
		fields[name] = f
	}
	return &lhpb.InlineStruct{Fields: fields}, nil
}

// RequiredField tells whether a value of the StructDef must have the field: it has no default and may not be
// NULL.
func RequiredField(f *lhpb.StructFieldDef) bool {
	return f.GetDefaultValue() == nil && !f.GetIsNullable()
}

func (c *validator) field(f *lhpb.StructField, def *lhpb.StructFieldDef) (*lhpb.StructField, error) {
	if def == nil {
		v, err := c.value(nil, f.GetValue())
		return &lhpb.StructField{Value: v, Masked: f.GetMasked()}, err
	}
	expected := Normalize(def.GetFieldType())
	v, err := c.value(expected, f.GetValue())
	if err != nil {
		return nil, err
	}
	if IsNull(v) && !def.GetIsNullable() {
		return nil, errors.New("Field is not nullable but received null value")
	}
	return &lhpb.StructField{Value: v, Masked: expected.GetMasked()}, nil
}

// TaskInput makes the value of a TaskRun's input: as Validate, and then what is accepted without a cast is
// converted to the declared type (INT to DOUBLE, primitives to STR).
func TaskInput(expected *lhpb.TypeDefinition, v *lhpb.VariableValue, defs StructDefs) (*lhpb.VariableValue, error) {
	checked, err := Validate(expected, v, defs)
	if err != nil {
		return nil, err
	}
	return Cast(checked, expected)
}
