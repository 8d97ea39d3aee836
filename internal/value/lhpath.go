package value

import (
	"fmt"

	"littlehorse/lhpb"
)

// selector is a resolved step of an LHPath. A dynamic one keeps its value, so that it can name a key of any
// kind.
type selector struct {
	key     string
	index   int64
	isIndex bool
	value   *lhpb.VariableValue
}

func (s selector) String() string {
	if s.isIndex {
		return fmt.Sprintf("[%d]", s.index)
	}
	return "." + clip(s.key)
}

// asKey is the selector as the key of a Map.
func (s selector) asKey() *lhpb.VariableValue {
	switch {
	case s.value != nil:
		return s.value
	case s.isIndex:
		return Int(s.index)
	}
	return Str(s.key)
}

// selectors resolves the dynamic steps of a path: a STR is a key, an INT an index.
func (r *resolver) selectors(path *lhpb.LHPath) ([]selector, error) {
	if len(path.GetPath()) > maxPathSteps {
		return nil, fmt.Errorf("the path has more than the limit of %d steps", maxPathSteps)
	}
	steps := make([]selector, 0, len(path.GetPath()))
	for i, s := range path.GetPath() {
		switch k := s.GetSelectorType().(type) {
		case *lhpb.LHPath_Selector_Key:
			steps = append(steps, selector{key: k.Key})
		case *lhpb.LHPath_Selector_Index:
			steps = append(steps, selector{index: int64(k.Index), isIndex: true})
		case *lhpb.LHPath_Selector_Dynamic:
			step, err := r.dynamicSelector(k.Dynamic)
			if err != nil {
				return nil, fmt.Errorf("Failed resolving step %d of the path: %w", i, err)
			}
			steps = append(steps, step)
		default:
			return nil, fmt.Errorf("step %d of the path has neither key nor index", i)
		}
	}
	return steps, nil
}

func (r *resolver) dynamicSelector(a *lhpb.VariableAssignment) (selector, error) {
	v, err := r.resolve(a)
	if err != nil {
		return selector{}, err
	}
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Int:
		return selector{index: k.Int, isIndex: true, value: v}, nil
	case *lhpb.VariableValue_Str:
		return selector{key: k.Str, value: v}, nil
	case nil:
		return selector{}, fmt.Errorf("a selector may not be NULL")
	}
	return selector{key: Text(v), value: v}, nil
}

// readLHPath walks a value by the steps. NULL where a Map has no such key, or JSON no such place.
func (r *resolver) readLHPath(v *lhpb.VariableValue, steps []selector) (*lhpb.VariableValue, error) {
	for i, s := range steps {
		switch k := v.GetValue().(type) {
		case *lhpb.VariableValue_JsonObj, *lhpb.VariableValue_JsonArr:
			doc, err := documentOf(v, r.work)
			if err != nil {
				return nil, err
			}
			return fromJSON(descend(doc, steps[i:]))
		case *lhpb.VariableValue_Map:
			at := entryOf(k.Map, s.asKey())
			if at < 0 {
				return null, nil
			}
			v = k.Map.Entries[at].GetValue()
		default:
			var err error
			if v, err = part(v, s, r.env); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// part is the field of a Struct, if need be its default, or the item of an Array.
func part(v *lhpb.VariableValue, s selector, defs StructDefs) (*lhpb.VariableValue, error) {
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Struct:
		if s.isIndex {
			return nil, fmt.Errorf("Cannot 'get' index %d on %v", s.index, TypeOf(v))
		}
		if f, ok := k.Struct.GetStruct().GetFields()[s.key]; ok {
			return OrNull(f.GetValue()), nil
		}
		if f := fieldDef(k.Struct, s.key, defs); f.GetDefaultValue() != nil {
			return f.DefaultValue, nil
		}
		return nil, fmt.Errorf("Cannot 'get' field '%s' on %v: the value has no such field", clip(s.key), TypeOf(v))
	case *lhpb.VariableValue_Array:
		if !s.isIndex {
			return nil, fmt.Errorf("Cannot 'get' key '%s' on %v: an index is needed", clip(s.key), TypeOf(v))
		}
		if err := checkIndex(s.index, len(k.Array.GetItems())); err != nil {
			return nil, err
		}
		return OrNull(k.Array.GetItems()[s.index]), nil
	}
	return nil, fmt.Errorf("Cannot 'get' on a value of type %v", TypeOf(v))
}

// fieldDef is nil if the StructDef or the field does not exist.
func fieldDef(s *lhpb.Struct, name string, defs StructDefs) *lhpb.StructFieldDef {
	def := defs.StructDef(s.GetStructDefId().GetName(), s.GetStructDefId().GetVersion())
	return def.GetStructDef().GetFields()[name]
}

// OrNull is the value, NULL if there is none.
func OrNull(v *lhpb.VariableValue) *lhpb.VariableValue {
	if v == nil {
		return null
	}
	return v
}

// descend is nil where a step leads nowhere.
func descend(tree any, steps []selector) any {
	for _, s := range steps {
		switch t := tree.(type) {
		case *jsonObject:
			if s.isIndex {
				return nil
			}
			tree, _ = t.get(s.key)
		case *jsonList:
			i := s.index
			if i < 0 {
				i += int64(len(t.items))
			}
			if !s.isIndex || i < 0 || i >= int64(len(t.items)) {
				return nil
			}
			tree = t.items[i]
		default:
			return nil
		}
	}
	return tree
}
