package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"littlehorse/internal/engine"
	"littlehorse/internal/engine/check"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// TestAnyWorkload runs random commands on WfRuns of random WfSpecs. After each record the whole state is
// checked, and every change of an object; in the end the records are replayed.
func TestAnyWorkload(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newRandomWorld(t)
		for range rapid.IntRange(1, 60).Draw(t, "commands") {
			w.command()
		}
		w.drain()
		if err := w.replay(); err != nil {
			t.Fatalf("replay: %v", err)
		}
	})
}

type randomWorld struct {
	*world
	t     *rapid.T
	specs []string
}

func newRandomWorld(t *rapid.T) *randomWorld {
	c := engine.DefaultConfig()
	c.MaxThreadRuns = rapid.SampledFrom([]int{0, 4, 12}).Draw(t, "max threads")
	c.ArchiveThreadRuns = rapid.SampledFrom([]int{3, 58}).Draw(t, "archive")
	c.MaxSteps = rapid.SampledFrom([]int{30, 4000}).Draw(t, "max steps")
	c.FanOutChunk = rapid.SampledFrom([]int{1, 2, 100}).Draw(t, "fan-out chunk")
	c.MaxPasses = 60
	c.InlineThreads = rapid.SampledFrom([]int{64, 1, 2, 3}).Draw(t, "inline")
	c.DeleteChunk = rapid.SampledFrom([]int{3, 1000}).Draw(t, "delete chunk")
	c.ApartBytes = rapid.SampledFrom([]int{512, 1}).Draw(t, "apart")
	w := &randomWorld{world: newWorld(c), t: t}
	w.patient = rapid.Bool().Draw(t, "other commands come between")
	w.each = w.judge
	d := w.meta.next()
	for _, name := range []string{"t0", "t1"} {
		d.taskDefs[name] = &lhpb.TaskDef{Id: &lhpb.TaskDefId{Name: name}, ReturnType: &lhpb.ReturnType{ReturnType: typeDef("INT")}}
	}
	for _, name := range []string{"e0", "e1", "stop"} {
		d.events[name] = &lhpb.ExternalEventDef{Id: &lhpb.ExternalEventDefId{Name: name}}
	}
	d.events["e1"].RetentionPolicy = &lhpb.ExternalEventRetentionPolicy{ExtEvtGcPolicy: &lhpb.ExternalEventRetentionPolicy_SecondsAfterPut{SecondsAfterPut: 20}}
	d.wfEvents["thrown"] = &lhpb.WorkflowEventDef{Id: &lhpb.WorkflowEventDefId{Name: "thrown"}}
	d.userTasks["form"] = &lhpb.UserTaskDef{Name: "form", Fields: []*lhpb.UserTaskField{{Name: "a", Type: lhpb.VariableType_INT}}}
	for i := range rapid.IntRange(1, 3).Draw(t, "specs") {
		w.putSpec(fmt.Sprintf("spec%d", i))
	}
	return w
}

func (w *randomWorld) putSpec(name string) {
	text := (&specWriter{t: w.t, earlier: w.specs}).write()
	if _, err := w.meta.put(specScript(name, text)); err != nil {
		w.t.Fatalf("%v\n%s", err, text)
	}
	w.t.Logf("wfspec %s\n%s", name, text)
	w.specs = append(w.specs, name)
}

// judge checks the state after a record, and what the record changed.
func (w *randomWorld) judge(before map[keys.Key][]byte, r *pb.Record, fx machine.Effects) {
	judge(w.t, w.world, before, r, fx)
}

type failer interface {
	Fatalf(format string, args ...any)
}

func judge(t failer, w *world, before map[keys.Key][]byte, r *pb.Record, fx machine.Effects) {
	for _, c := range fx.Changes {
		k, err := keys.ParseRun(c.Key)
		if err != nil || before[c.Key] == nil || c.Value == nil {
			continue
		}
		if found := check.Transition(decode(k.Kind, before[c.Key]), c.Value); len(found) > 0 {
			t.Fatalf("after %v: %v", r.GetCommand(), found)
		}
	}
	if found := check.State(w.state, func(string) engine.Specs { return w.meta.At(w.meta.version(), tenant) }); len(found) > 0 {
		t.Fatalf("after %v: %v", r.GetCommand(), found)
	}
}

func (w *randomWorld) command() {
	switch rapid.SampledFrom([]string{
		"run", "run at once", "claim", "claim", "claim", "report", "report", "report", "report", "event", "event", "event",
		"interrupt", "advance", "stop", "resume", "rescue", "delete", "stale", "offer",
		"form", "form", "form", "go on", "go on", "go on",
	}).Draw(w.t, "command") {
	case "run":
		w.start(nil)
	case "run at once":
		w.start(offered)
	case "claim":
		w.claimAny()
	case "report":
		w.reportAny(nil)
	case "offer":
		w.reportAny(offered)
	case "event":
		w.post(rapid.SampledFrom([]string{"e0", "e1"}).Draw(w.t, "def"))
	case "interrupt":
		w.post("stop")
	case "advance":
		w.advance(time.Duration(rapid.IntRange(0, 40).Draw(w.t, "seconds")) * time.Second)
	case "stop":
		id, thread := w.anyThread()
		w.do(&pb.Record{Command: &pb.Record_StopWfRun{StopWfRun: &lhpb.StopWfRunRequest{WfRunId: id, ThreadRunNumber: thread}}})
	case "resume":
		id, thread := w.anyThread()
		w.do(&pb.Record{Command: &pb.Record_ResumeWfRun{ResumeWfRun: &lhpb.ResumeWfRunRequest{WfRunId: id, ThreadRunNumber: thread}}})
	case "rescue":
		id, thread := w.anyThread()
		w.do(&pb.Record{Command: &pb.Record_RescueThreadRun{RescueThreadRun: &lhpb.RescueThreadRunRequest{
			WfRunId: id, ThreadRunNumber: thread, SkipCurrentNode: rapid.Bool().Draw(w.t, "skip"),
		}}})
	case "delete":
		if rapid.IntRange(0, 4).Draw(w.t, "really") == 0 {
			w.do(&pb.Record{Command: &pb.Record_DeleteWfRun{DeleteWfRun: &lhpb.DeleteWfRunRequest{Id: w.anyRun()}}})
		}
	case "form":
		w.fillIn()
	case "go on":
		w.goOn()
	case "stale":
		w.reportTask(w.anyRun(), fmt.Sprintf("0-%d", rapid.IntRange(0, 4).Draw(w.t, "position")), int32(rapid.IntRange(0, 2).Draw(w.t, "attempt")), nil)
	}
}

// offered is a credit that travels with a record.
var offered = &pb.Credit{TaskDefId: &lhpb.TaskDefId{Name: "t0"}, WorkerId: "offered"}

func (w *randomWorld) start(offer *pb.Credit) {
	id := fmt.Sprintf("w%d", rapid.IntRange(0, 5).Draw(w.t, "id"))
	name := rapid.SampledFrom(w.specs).Draw(w.t, "spec")
	g := w.meta.latest().newest(name, -1)
	r := &lhpb.RunWfRequest{WfSpecName: name, Id: &id}
	if g.Spec.ParentWfSpec != nil {
		r.ParentWfRunId = w.anyRunOf(g.Spec.ParentWfSpec.WfSpecName)
	}
	w.do(&pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{WfSpecId: g.Spec.Id, Request: r, Offer: offer}}})
}

// anyRunOf is a WfRun of the WfSpec, or one that there is not.
func (w *randomWorld) anyRunOf(spec string) *lhpb.WfRunId {
	all := []string{"w0"}
	for _, name := range w.runs() {
		if get[pb.WfRunRow](w.world, run(name).WfRun()).WfRun.WfSpecId.Name == spec {
			all = append(all, name)
		}
	}
	return lh.ParseWfRunID(rapid.SampledFrom(all).Draw(w.t, "parent"))
}

// runs are the names of all WfRuns there are, children included.
func (w *randomWorld) runs() []string {
	var out []string
	for _, k := range w.state.Keys() {
		if p, err := keys.ParseRun(k); err == nil && p.Kind == keys.KindWfRun {
			out = append(out, p.WfRun)
		}
	}
	return out
}

func (w *randomWorld) anyRun() *lhpb.WfRunId {
	return lh.ParseWfRunID(rapid.SampledFrom(append(w.runs(), "w0")).Draw(w.t, "run"))
}

func (w *randomWorld) anyThread() (*lhpb.WfRunId, int32) {
	return w.anyRun(), int32(rapid.IntRange(0, 5).Draw(w.t, "thread"))
}

func (w *randomWorld) claimAny() {
	var waiting []keys.ScheduledTask
	for _, k := range w.state.Keys() {
		if k.Space() == keys.SpaceQueue {
			q, _ := keys.ParseScheduledTask(k)
			waiting = append(waiting, q)
		}
	}
	if len(waiting) == 0 {
		return
	}
	w.claim(rapid.SampledFrom(waiting).Draw(w.t, "task"))
}

func (w *randomWorld) claim(q keys.ScheduledTask) {
	fx := w.do(&pb.Record{Command: &pb.Record_ClaimTask{ClaimTask: &pb.ClaimTask{
		TaskRunId: &lhpb.TaskRunId{WfRunId: lh.ParseWfRunID(q.WfRun), TaskGuid: q.Guid}, Attempt: q.Attempt,
		Credit: &pb.Credit{WorkerId: fmt.Sprintf("worker-%d", len(w.records))},
	}}})
	row := get[pb.WfRunRow](w.world, run(q.WfRun).WfRun())
	if fx.Reply.Value == nil && !row.GetDeleting() {
		w.t.Fatalf("%v waits, but cannot be claimed", q)
	}
}

func (w *randomWorld) reportAny(offer *pb.Credit) {
	var running []*lhpb.TaskRun
	for _, name := range w.runs() {
		for k := range w.taskRuns(name) {
			if k.Status == lhpb.TaskStatus_TASK_RUNNING {
				running = append(running, k)
			}
		}
	}
	if len(running) == 0 {
		return
	}
	k := rapid.SampledFrom(running).Draw(w.t, "task")
	w.reportTask(k.Id.WfRunId, k.Id.TaskGuid, int32(len(k.Attempts)-1), offer)
}

func (w *randomWorld) taskRuns(name string) func(func(*lhpb.TaskRun) bool) {
	prefix := run(name).Kind(keys.KindTaskRun)
	return func(yield func(*lhpb.TaskRun) bool) {
		for _, k := range w.state.Keys() {
			if k.HasPrefix(prefix) && !yield(get[lhpb.TaskRun](w.world, k)) {
				return
			}
		}
	}
}

func (w *randomWorld) reportTask(id *lhpb.WfRunId, guid string, attempt int32, offer *pb.Credit) {
	r := &lhpb.ReportTaskRun{TaskRunId: &lhpb.TaskRunId{WfRunId: id, TaskGuid: guid}, AttemptNumber: attempt}
	switch rapid.IntRange(0, 5).Draw(w.t, "result") {
	case 0:
		r.Status = lhpb.TaskStatus_TASK_FAILED
	case 1:
		r.Status = lhpb.TaskStatus_TASK_EXCEPTION
		r.Result = &lhpb.ReportTaskRun_Exception{Exception: &lhpb.LHTaskException{Name: "biz", Message: "no", Content: literal("1")}}
	default:
		r.Status = lhpb.TaskStatus_TASK_SUCCESS
		r.Result = &lhpb.ReportTaskRun_Output{Output: literal("1")}
	}
	w.do(&pb.Record{Command: &pb.Record_ReportTask{ReportTask: &pb.ReportTask{Report: r, Offer: offer}}})
}

// fillIn does something to a UserTaskRun, or to one that there is not.
func (w *randomWorld) fillIn() {
	id := &lhpb.UserTaskRunId{WfRunId: w.anyRun(), UserTaskGuid: "0-1"}
	var all []string
	prefix := run(lh.WfRunIDString(id.WfRunId)).Kind(keys.KindUserTaskRun)
	for _, k := range w.state.Keys() {
		if k.HasPrefix(prefix) {
			all = append(all, get[lhpb.UserTaskRun](w.world, k).Id.UserTaskGuid)
		}
	}
	if len(all) > 0 {
		id.UserTaskGuid = rapid.SampledFrom(all).Draw(w.t, "user task")
	}
	who := rapid.SampledFrom([]string{"ana", "bo"}).Draw(w.t, "user")
	switch rapid.IntRange(0, 5).Draw(w.t, "deed") {
	case 0:
		w.do(&pb.Record{Command: &pb.Record_CancelUserTaskRun{CancelUserTaskRun: &lhpb.CancelUserTaskRunRequest{UserTaskRunId: id}}})
	case 1:
		w.do(&pb.Record{Command: &pb.Record_AssignUserTaskRun{AssignUserTaskRun: &lhpb.AssignUserTaskRunRequest{
			UserTaskRunId: id, UserId: &who, OverrideClaim: rapid.Bool().Draw(w.t, "override"),
		}}})
	case 2:
		w.do(&pb.Record{Command: &pb.Record_SaveUserTaskRunProgress{SaveUserTaskRunProgress: &lhpb.SaveUserTaskRunProgressRequest{
			UserTaskRunId: id, UserId: who, Results: variables("a = 1"),
		}}})
	case 3:
		w.do(&pb.Record{Command: &pb.Record_PutUserTaskRunComment{PutUserTaskRunComment: &lhpb.PutUserTaskRunCommentRequest{
			UserTaskRunId: id, UserId: who, Comment: "well",
		}}})
	default:
		w.do(&pb.Record{Command: &pb.Record_CompleteUserTaskRun{CompleteUserTaskRun: &lhpb.CompleteUserTaskRunRequest{
			UserTaskRunId: id, UserId: who, Results: variables("a = 2"),
		}}})
	}
}

func (w *randomWorld) post(def string) {
	r := &lhpb.PutExternalEventRequest{WfRunId: w.anyRun(), ExternalEventDefId: &lhpb.ExternalEventDefId{Name: def}, Content: literal("1")}
	if rapid.IntRange(0, 3).Draw(w.t, "targeted") == 0 {
		n := int32(rapid.IntRange(0, 3).Draw(w.t, "thread"))
		r.ThreadRunNumber = &n
	}
	w.do(&pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: r}})
}

// enoughRecords is where a workload ends that would go on by its timers for ever: each record is judged by the
// whole state.
const enoughRecords = 1_000

// drain does all the work there is and lets all time pass.
func (w *randomWorld) drain() {
	w.patient = false
	for len(w.goingOn) > 0 {
		if len(w.records) > enoughRecords {
			return
		}
		w.goOn()
	}
	if found := check.Quiet(w.state); len(found) > 0 {
		w.t.Fatalf("when all records are through: %v", found)
	}
	for range 200 {
		for range 60 {
			if len(w.records) > enoughRecords {
				return
			}
			w.advance(time.Minute)
		}
		i := slices.IndexFunc(w.state.Keys(), func(k keys.Key) bool { return k.Space() == keys.SpaceQueue })
		if i < 0 {
			return
		}
		q, _ := keys.ParseScheduledTask(w.state.Keys()[i])
		w.claim(q)
		w.do(&pb.Record{Command: &pb.Record_ReportTask{ReportTask: &pb.ReportTask{Report: &lhpb.ReportTaskRun{
			TaskRunId: &lhpb.TaskRunId{WfRunId: lh.ParseWfRunID(q.WfRun), TaskGuid: q.Guid}, AttemptNumber: q.Attempt,
			Status: lhpb.TaskStatus_TASK_SUCCESS, Result: &lhpb.ReportTaskRun_Output{Output: literal("1")},
		}}}})
	}
}

// specWriter writes a random WfSpec in the language of scenarios.
type specWriter struct {
	t       *rapid.T
	earlier []string // WfSpecs that may be run as children
	// inherits is set if the Variable that all WfSpecs have is that of a WfRun above.
	inherits bool
	out      strings.Builder
}

func (s *specWriter) choose(what string, n int) int { return rapid.IntRange(0, n-1).Draw(s.t, what) }

func (s *specWriter) maybe(what string, one int) bool {
	return s.choose(what, one) == 0
}

func (s *specWriter) line(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

// handlerThreads are the threads that handle failures and interrupts.
var handlerThreads = []string{"cope", "quick"}

func (s *specWriter) write() string {
	if s.maybe("retention", 4) {
		s.line("retention 30")
	}
	if len(s.earlier) > 0 && s.maybe("inherits", 3) {
		s.line("parent %s", rapid.SampledFrom(s.earlier).Draw(s.t, "parent spec"))
		s.inherits = true
	}
	s.thread("main", []string{"kid", "item"}, true)
	s.thread("kid", []string{"item"}, s.maybe("interruptible", 2))
	s.thread("item", nil, false)
	s.thread("cope", nil, false)
	s.line("thread quick")
	return s.out.String()
}

func (s *specWriter) thread(name string, children []string, interruptible bool) {
	retention := ""
	if s.maybe("thread retention", 4) {
		retention = " retention=5"
	}
	s.line("thread %s%s", name, retention)
	if name == "main" {
		if s.inherits {
			s.line("  var n INT inherited")
		} else {
			s.line("  var n INT searchable public = 0")
		}
		s.line("  var list JSON_ARR = json(\"[1,2]\")")
		s.line("  interrupt stop -> %s", rapid.SampledFrom(handlerThreads).Draw(s.t, "handler"))
	} else if name == "item" {
		s.line("  var INPUT INT")
	}
	var started []string // nodes whose output is a ThreadRun number
	var lists []string
	var childRuns []string
	count := 1 + s.choose("nodes", 4)
	for i := range count {
		node := fmt.Sprintf("%s%d", name, i)
		switch s.choose("kind", 15) {
		case 0:
			s.line("  %s: NOP", node)
		case 1, 2:
			s.line("  %s: TASK t%d()%s", node, s.choose("def", 2), rapid.SampledFrom([]string{
				"", " retries=1", " retries=2 backoff=1000,2,3000", " timeout=10", " retries=1 timeout=10",
			}).Draw(s.t, "options"))
		case 3:
			s.line("  %s: EVENT e%d%s", node, s.choose("def", 2), rapid.SampledFrom([]string{"", " timeout=15"}).Draw(s.t, "timeout"))
		case 4:
			s.line("  %s: SLEEP %d", node, s.choose("seconds", 20)-3)
		case 5, 6:
			if len(children) > 0 {
				s.line("  %s: START %s()", node, rapid.SampledFrom(children).Draw(s.t, "child"))
				started = append(started, node)
			} else {
				s.line("  %s: NOP", node)
			}
		case 7:
			if len(children) > 0 {
				s.line("  %s: START_MANY item() over list", node)
				lists = append(lists, node)
			} else {
				s.line("  %s: NOP", node)
			}
		case 8, 9:
			s.wait(node, started, lists)
		case 10:
			s.line("  %s: CONDITION n >= %d", node, s.choose("bound", 4))
		case 11:
			s.line("  %s: THROW thrown n", node)
		case 12:
			if len(s.earlier) > 0 {
				s.line("  %s: RUN_CHILD %s()", node, rapid.SampledFrom(s.earlier).Draw(s.t, "child spec"))
				childRuns = append(childRuns, node)
			} else {
				s.line("  %s: CONDITION 1 == 1.0", node)
			}
		case 13:
			if len(childRuns) > 0 {
				s.line("  %s: WAIT_CHILD %s", node, rapid.SampledFrom(childRuns).Draw(s.t, "child run"))
			} else {
				s.line("  %s: NOP", node)
			}
		case 14:
			s.userTask(node)
		}
		s.handlers()
		s.edges(name, i, count)
	}
	last := fmt.Sprintf("%s%d", name, count)
	switch s.choose("exit", 4) {
	case 0:
		s.line("  %s: EXIT fail biz \"message\" with n", last)
	case 1:
		s.line("  %s: EXIT return n", last)
	default:
		s.line("  %s: EXIT", last)
	}
}

func (s *specWriter) wait(node string, started, lists []string) {
	strategy := rapid.SampledFrom([]string{"WAIT_ALL", "WAIT_ANY", "WAIT_FIRST"}).Draw(s.t, "strategy")
	switch {
	case len(lists) > 0 && s.maybe("list", 2):
		s.line("  %s: %s list out(%q)", node, strategy, lists[0])
	case len(started) > 0:
		var outs []string
		for _, n := range started {
			outs = append(outs, fmt.Sprintf("out(%q)", n))
		}
		s.line("  %s: %s %s", node, strategy, strings.Join(outs, ", "))
	default:
		s.line("  %s: NOP", node)
		return
	}
	if s.maybe("each", 2) {
		s.line("    each on any -> %s", rapid.SampledFrom(handlerThreads).Draw(s.t, "each handler"))
	}
}

func (s *specWriter) userTask(node string) {
	s.line("  %s: USER_TASK form %s%s", node, rapid.SampledFrom([]string{
		"user=\"ana\"", "group=\"jedi\"", "user=\"ana\" group=\"jedi\"", "user=n",
	}).Draw(s.t, "owner"), rapid.SampledFrom([]string{"", " cancelled=\"biz\"", " cancelled=n"}).Draw(s.t, "cancelled"))
	for range s.choose("actions", 3) {
		s.line("    %s %d %s", rapid.SampledFrom([]string{"after", "assigned"}).Draw(s.t, "hook"), s.choose("delay", 20),
			rapid.SampledFrom([]string{"CANCEL", "TASK t0()", "REASSIGN group=\"jedi\"", "REASSIGN user=\"bo\"", `REASSIGN user=path(list,"$.x")+1`}).Draw(s.t, "action"))
	}
}

func (s *specWriter) handlers() {
	if s.maybe("handler", 3) {
		s.line("    on %s -> %s", rapid.SampledFrom([]string{"any", "any-error", "biz", "TASK_ERROR", "VAR_ERROR", "USER_TASK_CANCELLED"}).Draw(s.t, "catches"),
			rapid.SampledFrom(handlerThreads).Draw(s.t, "handler"))
	}
}

// edges sends a thread on, sometimes back, sometimes with a mutation that fails.
func (s *specWriter) edges(name string, i, count int) {
	next := fmt.Sprintf("%s%d", name, i+1)
	switch s.choose("edge", 6) {
	case 0:
		s.line("    -> %s { n += 1 }", next)
	case 1:
		if i > 0 {
			s.line("    -> %s%d if n < 3 { n += 1 }", name, s.choose("back", i))
		}
		s.line("    -> %s", next)
	case 2:
		s.line("    -> %s if n == 1.0", next)
	default:
		s.line("    -> %s", next)
	}
}

// TestInheritedConditionsInAnyOrder changes a Variable from the WfRun that has it and from those that inherit it, in any order, and
// wants every event that comes to a WfRun to leave nobody waiting in it whose condition holds by then.
//
// covers: engine-2 §9 WAIT_FOR_CONDITION; engine-2 §12
func TestInheritedConditionsInAnyOrder(t *testing.T) {
	const waits = "thread main\n var n INT inherited\n a: START one\n b: START sets\n c: START two\n" +
		"thread one\n at2: CONDITION n >= 2\n at5: CONDITION n >= 5\n e: EVENT other\n" +
		"thread two\n at3: CONDITION n >= 3\n at4: CONDITION n >= 4\n e: EVENT other\n" +
		"thread sets\n e: EVENT set\n x: NOP\n  -> e { n += 1 }"
	rapid.Check(t, func(t *rapid.T) {
		c := engine.DefaultConfig()
		c.FanOutChunk = rapid.SampledFrom([]int{1, 2, 64}).Draw(t, "fan-out chunk")
		w := newWorld(c)
		w.each = func(before map[keys.Key][]byte, r *pb.Record, fx machine.Effects) { judge(t, w, before, r, fx) }
		for _, name := range []string{"go", "set", "other", "stay"} {
			w.meta.next().events[name] = &lhpb.ExternalEventDef{Id: &lhpb.ExternalEventDefId{Name: name}}
		}
		for i, text := range []string{
			"thread main\n var n INT public = 0\n e: EVENT go\n x: NOP\n  -> e { n += 1 }",
			"parent spec0\nthread main\n var n INT inherited\n e: EVENT stay",
			"parent spec0\n" + waits,
			"parent spec1\n" + waits,
		} {
			if _, err := w.meta.put(specScript(fmt.Sprintf("spec%d", i), text)); err != nil {
				t.Fatal(err)
			}
		}
		for _, start := range [][2]string{{"p", "spec0"}, {"p_m", "spec1"}, {"p_a", "spec2"}, {"p_b", "spec2"}, {"p_m_l", "spec3"}} {
			id := lh.ParseWfRunID(start[0])
			w.do(&pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{
				WfSpecId: w.meta.latest().newest(start[1], -1).Spec.Id,
				Request:  &lhpb.RunWfRequest{WfSpecName: start[1], Id: &id.Id, ParentWfRunId: id.ParentWfRunId},
			}}})
		}
		for range rapid.IntRange(1, 25).Draw(t, "commands") {
			name := rapid.SampledFrom([]string{"p", "p_a", "p_b", "p_m_l"}).Draw(t, "run")
			id, thread := lh.ParseWfRunID(name), rapid.Int32Range(0, 3).Draw(t, "thread")
			r := &pb.Record{}
			switch what := rapid.SampledFrom([]string{"go", "go", "set", "stay", "stay", "stop", "resume"}).Draw(t, "command"); what {
			case "stop":
				r.Command = &pb.Record_StopWfRun{StopWfRun: &lhpb.StopWfRunRequest{WfRunId: id, ThreadRunNumber: thread}}
			case "resume":
				r.Command = &pb.Record_ResumeWfRun{ResumeWfRun: &lhpb.ResumeWfRunRequest{WfRunId: id, ThreadRunNumber: thread}}
			default:
				r.Command = &pb.Record_PutExternalEvent{PutExternalEvent: &lhpb.PutExternalEventRequest{
					WfRunId: id, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: what},
				}}
			}
			w.do(r)
			if r.GetPutExternalEvent() != nil {
				w.nobodyWaitsInVain(t, name)
			}
		}
	})
}

// nobodyWaitsInVain wants the Variable to be below what those wait for that stand at a node named for it.
func (w *world) nobodyWaitsInVain(t *rapid.T, name string) {
	n := get[lhpb.Variable](w, run("p").Variable(0, "n")).Value.GetInt()
	kind := run(name).Kind(keys.KindThreadRun)
	for _, thread := range machine.Scan[lhpb.ThreadRun](w.state, kind, kind.End(), 10) {
		var bound int64
		node := w.node(name, thread.Number, thread.CurrentNodePosition)
		if _, err := fmt.Sscanf(node.NodeName, "at%d", &bound); err == nil && thread.Status == lhpb.LHStatus_RUNNING && n >= bound {
			t.Fatalf("ThreadRun %d of %s waits for %d, and it is %d", thread.Number, name, bound, n)
		}
	}
}
