// Package lhserver runs the real binary as a process for the tests that need one: it builds it once, starts
// it on free loopback ports over a data folder, kills it as a power cut would and starts it again.
package lhserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/lhpb"
	"littlehorse/test/ports"
)

var build struct {
	sync.Once
	path string
	err  error
}

// BuildWith builds cmd/lh with other text in the place of the files that are named, by their path or as those of the module, and returns
// its path.
func BuildWith(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	replace := map[string]string{}
	for name, text := range files {
		to := filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(Root(), name)
		}
		replace[name] = to
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "lh")
	if err := goBuild(path, "-overlay", filepath.Join(dir, "overlay.json")); err != nil {
		t.Fatal(err)
	}
	return path
}

// BuildTagged builds cmd/lh with a build tag and returns its path.
func BuildTagged(t testing.TB, tag string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lh")
	if err := goBuild(path, "-tags", tag); err != nil {
		t.Fatal(err)
	}
	return path
}

func goBuild(path string, flags ...string) error {
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, flags...), "./cmd/lh")...)
	cmd.Dir = Root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build ./cmd/lh: %w\n%s", err, out)
	}
	return nil
}

// Binary builds cmd/lh once per test process and returns its path. LH_TEST_BINARY names one built before.
func Binary(t testing.TB) string {
	t.Helper()
	build.Do(func() {
		if p := os.Getenv("LH_TEST_BINARY"); p != "" {
			build.path = p
			return
		}
		dir, err := os.MkdirTemp("", "lh-binary-")
		if err != nil {
			build.err = err
			return
		}
		build.path = filepath.Join(dir, "lh")
		build.err = goBuild(build.path)
	})
	if build.err != nil {
		t.Fatal(build.err)
	}
	return build.path
}

// Root is the folder of the module.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// patience bounds every wait. It is for hangs alone: nothing that works takes so long on any machine.
const patience = 2 * time.Minute

// Server is one server over one data folder, through all its restarts.
type Server struct {
	// API is the address of the public listener, "127.0.0.1:port"; the same after each restart.
	API string
	// Health is the address of the health and metrics endpoint.
	Health string
	// Data is the folder of the store.
	Data string
	// Args are what the binary is told to do; "serve" if there are none.
	Args []string
	// Program is the binary; that of Binary unless told otherwise.
	Program string
	// Wrap, if set, is put before the binary on the command line: a tracer, say.
	Wrap []string

	env []string
	cmd *exec.Cmd
	out *printed
}

// printed is what a process has printed so far.
type printed struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all.String()
}

// New prepares a server over the data folder; env entries ("NAME=value") are added to its environment.
func New(t testing.TB, data string, env ...string) *Server {
	t.Helper()
	p := []string{ports.Free(t), ports.Free(t), ports.Free(t)}
	return &Server{
		API:    "127.0.0.1:" + p[0],
		Health: "127.0.0.1:" + p[1],
		Data:   data,
		env: append([]string{
			"LHS_LISTENERS=PLAIN:" + p[0],
			"LHS_ADVERTISED_LISTENERS=PLAIN://127.0.0.1:" + p[0],
			"LHS_HEALTH_SERVICE_PORT=" + p[1],
			"LHS_INTERNAL_BIND_PORT=" + p[2],
			"LHD_PORT=0",
			"LHS_STATE_DIR=" + data,
		}, env...),
	}
}

// Setenv adds settings, which win over earlier ones, for the next start.
func (s *Server) Setenv(env ...string) { s.env = append(s.env, env...) }

// Start runs the binary and returns when it answers. The process is killed when the test ends.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.Launch(t)
	s.Await(t, patience)
}

// Await returns when the server answers.
func (s *Server) Await(t testing.TB, patience time.Duration) {
	t.Helper()
	conn := s.Dial(t)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := lhpb.NewLittleHorseClient(conn).GetServerVersion(ctx, &emptypb.Empty{}); err != nil {
		s.Kill()
		t.Fatalf("the server does not answer: %v\n%s", err, s.out)
	}
}

// TryStart runs the binary where it should not start, and returns its exit code and what it printed.
func (s *Server) TryStart(t testing.TB) (code int, said string) {
	t.Helper()
	s.Launch(t)
	return s.Exited(), s.Output()
}

// Launch runs the binary and does not wait for it. The process is killed when the test ends.
func (s *Server) Launch(t testing.TB) {
	t.Helper()
	program := s.Program
	if program == "" {
		program = Binary(t)
	}
	args := append(append([]string{}, s.Wrap...), program)
	if args = append(args, s.Args...); len(s.Args) == 0 {
		args = append(args, "serve")
	}
	s.out = &printed{}
	s.cmd = exec.Command(args[0], args[1:]...)
	s.cmd.Env = append(os.Environ(), s.env...)
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	// Its own group, so that a tracer's child goes with it.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd := s.cmd
	t.Cleanup(func() { killGroup(cmd) })
}

// Dial connects to the public listener. Calls wait until the server can be reached: one that was just started again may be
// away for a moment still.
func (s *Server) Dial(t testing.TB) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(s.API, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)), grpc.WithUnaryInterceptor(bounded),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 200 * time.Millisecond},
			MinConnectTimeout: 20 * time.Second, // a server takes connections before it answers
		}))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// bounded ends a call that waits in vain, unless the caller has said when.
func bounded(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, call grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if _, said := ctx.Deadline(); !said {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	return call(ctx, method, req, reply, conn, options...)
}

// Kill ends the process as kill -9 does and waits until it is gone.
func (s *Server) Kill() { killGroup(s.cmd) }

func killGroup(cmd *exec.Cmd) {
	if cmd.ProcessState != nil {
		return
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Wait()
}

// Stop asks for a graceful shutdown and fails the test unless the process ends with exit code 0.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := s.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) || err != nil {
		t.Fatalf("graceful shutdown: %v\n%s", err, s.out)
	}
}

// Exited waits for the process to end by itself and returns its exit code.
func (s *Server) Exited() int {
	_ = s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode()
}

// Output is what the process has printed since its last start.
func (s *Server) Output() string { return s.out.String() }

// AwaitOutput waits until the process has printed text since its last start.
func (s *Server) AwaitOutput(t testing.TB, text string) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(s.Output(), text); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the server does not print %q:\n%s", text, s.Output())
		}
	}
}

// Told is what the health endpoint answers to a path.
func (s *Server) Told(t testing.TB, path string) string {
	t.Helper()
	resp, err := http.Get("http://" + s.Health + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(said)
}

// PID of the running process.
func (s *Server) PID() int { return s.cmd.Process.Pid }
