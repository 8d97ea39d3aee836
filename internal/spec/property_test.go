package spec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

// The generator makes valid WfSpecs: threads of nodes of every kind in any order and with any loops,
// variables of several types, and assignments that fit where they stand.
type generator struct {
	t *rapid.T
	// suffix keeps the variable names of threads apart.
	suffix string
}

func (g generator) below(n int, what string) int { return rapid.IntRange(0, n-1).Draw(g.t, what) }
func (g generator) chance(what string) bool      { return rapid.Bool().Draw(g.t, what) }

var variableKinds = []lhpb.VariableType{
	lhpb.VariableType_INT, lhpb.VariableType_STR, lhpb.VariableType_BOOL, lhpb.VariableType_JSON_OBJ, lhpb.VariableType_JSON_ARR,
}

func (g generator) name(p lhpb.VariableType) string { return p.String() + g.suffix }

func (g generator) variables() []*lhpb.ThreadVarDef {
	var out []*lhpb.ThreadVarDef
	for _, p := range variableKinds {
		v := &lhpb.ThreadVarDef{
			VarDef:      &lhpb.VariableDef{Name: g.name(p), TypeDef: primitive(p)},
			Required:    g.chance("required"),
			Searchable:  g.chance("searchable"),
			AccessLevel: lhpb.WfRunVariableAccessLevel(g.below(2, "access")),
		}
		switch p {
		case lhpb.VariableType_JSON_OBJ:
			v.VarDef.DefaultValue = jsonObj(`{"b":1,"a":[1.0,null,"x"]}`)
		case lhpb.VariableType_INT:
			if g.chance("old form") {
				v.VarDef.TypeDef, v.VarDef.Type = nil, &variableKinds[0]
			}
		default:
		}
		out = append(out, v)
	}
	return append(out, &lhpb.ThreadVarDef{VarDef: &lhpb.VariableDef{Name: "car" + g.suffix, TypeDef: structOf("car", NewestVersion)}})
}

func jsonObj(text string) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_JsonObj{JsonObj: text}}
}

func literal(v *lhpb.VariableValue) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_LiteralValue{LiteralValue: v}}
}

func variableRef(name string) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_VariableName{VariableName: name}}
}

func (g generator) int(depth int) *lhpb.VariableAssignment {
	switch g.below(4, "int") {
	case 0:
		return literal(&lhpb.VariableValue{Value: &lhpb.VariableValue_Int{Int: int64(g.below(9, "n"))}})
	case 1:
		return variableRef(g.name(lhpb.VariableType_INT))
	case 2:
		return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_SizeOf_{SizeOf: &lhpb.VariableAssignment_SizeOf{
			Operand: variableRef(g.name(lhpb.VariableType_STR)),
		}}}
	}
	if depth > 3 {
		return variableRef(g.name(lhpb.VariableType_INT))
	}
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_Expression_{Expression: &lhpb.VariableAssignment_Expression{
		Lhs: g.int(depth + 1), Rhs: g.int(depth + 1),
		Operation: &lhpb.VariableAssignment_Expression_MutationType{MutationType: lhpb.VariableMutationType_ADD},
	}}}
}

func (g generator) mutation() *lhpb.VariableMutation {
	switch g.below(4, "mutation") {
	case 0:
		return &lhpb.VariableMutation{
			LhsName: g.name(lhpb.VariableType_INT), Operation: lhpb.VariableMutationType_SUBTRACT,
			RhsValue: &lhpb.VariableMutation_RhsAssignment{RhsAssignment: g.int(0)},
		}
	case 1:
		return &lhpb.VariableMutation{
			LhsName:  g.name(lhpb.VariableType_JSON_OBJ),
			RhsValue: &lhpb.VariableMutation_LiteralValue{LiteralValue: jsonObj(`{"k":[1,{"l":true}]}`)},
		}
	case 2:
		builder := &lhpb.StructBuilder{StructDefId: &lhpb.StructDefId{Name: "car", Version: NewestVersion}, Value: &lhpb.InlineStructBuilder{
			Fields: map[string]*lhpb.InlineStructFieldValue{
				"make": {StructValue: &lhpb.InlineStructFieldValue_SimpleValue{SimpleValue: variableRef(g.name(lhpb.VariableType_STR))}},
				"year": {StructValue: &lhpb.InlineStructFieldValue_SimpleValue{SimpleValue: g.int(2)}},
			},
		}}
		return &lhpb.VariableMutation{LhsName: "car" + g.suffix, RhsValue: &lhpb.VariableMutation_RhsAssignment{
			RhsAssignment: &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_StructBuilder{StructBuilder: builder}},
		}}
	}
	path := "$.a"
	return &lhpb.VariableMutation{
		LhsName: g.name(lhpb.VariableType_JSON_OBJ), LhsJsonPath: &path,
		RhsValue: &lhpb.VariableMutation_NodeOutput{NodeOutput: &lhpb.VariableMutation_NodeOutputSource{}},
	}
}

func (g generator) condition() *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_Expression_{Expression: &lhpb.VariableAssignment_Expression{
		Lhs: g.int(0), Rhs: g.int(0),
		Operation: &lhpb.VariableAssignment_Expression_Comparator{Comparator: lhpb.Comparator(g.below(6, "comparator"))},
	}}}
}

func (g generator) node(others []string) *lhpb.Node {
	switch g.below(9, "kind") {
	case 0:
		return &lhpb.Node{Node: &lhpb.Node_Task{Task: &lhpb.TaskNode{
			TaskToExecute: &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: "greet"}}, Variables: []*lhpb.VariableAssignment{g.int(0)},
			TimeoutSeconds: int32(60 * g.below(2, "timeout")),
		}}}
	case 1:
		return &lhpb.Node{Node: &lhpb.Node_ExternalEvent{ExternalEvent: &lhpb.ExternalEventNode{
			ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "amount"}, TimeoutSeconds: g.int(0),
		}}}
	case 2:
		return &lhpb.Node{Node: &lhpb.Node_Sleep{Sleep: &lhpb.SleepNode{SleepLength: &lhpb.SleepNode_RawSeconds{RawSeconds: g.int(0)}}}}
	case 3:
		return &lhpb.Node{Node: &lhpb.Node_UserTask{UserTask: &lhpb.UserTaskNode{UserTaskDefName: "approve", UserId: variableRef(g.name(lhpb.VariableType_STR))}}}
	case 4:
		return &lhpb.Node{Node: &lhpb.Node_ThrowEvent{ThrowEvent: &lhpb.ThrowEventNode{EventDefId: &lhpb.WorkflowEventDefId{Name: "done"}, Content: g.int(0)}}}
	case 5:
		return &lhpb.Node{Node: &lhpb.Node_WaitForCondition{WaitForCondition: &lhpb.WaitForConditionNode{
			NodeCondition: &lhpb.WaitForConditionNode_Condition{Condition: g.condition()},
		}}}
	case 6:
		return &lhpb.Node{Node: &lhpb.Node_WaitForThreads{WaitForThreads: &lhpb.WaitForThreadsNode{
			ThreadsToWaitFor: &lhpb.WaitForThreadsNode_ThreadList{ThreadList: variableRef(g.name(lhpb.VariableType_JSON_ARR))},
		}}}
	case 7:
		if len(others) > 0 {
			return &lhpb.Node{Node: &lhpb.Node_StartMultipleThreads{StartMultipleThreads: &lhpb.StartMultipleThreadsNode{
				ThreadSpecName: rapid.SampledFrom(others).Draw(g.t, "thread"), Iterable: variableRef(g.name(lhpb.VariableType_JSON_ARR)),
			}}}
		}
	}
	return nopNode()
}

func (g generator) thread(others []string) *lhpb.ThreadSpec {
	count := g.below(6, "nodes")
	nodes := map[string]*lhpb.Node{"e": entrypointNode("x"), "x": {Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}}}
	names := []string{"x"}
	for i := range count {
		names = append(names, fmt.Sprint(i))
	}
	for _, name := range names[1:] {
		n := g.node(others)
		for range g.below(3, "edges") {
			sink := rapid.SampledFrom(names).Draw(g.t, "sink")
			if sink == name {
				continue
			}
			e := &lhpb.Edge{SinkNodeName: sink}
			if g.chance("condition?") {
				e.EdgeCondition = &lhpb.Edge_Condition{Condition: g.condition()}
			}
			for range g.below(3, "mutations") {
				e.VariableMutations = append(e.VariableMutations, g.mutation())
			}
			n.OutgoingEdges = append(n.OutgoingEdges, e)
		}
		nodes[name] = n
	}
	return &lhpb.ThreadSpec{Nodes: nodes, VariableDefs: g.variables()}
}

func validSpec(t *rapid.T) *lhpb.PutWfSpecRequest {
	req := &lhpb.PutWfSpecRequest{Name: "w", EntrypointThreadName: "t0", ThreadSpecs: map[string]*lhpb.ThreadSpec{}}
	var names []string
	for i := range rapid.IntRange(1, 3).Draw(t, "threads") {
		g := generator{t: t, suffix: fmt.Sprint(i)}
		name := fmt.Sprintf("t%d", i)
		req.ThreadSpecs[name] = g.thread(names)
		names = append(names, name)
	}
	return req
}

// rewritten is the same request told otherwise: JSON spaced and quoted differently, what is the default made
// explicit or left out, the newest version named or not, maps and their encoding in another order.
func rewritten(t *rapid.T, req *lhpb.PutWfSpecRequest) *lhpb.PutWfSpecRequest {
	b, err := proto.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	out := &lhpb.PutWfSpecRequest{}
	if err := proto.Unmarshal(b, out); err != nil {
		t.Fatal(err)
	}
	for _, thread := range out.ThreadSpecs {
		for _, v := range thread.VariableDefs {
			d := v.VarDef
			if d.DefaultValue.GetJsonObj() != "" {
				d.DefaultValue = jsonObj(` { 'b' : 1 , "a":[ 1.0,null, "x" ] } `)
			}
			if p, ok := d.GetTypeDef().GetDefinedType().(*lhpb.TypeDefinition_PrimitiveType); ok && rapid.Bool().Draw(t, "old form") {
				d.Type, d.TypeDef = &p.PrimitiveType, nil
			}
			if s := d.GetTypeDef().GetStructDefId(); s != nil {
				s.Version = 1
			}
		}
		for _, n := range thread.Nodes {
			if task := n.GetTask(); task != nil {
				task.TimeoutSeconds = 60 - task.TimeoutSeconds
			}
			for _, e := range n.OutgoingEdges {
				for _, m := range e.VariableMutations {
					if m.GetLiteralValue() != nil {
						m.RhsValue = &lhpb.VariableMutation_LiteralValue{LiteralValue: jsonObj("{\n\t\"k\": [1, {\"l\": true}]}")}
					}
					if b := m.GetRhsAssignment().GetStructBuilder(); b != nil {
						b.StructDefId.Version = 1
					}
				}
			}
		}
	}
	return out
}

// covers: engine-1 §4
func TestSameSpecSameVersion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, req := world(), validSpec(t)
		first, isNew, refusal := Put(d, req, 1)
		if refusal != nil || !isNew {
			t.Fatalf("new %v, refused: %v", isNew, refusal)
		}
		d.keep(decoded(t, first))
		for i := range 3 {
			again, isNew, refusal := Put(d, rewritten(t, req), int64(i+2))
			if refusal != nil || isNew || again != d.wfSpecs["w"][0] {
				t.Fatalf("told otherwise: new %v, refused: %v", isNew, refusal)
			}
		}
	})
}

// decoded is the message after a way through the store.
func decoded(t *rapid.T, w *lhpb.WfSpec) *lhpb.WfSpec {
	b, err := w.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	out := &lhpb.WfSpec{}
	if err := out.UnmarshalVT(b); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestValidSpecsAreAcceptedAndCompile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, _, refusal := Put(world(), validSpec(t), 1)
		if refusal != nil {
			t.Fatalf("refused: %v", refusal)
		}
		g := Compile(w)
		if g.Entrypoint() == nil || len(g.Threads) != len(w.ThreadSpecs) {
			t.Fatal("not all threads are compiled")
		}
		for name, thread := range g.Threads {
			if thread.Node(thread.Entrypoint).GetEntrypoint() == nil || len(thread.Vars) != len(w.ThreadSpecs[name].VariableDefs) {
				t.Fatalf("thread %s starts at %q with %d variables", name, thread.Entrypoint, len(thread.Vars))
			}
		}
	})
}

func TestPutIsAFunction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		req := validSpec(t)
		spoil(t, req)
		outcome := func() string {
			w, isNew, refusal := Put(world(), req, 5)
			if refusal != nil {
				if refusal.Code != lh.InvalidArgument || refusal.Message == "" {
					t.Fatalf("refused with %v %q", refusal.Code, refusal.Message)
				}
				return refusal.Message
			}
			return fmt.Sprint(isNew) + encoded(w)
		}
		before, err := req.MarshalVT()
		if err != nil {
			t.Fatal(err)
		}
		first := outcome()
		if second := outcome(); second != first {
			t.Fatalf("the same request: %q, then %q", first, second)
		}
		if after, _ := req.MarshalVT(); !bytes.Equal(before, after) {
			t.Fatal("the request was changed")
		}
	})
}

// spoil takes something away in several threads at once, so that it shows which problem is told.
func spoil(t *rapid.T, req *lhpb.PutWfSpecRequest) {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "spoil"), 0))
	for _, name := range sortedKeys(req.ThreadSpecs) {
		thread := req.ThreadSpecs[name]
		for _, n := range sortedKeys(thread.Nodes) {
			switch r.IntN(8) {
			case 0:
				delete(thread.Nodes, n)
			case 1:
				thread.Nodes[n].Node = nil
			}
		}
		if r.IntN(4) == 0 && len(thread.VariableDefs) > 0 {
			thread.VariableDefs = thread.VariableDefs[r.IntN(len(thread.VariableDefs)):]
		}
	}
}

func FuzzPut(f *testing.F) {
	for _, text := range []string{
		withNode(`"task":{"taskDefId":{"name":"greet"},"variables":[{"variableName":"i"}]}`),
		withMutation(`{"lhsName":"car","rhsAssignment":{"structBuilder":{"structDefId":{"name":"car","version":-1},"value":{"fields":{"make":{"simpleValue":{"variableName":"s"}}}}}}}`),
		withMutation(`{"lhsName":"i","rhsAssignment":{"variableName":"arr","lhPath":{"path":[{"index":1}]},"targetType":{"primitiveType":"STR"}}}`),
		withCondition(`{"expression":{"comparator":"IN","lhs":{"variableName":"s"},"rhs":{"nodeOutput":{"nodeName":"n"}}}}`),
		withNode(`"userTask":{"userTaskDefName":"approve","userId":{"literalValue":{"str":"x"}},"actions":[{"task":{"task":{"taskDefId":{"name":"void"}}}}]}`),
		withNode(`"runChildWf":{"wfSpecName":"base","majorVersion":-1,"inputs":{"i":{"variableName":"i"}}}`),
		withNode(`"waitForThreads":{"threads":{"threads":[{"threadRunNumber":{"sizeOf":{"operand":{"variableName":"a"}}}}]}}`),
		withVariables(`{"varDef":{"name":"v","typeDef":{"inlineMapDef":{"keyType":{"primitiveType":"STR"},"valueType":{"inlineArrayDef":{}}}},"defaultValue":{"jsonObj":"{}"}}}`, `"parentWfSpec":{"wfSpecName":"base"}`),
		`{"name":"w"}`,
	} {
		b, err := proto.Marshal(request(f, text))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		req := &lhpb.PutWfSpecRequest{}
		if req.UnmarshalVT(b) != nil {
			return
		}
		d := world()
		base := mustPut(t, d, withNode(`"nop":{}`)).CloneVT()
		base.Id.Name = "base"
		d.wfSpecs = map[string][]*lhpb.WfSpec{"base": {base}}
		w, isNew, refusal := Put(d, req, 1)
		if refusal != nil {
			return
		}
		Compile(w)
		if isNew {
			d.keep(w)
		}
		if again, isNew, refusal := Put(d, req, 2); refusal != nil || isNew || again != w {
			t.Fatalf("put again: new %v, refused: %v", isNew, refusal)
		}
	})
}
