package page

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"littlehorse/test/lhserver"
	"littlehorse/test/ports"
)

// Patience is how long a page may take.
const Patience = 9 * time.Minute

var program struct {
	sync.Once
	path string
	err  error
}

// binary is lh, inside the repository, so that it knows where the SDK is.
func binary(t testing.TB) string {
	t.Helper()
	program.Do(func() {
		program.path = os.Getenv("LH_TEST_BINARY")
		if program.path != "" {
			return
		}
		program.path = filepath.Join(Root(), ".cache", "pages", "lh")
		build := exec.Command("go", "build", "-o", program.path, "./cmd/lh")
		build.Dir = Root()
		if out, err := build.CombinedOutput(); err != nil {
			program.err = fmt.Errorf("go build ./cmd/lh: %w\n%s", err, out)
			return
		}
		program.err = os.Setenv("LH_TEST_BINARY", program.path)
	})
	if program.err != nil {
		t.Fatal(program.err)
	}
	return program.path
}

// Site is a server for pages.
type Site struct {
	*lhserver.Server
	// dashboard is its address in the browser.
	dashboard string
}

// Server starts one for pages, with all that it can serve.
func Server(t testing.TB) *Site {
	t.Helper()
	binary(t)
	port := ports.Free(t)
	s := lhserver.New(t, t.TempDir(), "LHD_PORT="+port, "LHD_OUTPUT_STREAM=true")
	s.Start(t)
	return &Site{Server: s, dashboard: "localhost:" + port}
}

// Environ points clients at the server.
func (s *Site) Environ() []string {
	host, port, _ := net.SplitHostPort(s.API)
	return []string{"LHC_API_HOST=" + host, "LHC_API_PORT=" + port, "LH_HEALTH=" + s.Health}
}

// Execute does what a page says, in a new folder, with lh and lhctl at hand and clients pointed at the server, or at the one that the
// page starts. Addresses of the page are those of the server.
func Execute(t testing.TB, blocks []Block, server *Site) {
	t.Helper()
	tools, folder := t.TempDir(), t.TempDir()
	for _, name := range []string{"lh", "lhctl"} {
		if err := os.Symlink(binary(t), filepath.Join(tools, name)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	addresses := strings.NewReplacer("localhost:8080", server.dashboard, "localhost:1822", server.Health)
	cmd := exec.CommandContext(ctx, "bash", "-c", addresses.Replace(script(blocks)))
	cmd.Dir = folder
	cmd.Env = append(os.Environ(),
		"PATH="+tools+string(os.PathListSeparator)+os.Getenv("PATH"),
		"GOFLAGS=-mod=mod", "PYTHONDONTWRITEBYTECODE=1", "REPOSITORY="+Root(),
	)
	cmd.Env = append(cmd.Env, server.Environ()...)
	if slices.ContainsFunc(blocks, func(b Block) bool { return b.Is("own") }) {
		cmd.Env = append(cmd.Env, own(t)...)
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	out, err := cmd.CombinedOutput()
	said := split(string(out))
	if err != nil {
		last := "the page"
		for n, b := range blocks {
			if _, begun := said[n]; begun {
				last = b.At
			}
		}
		t.Fatalf("%s: %v\n%s", last, err, tail(string(out), 60))
	}
	for n, b := range blocks {
		if b.Language != "text" || n == 0 {
			continue
		}
		if missing := prints(said[n-1], b.Text); missing != "" {
			t.Errorf("%s: not printed: %s\nprinted:\n%s", b.At, missing, said[n-1])
		}
	}
}

// own are the settings of a server that a page starts itself, and of its clients.
func own(t testing.TB) []string {
	t.Helper()
	api, health, internal := ports.Free(t), ports.Free(t), ports.Free(t)
	return []string{
		"LHS_LISTENERS=PLAIN:" + api, "LHS_ADVERTISED_LISTENERS=PLAIN://127.0.0.1:" + api, "LHS_HEALTH_SERVICE_PORT=" + health,
		"LHS_INTERNAL_BIND_PORT=" + internal, "LHD_PORT=0",
		"LHC_API_HOST=127.0.0.1", "LHC_API_PORT=" + api, "LH_HEALTH=127.0.0.1:" + health,
	}
}

// mark stands in the output before what a block prints.
const mark = "\x01block "

// script makes one shell script of a page, so that a cd counts for all that follows. Each background block has a process
// group, which ends with the page.
func script(blocks []Block) string {
	var s strings.Builder
	s.WriteString("set -euo pipefail; set -m; exec 2>&1\n" +
		"trap 'exit 1' TERM\n" +
		"trap 'for job in $(jobs -p); do kill -- -$job 2>/dev/null || true; done; wait' EXIT\n")
	for n, b := range blocks {
		fmt.Fprintf(&s, "printf '%%b%d\\n' '\\001block '\n", n)
		log := fmt.Sprintf("\"$OLDPWD_OF_PAGE\"/.block-%d", n)
		switch {
		case b.Values["file"] != "":
			fmt.Fprintf(&s, "mkdir -p \"$(dirname %[1]s)\"; cat > %[1]s <<'END_OF_FILE'\n%[2]sEND_OF_FILE\n", b.Values["file"], b.Text)
		case b.Language != "sh" || b.Is("server") || b.Elsewhere():
		case b.Is("background"), b.Is("own"):
			fmt.Fprintf(&s, "( %s\n) > %s 2>&1 &\n", b.commands(), log)
			if until := b.Values["until"]; until != "" {
				fmt.Fprintf(&s, "for try in $(seq 4800); do grep -qF -- %[1]s %[2]s && break; kill -0 $! 2>/dev/null && sleep 0.1 || { cat %[2]s; exit 1; }; done\n",
					quoted(strings.ReplaceAll(until, "_", " ")), log)
			}
		case b.Is("soon") && n+1 < len(blocks) && blocks[n+1].Language == "text":
			fmt.Fprintf(&s, "for try in $(seq 300); do said=$( %s\n) || true; { %s; } && break; sleep 0.2; done; echo \"$said\"\n",
				b.commands(), strings.Join(promises(blocks[n+1].Text), " && "))
		case b.Values["in"] != "":
			fmt.Fprintf(&s, "( %s\n)\n", b.commands())
		default:
			s.WriteString(b.Text)
		}
	}
	return "OLDPWD_OF_PAGE=$PWD\n" + s.String()
}

// commands are those of a block that runs in a shell of its own.
func (b Block) commands() string {
	text := strings.TrimSuffix(b.Text, "\n")
	if b.Values["in"] == "repository" {
		text = "cd \"$REPOSITORY\"; bin/lhctl() { lhctl \"$@\"; }\n" + text
	}
	return text
}

// promises are the commands that look for each line of a text in what was said, not only for the last: a block may have several
// commands, and what the first shows may come after what the second does.
func promises(text string) []string {
	var commands []string
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		commands = append(commands, "grep -qE -- "+quoted("^ *"+like(line)+" *$")+` <<< "$said"`)
	}
	return commands
}

// split tells what each block has printed.
func split(out string) map[int]string {
	said := map[int]string{}
	for part := range strings.SplitSeq(out, mark) {
		number, text, _ := strings.Cut(part, "\n")
		if n, err := strconv.Atoi(number); err == nil {
			said[n] = text
		}
	}
	return said
}

var generated = regexp.MustCompile(`[0-9a-f]{32}`)

// like is the pattern of a promised line: ids differ from run to run, and … is anything.
func like(line string) string {
	pattern := generated.ReplaceAllString(regexp.QuoteMeta(strings.TrimSpace(line)), `[0-9a-f]{32}`)
	return strings.ReplaceAll(pattern, "…", ".*")
}

// quoted is a word for the shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// prints gives the first promised line that was not printed behind those before it.
func prints(said, promised string) string {
	lines := strings.Split(said, "\n")
	for want := range strings.Lines(promised) {
		want = strings.TrimSpace(want)
		if want == "" {
			continue
		}
		pattern := regexp.MustCompile("^" + like(want) + "$")
		found := -1
		for n, line := range lines {
			if pattern.MatchString(strings.TrimSpace(line)) {
				found = n
				break
			}
		}
		if found < 0 {
			return want
		}
		lines = lines[found+1:]
	}
	return ""
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
