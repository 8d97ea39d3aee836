package catalog

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

func (t *txn) putWfSpec(req *lhpb.PutWfSpecRequest) (*lhpb.WfSpec, *lh.Error) {
	w, isNew, refusal := spec.Put(t, req, t.header.GetAtNs())
	if refusal != nil || !isNew {
		return w, refusal
	}
	d := wfSpecDefinition(w.Id)
	d.Tenant = t.tenant
	return w, t.writeUsing(d, w, wfSpecUses(w))
}

func wfSpecDefinition(id *lhpb.WfSpecId) keys.Definition {
	return keys.Definition{Kind: keys.KindWfSpec, Name: id.GetName(), Major: id.GetMajorVersion(), Revision: id.GetRevision()}
}

func wfSpecUses(w *lhpb.WfSpec) uses {
	u := uses{}
	spec.StructDefsOf(w, u.add)
	return u
}

func (t *txn) deleteWfSpec(req *lhpb.DeleteWfSpecRequest) *lh.Error {
	d := wfSpecDefinition(req.GetId())
	d.Tenant = t.tenant
	return remove(t, d, wfSpecUses)
}
