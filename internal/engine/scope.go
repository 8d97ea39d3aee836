package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// scope is what assignments can see from a ThreadRun. It is the value.Env of all that is computed there.
type scope struct {
	thread  *threadRun
	pending []pendingValue // of mutations that are not stored yet
	read    []*variable    // by what was computed so far
}

var _ value.Env = (*scope)(nil)

type pendingValue struct {
	variable *variable
	value    *lhpb.VariableValue
}

// Variable implements value.Env.
func (s *scope) Variable(name string) (*lhpb.VariableValue, error) {
	v := s.thread.variable(name)
	if v == nil {
		return nil, s.outOfScope(name)
	}
	s.read = append(s.read, v)
	return s.current(v), nil
}

func (s *scope) outOfScope(name string) error {
	return fmt.Errorf("Variable %s is out of scope for threadRun %d of spec %s. Invalid WfSpec!",
		name, s.thread.number, s.thread.get().ThreadSpecName)
}

// current is the value of the Variable as the mutations so far have made it.
func (s *scope) current(v *variable) *lhpb.VariableValue {
	for i := range s.pending {
		if s.pending[i].variable == v {
			return s.pending[i].value
		}
	}
	return v.value()
}

// NodeOutput implements value.Env.
func (s *scope) NodeOutput(node string) (*lhpb.VariableValue, error) {
	v := s.thread.output(node)
	if v == nil {
		return nil, fmt.Errorf("Specified node %s has no output.", node)
	}
	return v, nil
}

// StructDef implements value.Env.
func (s *scope) StructDef(name string, version int32) *lhpb.StructDef {
	return s.thread.run.tx.specs.StructDef(name, version)
}

// resolve computes an assignment.
func (s *scope) resolve(a *lhpb.VariableAssignment) (*lhpb.VariableValue, error) {
	if a == nil {
		return null, nil
	}
	return value.Resolve(a, s)
}

// holds evaluates a condition in either of its forms.
func (s *scope) holds(a *lhpb.VariableAssignment, legacy *lhpb.LegacyEdgeCondition) (bool, error) {
	switch {
	case a != nil:
		return value.EvalCondition(a, s)
	case legacy != nil:
		return value.EvalLegacyCondition(legacy, s)
	default:
		return false, errors.New("there is no condition")
	}
}

// mutate computes a mutation and keeps the result for the mutations behind it.
func (s *scope) mutate(m *lhpb.VariableMutation, leaving string) error {
	v := s.thread.variable(m.LhsName)
	if v == nil {
		return mutating(m, s.outOfScope(m.LhsName))
	}
	result, err := value.Mutate(m, value.VarType(v.def.VarDef), leaving, s)
	if err != nil {
		return err
	}
	if err := v.mayHold(result); err != nil {
		return mutating(m, err)
	}
	for i := range s.pending {
		if s.pending[i].variable == v {
			s.pending[i].value = result
			return nil
		}
	}
	s.pending = append(s.pending, pendingValue{v, result})
	return nil
}

// mutating says in which mutation the error came up.
func mutating(m *lhpb.VariableMutation, err error) error {
	return fmt.Errorf("Mutating variable %s with operation %s: %w", m.LhsName, m.Operation, err)
}

// store makes the mutations last.
func (s *scope) store() {
	for _, p := range s.pending {
		p.variable.set(p.value)
	}
}

// inputs computes named assignments, in order of their names.
func (s *scope) inputs(assignments map[string]*lhpb.VariableAssignment) (map[string]*lhpb.VariableValue, error) {
	if len(assignments) == 0 {
		return nil, nil
	}
	out := make(map[string]*lhpb.VariableValue, len(assignments))
	for _, name := range sortedKeys(assignments) {
		v, err := s.resolve(assignments[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = v
	}
	return out, nil
}

// integer computes an assignment that means a number; texts are parsed.
func (s *scope) integer(a *lhpb.VariableAssignment) (int64, error) {
	v, err := s.resolve(a)
	if err != nil {
		return 0, err
	}
	return value.AsInt(v)
}

// strictInteger computes an assignment that must be an INT.
func (s *scope) strictInteger(a *lhpb.VariableAssignment) (int64, error) {
	v, err := s.resolve(a)
	if err != nil {
		return 0, err
	}
	i, ok := v.GetValue().(*lhpb.VariableValue_Int)
	if !ok {
		return 0, fmt.Errorf("expected an INT, not %s", value.TypeOf(v))
	}
	return i.Int, nil
}

// text computes an assignment that means a text.
func (s *scope) text(a *lhpb.VariableAssignment) (string, error) {
	v, err := s.resolve(a)
	if err != nil {
		return "", err
	}
	return value.AsStr(v)
}

// strictText computes an assignment that must be a STR.
func (s *scope) strictText(a *lhpb.VariableAssignment) (string, error) {
	v, err := s.resolve(a)
	if err != nil {
		return "", err
	}
	text, ok := v.GetValue().(*lhpb.VariableValue_Str)
	if !ok {
		return "", fmt.Errorf("expected a STR, not %s", value.TypeOf(v))
	}
	return text.Str, nil
}

// name computes the name of a definition; NULL is the name "null", which none has.
func (s *scope) name(a *lhpb.VariableAssignment) (string, error) {
	v, err := s.resolve(a)
	if err != nil {
		return "", err
	}
	if value.IsNull(v) {
		return "null", nil
	}
	return value.AsStr(v)
}

// taskInput computes an input of a task and makes it what the TaskDef declares.
func (s *scope) taskInput(a *lhpb.VariableAssignment, def *lhpb.VariableDef) (*lhpb.VariableValue, error) {
	v, err := s.resolve(a)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", def.Name, err)
	}
	if v, err = value.TaskInput(value.VarType(def), v, s); err != nil {
		return nil, fmt.Errorf("%s: %w", def.Name, err)
	}
	return v, nil
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
