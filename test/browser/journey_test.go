package browser

import (
	"net"
	"os"
	"os/exec"
	"testing"

	"littlehorse/test/lhserver"
)

// Somebody finds a run that has failed, understands why, rescues it and sees it end; on the way every page is looked at
// for what people with other senses or devices would miss.
func TestJourneys(t *testing.T) {
	port := freePort(t)
	s := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=3", "LHD_PORT="+port)
	s.Start(t)
	seed(t, s.API)
	cmd := exec.CommandContext(t.Context(), "node", "e2e/journeys.mjs")
	cmd.Dir = "../../web"
	cmd.Env = append(os.Environ(), "DASHBOARD=http://127.0.0.1:"+port, "BROKEN="+broken)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

// freePort is a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
