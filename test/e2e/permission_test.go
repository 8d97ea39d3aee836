package e2e

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	"littlehorse/lhpb"
)

// permission is what an RPC needs; none is needed if it is open.
type permission struct {
	open     bool
	resource lhpb.ACLResource
	action   lhpb.ACLAction
}

// permissions reads what the documents say.
func permissions(t *testing.T) map[string]permission {
	t.Helper()
	f, err := os.Open("testdata/permissions.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	out := map[string]permission{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		p := permission{open: words[0] == "-"}
		if !p.open {
			resource, known := lhpb.ACLResource_value["ACL_"+words[0]]
			action, knownAction := lhpb.ACLAction_value[words[1]]
			if !known || !knownAction {
				t.Fatalf("cannot use %q", lines.Text())
			}
			p.resource, p.action = lhpb.ACLResource(resource), lhpb.ACLAction(action)
		}
		for _, rpc := range words[2:] {
			if _, twice := out[rpc]; twice {
				t.Fatalf("%s stands there twice", rpc)
			}
			out[rpc] = p
		}
	}
	return out
}

func (p permission) ofCluster() bool {
	return slices.Contains([]lhpb.ACLResource{lhpb.ACLResource_ACL_TENANT, lhpb.ACLResource_ACL_PRINCIPAL, lhpb.ACLResource_ACL_QUOTA}, p.resource)
}

// givenBy reports whether an ACL for one resource and one action gives the permission.
func (p permission) givenBy(r lhpb.ACLResource, a lhpb.ACLAction) bool {
	return p.open ||
		(r == p.resource || r == lhpb.ACLResource_ACL_ALL_RESOURCES) && (a == p.action || a == lhpb.ACLAction_ALL_ACTIONS)
}

// everyACL calls f with each ACL that names one resource and one action.
func everyACL(f func(lhpb.ACLResource, lhpb.ACLAction)) {
	for r := range int32(len(lhpb.ACLResource_name)) {
		for a := range int32(len(lhpb.ACLAction_name)) {
			f(lhpb.ACLResource(r), lhpb.ACLAction(a))
		}
	}
}

// Every RPC is called with every ACL there can be: given globally, and given for the tenant of the call, where it
// replaces global ones that would open everything.
//
// covers: security §4
func TestActionsFitTheirResource(t *testing.T) {
	c := inProcess(t, withIdentities)
	c.ctx = t.Context()
	documented := permissions(t)
	var nearlyAll []*lhpb.ServerACL
	everyACL(func(r lhpb.ACLResource, a lhpb.ACLAction) {
		if r != lhpb.ACLResource_ACL_ALL_RESOURCES && a == lhpb.ACLAction_ALL_ACTIONS {
			nearlyAll = append(nearlyAll, acl(a, r))
		}
	})
	everyACL(func(r lhpb.ACLResource, a lhpb.ACLAction) {
		global, own := fmt.Sprint(a, " ", r), fmt.Sprint("own ", a, " ", r)
		c.principal(global, acls(acl(a, r)))
		hidden := &lhpb.PutPrincipalRequest{
			Id: own, GlobalAcls: acls(nearlyAll...), PerTenantAcls: map[string]*lhpb.ServerACLs{"default": acls(acl(a, r))},
		}
		_, err := c.PutPrincipal(c.ctx, hidden)
		hasOwn := err == nil
		if hasOwn == (permission{resource: r}).ofCluster() {
			t.Errorf("%s: %v", own, err)
		}
		for _, m := range methods() {
			p, known := documented[string(m.Name())]
			if !known {
				t.Fatalf("testdata/permissions.txt does not say what %s needs", m.Name())
			}
			empty := newMessage(t, m.Input())
			judge(t, fmt.Sprintf("%s with %s", m.Name(), global), c.who(global).refusal(m, empty), p.givenBy(r, a))
			if hasOwn {
				judge(t, fmt.Sprintf("%s with %s", m.Name(), own), c.who(own).refusal(m, empty), p.givenBy(r, a) && !p.ofCluster())
			}
		}
	})
}

// refusal sends a request for which nothing waits, and gives its outcome.
func (c *client) refusal(m protoreflect.MethodDescriptor, request any) error {
	c.t.Helper()
	_, err := c.ask(c.ctx, m, request)
	return err
}

func judge(t *testing.T, what string, err error, allowed bool) {
	t.Helper()
	denied := status.Code(err) == codes.PermissionDenied
	if denied == allowed {
		t.Errorf("%s: %v", what, err)
	}
	if denied && !strings.Contains(err.Error(), "Missing permissions") {
		t.Errorf("%s: %v", what, err)
	}
}

// An ACL that gives nothing is accepted, as scripts may have it, and docs/ops/permissions.md names every one.
func TestACLsThatGiveNothing(t *testing.T) {
	text, err := os.ReadFile("../../docs/ops/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	needs, idle := permissions(t), []string{}
	everyACL(func(r lhpb.ACLResource, a lhpb.ACLAction) {
		for _, p := range needs {
			if !p.open && p.givenBy(r, a) {
				return
			}
		}
		word := strings.ToLower(strings.TrimSuffix(a.String(), "_METADATA"))
		idle = append(idle, fmt.Sprintf("`%s:%s`", strings.ToLower(r.String()), word))
	})
	if want := "accepted and give nothing: " + strings.Join(idle, ", ") + "."; !strings.Contains(strings.Join(strings.Fields(string(text)), " "), want) {
		t.Errorf("docs/ops/permissions.md does not say %q", want)
	}
}

// The ACLs that docs/ops/permissions.md recommends are enough for what each is recommended for.
func TestRecommendedACLs(t *testing.T) {
	text, err := os.ReadFile("../../docs/ops/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	needs := permissions(t)
	for who, calls := range map[string]string{
		"a task worker":                                          "RegisterTaskWorker PollTask ReportTask PutCheckpoint GetCheckpoint GetTaskDef",
		"… that registers its TaskDefs":                          "PutTaskDef PutStructDef",
		"whoever starts and watches workflows":                   "RunWf GetWfRun SearchWfRun ListNodeRuns ListVariables AwaitWorkflowEvent StopWfRun ScheduleWf",
		"whoever deploys them":                                   "PutWfSpec PutTaskDef PutStructDef PutExternalEventDef PutWorkflowEventDef PutUserTaskDef",
		"a person who works at user tasks":                       "SearchUserTaskRun GetUserTaskRun SaveUserTaskRunProgress CompleteUserTaskRun PutUserTaskRunComment",
		"a spectator, or a reader of [output topics](output.md)": "SearchWfRun SearchTaskRun GetTenant SearchUserTaskRun CountTaskRun ListExternalEvents",
	} {
		_, row, ok := strings.Cut(string(text), "\n| "+who+" | ")
		row, _, _ = strings.Cut(row, "\n")
		_, given, _ := strings.Cut(row, "`")
		given, _, _ = strings.Cut(given, "`")
		if !ok || given == "" {
			t.Errorf("there is no row for %s", who)
		}
		for call := range strings.FieldsSeq(calls) {
			if !slices.ContainsFunc(strings.Split(given, ","), func(acl string) bool { return givenByText(t, needs[call], acl) }) {
				t.Errorf("%s: %s is not enough for %s", who, given, call)
			}
		}
	}
}

// givenByText reads an ACL as lhctl writes it.
func givenByText(t *testing.T, p permission, text string) bool {
	t.Helper()
	on, action, _ := strings.Cut(strings.ToUpper(text), ":")
	resource, known := lhpb.ACLResource_value[strings.Replace(on, "ALL", "ACL_ALL_RESOURCES", 1)]
	allowed, knownAction := lhpb.ACLAction_value[strings.NewReplacer("WRITE", "WRITE_METADATA", "ALL", "ALL_ACTIONS").Replace(action)]
	if !known || !knownAction {
		t.Fatalf("cannot use %q", text)
	}
	return p.givenBy(lhpb.ACLResource(resource), lhpb.ACLAction(allowed))
}
