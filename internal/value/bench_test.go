package value

import (
	"strings"
	"testing"

	"littlehorse/lhpb"
)

var benchEnv Env = world{variables: map[string]*lhpb.VariableValue{
	"i": Int(5), "s": Str("some text"), "d": Double(2.5),
	"doc": JSONObj(`{"order":{"id":"A-17","items":[{"sku":"x","price":9.5,"n":2},{"sku":"y","price":1.25,"n":1}],"total":20.25},"ok":true}`),
}}

func benchmarkResolve(b *testing.B, a *lhpb.VariableAssignment) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Resolve(a, benchEnv); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLiteral(b *testing.B) { benchmarkResolve(b, literalOf(Int(1))) }

func BenchmarkVariable(b *testing.B) { benchmarkResolve(b, variable("i")) }

func BenchmarkIntAdd(b *testing.B) {
	m := mutation(opAdd, literalOf(Int(1)))
	m.LhsName = "i"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Mutate(m, tInt, "", benchEnv); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCondition(b *testing.B) {
	e := &lhpb.Edge{EdgeCondition: &lhpb.Edge_Condition{
		Condition: expression(variable("i"), lhpb.Comparator_LESS_THAN, literalOf(Int(7))),
	}}
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := EvalEdge(e, benchEnv); err != nil || !ok {
			b.Fatal(err)
		}
	}
}

func BenchmarkJSONPath(b *testing.B) {
	benchmarkResolve(b, withJSONPath(variable("doc"), "$.order.items[1].price"))
}

func BenchmarkNormalizeNormalJSON(b *testing.B) { benchmarkNormalize(b, "") }

func BenchmarkNormalizeJSON(b *testing.B) { benchmarkNormalize(b, " ") }

func benchmarkNormalize(b *testing.B, space string) {
	row := `{"id":123456,"name":"some name","price":12.5,"tags":["a","b"],"ok":true},`
	doc := `{"rows":` + space + `[` + strings.Repeat(row, 100) + `{}]}`
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := NormalizeJSON(lhpb.VariableType_JSON_OBJ, doc); !ok {
			b.Fatal("malformed")
		}
	}
}

// TestHotPathsAllocateLittle: what every step of a WfRun does must not make garbage.
func TestHotPathsAllocateLittle(t *testing.T) {
	literal, read, value := literalOf(Int(1)), variable("i"), Int(5)
	add := mutation(opAdd, literal)
	add.LhsName = "i"
	less := expression(read, lhpb.Comparator_LESS_THAN, literalOf(Int(7)))
	for name, c := range map[string]struct {
		most float64
		run  func()
	}{
		"literal":    {0, func() { _, _ = Resolve(literal, benchEnv) }},
		"variable":   {0, func() { _, _ = Resolve(read, benchEnv) }},
		"comparison": {1, func() { _, _ = EvalCondition(less, benchEnv) }},
		"INT ADD":    {2, func() { _, _ = Mutate(add, tInt, "", benchEnv) }},
		"validate":   {1, func() { _, _ = Validate(tInt, value, nil) }},
	} {
		if got := testing.AllocsPerRun(100, c.run); got > c.most {
			t.Errorf("%s allocates %v times, want at most %v", name, got, c.most)
		}
	}
}
