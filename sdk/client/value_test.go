package lh

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"littlehorse/lhpb"
)

type address struct {
	Street string `lh:"street"`
	City   string `json:"city"`
}

func (address) LHStruct() string { return "address" }

type person struct {
	Name    string
	SSN     string `lh:"ssn,masked"`
	Home    address
	Note    *string
	URLPath string
	skipped string
	Left    string `lh:"-"`
}

func (person) LHStruct() string { return "person" }

type document struct {
	Big  int64          `json:"big"`
	Rest map[string]any `json:"rest"`
}

func TestTypes(t *testing.T) {
	for _, test := range []struct {
		v    any
		want string
	}{
		{int8(0), `primitive_type:INT`},
		{0, `primitive_type:INT`},
		{float32(0), `primitive_type:DOUBLE`},
		{"", `primitive_type:STR`},
		{false, `primitive_type:BOOL`},
		{[]byte{}, `primitive_type:BYTES`},
		{time.Time{}, `primitive_type:TIMESTAMP`},
		{RunID(""), `primitive_type:WF_RUN_ID`},
		{[]string{}, `primitive_type:JSON_ARR`},
		{[2]int{}, `primitive_type:JSON_ARR`},
		{map[string]int{}, `primitive_type:JSON_OBJ`},
		{document{}, `primitive_type:JSON_OBJ`},
		{new(int), `primitive_type:INT`},
		{person{}, `struct_def_id:{name:"person" version:-1}`},
		{Array[int]{}, `inline_array_def:{array_type:{primitive_type:INT}}`},
		{Map[string, Array[bool]]{}, `inline_map_def:{key_type:{primitive_type:STR} value_type:{inline_array_def:{array_type:{primitive_type:BOOL}}}}`},
	} {
		got, err := TypeOf(reflect.TypeOf(test.v))
		if text := strings.ReplaceAll(got.String(), "  ", " "); err != nil || text != test.want {
			t.Errorf("%T: %s, want %s, %v", test.v, text, test.want, err)
		}
	}
	for _, v := range []any{uint(0), uint8(0), func() {}, make(chan int), map[int]string{}, Array[uint]{}, complex(0, 0)} {
		if got, err := TypeOf(reflect.TypeOf(v)); err == nil {
			t.Errorf("%T became %v", v, got)
		}
		if got, err := Value(v); err == nil {
			t.Errorf("a %T became %v", v, got)
		}
	}
}

// roundTrip turns a value into LittleHorse's form, over the wire, and back.
func roundTrip[T any](t *testing.T, v T) T {
	t.Helper()
	pb, err := Value(v)
	if err != nil {
		t.Fatalf("%#v: %v", v, err)
	}
	bytes, err := proto.Marshal(pb)
	if err != nil {
		t.Fatal(err)
	}
	read := &lhpb.VariableValue{}
	if err := proto.Unmarshal(bytes, read); err != nil {
		t.Fatal(err)
	}
	var back T
	if err := Scan(read, &back); err != nil {
		t.Fatalf("%#v: %v", v, err)
	}
	return back
}

func same[T any](t *testing.T, v T) {
	t.Helper()
	if back := roundTrip(t, v); !reflect.DeepEqual(back, v) {
		t.Errorf("%#v became %#v", v, back)
	}
}

func TestValuesComeBack(t *testing.T) {
	note := "x"
	same(t, "text")
	same(t, int8(-7))
	same(t, int64(math.MinInt64))
	same(t, 2.5)
	same(t, float32(2.5))
	same(t, true)
	same(t, []byte{0, 255})
	same(t, time.Date(2026, 1, 31, 10, 0, 0, 123, time.UTC))
	same(t, RunID("root_child"))
	same(t, &note)
	same(t, (*string)(nil))
	same(t, []string{"a", "b"})
	same(t, map[string][]int{"a": {1}})
	same(t, document{Big: 9007199254740993, Rest: map[string]any{"n": int64(9007199254740993), "f": 1.5, "l": []any{int64(1)}}})
	same(t, person{Name: "Ada", SSN: "1", Home: address{"s", "London"}, Note: &note, URLPath: "/"})
	same(t, Array[int64]{1, 2})
	same(t, Array[Array[string]]{{"a"}, {}})
	same(t, Map[int64, string]{2: "b", 1: "a"})
	same(t, Map[string, person]{"a": {Name: "x"}})
	same(t, json.RawMessage(`{"a":1}`))
	if back := roundTrip[any](t, map[string]any{"a": 1}); !reflect.DeepEqual(back, map[string]any{"a": int64(1)}) {
		t.Errorf("%#v", back)
	}
}

func TestIntegersKeepAllDigits(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.Int64().Draw(r, "n")
		if back := roundTrip(t, map[string]any{"n": n}); back["n"] != n {
			r.Errorf("%d became %v", n, back["n"])
		}
	})
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	str, _ := Value("x")
	big, _ := Value(300)
	list, _ := Value([]int{1})
	text, _ := Value(`a`)
	var i8 int8
	var n int64
	var s string
	var b bool
	var m map[string]any
	var at time.Time
	for _, test := range []struct {
		v    *lhpb.VariableValue
		into any
	}{{big, &i8}, {str, &n}, {big, &s}, {str, &b}, {list, &s}, {list, &m}, {text, &at}, {str, n}, {str, nil}} {
		if err := Scan(test.v, test.into); err == nil {
			t.Errorf("%v went into a %T", test.v, test.into)
		}
	}
	f := 1.5
	if err := Scan(&lhpb.VariableValue{}, &f); err != nil || f != 0 {
		t.Errorf("NULL gave %v, %v", f, err)
	}
	if err := Scan(big, &f); err != nil || f != 300 {
		t.Errorf("INT into float64: %v, %v", f, err)
	}
}

func TestStructDefs(t *testing.T) {
	requests, err := StructDef[person](lhpb.StructDefCompatibilityType_FULLY_COMPATIBLE_SCHEMA_UPDATES).PutRequests()
	if err != nil || len(requests) != 2 {
		t.Fatalf("%v, %v", requests, err)
	}
	inner, outer := requests[0].(*lhpb.PutStructDefRequest), requests[1].(*lhpb.PutStructDefRequest)
	if inner.Name != "address" || outer.Name != "person" || inner.StructDef.Fields["street"] == nil || inner.StructDef.Fields["city"] == nil {
		t.Errorf("%v\n%v", inner, outer)
	}
	f := outer.StructDef.Fields
	if len(f) != 5 || !f["ssn"].FieldType.Masked || !f["note"].IsNullable || f["name"].IsNullable || f["urlPath"] == nil {
		t.Errorf("%v", outer)
	}
	if got := f["home"].FieldType.GetStructDefId().GetName(); got != "address" {
		t.Errorf("home is %q", got)
	}
	_ = person{}.skipped
}

func TestRunIDs(t *testing.T) {
	id := RunID("a_b_c").Proto()
	if id.Id != "c" || id.ParentWfRunId.Id != "b" || id.ParentWfRunId.ParentWfRunId.Id != "a" || RunIDOf(id) != "a_b_c" {
		t.Error(id)
	}
	if RunID("a_b").Parent() != "a" || RunID("a").Parent() != "" || RunIDOf(nil) != "" {
		t.Error("parents")
	}
	if a, b := NewRunID(), NewRunID(); a == b || !ValidName(string(a)) {
		t.Errorf("%s, %s", a, b)
	}
}
