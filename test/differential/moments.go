package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
)

// moments are TIMESTAMP values. Fractions of a second are left out where an INT is made of them.
var moments = []*lhpb.VariableValue{timestamp(1700000000, 0), timestamp(0, 0), timestamp(-1, 0), timestamp(1700000000, 123000000)}

func timestamp(seconds int64, nanos int32) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_UtcTimestamp{UtcTimestamp: &timestamppb.Timestamp{Seconds: seconds, Nanos: nanos}}}
}

// runID is the id of a WfRun below others, the root first.
func runID(chain ...string) *lhpb.VariableValue {
	var id *lhpb.WfRunId
	for _, name := range chain {
		id = &lhpb.WfRunId{Id: name, ParentWfRunId: id}
	}
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_WfRunId{WfRunId: id}}
}

func bytesOf(s string) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Bytes{Bytes: []byte(s)}}
}

// careful makes a WfSpec for each of the mutations, by which its thread leaves a node below a handler, and so
// comes through. One that is badly typed is refused by itself.
func careful(n names, vars []*lhpb.ThreadVarDef, mutations []*lhpb.VariableMutation, last ...*lhpb.Node) []definition {
	var out []definition
	for i, m := range mutations {
		node := nop()
		node.FailureHandlers = []*lhpb.FailureHandlerDef{{HandlerSpecName: "cope"}}
		nodes := []*lhpb.Node{node}
		for _, l := range last {
			nodes = append(nodes, proto.Clone(l).(*lhpb.Node))
		}
		threads := map[string]*lhpb.ThreadSpec{
			"main": straight(vars, map[int][]*lhpb.VariableMutation{1: {m}}, append(nodes, exitNode(nil))...),
			"cope": straight(nil, nil, nop(), exitNode(nil)),
		}
		out = append(out, definition{method: "PutWfSpec", invalid: true, request: spec(n.part(i), threads)})
	}
	return out
}

// part is the name of one of the WfSpecs of a history.
func (n names) part(i int) string { return fmt.Sprintf("%s-%d", n.spec(), i) }

// runParts runs each of them.
func runParts(r *recorder, count int) []*lhpb.RunWfRequest {
	var out []*lhpb.RunWfRequest
	for i := range count {
		out = append(out, &lhpb.RunWfRequest{WfSpecName: r.names.part(i), Id: proto.String(fmt.Sprintf("%s-part-%d", r.id.Id, i))})
	}
	return out
}

// timesAndIDs is about values of the types TIMESTAMP, WF_RUN_ID and BYTES.
func timesAndIDs(n names) historyPlan {
	p := historyPlan{kind: "times and ids", calm: true}
	rng := n.rng(2)
	typedVar := func(name string, t *lhpb.TypeDefinition, v *lhpb.VariableValue) *lhpb.ThreadVarDef {
		d := variableDef(name, lhpb.VariableType_INT, v)
		d.VarDef.TypeDef = t
		return d
	}
	vars := []*lhpb.ThreadVarDef{
		typedVar("t", primitive(lhpb.VariableType_TIMESTAMP), moments[0]), typedVar("u", primitive(lhpb.VariableType_TIMESTAMP), nil),
		typedVar("w", primitive(lhpb.VariableType_WF_RUN_ID), oneOf(rng, runID("a"), runID("a", "b"), nil)),
		typedVar("y", primitive(lhpb.VariableType_BYTES), bytesOf("xy")), typedVar("i", primitive(lhpb.VariableType_INT), integer(5)),
		typedVar("d", primitive(lhpb.VariableType_DOUBLE), double(2.5)), typedVar("s", primitive(lhpb.VariableType_STR), str("a_b")),
		typedVar("b", primitive(lhpb.VariableType_BOOL), boolean(false)), typedVar("j", primitive(lhpb.VariableType_JSON_OBJ), object(`{"t":"2024-01-01T00:00:00Z","w":"x_y","n":3}`)),
		typedVar("aw", arrayType(primitive(lhpb.VariableType_WF_RUN_ID)), nil), typedVar("at", arrayType(primitive(lhpb.VariableType_TIMESTAMP)), nil),
	}
	var mutations []*lhpb.VariableMutation
	for range 8 {
		mutations = append(mutations, timesAndIDsMutation(rng))
	}
	job := n.numbered("when")
	p.definitions = append(p.definitions, definition{method: "PutTaskDef", pause: metadataPause, request: &lhpb.PutTaskDefRequest{Name: job, ReturnType: &lhpb.ReturnType{}, InputVars: []*lhpb.VariableDef{
		{Name: "t", TypeDef: primitive(lhpb.VariableType_TIMESTAMP)}, {Name: "w", TypeDef: primitive(lhpb.VariableType_WF_RUN_ID)}, {Name: "y", TypeDef: primitive(lhpb.VariableType_BYTES)},
	}}})
	// The inputs of a task are cast, if they can be.
	task := &lhpb.Node{Node: &lhpb.Node_Task{Task: &lhpb.TaskNode{
		TaskToExecute: &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: job}}, TimeoutSeconds: 3600,
		Variables: []*lhpb.VariableAssignment{variable("t"), variable(oneOf(rng, "w", "w", "s")), variable(oneOf(rng, "y", "y", "s"))},
	}}}
	// A moment before 1970 would end the original for good.
	sleep := &lhpb.Node{Node: &lhpb.Node_Sleep{Sleep: &lhpb.SleepNode{SleepLength: &lhpb.SleepNode_Timestamp{Timestamp: variable("t")}}}}
	p.definitions = append(p.definitions, careful(n, vars, mutations)...)
	tail := oneOf(rng, []*lhpb.Node{task, exitNode(nil)}, []*lhpb.Node{task, sleep, exitNode(nil)})
	p.definitions = append(p.definitions, definition{method: "PutWfSpec", invalid: true, request: spec(n.spec(), map[string]*lhpb.ThreadSpec{"main": straight(vars, nil, tail...)})})
	p.run = func(r *recorder) []*lhpb.RunWfRequest {
		out := runParts(r, len(mutations))
		inputs := map[string][]*lhpb.VariableValue{
			"t":  {moments[0], moments[3], str("2024-01-01T00:00:00Z"), integer(1700000000000), {}},
			"w":  {runID("p", "q", "r"), str("p_q"), integer(4), {Value: &lhpb.VariableValue_WfRunId{WfRunId: &lhpb.WfRunId{}}}},
			"y":  {bytesOf(""), str("eHk="), integer(1)},
			"s":  {runID("p", "q"), bytesOf("zz"), integer(3), double(2)},
			"aw": {{Value: &lhpb.VariableValue_Array{Array: &lhpb.Array{Items: []*lhpb.VariableValue{runID("p"), runID("p", "q")}}}}},
		}
		for i := range 3 {
			in := map[string]*lhpb.VariableValue{}
			for _, name := range sortedKeys(inputs) {
				if rng.IntN(3) == 0 {
					in[name] = oneOf(rng, inputs[name]...)
				}
			}
			out = append(out, &lhpb.RunWfRequest{WfSpecName: n.spec(), Id: proto.String(fmt.Sprintf("%s-%d", r.id.Id, i)), Variables: in})
		}
		return out
	}
	return p
}

// timesAndIDsMutation leaves out what is decided otherwise: texts of TIMESTAMP and BYTES, JSON made of them, and
// which of two TIMESTAMPs is later.
func timesAndIDsMutation(rng *rand.Rand) *lhpb.VariableMutation {
	set, add, extend := lhpb.VariableMutationType_ASSIGN, lhpb.VariableMutationType_ADD, lhpb.VariableMutationType_EXTEND
	anyID := func() *lhpb.VariableAssignment {
		return oneOf(rng, variable("w"), literal(runID("a")), literal(runID("x", "y")), cast(variable("s"), lhpb.VariableType_WF_RUN_ID))
	}
	anyTime := func() *lhpb.VariableAssignment {
		return oneOf(rng, variable("t"), variable("u"), literal(moments[rng.IntN(3)]))
	}
	choices := []func() *lhpb.VariableMutation{
		func() *lhpb.VariableMutation { return assign(oneOf(rng, "t", "u"), set, anyTime()) },
		func() *lhpb.VariableMutation {
			return assign("u", set, oneOf(rng, path(variable("j"), "$.t"), path(variable("j"), "$.n"), path(variable("j"), "$.none"), variable("s"), variable("i"), literal(&lhpb.VariableValue{})))
		},
		func() *lhpb.VariableMutation {
			return assign(oneOf(rng, "t", "w", "y"), lhpb.VariableMutationType(1+rng.IntN(11)), oneOf(rng, variable("i"), variable("s"), anyTime(), anyID()))
		},
		func() *lhpb.VariableMutation { return assign(oneOf(rng, "i", "d", "b"), set, anyTime()) },
		func() *lhpb.VariableMutation { return assign(oneOf(rng, "i", "d", "b", "y"), set, anyID()) },
		func() *lhpb.VariableMutation { return assign("w", set, anyID()) },
		func() *lhpb.VariableMutation {
			return assign("w", set, oneOf(rng, variable("s"), variable("i"), variable("d"), path(variable("j"), "$.w"), path(variable("j"), "$.n"), path(variable("j"), "$.none"), literal(str("a_b_c"))))
		},
		func() *lhpb.VariableMutation { return assign("s", oneOf(rng, set, add, extend), anyID()) },
		func() *lhpb.VariableMutation { return assign("s", set, format("{0}/{1}", anyID(), variable("i"))) },
		func() *lhpb.VariableMutation {
			return assign("y", oneOf(rng, set, extend), oneOf(rng, variable("y"), literal(bytesOf("z")), cast(variable("s"), lhpb.VariableType_BYTES), variable("s"), variable("i")))
		},
		func() *lhpb.VariableMutation {
			return assign("b", set, compare(anyID(), lhpb.Comparator(rng.IntN(6)), oneOf(rng, anyID(), variable("s"), literal(&lhpb.VariableValue{}))))
		},
		func() *lhpb.VariableMutation {
			return assign("b", set, compare(anyTime(), lhpb.Comparator(rng.IntN(6)), oneOf(rng, variable("i"), variable("s"), literal(&lhpb.VariableValue{}))))
		},
		func() *lhpb.VariableMutation {
			return assign("aw", oneOf(rng, extend, lhpb.VariableMutationType_REMOVE_IF_PRESENT, set), anyID())
		},
		func() *lhpb.VariableMutation { return assign("at", extend, anyTime()) },
		func() *lhpb.VariableMutation {
			return assign("b", set, compare(oneOf(rng, anyID(), anyTime()), lhpb.Comparator(6+rng.IntN(2)), oneOf(rng, variable("aw"), variable("at"))))
		},
		func() *lhpb.VariableMutation {
			return assign("i", set, sizeOf(oneOf(rng, variable("aw"), variable("w"), variable("y"))))
		},
		func() *lhpb.VariableMutation {
			return assign(oneOf(rng, "i", "s", "d", "b"), set, cast(oneOf(rng, anyID(), anyTime()), oneOf(rng, lhpb.VariableType_INT, lhpb.VariableType_DOUBLE, lhpb.VariableType_BOOL)))
		},
	}
	return choices[rng.IntN(len(choices))]()
}

// numbers calculates with zeros, fractions, large numbers and texts of numbers.
func numbers(n names) historyPlan {
	p := historyPlan{kind: "numbers", calm: true}
	rng := n.rng(2)
	vars := []*lhpb.ThreadVarDef{
		variableDef("i", lhpb.VariableType_INT, integer(oneOf[int64](rng, 7, -7, 0, math.MaxInt64, 1<<53+1))),
		variableDef("d", lhpb.VariableType_DOUBLE, double(oneOf(rng, 2.5, -2.5, 0, 1e17, 0.1))), variableDef("s", lhpb.VariableType_STR, str("")),
		variableDef("b", lhpb.VariableType_BOOL, boolean(false)),
		variableDef("j", lhpb.VariableType_JSON_OBJ, object(`{"zero":0,"nothing":0.0,"n":3,"neg":-7,"half":0.5,"d":2.9,"big":9007199254740993,"huge":1e300,"t":"4","z":"0","f":"2.5","e":"1e3"}`)),
	}
	place := func() *lhpb.VariableAssignment {
		return path(variable("j"), "$."+oneOf(rng, "zero", "nothing", "nothing", "n", "neg", "half", "d", "big", "huge", "t", "z", "f", "e"))
	}
	number := func() *lhpb.VariableAssignment {
		return oneOf(rng, variable("i"), variable("d"), place(), place(), literal(integer(0)), literal(double(0)), literal(double(-0.5)), literal(integer(1<<40)))
	}
	divide := lhpb.VariableMutationType_DIVIDE
	ops := []lhpb.VariableMutationType{
		lhpb.VariableMutationType_ADD, lhpb.VariableMutationType_SUBTRACT, lhpb.VariableMutationType_MULTIPLY, divide, divide, divide,
	}
	var mutations []*lhpb.VariableMutation
	for range 8 {
		target := oneOf(rng, "i", "d", "d")
		m := assign(target, oneOf(rng, ops...), number())
		switch rng.IntN(6) {
		case 0:
			m = assign(target, lhpb.VariableMutationType_ASSIGN, calculate(number(), oneOf(rng, ops...), number()))
		case 1:
			m = assign(target, lhpb.VariableMutationType_POW, oneOf(rng, literal(integer(2)), literal(integer(-1)), literal(integer(0)), literal(integer(3))))
		case 2:
			m = assign("b", lhpb.VariableMutationType_ASSIGN, compare(number(), lhpb.Comparator(rng.IntN(6)), number()))
		case 3:
			m = assign("s", lhpb.VariableMutationType_ASSIGN, oneOf(rng, cast(variable(target), lhpb.VariableType_STR), format("{0} {1}", number(), variable("d"))))
		}
		mutations = append(mutations, m)
	}
	p.definitions = careful(n, vars, mutations)
	p.run = func(r *recorder) []*lhpb.RunWfRequest { return runParts(r, len(mutations)) }
	return p
}
