package catalog

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// rows are the definitions of one tenant as the view of a record shows them. What was read once is
// remembered until the record is applied.
type rows struct {
	view   machine.View
	tenant string
	known  map[keys.Key]machine.Value
}

var _ spec.Defs = (*rows)(nil)

func rowsOf(v machine.View, tenant string) *rows {
	return &rows{view: v, tenant: tenant, known: map[keys.Key]machine.Value{}}
}

// stored is a pointer to a message that definitions are kept as.
type stored[T any] interface {
	*T
	machine.Value
}

// deleted reports a row that says its definition was deleted.
func deleted(row machine.Value) bool { return row.SizeVT() == 0 }

// current is the definition as written last; nil if there is none.
func current[T any, P stored[T]](r *rows, d keys.Definition) P {
	d.Tenant = r.tenant
	return remember(r, d.Rows(), func() P {
		for _, row := range machine.Scan[T, P](r.view, d.Rows(), d.Rows().End(), 1) {
			if !deleted(row) {
				return row
			}
		}
		return nil
	})
}

// newest is the highest version in the range that is not deleted; nil if there is none.
func newest[T any, P stored[T]](r *rows, all keys.Key) P {
	return remember(r, all, func() P {
		for from := all; from < all.End(); {
			next := all.End()
			for k, row := range machine.Scan[T, P](r.view, from, all.End(), 1) {
				if !deleted(row) {
					return row
				}
				next = rowsEnd(k)
			}
			from = next
		}
		return nil
	})
}

// lastNumber is the highest number ever given in a range of versions, of those that were deleted too.
func lastNumber[T any, P stored[T]](t *txn, versions keys.Key) (d keys.Definition, used bool) {
	for k := range machine.Scan[T, P](t.view, versions, versions.End(), 1) {
		last, err := keys.ParseDefinition(k)
		return last, err == nil
	}
	return keys.Definition{}, false
}

// nextVersion is a number that no version of the definition ever had. What was made of one that was deleted may still be
// there: by the same number it would be taken for one of the new version.
func nextVersion[T any, P stored[T]](t *txn, d keys.Definition) int32 {
	last, used := lastNumber[T, P](t, d.SameName())
	if !used {
		return 0
	}
	return last.Major + 1
}

// rowsEnd is the first key behind all rows of the definition that k is a row of.
func rowsEnd(k keys.Key) keys.Key {
	d, err := keys.ParseDefinition(k)
	if err != nil {
		return k.After()
	}
	return d.Rows().End()
}

func remember[T any, P stored[T]](r *rows, k keys.Key, read func() P) P {
	if known, ok := r.known[k]; ok {
		return known.(P)
	}
	p := read()
	r.known[k] = p
	return p
}

func (r *rows) definition(kind keys.ObjectKind, name string) keys.Definition {
	return keys.Definition{Tenant: r.tenant, Kind: kind, Name: name}
}

// TaskDef implements spec.Defs.
func (r *rows) TaskDef(name string) *lhpb.TaskDef {
	return current[lhpb.TaskDef](r, r.definition(keys.KindTaskDef, name))
}

// ExternalEventDef implements spec.Defs.
func (r *rows) ExternalEventDef(name string) *lhpb.ExternalEventDef {
	return current[lhpb.ExternalEventDef](r, r.definition(keys.KindExternalEventDef, name))
}

// WorkflowEventDef implements spec.Defs.
func (r *rows) WorkflowEventDef(name string) *lhpb.WorkflowEventDef {
	return current[lhpb.WorkflowEventDef](r, r.definition(keys.KindWorkflowEventDef, name))
}

// UserTaskDef implements spec.Defs.
func (r *rows) UserTaskDef(name string, version int32) *lhpb.UserTaskDef {
	d := r.definition(keys.KindUserTaskDef, name)
	if version == spec.NewestVersion {
		return newest[lhpb.UserTaskDef](r, d.SameName())
	}
	d.Major = version
	return current[lhpb.UserTaskDef](r, d)
}

// StructDef implements spec.Defs.
func (r *rows) StructDef(name string, version int32) *lhpb.StructDef {
	d := r.definition(keys.KindStructDef, name)
	if version == spec.NewestVersion {
		return newest[lhpb.StructDef](r, d.SameName())
	}
	d.Major = version
	return current[lhpb.StructDef](r, d)
}

// WfSpec implements spec.Defs.
func (r *rows) WfSpec(id *lhpb.WfSpecId) *lhpb.WfSpec {
	return current[lhpb.WfSpec](r, wfSpecDefinition(id))
}

// LatestWfSpec implements spec.Defs.
func (r *rows) LatestWfSpec(name string, major int32) *lhpb.WfSpec {
	d := r.definition(keys.KindWfSpec, name)
	if major == spec.NewestVersion {
		return newest[lhpb.WfSpec](r, d.SameName())
	}
	d.Major = major
	return newest[lhpb.WfSpec](r, d.SameMajor())
}
