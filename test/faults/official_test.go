package faults

import (
	"bufio"
	"context"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

var (
	//go:embed official.py
	officialPython string

	//go:embed Official.java
	officialJava string

	//go:embed official.js
	officialJavaScript string
)

// official is a client of an official package, and its worker where there is one. They know the addresses of all servers.
type official struct {
	language string
	spec     string // what it runs
	acks     atomic.Int64
}

// beginOfficials starts a worker and a client of the Python and of the Java package, and a client of that for JavaScript.
func (l *load) beginOfficials(ctx context.Context, running *sync.WaitGroup) {
	l.w.Helper()
	var hosts []string
	for _, s := range l.w.sites {
		hosts = append(hosts, strings.TrimSuffix(s.API, ":2023"))
	}
	python := exec.CommandContext(ctx, l.w.told("LH_TEST_PYTHON"), "-c", officialPython)
	all := "LHC_API_HOST=ipv4:" + strings.Join(hosts, ":2023,")
	python.Env = []string{all}
	script := exec.CommandContext(ctx, "node", "-e", officialJavaScript)
	script.Env = []string{all, "NODE_PATH=" + l.w.told("LH_TEST_JAVASCRIPT")}

	// The Java client takes a name, and asks all addresses that it stands for.
	folder := l.w.TempDir()
	names, source := filepath.Join(folder, "hosts"), filepath.Join(folder, "Official.java")
	for file, text := range map[string]string{names: strings.Join(hosts, " servers\n") + " servers\n", source: officialJava} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			l.w.Fatal(err)
		}
	}
	java := exec.CommandContext(ctx, "java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-Djdk.net.hosts.file="+names, "-cp", l.w.told("LH_TEST_JAVA"), source)
	java.Env = []string{"LHC_API_HOST=servers"}

	l.begin(ctx, running, &official{language: "Python", spec: "official"}, python)
	l.begin(ctx, running, &official{language: "Java", spec: "official-java"}, java)
	l.begin(ctx, running, &official{language: "JavaScript", spec: "official"}, script)
}

// told is what the environment says, which make does.
func (w *world) told(name string) string {
	w.Helper()
	said := os.Getenv(name)
	if said == "" {
		w.Fatalf("%s is not set: run this test by make cluster-test", name)
	}
	return said
}

// begin starts the program of an official package, and notes what it prints.
func (l *load) begin(ctx context.Context, running *sync.WaitGroup, of *official, program *exec.Cmd) {
	l.w.Helper()
	program.Env = append(append(os.Environ(), program.Env...), "LHC_API_PORT=2023", "LHW_TASK_WORKER_ID="+of.spec,
		"LHC_GRPC_KEEPALIVE_TIME_MS=20000", "LHC_GRPC_KEEPALIVE_TIMEOUT_MS=2000", "ATTEMPT_SECONDS="+strconv.Itoa(int(session.Seconds())))
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	complaints := &strings.Builder{}
	program.Stderr = complaints
	out, err := program.StdoutPipe()
	if err == nil {
		err = program.Start()
	}
	if err != nil {
		l.w.Fatal(err)
	}
	running.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			switch what, which, _ := strings.Cut(lines.Text(), " "); what {
			case "acknowledged":
				l.acknowledged(&of.acks, which)
			case "delivered":
				l.delivers(which)
			default:
				l.blame("the official %s client says %q", of.language, lines.Text())
			}
		}
		if err := program.Wait(); ctx.Err() == nil {
			l.blame("the official %s client has ended: %v: %s", of.language, err, complaints)
		}
	})
	l.officials = append(l.officials, of)
	for _, s := range l.w.sites {
		s.knows(l.w, of.spec)
	}
}
