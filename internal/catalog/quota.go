package catalog

import (
	"strings"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// QuotaName is the name under which the Quota of a tenant, or of a Principal within it, is kept. Neither id can
// hold a slash.
func QuotaName(tenant, principal string) string { return tenant + "/" + principal }

// ParseQuotaName gives the id of a Quota by its name.
func ParseQuotaName(name string) *lhpb.QuotaId {
	tenant, principal, _ := strings.Cut(name, "/")
	id := &lhpb.QuotaId{Tenant: &lhpb.TenantId{Id: tenant}}
	if principal != "" {
		id.Principal = &lhpb.PrincipalId{Id: principal}
	}
	return id
}

func quotaDefinition(tenant, principal string) keys.Definition {
	return keys.Definition{Kind: keys.KindQuota, Name: QuotaName(tenant, principal)}
}

// putQuota creates a Quota or changes its rate.
func (t *txn) putQuota(req *lhpb.PutQuotaRequest) (*lhpb.Quota, *lh.Error) {
	if refusal := spec.Admit(req); refusal != nil {
		return nil, refusal
	}
	tenant, principal := req.GetTenant().GetId(), req.GetPrincipal().GetId()
	switch {
	case req.GetTenant() == nil:
		return nil, invalid("Missing required argument 'tenant'")
	case !t.caller().mayWrite(lhpb.ACLResource_ACL_QUOTA):
		return nil, missingPermission(lhpb.ACLResource_ACL_QUOTA)
	case req.GetWriteRequestsPerSecond() <= 0:
		return nil, invalid("write_requests_per_second must be greater than zero")
	case t.tenantOf(tenant) == nil:
		return nil, invalid("Could not find tenant %s", tenant)
	case req.GetPrincipal() != nil && t.principalOf(principal) == nil:
		return nil, invalid("Could not find principal %s", principal)
	}
	d := quotaDefinition(tenant, principal)
	old := current[lhpb.Quota](t.cluster, d)
	def := &lhpb.Quota{
		Id:                     ParseQuotaName(d.Name),
		CreatedAt:              old.GetCreatedAt(),
		WriteRequestsPerSecond: req.GetWriteRequestsPerSecond(),
	}
	if def.CreatedAt == nil {
		def.CreatedAt = t.now()
	}
	if old != nil && same(old, def) {
		return old, nil
	}
	return def, t.write(d, def)
}

func (t *txn) deleteQuota(req *lhpb.DeleteQuotaRequest) *lh.Error {
	switch {
	case req.GetId().GetTenant() == nil:
		return invalid("Missing required argument 'id' with a tenant")
	case !t.caller().mayWrite(lhpb.ACLResource_ACL_QUOTA):
		return missingPermission(lhpb.ACLResource_ACL_QUOTA)
	}
	d := quotaDefinition(req.GetId().GetTenant().GetId(), req.GetId().GetPrincipal().GetId())
	if current[lhpb.Quota](t.cluster, d) == nil {
		return lh.Errorf(lh.NotFound, "Could not find quota %s", d.Name)
	}
	return t.write(d, &lhpb.Quota{})
}
