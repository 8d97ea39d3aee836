package value

import (
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
)

// covers: engine-3 §11
func TestValidate(t *testing.T) {
	deepList, deepType := list(), ArrayDef(tInt)
	for range MaxDepth + 10 {
		deepList, deepType = list(deepList), ArrayDef(deepType)
	}
	ids := make([]string, 70)
	for _, c := range []conversion{
		{Int(3), tInt, "INT 3"},
		{Int(3), tDouble, "INT 3"},
		{Int(3), tStr, "INT 3"},
		{Double(3), tInt, "error: Value of type DOUBLE is not compatible with expected type INT"},
		{Str("3"), tInt, "error: Value of type STR is not compatible with expected type INT"},
		{NullValue(), tInt, "NULL"},
		{nil, tCar, "NULL"},
		{JSONObj("{a:1}"), nil, `JSON_OBJ {"a":1}`},
		{JSONObj("null"), tObj, "NULL"},
		{JSONObj("broken"), tObj, "JSON_OBJ broken"},
		{JSONArr("[]"), tObj, "error: JSON_ARR is not compatible with expected type JSON_OBJ"},
		{Str("\xff"), tStr, "error: not valid UTF-8"},
		{JSONObj("{\"a\":\"\xff\"}"), tObj, "error: not valid UTF-8"},
		{Timestamp(&timestamppb.Timestamp{Seconds: math.MaxInt64}), tTime, "error: The TIMESTAMP is not valid"},
		{wfRun(ids...), tRun, "error: more than 64 ancestors"},

		{list(), ArrayDef(tInt), "Array<INT> []"},
		{list(Int(1), NullValue()), ArrayDef(tInt), "Array<INT> [1,null]"},
		{typed(tStr, Int(1)), ArrayDef(tInt), "Array<INT> [1]"},
		{list(Int(1)), ArrayDef(tDouble), "Array<DOUBLE> [1]"},
		{list(Str("a"), Int(1)), ArrayDef(tInt), "error: item 0: Value of type STR is not compatible with expected type INT"},
		{list(list(), list(JSONObj("{a:1}"))), ArrayDef(ArrayDef(tObj)), `Array<Array<JSON_OBJ>> [[],[{"a":1}]]`},
		{list(), tArr, "error: Value of type Array<UNKNOWN> is not compatible with expected type JSON_ARR"},
		{Int(1), ArrayDef(tInt), "error: Value of type INT is not compatible with expected type Array<INT>"},
		{deepList, deepType, "error: nested deeper than the limit of 100 levels"},

		{mapping("a", Int(1)), MapDef(tStr, tInt), `Map<STR, INT> {"a":1}`},
		{mapping("a", NullValue()), MapDef(tStr, tInt), `Map<STR, INT> {"a":null}`},
		{mapping(), MapDef(tStr, nil), "Map<STR, JSON_OBJ> {}"},
		{mapping("a", Str("x")), MapDef(tStr, tInt), "error: value of entry 0: Value of type STR"},
		{mapping("a", Int(1)), MapDef(tInt, tInt), "error: key of entry 0: Value of type STR"},
		{Map(&lhpb.Map{Entries: []*lhpb.Map_Entry{{}}}), MapDef(tStr, tInt), "error: entry 0: the key is NULL"},
		{mapping(), ArrayDef(tInt), "error: Value of type Map<UNKNOWN, UNKNOWN> is not compatible"},

		{
			record("car", 7, map[string]*lhpb.VariableValue{"model": Str("T"), "extra": JSONObj("{a:1}")}), tCar,
			`Struct<car,v0> {"extra":{"a":1},"model":"T"}`,
		},
		{record("car", 0, map[string]*lhpb.VariableValue{"model": Str("T"), "plate": NullValue()}), tCar, `Struct<car,v0> {"model":"T","plate":null}`},
		{record("car", 0, nil), tCar, "error: Missing required field model"},
		{record("car", 0, map[string]*lhpb.VariableValue{"model": NullValue()}), tCar, "error: Field is not nullable but received null value"},
		{record("car", 0, map[string]*lhpb.VariableValue{"model": list()}), tCar, "error: Field 'model': Value of type Array<UNKNOWN>"},
		{record("car", 0, map[string]*lhpb.VariableValue{"model": Int(5)}), tCar, `Struct<car,v0> {"model":5}`},
		{
			record("car", 0, map[string]*lhpb.VariableValue{"model": Str("T"), "owner": record("person", 9, nil)}), tCar,
			"error: Field 'owner': Missing required field name",
		},
		{record("bus", 0, nil), tCar, "error: Value of type Struct<bus,v0> is not compatible with expected type Struct<car,v0>"},
		{record("boat", 0, nil), StructType(&lhpb.StructDefId{Name: "boat"}), "error: refers to non-existent StructDef boat with version 0"},
		{record("car", 0, nil), tObj, "error: Value of type Struct<car,v0> is not compatible with expected type JSON_OBJ"},
		{Struct(nil), tCar, "error: is not compatible"},
		{list(record("car", 3, map[string]*lhpb.VariableValue{"model": Str("T")})), ArrayDef(tCar), `Array<Struct<car,v0>> [{"model":"T"}]`},
	} {
		t.Run(clip(show(c.v))+" as "+clip(TypeString(c.to)), func(t *testing.T) {
			before := c.v.CloneVT()
			got, err := Validate(c.to, c.v, world{structs: garage})
			expect(t, c.want, got, err)
			if !proto.Equal(before, c.v) {
				t.Error("the argument was changed")
			}
		})
	}
}

func TestValidateUntyped(t *testing.T) {
	got, err := ValidateUntyped(list(JSONObj("{a:1}"), record("car", 3, map[string]*lhpb.VariableValue{"x": JSONArr("[ ]")}), mapping("k", Int(1))))
	expect(t, `Array<JSON_OBJ> [{"a":1},{"x":[]},{"k":1}]`, got, err)
	_, err = ValidateUntyped(Str(strings.Repeat("x", MaxBytes+1)))
	expect(t, "error: exceeds the limit of 4194304 bytes", nil, err)
	_, err = ValidateUntyped(JSONArr(`["` + strings.Repeat("<", MaxBytes/3) + `"]`))
	expect(t, "error: exceeds the limit of 4194304 bytes", nil, err)
}

// covers: engine-3 §10
func TestStructMasksComeFromTheDefinition(t *testing.T) {
	v := record("car", 0, map[string]*lhpb.VariableValue{"model": Str("T"), "plate": Str("X1")})
	v.GetStruct().Struct.Fields["model"].Masked = true
	got, err := Validate(tCar, v, world{structs: garage})
	if err != nil {
		t.Fatal(err)
	}
	fields := got.GetStruct().Struct.Fields
	if fields["model"].Masked || !fields["plate"].Masked {
		t.Error("masks are not those of the StructDef")
	}
	expect(t, `Struct<car,v0> {"model":"T","plate":"*****"}`, Masked(got, tCar), nil)
	expect(t, `Array<Struct<car,v0>> [{"model":"T","plate":"*****"}]`, Masked(list(got), nil), nil)
}

// covers: engine-3 §10
func TestMasked(t *testing.T) {
	secret := withMask(tStr)
	for _, c := range []conversion{
		{Str("x"), tStr, "STR x"},
		{Str("x"), secret, "STR *****"},
		{Int(5), withMask(tInt), "STR *****"},
		{NullValue(), secret, "STR *****"},
		{JSONObj("{}"), nil, "JSON_OBJ {}"},
		{list(Str("a")), ArrayDef(secret), `Array<STR> ["*****"]`},
		{typed(secret, Str("a")), nil, `Array<STR MASKED> ["*****"]`},
		{list(Str("a")), withMask(ArrayDef(tStr)), "STR *****"},
		{mapping("k", Str("a")), MapDef(tStr, secret), `Map<STR, STR> {"k":"*****"}`},
	} {
		expect(t, c.want, Masked(c.v, c.to), nil)
	}
	for _, v := range []*lhpb.VariableValue{list(Int(1), mapping("k", Int(1))), record("car", 0, map[string]*lhpb.VariableValue{"model": Int(1)})} {
		if Masked(v, nil) != v {
			t.Errorf("%s was copied", show(v))
		}
	}
}

// covers: tasks §2
func TestTaskInput(t *testing.T) {
	for _, c := range []conversion{
		{Int(7), tStr, "STR 7"},
		{Int(7), tDouble, "DOUBLE 7.0"},
		{Int(5432), tStr, "STR 5432"},
		{Double(12.3), tInt, "error: Value of type DOUBLE is not compatible with expected type INT"},
		{NullValue(), tInt, "NULL"},
		{Bool(true), tStr, "STR true"},
		{Str("7"), tInt, "error: Value of type STR"},
		{list(Int(1)), ArrayDef(tInt), "Array<INT> [1]"},
		{JSONObj(`{"a":1}`), tObj, `JSON_OBJ {"a":1}`},
		{JSONObj(`{"a":1}`), tStr, "error: JSON_OBJ is not compatible"},
	} {
		got, err := TaskInput(c.to, c.v, world{})
		expect(t, c.want, got, err)
	}
}
