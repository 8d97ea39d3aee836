package conformance

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"littlehorse/test/lhserver"
)

var (
	endpoint    = flag.String("endpoint", "", "host:port of a running server to test instead of our own binary")
	record      = flag.Bool("record", false, "write the transcripts to testdata instead of comparing; needs -endpoint")
	recordSpecs = flag.Bool("record-specs", false, "write the requests of the official builders to sdk/wf/testdata instead of comparing")
)

// programTimeout ends a program that hangs; one takes about 20 s.
const programTimeout = 10 * time.Minute

// settleMs is how long the programs wait, once they see a change in a foreign server, until they look at all
// of it. Ours shows what one command did at once.
const settleMs = "100"

func TestOfficialClients(t *testing.T) {
	if *record && *endpoint == "" {
		t.Fatal("-record needs -endpoint: what we compare ourselves with comes from the original server")
	}
	watchSources(t)
	server := underTest(t)
	for _, c := range clients {
		t.Run(c.language, func(t *testing.T) {
			t.Parallel()
			got := c.transcript(t, server)
			if *record {
				write(t, c.golden(), got)
				return
			}
			compare(t, c.golden(), got)
		})
	}
}

// underTest returns the address of the server to test: the one that was named, or our own, started for this test.
func underTest(t testing.TB) string {
	t.Helper()
	if *endpoint != "" {
		return *endpoint
	}
	own := lhserver.New(t, t.TempDir())
	own.Start(t)
	t.Cleanup(func() {
		own.Stop(t)
		if t.Failed() {
			t.Logf("the server's last words:\n%s", tail(own.Output(), 60))
		}
	})
	return own.API
}

// A performance is what a program of a client did.
type performance struct {
	prefix         string
	stdout, stderr bytes.Buffer
	// err tells how the program ended, if not well; late, that it was ended since it took too long.
	err  error
	late bool
}

// perform runs a program of the client against the server to its end; env is added to its environment.
func (c client) perform(t testing.TB, p program, server string, env ...string) *performance {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), programTimeout)
	defer cancel()
	cmd, done := c.command(ctx, t, p, server, env...)
	done.err = cmd.Run()
	done.late = ctx.Err() != nil
	return done
}

// command is a program of the client that is to run against the server, and what it will have done.
func (c client) command(ctx context.Context, t testing.TB, p program, server string, env ...string) (*exec.Cmd, *performance) {
	t.Helper()
	install := c.install(t)
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		t.Fatalf("-endpoint %q: %v", server, err)
	}
	done := &performance{prefix: c.language + "-" + randomHex()}
	cmd := c.program(ctx, t, install, p)
	cmd.Env = append(cmd.Environ(),
		"LHC_API_HOST="+host,
		"LHC_API_PORT="+port,
		"LHC_API_PROTOCOL=PLAINTEXT",
		"LHW_TASK_WORKER_ID="+done.prefix+"-worker",
		"LHW_TASK_WORKER_VERSION=v1",
		"LH_CONFORMANCE_PREFIX="+done.prefix,
	)
	cmd.Env = append(cmd.Env, env...)
	if *endpoint != "" {
		cmd.Env = append(cmd.Env, "LH_CONFORMANCE_SETTLE_MS="+settleMs)
	}
	cmd.Stdout, cmd.Stderr = &done.stdout, &done.stderr
	cmd.WaitDelay = 5 * time.Second
	return cmd, done
}

// transcript runs the client's scenarios against the server and returns their normal form.
func (c client) transcript(t *testing.T, server string) []step {
	t.Helper()
	done := c.perform(t, scenarios, server)
	steps, err := parse(&done.stdout, done.prefix)
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(done.stderr.String(), 40))
	}
	unmet := 0
	for _, s := range steps {
		if s.Failed != "" {
			unmet++
			t.Errorf("%s: %s", s.Step, s.Failed)
		}
	}
	if done.err != nil && (unmet == 0 || done.late) {
		t.Errorf("the program ended with %v after %d steps\n%s", done.err, len(steps), tail(done.stderr.String(), 40))
	}
	if t.Failed() && *record {
		t.FailNow()
	}
	return steps
}

func randomHex() string {
	b := make([]byte, 3)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// watchSources looks at every file that the child processes are made of. The go command repeats a cached
// result while the files a test looked at are the same, and it cannot see what a child process reads.
func watchSources(t *testing.T) {
	t.Helper()
	for _, root := range []string{"../../go.mod", "../../go.sum", "../../cmd", "../../internal", "../../lhpb", "."} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			_, err = os.Stat(path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// run executes an installation step and fails the test with its output.
func run(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, tail(string(out), 40))
	}
}
