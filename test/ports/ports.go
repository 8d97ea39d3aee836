// Package ports finds ports for the servers of tests.
package ports

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
)

// The ports that are given lie below those from which the kernel takes one for a connection, or for who listens anywhere: they
// stay free until a server listens on them, and while it is away.
const (
	first = 10_000
	count = 20_000
)

// given is how many were, from where the process began: each begins elsewhere, so that two hardly ever look at the same port.
var (
	given atomic.Uint32
	begin = rand.Uint32N(count)
)

// Free is a port of this machine that nobody listens on. None is given twice.
func Free(t testing.TB) string {
	t.Helper()
	port, err := FreeAt("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// FreeAt is a port of the host that nobody listens on.
func FreeAt(host string) (string, error) {
	var taken error
	for range 100 {
		port := strconv.Itoa(int(first + (begin+given.Add(1))%count))
		l, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err == nil {
			return port, l.Close()
		}
		taken = err
	}
	return "", fmt.Errorf("no port is free: %w", taken)
}
