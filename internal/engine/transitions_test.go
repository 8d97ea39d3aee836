package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// An object that is not there yet.
const unborn = "—"

// machineOf is a state machine: which status may follow which from one command to the next. What a command passes
// through on its way is not seen, so a status may also be followed by whatever can follow those after it.
type machineOf struct {
	object string
	edges  [][2]string
}

var stateMachines = []machineOf{
	{"WfRun", [][2]string{
		{unborn, "RUNNING"},
		{"RUNNING", "COMPLETED"},
		{"RUNNING", "ERROR"},
		{"RUNNING", "EXCEPTION"},
		{"RUNNING", "HALTED"},
		{"HALTED", "RUNNING"},
		{"HALTED", "ERROR"},
		{"ERROR", "RUNNING"},
	}},
	{"ThreadRun", [][2]string{
		{unborn, "RUNNING"},
		{"RUNNING", "COMPLETED"},
		{"RUNNING", "ERROR"},
		{"RUNNING", "EXCEPTION"},
		{"RUNNING", "HALTING"},
		{"RUNNING", "HALTED"},
		{"HALTING", "HALTED"},
		{"HALTED", "RUNNING"},
		{"HALTED", "ERROR"},
		{"HALTED", "EXCEPTION"},
		{"ERROR", "RUNNING"},
	}},
	{"NodeRun", [][2]string{
		{unborn, "RUNNING"},
		{"RUNNING", "COMPLETED"},
		{"RUNNING", "ERROR"},
		{"RUNNING", "EXCEPTION"},
		{"RUNNING", "HALTING"},
		{"RUNNING", "HALTED"},
		{"HALTING", "HALTED"},
		{"HALTED", "RUNNING"},
		{"HALTED", "ERROR"},
	}},
	{"TaskRun", [][2]string{
		{unborn, "TASK_SCHEDULED"},
		{"TASK_SCHEDULED", "TASK_RUNNING"},
		{"TASK_RUNNING", "TASK_SUCCESS"},
		{"TASK_RUNNING", "TASK_FAILED"},
		{"TASK_RUNNING", "TASK_TIMEOUT"},
		{"TASK_RUNNING", "TASK_EXCEPTION"},
		{"TASK_RUNNING", "TASK_OUTPUT_SERDE_ERROR"},
		{"TASK_RUNNING", "TASK_INPUT_VAR_SUB_ERROR"},
		{"TASK_RUNNING", "TASK_SCHEDULED"},
		{"TASK_RUNNING", "TASK_PENDING"},
		{"TASK_PENDING", "TASK_SCHEDULED"},
	}},
	// THREAD_STOPPED is for none: who is halted because others are done stays THREAD_IN_PROGRESS.
	{"awaited ThreadRun", [][2]string{
		{unborn, "THREAD_IN_PROGRESS"},
		{"THREAD_IN_PROGRESS", "THREAD_COMPLETED_OR_FAILURE_HANDLED"},
		{"THREAD_IN_PROGRESS", "THREAD_UNSUCCESSFUL"},
		{"THREAD_IN_PROGRESS", "THREAD_HANDLING_FAILURE"},
		{"THREAD_HANDLING_FAILURE", "THREAD_COMPLETED_OR_FAILURE_HANDLED"},
		{"THREAD_HANDLING_FAILURE", "THREAD_UNSUCCESSFUL"},
	}},
	{"UserTaskRun", [][2]string{
		{unborn, "UNASSIGNED"},
		{unborn, "ASSIGNED"},
		{"UNASSIGNED", "ASSIGNED"},
		{"ASSIGNED", "UNASSIGNED"},
		{"ASSIGNED", "DONE"},
		{"UNASSIGNED", "DONE"},
		{"ASSIGNED", "CANCELLED"},
		{"UNASSIGNED", "CANCELLED"},
	}},
}

// reaches reports whether a command may lead from one status to the other.
func (m machineOf) reaches(from, to string) bool {
	seen := map[string]bool{}
	open := []string{from}
	for len(open) > 0 {
		at := open[0]
		open = open[1:]
		for _, e := range m.edges {
			if e[0] == at && !seen[e[1]] {
				seen[e[1]] = true
				open = append(open, e[1])
			}
		}
	}
	return seen[to]
}

func transition(from, to string) string { return from + " → " + to }

// transitionsOf lists the statuses that objects came to in a record.
func (s *scenario) transitionsOf(before map[keys.Key][]byte, fx machine.Effects) []cell {
	var out []cell
	for _, c := range fx.Changes {
		k, err := keys.ParseRun(c.Key)
		if err != nil || c.Value == nil {
			continue
		}
		object, now := statusIn(c.Value)
		if object == "" {
			continue
		}
		was := unborn
		if b := before[c.Key]; b != nil {
			_, was = statusIn(decode(k.Kind, b))
		}
		if was != now {
			out = append(out, cell{object, transition(was, now)})
		}
		if n, is := c.Value.(*lhpb.NodeRun); is {
			out = append(out, waitsOf(before[c.Key], n)...)
		}
	}
	return out
}

// waitsOf lists what a NodeRun has come to know of the ThreadRuns that it waits for.
func waitsOf(before []byte, now *lhpb.NodeRun) []cell {
	var known []*lhpb.WaitForThreadsRun_WaitForThread
	if before != nil {
		known = decode(keys.KindNodeRun, before).(*lhpb.NodeRun).GetWaitForThreads().GetThreads()
	}
	var out []cell
	for i, e := range now.GetWaitForThreads().GetThreads() {
		was := unborn
		if i < len(known) {
			was = known[i].WaitingStatus.String()
		}
		if is := e.WaitingStatus.String(); is != was {
			out = append(out, cell{"awaited ThreadRun", transition(was, is)})
		}
	}
	return out
}

func statusIn(value any) (object, status string) {
	switch v := value.(type) {
	case *pb.WfRunRow:
		return "WfRun", v.WfRun.Status.String()
	case *lhpb.ThreadRun:
		return "ThreadRun", v.Status.String()
	case *lhpb.NodeRun:
		return "NodeRun", v.Status.String()
	case *lhpb.TaskRun:
		return "TaskRun", v.Status.String()
	case *lhpb.UserTaskRun:
		return "UserTaskRun", v.Status.String()
	default:
		return "", ""
	}
}

// checkTransitions wants each edge of the state machines to be shown, and nothing beside them.
func (p paths) checkTransitions(t *testing.T) {
	for _, m := range stateMachines {
		for _, e := range m.edges {
			if p[cell{m.object, transition(e[0], e[1])}] == "" {
				t.Errorf("no scenario shows a %s go %s", m.object, transition(e[0], e[1]))
			}
		}
		for c, by := range p {
			from, to, is := strings.Cut(c.way, " → ")
			if c.kind == m.object && is && !m.reaches(from, to) {
				t.Errorf("%s shows a %s go %s, which none may", by, m.object, c.way)
			}
		}
	}
}

func (p paths) transitionTable() string {
	var b strings.Builder
	b.WriteString("\n## State machines\n\nFrom the state that one command left to the state that another led to.\n\n| | from → to | first shown by |\n| --- | --- | --- |\n")
	for _, m := range stateMachines {
		for _, e := range m.edges {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", m.object, transition(e[0], e[1]), p.link(cell{m.object, transition(e[0], e[1])}))
		}
	}
	return b.String()
}

func (p paths) link(c cell) string {
	by := p[c]
	if by == "" {
		return "no scenario"
	}
	return fmt.Sprintf("[%s](../internal/engine/testdata/%s.txt)", by, by)
}

// business stands for all failures that users give a name.
const business = "an EXCEPTION"

// catalogue lists where failures of each name come from, beside the edges of all nodes and tight loops.
var catalogue = []struct {
	name  string
	kinds []string
}{
	{"VAR_SUB_ERROR", []string{
		"ENTRYPOINT", "NOP", "TASK", "EXTERNAL_EVENT", "SLEEP", "USER_TASK", "START_THREAD", "START_MULTIPLE_THREADS", "WAIT_FOR_THREADS",
		"WAIT_FOR_CONDITION", "THROW_EVENT", "RUN_CHILD_WF", "WAIT_FOR_CHILD_WF",
	}},
	{"VAR_MUTATION_ERROR", []string{"TASK"}},
	{"VAR_ERROR", []string{"EXTERNAL_EVENT", "EXIT", "USER_TASK"}},
	{"TASK_FAILURE", []string{"TASK"}},
	{"TIMEOUT", []string{"TASK", "EXTERNAL_EVENT"}},
	{"TASK_ERROR", []string{"TASK", "USER_TASK"}},
	{"USER_TASK_CANCELLED", []string{"USER_TASK"}},
	{"CHILD_FAILURE", []string{"EXIT", "WAIT_FOR_THREADS", "RUN_CHILD_WF", "WAIT_FOR_CHILD_WF"}},
	{"INTERNAL_ERROR", []string{"START_THREAD", "START_MULTIPLE_THREADS", "NOP"}},
	{business, []string{"EXIT", "TASK", "USER_TASK", "WAIT_FOR_THREADS", "WAIT_FOR_CHILD_WF"}},
}

// failuresOf lists by which failures NodeRuns failed in a record.
func (s *scenario) failuresOf(before map[keys.Key][]byte, fx machine.Effects) []cell {
	var out []cell
	for _, c := range fx.Changes {
		now, is := c.Value.(*lhpb.NodeRun)
		if !is {
			continue
		}
		was := &lhpb.NodeRun{}
		if b := before[c.Key]; b != nil {
			was = decode(keys.KindNodeRun, b).(*lhpb.NodeRun)
		}
		for i := len(was.Failures); i < len(now.Failures); i++ {
			name := now.Failures[i].FailureName
			if _, technical := lhpb.LHErrorType_value[name]; !technical {
				name = business
			}
			out = append(out, cell{s.kind(now), name})
		}
	}
	return out
}

// checkFailures wants each failure of the catalogue to be shown wherever it comes from.
func (p paths) checkFailures(t *testing.T) {
	for _, f := range catalogue {
		for _, kind := range f.kinds {
			if p[cell{kind, f.name}] == "" {
				t.Errorf("no scenario shows a %s fail by %s", kind, f.name)
			}
		}
	}
}

func (p paths) failureTable() string {
	var b strings.Builder
	b.WriteString("\n## Failures\n\nWhich failures the nodes of a kind meet.\n\n| failure | node | first shown by |\n| --- | --- | --- |\n")
	for _, f := range catalogue {
		for _, kind := range f.kinds {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", f.name, kind, p.link(cell{kind, f.name}))
		}
	}
	return b.String()
}
