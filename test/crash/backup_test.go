package crash

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
)

// TestBackupUnderLoad takes backups of a busy server, one of them from a command that is killed, and restores the
// last one: every run acknowledged before it was begun is there and goes on.
func TestBackupUnderLoad(t *testing.T) {
	dir := t.TempDir()
	data, copied, restored := filepath.Join(dir, "data"), filepath.Join(dir, "backup"), filepath.Join(dir, "restored")
	s := lhserver.New(t, data, "LHS_CLUSTER_PARTITIONS=4")
	l := &load{acked: map[string]bool{}, delivered: map[string]int{}}
	s.Start(t)
	conn := s.Dial(t)
	defer conn.Close()
	client := lhpb.NewLittleHorseClient(conn)
	register(t, client)
	ctx, cancel := context.WithCancel(context.Background())
	stopped := l.start(ctx, client, 0)
	l.waitFor(t, 500)

	kill(t, data, filepath.Join(dir, "killed"))
	before := l.snapshot()
	out := lh(t, "backup", "--state-dir", data, copied)
	if !strings.Contains(out, "holds what was acknowledged until") {
		t.Errorf("lh backup says %q", out)
	}
	l.waitFor(t, 100) // it still works
	cancel()
	stopped()
	s.Kill()
	gone(t, filepath.Join(data, "control", "checkpoint"), s)

	lh(t, "restore", "--state-dir", restored, copied)
	if out, err := exec.Command(lhserver.Binary(t), "restore", "--state-dir", restored, copied).CombinedOutput(); err == nil {
		t.Errorf("restored into a folder that is not empty: %s", out)
	}
	again := lhserver.New(t, restored, "LHS_CLUSTER_PARTITIONS=4")
	again.Start(t)
	conn2 := again.Dial(t)
	defer conn2.Close()
	client = lhpb.NewLittleHorseClient(conn2)
	ctx, cancel = context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	after := &load{acked: before, delivered: map[string]int{}}
	stopped = after.startWorkers(ctx, client)
	after.completeAll(ctx, t, client)
	cancel()
	stopped()
	t.Logf("%d acknowledged runs before the backup", len(before))
}

// TestBackupOfAStoppedServer needs no server, and none can start meanwhile.
func TestBackupOfAStoppedServer(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	s := lhserver.New(t, data)
	s.Start(t)
	conn := s.Dial(t)
	defer conn.Close()
	register(t, lhpb.NewLittleHorseClient(conn))
	s.Stop(t)
	lh(t, "backup", "--state-dir", data, filepath.Join(dir, "backup"))
	lh(t, "restore", "--state-dir", filepath.Join(dir, "restored"), filepath.Join(dir, "backup"))
	again := lhserver.New(t, filepath.Join(dir, "restored"))
	again.Start(t)
	conn2 := again.Dial(t)
	defer conn2.Close()
	if _, err := lhpb.NewLittleHorseClient(conn2).GetLatestWfSpec(t.Context(), &lhpb.GetLatestWfSpecRequest{Name: "chain"}); err != nil {
		t.Error(err)
	}
}

// kill ends `lh backup` as soon as it has begun to write, or lets it end if it is too quick.
func kill(t *testing.T, data, to string) {
	t.Helper()
	cmd := exec.Command(lhserver.Binary(t), "backup", "--state-dir", data, to)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		partial, err := filepath.Glob(filepath.Join(filepath.Dir(to), ".killed.partial-*"))
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-ended:
			return
		default:
		}
		if len(partial) > 0 {
			_ = cmd.Process.Kill()
			<-ended
			if _, err := os.Stat(to); err == nil {
				t.Log("the backup was done before it was killed")
			}
			return
		}
	}
}

// gone wants that nothing lent is left behind once the server starts again.
func gone(t *testing.T, path string, s *lhserver.Server) {
	t.Helper()
	s.Start(t)
	if _, err := os.Stat(path); err == nil {
		t.Errorf("%s is left", path)
	}
	s.Kill()
}

func (l *load) snapshot() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.acked)
}

func lh(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(lhserver.Binary(t), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("lh %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
