package catalog

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// At gives the definitions of a tenant as of a metadata version. The same version always gives the same
// answers, if the View has reached it.
func (v *View) At(version uint64, tenant string) Specs {
	return Specs{snapshot{view: v, version: version, tenant: tenant}}
}

// Latest gives the definitions of a tenant as of the newest version that the View knows.
func (v *View) Latest(tenant string) spec.Defs { return v.At(v.Version(), tenant).Defs() }

// Tenant of that id as of the newest version; nil if there is none.
func (v *View) Tenant(id string) *lhpb.Tenant {
	found := as[*lhpb.Tenant](v.At(v.Version(), "").exact(keys.KindTenant, id, 0, 0))
	if found == nil && id == DefaultTenant {
		return defaultTenant
	}
	return found
}

// Principal of that id as of the newest version; nil if there is none.
func (v *View) Principal(id string) *lhpb.Principal {
	found := as[*lhpb.Principal](v.At(v.Version(), "").exact(keys.KindPrincipal, id, 0, 0))
	if found == nil && id == Anonymous {
		return anonymousAdmin
	}
	return found
}

// Quota of the tenant, or of the principal within it, as of the newest version; nil if there is none.
func (v *View) Quota(tenant, principal string) *lhpb.Quota {
	if !v.any(keys.KindQuota) {
		return nil // as nearly always; each call asks
	}
	return as[*lhpb.Quota](v.At(v.Version(), "").exact(keys.KindQuota, QuotaName(tenant, principal), 0, 0))
}

// any reports whether there was ever one of the cluster's definitions of the kind.
func (v *View) any(k keys.ObjectKind) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	d := v.tenants[""]
	return d != nil && len(d.of(k).families) > 0
}

// MigrationPlan of that name as of the newest version; nil if there is none.
func (v *View) MigrationPlan(tenant, name string) *lhpb.WorkflowMigrationPlan {
	return v.At(v.Version(), tenant).WorkflowMigrationPlan(name)
}

// snapshot is the definitions of a tenant as of one version.
type snapshot struct {
	view    *View
	version uint64
	tenant  string
}

func (s snapshot) exact(k keys.ObjectKind, name string, major, revision int32) any {
	s.view.mu.RLock()
	defer s.view.mu.RUnlock()
	return s.family(k, name).exact(major, revision, s.version)
}

// newest version of the name: of one major version, or of all if that is spec.NewestVersion.
func (s snapshot) newest(k keys.ObjectKind, name string, major int32) any {
	s.view.mu.RLock()
	defer s.view.mu.RUnlock()
	return s.family(k, name).newest(major, s.version)
}

func (s snapshot) family(k keys.ObjectKind, name string) *family {
	if d := s.view.tenants[s.tenant]; d != nil {
		return d.of(k).families[name]
	}
	return nil
}

func as[P any](found any) P {
	p, _ := found.(P)
	return p
}

// Tenant itself.
func (s snapshot) Tenant() *lhpb.Tenant {
	of := snapshot{view: s.view, version: s.version}
	found := as[*lhpb.Tenant](of.exact(keys.KindTenant, s.tenant, 0, 0))
	if found == nil && s.tenant == DefaultTenant {
		return defaultTenant
	}
	return found
}

// TaskDef of that name.
func (s snapshot) TaskDef(name string) *lhpb.TaskDef {
	return as[*lhpb.TaskDef](s.exact(keys.KindTaskDef, name, 0, 0))
}

// ExternalEventDef of that name.
func (s snapshot) ExternalEventDef(name string) *lhpb.ExternalEventDef {
	return as[*lhpb.ExternalEventDef](s.exact(keys.KindExternalEventDef, name, 0, 0))
}

// WorkflowEventDef of that name.
func (s snapshot) WorkflowEventDef(name string) *lhpb.WorkflowEventDef {
	return as[*lhpb.WorkflowEventDef](s.exact(keys.KindWorkflowEventDef, name, 0, 0))
}

// UserTaskDef of that version; spec.NewestVersion for the newest.
func (s snapshot) UserTaskDef(name string, version int32) *lhpb.UserTaskDef {
	return as[*lhpb.UserTaskDef](s.numbered(keys.KindUserTaskDef, name, version))
}

// StructDef of that version; spec.NewestVersion for the newest.
func (s snapshot) StructDef(name string, version int32) *lhpb.StructDef {
	return as[*lhpb.StructDef](s.numbered(keys.KindStructDef, name, version))
}

// WorkflowMigrationPlan of that name.
func (s snapshot) WorkflowMigrationPlan(name string) *lhpb.WorkflowMigrationPlan {
	return as[*lhpb.WorkflowMigrationPlan](s.exact(keys.KindWorkflowMigrationPlan, name, 0, 0))
}

func (s snapshot) numbered(k keys.ObjectKind, name string, version int32) any {
	if version == spec.NewestVersion {
		return s.newest(k, name, version)
	}
	return s.exact(k, name, version, 0)
}

func (s snapshot) wfSpec(id *lhpb.WfSpecId) *compiled {
	return as[*compiled](s.exact(keys.KindWfSpec, id.GetName(), id.GetMajorVersion(), id.GetRevision()))
}

func (s snapshot) latestWfSpec(name string, major int32) *compiled {
	return as[*compiled](s.newest(keys.KindWfSpec, name, major))
}

// Specs are the definitions of a tenant as of one version, WfSpecs compiled. It is a small value.
type Specs struct{ snapshot }

// WfSpec of that id.
func (s Specs) WfSpec(id *lhpb.WfSpecId) *spec.Graph { return s.wfSpec(id).graphOrNil() }

// LatestWfSpec is the highest revision of the major version; spec.NewestVersion for the highest of all.
func (s Specs) LatestWfSpec(name string, major int32) *spec.Graph {
	return s.latestWfSpec(name, major).graphOrNil()
}

// Defs are the same definitions with WfSpecs as they are stored.
func (s Specs) Defs() Defs { return Defs(s) }

// Defs are the definitions of a tenant as of one version, WfSpecs as stored. It is a small value.
type Defs struct{ snapshot }

var _ spec.Defs = Defs{}

// WfSpec of that id.
func (d Defs) WfSpec(id *lhpb.WfSpecId) *lhpb.WfSpec { return d.wfSpec(id).specOrNil() }

// LatestWfSpec is the highest revision of the major version; spec.NewestVersion for the highest of all.
func (d Defs) LatestWfSpec(name string, major int32) *lhpb.WfSpec {
	return d.latestWfSpec(name, major).specOrNil()
}

func (c *compiled) graphOrNil() *spec.Graph {
	if c == nil {
		return nil
	}
	return c.get()
}

func (c *compiled) specOrNil() *lhpb.WfSpec {
	if c == nil {
		return nil
	}
	return c.spec
}
