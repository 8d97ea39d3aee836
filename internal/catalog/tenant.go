package catalog

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// DefaultTenant exists in every cluster.
const DefaultTenant = "default"

func tenantDefinition(id string) keys.Definition {
	return keys.Definition{Kind: keys.KindTenant, Name: id}
}

// defaultTenant is what holds until a row says otherwise. It is shared.
var defaultTenant = &lhpb.Tenant{Id: &lhpb.TenantId{Id: DefaultTenant}}

// tenantOf that id; nil if there is none.
func (t *txn) tenantOf(id string) *lhpb.Tenant {
	found := current[lhpb.Tenant](t.cluster, tenantDefinition(id))
	if found == nil && id == DefaultTenant {
		return defaultTenant
	}
	return found
}

// putTenant creates a tenant or replaces its output topic settings.
func (t *txn) putTenant(req *lhpb.PutTenantRequest) (*lhpb.Tenant, *lh.Error) {
	if refusal := spec.Admit(req); refusal != nil {
		return nil, refusal
	}
	if !t.caller().mayWrite(lhpb.ACLResource_ACL_TENANT) {
		return nil, missingPermission(lhpb.ACLResource_ACL_TENANT)
	}
	old := t.tenantOf(req.GetId())
	if old == nil && !validTenant(req.GetId()) {
		return nil, invalid("Tenant id must be a valid hostname and not start with a digit")
	}
	def := &lhpb.Tenant{
		Id:                &lhpb.TenantId{Id: req.GetId()},
		CreatedAt:         old.GetCreatedAt(),
		OutputTopicConfig: req.GetOutputTopicConfig().CloneVT(),
	}
	if def.CreatedAt == nil {
		def.CreatedAt = t.now()
	}
	if old != nil && same(old, def) {
		return old, nil
	}
	return def, t.write(tenantDefinition(req.GetId()), def)
}

func validTenant(id string) bool {
	return lh.ValidName(id) && (id[0] < '0' || id[0] > '9')
}
