package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"regexp"
	"testing"

	"go.uber.org/goleak"

	"littlehorse/test/lhserver"
)

// useServer points the program at the server that LH_TEST_ENDPOINT names, else at a new one of our own.
func useServer(t *testing.T) {
	t.Helper()
	address := os.Getenv("LH_TEST_ENDPOINT")
	if address == "" {
		server := lhserver.New(t, t.TempDir())
		server.Start(t)
		address = server.API
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("LHC_API_HOST", host)
	t.Setenv("LHC_API_PORT", port)
}

func TestHello(t *testing.T) {
	useServer(t)
	leaks := goleak.IgnoreCurrent()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	if err := run(ctx, []string{"register"}, nil); err != nil {
		t.Fatal(err)
	}
	worker := make(chan error, 1)
	go func() { worker <- run(ctx, []string{"worker"}, nil) }()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"run", "Ana"}, &out); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^WfRun [0-9a-f]{32} COMPLETED: hello Ana\n$`).MatchString(out.String()) {
		t.Errorf("%q", out.String())
	}
	stop()
	if err := <-worker; err != nil {
		t.Error(err)
	}
	goleak.VerifyNone(t, leaks)
}

func TestUsage(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	if err := run(t.Context(), []string{"dance"}, nil); err == nil {
		t.Error("an unknown command was accepted")
	}
}
