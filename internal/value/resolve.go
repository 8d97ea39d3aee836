package value

import (
	"errors"
	"fmt"

	"littlehorse/lhpb"
)

// StructDefs finds StructDefs.
type StructDefs interface {
	// StructDef of that version, -1 for the newest; nil if there is none.
	StructDef(name string, version int32) *lhpb.StructDef
}

// Env is what a VariableAssignment is resolved in. What it returns is shared and not changed. Errors are
// texts for the user.
type Env interface {
	StructDefs
	// Variable in scope; an error if there is none of that name.
	Variable(name string) (*lhpb.VariableValue, error)
	// NodeOutput is the latest output of a node of the ThreadRun; an error if there is none.
	NodeOutput(node string) (*lhpb.VariableValue, error)
}

// Resolve computes a VariableAssignment: its source, then its path, then its cast.
func Resolve(a *lhpb.VariableAssignment, env Env) (*lhpb.VariableValue, error) {
	// A literal or variable as it is: the common case.
	if a.GetPath() == nil && a.GetTargetType() == nil {
		switch s := a.GetSource().(type) {
		case *lhpb.VariableAssignment_LiteralValue:
			return OrNull(s.LiteralValue), nil
		case *lhpb.VariableAssignment_VariableName:
			return env.Variable(s.VariableName)
		}
	}
	return newResolver(env).resolve(a)
}

// resolver resolves one assignment and all within it.
type resolver struct {
	env   Env
	depth int
	work  *work
}

func newResolver(env Env) *resolver { return &resolver{env: env, work: newWork()} }

// assignmentCost is the work of an assignment but for the values it looks at.
const assignmentCost = 64

func (r *resolver) resolve(a *lhpb.VariableAssignment) (*lhpb.VariableValue, error) {
	r.depth++
	defer func() { r.depth-- }()
	if r.depth > MaxDepth {
		return nil, tooDeep()
	}
	if err := r.work.spend(assignmentCost); err != nil {
		return nil, err
	}
	v, err := r.source(a)
	if err != nil {
		return nil, err
	}
	if v, err = r.path(a, v); err != nil {
		return nil, err
	}
	if a.GetTargetType() == nil {
		return v, nil
	}
	if err := r.work.spend(sizeOf(v)); err != nil {
		return nil, err
	}
	return Cast(v, a.TargetType)
}

func (r *resolver) source(a *lhpb.VariableAssignment) (*lhpb.VariableValue, error) {
	switch s := a.GetSource().(type) {
	case *lhpb.VariableAssignment_LiteralValue:
		return OrNull(s.LiteralValue), nil
	case *lhpb.VariableAssignment_VariableName:
		return r.env.Variable(s.VariableName)
	case *lhpb.VariableAssignment_NodeOutput:
		return r.env.NodeOutput(s.NodeOutput.GetNodeName())
	case *lhpb.VariableAssignment_FormatString_:
		return r.format(s.FormatString)
	case *lhpb.VariableAssignment_Expression_:
		return r.expression(s.Expression)
	case *lhpb.VariableAssignment_StructBuilder:
		return r.structBuilder(s.StructBuilder)
	case *lhpb.VariableAssignment_MapBuilder:
		return r.mapBuilder(s.MapBuilder)
	case *lhpb.VariableAssignment_SizeOf_:
		return r.size(s.SizeOf)
	}
	return nil, errors.New("VariableAssignment passed with missing source")
}

func (r *resolver) path(a *lhpb.VariableAssignment, v *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	switch p := a.GetPath().(type) {
	case *lhpb.VariableAssignment_JsonPath:
		return readJSONPath(v, p.JsonPath, r.work)
	case *lhpb.VariableAssignment_LhPath:
		steps, err := r.selectors(p.LhPath)
		if err != nil {
			return nil, err
		}
		return r.readLHPath(v, steps)
	}
	return v, nil
}

func (r *resolver) size(s *lhpb.VariableAssignment_SizeOf) (*lhpb.VariableValue, error) {
	v, err := r.resolve(s.GetOperand())
	if err != nil {
		return nil, err
	}
	if err := r.work.spend(sizeOf(v)); err != nil {
		return nil, err
	}
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Str:
		return Int(int64(lengthUTF16(k.Str))), nil
	case *lhpb.VariableValue_JsonArr:
		return Int(int64(len(jsonListOf(k.JsonArr).items))), nil
	case *lhpb.VariableValue_Array:
		return Int(int64(len(k.Array.GetItems()))), nil
	}
	return nil, fmt.Errorf("Cannot resolve size() for var of type %v", TypeOf(v))
}

// operands resolves both sides, left first.
func (r *resolver) operands(lhs, rhs *lhpb.VariableAssignment) (left, right *lhpb.VariableValue, err error) {
	if left, err = r.resolve(lhs); err != nil {
		return nil, nil, err
	}
	if right, err = r.resolve(rhs); err != nil {
		return nil, nil, err
	}
	return left, right, r.work.spend(sizeOf(left) + sizeOf(right))
}

func (r *resolver) expression(e *lhpb.VariableAssignment_Expression) (*lhpb.VariableValue, error) {
	left, right, err := r.operands(e.GetLhs(), e.GetRhs())
	if err != nil {
		return nil, err
	}
	switch op := e.GetOperation().(type) {
	case *lhpb.VariableAssignment_Expression_Comparator:
		b, err := EvalComparator(op.Comparator, left, right)
		if err != nil {
			return nil, err
		}
		return Bool(b), nil
	case *lhpb.VariableAssignment_Expression_MutationType:
		return Operate(op.MutationType, nil, left, right)
	}
	return nil, errors.New("Expression passed with missing operation")
}

func (r *resolver) structBuilder(b *lhpb.StructBuilder) (*lhpb.VariableValue, error) {
	built, err := r.buildStruct(b.GetStructDefId(), b.GetValue())
	if err != nil {
		return nil, err
	}
	v := Struct(built)
	if sizeOf(v) > MaxBytes {
		return nil, tooLarge()
	}
	return v, nil
}

func (r *resolver) buildStruct(id *lhpb.StructDefId, b *lhpb.InlineStructBuilder) (*lhpb.Struct, error) {
	r.depth++
	defer func() { r.depth-- }()
	if r.depth > MaxDepth {
		return nil, tooDeep()
	}
	def := r.env.StructDef(id.GetName(), id.GetVersion())
	if def == nil {
		return nil, noStructDef(id)
	}
	fields := make(map[string]*lhpb.StructField, len(b.GetFields()))
	for _, name := range sortedKeys(b.GetFields()) {
		v, err := r.buildField(name, def, b.Fields[name])
		if err != nil {
			return nil, fmt.Errorf("field '%s': %w", clip(name), err)
		}
		masked := def.GetStructDef().GetFields()[name].GetFieldType().GetMasked()
		fields[name] = &lhpb.StructField{Value: v, Masked: masked}
	}
	return &lhpb.Struct{StructDefId: def.GetId(), Struct: &lhpb.InlineStruct{Fields: fields}}, nil
}

func noStructDef(id *lhpb.StructDefId) error {
	return fmt.Errorf("refers to non-existent StructDef %s with version %d", clip(id.GetName()), id.GetVersion())
}

func (r *resolver) buildField(name string, def *lhpb.StructDef, f *lhpb.InlineStructFieldValue) (*lhpb.VariableValue, error) {
	switch k := f.GetStructValue().(type) {
	case *lhpb.InlineStructFieldValue_SimpleValue:
		v, err := r.resolve(k.SimpleValue)
		if err != nil {
			return nil, err
		}
		return v, r.work.spend(sizeOf(v))
	case *lhpb.InlineStructFieldValue_SubStructure:
		id := def.GetStructDef().GetFields()[name].GetFieldType().GetStructDefId()
		if id == nil {
			return nil, errors.New("a nested structure is given where the StructDef has none")
		}
		nested, err := r.buildStruct(id, k.SubStructure)
		if err != nil {
			return nil, err
		}
		return Struct(nested), nil
	}
	return nil, errors.New("has no value")
}

// mapBuilder: a key that comes again replaces the value and keeps the place. A map_type is checked and
// written into the Map.
func (r *resolver) mapBuilder(b *lhpb.MapBuilder) (*lhpb.VariableValue, error) {
	m := &lhpb.Map{MapType: b.GetMapType()}
	at := places{}
	for i, e := range b.GetEntries() {
		key, v, err := r.operands(e.GetKey(), e.GetValue())
		if err != nil {
			return nil, fmt.Errorf("entry %d of the Map: %w", i, err)
		}
		if IsNull(key) {
			return nil, fmt.Errorf("entry %d of the Map: the key is NULL", i)
		}
		at.put(m, &lhpb.Map_Entry{Key: key, Value: v})
	}
	built := Map(m)
	if sizeOf(built) > MaxBytes {
		return nil, tooLarge()
	}
	if m.MapType == nil {
		return built, nil
	}
	declared := MapDef(m.MapType.GetKeyType(), m.MapType.GetValueType())
	return Validate(declared, built, r.env)
}
