package value

import (
	"errors"
	"fmt"
	"slices"

	"littlehorse/lhpb"
)

// Mutate computes the new value of the variable that m changes. declared is the variable's type, and leaving
// the node whose output the deprecated node_output form means. Nothing is stored.
func Mutate(m *lhpb.VariableMutation, declared *lhpb.TypeDefinition, leaving string, env Env) (*lhpb.VariableValue, error) {
	v, err := newResolver(env).mutate(m, Normalize(declared), leaving)
	if err != nil {
		return nil, fmt.Errorf("Mutating variable %s with operation %v: %w", clip(m.GetLhsName()), m.GetOperation(), err)
	}
	return v, nil
}

func (r *resolver) mutate(m *lhpb.VariableMutation, declared *lhpb.TypeDefinition, leaving string) (*lhpb.VariableValue, error) {
	current, err := r.env.Variable(m.GetLhsName())
	if err != nil {
		return nil, err
	}
	right, err := r.rightSide(m, leaving)
	if err != nil {
		return nil, err
	}
	if err := r.work.spend(sizeOf(current) + sizeOf(right)); err != nil {
		return nil, err
	}
	switch {
	case m.LhsJsonPath != nil && m.LhsLhPath != nil:
		return nil, errors.New("lhs_json_path and lhs_lh_path are both given")
	case m.LhsJsonPath != nil:
		return r.mutateJSON(m.GetOperation(), current, *m.LhsJsonPath, right)
	case m.LhsLhPath != nil:
		return r.mutateLHPath(m, declared, current, right)
	}
	return Operate(m.GetOperation(), declared, current, right)
}

func (r *resolver) rightSide(m *lhpb.VariableMutation, leaving string) (*lhpb.VariableValue, error) {
	switch k := m.GetRhsValue().(type) {
	case *lhpb.VariableMutation_RhsAssignment:
		return r.resolve(k.RhsAssignment)
	case *lhpb.VariableMutation_LiteralValue:
		return OrNull(k.LiteralValue), nil
	case *lhpb.VariableMutation_NodeOutput:
		return r.nodeOutput(k.NodeOutput, leaving)
	}
	return nil, errors.New("VariableMutation passed with missing right side")
}

func (r *resolver) nodeOutput(s *lhpb.VariableMutation_NodeOutputSource, leaving string) (*lhpb.VariableValue, error) {
	v, err := r.env.NodeOutput(leaving)
	if err != nil {
		return nil, err
	}
	switch p := s.GetPath().(type) {
	case *lhpb.VariableMutation_NodeOutputSource_Jsonpath:
		return readJSONPath(v, p.Jsonpath, r.work)
	case *lhpb.VariableMutation_NodeOutputSource_LhPath:
		steps, err := r.selectors(p.LhPath)
		if err != nil {
			return nil, err
		}
		return r.readLHPath(v, steps)
	}
	return v, nil
}

// mutateJSON changes a part of a JSON document. Where there is nothing or null the right side is placed
// whatever the operation.
func (r *resolver) mutateJSON(op lhpb.VariableMutationType, v *lhpb.VariableValue, path string, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	doc, err := documentOf(v, r.work)
	if err != nil {
		return nil, err
	}
	p, err := parseJSONPath(path)
	if err != nil {
		return nil, pathError(path, err)
	}
	found, err := readTree(p, doc, r.work)
	if err != nil {
		return nil, pathError(path, err)
	}
	result, err := operateTree(op, found, right)
	if err != nil {
		return nil, err
	}
	if err := r.setTree(p, doc, result); err != nil {
		return nil, pathError(path, err)
	}
	return fromJSON(doc)
}

// operateTree is `current op right`, the type of what is there being that of the result.
func operateTree(op lhpb.VariableMutationType, current any, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	if current == nil {
		return right, nil
	}
	left, err := fromJSON(current)
	if err != nil {
		return nil, err
	}
	return Operate(op, TypeOf(left).Def(), left, right)
}

// setTree puts a value wherever the path leads. A missing last property is made; anything else that is
// missing is an error.
func (r *resolver) setTree(p *jsonPath, doc any, v *lhpb.VariableValue) error {
	if len(p.steps) == 0 {
		return errors.New("the root of a document cannot be replaced")
	}
	if p.isFunction() {
		return errors.New("a function cannot be assigned to")
	}
	e := &evaluation{path: p, root: doc, update: true, work: r.work}
	err := e.step(0, true, doc, place{})
	if errors.Is(err, errNotFound) {
		return errors.New("Missing property in path")
	}
	if err != nil {
		return err
	}
	if len(e.matches) == 0 && p.definite() {
		return errors.New("no such index in the list")
	}
	tree := treeOf(v, 0)
	for _, m := range e.matches {
		if err := m.at.set(tree); err != nil {
			return err
		}
	}
	return nil
}

func (p place) set(tree any) error {
	switch parent := p.parent.(type) {
	case *jsonObject:
		for _, name := range p.names {
			parent.set(name, tree)
		}
		return nil
	case *jsonList:
		parent.items[p.index] = tree
		return nil
	}
	return errors.New("the root of a document cannot be replaced")
}

// mutateLHPath changes a part of a Struct, Array, Map or JSON document.
func (r *resolver) mutateLHPath(m *lhpb.VariableMutation, declared *lhpb.TypeDefinition, v, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	steps, err := r.selectors(m.GetLhsLhPath())
	if err != nil {
		return nil, err
	}
	changed, err := r.mutatePart(m.GetOperation(), Type{def: declared}, v, steps, right)
	if err != nil {
		return nil, err
	}
	if sizeOf(changed) > MaxBytes {
		return nil, tooLarge()
	}
	return changed, nil
}

func (r *resolver) mutatePart(op lhpb.VariableMutationType, t Type, v *lhpb.VariableValue, steps []selector, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	if len(steps) == 0 {
		if IsNull(v) {
			return assign(t, right)
		}
		return Operate(op, t.Def(), v, right)
	}
	s, rest := steps[0], steps[1:]
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_JsonObj, *lhpb.VariableValue_JsonArr:
		return r.mutateTree(op, v, steps, right)
	case *lhpb.VariableValue_Map:
		return r.mutateEntry(op, t, k.Map, s, rest, right)
	case *lhpb.VariableValue_Struct:
		return r.mutateField(op, v, s, rest, right)
	case *lhpb.VariableValue_Array:
		old, err := part(v, s, r.env)
		if err != nil {
			return nil, err
		}
		item, err := r.mutatePart(op, elementType(t, v), old, rest, right)
		if err != nil {
			return nil, err
		}
		items := slices.Clone(k.Array.GetItems())
		items[s.index] = item
		return Array(&lhpb.Array{Items: items, ElementType: k.Array.GetElementType()}), nil
	}
	return nil, fmt.Errorf("Cannot 'set' %v on a value of type %v", s, TypeOf(v))
}

// mutateTree changes JSON as mutateJSON does, but takes every key as it is.
func (r *resolver) mutateTree(op lhpb.VariableMutationType, v *lhpb.VariableValue, steps []selector, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	doc, err := documentOf(v, r.work)
	if err != nil {
		return nil, err
	}
	result, err := operateTree(op, descend(doc, steps), right)
	if err != nil {
		return nil, err
	}
	s := steps[len(steps)-1]
	switch parent := descend(doc, steps[:len(steps)-1]).(type) {
	case *jsonObject:
		if !s.isIndex {
			parent.set(s.key, treeOf(result, 0))
			return fromJSON(doc)
		}
	case *jsonList:
		i := s.index
		if i < 0 {
			i += int64(len(parent.items))
		}
		if s.isIndex {
			if err := checkIndex(i, len(parent.items)); err != nil {
				return nil, err
			}
			parent.items[i] = treeOf(result, 0)
			return fromJSON(doc)
		}
	}
	return nil, fmt.Errorf("Missing property in path: nothing to set %v on", s)
}

// mutateEntry makes the entry if the Map has no such key.
func (r *resolver) mutateEntry(op lhpb.VariableMutationType, t Type, m *lhpb.Map, s selector, rest []selector, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	element := TypeOf(Map(m)).Element()
	if t.IsMap() && !t.Element().IsUnknown() {
		element = t.Element()
	}
	key, old := s.asKey(), null
	at := entryOf(m, key)
	if at >= 0 {
		key, old = m.Entries[at].GetKey(), m.Entries[at].GetValue()
	}
	v, err := r.mutatePart(op, element, old, rest, right)
	if err != nil {
		return nil, err
	}
	entries := slices.Clone(m.GetEntries())
	entry := &lhpb.Map_Entry{Key: key, Value: v}
	if at >= 0 {
		entries[at] = entry
	} else {
		if key, err = r.newKey(t, key); err != nil {
			return nil, err
		}
		entry.Key = key
		entries = append(entries, entry)
	}
	return Map(&lhpb.Map{Entries: entries, MapType: m.GetMapType()}), nil
}

func (r *resolver) newKey(t Type, key *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	if t.Key().IsUnknown() {
		return key, nil
	}
	return Coerce(key, t.Key().Def())
}

// mutateField: the field must be in the StructDef, and takes its type and mask from there.
func (r *resolver) mutateField(op lhpb.VariableMutationType, v *lhpb.VariableValue, s selector, rest []selector, right *lhpb.VariableValue) (*lhpb.VariableValue, error) {
	if s.isIndex {
		return nil, fmt.Errorf("Cannot 'set' index %d on %v", s.index, TypeOf(v))
	}
	def := fieldDef(v.GetStruct(), s.key, r.env)
	if def == nil {
		return nil, fmt.Errorf("could not find field '%s' on type %v", clip(s.key), TypeOf(v))
	}
	t := Declared(def.GetFieldType())
	old := def.GetDefaultValue()
	fields := v.GetStruct().GetStruct().GetFields()
	if f, ok := fields[s.key]; ok {
		old = f.GetValue()
	}
	changed, err := r.mutatePart(op, t, old, rest, right)
	if err != nil {
		return nil, err
	}
	if IsNull(changed) && !def.GetIsNullable() {
		return nil, fmt.Errorf("Field '%s' is not nullable but received null value", clip(s.key))
	}
	copied := make(map[string]*lhpb.StructField, len(fields)+1)
	for name, f := range fields {
		copied[name] = f
	}
	copied[s.key] = &lhpb.StructField{Value: changed, Masked: t.Masked()}
	return Struct(&lhpb.Struct{
		StructDefId: v.GetStruct().GetStructDefId(),
		Struct:      &lhpb.InlineStruct{Fields: copied},
	}), nil
}
