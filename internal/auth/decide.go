package auth

import (
	"fmt"
	"slices"

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

// IsAdmin reports whether one global ACL gives all actions on all resources.
func IsAdmin(p *lhpb.Principal) bool {
	return slices.ContainsFunc(p.GetGlobalAcls().GetAcls(), func(a *lhpb.ServerACL) bool {
		return slices.Contains(a.Resources, lhpb.ACLResource_ACL_ALL_RESOURCES) &&
			slices.Contains(a.AllowedActions, lhpb.ACLAction_ALL_ACTIONS)
	})
}

// Decide allows the call with nil, or refuses it with PermissionDenied. An entry of the Principal for the
// tenant, even an empty one, replaces its global ACLs inside that tenant; an admin passes everywhere else.
func Decide(p *lhpb.Principal, tenant string, needs []Required) *lh.Error {
	own, perTenant := p.GetPerTenantAcls()[tenant]
	if IsAdmin(p) && (!perTenant || allCluster(needs)) {
		return nil
	}
	acls := p.GetGlobalAcls().GetAcls()
	if perTenant {
		acls = own.GetAcls()
	}
	for _, need := range needs {
		if perTenant && ClusterScoped(need.Resource) {
			return lh.Errorf(lh.PermissionDenied,
				"Missing permissions: %s is a cluster-scoped resource and needs global ACLs, but Principal %s has ACLs of its own in tenant %s",
				need.Resource, p.GetId().GetId(), tenant)
		}
		if !slices.ContainsFunc(acls, func(a *lhpb.ServerACL) bool { return grants(a, need) }) {
			return lh.Errorf(lh.PermissionDenied, "Missing permissions [%s] over resources [%s]", need.Action, need.Resource)
		}
	}
	return nil
}

func allCluster(needs []Required) bool {
	return !slices.ContainsFunc(needs, func(r Required) bool { return !ClusterScoped(r.Resource) })
}

func grants(a *lhpb.ServerACL, need Required) bool {
	resource := slices.Contains(a.Resources, need.Resource) || slices.Contains(a.Resources, lhpb.ACLResource_ACL_ALL_RESOURCES)
	action := slices.Contains(a.AllowedActions, need.Action) || slices.Contains(a.AllowedActions, lhpb.ACLAction_ALL_ACTIONS)
	return resource && action
}

// Open is the Principal of a cluster that nobody has secured yet: anonymous may do everything.
func Open() *lhpb.Principal {
	return &lhpb.Principal{
		Id: &lhpb.PrincipalId{Id: Anonymous},
		GlobalAcls: &lhpb.ServerACLs{Acls: []*lhpb.ServerACL{{
			Resources:      []lhpb.ACLResource{lhpb.ACLResource_ACL_ALL_RESOURCES},
			AllowedActions: []lhpb.ACLAction{lhpb.ACLAction_ALL_ACTIONS},
		}}},
	}
}
