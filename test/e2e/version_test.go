package e2e

import (
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"

	"littlehorse/lhpb"
)

// versions registers 0.0 and 0.1 of a WfSpec, and 1.0, which asks for more.
func (c *client) versions(name string) {
	c.t.Helper()
	for _, v := range []struct {
		node     string
		required bool
		want     string
	}{{"one", false, "0.0"}, {"two", false, "0.1"}, {"two", true, "1.0"}} {
		w := must(c.PutWfSpec(c.ctx, &lhpb.PutWfSpecRequest{
			Name: name, EntrypointThreadName: "main",
			ThreadSpecs: map[string]*lhpb.ThreadSpec{"main": {
				VariableDefs: []*lhpb.ThreadVarDef{{
					VarDef: &lhpb.VariableDef{Name: "name", TypeDef: strType()}, Required: v.required,
					AccessLevel: lhpb.WfRunVariableAccessLevel_PRIVATE_VAR,
				}},
				Nodes: map[string]*lhpb.Node{
					"entry": {OutgoingEdges: edge(v.node), Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}},
					v.node:  {OutgoingEdges: edge("exit"), Node: &lhpb.Node_Nop{Nop: &lhpb.NopNode{}}},
					"exit":  {Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}},
				},
			}},
		}))(c)
		if got := version(w.Id); got != v.want {
			c.t.Fatalf("%s became %s, not %s", v.node, got, v.want)
		}
	}
}

func version(id *lhpb.WfSpecId) string { return fmt.Sprintf("%d.%d", id.MajorVersion, id.Revision) }

// covers: engine-2 §1
func TestAWfRunHasTheVersionThatIsAskedFor(t *testing.T) {
	c := inProcess(t)
	c.versions("flow")
	given := map[string]*lhpb.VariableValue{"name": str("Ana")}
	for _, asked := range []struct {
		major, revision *int32
		want            string
	}{
		{nil, nil, "1.0"},
		{ptr[int32](0), nil, "0.1"},
		{ptr[int32](1), nil, "1.0"},
		{ptr[int32](0), ptr[int32](0), "0.0"},
		{ptr[int32](0), ptr[int32](1), "0.1"},
	} {
		w := must(c.RunWf(c.ctx, &lhpb.RunWfRequest{
			WfSpecName: "flow", MajorVersion: asked.major, Revision: asked.revision, Variables: given,
		}))(c)
		if got := version(w.WfSpecId); got != asked.want || w.Status != lhpb.LHStatus_COMPLETED {
			t.Errorf("%v.%v ran under %s: %s", asked.major, asked.revision, got, w.Status)
		}
	}
	for _, none := range []*lhpb.RunWfRequest{
		{WfSpecName: "flow", MajorVersion: ptr[int32](2)},
		{WfSpecName: "flow", MajorVersion: ptr[int32](0), Revision: ptr[int32](2)},
	} {
		_, err := c.RunWf(c.ctx, none)
		c.refused(err, codes.NotFound, "Couldn't find specified WfSpec")
	}
	_, err := c.RunWf(c.ctx, &lhpb.RunWfRequest{WfSpecName: "flow"})
	c.refused(err, codes.InvalidArgument, "Must provide required input variable name")
}
