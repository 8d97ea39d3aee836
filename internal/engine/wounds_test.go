package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"littlehorse/internal/engine"
	"littlehorse/internal/engine/check"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// What users of the original suffered, each as a test of its name.

// newTestWorld has every record judged.
func newTestWorld(t *testing.T, c engine.Config, specs ...string) *world {
	t.Helper()
	w := newWorld(c)
	d := w.meta.next()
	for _, name := range []string{"t", "u"} {
		d.taskDefs[name] = &lhpb.TaskDef{Id: &lhpb.TaskDefId{Name: name}, ReturnType: &lhpb.ReturnType{ReturnType: typeDef("STR")}}
	}
	d.events["go"] = &lhpb.ExternalEventDef{Id: &lhpb.ExternalEventDefId{Name: "go"}}
	d.userTasks["form"] = &lhpb.UserTaskDef{Name: "form"}
	for i, text := range specs {
		if _, err := w.meta.put(specScript(fmt.Sprintf("spec%d", i), text)); err != nil {
			t.Fatal(err)
		}
	}
	w.each = func(before map[keys.Key][]byte, r *pb.Record, fx machine.Effects) { judge(t, w, before, r, fx) }
	return w
}

func (w *world) runSpec(name, id string, inputs map[string]*lhpb.VariableValue) machine.Effects {
	return w.do(&pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{
		WfSpecId: w.meta.latest().newest(name, -1).Spec.Id,
		Request:  &lhpb.RunWfRequest{WfSpecName: name, Id: &id, Variables: inputs},
	}}})
}

func (w *world) claimTask(run, guid string, attempt int32) machine.Effects {
	return w.do(&pb.Record{Command: &pb.Record_ClaimTask{ClaimTask: &pb.ClaimTask{
		TaskRunId: &lhpb.TaskRunId{WfRunId: lh.ParseWfRunID(run), TaskGuid: guid}, Attempt: attempt, Credit: credit,
	}}})
}

func (w *world) reportTask(run, guid string, attempt int32, status lhpb.TaskStatus, output *lhpb.VariableValue) machine.Effects {
	r := &lhpb.ReportTaskRun{TaskRunId: &lhpb.TaskRunId{WfRunId: lh.ParseWfRunID(run), TaskGuid: guid}, AttemptNumber: attempt, Status: status}
	if output != nil {
		r.Result = &lhpb.ReportTaskRun_Output{Output: output}
	}
	return w.do(&pb.Record{Command: &pb.Record_ReportTask{ReportTask: &pb.ReportTask{Report: r}}})
}

func (w *world) succeed(run, guid string, output *lhpb.VariableValue) machine.Effects {
	w.claimTask(run, guid, 0)
	return w.reportTask(run, guid, 0, lhpb.TaskStatus_TASK_SUCCESS, output)
}

func (w *world) putEvent(run string, content *lhpb.VariableValue) machine.Effects {
	return w.do(&pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: &lhpb.PutExternalEventRequest{
		WfRunId: lh.ParseWfRunID(run), ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "go"}, Content: content,
	}}})
}

// putEventFor puts an event for one ThreadRun only.
func (w *world) putEventFor(run string, thread int32) machine.Effects {
	return w.do(&pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: &lhpb.PutExternalEventRequest{
		WfRunId: lh.ParseWfRunID(run), ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "go"}, ThreadRunNumber: &thread,
	}}})
}

func (w *world) wfRun(id string) *lhpb.WfRun { return get[pb.WfRunRow](w, run(id).WfRun()).GetWfRun() }

func (w *world) node(id string, thread, position int32) *lhpb.NodeRun {
	return get[lhpb.NodeRun](w, run(id).NodeRun(thread, position))
}

func big(n int) *lhpb.VariableValue { return value.Str(strings.Repeat("x", n)) }

func mustFail(t *testing.T, n *lhpb.NodeRun, name lhpb.LHErrorType, says string) {
	t.Helper()
	f := n.GetFailures()
	if len(f) == 0 || f[len(f)-1].FailureName != name.String() || !strings.Contains(f[len(f)-1].Message, says) {
		t.Fatalf("NodeRun %v does not show %s %q", n, name, says)
	}
}

// survives: 13 limit
func TestOversizedValueIsNeverSilent(t *testing.T) {
	w := newTestWorld(t, engine.DefaultConfig(),
		"thread main\n var s STR\n a: TASK t()\n -> b { s = out(\"a\") }\n b: TASK t()\n -> c { s extend out(\"b\") }\n c: NOP",
		"thread main\n var s STR\n c: START child(v = s + s)\nthread child\n var v STR",
		"thread main\n e: EVENT go",
	)
	const limit = "record limit is 1047000 bytes"

	w.runSpec("spec0", "grows", nil)
	w.succeed("grows", "0-1", big(600_000))
	w.succeed("grows", "0-2", big(600_000))
	mustFail(t, w.node("grows", 0, 2), lhpb.LHErrorType_VAR_SUB_ERROR, "1047000")
	if got := get[lhpb.Variable](w, run("grows").Variable(0, "s")); len(got.Value.GetStr()) != 600_000 {
		t.Errorf("the variable has %d bytes", len(got.Value.GetStr()))
	}

	w.runSpec("spec1", "child", map[string]*lhpb.VariableValue{"s": big(520_000)})
	mustFail(t, w.node("child", 0, 1), lhpb.LHErrorType_VAR_SUB_ERROR, limit)

	w.runSpec("spec2", "event", nil)
	if err := w.putEvent("event", big(1_040_000)).Reply.Err; err == nil || err.Code != lh.ResourceExhausted {
		t.Errorf("an event of 1,040,000 bytes: %v", err)
	}
	if err := w.runSpec("spec1", "input", map[string]*lhpb.VariableValue{"s": big(1_047_000)}).Reply.Err; err == nil || err.Code != lh.ResourceExhausted && err.Code != lh.InvalidArgument {
		t.Errorf("an input of 1,047,000 bytes: %v", err)
	}
}

// covers: engine-2 §12
// survives: 13 limit
func TestTheValueLimitIsTheRecordLimit(t *testing.T) {
	c := engine.DefaultConfig()
	c.MaxRecordBytes = 4 << 20
	w := newTestWorld(t, c,
		"thread main\n var s STR\n var part STR\n a: TASK t()\n -> b { s = out(\"a\") }\n b: TASK t()\n -> d { s extend out(\"b\") }\n"+
			" d: TASK t()\n -> e { part = s }\n e: NOP\n -> f { s extend s }\n f: NOP")
	w.runSpec("spec0", "w", map[string]*lhpb.VariableValue{"s": big(3_000_000)})
	w.succeed("w", "0-1", big(2_000_000))
	w.succeed("w", "0-2", big(1_000_000))
	w.succeed("w", "0-3", nil)
	if got := get[lhpb.Variable](w, run("w").Variable(0, "part")); len(got.GetValue().GetStr()) != 3_000_000 {
		t.Errorf("the variable has %d bytes", len(got.GetValue().GetStr()))
	}
	mustFail(t, w.node("w", 0, 4), lhpb.LHErrorType_VAR_SUB_ERROR, "4194304 bytes")

	c.MaxRecordBytes = value.MaxBytes + 1
	if err := c.Validate(); err == nil {
		t.Error("a limit that no value can reach is taken")
	}
}

// A failure's content that fits its TaskRun but not the NodeRun that shows it is left out, and says so.
func TestOversizedFailureSaysSo(t *testing.T) {
	w := newTestWorld(t, engine.DefaultConfig(), "thread main\n a: TASK t()\n on any -> cope\nthread cope\n var INPUT STR\n e: EVENT go")
	w.runSpec("spec0", "w", nil)
	w.claimTask("w", "0-1", 0)
	w.do(&pb.Record{Command: &pb.Record_ReportTask{ReportTask: &pb.ReportTask{Report: &lhpb.ReportTaskRun{
		TaskRunId: &lhpb.TaskRunId{WfRunId: &lhpb.WfRunId{Id: "w"}, TaskGuid: "0-1"}, Status: lhpb.TaskStatus_TASK_EXCEPTION,
		Result: &lhpb.ReportTaskRun_Exception{Exception: &lhpb.LHTaskException{Name: "biz", Message: strings.Repeat("m", 20_000), Content: big(1_025_000)}},
	}}}})
	f := w.node("w", 0, 1).GetFailures()
	if len(f) != 1 || !value.IsNull(f[0].Content) || !strings.Contains(f[0].Message, "content was left out") || len(f[0].Message) > 10_000 {
		t.Fatalf("failures %v", f)
	}
	if w.wfRun("w").Status != lhpb.LHStatus_RUNNING {
		t.Fatal("the handler does not run")
	}
}

func TestFailedReportIsNotATimeout(t *testing.T) {
	w := newTestWorld(t, engine.DefaultConfig(), "thread main\n a: TASK t() retries=3")
	for id, output := range map[string]*lhpb.VariableValue{"large": big(1_047_000), "wrong": value.JSONArr("[]"), "malformed": value.JSONObj("{")} {
		w.runSpec("spec0", id, nil)
		w.claimTask(id, "0-1", 0)
		if err := w.reportTask(id, "0-1", 0, lhpb.TaskStatus_TASK_SUCCESS, output).Reply.Err; err != nil {
			t.Errorf("%s: the worker got %v", id, err)
		}
		k := get[lhpb.TaskRun](w, run(id).TaskRun("0-1"))
		if k.Status != lhpb.TaskStatus_TASK_OUTPUT_SERDE_ERROR || k.Attempts[0].GetError().GetMessage() == "" {
			t.Errorf("%s: %v", id, k)
		}
		mustFail(t, w.node(id, 0, 1), lhpb.LHErrorType_VAR_MUTATION_ERROR, "")
	}
}

// A thread that is being halted waits for the retries of its task too; each has its own deadline.
func TestEveryTimerBelongsToAnAttempt(t *testing.T) {
	w := newTestWorld(t, engine.DefaultConfig(), "thread main\n a: TASK t() retries=1 timeout=10")
	w.runSpec("spec0", "w", nil)
	w.claimTask("w", "0-1", 0)
	w.do(&pb.Record{Command: &pb.Record_StopWfRun{StopWfRun: &lhpb.StopWfRunRequest{WfRunId: &lhpb.WfRunId{Id: "w"}}}})
	w.advance(10 * time.Second)
	w.claimTask("w", "0-1", 1)
	if s := w.node("w", 0, 1).Status; s != lhpb.LHStatus_HALTING {
		t.Fatalf("NodeRun %s while the retry runs", s)
	}
	w.advance(10 * time.Second)
	if s := w.node("w", 0, 1).Status; s != lhpb.LHStatus_HALTED {
		t.Fatalf("NodeRun %s after the retry timed out", s)
	}
	if s := w.wfRun("w").Status; s != lhpb.LHStatus_HALTED {
		t.Fatalf("WfRun %s", s)
	}
}

// More than a thousand ThreadRuns work, and none runs on when the WfRun has ended.
func TestChildrenNeverOutliveTheirRun(t *testing.T) {
	const children = 1200
	w := newTestWorld(t, engine.DefaultConfig(),
		"thread main\n var list JSON_ARR\n m: START_MANY child over list\n w: WAIT_ALL list out(\"m\")\nthread child\n a: TASK t()")
	w.each = nil // a whole state that large is checked at the end
	list := value.JSONArr("[" + strings.Repeat("1,", children-1) + "1]")
	for _, id := range []string{"completes", "fails"} {
		w.runSpec("spec0", id, map[string]*lhpb.VariableValue{"list": list})
		if n := w.wfRun(id).GreatestThreadrunNumber; n != children {
			t.Fatalf("%d ThreadRuns", n)
		}
	}
	for n := range children {
		w.succeed("completes", fmt.Sprintf("%d-1", n+1), value.Str("x"))
	}
	if s := w.wfRun("completes").Status; s != lhpb.LHStatus_COMPLETED {
		t.Errorf("WfRun %s", s)
	}
	w.claimTask("fails", "7-1", 0)
	w.reportTask("fails", "7-1", 0, lhpb.TaskStatus_TASK_FAILED, nil)
	if s := w.wfRun("fails").Status; s != lhpb.LHStatus_ERROR {
		t.Errorf("WfRun %s", s)
	}
	judge(t, w, nil, &pb.Record{}, machine.Effects{})
}

// holds: DeletesErase
func TestIndexAndObjectShareOneFate(t *testing.T) {
	c := engine.DefaultConfig()
	c.DeleteChunk = 2
	w := newTestWorld(t, c, "retention 5\nthread main\n var s STR searchable = \"v\"\n c: START child\n e: EVENT go\nthread child\n a: TASK t()")
	w.runSpec("spec0", "w", nil)
	w.succeed("w", "1-1", value.Str("x"))
	w.putEvent("w", nil)
	each, listed := w.each, 0
	w.each = func(before map[keys.Key][]byte, r *pb.Record, fx machine.Effects) {
		each(before, r, fx)
		deleting := keys.In(tenant).Tag(keys.TagDeleting).Text("spec0").Prefix()
		if slices.ContainsFunc(w.state.Keys(), func(k keys.Key) bool { return k.HasPrefix(deleting) }) {
			listed++
		}
	}
	w.advance(time.Minute)
	if left := w.state.Keys(); len(left) > 0 {
		t.Fatalf("left behind: %q", left)
	}
	if listed < 2 {
		t.Errorf("a WfRun that was being deleted was listed as such after %d records", listed)
	}
}

// A WfSpec that runs itself, twice, neither ends the server nor holds it.
func TestApplyIsBounded(t *testing.T) {
	c := engine.DefaultConfig()
	c.MaxSteps = 4000
	w := newTestWorld(t, c,
		"thread main\n a: RUN_DYNAMIC_CHILD \"spec0\"\n b: RUN_DYNAMIC_CHILD \"spec0\"",
		"thread main\n a: RUN_DYNAMIC_CHILD \"spec1\"")
	w.each = nil
	id := "bomb"
	fx := w.apply(&pb.Record{Header: w.header(), Command: &pb.Record_RunWf{RunWf: &pb.RunWf{
		WfSpecId: w.meta.latest().newest("spec0", -1).Spec.Id, Request: &lhpb.RunWfRequest{WfSpecName: "spec0", Id: &id},
	}}})
	if fx.Reply.Err != nil || len(fx.Emit) == 0 || len(fx.Changes) > 10*w.config.MaxSteps {
		t.Fatalf("%v, %d changes, %d records to go on", fx.Reply.Err, len(fx.Changes), len(fx.Emit))
	}

	w.runSpec("spec1", "deep", nil)
	depth, deepest := 0, ""
	for _, k := range w.state.Keys() {
		if p, err := keys.ParseRun(k); err == nil && p.Kind == keys.KindWfRun && strings.HasPrefix(p.WfRun, "deep") {
			depth = max(depth, strings.Count(p.WfRun, "_")+1)
			if len(p.WfRun) > len(deepest) {
				deepest = p.WfRun
			}
		}
	}
	if depth != lh.MaxWfRunDepth {
		t.Errorf("%d WfRuns deep", depth)
	}
	mustFail(t, w.node(deepest, 0, 1), lhpb.LHErrorType_INTERNAL_ERROR, "deeper")
}

// A fan-out that is halted between two records goes on where it stood.
func TestAFanOutGoesOnWhereItStood(t *testing.T) {
	c := engine.DefaultConfig()
	c.FanOutChunk = 2
	w := newTestWorld(t, c,
		"thread main\n var list JSON_ARR = json(\"[1,2,3,4,5]\")\n m: START_MANY child over list\n w: WAIT_ALL list out(\"m\")\nthread child\n a: TASK t()")
	id := &lhpb.WfRunId{Id: "w"}
	children := func() int32 { return w.wfRun("w").GreatestThreadrunNumber }
	step := func(r *pb.Record) []machine.Emit {
		r.Header = w.header()
		return w.apply(r).Emit
	}
	rest := step(&pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{
		WfSpecId: w.meta.latest().newest("spec0", -1).Spec.Id, Request: &lhpb.RunWfRequest{WfSpecName: "spec0", Id: &id.Id},
	}}})
	step(&pb.Record{Command: &pb.Record_StopWfRun{StopWfRun: &lhpb.StopWfRunRequest{WfRunId: id}}})
	if more := step(rest[0].Record); len(more) > 0 || children() != 2 {
		t.Fatalf("while halted %d children, %d records to go on", children(), len(more))
	}
	rest = step(&pb.Record{Command: &pb.Record_ResumeWfRun{ResumeWfRun: &lhpb.ResumeWfRunRequest{WfRunId: id}}})
	for records := 0; len(rest) > 0; records++ {
		if records > 3 {
			t.Fatal("it goes on without end")
		}
		rest = step(rest[0].Record)
	}
	for n := int32(1); n <= 5; n++ {
		w.succeed("w", fmt.Sprintf("%d-1", n), value.Str("x"))
	}
	if got := w.wfRun("w").Status; got != lhpb.LHStatus_COMPLETED || children() != 5 {
		t.Errorf("%s with %d children", got, children())
	}
}

// A record that goes on with what another was cut short in may be lost. The fan-out of the WfRun does that work then, and
// does not wait for it without end.
func TestAFanOutDoesNotWaitForALostRecord(t *testing.T) {
	c := engine.DefaultConfig()
	c.FanOutChunk, c.MaxSteps = 2, 40
	w := newTestWorld(t, c,
		"thread main\n var list JSON_ARR = json(\"[1,2,3,4,5,6,7]\")\n f: START forever\n m: START_MANY child over list\n w: WAIT_ALL list out(\"m\")\n"+
			"thread child\nthread forever\n var n INT = 0\n e: EVENT go\n -> a\n a: NOP\n -> b { n += 1 }\n b: NOP\n -> a if n < 70\n -> exit")
	id := "w"
	step := func(r *pb.Record) []machine.Emit {
		r.Header = w.header()
		return w.apply(r).Emit
	}
	rest := step(&pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{
		WfSpecId: w.meta.latest().newest("spec0", -1).Spec.Id, Request: &lhpb.RunWfRequest{WfSpecName: "spec0", Id: &id},
	}}})
	if len(rest) != 1 {
		t.Fatalf("%d records to fan out", len(rest))
	}
	lost := step(&pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: &lhpb.PutExternalEventRequest{
		WfRunId: lh.ParseWfRunID(id), ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "go"},
	}}})
	if len(lost) != 1 {
		t.Fatalf("%d records go on with what was cut short", len(lost))
	}
	for records := 0; len(rest) > 0; records++ {
		if records > 20 {
			t.Fatal("it goes on without end")
		}
		if len(rest) > 1 {
			t.Fatalf("%d records go on where one did", len(rest))
		}
		rest = step(rest[0].Record)
	}
	if got := w.wfRun(id).Status; got != lhpb.LHStatus_COMPLETED {
		t.Errorf("WfRun %s", got)
	}
	if found := check.Quiet(w.state); len(found) > 0 {
		t.Error(found)
	}
	if late := step(lost[0].Record); len(late) > 0 {
		t.Errorf("the lost record turns up and leads to %d more", len(late))
	}
}
