// Package openid runs an OpenID provider as a process of its own, which gives tokens to machines and to people.
package openid

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// Start runs a provider and returns its issuer. It ends with the test. More of its environment is told in provider.js.
func Start(t testing.TB, env ...string) (issuer string) {
	t.Helper()
	issuer, _ = Run(t, env...)
	return issuer
}

// Run runs a provider as Start does, and returns its issuer and what ends it before the test has ended.
func Run(t testing.TB, env ...string) (issuer string, stop func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join(install(t), "provider.js"))
	cmd.Env = append(os.Environ(), env...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	if issuer, err = bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the OpenID provider does not start: %v", err)
	}
	return strings.TrimSpace(issuer), stop
}

// files that the provider is made of.
var files = []string{"package.json", "package-lock.json", "provider.js"}

// install fetches what the provider needs, once for all tests, and returns where it is.
func install(t testing.TB) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	all := sha256.New()
	texts := map[string][]byte{}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(here), f))
		if err != nil {
			t.Fatal(err)
		}
		texts[f] = text
		_, _ = all.Write(text)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(cache, "littlehorse-openid")
	final := filepath.Join(root, fmt.Sprintf("%x", all.Sum(nil)[:6]))
	if _, err := os.Stat(final); err == nil {
		return final
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	// Made aside and renamed when complete: a cut short or a simultaneous installation leaves no ruin.
	dir, err := os.MkdirTemp(root, "new-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for f, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, f), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	fetch := exec.CommandContext(t.Context(), "npm", "ci", "--prefix", dir, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	if out, err := fetch.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	if err := os.Rename(dir, final); err != nil {
		if _, statErr := os.Stat(final); statErr != nil {
			t.Fatal(err)
		}
	}
	return final
}
