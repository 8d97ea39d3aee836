package engine_test

import (
	"maps"
	"testing"

	"littlehorse/internal/engine"
	"littlehorse/internal/engine/check"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

func (w *world) violations(s *sharedState) []check.Violation {
	return check.State(s, func(string) engine.Specs { return w.meta.At(w.meta.version(), tenant) })
}

// without is the state without one row.
func (s *sharedState) without(k keys.Key) *sharedState {
	c := newSharedState()
	maps.Copy(c.rows, s.rows)
	c.sorted = *s.sorted.Copy()
	c.Commit([]machine.Change{{Key: k}})
	return c
}

// with is the state with one row more, or another in its place.
func (s *sharedState) with(k keys.Key, v machine.Value) *sharedState {
	c := s.without(k)
	c.Commit([]machine.Change{{Key: k, Value: v}})
	return c
}

// Each row that wakes something, or by which something is found, is missed when it is not there.
func TestCheckMissesWhatIsGone(t *testing.T) {
	w := newTestWorld(t, engine.DefaultConfig(),
		"thread main\n var s STR searchable = \"v\"\n c: START sleeps\n d: START retries\n e: EVENT go\n"+
			"thread sleeps\n s: SLEEP 10\n"+
			"thread retries\n a: TASK t() retries=1 backoff=1000,2,5000",
		"thread main\n a: TASK t()",
		"thread main\n c: START kid\n a: TASK u()\nthread kid\n b: TASK t()",
		"thread main\n f: USER_TASK form user=\"ana\" group=\"jedi\"",
		"retention 60\nthread main\n n: NOP")
	w.runSpec("spec0", "w0", nil)
	w.claimTask("w0", "2-1", 0)
	w.reportTask("w0", "2-1", 0, lhpb.TaskStatus_TASK_FAILED, nil)
	w.putEvent("elsewhere", nil)
	w.putEventFor("elsewhere", 7)
	w.runSpec("spec1", "w1", nil)
	w.claimTask("w1", "0-1", 0)
	w.runSpec("spec2", "w2", nil)
	w.schedule("spec1", "daily", "0 0 * * *")
	w.runSpec("spec3", "w3", nil)
	w.runSpec("spec4", "w4", nil)
	if found := w.violations(w.state); len(found) > 0 {
		t.Fatal(found)
	}
	for _, k := range w.state.Keys() {
		missed := k.Space() != keys.SpaceRun && k.Space() != keys.SpaceObject
		if p, err := keys.ParseRun(k); err == nil {
			missed = p.Kind == keys.KindUnclaimed || p.Kind == keys.KindReserved || p.Kind == keys.KindThreadRun || p.Kind == keys.KindTaskRun || p.Kind == keys.KindUserTaskRun
		}
		if missed && len(w.violations(w.state.without(k))) == 0 {
			t.Errorf("%q is gone and nobody minds", k)
		}
	}
}

// States that no record makes are told from those that one does.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	w := newTestWorld(t, engine.DefaultConfig(), "thread main\n c: START kid\n w: WAIT_ALL out(\"c\")\nthread kid\n e: EVENT go")
	w.runSpec("spec0", "w", nil)
	r := run("w")
	thread := func(n int32, change func(*lhpb.ThreadRun)) *sharedState {
		x := get[lhpb.ThreadRun](w, r.ThreadRun(n)).CloneVT()
		change(x)
		return w.state.with(r.ThreadRun(n), x)
	}
	row := get[pb.WfRunRow](w, r.WfRun())
	ended := row.CloneVT()
	ended.WfRun.Status = lhpb.LHStatus_COMPLETED
	uncounted := row.CloneVT()
	uncounted.Active = 1
	migrating := row.CloneVT()
	migrating.WfRun.WorkflowMigrationPlanId = &lhpb.WorkflowMigrationPlanId{Name: "p"}
	w.meta.next().plans["p"] = planTo(row.WfRun.WfSpecId, "main", "w")
	fannedOut := get[lhpb.NodeRun](w, r.NodeRun(0, 2)).CloneVT()
	fannedOut.NodeType = &lhpb.NodeRun_StartMultipleThreads{StartMultipleThreads: &lhpb.StartMultipleThreadsRun{}}
	for name, s := range map[string]*sharedState{
		"left of a migration":       w.state.with(r.WfRun(), overWith(row)),
		"left where it is":          w.state.with(r.WfRun(), migrating),
		"children left behind":      w.state.with(r.NodeRun(0, 2), fannedOut),
		"a list for nobody":         w.state.with(r.FanOut(0, 2), &pb.FanOut{}),
		"fans out nothing":          w.state.with(r.ToFanOut(0), &pb.Empty{}),
		"halted for nothing":        thread(1, func(x *lhpb.ThreadRun) { x.Status = lhpb.LHStatus_HALTED }),
		"halting for nothing":       thread(1, func(x *lhpb.ThreadRun) { x.Status = lhpb.LHStatus_HALTING }),
		"waits for what has failed": thread(1, func(x *lhpb.ThreadRun) { x.Status = lhpb.LHStatus_ERROR }),
		"no such NodeRun":           thread(1, func(x *lhpb.ThreadRun) { x.CurrentNodePosition = 7 }),
		"ended alone":               w.state.with(r.WfRun(), ended),
		"not counted":               w.state.with(r.WfRun(), uncounted),
		"a form for nobody": w.state.with(r.UserTaskRun("1-0"), &lhpb.UserTaskRun{
			Id: &lhpb.UserTaskRunId{WfRunId: row.WfRun.Id}, NodeRunId: &lhpb.NodeRunId{ThreadRunNumber: 1},
		}),
		"index row of nothing": w.state.with(keys.In(tenant).Tag(keys.TagTaskRun).Text("t").Int(1).
			Row(0, keys.TagID{WfRun: "w", Guid: "0-9"}), &pb.Empty{}),
	} {
		if len(w.violations(s)) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}

// A condition that holds while nobody looks, or depends on what nobody watches, is found; one that will be looked at is not.
func TestCheckEvaluatesConditions(t *testing.T) {
	w := newTestWorld(t, engine.DefaultConfig(),
		"thread main\n var x INT public = 0\n e: EVENT go",
		"parent spec0\nthread main\n var x INT inherited\n var y INT = 0\n c: CONDITION x > 0\n d: CONDITION y > 0",
		"thread main\n var y INT = 0\n c: START kid\nthread kid\n c: CONDITION y > 0")
	w.runSpec("spec0", "p", nil)
	w.do(&pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{
		WfSpecId: w.meta.latest().newest("spec1", -1).Spec.Id,
		Request:  &lhpb.RunWfRequest{WfSpecName: "spec1", Id: new("w"), ParentWfRunId: lh.ParseWfRunID("p")},
	}}})
	w.runSpec("spec2", "own", nil)
	above, below, own := run("p"), run("p_w"), run("own")
	is := func(r keys.Run, name string, v string) machine.Value {
		x := get[lhpb.Variable](w, r.Variable(0, name)).CloneVT()
		x.Value = literal(v)
		return x
	}
	changed, unheeded := get[pb.WfRunRow](w, above.WfRun()).CloneVT(), get[pb.WfRunRow](w, below.WfRun()).CloneVT()
	changed.Shared[0].Number++
	unheeded.Inherited = nil
	for name, c := range map[string]struct {
		state *sharedState
		sound bool
	}{
		"as they are":                             {w.state, true},
		"its own holds":                           {w.state.with(own.Variable(0, "y"), is(own, "y", "1")), false},
		"its own is watched by nobody":            {w.state.without(own.Watch(keys.VariableSubject(0, "y"), 1)), false},
		"an inherited one holds":                  {w.state.with(above.Variable(0, "x"), is(above, "x", "1")), false},
		"an inherited one holds since a change":   {w.state.with(above.Variable(0, "x"), is(above, "x", "1")).with(above.WfRun(), changed), true},
		"an inherited one is watched by nobody":   {w.state.without(below.Watch(keys.InheritedSubject("x"), 0)), false},
		"an inherited one is not compared at all": {w.state.with(below.WfRun(), unheeded), false},
	} {
		if found := w.violations(c.state); (len(found) == 0) != c.sound {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// planTo leads a node of a WfSpec to itself.
func planTo(spec *lhpb.WfSpecId, thread, node string) *lhpb.WorkflowMigrationPlan {
	return &lhpb.WorkflowMigrationPlan{
		WorkflowMigrationPlanId: &lhpb.WorkflowMigrationPlanId{Name: "p"}, OldWfSpec: spec, MajorVersion: spec.MajorVersion, Revision: spec.Revision,
		ThreadMigrations: map[string]*lhpb.ThreadMigrationPlan{thread: {
			NewThreadName: thread, NodeMigrations: map[string]*lhpb.NodeMigrationPlan{node: {NewNodeName: node}},
		}},
	}
}

// overWith is the row with something left of a migration.
func overWith(row *pb.WfRunRow) *pb.WfRunRow {
	out := row.CloneVT()
	out.Unmigrated = 2
	return out
}

func TestCheckFindsWhatNothingGoesOnWith(t *testing.T) {
	w := newTestWorld(t, engine.DefaultConfig(), "thread main\n e: EVENT go")
	w.runSpec("spec0", "w", nil)
	if found := check.Quiet(w.state); len(found) > 0 {
		t.Fatal(found)
	}
	id := &lhpb.CorrelatedEventId{Key: "k", ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "go"}}
	for name, s := range map[string]*sharedState{
		"cut short":        w.state.with(run("w").Continue("advance"), &pb.Suspended{}),
		"fans out":         w.state.with(run("w").ToFanOut(1), &pb.Empty{}),
		"share of a job":   w.state.with(keys.In(tenant).BulkShare("j"), &pb.BulkShare{}),
		"event being sent": w.state.with(keys.In(tenant).Correlation("go", "k").Event(), &pb.CorrelatedEventRow{CorrelatedEvent: &lhpb.CorrelatedEvent{Id: id}, Serving: true}),
	} {
		if len(check.Quiet(s)) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}

func TestCheckKnowsTheArrows(t *testing.T) {
	attempt := func(s lhpb.TaskStatus, worker string) *lhpb.TaskRun {
		return &lhpb.TaskRun{Id: &lhpb.TaskRunId{}, Attempts: []*lhpb.TaskAttempt{{Status: s, TaskWorkerId: worker, StartTime: literal("time(1)").GetUtcTimestamp()}}}
	}
	thread := func(s lhpb.LHStatus, position int32) *lhpb.ThreadRun {
		return &lhpb.ThreadRun{Status: s, CurrentNodePosition: position}
	}
	form := func(s lhpb.UserTaskRunStatus, epoch int32) *lhpb.UserTaskRun {
		return &lhpb.UserTaskRun{Id: &lhpb.UserTaskRunId{}, Status: s, Epoch: epoch, Events: make([]*lhpb.UserTaskEvent, epoch)}
	}
	node := func(s lhpb.LHStatus) *lhpb.NodeRun { return &lhpb.NodeRun{Id: &lhpb.NodeRunId{}, Status: s} }
	for name, c := range map[string]struct {
		before, after machine.Value
		allowed       bool
	}{
		"a task runs and ends":           {attempt(lhpb.TaskStatus_TASK_RUNNING, "a"), attempt(lhpb.TaskStatus_TASK_SUCCESS, "a"), true},
		"a task is handed out twice":     {attempt(lhpb.TaskStatus_TASK_RUNNING, "a"), attempt(lhpb.TaskStatus_TASK_RUNNING, "b"), false},
		"an ended task runs again":       {attempt(lhpb.TaskStatus_TASK_TIMEOUT, "a"), attempt(lhpb.TaskStatus_TASK_SUCCESS, "a"), false},
		"a thread is rescued":            {thread(lhpb.LHStatus_ERROR, 1), thread(lhpb.LHStatus_RUNNING, 2), true},
		"a thread is rescued in place":   {thread(lhpb.LHStatus_ERROR, 1), thread(lhpb.LHStatus_RUNNING, 1), false},
		"an exception is rescued":        {thread(lhpb.LHStatus_EXCEPTION, 1), thread(lhpb.LHStatus_RUNNING, 2), false},
		"a completed thread runs":        {thread(lhpb.LHStatus_COMPLETED, 1), thread(lhpb.LHStatus_RUNNING, 1), false},
		"a thread goes back":             {thread(lhpb.LHStatus_RUNNING, 2), thread(lhpb.LHStatus_RUNNING, 1), false},
		"an edge fails":                  {node(lhpb.LHStatus_COMPLETED), node(lhpb.LHStatus_ERROR), true},
		"a failed node runs":             {node(lhpb.LHStatus_ERROR), node(lhpb.LHStatus_RUNNING), false},
		"a completed node is halted":     {node(lhpb.LHStatus_COMPLETED), node(lhpb.LHStatus_HALTED), false},
		"a halted node goes on":          {node(lhpb.LHStatus_HALTED), node(lhpb.LHStatus_RUNNING), true},
		"a form goes back to a group":    {form(lhpb.UserTaskRunStatus_ASSIGNED, 1), form(lhpb.UserTaskRunStatus_UNASSIGNED, 2), true},
		"a completed form is cancelled":  {form(lhpb.UserTaskRunStatus_DONE, 1), form(lhpb.UserTaskRunStatus_CANCELLED, 1), false},
		"a form forgets":                 {form(lhpb.UserTaskRunStatus_ASSIGNED, 2), form(lhpb.UserTaskRunStatus_ASSIGNED, 1), false},
		"an object comes and goes":       {nil, node(lhpb.LHStatus_RUNNING), true},
		"a variable changes as it likes": {&lhpb.Variable{}, &lhpb.Variable{Value: literal("1")}, true},
	} {
		if found := check.Transition(c.before, c.after); (len(found) == 0) != c.allowed {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// A deletion ends what else would go on: that needs no timer any more, but the deletion does.
func TestCheckKnowsThatADeletionEndsTheRest(t *testing.T) {
	c := engine.DefaultConfig()
	c.InlineThreads, c.FanOutChunk, c.DeleteChunk = 2, 1, 1
	w := newTestWorld(t, c, shapes["failure"].spec)
	w.do(w.start("spec0", "w", 9))
	w.patient = true
	w.do(w.deed(deed{"go badly", 5}))
	rest := w.goingOn
	w.do(w.deed(deed{"delete", 0}))
	if len(rest) != 1 || len(w.goingOn) != 2 {
		t.Fatalf("it was to be halted and deleted in parts, but %v goes on", w.goingOn)
	}
	w.goOn()
	if found := w.violations(w.state); len(found) > 0 {
		t.Fatalf("when the rest has come: %v", found)
	}
	for _, k := range w.state.Keys() {
		if timer, err := keys.ParseTimer(k); err == nil && timer.Kind == keys.TimerLost {
			if found := w.violations(w.state.without(k)); len(found) == 0 {
				t.Errorf("not missed: %q", k)
			}
		}
	}
}
