package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"

	"littlehorse/lhpb"
)

// Variables are found by the values they have, exactly, whatever the text of a value looks like; what has no
// index is refused instead of not being found.
//
// covers: api §6.6
func TestSearchVariable(t *testing.T) {
	c := inProcess(t)
	put := func(more string) {
		c.do(step{"PutWfSpec", `{"name": "order", "entrypointThreadName": "main", "threadSpecs": {
			"main": {"variableDefs": [
				{"varDef": {"name": "s", "typeDef": {"primitiveType": "STR"}}, "searchable": true},
				{"varDef": {"name": "n", "typeDef": {"primitiveType": "INT"}}, "searchable": true},
				{"varDef": {"name": "d", "typeDef": {"primitiveType": "DOUBLE"}}, "searchable": true},
				{"varDef": {"name": "b", "typeDef": {"primitiveType": "BOOL"}}, "searchable": true},
				{"varDef": {"name": "when", "typeDef": {"primitiveType": "TIMESTAMP"}}, "searchable": true},
				{"varDef": {"name": "many", "typeDef": {"inlineArrayDef": {"arrayType": {"primitiveType": "STR"}}}}, "searchable": true},
				{"varDef": {"name": "hidden", "typeDef": {"primitiveType": "STR"}}},
				{"varDef": {"name": "list", "typeDef": {"primitiveType": "JSON_ARR"}}, "searchable": true, "jsonIndexes": [{"fieldPath": "$.k", "fieldType": "STR"}]},
				{"varDef": {"name": "customer", "typeDef": {"primitiveType": "JSON_OBJ"}}, "jsonIndexes": [{"fieldPath": "$.address.city", "fieldType": "STR"}]}` + more + `],
				"nodes": {"0": {"entrypoint": {}, "outgoingEdges": [{"sinkNodeName": "1"}]},
					"1": {"startThread": {"threadSpecName": "child", "variables": {"inner": {"variableName": "s"}}}, "outgoingEdges": [{"sinkNodeName": "2"}]}, "2": {"exit": {}}}},
			"child": {"variableDefs": [{"varDef": {"name": "inner", "typeDef": {"primitiveType": "STR"}}, "searchable": true}],
				"nodes": {"0": {"entrypoint": {}, "outgoingEdges": [{"sinkNodeName": "1"}]}, "1": {"exit": {}}}}}}`}, "")
	}
	run := func(id, variables string) {
		c.do(step{"RunWf", `{"wfSpecName": "order", "id": "` + id + `", "variables": {` + variables + `}}`}, "")
	}
	put("")
	long := strings.Repeat("x", 300)
	run("a", `"s": {"str": "a/b"}, "n": {"int": 1}, "d": {"double": 1}, "b": {"bool": true}`)
	run("b", `"s": {"str": "a"}, "n": {"int": 10}, "list": {"jsonArr": "[\"x\", 2, 2.5, {\"k\": \"v\"}, [9], \"x\"]"}`)
	run("c", `"s": {"str": "`+long+`y"}, "customer": {"jsonObj": "{\"address\": {\"city\": \"Oslo\"}, \"other\": {\"city\": \"Rome\"}}"}`)
	run("d", `"s": {"str": "`+long+`z"}, "customer": {"jsonObj": "{\"address\": {\"city\": [\"Oslo\", \"Bergen\"]}}"}`)
	put(`, {"varDef": {"name": "more", "typeDef": {"primitiveType": "STR"}}, "accessLevel": "PRIVATE_VAR"}`)
	run("e", `"s": {"str": "a"}`)

	for _, q := range []struct {
		name, value, more string
		want              []string
		code              codes.Code
	}{
		{"s", `{"str": "a"}`, "", []string{"b/0/s", "e/0/s"}, codes.OK},
		{"s", `{"str": "A"}`, "", nil, codes.OK},
		{"s", `{"str": "a/b"}`, "", []string{"a/0/s"}, codes.OK},
		{"s", `{"str": ""}`, "", nil, codes.OK},
		{"s", `{"str": "` + long + `y"}`, "", []string{"c/0/s"}, codes.OK},
		{"s", `{"str": "` + long + `"}`, "", nil, codes.OK},
		{"s", `{"str": "a"}`, `"wfSpecMajorVersion": 0`, []string{"b/0/s", "e/0/s"}, codes.OK},
		{"s", `{"str": "a"}`, `"wfSpecMajorVersion": 0, "wfSpecRevision": 1`, []string{"e/0/s"}, codes.OK},
		{"s", `{"str": "a"}`, `"wfSpecRevision": 1`, nil, codes.InvalidArgument},
		{"s", `{"str": "a"}`, `"wfSpecMajorVersion": 7`, nil, codes.InvalidArgument},
		{"s", `{"int": 1}`, "", nil, codes.InvalidArgument},
		{"n", `{"int": 1}`, "", []string{"a/0/n"}, codes.OK},
		{"n", `{"double": 1}`, "", nil, codes.InvalidArgument},
		{"d", `{"double": 1}`, "", []string{"a/0/d"}, codes.OK},
		{"d", `{"int": 1}`, "", nil, codes.InvalidArgument},
		{"b", `{"bool": true}`, "", []string{"a/0/b"}, codes.OK},
		{"b", `{"bool": false}`, "", nil, codes.OK},
		{"inner", `{"str": "a/b"}`, "", []string{"a/1/inner"}, codes.OK},
		{"list", `{"str": "x"}`, "", []string{"b/0/list"}, codes.OK},
		{"list", `{"int": 2}`, "", []string{"b/0/list"}, codes.OK},
		{"list", `{"double": 2}`, "", nil, codes.OK},
		{"list", `{"double": 2.5}`, "", []string{"b/0/list"}, codes.OK},
		{"list", `{"int": 9}`, "", nil, codes.OK},
		{"list_$.k", `{"str": "v"}`, "", []string{"b/0/list"}, codes.OK},
		{"customer_$.address.city", `{"str": "Oslo"}`, "", []string{"c/0/customer", "d/0/customer"}, codes.OK},
		{"customer_$.address.city", `{"str": "Bergen"}`, "", []string{"d/0/customer"}, codes.OK},
		{"customer_$.address.city", `{"str": "Rome"}`, "", nil, codes.OK},
		{"customer_$.other.city", `{"str": "Rome"}`, "", nil, codes.InvalidArgument},
		{"s_$.k", `{"str": "a"}`, "", nil, codes.InvalidArgument},
		{"customer", `{"str": "Oslo"}`, "", nil, codes.InvalidArgument},
		{"hidden", `{"str": "a"}`, "", nil, codes.InvalidArgument},
		{"nope", `{"str": "a"}`, "", nil, codes.InvalidArgument},
		{"when", `{"str": "a"}`, "", nil, codes.InvalidArgument},
		{"when", `{"utcTimestamp": "2024-01-01T00:00:00Z"}`, "", nil, codes.InvalidArgument},
		{"many", `{"str": "a"}`, "", nil, codes.InvalidArgument},
		{"s", `{}`, "", nil, codes.InvalidArgument},
		{"s", `{"bytes": "YQ=="}`, "", nil, codes.InvalidArgument},
		{"list", `{"jsonArr": "[1]"}`, "", nil, codes.InvalidArgument},
	} {
		if q.more != "" {
			q.more = ", " + q.more
		}
		what := `{"wfSpecName": "order", "varName": ` + strconv.Quote(q.name) + `, "value": ` + q.value + q.more + `}`
		req := &lhpb.SearchVariableRequest{}
		must(req, protojson.Unmarshal([]byte(what), req))(c)
		got, err := c.SearchVariable(c.ctx, req)
		if q.code != codes.OK {
			c.refused(err, q.code)
			continue
		}
		c.want(what, names(must(got, err)(c).Results, func(id *lhpb.VariableId) string {
			return fmt.Sprint(runName(id.WfRunId), "/", id.ThreadRunNumber, "/", id.Name)
		}), q.want...)
	}
	for _, id := range []string{"b", "e"} {
		must(c.DeleteWfRun(c.ctx, &lhpb.DeleteWfRunRequest{Id: &lhpb.WfRunId{Id: id}}))(c)
	}
	c.want("after a deletion", names(must(c.SearchVariable(c.ctx, &lhpb.SearchVariableRequest{WfSpecName: "order", VarName: "s", Value: str("a")}))(c).Results,
		func(id *lhpb.VariableId) string { return runName(id.WfRunId) }))
}
