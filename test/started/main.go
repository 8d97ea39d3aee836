// Command started does what the first pages tell a newcomer to do, from a clone and a home that are empty, and prints how long each
// command took, as a table for docs/start/README.md.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"littlehorse/test/page"
)

func main() {
	keep := flag.Bool("v", false, "print what the commands print, too")
	flag.Parse()
	languages := flag.Args()
	if len(languages) == 0 {
		languages = append([]string{"go"}, page.OtherLanguages...)
	}
	out := io.Discard
	if *keep {
		out = os.Stderr
	}
	if err := tryAll(languages, out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// tryAll makes one clone, whose server the first language builds for all.
func tryAll(languages []string, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "started-")
	if err != nil {
		return err
	}
	// What Go has fetched is not to be written, not even by its owner.
	defer func() {
		err = errors.Join(err, exec.Command("chmod", "-R", "u+w", dir).Run(), os.RemoveAll(dir))
	}()
	for _, language := range languages {
		if err := try(language, dir, os.Stdout, out); err != nil {
			return fmt.Errorf("%s: %w", language, err)
		}
	}
	return nil
}

func try(language, dir string, table, out io.Writer) error {
	name := "docs/start/" + language + ".md"
	text, err := os.ReadFile(filepath.Join(page.Root(), name))
	if err != nil {
		return err
	}
	blocks, err := page.Parse(name, string(text))
	if err != nil {
		return err
	}
	home := filepath.Join(dir, language)
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	clone := filepath.Join(dir, "littlehorse")
	_, err = os.Stat(clone)
	cmd := exec.Command("bash", "-c", script(blocks, clone, err == nil))
	cmd.Dir = home
	var said bytes.Buffer
	if cmd.Env, err = environment(home); err != nil {
		return err
	}
	cmd.Stdout = io.MultiWriter(&said, out)
	cmd.Stderr = cmd.Stdout
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, said.String())
	}
	return write(table, language, &said)
}

// environment is that of somebody who has the tools and nothing else, on ports that are free. How the machine reaches registries is
// no part of a home.
func environment(home string) ([]string, error) {
	was := os.Getenv("HOME")
	// Maven's home is Java's, which does not ask the environment.
	env := []string{"HOME=" + home, "MAVEN_OPTS=-Duser.home=" + home, "REPOSITORY=" + page.Root(), "NPM_CONFIG_USERCONFIG=" + filepath.Join(was, ".npmrc")}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case name == "HOME", name == "GOENV", strings.HasPrefix(name, "LH"), strings.HasPrefix(name, "XDG_"), name == "GOCACHE", name == "GOMODCACHE", name == "GOPATH", name == "MAVEN_OPTS":
		default:
			env = append(env, v)
		}
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return nil, err
	}
	var ports [3]int
	for n := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports[n] = l.Addr().(*net.TCPAddr).Port
	}
	return append(env, "GOENV="+filepath.Join(config, "go", "env"), "LHD_PORT=0",
		fmt.Sprintf("LHC_API_PORT=%d", ports[0]), fmt.Sprintf("LHS_LISTENERS=PLAIN:%d", ports[0]),
		fmt.Sprintf("LHS_ADVERTISED_LISTENERS=PLAIN://localhost:%d", ports[0]),
		fmt.Sprintf("LHS_HEALTH_SERVICE_PORT=%d", ports[1]), fmt.Sprintf("LHS_INTERNAL_BIND_PORT=%d", ports[2])), nil
}

// mark stands before what bash says of a command's time.
const mark = "@@ "

// script does the blocks one line after the other, each timed by bash. A server that is built is not built again.
func script(blocks []page.Block, clone string, built bool) string {
	var s strings.Builder
	s.WriteString("set -eum -o pipefail\n" +
		"trap 'for job in $(jobs -p); do kill -- -$job 2>/dev/null || true; done; wait' EXIT\n" +
		"TIMEFORMAT='" + mark + "%R %U %S'\n")
	step := func(label, command string) {
		fmt.Fprintf(&s, "echo %s\ntime %s\n", quoted(mark+label), command)
	}
	if !built {
		step("`git clone`, of a folder of the machine", `git clone -q "$REPOSITORY" `+quoted(clone))
	}
	s.WriteString("cd " + quoted(clone) + "\n")
	for n, b := range blocks {
		if b.Language != "sh" {
			continue
		}
		log := fmt.Sprintf(`"$HOME"/log-%d`, n)
		if b.Is("background") {
			fmt.Fprintf(&s, "( %s\n) > %s 2>&1 &\n", b.Text, log)
			step(fmt.Sprintf("`%s`, until it is ready", strings.TrimSpace(b.Text)), fmt.Sprintf("until grep -qF %s %s; do kill -0 $! || { cat %[2]s; exit 1; }; sleep 0.05; done", quoted(b.Values["until"]), log))
			continue
		}
		if b.Is("soon") {
			step("… until the run has ended and its greeting is there", fmt.Sprintf("until said=$( %s\n) && grep -q 'hello Ana' <<< \"$said\"; do sleep 0.05; done", b.Text))
			continue
		}
		for line := range strings.Lines(b.Text) {
			line = strings.TrimSpace(line)
			switch word, _, _ := strings.Cut(line, " "); {
			case word == "cd" || word == "export":
				s.WriteString(line + "\n")
			case line == "make build" && built:
			case line == "lh serve":
				fmt.Fprintf(&s, "( cd \"$HOME\"; exec lh serve ) > %s 2>&1 &\n", log)
				step("`lh serve`, until it answers", "until lhctl version > /dev/null 2>&1; do kill -0 $! || { cat "+log+"; exit 1; }; sleep 0.05; done")
				s.WriteString("cd \"$HOME\"\n") // the project is made beside the clone
			default:
				step("`"+line+"`", line)
			}
		}
	}
	return s.String()
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

var times = regexp.MustCompile(`^([0-9.]+) ([0-9.]+) ([0-9.]+)$`)

// write makes rows of the table: a label and the times behind it.
func write(table io.Writer, language string, said io.Reader) error {
	label, lines := "", bufio.NewScanner(said)
	for lines.Scan() {
		_, text, found := strings.Cut(lines.Text(), mark) // behind what a program has left on the line
		if !found {
			continue
		}
		took := times.FindStringSubmatch(text)
		if took == nil {
			label = text
			continue
		}
		cpu := seconds(took[2]) + seconds(took[3])
		if _, err := fmt.Fprintf(table, "| %s | %s | %.1f s | %.1f s |\n", language, label, seconds(took[1]), cpu); err != nil {
			return err
		}
		language = ""
	}
	return lines.Err()
}

func seconds(text string) (s float64) {
	_, _ = fmt.Sscan(text, &s) // the pattern has numbers alone
	return s
}
