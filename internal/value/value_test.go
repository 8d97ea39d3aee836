package value

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
)

// show is a value as the tables write it: its type and its text.
func show(v *lhpb.VariableValue) string {
	if IsNull(v) {
		return "NULL"
	}
	return TypeOf(v).String() + " " + Text(v)
}

// expect compares a result with what a table says: a shown value, or "error: " and a part of the message.
func expect(t *testing.T, want string, got *lhpb.VariableValue, err error) {
	t.Helper()
	part, wantsError := strings.CutPrefix(want, "error: ")
	switch {
	case wantsError && err == nil:
		t.Errorf("got %s, want an error with %q", show(got), part)
	case wantsError && !strings.Contains(err.Error(), part):
		t.Errorf("got error %q, want one with %q", err, part)
	case !wantsError && err != nil:
		t.Errorf("got error %q, want %s", err, want)
	case !wantsError && show(got) != want:
		t.Errorf("got %s, want %s", show(got), want)
	}
}

func expectBool(t *testing.T, want string, got bool, err error) {
	t.Helper()
	expect(t, want, Str(fmt.Sprint(got)), err)
}

func wfRun(ids ...string) *lhpb.VariableValue {
	var id *lhpb.WfRunId
	for _, s := range ids {
		id = &lhpb.WfRunId{Id: s, ParentWfRunId: id}
	}
	return WfRunID(id)
}

func at(seconds int64, nanos int32) *lhpb.VariableValue {
	return Timestamp(&timestamppb.Timestamp{Seconds: seconds, Nanos: nanos})
}

// list is an Array without an element type.
func list(items ...*lhpb.VariableValue) *lhpb.VariableValue {
	return Array(&lhpb.Array{Items: items})
}

// typed is an Array with an element type.
func typed(element *lhpb.TypeDefinition, items ...*lhpb.VariableValue) *lhpb.VariableValue {
	return Array(&lhpb.Array{Items: items, ElementType: element})
}

// mapping is a Map of STR keys to values, given in turn.
func mapping(pairs ...any) *lhpb.VariableValue {
	m := &lhpb.Map{}
	for i := 0; i < len(pairs); i += 2 {
		m.Entries = append(m.Entries, &lhpb.Map_Entry{Key: Str(pairs[i].(string)), Value: pairs[i+1].(*lhpb.VariableValue)})
	}
	return Map(m)
}

func record(name string, version int32, fields map[string]*lhpb.VariableValue) *lhpb.VariableValue {
	s := &lhpb.Struct{
		StructDefId: &lhpb.StructDefId{Name: name, Version: version},
		Struct:      &lhpb.InlineStruct{Fields: map[string]*lhpb.StructField{}},
	}
	for n, v := range fields {
		s.Struct.Fields[n] = &lhpb.StructField{Value: v}
	}
	return Struct(s)
}

var (
	tObj    = PrimitiveDef(lhpb.VariableType_JSON_OBJ)
	tArr    = PrimitiveDef(lhpb.VariableType_JSON_ARR)
	tDouble = PrimitiveDef(lhpb.VariableType_DOUBLE)
	tBool   = PrimitiveDef(lhpb.VariableType_BOOL)
	tStr    = PrimitiveDef(lhpb.VariableType_STR)
	tInt    = PrimitiveDef(lhpb.VariableType_INT)
	tBytes  = PrimitiveDef(lhpb.VariableType_BYTES)
	tRun    = PrimitiveDef(lhpb.VariableType_WF_RUN_ID)
	tTime   = PrimitiveDef(lhpb.VariableType_TIMESTAMP)
	tCar    = StructType(&lhpb.StructDefId{Name: "car"})
)

func withMask(t *lhpb.TypeDefinition) *lhpb.TypeDefinition {
	m := t.CloneVT()
	m.Masked = true
	return m
}

// world is an Env of fixed variables, node outputs and StructDefs.
type world struct {
	variables map[string]*lhpb.VariableValue
	outputs   map[string]*lhpb.VariableValue
	structs   map[string]*lhpb.StructDef
}

func (w world) Variable(name string) (*lhpb.VariableValue, error) {
	v, ok := w.variables[name]
	if !ok {
		return nil, fmt.Errorf("Variable %s is out of scope", name)
	}
	return v, nil
}

func (w world) NodeOutput(node string) (*lhpb.VariableValue, error) {
	v, ok := w.outputs[node]
	if !ok {
		return nil, fmt.Errorf("Specified node %s has no output.", node)
	}
	return v, nil
}

func (w world) StructDef(name string, version int32) *lhpb.StructDef {
	d := w.structs[name]
	if d == nil || version >= 0 && version != d.Id.Version {
		return nil
	}
	return d
}

// garage has the StructDef car: model STR, required; seats INT, default 4; plate STR, masked and nullable;
// owner, a person of one name.
var garage = map[string]*lhpb.StructDef{
	"car": {
		Id: &lhpb.StructDefId{Name: "car"},
		StructDef: &lhpb.InlineStructDef{Fields: map[string]*lhpb.StructFieldDef{
			"model": {FieldType: tStr},
			"seats": {FieldType: tInt, DefaultValue: Int(4)},
			"plate": {FieldType: withMask(tStr), IsNullable: true},
			"owner": {FieldType: StructType(&lhpb.StructDefId{Name: "person", Version: 2}), IsNullable: true},
		}},
	},
	"person": {
		Id: &lhpb.StructDefId{Name: "person", Version: 2},
		StructDef: &lhpb.InlineStructDef{Fields: map[string]*lhpb.StructFieldDef{
			"name": {FieldType: tStr},
		}},
	},
}

func variable(name string) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_VariableName{VariableName: name}}
}

func literalOf(v *lhpb.VariableValue) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_LiteralValue{LiteralValue: v}}
}

func expression(l *lhpb.VariableAssignment, op any, r *lhpb.VariableAssignment) *lhpb.VariableAssignment {
	e := &lhpb.VariableAssignment_Expression{Lhs: l, Rhs: r}
	switch o := op.(type) {
	case lhpb.Comparator:
		e.Operation = &lhpb.VariableAssignment_Expression_Comparator{Comparator: o}
	case lhpb.VariableMutationType:
		e.Operation = &lhpb.VariableAssignment_Expression_MutationType{MutationType: o}
	}
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_Expression_{Expression: e}}
}

func withJSONPath(a *lhpb.VariableAssignment, path string) *lhpb.VariableAssignment {
	a.Path = &lhpb.VariableAssignment_JsonPath{JsonPath: path}
	return a
}

// selectorsOf makes an LHPath of strings, ints and assignments.
func selectorsOf(steps ...any) *lhpb.LHPath {
	p := &lhpb.LHPath{}
	for _, s := range steps {
		sel := &lhpb.LHPath_Selector{}
		switch k := s.(type) {
		case string:
			sel.SelectorType = &lhpb.LHPath_Selector_Key{Key: k}
		case int:
			sel.SelectorType = &lhpb.LHPath_Selector_Index{Index: int32(k)}
		case *lhpb.VariableAssignment:
			sel.SelectorType = &lhpb.LHPath_Selector_Dynamic{Dynamic: k}
		}
		p.Path = append(p.Path, sel)
	}
	return p
}

func withLHPath(a *lhpb.VariableAssignment, steps ...any) *lhpb.VariableAssignment {
	a.Path = &lhpb.VariableAssignment_LhPath{LhPath: selectorsOf(steps...)}
	return a
}

func castTo(a *lhpb.VariableAssignment, t *lhpb.TypeDefinition) *lhpb.VariableAssignment {
	a.TargetType = t
	return a
}

var nan, inf = math.NaN(), math.Inf(1)
