package value

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"littlehorse/lhpb"
)

// kinds draw values of one kind each.
var kinds = map[string]func(*rapid.T) *lhpb.VariableValue{
	"INT":    func(t *rapid.T) *lhpb.VariableValue { return Int(rapid.Int64().Draw(t, "int")) },
	"DOUBLE": func(t *rapid.T) *lhpb.VariableValue { return Double(drawDouble(t)) },
	"STR":    func(t *rapid.T) *lhpb.VariableValue { return Str(rapid.String().Draw(t, "str")) },
	"BOOL":   func(t *rapid.T) *lhpb.VariableValue { return Bool(rapid.Bool().Draw(t, "bool")) },
	"BYTES":  func(t *rapid.T) *lhpb.VariableValue { return Bytes(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) },
	"WF_RUN_ID": func(t *rapid.T) *lhpb.VariableValue {
		return wfRun(rapid.SliceOfN(rapid.StringMatching(`[a-z0-9-]{0,3}`), 1, 4).Draw(t, "ids")...)
	},
	"TIMESTAMP": func(t *rapid.T) *lhpb.VariableValue {
		return Timestamp(&timestamppb.Timestamp{
			Seconds: rapid.Int64Range(-62135596800, 253402300799).Draw(t, "seconds"),
			Nanos:   rapid.Int32Range(0, 999_999_999).Draw(t, "nanos"),
		})
	},
	"Struct": func(t *rapid.T) *lhpb.VariableValue {
		fields := rapid.MapOfN(rapid.StringMatching(`[a-c]`), rapid.Int64Range(0, 2), 0, 3).Draw(t, "fields")
		s := map[string]*lhpb.VariableValue{}
		for name, n := range fields {
			s[name] = Int(n)
		}
		return record("s", rapid.Int32Range(0, 1).Draw(t, "version"), s)
	},
}

func drawDouble(t *rapid.T) float64 {
	if rapid.Bool().Draw(t, "special") {
		return rapid.SampledFrom([]float64{0, math.Copysign(0, -1), nan, inf, -inf, 1, -1.5, 1e7, 1e-3, 5e-324, math.MaxFloat64}).Draw(t, "double")
	}
	return math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
}

var jsonTexts = rapid.OneOf(
	rapid.SampledFrom([]string{"", "null", "{}", "[]", `{"a":1}`, "[1,2.0,\"x\",null]", "broken", `{"a":{"b":[1,{"c":2}]}}`, "[[1],[2,[3]]]"}),
	rapid.StringOf(rapid.SampledFrom([]rune(`{}[]:,"'ab01.-eE\/ #;=`))),
)

// drawValue draws any value, well formed or not.
func drawValue(t *rapid.T, depth int) *lhpb.VariableValue {
	switch n := rapid.IntRange(0, 14).Draw(t, "kind"); {
	case n < 8:
		return kinds[sortedKeys(kinds)[n]](t)
	case n == 8:
		return JSONObj(jsonTexts.Draw(t, "json"))
	case n == 9:
		return JSONArr(jsonTexts.Draw(t, "json"))
	case n == 10 || depth == 0:
		return rapid.SampledFrom([]*lhpb.VariableValue{nil, {}, Struct(nil), Array(nil), Map(nil), WfRunID(nil), Timestamp(nil)}).Draw(t, "empty")
	case n <= 12:
		a := &lhpb.Array{ElementType: drawType(t, 1)}
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			a.Items = append(a.Items, drawValue(t, depth-1))
		}
		return Array(a)
	}
	m := &lhpb.Map{}
	for range rapid.IntRange(0, 3).Draw(t, "entries") {
		m.Entries = append(m.Entries, &lhpb.Map_Entry{Key: drawValue(t, 0), Value: drawValue(t, depth-1)})
	}
	return Map(m)
}

func drawType(t *rapid.T, depth int) *lhpb.TypeDefinition {
	switch n := rapid.IntRange(0, 14).Draw(t, "type"); {
	case n < 10:
		return PrimitiveDef(lhpb.VariableType(n))
	case n == 10:
		return nil
	case n == 11 || depth == 0:
		return tCar
	case n == 12:
		return &lhpb.TypeDefinition{Masked: true}
	case n == 13:
		return ArrayDef(drawType(t, depth-1))
	}
	return MapDef(drawType(t, 0), drawType(t, depth-1))
}

// covers: engine-3 §4
func TestCompareIsATotalOrder(t *testing.T) {
	for kind, draw := range kinds {
		t.Run(kind, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				draw := func() *lhpb.VariableValue {
					if rapid.IntRange(0, 9).Draw(t, "null") == 0 {
						return NullValue()
					}
					return draw(t)
				}
				order := func(l, r *lhpb.VariableValue) int {
					n, err := Compare(l, r)
					if err != nil {
						t.Fatalf("%s, %s: %v", show(l), show(r), err)
					}
					return n
				}
				a, b, c := draw(), draw(), draw()
				if order(a, a) != 0 || !Identical(a, a.CloneVT()) {
					t.Fatalf("%s is not equal to itself", show(a))
				}
				if order(a, b) != -order(b, a) {
					t.Fatalf("%s and %s: not antisymmetric", show(a), show(b))
				}
				if order(a, b) <= 0 && order(b, c) <= 0 && order(a, c) > 0 {
					t.Fatalf("%s, %s, %s: not transitive", show(a), show(b), show(c))
				}
				if (order(a, b) == 0) != Identical(a, b) {
					t.Fatalf("%s and %s: equal or not", show(a), show(b))
				}
			})
		})
	}
}

// covers: engine-3 §8
func TestNormalFormIsIdempotentJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := jsonTexts.Draw(t, "text")
		for _, p := range []lhpb.VariableType{lhpb.VariableType_JSON_OBJ, lhpb.VariableType_JSON_ARR} {
			normal, isNull, ok := NormalizeJSON(p, text)
			if !ok || isNull {
				continue
			}
			if isNormalJSON(text) && text != normal {
				t.Fatalf("%q is taken for normal, it is not %q", text, normal)
			}
			if !json.Valid([]byte(normal)) {
				t.Fatalf("%q became %q, which is not JSON", text, normal)
			}
			if again, isNull, ok := NormalizeJSON(p, normal); again != normal || isNull || !ok {
				t.Fatalf("%q became %q, and that %q", text, normal, again)
			}
		}
	})
}

// covers: engine-3 §7.1
func TestCastsReadBack(t *testing.T) {
	for kind, p := range map[string]lhpb.VariableType{
		"INT": lhpb.VariableType_INT, "DOUBLE": lhpb.VariableType_DOUBLE, "BOOL": lhpb.VariableType_BOOL, "WF_RUN_ID": lhpb.VariableType_WF_RUN_ID,
	} {
		t.Run(kind, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				v := kinds[kind](t)
				text, err := Cast(v, tStr)
				if err != nil {
					t.Fatal(err)
				}
				back, err := Cast(text, PrimitiveDef(p))
				if err != nil || !Identical(v, back) {
					t.Fatalf("%s became %s, and that %s, %v", show(v), show(text), show(back), err)
				}
			})
		})
	}
}

// covers: engine-3 §7.2
func TestCoercionReachesItsType(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawValue(t, 2)
		p := lhpb.VariableType(rapid.IntRange(0, int(lhpb.VariableType_TIMESTAMP)).Draw(t, "type"))
		if got, err := Coerce(v, PrimitiveDef(p)); err == nil && !TypeOf(got).Is(p) {
			t.Fatalf("%s coerced to %v is %s", show(v), p, show(got))
		}
	})
}

func TestOperationsAreTotalAndPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, r := drawValue(t, 2), drawValue(t, 2)
		op := lhpb.VariableMutationType(rapid.IntRange(0, 12).Draw(t, "op"))
		declared := drawType(t, 2)
		l2, r2 := l.CloneVT(), r.CloneVT()
		got, err := Operate(op, declared, l, r)
		if (got == nil) == (err == nil) && !IsNull(got) {
			t.Fatalf("got %s and %v", show(got), err)
		}
		if !proto.Equal(l, l2) || !proto.Equal(r, r2) {
			t.Fatal("an operand was changed")
		}
		again, err2 := Operate(op, declared, l2, r2)
		if show(got) != show(again) || fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatal("not deterministic")
		}
		for c := range lhpb.Comparator(9) {
			_, _ = EvalComparator(c, l, r)
			_ = CheckComparison(c, TypeOf(l), TypeOf(r))
		}
		_, _ = ResultType(op, TypeOf(l), TypeOf(r))
		_, _ = Cast(l, declared)
		_ = Masked(l, declared)
		_ = NormalizeValue(l)
		_ = CheckJSON(l)
		_, _ = Items(l)
	})
}

// covers: engine-3 §11
func TestValidatedValuesAreValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, declared := drawValue(t, 2), drawType(t, 2)
		env := world{structs: garage}
		once, err := Validate(declared, v, env)
		if err != nil {
			return
		}
		twice, err := Validate(declared, once, env)
		if err != nil || !proto.Equal(once, twice) {
			t.Fatalf("%s, then %s, %v", show(once), show(twice), err)
		}
		if !Compatible(Declared(declared), TypeOf(once)) {
			t.Fatalf("%s is not a %s", show(once), TypeString(declared))
		}
	})
}

// TestWhatIsSetIsFound: what a mutation puts into JSON, the same path reads.
func TestWhatIsSetIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "name")
		v := rapid.SampledFrom([]*lhpb.VariableValue{Int(5), Double(1.5), Str("x<'"), Bool(true), JSONArr(`[1]`), JSONObj(`{"k":1.0}`)}).Draw(t, "value")
		doc := JSONObj(`{"o":{},"l":[0,{}]}`)
		path := rapid.SampledFrom([]string{"$.", "$.o.", "$.l[1].", "$['l'][-1].", "o."}).Draw(t, "path") + name + name
		m := mutation(opAssign, literalOf(v))
		m.LhsJsonPath = &path
		changed, err := Mutate(m, tObj, "", world{variables: map[string]*lhpb.VariableValue{"v": doc}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadJSONPath(changed, path)
		if err != nil || !Identical(got, v) {
			t.Fatalf("%s in %s is %s, %v", path, show(changed), show(got), err)
		}
	})
}

func TestJSONPathIsTotal(t *testing.T) {
	doc := JSONObj(`{"a":{"b":[1,2,{"c":"x"}]},"l":[{"v":1},{"v":"2"}]}`)
	parts := []string{
		"$", "@", ".", "..", "a", "b", "l", "[", "]", "*", "?", "(", ")", "'", "\"", "0", "-1", ":", ",", " ", "==", "&&", "||", "!",
		"<", "=~", "/x/", "in", "size", "length()", "sum(", "$.l", "[?(@.v", "\\", "{", "}", "true", "null", "1.5",
	}
	rapid.Check(t, func(t *rapid.T) {
		path := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 14).Draw(t, "parts"), "")
		first, err := ReadJSONPath(doc, path)
		second, err2 := ReadJSONPath(doc, path)
		if show(first) != show(second) || fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("%s is not deterministic", path)
		}
	})
}

func TestFormatIsTotal(t *testing.T) {
	parts := []string{"{", "}", "0", "1", ",", "number", "percent", "#", "0.00", "'", " ", "x", ";", "%", "{0}", "{1,number,#.#}"}
	rapid.Check(t, func(t *rapid.T) {
		template := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 12).Draw(t, "parts"), "")
		args := []*lhpb.VariableValue{drawValue(t, 1), Double(drawDouble(t))}
		if _, err := Format(template, args); err != nil && !strings.Contains(err.Error(), "Error formatting variable") {
			t.Fatal(err)
		}
	})
}

// anyTyped draws a declared type and a value that is taken in as one of it.
func anyTyped(t *rapid.T) (*lhpb.TypeDefinition, *lhpb.VariableValue) {
	declared := Normalize(drawType(t, 2))
	v, err := Validate(declared, valueOf(t, declared), world{structs: garage})
	if err != nil {
		return declared, null
	}
	return declared, v
}

// valueOf draws a value that a declaration is likely to accept.
func valueOf(t *rapid.T, declared *lhpb.TypeDefinition) *lhpb.VariableValue {
	typ := Declared(declared)
	switch p, primitive := typ.Primitive(); {
	case primitive && p == lhpb.VariableType_JSON_OBJ:
		return JSONObj(jsonTexts.Draw(t, "json"))
	case primitive && p == lhpb.VariableType_JSON_ARR:
		return JSONArr(jsonTexts.Draw(t, "json"))
	case primitive && kinds[p.String()] != nil:
		return kinds[p.String()](t)
	case typ.IsArray():
		a := &lhpb.Array{}
		for range rapid.IntRange(0, 2).Draw(t, "items") {
			a.Items = append(a.Items, valueOf(t, typ.Element().Def()))
		}
		return Array(a)
	case typ.IsMap():
		m := &lhpb.Map{}
		for range rapid.IntRange(0, 2).Draw(t, "entries") {
			m.Entries = append(m.Entries, &lhpb.Map_Entry{Key: valueOf(t, typ.Key().Def()), Value: valueOf(t, typ.Element().Def())})
		}
		return Map(m)
	}
	return drawValue(t, 1)
}

// TestTypesKeepTheirPromise: where the types of both sides are known and PutWfSpec accepts the operation, what
// comes out when it runs is of the promised type, NULL, or an error for the user.
//
// covers: engine-3 §5.1; engine-3 §5.2
func TestTypesKeepTheirPromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		declared, left := anyTyped(t)
		other, right := anyTyped(t)
		if rapid.Bool().Draw(t, "both of one type") {
			other, right = declared, valueOf(t, declared)
		}
		op := lhpb.VariableMutationType(rapid.IntRange(0, 11).Draw(t, "op"))
		promised, err := ResultType(op, Declared(declared), Declared(other))
		if err != nil || !Compatible(Declared(declared), promised) {
			return
		}
		got, err := Operate(op, declared, left, right)
		if err == nil && !IsNull(got) && !Compatible(Declared(declared), TypeOf(got)) {
			t.Fatalf("%s %v %s for %s gives %s", show(left), op, show(right), TypeString(declared), show(got))
		}
	})
}

// TestTypesCastAsTheyPromise: what is accepted without a cast can be cast, and a cast gives its type or an
// error.
//
// covers: engine-1 §7; engine-3 §7.1
func TestTypesCastAsTheyPromise(t *testing.T) {
	for src := range lhpb.VariableType_name {
		for dst := range lhpb.VariableType_name {
			from, to := lhpb.VariableType(src), lhpb.VariableType(dst)
			if CanBe(from, to) && !CanCast(from, to) {
				t.Errorf("%v is accepted as %v and cannot be cast to it", from, to)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		v := drawValue(t, 2)
		to := lhpb.VariableType(rapid.IntRange(0, int(lhpb.VariableType_TIMESTAMP)).Draw(t, "type"))
		got, err := Cast(v, PrimitiveDef(to))
		from, primitive := PrimitiveOf(v)
		switch {
		case !primitive:
			if err != nil || !proto.Equal(got, v) {
				t.Fatalf("%s became %s, %v", show(v), show(got), err)
			}
		case err == nil && !TypeOf(got).Is(to):
			t.Fatalf("%s cast to %v is %s", show(v), to, show(got))
		case err != nil && CanBe(from, to):
			t.Fatalf("%s is accepted as %v and was not cast: %v", show(v), to, err)
		case err == nil && from != to && !CanCast(from, to):
			t.Fatalf("%v was cast to %v", from, to)
		}
	})
}
