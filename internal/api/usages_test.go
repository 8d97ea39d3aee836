package api

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/catalog"
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// defined lets the service know these definitions, and gives what adds to them.
func (f *face) defined(all ...machine.Value) (add func(...machine.Value)) {
	view, version := catalog.NewView(), uint64(0)
	add = func(all ...machine.Value) {
		for _, v := range all {
			version++
			d := keys.Definition{Tenant: DefaultTenant, Written: version}
			switch v := v.(type) {
			case *lhpb.WfSpec:
				d.Kind, d.Name, d.Major, d.Revision = keys.KindWfSpec, v.Id.Name, v.Id.MajorVersion, v.Id.Revision
			case *lhpb.StructDef:
				d.Kind, d.Name, d.Major = keys.KindStructDef, v.Id.Name, v.Id.Version
			case *lhpb.TaskDef:
				d.Kind, d.Name = keys.KindTaskDef, v.Id.Name
			case *lhpb.ExternalEventDef:
				d.Kind, d.Name = keys.KindExternalEventDef, v.Id.Name
			case *lhpb.WorkflowEventDef:
				d.Kind, d.Name = keys.KindWorkflowEventDef, v.Id.Name
			case *lhpb.Principal:
				d.Kind, d.Name, d.Tenant = keys.KindPrincipal, v.Id.Id, ""
			}
			view.Committed(version, []machine.Change{{Key: d.Key(), Value: v}})
		}
	}
	add(all...)
	f.Service.definitions = view
	return add
}

func specOf(name string, major int32, nodes ...*lhpb.Node) *lhpb.WfSpec {
	thread := &lhpb.ThreadSpec{Nodes: map[string]*lhpb.Node{"0-in-ENTRYPOINT": {Node: &lhpb.Node_Entrypoint{}}}}
	for i, n := range nodes {
		thread.Nodes[fmt.Sprint(i+1, "-node")] = n
	}
	return &lhpb.WfSpec{Id: &lhpb.WfSpecId{Name: name, MajorVersion: major}, EntrypointThreadName: "main", ThreadSpecs: map[string]*lhpb.ThreadSpec{"main": thread}}
}

func ofStruct(version int32) *lhpb.TypeDefinition {
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_StructDefId{StructDefId: &lhpb.StructDefId{Name: "address", Version: version}}}
}

func doing(task string) *lhpb.TaskNode {
	return &lhpb.TaskNode{TaskToExecute: &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: task}}}
}

// usagesText is a page in one line for each.
func usagesText(got *extra.SearchUsagesResponse) (out []string) {
	for _, r := range got.Results {
		switch u := r.User.(type) {
		case *extra.Usage_WfSpecId:
			out = append(out, fmt.Sprintf("WfSpec %s %d.%d", u.WfSpecId.Name, u.WfSpecId.MajorVersion, u.WfSpecId.Revision))
		case *extra.Usage_StructDefId:
			out = append(out, fmt.Sprintf("StructDef %s %d", u.StructDefId.Name, u.StructDefId.Version))
		case *extra.Usage_TaskDefId:
			out = append(out, "TaskDef "+u.TaskDefId.Name)
		case *extra.Usage_ExternalEventDefId:
			out = append(out, "ExternalEventDef "+u.ExternalEventDefId.Name)
		case *extra.Usage_WorkflowEventDefId:
			out = append(out, "WorkflowEventDef "+u.WorkflowEventDefId.Name)
		}
	}
	return out
}

func TestUsagesAreOfEveryKind(t *testing.T) {
	f := newFace(t)
	structured := specOf("ship", 0)
	structured.ThreadSpecs["main"].VariableDefs = []*lhpb.ThreadVarDef{{VarDef: &lhpb.VariableDef{Name: "to", TypeDef: &lhpb.TypeDefinition{
		DefinedType: &lhpb.TypeDefinition_InlineArrayDef{InlineArrayDef: &lhpb.InlineArrayDef{ArrayType: ofStruct(1)}},
	}}}}
	interrupted := specOf("cancel", 0)
	interrupted.ThreadSpecs["main"].InterruptDefs = []*lhpb.InterruptDef{{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "paid"}, HandlerSpecName: "h"}}
	child := specOf("child", 0)
	child.ParentWfSpec = &lhpb.WfSpec_ParentWfSpecReference{WfSpecName: "order"}
	one := int32(1)
	form := &lhpb.UserTaskNode{UserTaskDefName: "form", UserTaskDefVersion: &one, Actions: []*lhpb.UTActionTrigger{{
		Action: &lhpb.UTActionTrigger_Task{Task: &lhpb.UTActionTrigger_UTATask{Task: doing("charge")}},
	}}}
	add := f.defined(
		structured, interrupted, child,
		specOf("order", 0, &lhpb.Node{Node: &lhpb.Node_Task{Task: doing("charge")}}),
		specOf("order", 1, &lhpb.Node{Node: &lhpb.Node_Task{Task: doing("charge")}}, &lhpb.Node{Node: &lhpb.Node_Task{Task: doing("charge")}}),
		specOf("wait", 0, &lhpb.Node{Node: &lhpb.Node_ExternalEvent{ExternalEvent: &lhpb.ExternalEventNode{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "paid"}}}}),
		specOf("throw", 0, &lhpb.Node{Node: &lhpb.Node_ThrowEvent{ThrowEvent: &lhpb.ThrowEventNode{EventDefId: &lhpb.WorkflowEventDefId{Name: "paid"}}}}),
		specOf("ask", 0, &lhpb.Node{Node: &lhpb.Node_UserTask{UserTask: form}}),
		specOf("start", 0, &lhpb.Node{Node: &lhpb.Node_RunChildWf{RunChildWf: &lhpb.RunChildWfNode{WfSpec: &lhpb.RunChildWfNode_WfSpecName{WfSpecName: "order"}}}}),
		&lhpb.StructDef{Id: &lhpb.StructDefId{Name: "customer", Version: 2}, StructDef: &lhpb.InlineStructDef{Fields: map[string]*lhpb.StructFieldDef{"home": {FieldType: ofStruct(1)}}}},
		&lhpb.TaskDef{Id: &lhpb.TaskDefId{Name: "print"}, InputVars: []*lhpb.VariableDef{{Name: "to", TypeDef: ofStruct(1)}}},
		&lhpb.TaskDef{Id: &lhpb.TaskDefId{Name: "find"}, ReturnType: &lhpb.ReturnType{ReturnType: ofStruct(1)}},
		&lhpb.TaskDef{Id: &lhpb.TaskDefId{Name: "old"}, ReturnType: &lhpb.ReturnType{ReturnType: ofStruct(0)}},
		&lhpb.ExternalEventDef{Id: &lhpb.ExternalEventDefId{Name: "moved"}, TypeInformation: &lhpb.ReturnType{ReturnType: ofStruct(1)}},
		&lhpb.WorkflowEventDef{Id: &lhpb.WorkflowEventDefId{Name: "arrived"}, ContentType: &lhpb.ReturnType{ReturnType: ofStruct(1)}},
	)
	views := extra.NewViewServiceClient(f.conn)
	address := &extra.SearchUsagesRequest{Of: &extra.SearchUsagesRequest_StructDefId{StructDefId: &lhpb.StructDefId{Name: "address", Version: 1}}}
	all := []string{"WfSpec ship 0.0", "StructDef customer 2", "TaskDef find", "TaskDef print", "ExternalEventDef moved", "WorkflowEventDef arrived"}
	cases := []struct {
		req  *extra.SearchUsagesRequest
		want []string
	}{
		{&extra.SearchUsagesRequest{Of: &extra.SearchUsagesRequest_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: "charge"}}}, []string{"WfSpec ask 0.0", "WfSpec order 0.0", "WfSpec order 1.0"}},
		{&extra.SearchUsagesRequest{Of: &extra.SearchUsagesRequest_TaskDefId{TaskDefId: &lhpb.TaskDefId{}}}, nil},
		{&extra.SearchUsagesRequest{Of: &extra.SearchUsagesRequest_ExternalEventDefId{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "paid"}}}, []string{"WfSpec cancel 0.0", "WfSpec wait 0.0"}},
		{&extra.SearchUsagesRequest{Of: &extra.SearchUsagesRequest_WorkflowEventDefId{WorkflowEventDefId: &lhpb.WorkflowEventDefId{Name: "paid"}}}, []string{"WfSpec throw 0.0"}},
		{&extra.SearchUsagesRequest{Of: &extra.SearchUsagesRequest_UserTaskDefId{UserTaskDefId: &lhpb.UserTaskDefId{Name: "form", Version: 1}}}, []string{"WfSpec ask 0.0"}},
		{&extra.SearchUsagesRequest{Of: &extra.SearchUsagesRequest_UserTaskDefId{UserTaskDefId: &lhpb.UserTaskDefId{Name: "form"}}}, nil},
		{&extra.SearchUsagesRequest{Of: &extra.SearchUsagesRequest_WfSpecName{WfSpecName: "order"}}, []string{"WfSpec child 0.0", "WfSpec start 0.0"}},
		{address, all},
	}
	for _, c := range cases {
		got, err := views.SearchUsages(t.Context(), c.req)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(usagesText(got), c.want) || got.Bookmark != nil {
			t.Errorf("%v: %v instead of %v", c.req, usagesText(got), c.want)
		}
	}

	var paged []string
	for page := proto.CloneOf(address); ; {
		page.Limit = &one
		got, err := views.SearchUsages(t.Context(), page)
		if err != nil {
			t.Fatal(err)
		}
		paged = append(paged, usagesText(got)...)
		if page.Bookmark = got.Bookmark; got.Bookmark == nil {
			break
		}
	}
	if !slices.Equal(paged, all) {
		t.Errorf("page by page: %v", paged)
	}

	// Who may read WfSpecs and tasks is told of nothing else.
	add(&lhpb.Principal{Id: &lhpb.PrincipalId{Id: "anonymous"}, GlobalAcls: &lhpb.ServerACLs{Acls: []*lhpb.ServerACL{{
		Resources: []lhpb.ACLResource{workflow, task}, AllowedActions: []lhpb.ACLAction{read},
	}}}})
	got, err := views.SearchUsages(t.Context(), address)
	if want := []string{all[0], all[2], all[3]}; err != nil || !slices.Equal(usagesText(got), want) {
		t.Errorf("%v, %v instead of %v", usagesText(got), err, want)
	}
	if _, err := views.SearchUsages(t.Context(), &extra.SearchUsagesRequest{}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("of nothing: %v", err)
	}
}

// Where very many definitions use nothing of it, a call looks at a part of them, and the next goes on there.
func TestUsagesAreLookedForInParts(t *testing.T) {
	f := newFace(t)
	var all []machine.Value
	for n := range usagesLookedAt {
		all = append(all, &lhpb.WfSpec{Id: &lhpb.WfSpecId{Name: "w", MajorVersion: int32(n)}})
	}
	f.defined(append(all, specOf("x", 0, &lhpb.Node{Node: &lhpb.Node_Task{Task: doing("charge")}}))...)
	views := extra.NewViewServiceClient(f.conn)
	req := &extra.SearchUsagesRequest{Of: &extra.SearchUsagesRequest_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: "charge"}}}
	first, err := views.SearchUsages(t.Context(), req)
	if err != nil || len(first.Results) != 0 || first.Bookmark == nil {
		t.Fatal(first, err)
	}
	req.Bookmark = first.Bookmark
	if rest, err := views.SearchUsages(t.Context(), req); err != nil || !slices.Equal(usagesText(rest), []string{"WfSpec x 0.0"}) || rest.Bookmark != nil {
		t.Error(rest, err)
	}
}

// What cannot use a definition is not looked at, however many there are.
func TestUsagesAreLookedForWhereTheyCanBe(t *testing.T) {
	f := newFace(t)
	all := []machine.Value{specOf("x", 0, &lhpb.Node{Node: &lhpb.Node_Task{Task: doing("charge")}})}
	for n := range usagesLookedAt + 1 {
		all = append(all, &lhpb.TaskDef{Id: &lhpb.TaskDefId{Name: fmt.Sprintf("task-%05d", n)}})
	}
	f.defined(all...)
	req := &extra.SearchUsagesRequest{Of: &extra.SearchUsagesRequest_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: "charge"}}}
	got, err := extra.NewViewServiceClient(f.conn).SearchUsages(t.Context(), req)
	if err != nil || !slices.Equal(usagesText(got), []string{"WfSpec x 0.0"}) || got.Bookmark != nil {
		t.Error(got, err)
	}
}
