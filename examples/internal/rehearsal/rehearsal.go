// Package rehearsal tests the examples: each must say what its README promises.
package rehearsal

import (
	"bytes"
	"context"
	"net"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"littlehorse/examples/internal/stage"
	"littlehorse/test/lhserver"
)

var (
	// promised is the block of README.md with what the example says.
	promised = regexp.MustCompile("(?s)```text\n(.*?)```")
	// generated are the ids that differ in each run.
	generated = regexp.MustCompile(`[0-9a-f]{32}`)
)

// Hold performs the play and compares what it says with README.md.
func Hold(t *testing.T, p stage.Play) {
	t.Helper()
	UseServer(t)
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := promised.FindSubmatch(readme)
	if want == nil {
		t.Fatal("README.md does not show what the example says")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var got bytes.Buffer
	if err := p.Perform(ctx, &got); err != nil {
		t.Fatalf("%v; it said\n%s", err, got.String())
	}
	if diff := cmp.Diff(even(want[1]), even(got.Bytes())); diff != "" {
		t.Errorf("README.md says otherwise (-README +said):\n%s\nall it said:\n%s", diff, got.String())
	}
}

func even(text []byte) string { return string(generated.ReplaceAll(text, []byte("<id>"))) }

// UseServer points clients at the server that LH_TEST_ENDPOINT names, else at a new one.
func UseServer(t *testing.T) {
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

// Eventually waits until a thing is so.
func Eventually(t *testing.T, so func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}
