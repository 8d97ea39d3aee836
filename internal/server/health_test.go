package server

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// covers: operations §3
// holds: MetricsAndHealthOn1822
func TestHealthPort(t *testing.T) {
	dir, wrong, stores := t.TempDir(), "", map[string]standbyStore{}
	if err := os.WriteFile(filepath.Join(dir, "x"), make([]byte, 123), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHealth(DefaultConfig().Health, probes{
		dead:     func() string { return wrong },
		unready:  func() string { return wrong },
		status:   func() status { return statusOf("localhost", 2011, 1, []int{0, 1}, "RUNNING") },
		standbys: func() map[string]standbyStore { return stores },
		disk: func() (disk, error) {
			used, err := diskUse(dir)
			return disk{UsageBytes: used, FreeBytes: 45, ReserveBytes: 50, Room: "scarce"}, err
		},
		metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "metrics") }),
	})
	ask := func(method, target string) (int, string, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
		if w.Header().Get("Connection") != "close" {
			t.Errorf("%s %s leaves the connection open", method, target)
		}
		return w.Code, w.Header().Get("Content-Type"), w.Body.String()
	}
	cases := []struct {
		method, target string
		code           int
		kind, body     string
	}{
		{"GET", "/liveness", 200, "text/plain", "OK!"},
		{"GET", "/readiness", 200, "text/plain", "OK!"},
		{"GET", "/standby-status", 200, "application/json", "{}"},
		{"GET", "/diskUsage", 200, "application/json", `{"diskUsageBytes":123,"diskFreeBytes":45,"diskReserveBytes":50,"diskRoom":"scarce"}`},
		{"GET", "/metrics", 200, "text/plain; charset=utf-8", "metrics"},
		{"GET", "/liveness/", 404, "", ""},
		{"GET", "/liveness?x=1", 404, "", ""},
		{"GET", "/liveness?", 404, "", ""},
		{"GET", "/", 404, "", ""},
		{"HEAD", "/liveness", 405, "", ""},
		{"POST", "/liveness", 405, "", ""},
	}
	for _, c := range cases {
		if code, kind, body := ask(c.method, c.target); code != c.code || kind != c.kind || body != c.body {
			t.Errorf("%s %s: %d %q %q", c.method, c.target, code, kind, body)
		}
	}
	wrong = "the disk has failed"
	if code, _, body := ask("GET", "/liveness"); code != 500 || body != wrong {
		t.Errorf("%d %q", code, body)
	}
	stores[coreStore] = standbyStore{coreStore, []standbyPartition{{3, "c-core-cmd", 4710, 4711, 1}}, 12}
	if _, _, body := ask("GET", "/standby-status"); body != `{"core-store":{"storeName":"core-store","partitions":[`+
		`{"partition":3,"topic":"c-core-cmd","currentOffset":4710,"endOffset":4711,"currentLag":1}],"clusterPartitions":12}}` {
		t.Error(body)
	}
	_, _, body := ask("GET", "/status")
	const want = `{"host":"localhost","port":2011,"instanceId":"1",` +
		`"coreActiveTasks":[{"partition":0,"processingLag":0},{"partition":1,"processingLag":0}],"repartitionActiveTasks":[{"partition":0,"processingLag":0},{"partition":1,"processingLag":0}],"timerActiveTasks":[],` +
		`"coreStandbyTasks":[],"repartitionStandbyTasks":[],"timerStandbyTasks":[],"coreState":"RUNNING","restorations":[]}`
	if body != want || !json.Valid([]byte(body)) {
		t.Errorf("got  %s\nwant %s", body, want)
	}
}
