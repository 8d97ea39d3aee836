package catalog

import (
	"errors"
	"fmt"
	"strings"

	"littlehorse/internal/lh"
	"littlehorse/internal/spec"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// schemaOf is the schema as it would be stored: types pinned, defaults in normal form.
func schemaOf(defs spec.Defs, s *lhpb.InlineStructDef) (*lhpb.InlineStructDef, error) {
	out := &lhpb.InlineStructDef{Fields: make(map[string]*lhpb.StructFieldDef, len(s.GetFields()))}
	for _, name := range sortedKeys(s.GetFields()) {
		if err := fieldName(name); err != nil {
			return nil, fmt.Errorf("StructDef field name '%s' invalid: %w", name, err)
		}
		f, err := fieldOf(defs, s.Fields[name])
		if err != nil {
			return nil, fmt.Errorf("StructDef field '%s' invalid: %w", name, err)
		}
		out.Fields[name] = f
	}
	return out, nil
}

func fieldName(name string) error {
	if name == "" {
		return errors.New("it is empty")
	}
	switch c := name[0]; {
	case c >= 'A' && c <= 'Z':
		return errors.New("first letter must be lowercase")
	case c < 'a' || c > 'z':
		return errors.New("first character must be a letter")
	}
	if strings.Contains(name, "_") {
		return errors.New("cannot include underscores, must follow camelCase")
	}
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return errors.New("cannot include special characters, must be alphanumeric")
		}
	}
	return nil
}

func fieldOf(defs spec.Defs, f *lhpb.StructFieldDef) (*lhpb.StructFieldDef, error) {
	out := &lhpb.StructFieldDef{IsNullable: f.GetIsNullable()}
	if f != nil {
		out.Description = clonedText(f.Description)
	}
	typ, err := spec.PinType(defs, f.GetFieldType().CloneVT())
	if err != nil {
		return nil, err
	}
	if json := jsonType(typ); json != nil {
		return nil, fmt.Errorf("Forbidden JSON type: %s. Within StructDefs, use native equivalents such as StructDefs for nested object types and InlineArrayDefs for native LH arrays.", value.TypeString(json))
	}
	if err := spec.CheckMapKeys(typ); err != nil {
		return nil, err
	}
	out.FieldType = typ
	if f.GetDefaultValue() == nil {
		return out, nil
	}
	out.DefaultValue, err = defaultOf(defs, typ, f)
	return out, err
}

// jsonType is the first primitive JSON type in t; nil if there is none.
func jsonType(t *lhpb.TypeDefinition) *lhpb.TypeDefinition {
	switch k := t.GetDefinedType().(type) {
	case *lhpb.TypeDefinition_PrimitiveType:
		if k.PrimitiveType == lhpb.VariableType_JSON_OBJ || k.PrimitiveType == lhpb.VariableType_JSON_ARR {
			return t
		}
	case *lhpb.TypeDefinition_InlineArrayDef:
		return jsonType(k.InlineArrayDef.GetArrayType())
	case *lhpb.TypeDefinition_InlineMapDef:
		if key := jsonType(k.InlineMapDef.GetKeyType()); key != nil {
			return key
		}
		return jsonType(k.InlineMapDef.GetValueType())
	}
	return nil
}

// defaultOf is the default value of the field as it would be stored.
func defaultOf(defs spec.Defs, typ *lhpb.TypeDefinition, f *lhpb.StructFieldDef) (*lhpb.VariableValue, error) {
	v, err := value.Validate(typ, f.DefaultValue.CloneVT(), defs)
	switch {
	case err != nil:
		return nil, fmt.Errorf("StructFieldDef validation failed: %w", err)
	case value.IsNull(v) && !f.IsNullable:
		return nil, errors.New("Non-nullable field cannot have a null default value")
	}
	return v, nil
}

// evolves refuses a change of schema that the compatibility type does not allow. A change of descriptions
// alone is always allowed.
func evolves(old, schema *lhpb.InlineStructDef, compatibility lhpb.StructDefCompatibilityType) *lh.Error {
	var fields []string
	for _, name := range unionOfKeys(old.GetFields(), schema.GetFields()) {
		if !mayChange(old.GetFields()[name], schema.GetFields()[name], compatibility) {
			fields = append(fields, name)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return invalid("Incompatible StructDef evolution on field(s): [%s] using %v compatibility type", strings.Join(fields, ", "), compatibility)
}

// mayChange judges one field; nil is a field that is not there.
func mayChange(old, now *lhpb.StructFieldDef, compatibility lhpb.StructDefCompatibilityType) bool {
	if compatibility == lhpb.StructDefCompatibilityType_NO_SCHEMA_UPDATES {
		return old != nil && now != nil && same(undescribed(old), undescribed(now))
	}
	switch {
	case old == nil:
		return !value.RequiredField(now)
	case now == nil:
		return !value.RequiredField(old)
	}
	return value.RequiredField(old) == value.RequiredField(now) && value.Equal(old.GetFieldType(), now.GetFieldType())
}

func undescribed(f *lhpb.StructFieldDef) *lhpb.StructFieldDef {
	return &lhpb.StructFieldDef{FieldType: f.GetFieldType(), DefaultValue: f.GetDefaultValue(), IsNullable: f.GetIsNullable()}
}

// ValidateStructDefEvolution reports whether the schema could become the next version after the given one.
// Any schema could follow on a StructDef that does not exist.
func ValidateStructDefEvolution(defs spec.Defs, req *lhpb.ValidateStructDefEvolutionRequest) (bool, *lh.Error) {
	if refusal := spec.Admit(req); refusal != nil {
		return false, refusal
	}
	schema, err := schemaOf(defs, req.GetStructDef())
	if err != nil {
		return false, invalid("StructDef evolution request invalid: %v", err)
	}
	old := defs.StructDef(req.GetStructDefId().GetName(), req.GetStructDefId().GetVersion())
	return old == nil || evolves(old.GetStructDef(), schema, req.GetCompatibilityType()) == nil, nil
}
