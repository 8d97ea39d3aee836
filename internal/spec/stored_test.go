package spec

import (
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// stored expects the variables of the thread main in protobuf's JSON.
func storedVariables(t *testing.T, given, want string) {
	t.Helper()
	w := mustPut(t, world(), withVariables(given, ""))
	expected := &lhpb.ThreadSpec{}
	if err := protojson.Unmarshal([]byte(`{"variableDefs":[`+want+`]}`), expected); err != nil {
		t.Fatal(err)
	}
	got := &lhpb.ThreadSpec{VariableDefs: w.ThreadSpecs["main"].VariableDefs}
	if !proto.Equal(got, expected) {
		t.Errorf("stored %s\n  want %s", protojson.Format(got), protojson.Format(expected))
	}
}

// covers: engine-1 §15
func TestStoredFormOfVariables(t *testing.T) {
	for name, c := range map[string]struct{ given, want string }{
		"nothing": {`{}`, `{"varDef":{"typeDef":{"primitiveType":"JSON_OBJ"}}}`},
		"type without a case": {
			`{"varDef":{"name":"v","typeDef":{"masked":true}}}`,
			`{"varDef":{"name":"v","typeDef":{"primitiveType":"JSON_OBJ","masked":true}}}`,
		},
		"inline struct": {
			`{"varDef":{"name":"v","typeDef":{"inlineStructDef":{}}}}`,
			`{"varDef":{"name":"v","typeDef":{"primitiveType":"JSON_OBJ"}}}`,
		},
		"Array of nothing": {
			`{"varDef":{"name":"v","typeDef":{"inlineArrayDef":{}}}}`,
			`{"varDef":{"name":"v","typeDef":{"inlineArrayDef":{"arrayType":{"primitiveType":"JSON_OBJ"}}}}}`,
		},
		"old client": {
			`{"varDef":{"name":"v","type":"INT","maskedValue":true,"typeDef":{"primitiveType":"STR"}}}`,
			`{"varDef":{"name":"v","typeDef":{"primitiveType":"INT","masked":true}}}`,
		},
		"mask of an old client without a type": {
			`{"varDef":{"name":"v","maskedValue":true,"typeDef":{"primitiveType":"STR"}}}`,
			`{"varDef":{"name":"v","typeDef":{"primitiveType":"STR"}}}`,
		},
		"JSON default": {
			`{"varDef":{"name":"v","defaultValue":{"jsonObj":"{ \"a\" : [ 1 , 2.0 ] }"}}}`,
			`{"varDef":{"name":"v","typeDef":{"primitiveType":"JSON_OBJ"},"defaultValue":{"jsonObj":"{\"a\":[1,2.0]}"}}}`,
		},
		"blank JSON default": {
			`{"varDef":{"name":"v","defaultValue":{"jsonObj":" "}}}`,
			`{"varDef":{"name":"v","typeDef":{"primitiveType":"JSON_OBJ"},"defaultValue":{}}}`,
		},
		"everything else is kept": {
			`{"varDef":{"name":"v","typeDef":{"primitiveType":"INT"},"defaultValue":{"str":"x"}},"required":true,"searchable":true,"jsonIndexes":[{"fieldPath":"$.a","fieldType":"STR"}],"accessLevel":"PRIVATE_VAR"}`,
			`{"varDef":{"name":"v","typeDef":{"primitiveType":"INT"},"defaultValue":{"str":"x"}},"required":true,"searchable":true,"jsonIndexes":[{"fieldPath":"$.a","fieldType":"STR"}],"accessLevel":"PRIVATE_VAR"}`,
		},
	} {
		t.Run(name, func(t *testing.T) { storedVariables(t, c.given, c.want) })
	}
}

// covers: engine-1 §15; engine-1 §14
func TestStoredForm(t *testing.T) {
	req := request(t, wfSpecJSON(`"main":`+threadJSON(variables, `"task":{"taskDefId":{"name":"void"},"retries":3}`,
		`"variableMutations":[{"lhsName":"j","rhsAssignment":{"literalValue":{"jsonObj":"{  }"}}},
			{"lhsName":"j","lhsJsonPath":"$.a","literalValue":{"jsonArr":"[ 1 ]"}},
			{"lhsName":"j","rhsAssignment":{"literalValue":{"jsonObj":"{ broken"}}}]`,
		`"u":{"userTask":{"userTaskDefName":"approve","userId":{"literalValue":{"str":"x"}},"actions":[{"task":{"task":{"taskDefId":{"name":"void"}}}}]}}`),
		`"retentionPolicy":{},"parentWfSpec":{"wfSpecName":"p"}`))
	d := world()
	d.keep(&lhpb.WfSpec{Id: &lhpb.WfSpecId{Name: "p"}})
	const now = 1_700_000_000_000_000_001
	w, isNew, err := Put(d, req, now)
	if err != nil || !isNew {
		t.Fatal(isNew, err)
	}
	main := w.ThreadSpecs["main"]
	if main.Nodes["n"].GetTask().TimeoutSeconds != 60 || main.Nodes["u"].GetUserTask().Actions[0].GetTask().Task.TimeoutSeconds != 60 {
		t.Error("a task without a timeout has 60 seconds")
	}
	mutations := main.Nodes["n"].OutgoingEdges[0].VariableMutations
	if got := mutations[0].GetRhsAssignment().GetLiteralValue().GetJsonObj(); got != "{}" {
		t.Errorf("literal %q", got)
	}
	if got := mutations[1].GetLiteralValue().GetJsonArr(); got != "[1]" {
		t.Errorf("old literal %q", got)
	}
	if got := mutations[2].GetRhsAssignment().GetLiteralValue().GetJsonObj(); got != "{ broken" {
		t.Errorf("malformed literal %q", got)
	}
	if w.CreatedAt.AsTime().UnixNano() != now || w.Status != lhpb.MetadataStatus_ACTIVE ||
		w.RetentionPolicy == nil || w.ParentWfSpec.GetWfSpecName() != "p" || w.EntrypointThreadName != "main" {
		t.Errorf("stored as %v", w)
	}
	if req.ThreadSpecs["main"].Nodes["n"].GetTask().TimeoutSeconds != 0 {
		t.Error("the request was changed")
	}
}
