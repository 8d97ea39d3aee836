package engine_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"littlehorse/internal/engine"
	"littlehorse/internal/engine/check"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

const (
	eventChildren = "thread child\n e: EVENT go\n  -> bad if out(\"e\") == 1\n  -> exit\n bad: EXIT fail biz \"bad\"\n exit: EXIT"
	taskChildren  = "thread child\n a: TASK t() timeout=100000\n b: TASK t()"
	wideList      = "thread main\n var list JSON_ARR = json(\"[1,2,3,4,5,6,7,8,9]\")\n many: START_MANY child over list\n "
)

// deed is a command of a test, by name.
type deed struct {
	what   string
	thread int32
}

func (w *world) deed(d deed) *pb.Record {
	id := lh.ParseWfRunID("w")
	switch d.what {
	case "stop":
		return &pb.Record{Command: &pb.Record_StopWfRun{StopWfRun: &lhpb.StopWfRunRequest{WfRunId: id, ThreadRunNumber: d.thread}}}
	case "resume":
		return &pb.Record{Command: &pb.Record_ResumeWfRun{ResumeWfRun: &lhpb.ResumeWfRunRequest{WfRunId: id, ThreadRunNumber: d.thread}}}
	case "rescue":
		return &pb.Record{Command: &pb.Record_RescueThreadRun{RescueThreadRun: &lhpb.RescueThreadRunRequest{WfRunId: id, ThreadRunNumber: d.thread}}}
	case "delete":
		return &pb.Record{Command: &pb.Record_DeleteWfRun{DeleteWfRun: &lhpb.DeleteWfRunRequest{Id: id}}}
	case "claim":
		return claimed("w", int(d.thread))
	case "report":
		return reported("w", int(d.thread), lhpb.TaskStatus_TASK_SUCCESS)
	case "report failure":
		return reported("w", int(d.thread), lhpb.TaskStatus_TASK_FAILED)
	case "go all":
		return &pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: &lhpb.PutExternalEventRequest{
			WfRunId: id, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "go"}, Guid: new(fmt.Sprintf("for %d", d.thread)),
		}}}
	case "go", "go badly":
		e := &lhpb.PutExternalEventRequest{
			WfRunId: id, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "go"}, ThreadRunNumber: &d.thread,
			Guid: new(fmt.Sprintf("%s %d", d.what, d.thread)),
		}
		if d.what == "go badly" {
			e.Content = literal("1")
		}
		return &pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: e}}
	case "assign":
		return &pb.Record{Command: &pb.Record_AssignUserTaskRun{AssignUserTaskRun: &lhpb.AssignUserTaskRunRequest{
			UserTaskRunId: form(id, d.thread), UserId: new("bo"), OverrideClaim: true,
		}}}
	case "save":
		return &pb.Record{Command: &pb.Record_SaveUserTaskRunProgress{SaveUserTaskRunProgress: &lhpb.SaveUserTaskRunProgressRequest{
			UserTaskRunId: form(id, d.thread), UserId: "bo", Policy: lhpb.SaveUserTaskRunProgressRequest_IGNORE_CLAIM,
		}}}
	case "complete":
		return &pb.Record{Command: &pb.Record_CompleteUserTaskRun{CompleteUserTaskRun: &lhpb.CompleteUserTaskRunRequest{
			UserTaskRunId: form(id, d.thread), UserId: "bo",
		}}}
	case "cancel":
		return &pb.Record{Command: &pb.Record_CancelUserTaskRun{CancelUserTaskRun: &lhpb.CancelUserTaskRunRequest{UserTaskRunId: form(id, d.thread)}}}
	default:
		panic(d.what)
	}
}

// form is the UserTaskRun of the first node of the ThreadRun.
func form(id *lhpb.WfRunId, thread int32) *lhpb.UserTaskRunId {
	return &lhpb.UserTaskRunId{WfRunId: id, UserTaskGuid: fmt.Sprintf("%d-1", thread)}
}

// shape is a WfRun, and what is done to it.
type shape struct {
	spec string
	do   []deed
}

// shapes are WfRuns with many ThreadRuns below one, and what is done to them.
var shapes = map[string]shape{
	"stop and resume": {
		wideList + aboveWaitAll + "\n" + eventChildren,
		[]deed{{"go", 1}, {"stop", 0}, {"go", 3}, {"resume", 0}, {"go badly", 9}},
	},
	"stop above tasks": {
		wideList + aboveExit + "\n" + taskChildren,
		[]deed{{"claim", 2}, {"claim", 8}, {"stop", 0}, {"report", 8}, {"report", 2}, {"resume", 0}, {"claim", 1}, {"claim", 9}},
	},
	"stop twice": {
		wideList + aboveWaitAll + "\n" + eventChildren,
		[]deed{{"stop", 5}, {"stop", 0}, {"resume", 0}, {"stop", 0}, {"resume", 5}, {"resume", 0}, {"go", 5}},
	},
	"interrupt": {
		"thread main\n interrupt go -> cope\n" + wideList[len("thread main\n"):] + aboveWaitAll + "\nthread child\n s: SLEEP 10\nthread cope\n a: TASK t()",
		[]deed{{"go", 0}, {"stop", 0}, {"resume", 0}, {"claim", 10}, {"report", 10}},
	},
	"any":   {wideList + aboveWaitAny + "\n a: TASK t()\n" + eventChildren, []deed{{"go badly", 2}, {"go", 4}, {"go", 9}, {"stop", 0}, {"resume", 0}, {"claim", 0}}},
	"first": {wideList + aboveWaitFirst + "\n a: TASK t()\n" + eventChildren, []deed{{"go badly", 7}, {"go", 9}}},
	"first, handled": {
		wideList + aboveWaitFirst + "\n  on any -> cope\n a: TASK t()\n" + eventChildren + "\nthread cope\n n: NOP",
		[]deed{{"go badly", 7}, {"go", 9}, {"stop", 0}, {"resume", 0}},
	},
	"failure": {wideList + aboveWaitAll + "\n" + eventChildren, []deed{{"go badly", 5}, {"go", 8}, {"delete", 0}}},
	"failure and rescue": {
		wideList + "w: WAIT_ALL list out(\"many\")\n" + taskChildren,
		[]deed{{"claim", 5}, {"claim", 8}, {"report failure", 5}, {"report", 8}, {"rescue", 5}},
	},
	"failures at an exit": {
		wideList + aboveExit + "\n" + eventChildren,
		[]deed{{"go badly", 9}, {"go badly", 1}, {"go badly", 2}, {"go", 3}, {"go badly", 4}, {"go", 5}, {"go badly", 6}, {"go", 7}, {"go badly", 8}},
	},
	"conditions": {
		"thread main\n var x INT = 0\n" + wideList[len("thread main\n"):] + "e: EVENT go\n n: NOP\n  -> f { x += 1 }\n f: EVENT go\n m: NOP\n  -> w { x += 1 }\n" + aboveWaitAll +
			"\nthread child\n c: CONDITION x > 0\n a: TASK t()\n d: CONDITION x > 1",
		[]deed{{"stop", 4}, {"go", 0}, {"claim", 2}, {"resume", 4}, {"report", 2}, {"claim", 9}, {"go", 0}, {"report", 9}},
	},
	"conditions that change it": {
		"thread main\n var x INT = 0\n" + wideList[len("thread main\n"):] + "e: EVENT go\n n: NOP\n  -> w { x += 1 }\n" + aboveWaitAll +
			"\nthread child\n c: CONDITION x > 0\n n: NOP\n  -> d { x += 1 }\n d: CONDITION x >= 10",
		[]deed{{"stop", 9}, {"go", 0}, {"resume", 9}},
	},
	"waits for one": {
		"thread main\n c: START leaf\n" + wideList[len("thread main\n"):] + aboveWaitAll + "\nthread leaf\n e: EVENT go\nthread child\n w: WAIT_ALL 1",
		[]deed{{"stop", 5}, {"go", 1}, {"resume", 5}},
	},
	"an event meanwhile": {
		wideList + aboveWaitAll + "\n" + eventChildren,
		[]deed{{"stop", 0}, {"go all", 1}, {"go all", 2}, {"resume", 0}, {"go all", 3}, {"stop", 5}, {"go all", 4}},
	},
	"below a child": {
		"thread main\n c: START middle\n e: EVENT go\n w: WAIT_ALL out(\"c\")\nthread middle\n" + wideList[len("thread main\n"):] + aboveExit + "\n" + eventChildren,
		[]deed{{"stop", 0}, {"resume", 0}, {"go badly", 4}, {"stop", 1}, {"go", 0}, {"resume", 1}, {"go", 6}},
	},
}

func shapedWorld(t *testing.T, spec string, atOnce bool) *world {
	c := engine.DefaultConfig()
	c.InlineThreads = 2
	if !atOnce {
		c.FanOutChunk = 1
	}
	w := newTestWorld(t, c, spec)
	w.each = nil
	w.do(w.start("spec0", "w", 9))
	return w
}

// uncertain are WfRuns that may end otherwise in parts: an event interrupts many, children fail as they go on, or get other numbers.
var uncertain = map[string]shape{
	"children of many": {
		wideList + "e: EVENT go\n x: EXIT fail biz \"bad\"\nthread child\n c: START leaf\n e: EVENT go\nthread leaf\n e: EVENT go",
		[]deed{{"stop", 0}, {"go", 3}, {"resume", 0}, {"stop", 2}, {"go", 2}, {"resume", 2}, {"go", 0}},
	},
	"forms": {
		wideList + aboveWaitAll + "\nthread child\n f: USER_TASK form user=\"ana\"",
		[]deed{{"stop", 0}, {"assign", 9}, {"save", 8}, {"complete", 7}, {"cancel", 6}, {"save", 9}, {"resume", 0}, {"cancel", 9}, {"assign", 5}},
	},
	"an event for all": {
		wideList + aboveExit + "\nthread child\n interrupt go -> cope\n a: TASK t() timeout=100000\n s: SLEEP 1000\nthread cope\n a: TASK t() timeout=100000",
		[]deed{{"go all", 1}, {"claim", 10}, {"go all", 2}, {"report", 10}, {"stop", 0}, {"go all", 3}, {"resume", 0}},
	},
}

// TestHaltsInPartsEndAsAtOnce does the same to WfRuns of which a record may move but one ThreadRun and of which it may move all, and
// wants the same to come of it.
//
// covers: engine-2 §6 parent_halted; engine-2 §6 halted_by_parent; engine-2 §9 WAIT_FOR_ANY; engine-2 §9 WAIT_FOR_FIRST
func TestHaltsInPartsEndAsAtOnce(t *testing.T) {
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) {
			atOnce, inParts := shapedWorld(t, shape.spec, true), shapedWorld(t, shape.spec, false)
			for _, d := range shape.do {
				one, other := atOnce.do(atOnce.deed(d)), inParts.do(inParts.deed(d))
				if (one.Reply.Err == nil) != (other.Reply.Err == nil) {
					t.Fatalf("%v: at once %v, in parts %v", d, one.Reply.Err, other.Reply.Err)
				}
				was, is := publicState(atOnce), publicState(inParts)
				for i := range max(len(was), len(is)) {
					if i >= len(was) || i >= len(is) || was[i] != is[i] {
						t.Fatalf("after %v\nat once:  %q\nin parts: %q", d, was[min(i, len(was)):], is[min(i, len(is)):])
					}
				}
				inParts.mustBeSound(t, d)
			}
		})
	}
}

// TestCommandsBetweenTheParts lets each command come between any two of the records by which the one before it is carried
// out, and wants a sound state after each record, and the same end as one after the other where that is certain.
//
// covers: engine-2 §6 parent_halted; engine-2 §10
func TestCommandsBetweenTheParts(t *testing.T) {
	all := maps.Clone(shapes)
	maps.Copy(all, uncertain)
	for name, shape := range all {
		t.Run(name, func(t *testing.T) {
			for parts := range 14 {
				w := shapedWorld(t, shape.spec, false)
				if parts%2 == 1 { // what is published is read as the record ends
					w.meta.next().output = &lhpb.OutputTopicConfig{DefaultRecordingLevel: lhpb.OutputTopicConfig_ALL_ENTITY_EVENTS}
				}
				w.patient = true
				for _, d := range shape.do {
					w.do(w.deed(d))
					w.mustBeSound(t, d)
					for range parts {
						w.goOn()
						w.mustBeSound(t, d)
					}
				}
				for n := 0; len(w.goingOn) > 0; n++ {
					if n > 1_000 {
						t.Fatal("it goes on without end")
					}
					w.goOn()
				}
				w.mustBeSound(t, deed{"all", 0})
				if found := check.Quiet(w.state); len(found) > 0 {
					t.Fatal(found)
				}
			}
		})
	}
}

func (w *world) mustBeSound(t *testing.T, after deed) {
	t.Helper()
	if found := w.violations(w.state); len(found) > 0 {
		t.Fatalf("after %v: %v", after, found)
	}
}

// publicState is what clients see of the WfRun. How often a ThreadRun was halted for the same reason is not told.
func publicState(w *world) (out []string) {
	for _, k := range w.state.Keys() {
		p, err := keys.ParseRun(k)
		if err != nil || !slices.Contains([]keys.RunKind{
			keys.KindWfRun, keys.KindThreadRun, keys.KindNodeRun, keys.KindTaskRun, keys.KindExternalEvent, keys.KindInactive, keys.KindKin, keys.KindWaitBlock,
		}, p.Kind) {
			continue
		}
		v := decode(p.Kind, w.state.Bytes(k))
		if t, is := v.(*lhpb.ThreadRun); is {
			t.HaltReasons = slices.CompactFunc(t.HaltReasons, func(a, b *lhpb.ThreadHaltReason) bool { return proto.Equal(a, b) })
		}
		out = append(out, summary(v))
	}
	return out
}

// TestWhatIsLostIsMadeUpFor loses every record that goes on with others, as a server does that cannot read its state or
// panics, and wants the work to go on after a while all the same. One that was only late does nothing more.
//
// covers: engine-2 §6 parent_halted
func TestWhatIsLostIsMadeUpFor(t *testing.T) {
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) {
			w, want := shapedWorld(t, shape.spec, false), shapedWorld(t, shape.spec, false)
			var late []*pb.Record
			for _, d := range shape.do {
				want.do(want.deed(d))
				w.patient = true
				w.do(w.deed(d))
				for n := 0; len(w.goingOn) > 0; n++ {
					if n > 100 {
						t.Fatal("it goes on without end")
					}
					late, w.goingOn = append(late, w.goingOn...), nil
					w.mustBeSound(t, d)
					w.advance(31 * time.Second)
				}
				if found := check.Quiet(w.state); len(found) > 0 {
					t.Fatalf("after %v: %v", d, found)
				}
				if name == "interrupt" {
					return // it sleeps meanwhile
				}
				if is, was := publicState(w), publicState(want); !slices.Equal(is, was) {
					t.Fatalf("after %v: %q, but %q when nothing is lost", d, is, was)
				}
				w.patient = false
				for _, r := range late {
					if fx := w.do(r); len(fx.Changes) > 0 {
						t.Fatalf("%v turns up and changes %v", r, fx.Changes)
					}
				}
			}
		})
	}
}

// TestWhatCannotBeDoneIsTriedAgain has a fan-out go on whose next part stores more than a record may, as after a restart with a
// lower limit: neither the record nor its timer can do it, so it is tried again, until the limit is higher.
//
// covers: engine-2 §9 START_MULTIPLE_THREADS
func TestWhatCannotBeDoneIsTriedAgain(t *testing.T) {
	const children, started = 3_000, 2_500
	w := newTestWorld(t, engine.DefaultConfig(), "thread main\n var list JSON_ARR\n many: START_MANY child over list\nthread child\n t: TASK t()")
	w.each = nil
	w.patient = true
	usual, c := w.engine, engine.DefaultConfig()
	c.MaxRecordBytes = 4096 // the numbers of the children are one value
	w.do(w.start("spec0", "w", children))
	for w.wfRun("w").GreatestThreadrunNumber < started {
		w.goOn()
	}
	stands := w.wfRun("w").GreatestThreadrunNumber
	w.engine = engine.New(w.meta, c)
	w.goOn()
	if len(w.goingOn) > 0 {
		t.Fatal("it goes on although it may not")
	}
	for _, wait := range []time.Duration{31 * time.Second, 10 * time.Minute, 10 * time.Minute} {
		before := w.lostTimer(t)
		w.advance(wait)
		if after := w.lostTimer(t); after <= before || after <= w.nowNs {
			t.Fatalf("after %v the timer is due at %d, not after %d", wait, after, before)
		}
		if n := w.wfRun("w").GreatestThreadrunNumber; n != stands {
			t.Fatalf("%d ThreadRuns, %d before", n, stands)
		}
		w.mustBeSound(t, deed{"wait", 0})
	}
	w.engine, w.patient = usual, false
	w.advance(10 * time.Minute)
	if n := w.wfRun("w").GreatestThreadrunNumber; n != children {
		t.Errorf("%d ThreadRuns once the limit is higher", n)
	}
	w.mustBeSound(t, deed{"all", 0})
	if found := check.Quiet(w.state); len(found) > 0 {
		t.Error(found)
	}
}

// lostTimer is when the timer is due that takes up what a record has not done. There is one.
func (w *world) lostTimer(t *testing.T) (due int64) {
	t.Helper()
	n := 0
	for _, k := range w.state.Keys() {
		if k.Space() != keys.SpaceTimer || !awaitsLost(k) {
			continue
		}
		ns, err := keys.TimerDue(k)
		if err != nil {
			t.Fatal(err)
		}
		due = ns
		n++
	}
	if n != 1 {
		t.Fatalf("%d timers wait for what is lost", n)
	}
	return due
}

// TestAMigrationEndsWithItsRun lets a WfRun end, in which nobody was migrated, with more ThreadRuns than a record may glance at.
//
// covers: engine-2 §15 migrating
func TestAMigrationEndsWithItsRun(t *testing.T) {
	const flow = wideList + aboveWaitAll + "\nthread child\n t: TASK t()"
	w := shapedWorld(t, flow, false)
	w.patient = false
	if _, err := w.meta.put(specScript("spec0", flow+"\n u: TASK u()")); err != nil {
		t.Fatal(err)
	}
	to := w.meta.latest().newest("spec0", -1).Spec.Id
	plan, refusal := spec.PlanMigration(defs{w.meta.latest()}, &lhpb.PutWorkflowMigrationPlanRequest{
		Name: "p", OldWfSpec: &lhpb.WfSpecId{Name: "spec0"}, MajorVersion: to.MajorVersion, Revision: to.Revision,
		ThreadMigrations: map[string]*lhpb.ThreadMigrationPlanRequest{
			"main": {NewThreadName: "main", NodeMigrations: map[string]*lhpb.NodeMigrationPlan{"many": {NewNodeName: "many"}}},
		},
	})
	if refusal != nil {
		t.Fatal(refusal)
	}
	w.meta.next().plans["p"] = plan
	w.do(&pb.Record{Command: &pb.Record_ApplyWorkflowMigrationPlan{
		ApplyWorkflowMigrationPlan: &lhpb.ApplyWorkflowMigrationPlanRequest{WfRunId: lh.ParseWfRunID("w"), Id: &lhpb.WorkflowMigrationPlanId{Name: "p"}},
	}})
	for n := range int32(9) {
		w.do(w.deed(deed{"claim", n + 1}))
		w.do(w.deed(deed{"report", n + 1}))
		w.mustBeSound(t, deed{"report", n + 1})
	}
	if wf := w.wfRun("w"); wf.Status != lhpb.LHStatus_COMPLETED || wf.WorkflowMigrationPlanId != nil {
		t.Errorf("in the end: %v", wf)
	}
}
