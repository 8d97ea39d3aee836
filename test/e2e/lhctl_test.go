package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/ctl"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
	"littlehorse/test/lhserver"
)

const lhctlScript = "testdata/lhctl.txt"

// The program lhctl and a server, told as a shell session. What commands print is held to the form that the reference
// promises to scripts, and shown on one line with moments, bookmarks and ports made equal. "exit 1" and "stderr:" are there
// when they are. Instead of the shell, "work <taskDef> <output>" is a worker that does one task, "fail" one that fails it,
// "check" one that notes a checkpoint and then does it, and "claim" one that takes it; "register" is a worker's heartbeat;
// "form" shows of a result only that its form is right.
//
// covers: lhctl §1; lhctl §2; lhctl §3; lhctl §4; lhctl §5 get; lhctl §5 search; lhctl §5 list; lhctl §5 count; lhctl §5 run; lhctl §5 put; lhctl §5 deploy; lhctl §5 delete; lhctl §6; lhctl §7
func TestShellSession(t *testing.T) {
	t.Parallel() // it waits for the end of a minute
	playSession(t, lhctlScript)
}

// Why each kind of node waits, in the words of lhctl explain.
//
// covers: lhctl §7
func TestExplanationsOfEachNode(t *testing.T) { playSession(t, "testdata/explain.txt") }

func playSession(t *testing.T, script string) {
	t.Helper()
	c := inProcess(t)
	c.ctx = t.Context() // as long as it takes: what never comes ends with the test
	s := &session{client: c, dir: t.TempDir()}
	s.install(lhserver.Binary(t))
	datadriven.RunTest(t, script, func(t *testing.T, d *datadriven.TestData) string {
		c.t = t
		switch d.Cmd {
		case "sh":
			return s.shell(d.Input)
		case "form":
			if got := s.shell(d.Input); !strings.HasPrefix(got, "{") {
				return got
			}
			return "of its message\n"
		case "claim", "work", "fail", "check":
			return s.work(d.Cmd, strings.Fields(d.Input))
		case "register":
			must(c.RegisterTaskWorker(c.ctx, &lhpb.RegisterTaskWorkerRequest{
				TaskWorkerId: "worker-1", TaskDefId: &lhpb.TaskDefId{Name: strings.TrimSpace(d.Input)},
			}))(c)
			return ""
		default:
			t.Fatalf("unknown %s", d.Cmd)
			return ""
		}
	})
}

// A command that the session leaves out is one that nobody has seen work.
func TestShellSessionHasEveryCommand(t *testing.T) {
	text, err := os.ReadFile(lhctlScript)
	if err != nil {
		t.Fatal(err)
	}
	var missing func(*cobra.Command)
	missing = func(cmd *cobra.Command) {
		for _, child := range cmd.Commands() {
			missing(child)
		}
		if (!cmd.HasSubCommands() || cmd.Annotations[ctl.Prints] != "") && !strings.Contains(string(text), cmd.CommandPath()) {
			t.Errorf("%s does not run %q", lhctlScript, cmd.CommandPath())
		}
	}
	missing(ctl.Root())
}

// session is a shell with lhctl in its path.
type session struct {
	*client
	dir string
	env []string
}

func (s *session) install(binary string) {
	s.t.Helper()
	if err := os.Symlink(binary, filepath.Join(s.dir, "lhctl")); err != nil {
		s.t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(s.listener("PLAIN"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.env = append(os.Environ(), "PATH="+s.dir+":"+os.Getenv("PATH"), "HOME="+s.dir, "LHC_API_HOST="+host, "LHC_API_PORT="+port)
}

// shell runs a script. The results of single commands, which go nowhere else, must have the form of their message.
func (s *session) shell(script string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.ctx, "sh", "-c", script)
	cmd.Dir, cmd.Env, cmd.WaitDelay = s.dir, s.env, 5*time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); s.ctx.Err() != nil || err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("%s\n%v, %s", script, err, &stderr)
	}
	out := stdout.String()
	if d := printedBy(script); d != nil && cmd.ProcessState.ExitCode() == 0 {
		if err := wellFormed(stdout.Bytes(), d); err != nil {
			s.t.Errorf("%s\n%v in\n%s", script, err, out)
		}
		out = oneLine(out)
	}
	for line := range strings.Lines(stderr.String()) {
		out += "stderr: " + line
	}
	if n := cmd.ProcessState.ExitCode(); n != 0 {
		out += fmt.Sprintf("exit %d\n", n)
	}
	for _, c := range changing {
		out = c.pattern.ReplaceAllString(out, c.by)
	}
	return out
}

// changing is what is another at each run.
var changing = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\dT[0-9:.]+Z`), "TIME"},
	{regexp.MustCompile(`\b20\d\d/\d\d/\d\d \d\d:\d\d:\d\d `), "DATE TIME "},
	{regexp.MustCompile(`("bookmark":|--bookmark )\s*[^},\s]+`), "${1}BOOKMARK"},
	{regexp.MustCompile(`"port":\d+`), `"port":PORT`},
	{regexp.MustCompile(`\b[0-9a-f]{32}\b`), "GUID"},
	{regexp.MustCompile(`lhctl version: \S+ \(Git SHA \w+\)`), "lhctl version: VERSION (Git SHA SHA)"},
	{regexp.MustCompile(`\bproto:[ \x{a0}]`), "proto: "}, // the library writes one or the other, by chance
}

func oneLine(document string) string {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(document)); err != nil {
		return document
	}
	return b.String() + "\n"
}

// printedBy is the message that a script prints as JSON: what its last line asks for, unless that goes somewhere else.
func printedBy(script string) protoreflect.MessageDescriptor {
	lines := strings.Split(strings.TrimSpace(script), "\n")
	words := strings.Fields(lines[len(lines)-1])
	asked := slices.Index(words, "lhctl")
	if asked < 0 || slices.ContainsFunc(words, func(w string) bool { return slices.Contains([]string{"|", ">", "-o", "--output", "<<"}, w) }) {
		return nil
	}
	cmd, _, err := ctl.Root().Find(words[asked+1:])
	if err != nil || cmd.Annotations[ctl.Prints] == "" || cmd.CommandPath() == "lhctl explain wfRun" {
		return nil
	}
	name := protoreflect.Name(cmd.Annotations[ctl.Prints])
	if name == "Empty" {
		return (&emptypb.Empty{}).ProtoReflect().Descriptor()
	}
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(lhpb.File_service_proto.Package().Append(name))
	if err != nil {
		found, err = protoregistry.GlobalFiles.FindDescriptorByName(extra.File_littlehorse_extra_v1_explain_proto.Package().Append(name))
	}
	if err != nil {
		panic(err)
	}
	return found.(protoreflect.MessageDescriptor)
}

// work claims the next task of a TaskDef and ends it.
func (s *session) work(how string, words []string) string {
	s.t.Helper()
	stream := must(s.PollTask(s.ctx))(s.client)
	defer func() { _ = stream.CloseSend() }()
	var task *lhpb.ScheduledTask
	for task == nil {
		if err := stream.Send(&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: words[0]}, ClientId: "worker-1"}); err != nil {
			s.t.Fatal(err)
		}
		task = must(stream.Recv())(s.client).Result
	}
	of := task.TaskRunId.WfRunId.Id + " " + task.TaskRunId.TaskGuid + "\n"
	if how == "claim" {
		return of
	}
	done := report(task, str(strings.Join(words[1:], " ")))
	switch how {
	case "fail":
		done.Status = lhpb.TaskStatus_TASK_FAILED
		done.Result = &lhpb.ReportTaskRun_Error{Error: &lhpb.LHTaskError{Type: lhpb.LHErrorType_TASK_FAILURE, Message: strings.Join(words[1:], " ")}}
	case "check":
		must(s.PutCheckpoint(s.ctx, &lhpb.PutCheckpointRequest{TaskRunId: task.TaskRunId, TaskAttempt: task.AttemptNumber, Value: str("half")}))(s.client)
	}
	must(s.ReportTask(s.ctx, done))(s.client)
	return of
}
