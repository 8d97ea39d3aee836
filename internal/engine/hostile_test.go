package engine_test

import (
	"strings"
	"testing"

	"littlehorse/internal/engine"
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// effort is what the records of a command have taken, one by one.
type effort struct {
	records   int
	mostRows  int // of those before the last one
	waiting   int // most records that were to come at a time
	mostBytes int // of the row of the WfRun
}

// toTheEnd applies the record and all that it leads to, one after the other.
func (w *world) toTheEnd(t *testing.T, run string, r *pb.Record, most int) (e effort) {
	t.Helper()
	rows := 0
	for rest := []*pb.Record{r}; len(rest) > 0; e.records++ {
		if e.records == most {
			t.Fatalf("after %d records it still goes on", most)
		}
		e.mostRows = max(e.mostRows, rows)
		e.waiting = max(e.waiting, len(rest))
		r, rest = rest[0], rest[1:]
		r.Header = w.header()
		fx := w.engine.Apply(w.state, r)
		if fx.Reply.Err != nil {
			t.Fatalf("record %d: %v", e.records, fx.Reply.Err)
		}
		w.records = append(w.records, r)
		w.state.Commit(fx.Changes)
		rows = len(fx.Changes)
		if row := get[pb.WfRunRow](w, keys.In(tenant).RunNamed(run).WfRun()); row != nil {
			e.mostBytes = max(e.mostBytes, row.SizeVT())
		}
		for _, emitted := range fx.Emit {
			if emitted.To.Kind != machine.Repartition && emitted.To.Kind != machine.Metadata {
				rest = append(rest, emitted.Record)
			}
		}
	}
	return e
}

// TestWhatGoesOnForEverEnds holds WfRuns that start ever more ThreadRuns, or wait again and again, without anything
// from outside, to the end of a tight loop or the depth at which ThreadRuns may stand, and each record of theirs to what one may move.
//
// covers: engine-2 §4; engine-2 §16 INTERNAL_ERROR
func TestWhatGoesOnForEverEnds(t *testing.T) {
	list := func(n int) *lhpb.VariableValue { return value.JSONArr("[" + strings.Repeat("1,", n-1) + "1]") }
	for name, c := range map[string]struct {
		passes, items int
		spec          string
	}{
		"two that start each other":       {512, 1, "a: START one()\nthread one\n a: START two()\nthread two\n a: START one()"},
		"two that start each other twice": {100, 1, "a: START one()\nthread one\n a: START two()\n b: START two()\nthread two\n a: START one()\n b: START one()"},
		"starts itself by a list of one":  {512, 1, "a: START_MANY deep over list\nthread deep\n a: START_MANY deep over list"},
		"starts itself by a list of many": {30, 99, "a: START_MANY deep over list\nthread deep\n a: START_MANY deep over list"},
		"starts itself by a longer list":  {30, 250, "a: START_MANY deep over list\nthread deep\n a: START_MANY deep over list"},
		"waits for many again and again":  {300, 150, "a: START_MANY leaf over list\n w: WAIT_ALL list out(\"a\")\n  -> n\n n: NOP\n  -> w\nthread leaf\n n: NOP"},
		"starts many again and again":     {300, 150, "a: START_MANY leaf over list\n  -> n\n n: NOP\n  -> a\nthread leaf\n n: NOP"},
	} {
		t.Run(name, func(t *testing.T) {
			config := engine.DefaultConfig()
			config.MaxPasses = c.passes
			says := "tight loop"
			if c.passes > config.MaxThreadDepth && c.items == 1 {
				says = "more than 128 deep"
			}
			w := newTestWorld(t, config, "thread main\n var list JSON_ARR\n "+c.spec)
			w.each = nil
			r := w.start("spec0", "w", 1)
			r.GetRunWf().Request.Variables["list"] = list(c.items)
			e := w.toTheEnd(t, "w", r, 16_000)
			t.Logf("%+v, %d ThreadRuns", e, w.wfRun("w").GreatestThreadrunNumber)
			if e.mostRows > 10_000 || e.mostBytes > 16<<10 || e.waiting > 2 {
				t.Errorf("%+v", e)
			}
			main := get[lhpb.ThreadRun](w, run("w").ThreadRun(0))
			if main.Status != lhpb.LHStatus_ERROR || !strings.Contains(main.GetErrorMessage(), says) {
				t.Errorf("ThreadRun 0 is %s: %s", main.Status, main.GetErrorMessage())
			}
		})
	}
}

// TestManyThatEndTogether lets thousands of ThreadRuns go on, and end, in one command.
//
// covers: engine-2 §4
func TestManyThatEndTogether(t *testing.T) {
	w := newTestWorld(t, engine.DefaultConfig(), `
thread main
 var list JSON_ARR
 var open BOOL = false
 a: START_MANY leaf over list
 e: EVENT go
  -> w { open = true }
 w: WAIT_ALL list out("a")
thread leaf
 c: CONDITION open == true
 n: NOP`)
	w.each = nil
	w.meta.next().events["go"] = &lhpb.ExternalEventDef{Id: &lhpb.ExternalEventDefId{Name: "go"}}
	w.toTheEnd(t, "w", w.start("spec0", "w", 1_000), 1_000)
	e := w.toTheEnd(t, "w", &pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: &lhpb.PutExternalEventRequest{
		WfRunId: w.wfRun("w").Id, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "go"},
	}}}, 1_000)
	t.Logf("%+v", e)
	if got := w.wfRun("w").Status; got != lhpb.LHStatus_COMPLETED {
		main := get[lhpb.ThreadRun](w, run("w").ThreadRun(0))
		t.Errorf("%s: %s", got, main.GetErrorMessage())
	}
}

// pendingInterrupts is how many interrupts wait, wherever they are listed.
func (w *world) pendingInterrupts(id string) int {
	n := len(w.wfRun(id).PendingInterrupts)
	for _, k := range w.state.Keys() {
		if k.HasPrefix(run(id).Kind(keys.KindQueued)) {
			n++
		}
	}
	return n
}

// TestManyInterruptsBehindATask lets thousands of interrupts wait for a task.
//
// covers: engine-2 §8
func TestManyInterruptsBehindATask(t *testing.T) {
	const interrupts = 700
	w := newTestWorld(t, engine.DefaultConfig(), "thread main\n interrupt go -> cope\n a: TASK t()\nthread cope\n b: NOP")
	w.each = nil
	w.meta.next().events["go"] = &lhpb.ExternalEventDef{Id: &lhpb.ExternalEventDefId{Name: "go"}}
	w.runSpec("spec0", "w", nil)
	w.claimTask("w", "0-1", 0)
	for range interrupts {
		if fx := w.putEvent("w", nil); fx.Reply.Err != nil {
			t.Fatal(fx.Reply.Err)
		}
	}
	if n := w.pendingInterrupts("w"); n != interrupts {
		t.Fatalf("%d interrupts are pending", n)
	}
	e := w.toTheEnd(t, "w", reported("w", 0, lhpb.TaskStatus_TASK_SUCCESS), 1_000)
	t.Logf("%+v", e)
	if e.mostRows > 10_000 {
		t.Errorf("%+v", e)
	}
	if got := w.wfRun("w"); got.Status != lhpb.LHStatus_COMPLETED || got.GreatestThreadrunNumber != interrupts {
		t.Errorf("%s after ThreadRun %d", got.Status, got.GreatestThreadrunNumber)
	}
}
