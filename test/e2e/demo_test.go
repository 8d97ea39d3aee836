package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
)

// A newcomer sees runs of each kind of state, more of them begin, and nothing is left behind.
func TestDemo(t *testing.T) {
	tmp := t.TempDir()
	s := lhserver.New(t, filepath.Join(t.TempDir(), "unused"), "LHS_CLUSTER_PARTITIONS=2", "TMPDIR="+tmp)
	s.Args = []string{"demo", "--rate", "20"}
	s.Start(t)
	conn := s.Dial(t)
	defer conn.Close()
	api := lhpb.NewLittleHorseClient(conn)
	for _, want := range []struct {
		spec   string
		status lhpb.LHStatus
		runs   int
	}{
		{"order", lhpb.LHStatus_RUNNING, 3},
		{"order", lhpb.LHStatus_ERROR, 1},
		{"order", lhpb.LHStatus_EXCEPTION, 1},
		{"order", lhpb.LHStatus_COMPLETED, 22}, // one more than there are at first
		{"machine-alert", lhpb.LHStatus_RUNNING, 3},
		{"expense", lhpb.LHStatus_RUNNING, 3},
		{"expense", lhpb.LHStatus_COMPLETED, 3},
		{"invoice", lhpb.LHStatus_RUNNING, 2},
		{"invoice", lhpb.LHStatus_COMPLETED, 4},
		{"invoice", lhpb.LHStatus_EXCEPTION, 1},
		{"trip", lhpb.LHStatus_COMPLETED, 5},
		{"trip", lhpb.LHStatus_EXCEPTION, 1},
		{"sales-report", lhpb.LHStatus_COMPLETED, 1},
	} {
		eventually(t, want.spec+" "+want.status.String(), func() bool {
			found, err := api.SearchWfRun(t.Context(), &lhpb.SearchWfRunRequest{WfSpecName: want.spec, Status: &want.status})
			return err == nil && len(found.Results) >= want.runs
		})
	}
	s.Stop(t)
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("the demo leaves %v: %v", left, err)
	}
	if _, err := os.Stat(s.Data); !os.IsNotExist(err) {
		t.Errorf("the demo has used the folder of the settings: %v", err)
	}
}

// A folder that is kept goes on where it was.
func TestDemoGoesOn(t *testing.T) {
	dir := t.TempDir()
	s := lhserver.New(t, filepath.Join(t.TempDir(), "unused"), "LHS_CLUSTER_PARTITIONS=2")
	s.Args = []string{"demo", "--rate", "0", "--data", dir}
	s.Start(t)
	conn := s.Dial(t)
	defer conn.Close()
	api := lhpb.NewLittleHorseClient(conn)
	there := func() bool {
		_, err := api.GetWorkflowMigrationPlan(t.Context(), &lhpb.WorkflowMigrationPlanId{Name: "orders-with-gifts"})
		return err == nil
	}
	eventually(t, "the first runs", there)
	version := newestOrder(t, api)
	s.Stop(t)
	s.Start(t)
	eventually(t, "what was there", there)
	if now := newestOrder(t, api); now != version {
		t.Errorf("the newest version of order was %s, and is %s", version, now)
	}
	s.Stop(t)
}

// What an operator has done with a folder that is kept is no reason for its server to end: here the workers may only read.
func TestDemoOverAFolderWithFewerRights(t *testing.T) {
	dir := t.TempDir()
	s := lhserver.New(t, filepath.Join(t.TempDir(), "unused"), "LHS_CLUSTER_PARTITIONS=2")
	s.Args = []string{"demo", "--rate", "0", "--data", dir}
	s.Start(t)
	conn := s.Dial(t)
	defer conn.Close()
	api := lhpb.NewLittleHorseClient(conn)
	eventually(t, "the first runs", func() bool {
		_, err := api.GetWorkflowMigrationPlan(t.Context(), &lhpb.WorkflowMigrationPlanId{Name: "orders-with-gifts"})
		return err == nil
	})
	all := &lhpb.ServerACLs{Acls: []*lhpb.ServerACL{{
		Resources: []lhpb.ACLResource{lhpb.ACLResource_ACL_ALL_RESOURCES}, AllowedActions: []lhpb.ACLAction{lhpb.ACLAction_ALL_ACTIONS},
	}}}
	read := &lhpb.ServerACLs{Acls: []*lhpb.ServerACL{{
		Resources: []lhpb.ACLResource{lhpb.ACLResource_ACL_ALL_RESOURCES}, AllowedActions: []lhpb.ACLAction{lhpb.ACLAction_READ},
	}}}
	for _, p := range []*lhpb.PutPrincipalRequest{{Id: "boss", GlobalAcls: all}, {Id: "anonymous", GlobalAcls: read, Overwrite: true}} {
		if _, err := api.PutPrincipal(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	s.Stop(t)
	s.Start(t)
	s.AwaitOutput(t, "The demo is there")
	eventually(t, "what was there", func() bool {
		_, err := api.GetLatestWfSpec(t.Context(), &lhpb.GetLatestWfSpecRequest{Name: "order"})
		return err == nil
	})
	s.Stop(t)
}

func newestOrder(t *testing.T, api lhpb.LittleHorseClient) string {
	t.Helper()
	w, err := api.GetLatestWfSpec(t.Context(), &lhpb.GetLatestWfSpecRequest{Name: "order"})
	if err != nil {
		t.Fatal(err)
	}
	return w.Id.String()
}

// eventually asks until it is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not there: %s", what)
		}
	}
}
