package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckReadsTheVariablesOfTraces(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	var out bytes.Buffer
	cmd := checkCommand()
	cmd.SetArgs([]string{os.DevNull})
	cmd.SetOut(&out)
	cmd.SetErr(&bytes.Buffer{})
	if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(out.String(), "problem: OTEL_EXPORTER_OTLP_PROTOCOL: ") {
		t.Errorf("%v, said\n%s", err, out.String())
	}
}

func TestCheckSaysEveryProblemAndWarning(t *testing.T) {
	const open = "warning: LHS_LISTENERS_AUTHENTICATION_MAP: listener %s: calls are not authenticated: " +
		"whoever reaches it may do what the principal \"anonymous\" may\n"
	for _, c := range []struct {
		name, settings, want string
		fails                bool
	}{
		{"nothing set", "", fmt.Sprintf(open, "PLAIN") + "no problems, 1 warnings\n", false},
		{
			"unknown name", "LHS_NO_SUCH_THING=1\n",
			"warning: LHS_NO_SUCH_THING: unknown setting, ignored\n" + fmt.Sprintf(open, "PLAIN") + "no problems, 2 warnings\n", false,
		},
		{
			"two problems and a warning", "LHS_NO_SUCH_THING=1\nLHS_LISTENERS=A:1\nLHS_LISTENERS_PROTOCOL_MAP=A:TLS\nLHS_HEALTH_PATH_STATUS=/liveness\n",
			"warning: LHS_NO_SUCH_THING: unknown setting, ignored\n" + fmt.Sprintf(open, "A") +
				"problem: LHS_HEALTH_PATH_STATUS: /liveness is the path of LHS_HEALTH_PATH_LIVENESS\n" +
				"problem: LHS_LISTENER_A_CERT: not set, but listener A has protocol TLS\n", true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "server.properties")
			if err := os.WriteFile(file, []byte(c.settings), 0o600); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			cmd := checkCommand()
			cmd.SetArgs([]string{file})
			cmd.SetOut(&out)
			cmd.SetErr(&bytes.Buffer{})
			if err := cmd.ExecuteContext(t.Context()); (err != nil) != c.fails {
				t.Errorf("the command ends with %v", err)
			}
			if out.String() != c.want {
				t.Errorf("said\n%swant\n%s", out.String(), c.want)
			}
		})
	}
}
