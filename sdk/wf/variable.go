package wf

import (
	"google.golang.org/protobuf/proto"

	lh "littlehorse/sdk/client"

	"littlehorse/lhpb"
)

// inputName is the variable that receives what a handler or an interrupt is called with, and the item of ForEach.
const inputName = "INPUT"

type variable struct {
	thread *Thread
	def    *lhpb.ThreadVarDef
}

// Var is a variable of a thread. Its threads' children and handlers see it too.
type Var[T any] struct {
	Value[T]
	variable *variable
}

// Declare adds a variable of the LittleHorse type of T to a thread. It is private until said otherwise. Names are unique
// in the workflow.
func Declare[T any](t *Thread, name string) *Var[T] {
	typ, err := typeOf[T]()
	if err == nil && typ == nil {
		err = failed("a variable needs a type that LittleHorse knows").err
	}
	if err != nil {
		t.b.fail("variable %q: %v", name, err)
		typ = primitive(lhpb.VariableType_JSON_OBJ)
	}
	return declare[T](t, name, typ)
}

// DeclareStruct adds a variable of a StructDef that no Go type stands for. The version -1 means the newest.
func DeclareStruct(t *Thread, name, structDef string, version int32) *Var[any] {
	return declare[any](t, name, structType(structDef, version))
}

func structType(structDef string, version int32) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_StructDefId{
		StructDefId: &lhpb.StructDefId{Name: structDef, Version: version},
	}}
}

// Input declares the variable in which an interrupt or failure handler finds what it was called with.
func Input[T any](t *Thread) *Var[T] { return Declare[T](t, inputName) }

func declare[T any](t *Thread, name string, typ *lhpb.TypeDefinition) *Var[T] {
	t.checkNewVariable(name)
	def := &lhpb.ThreadVarDef{
		VarDef:      &lhpb.VariableDef{Name: name, TypeDef: typ},
		AccessLevel: lhpb.WfRunVariableAccessLevel_PRIVATE_VAR,
	}
	t.spec.VariableDefs = append(t.spec.VariableDefs, def)
	return newVar[T](&variable{thread: t, def: def})
}

func newVar[T any](v *variable) *Var[T] {
	pb := &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_VariableName{VariableName: v.def.VarDef.Name}}
	return &Var[T]{
		Value:    Value[T]{&operand{pb: pb, typ: v.def.VarDef.TypeDef, vars: []*variable{v}}},
		variable: v,
	}
}

func (t *Thread) checkNewVariable(name string) {
	if t.done || t.b.active != t && t.b.active != nil {
		t.b.fail("variable %q is declared in thread %q, which is not being described now", name, t.name)
	}
	if name == "" {
		t.b.fail("a variable needs a name")
	}
	owner, taken := t.b.varNames[name]
	if taken && (name != inputName || owner == t.name) {
		t.b.fail("variable %q is already declared in thread %q: names are unique in a workflow", name, owner)
	}
	t.b.varNames[name] = t.name
}

// Required makes it an error to start the thread without this variable.
func (v *Var[T]) Required() *Var[T] {
	v.variable.def.Required = true
	return v
}

// Searchable indexes the variable, so that SearchVariable and SearchWfRun find WfRuns by its value.
func (v *Var[T]) Searchable() *Var[T] {
	v.variable.def.Searchable = true
	return v
}

// SearchableOn indexes one path of a JSON variable, as STR unless another type is given.
func (v *Var[T]) SearchableOn(path string, fieldType ...lhpb.VariableType) *Var[T] {
	index := &lhpb.JsonIndex{FieldPath: path, FieldType: lhpb.VariableType_STR}
	if len(fieldType) > 0 {
		index.FieldType = fieldType[0]
	}
	typ := v.variable.def.VarDef.TypeDef
	if !isPrimitive(typ, lhpb.VariableType_JSON_OBJ) && !isPrimitive(typ, lhpb.VariableType_JSON_ARR) {
		v.variable.thread.b.fail("SearchableOn needs a JSON variable; %q is %s", v.variable.def.VarDef.Name, typeText(typ))
	}
	v.variable.def.JsonIndexes = append(v.variable.def.JsonIndexes, index)
	return v
}

// Masked hides the value from everyone who reads it through the API; the workflow and its tasks see it.
func (v *Var[T]) Masked() *Var[T] {
	v.variable.def.VarDef.TypeDef = proto.CloneOf(v.variable.def.VarDef.TypeDef)
	v.variable.def.VarDef.TypeDef.Masked = true
	return v
}

// Default is the value when none is given.
func (v *Var[T]) Default(value T) *Var[T] {
	pb, err := lh.Value(value)
	if err != nil {
		v.variable.thread.b.fail("default of variable %q: %v", v.variable.def.VarDef.Name, err)
		return v
	}
	v.variable.def.VarDef.DefaultValue = pb
	return v
}

// Public lets child WfRuns declare the variable Inherited, and makes it part of the WfSpec's interface: changing it is a
// breaking change.
func (v *Var[T]) Public() *Var[T] { return v.access(lhpb.WfRunVariableAccessLevel_PUBLIC_VAR) }

// Inherited means the variable of that name of the parent WfRun.
func (v *Var[T]) Inherited() *Var[T] { return v.access(lhpb.WfRunVariableAccessLevel_INHERITED_VAR) }

func (v *Var[T]) access(level lhpb.WfRunVariableAccessLevel) *Var[T] {
	v.variable.def.AccessLevel = level
	return v
}

// Set gives the variable a value when the workflow passes this point.
func (v *Var[T]) Set(x any) {
	v.mutate(&lhpb.VariableMutation{}, x, v.variable.def.VarDef.TypeDef)
}

// SetPath gives one place inside a JSON variable a value when the workflow passes this point.
func (v *Var[T]) SetPath(jsonPath string, x any) {
	v.mutate(&lhpb.VariableMutation{LhsJsonPath: &jsonPath}, x, nil)
}

// Mutate changes a variable by an operation. Set with an expression does the same and reads better; this is the form of
// older WfSpecs.
func Mutate[T any](t *Thread, v *Var[T], op Operation, x any) {
	if t != v.variable.thread.b.active {
		t.b.fail("thread %q is not being described now", t.name)
	}
	v.mutate(&lhpb.VariableMutation{Operation: op}, x, nil)
}

// mutate puts a mutation on the edge that is being built in the thread being described.
func (v *Var[T]) mutate(m *lhpb.VariableMutation, x any, want *lhpb.TypeDefinition) {
	b := v.variable.thread.b
	t := b.active
	if t == nil || !t.open() {
		return
	}
	t.checkScope(v.variable)
	m.LhsName = v.variable.def.VarDef.Name
	o := t.assignAs(x, want, "variable "+m.LhsName)
	m.RhsValue = &lhpb.VariableMutation_RhsAssignment{RhsAssignment: o.pb}
	t.mutate(m)
}
