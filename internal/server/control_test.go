package server

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A backup counts once the caller says that the copy is durable: one that fails while it copies counts for nothing.
func TestBackupCountsOnceItIsDurable(t *testing.T) {
	s := start(t, testConfig(t))
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(s.cfg.StateDir, ControlDir, ControlSocket))
	}}
	defer transport.CloseIdleConnections()
	post := func(path string) *http.Response {
		t.Helper()
		res, err := (&http.Client{Transport: transport}).Post("http://server"+path, "", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	copied := func() (is int) {
		t.Helper()
		res := post("/copied")
		defer res.Body.Close()
		return res.StatusCode
	}
	counted := func(want string) {
		t.Helper()
		_, metrics := get(t, "http://"+s.HealthAddr()+"/metrics")
		if line := `lh_backup_timestamp_seconds{lh_cluster_id="cluster1"} ` + want + "\n"; !strings.Contains(metrics, line) {
			t.Errorf("no line %s", line)
		}
	}

	if is := copied(); is != http.StatusConflict {
		t.Errorf("with nothing lent: %d", is)
	}
	lent := post("/checkpoint")
	taken := &Checkpoint{}
	if err := json.NewDecoder(lent.Body).Decode(taken); err != nil {
		t.Fatal(err)
	}
	counted("0")
	if is := copied(); is != http.StatusNoContent {
		t.Errorf("while it is lent: %d", is)
	}
	_ = lent.Body.Close()
	s.lending <- struct{}{} // once it is given back
	is := copied()
	<-s.lending
	if is != http.StatusConflict {
		t.Errorf("after it was given back: %d", is)
	}
	counted(strconv.FormatFloat(float64(taken.Taken.UnixMilli())/1e3, 'g', -1, 64))
	if is := s.told().BackedUp; is != taken.Taken.Format(time.RFC3339) {
		t.Errorf("the dashboard tells of %q", is)
	}
	http.DefaultClient.CloseIdleConnections()
}

// A backup waits for the end of one before it, which may have been killed, and is refused if that lasts.
func TestBackupsWaitForEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(testConfig(t))
		s.lending <- struct{}{}
		begun, answer := time.Now(), httptest.NewRecorder()
		s.controlHandler().ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/checkpoint", http.NoBody))
		if answer.Code != http.StatusConflict || time.Since(begun) != lendPatience {
			t.Errorf("%d after %s", answer.Code, time.Since(begun))
		}
		may := make(chan bool)
		go func() { may <- s.mayLend(t.Context()) }()
		synctest.Wait()
		<-s.lending
		if !<-may {
			t.Error("refused though the one before has ended")
		}
		go func() { may <- s.mayLend(t.Context()) }()
		synctest.Wait()
		close(s.stopping)
		if <-may {
			t.Error("begun while the server stops")
		}
	})
}
