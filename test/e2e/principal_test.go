package e2e

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/auth"
	"littlehorse/internal/lh"
	"littlehorse/internal/server"
	"littlehorse/lhpb"
)

const whoKey = "x-test-identity"

// believing takes callers for whom they say they are, as if they had proven it; who says nothing is anonymous.
type believing struct{}

func (believing) Authenticate(ctx context.Context) (auth.Identity, *lh.Error) {
	if who := metadata.ValueFromIncomingContext(ctx, whoKey); len(who) > 0 {
		return auth.Identity{Name: who[0], Proven: true}, nil
	}
	return auth.None{}.Authenticate(ctx)
}

// withIdentities lets clients of a server say who they are.
func withIdentities(cfg *server.Config) { cfg.Listeners[0].Authenticator = believing{} }

// who is the same client for another identity.
func (c *client) who(name string) *client {
	other := *c
	other.ctx = metadata.AppendToOutgoingContext(c.ctx, whoKey, name)
	return &other
}

func acl(action lhpb.ACLAction, resources ...lhpb.ACLResource) *lhpb.ServerACL {
	return &lhpb.ServerACL{Resources: resources, AllowedActions: []lhpb.ACLAction{action}}
}

func acls(all ...*lhpb.ServerACL) *lhpb.ServerACLs { return &lhpb.ServerACLs{Acls: all} }

func admin() *lhpb.ServerACLs {
	return acls(acl(lhpb.ACLAction_ALL_ACTIONS, lhpb.ACLResource_ACL_ALL_RESOURCES))
}

// principal puts a Principal with global ACLs.
func (c *client) principal(id string, global *lhpb.ServerACLs) *lhpb.Principal {
	c.t.Helper()
	return must(c.PutPrincipal(c.ctx, &lhpb.PutPrincipalRequest{Id: id, GlobalAcls: global, Overwrite: true}))(c)
}

func (c *client) tenant(id string) {
	c.t.Helper()
	must(c.PutTenant(c.ctx, &lhpb.PutTenantRequest{Id: id}))(c)
}

// covers: security §2; security §5; security §1
func TestSecuringACluster(t *testing.T) {
	c := inProcess(t, withIdentities)
	if me := must(c.Whoami(c.ctx, nil))(c); me.Id.Id != "anonymous" || !proto.Equal(me.GlobalAcls, admin()) {
		t.Errorf("a new cluster takes its callers for %v", me)
	}
	_, err := c.PutPrincipal(c.ctx, &lhpb.PutPrincipalRequest{Id: "anonymous"})
	c.refused(err, codes.AlreadyExists, "Must set overwrite == true")
	_, err = c.PutPrincipal(c.ctx, &lhpb.PutPrincipalRequest{Id: "anonymous", Overwrite: true})
	c.refused(err, codes.FailedPrecondition, "last Admin")
	first := c.principal("boss", admin())
	boss := c.who("boss")
	if me := must(boss.Whoami(boss.ctx, nil))(c); !proto.Equal(me, first) {
		t.Errorf("the boss is %v, not %v", me, first)
	}

	// From now on nobody but the boss may do anything, and whoever had a call open meets it at the next one.
	must(c.GetPrincipal(c.ctx, &lhpb.PrincipalId{Id: "boss"}))(c)
	boss.principal("anonymous", nil)
	_, err = c.GetPrincipal(c.ctx, &lhpb.PrincipalId{Id: "boss"})
	c.refused(err, codes.PermissionDenied, "Missing permissions [READ] over resources [ACL_PRINCIPAL]")
	must(c.Whoami(c.ctx, nil))(c)

	_, err = boss.DeletePrincipal(boss.ctx, &lhpb.DeletePrincipalRequest{Id: &lhpb.PrincipalId{Id: "anonymous"}})
	c.refused(err, codes.InvalidArgument, "anonymous")
	_, err = boss.DeletePrincipal(boss.ctx, &lhpb.DeletePrincipalRequest{Id: &lhpb.PrincipalId{Id: "boss"}})
	c.refused(err, codes.PermissionDenied, "itself")
	again := boss.principal("boss", admin())
	if !proto.Equal(again, first) {
		t.Errorf("put again, the boss became %v", again)
	}

	boss.principal("deputy", admin())
	deputy := c.who("deputy")
	must(deputy.DeletePrincipal(deputy.ctx, &lhpb.DeletePrincipalRequest{Id: &lhpb.PrincipalId{Id: "boss"}}))(c)
	_, err = boss.Whoami(boss.ctx, nil)
	c.refused(err, codes.PermissionDenied, `"boss"`)
	_, err = deputy.GetPrincipal(deputy.ctx, &lhpb.PrincipalId{Id: "boss"})
	c.refused(err, codes.NotFound, "boss")
	_, err = deputy.PutPrincipal(deputy.ctx, &lhpb.PutPrincipalRequest{Id: "deputy", Overwrite: true})
	c.refused(err, codes.FailedPrecondition, "last Admin")
}

// covers: security §4
func TestIdentitiesWithoutPrincipal(t *testing.T) {
	c := inProcess(t, withIdentities)
	stranger := c.who("stranger@example.org")
	_, err := stranger.Whoami(stranger.ctx, nil)
	c.refused(err, codes.PermissionDenied, `"stranger@example.org"`)
	_, err = stranger.GetServerVersion(stranger.ctx, nil)
	c.refused(err, codes.PermissionDenied, `"stranger@example.org"`)
	_, err = stranger.SearchWfRun(stranger.ctx, &lhpb.SearchWfRunRequest{})
	c.refused(err, codes.PermissionDenied, `"stranger@example.org"`)
	elsewhere := stranger.as("nowhere")
	_, err = elsewhere.Whoami(elsewhere.ctx, nil)
	c.refused(err, codes.PermissionDenied, `"stranger@example.org"`)
	nameless := c.who("")
	_, err = nameless.Whoami(nameless.ctx, nil)
	c.refused(err, codes.PermissionDenied)

	open := inProcess(t, withIdentities, func(cfg *server.Config) { cfg.UnknownIsAnonymous = true })
	stranger = open.who("stranger@example.org")
	if me := must(stranger.Whoami(stranger.ctx, nil))(open); me.Id.Id != "anonymous" {
		t.Errorf("the stranger is %v", me)
	}
	open.principal("stranger@example.org", nil)
	_, err = stranger.SearchWfRun(stranger.ctx, &lhpb.SearchWfRunRequest{})
	open.refused(err, codes.PermissionDenied, "Missing permissions [READ] over resources [ACL_WORKFLOW]")
}

// What a caller has sent of himself is not sent back when he is refused: it may hold a token.
func TestRefusalsTellNothingOfTheRequest(t *testing.T) {
	c := inProcess(t, withIdentities)
	stranger := c.who("stranger@example.org")
	ctx := metadata.AppendToOutgoingContext(stranger.ctx, "authorization", "Bearer a-secret", "x-mine", "a-secret")
	var head, trailer metadata.MD
	_, err := stranger.SearchWfRun(ctx, &lhpb.SearchWfRunRequest{}, grpc.Header(&head), grpc.Trailer(&trailer))
	c.refused(err, codes.PermissionDenied)
	for name, values := range metadata.Join(head, trailer) {
		if name == "authorization" || name == "x-mine" || strings.Contains(strings.Join(values, " "), "a-secret") {
			t.Errorf("the answer has %s: %q", name, values)
		}
	}
}

// covers: security §5; api §6.5
func TestSearchPrincipal(t *testing.T) {
	c := inProcess(t)
	c.tenant("bank")
	c.principal("boss", admin())
	c.principal("clerk", nil)
	teller := &lhpb.PutPrincipalRequest{Id: "teller", PerTenantAcls: map[string]*lhpb.ServerACLs{"bank": admin()}}
	third := must(c.PutPrincipal(c.ctx, teller))(c).CreatedAt
	find := func(what string, req *lhpb.SearchPrincipalRequest, want ...string) {
		t.Helper()
		c.want(what, names(must(c.SearchPrincipal(c.ctx, req))(c).Results, (*lhpb.PrincipalId).GetId), want...)
	}
	isAdmin := func(b bool) *lhpb.SearchPrincipalRequest {
		return &lhpb.SearchPrincipalRequest{PrincipalCriteria: &lhpb.SearchPrincipalRequest_IsAdmin{IsAdmin: b}}
	}
	of := func(tenant string) *lhpb.SearchPrincipalRequest {
		return &lhpb.SearchPrincipalRequest{PrincipalCriteria: &lhpb.SearchPrincipalRequest_TenantId{TenantId: tenant}}
	}
	find("all", &lhpb.SearchPrincipalRequest{}, "anonymous", "boss", "clerk", "teller")
	find("admins", isAdmin(true), "anonymous", "boss")
	find("others", isAdmin(false), "clerk", "teller")
	find("of the bank", of("bank"), "teller")
	find("of nothing", of("nothing"))
	var since, before []string
	before = append(before, "anonymous") // which nobody has put
	for _, id := range []string{"boss", "clerk", "teller"} {
		if must(c.GetPrincipal(c.ctx, &lhpb.PrincipalId{Id: id}))(c).CreatedAt.AsTime().Before(third.AsTime().Truncate(time.Millisecond)) {
			before = append(before, id)
		} else {
			since = append(since, id)
		}
	}
	find("from the third on", &lhpb.SearchPrincipalRequest{EarliestStart: third}, since...)
	find("before the third", &lhpb.SearchPrincipalRequest{LatestStart: timestamppb.New(third.AsTime().Truncate(time.Millisecond).Add(-time.Millisecond))}, before...)
	find("none", &lhpb.SearchPrincipalRequest{EarliestStart: third, LatestStart: &timestamppb.Timestamp{}})
	admins := isAdmin(true)
	admins.EarliestStart = &timestamppb.Timestamp{Seconds: 1}
	find("admins that were put", admins, "boss")

	first := must(c.SearchPrincipal(c.ctx, &lhpb.SearchPrincipalRequest{Limit: ptr(int32(3))}))(c)
	c.want("first page", names(first.Results, (*lhpb.PrincipalId).GetId), "anonymous", "boss", "clerk")
	c.principal("alice", nil)
	c.principal("dora", nil)
	find("second page", &lhpb.SearchPrincipalRequest{Limit: ptr(int32(3)), Bookmark: first.Bookmark}, "dora", "teller")
}

// covers: security §5
func TestACLsComeBackAsTheyWerePut(t *testing.T) {
	c := inProcess(t)
	c.tenant("bank")
	req := &lhpb.PutPrincipalRequest{
		Id: "clerk@example.org", GlobalAcls: acls(acl(lhpb.ACLAction_READ, lhpb.ACLResource_ACL_TENANT, lhpb.ACLResource_ACL_TASK), acl(lhpb.ACLAction_RUN)),
		PerTenantAcls: map[string]*lhpb.ServerACLs{"bank": admin(), "default": acls()},
	}
	put := must(c.PutPrincipal(c.ctx, req))(c)
	want := &lhpb.Principal{Id: &lhpb.PrincipalId{Id: req.Id}, CreatedAt: put.CreatedAt, GlobalAcls: req.GlobalAcls, PerTenantAcls: req.PerTenantAcls}
	for _, got := range []*lhpb.Principal{put, must(c.GetPrincipal(c.ctx, want.Id))(c)} {
		if !proto.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	// What clients of the original read and write back has an empty filter.
	req.Overwrite = true
	req.GlobalAcls.Acls[0].ResourceFilter = &lhpb.ServerACL_Name{}
	if put := must(c.PutPrincipal(c.ctx, req))(c); !proto.Equal(put.GlobalAcls, req.GlobalAcls) {
		t.Errorf("got %v", put.GlobalAcls)
	}
	req.GlobalAcls.Acls[0].ResourceFilter = &lhpb.ServerACL_Prefix{Prefix: "greet"}
	_, err := c.PutPrincipal(c.ctx, req)
	c.refused(err, codes.InvalidArgument, "name or prefix")
}

// What a refused caller gets back is a status, and nothing of what he sent.
//
// covers: security §4
func TestRefusalsEchoNothing(t *testing.T) {
	c := inProcess(t, withIdentities)
	c.principal("clerk", nil)
	clerk := c.who("clerk")
	ctx := metadata.AppendToOutgoingContext(clerk.ctx, "authorization", "Bearer hush")
	var header, trailer metadata.MD
	_, err := c.SearchWfRun(ctx, &lhpb.SearchWfRunRequest{}, grpc.Header(&header), grpc.Trailer(&trailer))
	c.refused(err, codes.PermissionDenied)
	for _, md := range []metadata.MD{header, trailer} {
		for key := range md {
			if key != "content-type" {
				t.Errorf("the answer has %s: %v", key, md[key])
			}
		}
	}
}

// A stream is admitted when it is opened: it goes on when the rights of its Principal end, and no new one opens.
//
// covers: security §4
func TestPollTaskIsAdmittedOnce(t *testing.T) {
	c := inProcess(t, withIdentities)
	c.taskDef("greet")
	c.taskFlow("hello", "greet")
	c.principal("worker", acls(acl(lhpb.ACLAction_READ, lhpb.ACLResource_ACL_TASK)))
	worker := c.who("worker")
	poll := &lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: "greet"}, ClientId: "w"}
	open := must(worker.PollTask(worker.ctx))(c)
	must(open, open.Send(poll))(c)
	c.run("hello", "w1", "Ana")
	if got := must(open.Recv())(c); got.Result.GetTaskRunId().GetWfRunId().GetId() != "w1" {
		t.Errorf("%v", got)
	}
	c.principal("worker", acls(acl(lhpb.ACLAction_RUN, lhpb.ACLResource_ACL_TASK)))
	late := must(worker.PollTask(worker.ctx))(c)
	_, err := late.Recv()
	c.refused(err, codes.PermissionDenied, "Missing permissions [READ] over resources [ACL_TASK]")
	must(open, open.Send(poll))(c)
	c.run("hello", "w2", "Ana")
	if got := must(open.Recv())(c); got.Result.GetTaskRunId().GetWfRunId().GetId() != "w2" {
		t.Errorf("%v", got)
	}
}

// Two admins who take each other's rights at once do not both succeed.
//
// covers: security §5
func TestTheLastAdminStaysWhenAllGoAtOnce(t *testing.T) {
	c := inProcess(t, withIdentities)
	people := []string{"ana", "bo", "cy", "di"}
	for _, p := range people {
		c.principal(p, admin())
	}
	c.who("ana").principal("anonymous", nil)
	var all sync.WaitGroup
	for i, p := range people {
		all.Go(func() {
			me, other := c.who(p), people[(i+1)%len(people)]
			_, _ = me.PutPrincipal(me.ctx, &lhpb.PutPrincipalRequest{Id: other, Overwrite: true})
			_, _ = me.PutPrincipal(me.ctx, &lhpb.PutPrincipalRequest{Id: p, Overwrite: true})
		})
	}
	all.Wait()
	left := 0
	for _, p := range people {
		me := c.who(p)
		if proto.Equal(must(me.Whoami(me.ctx, nil))(c).GlobalAcls, admin()) {
			left++
		}
	}
	if left != 1 {
		t.Errorf("%d admins are left", left)
	}
}

// Each listener finds out by itself who calls: what a client says counts where it is asked for, and nowhere else.
//
// covers: security §3
// holds: IdentityIsProven
func TestEachListenerHasItsAuthentication(t *testing.T) {
	c := inProcess(t, func(cfg *server.Config) {
		cfg.Listeners = append(cfg.Listeners, server.Listener{Name: "PROVEN", Authenticator: believing{}})
	})
	proven := dial(t, c.listener("PROVEN"))
	c.principal("boss", admin())
	boss := proven.who("boss")
	boss.principal("anonymous", nil)
	for name, caller := range map[string]*client{"anonymous": c, "on the wrong listener": c.who("boss"), "anonymous, proven": proven.who("anonymous")} {
		if me := must(caller.Whoami(caller.ctx, nil))(c); me.Id.Id != "anonymous" {
			t.Errorf("%s is %v", name, me)
		}
		_, err := caller.SearchWfRun(caller.ctx, &lhpb.SearchWfRunRequest{})
		c.refused(err, codes.PermissionDenied, "Missing permissions")
	}
	must(boss.SearchWfRun(boss.ctx, &lhpb.SearchWfRunRequest{}))(c)
	ctx := metadata.AppendToOutgoingContext(c.ctx, "_clientid", "boss", "authorization", "Bearer boss")
	if me := must(c.Whoami(ctx, nil))(c); me.Id.Id != "anonymous" {
		t.Errorf("forged metadata made the caller %v", me)
	}
}
