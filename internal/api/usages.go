package api

import (
	"context"
	"slices"

	"littlehorse/internal/auth"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// usagesLookedAt bounds what a call costs where many definitions use nothing of it.
const usagesLookedAt = 10_000

// userKinds are the kinds of definitions that use others, in the order in which they are told, and who may know of them.
var userKinds = []struct {
	kind  keys.ObjectKind
	needs []auth.Required
}{
	{keys.KindWfSpec, one(workflow, read)},
	{keys.KindStructDef, one(structs, read)},
	{keys.KindTaskDef, one(task, read)},
	{keys.KindExternalEventDef, one(externalEvent, read)},
	{keys.KindWorkflowEventDef, one(workflowEvent, read)},
}

// SearchUsages finds the definitions that use one.
func (s *Service) SearchUsages(ctx context.Context, req *extra.SearchUsagesRequest) (*extra.SearchUsagesResponse, error) {
	c := callOf(ctx)
	u := usesOf(req)
	if u == nil {
		return nil, lh.Errorf(lh.InvalidArgument, "what is used is missing: set one field of 'of'")
	}
	p, refused := pageOf(c, "SearchUsages", req, req.Limit)
	if refused != nil {
		return nil, refused
	}
	var after keys.Definition
	if p.after != "" {
		if after, refused = definitionAt(p.after[1:]); refused != nil {
			return nil, refused
		}
		after.Kind = keys.ObjectKind(p.after[0])
	}
	defs, out := s.definitions.Latest(c.tenant), &extra.SearchUsagesResponse{}
	looked, last := 0, keys.Definition{}
	for _, k := range userKinds {
		from := after
		if from.Kind != 0 && from.Kind != k.kind {
			continue
		}
		after = keys.Definition{}
		if k.kind != keys.KindWfSpec && u.structDef == nil || auth.Decide(c.principal, c.tenant, k.needs) != nil {
			continue
		}
		s.definitions.Walk(c.tenant, k.kind, keys.Definition{Name: from.Name, Major: from.Major, Revision: from.Revision}, func(d keys.Definition) bool {
			d.Kind = k.kind
			switch {
			case from.Kind != 0 && sameVersion(d, from):
				return true
			case looked == usagesLookedAt, len(out.Results) == p.limit:
				out.Bookmark = p.next(string([]byte{byte(last.Kind)}) + definitionPosition(last))
				return false
			}
			looked, last = looked+1, d
			if u.usedBy(defs, d) {
				out.Results = append(out.Results, userNamed(d))
			}
			return true
		})
		if out.Bookmark != nil {
			break
		}
	}
	return out, nil
}

// uses tells whether definitions use another.
type uses struct {
	wfSpec func(*lhpb.WfSpec) bool
	// struct is the version of a StructDef of which others may have values; nil if it is something else that is used.
	structDef *lhpb.StructDefId
}

// usesOf is nil if it is not said what is used.
func usesOf(req *extra.SearchUsagesRequest) *uses {
	ofNodes := func(named func(*lhpb.Node) bool) *uses {
		return &uses{wfSpec: func(w *lhpb.WfSpec) bool { return anyNode(w, named) }}
	}
	switch of := req.Of.(type) {
	case *extra.SearchUsagesRequest_TaskDefId:
		return ofNodes(func(n *lhpb.Node) bool { return namesTask(n, of.TaskDefId.GetName()) })
	case *extra.SearchUsagesRequest_ExternalEventDefId:
		return &uses{wfSpec: func(w *lhpb.WfSpec) bool { return namesEvent(w, of.ExternalEventDefId.GetName()) }}
	case *extra.SearchUsagesRequest_WorkflowEventDefId:
		name := of.WorkflowEventDefId.GetName()
		return ofNodes(func(n *lhpb.Node) bool {
			return n.GetThrowEvent() != nil && n.GetThrowEvent().GetEventDefId().GetName() == name
		})
	case *extra.SearchUsagesRequest_UserTaskDefId:
		name, version := of.UserTaskDefId.GetName(), of.UserTaskDefId.GetVersion()
		return ofNodes(func(n *lhpb.Node) bool {
			return n.GetUserTask() != nil && n.GetUserTask().UserTaskDefName == name && n.GetUserTask().GetUserTaskDefVersion() == version
		})
	case *extra.SearchUsagesRequest_StructDefId:
		return &uses{structDef: of.StructDefId, wfSpec: func(w *lhpb.WfSpec) bool {
			used := false
			spec.StructDefsOf(w, func(id *lhpb.StructDefId) { used = used || sameStruct(id, of.StructDefId) })
			return used
		}}
	case *extra.SearchUsagesRequest_WfSpecName:
		return &uses{wfSpec: func(w *lhpb.WfSpec) bool {
			return w.GetParentWfSpec() != nil && w.GetParentWfSpec().WfSpecName == of.WfSpecName ||
				anyNode(w, func(n *lhpb.Node) bool {
					return n.GetRunChildWf() != nil && n.GetRunChildWf().GetWfSpecName() == of.WfSpecName
				})
		}}
	default:
		return nil
	}
}

// usedBy tells it of a definition. Only values of structs are used by others than WfSpecs.
func (u *uses) usedBy(defs spec.Defs, d keys.Definition) bool {
	if d.Kind == keys.KindWfSpec {
		return u.wfSpec(defs.WfSpec(wfSpecID(d)))
	}
	return slices.ContainsFunc(typesOf(defs, d), func(t *lhpb.TypeDefinition) bool {
		used := false
		spec.StructDefIDs(t, func(id *lhpb.StructDefId) { used = used || sameStruct(id, u.structDef) })
		return used
	})
}

// typesOf are those that a definition which is no WfSpec declares.
func typesOf(defs spec.Defs, d keys.Definition) (out []*lhpb.TypeDefinition) {
	switch d.Kind {
	case keys.KindStructDef:
		for _, f := range defs.StructDef(d.Name, d.Major).GetStructDef().GetFields() {
			out = append(out, f.GetFieldType())
		}
	case keys.KindTaskDef:
		def := defs.TaskDef(d.Name)
		for _, v := range def.GetInputVars() {
			out = append(out, v.GetTypeDef())
		}
		out = append(out, def.GetReturnType().GetReturnType())
	case keys.KindExternalEventDef:
		out = append(out, defs.ExternalEventDef(d.Name).GetTypeInformation().GetReturnType())
	case keys.KindWorkflowEventDef:
		out = append(out, defs.WorkflowEventDef(d.Name).GetContentType().GetReturnType())
	}
	return out
}

func userNamed(d keys.Definition) *extra.Usage {
	switch d.Kind {
	case keys.KindWfSpec:
		return &extra.Usage{User: &extra.Usage_WfSpecId{WfSpecId: wfSpecID(d)}}
	case keys.KindStructDef:
		return &extra.Usage{User: &extra.Usage_StructDefId{StructDefId: &lhpb.StructDefId{Name: d.Name, Version: d.Major}}}
	case keys.KindTaskDef:
		return &extra.Usage{User: &extra.Usage_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: d.Name}}}
	case keys.KindExternalEventDef:
		return &extra.Usage{User: &extra.Usage_ExternalEventDefId{ExternalEventDefId: &lhpb.ExternalEventDefId{Name: d.Name}}}
	default:
		return &extra.Usage{User: &extra.Usage_WorkflowEventDefId{WorkflowEventDefId: &lhpb.WorkflowEventDefId{Name: d.Name}}}
	}
}

func sameStruct(a, b *lhpb.StructDefId) bool {
	return a.GetName() == b.GetName() && a.GetVersion() == b.GetVersion()
}

func anyNode(w *lhpb.WfSpec, uses func(*lhpb.Node) bool) bool {
	for _, thread := range w.GetThreadSpecs() {
		for _, node := range thread.GetNodes() {
			if uses(node) {
				return true
			}
		}
	}
	return false
}

// namesTask reports whether a node does tasks of the TaskDef, or a reminder of its user task does.
func namesTask(n *lhpb.Node, task string) bool {
	return n.GetTask() != nil && n.GetTask().GetTaskDefId().GetName() == task ||
		slices.ContainsFunc(n.GetUserTask().GetActions(), func(a *lhpb.UTActionTrigger) bool {
			return a.GetTask() != nil && a.GetTask().GetTask().GetTaskDefId().GetName() == task
		})
}

// namesEvent reports whether a WfSpec waits for the ExternalEventDef or is interrupted by it.
func namesEvent(w *lhpb.WfSpec, event string) bool {
	for _, thread := range w.GetThreadSpecs() {
		if slices.ContainsFunc(thread.GetInterruptDefs(), func(i *lhpb.InterruptDef) bool { return i.GetExternalEventDefId().GetName() == event }) {
			return true
		}
	}
	return anyNode(w, func(n *lhpb.Node) bool {
		return n.GetExternalEvent() != nil && n.GetExternalEvent().GetExternalEventDefId().GetName() == event
	})
}
