package catalog

import (
	"fmt"
	"testing"

	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

const full = `,"allowedUpdates":"FULLY_COMPATIBLE_SCHEMA_UPDATES"`

func structJSON(name, fields, rest string) string {
	return `{"name":"` + name + `","structDef":{"fields":{` + fields + `}}` + rest + `}`
}

func field(name, typ, rest string) string {
	return `"` + name + `":{"fieldType":{` + typ + `}` + rest + `}`
}

const (
	intType  = `"primitiveType":"INT"`
	strType  = `"primitiveType":"STR"`
	nullable = `,"isNullable":true`
)

// covers: api §4.3
func TestStructDefRefusals(t *testing.T) {
	s := newStream(t)
	s.refused(s.structDef(structJSON("a_b", "", "")), lh.InvalidArgument, "must be a valid hostname")
	for name, c := range map[string]struct{ fields, text string }{
		"capital":            {field("Ab", intType, ""), "'Ab' invalid: first letter must be lowercase"},
		"digit":              {field("1a", intType, ""), "'1a' invalid: first character must be a letter"},
		"underscore":         {field("a_b", intType, ""), "'a_b' invalid: cannot include underscores"},
		"special":            {field("a-b", intType, ""), "'a-b' invalid: cannot include special characters"},
		"other letter":       {field("aÄ", intType, ""), "cannot include special characters"},
		"empty name":         {field("", intType, ""), "StructDef field name '' invalid"},
		"JSON_OBJ":           {field("a", `"primitiveType":"JSON_OBJ"`, ""), "field 'a' invalid: Forbidden JSON type: JSON_OBJ"},
		"no type":            {`"a":{}`, "Forbidden JSON type: JSON_OBJ"},
		"JSON_ARR inside":    {field("a", `"inlineArrayDef":{"arrayType":{"primitiveType":"JSON_ARR"}}`, ""), "Forbidden JSON type: JSON_ARR"},
		"JSON_ARR in a Map":  {field("a", `"inlineMapDef":{"keyType":{"primitiveType":"STR"},"valueType":{"primitiveType":"JSON_ARR"}}`, ""), "Forbidden JSON type: JSON_ARR"},
		"Map key":            {field("a", `"inlineMapDef":{"keyType":{"primitiveType":"BYTES"},"valueType":{"primitiveType":"INT"}}`, ""), "Map key type"},
		"null default":       {field("a", intType, `,"defaultValue":{}`), "Non-nullable field cannot have a null default value"},
		"wrong default":      {field("a", intType, `,"defaultValue":{"str":"x"}`), "Value of type STR is not compatible with expected type INT"},
		"missing StructDef":  {field("a", `"structDefId":{"name":"nope"}`, ""), "Refers to non-existent StructDef nope"},
		"refers to itself":   {field("a", `"structDefId":{"name":"s","version":-1}`, ""), "Refers to non-existent StructDef s"},
		"wrong items inside": {field("a", `"inlineArrayDef":{"arrayType":{"primitiveType":"INT"}}`, `,"defaultValue":{"array":{"items":[{"str":"x"}]}}`), "Value of type STR is not compatible with expected type INT"},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.refused(s.structDef(structJSON("s", c.fields, "")), lh.InvalidArgument, "StructDef validation failed:", c.text)
		})
	}
	s.t = t
	for _, fields := range []string{
		"", field("a", strType, `,"defaultValue":{"int":"3"}`), field("aB1", intType, nullable+`,"defaultValue":{}`),
		field("l", `"inlineArrayDef":{"arrayType":{"primitiveType":"INT"}}`, `,"defaultValue":{"array":{}}`),
	} {
		version := put[*lhpb.StructDef](s, s.structDef(structJSON("ok", fields, ""))).Id.Version
		s.done(record(t, "delete_struct_def", fmt.Sprintf(`{"id":{"name":"ok","version":%d}}`, version)))
	}
}

// covers: api §4.3
func TestDefaultsOfStructFieldsAreChecked(t *testing.T) {
	s := newStream(t)
	put[*lhpb.StructDef](s, s.structDef(structJSON("inner", field("a", intType, ""), "")))
	outer := func(fields string) *pb.Record {
		return s.structDef(structJSON("outer", field("x", `"structDefId":{"name":"inner","version":-1}`,
			`,"defaultValue":{"struct":{"structDefId":{"name":"inner"},"struct":{"fields":{`+fields+`}}}}`), ""))
	}
	s.refused(outer(""), lh.InvalidArgument, "StructDef field 'x' invalid: StructFieldDef validation failed:", "Missing required field a")
	s.refused(outer(`"a":{"value":{"str":"x"}}`), lh.InvalidArgument, "StructFieldDef validation failed:", "expected type INT")
	put[*lhpb.StructDef](s, outer(`"a":{"value":{"int":"3"}}`))
}

// covers: api §4.3
func TestStructDefEvolution(t *testing.T) {
	a, optional := field("a", intType, ""), field("b", strType, nullable)
	base := a + "," + optional
	for name, c := range map[string]struct {
		next, rest string
		text       string // "" is accepted as version 1
	}{
		"only the description":                   {base, `,"description":"d"`, ""},
		"description of a field":                 {field("a", intType, `,"description":"d"`) + "," + optional, "", ""},
		"NO: added":                              {base + "," + field("c", intType, nullable), "", "[c] using NO_SCHEMA_UPDATES"},
		"NO: removed":                            {a, "", "[b] using NO_SCHEMA_UPDATES"},
		"NO: changed":                            {a + "," + field("b", intType, nullable), "", "[b] using NO_SCHEMA_UPDATES"},
		"FULL: required added":                   {base + "," + field("c", intType, ""), full, "[c] using FULLY_COMPATIBLE_SCHEMA_UPDATES"},
		"FULL: required removed":                 {optional, full, "[a] using"},
		"FULL: required changes type":            {field("a", strType, "") + "," + optional, full, "[a] using"},
		"FULL: required is masked":               {field("a", intType+`,"masked":true`, "") + "," + optional, full, "[a] using"},
		"FULL: required becomes optional":        {field("a", intType, nullable) + "," + optional, full, "[a] using"},
		"FULL: optional becomes required":        {a + "," + field("b", strType, ""), full, "[b] using"},
		"FULL: optional changes type":            {a + "," + field("b", intType, nullable), full, "[b] using"},
		"FULL: several":                          {field("c", intType, "") + "," + optional, full, "[a, c] using"},
		"FULL: optional added":                   {base + "," + field("c", intType, nullable), full, ""},
		"FULL: optional removed":                 {a, full, ""},
		"FULL: nullable becomes one of defaults": {a + "," + field("b", strType, `,"defaultValue":{"str":"x"}`), full, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStream(t)
			first := put[*lhpb.StructDef](s, s.structDef(structJSON("s", base, "")))
			equal(t, put[*lhpb.StructDef](s, s.structDef(structJSON("s", base, ""))), first)
			if c.text != "" {
				s.refused(s.structDef(structJSON("s", c.next, c.rest)), lh.InvalidArgument, "Incompatible StructDef evolution on field(s): "+c.text, "compatibility type")
				return
			}
			if got := put[*lhpb.StructDef](s, s.structDef(structJSON("s", c.next, c.rest))); got.Id.Version != 1 {
				t.Errorf("version %d", got.Id.Version)
			}
		})
	}
}

// covers: api §4.3
func TestValidateStructDefEvolution(t *testing.T) {
	s := newStream(t)
	put[*lhpb.StructDef](s, s.structDef(structJSON("s", field("a", intType, ""), "")))
	put[*lhpb.StructDef](s, s.structDef(structJSON("s", field("a", intType, "")+","+field("b", intType, nullable), full)))
	validate := func(id, fields string) (bool, *lh.Error) {
		req := &lhpb.ValidateStructDefEvolutionRequest{}
		unmarshal(t, `{"structDefId":`+id+`,"structDef":{"fields":{`+fields+`}}}`, req)
		return ValidateStructDefEvolution(s.view.Latest("acme"), req)
	}
	for _, c := range []struct {
		id, fields string
		want       bool
	}{
		{`{"name":"s","version":0}`, field("a", intType, ""), true},
		{`{"name":"s","version":-1}`, field("a", intType, ""), false},
		{`{"name":"s","version":0}`, field("a", strType, ""), false},
		{`{"name":"s","version":7}`, field("a", strType, ""), true},
		{`{"name":"nope"}`, "", true},
	} {
		if got, refusal := validate(c.id, c.fields); refusal != nil || got != c.want {
			t.Errorf("%s with %s: %v %v", c.id, c.fields, got, refusal)
		}
	}
	if _, refusal := validate(`{"name":"s"}`, field("a", `"primitiveType":"JSON_OBJ"`, "")); refusal == nil || refusal.Code != lh.InvalidArgument {
		t.Errorf("an invalid schema: %v", refusal)
	}
}

// covers: api §4.3; api §4.2
func TestStructDefsInUseStay(t *testing.T) {
	s := newStream(t)
	put[*lhpb.StructDef](s, s.structDef(structJSON("car", "", "")))
	car := `"structDefId":{"name":"car","version":-1}`
	del := func() { s.done(record(t, "delete_struct_def", `{"id":{"name":"car"}}`)) }
	for _, user := range []struct{ put, request, del, id, text string }{
		{"put_task_def", `{"name":"u","returnType":{"returnType":{` + car + `}}}`, "delete_task_def", `{"name":"u"}`, "TaskDef u"},
		{"put_external_event_def", `{"name":"u","contentType":{"returnType":{` + car + `}}}`, "delete_external_event_def", `{"name":"u"}`, "ExternalEventDef u"},
		{"put_workflow_event_def", `{"name":"u","contentType":{"returnType":{` + car + `}}}`, "delete_workflow_event_def", `{"name":"u"}`, "WorkflowEventDef u"},
		{"put_struct_def", structJSON("u", field("c", car, ""), ""), "delete_struct_def", `{"name":"u"}`, "StructDef u version 0"},
		{
			"put_wf_spec", `{"name":"u","entrypointThreadName":"m","threadSpecs":{"m":{"nodes":{"e":{"entrypoint":{}}},"variableDefs":[{"varDef":{"name":"v","typeDef":{` + car + `}}}]}}}`,
			"delete_wf_spec", `{"name":"u"}`, "WfSpec u 0.0",
		},
		{
			"put_wf_spec", `{"name":"u","entrypointThreadName":"m","threadSpecs":{"m":{"nodes":{"e":{"entrypoint":{}},
			"x":{"exit":{"returnContent":{"structBuilder":{"structDefId":{"name":"car","version":-1}}}}}}}}}`,
			"delete_wf_spec", `{"name":"u","majorVersion":1}`, "WfSpec u 1.0",
		},
	} {
		if r := s.apply(record(t, user.put, user.request)); r.Err != nil {
			t.Fatalf("%s: %v", user.text, r.Err)
		}
		s.refused(record(t, "delete_struct_def", `{"id":{"name":"car"}}`), lh.FailedPrecondition, "StructDef car version 0 is used by "+user.text)
		s.done(record(t, user.del, `{"id":`+user.id+`}`))
	}
	del()
	s.refused(record(t, "delete_struct_def", `{"id":{"name":"car"}}`), lh.NotFound, "StructDefModel")
}
