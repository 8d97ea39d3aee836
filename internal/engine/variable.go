package engine

import (
	"fmt"

	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// null is the value of what has none. It is shared.
var null = value.NullValue()

// variable is a Variable within a record.
type variable struct {
	thread *threadRun
	name   string
	def    *lhpb.ThreadVarDef
	row    row[lhpb.Variable, *lhpb.Variable]
	lent   *row[pb.Lent, *pb.Lent] // once it was looked at
}

func (v *variable) value() *lhpb.VariableValue { return v.row.now.GetValue() }

// with is the Variable as it is with another value.
func (v *variable) with(to *lhpb.VariableValue) *lhpb.Variable {
	old := v.row.now
	return &lhpb.Variable{Id: old.Id, Value: to, CreatedAt: old.CreatedAt, WfSpecId: old.WfSpecId, Masked: old.Masked}
}

// mayHold is an error if the Variable would not fit a record with that value.
func (v *variable) mayHold(to *lhpb.VariableValue) error {
	tx := v.thread.run.tx
	if n := v.with(to).SizeVT(); n > tx.engine.config.MaxRecordBytes {
		return fmt.Errorf("it would have %d bytes: %w", n, tx.limitError())
	}
	return nil
}

// set gives the Variable a value that it may hold.
func (v *variable) set(to *lhpb.VariableValue) {
	v.keepLent()
	v.row.put(v.thread.run.tx, v.with(to))
	v.tell()
}

// declare makes the ThreadRun's own Variables: as given, else by default, else NULL.
func (t *threadRun) declare(inputs map[string]*lhpb.VariableValue) {
	for _, def := range t.spec.Spec.VariableDefs {
		if def.AccessLevel == lhpb.WfRunVariableAccessLevel_INHERITED_VAR {
			continue
		}
		v := inputs[def.VarDef.GetName()]
		if value.IsNull(v) {
			v = initial(def)
		}
		made := t.newVariable(def, v)
		made.row.put(t.run.tx, made.row.now)
		t.vars = append(t.vars, made)
	}
}

// initial is the value of a Variable that is given none.
func initial(def *lhpb.ThreadVarDef) *lhpb.VariableValue {
	if v := value.NormalizeValue(def.VarDef.GetDefaultValue()); v != nil {
		return v
	}
	return null
}

// newVariable is a Variable that is not stored yet.
func (t *threadRun) newVariable(def *lhpb.ThreadVarDef, v *lhpb.VariableValue) *variable {
	name := def.VarDef.GetName()
	made := &variable{thread: t, name: name, def: def}
	made.row.key = t.run.keys.Variable(t.number, name)
	made.row.now = &lhpb.Variable{
		Id:        &lhpb.VariableId{WfRunId: t.run.id(), ThreadRunNumber: t.number, Name: name},
		Value:     v,
		CreatedAt: t.run.tx.now,
		WfSpecId:  t.graph.Spec.Id,
		Masked:    value.VarType(def.VarDef).GetMasked(),
	}
	return made
}

// variable is what the name means in the ThreadRun: its own Variable, one of a ThreadRun above it, or one
// inherited from a parent WfRun. Nil if it means nothing here.
func (t *threadRun) variable(name string) *variable {
	for a := t; a != nil; a = a.parent() {
		def := a.declaration(name)
		switch {
		case def == nil:
		case def.AccessLevel == lhpb.WfRunVariableAccessLevel_INHERITED_VAR:
			return t.run.inherited(name)
		default:
			return a.own(def)
		}
	}
	return nil
}

// declaration of a Variable of the ThreadRun's own: by its ThreadSpec, or by the one it had when the Variable
// was made. Nil if there is none.
func (t *threadRun) declaration(name string) *lhpb.ThreadVarDef {
	if t.spec == nil {
		return nil
	}
	if def := t.spec.Vars[name]; def != nil || !t.run.migrates() {
		return def
	}
	for _, v := range t.vars {
		if v.name == name {
			return v.def
		}
	}
	left := machine.Get[lhpb.Variable](t.run.tx.view, t.run.keys.Variable(t.number, name))
	g := t.run.tx.specs.WfSpec(left.GetWfSpecId())
	if g == nil {
		return nil
	}
	for _, thread := range sortedKeys(g.Threads) {
		if def := g.Threads[thread].Vars[name]; def != nil {
			return def
		}
	}
	return nil
}

// own is the ThreadRun's own Variable.
func (t *threadRun) own(def *lhpb.ThreadVarDef) *variable {
	name := def.VarDef.GetName()
	for _, v := range t.vars {
		if v.name == name {
			v.def = def
			return v
		}
	}
	v := t.run.tx.supplies.vars.take()
	v.thread, v.name, v.def = t, name, def
	v.row = load[lhpb.Variable](t.run.tx, t.run.keys.Variable(t.number, name))
	if v.row.now == nil {
		return nil
	}
	t.vars = append(t.vars, v)
	return v
}

// inherited is the Variable of a WfRun above; nil if there is none that this one may see.
func (w *wfRun) inherited(name string) *variable {
	t, def := w.source(name)
	if def == nil {
		return nil
	}
	return t.own(def)
}

// nodeOutput is the latest output of a node in a ThreadRun, within a record.
type nodeOutput struct {
	node string
	row  row[pb.NodeOutput, *pb.NodeOutput]
}

// output is the latest output of the node; nil if it has none.
func (t *threadRun) output(node string) *lhpb.VariableValue {
	return t.outputRow(node).row.now.GetValue()
}

func (t *threadRun) outputRow(node string) *nodeOutput {
	for _, o := range t.outputs {
		if o.node == node {
			return o
		}
	}
	o := t.run.tx.supplies.outputs.take()
	o.node = node
	o.row = load[pb.NodeOutput](t.run.tx, t.run.keys.NodeOutput(t.number, node))
	t.outputs = append(t.outputs, o)
	return o
}

// remember keeps the output of a node for those that refer to it.
func (t *threadRun) remember(node string, position int32, v *lhpb.VariableValue) {
	t.outputRow(node).row.put(t.run.tx, &pb.NodeOutput{Value: v, Position: position})
}

// threadInputs checks the inputs of a ThreadRun, and gives them the declared types of their containers.
func (t *txn) threadInputs(s *spec.Thread, name string, given map[string]*lhpb.VariableValue) (map[string]*lhpb.VariableValue, error) {
	if s == nil {
		return nil, fmt.Errorf("ThreadSpec %s does not exist", name)
	}
	taken := make(map[string]*lhpb.VariableValue, len(given))
	for _, def := range s.Spec.VariableDefs {
		name := def.VarDef.GetName()
		v, is := given[name]
		switch {
		case !is && def.Required:
			return nil, fmt.Errorf("ThreadSpec %s invalid: Must provide required input variable %s", s.Name, name)
		case !is:
			continue
		case def.AccessLevel == lhpb.WfRunVariableAccessLevel_INHERITED_VAR:
			return nil, fmt.Errorf("ThreadSpec %s invalid: Variable %s is inherited from the parent WfRun and cannot be given", s.Name, name)
		}
		v, err := value.Validate(value.VarType(def.VarDef), v, t.specs)
		if err != nil {
			return nil, fmt.Errorf("ThreadSpec %s invalid: Variable %s invalid: %w", s.Name, name, err)
		}
		taken[name] = v
	}
	if len(taken) < len(given) {
		return nil, fmt.Errorf("ThreadSpec %s invalid: Variable %s provided but not needed", s.Name, firstUnknown(given, s.Vars))
	}
	return taken, nil
}

// firstUnknown is the lowest name that is given and not declared.
func firstUnknown(given map[string]*lhpb.VariableValue, declared map[string]*lhpb.ThreadVarDef) string {
	first, found := "", false
	for name := range given {
		if declared[name] == nil && (!found || name < first) {
			first, found = name, true
		}
	}
	return first
}
