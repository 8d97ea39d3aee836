package engine_test

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"littlehorse/internal/engine"
	"littlehorse/internal/engine/check"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// cost is what a record reads and writes.
type cost struct{ readRows, readBytes, writtenRows, writtenBytes int }

func (c cost) String() string {
	return fmt.Sprintf("reads %d rows, %d bytes, writes %d rows, %d bytes", c.readRows, c.readBytes, c.writtenRows, c.writtenBytes)
}

// asSmallAs allows for what an object lists in its own row, the first 64 ThreadRuns, and no more.
func (c cost) asSmallAs(few cost) bool {
	const rows, bytes = 4, 2048
	return c.readRows <= few.readRows+rows && c.writtenRows <= few.writtenRows+rows &&
		c.readBytes <= few.readBytes+bytes && c.writtenBytes <= few.writtenBytes+bytes
}

// metered is a View that counts what is read.
type metered struct {
	machine.View
	cost
}

func (m *metered) Get(k keys.Key, empty func() machine.Value) machine.Value {
	v := m.View.Get(k, empty)
	m.count(v)
	return v
}

func (m *metered) count(v machine.Value) {
	m.readRows++
	if v != nil {
		m.readBytes += v.SizeVT()
	}
}

func (m *metered) Scan(from, to keys.Key, limit int, empty func() machine.Value) iter.Seq2[keys.Key, machine.Value] {
	return func(yield func(keys.Key, machine.Value) bool) {
		for k, v := range m.View.Scan(from, to, limit, empty) {
			m.count(v)
			if !yield(k, v) {
				return
			}
		}
	}
}

// costOf is what the record and those that it leads to cost.
func (w *world) costOf(r *pb.Record) cost {
	r.Header = w.header()
	m := &metered{View: w.state}
	fx := w.engine.Apply(m, r)
	if fx.Reply.Err != nil {
		panic(fx.Reply.Err)
	}
	w.records = append(w.records, r)
	total := m.cost
	for _, c := range fx.Changes {
		total.writtenRows++
		if c.Value != nil {
			total.writtenBytes += c.Value.SizeVT()
		}
	}
	w.state.Commit(fx.Changes)
	for _, e := range fx.Emit {
		c := w.costOf(e.Record)
		total.readRows += c.readRows
		total.readBytes += c.readBytes
		total.writtenRows += c.writtenRows
		total.writtenBytes += c.writtenBytes
	}
	return total
}

// A wide workflow: a thread for each item of a list, waiting somewhere, with a parent above that waits for all.
const (
	wide = 10_000

	aboveWaitAll   = "w: WAIT_ALL list out(\"many\")"
	aboveWaitAny   = "w: WAIT_ANY list out(\"many\")"
	aboveWaitFirst = "w: WAIT_FIRST list out(\"many\")"
	aboveExit      = "n: NOP"
)

// TestWideCosts holds representative commands on a WfRun with thousands of waiting ThreadRuns to what they cost
// on one with ten.
//
// covers: engine-2 §2; engine-2 §9 WAIT_FOR_THREADS; engine-2 §9 WAIT_FOR_CONDITION; engine-2 §9 EXIT
func TestWideCosts(t *testing.T) {
	claim := func(n int) *pb.Record { return claimed("w", n) }
	report := func(n int, status lhpb.TaskStatus) *pb.Record { return reported("w", n, status) }
	event := func(def string, thread *int32) *pb.Record {
		return &pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: &lhpb.PutExternalEventRequest{
			WfRunId: lh.ParseWfRunID("w"), ExternalEventDefId: &lhpb.ExternalEventDefId{Name: def}, ThreadRunNumber: thread,
		}}}
	}
	stop := func(n int32) *pb.Record {
		return &pb.Record{Command: &pb.Record_StopWfRun{StopWfRun: &lhpb.StopWfRunRequest{WfRunId: lh.ParseWfRunID("w"), ThreadRunNumber: n}}}
	}
	resume := func(n int32) *pb.Record {
		return &pb.Record{Command: &pb.Record_ResumeWfRun{ResumeWfRun: &lhpb.ResumeWfRunRequest{WfRunId: lh.ParseWfRunID("w"), ThreadRunNumber: n}}}
	}
	five := int32(5)
	const child = "thread child\n var own INT = 0\n "
	for name, shape := range map[string]struct {
		above, below string
		first        *pb.Record // moves all
		do           []*pb.Record
	}{
		"tasks below a wait for all": {aboveWaitAll, child + "t: TASK t()", nil, []*pb.Record{
			claim(3),
			report(3, lhpb.TaskStatus_TASK_SUCCESS),
			claim(1),
			report(1, lhpb.TaskStatus_TASK_SUCCESS),
			claim(4),
			stop(4),
			report(4, lhpb.TaskStatus_TASK_SUCCESS),
			resume(4),
		}},
		"tasks below an exit": {aboveExit, child + "t: TASK t()", nil, []*pb.Record{
			claim(1),
			report(1, lhpb.TaskStatus_TASK_SUCCESS),
			claim(2),
			report(2, lhpb.TaskStatus_TASK_SUCCESS),
			claim(4),
			report(4, lhpb.TaskStatus_TASK_FAILED),
		}},
		"failing tasks below a wait for any": {aboveWaitAny, child + "t: TASK t()", nil, []*pb.Record{
			claim(2),
			report(2, lhpb.TaskStatus_TASK_FAILED),
		}},
		"events below a wait for first": {aboveWaitFirst, child + "e: EVENT go\n a: TASK t()", nil, []*pb.Record{
			event("go", nil),
			event("go", &five),
			event("other", nil),
		}},
		"sleeps": {aboveWaitAll, child + "s: SLEEP 100\n a: TASK t()", nil, []*pb.Record{
			event("other", nil),
		}},
		"conditions": {aboveWaitAll, child + "c: CONDITION own > 0", nil, []*pb.Record{
			event("other", nil),
			stop(3),
			resume(3),
		}},
		"parents of one child each": {aboveExit, child + "c: START leaf\n w: WAIT_ALL out(\"c\")\nthread leaf\n e: EVENT go\n a: TASK t()", nil, []*pb.Record{
			event("go", nil),
			event("other", nil),
		}},
		"all stopped but for one": {aboveWaitAll, child + "t: TASK t()", stop(0), []*pb.Record{
			claim(7),
			event("other", nil),
			claim(9),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			few := costs(t, 10, shape.above, shape.below, shape.first, shape.do)
			many := costs(t, wide, shape.above, shape.below, shape.first, shape.do)
			for i := range few {
				if !many[i].asSmallAs(few[i]) {
					t.Errorf("%d: with %d ThreadRuns it %v; with 10 it %v", i, wide, many[i], few[i])
				}
			}
		})
	}
}

func costs(t *testing.T, children int, above, below string, first *pb.Record, do []*pb.Record) []cost {
	w := newTestWorld(t, engine.DefaultConfig(),
		"thread main\n var list JSON_ARR\n many: START_MANY child over list\n "+above+"\n"+below)
	w.each = nil
	d := w.meta.next()
	for _, name := range []string{"go", "other"} {
		d.events[name] = &lhpb.ExternalEventDef{Id: &lhpb.ExternalEventDefId{Name: name}}
	}
	w.do(w.start("spec0", "w", children))
	if first != nil {
		w.do(first)
	}
	var out []cost
	for _, r := range do {
		out = append(out, w.costOf(r.CloneVT()))
	}
	return out
}

// TestInheritedConditionsCostWhatChanges holds what a command costs in a WfRun with thousands of ThreadRuns that wait for a Variable
// of the WfRun above to what it costs in one with ten; and every record that tells them of a change to what a record may read
// and write.
//
// covers: engine-2 §9 WAIT_FOR_CONDITION; engine-2 §12
func TestInheritedConditionsCostWhatChanges(t *testing.T) {
	event := func(id, def string) *pb.Record {
		return &pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: &lhpb.PutExternalEventRequest{
			WfRunId: lh.ParseWfRunID(id), ExternalEventDefId: &lhpb.ExternalEventDefId{Name: def},
		}}}
	}
	waiting := func(children int) *world {
		w := newTestWorld(t, engine.DefaultConfig(),
			"thread main\n var x INT public = 0\n e: EVENT go\n  -> f { x += 1 }\n f: EVENT go\n  -> g { x += 1 }\n g: EVENT go",
			"parent spec0\nthread main\n var list JSON_ARR\n var x INT inherited\n many: START_MANY child over list\n "+aboveWaitAll+
				"\nthread child\n c: CONDITION x > 1\n t: TASK t()")
		w.each = nil
		w.meta.next().events["other"] = &lhpb.ExternalEventDef{Id: &lhpb.ExternalEventDefId{Name: "other"}}
		w.runSpec("spec0", "p", nil)
		r := w.start("spec1", "w", children)
		r.GetRunWf().Request.ParentWfRunId = lh.ParseWfRunID("p")
		w.do(r)
		return w
	}
	few, many := waiting(10), waiting(2_000)
	for _, r := range []*pb.Record{event("p_w", "other"), event("p", "go"), event("p", "other")} {
		if of10, of2000 := few.costOf(r.CloneVT()), many.costOf(r.CloneVT()); !of2000.asSmallAs(of10) {
			t.Errorf("with 2000 ThreadRuns it %v; with 10 it %v", of2000, of10)
		}
	}
	largest := map[string]cost{}
	many.alone(largest, "not yet", event("p_w", "other"))
	many.alone(largest, "a change", event("p", "go"), event("p_w", "other"))
	many.mustBeModest(t, largest, 1_500, 512<<10)
	kind, moved := run("p_w").Kind(keys.KindThreadRun), 0
	for _, thread := range machine.Scan[lhpb.ThreadRun](many.state, kind, kind.End(), math.MaxInt) {
		if many.node("p_w", thread.Number, thread.CurrentNodePosition).NodeName == "t" {
			moved++
		}
	}
	if moved != 2_000 {
		t.Errorf("%d ThreadRuns have gone on", moved)
	}
}

// TestNoRoundWaitsForOthers has a Variable change again and again for which some wait, and tells those all the same who wait for
// another one.
//
// covers: engine-2 §9 WAIT_FOR_CONDITION
func TestNoRoundWaitsForOthers(t *testing.T) {
	c := engine.DefaultConfig()
	c.FanOutChunk = 1
	w := newTestWorld(t, c)
	w.meta.next().events["set"] = &lhpb.ExternalEventDef{Id: &lhpb.ExternalEventDefId{Name: "set"}}
	_, err := w.meta.put(specScript("spec0", "thread main\n var list JSON_ARR\n var x INT = 0\n var y INT = 0\n"+
		" a: START_MANY often over list\n b: START_MANY once over list\n s: START sets\n e: EVENT go\n n: NOP\n  -> e { x += 1 }\n"+
		"thread often\n c: CONDITION x > 1000000\nthread once\n c: CONDITION y > 0\n t: TASK t()\n"+
		"thread sets\n e: EVENT set\n  -> exit { y += 1 }\n exit: EXIT"))
	if err != nil {
		t.Fatal(err)
	}
	w.do(w.start("spec0", "w", 30))
	event := func(def string) {
		w.do(&pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: &lhpb.PutExternalEventRequest{
			WfRunId: lh.ParseWfRunID("w"), ExternalEventDefId: &lhpb.ExternalEventDefId{Name: def},
		}}})
	}
	w.patient = true
	event("set")
	for range 200 {
		event("go")
		w.goOn()
	}
	if n := w.at("t"); n != 30 {
		t.Errorf("%d of 30 were told", n)
	}
}

// TestLoopCosts holds an iteration over a task, after thousands of others in the same run, to what an early one
// costs.
//
// covers: engine-2 §2; engine-2 §4
func TestLoopCosts(t *testing.T) {
	w := newTestWorld(t, engine.DefaultConfig(), "thread main\n var n INT = 0\n a: TASK t()\n b: NOP\n  -> a if n < 100000 { n += 1 }\n  -> exit\n exit: EXIT")
	w.each = nil
	w.runSpec("spec0", "w", nil)
	iteration := func(n int) (total cost) {
		id := &lhpb.TaskRunId{WfRunId: lh.ParseWfRunID("w"), TaskGuid: fmt.Sprintf("0-%d", 2*n-1)}
		for _, r := range []*pb.Record{
			{Command: &pb.Record_ClaimTask{ClaimTask: &pb.ClaimTask{TaskRunId: id, Credit: credit}}},
			{Command: &pb.Record_ReportTask{ReportTask: &pb.ReportTask{Report: &lhpb.ReportTaskRun{TaskRunId: id, Status: lhpb.TaskStatus_TASK_SUCCESS}}}},
		} {
			c := w.costOf(r)
			total.readRows += c.readRows
			total.readBytes += c.readBytes
			total.writtenRows += c.writtenRows
			total.writtenBytes += c.writtenBytes
		}
		return total
	}
	early := iteration(1)
	var late cost
	for n := 2; n <= wide; n++ {
		late = iteration(n)
	}
	const digits = 64 // of numbers that have grown
	if late.readRows > early.readRows || late.writtenRows > early.writtenRows ||
		late.readBytes > early.readBytes+digits || late.writtenBytes > early.writtenBytes+digits {
		t.Errorf("the first iteration %v; number %d %v", early, wide, late)
	}
}

// TestWhatGiantsDoAgainAndAgain holds what each giant does over and over to what others may have to wait for: no matter how fast the machine is, one
// such record is a small step, or one large row and little beside it.
//
// covers: engine-2 §2; engine-2 §9 START_MULTIPLE_THREADS
func TestWhatGiantsDoAgainAndAgain(t *testing.T) {
	const value = 900_000
	loop := func(change string) string {
		return "thread main\n var n INT = 0\n var s STR\n a: TASK t()\n b: NOP\n  -> a if n < 100000 { " + change + " }\n  -> exit\n exit: EXIT"
	}
	w := newTestWorld(t, engine.DefaultConfig(),
		"thread main\n var list JSON_ARR\n many: START_MANY child over list\n "+aboveWaitAll+"\nthread child\n t: TASK t()",
		loop("n += 1"), loop(`n += 1; s = format("{0}.",s)`), "thread main\n t: TASK t()")
	w.each = nil
	w.runSpec("spec1", "loop", nil)
	w.runSpec("spec2", "text", map[string]*lhpb.VariableValue{"s": letters(value)})
	again := map[string]cost{}
	for n := 1; n <= 5; n++ {
		for _, run := range []string{"loop", "text"} {
			id := &lhpb.TaskRunId{WfRunId: lh.ParseWfRunID(run), TaskGuid: fmt.Sprintf("0-%d", 2*n-1)}
			w.alone(again, run, &pb.Record{Command: &pb.Record_ClaimTask{ClaimTask: &pb.ClaimTask{TaskRunId: id, Credit: credit}}})
			w.alone(again, run, &pb.Record{Command: &pb.Record_ReportTask{ReportTask: &pb.ReportTask{
				Report: &lhpb.ReportTaskRun{TaskRunId: id, Status: lhpb.TaskStatus_TASK_SUCCESS},
			}}})
		}
	}
	r := w.start("spec0", "threads", 1000)
	r.Header = w.header()
	for goingOn := continues(w.apply(r)); w.wfRun("threads").GreatestThreadrunNumber < 900; goingOn = continues(w.apply(goingOn[0])) {
		goingOn[0].Header = w.header()
		again["threads"] = again["threads"].atLeast(w.meterOnly(goingOn[0]))
	}
	for n := range 1000 {
		id := fmt.Sprint("queue", n)
		w.alone(again, "queue", &pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{
			WfSpecId: w.meta.latest().newest("spec3", -1).Spec.Id, Request: &lhpb.RunWfRequest{WfSpecName: "spec3", Id: &id},
		}}})
	}
	for giant, most := range map[string]cost{
		"threads": {30, 8 << 10, 50, 4 << 10},
		"loop":    {15, 1 << 10, 25, 2 << 10},
		"text":    {15, value + 1<<10, 25, value + 2<<10},
		"queue":   {10, 1 << 10, 25, 2 << 10},
	} {
		c := again[giant]
		t.Logf("%s: %v", giant, c)
		if c.readRows > most.readRows || c.readBytes > most.readBytes || c.writtenRows > most.writtenRows || c.writtenBytes > most.writtenBytes {
			t.Errorf("%s: a record %v", giant, c)
		}
	}
}

// letters is a text of so many bytes.
func letters(bytes int) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: strings.Repeat("x", bytes)}}
}

// atLeast is the most of both.
func (c cost) atLeast(o cost) cost {
	return cost{
		max(c.readRows, o.readRows), max(c.readBytes, o.readBytes), max(c.writtenRows, o.writtenRows), max(c.writtenBytes, o.writtenBytes),
	}
}

// meterOnly is what the record would cost now.
func (w *world) meterOnly(r *pb.Record) cost {
	m := &metered{View: w.state}
	fx := w.engine.Apply(m, r)
	return m.with(fx)
}

// with adds what is written.
func (c cost) with(fx machine.Effects) cost {
	if fx.Reply.Err != nil {
		panic(fx.Reply.Err)
	}
	for _, change := range fx.Changes {
		c.writtenRows++
		if change.Value != nil {
			c.writtenBytes += change.Value.SizeVT()
		}
	}
	return c
}

// TestNoRecordMovesAGiant holds every record by which thousands of ThreadRuns start and are waited for to what a
// record may read and write, however many there are.
//
// covers: engine-2 §9 START_MULTIPLE_THREADS; engine-2 §9 WAIT_FOR_THREADS
func TestNoRecordMovesAGiant(t *testing.T) {
	w := newTestWorld(t, engine.DefaultConfig(),
		"thread main\n var list JSON_ARR\n many: START_MANY child over list\n "+aboveWaitAll+"\nthread child\n t: TASK t()")
	w.each = nil
	largest := map[string]cost{}
	w.alone(largest, "start", w.start("spec0", "w", wide))
	if s := w.node("w", 0, 2).GetWaitForThreads(); s == nil {
		t.Errorf("ThreadRun 0 does not wait")
	}
	for n := 1; n <= wide; n++ {
		w.alone(largest, "claim", claimed("w", n))
		w.alone(largest, "report", reported("w", n, lhpb.TaskStatus_TASK_SUCCESS))
	}
	const rows, bytes = 1_500, 512 << 10
	for what, c := range largest {
		t.Logf("%s: %v", what, c)
		if c.readRows > rows || c.writtenRows > rows || c.readBytes > bytes || c.writtenBytes > bytes {
			t.Errorf("%s: a record %v", what, c)
		}
	}
	if got := w.wfRun("w").Status; got != lhpb.LHStatus_COMPLETED {
		t.Errorf("the WfRun is %s", got)
	}
}

// claimed is the claim of the first task of a ThreadRun.
func claimed(run string, thread int) *pb.Record {
	return &pb.Record{Command: &pb.Record_ClaimTask{ClaimTask: &pb.ClaimTask{TaskRunId: firstTask(run, thread), Credit: credit}}}
}

// reported is the report of the first task of a ThreadRun.
func reported(run string, thread int, status lhpb.TaskStatus) *pb.Record {
	return &pb.Record{Command: &pb.Record_ReportTask{ReportTask: &pb.ReportTask{
		Report: &lhpb.ReportTaskRun{TaskRunId: firstTask(run, thread), Status: status},
	}}}
}

func firstTask(run string, thread int) *lhpb.TaskRunId {
	return &lhpb.TaskRunId{WfRunId: lh.ParseWfRunID(run), TaskGuid: fmt.Sprintf("%d-1", thread)}
}

// start begins a WfRun with a list of so many items.
func (w *world) start(name, id string, items int) *pb.Record {
	return &pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{
		WfSpecId: w.meta.latest().newest(name, -1).Spec.Id,
		Request: &lhpb.RunWfRequest{WfSpecName: name, Id: &id, Variables: map[string]*lhpb.VariableValue{
			"list": literal(fmt.Sprintf("json(%q)", "["+strings.Repeat("1,", items-1)+"1]")),
		}},
	}}}
}

// alone notes what the records cost, and each that they lead to behind them, if none of them that were called so cost as much.
func (w *world) alone(largest map[string]cost, what string, rest ...*pb.Record) {
	var r *pb.Record
	for len(rest) > 0 {
		r, rest = rest[0], rest[1:]
		r.Header = w.header()
		m := &metered{View: w.state}
		fx := w.engine.Apply(m, r)
		c := m.with(fx)
		w.records = append(w.records, r)
		w.state.Commit(fx.Changes)
		name := what
		if r.GetContinue() != nil {
			name += ", going on"
		}
		largest[name] = largest[name].atLeast(c)
		for _, e := range fx.Emit {
			if e.To.Kind != machine.Repartition && e.To.Kind != machine.Metadata {
				rest = append(rest, e.Record)
			}
		}
	}
}

// TestEventsOfOthersCostNothing holds what it costs to look for an event to what it costs when no others wait for other
// ThreadRuns.
//
// covers: engine-2 §9 EXTERNAL_EVENT
func TestEventsOfOthersCostNothing(t *testing.T) {
	arrival := func(others int) cost {
		w := newTestWorld(t, engine.DefaultConfig(), "thread main\n e: EVENT go\n a: TASK t()")
		w.each = nil
		w.meta.next().events["go"] = &lhpb.ExternalEventDef{Id: &lhpb.ExternalEventDefId{Name: "go"}}
		for range others {
			w.putEventFor("w", 7)
		}
		w.putEventFor("w", 0)
		w.putEvent("w", nil)
		c := w.costOf(&pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{
			WfSpecId: w.meta.latest().newest("spec0", -1).Spec.Id,
			Request:  &lhpb.RunWfRequest{WfSpecName: "spec0", Id: new("w")},
		}}})
		if e := w.node("w", 0, 1).GetExternalEvent(); e.ExternalEventId == nil {
			t.Errorf("with %d events for others none is taken", others)
		}
		return c
	}
	if few, many := arrival(1), arrival(wide); many != few {
		t.Errorf("with %d events for others it %v; with one it %v", wide, many, few)
	}
}

// TestOneRecordFansOut holds what comes between the records of a fan-out, and of the long wait behind it, to its own
// work: it starts no children, looks at no others, and leaves no record behind.
//
// covers: engine-2 §9 START_MULTIPLE_THREADS; engine-2 §9 WAIT_FOR_THREADS
func TestOneRecordFansOut(t *testing.T) {
	begin, chunk := engine.DefaultConfig().FanOutChunk, engine.DefaultConfig().GoOnChunk
	children := begin + 20*chunk
	w := newTestWorld(t, engine.DefaultConfig(),
		"thread main\n var list JSON_ARR\n many: START_MANY child over list\n "+aboveWaitAll+"\nthread child\n t: TASK t()")
	w.each = nil
	r := w.start("spec0", "w", children)
	r.Header = w.header()
	goingOn := continues(w.apply(r))
	n, between := 0, 0
	for ; len(goingOn) > 0; n++ {
		if len(goingOn) > 1 {
			t.Fatalf("%d records are to go on with the fan-out", len(goingOn))
		}
		before := w.wfRun("w").GreatestThreadrunNumber
		for _, r := range []*pb.Record{claimed("w", n+1), reported("w", n+1, lhpb.TaskStatus_TASK_SUCCESS)} {
			r.Header = w.header()
			fx := w.apply(r)
			if fx.Reply.Err != nil {
				t.Fatal(fx.Reply.Err)
			}
			between = max(between, len(fx.Changes))
			if len(continues(fx)) > 0 {
				t.Fatalf("%T of ThreadRun %d goes on with the fan-out", r.Command, n+1)
			}
		}
		if now := w.wfRun("w").GreatestThreadrunNumber; now != before {
			t.Fatalf("a report starts %d ThreadRuns", now-before)
		}
		goingOn[0].Header = w.header()
		goingOn = continues(w.apply(goingOn[0]))
	}
	if chunks := (children-begin)/(chunk/4) + children/chunk; n != chunks {
		t.Errorf("%d records go on, not %d", n, chunks)
	}
	if between > 20 {
		t.Errorf("what comes between writes %d rows", between)
	}
	if waits := w.node("w", 0, 2).GetWaitForThreads(); waits == nil {
		t.Errorf("ThreadRun 0 does not wait")
	}
}

func continues(fx machine.Effects) (out []*pb.Record) {
	for _, e := range fx.Emit {
		if e.Record.GetContinue() != nil {
			out = append(out, e.Record)
		}
	}
	return out
}

// TestNoRecordHaltsAGiant holds every record by which thousands of ThreadRuns stop, go on, are interrupted, and end with
// the one above them to what a record may read and write, however many there are.
//
// covers: engine-2 §6 manual_halt; engine-2 §6 parent_halted; engine-2 §6 interrupted; engine-2 §9 WAIT_FOR_ANY; engine-2 §9 WAIT_FOR_FIRST; engine-2 §9 EXIT
func TestNoRecordHaltsAGiant(t *testing.T) {
	stop := &pb.Record{Command: &pb.Record_StopWfRun{StopWfRun: &lhpb.StopWfRunRequest{WfRunId: lh.ParseWfRunID("w")}}}
	resume := &pb.Record{Command: &pb.Record_ResumeWfRun{ResumeWfRun: &lhpb.ResumeWfRunRequest{WfRunId: lh.ParseWfRunID("w")}}}
	rescue := &pb.Record{Command: &pb.Record_RescueThreadRun{RescueThreadRun: &lhpb.RescueThreadRunRequest{WfRunId: lh.ParseWfRunID("w"), ThreadRunNumber: 3}}}
	event := func(def string, thread int32) *pb.Record {
		return &pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: &lhpb.PutExternalEventRequest{
			WfRunId: lh.ParseWfRunID("w"), ExternalEventDefId: &lhpb.ExternalEventDefId{Name: def}, ThreadRunNumber: &thread,
		}}}
	}
	const (
		children = 2_000 // in one record they would cost ten times of what is allowed

		tasks  = "thread child\n t: TASK t()"
		events = "thread child\n e: EVENT go\n -> bad if out(\"e\") == 1\n -> exit\n bad: EXIT fail biz \"bad\"\n exit: EXIT"
	)
	type step struct {
		what   string
		record *pb.Record
	}
	for name, shape := range map[string]struct {
		interrupts   string
		above, below string
		do           []step
		end          lhpb.LHStatus
	}{
		"stopped and resumed":   {"", aboveWaitAll, events, []step{{"stop", stop}, {"resume", resume}, {"stop again", stop}}, lhpb.LHStatus_HALTED},
		"stopped below an exit": {"", aboveExit, events, []step{{"stop", stop}, {"resume", resume}, {"event", event("go", 7)}}, lhpb.LHStatus_RUNNING},
		"interrupted":           {" interrupt go -> cope\n", aboveWaitAll, "thread child\n s: SLEEP 100\nthread cope\n n: NOP", []step{{"interrupt", event("go", 0)}}, lhpb.LHStatus_RUNNING},
		"any has ended":         {"", aboveWaitAny, events, []step{{"event", event("go", 1_000)}}, lhpb.LHStatus_COMPLETED},
		"the first has ended":   {"", aboveWaitFirst, events, []step{{"event", event("go", 1_000)}}, lhpb.LHStatus_COMPLETED},
		"a failure": {"", aboveWaitAll + "\n after: EXIT fail biz \"x\"", tasks, []step{
			{"claim", claimed("w", 3)}, {"report", reported("w", 3, lhpb.TaskStatus_TASK_FAILED)},
		}, lhpb.LHStatus_ERROR},
		"a failure and a rescue": {"", aboveWaitAll, tasks, []step{
			{"claim", claimed("w", 3)}, {"report", reported("w", 3, lhpb.TaskStatus_TASK_FAILED)}, {"rescue", rescue},
		}, lhpb.LHStatus_RUNNING},
		"a failure that is handled": {"", "w: WAIT_ALL list out(\"many\")\n  on any -> cope\n n: NOP", tasks + "\nthread cope\n n: NOP", []step{
			{"claim", claimed("w", 3)}, {"report", reported("w", 3, lhpb.TaskStatus_TASK_FAILED)},
		}, lhpb.LHStatus_RUNNING},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t, engine.DefaultConfig(),
				"thread main\n"+shape.interrupts+" var list JSON_ARR\n many: START_MANY child over list\n "+shape.above+"\n"+shape.below)
			w.each = nil
			largest := map[string]cost{}
			w.alone(largest, "start", w.start("spec0", "w", children))
			for _, s := range shape.do {
				w.alone(largest, s.what, s.record.CloneVT())
			}
			w.mustBeModest(t, largest, 1_500, 512<<10)
			if got := w.wfRun("w").Status; got != shape.end {
				t.Errorf("the WfRun is %s", got)
			}
		})
	}
}

// TestNoRecordTellsAGiant holds every record by which thousands of ThreadRuns learn of something that they wait for to what a
// record may read and write, however many there are.
//
// covers: engine-2 §8; engine-2 §9 WAIT_FOR_CONDITION; engine-2 §9 EXTERNAL_EVENT; engine-2 §9 WAIT_FOR_THREADS
func TestNoRecordTellsAGiant(t *testing.T) {
	id := lh.ParseWfRunID("w")
	event := func(thread *int32) *pb.Record {
		return &pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: &lhpb.PutExternalEventRequest{
			WfRunId: id, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "go"}, ThreadRunNumber: thread,
		}}}
	}
	stop := &pb.Record{Command: &pb.Record_StopWfRun{StopWfRun: &lhpb.StopWfRunRequest{WfRunId: id}}}
	resume := &pb.Record{Command: &pb.Record_ResumeWfRun{ResumeWfRun: &lhpb.ResumeWfRunRequest{WfRunId: id}}}
	const (
		children = 2_000
		changes  = "e: EVENT go\n n: NOP\n  -> w { x += 1 }\n " + aboveWaitAll
	)
	for name, shape := range map[string]struct {
		vars, above, below string
		records            []*pb.Record
		want               func(w *world) int // of the children
	}{
		"a variable": {
			" var x INT = 0\n", changes, "c: CONDITION x > 0\n t: TASK t()",
			[]*pb.Record{event(nil)},
			func(w *world) int { return w.at("t") },
		},
		"a variable, not yet": {
			" var x INT = 0\n", changes, "c: CONDITION x > 1\n t: TASK t()",
			[]*pb.Record{event(nil)},
			func(w *world) int { return w.at("c") },
		},
		"a variable that each changes": {
			" var x INT = 0\n", changes, "c: CONDITION x > 0\n n: NOP\n  -> d { x += 1 }\n d: CONDITION x > 2000\n t: TASK t()",
			[]*pb.Record{event(nil)},
			func(w *world) int { return w.at("t") },
		},
		"an interrupt": {
			"", aboveWaitAll, "interrupt go -> cope\n s: SLEEP 100000\nthread cope\n t: TASK t()",
			[]*pb.Record{event(nil)},
			func(w *world) int { return w.at("t") },
		},
		"two interrupts": {
			"", aboveWaitAll, "interrupt go -> cope\n s: SLEEP 100000\nthread cope\n t: TASK t()",
			[]*pb.Record{event(nil), event(nil)},
			func(w *world) int { return w.at("t") / 2 },
		},
		"an interrupt of one": {
			"", aboveWaitAll, "interrupt go -> cope\n s: SLEEP 100000\nthread cope\n t: TASK t()",
			[]*pb.Record{event(new(int32(1_000)))},
			func(w *world) int { return 1_999 + w.at("t") },
		},
		"an event while they halt": {
			"", aboveWaitAll, "e: EVENT go\n t: TASK t()",
			[]*pb.Record{stop, event(nil), event(nil)},
			func(w *world) int { return w.at("e") },
		},
		"an event while they go on": {
			"", aboveWaitAll, "e: EVENT go\n t: TASK t()",
			[]*pb.Record{stop, resume, event(nil), event(nil)},
			func(w *world) int { return 1_998 + w.at("t") },
		},
		"a ThreadRun": {
			" var x INT = 0\n", aboveWaitAll, "w: WAIT_ALL 1\n t: TASK t()\nthread leaf\n e: EVENT go",
			[]*pb.Record{event(nil)},
			func(w *world) int { return w.at("t") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			first := ""
			if strings.Contains(shape.below, "thread leaf") {
				first = " l: START leaf\n"
			}
			w := newTestWorld(t, engine.DefaultConfig(),
				"thread main\n var list JSON_ARR\n"+shape.vars+first+" many: START_MANY child over list\n "+shape.above+"\nthread child\n "+shape.below)
			w.each = nil
			largest := map[string]cost{}
			w.alone(largest, "start", w.start("spec0", "w", children))
			var records []*pb.Record
			for _, r := range shape.records {
				records = append(records, r.CloneVT())
			}
			w.alone(largest, "it", records...)
			w.mustBeModest(t, largest, 1_500, 512<<10)
			if n := shape.want(w); n != children {
				t.Errorf("%d ThreadRuns are where they should be", n)
			}
		})
	}
}

// at counts the ThreadRuns that stand at the node.
func (w *world) at(node string) (n int) {
	kind := run("w").Kind(keys.KindThreadRun)
	for _, t := range machine.Scan[lhpb.ThreadRun](w.state, kind, kind.End(), math.MaxInt) {
		if w.node("w", t.Number, t.CurrentNodePosition).NodeName == node && t.EndTime == nil {
			n++
		}
	}
	return n
}

// mustBeModest wants no record to have cost too much, and a sound state in which nothing is left to be done.
func (w *world) mustBeModest(t *testing.T, largest map[string]cost, rows, bytes int) {
	t.Helper()
	for _, what := range slices.Sorted(maps.Keys(largest)) {
		c := largest[what]
		t.Logf("%s: %v", what, c)
		if c.readRows > rows || c.writtenRows > rows || c.readBytes > bytes || c.writtenBytes > bytes {
			t.Errorf("%s: a record %v", what, c)
		}
	}
	if found := w.violations(w.state); len(found) > 0 {
		t.Error(found[0], len(found))
	}
	if found := check.Quiet(w.state); len(found) > 0 {
		t.Error(found[0], len(found))
	}
}

// TestNothingIsQueuedForWhoFails drops the interrupts that wait for a ThreadRun when it fails, a few in each record, however soon
// it is rescued, and lets those begin that come after that.
//
// covers: engine-2 §8; engine-2 §10
func TestNothingIsQueuedForWhoFails(t *testing.T) {
	const many = 700
	interrupt := func(n int) *pb.Record {
		return &pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: &lhpb.PutExternalEventRequest{
			WfRunId: lh.ParseWfRunID("w"), ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "go"}, Guid: new(fmt.Sprintf("event-%04d", n)),
			Content: literal(strconv.Itoa(n)),
		}}}
	}
	queued := func(w *world) (n int) {
		kind := run("w").Kind(keys.KindQueued)
		for range machine.Scan[lhpb.PendingInterrupt](w.state, kind, kind.End(), math.MaxInt) {
			n++
		}
		return n
	}
	w := newTestWorld(t, engine.DefaultConfig(), "thread main\n interrupt go -> cope\n t: TASK t() timeout=100000\n u: TASK u() timeout=100000\n"+
		"thread cope\n var INPUT INT\n n: NOP\n  -> bad if INPUT == 699\n  -> exit\n bad: WAIT_ALL 99\n exit: EXIT")
	w.each = nil
	w.runSpec("spec0", "w", nil)
	largest := map[string]cost{}
	w.do(claimed("w", 0))
	for n := range many {
		w.do(interrupt(n))
	}
	if n := queued(w); n != many-64 {
		t.Errorf("%d interrupts are queued", n)
	}
	// One of them goes on from the failure only after the rescue.
	w.alone(largest, "it", reported("w", 0, lhpb.TaskStatus_TASK_SUCCESS), w.deed(deed{"rescue", 0}), interrupt(many))
	w.mustBeModest(t, largest, 1_500, 512<<10)
	if n := queued(w); n != 0 {
		t.Errorf("%d interrupts are queued after a rescue", n)
	}
	wf, main := w.wfRun("w"), get[lhpb.ThreadRun](w, run("w").ThreadRun(0))
	if len(wf.PendingInterrupts) != 1 || len(main.HaltReasons) != 1 || main.Status != lhpb.LHStatus_HALTING {
		t.Errorf("rescued: %v, %v", wf, main)
	}
}

// TestNoRecordMigratesAGiant holds every record by which thousands of ThreadRuns are migrated, and each of them rescued, to what
// a record may read and write: the reply is left to the caller to read.
//
// covers: engine-2 §10; engine-2 §15 migrating
func TestNoRecordMigratesAGiant(t *testing.T) {
	const (
		children = 2_000
		flow     = "thread main\n var list JSON_ARR\n var x INT = 0\n many: START_MANY child over list\n " + aboveWaitAll + "\n%s"
	)
	for name, below := range map[string]string{
		"each by itself":       "thread child\n e: EVENT go\n t: TASK t()",
		"main before the rest": "thread child\n e: CONDITION x > 0\n t: TASK t()",
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t, engine.DefaultConfig(), fmt.Sprintf(flow, below))
			w.each = nil
			largest := map[string]cost{}
			w.alone(largest, "start", w.start("spec0", "w", children))
			if _, err := w.meta.put(specScript("spec0", fmt.Sprintf(flow, below+"\n more: TASK u()"))); err != nil {
				t.Fatal(err)
			}
			same := func(thread, node string) *lhpb.ThreadMigrationPlanRequest {
				return &lhpb.ThreadMigrationPlanRequest{NewThreadName: thread, NodeMigrations: map[string]*lhpb.NodeMigrationPlan{node: {NewNodeName: node}}}
			}
			to := w.meta.latest().newest("spec0", -1).Spec.Id
			plan, refusal := spec.PlanMigration(defs{w.meta.latest()}, &lhpb.PutWorkflowMigrationPlanRequest{
				Name: "p", OldWfSpec: &lhpb.WfSpecId{Name: "spec0"}, MajorVersion: to.MajorVersion, Revision: to.Revision,
				ThreadMigrations: map[string]*lhpb.ThreadMigrationPlanRequest{"main": same("main", "w"), "child": same("child", "e")},
			})
			if refusal != nil {
				t.Fatal(refusal)
			}
			w.meta.next().plans["p"] = plan
			w.alone(largest, "migrate", &pb.Record{Command: &pb.Record_ApplyWorkflowMigrationPlan{
				ApplyWorkflowMigrationPlan: &lhpb.ApplyWorkflowMigrationPlanRequest{WfRunId: lh.ParseWfRunID("w"), Id: &lhpb.WorkflowMigrationPlanId{Name: "p"}},
			}})
			w.mustBeModest(t, largest, 1_500, 512<<10)
			kind, migrated := run("w").Kind(keys.KindThreadRun), 0
			for _, thread := range machine.Scan[lhpb.ThreadRun](w.state, kind, kind.End(), math.MaxInt) {
				if proto.Equal(thread.WfSpecId, to) {
					migrated++
				}
			}
			if wf := w.wfRun("w"); migrated != children+1 || wf.WorkflowMigrationPlanId != nil {
				t.Errorf("%d ThreadRuns are migrated; %v", migrated, wf)
			}
		})
	}
}

// deep is a chain of ThreadRuns each of which starts the next, once its task is done, and waits for it.
const deep = "thread main\n var x INT = 0\n a: NOP\n c: START link\n w: WAIT_ALL out(\"c\")\n" +
	"thread link\n t: TASK t()\n  -> exit if out(\"t\") == \"end\" { x += 1 }\n  -> c\n c: START knot\n w: WAIT_ALL out(\"c\")\n exit: EXIT\n" +
	"thread knot\n t: TASK t()\n  -> exit if out(\"t\") == \"end\" { x += 1 }\n  -> c\n c: START link\n w: WAIT_ALL out(\"c\")\n exit: EXIT"

// TestNoRecordMovesADeepChain holds what happens to a chain of ThreadRuns that is as deep as one may be to what a record may
// read and write.
//
// covers: engine-2 §6 parent_halted; engine-2 §9 START_THREAD; engine-2 §9 WAIT_FOR_THREADS; engine-2 §10
func TestNoRecordMovesADeepChain(t *testing.T) {
	last := engine.DefaultConfig().MaxThreadDepth - 1
	ended := func(n int) *pb.Record {
		r := reported("w", n, lhpb.TaskStatus_TASK_SUCCESS)
		r.GetReportTask().Report.Result = &lhpb.ReportTaskRun_Output{Output: value.Str("end")}
		return r
	}
	for name, c := range map[string]struct {
		do  []func(w *world) *pb.Record
		end lhpb.LHStatus
	}{
		"stopped and resumed": {[]func(*world) *pb.Record{
			func(w *world) *pb.Record { return w.deed(deed{"stop", 0}) },
			func(w *world) *pb.Record { return w.deed(deed{"resume", 0}) },
		}, lhpb.LHStatus_RUNNING},
		"failed": {[]func(*world) *pb.Record{
			func(*world) *pb.Record { return claimed("w", last) },
			func(*world) *pb.Record { return reported("w", last, lhpb.TaskStatus_TASK_FAILED) },
		}, lhpb.LHStatus_ERROR},
		"failed and rescued": {[]func(*world) *pb.Record{
			func(*world) *pb.Record { return claimed("w", last) },
			func(*world) *pb.Record { return reported("w", last, lhpb.TaskStatus_TASK_FAILED) },
			func(w *world) *pb.Record { return w.deed(deed{"rescue", int32(last)}) },
		}, lhpb.LHStatus_RUNNING},
		"ended": {[]func(*world) *pb.Record{
			func(*world) *pb.Record { return claimed("w", last) },
			func(*world) *pb.Record { return ended(last) },
		}, lhpb.LHStatus_COMPLETED},
		"one too many": {[]func(*world) *pb.Record{
			func(*world) *pb.Record { return claimed("w", last) },
			func(*world) *pb.Record { return reported("w", last, lhpb.TaskStatus_TASK_SUCCESS) },
		}, lhpb.LHStatus_ERROR},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t, engine.DefaultConfig(), deep)
			w.each = nil
			w.runSpec("spec0", "w", nil)
			largest := map[string]cost{}
			for n := 1; n < last; n++ {
				w.alone(largest, "claim", claimed("w", n))
				w.alone(largest, "report", reported("w", n, lhpb.TaskStatus_TASK_SUCCESS))
			}
			for _, r := range c.do {
				w.alone(largest, "it", r(w))
			}
			w.mustBeModest(t, largest, 2_000, 2<<20) // each failure tells of all below
			if wf := w.wfRun("w"); wf.Status != c.end {
				t.Errorf("the WfRun is %s", wf.Status)
			}
			main := get[lhpb.ThreadRun](w, run("w").ThreadRun(0))
			if name == "one too many" && !strings.Contains(main.GetErrorMessage(), "more than 128 deep") {
				t.Errorf("it says %q", main.GetErrorMessage())
			}
		})
	}
}

// TestNoRecordMovesDeepWfRuns holds what happens to WfRuns that nest as deep as they may, each waiting for the next, to what a
// record may read and write.
//
// covers: engine-2 §9 RUN_CHILD_WF; engine-2 §9 WAIT_FOR_CHILD_WF; engine-2 §10
func TestNoRecordMovesDeepWfRuns(t *testing.T) {
	w := newTestWorld(t, engine.DefaultConfig(),
		"thread main\n t: TASK t()\n  -> exit if out(\"t\") == \"end\"\n  -> c\n c: RUN_DYNAMIC_CHILD \"spec0\"\n w: WAIT_CHILD c\n exit: EXIT")
	w.each = nil
	largest := map[string]cost{}
	id := "w"
	w.runSpec("spec0", id, nil)
	for range lh.MaxWfRunDepth - 1 {
		w.alone(largest, "claim", claimed(id, 0))
		w.alone(largest, "report", reported(id, 0, lhpb.TaskStatus_TASK_SUCCESS))
		id = lh.WfRunIDString(w.node(id, 0, 2).GetRunChildWf().ChildWfRunId)
	}
	w.alone(largest, "claim", claimed(id, 0))
	w.alone(largest, "failure", reported(id, 0, lhpb.TaskStatus_TASK_FAILED))
	if got := w.wfRun("w").Status; got != lhpb.LHStatus_ERROR {
		t.Errorf("the outermost is %s", got)
	}
	w.alone(largest, "rescue", &pb.Record{Command: &pb.Record_RescueThreadRun{RescueThreadRun: &lhpb.RescueThreadRunRequest{WfRunId: lh.ParseWfRunID(id)}}})
	if got := w.wfRun("w").Status; got != lhpb.LHStatus_RUNNING {
		t.Errorf("the outermost is %s after a rescue of the innermost", got)
	}
	again := &lhpb.TaskRunId{WfRunId: lh.ParseWfRunID(id), TaskGuid: "0-2"}
	w.alone(largest, "claim", &pb.Record{Command: &pb.Record_ClaimTask{ClaimTask: &pb.ClaimTask{TaskRunId: again, Credit: credit}}})
	w.alone(largest, "end", &pb.Record{Command: &pb.Record_ReportTask{ReportTask: &pb.ReportTask{Report: &lhpb.ReportTaskRun{
		TaskRunId: again, Status: lhpb.TaskStatus_TASK_SUCCESS, Result: &lhpb.ReportTaskRun_Output{Output: value.Str("end")},
	}}}})
	if got := w.wfRun("w").Status; got != lhpb.LHStatus_COMPLETED {
		t.Errorf("the outermost is %s in the end", got)
	}
	w.mustBeModest(t, largest, 1_500, 1<<20)
}

// TestQueuedInterruptsCostTheSame holds the thousandth interrupt that waits, for one ThreadRun or each for one of its own, to
// what the hundredth costs.
//
// covers: engine-2 §8
func TestQueuedInterruptsCostTheSame(t *testing.T) {
	const spec = "thread main\n var list JSON_ARR\n many: START_MANY child over list\n " + aboveExit +
		"\nthread child\n interrupt go -> cope\n t: TASK t()\nthread cope\n n: NOP"
	for name, whom := range map[string]func(n int32) int32{
		"one":  func(int32) int32 { return 1 },
		"each": func(n int32) int32 { return n },
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t, engine.DefaultConfig(), spec)
			w.each = nil
			w.do(w.start("spec0", "w", 1_100))
			costs := map[int32]cost{}
			for n := int32(1); n <= 1_000; n++ {
				thread := whom(n)
				costs[n] = w.costOf(&pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: &lhpb.PutExternalEventRequest{
					WfRunId: lh.ParseWfRunID("w"), ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "go"},
					ThreadRunNumber: &thread, Guid: new(fmt.Sprintf("event-%04d", n)),
				}}})
			}
			if n := w.pendingInterrupts("w"); n != 1_000 {
				t.Errorf("%d interrupts are pending", n)
			}
			early, late := costs[100], costs[1_000]
			const digits = 64
			if late.writtenRows > early.writtenRows || late.writtenBytes > early.writtenBytes+digits {
				t.Errorf("the thousandth %v; the hundredth %v", late, early)
			}
			for n := int32(1); n <= 1_100; n++ {
				w.do(claimed("w", int(n)))
				w.do(reported("w", int(n), lhpb.TaskStatus_TASK_SUCCESS))
			}
			if got := w.wfRun("w"); got.Status != lhpb.LHStatus_COMPLETED || got.GreatestThreadrunNumber != 2_100 {
				t.Errorf("%s after ThreadRun %d", got.Status, got.GreatestThreadrunNumber)
			}
			if found := w.violations(w.state); len(found) > 0 {
				t.Error(found[0], len(found))
			}
		})
	}
}

// TestAnAllowanceIsNotHeldAgainstTheRest lets a command make more passes than usual, as one may in a WfRun of many ThreadRuns, and
// then change what many of them wait for: the records that tell them the rest have no tight loop for that.
//
// covers: engine-2 §9 WAIT_FOR_CONDITION
func TestAnAllowanceIsNotHeldAgainstTheRest(t *testing.T) {
	const children = 300
	w := newTestWorld(t, engine.DefaultConfig(), "thread main\n var list JSON_ARR\n var x INT = 0\n var n INT = 0\n many: START_MANY child over list\n"+
		" e: EVENT go\n l: NOP\n  -> m\n m: NOP\n  -> l if n < 350 { n += 1 }\n  -> w { x += 1 }\n "+aboveWaitAll+"\nthread child\n c: CONDITION x > 0\n t: TASK t()")
	w.each = nil
	w.do(w.start("spec0", "w", children))
	w.do(&pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: &lhpb.PutExternalEventRequest{
		WfRunId: lh.ParseWfRunID("w"), ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "go"},
	}}})
	if n := w.at("t"); n != children {
		t.Errorf("%d ThreadRuns have been told; the WfRun: %v", n, w.wfRun("w"))
	}
}
