package spec

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"littlehorse/lhpb"
)

func TestCompile(t *testing.T) {
	interrupt := `"interruptDefs":[{"externalEventDefId":{"name":"paid"},"handlerSpecName":"h"}]`
	greet := `{"taskDefId":{"name":"greet"},"variables":[{"expression":{"mutationType":"ADD","lhs":{"nodeOutput":{"nodeName":"in-expression"}},"rhs":{"literalValue":{"int":"1"}}}}]}`
	main := threadJSON(variables, `"task":`+greet, `"condition":{"expression":{"comparator":"EQUALS","lhs":{"nodeOutput":{"nodeName":"in-condition"}},"rhs":{"literalValue":{}}}},
		"variableMutations":[{"lhsName":"s","nodeOutput":{}}]`, `"x":{"exit":{"returnContent":{"nodeOutput":{"nodeName":"in-return"}}}},
		"in-expression":{"startThread":{"threadSpecName":"h"}},"in-condition":{"nop":{}},"in-return":{"task":{"taskDefId":{"name":"void"}}},"unused":{"task":{"taskDefId":{"name":"void"}}},
		"in-reminder":{"nop":{}},"u":{"userTask":{"userTaskDefName":"approve","userId":{"literalValue":{"str":"x"}},
		"actions":[{"reassign":{"userId":{"nodeOutput":{"nodeName":"in-reminder"}}}}]}}`)
	w := mustPut(t, world(), wfSpecJSON(`"main":`+main[:len(main)-1]+","+interrupt+`},"h":`+threadJSON("", `"nop":{}`, "", ""), ""))
	g := Compile(w)
	if g.Spec != w || len(g.Threads) != 2 || g.Entrypoint() != g.Threads["main"] {
		t.Fatalf("compiled to %d threads", len(g.Threads))
	}
	got := g.Threads["main"]
	if got.Name != "main" || got.Entrypoint != "e" || got.Vars["s"].VarDef.TypeDef.GetPrimitiveType() != lhpb.VariableType_STR {
		t.Errorf("thread %q starts at %q", got.Name, got.Entrypoint)
	}
	used := strings.Join(slices.Sorted(maps.Keys(got.OutputUsed)), " ")
	if used != "in-condition in-expression in-reminder in-return n" {
		t.Errorf("outputs used: %s", used)
	}
	if got.Interrupts["paid"].GetHandlerSpecName() != "h" || got.Node("unused").GetTask() == nil || got.Node("zz") != nil {
		t.Error("interrupts or nodes are not found")
	}
}

func TestCompileIsTotal(t *testing.T) {
	for _, w := range []*lhpb.WfSpec{
		nil, {}, {ThreadSpecs: map[string]*lhpb.ThreadSpec{"a": nil, "b": {Nodes: map[string]*lhpb.Node{"n": nil}, VariableDefs: []*lhpb.ThreadVarDef{nil}, InterruptDefs: []*lhpb.InterruptDef{nil}}}},
	} {
		if g := Compile(w); g.Entrypoint() != nil {
			t.Error("an entrypoint out of nowhere")
		}
	}
}
