package value

import (
	"fmt"
	"strings"

	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

// Cast converts a value to an explicitly named type. NULL, values that are not primitive and values that are
// of the type already stay as they are.
func Cast(v *lhpb.VariableValue, target *lhpb.TypeDefinition) (*lhpb.VariableValue, error) {
	src, ok := PrimitiveOf(v)
	if !ok {
		return v, nil
	}
	target = Normalize(target)
	dst, ok := primitiveOf(target)
	if ok && src == dst {
		return v, nil
	}
	if !ok || !CanCast(src, dst) {
		return nil, fmt.Errorf("Failed to cast value to %s: Cannot cast from %v to %s. This conversion is not supported.",
			TypeString(target), src, TypeString(target))
	}
	cast, err := convert(v, dst)
	if err != nil {
		return nil, fmt.Errorf("Failed to cast value to %v: %w", dst, err)
	}
	return cast, nil
}

// convert does what CanCast allows.
func convert(v *lhpb.VariableValue, dst lhpb.VariableType) (*lhpb.VariableValue, error) {
	switch dst {
	case lhpb.VariableType_STR:
		return Str(Text(v)), nil
	case lhpb.VariableType_INT:
		return toInt(v)
	case lhpb.VariableType_DOUBLE:
		return toDouble(v)
	case lhpb.VariableType_BOOL:
		b, err := ParseBool(v.GetStr())
		return Bool(b), err
	case lhpb.VariableType_BYTES:
		return Bytes([]byte(v.GetStr())), nil
	case lhpb.VariableType_WF_RUN_ID:
		return parseWfRunID(v.GetStr())
	}
	return nil, fmt.Errorf("Cannot convert %v to %v", TypeOf(v), dst)
}

func toInt(v *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Int:
		return v, nil
	case *lhpb.VariableValue_Double:
		return Int(truncate(k.Double)), nil
	case *lhpb.VariableValue_Str:
		i, err := ParseInt(k.Str)
		return Int(i), err
	}
	return nil, fmt.Errorf("Cannot convert %v to INT", TypeOf(v))
}

func toDouble(v *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Double:
		return v, nil
	case *lhpb.VariableValue_Int:
		return Double(float64(k.Int)), nil
	case *lhpb.VariableValue_Str:
		f, err := ParseDouble(k.Str)
		return Double(f), err
	}
	return nil, fmt.Errorf("Cannot convert %v to DOUBLE", TypeOf(v))
}

func parseWfRunID(s string) (*lhpb.VariableValue, error) {
	if strings.Count(s, "_") >= lh.MaxWfRunDepth {
		return nil, fmt.Errorf("Cannot parse '%s' as WF_RUN_ID: more than %d ancestors", clip(s), lh.MaxWfRunDepth)
	}
	return WfRunID(lh.ParseWfRunID(s)), nil
}

// Coerce makes a value fit a variable it is assigned to. It allows more than Cast: texts are parsed, anything
// primitive becomes text. NULL cannot be coerced.
func Coerce(v *lhpb.VariableValue, target *lhpb.TypeDefinition) (*lhpb.VariableValue, error) {
	if IsNull(v) {
		return nil, fmt.Errorf("Coercing from NULL to %s is not supported", TypeString(target))
	}
	target = Normalize(target)
	if dst, ok := primitiveOf(target); ok {
		if src, ok := PrimitiveOf(v); ok {
			return coercePrimitive(v, src, dst)
		}
	} else if fits(v, target) {
		return v, nil
	}
	return nil, notCoercible(v, target)
}

func notCoercible(v *lhpb.VariableValue, target *lhpb.TypeDefinition) error {
	return fmt.Errorf("Coercing from %v to %s is not supported", TypeOf(v), TypeString(target))
}

// fits reports whether a container goes into a variable of that type as it is.
func fits(v *lhpb.VariableValue, target *lhpb.TypeDefinition) bool {
	actual := TypeOf(v)
	switch k := target.GetDefinedType().(type) {
	case *lhpb.TypeDefinition_StructDefId:
		return v.GetStruct() != nil && equalStructDefIDs(actual.Struct(), k.StructDefId)
	case *lhpb.TypeDefinition_InlineArrayDef, *lhpb.TypeDefinition_InlineMapDef:
		return Compatible(Type{def: target}, actual)
	}
	return false
}

func coercePrimitive(v *lhpb.VariableValue, src, dst lhpb.VariableType) (*lhpb.VariableValue, error) {
	if src == dst {
		return v, nil
	}
	var result *lhpb.VariableValue
	var err error
	switch dst {
	case lhpb.VariableType_STR:
		return Str(Text(v)), nil
	case lhpb.VariableType_BYTES:
		return Bytes([]byte(Text(v))), nil
	case lhpb.VariableType_INT:
		result, err = coerceInt(v)
	case lhpb.VariableType_DOUBLE:
		result, err = toDouble(v)
	case lhpb.VariableType_BOOL:
		if src != lhpb.VariableType_STR {
			return nil, notCoercible(v, PrimitiveDef(dst))
		}
		var b bool
		b, err = ParseBool(v.GetStr())
		result = Bool(b)
	case lhpb.VariableType_WF_RUN_ID:
		switch src {
		case lhpb.VariableType_STR:
			return parseWfRunID(v.GetStr())
		case lhpb.VariableType_INT, lhpb.VariableType_DOUBLE:
			return WfRunID(&lhpb.WfRunId{Id: Text(v)}), nil
		}
		return nil, notCoercible(v, PrimitiveDef(dst))
	default:
		return nil, notCoercible(v, PrimitiveDef(dst))
	}
	if err != nil {
		return nil, fmt.Errorf("Couldn't convert %v '%s' to %v", src, clip(Text(v)), dst)
	}
	return result, nil
}

// coerceInt also takes a TIMESTAMP, as epoch milliseconds.
func coerceInt(v *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	if t := v.GetUtcTimestamp(); t != nil {
		return Int(t.GetSeconds()*1000 + int64(t.GetNanos())/1e6), nil
	}
	return toInt(v)
}

// AsInt is the INT that a value means where a number is expected: INT, a truncated DOUBLE, a STR that parses.
func AsInt(v *lhpb.VariableValue) (int64, error) {
	n, err := Coerce(v, PrimitiveDef(lhpb.VariableType_INT))
	if err != nil {
		return 0, err
	}
	return n.GetInt(), nil
}

// AsStr is the text that a primitive value means where text is expected.
func AsStr(v *lhpb.VariableValue) (string, error) {
	s, err := Coerce(v, PrimitiveDef(lhpb.VariableType_STR))
	if err != nil {
		return "", err
	}
	return s.GetStr(), nil
}
