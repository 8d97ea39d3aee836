package auth

import (
	"fmt"
	"slices"

	"littlehorse/internal/catalog"
	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

// Required is what a call needs: an action on a resource. The zero value is not meaningful; calls without
// requirement have an empty list.
type Required struct {
	Resource lhpb.ACLResource
	Action   lhpb.ACLAction
}

func (r Required) String() string {
	return fmt.Sprintf("%s/%s", r.Resource, r.Action)
}

// ClusterScoped reports whether the resource belongs to the cluster and to no tenant.
func ClusterScoped(r lhpb.ACLResource) bool {
	switch r {
	case lhpb.ACLResource_ACL_TENANT, lhpb.ACLResource_ACL_PRINCIPAL, lhpb.ACLResource_ACL_QUOTA:
		return true
	default:
		return false
	}
}

// Decide allows the call with nil, or refuses it with PermissionDenied. An admin may do everything. For everybody
// else an entry of the Principal for the tenant, even an empty one, replaces its global ACLs inside that tenant.
func Decide(p *lhpb.Principal, tenant string, needs []Required) *lh.Error {
	if catalog.IsAdmin(p) {
		return nil
	}
	own, perTenant := p.GetPerTenantAcls()[tenant]
	acls := p.GetGlobalAcls().GetAcls()
	if perTenant {
		acls = own.GetAcls()
	}
	for _, need := range needs {
		if perTenant && ClusterScoped(need.Resource) {
			return lh.Errorf(lh.PermissionDenied,
				"Missing permissions: %s is a cluster-scoped resource and needs global ACLs, but Principal %s has per-tenant ACLs for tenant %s",
				need.Resource, p.GetId().GetId(), tenant)
		}
		if !slices.ContainsFunc(acls, func(a *lhpb.ServerACL) bool { return grants(a, need) }) {
			return lh.Errorf(lh.PermissionDenied, "Missing permissions [%s] over resources [%s]", need.Action, need.Resource)
		}
	}
	return nil
}

func grants(a *lhpb.ServerACL, need Required) bool {
	resource := slices.Contains(a.Resources, need.Resource) || slices.Contains(a.Resources, lhpb.ACLResource_ACL_ALL_RESOURCES)
	action := slices.Contains(a.AllowedActions, need.Action) || slices.Contains(a.AllowedActions, lhpb.ACLAction_ALL_ACTIONS)
	return resource && action
}
