package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// special are kinds of histories that are about one matter, in turn.
var special = []func(names) historyPlan{versions, typing, values, values, inherited, migration, containers, leftovers}

// further are more of them.
var further = []func(names) historyPlan{evolving, numbers, checkpoints, timesAndIDs, schedules, forms, evolving, timesAndIDs, forms}

func (n names) rng(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(n.seed, stream)) }

// straight is a ThreadSpec of nodes in a row; links changes the edge that leaves the node of that place.
func straight(vars []*lhpb.ThreadVarDef, links map[int][]*lhpb.VariableMutation, nodes ...*lhpb.Node) *lhpb.ThreadSpec {
	s := &lhpb.ThreadSpec{Nodes: map[string]*lhpb.Node{}, VariableDefs: vars}
	nodes = append([]*lhpb.Node{{Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}}}, nodes...)
	name := func(i int) string { return fmt.Sprintf("%d-%s", i, kindOfSpec(nodes[i])) }
	for i, n := range nodes {
		if i+1 < len(nodes) {
			n.OutgoingEdges = append(n.OutgoingEdges, edge(name(i+1), links[i]...))
		}
		s.Nodes[name(i)] = n
	}
	return s
}

func kindOfSpec(n *lhpb.Node) string {
	m := n.ProtoReflect()
	return string(m.WhichOneof(m.Descriptor().Oneofs().ByName("node")).Name())
}

func eventNode(def string) *lhpb.Node {
	return &lhpb.Node{Node: &lhpb.Node_ExternalEvent{ExternalEvent: &lhpb.ExternalEventNode{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: def}}}}
}

func spec(name string, threads map[string]*lhpb.ThreadSpec) *lhpb.PutWfSpecRequest {
	return &lhpb.PutWfSpecRequest{Name: name, EntrypointThreadName: "main", ThreadSpecs: threads}
}

// versions puts one WfSpec again and again, each time a bit different, and runs what came of it.
func versions(n names) historyPlan {
	p := historyPlan{kind: "versions"}
	rng := n.rng(2)
	vars := []*lhpb.ThreadVarDef{
		variableDef("a", lhpb.VariableType_INT, nil), variableDef("b", lhpb.VariableType_STR, nil), variableDef("c", lhpb.VariableType_BOOL, nil),
	}
	exit := &lhpb.ExitNode{}
	var retention *lhpb.WorkflowRetentionPolicy
	nops := 1
	for range 10 {
		v := vars[rng.IntN(len(vars))]
		switch rng.IntN(9) {
		case 0:
			v.AccessLevel = lhpb.WfRunVariableAccessLevel(rng.IntN(2))
		case 1:
			v.Required = !v.Required
		case 2:
			v.Searchable = !v.Searchable
		case 3:
			v.VarDef.TypeDef = primitive([]lhpb.VariableType{lhpb.VariableType_INT, lhpb.VariableType_STR, lhpb.VariableType_DOUBLE}[rng.IntN(3)])
		case 4:
			v.VarDef.DefaultValue = map[bool]*lhpb.VariableValue{true: integer(3)}[v.VarDef.DefaultValue == nil]
		case 5:
			if exit.Result != nil {
				exit.Result = nil
			} else {
				exit.Result = &lhpb.ExitNode_ReturnContent{ReturnContent: literal([]*lhpb.VariableValue{integer(1), str("x")}[rng.IntN(2)])}
			}
		case 6:
			nops = 1 + rng.IntN(2)
		case 7:
			retention = &lhpb.WorkflowRetentionPolicy{WfGcPolicy: &lhpb.WorkflowRetentionPolicy_SecondsAfterWfTermination{SecondsAfterWfTermination: 3600}}
		case 8:
			v.VarDef.TypeDef.Masked = !v.VarDef.TypeDef.Masked
		}
		nodes := []*lhpb.Node{}
		for range nops {
			nodes = append(nodes, nop())
		}
		req := spec(n.spec(), map[string]*lhpb.ThreadSpec{"main": straight(vars, nil, append(nodes, exitNode(proto.Clone(exit).(*lhpb.ExitNode)))...)})
		req.RetentionPolicy = retention
		req.AllowedUpdates = lhpb.AllowedUpdateType(max(0, rng.IntN(5)-2))
		p.definitions = append(p.definitions, definition{method: "PutWfSpec", request: proto.Clone(req), invalid: true, pause: metadataPause / 2})
	}
	p.definitions = append(p.definitions, definition{method: "GetLatestWfSpec", request: &lhpb.GetLatestWfSpecRequest{Name: n.spec()}, invalid: true})
	p.run = func(r *recorder) []*lhpb.RunWfRequest {
		var out []*lhpb.RunWfRequest
		for i := range 4 {
			req := &lhpb.RunWfRequest{WfSpecName: n.spec(), Id: proto.String(fmt.Sprintf("%s-%d", r.id.Id, i)), Variables: map[string]*lhpb.VariableValue{}}
			for _, name := range []string{"a", "b", "c", "d"} {
				if rng.IntN(2) == 0 && name != "d" || rng.IntN(12) == 0 {
					req.Variables[name] = []*lhpb.VariableValue{integer(1), str("x"), boolean(true), {}}[rng.IntN(4)]
				}
			}
			if rng.IntN(3) == 0 {
				req.MajorVersion = proto.Int32(int32(rng.IntN(3)))
				if rng.IntN(2) == 0 {
					req.Revision = proto.Int32(int32(rng.IntN(3)))
				}
			}
			out = append(out, req)
		}
		return out
	}
	return p
}

// typed are variables of each type that a WfSpec can declare, and a value of each.
func typed(n names) ([]*lhpb.ThreadVarDef, []*lhpb.VariableValue) {
	array := &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_InlineArrayDef{InlineArrayDef: &lhpb.InlineArrayDef{ArrayType: primitive(lhpb.VariableType_INT)}}}
	mapped := &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_InlineMapDef{InlineMapDef: &lhpb.InlineMapDef{
		KeyType: primitive(lhpb.VariableType_STR), ValueType: primitive(lhpb.VariableType_INT),
	}}}
	thing := &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_StructDefId{StructDefId: &lhpb.StructDefId{Name: n.structDef()}}}
	values := []*lhpb.VariableValue{
		integer(6), double(2.5), str("t1"), boolean(true), object(`{"n":3,"d":1.5,"t":"4","b":true,"l":[1,2],"o":{"k":1}}`), list(`[1,"x",2.5]`),
		{Value: &lhpb.VariableValue_Array{Array: &lhpb.Array{Items: []*lhpb.VariableValue{integer(1), integer(2)}, ElementType: primitive(lhpb.VariableType_INT)}}},
		{Value: &lhpb.VariableValue_Map{Map: &lhpb.Map{Entries: []*lhpb.Map_Entry{{Key: str("k"), Value: integer(1)}}}}},
		{Value: &lhpb.VariableValue_Struct{Struct: &lhpb.Struct{StructDefId: &lhpb.StructDefId{Name: n.structDef()}, Struct: &lhpb.InlineStruct{
			Fields: map[string]*lhpb.StructField{"t": {Value: str("x")}, "n": {Value: integer(2)}},
		}}}},
	}
	names := []string{"i", "d", "s", "b", "j", "l", "a", "m", "g"}
	types := []*lhpb.TypeDefinition{
		primitive(lhpb.VariableType_INT), primitive(lhpb.VariableType_DOUBLE), primitive(lhpb.VariableType_STR), primitive(lhpb.VariableType_BOOL),
		primitive(lhpb.VariableType_JSON_OBJ), primitive(lhpb.VariableType_JSON_ARR), array, mapped, thing,
	}
	var vars []*lhpb.ThreadVarDef
	for i, name := range names {
		v := variableDef(name, lhpb.VariableType_INT, values[i])
		v.VarDef.TypeDef = types[i]
		vars = append(vars, v)
	}
	return vars, values
}

// operand is a variable, a literal or a place in a document.
func operand(rng *rand.Rand, values []*lhpb.VariableValue) *lhpb.VariableAssignment {
	switch rng.IntN(4) {
	case 0:
		return literal(values[rng.IntN(6)])
	case 1:
		return path(variable("j"), []string{"$.n", "$.d", "$.t", "$.b", "$.l", "$.o", "$.none"}[rng.IntN(7)])
	default:
		return variable([]string{"i", "d", "s", "b", "j", "l", "a", "m", "g"}[rng.IntN(9)])
	}
}

// plainOperand is one whose text form is fixed.
func plainOperand(rng *rand.Rand, values []*lhpb.VariableValue) *lhpb.VariableAssignment {
	i := rng.IntN(4)
	if rng.IntN(2) == 0 {
		return literal(values[i])
	}
	return variable([]string{"i", "d", "s", "b"}[i])
}

func anyMutation(rng *rand.Rand, values []*lhpb.VariableValue) *lhpb.VariableMutation {
	rhs := operand(rng, values)
	switch rng.IntN(5) {
	case 0:
		rhs = calculate(rhs, lhpb.VariableMutationType(1+rng.IntN(11)), operand(rng, values))
	case 1:
		rhs = compare(rhs, lhpb.Comparator(rng.IntN(8)), operand(rng, values))
	case 2:
		rhs = cast(rhs, []lhpb.VariableType{lhpb.VariableType_INT, lhpb.VariableType_DOUBLE, lhpb.VariableType_STR, lhpb.VariableType_BOOL}[rng.IntN(4)])
	}
	return assign([]string{"i", "d", "s", "b", "j", "l", "a", "m", "g"}[rng.IntN(9)], lhpb.VariableMutationType(rng.IntN(12)), rhs)
}

// typing puts WfSpecs that may be well typed or not.
func typing(n names) historyPlan {
	p := historyPlan{kind: "typing"}
	rng := n.rng(2)
	vars, values := typed(n)
	for range 24 {
		var links map[int][]*lhpb.VariableMutation
		middle := nop()
		switch rng.IntN(6) {
		case 0:
			middle = &lhpb.Node{Node: &lhpb.Node_Task{Task: &lhpb.TaskNode{
				TaskToExecute: &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: n.task("text")}},
				Variables:     []*lhpb.VariableAssignment{operand(rng, values), operand(rng, values)}[:2-rng.IntN(8)/7],
				Retries:       int32(rng.IntN(6) - 1),
			}}}
		case 1:
			middle = &lhpb.Node{Node: &lhpb.Node_Sleep{Sleep: &lhpb.SleepNode{SleepLength: &lhpb.SleepNode_RawSeconds{RawSeconds: operand(rng, values)}}}}
		case 2:
			middle = waitFor(0, operand(rng, values))
		default:
			links = map[int][]*lhpb.VariableMutation{1: {anyMutation(rng, values)}}
		}
		s := straight(vars, links, middle, nop(), exitNode(nil))
		if rng.IntN(3) == 0 {
			for _, e := range s.Nodes["0-entrypoint"].OutgoingEdges {
				e.EdgeCondition = &lhpb.Edge_Condition{Condition: compare(operand(rng, values), lhpb.Comparator(rng.IntN(8)), operand(rng, values))}
			}
		}
		p.definitions = append(p.definitions, definition{method: "PutWfSpec", request: spec(n.spec(), map[string]*lhpb.ThreadSpec{"main": s}), invalid: true})
	}
	return p
}

// values makes random mutations at run time, each below a handler, so that the thread comes through.
func values(n names) historyPlan {
	p := historyPlan{kind: "values", calm: true, run: runPlain}
	rng := n.rng(2)
	vars, values := typed(n)
	b := &body{name: "main", nodes: map[string]*lhpb.Node{}, vars: vars}
	b.open = []string{b.put("ENTRYPOINT", &lhpb.Node{Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}})}
	g := &generator{rng: rng, names: n, threads: map[string]*lhpb.ThreadSpec{}}
	for range 8 {
		node := nop()
		node.FailureHandlers = []*lhpb.FailureHandlerDef{{HandlerSpecName: "cope"}}
		name := b.put("NOP", node)
		b.lead(name)
		from := name
		// A second operand from a document has no type before it is there.
		// How documents and lists look inside a text is free.
		target, places := []string{"i", "d", "s", "b", "l", "a"}[rng.IntN(6)], 6
		if target == "s" {
			places = 4
		}
		rhs := path(variable("j"), []string{"$.n", "$.d", "$.t", "$.b", "$.l", "$.none"}[rng.IntN(places)])
		m := assign(target, lhpb.VariableMutationType(rng.IntN(12)), rhs)
		if rng.IntN(3) == 0 {
			m = assign("j", lhpb.VariableMutationType(rng.IntN(6)), plainOperand(rng, values))
			m.LhsJsonPath = proto.String([]string{"$.n", "$.d", "$.t", "$.o.k", "$.new", "$.none.x"}[rng.IntN(6)])
		}
		b.pending = map[string][]*lhpb.VariableMutation{from: {m}}
	}
	exit := b.put("EXIT", exitNode(nil))
	b.lead(exit)
	g.threads["main"] = &lhpb.ThreadSpec{Nodes: b.nodes, VariableDefs: vars}
	g.threads["cope"] = straight(nil, nil, nop(), exitNode(nil))
	p.definitions = append(p.definitions, definition{method: "PutWfSpec", request: spec(n.spec(), g.threads)})
	return p
}

// lead leads the open ends to a node, with the mutations that wait for the edge.
func (b *body) lead(to string) {
	for _, from := range b.open {
		b.nodes[from].OutgoingEdges = append(b.nodes[from].OutgoingEdges, edge(to, b.pending[from]...))
	}
	b.open = []string{to}
}

func runPlain(r *recorder) []*lhpb.RunWfRequest {
	return []*lhpb.RunWfRequest{{WfSpecName: r.names.spec(), Id: proto.String(r.id.Id)}}
}

// inherited runs WfRuns below another, whose variables they read and write.
func inherited(n names) historyPlan {
	p := historyPlan{kind: "inherited", calm: n.seed%3 == 0}
	rng := n.rng(2)
	public := func(name string, t lhpb.VariableType, v *lhpb.VariableValue) *lhpb.ThreadVarDef {
		d := variableDef(name, t, v)
		d.AccessLevel = lhpb.WfRunVariableAccessLevel_PUBLIC_VAR
		return d
	}
	parent := []*lhpb.ThreadVarDef{public("i", lhpb.VariableType_INT, integer(1)), public("l", lhpb.VariableType_JSON_ARR, list(`[]`)), variableDef("own", lhpb.VariableType_INT, integer(0))}
	child := []*lhpb.ThreadVarDef{variableDef("s", lhpb.VariableType_STR, str("c"))}
	for _, v := range parent[:1+rng.IntN(3)] {
		d := proto.Clone(v).(*lhpb.ThreadVarDef)
		d.AccessLevel, d.VarDef.DefaultValue = lhpb.WfRunVariableAccessLevel_INHERITED_VAR, nil
		child = append(child, d)
	}
	count := func() []*lhpb.VariableMutation {
		return []*lhpb.VariableMutation{assign("i", lhpb.VariableMutationType_ADD, literal(integer(int64(1+rng.IntN(3)))))}
	}
	p.definitions = []definition{
		{method: "PutWfSpec", request: spec(n.spec(), map[string]*lhpb.ThreadSpec{"main": straight(parent, map[int][]*lhpb.VariableMutation{1: count(), 2: count()},
			eventNode(n.eventAny()), eventNode(n.eventAny()), exitNode(nil))})},
	}
	c := spec(n.childSpec(), map[string]*lhpb.ThreadSpec{"main": straight(child, map[int][]*lhpb.VariableMutation{0: count(), 1: count(), 2: count()},
		eventNode(n.eventAny()), nop(), exitNode(&lhpb.ExitNode{Result: &lhpb.ExitNode_ReturnContent{ReturnContent: variable("i")}}))})
	c.ParentWfSpec = &lhpb.WfSpec_ParentWfSpecReference{WfSpecName: n.spec(), WfSpecMajorVersion: int32(rng.IntN(8) / 7)}
	p.definitions = append(p.definitions, definition{method: "PutWfSpec", request: c, invalid: true, pause: metadataPause})
	p.run = func(r *recorder) []*lhpb.RunWfRequest {
		out := runPlain(r)
		for i := range 2 {
			out = append(out, &lhpb.RunWfRequest{WfSpecName: n.childSpec(), Id: proto.String(fmt.Sprintf("c%d", i)), ParentWfRunId: r.id})
		}
		out = append(out, &lhpb.RunWfRequest{WfSpecName: n.childSpec(), Id: proto.String(r.id.Id + "-none")},
			&lhpb.RunWfRequest{WfSpecName: n.spec(), Id: proto.String(r.id.Id + "-below"), ParentWfRunId: r.id},
			&lhpb.RunWfRequest{WfSpecName: n.childSpec(), Id: proto.String(r.id.Id + "-lost"), ParentWfRunId: &lhpb.WfRunId{Id: "nobody"}})
		return out
	}
	return p
}

// migration moves a running WfRun to another WfSpec.
func migration(n names) historyPlan {
	p := historyPlan{kind: "migration", calm: n.seed%3 > 0}
	rng := n.rng(2)
	waitKinds := func() *lhpb.Node {
		switch rng.IntN(3) {
		case 0:
			return &lhpb.Node{Node: &lhpb.Node_Sleep{Sleep: &lhpb.SleepNode{SleepLength: &lhpb.SleepNode_RawSeconds{RawSeconds: literal(integer(7200))}}}}
		default:
			return eventNode(n.eventAny())
		}
	}
	task := func() *lhpb.Node {
		return &lhpb.Node{Node: &lhpb.Node_Task{Task: &lhpb.TaskNode{TaskToExecute: &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: n.task("void")}}, TimeoutSeconds: 3600}}}
	}
	vars := []*lhpb.ThreadVarDef{variableDef("i", lhpb.VariableType_INT, integer(1)), variableDef("l", lhpb.VariableType_JSON_ARR, list(`[]`))}
	kid := func() *lhpb.ThreadSpec { return straight(nil, nil, eventNode(n.eventText()), exitNode(nil)) }
	start := func() *lhpb.Node {
		return &lhpb.Node{Node: &lhpb.Node_StartThread{StartThread: &lhpb.StartThreadNode{ThreadSpecName: "kid"}}}
	}
	mark := func(t string) []*lhpb.VariableMutation {
		return []*lhpb.VariableMutation{assign("l", lhpb.VariableMutationType_ADD, literal(str(t)))}
	}
	old := map[string]*lhpb.ThreadSpec{"kid": kid(), "main": straight(vars, map[int][]*lhpb.VariableMutation{1: mark("o1"), 2: mark("o2"), 3: mark("o3")},
		task(), start(), waitKinds(), task(), exitNode(nil))}
	more := append([]*lhpb.ThreadVarDef{variableDef("extra", lhpb.VariableType_STR, str("new"))}, vars...)
	fresh := map[string]*lhpb.ThreadSpec{"kid": kid(), "main": straight(more, map[int][]*lhpb.VariableMutation{1: mark("n1"), 2: mark("n2"), 3: mark("n3")},
		waitKinds(), start(), eventNode(n.eventAny()), task(), exitNode(nil))}
	p.definitions = []definition{
		{method: "PutWfSpec", request: spec(n.spec(), old), pause: metadataPause},
		{method: "PutWfSpec", request: spec(n.spec(), fresh), pause: metadataPause},
	}
	nodes := func(t map[string]*lhpb.ThreadSpec) []string { return sortedKeys(t["main"].Nodes) }
	plans := func() *lhpb.PutWorkflowMigrationPlanRequest {
		req := &lhpb.PutWorkflowMigrationPlanRequest{
			Name: n.numbered("plan"), OldWfSpec: &lhpb.WfSpecId{Name: n.spec()}, MajorVersion: 0, Revision: int32(1 + rng.IntN(8)/7),
			ThreadMigrations: map[string]*lhpb.ThreadMigrationPlanRequest{},
		}
		m := &lhpb.ThreadMigrationPlanRequest{NewThreadName: []string{"main", "kid"}[rng.IntN(8)/7], NodeMigrations: map[string]*lhpb.NodeMigrationPlan{}}
		for range 1 + rng.IntN(2) {
			from, to := nodes(old), nodes(fresh)
			m.NodeMigrations[from[1+rng.IntN(len(from)-1)]] = &lhpb.NodeMigrationPlan{NewNodeName: to[1+rng.IntN(len(to)-1)]}
		}
		req.ThreadMigrations["main"] = m
		if rng.IntN(3) == 0 {
			req.ThreadMigrations["kid"] = &lhpb.ThreadMigrationPlanRequest{NewThreadName: "kid", NodeMigrations: map[string]*lhpb.NodeMigrationPlan{
				"1-external_event": {NewNodeName: "1-external_event"},
			}}
		}
		return req
	}
	// The last of several plans of one name counts; the first tries may be refused.
	for range 3 {
		p.definitions = append(p.definitions, definition{method: "PutWorkflowMigrationPlan", request: plans(), invalid: true})
	}
	good := &lhpb.PutWorkflowMigrationPlanRequest{
		Name: n.numbered("plan"), OldWfSpec: &lhpb.WfSpecId{Name: n.spec()}, Revision: 1,
		ThreadMigrations: map[string]*lhpb.ThreadMigrationPlanRequest{"main": {NewThreadName: "main", NodeMigrations: map[string]*lhpb.NodeMigrationPlan{
			nodes(old)[3]: {NewNodeName: nodes(fresh)[3]}, nodes(old)[4]: {NewNodeName: nodes(fresh)[4]},
		}}},
	}
	if rng.IntN(4) > 0 {
		p.definitions = append(p.definitions, definition{method: "PutWorkflowMigrationPlan", request: good, invalid: true, pause: metadataPause})
	}
	p.run = func(r *recorder) []*lhpb.RunWfRequest {
		req := runPlain(r)
		req[0].MajorVersion, req[0].Revision = proto.Int32(0), proto.Int32(0)
		return req
	}
	p.more = func(r *recorder, add func(int, action)) {
		add(3, func(ctx context.Context) error {
			req := &lhpb.ApplyWorkflowMigrationPlanRequest{Id: &lhpb.WorkflowMigrationPlanId{Name: n.numbered("plan")}, WfRunId: r.id}
			switch r.rng.IntN(6) {
			case 0, 1:
				req.MigrationVarsByThread = map[string]*lhpb.MigrationVars{"main": {VarAssignmentByVarName: map[string]*lhpb.VariableAssignment{"extra": literal(str("given"))}}}
			case 2:
				req.MigrationVarsByThread = map[string]*lhpb.MigrationVars{"main": {VarAssignmentByVarName: map[string]*lhpb.VariableAssignment{"nobody": literal(str("given"))}}}
			}
			return r.act(ctx, "ApplyWorkflowMigrationPlan", req)
		})
	}
	return p
}

// containers passes structs, arrays and maps through inputs, mutations, paths and tasks.
func containers(n names) historyPlan {
	p := historyPlan{kind: "containers", calm: true}
	rng := n.rng(2)
	vars, values := typed(n)
	steps := map[int][]*lhpb.VariableMutation{}
	array := func(items ...*lhpb.VariableValue) *lhpb.VariableValue {
		return &lhpb.VariableValue{Value: &lhpb.VariableValue_Array{Array: &lhpb.Array{Items: items, ElementType: primitive(lhpb.VariableType_INT)}}}
	}
	choices := []func() *lhpb.VariableMutation{
		func() *lhpb.VariableMutation {
			return assign("a", lhpb.VariableMutationType_EXTEND, literal(integer(int64(rng.IntN(4)))))
		},
		func() *lhpb.VariableMutation { return assign("a", lhpb.VariableMutationType_EXTEND, variable("a")) },
		func() *lhpb.VariableMutation {
			return assign("a", lhpb.VariableMutationType_REMOVE_IF_PRESENT, literal(integer(int64(rng.IntN(3)))))
		},
		func() *lhpb.VariableMutation {
			return assign("a", lhpb.VariableMutationType_REMOVE_INDEX, literal(integer(int64(rng.IntN(3)))))
		},
		func() *lhpb.VariableMutation {
			return assign("a", lhpb.VariableMutationType_ASSIGN, literal(array(integer(4), integer(5))))
		},
		func() *lhpb.VariableMutation {
			return assign("m", lhpb.VariableMutationType_REMOVE_KEY, literal(str([]string{"k", "none"}[rng.IntN(2)])))
		},
		func() *lhpb.VariableMutation {
			return assign("m", lhpb.VariableMutationType_EXTEND, literal(values[7]))
		},
		func() *lhpb.VariableMutation {
			return assign("i", lhpb.VariableMutationType_ASSIGN, sizeOf(variable("a")))
		},
		func() *lhpb.VariableMutation {
			return assign("i", lhpb.VariableMutationType_ASSIGN, key(variable("m"), "k"))
		},
		func() *lhpb.VariableMutation {
			return assign("s", lhpb.VariableMutationType_ASSIGN, key(variable("g"), "t"))
		},
		func() *lhpb.VariableMutation {
			return assign("i", lhpb.VariableMutationType_ADD, key(variable("g"), "n"))
		},
		func() *lhpb.VariableMutation { return assign("g", lhpb.VariableMutationType_ASSIGN, variable("g")) },
		func() *lhpb.VariableMutation {
			return assign("b", lhpb.VariableMutationType_ASSIGN, compare(variable("i"), lhpb.Comparator_IN, variable("l")))
		},
	}
	for i := range 5 {
		steps[i] = []*lhpb.VariableMutation{choices[rng.IntN(len(choices))](), choices[rng.IntN(len(choices))]()}
	}
	p.definitions = []definition{{method: "PutWfSpec", invalid: true, request: spec(n.spec(), map[string]*lhpb.ThreadSpec{
		"main": straight(vars, steps, nop(), nop(), eventNode(n.eventAny()), nop(), exitNode(nil)),
	})}}
	p.run = func(r *recorder) []*lhpb.RunWfRequest {
		out := runPlain(r)
		inputs := []map[string]*lhpb.VariableValue{
			{"a": array(integer(7))},
			{"a": array(str("x"))},
			{"a": array()},
			{"a": array(&lhpb.VariableValue{}, integer(1))},
			{"m": values[7]},
			{"m": {Value: &lhpb.VariableValue_Map{Map: &lhpb.Map{}}}},
			{"g": values[8]},
			{"g": {Value: &lhpb.VariableValue_Struct{Struct: &lhpb.Struct{StructDefId: &lhpb.StructDefId{Name: n.structDef(), Version: 5}, Struct: &lhpb.InlineStruct{
				Fields: map[string]*lhpb.StructField{"n": {Value: integer(1)}},
			}}}}},
			{"a": integer(1)},
			{"g": object("{}")},
		}
		for i := range 3 {
			out = append(out, &lhpb.RunWfRequest{WfSpecName: n.spec(), Id: proto.String(fmt.Sprintf("%s-%d", r.id.Id, i)), Variables: inputs[rng.IntN(len(inputs))]})
		}
		return out
	}
	return p
}

func key(a *lhpb.VariableAssignment, k string) *lhpb.VariableAssignment {
	a.Path = &lhpb.VariableAssignment_LhPath{LhPath: &lhpb.LHPath{Path: []*lhpb.LHPath_Selector{{SelectorType: &lhpb.LHPath_Selector_Key{Key: k}}}}}
	return a
}

// leftovers is about what is left of a WfRun: archived threads, retention, deletion.
func leftovers(n names) historyPlan {
	p := historyPlan{kind: "ending", calm: n.seed%2 == 0, run: runPlain}
	rng := n.rng(2)
	kid := straight(nil, nil, []*lhpb.Node{nop(), eventNode(n.eventAny())}[rng.IntN(2)], exitNode(nil))
	if rng.IntN(3) > 0 {
		kid.RetentionPolicy = &lhpb.ThreadRetentionPolicy{ThreadGcPolicy: &lhpb.ThreadRetentionPolicy_SecondsAfterThreadTermination{SecondsAfterThreadTermination: int64(rng.IntN(2) * 3600)}}
	}
	start := func() *lhpb.Node {
		return &lhpb.Node{Node: &lhpb.Node_StartThread{StartThread: &lhpb.StartThreadNode{ThreadSpecName: "kid"}}}
	}
	s := spec(n.spec(), map[string]*lhpb.ThreadSpec{"kid": kid, "main": straight([]*lhpb.ThreadVarDef{variableDef("i", lhpb.VariableType_INT, integer(1))}, nil,
		start(), start(), eventNode(n.eventText()), start(), exitNode(nil))})
	if rng.IntN(2) == 0 {
		s.RetentionPolicy = &lhpb.WorkflowRetentionPolicy{WfGcPolicy: &lhpb.WorkflowRetentionPolicy_SecondsAfterWfTermination{SecondsAfterWfTermination: int64(rng.IntN(2))}}
		p.fades = true
	}
	p.definitions = []definition{{method: "PutWfSpec", request: s}}
	p.more = func(r *recorder, add func(int, action)) {
		if r.rng.IntN(3) == 0 {
			add(1, func(ctx context.Context) error {
				return r.act(ctx, "DeleteWfRun", &lhpb.DeleteWfRunRequest{Id: r.id})
			})
		}
	}
	return p
}

// putsDefinition tells whether an RPC stores a definition or a schedule.
func putsDefinition(method string) bool {
	return strings.HasPrefix(method, "Put") && strings.HasSuffix(method, "Def") || method == "PutWfSpec" || method == "PutWorkflowMigrationPlan" ||
		method == "ScheduleWf"
}

// refusedOnly is the code of a refusal that a definition may meet.
func refusedOnly(c codes.Code) bool { return c == codes.Internal || c == codes.Unknown }
