package main

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// names are the definitions that the workflows of one slot use. Slots share none, so that a claim never takes
// another history's task. All prefixes have one length, so that texts made of names have one, too.
type names struct {
	prefix string
	seed   uint64
}

func (n names) of(kind string) string   { return n.prefix + "-" + kind }
func (n names) task(kind string) string { return n.of(kind) }
func (n names) eventAny() string        { return n.of("any") }
func (n names) eventText() string       { return n.of("said") }
func (n names) eventNumber() string     { return n.of("count") }
func (n names) interruptA() string      { return n.of("interrupt-a") }
func (n names) interruptB() string      { return n.of("interrupt-b") }
func (n names) nudge() string           { return n.of("nudge") }
func (n names) thrown() string          { return n.of("thrown") }
func (n names) userTask() string        { return n.of("form") }
func (n names) structDef() string       { return n.of("thing") }
func (n names) keyed(once bool) string {
	return n.of(map[bool]string{true: "key-once", false: "key"}[once])
}
func (n names) numbered(s string) string  { return fmt.Sprintf("%s-%s-%d", n.prefix, s, n.seed) }
func (n names) spec() string              { return n.numbered("wf") }
func (n names) childSpec() string         { return n.numbered("child") }
func (n names) childOf(end string) string { return n.of("child-" + end) }

// definition is a command that comes before the run.
type definition struct {
	method  string
	request proto.Message
	invalid bool          // a refusal is no surprise
	pause   time.Duration // what the original needs to see it everywhere
}

// taskKinds are the TaskDefs: what they take and what they give.
var taskKinds = []struct {
	name   string
	inputs []lhpb.VariableType
	output *lhpb.TypeDefinition
}{
	{"text", []lhpb.VariableType{lhpb.VariableType_STR, lhpb.VariableType_INT}, primitive(lhpb.VariableType_STR)},
	{"number", []lhpb.VariableType{lhpb.VariableType_DOUBLE}, primitive(lhpb.VariableType_INT)},
	{"object", []lhpb.VariableType{lhpb.VariableType_JSON_OBJ}, primitive(lhpb.VariableType_JSON_OBJ)},
	{"void", nil, nil},
}

var exceptions = []string{"biz-a", "biz-b"}

// definitions are what all histories of a slot share.
func (n names) definitions() []definition {
	var out []definition
	put := func(method string, req proto.Message) {
		out = append(out, definition{method: method, request: req})
	}
	for _, k := range taskKinds {
		req := &lhpb.PutTaskDefRequest{Name: n.task(k.name), ReturnType: &lhpb.ReturnType{ReturnType: k.output}}
		for i, in := range k.inputs {
			req.InputVars = append(req.InputVars, &lhpb.VariableDef{Name: fmt.Sprintf("in%d", i), TypeDef: primitive(in)})
		}
		put("PutTaskDef", req)
	}
	text := &lhpb.ReturnType{ReturnType: primitive(lhpb.VariableType_STR)}
	for _, def := range []string{n.eventAny(), n.interruptA(), n.interruptB(), n.nudge()} {
		put("PutExternalEventDef", &lhpb.PutExternalEventDefRequest{Name: def})
	}
	put("PutExternalEventDef", &lhpb.PutExternalEventDefRequest{Name: n.eventText(), ContentType: text})
	put("PutExternalEventDef", &lhpb.PutExternalEventDefRequest{Name: n.eventNumber(), ContentType: &lhpb.ReturnType{ReturnType: primitive(lhpb.VariableType_INT)}})
	for _, once := range []bool{false, true} {
		put("PutExternalEventDef", &lhpb.PutExternalEventDefRequest{
			Name: n.keyed(once), ContentType: text,
			CorrelatedEventConfig: &lhpb.CorrelatedEventConfig{DeleteAfterFirstCorrelation: once},
		})
	}
	put("PutWorkflowEventDef", &lhpb.PutWorkflowEventDefRequest{Name: n.thrown(), ContentType: text})
	put("PutUserTaskDef", &lhpb.PutUserTaskDefRequest{Name: n.userTask(), Fields: []*lhpb.UserTaskField{
		{Name: "t", Type: lhpb.VariableType_STR, Required: true}, {Name: "n", Type: lhpb.VariableType_INT},
	}})
	put("PutStructDef", &lhpb.PutStructDefRequest{Name: n.structDef(), StructDef: &lhpb.InlineStructDef{Fields: map[string]*lhpb.StructFieldDef{
		"t": {FieldType: primitive(lhpb.VariableType_STR)},
		"n": {FieldType: primitive(lhpb.VariableType_INT), DefaultValue: integer(7)},
	}}})
	for _, end := range []string{"ok", "error", "exception"} {
		put("PutWfSpec", n.waitingChild(end))
	}
	return out
}

// waitingChild is a WfSpec that waits for an event and then ends in this way.
func (n names) waitingChild(end string) *lhpb.PutWfSpecRequest {
	exit := &lhpb.ExitNode{Result: &lhpb.ExitNode_ReturnContent{ReturnContent: variable("s")}}
	leave := edge("2-EXIT")
	switch end {
	case "exception":
		exit.Result = &lhpb.ExitNode_FailureDef{FailureDef: &lhpb.FailureDef{FailureName: exceptions[0], Message: "no", Content: literal(str("c"))}}
	case "error":
		leave.VariableMutations = []*lhpb.VariableMutation{impossible()}
	}
	return &lhpb.PutWfSpecRequest{Name: n.childOf(end), EntrypointThreadName: "main", ThreadSpecs: map[string]*lhpb.ThreadSpec{"main": {
		Nodes: map[string]*lhpb.Node{
			"0-ENTRYPOINT": {Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}, OutgoingEdges: []*lhpb.Edge{edge("1-EVENT")}},
			"1-EVENT": {
				Node:          &lhpb.Node_ExternalEvent{ExternalEvent: &lhpb.ExternalEventNode{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: n.eventAny()}}},
				OutgoingEdges: []*lhpb.Edge{leave},
			},
			"2-EXIT": {Node: &lhpb.Node_Exit{Exit: exit}},
		},
		VariableDefs: []*lhpb.ThreadVarDef{variableDef("s", lhpb.VariableType_STR, str("child")), variableDef("i", lhpb.VariableType_INT, integer(0))},
	}}}
}

func edge(to string, m ...*lhpb.VariableMutation) *lhpb.Edge {
	return &lhpb.Edge{SinkNodeName: to, VariableMutations: m}
}

// impossible is a mutation that fails whenever it is tried.
func impossible() *lhpb.VariableMutation {
	return assign("i", lhpb.VariableMutationType_ASSIGN, failing())
}

// failing is an assignment that no server can make, though its type is not known before.
func failing() *lhpb.VariableAssignment { return path(variable("s"), "$.x") }

func correlationKey(n names) string { return n.numbered("key") }
