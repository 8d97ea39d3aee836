package kafka

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"littlehorse/lhpb"
	"littlehorse/test/chain"
	"littlehorse/test/lhserver"
)

// lethalBuild is a server that is killed when it applies that a WfRun with the id "lethal" is started.
func lethalBuild(t *testing.T) string {
	t.Helper()
	const file, apply = "internal/engine/engine.go", "	t := e.begin(v, r.GetHeader())\n"
	text, err := os.ReadFile("../../" + file)
	if err != nil || !strings.Contains(string(text), apply) {
		t.Fatalf("%v, or it is built otherwise", err)
	}
	dies := "	if r.GetRunWf().GetRequest().GetId() == \"lethal\" {\n		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)\n		select {}\n	}\n"
	changed := strings.Replace(string(text), apply, dies+apply, 1)
	return lhserver.BuildWith(t, map[string]string{file: strings.Replace(changed, "import (\n", "import (\n	\"syscall\"\n", 1)})
}

// TestLethalRecordIsSkipped lets a record end the server three times: then its partition rests and the others are served, until `lh skip` drops it.
//
// covers: operations §6 trouble
// survives: 11 lethal; 11 skip
func TestLethalRecordIsSkipped(t *testing.T) {
	cluster := newCluster()
	s := newServer(t, t.TempDir(), cluster)
	s.Program = lethalBuild(t)
	s.Start(t)
	conn := s.Dial(t)
	defer conn.Close()
	client := lhpb.NewLittleHorseClient(conn)
	chain.Register(t, client)
	const runs = 12
	for n := range runs {
		start(t, client, fmt.Sprintf("run-%d", n))
	}
	id := "lethal"
	go func() { _, _ = client.RunWf(t.Context(), &lhpb.RunWfRequest{WfSpecName: "chain", Id: &id}) }()
	for death := range 3 {
		if code := s.Exited(); code != -1 {
			t.Fatalf("death %d: exit code %d", death, code)
		}
		s.Launch(t)
	}
	s.Await(t, time.Minute)
	s.AwaitOutput(t, "ended this process")
	if n := answered(t, client, runs); n == 0 || n == runs {
		t.Errorf("%d of %d runs are answered while one partition rests", n, runs)
	}
	said := regexp.MustCompile(`"stream":"(c/[0-9])","offset":([0-9]+)`).FindStringSubmatch(s.Output())
	if said == nil {
		t.Fatal("the server does not say which record it is")
	}
	skip := newServer(t, t.TempDir(), cluster)
	skip.Args = []string{"skip", said[1], said[2]}
	if code, out := skip.TryStart(t); code != 0 || !strings.Contains(out, "will be applied by nobody") {
		t.Fatalf("%d, %s", code, out)
	}
	for end := time.Now().Add(time.Minute); ; {
		n := answered(t, client, runs)
		if n == runs {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d runs are answered although the record is skipped", n, runs)
		}
	}
	if _, err := client.GetWfRun(t.Context(), &lhpb.WfRunId{Id: id}); status.Code(err) != codes.NotFound {
		t.Errorf("what was skipped: %v", err)
	}
	s.Stop(t)
	s.Start(t)
	if n := answered(t, client, runs); n != runs {
		t.Errorf("after a restart %d of %d runs are answered", n, runs)
	}
}

// answered is how many of the runs are there; those whose partition rests are not waited for.
func answered(t *testing.T, client lhpb.LittleHorseClient, runs int) (n int) {
	t.Helper()
	for i := range runs {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		_, err := client.GetWfRun(ctx, &lhpb.WfRunId{Id: fmt.Sprintf("run-%d", i)})
		cancel()
		switch status.Code(err) {
		case codes.OK:
			n++
		case codes.Unavailable, codes.DeadlineExceeded:
		default:
			t.Fatal(err)
		}
	}
	return n
}

// TestSkippingSaysWhatIsWrong names what there is not.
func TestSkippingSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"c/4 1", `"c/4" is no stream of run data: they are called c/0 to c/3 and p/0 to p/3`},
		{"m/0 1", "no stream of run data"},
		{"c/01 1", "no stream of run data"},
		{"c/0 0", "records are counted from 1"},
		{"c/0 x", `"x" is no offset`},
		{"c/0 1", "the brokers have no topic"},
	} {
		s := newServer(t, t.TempDir(), "nobody")
		s.Args = append([]string{"skip"}, strings.Fields(c.args)...)
		if code, out := s.TryStart(t); code == 0 || !strings.Contains(out, c.want) {
			t.Errorf("%s: %d, %s", c.args, code, out)
		}
	}
}
