package crash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"littlehorse/lhpb"
	"littlehorse/test/chain"
	"littlehorse/test/lhserver"
)

// TestBackupUnderLoad takes backups of a busy server, one of them from a command that is killed, and restores the
// last one: every run acknowledged before it was begun is there and goes on.
//
// holds: LostDisksAreRebuilt
func TestBackupUnderLoad(t *testing.T) {
	dir := t.TempDir()
	data, copied, restored := filepath.Join(dir, "data"), filepath.Join(dir, "backup"), filepath.Join(dir, "restored")
	s := lhserver.New(t, data, "LHS_CLUSTER_PARTITIONS=4")
	l := chain.New()
	s.Start(t)
	conn := s.Dial(t)
	defer conn.Close()
	client := lhpb.NewLittleHorseClient(conn)
	chain.Register(t, client)
	ctx, cancel := context.WithCancel(context.Background())
	stopped := l.Start(ctx, client, 0)
	l.WaitFor(t, 500)

	killed := filepath.Join(dir, "killed")
	killInTheMiddle(t, killed, "backup", "--state-dir", data, killed)
	before := l.Snapshot()
	out := lh(t, "backup", "--state-dir", data, copied)
	if !strings.Contains(out, "holds what was acknowledged until") || strings.Contains(out, "warning") {
		t.Errorf("lh backup says %q", out)
	}
	l.WaitFor(t, 100) // it still works
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
	after := &chain.Load{Acked: before, Delivered: map[string]int{}}
	stopped = after.StartWorkers(ctx, client)
	after.CompleteAll(ctx, t, client)
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
	chain.Register(t, lhpb.NewLittleHorseClient(conn))
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

// killInTheMiddle ends an `lh` that fills the folder to, as kill -9 does, when it has written some files of it and not
// all: strace holds it before it makes the third durable.
func killInTheMiddle(t *testing.T, to string, args ...string) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal("strace is missing: install it (Debian: apt-get install strace)")
	}
	const third = "inject=fsync:delay_enter=3600000000:when=3"
	cmd := exec.Command(strace, append([]string{"-f", "-qq", "-e", "trace=fsync", "-e", third, "-o", os.DevNull, lhserver.Binary(t)}, args...)...)
	said := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	for files := 0; files < 3; {
		select {
		case <-ended:
			t.Fatalf("lh %s ended before it was killed: %s", args[0], said)
		default:
		}
		if files, err = countFiles(partial(t, to)); err != nil {
			t.Fatal(err)
		}
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	<-ended
	if there, _ := os.ReadDir(to); len(there) > 0 {
		t.Errorf("%s has %d files after lh %s was killed", to, len(there), args[0])
	}
}

// partial is what an interrupted command has left of the folder; "" if there is nothing.
func partial(t *testing.T, of string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(of), "."+filepath.Base(of)+".partial-*"))
	if err != nil || len(found) > 1 {
		t.Fatal(found, err)
	}
	if len(found) == 0 {
		return ""
	}
	return found[0]
}

func countFiles(dir string) (int, error) {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return len(files), err
}

// TestKilledRestore kills `lh restore` in the middle: the state folder is as it was, absent or empty, what is left is
// no state folder, and the next restore makes all of it.
func TestKilledRestore(t *testing.T) {
	dir := t.TempDir()
	data, copied := filepath.Join(dir, "data"), filepath.Join(dir, "backup")
	s := lhserver.New(t, data, "LHS_CLUSTER_PARTITIONS=4")
	s.Start(t)
	conn := s.Dial(t)
	defer conn.Close()
	client := lhpb.NewLittleHorseClient(conn)
	chain.Register(t, client)
	const runs = 20
	for i := range runs {
		id := fmt.Sprint("run-", i)
		if _, err := client.RunWf(t.Context(), &lhpb.RunWfRequest{WfSpecName: "chain", Id: &id}); err != nil {
			t.Fatal(err)
		}
	}
	lh(t, "backup", "--state-dir", data, copied)
	s.Stop(t)

	for _, exists := range []bool{false, true} {
		to := filepath.Join(dir, fmt.Sprint("restored-", exists))
		if exists {
			if err := os.Mkdir(to, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		killInTheMiddle(t, to, "restore", "--state-dir", to, copied)
		if _, err := os.Stat(to); exists != (err == nil) {
			t.Errorf("the folder was there: %t; after the restore was killed: %v", exists, err)
		}
		left := partial(t, to)
		if out, err := exec.Command(lhserver.Binary(t), "backup", "--state-dir", left, filepath.Join(dir, "copy")).CombinedOutput(); err == nil {
			t.Errorf("what is left passes for a state folder: %s", out)
		}
		lh(t, "restore", "--state-dir", to, copied)
		again := lhserver.New(t, to, "LHS_CLUSTER_PARTITIONS=4")
		again.Start(t)
		conn := again.Dial(t)
		client := lhpb.NewLittleHorseClient(conn)
		for i := range runs {
			if _, err := client.GetWfRun(t.Context(), &lhpb.WfRunId{Id: fmt.Sprint("run-", i)}); err != nil {
				t.Errorf("run-%d: %v", i, err)
			}
		}
		_ = conn.Close()
		again.Stop(t)
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

func lh(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(lhserver.Binary(t), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("lh %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
