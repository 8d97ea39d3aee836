package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/lhpb"
)

// account is what the records of a WfRun of ten tasks cost, each but the first claimed by the report before it, and what
// the start of one costs that hands out the first task: rows
// that are read, put and deleted, bytes of keys and values, and what the rows are. Counters are put by every record;
// within a batch that is one row. Between the second report and the last all cost the same.
//
// Before attempts that follow one another shared a timer, every report put one and deleted one more.
const account = `
RunWf       reads  3, puts 14, deletes 0, keys  439 B, values  422 B: 4 counter, queue, WfRun, ThreadRun, 2 NodeRun, Variable, TaskRun, 2 tag, timer
claim       reads  3, puts  3, deletes 1, keys  129 B, values  174 B: counter, -queue, TaskRun, timer
report 1    reads  8, puts 12, deletes 1, keys  403 B, values  749 B: 2 counter, WfRun, ThreadRun, 2 NodeRun, Variable, 2 TaskRun, NodeOutput, -tag, 2 tag
report 2    reads  8, puts 11, deletes 1, keys  385 B, values  731 B: 2 counter, ThreadRun, 2 NodeRun, Variable, 2 TaskRun, NodeOutput, -tag, 2 tag
report 10   reads  8, puts 11, deletes 3, keys  473 B, values  638 B: 2 counter, WfRun, ThreadRun, 2 NodeRun, Variable, TaskRun, NodeOutput, 2 -tag, 2 tag, -timer
RunWf, used reads  3, puts 11, deletes 0, keys  337 B, values  451 B: 2 counter, WfRun, ThreadRun, 2 NodeRun, Variable, TaskRun, 2 tag, timer`

// maxAllocations is how often a WfRun of ten tasks may allocate: a tenth more than it does.
const maxAllocations = 770

// TestAccount holds the records of a chain of tasks to the account. One that costs less belongs into it; one that costs
// more needs a reason.
//
// covers: engine-2 §18 claim
func TestAccount(t *testing.T) {
	x := newBench(t)
	x.atNs = 1_764_243_845_123_456_789
	var got strings.Builder
	enter := func(name string, do func()) {
		x.state.reads = 0
		do()
		fmt.Fprintf(&got, "\n%-11s reads %2d, %s", name, x.state.reads, entry(x.last))
	}
	var id *lhpb.WfRunId
	enter("RunWf", func() { id = x.start(0, nil) })
	enter("claim", func() { x.claim(id, 0) })
	for step := range chainLength {
		report := func() { x.report(id, step, credit) }
		if step < 2 || step == chainLength-1 {
			enter(fmt.Sprintf("report %d", step+1), report)
		} else {
			report()
		}
	}
	enter("RunWf, used", func() { x.start(1, credit) })
	if got.String() != account {
		t.Errorf("the account is now:%s", got.String())
	}
}

// TestAllocations holds a WfRun of ten tasks to what it may allocate, records included.
func TestAllocations(t *testing.T) {
	x, run := newBench(t), 0
	got := testing.AllocsPerRun(200, func() {
		run++
		id := x.start(run, credit)
		for step := range chainLength {
			x.report(id, step, credit)
		}
		x.state.clear()
	})
	if got > maxAllocations {
		t.Errorf("a WfRun of %d tasks allocates %.0f times, more than %d", chainLength, got, maxAllocations)
	}
}

// rowName says what a row is.
func rowName(k keys.Key) string {
	switch k.Space() {
	case keys.SpaceTag:
		return "tag"
	case keys.SpaceQueue:
		return "queue"
	case keys.SpaceTimer:
		return "timer"
	case keys.SpaceCount:
		return "counter"
	}
	p, err := keys.ParseRun(k)
	if err != nil {
		return err.Error()
	}
	return runKinds[p.Kind]
}

var runKinds = map[keys.RunKind]string{
	keys.KindWfRun: "WfRun", keys.KindThreadRun: "ThreadRun", keys.KindNodeRun: "NodeRun", keys.KindVariable: "Variable",
	keys.KindTaskRun: "TaskRun", keys.KindNodeOutput: "NodeOutput",
}

func entry(fx machine.Effects) string {
	var puts, deletes, keyBytes, valueBytes int
	kinds := map[string]int{}
	var order []string
	for _, c := range fx.Changes {
		name := rowName(c.Key)
		keyBytes += len(c.Key)
		if c.Value == nil {
			deletes++
			name = "-" + name
		} else {
			puts++
			valueBytes += c.Value.SizeVT()
		}
		if kinds[name]++; kinds[name] == 1 {
			order = append(order, name)
		}
	}
	for i, name := range order {
		if kinds[name] > 1 {
			order[i] = fmt.Sprintf("%d %s", kinds[name], name)
		}
	}
	return fmt.Sprintf("puts %2d, deletes %d, keys %4d B, values %4d B: %s", puts, deletes, keyBytes, valueBytes, strings.Join(order, ", "))
}
