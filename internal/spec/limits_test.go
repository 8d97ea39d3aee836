package spec

import (
	"fmt"
	"strings"
	"testing"

	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

func nopNode(to ...string) *lhpb.Node {
	n := &lhpb.Node{Node: &lhpb.Node_Nop{Nop: &lhpb.NopNode{}}}
	for _, sink := range to {
		n.OutgoingEdges = append(n.OutgoingEdges, &lhpb.Edge{SinkNodeName: sink})
	}
	return n
}

func entrypointNode(to ...string) *lhpb.Node {
	n := nopNode(to...)
	n.Node = &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}
	return n
}

func oneThread(nodes map[string]*lhpb.Node) *lhpb.PutWfSpecRequest {
	return &lhpb.PutWfSpecRequest{
		Name: "w", EntrypointThreadName: "m",
		ThreadSpecs: map[string]*lhpb.ThreadSpec{"m": {Nodes: nodes}},
	}
}

func refusedRequest(t *testing.T, req *lhpb.PutWfSpecRequest, code lh.Code, fragment string) {
	t.Helper()
	_, _, err := Put(world(), req, 0)
	if err == nil || err.Code != code || !strings.Contains(err.Message, fragment) {
		t.Errorf("got %v, want code %d with %q", err, code, fragment)
	}
}

// covers: engine-1 §3
func TestLimitsAreNamed(t *testing.T) {
	nodes := map[string]*lhpb.Node{"e": entrypointNode()}
	for i := range MaxNodes {
		nodes[fmt.Sprint(i)] = nopNode()
	}
	refusedRequest(t, oneThread(nodes), lh.InvalidArgument, fmt.Sprintf("at most %d nodes", MaxNodes))

	edges := map[string]*lhpb.Node{"e": entrypointNode(), "n": {}}
	for range MaxEdges + 1 {
		edges["n"].OutgoingEdges = append(edges["n"].OutgoingEdges, &lhpb.Edge{SinkNodeName: "x"})
	}
	refusedRequest(t, oneThread(edges), lh.InvalidArgument, fmt.Sprintf("at most %d edges", MaxEdges))

	threads := oneThread(nil)
	for i := range MaxThreads + 1 {
		threads.ThreadSpecs[fmt.Sprint(i)] = &lhpb.ThreadSpec{}
	}
	refusedRequest(t, threads, lh.InvalidArgument, fmt.Sprintf("at most %d threads", MaxThreads))

	vars := oneThread(nil)
	vars.ThreadSpecs["m"].VariableDefs = make([]*lhpb.ThreadVarDef, MaxVariables+1)
	refusedRequest(t, vars, lh.InvalidArgument, fmt.Sprintf("at most %d variables", MaxVariables))

	large := oneThread(map[string]*lhpb.Node{"e": entrypointNode()})
	large.EntrypointThreadName = strings.Repeat("m", MaxBytes)
	refusedRequest(t, large, lh.ResourceExhausted, fmt.Sprintf("at most %d bytes", MaxBytes))
}

func TestWhatGrowsBeyondTheLimitWhenStoredIsRefused(t *testing.T) {
	req := request(t, withVariables("", ""))
	text := `{"a":"` + strings.Repeat("<", MaxBytes/3) + `"}`
	req.ThreadSpecs["main"].VariableDefs = []*lhpb.ThreadVarDef{{
		AccessLevel: lhpb.WfRunVariableAccessLevel_PRIVATE_VAR,
		VarDef:      &lhpb.VariableDef{DefaultValue: &lhpb.VariableValue{Value: &lhpb.VariableValue_JsonObj{JsonObj: text}}},
	}}
	refusedRequest(t, req, lh.ResourceExhausted, fmt.Sprintf("a WfSpec may take at most %d bytes", MaxBytes))
}

// sum nests additions to the given depth.
func sum(depth int) *lhpb.VariableAssignment {
	a := &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_VariableName{VariableName: "i"}}
	for range depth {
		a = &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_Expression_{Expression: &lhpb.VariableAssignment_Expression{
			Operation: &lhpb.VariableAssignment_Expression_MutationType{MutationType: lhpb.VariableMutationType_ADD}, Lhs: a, Rhs: a,
		}}}
	}
	return a
}

// leftDeep nests additions on the left side only.
func leftDeep(depth int) *lhpb.VariableAssignment {
	leaf := &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_VariableName{VariableName: "i"}}
	a := leaf
	for range depth {
		a = &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_Expression_{Expression: &lhpb.VariableAssignment_Expression{
			Operation: &lhpb.VariableAssignment_Expression_MutationType{MutationType: lhpb.VariableMutationType_ADD}, Lhs: a, Rhs: leaf,
		}}}
	}
	return a
}

func TestDepthIsBounded(t *testing.T) {
	with := func(a *lhpb.VariableAssignment) *lhpb.PutWfSpecRequest {
		req := request(t, withMutation(`{"lhsName":"i"}`))
		m := req.ThreadSpecs["main"].Nodes["n"].OutgoingEdges[0].VariableMutations[0]
		m.RhsValue = &lhpb.VariableMutation_RhsAssignment{RhsAssignment: a}
		return req
	}
	refusedRequest(t, with(leftDeep(1000)), lh.InvalidArgument, fmt.Sprintf("at most %d messages", MaxDepth))
	if _, _, err := Put(world(), with(leftDeep(45)), 0); err != nil {
		t.Errorf("45 nested expressions: %v", err)
	}
	if _, _, err := Put(world(), with(sum(10)), 0); err != nil {
		t.Errorf("a full tree of expressions: %v", err)
	}
	typ := primitive(lhpb.VariableType_INT)
	for range 1000 {
		typ = &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_InlineArrayDef{InlineArrayDef: &lhpb.InlineArrayDef{ArrayType: typ}}}
	}
	req := request(t, withVariables(`{}`, ""))
	req.ThreadSpecs["main"].VariableDefs[0].VarDef = &lhpb.VariableDef{TypeDef: typ}
	refusedRequest(t, req, lh.InvalidArgument, "messages")
}

// covers: engine-1 §1
func TestNumbersWithoutANameAreRefused(t *testing.T) {
	req := request(t, withMutation(`{"lhsName":"i","operation":"ASSIGN","rhsAssignment":{"variableName":"i"}}`))
	req.ThreadSpecs["main"].Nodes["n"].OutgoingEdges[0].VariableMutations[0].Operation = 99
	refusedRequest(t, req, lh.InvalidArgument, "VariableMutationType has no value 99")
	req = request(t, withVariables("", ""))
	req.AllowedUpdates = 7
	refusedRequest(t, req, lh.InvalidArgument, "AllowedUpdateType has no value 7")
}

func TestTextMustBeUTF8(t *testing.T) {
	key := request(t, withVariables("", ""))
	key.ThreadSpecs["main"].Nodes["\xff"] = nopNode()
	refusedRequest(t, key, lh.InvalidArgument, "not UTF-8")
	text := request(t, withNode(`"userTask":{"userTaskDefName":"approve","userId":{"literalValue":{"str":"x"}}}`))
	text.ThreadSpecs["main"].Nodes["n"].GetUserTask().UserId.GetLiteralValue().Value = &lhpb.VariableValue_Str{Str: "a\xc3"}
	refusedRequest(t, text, lh.InvalidArgument, "not UTF-8")
}

func TestKeysWithoutAMessageAreEmptyMessages(t *testing.T) {
	req := request(t, withVariables("", ""))
	req.ThreadSpecs["main"].Nodes["hollow"] = nil
	refusedRequest(t, req, lh.InvalidArgument, "Node hollow invalid")
	req = request(t, withVariables("", ""))
	req.ThreadSpecs["hollow"] = nil
	refusedRequest(t, req, lh.InvalidArgument, "ThreadSpec hollow invalid: missing ENTRYPOINT node!")

	req = request(t, withNode(`"startMultipleThreads":{"threadSpecName":"main","iterable":{"variableName":"a"}}`))
	req.ThreadSpecs["main"].Nodes["n"].GetStartMultipleThreads().Variables = map[string]*lhpb.VariableAssignment{"INPUT": nil}
	w, _, err := Put(world(), req, 0)
	if err != nil {
		t.Fatal(err)
	}
	if a, ok := w.ThreadSpecs["main"].Nodes["n"].GetStartMultipleThreads().Variables["INPUT"]; !ok || a == nil {
		t.Error("the key without a message is stored without one")
	}
}

// largeSpecs are about as large as the limits allow, each in another way.
func largeSpecs() map[string]*lhpb.PutWfSpecRequest {
	ring := map[string]*lhpb.Node{"e": entrypointNode("0")}
	const n = 18_000
	for i := range n {
		ring[fmt.Sprint(i)] = nopNode(fmt.Sprint((i + 1) % n))
	}
	starts := oneThread(map[string]*lhpb.Node{"e": entrypointNode()})
	called := &lhpb.ThreadSpec{Nodes: map[string]*lhpb.Node{"e": entrypointNode()}}
	starts.ThreadSpecs["c"] = called
	for i := range 9_000 {
		called.VariableDefs = append(called.VariableDefs, &lhpb.ThreadVarDef{VarDef: &lhpb.VariableDef{Name: fmt.Sprint(i)}})
		starts.ThreadSpecs["m"].Nodes[fmt.Sprint(i)] = &lhpb.Node{Node: &lhpb.Node_StartThread{StartThread: &lhpb.StartThreadNode{ThreadSpecName: "c"}}}
	}
	builders := oneThread(map[string]*lhpb.Node{"e": entrypointNode(), "n": nopNode("e2"), "e2": nopNode()})
	builders.ThreadSpecs["m"].VariableDefs = []*lhpb.ThreadVarDef{{VarDef: &lhpb.VariableDef{Name: "s", TypeDef: structOf("wide", 0)}}}
	edge := builders.ThreadSpecs["m"].Nodes["n"].OutgoingEdges[0]
	for range 15_000 {
		edge.VariableMutations = append(edge.VariableMutations, &lhpb.VariableMutation{LhsName: "s", RhsValue: &lhpb.VariableMutation_RhsAssignment{
			RhsAssignment: &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_StructBuilder{
				StructBuilder: &lhpb.StructBuilder{StructDefId: &lhpb.StructDefId{Name: "wide"}},
			}},
		}})
	}
	return map[string]*lhpb.PutWfSpecRequest{
		"a ring of nodes": oneThread(ring),
		"many starts of a thread with many variables":   starts,
		"many builders of a StructDef with many fields": builders,
	}
}

// wideWorld has a StructDef of many optional fields.
func wideWorld() *definitions {
	d, fields := world(), map[string]*lhpb.StructFieldDef{}
	for i := range 10_000 {
		fields[fmt.Sprint("f", i)] = &lhpb.StructFieldDef{FieldType: primitive(lhpb.VariableType_INT), IsNullable: true}
	}
	d.structs["wide"] = []*lhpb.StructDef{structVersion("wide", 0, fields)}
	return d
}

func TestLargeAndCyclicSpecsArePut(t *testing.T) {
	for name, req := range largeSpecs() {
		d := wideWorld()
		w, _, err := Put(d, req, 0)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d.structGets > 2 {
			t.Errorf("%s: one StructDef was looked up %d times", name, d.structGets)
		}
		d.keep(w)
		if again, isNew, err := Put(d, req, 0); err != nil || isNew || again != w {
			t.Errorf("%s: put again: %v %v", name, isNew, err)
		}
	}
}

func BenchmarkPutLarge(b *testing.B) {
	for name, req := range largeSpecs() {
		b.Run(name, func(b *testing.B) {
			d := wideWorld()
			for b.Loop() {
				if _, _, err := Put(d, req, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
