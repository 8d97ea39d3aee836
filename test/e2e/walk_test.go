package e2e

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"littlehorse/test/lhserver"
	"littlehorse/test/pki"
	"littlehorse/test/ports"
)

// walk follows a page of docs/ops as it is printed, with addresses and paths of its own in place of those of the page.
type walk struct {
	t   *testing.T
	ctx context.Context
	dir string
	own *strings.Replacer
	env []string
}

func newWalk(t *testing.T, own ...string) *walk {
	t.Helper()
	w := &walk{t: t, ctx: t.Context(), dir: t.TempDir()}
	for _, name := range []string{"lh", "lhctl"} {
		if err := os.Symlink(lhserver.Binary(t), filepath.Join(w.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	w.own = strings.NewReplacer(append(own, "/var/lib/", w.dir+"/var-", "/backups/", w.dir+"/backup-")...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "LH") {
			w.env = append(w.env, v)
		}
	}
	w.env = append(w.env, "PATH="+w.dir+":"+os.Getenv("PATH"), "HOME="+w.dir)
	return w
}

// printed are what a page has between the marks, in order, in the section under the title, or anywhere.
func printed(t *testing.T, page, section, pattern string) (out []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/ops/" + page)
	if err != nil {
		t.Fatal(err)
	}
	_, within, found := strings.Cut(string(text), section)
	if !found {
		t.Fatalf("%s has no section %q", page, section)
	}
	if at := strings.Index(within, "\n## "); at >= 0 {
		within = within[:at]
	}
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(within, -1) {
		out = append(out, m[1])
	}
	return out
}

// run runs a command as it is printed and gives what it says.
func (w *walk) run(command string, env ...string) (said string, err error) {
	cmd := exec.CommandContext(w.ctx, "sh", "-c", w.own.Replace(command))
	cmd.Dir, cmd.Env = w.dir, append(slices.Clone(w.env), env...)
	b, err := cmd.CombinedOutput()
	return string(b), err
}

func (w *walk) runs(command string, env ...string) string {
	w.t.Helper()
	said, err := w.run(command, env...)
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", command, err, said)
	}
	return said
}

// serves starts lh serve with settings in a file, which lh check has nothing against, and gives what stops it.
func (w *walk) serves(health, settings string) (stop func()) {
	w.t.Helper()
	file := filepath.Join(w.dir, "lh.properties")
	more := "\nLHS_BIND_HOST=127.0.0.1\nLHS_HEALTH_SERVICE_PORT=" + health + "\nLHD_PORT=0\n"
	if err := os.WriteFile(file, []byte(w.own.Replace(settings)+more), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.runs("lh check lh.properties")
	var said strings.Builder
	cmd := exec.Command(filepath.Join(w.dir, "lh"), "serve", file)
	cmd.Env, cmd.Stdout, cmd.Stderr = w.env, &said, &said
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			w.t.Errorf("lh serve: %v\n%s", err, said.String())
		}
	}
	w.t.Cleanup(stop)
	for {
		resp, err := http.Get("http://127.0.0.1:" + health + "/readiness")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return stop
			}
		}
		select {
		case err := <-ended:
			ended <- err
			w.t.Fatalf("lh serve ended: %v\n%s", err, said.String())
		case <-w.ctx.Done():
			w.t.Fatal("the server is not ready")
		default:
		}
	}
}

// Whoever follows "Step by step" of the page on security, and then the page on backups, gets what they promise.
func TestPagesOnSecurityAndBackupWorkAsPrinted(t *testing.T) {
	t.Parallel()
	ca := pki.NewAuthority(t, "ca")
	shown, boss := ca.Server(), ca.Client("boss")
	local, public, health := ports.Free(t), ports.Free(t), ports.Free(t)
	w := newWalk(t, ":2023", ":"+local, ":2024", ":"+public, "lh.example.com", "localhost",
		"/etc/lh/server.pem", shown.Cert, "/etc/lh/server.key", shown.Key, "/etc/lh/clients-ca.pem", ca.File())
	blocks := printed(t, "security.md", "## Listeners", "(?s)```properties\n(LHS_.*?)```")
	steps := printed(t, "security.md", "## Step by step", "`(lhctl [^`]*)`")
	if len(blocks) != 1 || len(steps) != 3 {
		t.Fatalf("the page has other settings or steps: %q %q", blocks, steps)
	}
	settings := blocks[0] + "LHS_STATE_DIR=/var/lib/lh\n"
	stop := w.serves(health, settings)
	atLocal := []string{"LHC_API_HOST=localhost", "LHC_API_PORT=" + local}
	atPublic := []string{
		"LHC_API_HOST=localhost", "LHC_API_PORT=" + public, "LHC_API_PROTOCOL=TLS",
		"LHC_CA_CERT=" + ca.File(), "LHC_CLIENT_CERT=" + boss.Cert, "LHC_CLIENT_KEY=" + boss.Key,
	}
	w.runs(steps[0], atLocal...)
	if said := w.runs(steps[1], atPublic...); !strings.Contains(said, `"boss"`) {
		t.Errorf("%s: %s", steps[1], said)
	}
	w.runs(steps[2], atPublic...)
	if said, err := w.run("lhctl search wfSpec", atLocal...); err == nil || !strings.Contains(said, "PermissionDenied") {
		t.Errorf("LOCAL may still do something: %v %s", err, said)
	}

	backups := printed(t, "backup.md", "# Backup and restore", "```sh test=[^\n]*\n(lh [^\n]*)")
	if len(backups) != 2 {
		t.Fatalf("the page has other commands: %q", backups)
	}
	w.runs(backups[0])
	stop()
	w.runs(backups[1])
	for _, once := range []string{"LOCAL:2023,", "LOCAL:PLAIN,", "LOCAL://localhost:2023,"} {
		settings = strings.Replace(settings, once, "", 1)
	}
	w.serves(health, strings.Replace(settings, "/var/lib/lh", "/var/lib/lh-new", 1))
	if said := w.runs(steps[1], atPublic...); !strings.Contains(said, `"boss"`) {
		t.Errorf("%s after a restore: %s", steps[1], said)
	}
}
