package conformance

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// stories are the tests that the examples in each language bring with them: each must say what its twin in Go says.
var stories = map[string]func(ctx context.Context, install string) *exec.Cmd{
	"python": func(ctx context.Context, install string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, filepath.Join(install, "venv", "bin", "python"), "-m", "unittest")
		cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
		return cmd
	},
	"java": func(ctx context.Context, _ string) *exec.Cmd {
		return exec.CommandContext(ctx, "mvn", "-q", "-B", "test")
	},
	"javascript": func(ctx context.Context, install string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "node", "--test")
		cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(install, "node_modules"))
		return cmd
	},
}

// storiesTimeout ends tests that hang; they take half a minute.
const storiesTimeout = 10 * time.Minute

func TestStoriesOfTheExamples(t *testing.T) {
	if *record || *endpoint != "" {
		return // they are about ours
	}
	watchSources(t)
	server := underTest(t)
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		t.Run(c.language, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), storiesTimeout)
			defer cancel()
			cmd := stories[c.language](ctx, c.install(t))
			cmd.Dir = filepath.Join("..", "..", "examples", c.language)
			cmd.Env = append(cmd.Environ(), "LHC_API_HOST="+host, "LHC_API_PORT="+port)
			cmd.WaitDelay = 5 * time.Second
			run(t, cmd)
		})
	}
}

// versions of the clients in the manifests, wherever they stand.
var clientVersion = regexp.MustCompile(`littlehorse-client(?:==|": "|</artifactId>\s*<version>)([0-9.]+)`)

// The examples and the projects of lh new have the clients that are tested here.
func TestOneVersionOfEachClient(t *testing.T) {
	for manifest, others := range map[string][]string{
		"python/requirements.txt": {"examples/python/requirements.txt", "internal/starter/projects/python/requirements.txt.tmpl"},
		"java/pom.xml":            {"examples/java/pom.xml", "internal/starter/projects/java/pom.xml.tmpl"},
		"javascript/package.json": {"examples/javascript/package.json", "internal/starter/projects/javascript/package.json.tmpl"},
	} {
		want := versionIn(t, manifest)
		for _, other := range others {
			if got := versionIn(t, filepath.Join("..", "..", other)); got != want {
				t.Errorf("%s has version %s, %s has %s", other, got, manifest, want)
			}
		}
	}
}

func versionIn(t *testing.T, manifest string) string {
	t.Helper()
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	found := clientVersion.FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s names no client", manifest)
	}
	return string(found[1])
}
