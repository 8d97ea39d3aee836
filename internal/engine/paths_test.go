package engine_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"littlehorse/internal/engine"
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// The ways that a NodeRun can take.
const (
	completes   = "completes"
	fails       = "fails"
	handled     = "failure handled"
	haltResumed = "halted, goes on"
	interrupted = "interrupted, goes on"
	rescued     = "rescued"
	stopped     = "stopped for good"
)

var ways = []string{completes, fails, handled, haltResumed, interrupted, rescued, stopped}

var nodeKinds = []string{
	"ENTRYPOINT", "NOP", "EXIT", "TASK", "EXTERNAL_EVENT", "SLEEP", "USER_TASK", "START_THREAD", "START_MULTIPLE_THREADS",
	"WAIT_FOR_THREADS", "WAIT_FOR_CONDITION", "THROW_EVENT", "RUN_CHILD_WF", "WAIT_FOR_CHILD_WF",
}

// neverSeen are the cells that no workflow can fill, and why.
func neverSeen(kind, way string) string {
	switch {
	case way == interrupted && instantaneous(kind):
		return "no event finds a thread here"
	case kind == "USER_TASK" && (way == haltResumed || way == interrupted):
		return "a halt cancels the UserTaskRun"
	case way == handled && kind == "EXIT":
		return "no way leads on from it"
	default:
		return ""
	}
}

func instantaneous(kind string) bool {
	switch kind {
	case "ENTRYPOINT", "NOP", "START_THREAD", "START_MULTIPLE_THREADS", "THROW_EVENT", "RUN_CHILD_WF":
		return true
	default:
		return false
	}
}

const pathsTable = "../../docs/paths.md"

// TestPaths runs all scripts and watches which ways the NodeRuns take. Each way that there is must be shown.
func TestPaths(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := paths{}
	for _, script := range scripts {
		seen.watch(t, script)
	}
	want := seen.table() + seen.transitionTable() + seen.failureTable()
	if f := flag.Lookup("rewrite"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(pathsTable, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if is, err := os.ReadFile(pathsTable); err != nil || string(is) != want {
		t.Errorf("docs/paths.md is stale (%v): go test ./internal/engine -run TestPaths -rewrite", err)
	}
	seen.checkTransitions(t)
	seen.checkFailures(t)
	for _, kind := range nodeKinds {
		for _, way := range ways {
			switch why, by := neverSeen(kind, way), seen[cell{kind, way}]; {
			case why == "" && by == "":
				t.Errorf("no scenario shows %s: %s", kind, way)
			case why != "" && by != "":
				t.Errorf("%s: %s is said never to be seen, and %s shows it", kind, way, by)
			}
		}
	}
}

type cell struct{ kind, way string }

// paths holds the first script that shows a cell.
type paths map[cell]string

func (p paths) watch(t *testing.T, script string) {
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimSuffix(filepath.Base(script), ".txt")
	s := &scenario{world: newWorld(engine.DefaultConfig()), t: t}
	s.each = func(before map[keys.Key][]byte, r *pb.Record, fx machine.Effects) {
		found := slices.Concat(s.waysOf(before, r, fx), s.transitionsOf(before, fx), s.failuresOf(before, fx))
		for _, c := range found {
			if p[c] == "" {
				p[c] = name
			}
		}
	}
	datadriven.RunTestFromString(t, string(text), func(_ *testing.T, d *datadriven.TestData) string {
		s.out.Reset()
		s.command(d)
		return d.Expected
	})
}

func (p paths) table() string {
	var b strings.Builder
	b.WriteString("# The ways of a NodeRun\n\n" +
		"Which script of the engine first shows a kind of node take a way; made by running them all\n" +
		"(`go test ./internal/engine -run TestPaths -rewrite`). What a section of the behaviour is shown by is in\n" +
		"[scenarios.md](scenarios.md).\n\n")
	fmt.Fprintf(&b, "| | %s |\n|%s\n", strings.Join(ways, " | "), strings.Repeat(" --- |", len(ways)+1))
	for _, kind := range nodeKinds {
		fmt.Fprintf(&b, "| %s |", kind)
		for _, way := range ways {
			switch by := p[cell{kind, way}]; {
			case by != "":
				fmt.Fprintf(&b, " [%s](../internal/engine/testdata/%s.txt) |", by, by)
			case neverSeen(kind, way) != "":
				fmt.Fprintf(&b, " never: %s |", neverSeen(kind, way))
			default:
				b.WriteString(" no scenario |")
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// waysOf lists the ways that NodeRuns took in a record.
func (s *scenario) waysOf(before map[keys.Key][]byte, r *pb.Record, fx machine.Effects) []cell {
	var out []cell
	for _, c := range fx.Changes {
		k, err := keys.ParseRun(c.Key)
		if err != nil || c.Value == nil {
			continue
		}
		switch now := c.Value.(type) {
		case *lhpb.NodeRun:
			was := &lhpb.NodeRun{}
			if b := before[c.Key]; b != nil {
				was = decode(k.Kind, b).(*lhpb.NodeRun)
			}
			out = append(out, s.waysOfNode(before, was, now)...)
		case *lhpb.ThreadRun:
			b := before[c.Key]
			if row := get[pb.WfRunRow](s.world, run(k.WfRun).WfRun()); now.Status == lhpb.LHStatus_HALTED && terminalStatus(row.GetWfRun().GetStatus()) {
				out = append(out, cell{s.kindAt(k, now), stopped})
			}
			if b == nil || r.GetRescueThreadRun() == nil {
				continue
			}
			if was := decode(k.Kind, b).(*lhpb.ThreadRun); was.Status == lhpb.LHStatus_ERROR && now.CurrentNodePosition > was.CurrentNodePosition {
				out = append(out, cell{s.kindAt(k, was), rescued})
			}
		}
	}
	return out
}

func terminalStatus(s lhpb.LHStatus) bool {
	return s == lhpb.LHStatus_COMPLETED || s == lhpb.LHStatus_ERROR || s == lhpb.LHStatus_EXCEPTION
}

func (s *scenario) waysOfNode(before map[keys.Key][]byte, was, now *lhpb.NodeRun) []cell {
	var out []cell
	took := func(way string, did bool) {
		if did {
			out = append(out, cell{s.kind(now), way})
		}
	}
	completed := now.Status == lhpb.LHStatus_COMPLETED && was.Status != now.Status
	failed := now.Status == lhpb.LHStatus_ERROR || now.Status == lhpb.LHStatus_EXCEPTION
	wentOn := was.Status == lhpb.LHStatus_HALTED && (now.Status == lhpb.LHStatus_RUNNING || completed)
	wasInterrupted := s.wasInterrupted(before, now.Id)
	took(completes, completed)
	took(fails, failed && was.Status != now.Status)
	took(handled, lastFailureHandled(now) && !lastFailureHandled(was))
	took(haltResumed, wentOn && !wasInterrupted)
	took(interrupted, wentOn && wasInterrupted)
	return out
}

func lastFailureHandled(n *lhpb.NodeRun) bool {
	return len(n.Failures) > 0 && n.Failures[len(n.Failures)-1].WasProperlyHandled
}

// wasInterrupted reports whether the ThreadRun of the NodeRun was interrupted before the record.
func (s *scenario) wasInterrupted(before map[keys.Key][]byte, id *lhpb.NodeRunId) bool {
	k := keys.In(tenant).Run(id.WfRunId).ThreadRun(id.ThreadRunNumber)
	b := before[k]
	return b != nil && slices.ContainsFunc(decode(keys.KindThreadRun, b).(*lhpb.ThreadRun).HaltReasons,
		func(r *lhpb.ThreadHaltReason) bool { return r.GetInterrupted() != nil })
}

func (s *scenario) kindAt(k keys.RunKey, t *lhpb.ThreadRun) string {
	return s.kind(get[lhpb.NodeRun](s.world, keys.In(tenant).RunNamed(k.WfRun).NodeRun(t.Number, t.CurrentNodePosition)))
}

// kind is what the WfSpec says that the node is: the NodeRun of a NOP looks like that of an ENTRYPOINT.
func (s *scenario) kind(n *lhpb.NodeRun) string {
	for v := range s.meta.version() + 1 {
		g := s.meta.At(v, tenant).WfSpec(n.WfSpecId)
		if g == nil {
			continue
		}
		return kindName(g.Threads[n.ThreadSpecName].Node(n.NodeName))
	}
	return ""
}

func kindName(n *lhpb.Node) string {
	switch n.GetNode().(type) {
	case *lhpb.Node_Entrypoint:
		return "ENTRYPOINT"
	case *lhpb.Node_Exit:
		return "EXIT"
	case *lhpb.Node_Task:
		return "TASK"
	case *lhpb.Node_ExternalEvent:
		return "EXTERNAL_EVENT"
	case *lhpb.Node_StartThread:
		return "START_THREAD"
	case *lhpb.Node_WaitForThreads:
		return "WAIT_FOR_THREADS"
	case *lhpb.Node_Nop:
		return "NOP"
	case *lhpb.Node_Sleep:
		return "SLEEP"
	case *lhpb.Node_UserTask:
		return "USER_TASK"
	case *lhpb.Node_StartMultipleThreads:
		return "START_MULTIPLE_THREADS"
	case *lhpb.Node_ThrowEvent:
		return "THROW_EVENT"
	case *lhpb.Node_WaitForCondition:
		return "WAIT_FOR_CONDITION"
	case *lhpb.Node_RunChildWf:
		return "RUN_CHILD_WF"
	case *lhpb.Node_WaitForChildWf:
		return "WAIT_FOR_CHILD_WF"
	default:
		return ""
	}
}
