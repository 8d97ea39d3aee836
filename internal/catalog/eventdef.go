package catalog

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// putExternalEventDef accepts a change of retention and correlation. The type of the content stays: events
// and WfSpecs rely on it.
func (t *txn) putExternalEventDef(req *lhpb.PutExternalEventDefRequest) (*lhpb.ExternalEventDef, *lh.Error) {
	if !lh.ValidName(req.GetName()) {
		return nil, invalid("ExternalEventDefName must be a valid hostname")
	}
	if refusal := spec.Admit(req); refusal != nil {
		return nil, refusal
	}
	def, err := t.externalEventDefOf(req.CloneVT())
	if err != nil {
		return nil, invalid("%v", err)
	}
	if old := t.ExternalEventDef(req.Name); old != nil {
		def.CreatedAt = old.CreatedAt
		if same(old, def) {
			return old, nil
		}
		if !sameContent(old, def) {
			return nil, lh.Errorf(lh.AlreadyExists, "ExternalEventDef [%s] already exists with another type of content, which is immutable.", req.Name)
		}
	}
	return def, t.writeUsing(t.definition(keys.KindExternalEventDef, req.Name), def, externalEventDefUses(def))
}

// externalEventDefOf is the definition as it would be stored. It takes req apart. An unset content type
// means any content; one without a type inside means none.
func (t *txn) externalEventDefOf(req *lhpb.PutExternalEventDefRequest) (*lhpb.ExternalEventDef, error) {
	def := &lhpb.ExternalEventDef{
		Id:                    &lhpb.ExternalEventDefId{Name: req.Name},
		CreatedAt:             t.now(),
		RetentionPolicy:       req.RetentionPolicy,
		CorrelatedEventConfig: req.CorrelatedEventConfig,
	}
	if def.RetentionPolicy == nil {
		def.RetentionPolicy = &lhpb.ExternalEventRetentionPolicy{}
	}
	var err error
	if req.ContentType != nil {
		def.TypeInformation, err = t.returnType(req.ContentType)
	}
	return def, err
}

func sameContent(a, b *lhpb.ExternalEventDef) bool {
	return same(&lhpb.ExternalEventDef{TypeInformation: a.TypeInformation}, &lhpb.ExternalEventDef{TypeInformation: b.TypeInformation})
}

func externalEventDefUses(d *lhpb.ExternalEventDef) uses {
	u := uses{}
	u.addType(d.GetTypeInformation().GetReturnType())
	return u
}

func (t *txn) deleteExternalEventDef(req *lhpb.DeleteExternalEventDefRequest) *lh.Error {
	return remove(t, t.definition(keys.KindExternalEventDef, req.GetId().GetName()), externalEventDefUses)
}

// putWorkflowEventDef takes an unset content type for void.
func (t *txn) putWorkflowEventDef(req *lhpb.PutWorkflowEventDefRequest) (*lhpb.WorkflowEventDef, *lh.Error) {
	if !lh.ValidName(req.GetName()) {
		return nil, invalid("WorkflowEventDefName must be a valid hostname")
	}
	if refusal := spec.Admit(req); refusal != nil {
		return nil, refusal
	}
	content, err := t.returnType(req.GetContentType())
	if err != nil {
		return nil, invalid("%v", err)
	}
	if old := t.WorkflowEventDef(req.Name); old != nil {
		if !same(old.ContentType, content) {
			return nil, lh.Errorf(lh.AlreadyExists, "WorkflowEventDef with name %s already exists with different type!", req.Name)
		}
		return old, nil
	}
	def := &lhpb.WorkflowEventDef{Id: &lhpb.WorkflowEventDefId{Name: req.Name}, CreatedAt: t.now(), ContentType: content.CloneVT()}
	return def, t.writeUsing(t.definition(keys.KindWorkflowEventDef, req.Name), def, workflowEventDefUses(def))
}

func workflowEventDefUses(d *lhpb.WorkflowEventDef) uses {
	u := uses{}
	u.addType(d.GetContentType().GetReturnType())
	return u
}

func (t *txn) deleteWorkflowEventDef(req *lhpb.DeleteWorkflowEventDefRequest) *lh.Error {
	return remove(t, t.definition(keys.KindWorkflowEventDef, req.GetId().GetName()), workflowEventDefUses)
}
