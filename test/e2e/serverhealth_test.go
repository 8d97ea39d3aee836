package e2e

import (
	"encoding/json"
	"net/http"
	"testing"

	"littlehorse/internal/dashboard"
)

// How the server is is told to pages, and to nobody whom the listener does not know.
func TestPagesAreToldHowTheServerIs(t *testing.T) {
	c, by := bridged(t)
	c.principal("boss", admin())
	header := http.Header{"Content-Type": {"application/json"}, "X-Lh-Ui": {"1"}, "Authorization": {"Bearer boss"}}
	code, _, text, err := by.to("/ui").post(c.ctx, "/v1/server", header, "{}")
	if err != nil || code != http.StatusOK {
		t.Fatal(code, text, err)
	}
	var s dashboard.Server
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	if s.State != "RUNNING" || s.Problem != "" || s.Partitions == 0 || s.DiskUsageBytes == 0 || s.DiskFreeBytes == 0 || len(s.Listeners) != 2 {
		t.Errorf("%+v", s)
	}
	for who, want := range map[string]http.Header{
		"nobody":         {"Content-Type": {"application/json"}, "X-Lh-Ui": {"1"}, "Authorization": {"Bearer nobody"}},
		"without token":  {"Content-Type": {"application/json"}, "X-Lh-Ui": {"1"}},
		"another's page": {"Content-Type": {"application/json"}, "X-Lh-Ui": {"1"}, "Authorization": {"Bearer boss"}, "Origin": {"http://elsewhere.example"}},
	} {
		if code, _, text, err := by.to("/ui").post(c.ctx, "/v1/server", want, "{}"); err != nil || code < 400 {
			t.Errorf("%s: %d %s %v", who, code, text, err)
		}
	}
}
