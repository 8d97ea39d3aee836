package engine_test

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/engine"
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// TestInputsLieAnywhere plays each script twice, with all inputs of TaskRuns in their rows and with all of them apart: nobody can tell.
func TestInputsLieAnywhere(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	moved := 0
	for _, path := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { moved += playApart(t, path) })
	}
	if moved == 0 {
		t.Error("no input lay apart")
	}
}

// playApart says how many rows of inputs there were.
func playApart(t *testing.T, path string) (moved int) {
	with := func(apartBytes int) *scenario {
		c := engine.DefaultConfig()
		c.ApartBytes = apartBytes
		s := &scenario{world: newWorld(c), t: t}
		s.each = s.note
		return s
	}
	in, apart := with(math.MaxInt), with(1)
	datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
		for _, s := range []*scenario{in, apart} {
			s.t = t
			s.out.Reset()
			apartBytes := s.config.ApartBytes
			s.command(d)
			if s.config.ApartBytes != apartBytes {
				s.config.ApartBytes = apartBytes
				s.engine = engine.New(s.meta, s.config)
			}
		}
		if in.config.DeleteChunk < engine.DefaultConfig().DeleteChunk {
			return d.Expected // there are more rows to delete, which may take more records
		}
		if got, want := told(apart), told(in); !slices.Equal(got, want) {
			t.Errorf("%s: with inputs apart %s is told\n%s\nand without\n%s", d.Pos, d.Cmd, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		return d.Expected
	})
	for _, s := range []*scenario{in, apart} {
		if err := s.replay(); err != nil {
			t.Errorf("replay: %v", err)
		}
	}
	if n := countRows(in.state, keys.KindTaskInputs); n > 0 {
		t.Errorf("%d TaskRuns have inputs apart that should have none", n)
	}
	return countRows(apart.state, keys.KindTaskInputs)
}

// told is what a script's last command answered, and what readers find.
func told(s *scenario) (out []string) {
	for line := range strings.Lines(s.out.String()) {
		if strings.IndexByte("=*@!", line[0]) >= 0 {
			out = append(out, line)
		}
	}
	for _, k := range s.state.Keys() {
		if k.HasPrefix(keys.In(tenant).Outputs()) {
			out = append(out, jsonOf(s.t, machine.Get[lhpb.OutputTopicRecord](s.state, k)))
		}
		at, err := keys.ParseRun(k)
		if err != nil {
			continue
		}
		switch at.Kind {
		case keys.KindTaskRun:
			out = append(out, jsonOf(s.t, wholeTaskRun(s.t, s.state, k)))
		case keys.KindThreadRun, keys.KindNodeRun, keys.KindVariable, keys.KindUserTaskRun, keys.KindInactive:
			out = append(out, jsonOf(s.t, decode(at.Kind, s.state.Bytes(k))))
		}
	}
	return out
}

func wholeTaskRun(t *testing.T, v machine.View, k keys.Key) *lhpb.TaskRun {
	t.Helper()
	at, err := keys.ParseRun(k)
	if err != nil {
		t.Fatal(err)
	}
	task := proto.CloneOf(machine.Get[lhpb.TaskRun](v, k))
	task.InputVariables = machine.Inputs(v, keys.In(at.Tenant).RunNamed(at.WfRun), task)
	if v.Err() != nil {
		t.Fatal(v.Err())
	}
	return task
}

func countRows(s *sharedState, of keys.RunKind) (n int) {
	for _, k := range s.Keys() {
		if at, err := keys.ParseRun(k); err == nil && at.Kind == of {
			n++
		}
	}
	return n
}

// A value that one Variable and many TaskRuns have stands in one row.
func TestALargeInputIsWrittenOnce(t *testing.T) {
	s := &scenario{world: newWorld(engine.DefaultConfig()), t: t}
	s.putTaskDef("use", "it STR")
	s.putWfSpec("spec", "thread main\n var it STR\n a: TASK use(it)\n b: TASK use(it)\n c: TASK use(it)")
	text := strings.Repeat("x", 4_000)
	fx := s.do(&pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{
		Request:  &lhpb.RunWfRequest{WfSpecName: "spec", Id: new("w"), Variables: map[string]*lhpb.VariableValue{"it": literal(`"` + text + `"`)}},
		WfSpecId: &lhpb.WfSpecId{Name: "spec"},
	}}})
	written := bytesOf(fx)
	for n := 1; n <= 3; n++ {
		id := &lhpb.TaskRunId{WfRunId: &lhpb.WfRunId{Id: "w"}, TaskGuid: fmt.Sprintf("0-%d", n)}
		fx := s.do(&pb.Record{Command: &pb.Record_ClaimTask{ClaimTask: &pb.ClaimTask{TaskRunId: id, Credit: offered}}})
		task, is := fx.Reply.Value.(*lhpb.ScheduledTask)
		if !is || task.Variables[0].Value.GetStr() != text {
			t.Fatalf("task %d is handed out as %v", n, fx.Reply)
		}
		written += bytesOf(fx)
		written += bytesOf(s.do(&pb.Record{Command: &pb.Record_ReportTask{ReportTask: &pb.ReportTask{
			Report: &lhpb.ReportTaskRun{TaskRunId: id, Status: lhpb.TaskStatus_TASK_SUCCESS},
		}}}))
	}
	if stands := countText(s.state, text); stands != 1 || written > 2*len(text) {
		t.Errorf("a text of %d bytes stands in %d places, %d bytes were written", len(text), stands, written)
	}
}

// What a record of an earlier version of the engine makes has its inputs in its row, also on a server that knows better.
func TestInputsOfAnEarlierEngineLieInTheRow(t *testing.T) {
	for version, want := range map[uint32]int{1: 0, 2: 1} {
		s := &scenario{world: newWorld(engine.DefaultConfig()), t: t}
		s.putTaskDef("use", "it STR")
		s.putWfSpec("spec", "thread main\n var it STR\n a: TASK use(it)")
		r := &pb.Record{Header: s.header(), Command: &pb.Record_RunWf{RunWf: &pb.RunWf{
			Request:  &lhpb.RunWfRequest{WfSpecName: "spec", Id: new("w"), Variables: map[string]*lhpb.VariableValue{"it": literal(`"` + strings.Repeat("x", 4_000) + `"`)}},
			WfSpecId: &lhpb.WfSpecId{Name: "spec"},
		}}}
		r.Header.EngineVersion = version
		s.apply(r)
		if got := countRows(s.state, keys.KindTaskInputs); got != want {
			t.Errorf("version %d: %d TaskRuns have inputs apart, want %d", version, got, want)
		}
	}
}

func bytesOf(fx machine.Effects) (n int) {
	for _, c := range fx.Changes {
		if c.Value != nil {
			n += c.Value.SizeVT()
		}
	}
	return n
}

func countText(s *sharedState, text string) (n int) {
	for _, k := range s.Keys() {
		n += bytes.Count(s.Bytes(k), []byte(text))
	}
	return n
}
