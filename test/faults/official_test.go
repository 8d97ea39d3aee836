package faults

import (
	"bufio"
	"context"
	_ "embed"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

//go:embed official.py
var official string

// beginOfficial starts the official worker and client, which know the addresses of all servers.
func (l *load) beginOfficial(ctx context.Context, running *sync.WaitGroup) {
	l.w.Helper()
	python := os.Getenv("LH_TEST_PYTHON")
	if python == "" {
		l.w.Fatal("LH_TEST_PYTHON names no Python with the official client: run this test by make cluster-test")
	}
	var hosts []string
	for _, s := range l.w.sites {
		hosts = append(hosts, s.API)
	}
	addresses := strings.TrimSuffix("ipv4:"+strings.Join(hosts, ","), ":2023")
	program := exec.CommandContext(ctx, python, "-c", official)
	program.Env = append(os.Environ(), "LHC_API_HOST="+addresses, "LHC_API_PORT=2023", "LHW_TASK_WORKER_ID=official",
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
			switch what, of, _ := strings.Cut(lines.Text(), " "); what {
			case "acknowledged":
				l.acknowledged(&l.officialAcks, of)
			case "delivered":
				l.delivers(of)
			default:
				l.blame("the official client says %q", lines.Text())
			}
		}
		if err := program.Wait(); ctx.Err() == nil {
			l.blame("the official client has ended: %v: %s", err, complaints)
		}
	})
	for _, s := range l.w.sites {
		s.knows(l.w, "official")
	}
}
