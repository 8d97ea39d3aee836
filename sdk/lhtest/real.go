package lhtest

import (
	"context"
	"testing"
	"time"

	lh "littlehorse/sdk/client"
)

// realHost is the variable that names a running server.
const realHost = "LHC_API_HOST"

// Real is Start, but on the running server that LHC_API_HOST names, with the other LHC_ settings of clients, if it is set: the
// same test in memory and, with another environment, where the workflow will run. The server may be an original one.
//
// Definitions are put there and stay; ids of runs differ each time. Other workers for the same tasks would take part in the
// test: let there be none. Time is the machine's there. So it is for tests that neither move the clock nor restart the server,
// and assertions that do not hold at once are tried for up to a minute.
func Real(t testing.TB, definitions ...lh.Definition) *Server {
	t.Helper()
	return StartWith(t, Options{Real: true}, definitions...)
}

// real tells whether the server is not the test's own.
func (s *Server) real() bool { return s.server == nil }

// connect goes to the server that the environment names.
func (s *Server) connect() {
	s.t.Helper()
	if s.options.AutoAdvance {
		s.mustOwn("has a clock that skips")
	}
	config, err := lh.LoadConfig(lh.Environment())
	if err != nil {
		s.t.Fatalf("lhtest: %v", err)
	}
	config.WorkerThreads = s.options.Concurrent
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if s.client, err = lh.Dial(ctx, config); err != nil {
		s.t.Fatalf("lhtest: %v", err)
	}
	s.nonce = string(lh.NewRunID())[:8] + "-"
}

// mustOwn fails the test if the server is not its own.
func (s *Server) mustOwn(what string) {
	s.t.Helper()
	if s.real() {
		s.t.Fatalf("lhtest: only a server of the test's own %s; this is the one that %s names", what, realHost)
	}
}

// glance is the pause between two looks at a running server.
const glance = 20 * time.Millisecond

// holds tells whether a thing is so when everything has happened. On a running server nobody knows when that is: there it
// looks again and again.
func (s *Server) holds(so func() bool) bool {
	s.t.Helper()
	s.Settle()
	for end := time.Now().Add(patience); !so(); time.Sleep(glance) {
		if !s.real() || time.Now().After(end) {
			return false
		}
	}
	return true
}

// goesOn lets time pass until something happens, if anything may.
func (s *Server) goesOn(end time.Time) bool {
	s.t.Helper()
	if s.real() {
		time.Sleep(glance)
		return time.Now().Before(end)
	}
	return s.options.AutoAdvance && s.skip()
}
