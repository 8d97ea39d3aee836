package catalog

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// putUserTaskDef numbers every content that differs from the newest one's.
func (t *txn) putUserTaskDef(req *lhpb.PutUserTaskDefRequest) (*lhpb.UserTaskDef, *lh.Error) {
	if !lh.ValidName(req.GetName()) {
		return nil, invalid("UserTaskDefName must be a valid hostname")
	}
	if refusal := spec.Admit(req); refusal != nil {
		return nil, refusal
	}
	if refusal := checkUserTaskFields(req.Fields); refusal != nil {
		return nil, refusal
	}
	req = req.CloneVT()
	def := &lhpb.UserTaskDef{Name: req.Name, Description: req.Description, Fields: req.Fields, CreatedAt: t.now()}
	if old := t.UserTaskDef(req.Name, spec.NewestVersion); old != nil && sameUserTaskDef(old, def) {
		return old, nil
	}
	d := t.definition(keys.KindUserTaskDef, def.Name)
	def.Version = nextVersion[lhpb.UserTaskDef](t, d)
	d.Major = def.Version
	return def, t.write(d, def)
}

func checkUserTaskFields(fields []*lhpb.UserTaskField) *lh.Error {
	names := make(map[string]bool, len(fields))
	for i, f := range fields {
		switch {
		case f.GetName() == "":
			return invalid("UserTaskDef field %d has no name", i)
		case names[f.Name]:
			return invalid("UserTaskDef field '%s' is there twice", f.Name)
		case f.Type == lhpb.VariableType_JSON_OBJ || f.Type == lhpb.VariableType_JSON_ARR:
			return invalid("UserTaskDef field '%s' has type %v: fields of a form hold single values such as STR, BOOL, INT or DOUBLE", f.Name, f.Type)
		}
		names[f.Name] = true
	}
	return nil
}

func sameUserTaskDef(a, b *lhpb.UserTaskDef) bool {
	essence := func(d *lhpb.UserTaskDef) *lhpb.UserTaskDef {
		return &lhpb.UserTaskDef{Description: d.Description, Fields: d.GetFields()}
	}
	return same(essence(a), essence(b))
}

func (t *txn) deleteUserTaskDef(req *lhpb.DeleteUserTaskDefRequest) *lh.Error {
	d := t.definition(keys.KindUserTaskDef, req.GetId().GetName())
	d.Major = req.GetId().GetVersion()
	return remove(t, d, noUses[*lhpb.UserTaskDef])
}
