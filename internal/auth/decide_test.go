package auth

import (
	"context"
	"strings"
	"testing"

	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

const (
	wf    = lhpb.ACLResource_ACL_WORKFLOW
	task  = lhpb.ACLResource_ACL_TASK
	ten   = lhpb.ACLResource_ACL_TENANT
	every = lhpb.ACLResource_ACL_ALL_RESOURCES
	read  = lhpb.ACLAction_READ
	run   = lhpb.ACLAction_RUN
	all   = lhpb.ACLAction_ALL_ACTIONS
)

func acl(a lhpb.ACLAction, r ...lhpb.ACLResource) *lhpb.ServerACL {
	return &lhpb.ServerACL{Resources: r, AllowedActions: []lhpb.ACLAction{a}}
}

func principal(global []*lhpb.ServerACL, perTenant map[string][]*lhpb.ServerACL) *lhpb.Principal {
	p := &lhpb.Principal{Id: &lhpb.PrincipalId{Id: "p"}, GlobalAcls: &lhpb.ServerACLs{Acls: global}, PerTenantAcls: map[string]*lhpb.ServerACLs{}}
	for t, a := range perTenant {
		p.PerTenantAcls[t] = &lhpb.ServerACLs{Acls: a}
	}
	return p
}

func TestDecide(t *testing.T) {
	split := []*lhpb.ServerACL{acl(read, wf), acl(run, task)}
	admin := []*lhpb.ServerACL{acl(all, every)}
	cases := []struct {
		name    string
		p       *lhpb.Principal
		needs   []Required
		refusal string // "" allows
	}{
		{"admin may do everything", principal(admin, nil), []Required{{ten, all}, {wf, run}}, ""},
		{"one ACL must give both", principal(split, nil), []Required{{wf, run}}, "Missing permissions [RUN] over resources [ACL_WORKFLOW]"},
		{"matching ACL", principal(split, nil), []Required{{wf, read}, {task, run}}, ""},
		{"all resources, one action", principal([]*lhpb.ServerACL{acl(read, every)}, nil), []Required{{task, read}}, ""},
		{"all actions, one resource", principal([]*lhpb.ServerACL{acl(all, task)}, nil), []Required{{task, run}}, ""},
		{"no ACL", principal(nil, nil), []Required{{wf, read}}, "Missing permissions"},
		{"no requirement", principal(nil, nil), nil, ""},
		{"tenant entry replaces global ones", principal(split, map[string][]*lhpb.ServerACL{"t": {acl(all, task)}}), []Required{{wf, read}}, "Missing permissions"},
		{"empty tenant entry hides global ones", principal(split, map[string][]*lhpb.ServerACL{"t": nil}), []Required{{wf, read}}, "Missing permissions"},
		{"another tenant's entry does not matter", principal(split, map[string][]*lhpb.ServerACL{"u": nil}), []Required{{wf, read}}, ""},
		{"cluster-scoped under a tenant entry", principal(split, map[string][]*lhpb.ServerACL{"t": {acl(all, every)}}), []Required{{ten, read}}, "cluster-scoped"},
		{"an admin is one under a tenant entry, too", principal(admin, map[string][]*lhpb.ServerACL{"t": nil}), []Required{{ten, read}, {wf, run}}, ""},
		{"all of a tenant is no admin", principal(nil, map[string][]*lhpb.ServerACL{"t": admin}), []Required{{ten, read}}, "cluster-scoped"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := Decide(c.p, "t", c.needs)
			switch {
			case c.refusal == "" && err != nil:
				t.Fatal(err)
			case c.refusal != "" && (err == nil || err.Code != lh.PermissionDenied || !strings.Contains(err.Message, c.refusal)):
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestNoneIsAnonymous(t *testing.T) {
	id, err := None{}.Authenticate(context.Background())
	if err != nil || id.Name != Anonymous || id.Proven {
		t.Fatal(id, err)
	}
}
