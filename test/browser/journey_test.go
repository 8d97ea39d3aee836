package browser

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
	"littlehorse/test/ports"
)

// Somebody finds a run that has failed, understands why, rescues it and sees it end; on the way every page is looked at
// for what people with other senses or devices would miss. The browser's side of it is web/e2e/journeys.mjs.
func TestJourneys(t *testing.T) {
	port := ports.Free(t)
	s := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=3", "LHD_PORT="+port)
	s.Start(t)
	seed(t, s.API)
	seedLanes(t, s.API)
	travel(t, s, "journeys.mjs", "DASHBOARD=http://127.0.0.1:"+port, "BROKEN="+broken)
}

// Over what the demo has, all other pages are looked at, and what can be done on them is done.
func TestJourneysThroughTheDemo(t *testing.T) {
	port := ports.Free(t)
	s := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=3", "LHD_PORT="+port)
	s.Args = []string{"demo", "--rate", "0", "--data", s.Data}
	s.Start(t)
	awaitDemo(t, s)
	travel(t, s, "demo.mjs", "DASHBOARD=http://127.0.0.1:"+port)
}

// awaitDemo waits for what the demo makes last.
func awaitDemo(t *testing.T, s *lhserver.Server) {
	t.Helper()
	conn := s.Dial(t)
	defer conn.Close()
	api := lhpb.NewLittleHorseClient(conn)
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		_, err := api.GetWorkflowMigrationPlan(t.Context(), &lhpb.WorkflowMigrationPlanId{Name: "orders-with-gifts"})
		switch {
		case err == nil:
			return
		case time.Now().After(end):
			t.Fatal(err)
		}
	}
}

// travel runs the browser's side of journeys.
func travel(t *testing.T, s *lhserver.Server, journeys string, env ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "e2e/"+journeys)
	cmd.Dir = "../../web"
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		what, asked := strings.CutPrefix(lines.Text(), "please ")
		if !asked {
			t.Log(lines.Text())
			continue
		}
		please(t, s, what)
		if _, err := io.WriteString(in, "done\n"); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

// please does what a journey asks for.
func please(t *testing.T, s *lhserver.Server, what string) {
	t.Helper()
	switch what {
	case "stop":
		s.Stop(t)
	case "start":
		s.Start(t)
	case "limit":
		limit(t, s)
	default:
		t.Fatalf("a journey asks for %q", what)
	}
}

// limit leaves everybody the right to read, and no other.
func limit(t *testing.T, s *lhserver.Server) {
	t.Helper()
	conn := s.Dial(t)
	defer conn.Close()
	api := lhpb.NewLittleHorseClient(conn)
	for _, p := range []*lhpb.PutPrincipalRequest{
		{Id: "boss", GlobalAcls: may(lhpb.ACLAction_ALL_ACTIONS)},
		{Id: "anonymous", GlobalAcls: may(lhpb.ACLAction_READ), Overwrite: true},
	} {
		if _, err := api.PutPrincipal(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
}

func may(action lhpb.ACLAction) *lhpb.ServerACLs {
	return &lhpb.ServerACLs{Acls: []*lhpb.ServerACL{{
		Resources: []lhpb.ACLResource{lhpb.ACLResource_ACL_ALL_RESOURCES}, AllowedActions: []lhpb.ACLAction{action},
	}}}
}
