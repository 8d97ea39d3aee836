package e2e

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
	"littlehorse/test/page"
	"littlehorse/test/ports"
)

func TestPageOnTracesWorksAsPrinted(t *testing.T) {
	t.Parallel()
	at := &traceCollector{}
	collector := httptest.NewServer(at)
	t.Cleanup(collector.Close)
	var settings []string
	for _, s := range page.Of(t, "docs/ops/tracing.md").Serves(t) {
		settings = append(settings, strings.ReplaceAll(s, "http://localhost:4318", collector.URL))
	}
	s := lhserver.New(t, t.TempDir(), settings...)
	s.Start(t)
	conn := s.Dial(t)
	if _, err := lhpb.NewLittleHorseClient(conn).Whoami(t.Context(), &emptypb.Empty{}); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	s.Stop(t)
	at.mu.Lock()
	defer at.mu.Unlock()
	for _, span := range at.spans {
		if span.Name == "littlehorse.LittleHorse/Whoami" {
			return
		}
	}
	t.Errorf("the collector got %v", at.spans)
}

// The machine's service manager is the test: it restarts the server when the page tells it to.
func TestPageOnUpgradesWorksAsPrinted(t *testing.T) {
	t.Parallel()
	port, health := ports.Free(t), ports.Free(t)
	w := newWalk(t, "/etc/lh/server.properties", "lh.properties")
	settings := "LHS_LISTENERS=PLAIN:" + port + "\nLHS_STATE_DIR=/var/lib/lh\n"
	client := []string{"LHC_API_HOST=localhost", "LHC_API_PORT=" + port}
	stop := w.serves(health, settings)
	w.runs("lhctl put tenant before", client...)
	restarted := false
	for line := range strings.Lines(page.Of(t, "docs/ops/upgrades.md").Text) {
		if line == "systemctl restart lh\n" {
			stop()
			stop, restarted = w.serves(health, settings), true
			continue
		}
		w.runs(line, client...)
	}
	if !restarted {
		t.Error("the page restarts nothing")
	}
	if said := w.runs("lhctl get tenant before", client...); !strings.Contains(said, `"before"`) {
		t.Errorf("after the upgrade: %s", said)
	}
	stop()
	w.runs("lh restore --state-dir /var/lib/lh-back /backups/before")
	w.serves(health, strings.Replace(settings, "/var/lib/lh", "/var/lib/lh-back", 1))
	if said := w.runs("lhctl get tenant before", client...); !strings.Contains(said, `"before"`) {
		t.Errorf("of the backup: %s", said)
	}
}

// Two servers of ours stand side by side, and are measured for a moment.
func TestPageOnMeasuringWorksAsPrinted(t *testing.T) {
	t.Parallel()
	ours, other := lhserver.New(t, t.TempDir()), lhserver.New(t, t.TempDir())
	ours.Start(t)
	other.Start(t)
	w := newWalk(t,
		"127.0.0.1:2023", ours.API, "server-pid=4711", fmt.Sprintf("server-pid=%d", ours.PID()),
		"127.0.0.1:12023", other.API, "server-pid=4801", fmt.Sprintf("server-pid=%d", other.PID()), "server-pid=4802", fmt.Sprintf("server-pid=%d", os.Getpid()),
		"--rounds 3", "--rounds 1 --warm 0 --pause 0s", "--duration 10s", "--duration 300ms",
	)
	command := page.Of(t, "docs/bench.md").Text
	if w.own.Replace(command) == command {
		t.Fatal("the page has another command")
	}
	said := strings.Split(strings.TrimSpace(w.runs(strings.TrimSuffix(command, "\n")+" 2> progress")), "\n")
	var last struct {
		Sides []struct {
			Side    string
			Figures map[string]any
		}
		Ratios []struct{ Of, Over string }
	}
	if err := json.Unmarshal([]byte(said[len(said)-1]), &last); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if len(said) != 3 || len(last.Sides) != 2 || len(last.Ratios) != 1 || last.Ratios[0].Of != "ours" || last.Ratios[0].Over != "original" {
		t.Fatalf("it prints\n%s", strings.Join(said, "\n"))
	}
	for _, side := range last.Sides {
		if side.Figures["taskRunsPerSecond"] == nil || side.Figures["serverCpuUsPerTaskRun"] == nil {
			t.Errorf("%s has the figures %v", side.Side, side.Figures)
		}
	}
}
