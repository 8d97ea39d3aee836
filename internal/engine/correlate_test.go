package engine_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"littlehorse/internal/engine"
	"littlehorse/internal/engine/check"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// partitioned is several partitions of one cluster. What they emit reaches its target in order, when the test says
// so.
type partitioned struct {
	parts []*world
	under map[way][]*pb.Record
	sent  int
}

// way is from one partition to another.
type way struct{ from, to int }

func newPartitioned(t failer, partitions int, specs ...string) *partitioned {
	c := engine.DefaultConfig()
	c.Partitions, c.CorrelateChunk, c.DeleteChunk = partitions, 2, 3
	p := &partitioned{under: map[way][]*pb.Record{}}
	meta := newMetadata()
	d := meta.next()
	d.taskDefs["t"] = &lhpb.TaskDef{Id: &lhpb.TaskDefId{Name: "t"}}
	for _, name := range []string{"once", "often"} {
		d.events[name] = &lhpb.ExternalEventDef{
			Id:                    &lhpb.ExternalEventDefId{Name: name},
			CorrelatedEventConfig: &lhpb.CorrelatedEventConfig{DeleteAfterFirstCorrelation: name == "once"},
		}
	}
	for i, text := range specs {
		if _, err := meta.put(specScript(fmt.Sprintf("spec%d", i), text)); err != nil {
			t.Fatalf("%v", err)
		}
	}
	for range partitions {
		w := &world{meta: meta, engine: engine.New(meta, c), config: c, state: newSharedState()}
		w.each = func(before map[keys.Key][]byte, r *pb.Record, fx machine.Effects) { judge(t, w, before, r, fx) }
		p.parts = append(p.parts, w)
	}
	return p
}

// apply gives a record to a partition and puts what it emits on its way.
func (p *partitioned) apply(at int, r *pb.Record) machine.Effects {
	w := p.parts[at]
	p.sent++
	if r.Header == nil {
		r.Header = w.header()
		r.Header.RequestId = fmt.Appendf(nil, "request %d", p.sent)
	}
	r.Header.AtNs = w.nowNs
	fx := w.apply(r)
	for _, e := range fx.Emit {
		to := at
		if e.To != (machine.Stream{}) {
			to = int(e.To.Partition)
		}
		k := way{at, to}
		p.under[k] = append(p.under[k], e.Record)
	}
	return fx
}

// command sends a record to the partition of its key.
func (p *partitioned) command(key string, r *pb.Record) machine.Effects {
	return p.apply(int(machine.PartitionOf(tenant, key, len(p.parts))), r)
}

// ways are those on which something is under way, in order.
func (p *partitioned) ways() (out []way) {
	for from := range p.parts {
		for to := range p.parts {
			if len(p.under[way{from, to}]) > 0 {
				out = append(out, way{from, to})
			}
		}
	}
	return out
}

func (p *partitioned) deliver(k way) {
	r := p.under[k][0]
	p.under[k] = p.under[k][1:]
	p.apply(k.to, r)
}

// settle delivers everything.
func (p *partitioned) settle() {
	for {
		ways := p.ways()
		if len(ways) == 0 {
			return
		}
		p.deliver(ways[0])
	}
}

// fireDue fires what is due in a partition.
func (p *partitioned) fireDue(at int) {
	w := p.parts[at]
	for {
		k, due, ok := w.nextTimer()
		if !ok || due > w.nowNs {
			return
		}
		p.apply(at, &pb.Record{Command: &pb.Record_TimerFired{TimerFired: &pb.TimerFired{Key: []byte(k)}}})
	}
}

func (p *partitioned) atRest(t failer) {
	views := make([]machine.View, 0, len(p.parts))
	for _, w := range p.parts {
		views = append(views, w.state)
	}
	if found := check.Correlations(views); len(found) > 0 {
		t.Fatalf("at rest: %v", found)
	}
	for n, w := range p.parts {
		if err := w.replay(); err != nil {
			t.Fatalf("replay of partition %d: %v", n, err)
		}
	}
}

func (p *partitioned) run(spec int, id, key string) {
	name := fmt.Sprintf("spec%d", spec)
	p.command(id, &pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{
		WfSpecId: p.parts[0].meta.latest().newest(name, -1).Spec.Id,
		Request:  &lhpb.RunWfRequest{WfSpecName: name, Id: &id, Variables: map[string]*lhpb.VariableValue{"k": value.Str(key)}},
	}}})
}

func (p *partitioned) put(def, key string) machine.Effects {
	return p.command(key, &pb.Record{Command: &pb.Record_PutCorrelatedEvent{PutCorrelatedEvent: &lhpb.PutCorrelatedEventRequest{
		Key: key, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: def}, Content: value.Int(1),
	}}})
}

func (p *partitioned) remove(def, key string) {
	p.command(key, &pb.Record{Command: &pb.Record_DeleteCorrelatedEvent{DeleteCorrelatedEvent: &lhpb.DeleteCorrelatedEventRequest{
		Id: &lhpb.CorrelatedEventId{Key: key, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: def}},
	}}})
}

// Whatever WfRuns and clients do, and whenever records reach other partitions: when all have arrived, exactly those
// who wait are registered, nobody waits for what is there, and a replay gives the same bytes.
//
// covers: operations §6 keys
func TestCorrelationAcrossPartitions(t *testing.T) {
	specs := []string{
		"thread main\n var k STR\n ev: EVENT once key=k timeout=5",
		"thread main\n var k STR\n s: START kid\n a: TASK t()\nthread kid\n ev: EVENT often key=k",
		"thread main\n var k STR\n a: START one\n b: START two\n w: WAIT_FIRST out(\"a\"), out(\"b\")\n" +
			"thread one\n ev: EVENT once key=k\nthread two\n ev: EVENT often key=k",
	}
	rapid.Check(t, func(t *rapid.T) {
		p := newPartitioned(t, 3, specs...)
		run := func() string { return fmt.Sprintf("w%d", rapid.IntRange(0, 5).Draw(t, "run")) }
		key := func() string { return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key") }
		def := func() string { return rapid.SampledFrom([]string{"once", "often"}).Draw(t, "def") }
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 13).Draw(t, "step") {
			case 0, 1, 2:
				p.run(rapid.IntRange(0, len(specs)-1).Draw(t, "spec"), run(), key())
			case 3, 4:
				p.put(def(), key())
			case 5:
				p.remove(def(), key())
			case 6:
				id := run()
				p.command(id, &pb.Record{Command: &pb.Record_StopWfRun{StopWfRun: &lhpb.StopWfRunRequest{
					WfRunId: lh.ParseWfRunID(id), ThreadRunNumber: rapid.Int32Range(0, 2).Draw(t, "thread"),
				}}})
			case 7:
				id := run()
				p.command(id, &pb.Record{Command: &pb.Record_ResumeWfRun{ResumeWfRun: &lhpb.ResumeWfRunRequest{
					WfRunId: lh.ParseWfRunID(id), ThreadRunNumber: rapid.Int32Range(0, 2).Draw(t, "thread"),
				}}})
			case 8:
				id := run()
				p.command(id, &pb.Record{Command: &pb.Record_DeleteWfRun{DeleteWfRun: &lhpb.DeleteWfRunRequest{Id: lh.ParseWfRunID(id)}}})
			case 9:
				id := run()
				p.command(id, &pb.Record{Command: &pb.Record_PutExternalEvent{PutExternalEvent: &lhpb.PutExternalEventRequest{
					WfRunId: lh.ParseWfRunID(id), ExternalEventDefId: &lhpb.ExternalEventDefId{Name: def()},
				}}})
			case 10:
				p.failTask(run())
			case 11:
				id := run()
				p.command(id, &pb.Record{Command: &pb.Record_RescueThreadRun{RescueThreadRun: &lhpb.RescueThreadRunRequest{WfRunId: lh.ParseWfRunID(id)}}})
			case 12:
				at := rapid.IntRange(0, len(p.parts)-1).Draw(t, "partition")
				p.parts[at].nowNs += 3 * 1_000_000_000
				p.fireDue(at)
			default:
				for range rapid.IntRange(1, 4).Draw(t, "deliveries") {
					if ways := p.ways(); len(ways) > 0 {
						p.deliver(rapid.SampledFrom(ways).Draw(t, "way"))
					}
				}
			}
		}
		p.settle()
		p.atRest(t)
	})
}

// failTask fails the first task of a WfRun, if it waits to be claimed.
func (p *partitioned) failTask(run string) {
	id := &lhpb.TaskRunId{WfRunId: lh.ParseWfRunID(run), TaskGuid: "0-2"}
	p.command(run, &pb.Record{Command: &pb.Record_ClaimTask{ClaimTask: &pb.ClaimTask{TaskRunId: id, Credit: credit}}})
	p.command(run, &pb.Record{Command: &pb.Record_ReportTask{ReportTask: &pb.ReportTask{Report: &lhpb.ReportTaskRun{
		TaskRunId: id, Status: lhpb.TaskStatus_TASK_FAILED,
		Result: &lhpb.ReportTaskRun_Error{Error: &lhpb.LHTaskError{Type: lhpb.LHErrorType_TASK_FAILURE, Message: "broken"}},
	}}}})
}

// A WfRun that is gone when its event arrives leaves the event behind, and nobody is registered.
func TestAnEventForAWfRunThatIsGoneIsKept(t *testing.T) {
	p := newPartitioned(t, 3, "thread main\n var k STR\n ev: EVENT once key=k timeout=5")
	home := int(machine.PartitionOf(tenant, "w", 3))
	key := "k"
	for int(machine.PartitionOf(tenant, key, 3)) == home {
		key += "k"
	}
	p.run(0, "w", key)
	p.settle()
	made := p.put("once", key).Reply.Value.(*lhpb.CorrelatedEvent).ExternalEvents
	if len(made) != 1 {
		t.Fatalf("%d events were made", len(made))
	}
	p.command("w", &pb.Record{Command: &pb.Record_StopWfRun{StopWfRun: &lhpb.StopWfRunRequest{WfRunId: lh.ParseWfRunID("w")}}})
	p.command("w", &pb.Record{Command: &pb.Record_DeleteWfRun{DeleteWfRun: &lhpb.DeleteWfRunRequest{Id: lh.ParseWfRunID("w")}}})
	for len(p.under[way{home, home}]) > 0 {
		p.deliver(way{home, home})
	}
	p.settle()
	p.atRest(t)
	if e := get[lhpb.ExternalEvent](p.parts[home], run("w").ExternalEvent("once", made[0].Guid)); e == nil || e.Claimed {
		t.Errorf("the event is %v", e)
	}
}

// An event that reaches a later WfRun of the same id ends its wait, too, and nobody stays registered for it: the next event
// would be spent on him.
func TestAnEventForAnEarlierWfRunLeavesNobodyRegistered(t *testing.T) {
	p := newPartitioned(t, 3, "thread main\n var k STR\n ev: EVENT once key=k timeout=5")
	home := int(machine.PartitionOf(tenant, "w", 3))
	key := "k"
	for int(machine.PartitionOf(tenant, key, 3)) == home {
		key += "k"
	}
	keys := int(machine.PartitionOf(tenant, key, 3))
	p.run(0, "w", key)
	p.settle()
	p.put("once", key)
	p.command("w", &pb.Record{Command: &pb.Record_StopWfRun{StopWfRun: &lhpb.StopWfRunRequest{WfRunId: lh.ParseWfRunID("w")}}})
	p.command("w", &pb.Record{Command: &pb.Record_DeleteWfRun{DeleteWfRun: &lhpb.DeleteWfRunRequest{Id: lh.ParseWfRunID("w")}}})
	for len(p.under[way{home, home}]) > 0 {
		p.deliver(way{home, home})
	}
	p.run(0, "w", key)
	for _, from := range []int{home, keys} {
		for k := (way{from, keys + home - from}); len(p.under[k]) > 0; {
			p.deliver(k)
		}
	}
	if w := get[pb.WfRunRow](p.parts[home], run("w").WfRun()); w.GetWfRun().GetStatus() != lhpb.LHStatus_COMPLETED {
		t.Fatalf("the later WfRun is %v", w.GetWfRun().GetStatus())
	}
	p.settle()
	p.atRest(t)
}

// Who comes while the others are still being served with an event that they use up does not get it.
func TestALateComerMissesASpentEvent(t *testing.T) {
	p := newPartitioned(t, 1, "thread main\n var k STR\n ev: EVENT once key=k")
	for n := range 5 {
		p.run(0, fmt.Sprintf("w%d", n), "a")
	}
	p.settle()
	p.put("once", "a")
	p.run(0, "w9", "a") // behind the first of three records that serve
	p.settle()
	p.atRest(t)
	for n := range 5 {
		if s := p.parts[0].wfRun(fmt.Sprintf("w%d", n)).Status; s != lhpb.LHStatus_COMPLETED {
			t.Errorf("w%d waited and is %s", n, s)
		}
	}
	if s := p.parts[0].wfRun("w9").Status; s != lhpb.LHStatus_RUNNING {
		t.Errorf("w9 came late and is %s", s)
	}
	if fx := p.put("once", "a"); len(fx.Reply.Value.(*lhpb.CorrelatedEvent).ExternalEvents) != 1 {
		t.Errorf("the next event is %v", fx.Reply)
	}
}

// Registrations that are missing, or too many, are found.
func TestCheckFindsWrongRegistrations(t *testing.T) {
	p := newPartitioned(t, 1, "thread main\n var k STR\n ev: EVENT once key=k timeout=5")
	p.run(0, "w", "a")
	p.settle()
	s := p.parts[0].state
	c := keys.In(tenant).Correlation("once", "a")
	n := &lhpb.NodeRunId{WfRunId: lh.ParseWfRunID("w"), Position: 1}
	other := &lhpb.NodeRunId{WfRunId: lh.ParseWfRunID("x"), Position: 1}
	for name, wrong := range map[string]*sharedState{
		"missing":           s.without(c.Waiting(n)),
		"too many":          s.with(c.Waiting(other), &pb.WaitingRow{}),
		"waits for nothing": s.with(c.Event(), &pb.CorrelatedEventRow{CorrelatedEvent: &lhpb.CorrelatedEvent{}}),
		"work stands still": s.with(keys.In(tenant).Correlation("once", "b").Event(), &pb.CorrelatedEventRow{Spent: true}),
	} {
		if len(check.Correlations([]machine.View{wrong})) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
	if found := check.Correlations([]machine.View{s}); len(found) > 0 {
		t.Error(found)
	}
}
