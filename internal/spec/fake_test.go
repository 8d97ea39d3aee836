package spec

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

// definitions are metadata in memory. The versions of a name stand in order.
type definitions struct {
	tasks      map[string]*lhpb.TaskDef
	events     map[string]*lhpb.ExternalEventDef
	thrown     map[string]*lhpb.WorkflowEventDef
	userTasks  map[string][]*lhpb.UserTaskDef
	structs    map[string][]*lhpb.StructDef
	wfSpecs    map[string][]*lhpb.WfSpec
	structGets int
}

func (d *definitions) TaskDef(name string) *lhpb.TaskDef                   { return d.tasks[name] }
func (d *definitions) ExternalEventDef(name string) *lhpb.ExternalEventDef { return d.events[name] }
func (d *definitions) WorkflowEventDef(name string) *lhpb.WorkflowEventDef { return d.thrown[name] }

func (d *definitions) UserTaskDef(name string, version int32) *lhpb.UserTaskDef {
	return versioned(d.userTasks[name], version)
}

func (d *definitions) StructDef(name string, version int32) *lhpb.StructDef {
	d.structGets++
	return versioned(d.structs[name], version)
}

func versioned[T any](all []*T, version int32) *T {
	switch {
	case version == NewestVersion && len(all) > 0:
		return all[len(all)-1]
	case version >= 0 && int(version) < len(all):
		return all[version]
	}
	return nil
}

func (d *definitions) WfSpec(id *lhpb.WfSpecId) *lhpb.WfSpec {
	for _, w := range d.wfSpecs[id.GetName()] {
		if w.Id.MajorVersion == id.GetMajorVersion() && w.Id.Revision == id.GetRevision() {
			return w
		}
	}
	return nil
}

func (d *definitions) LatestWfSpec(name string, major int32) *lhpb.WfSpec {
	var latest *lhpb.WfSpec
	for _, w := range d.wfSpecs[name] {
		if major == NewestVersion || w.Id.MajorVersion == major {
			latest = w
		}
	}
	return latest
}

func (d *definitions) keep(w *lhpb.WfSpec) {
	d.wfSpecs[w.Id.Name] = append(d.wfSpecs[w.Id.Name], w)
}

func primitive(p lhpb.VariableType) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: p}}
}

func structOf(name string, version int32) *lhpb.TypeDefinition {
	id := &lhpb.StructDefId{Name: name, Version: version}
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_StructDefId{StructDefId: id}}
}

func structVersion(name string, version int32, fields map[string]*lhpb.StructFieldDef) *lhpb.StructDef {
	return &lhpb.StructDef{
		Id:        &lhpb.StructDefId{Name: name, Version: version},
		StructDef: &lhpb.InlineStructDef{Fields: fields},
	}
}

// world is the metadata that all tests start with.
func world() *definitions {
	intType, strType := primitive(lhpb.VariableType_INT), primitive(lhpb.VariableType_STR)
	car := map[string]*lhpb.StructFieldDef{
		"make": {FieldType: strType},
		"year": {FieldType: intType, DefaultValue: &lhpb.VariableValue{Value: &lhpb.VariableValue_Int{Int: 1}}},
	}
	owner := map[string]*lhpb.StructFieldDef{
		"car":  {FieldType: structOf("car", 1)},
		"name": {FieldType: strType, IsNullable: true},
	}
	return &definitions{
		tasks: map[string]*lhpb.TaskDef{
			"greet": {
				Id:         &lhpb.TaskDefId{Name: "greet"},
				InputVars:  []*lhpb.VariableDef{{Name: "age", TypeDef: intType}},
				ReturnType: &lhpb.ReturnType{ReturnType: strType},
			},
			"void":  {Id: &lhpb.TaskDefId{Name: "void"}, ReturnType: &lhpb.ReturnType{}},
			"drive": {Id: &lhpb.TaskDefId{Name: "drive"}, InputVars: []*lhpb.VariableDef{{Name: "car", TypeDef: structOf("car", 1)}}},
		},
		events: map[string]*lhpb.ExternalEventDef{
			"paid":   {Id: &lhpb.ExternalEventDefId{Name: "paid"}},
			"amount": {Id: &lhpb.ExternalEventDefId{Name: "amount"}, TypeInformation: &lhpb.ReturnType{ReturnType: intType}},
		},
		thrown: map[string]*lhpb.WorkflowEventDef{"done": {Id: &lhpb.WorkflowEventDefId{Name: "done"}}},
		userTasks: map[string][]*lhpb.UserTaskDef{
			"approve": {{Name: "approve"}, {Name: "approve", Version: 1}},
		},
		structs: map[string][]*lhpb.StructDef{
			"car":   {structVersion("car", 0, car), structVersion("car", 1, car)},
			"owner": {structVersion("owner", 0, owner)},
		},
		wfSpecs: map[string][]*lhpb.WfSpec{},
	}
}

// variables that the threads of tests have, in protobuf's JSON.
const variables = `
	{"varDef":{"name":"i","typeDef":{"primitiveType":"INT"}},"accessLevel":"PRIVATE_VAR"},
	{"varDef":{"name":"s","typeDef":{"primitiveType":"STR"}},"accessLevel":"PRIVATE_VAR"},
	{"varDef":{"name":"b","typeDef":{"primitiveType":"BOOL"}},"accessLevel":"PRIVATE_VAR"},
	{"varDef":{"name":"d","typeDef":{"primitiveType":"DOUBLE"}},"accessLevel":"PRIVATE_VAR"},
	{"varDef":{"name":"j","typeDef":{"primitiveType":"JSON_OBJ"}},"accessLevel":"PRIVATE_VAR"},
	{"varDef":{"name":"a","typeDef":{"primitiveType":"JSON_ARR"}},"accessLevel":"PRIVATE_VAR"},
	{"varDef":{"name":"w","typeDef":{"primitiveType":"WF_RUN_ID"}},"accessLevel":"PRIVATE_VAR"},
	{"varDef":{"name":"ts","typeDef":{"primitiveType":"TIMESTAMP"}},"accessLevel":"PRIVATE_VAR"},
	{"varDef":{"name":"car","typeDef":{"structDefId":{"name":"car","version":-1}}},"accessLevel":"PRIVATE_VAR"},
	{"varDef":{"name":"owner","typeDef":{"structDefId":{"name":"owner","version":-1}}},"accessLevel":"PRIVATE_VAR"},
	{"varDef":{"name":"arr","typeDef":{"inlineArrayDef":{"arrayType":{"primitiveType":"INT"}}}},"accessLevel":"PRIVATE_VAR"},
	{"varDef":{"name":"map","typeDef":{"inlineMapDef":{"keyType":{"primitiveType":"STR"},"valueType":{"primitiveType":"INT"}}}},"accessLevel":"PRIVATE_VAR"}`

// threadJSON is a thread of entrypoint e, then n, then exit x. more holds further nodes; an x among them
// replaces the exit.
func threadJSON(vars, node, edge, more string) string {
	if edge != "" {
		edge = "," + edge
	}
	if !strings.Contains(more, `"x":`) {
		more = strings.TrimSuffix(`"x":{"exit":{}},`+more, ",")
	}
	return fmt.Sprintf(`{"variableDefs":[%s],"nodes":{"e":{"entrypoint":{},"outgoingEdges":[{"sinkNodeName":"n"}]},
		"n":{%s,"outgoingEdges":[{"sinkNodeName":"x"%s}]},%s}}`, vars, node, edge, more)
}

func wfSpecJSON(threads, rest string) string {
	if rest != "" {
		rest = "," + rest
	}
	return fmt.Sprintf(`{"name":"w","entrypointThreadName":"main","threadSpecs":{%s}%s}`, threads, rest)
}

// withNode is a WfSpec of one thread with the node in it.
func withNode(node string) string {
	return wfSpecJSON(`"main":`+threadJSON(variables, node, "", ""), "")
}

// withEdge is a WfSpec with something on the edge from n to x.
func withEdge(edge string) string {
	return wfSpecJSON(`"main":`+threadJSON(variables, `"nop":{}`, edge, ""), "")
}

func withMutation(mutation string) string { return withEdge(`"variableMutations":[` + mutation + `]`) }
func withCondition(c string) string       { return withEdge(`"condition":` + c) }

func withVariables(vars, rest string) string {
	return wfSpecJSON(`"main":`+threadJSON(vars, `"nop":{}`, "", ""), rest)
}

func request(t testing.TB, text string) *lhpb.PutWfSpecRequest {
	t.Helper()
	req := &lhpb.PutWfSpecRequest{}
	if err := protojson.Unmarshal([]byte(text), req); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return req
}

func mustPut(t testing.TB, d *definitions, text string) *lhpb.WfSpec {
	t.Helper()
	w, isNew, err := Put(d, request(t, text), 7)
	if err != nil {
		t.Fatalf("refused: %v\n%s", err, text)
	}
	if isNew {
		d.keep(w)
	}
	return w
}

// refused expects all fragments in the message of the refusal.
func refused(t testing.TB, d *definitions, text string, code lh.Code, fragments ...string) {
	t.Helper()
	req := request(t, text)
	before := proto.Clone(req)
	w, _, err := Put(d, req, 7)
	if err == nil {
		t.Errorf("accepted as %v, want %q\n%s", w.GetId(), fragments, text)
		return
	}
	if err.Code != code {
		t.Errorf("code %d, want %d: %s", err.Code, code, err.Message)
	}
	for _, f := range fragments {
		if !strings.Contains(err.Message, f) {
			t.Errorf("message %q\n  lacks %q", err.Message, f)
		}
	}
	if !proto.Equal(before, req) {
		t.Error("the request was changed")
	}
}
