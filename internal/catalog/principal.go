package catalog

import (
	"slices"
	"strings"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// Anonymous is the principal of calls without an identity. It exists in every cluster.
const Anonymous = "anonymous"

// anonymousAdmin is what holds until a row says otherwise: a fresh cluster is open. It is shared.
var anonymousAdmin = &lhpb.Principal{
	Id: &lhpb.PrincipalId{Id: Anonymous},
	GlobalAcls: &lhpb.ServerACLs{Acls: []*lhpb.ServerACL{{
		Resources:      []lhpb.ACLResource{lhpb.ACLResource_ACL_ALL_RESOURCES},
		AllowedActions: []lhpb.ACLAction{lhpb.ACLAction_ALL_ACTIONS},
	}}},
}

func principalDefinition(id string) keys.Definition {
	return keys.Definition{Kind: keys.KindPrincipal, Name: id}
}

// principalOf that id; nil if there is none.
func (t *txn) principalOf(id string) *lhpb.Principal {
	found := current[lhpb.Principal](t.cluster, principalDefinition(id))
	if found == nil && id == Anonymous {
		return anonymousAdmin
	}
	return found
}

// IsAdmin reports whether one global ACL gives all actions on all resources.
func IsAdmin(p *lhpb.Principal) bool {
	return slices.ContainsFunc(p.GetGlobalAcls().GetAcls(), func(a *lhpb.ServerACL) bool {
		return slices.Contains(a.GetResources(), lhpb.ACLResource_ACL_ALL_RESOURCES) &&
			slices.Contains(a.GetAllowedActions(), lhpb.ACLAction_ALL_ACTIONS)
	})
}

// caller is who asked for the record. The system itself may do everything.
type caller struct {
	system    bool
	principal *lhpb.Principal
}

func (t *txn) caller() caller {
	id := t.header.GetPrincipal()
	return caller{system: id == "", principal: t.principalOf(id)}
}

func (c caller) admin() bool { return c.system || IsAdmin(c.principal) }

// mayWrite reports whether the caller may write metadata of a resource that belongs to the cluster.
func (c caller) mayWrite(r lhpb.ACLResource) bool {
	return c.admin() || slices.ContainsFunc(c.principal.GetGlobalAcls().GetAcls(), func(a *lhpb.ServerACL) bool {
		return grants(a.GetResources(), r, lhpb.ACLResource_ACL_ALL_RESOURCES) &&
			grants(a.GetAllowedActions(), lhpb.ACLAction_WRITE_METADATA, lhpb.ACLAction_ALL_ACTIONS)
	})
}

func grants[E comparable](given []E, wanted, all E) bool {
	return slices.Contains(given, wanted) || slices.Contains(given, all)
}

func missingPermission(r lhpb.ACLResource) *lh.Error {
	return lh.Errorf(lh.PermissionDenied, "Missing permissions [%v] over resources [%v]", lhpb.ACLAction_WRITE_METADATA, r)
}

// putPrincipal creates a principal or replaces all of it.
func (t *txn) putPrincipal(req *lhpb.PutPrincipalRequest) (*lhpb.Principal, *lh.Error) {
	if refusal := spec.Admit(req); refusal != nil {
		return nil, refusal
	}
	if refusal := checkPrincipalID(req.GetId()); refusal != nil {
		return nil, refusal
	}
	old := t.principalOf(req.GetId())
	if old != nil && !req.GetOverwrite() {
		return nil, lh.Errorf(lh.AlreadyExists, "Must set overwrite == true to modify existing Principal %s", req.Id)
	}
	def := principalFrom(req)
	if refusal := t.mayPutPrincipal(old, def); refusal != nil {
		return nil, refusal
	}
	if refusal := t.checkACLs(def); refusal != nil {
		return nil, refusal
	}
	def.CreatedAt = old.GetCreatedAt()
	if def.CreatedAt == nil {
		def.CreatedAt = t.now()
	}
	t.writeAdmin(def)
	return def, t.write(principalDefinition(req.GetId()), def)
}

func checkPrincipalID(id string) *lh.Error {
	switch {
	case id == "":
		return invalid("Principal ID cannot be empty.")
	case strings.ContainsAny(id, `/\`):
		return invalid("Principal ID cannot contain slashes or backslashes.")
	}
	return nil
}

func principalFrom(req *lhpb.PutPrincipalRequest) *lhpb.Principal {
	req = req.CloneVT()
	p := &lhpb.Principal{
		Id:            &lhpb.PrincipalId{Id: req.Id},
		PerTenantAcls: req.PerTenantAcls,
		GlobalAcls:    req.GlobalAcls,
	}
	if p.GlobalAcls == nil {
		p.GlobalAcls = &lhpb.ServerACLs{}
	}
	for tenant, acls := range p.PerTenantAcls {
		if acls == nil {
			p.PerTenantAcls[tenant] = &lhpb.ServerACLs{}
		}
	}
	return p
}

// mayPutPrincipal decides who may do what to whom.
func (t *txn) mayPutPrincipal(old, def *lhpb.Principal) *lh.Error {
	id, caller := def.GetId().GetId(), t.caller()
	switch {
	case IsAdmin(old) && !IsAdmin(def) && !t.otherAdmin(id):
		return lh.Errorf(lh.FailedPrecondition, "Cannot remove admin privileges from Principal %s: %s is the last Admin left.", id, id)
	case len(def.GetGlobalAcls().GetAcls()) > 0 && !caller.admin():
		return invalid("Only admin users can create a principal with global privileges")
	case !caller.mayWrite(lhpb.ACLResource_ACL_PRINCIPAL):
		return missingPermission(lhpb.ACLResource_ACL_PRINCIPAL)
	case IsAdmin(old) && !caller.admin():
		return lh.Errorf(lh.PermissionDenied, "Only admin users can change Principal %s, which is an admin", id)
	}
	return nil
}

func (t *txn) checkACLs(p *lhpb.Principal) *lh.Error {
	if refusal := checkFilters(p.GetGlobalAcls()); refusal != nil {
		return refusal
	}
	for _, tenant := range sortedKeys(p.GetPerTenantAcls()) {
		acls := p.PerTenantAcls[tenant]
		if namesClusterResource(acls) {
			return invalid("PutPrincipalRequest does not allow Per-Tenant ACLs containing permissions over Tenants, Principals, or Quotas.")
		}
		if refusal := checkFilters(acls); refusal != nil {
			return refusal
		}
	}
	for _, tenant := range sortedKeys(p.GetPerTenantAcls()) {
		if t.tenantOf(tenant) == nil {
			return invalid("PutPrincipalRequest specified ACL's for a nonexistent tenant: %s", tenant)
		}
	}
	return nil
}

func namesClusterResource(acls *lhpb.ServerACLs) bool {
	return slices.ContainsFunc(acls.GetAcls(), func(a *lhpb.ServerACL) bool {
		return slices.ContainsFunc(a.GetResources(), func(r lhpb.ACLResource) bool {
			return r == lhpb.ACLResource_ACL_TENANT || r == lhpb.ACLResource_ACL_PRINCIPAL || r == lhpb.ACLResource_ACL_QUOTA
		})
	})
}

// checkFilters refuses what would look like a restriction and be none.
func checkFilters(acls *lhpb.ServerACLs) *lh.Error {
	for _, a := range acls.GetAcls() {
		if a.GetName() != "" || a.GetPrefix() != "" {
			return invalid("ACLs cannot be restricted to a name or prefix of resources")
		}
	}
	return nil
}

// otherAdmin reports whether somebody else than id is an admin.
func (t *txn) otherAdmin(id string) bool {
	if id != Anonymous && IsAdmin(t.principalOf(Anonymous)) {
		return true
	}
	for k := range machine.Scan[pb.Empty](t.view, keys.Admins(), keys.Admins().End(), 2) {
		if admin, err := keys.ParseAdmin(k); err == nil && admin != id {
			return true
		}
	}
	return false
}

// writeAdmin keeps the list of admins.
func (t *txn) writeAdmin(p *lhpb.Principal) {
	change := machine.Change{Key: keys.Admin(p.GetId().GetId())}
	if IsAdmin(p) {
		change.Value = &pb.Empty{}
	}
	t.changes = append(t.changes, change)
}

func (t *txn) deletePrincipal(req *lhpb.DeletePrincipalRequest) *lh.Error {
	id, caller := req.GetId().GetId(), t.caller()
	if id == Anonymous {
		return invalid("Deleting the anonymous principal is not allowed. However, you can remove its permissions via the PutPrincipal request.")
	}
	old := t.principalOf(id)
	switch {
	case id != "" && id == t.header.GetPrincipal():
		return lh.Errorf(lh.PermissionDenied, "Principal %s cannot delete itself", id)
	case !caller.mayWrite(lhpb.ACLResource_ACL_PRINCIPAL):
		return missingPermission(lhpb.ACLResource_ACL_PRINCIPAL)
	case old == nil:
		return lh.Errorf(lh.NotFound, "Couldn't find provided PrincipalModel")
	case IsAdmin(old) && !caller.admin():
		return lh.Errorf(lh.PermissionDenied, "Only admin users can delete Principal %s, which is an admin", id)
	case IsAdmin(old) && !t.otherAdmin(id):
		return lh.Errorf(lh.FailedPrecondition, "Cannot delete Principal %s: it is the last Admin left.", id)
	}
	t.changes = append(t.changes, machine.Change{Key: keys.Admin(id)})
	return t.write(principalDefinition(id), &lhpb.Principal{})
}
