package value

import (
	"os"
	"strings"
	"testing"

	"littlehorse/lhpb"
)

// TestJSONPathTable holds the evaluator to results of json-path 2.9.0.
//
// covers: engine-3 §3.1
func TestJSONPathTable(t *testing.T) {
	table, err := os.ReadFile("testdata/jsonpath.txt")
	if err != nil {
		t.Fatal(err)
	}
	var doc *lhpb.VariableValue
	for line := range strings.Lines(string(table)) {
		line = strings.TrimSuffix(line, "\n")
		if text, ok := strings.CutPrefix(line, "doc "); ok {
			doc = document(text)
			continue
		}
		path, want, ok := strings.Cut(line, "\t")
		if !ok {
			continue
		}
		got, err := ReadJSONPath(doc, path)
		switch {
		case want == "ERR" && err == nil:
			t.Errorf("%s: got %s, want an error", path, show(got))
		case want == "ERR" && !strings.Contains(err.Error(), "Failed accessing path"):
			t.Errorf("%s: got %v", path, err)
		case want != "ERR" && (err != nil || asJSON(got) != want):
			t.Errorf("%s: got %s, %v, want %s", path, asJSON(got), err, want)
		}
	}
}

func document(text string) *lhpb.VariableValue {
	if strings.HasPrefix(text, "[") {
		return JSONArr(text)
	}
	return JSONObj(text)
}

func asJSON(v *lhpb.VariableValue) string { return string(appendJSON(nil, treeOf(v, 0))) }

// covers: engine-3 §3.1
func TestJSONPathResults(t *testing.T) {
	for _, c := range []struct {
		v          *lhpb.VariableValue
		path, want string
	}{
		{JSONArr("[1,2,3]"), "$.length()", "INT 3"},
		{JSONArr("[1,2,3]"), "$.size()", "INT 3"},
		{JSONArr("[1,2,3]"), "$.sum()", "DOUBLE 6.0"},
		{JSONArr("[1,2,3]"), "$.max()", "DOUBLE 3.0"},
		{JSONArr("[-1,-2]"), "$.max()", "DOUBLE -1.0"},
		{JSONArr("[1,2,3]"), "$.min()", "DOUBLE 1.0"},
		{JSONArr("[1,2,3]"), "$.avg()", "DOUBLE 2.0"},
		{JSONArr("[1,3]"), "$.stddev()", "DOUBLE 1.0"},
		{JSONArr("[1,2,3]"), "$.first()", "INT 1"},
		{JSONArr("[1,2,3]"), "$.last()", "INT 3"},
		{JSONArr("[5]"), "$.last()", "INT 5"},
		{JSONArr("[1,2,3]"), "$.index(1)", "INT 2"},
		{JSONArr("[1,2,3]"), "$.index(7)", "error: Failed accessing path"},
		{JSONArr("[1,2,3]"), "$.concat('a','b')", "STR "},
		{JSONArr("[1,2,3]"), "$.append(4)", "JSON_ARR [1,2,3,4]"},
		{JSONArr("[1,2,3]"), "$[-1]", "INT 3"},
		{JSONObj(`{"a":1,"b":2,"c":3}`), "$['a','b']", `JSON_OBJ {"a":1,"b":2}`},
		{JSONObj(`{"a":1,"b":2}`), "$.keys()", `JSON_ARR ["a","b"]`},
		{JSONObj(`{"s":"text"}`), "$.s.length()", "NULL"},
		{JSONObj(`{"a":1}`), "$.b", "NULL"},
		{JSONObj(`{"a":1}`), "$.b.c.d", "NULL"},
		{JSONObj(`{"a":1}`), "$.a.b", "NULL"},
		{JSONObj(`{"a":null}`), "$.a", "NULL"},
		{JSONArr(`[1]`), "$[4]", "NULL"},
		{JSONObj(`{"a":1}`), "$..zzz", "JSON_ARR []"},
		{JSONObj(`{"a":1}`), "a", "INT 1"},
		{JSONObj(`{"a":1}`), "a ", "INT 1"},
		{JSONObj(`{"a":1}`), "$.a ", "INT 1"},
		{JSONObj(`{"a":1}`), " a", "error: Failed accessing path"},
		{JSONObj(`{"a":1}`), " $.a", "error: Failed accessing path"},
		{JSONObj(`{"a":1}`), " @.a", "error: Failed accessing path"},
		{JSONObj(`{"a":1}`), "\t$.a", "NULL"},
		{JSONObj(`{"a":1}`), "   ", "error: Failed accessing path"},
		{JSONObj(`{"a":1.0}`), "$.a", "DOUBLE 1.0"},
		{JSONObj(`{"a":1.5e3}`), "$.a", "DOUBLE 1500.0"},
		{JSONObj(`{"a":"x","b":true}`), "$.b", "BOOL true"},
		{JSONObj(`{"a":{"b":[1]}}`), "$.a", `JSON_OBJ {"b":[1]}`},
		{JSONObj(`{"a":{"b":[1]}}`), "$.a.b", `JSON_ARR [1]`},
		{JSONObj(`{"a":1}`), "$", `JSON_OBJ {"a":1}`},
		{JSONObj(`broken`), "$.a", "NULL"},
		{JSONObj(`{"a":1}`), "", "error: Failed accessing path"},
		{JSONObj(`{"a":1}`), "$.a[", "error: Failed accessing path"},
		{JSONObj(`{"a":1}`), "$.a.", "error: Failed accessing path"},
		{JSONObj(`{"a":1}`), "$.nope()", "error: Function with name: nope does not exist."},
		{JSONObj(`{"a":[{"v":5}]}`), "$.a[?(@.v > 4)].v", "JSON_ARR [5]"},
		{JSONObj(`{"a":[{"v":5}]}`), "$.a[?(@.v =~ /[/)]", "error: Failed accessing path"},
		{JSONArr(`[["a","b"],["b"],["c"]]`), "$[?(@ all ['b'])]", `JSON_ARR [["a","b"],["b"]]`},
		{Str("x"), "$.a", "error: Cannot jsonpath on a value of type STR"},
		{NullValue(), "$.a", "error: Cannot jsonpath on"},
		{mapping("a", Int(1)), "$.a", "error: Cannot jsonpath on"},
	} {
		t.Run(c.path, func(t *testing.T) {
			got, err := ReadJSONPath(c.v, c.path)
			expect(t, c.want, got, err)
		})
	}
}

// TestPathsBounds: hostile paths end soon, and with an error that names the bound.
//
// covers: engine-3 §3.1
func TestPathBounds(t *testing.T) {
	wide := JSONArr("[" + strings.Repeat(`{"a":[1,2,3,4,5,6,7,8]},`, 20_000) + "0]")
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	for path, want := range map[string]string{
		"$" + strings.Repeat(".a", maxPathSteps+1):                                  "steps",
		"$." + strings.Repeat("a", maxPathBytes):                                    "longer than the limit",
		strings.Repeat("$[?(@", MaxDepth+2) + strings.Repeat(")]", 102):             "",
		"$[?(" + strings.Repeat("!(", 200) + "@.a" + strings.Repeat(")", 201) + "]": "nested deeper",
		"$[?(@ =~ /(a{1000}){1000}/)]":                                              "Cannot compile pattern",
		"$..*..*..*..*":                                                             "limit of",
		"$[?($..a subsetof $..a)]":                                                  "units of work",
	} {
		_, err := ReadJSONPath(wide, path)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: got %v, want %q", path, err, want)
		}
	}
	if _, err := ReadJSONPath(JSONArr(deep), strings.Repeat("$..*", 1)+strings.Repeat("..*", 20)); err == nil {
		t.Error("a scan of scans has no end")
	}
}

// TestFilterRelations goes through kinds on both sides of each relation.
//
// covers: engine-3 §3.1
func TestFilterRelations(t *testing.T) {
	doc := JSONArr(`[1,1.0,2.5,"1","b",true,null,[1],[],{"a":1},{},"",9223372036854775807]`)
	for filter, want := range map[string]string{
		"@ == 1":                   `[1,1.0,"1"]`,
		"@ === 1":                  `[1,1.0]`,
		"@ == '1'":                 `[1,1.0,"1"]`,
		"@ === '1'":                `["1"]`,
		"@ !== true":               `[1,1.0,2.5,"1","b",null,[1],[],{"a":1},{},"",9223372036854775807]`,
		"@ == true":                `[true]`,
		"@ == null":                `[null]`,
		"@ === null":               `[null]`,
		"@ == [1]":                 `[[1]]`,
		"@ === {\"a\":1}":          `[{"a":1}]`,
		"@ > 1":                    `[2.5,9223372036854775807]`,
		"@ >= 9223372036854775807": `[9223372036854775807]`,
		"@ > 9.223372036854775e18": `[9223372036854775807]`,
		"@ < 1e300":                `[1,1.0,2.5,9223372036854775807]`,
		"@ > -1e300":               `[1,1.0,2.5,9223372036854775807]`,
		"@ >= 'b'":                 `["b"]`,
		"@ empty true":             `[[],{},""]`,
		"@ empty false":            `["1","b",[1],{"a":1}]`,
		"@ empty 1":                `[]`,
		"@ size 1":                 `["1","b",[1]]`,
		"@ size 'x'":               `[]`,
		"@ in [1,'b']":             `[1,1.0,"1","b"]`,
		"@ in {\"a\":1}":           `[]`,
		"@ in 1":                   `[]`,
		"@ contains 1":             `[[1]]`,
		"@ =~ /[1b]/":              `[1,"1","b",[1]]`,
		"/[1b]/ =~ @":              `[1,"1","b",[1]]`,
		"/x/ =~ /x/":               `[]`,
		"@ =~ 'x'":                 `[]`,
		"@ type 'x'":               `[]`,
		"!(@ == 1) && @ > 0":       `[2.5,9223372036854775807]`,
	} {
		got, err := ReadJSONPath(doc, "$[?("+filter+")]")
		expect(t, "JSON_ARR "+want, got, err)
		if t.Failed() {
			t.Fatal(filter)
		}
	}
}
