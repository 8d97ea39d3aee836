package value

import (
	"strings"
	"testing"

	"littlehorse/lhpb"
)

// covers: engine-3 §8
func TestNormalizeJSONObject(t *testing.T) {
	deep := strings.Repeat(`{"a":`, MaxJSONDepth-1) + "{}" + strings.Repeat("}", MaxJSONDepth-1)
	for in, want := range map[string]string{
		`{ "a": 1.0, "b":1e10, "e":12345678901234567890, "f":1E2, "g":0.00001 }`: `{"a":1.0,"b":1.0E10,"e":1.2345678901234567E19,"f":100.0,"g":1.0E-5}`,
		`{"a":-0,"b":-0.0,"c":0.0}`:                           `{"a":0,"b":-0.0,"c":0.0}`,
		`{"b":1,"a":null}`:                                    `{"b":1,"a":null}`,
		`{"a":"<b>&='x'"}`:                                    `{"a":"\u003cb\u003e\u0026\u003d\u0027x\u0027"}`,
		"{\"a\":\"\u2028é😀\u007f\"}":                          "{\"a\":\"\\u2028é😀\u007f\"}",
		`{"a":"\ud83d\ude00\/\u0001"}`:                        `{"a":"😀/\u0001"}`,
		`{"a":"\ud83dx"}`:                                     "{\"a\":\"\ufffdx\"}",
		`{'a':'it"s'}`:                                        `{"a":"it\"s"}`,
		`{a: b}`:                                              `{"a":"b"}`,
		`{a=1;b=>2}`:                                          `{"a":1,"b":2}`,
		`{"a":TRUE,"b":False,"c":nULL}`:                       `{"a":true,"b":false,"c":null}`,
		`{"a":NaN,"b":01,"c":+1,"d":1.,"e":.5}`:               `{"a":"NaN","b":"01","c":"+1","d":"1.","e":".5"}`,
		`{"a":9223372036854775807,"b":9223372036854775808}`:   `{"a":9223372036854775807,"b":9.223372036854776E18}`,
		"/* c */ {\"a\":1 // x\n} # y":                        `{"a":1}`,
		`{"x":{"a":1,"b":3,"a":2}}`:                           `{"x":{"a":2,"b":3}}`,
		`{"a":[1,,2],"b":[1,],"c":[,],"d":[;],"e":[[ , ],]}`:  `{"a":[1,null,2],"b":[1,null],"c":[null,null],"d":[null,null],"e":[[null,null],null]}`,
		"\ufeff{}":                                            `{}`,
		`{"a":1234567.0,"b":12345678.0,"c":0.001,"d":0.0009}`: `{"a":1234567.0,"b":1.2345678E7,"c":0.001,"d":9.0E-4}`,
		deep: deep,
	} {
		if isNormalJSON(in) && in != want {
			t.Errorf("%s is taken for normal", in)
		}
		got, isNull, ok := NormalizeJSON(lhpb.VariableType_JSON_OBJ, in)
		if got != want || isNull || !ok {
			t.Errorf("%s\n got %s %v %v\nwant %s", in, got, isNull, ok, want)
		}
	}
}

// covers: engine-3 §8
func TestMalformedJSONIsKept(t *testing.T) {
	for _, in := range []string{
		`{"a":1,}`, `{"a":1} {"b":2}`, `{"a":1,"a":2}`, `{"a":1e400}`, `{`, `{"a"}`, `{"a":"x`, `{"a":"\x"}`, `{"a":"\u12g4"}`,
		`[]`, `5`, `"x"`, `true`, `hello`, `{"a":1}x`, `{"a":}`, `{:1}`, `/* {}`, `{"a":[1,}`, `{"a":[1 2]}`, `{"a":[:]}`, `{"a":[,`, `{,}`, `{"a":1,,"b":2}`,
		strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000), strings.Repeat("[", 100_000),
	} {
		v := NormalizeValue(JSONObj(in))
		if v.GetJsonObj() != in {
			t.Errorf("%.60s became %s", in, show(v))
		}
		if err := CheckJSON(list(v)); err == nil || !strings.Contains(err.Error(), "malformed JSON_OBJ") {
			t.Errorf("%.60s: %v", in, err)
		}
		if has, err := Contains(v, Str("a")); has || err != nil {
			t.Errorf("%.60s is not seen as empty", in)
		}
	}
	if v := NormalizeValue(JSONArr(`{"a":1}`)); v.GetJsonArr() != `{"a":1}` {
		t.Error(show(v))
	}
}

// covers: engine-3 §8
func TestJSONThatMeansNull(t *testing.T) {
	for _, in := range []string{"", "  ", "null", " NULL\n", "# nothing"} {
		if v := NormalizeValue(JSONObj(in)); !IsNull(v) {
			t.Errorf("%q became %s", in, show(v))
		}
		if v := NormalizeValue(JSONArr(in)); !IsNull(v) {
			t.Errorf("%q became %s", in, show(v))
		}
	}
}

func TestNormalizeValueGoesDeepAndSharesWhatIsNormal(t *testing.T) {
	v := list(mapping("a", JSONObj("{a:1}")), record("s", 0, map[string]*lhpb.VariableValue{"f": JSONArr("[1.0e0]")}))
	if got, want := Text(NormalizeValue(v)), `[{"a":{"a":1}},{"f":[1.0]}]`; got != want {
		t.Errorf("got %s", got)
	}
	if v.GetArray().Items[0].GetMap().Entries[0].Value.GetJsonObj() != "{a:1}" {
		t.Error("the argument was changed")
	}
	normal := list(mapping("a", JSONObj(`{"a":1}`)), Int(1))
	if NormalizeValue(normal) != normal {
		t.Error("a normal value was copied")
	}
	if err := CheckJSON(normal); err != nil {
		t.Error(err)
	}
}

func TestJSONBuilders(t *testing.T) {
	v, err := JSONObject(map[string]*lhpb.VariableValue{"b": Int(1), "a": list(Str("<")), "c": NullValue(), "d": Bytes([]byte("hi"))})
	expect(t, `JSON_OBJ {"a":["\u003c"],"b":1,"c":null,"d":"aGk\u003d"}`, v, err)
	v, err = JSONArray([]*lhpb.VariableValue{Int(0), Int(1), JSONObj(`{"k":1.0}`)})
	expect(t, `JSON_ARR [0,1,{"k":1.0}]`, v, err)
	_, err = JSONArray([]*lhpb.VariableValue{Double(inf)})
	expect(t, "error: JSON cannot hold the number Infinity", nil, err)
	_, err = JSONArray([]*lhpb.VariableValue{Str(strings.Repeat("x", MaxBytes))})
	expect(t, "error: exceeds the limit of 4194304 bytes", nil, err)
}

func TestItems(t *testing.T) {
	items, ok := Items(JSONArr(`[1,2.0,"x",true,null,{"a":1},[1]]`))
	var got []string
	for _, item := range items {
		got = append(got, show(item))
	}
	want := `INT 1|DOUBLE 2.0|STR x|BOOL true|NULL|JSON_OBJ {"a":1}|JSON_ARR [1]`
	if strings.Join(got, "|") != want || !ok {
		t.Errorf("got %v", got)
	}
	if items, ok := Items(list(Int(1))); !ok || len(items) != 1 {
		t.Error("Array")
	}
	if _, ok := Items(Str("x")); ok {
		t.Error("STR has no items")
	}
}

// TestWideObjects: an object finds its members the same way whatever their number.
func TestWideObjects(t *testing.T) {
	var b strings.Builder
	b.WriteString("{")
	for i := range 40 {
		b.WriteString(`"k` + Text(Int(int64(i))) + `":` + Text(Int(int64(i))) + ",")
	}
	doc := JSONObj(b.String() + `"last":0}`)
	got, err := ReadJSONPath(doc, "$.k37")
	expect(t, "INT 37", got, err)
	shorter, err := Operate(opRemoveK, nil, doc, Str("k3"))
	if err != nil || strings.Contains(shorter.GetJsonObj(), `"k3":`) {
		t.Fatalf("got %s, %v", show(shorter), err)
	}
	got, err = ReadJSONPath(shorter, "$.k37")
	expect(t, "INT 37", got, err)
	same, isNull, ok := NormalizeJSON(lhpb.VariableType_JSON_OBJ, doc.GetJsonObj())
	if same != doc.GetJsonObj() || isNull || !ok {
		t.Error("a wide normal object was changed")
	}
	if _, _, ok := NormalizeJSON(lhpb.VariableType_JSON_OBJ, b.String()+`"k1":0}`); ok {
		t.Error("a doubled key passed")
	}
}

func TestEscapes(t *testing.T) {
	got, isNull, ok := NormalizeJSON(lhpb.VariableType_JSON_ARR, `["\b\f\n\r\t\"\\\/\'\u0007\u003C",'a\
b']`)
	want := `["\b\f\n\r\t\"\\/\u0027\u0007\u003c","a\nb"]`
	if got != want || isNull || !ok {
		t.Errorf("got %s, want %s", got, want)
	}
	if again, _, _ := NormalizeJSON(lhpb.VariableType_JSON_ARR, got); again != want {
		t.Errorf("got %s", again)
	}
	v, err := ReadJSONPath(JSONObj(`{"a\nb":1,"c'd":2,"e\tf\u00e9":3}`), `$['a\nb']`)
	expect(t, "INT 1", v, err)
	v, err = ReadJSONPath(JSONObj(`{"a\nb":1,"c'd":2,"e\tf\u00e9":3}`), `$['c\'d']`)
	expect(t, "INT 2", v, err)
	v, err = ReadJSONPath(JSONObj(`{"a\nb":1,"c'd":2,"e\tf\u00e9":3}`), `$["e\tf\u00e9"]`)
	expect(t, "INT 3", v, err)
}
