package catalog

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

func (t *txn) putTaskDef(req *lhpb.PutTaskDefRequest) (*lhpb.TaskDef, *lh.Error) {
	if !lh.ValidName(req.GetName()) {
		return nil, invalid("TaskDefName must be a valid hostname")
	}
	if refusal := spec.Admit(req); refusal != nil {
		return nil, refusal
	}
	def, err := t.taskDefOf(req.CloneVT())
	if err != nil {
		return nil, invalid("%v", err)
	}
	if old := t.TaskDef(req.Name); old != nil {
		if !sameTaskDef(old, def) {
			return nil, lh.Errorf(lh.AlreadyExists, "TaskDef [%s] already exists and is immutable.", req.Name)
		}
		return old, nil
	}
	return def, t.writeUsing(t.definition(keys.KindTaskDef, req.Name), def, taskDefUses(def))
}

// taskDefOf is the definition as it would be stored. It takes req apart.
func (t *txn) taskDefOf(req *lhpb.PutTaskDefRequest) (*lhpb.TaskDef, error) {
	for _, v := range req.InputVars {
		spec.NormalizeVariableDef(v)
		pinned, err := spec.PinType(t, v.TypeDef)
		if err != nil {
			return nil, err
		}
		v.TypeDef = pinned
	}
	returns, err := t.returnType(req.ReturnType)
	if err != nil {
		return nil, err
	}
	return &lhpb.TaskDef{
		Id:          &lhpb.TaskDefId{Name: req.Name},
		InputVars:   req.InputVars,
		CreatedAt:   t.now(),
		ReturnType:  returns,
		Description: req.Description,
	}, nil
}

// returnType pins a type that may be void.
func (t *txn) returnType(r *lhpb.ReturnType) (*lhpb.ReturnType, error) {
	if r.GetReturnType() == nil {
		return &lhpb.ReturnType{}, nil
	}
	pinned, err := spec.PinType(t, r.ReturnType)
	if err != nil {
		return nil, err
	}
	return &lhpb.ReturnType{ReturnType: pinned}, nil
}

func sameTaskDef(a, b *lhpb.TaskDef) bool {
	essence := func(d *lhpb.TaskDef) *lhpb.TaskDef {
		return &lhpb.TaskDef{InputVars: d.GetInputVars(), ReturnType: d.GetReturnType(), Description: d.Description}
	}
	return same(essence(a), essence(b))
}

func taskDefUses(d *lhpb.TaskDef) uses {
	u := uses{}
	for _, v := range d.GetInputVars() {
		u.addType(v.GetTypeDef())
	}
	u.addType(d.GetReturnType().GetReturnType())
	return u
}

func (t *txn) deleteTaskDef(req *lhpb.DeleteTaskDefRequest) *lh.Error {
	return remove(t, t.definition(keys.KindTaskDef, req.GetId().GetName()), taskDefUses)
}
