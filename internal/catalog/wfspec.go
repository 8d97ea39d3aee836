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
	t.numberAnew(w.Id)
	d := wfSpecDefinition(w.Id)
	d.Tenant = t.tenant
	return w, t.writeUsing(d, w, wfSpecUses(w))
}

// numberAnew goes on to a number that no WfSpec of the name ever had: WfRuns of one that was deleted would take the new one
// for theirs.
func (t *txn) numberAnew(id *lhpb.WfSpecId) {
	d := wfSpecDefinition(id)
	d.Tenant = t.tenant
	last, used := lastNumber[lhpb.WfSpec](t, d.SameMajor())
	switch {
	case !used || last.Revision < id.Revision:
	case id.Revision == 0:
		last, _ = lastNumber[lhpb.WfSpec](t, d.SameName())
		id.MajorVersion = last.Major + 1
	default:
		id.Revision = last.Revision + 1
	}
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
