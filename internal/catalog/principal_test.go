package catalog

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

const (
	adminACL  = `{"resources":["ACL_ALL_RESOURCES"],"allowedActions":["ALL_ACTIONS"]}`
	editorACL = `{"resources":["ACL_PRINCIPAL"],"allowedActions":["WRITE_METADATA"]}`
	readerACL = `{"resources":["ACL_WORKFLOW"],"allowedActions":["READ"]}`
)

func principalJSON(id, acls, rest string) string {
	return `{"id":"` + id + `","globalAcls":{"acls":[` + acls + `]}` + rest + `}`
}

const overwrite = `,"overwrite":true`

func TestPutPrincipal(t *testing.T) {
	s := newStream(t)
	s.caller = Anonymous
	s.refused(s.principal(`{"id":"a/b"}`), lh.InvalidArgument, "cannot contain slashes or backslashes")
	s.refused(s.principal(`{"id":"a\\b"}`), lh.InvalidArgument, "cannot contain slashes or backslashes")
	s.refused(s.principal(`{"id":""}`), lh.InvalidArgument, "cannot be empty")
	s.refused(s.principal(`{"id":"anonymous"}`), lh.AlreadyExists, "Must set overwrite == true")
	s.refused(s.principal(`{"id":"anonymous","overwrite":true}`), lh.FailedPrecondition, "anonymous is the last Admin left")
	s.refused(s.principal(`{"id":"p","perTenantAcls":{"nope":{}}}`), lh.InvalidArgument, "nonexistent tenant: nope")
	s.refused(s.principal(`{"id":"p","perTenantAcls":{"default":{"acls":[{"resources":["ACL_QUOTA"],"allowedActions":["READ"]}]}}}`),
		lh.InvalidArgument, "does not allow Per-Tenant ACLs containing permissions over Tenants, Principals, or Quotas")
	s.refused(s.principal(principalJSON("p", `{"resources":["ACL_TASK"],"allowedActions":["READ"],"prefix":"abc"}`, "")),
		lh.InvalidArgument, "cannot be restricted")

	p := put[*lhpb.Principal](s, s.principal(`{"id":"p","perTenantAcls":{"default":{"acls":[`+adminACL+`]}}}`))
	want := &lhpb.Principal{}
	unmarshal(t, `{"id":{"id":"p"},"createdAt":"1970-01-01T00:00:09Z","globalAcls":{},"perTenantAcls":{"default":{"acls":[`+adminACL+`]}}}`, want)
	equal(t, p, want)
	s.refused(s.principal(principalJSON("p", "", "")), lh.AlreadyExists, "Must set overwrite == true")
	replaced := put[*lhpb.Principal](s, s.principal(principalJSON("p", readerACL, overwrite)))
	if len(replaced.PerTenantAcls) != 0 || !replaced.CreatedAt.AsTime().Equal(p.CreatedAt.AsTime()) {
		t.Errorf("replaced by %v", replaced)
	}
	equal(t, s.view.Principal("p"), replaced)
}

func TestSecuringACluster(t *testing.T) {
	s := newStream(t)
	s.caller = Anonymous
	put[*lhpb.Principal](s, s.principal(principalJSON("boss", adminACL, "")))
	s.caller = "boss"
	put[*lhpb.Principal](s, s.principal(principalJSON(Anonymous, "", overwrite)))
	if IsAdmin(s.view.Principal(Anonymous)) {
		t.Error("anonymous is still an admin")
	}
	s.refused(s.principal(principalJSON("boss", "", overwrite)), lh.FailedPrecondition, "boss is the last Admin left")
	s.refused(record(t, "delete_principal", `{"id":{"id":"anonymous"}}`), lh.InvalidArgument, "Deleting the anonymous principal is not allowed")
	s.refused(record(t, "delete_principal", `{"id":{"id":"boss"}}`), lh.PermissionDenied, "cannot delete itself")

	put[*lhpb.Principal](s, s.principal(principalJSON("editor", editorACL, "")))
	s.caller = Anonymous
	s.refused(s.principal(`{"id":"q"}`), lh.PermissionDenied, "Missing permissions [WRITE_METADATA] over resources [ACL_PRINCIPAL]")
	s.refused(record(t, "delete_principal", `{"id":{"id":"editor"}}`), lh.PermissionDenied, "Missing permissions")
	s.caller = "nobody"
	s.refused(s.principal(`{"id":"q"}`), lh.PermissionDenied, "Missing permissions")

	s.caller = "editor"
	put[*lhpb.Principal](s, s.principal(`{"id":"q"}`))
	s.refused(s.principal(principalJSON("r", readerACL, "")), lh.InvalidArgument, "Only admin users can create a principal with global privileges")
	s.refused(record(t, "delete_principal", `{"id":{"id":"boss"}}`), lh.PermissionDenied, "Only admin users can delete")
	s.caller = "boss"
	put[*lhpb.Principal](s, s.principal(principalJSON("second", adminACL, "")))
	s.caller = "editor"
	s.refused(s.principal(`{"id":"boss","overwrite":true}`), lh.PermissionDenied, "Only admin users can change")
	s.caller = "second"
	s.done(record(t, "delete_principal", `{"id":{"id":"boss"}}`))
	s.refused(record(t, "delete_principal", `{"id":{"id":"boss"}}`), lh.NotFound, "Couldn't find provided PrincipalModel")
	s.caller = ""
	s.refused(record(t, "delete_principal", `{"id":{"id":"second"}}`), lh.FailedPrecondition, "last Admin")
}

func TestPutTenant(t *testing.T) {
	s := newStream(t)
	s.caller = Anonymous
	for _, id := range []string{"", "1a", "a_b", "a/b"} {
		s.refused(s.tenantPut(`{"id":"`+id+`"}`), lh.InvalidArgument, "Tenant id must be a valid hostname and not start with a digit")
	}
	first := put[*lhpb.Tenant](s, s.tenantPut(`{"id":"bank","outputTopicConfig":{"defaultRecordingLevel":"NO_ENTITY_EVENTS"}}`))
	if first.CreatedAt.GetSeconds() != 5 || first.OutputTopicConfig == nil {
		t.Errorf("created %v", first)
	}
	off := put[*lhpb.Tenant](s, s.tenantPut(`{"id":"bank"}`))
	if off.OutputTopicConfig != nil || off.CreatedAt.GetSeconds() != 5 {
		t.Errorf("replaced by %v", off)
	}
	rows := len(s.state.Keys())
	equal(t, put[*lhpb.Tenant](s, s.tenantPut(`{"id":"bank"}`)), off)
	if len(s.state.Keys()) != rows {
		t.Error("the same tenant again was written again")
	}
	if d := put[*lhpb.Tenant](s, s.tenantPut(`{"id":"default"}`)); d.CreatedAt == nil {
		t.Error("the default tenant was not written down")
	}
	put[*lhpb.Principal](s, s.principal(`{"id":"reader"}`))
	s.caller = "reader"
	s.refused(s.tenantPut(`{"id":"other"}`), lh.PermissionDenied, "Missing permissions [WRITE_METADATA] over resources [ACL_TENANT]")
}

// Whoever does what to whom, there is an admin, and nobody is given or loses rights by one who may not.
//
// covers: security §5
func TestNobodyTakesTheClusterFromItsAdmins(t *testing.T) {
	people := []string{Anonymous, "ana", "bo", "cy"}
	rights := []string{"", readerACL, editorACL, adminACL, readerACL + "," + adminACL}
	rapid.Check(t, func(rt *rapid.T) {
		s := newStream(t)
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			s.caller = rapid.SampledFrom(people).Draw(rt, "caller")
			whom := rapid.SampledFrom(people).Draw(rt, "whom")
			caller, old := s.view.Principal(s.caller), s.view.Principal(whom)
			mayEdit := IsAdmin(caller) || slices.ContainsFunc(caller.GetGlobalAcls().GetAcls(), func(a *lhpb.ServerACL) bool {
				return slices.Contains(a.Resources, lhpb.ACLResource_ACL_PRINCIPAL)
			})
			command := record(t, "delete_principal", `{"id":{"id":"`+whom+`"}}`)
			if rapid.Bool().Draw(rt, "put") {
				command = s.principal(principalJSON(whom, rapid.SampledFrom(rights).Draw(rt, "rights"), overwrite))
			}
			if s.apply(command).Err != nil {
				if !proto.Equal(s.view.Principal(whom), old) {
					rt.Fatalf("refused, but %s changed", whom)
				}
			} else if now := s.view.Principal(whom); !mayEdit || !IsAdmin(caller) && (IsAdmin(old) || len(now.GetGlobalAcls().GetAcls()) > 0) {
				rt.Fatalf("%v did %v", caller, command)
			} else if now == nil && whom == s.caller {
				rt.Fatalf("%s deleted itself", whom)
			}
			if !slices.ContainsFunc(people, func(id string) bool { return IsAdmin(s.view.Principal(id)) }) {
				rt.Fatalf("no admin is left after %v", command)
			}
		}
	})
}
