package value

import (
	"slices"
	"testing"

	"littlehorse/lhpb"
)

// covers: api §6.6
func TestLeaves(t *testing.T) {
	for _, c := range []struct {
		v    *lhpb.VariableValue
		want []string
	}{
		{JSONObj(`{"a":{"b":"x","c":[1,1.0,{"d":true}]},"e":null,"":"y"}`), []string{"$.=y", "$.a.b=x", "$.a.c.d=true", "$.a.c=1", "$.a.c=1.0"}},
		{JSONArr(`["x",{"a":2},[3,{"a":4}],null]`), []string{"$.a=2", "=x"}},
		{JSONObj(`{}`), nil},
		{Str(`{"a":1}`), nil},
		{NullValue(), nil},
	} {
		var got []string
		Leaves(c.v, func(path, text string) { got = append(got, path+"="+text) })
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("%v: %q, want %q", c.v, got, c.want)
		}
		for _, leaf := range got {
			for i := range leaf {
				if leaf[i] == '=' && i > 0 && !FoundBy(c.v, leaf[:i], Str(leaf[i+1:])) {
					t.Errorf("%v is not found by %s", c.v, leaf)
				}
			}
		}
		if FoundBy(c.v, "$.a", Str("nothing")) {
			t.Errorf("%v is found by what it has not", c.v)
		}
	}
	if !FoundBy(JSONObj(`{"a":[1,2]}`), "$.a", Int(2)) || FoundBy(JSONObj(`{"a":2}`), "$.a", Double(2)) || !FoundBy(Str("x"), "", Str("x")) || FoundBy(Int(1), "", Double(1)) {
		t.Error("a field is found by how its value reads, a variable by its value")
	}
}
