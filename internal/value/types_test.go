package value

import (
	"strings"
	"testing"

	"littlehorse/lhpb"
)

// covers: engine-1 §7
func TestCanBeAndCanCast(t *testing.T) {
	// be: assignable as it is; cast: with an explicit cast only.
	be := map[string]bool{
		"STR STR": true, "INT STR": true, "DOUBLE STR": true, "BOOL STR": true, "BYTES STR": true, "WF_RUN_ID STR": true,
		"INT DOUBLE": true,
	}
	cast := map[string]bool{
		"DOUBLE INT": true, "STR INT": true, "STR DOUBLE": true, "STR BOOL": true, "STR BYTES": true, "STR WF_RUN_ID": true,
	}
	for src := lhpb.VariableType_JSON_OBJ; src <= lhpb.VariableType_TIMESTAMP; src++ {
		for dst := lhpb.VariableType_JSON_OBJ; dst <= lhpb.VariableType_TIMESTAMP; dst++ {
			pair := src.String() + " " + dst.String()
			if want := src == dst || be[pair]; CanBe(src, dst) != want {
				t.Errorf("CanBe(%s) = %v", pair, !want)
			}
			if want := src == dst || be[pair] || cast[pair]; CanCast(src, dst) != want {
				t.Errorf("CanCast(%s) = %v", pair, !want)
			}
		}
	}
}

// covers: engine-1 §7
func TestTypeText(t *testing.T) {
	for want, got := range map[string]Type{
		"INT":                 Declared(tInt),
		"JSON_OBJ":            Declared(nil),
		"STR MASKED":          Declared(withMask(tStr)),
		"Struct<car,v0>":      Declared(tCar),
		"Array<INT>":          Declared(ArrayDef(tInt)),
		"Array<INT MASKED>":   Declared(ArrayDef(withMask(tInt))),
		"Map<STR, INT>":       Declared(MapDef(tStr, tInt)),
		"Array<JSON_OBJ>":     Declared(ArrayDef(nil)),
		"Array<UNKNOWN>":      TypeOf(list()),
		"UNKNOWN":             {},
		"DEFINEDTYPE_NOT_SET": Null(),
	} {
		if got.String() != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
}

// covers: engine-3 §1
func TestTypeOfValues(t *testing.T) {
	for _, c := range []struct {
		want string
		v    *lhpb.VariableValue
	}{
		{"DEFINEDTYPE_NOT_SET", nil},
		{"DEFINEDTYPE_NOT_SET", &lhpb.VariableValue{}},
		{"INT", Int(1)},
		{"DOUBLE", Double(1)},
		{"BOOL", Bool(true)},
		{"STR", Str("")},
		{"BYTES", Bytes(nil)},
		{"JSON_OBJ", JSONObj("{}")},
		{"JSON_ARR", JSONArr("[]")},
		{"WF_RUN_ID", wfRun("a")},
		{"TIMESTAMP", at(0, 0)},
		{"Array<DOUBLE>", typed(tDouble, Int(1))},
		{"Array<INT>", list(NullValue(), Int(1), Str("x"))},
		{"Array<Array<STR>>", list(list(Str("x")))},
		{"Map<STR, INT>", mapping("a", Int(1))},
		{"Map<UNKNOWN, UNKNOWN>", mapping()},
		{"Struct<car,v3>", record("car", 3, nil)},
	} {
		if got := TypeOf(c.v).String(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// covers: engine-1 §6
func TestVarTypePrefersOldFields(t *testing.T) {
	str, yes := lhpb.VariableType_STR, true
	old := &lhpb.VariableDef{Type: &str, MaskedValue: &yes, TypeDef: tInt}
	if got := TypeString(VarType(old)); got != "STR MASKED" {
		t.Errorf("got %s", got)
	}
	if got := TypeString(VarType(&lhpb.VariableDef{TypeDef: ArrayDef(tInt)})); got != "Array<INT>" {
		t.Errorf("got %s", got)
	}
	if got := TypeString(VarType(nil)); got != "JSON_OBJ" {
		t.Errorf("got %s", got)
	}
}

// covers: engine-1 §7
func TestNormalizeReadsNothingAsJSON(t *testing.T) {
	inline := &lhpb.TypeDefinition{
		DefinedType: &lhpb.TypeDefinition_InlineStructDef{InlineStructDef: &lhpb.InlineStructDef{}}, Masked: true,
	}
	for want, def := range map[string]*lhpb.TypeDefinition{
		"JSON_OBJ":                       {},
		"JSON_OBJ MASKED":                inline,
		"Map<JSON_OBJ, Array<JSON_OBJ>>": MapDef(nil, ArrayDef(&lhpb.TypeDefinition{})),
	} {
		if got := TypeString(Normalize(def)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if def := ArrayDef(tInt); Normalize(def) != def {
		t.Error("a normal declaration was copied")
	}
	if def := ArrayDef(nil); Normalize(def) == def || def.GetInlineArrayDef().ArrayType != nil {
		t.Error("the argument was changed")
	}
}

// covers: engine-1 §7
func TestCompatible(t *testing.T) {
	car1 := StructType(&lhpb.StructDefId{Name: "car", Version: 1})
	for _, c := range []struct {
		expected, actual Type
		want             bool
	}{
		{Declared(tInt), Null(), true},
		{Null(), Declared(tInt), true},
		{Declared(tInt), Type{}, true},
		{Declared(tDouble), Declared(tInt), true},
		{Declared(tInt), Declared(tDouble), false},
		{Declared(tStr), Declared(withMask(tStr)), true},
		{Declared(tStr), Declared(tCar), false},
		{Declared(tCar), Declared(car1), true},
		{Declared(tCar), Declared(StructType(&lhpb.StructDefId{Name: "bus"})), false},
		{Declared(ArrayDef(tInt)), TypeOf(list()), true},
		{Declared(ArrayDef(tInt)), Declared(ArrayDef(tInt)), true},
		{Declared(ArrayDef(tDouble)), Declared(ArrayDef(tInt)), false},
		{Declared(ArrayDef(tInt)), Declared(ArrayDef(withMask(tInt))), false},
		{Declared(ArrayDef(tInt)), Declared(tArr), false},
		{Declared(MapDef(tStr, tInt)), TypeOf(mapping()), true},
		{Declared(MapDef(tStr, tInt)), TypeOf(mapping("a", NullValue())), true},
		{Declared(MapDef(tInt, tInt)), TypeOf(mapping("a", NullValue())), false},
		{Declared(MapDef(tStr, tInt)), Declared(MapDef(tStr, tInt)), true},
		{Declared(MapDef(tStr, tInt)), Declared(MapDef(tStr, tStr)), false},
		{Declared(MapDef(tStr, tInt)), Declared(ArrayDef(tInt)), false},
	} {
		if got := Compatible(c.expected, c.actual); got != c.want {
			t.Errorf("Compatible(%v, %v) = %v", c.expected, c.actual, got)
		}
	}
}

// covers: engine-1 §7
func TestEqualIncludesMaskAndVersion(t *testing.T) {
	car1 := StructType(&lhpb.StructDefId{Name: "car", Version: 1})
	for _, c := range []struct {
		a, b *lhpb.TypeDefinition
		want bool
	}{
		{tStr, newPrimitive(lhpb.VariableType_STR, false), true},
		{tStr, withMask(tStr), false},
		{tCar, car1, false},
		{nil, nil, true},
		{nil, tStr, false},
		{tObj, &lhpb.TypeDefinition{}, true},
		{&lhpb.TypeDefinition{}, newPrimitive(lhpb.VariableType_JSON_OBJ, false), true},
		{MapDef(tStr, ArrayDef(tInt)), MapDef(tStr, ArrayDef(tInt)), true},
		{MapDef(tStr, ArrayDef(tInt)), MapDef(tStr, ArrayDef(tStr)), false},
		{tInt, ArrayDef(tInt), false},
	} {
		if got := Equal(c.a, c.b); got != c.want {
			t.Errorf("Equal(%s, %s) = %v", TypeString(c.a), TypeString(c.b), got)
		}
	}
}

// covers: engine-1 §9
func TestCheckComparison(t *testing.T) {
	for _, c := range []struct {
		lhs  Type
		cmp  lhpb.Comparator
		rhs  Type
		want string
	}{
		{Declared(tInt), lhpb.Comparator_EQUALS, Declared(tInt), ""},
		{Declared(tInt), lhpb.Comparator_EQUALS, Declared(tDouble), ""},
		{Declared(tInt), lhpb.Comparator_LESS_THAN, Declared(tStr), ""},
		{Declared(tStr), lhpb.Comparator_EQUALS, Null(), ""},
		{Declared(tObj), lhpb.Comparator_LESS_THAN, Null(), ""},
		{Type{}, lhpb.Comparator_LESS_THAN, Declared(tObj), ""},
		{Declared(tObj), lhpb.Comparator_IN, Type{}, ""},
		{Declared(tObj), lhpb.Comparator_EQUALS, Declared(tObj), ""},
		{Declared(tObj), lhpb.Comparator_EQUALS, Declared(withMask(tObj)), ""},
		{Declared(tInt), lhpb.Comparator_EQUALS, Declared(tObj), "You can only compare LHS type INT with its own type"},
		{Declared(tObj), lhpb.Comparator_LESS_THAN, Declared(tObj), "You cannot compare RHS type JSON_OBJ using Comparator LESS_THAN"},
		{Declared(tRun), lhpb.Comparator_EQUALS, Declared(tRun), ""},
		{Declared(tBytes), lhpb.Comparator_GREATER_THAN, Declared(tBytes), "You cannot compare RHS type BYTES"},
		{Declared(tInt), lhpb.Comparator_IN, Declared(tArr), ""},
		{Declared(tStr), lhpb.Comparator_IN, Declared(ArrayDef(tStr)), ""},
		{Declared(tStr), lhpb.Comparator_NOT_IN, Declared(MapDef(tStr, tInt)), ""},
		{Declared(tStr), lhpb.Comparator_IN, Declared(tObj), ""},
		{Declared(tInt), lhpb.Comparator_IN, Declared(ArrayDef(tInt)), "You cannot use LHS type INT with Comparator IN"},
		{Declared(tStr), lhpb.Comparator_IN, Declared(tStr), "You cannot compare RHS type STR using Comparator IN"},
		{Declared(tTime), lhpb.Comparator_LESS_THAN, Declared(tTime), ""},
		{Declared(tInt), lhpb.Comparator(77), Declared(tInt), "unknown Comparator"},
	} {
		err := CheckComparison(c.cmp, c.lhs, c.rhs)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v %v %v: got %v, want %q", c.lhs, c.cmp, c.rhs, err, c.want)
		}
	}
}

// TestResultType goes through the whole table of left types, operations and right types.
//
// covers: engine-3 §5.1
func TestResultType(t *testing.T) {
	types := map[string]Type{
		"INT": Declared(tInt), "DOUBLE": Declared(tDouble), "STR": Declared(tStr), "BOOL": Declared(tBool),
		"JSON_OBJ": Declared(tObj), "JSON_ARR": Declared(tArr), "BYTES": Declared(tBytes),
		"WF_RUN_ID": Declared(tRun), "TIMESTAMP": Declared(tTime), "NULL": Null(),
		"Array": Declared(ArrayDef(tInt)), "Map": Declared(MapDef(tStr, tInt)), "Struct": Declared(tCar),
	}
	const num, leaf = "INT DOUBLE", "INT BOOL DOUBLE WF_RUN_ID TIMESTAMP STR"
	const all = "INT DOUBLE STR BOOL JSON_OBJ JSON_ARR BYTES WF_RUN_ID TIMESTAMP NULL Array Map Struct"
	allowed := map[string]string{
		"INT ADD": num, "INT SUBTRACT": num, "INT MULTIPLY": num, "INT DIVIDE": num, "INT POW": num,
		"DOUBLE ADD": num, "DOUBLE SUBTRACT": num, "DOUBLE MULTIPLY": num, "DOUBLE DIVIDE": num, "DOUBLE POW": num,
		"STR ADD": leaf, "STR EXTEND": leaf, "STR REMOVE_IF_PRESENT": leaf, "STR REMOVE_INDEX": num,
		"JSON_ARR ADD": all, "JSON_ARR EXTEND": "JSON_ARR", "JSON_ARR REMOVE_IF_PRESENT": leaf, "JSON_ARR REMOVE_INDEX": num,
		"JSON_OBJ REMOVE_KEY": leaf, "JSON_OBJ REMOVE_IF_PRESENT": leaf,
		"BYTES EXTEND": "BYTES",
		"Array EXTEND": "INT Array NULL", "Array REMOVE_IF_PRESENT": "INT NULL", "Array REMOVE_INDEX": num,
		"Map EXTEND": "Map", "Map REMOVE_KEY": "STR INT DOUBLE BOOL BYTES WF_RUN_ID NULL",
	}
	for l, left := range types {
		for o := lhpb.VariableMutationType_ADD; o <= lhpb.VariableMutationType_POW; o++ {
			for r, right := range types {
				got, err := ResultType(o, left, right)
				want := l
				ok := strings.Contains(" "+allowed[l+" "+o.String()]+" ", " "+r+" ")
				switch {
				case o == lhpb.VariableMutationType_AND || o == lhpb.VariableMutationType_OR:
					ok, want = true, "BOOL"
				case l == "INT" && o == lhpb.VariableMutationType_POW && r == "DOUBLE":
					want = "DOUBLE"
				}
				if ok != (err == nil) || ok && !got.Equal(types[want]) {
					t.Errorf("%s %v %s: got %v, %v", l, o, r, got, err)
				}
			}
		}
	}
}

// covers: engine-3 §5.1
func TestResultTypeMessagesAndAssign(t *testing.T) {
	for _, c := range []struct {
		op       lhpb.VariableMutationType
		lhs, rhs Type
		want     string
	}{
		{lhpb.VariableMutationType_ASSIGN, Declared(tDouble), Declared(tInt), "DOUBLE"},
		{lhpb.VariableMutationType_ASSIGN, Declared(tInt), Declared(tDouble), "error: Cannot assign DOUBLE to INT"},
		{lhpb.VariableMutationType_ASSIGN, Declared(tInt), Type{}, "UNKNOWN"},
		{lhpb.VariableMutationType_ADD, Type{}, Declared(tInt), "UNKNOWN"},
		{lhpb.VariableMutationType_MULTIPLY, Declared(tStr), Declared(tInt), "error: Cannot multiply to a STR"},
		{lhpb.VariableMutationType_ADD, Declared(ArrayDef(tInt)), Declared(tInt), "error: Use EXTEND instead"},
		{lhpb.VariableMutationType_EXTEND, Declared(ArrayDef(ArrayDef(tInt))), Declared(ArrayDef(tInt)), "Array<Array<INT>>"},
		{lhpb.VariableMutationType_EXTEND, Declared(ArrayDef(tInt)), TypeOf(list()), "Array<INT>"},
	} {
		got, err := ResultType(c.op, c.lhs, c.rhs)
		expect(t, strings.Replace("STR "+c.want, "STR error", "error", 1), Str(got.String()), err)
	}
}
