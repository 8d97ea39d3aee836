package spec

import (
	"maps"

	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

// nextVersion numbers the candidate on from the newest version there is.
func (c *check) nextVersion(old *lhpb.WfSpec, breaking bool) {
	if old == nil {
		return
	}
	c.spec.Id.MajorVersion, c.spec.Id.Revision = old.GetId().GetMajorVersion(), old.GetId().GetRevision()+1
	if breaking {
		c.spec.Id.MajorVersion, c.spec.Id.Revision = old.GetId().GetMajorVersion()+1, 0
	}
}

// breaks reports whether what others rely on differs from the version before: public variables, the required
// variables of the entrypoint, the output.
func (c *check) breaks(old *lhpb.WfSpec) bool {
	before := newCheck(c.defs, old)
	return !maps.Equal(c.publicVariables(), before.publicVariables()) ||
		!maps.Equal(c.requiredVariables(), before.requiredVariables()) ||
		!c.entrypoint().output().sameAs(before.entrypoint().output())
}

func (c *check) publicVariables() map[string]bool {
	set := map[string]bool{}
	for _, t := range c.threads {
		for _, v := range t.spec.GetVariableDefs() {
			if isPublic(v) {
				set[encoded(v)] = true
			}
		}
	}
	return set
}

func (c *check) requiredVariables() map[string]bool {
	set := map[string]bool{}
	for _, v := range c.entrypoint().spec.GetVariableDefs() {
		if v.GetRequired() {
			set[encoded(v)] = true
		}
	}
	return set
}

// sameSpec is equality by meaning: everything but version, creation time and the order of the frozen
// variables. Equal messages have equal bytes.
func sameSpec(old, w *lhpb.WfSpec) bool { return encoded(essence(old)) == encoded(essence(w)) }

func encoded(m interface{ MarshalVT() ([]byte, error) }) string {
	b, err := m.MarshalVT()
	if err != nil {
		panic(err)
	}
	return string(b)
}

// essence shares everything with w but what is no part of the comparison.
func essence(w *lhpb.WfSpec) *lhpb.WfSpec {
	return &lhpb.WfSpec{
		Id:                   &lhpb.WfSpecId{Name: w.GetId().GetName()},
		FrozenVariables:      sortFrozen(w.GetFrozenVariables()),
		Status:               w.GetStatus(),
		ThreadSpecs:          w.GetThreadSpecs(),
		EntrypointThreadName: w.GetEntrypointThreadName(),
		RetentionPolicy:      w.GetRetentionPolicy(),
		Migration:            w.GetMigration(),
		ParentWfSpec:         w.GetParentWfSpec(),
	}
}

func allowed(updates lhpb.AllowedUpdateType, breaking bool) *lh.Error {
	switch {
	case updates == lhpb.AllowedUpdateType_NO_UPDATES:
		return lh.Errorf(lh.AlreadyExists, "WfSpec already exists.")
	case updates == lhpb.AllowedUpdateType_MINOR_REVISION_UPDATES && breaking:
		return lh.Errorf(lh.FailedPrecondition, "The resulting WfSpec has a breaking change.")
	}
	return nil
}
