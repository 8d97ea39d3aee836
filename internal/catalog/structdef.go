package catalog

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// putStructDef numbers every content that differs from the newest one's, if the change is allowed.
func (t *txn) putStructDef(req *lhpb.PutStructDefRequest) (*lhpb.StructDef, *lh.Error) {
	if !lh.ValidName(req.GetName()) {
		return nil, invalid("StructDef name must be a valid hostname")
	}
	if refusal := spec.Admit(req); refusal != nil {
		return nil, refusal
	}
	schema, err := schemaOf(t, req.GetStructDef())
	if err != nil {
		return nil, invalid("StructDef validation failed: %v", err)
	}
	def := &lhpb.StructDef{
		Id:          &lhpb.StructDefId{Name: req.Name},
		Description: clonedText(req.Description),
		CreatedAt:   t.now(),
		StructDef:   schema,
	}
	if old := t.StructDef(req.Name, spec.NewestVersion); old != nil {
		if sameStructDef(old, def) {
			return old, nil
		}
		if refusal := evolves(old.GetStructDef(), schema, req.AllowedUpdates); refusal != nil {
			return nil, refusal
		}
	}
	d := t.definition(keys.KindStructDef, req.Name)
	def.Id.Version = nextVersion[lhpb.StructDef](t, d)
	d.Major = def.Id.Version
	return def, t.writeUsing(d, def, structDefUses(def))
}

func clonedText(s *string) *string {
	if s == nil {
		return nil
	}
	c := *s
	return &c
}

func sameStructDef(a, b *lhpb.StructDef) bool {
	essence := func(d *lhpb.StructDef) *lhpb.StructDef {
		return &lhpb.StructDef{Description: d.Description, StructDef: d.GetStructDef()}
	}
	return same(essence(a), essence(b))
}

func structDefUses(d *lhpb.StructDef) uses {
	u := uses{}
	for _, f := range d.GetStructDef().GetFields() {
		u.addType(f.GetFieldType())
	}
	return u
}

// deleteStructDef refuses while something refers to the version.
func (t *txn) deleteStructDef(req *lhpb.DeleteStructDefRequest) *lh.Error {
	name, version := req.GetId().GetName(), req.GetId().GetVersion()
	d := t.definition(keys.KindStructDef, name)
	d.Major = version
	if refusal := remove(t, d, structDefUses); refusal != nil {
		return refusal
	}
	in := keys.In(t.tenant)
	used := in.StructUses(name, version)
	for k := range machine.Scan[pb.Empty](t.view, used, used.End(), 1) {
		user, err := in.ParseStructUse(name, version, k)
		if err != nil {
			return lh.Errorf(lh.Internal, "%v", err)
		}
		return lh.Errorf(lh.FailedPrecondition, "StructDef %s version %d is used by %s; delete that first", name, version, describe(user))
	}
	return nil
}
