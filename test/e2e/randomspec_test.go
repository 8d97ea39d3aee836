package e2e

import (
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
)

// variables of the random ThreadSpecs: name and type.
var randomVariables = []struct {
	name string
	kind *lhpb.TypeDefinition
}{
	{"s", primitive(lhpb.VariableType_STR)},
	{"n", primitive(lhpb.VariableType_INT)},
	{"d", primitive(lhpb.VariableType_DOUBLE)},
	{"b", primitive(lhpb.VariableType_BOOL)},
	{"o", primitive(lhpb.VariableType_JSON_OBJ)},
	{"l", primitive(lhpb.VariableType_JSON_ARR)},
	{"y", primitive(lhpb.VariableType_BYTES)},
	{"t", primitive(lhpb.VariableType_TIMESTAMP)},
	{"w", primitive(lhpb.VariableType_WF_RUN_ID)},
	{"as", arrayOf(primitive(lhpb.VariableType_STR))},
	{"an", arrayOf(primitive(lhpb.VariableType_INT))},
	{"mn", mapOf(primitive(lhpb.VariableType_STR), primitive(lhpb.VariableType_INT))},
}

func arrayOf(t *lhpb.TypeDefinition) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_InlineArrayDef{InlineArrayDef: &lhpb.InlineArrayDef{ArrayType: t}}}
}

func mapOf(k, v *lhpb.TypeDefinition) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_InlineMapDef{InlineMapDef: &lhpb.InlineMapDef{KeyType: k, ValueType: v}}}
}

// value is of any type.
func (g generator) value(depth int) *lhpb.VariableValue {
	switch g.r.IntN(12) {
	case 0:
		return &lhpb.VariableValue{}
	case 1:
		return nil
	}
	return g.valueOf(randomVariables[g.r.IntN(len(randomVariables))].kind, depth)
}

// valueOf is mostly of the type, at times null or of another.
func (g generator) valueOf(t *lhpb.TypeDefinition, depth int) *lhpb.VariableValue {
	switch g.r.IntN(30) {
	case 0:
		return &lhpb.VariableValue{}
	case 1:
		if depth > 0 {
			return g.value(depth - 1)
		}
	}
	switch d := t.GetDefinedType().(type) {
	case *lhpb.TypeDefinition_InlineArrayDef:
		a := &lhpb.Array{ElementType: d.InlineArrayDef.ArrayType}
		for range g.r.IntN(3) {
			a.Items = append(a.Items, g.valueOf(d.InlineArrayDef.ArrayType, depth-1))
		}
		return &lhpb.VariableValue{Value: &lhpb.VariableValue_Array{Array: a}}
	case *lhpb.TypeDefinition_InlineMapDef:
		m := &lhpb.Map{MapType: d.InlineMapDef}
		for range g.r.IntN(3) {
			m.Entries = append(m.Entries, &lhpb.Map_Entry{Key: g.valueOf(d.InlineMapDef.KeyType, depth-1), Value: g.valueOf(d.InlineMapDef.ValueType, depth-1)})
		}
		return &lhpb.VariableValue{Value: &lhpb.VariableValue_Map{Map: m}}
	default:
		return g.primitive(t.GetPrimitiveType())
	}
}

func (g generator) primitive(t lhpb.VariableType) *lhpb.VariableValue {
	json := func(odd ...string) string {
		if g.r.IntN(10) == 0 {
			return g.word()
		}
		return odd[g.r.IntN(len(odd))]
	}
	v := &lhpb.VariableValue{}
	switch t {
	case lhpb.VariableType_STR:
		v.Value = &lhpb.VariableValue_Str{Str: g.word()}
	case lhpb.VariableType_INT:
		v.Value = &lhpb.VariableValue_Int{Int: g.integer()}
	case lhpb.VariableType_DOUBLE:
		v.Value = &lhpb.VariableValue_Double{Double: g.double()}
	case lhpb.VariableType_BOOL:
		v.Value = &lhpb.VariableValue_Bool{Bool: g.r.IntN(2) == 0}
	case lhpb.VariableType_JSON_OBJ:
		v.Value = &lhpb.VariableValue_JsonObj{JsonObj: json("{}", `{"x":1}`, `{"a":{"b":[1,"z",null]},"x":"y"}`, `{"x":1e999,"y":[{}]}`, `{"":{"":null}}`)}
	case lhpb.VariableType_JSON_ARR:
		v.Value = &lhpb.VariableValue_JsonArr{JsonArr: json("[]", "[1,2,3]", `["a",null,{"x":[]}]`, "[[[1]]]")}
	case lhpb.VariableType_BYTES:
		v.Value = &lhpb.VariableValue_Bytes{Bytes: []byte(g.word())}
	case lhpb.VariableType_TIMESTAMP:
		v.Value = &lhpb.VariableValue_UtcTimestamp{UtcTimestamp: &timestamppb.Timestamp{Seconds: g.integer(), Nanos: int32(g.integer())}}
	case lhpb.VariableType_WF_RUN_ID:
		v.Value = &lhpb.VariableValue_WfRunId{WfRunId: g.wfRunID(2)}
	}
	return v
}

// wfSpec looks valid; often it is.
func (g generator) wfSpec() *lhpb.PutWfSpecRequest {
	w := &lhpb.PutWfSpecRequest{Name: g.name("f", attackNames), EntrypointThreadName: "entry", ThreadSpecs: map[string]*lhpb.ThreadSpec{
		"entry": g.threadSpec("entry", true), "child": g.threadSpec("child", false), "handler": g.threadSpec("handler", false),
	}}
	if g.r.IntN(3) == 0 {
		w.ThreadSpecs["entry"].InterruptDefs = []*lhpb.InterruptDef{{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: g.name("e", attackTasks)}, HandlerSpecName: "handler"}}
	}
	if g.r.IntN(8) == 0 {
		w.RetentionPolicy = &lhpb.WorkflowRetentionPolicy{WfGcPolicy: &lhpb.WorkflowRetentionPolicy_SecondsAfterWfTermination{SecondsAfterWfTermination: g.integer()}}
	}
	if g.r.IntN(8) == 0 {
		w.ParentWfSpec = &lhpb.WfSpec_ParentWfSpecReference{WfSpecName: g.name("f", attackNames)}
	}
	return w
}

func (g generator) threadSpec(name string, entry bool) *lhpb.ThreadSpec {
	t := &lhpb.ThreadSpec{Nodes: map[string]*lhpb.Node{}}
	for _, v := range randomVariables {
		if name == "handler" {
			break
		}
		d := &lhpb.ThreadVarDef{VarDef: &lhpb.VariableDef{Name: v.name, TypeDef: v.kind}, AccessLevel: lhpb.WfRunVariableAccessLevel_PRIVATE_VAR}
		if !entry {
			d.VarDef.Name += "c"
		} else {
			d.Searchable = g.r.IntN(4) == 0
			d.AccessLevel = lhpb.WfRunVariableAccessLevel(g.r.IntN(2))
		}
		if g.r.IntN(2) == 0 {
			d.VarDef.DefaultValue = g.valueOf(v.kind, 0)
		}
		t.VariableDefs = append(t.VariableDefs, d)
	}
	if g.r.IntN(8) == 0 {
		t.RetentionPolicy = &lhpb.ThreadRetentionPolicy{ThreadGcPolicy: &lhpb.ThreadRetentionPolicy_SecondsAfterThreadTermination{SecondsAfterThreadTermination: g.integer()}}
	}
	last, child := 1+g.r.IntN(5), 0
	for i := range last {
		n := &lhpb.Node{}
		if i == 0 {
			n.Node = &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}
		} else {
			g.node(n, entry, child)
			if n.GetRunChildWf() != nil {
				child = i
			}
		}
		if g.r.IntN(4) == 0 {
			to := &lhpb.Edge{SinkNodeName: node(last), VariableMutations: g.mutations()}
			if back := 1 + g.r.IntN(last); back != i && g.r.IntN(2) == 0 {
				to.SinkNodeName = node(back)
			}
			to.EdgeCondition = &lhpb.Edge_Condition{Condition: g.condition(2)}
			n.OutgoingEdges = append(n.OutgoingEdges, to)
		}
		n.OutgoingEdges = append(n.OutgoingEdges, &lhpb.Edge{SinkNodeName: node(i + 1), VariableMutations: g.mutations()})
		t.Nodes[node(i)] = n
	}
	t.Nodes[node(last)] = &lhpb.Node{Node: &lhpb.Node_Exit{Exit: g.exit()}}
	return t
}

func node(i int) string { return fmt.Sprint("node", i) }

func (g generator) exit() *lhpb.ExitNode {
	switch g.r.IntN(8) {
	case 0:
		return &lhpb.ExitNode{Result: &lhpb.ExitNode_FailureDef{FailureDef: &lhpb.FailureDef{FailureName: "my-failure", Message: g.word(), Content: g.any(1)}}}
	case 1:
		return &lhpb.ExitNode{Result: &lhpb.ExitNode_ReturnContent{ReturnContent: g.any(2)}}
	default:
		return &lhpb.ExitNode{}
	}
}

// node fills one; child is where a child was started before, or 0.
func (g generator) node(n *lhpb.Node, entry bool, child int) {
	if g.r.IntN(3) == 0 {
		n.FailureHandlers = g.handlers()
	}
	str, num := primitive(lhpb.VariableType_STR), primitive(lhpb.VariableType_INT)
	switch g.r.IntN(14) {
	case 0, 1, 2:
		i := g.r.IntN(attackTasks)
		task := &lhpb.TaskNode{
			TaskToExecute:  &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: fmt.Sprint("t", i)}},
			TimeoutSeconds: 1, Retries: int32(g.r.IntN(3)),
		}
		if i > 0 {
			task.Variables = []*lhpb.VariableAssignment{g.assignment(str, 2)}
		}
		if g.r.IntN(4) == 0 {
			task.ExponentialBackoff = &lhpb.ExponentialBackoffRetryPolicy{BaseIntervalMs: 1, MaxDelayMs: 100, Multiplier: 2}
			if g.r.IntN(3) == 0 {
				task.ExponentialBackoff = &lhpb.ExponentialBackoffRetryPolicy{BaseIntervalMs: int32(g.integer()), MaxDelayMs: g.integer(), Multiplier: float32(g.double())}
			}
		}
		if g.r.IntN(6) == 0 {
			task.TaskToExecute = &lhpb.TaskNode_DynamicTask{DynamicTask: g.assignment(str, 1)}
		}
		n.Node = &lhpb.Node_Task{Task: task}
	case 3:
		e := &lhpb.ExternalEventNode{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: g.name("e", attackTasks)}}
		if g.r.IntN(2) == 0 {
			e.TimeoutSeconds = g.assignment(num, 1)
		}
		if g.r.IntN(4) == 0 {
			e.CorrelationKey = g.assignment(str, 1)
		}
		n.Node = &lhpb.Node_ExternalEvent{ExternalEvent: e}
	case 4:
		n.Node = &lhpb.Node_Sleep{Sleep: g.sleep()}
	case 5:
		n.Node = &lhpb.Node_ThrowEvent{ThrowEvent: &lhpb.ThrowEventNode{EventDefId: &lhpb.WorkflowEventDefId{Name: g.name("w", attackTasks)}, Content: g.any(2)}}
	case 6:
		n.Node = &lhpb.Node_WaitForCondition{WaitForCondition: &lhpb.WaitForConditionNode{NodeCondition: &lhpb.WaitForConditionNode_Condition{Condition: g.condition(2)}}}
	case 7, 8:
		if !entry {
			n.Node = &lhpb.Node_Nop{Nop: &lhpb.NopNode{}}
			return
		}
		n.Node = &lhpb.Node_StartThread{StartThread: &lhpb.StartThreadNode{ThreadSpecName: "child", Variables: g.inputs("c")}}
	case 9:
		if !entry {
			n.Node = &lhpb.Node_Nop{Nop: &lhpb.NopNode{}}
			return
		}
		n.Node = &lhpb.Node_StartMultipleThreads{StartMultipleThreads: &lhpb.StartMultipleThreadsNode{
			ThreadSpecName: "child", Variables: g.inputs("c"), Iterable: g.assignment(primitive(lhpb.VariableType_JSON_ARR), 1),
		}}
	case 10:
		w := &lhpb.WaitForThreadsNode{
			Strategy: lhpb.WaitForThreadsStrategy(g.r.IntN(3)), PerThreadFailureHandlers: g.handlers(),
			ThreadsToWaitFor: &lhpb.WaitForThreadsNode_ThreadList{ThreadList: g.assignment(primitive(lhpb.VariableType_JSON_ARR), 1)},
		}
		if g.r.IntN(2) == 0 {
			list := &lhpb.WaitForThreadsNode_ThreadsToWaitFor{}
			for range g.r.IntN(3) {
				list.Threads = append(list.Threads, &lhpb.WaitForThreadsNode_ThreadToWaitFor{ThreadRunNumber: g.assignment(num, 1)})
			}
			w.ThreadsToWaitFor = &lhpb.WaitForThreadsNode_Threads{Threads: list}
		}
		n.Node = &lhpb.Node_WaitForThreads{WaitForThreads: w}
	case 11:
		n.Node = &lhpb.Node_RunChildWf{RunChildWf: &lhpb.RunChildWfNode{
			WfSpec: &lhpb.RunChildWfNode_WfSpecName{WfSpecName: g.name("f", attackNames)}, MajorVersion: -1, Inputs: g.inputs(""),
		}}
	case 12:
		if child == 0 && g.r.IntN(4) > 0 {
			n.Node = &lhpb.Node_Nop{Nop: &lhpb.NopNode{}}
			return
		}
		n.Node = &lhpb.Node_WaitForChildWf{WaitForChildWf: &lhpb.WaitForChildWfNode{
			ChildWfRunId: g.assignment(primitive(lhpb.VariableType_WF_RUN_ID), 1), ChildWfRunSourceNode: node(max(child, 1)),
		}}
	default:
		n.Node = &lhpb.Node_Nop{Nop: &lhpb.NopNode{}}
	}
}

func (g generator) sleep() *lhpb.SleepNode {
	switch g.r.IntN(3) {
	case 0:
		return &lhpb.SleepNode{SleepLength: &lhpb.SleepNode_RawSeconds{RawSeconds: g.assignment(primitive(lhpb.VariableType_INT), 1)}}
	case 1:
		return &lhpb.SleepNode{SleepLength: &lhpb.SleepNode_Timestamp{Timestamp: g.assignment(primitive(lhpb.VariableType_TIMESTAMP), 1)}}
	default:
		return &lhpb.SleepNode{SleepLength: &lhpb.SleepNode_IsoDate{IsoDate: g.assignment(primitive(lhpb.VariableType_STR), 1)}}
	}
}

func (g generator) handlers() (out []*lhpb.FailureHandlerDef) {
	for range g.r.IntN(3) {
		h := &lhpb.FailureHandlerDef{HandlerSpecName: "handler"}
		if g.r.IntN(3) == 0 {
			h.FailureToCatch = &lhpb.FailureHandlerDef_SpecificFailure{SpecificFailure: []string{"my-failure", "TIMEOUT", "TASK_FAILURE", "VAR_SUB_ERROR"}[g.r.IntN(4)]}
		} else {
			h.FailureToCatch = &lhpb.FailureHandlerDef_AnyFailureOfType{AnyFailureOfType: lhpb.FailureHandlerDef_LHFailureType(g.r.IntN(2))}
		}
		out = append(out, h)
	}
	return out
}

func (g generator) inputs(suffix string) map[string]*lhpb.VariableAssignment {
	out := map[string]*lhpb.VariableAssignment{}
	for _, v := range randomVariables {
		if g.r.IntN(6) == 0 {
			out[v.name+suffix] = g.assignment(v.kind, 1)
		}
	}
	return out
}

func (g generator) mutations() (out []*lhpb.VariableMutation) {
	for range g.r.IntN(3) {
		if g.r.IntN(2) == 0 {
			continue
		}
		v := randomVariables[g.r.IntN(len(randomVariables))]
		op, kind := g.operation(v.kind)
		m := &lhpb.VariableMutation{LhsName: v.name, Operation: op}
		m.RhsValue = &lhpb.VariableMutation_RhsAssignment{RhsAssignment: g.assignment(kind, 2)}
		if json := v.kind.GetPrimitiveType(); v.kind.GetInlineArrayDef() == nil && v.kind.GetInlineMapDef() == nil && json <= lhpb.VariableType_JSON_ARR && g.r.IntN(2) == 0 {
			if g.r.IntN(2) == 0 {
				m.LhsJsonPath = ptr([]string{"$.x", "$.a.b", "$.q.r.s", "$[0]", "$.a.b[1]", "$[7]", "$"}[g.r.IntN(7)])
			} else {
				m.LhsLhPath = g.path()
			}
			m.RhsValue = &lhpb.VariableMutation_RhsAssignment{RhsAssignment: g.any(1)}
		}
		out = append(out, m)
	}
	return out
}

func (g generator) condition(depth int) *lhpb.VariableAssignment {
	if g.r.IntN(5) == 0 {
		return g.assignment(primitive(lhpb.VariableType_BOOL), depth)
	}
	v := randomVariables[g.r.IntN(len(randomVariables))]
	lhs, rhs := g.assignment(v.kind, depth-1), g.assignment(v.kind, depth-1)
	op := lhpb.Comparator(4 + g.r.IntN(2))
	if ordered(v.kind) || g.r.IntN(10) == 0 {
		op = lhpb.Comparator(g.r.IntN(6))
	}
	if g.r.IntN(5) == 0 {
		op, rhs = lhpb.Comparator(6+g.r.IntN(2)), g.assignment(primitive(lhpb.VariableType_JSON_ARR), 1)
	}
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_Expression_{Expression: &lhpb.VariableAssignment_Expression{
		Lhs: lhs, Rhs: rhs, Operation: &lhpb.VariableAssignment_Expression_Comparator{Comparator: op},
	}}}
}

func ordered(t *lhpb.TypeDefinition) bool {
	p, ok := t.DefinedType.(*lhpb.TypeDefinition_PrimitiveType)
	return ok && (p.PrimitiveType == lhpb.VariableType_INT || p.PrimitiveType == lhpb.VariableType_DOUBLE || p.PrimitiveType == lhpb.VariableType_STR || p.PrimitiveType == lhpb.VariableType_TIMESTAMP)
}

// operation mostly fits the type; the other result is the type of its right side.
func (g generator) operation(t *lhpb.TypeDefinition) (lhpb.VariableMutationType, *lhpb.TypeDefinition) {
	oneOf := func(ops ...lhpb.VariableMutationType) lhpb.VariableMutationType { return ops[g.r.IntN(len(ops))] }
	switch {
	case g.r.IntN(30) == 0:
		return lhpb.VariableMutationType(g.r.IntN(12)), t
	case g.r.IntN(3) == 0:
		return lhpb.VariableMutationType_ASSIGN, t
	case t.GetInlineArrayDef() != nil:
		if g.r.IntN(3) == 0 {
			return lhpb.VariableMutationType_REMOVE_INDEX, primitive(lhpb.VariableType_INT)
		}
		return oneOf(lhpb.VariableMutationType_EXTEND, lhpb.VariableMutationType_REMOVE_IF_PRESENT), t.GetInlineArrayDef().ArrayType
	case t.GetInlineMapDef() != nil:
		return lhpb.VariableMutationType_REMOVE_KEY, t.GetInlineMapDef().KeyType
	}
	switch t.GetPrimitiveType() {
	case lhpb.VariableType_INT, lhpb.VariableType_DOUBLE:
		return oneOf(lhpb.VariableMutationType_ADD, lhpb.VariableMutationType_SUBTRACT, lhpb.VariableMutationType_MULTIPLY, lhpb.VariableMutationType_DIVIDE, lhpb.VariableMutationType_POW), t
	case lhpb.VariableType_STR:
		return oneOf(lhpb.VariableMutationType_ADD, lhpb.VariableMutationType_EXTEND), t
	case lhpb.VariableType_BOOL:
		return oneOf(lhpb.VariableMutationType_AND, lhpb.VariableMutationType_OR), t
	case lhpb.VariableType_JSON_ARR:
		if g.r.IntN(3) == 0 {
			return lhpb.VariableMutationType_REMOVE_INDEX, primitive(lhpb.VariableType_INT)
		}
		return oneOf(lhpb.VariableMutationType_ADD, lhpb.VariableMutationType_EXTEND, lhpb.VariableMutationType_REMOVE_IF_PRESENT), t
	case lhpb.VariableType_JSON_OBJ:
		return lhpb.VariableMutationType_REMOVE_KEY, primitive(lhpb.VariableType_STR)
	}
	return lhpb.VariableMutationType_ASSIGN, t
}

// any is an assignment of any type.
func (g generator) any(depth int) *lhpb.VariableAssignment {
	return g.assignment(randomVariables[g.r.IntN(len(randomVariables))].kind, depth)
}

// assignment is mostly of the type.
func (g generator) assignment(t *lhpb.TypeDefinition, depth int) *lhpb.VariableAssignment {
	a := &lhpb.VariableAssignment{}
	switch n := g.r.IntN(24); {
	case n < 6 || depth <= 0:
		for _, v := range randomVariables {
			if v.kind.String() == t.String() {
				a.Source = &lhpb.VariableAssignment_VariableName{VariableName: v.name}
			}
		}
	case n < 11:
		a.Source = &lhpb.VariableAssignment_LiteralValue{LiteralValue: g.valueOf(t, 1)}
	case n < 16: // the type of what a path gives is only known when it runs
		a.Source = &lhpb.VariableAssignment_VariableName{VariableName: []string{"o", "l"}[g.r.IntN(2)]}
		if g.r.IntN(2) == 0 {
			a.Path = &lhpb.VariableAssignment_JsonPath{JsonPath: []string{"$.x", "$.a.b", "$[0]", "$.a.b[1]", "$..x", "$", "$.a[?(@.x==1)]", "$.*", "$.length()"}[g.r.IntN(9)]}
		} else {
			a.Path = &lhpb.VariableAssignment_LhPath{LhPath: g.path()}
		}
	case n < 19:
		op, kind := g.operation(t)
		a.Source = &lhpb.VariableAssignment_Expression_{Expression: &lhpb.VariableAssignment_Expression{
			Lhs: g.assignment(t, depth-1), Rhs: g.assignment(kind, depth-1),
			Operation: &lhpb.VariableAssignment_Expression_MutationType{MutationType: op},
		}}
	case n < 20 && t.GetPrimitiveType() == lhpb.VariableType_STR:
		f := &lhpb.VariableAssignment_FormatString{Format: &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_LiteralValue{LiteralValue: str(g.word())}}}
		for range g.r.IntN(3) {
			f.Args = append(f.Args, g.any(depth-1))
		}
		a.Source = &lhpb.VariableAssignment_FormatString_{FormatString: f}
	case n < 21 && g.r.IntN(3) == 0:
		a.Source = &lhpb.VariableAssignment_NodeOutput{NodeOutput: &lhpb.VariableAssignment_NodeOutputReference{NodeName: node(1 + g.r.IntN(4))}}
	case n < 22 && t.GetPrimitiveType() == lhpb.VariableType_INT:
		of := []lhpb.VariableType{lhpb.VariableType_JSON_OBJ, lhpb.VariableType_JSON_ARR, lhpb.VariableType_STR}[g.r.IntN(3)]
		a.Source = &lhpb.VariableAssignment_SizeOf_{SizeOf: &lhpb.VariableAssignment_SizeOf{Operand: g.assignment(primitive(of), depth-1)}}
	case n < 23 && t.GetInlineMapDef() != nil:
		m := &lhpb.MapBuilder{MapType: t.GetInlineMapDef()}
		for range g.r.IntN(3) {
			m.Entries = append(m.Entries, &lhpb.MapBuilder_Entry{Key: g.assignment(primitive(lhpb.VariableType_STR), depth-1), Value: g.any(depth - 1)})
		}
		a.Source = &lhpb.VariableAssignment_MapBuilder{MapBuilder: m}
	case g.r.IntN(6) == 0:
		a = g.any(depth - 1)
	default:
		a.Source = &lhpb.VariableAssignment_LiteralValue{LiteralValue: g.valueOf(t, 0)}
	}
	if g.r.IntN(8) == 0 {
		a.TargetType = t
	}
	return a
}

func (g generator) path() *lhpb.LHPath {
	p := &lhpb.LHPath{}
	for range 1 + g.r.IntN(3) {
		s := &lhpb.LHPath_Selector{}
		switch g.r.IntN(4) {
		case 0:
			s.SelectorType = &lhpb.LHPath_Selector_Index{Index: int32(g.integer())}
		case 1:
			s.SelectorType = &lhpb.LHPath_Selector_Dynamic{Dynamic: g.assignment(primitive([]lhpb.VariableType{lhpb.VariableType_STR, lhpb.VariableType_INT}[g.r.IntN(2)]), 0)}
		default:
			s.SelectorType = &lhpb.LHPath_Selector_Key{Key: []string{"x", "a", "b", ""}[g.r.IntN(4)]}
		}
		p.Path = append(p.Path, s)
	}
	return p
}
