package conformance

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A client is one official client: how its package is installed and how our program that uses it is run.
type client struct {
	language string
	// tools that must be on the machine; the first, asked for its version, is part of what is cached.
	tools   []string
	version []string
	// manifests pin the package and all it depends on; a changed one makes a new installation.
	manifests []string
	// fetch puts the package into the folder, which holds copies of the manifests.
	fetch func(ctx context.Context, dir string) []*exec.Cmd
	// program is the command that runs one of our programs with an installation.
	program func(ctx context.Context, t testing.TB, install string, p program) *exec.Cmd
}

// A program is one of those that we have in each language.
type program string

const (
	scenarios program = "conformance"
	examples  program = "examples"
	pace      program = "pace"
	month     program = "month"
	specs     program = "specs"
	restarts  program = "restarts"
)

var clients = []client{
	{
		language:  "python",
		tools:     []string{"python3"},
		version:   []string{"--version"},
		manifests: []string{"python/requirements.txt"},
		fetch: func(ctx context.Context, dir string) []*exec.Cmd {
			return []*exec.Cmd{
				exec.CommandContext(ctx, "python3", "-m", "venv", filepath.Join(dir, "venv")),
				exec.CommandContext(ctx, filepath.Join(dir, "venv", "bin", "python"), "-m", "pip", "install",
					"--quiet", "--disable-pip-version-check", "--no-deps", "-r", filepath.Join(dir, "requirements.txt")),
			}
		},
		program: func(ctx context.Context, _ testing.TB, install string, p program) *exec.Cmd {
			cmd := exec.CommandContext(ctx, filepath.Join(install, "venv", "bin", "python"), "-m", string(p))
			cmd.Dir = "python"
			cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
			return cmd
		},
	},
	{
		language:  "java",
		tools:     []string{"java", "javac", "mvn"},
		version:   []string{"-version"},
		manifests: []string{"java/pom.xml"},
		fetch: func(ctx context.Context, dir string) []*exec.Cmd {
			return []*exec.Cmd{exec.CommandContext(ctx, "mvn", "-q", "-B", "-f", filepath.Join(dir, "pom.xml"),
				"org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies",
				"-DincludeScope=runtime", "-DoutputDirectory="+filepath.Join(dir, "lib"))}
		},
		program: func(ctx context.Context, t testing.TB, install string, p program) *exec.Cmd {
			folder, main := "java", "Conformance"
			switch p {
			case scenarios:
			case examples:
				folder, main = "java/examples", "examples.Examples"
			case pace:
				main = "Pace"
			case month:
				main = "Month"
			case restarts:
				main = "Restarts"
			case specs:
				folder, main = "java/specs", "specs.Specs"
			}
			sources, err := filepath.Glob(folder + "/*.java")
			if err != nil {
				t.Fatal(err)
			}
			classes := t.TempDir()
			libraries := filepath.Join(install, "lib", "*")
			run(t, exec.CommandContext(ctx, "javac", append([]string{"-proc:none", "-d", classes, "-cp", libraries}, sources...)...))
			return exec.CommandContext(ctx, "java", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
				"-cp", classes+string(os.PathListSeparator)+libraries, main)
		},
	},
	{
		language:  "javascript",
		tools:     []string{"node", "npm"},
		version:   []string{"--version"},
		manifests: []string{"javascript/package.json", "javascript/package-lock.json"},
		fetch: func(ctx context.Context, dir string) []*exec.Cmd {
			return []*exec.Cmd{exec.CommandContext(ctx, "npm", "ci", "--prefix", dir,
				"--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")}
		},
		program: func(ctx context.Context, _ testing.TB, install string, p program) *exec.Cmd {
			cmd := exec.CommandContext(ctx, "node", "./"+string(p))
			cmd.Dir = "javascript"
			cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(install, "node_modules"))
			return cmd
		},
	},
}

func (c client) golden() string { return filepath.Join("testdata", c.language+".golden") }

// install fetches the client's package unless the cache has it, and returns the folder.
func (c client) install(t testing.TB) string {
	t.Helper()
	for _, tool := range c.tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("the %s client cannot be tested: %s is not on this machine (needed: %s)",
				c.language, tool, strings.Join(c.tools, ", "))
		}
	}
	final := filepath.Join(cacheRoot(t), c.language+"-"+c.fingerprint(t))
	if _, err := os.Stat(final); err == nil {
		return final
	}
	// Made aside and renamed when complete: a cut short or a simultaneous installation leaves no ruin.
	dir, err := os.MkdirTemp(filepath.Dir(final), c.language+"-new-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for _, m := range c.manifests {
		text, err := os.ReadFile(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(m)), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, cmd := range c.fetch(t.Context(), dir) {
		run(t, cmd)
	}
	if err := os.Rename(dir, final); err != nil {
		if _, statErr := os.Stat(final); statErr != nil {
			t.Fatal(err)
		}
	}
	return final
}

// fingerprint names an installation by what it was made of.
func (c client) fingerprint(t testing.TB) string {
	t.Helper()
	version, err := exec.CommandContext(t.Context(), c.tools[0], c.version...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", c.tools[0], err, version)
	}
	h := sha256.New()
	h.Write(version)
	for _, m := range c.manifests {
		text, err := os.ReadFile(m)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(text)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:6])
}

func cacheRoot(t testing.TB) string {
	t.Helper()
	base := os.Getenv("XDG_CACHE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		base = filepath.Join(home, ".cache")
	}
	root := filepath.Join(base, "littlehorse-conformance")
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}
