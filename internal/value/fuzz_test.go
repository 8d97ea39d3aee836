package value

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

func FuzzNormalizeJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":1.0,"b":[null,true,"x"]}`, `{a:'b';c=>01}`, "/*c*/[1] // x", `{"a":"\ud83d\ude00\u2028<"}`, "[1e400]", `{"a":1,"a":2}`, "nUll", "\ufeff[]",
		strings.Repeat("[", 300),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, p := range []lhpb.VariableType{lhpb.VariableType_JSON_OBJ, lhpb.VariableType_JSON_ARR} {
			normal, isNull, ok := NormalizeJSON(p, s)
			if tree, _, parses := parseJSON(s); isNormalJSON(s) && (!parses || string(appendJSON(nil, tree)) != s) {
				t.Fatalf("%q is not in normal form", s)
			}
			if !ok && normal != s {
				t.Fatalf("malformed %q became %q", s, normal)
			}
			if !ok || isNull {
				continue
			}
			if !json.Valid([]byte(normal)) {
				t.Fatalf("%q is not JSON", normal)
			}
			if utf8.ValidString(s) != utf8.ValidString(normal) && !utf8.ValidString(normal) {
				t.Fatalf("%q is not UTF-8", normal)
			}
			if again, _, ok := NormalizeJSON(p, normal); !ok || again != normal {
				t.Fatalf("%q became %q", normal, again)
			}
		}
	})
}

func FuzzJSONPath(f *testing.F) {
	for _, p := range []string{
		"$.a.b[0]", "$..c", "$.l[?(@.v > 1 && !(@.v == '2') || @.x)]", "$['a','l']", "$.l[-1:]", "$.l[*].v.sum()", "$.concat($.a, \"x\")",
		"$..[?(@.v =~ /2.*/i)]", "$.l[?(@.v in [1,'2'])]", "$.l.length()", "a.b", "$[?(@ size 2)]", "@",
	} {
		f.Add(p, `{"a":{"b":[1,2,{"c":"x"}]},"l":[{"v":1},{"v":"2"}]}`)
	}
	f.Fuzz(func(t *testing.T, path, doc string) {
		got, err := ReadJSONPath(JSONObj(doc), path)
		if err == nil {
			if checkErr := CheckJSON(got); checkErr != nil {
				t.Fatalf("%s found %v", path, checkErr)
			}
		}
		m := mutation(opAssign, literalOf(Int(1)))
		m.LhsJsonPath = &path
		changed, err := Mutate(m, tObj, "", world{variables: map[string]*lhpb.VariableValue{"v": JSONObj(doc)}})
		if err == nil && CheckJSON(changed) != nil {
			t.Fatalf("%s made malformed JSON of %q", path, doc)
		}
	})
}

func FuzzFormat(f *testing.F) {
	for _, s := range []string{"{0} {1}", "it''s '{0}'", "{0,number,#,##0.00;(0)}", "{0,number,percent}", "{1,number,'x'0%}", "{0 {", "{0,number,.}"} {
		f.Add(s, int64(1234567), 0.0005)
	}
	f.Fuzz(func(t *testing.T, template string, i int64, d float64) {
		args := []*lhpb.VariableValue{Int(i), Double(d), Str(template)}
		got, err := Format(template, args)
		again, err2 := Format(template, args)
		if got != again || (err == nil) != (err2 == nil) {
			t.Fatal("not deterministic")
		}
	})
}

func FuzzParseNumbers(f *testing.F) {
	for _, s := range []string{"1", "+12", " 1.5e3 ", "NaN", "-Infinity", "0x1.8p3d", "1e400", "9223372036854775808", ".5f", "1_0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := ParseDouble(s); err == nil {
			back, err := ParseDouble(DoubleText(d))
			if err != nil || math.Float64bits(back) != math.Float64bits(d) && !math.IsNaN(d) {
				t.Fatalf("%q is %v, and that reads as %v", s, d, back)
			}
		}
		if i, err := ParseInt(s); err == nil && strconv.FormatInt(i, 10) != strings.TrimLeft(s, "+") && !strings.ContainsAny(s, "0") {
			t.Fatalf("%q is %d", s, i)
		}
		_, _ = ParseBool(s)
		if v, err := Cast(Str(s), tRun); err == nil && Text(v) != s {
			t.Fatalf("%q is the id %q", s, Text(v))
		}
	})
}

func FuzzCron(f *testing.F) {
	for _, s := range []string{"* * * * *", "*/5 1-3 1,2 JAN MON-FRI", "0 0 29 2 *", "5/10 * * * 7", "@daily", "0 0 31 2 *"} {
		f.Add(s, int64(1700000000))
	}
	f.Fuzz(func(t *testing.T, expr string, from int64) {
		at := time.Unix(from%(1<<40), 0)
		next, err := Next(expr, at)
		if err == nil && (!next.After(at) || next.Second() != 0) {
			t.Fatalf("%q after %v is %v", expr, at, next)
		}
	})
}

// FuzzAssignments takes whatever decodes as an assignment and as a mutation.
func FuzzAssignments(f *testing.F) {
	for _, a := range []*lhpb.VariableAssignment{
		literalOf(list(Int(1), mapping("k", JSONObj(`{"a":1}`)))),
		castTo(withJSONPath(variable("doc"), "$.l[0]"), tStr),
		expression(variable("i"), opAdd, withLHPath(variable("list"), 0, variable("i"))),
		mapOf(&lhpb.InlineMapDef{KeyType: tStr}, variable("s"), variable("i")),
		structOf("car", map[string]any{"model": variable("s"), "owner": map[string]any{"name": variable("s")}}),
		sizeAssignment(variable("list")),
	} {
		b, err := a.MarshalVT()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	env := world{
		variables: map[string]*lhpb.VariableValue{
			"i": Int(1), "s": Str("{0} x"), "doc": JSONObj(`{"l":[1,{"k":2.5}]}`), "list": list(Int(1), list(Str("y"))), "": NullValue(),
		},
		outputs: map[string]*lhpb.VariableValue{"": Double(2.5)},
		structs: garage,
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var a lhpb.VariableAssignment
		if a.UnmarshalVT(b) == nil {
			before := proto.Clone(&a)
			v, err := Resolve(&a, env)
			if err == nil {
				_, _ = Validate(a.TargetType, v, env)
			}
			_, _ = EvalCondition(&a, env)
			if !proto.Equal(before, &a) {
				t.Fatal("the assignment was changed")
			}
		}
		var m lhpb.VariableMutation
		if m.UnmarshalVT(b) == nil {
			for name, v := range env.variables {
				m.LhsName = name
				_, _ = Mutate(&m, TypeOf(v).Def(), "", env)
			}
		}
	})
}
